"""The walk through a subtree: every front is assembled, eliminated, packed, and handed on."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.compiled import compiled
from separatrix.markov.nested.assembly import assemble, extend
from separatrix.markov.nested.fronts import NEVER, eliminate, hand_on
from separatrix.markov.nested.packing import pack
from separatrix.markov.nested.substitution import solve_node

Array: TypeAlias = NDArray[np.float64]
Short: TypeAlias = NDArray[np.int32]


class Bench(NamedTuple):
    """What one thread needs for an elimination; a tuple, so that compiled code takes it whole.

    Attributes
    ----------
    front : the own states' rows and columns of one front, then their columns to the border.
    stack, handed : updates that wait for their parents, and the powers of two of their rows.
    place : place in the front of every position.
    own_power : powers of two of the pivots.
    tile, square, product : a panel's rows, its pivots, and a product of blocks.
    """

    front: Array
    stack: Array
    handed: Short
    place: Short
    own_power: Short
    tile: Array
    square: Array
    product: Array


def _factor_nodes(
    begin: Any,
    end: Any,
    offsets: Any,
    rates: Any,
    killing: Any,
    tree: Any,
    packed: Any,
    bench: Any,
    filled: Any,
    filled_rows: Any,
    panel: Any,
    carrying: Any,
    transposed: Any,
    exact: Any,
    value: Any,
    power: Any,
    room: Any,
    loaded: Any,
) -> Any:
    """Eliminate the nodes of a subtree; the children's updates come from the stack and go there.

    A right-hand side is eliminated along with the fronts where one is carried. Returns the position
    of a state whose pivot vanishes, or -1, and how far the three stacks are filled.
    """
    first, left, right = tree.first, tree.left, tree.right
    ends, border, into = tree.ends, tree.border, tree.into
    powers = packed.powers
    front, stack, handed = bench.front, bench.stack, bench.handed
    place, own_power = bench.place, bench.own_power
    for node in range(begin, end):
        p = first[node + 1] - first[node]
        s = ends[node + 1] - ends[node]
        width = s + 1
        at = packed.power_starts[node]
        out = (p + s) * p
        for i in range(out + p * width):
            front[i] = 0.0
        for i in range(filled, filled + s * width):
            stack[i] = 0.0
        for i in range(at, at + p + s):
            powers[i] = NEVER
        for i in range(s):
            place[border[ends[node] + i]] = p + i
        base, base_rows = filled, filled_rows
        for child in (left[node], right[node]):
            if child >= 0:
                count = ends[child + 1] - ends[child]
                base -= count * (count + 1)
                base_rows -= count
        for fill in (False, True):
            assemble(
                first[node],
                first[node + 1],
                width,
                offsets,
                rates,
                tree.order,
                tree.position,
                killing,
                place,
                front,
                out,
                powers,
                at,
                fill,
            )
            given, given_rows = base, base_rows
            for child in (left[node], right[node]):
                if child >= 0:
                    count = ends[child + 1] - ends[child]
                    extend(
                        count,
                        into,
                        ends[child],
                        stack,
                        given,
                        handed,
                        given_rows,
                        front,
                        out,
                        filled,
                        p,
                        width,
                        powers,
                        at,
                        fill,
                    )
                    given += count * (count + 1)
                    given_rows += count
        for i in range(p):
            own_power[i] = powers[at + i]
        failed = eliminate(
            front,
            out,
            stack,
            filled,
            p,
            width,
            own_power,
            panel,
            bench.tile,
            bench.square,
            bench.product,
        )
        if failed < p:
            return first[node] + failed, filled, filled_rows, loaded
        for i in range(p):
            powers[at + p + s + i] = own_power[i]
        lower_at, upper_at = packed.lower_starts[node], packed.upper_starts[node]
        pack(front, p, s, panel, packed.lower, lower_at, packed.upper, upper_at)
        if carrying:
            loaded = solve_node(
                node, True, transposed, exact, tree, packed, value, power, room, loaded, panel
            )
        hand_on(stack, filled, s, powers, at + p, handed, base_rows)
        if base < filled:
            for i in range(s * width):
                stack[base + i] = stack[filled + i]
        filled, filled_rows = base + s * width, base_rows + s
    return -1, filled, filled_rows, loaded


factor_nodes = compiled(_factor_nodes)
