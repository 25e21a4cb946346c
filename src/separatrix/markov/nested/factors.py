"""Factors of a chain in nested-dissection order: memory stated first, then two threads over the tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import NotConverged
from separatrix.markov.banded import Breakdown
from separatrix.markov.memory import human_bytes, short_of
from separatrix.markov.nested.dissection import Dissection
from separatrix.markov.nested.fronts import PANEL
from separatrix.markov.nested.packing import Packed, packed_sizes
from separatrix.markov.nested.schedule import Schedule, Task, schedule, stack_peak
from separatrix.markov.nested.substitution import Room, substitute
from separatrix.markov.nested.traversal import Bench, factor_nodes

Array: TypeAlias = NDArray[np.float64]
Index: TypeAlias = NDArray[np.int64]
Short: TypeAlias = NDArray[np.int32]
Sides: TypeAlias = Literal["both", "left", "right", "none"]

_NODE_COST = 500.0  # multiplications that a node costs before its first


@dataclass(frozen=True)
class Load:
    """A right-hand side ``value * 2**power`` by position, to be eliminated in place with the fronts.

    It belongs to a solve from the left where `transposed`, else from the right; `exact` where all
    its entries are nonnegative.
    """

    value: Array
    power: Index
    transposed: bool
    exact: bool


@dataclass(frozen=True)
class Factors:
    """Factors of all nodes; the anchor is left over.

    Attributes
    ----------
    tree : the dissection.
    plan : what runs side by side.
    sides : which factors are kept: the lower ones (``"left"``), the upper ones, both, or none any more.
    packed : the factors themselves.
    widest : most states in a front.
    stack : most border entries that wait at once during a solve.
    anchor_rate, anchor_power : rate [1/s] at which the chain censored on the anchor dies,
        apart from its own deaths, as ``rate * 2**power``.
    arrived, arrived_power : what reaches the anchor of the right-hand side that was carried.
    """

    tree: Dissection
    plan: Schedule
    sides: Sides
    packed: Packed
    widest: int
    stack: int
    anchor_rate: float
    anchor_power: int
    arrived: float
    arrived_power: int

    def up(self, value: Array, power: Index, *, transposed: bool, exact: bool) -> tuple[float, int]:
        """Eliminate the vector ``value * 2**power`` in place; returns what reaches the anchor."""
        tree = self.tree
        waiting: dict[int, tuple[Array, Index]] = {}

        def run(task: Task, space: Room) -> None:
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
        return _single(*waiting[tree.left.size - 1])

    def down(self, value: Array, power: Index, *, transposed: bool, exact: bool) -> None:
        """Substitute back in place, from the entry of the anchor, which is the last one."""

        def run(task: Task, space: Room) -> None:
            self._substitute(task, space, value, power, 0, False, transposed, exact)

        self.plan.downwards(run, self._room)

    def _substitute(
        self, task: Task, space: Room, value: Array, power: Index, filled: int, upwards: bool,
        transposed: bool, exact: bool,
    ) -> int:  # fmt: skip
        return substitute(
            task.begin, task.root + 1, upwards, transposed, exact, self.tree, self.packed, value,
            power, space, filled, PANEL,
        )  # fmt: skip

    def _room(self) -> Room:
        return Room.of(self.stack, self.widest)


def factor(
    tree: Dissection,
    offsets: Index,
    rates: Array,
    killing: float,
    sides: Sides = "both",
    load: Load | None = None,
    place: Factors | None = None,
) -> Factors:
    """Eliminate all states but the anchor.

    Parameters
    ----------
    tree : the dissection of the kept states.
    offsets : (k,) change of the row-major number by each jump.
    rates : (k, n) rates [1/s] of the stencil.
    killing : constant extra rate [1/s] out of every kept state.
    sides : which factors to keep; one side takes half the memory.
    load : a right-hand side to eliminate along.
    place : earlier factors of the same elimination, perhaps of one side only: written over by the
        same values.

    Raises
    ------
    Breakdown : a pivot vanishes; its position is the state's row-major number.
    NotConverged : the factors would not fit in memory.
    """
    p, s = tree.own, tree.around
    sizes = packed_sizes(p, s, PANEL)
    kept = [sides in ("both", "left"), sides in ("both", "right")]
    starts = [_starts(size if keep else 0 * size) for size, keep in zip(sizes, kept, strict=True)]
    power_starts = _starts(2 * p + s)
    widest = int((p + s).max()) + 1
    plan = schedule(tree, p * (p + s + 1.0) ** 2 + s * s + _NODE_COST)
    stack, rows = stack_peak(tree, plan, s * (s + 1)), stack_peak(tree, plan, s)
    largest = int((p * (p + s) + p * (s + 1)).max())
    scratch = [0 if keep else int(size.max()) for size, keep in zip(sizes, kept, strict=True)]
    if place is None:
        lower, upper, powers = np.empty(0), np.empty(0), np.empty(0, dtype=np.int32)
    else:
        lower, upper, powers = place.packed.lower, place.packed.upper, place.packed.powers
    wanted = [int(start[-1]) for start in starts]
    missing = [want * (not had.size) for want, had in zip(wanted, (lower, upper), strict=True)]
    _check_memory(
        tree.order.size,
        sum(missing)
        + int(power_starts[-1]) // 2 * (place is None)
        + plan.threads * (largest + sum(scratch) + stack),
    )
    if missing[0]:
        lower = np.empty(missing[0])
    if missing[1]:
        upper = np.empty(missing[1])
    if place is None:
        powers = np.empty(int(power_starts[-1]), dtype=np.int32)
    packed = Packed(starts[0], lower, starts[1], upper, power_starts, powers)
    waiting: dict[int, tuple[Array, Short, Array, Index]] = {}
    none = np.zeros(0), np.zeros(0, dtype=np.int64)
    value, power = none if load is None else (load.value, load.power)
    transposed, exact = load is not None and load.transposed, load is None or load.exact

    def bench() -> tuple[Bench, Packed, Room]:
        return (
            Bench(
                np.empty(largest),
                np.empty(stack),
                np.empty(rows, dtype=np.int32),
                np.empty(tree.order.size + 1, dtype=np.int32),
                np.empty(widest, dtype=np.int32),
                np.empty(PANEL * widest),
                np.empty(PANEL * (PANEL + 1)),
                np.empty(PANEL * PANEL),
            ),
            packed._replace(
                lower=np.empty(scratch[0]) if scratch[0] else lower,
                upper=np.empty(scratch[1]) if scratch[1] else upper,
            ),
            Room.of(0 if load is None else rows, 0 if load is None else widest),
        )

    def run(task: Task, spaces: tuple[Bench, Packed, Room]) -> None:
        filled = filled_rows = loaded = 0
        space, kept_here, room = spaces
        if task.begin == task.root:
            for child in (int(tree.left[task.root]), int(tree.right[task.root])):
                if child in waiting:
                    given, handed, carried, carried_power = waiting.pop(child)
                    space.stack[filled : filled + given.size] = given
                    space.handed[filled_rows : filled_rows + handed.size] = handed
                    room.stack[loaded : loaded + carried.size] = carried
                    room.stack_power[loaded : loaded + carried.size] = carried_power
                    filled, filled_rows = filled + given.size, filled_rows + handed.size
                    loaded += carried.size
        failed, filled, filled_rows, loaded = factor_nodes(
            task.begin, task.root + 1, offsets, rates, killing, tree, kept_here, space,
            filled, filled_rows, PANEL, load is not None, transposed, exact, value, power, room, loaded,
        )  # fmt: skip
        if failed >= 0:
            raise Breakdown(int(tree.order[failed]), 0.0)
        waiting[task.root] = (
            space.stack[:filled].copy(), space.handed[:filled_rows].copy(),
            room.stack[:loaded].copy(), room.stack_power[:loaded].copy(),
        )  # fmt: skip

    plan.upwards(run, bench)
    given, handed, carried, carried_power = waiting[tree.left.size - 1]
    rate, rate_power = (float(given[1]), int(handed[0])) if given.size else (0.0, 0)
    arrived, arrived_power = _single(carried, carried_power)
    return Factors(
        tree, plan, sides, packed, widest, rows, rate, rate_power, arrived, arrived_power,
    )  # fmt: skip


def _starts(sizes: Index) -> Index:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def _single(value: Array, power: Index) -> tuple[float, int]:
    return (float(value[0]), int(power[0])) if value.size else (0.0, 0)


def _check_memory(n: int, entries: int) -> None:
    need = 8 * entries
    if (free := short_of(need / 0.9)) is not None:
        raise NotConverged(
            f"eliminating {n} states by nested dissection needs {human_bytes(need)},"
            f" {human_bytes(free)} are free; use a smaller box or a closure with fewer axes",
            certificate="memory estimate",
        )
