"""Which parts of a dissection run side by side: whole subtrees first, then the nodes above them."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from separatrix.markov.nested.dissection import Dissection

Array: TypeAlias = NDArray[np.float64]
Index: TypeAlias = NDArray[np.int64]
Space = TypeVar("Space")

_PARTS = 12  # subtrees per thread, so that the last ones to finish are short
_ALONE = 10_000  # states below which a second thread costs more than it saves
_MOST_THREADS = 4


@dataclass(frozen=True)
class Task:
    """Nodes `begin`..`root` of a subtree, or the node `root` alone."""

    begin: int
    root: int


@dataclass(frozen=True)
class Schedule:
    """Waves of tasks that do not depend on each other, from the leaves to the root.

    Attributes
    ----------
    waves : the first holds subtrees, the others single nodes.
    threads : how many tasks run at once.
    """

    waves: tuple[tuple[Task, ...], ...]
    threads: int

    def upwards(self, run: Callable[[Task, Space], None], spaces: Callable[[], Space]) -> None:
        """Run every task, children before parents; each thread has its own space."""
        self._run(self.waves, run, spaces)

    def downwards(self, run: Callable[[Task, Space], None], spaces: Callable[[], Space]) -> None:
        """Run every task, parents before children."""
        self._run(self.waves[::-1], run, spaces)

    def _run(
        self,
        waves: tuple[tuple[Task, ...], ...],
        run: Callable[[Task, Space], None],
        spaces: Callable[[], Space],
    ) -> None:
        if self.threads == 1:
            only = spaces()
            for wave in waves:
                for task in wave:
                    run(task, only)
            return
        free: SimpleQueue[Space] = SimpleQueue()
        for _ in range(self.threads):
            free.put(spaces())

        def one(task: Task) -> None:
            space = free.get()
            try:
                run(task, space)
            finally:
                free.put(space)

        with ThreadPoolExecutor(self.threads) as pool:
            for wave in waves:
                list(pool.map(one, wave))


def schedule(tree: Dissection, cost: Array) -> Schedule:
    """Cut the tree so that no subtree is much of the whole work.

    Parameters
    ----------
    tree : the dissection.
    cost : work of each node, in any unit.
    """
    root = tree.left.size - 1
    few = tree.order.size < _ALONE
    threads = 1 if few else min(_MOST_THREADS, os.cpu_count() or 1)
    if threads == 1:
        return Schedule(((Task(0, root),),), 1)
    total = np.concatenate([[0.0], np.cumsum(cost)])
    weight = total[1:] - total[tree.start]
    limit = weight[root] / (_PARTS * threads)
    subtrees: list[Task] = []
    levels: list[list[Task]] = []
    nodes = [root]
    while nodes:
        heavy = [v for v in nodes if weight[v] > limit and tree.left[v] >= 0]
        subtrees += [Task(int(tree.start[v]), v) for v in nodes if v not in heavy]
        if heavy:
            levels.append([Task(v, v) for v in heavy])
        nodes = [int(c) for v in heavy for c in (tree.left[v], tree.right[v]) if c >= 0]
    subtrees.sort(key=lambda task: -float(weight[task.root]))
    return Schedule((tuple(subtrees), *(tuple(level) for level in levels[::-1])), threads)


def stack_peak(tree: Dissection, plan: Schedule, size: Index) -> int:
    """Most entries that any task has on its stack, when node v leaves ``size[v]`` there."""
    padded = np.append(size, 0)  # -1 is no child
    children = padded[tree.left] + padded[tree.right]
    after = np.cumsum(size - children)
    before = after - size + children
    peak = 0
    for task in plan.waves[0]:
        base = int(before[task.begin])
        highest = int((before + size)[task.begin : task.root + 1].max())
        peak = max(peak, highest - base)
    for wave in plan.waves[1:]:
        peak = max([peak, *(int(size[t.root] + children[t.root]) for t in wave)])
    return peak
