"""Changes that change no answer in the boxes of a dissection and their borders."""

from __future__ import annotations

from markov_equivalents.reasons import EMPTY, MORE, Equivalent

BOXES: Equivalent = (
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
        "_halve",
        "own_high[split, at] = own_low[split, at] + reach[at]",
        "any cut is right",
        (("own_high[split, at] = own_low[split, at] + reach[at]", "pass"),),
    ),
    (
        "_surround",
        "beyond = outside if inside else outside + 1",
        "only whether neighbours are looked at one by one changes",
        (("1", "2"),),
    ),
)
