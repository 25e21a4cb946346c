r"""Solves with the factors of a dissection: up the tree, then down, in extended range.

With :math:`e` the powers of two of the rows, a panel P and the rest W of its front,

.. math::
    M t = b:&\quad t_P \leftarrow N 2^{-e_P} b_P,\quad b_W \mathrel{+}= 2^{e_W} C t_P
    &\text{(up)},\qquad t_P \mathrel{+}= G t_W &\text{(down)},\\
    x M = b:&\quad b_W \mathrel{+}= b_P G
    &\text{(up)},\qquad x_P \leftarrow (b_P + x_W 2^{e_W} C) N 2^{-e_P} &\text{(down)}.

Every entry of a vector is a mantissa and a power of two; see `products`.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.compiled import compiled
from separatrix.markov.nested.fronts import NEVER
from separatrix.markov.nested.products import add, multiply

Array: TypeAlias = NDArray[np.float64]
Index: TypeAlias = NDArray[np.int64]


class Room(NamedTuple):
    """What one thread needs for a solve; a tuple, so that compiled code takes it whole.

    Attributes
    ----------
    stack, stack_power : what borders hand up to parents that still wait, ``stack * 2**stack_power``.
    local, local_power : the entries of one front.
    own, rows, none : powers of two of the pivots, of the front's rows, and zeros.
    z, out : entries in one unit, and products.
    """

    stack: Array
    stack_power: Index
    local: Array
    local_power: Index
    own: Index
    rows: Index
    none: Index
    z: Array
    out: Array

    @staticmethod
    def of(stack: int, widest: int) -> Room:
        """Room for a `stack` of border entries and for fronts of at most `widest` states."""
        local_power, own, rows, none = (np.zeros(widest, dtype=np.int64) for _ in range(4))
        local, z, out = (np.zeros(widest) for _ in range(3))
        waiting = np.empty(stack), np.empty(stack, dtype=np.int64)
        return Room(*waiting, local, local_power, own, rows, none, z, out)


def _solve_node(
    node: Any,
    upwards: Any,
    transposed: Any,
    exact: Any,
    tree: Any,
    packed: Any,
    value: Any,
    power: Any,
    room: Any,
    filled: Any,
    panel: Any,
) -> Any:
    """Eliminate the vector in one node, or substitute back; returns how far the stack is filled."""
    first, ends, border = tree.first, tree.ends, tree.border
    powers, powers_at = packed.powers, packed.power_starts[node]
    lower_at, upper_at = packed.lower_starts[node], packed.upper_starts[node]
    stack, stack_power = room.stack, room.stack_power
    local, local_power = room.local, room.local_power
    own, rows, none = room.own, room.rows, room.none
    at, border_at = first[node], ends[node]
    p, s = first[node + 1] - at, ends[node + 1] - border_at
    for i in range(p + s):
        rows[i] = powers[powers_at + i]
    for i in range(p):
        own[i] = -powers[powers_at + p + s + i]
        local[i], local_power[i] = value[at + i], power[at + i]
    for i in range(s):
        t = border[border_at + i]
        local[p + i] = 0.0 if upwards else value[t]
        local_power[p + i] = NEVER if upwards else power[t]
    base = filled
    if upwards:
        for child in (tree.right[node], tree.left[node]):
            if child >= 0:
                count = ends[child + 1] - ends[child]
                base -= count
                for i in range(count):
                    row = np.int64(tree.into[ends[child] + i])
                    add(local, local_power, row, stack[base + i], stack_power[base + i])
    panels = (p + panel - 1) // panel
    for number in range(2 * panels):
        turn = number // 2 if upwards else panels - 1 - number // 2
        k0 = panel * turn
        k1 = min(k0 + panel, p)
        # the panel itself comes first on the way up, last on the way down
        itself = (number % 2 == 0) == upwards
        extra, after = none, none
        replace = False
        if upwards != transposed:
            # N, and C below it, which belong to the columns of the panel
            first_row = k0 if itself else k1
            across = k1 - k0
            height, width = (k1 if itself else p + s) - first_row, k1 - k0
            block = lower_at + k0 * (p + s) - panel * panel * (turn * (turn - 1) // 2)
            block += (first_row - k0) * across
            source, target = (first_row, k0) if transposed else (k0, first_row)
            replace = itself
            if itself and transposed:
                after = own
            elif itself:
                extra = own
            elif transposed:
                extra = rows
            else:
                after = rows
            kept = packed.lower
        else:
            # G, to later own states and to the border, which belong to its rows
            height, width = k1 - k0, p - k1 if itself else s
            across = width
            there = k1 if itself else p
            block = upper_at + k0 * (p + s) - panel * panel * (turn * (turn + 1) // 2)
            if not itself:
                block += height * (p - k1)
            source, target = (k0, there) if transposed else (there, k0)
            kept = packed.upper
        if height > 0 and width > 0:
            multiply(
                kept,
                block,
                across,
                height,
                width,
                transposed,
                exact,
                replace,
                local,
                local_power,
                extra,
                source,
                after,
                target,
                room.z,
                room.out,
            )
    for i in range(p):
        value[at + i], power[at + i] = local[i], local_power[i]
    if upwards:
        for i in range(s):
            stack[base + i], stack_power[base + i] = local[p + i], local_power[p + i]
        filled = base + s
    return filled


def _substitute(
    begin: Any,
    end: Any,
    upwards: Any,
    transposed: Any,
    exact: Any,
    tree: Any,
    packed: Any,
    value: Any,
    power: Any,
    room: Any,
    filled: Any,
    panel: Any,
) -> Any:
    """Eliminate the vector up a subtree, or substitute back down; returns how far the stack is filled."""
    for turn in range(end - begin):
        node = begin + turn if upwards else end - 1 - turn
        filled = solve_node(
            node, upwards, transposed, exact, tree, packed, value, power, room, filled, panel
        )
    return filled


solve_node = compiled(_solve_node, inner=True)
substitute = compiled(_substitute)
