r"""Nested dissection of a lattice box: which states are eliminated together, and in what order.

A box is cut across its longest side (counted in jump lengths) by a slab as thick as the longest
jump along that side, so that no jump leads from one part into the other. Parts are cut again until
they are small. Each box is a node of a binary tree: its *own* states are the slab (or, in a leaf, the
whole box), its *border* the kept states outside the box that one jump joins to it. Own states are
eliminated children first; eliminating a box then couples its border only.

A narrow box is cut in levels instead, each a node with the levels farther out as its only child.

Source: A. George, SIAM J. Numer. Anal. 10 (1973) 345.
"""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.compiled import compiled
from separatrix.markov.nested.boxes import Strips, cut, levels

Index: TypeAlias = NDArray[np.int64]
Short: TypeAlias = NDArray[np.int32]
Mask: TypeAlias = NDArray[np.bool_]


class Dissection(NamedTuple):
    """The tree, in post-order: children before their parent, subtrees contiguous.

    A tuple, so that compiled code takes it whole.

    Attributes
    ----------
    left, right : numbers of the children; -1 where there is none.
    start : number of the first node of each node's subtree.
    first : (V + 1,) position in the elimination order of each node's first own state.
    order : state number of each position; the anchor is not among them.
    position : position of each state; -1 where it is removed, and the last for the anchor.
    ends : (V + 1,) where each node's border starts in `border`.
    border : positions of the border states, node after node.
    into : their places in the parent's front (own states first, then its border).
    """

    left: Index
    right: Index
    start: Index
    first: Index
    order: Short
    position: Short
    ends: Index
    border: Short
    into: Short

    @property
    def own(self) -> Index:
        """Number of own states of each node."""
        return np.diff(self.first)

    @property
    def around(self) -> Index:
        """Number of border states of each node."""
        return np.diff(self.ends)


