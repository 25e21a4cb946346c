"""Factors of a chain in nested-dissection order: memory stated first, then two threads over the tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import NotConverged
from separatrix.markov.banded import Breakdown
from separatrix.markov.memory import available_bytes, human_bytes
from separatrix.markov.nested.dissection import Dissection
from separatrix.markov.nested.fronts import PANEL, factor_nodes
from separatrix.markov.nested.schedule import Schedule, Task, schedule, stack_peak
from separatrix.markov.nested.substitution import substitute

Array: TypeAlias = NDArray[np.float64]
Index: TypeAlias = NDArray[np.int64]
Short: TypeAlias = NDArray[np.int32]

_NODE_COST = 500.0  # multiplications that a node costs before its first


@dataclass(frozen=True)
class Factors:
    """Factors of all nodes; the anchor is left over.

    Attributes
    ----------
    tree : the dissection.
    plan : what runs side by side.
    starts, store : where each node's factors start, and all of them.
    power_starts, powers : where each node's powers of two start, and all of them.
    widest : most states in a front.
    stack : most border entries that wait at once during a solve.
    anchor_rate, anchor_power : rate [1/s] at which the chain censored on the anchor dies,
        apart from its own deaths, as ``rate * 2**power``.
    """

    tree: Dissection
    plan: Schedule
    starts: Index
    store: Array
    power_starts: Index
    powers: Short
    widest: int
    stack: int
    anchor_rate: float
    anchor_power: int

    def up(self, value: Array, power: Index, *, transposed: bool, exact: bool) -> tuple[float, int]:
        """Eliminate the vector ``value * 2**power`` in place; returns what reaches the anchor."""
        tree = self.tree
        waiting: dict[int, tuple[Array, Index]] = {}

        def run(task: Task, space: _Room) -> None:
            filled = 0
            if task.begin == task.root:
                for child in (int(tree.left[task.root]), int(tree.right[task.root])):
                    if child in waiting:
                        given, given_power = waiting.pop(child)
                        space.stack[filled : filled + given.size] = given
                        space.stack_power[filled : filled + given.size] = given_power
                        filled += given.size
            filled = self._substitute(task, space, value, power, filled, True, transposed, exact)
            waiting[task.root] = space.stack[:filled].copy(), space.stack_power[:filled].copy()

        self.plan.upwards(run, self._room)
        given, given_power = waiting[tree.left.size - 1]
        return (float(given[0]), int(given_power[0])) if given.size else (0.0, 0)

    def down(self, value: Array, power: Index, *, transposed: bool, exact: bool) -> None:
        """Substitute back in place, from the entry of the anchor, which is the last one."""

        def run(task: Task, space: _Room) -> None:
            self._substitute(task, space, value, power, 0, False, transposed, exact)

        self.plan.downwards(run, self._room)

    def _substitute(
        self, task: Task, space: _Room, value: Array, power: Index, filled: int, upwards: bool,
        transposed: bool, exact: bool,
    ) -> int:  # fmt: skip
        tree = self.tree
        return substitute(
            task.begin, task.root + 1, upwards, transposed, exact, tree.first, tree.left,
            tree.right, tree.ends, tree.border, tree.into, self.starts, self.store,
            self.power_starts, self.powers, value, power, space.stack, space.stack_power, filled,
            PANEL, *space.local,
        )  # fmt: skip

    def _room(self) -> _Room:
        whole = [np.zeros(self.widest, dtype=np.int64) for _ in range(4)]
        broken = [np.zeros(self.widest) for _ in range(3)]
        return _Room(
            np.empty(self.stack),
            np.empty(self.stack, dtype=np.int64),
            (broken[0], *whole, broken[1], broken[2]),
        )


@dataclass(frozen=True)
class _Room:
    """What one thread needs for a solve."""

    stack: Array
    stack_power: Index
    local: tuple[Array | Index, ...]


@dataclass(frozen=True)
class _Bench:
    """What one thread needs for an elimination."""

    stack: Array
    handed: Short
    place: Short
    own_power: Short
    lean: Short
    pack: Array
    square: Array
    product: Array


def factor(
    tree: Dissection, offsets: Index, rates: Array, killing: float, tilt: Short | None = None
) -> Factors:
    """Eliminate all states but the anchor.

    Parameters
    ----------
    tree : the dissection of the kept states.
    offsets : (k,) change of the row-major number by each jump.
    rates : (k, n) rates [1/s] of the stencil.
    killing : constant extra rate [1/s] out of every kept state.
    tilt : power of two f of each position, the anchor's last: rates are multiplied by ``2**(f_i - f_j)``.
        Only for a chain that nothing leaves.

    Raises
    ------
    Breakdown : a pivot vanishes; its position is the state's row-major number.
    NotConverged : the factors would not fit in memory.
    """
    leaning = tilt is not None
    if tilt is None:
        tilt = np.zeros(tree.order.size + 1, dtype=np.int32)
    p, s = tree.own, tree.around
    starts = np.concatenate([[0], np.cumsum(p * (p + s + 1) + s * p)]).astype(np.int64)
    power_starts = np.concatenate([[0], np.cumsum(2 * p + s)]).astype(np.int64)
    widest = int((p + s).max()) + 1
    plan = schedule(tree, p * (p + s + 1.0) ** 2 + s * s + _NODE_COST)
    update = s * (s + 1)
    stack, rows = stack_peak(tree, plan, update), stack_peak(tree, plan, s)
    _check_memory(tree.order.size, int(starts[-1]) + plan.threads * stack)
    store = np.empty(int(starts[-1]))
    powers = np.empty(int(power_starts[-1]), dtype=np.int32)
    waiting: dict[int, tuple[Array, Short]] = {}

    def bench() -> _Bench:
        return _Bench(
            np.empty(stack),
            np.empty(rows, dtype=np.int32),
            np.empty(tree.order.size + 1, dtype=np.int32),
            np.empty(widest, dtype=np.int32),
            np.empty(widest + 1, dtype=np.int32),
            np.empty(PANEL * widest),
            np.empty(PANEL * (PANEL + 1)),
            np.empty(PANEL * PANEL),
        )

    def run(task: Task, space: _Bench) -> None:
        filled = filled_rows = 0
        if task.begin == task.root:
            for child in (int(tree.left[task.root]), int(tree.right[task.root])):
                if child in waiting:
                    given, handed = waiting.pop(child)
                    space.stack[filled : filled + given.size] = given
                    space.handed[filled_rows : filled_rows + handed.size] = handed
                    filled, filled_rows = filled + given.size, filled_rows + handed.size
        failed, filled, filled_rows = factor_nodes(
            task.begin, task.root + 1, offsets, rates, tree.order, tree.position, leaning, tilt,
            tree.first, tree.left, tree.right, tree.ends, tree.border, tree.into, killing, starts, store,
            power_starts, powers, space.stack, space.handed, filled, filled_rows, space.place,
            space.own_power, space.lean, PANEL, space.pack, space.square, space.product,
        )  # fmt: skip
        if failed >= 0:
            raise Breakdown(int(tree.order[failed]), 0.0)
        waiting[task.root] = space.stack[:filled].copy(), space.handed[:filled_rows].copy()

    plan.upwards(run, bench)
    given, handed = waiting[tree.left.size - 1]
    rate, power = (float(given[1]), int(handed[0])) if given.size else (0.0, 0)
    return Factors(tree, plan, starts, store, power_starts, powers, widest, rows, rate, power)


def _check_memory(n: int, entries: int) -> None:
    need, free = 8 * entries, available_bytes()
    if free is not None and need > 0.9 * free:
        raise NotConverged(
            f"eliminating {n} states by nested dissection needs {human_bytes(need)},"
            f" {human_bytes(free)} are free; use a smaller box or a closure with fewer axes",
            certificate="memory estimate",
        )
