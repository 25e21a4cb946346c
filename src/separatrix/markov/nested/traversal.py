"""The walk through a subtree: every front is assembled, eliminated, packed, and handed on."""

from __future__ import annotations

from typing import Any

from separatrix.compiled import compiled
from separatrix.markov.nested.assembly import assemble, extend
from separatrix.markov.nested.fronts import NEVER, eliminate, hand_on
from separatrix.markov.nested.packing import pack
from separatrix.markov.nested.substitution import solve_node


def _factor_nodes(
    begin: Any,
    end: Any,
    offsets: Any,
    rates: Any,
    order: Any,
    position: Any,
    leaning: Any,
    tilt: Any,
    first: Any,
    left: Any,
    right: Any,
    ends: Any,
    border: Any,
    into: Any,
    killing: Any,
    front: Any,
    lower_starts: Any,
    lower: Any,
    upper_starts: Any,
    upper: Any,
    power_starts: Any,
    powers: Any,
    stack: Any,
    handed: Any,
    filled: Any,
    filled_rows: Any,
    place: Any,
    own_power: Any,
    lean: Any,
    panel: Any,
    tile: Any,
    square: Any,
    product: Any,
    carrying: Any,
    transposed: Any,
    exact: Any,
    value: Any,
    power: Any,
    load: Any,
    load_power: Any,
    loaded: Any,
    local: Any,
    local_power: Any,
    own: Any,
    rows: Any,
    none: Any,
    z: Any,
    sums: Any,
) -> Any:
    """Eliminate the nodes of a subtree; the children's updates come from the stack and go there.

    A right-hand side is eliminated along with the fronts where one is carried. Returns the position
    of a state whose pivot vanishes, or -1, and how far the three stacks are filled.
    """
    for node in range(begin, end):
        p = first[node + 1] - first[node]
        s = ends[node + 1] - ends[node]
        width = s + 1
        at = power_starts[node]
        out = (p + s) * p
        for i in range(out + p * width):
            front[i] = 0.0
        for i in range(filled, filled + s * width):
            stack[i] = 0.0
        for i in range(at, at + p + s):
            powers[i] = NEVER
        for i in range(p):
            lean[i] = tilt[first[node] + i]
        for i in range(s):
            place[border[ends[node] + i]] = p + i
            lean[p + i] = tilt[border[ends[node] + i]]
        lean[p + s] = 0
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
                order,
                position,
                tilt,
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
            leaning,
            lean,
            panel,
            tile,
            square,
            product,
        )
        if failed < p:
            return first[node] + failed, filled, filled_rows, loaded
        for i in range(p):
            powers[at + p + s + i] = own_power[i]
        pack(front, p, s, panel, lower, lower_starts[node], upper, upper_starts[node])
        if carrying:
            loaded = solve_node(
                node,
                True,
                transposed,
                exact,
                first,
                left,
                right,
                ends,
                border,
                into,
                lower_starts,
                lower,
                upper_starts,
                upper,
                power_starts,
                powers,
                value,
                power,
                load,
                load_power,
                loaded,
                panel,
                local,
                local_power,
                own,
                rows,
                none,
                z,
                sums,
            )
        hand_on(stack, filled, s, powers, at + p, handed, base_rows)
        if base < filled:
            for i in range(s * width):
                stack[base + i] = stack[filled + i]
        filled, filled_rows = base + s * width, base_rows + s
    return -1, filled, filled_rows, loaded


factor_nodes = compiled(_factor_nodes)