def dissect(
    kept: Mask,
    jumps: Index,
    anchor: int,
    *,
    leaf: int = 16,
    share: float = 0.5,
    backwards: bool = False,
    strip: int | None = None,
    axis: int | None = None,
) -> Dissection:
    """Cut the box of the kept states.

    Parameters
    ----------
    kept : states that stay, of the box's shape.
    jumps : (k, d) jumps of the stencil.
    anchor : row-major number of the state that no node owns.
    leaf : boxes of at most this many states are not cut.
    share : where a side is cut, as a share of it.
    backwards : number own states in descending order.
    strip : cut the longest axis into strips of so many levels first, from its ends towards the anchor,
        so that no front joins states much farther apart. None: halve from the start.
    axis : cut this axis in levels, from its ends towards the anchor, and nothing else.
    """
    d = kept.ndim
    shape = np.array(kept.shape, dtype=np.int64)
    strides = np.array([prod(kept.shape[i + 1 :]) for i in range(d)], dtype=np.int64)
    reach = np.abs(jumps).max(axis=0, initial=0).astype(np.int64)
    low, high = _bounds(kept)
    if axis is not None:
        goal = anchor // int(strides[axis]) % kept.shape[axis]
        tree = levels(low, high, axis, max(int(reach[axis]), 1), goal)
    else:
        strips = None
        if strip is not None:
            long = int((high - low).argmax())
            strips = Strips(long, anchor // int(strides[long]) % kept.shape[long], strip)
        tree = cut(low, high, reach, leaf, share, strips)
    flat = kept.reshape(-1)
    position = np.full(flat.size, -1, dtype=np.int32)
    order = np.empty(int(np.count_nonzero(flat)) - 1, dtype=np.int32)
    first = np.zeros(tree.left.size + 1, dtype=np.int64)
    number(strides, tree.own_low, tree.own_high, flat, anchor, backwards, position, order, first)
    position[anchor] = order.size
    place = np.empty(order.size + 1, dtype=np.int32)
    ends = np.zeros(tree.left.size + 1, dtype=np.int64)
    home = np.array(np.unravel_index(anchor, kept.shape), dtype=np.int64)
    border = into = np.empty(0, dtype=np.int32)
    for fill in (False, True):
        if fill:
            border, into = np.zeros((2, int(ends[-1])), dtype=np.int32)
        surround(
            shape,
            strides,
            tree.low,
            tree.high,
            reach,
            jumps,
            position,
            first,
            tree.start,
            tree.left,
            tree.right,
            home,
            ends,
            border,
            into,
            place,
            fill,
        )
    return Dissection(tree.left, tree.right, tree.start, first, order, position, ends, border, into)


def _bounds(kept: Mask) -> tuple[Index, Index]:
    """The smallest box around the kept states."""
    low, high = np.zeros((2, kept.ndim), dtype=np.int64)
    for i in range(kept.ndim):
        others = tuple(j for j in range(kept.ndim) if j != i)
        used = np.flatnonzero(kept.any(axis=others))
        low[i], high[i] = used[0], used[-1] + 1
    return low, high


def _number(
    strides: Any,
    own_low: Any,
    own_high: Any,
    kept: Any,
    anchor: Any,
    backwards: Any,
    position: Any,
    order: Any,
    first: Any,
) -> Any:
    """Give every kept state but the anchor its position, node after node."""
    d = strides.size
    count = 0
    for node in range(own_low.shape[0]):
        begin = count
        runs = 1
        for i in range(d - 1):
            runs *= own_high[node, i] - own_low[node, i]
        for run in range(runs):
            rest, state = run, own_low[node, d - 1]
            for i in range(d - 2, -1, -1):
                side = own_high[node, i] - own_low[node, i]
                state += (own_low[node, i] + rest % side) * strides[i]
                rest //= side
            for _ in range(own_high[node, d - 1] - own_low[node, d - 1]):
                if kept[state] and state != anchor:
                    order[count] = state
                    count += 1
                state += 1
        if backwards:
            for i in range((count - begin) // 2):
                swap = order[begin + i]
                order[begin + i] = order[count - 1 - i]
                order[count - 1 - i] = swap
        for i in range(begin, count):
            position[order[i]] = i
        first[node + 1] = count


def _surround(
    shape: Any,
    strides: Any,
    low: Any,
    high: Any,
    reach: Any,
    jumps: Any,
    position: Any,
    first: Any,
    start: Any,
    left: Any,
    right: Any,
    anchor: Any,
    ends: Any,
    border: Any,
    into: Any,
    place: Any,
    fill: Any,
) -> Any:
    """Count, or list, the border of every node and its places in the parent's front."""
    d = shape.size
    wide = False
    for i in range(d):
        wide |= reach[i] > 1
    outer_low = np.empty(d, np.int64)
    outer_high = np.empty(d, np.int64)
    at = np.empty(d, np.int64)
    last = first[first.size - 1]
    for node in range(low.shape[0]):
        count = ends[node]
        if first[node + 1] > first[start[node]]:
            runs = 1
            near = True
            for i in range(d):
                outer_low[i] = max(low[node, i] - reach[i], 0)
                outer_high[i] = min(high[node, i] + reach[i], shape[i])
                near &= outer_low[i] <= anchor[i] < outer_high[i]
                if i < d - 1:
                    runs *= outer_high[i] - outer_low[i]
            for run in range(runs):
                rest, state, outside = run, 0, 0
                for i in range(d - 2, -1, -1):
                    side = outer_high[i] - outer_low[i]
                    at[i] = outer_low[i] + rest % side
                    rest //= side
                    state += at[i] * strides[i]
                    if at[i] < low[node, i] or at[i] >= high[node, i]:
                        outside += 1
                x = outer_low[d - 1]
                while x < outer_high[d - 1]:
                    inside = low[node, d - 1] <= x < high[node, d - 1]
                    if inside and outside == 0:
                        x = high[node, d - 1]
                        continue
                    p = position[state + x]
                    if 0 <= p < last:
                        beyond = outside if inside else outside + 1
                        at[d - 1] = x
                        if (beyond == 1 and not wide) or joined(at, low, high, node, jumps):
                            if fill:
                                border[count] = p
                            count += 1
                    x += 1
            if near:
                if fill:
                    border[count] = last
                count += 1
        if not fill:
            ends[node + 1] = count
            continue
        own = first[node + 1] - first[node]
        for i in range(ends[node], ends[node + 1]):
            place[border[i]] = own + i - ends[node]
        for child in (left[node], right[node]):
            if child >= 0:
                for i in range(ends[child], ends[child + 1]):
                    p = border[i]
                    into[i] = p - first[node] if p < first[node + 1] else place[p]


def _joined(at: Any, low: Any, high: Any, node: Any, jumps: Any) -> Any:
    """Whether one jump, forwards or backwards, leads from the state `at` into the box."""
    for j in range(jumps.shape[0]):
        forwards = True
        backwards = True
        for i in range(at.size):
            forwards &= low[node, i] <= at[i] + jumps[j, i] < high[node, i]
            backwards &= low[node, i] <= at[i] - jumps[j, i] < high[node, i]
        if forwards or backwards:
            return True
    return False


number = compiled(_number)
joined = compiled(_joined, inner=True)
surround = compiled(_surround)
