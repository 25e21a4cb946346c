"""A lattice box cut in halves and slabs, and these again, or in levels: the tree of boxes of a dissection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Index: TypeAlias = NDArray[np.int64]
Mask: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True)
class Boxes:
    """Nested boxes in post-order: corners of each box and of its own part, children, first of subtree.

    A box with one part only has it on its left, and -1 on its right.
    """

    low: Index
    high: Index
    own_low: Index
    own_high: Index
    left: Index
    right: Index
    start: Index


class Strips(NamedTuple):
    """Strips of so many levels of an axis, one after the other from its ends to the level `goal`."""

    axis: int
    goal: int
    levels: int


def cut(
    low: Index, high: Index, reach: Index, leaf: int, share: float, strips: Strips | None = None
) -> Boxes:
    """Cut a box into halves and slabs, all boxes of one depth at a time."""
    lows, highs = [low[None, :]], [high[None, :]]
    own_lows: list[Index] = []
    own_highs: list[Index] = []
    parted: list[Mask] = []
    while lows[-1].size:
        own_low, own_high, parts = _halve(lows[-1], highs[-1], reach, leaf, share, strips)
        own_lows.append(own_low)
        own_highs.append(own_high)
        split = (own_low != lows[-1]) | (own_high != highs[-1])
        apart = split.any(axis=1)
        parted.append(apart)
        lows.append(parts[0])
        highs.append(parts[1])
    depths = len(parted)
    # sizes of subtrees from the bottom, numbers from the top: left part, right part, box
    sizes = [np.ones(apart.size, dtype=np.int64) for apart in parted]
    for depth in range(depths - 2, -1, -1):
        sizes[depth][parted[depth]] += sizes[depth + 1].reshape(-1, 2).sum(axis=1)
    count = int(sizes[0][0])
    left, right = np.full((2, count), -1, dtype=np.int64)
    start = np.empty(count, dtype=np.int64)
    corners = np.empty((4, count, low.size), dtype=np.int64)
    numbers = np.array([count - 1])
    for depth in range(depths):
        start[numbers] = numbers - sizes[depth] + 1
        for table, values in zip(corners, (lows, highs, own_lows, own_highs), strict=True):
            table[numbers] = values[depth]
        above = numbers[parted[depth]]
        if above.size:
            right[above] = above - 1
            left[above] = above - 1 - sizes[depth + 1][1::2]
            numbers = np.stack([left[above], right[above]], axis=1).reshape(-1)
    return Boxes(corners[0], corners[1], corners[2], corners[3], left, right, start)


def levels(low: Index, high: Index, axis: int, thick: int, goal: int) -> Boxes:
    """Cut a box into levels of an axis, one box inside the next, from both ends to the level `goal`.

    Every level couples to the next one only: with :math:`w` states a level, a front has :math:`2 w`
    of them, where the fronts of halves have :math:`3 w`.

    Parameters
    ----------
    thick : how many of the axis's values a level takes; at least the longest jump along it.
    goal : a value of the axis that lies in the last level, from which boxes on either side are seen.
    """
    first, last = int(low[axis]), int(high[axis])
    bottom = min(max(goal, first), max(last - thick, first))
    top = min(bottom + thick, last)
    below: Index = np.arange(first, bottom, thick)
    above: Index = np.arange(last, top, -thick)
    count = below.size + above.size + 1
    corners = np.empty((4, count, low.size), dtype=np.int64)
    corners[::2], corners[1::2] = low, high
    box_low, box_high, own_low, own_high = corners[:, :, axis]
    # the last level of each side is as thin as what is left over
    lower, upper = slice(0, below.size), slice(below.size, count - 1)
    own_low[lower], own_high[lower] = below, np.minimum(below + thick, bottom)
    own_low[upper], own_high[upper] = np.maximum(above - thick, top), above
    own_low[-1], own_high[-1] = bottom, top
    box_high[lower], box_low[upper] = own_high[lower], own_low[upper]
    left: Index = np.arange(-1, count - 1)
    right = np.full(count, -1)
    start = np.zeros(count, dtype=np.int64)
    start[upper] = below.size
    if above.size:
        left[below.size], left[-1] = -1, count - 2
        if below.size:
            left[-1], right[-1] = below.size - 1, count - 2
    return Boxes(corners[0], corners[1], corners[2], corners[3], left, right, start)


def _halve(
    low: Index, high: Index, reach: Index, leaf: int, share: float, strips: Strips | None
) -> tuple[Index, Index, tuple[Index, Index]]:
    """Own parts of some boxes, and the corners of the halves: left, right, left, right ..."""
    side = high - low
    length = np.where(side >= reach + 2, side / np.maximum(reach, 0.5), 0.0)
    axis = length.argmax(axis=1)
    every: Index = np.arange(len(low))
    large = side.prod(axis=1) > leaf
    long = np.zeros(len(low), dtype=np.bool_)
    if strips is not None:
        long = side[:, strips.axis] > 2 * strips.levels + reach[strips.axis]
        long &= large
        axis[long] = strips.axis
    split = np.flatnonzero(large & (length[every, axis] > 0.0))
    own_low, own_high = low.copy(), high.copy()
    at = axis[split]
    room = side[split, at] - reach[at] - 2
    own_low[split, at] += 1 + (room * share + 0.5).astype(np.int64)
    if strips is not None and long.any():
        # a strip is left over on the side of the goal; the rest is cut again, nearer to its end
        i, wide = strips.axis, reach[strips.axis]
        first, last = low[long, i] + strips.levels, high[long, i] - strips.levels - wide
        own_low[long, i] = np.clip(strips.goal, first, last)
    own_high[split, at] = own_low[split, at] + reach[at]
    lows, highs = (np.repeat(corner[split], 2, axis=0) for corner in (low, high))
    halves = np.arange(split.size)
    highs[2 * halves, at] = own_low[split, at]
    lows[2 * halves + 1, at] = own_high[split, at]
    return own_low, own_high, (lows, highs)
