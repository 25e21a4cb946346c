"""Changes to the kernels that change no answer, and why (see `markov_mutants`)."""

from __future__ import annotations

UNIT = "only the unit of a row changes, which its power of two undoes"
SMALL = "what is dropped, or not, is far below a rounding error"
CHOICE = "the other branch gives the same number"
EMPTY = "nothing is there to work on"
MORE = "a border may list states that no rate joins to the box"
# source lines of kernels on which a mutant may change no answer, and why
EQUIVALENT: dict[tuple[str, str], str] = {
    ("_invert", "if not pivot > _SMALLEST_PIVOT:"): SMALL,
    ("_put", "value = value if value > _NOTHING else 0.0"): SMALL,
    ("_put", "tile[i, j] = value"): SMALL,
    ("_prepare", "front[row + k0 + i] = 0.0"): "a self-loop enters a row's unit only",
    ("_prepare", "largest = 0.0"): UNIT,
    ("_prepare", "for j in range(row + k0, row + p):"): UNIT,
    ("_prepare", "for j in range(row_out, row_out + width):"): UNIT,
    ("_prepare", "largest = max(largest, front[j])"): UNIT,
    ("_prepare", "if abs(shift) > _FAR:"): UNIT,
    ("_hand_on", "stack[row + i] = 0.0"): "the parent's elimination drops self-loops, too",
    ("_hand_on", "largest = 0.0"): UNIT,
    ("_hand_on", "for j in range(row, row + s + 1):"): UNIT,
    ("_hand_on", "largest = max(largest, stack[j])"): UNIT,
    ("_hand_on", "stack[j] = value if value > _NOTHING else 0.0"): SMALL,
    ("_hand_on", "if largest == 0.0:"): EMPTY,
    ("_assemble", "powers[at + k] = max(powers[at + k], math.frexp(rate)[1])"): UNIT,
    ("_assemble", "powers[at + i] = max(powers[at + i], math.frexp(rate)[1])"): UNIT,
    ("_extend", "powers[at + row] = max(powers[at + row], handed[at_handed + i])"): UNIT,
    ("_extend", "if handed[at_handed + i] == NEVER or shift < -1000:"): SMALL,
    ("_factor_nodes", "powers[i] = NEVER"): UNIT,
    ("_add", "elif e <= power[i]:"): CHOICE,
    (
        "_add",
        "power[i] = base + shift if fraction != 0.0 else NEVER",
    ): "the power of a zero is not read",
    ("_align", "if top > NEVER:"): EMPTY,
    ("_careful", "if top > NEVER:"): EMPTY,
    ("_careful", "if factor > 0.0 and x > 0.0:"): EMPTY,
    ("_multiply", "largest = 0.0"): CHOICE,
    ("_multiply", "rows = max(_ONE_THREAD // max(B.size, 1), 8)"): "only the size of slabs changes",
    ("_multiply", "if high > NEVER:"): EMPTY,
    ("_multiply", "if exact and high - low > _CLOSE:"): CHOICE,
    ("_multiply", "if largest > 0.0 and x < max(_LOST * largest, _NEAR_SUBNORMAL):"): CHOICE,
    ("_multiply", "value[target + r], power[target + r] = 0.0, NEVER"): SMALL,
    ("_multiply", "largest = max(largest, store[row + k])"): CHOICE,
    (
        "_halve",
        "own_low[split, at] += 1 + (room * share + 0.5).astype(np.int64)",
    ): "any cut is right",
    (
        "_surround",
        "wide |= reach[i] > 1",
    ): "only whether neighbours are looked at one by one changes",
    ("_surround", "outside += 1"): "only whether neighbours are looked at one by one changes",
    ("_surround", "near = True"): MORE,
    ("_surround", "near &= outer_low[i] <= anchor[i] < outer_high[i]"): MORE,
    ("_surround", "if 0 <= p < last:"): MORE,
    ("_surround", "if (beyond == 1 and not wide) or joined(at, low, high, node, jumps):"): MORE,
    ("_factor_nodes", "for i in range(at, at + p + s):"): UNIT,
    (
        "_factor_nodes",
        "return -1, filled, filled_rows, loaded",
    ): "any negative number says that nothing failed",
    ("_factor_nodes", "if base < filled:"): "what is already in its place is copied onto itself",
    (
        "_halve",
        "length = np.where(side >= reach + 2, side / np.maximum(reach, 0.5), 0.0)",
    ): "any cut is right",
    (
        "_halve",
        "long = side[:, strips.axis] > 2 * strips.levels + reach[strips.axis]",
    ): "any cut is right",
    (
        "_halve",
        "first, last = low[long, i] + strips.levels, high[long, i] - strips.levels - wide",
    ): "any cut is right",
    ("_halve", "own_low[long, i] = np.clip(strips.goal, first, last)"): "any cut is right",
    ("_halve", "long &= side.prod(axis=1) > leaf"): "any cut is right",
    (
        "_halve",
        "long = np.zeros(len(low), dtype=np.bool_)",
    ): "read where strips have written it only",
    (
        "_halve",
        "split = np.flatnonzero((side.prod(axis=1) > leaf) & (length[every, axis] > 0.0))",
    ): "any cut is right",
    ("_surround", "if first[node + 1] > first[start[node]]:"): MORE,
    ("_surround", "if i < d - 1:"): MORE,
    ("_joined", "forwards &= low[node, i] <= at[i] + jumps[j, i] < high[node, i]"): MORE,
    ("_joined", "backwards &= low[node, i] <= at[i] - jumps[j, i] < high[node, i]"): MORE,
    (
        "factor",
        "for number, (p, hi) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):",
    ): "both have one entry a panel",
    ("BandFactor.right", "i, j = p.first, p.first + p.N.shape[0]"): "N is square",
    ("BandFactor.left", "i, j = p.first, p.first + p.N.shape[0]"): "N is square",
    ("BandFactor.right_scaled", "i, j = p.first, p.first + p.N.shape[0]"): "N is square",
    ("BandFactor.left_scaled", "i, j = p.first, p.first + p.N.shape[0]"): "N is square",
    ("BandFactor._in_range", "floor = 2.0**-900 * max(self.peak, 1.0)"): CHOICE,
    (
        "BandFactor._in_range",
        "if np.isfinite(x).all() and x.min() > floor and x.max() < 2.0**900:",
    ): CHOICE,
    ("_solve_node", "if height > 0 and width > 0:"): EMPTY,
    ("_solve_node", "panels = (p + panel - 1) // panel"): "panels beyond the last one have no rows",
    (
        "_solve_node",
        "local[p + i] = 0.0 if upwards else value[t]",
    ): "whatever has the power of an exact zero is lost beside any number",
}


def excuse(function: str, line: str, before: str, after: str) -> str | None:
    """Why this mutant changes no answer; None where it must be killed."""
    return EQUIVALENT.get((function, line))
