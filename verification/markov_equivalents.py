"""Changes to the kernels that change no answer, and why (see `markov_mutants`).

Each is named by its function, its line, and what stands there before and after: the excuse of one
change does not cover another on the same line.
"""

from __future__ import annotations

UNIT = "only the unit of a row changes, which its power of two undoes"
SMALL = "what is dropped, or not, is far below a rounding error"
CHOICE = "the other branch gives the same number"
EMPTY = "nothing is there to work on"
MORE = "a border may list states that no rate joins to the box"
# function, line, reason, and the changes
EQUIVALENT: tuple[tuple[str, str, str, tuple[tuple[str, str], ...]], ...] = (
    (
        "_invert",
        "if not pivot > _SMALLEST_PIVOT:",
        SMALL,
        (("pivot > _SMALLEST_PIVOT", "pivot >= _SMALLEST_PIVOT"),),
    ),
    (
        "_put",
        "value = value if value > _NOTHING else 0.0",
        SMALL,
        (
            ("value = value if value > _NOTHING else 0.0", "pass"),
            ("value > _NOTHING", "value >= _NOTHING"),
        ),
    ),
    ("_put", "tile[i, j] = value", SMALL, (("tile[i, j] = value", "pass"),)),
    (
        "_prepare",
        "front[row + k0 + i] = 0.0",
        "a self-loop enters a row's unit only",
        (
            ("front[row + k0 + i] = 0.0", "pass"),
            ("0.0", "1.0"),
        ),
    ),
    ("_prepare", "largest = 0.0", UNIT, (("0.0", "1.0"),)),
    (
        "_prepare",
        "for j in range(row + k0, row + p):",
        UNIT,
        (
            ("row + k0", "row - k0"),
            ("row + p", "row - p"),
        ),
    ),
    (
        "_prepare",
        "largest = max(largest, front[j])",
        UNIT,
        (
            ("largest = max(largest, front[j])", "pass"),
            ("max", "min"),
            ("front[j]", "front[j + 1]"),
        ),
    ),
    (
        "_prepare",
        "for j in range(row_out, row_out + width):",
        UNIT,
        (("row_out + width", "row_out - width"),),
    ),
    (
        "_prepare",
        "if abs(shift) > _FAR:",
        UNIT,
        (
            ("abs(shift) > _FAR", "abs(shift) >= _FAR"),
            ("abs(shift) > _FAR", "abs(shift) < _FAR"),
        ),
    ),
    (
        "_hand_on",
        "stack[row + i] = 0.0",
        "the parent's elimination drops self-loops, too",
        (
            ("stack[row + i] = 0.0", "pass"),
            ("0.0", "1.0"),
        ),
    ),
    ("_hand_on", "largest = 0.0", UNIT, (("0.0", "1.0"),)),
    ("_hand_on", "if largest == 0.0:", EMPTY, (("0.0", "1.0"),)),
    (
        "_hand_on",
        "stack[j] = value if value > _NOTHING else 0.0",
        SMALL,
        (("value > _NOTHING", "value >= _NOTHING"),),
    ),
    (
        "_assemble",
        "powers[at + k] = max(powers[at + k], math.frexp(rate)[1])",
        UNIT,
        (
            ("powers[at + k]", "powers[at + k + 1]"),
            ("at + k", "at - k"),
        ),
    ),
    (
        "_assemble",
        "powers[at + i] = max(powers[at + i], math.frexp(rate)[1])",
        UNIT,
        (("powers[at + i]", "powers[at + i + 1]"),),
    ),
    (
        "_extend",
        "if handed[at_handed + i] == NEVER or shift < -1000:",
        SMALL,
        (
            (
                "handed[at_handed + i] == NEVER or shift < -1000",
                "handed[at_handed + i] == NEVER and shift < -1000",
            ),
            ("shift < -1000", "shift <= -1000"),
            ("1000", "1001"),
        ),
    ),
    (
        "_factor_nodes",
        "if base < filled:",
        "what is already in its place is copied onto itself",
        (("base < filled", "base <= filled"),),
    ),
    (
        "_factor_nodes",
        "return -1, filled, filled_rows, loaded",
        "any negative number says that nothing failed",
        (("1", "2"),),
    ),
    ("_add", "elif e <= power[i]:", CHOICE, (("e <= power[i]", "e < power[i]"),)),
    (
        "_add",
        "power[i] = base + shift if fraction != 0.0 else NEVER",
        "the power of a zero is not read",
        (("0.0", "1.0"),),
    ),
    ("_align", "if top > NEVER:", EMPTY, (("top > NEVER", "top >= NEVER"),)),
    ("_careful", "if top > NEVER:", EMPTY, (("top > NEVER", "top >= NEVER"),)),
    (
        "_careful",
        "if factor > 0.0 and x > 0.0:",
        EMPTY,
        (
            ("factor > 0.0 and x > 0.0", "factor > 0.0 or x > 0.0"),
            ("factor > 0.0", "factor >= 0.0"),
            ("x > 0.0", "x >= 0.0"),
        ),
    ),
    ("_multiply", "if high > NEVER:", EMPTY, (("high > NEVER", "high >= NEVER"),)),
    (
        "_multiply",
        "if exact and high - low > _CLOSE:",
        CHOICE,
        (("high - low > _CLOSE", "high - low >= _CLOSE"),),
    ),
    (
        "_multiply",
        "if largest > 0.0 and x < max(_LOST * largest, _NEAR_SUBNORMAL):",
        CHOICE,
        (
            (
                "x < max(_LOST * largest, _NEAR_SUBNORMAL)",
                "x <= max(_LOST * largest, _NEAR_SUBNORMAL)",
            ),
        ),
    ),
    (
        "_solve_node",
        "local[p + i] = 0.0 if upwards else value[t]",
        "whatever has the power of an exact zero is lost beside any number",
        (("0.0", "1.0"),),
    ),
    (
        "_solve_node",
        "panels = (p + panel - 1) // panel",
        "panels beyond the last one have no rows",
        (
            ("(p + panel - 1) // panel", "(p + panel - 1) * panel"),
            ("p + panel - 1", "p + panel + 1"),
        ),
    ),
    (
        "_solve_node",
        "if height > 0 and width > 0:",
        EMPTY,
        (
            ("height > 0 and width > 0", "height > 0 or width > 0"),
            ("height > 0", "height >= 0"),
            ("width > 0", "width >= 0"),
        ),
    ),
    (
        "_halve",
        "length = np.where(side >= reach + 2, side / np.maximum(reach, 0.5), 0.0)",
        "any cut is right",
        (
            ("side >= reach + 2", "side > reach + 2"),
            ("reach + 2", "reach - 2"),
            ("2", "3"),
            ("side / np.maximum(reach, 0.5)", "side * np.maximum(reach, 0.5)"),
            ("0.5", "1.5"),
            ("0.0", "1.0"),
        ),
    ),
    (
        "_halve",
        "long = np.zeros(len(low), dtype=np.bool_)",
        "read where strips have written it only",
        (("long = np.zeros(len(low), dtype=np.bool_)", "pass"),),
    ),
    (
        "_halve",
        "long = side[:, strips.axis] > 2 * strips.levels + reach[strips.axis]",
        "any cut is right",
        (
            ("long = side[:, strips.axis] > 2 * strips.levels + reach[strips.axis]", "pass"),
            (
                "side[:, strips.axis] > 2 * strips.levels + reach[strips.axis]",
                "side[:, strips.axis] >= 2 * strips.levels + reach[strips.axis]",
            ),
            ("2 * strips.levels + reach[strips.axis]", "2 * strips.levels - reach[strips.axis]"),
            ("2", "3"),
        ),
    ),
    (
        "_halve",
        "large = side.prod(axis=1) > leaf",
        "any cut is right",
        (("side.prod(axis=1) > leaf", "side.prod(axis=1) >= leaf"),),
    ),
    ("_halve", "long &= large", "any cut is right", (("long &= large", "pass"),)),
    (
        "_halve",
        "split = np.flatnonzero(large & (length[every, axis] > 0.0))",
        "any cut is right",
        (
            ("large & (length[every, axis] > 0.0)", "large | (length[every, axis] > 0.0)"),
            ("length[every, axis] > 0.0", "length[every, axis] >= 0.0"),
            ("0.0", "1.0"),
        ),
    ),
    (
        "_halve",
        "own_low[split, at] += 1 + (room * share + 0.5).astype(np.int64)",
        "any cut is right",
        (
            ("own_low[split, at] += 1 + (room * share + 0.5).astype(np.int64)", "pass"),
            ("1", "2"),
            ("room * share + 0.5", "room * share - 0.5"),
            ("0.5", "1.5"),
        ),
    ),
    (
        "_halve",
        "own_low[long, i] = np.clip(strips.goal, first, last)",
        "any cut is right",
        (("own_low[long, i] = np.clip(strips.goal, first, last)", "pass"),),
    ),
    (
        "_surround",
        "wide |= reach[i] > 1",
        "only whether neighbours are looked at one by one changes",
        (
            ("wide |= reach[i] > 1", "wide &= reach[i] > 1"),
            ("wide |= reach[i] > 1", "pass"),
            ("reach[i] > 1", "reach[i] >= 1"),
            ("reach[i] > 1", "reach[i] < 1"),
            ("1", "2"),
        ),
    ),
    (
        "_surround",
        "if first[node + 1] > first[start[node]]:",
        MORE,
        (("first[node + 1] > first[start[node]]", "first[node + 1] >= first[start[node]]"),),
    ),
    (
        "_surround",
        "near &= outer_low[i] <= anchor[i] < outer_high[i]",
        MORE,
        (
            (
                "near &= outer_low[i] <= anchor[i] < outer_high[i]",
                "near |= outer_low[i] <= anchor[i] < outer_high[i]",
            ),
            ("near &= outer_low[i] <= anchor[i] < outer_high[i]", "pass"),
            (
                "outer_low[i] <= anchor[i] < outer_high[i]",
                "outer_low[i] <= anchor[i] <= outer_high[i]",
            ),
        ),
    ),
    (
        "_surround",
        "if i < d - 1:",
        MORE,
        (
            ("i < d - 1", "i <= d - 1"),
            ("d - 1", "d + 1"),
        ),
    ),
    (
        "_surround",
        "outside += 1",
        "only whether neighbours are looked at one by one changes",
        (
            ("outside += 1", "outside -= 1"),
            ("1", "2"),
        ),
    ),
    (
        "_surround",
        "if 0 <= p < last:",
        "the first state of all is in no border",
        (
            ("0 <= p < last", "0 < p < last"),
            ("0", "1"),
        ),
    ),
    ("_surround", "if 0 <= p < last:", MORE, (("0 <= p < last", "0 <= p <= last"),)),
    (
        "_surround",
        "if (beyond == 1 and not wide) or joined(at, low, high, node, jumps):",
        MORE,
        (
            ("beyond == 1 and (not wide)", "beyond == 1 or not wide"),
            ("beyond == 1", "beyond != 1"),
            ("1", "2"),
            ("not wide", "wide"),
        ),
    ),
    (
        "_joined",
        "forwards &= low[node, i] <= at[i] + jumps[j, i] < high[node, i]",
        MORE,
        (
            (
                "forwards &= low[node, i] <= at[i] + jumps[j, i] < high[node, i]",
                "forwards |= low[node, i] <= at[i] + jumps[j, i] < high[node, i]",
            ),
            ("forwards &= low[node, i] <= at[i] + jumps[j, i] < high[node, i]", "pass"),
            (
                "low[node, i] <= at[i] + jumps[j, i] < high[node, i]",
                "low[node, i] <= at[i] + jumps[j, i] <= high[node, i]",
            ),
        ),
    ),
    (
        "_joined",
        "backwards &= low[node, i] <= at[i] - jumps[j, i] < high[node, i]",
        MORE,
        (
            (
                "backwards &= low[node, i] <= at[i] - jumps[j, i] < high[node, i]",
                "backwards |= low[node, i] <= at[i] - jumps[j, i] < high[node, i]",
            ),
            ("backwards &= low[node, i] <= at[i] - jumps[j, i] < high[node, i]", "pass"),
            (
                "low[node, i] <= at[i] - jumps[j, i] < high[node, i]",
                "low[node, i] <= at[i] - jumps[j, i] <= high[node, i]",
            ),
        ),
    ),
    (
        "_join",
        "elif shift < 0:",
        CHOICE,
        (
            ("shift < 0", "shift <= 0"),
            ("0", "1"),
        ),
    ),
    (
        "_join",
        "if not 1.0 / _FAR < total < _FAR:",
        UNIT,
        (
            ("1.0 / _FAR < total < _FAR", "1.0 / _FAR <= total < _FAR"),
            ("1.0 / _FAR < total < _FAR", "1.0 / _FAR < total <= _FAR"),
            ("1.0 / _FAR", "1.0 * _FAR"),
            ("1.0", "2.0"),
        ),
    ),
    (
        "_collect",
        "flow_power[i] = NEVER",
        "the power of a zero is not read",
        (("flow_power[i] = NEVER", "pass"),),
    ),
    (
        "_collect",
        "for i in range(max(along, 0), min(m + along, m)):",
        "no rate leads out of the box",
        (
            ("max", "min"),
            ("min", "max"),
        ),
    ),
    (
        "_sweep_deep",
        "base = m * (lines - 1 - number if backwards else number)",
        "lines may be solved in any order",
        (("1", "2"),),
    ),
    (
        "_sweep_deep",
        "some = False",
        "a line without free states stays as it is",
        (("False", "True"),),
    ),
    (
        "_sweep_deep",
        "held = not free[x] or not pivot > 0.0",
        EMPTY,
        (("pivot > 0.0", "pivot >= 0.0"),),
    ),
    (
        "_sweep_deep",
        "power[x] = flow_power[i] + shift if fraction > 0.0 else NEVER",
        "the power of a zero is not read",
        (("fraction > 0.0", "fraction >= 0.0"),),
    ),
    (
        "factor",
        "for number, (p, hi) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):",
        "both have one entry a panel",
        (("True", "False"),),
    ),
    (
        "_multiply",
        "rows = max(_ONE_THREAD // max(B.size, 1), 8)",
        "only the size of slabs changes",
        (
            ("max", "min"),
            ("_ONE_THREAD // max(B.size, 1)", "_ONE_THREAD * max(B.size, 1)"),
            ("1", "2"),
            ("8", "9"),
        ),
    ),
    ("BandFactor.right", "i, j = p.first, p.first + p.N.shape[0]", "N is square", (("0", "1"),)),
    ("BandFactor.left", "i, j = p.first, p.first + p.N.shape[0]", "N is square", (("0", "1"),)),
    (
        "BandFactor.right_scaled",
        "i, j = p.first, p.first + p.N.shape[0]",
        "N is square",
        (("0", "1"),),
    ),
    (
        "BandFactor.left_scaled",
        "i, j = p.first, p.first + p.N.shape[0]",
        "N is square",
        (("0", "1"),),
    ),
    (
        "BandFactor._in_range",
        "floor = 2.0**-900 * max(self.peak, 1.0)",
        CHOICE,
        (
            ("-900", "900"),
            ("900", "901"),
            ("1.0", "2.0"),
        ),
    ),
    (
        "BandFactor._in_range",
        "if np.isfinite(x).all() and x.min() > floor and x.max() < 2.0**900:",
        CHOICE,
        (
            ("x.min() > floor", "x.min() >= floor"),
            ("x.max() < 2.0 ** 900", "x.max() <= 2.0 ** 900"),
            ("x.max() < 2.0 ** 900", "x.max() > 2.0 ** 900"),
            ("900", "901"),
        ),
    ),
    ("_align", "top, bottom = np.int64(NEVER), np.int64(-NEVER)", CHOICE, (("-NEVER", "NEVER"),)),
    ("_align", "if value[i] != 0.0:", CHOICE, (("0.0", "1.0"),)),
    (
        "_align",
        "out[i - begin] = math.ldexp(value[i], shift) if value[i] != 0.0 else 0.0",
        CHOICE,
        (("0.0", "1.0"),),
    ),
    ("_multiply", "if x != 0.0:", CHOICE, (("0.0", "1.0"),)),
    ("_halve", "room = side[split, at] - reach[at] - 2", "any cut is right", (("2", "3"),)),
    (
        "_halve",
        "if strips is not None and long.any():",
        EMPTY,
        (("strips is not None and long.any()", "strips is not None or long.any()"),),
    ),
    (
        "_number",
        "for i in range((count - begin) // 2):",
        "a node's own states may come in any order",
        (("2", "3"),),
    ),
    (
        "_surround",
        "wide = False",
        "only whether neighbours are looked at one by one changes",
        (("False", "True"),),
    ),
    ("_surround", "runs = 1", MORE, (("1", "2"),)),
    ("_surround", "count += 1", MORE, (("1", "2"),)),
    (
        "_assemble",
        "t = position[state + offsets[j]] if j < offsets.size else -1",
        "any negative number stands for leaving",
        (("1", "2"),),
    ),
    (
        "_halve",
        "own_high[split, at] = own_low[split, at] + reach[at]",
        "any cut is right",
        (("own_high[split, at] = own_low[split, at] + reach[at]", "pass"),),
    ),
    (
        "invert",
        "if not pivot > _SMALLEST_PIVOT:",
        SMALL,
        (("pivot > _SMALLEST_PIVOT", "pivot >= _SMALLEST_PIVOT"),),
    ),
    (
        "factor",
        "panels: list[Panel] = []",
        "a local variable's annotation is not evaluated",
        (("list[Panel]", "list[Panel + 1]"),),
    ),
    ("factor", "peak = 0.0", "a peak below one counts as one", (("0.0", "1.0"),)),
    (
        "factor",
        "_flushed(following[:rest, :rest])",
        SMALL,
        (("_flushed(following[:rest, :rest])", "pass"),),
    ),
    (
        "_flushed",
        "return np.multiply(values, values > _NOTHING, out=values)",
        SMALL,
        (("values > _NOTHING", "values >= _NOTHING"),),
    ),
)
_EXCUSES = {
    (function, line, *change): why
    for function, line, why, changes in EQUIVALENT
    for change in changes
}


def excuse(function: str, line: str, before: str, after: str) -> str | None:
    """Why this mutant changes no answer; None where it must be killed."""
    return _EXCUSES.get((function, line, before, after))
