"""Changes that change no answer in the fronts of a dissection, from assembly to packing."""

from __future__ import annotations

from markov_equivalents.reasons import EMPTY, FIRST, SMALL, TIE, UNIT, Equivalent

FRONTS: Equivalent = (
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
    (
        "_assemble",
        "t = position[state + offsets[j]] if j < offsets.size else -1",
        "any negative number stands for leaving",
        (("1", "2"),),
    ),
    ("_invert", "least, place = np.inf, 0", FIRST, (("0", "1"),)),
    ("_invert", "if pivot < least:", TIE, (("pivot < least", "pivot <= least"),)),
)
