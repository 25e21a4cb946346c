"""Changes that change no answer in products and solves with vectors in extended range."""

from __future__ import annotations

from markov_equivalents.reasons import CHOICE, EMPTY, Equivalent

VECTORS: Equivalent = (
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
    ("_align", "top, bottom = np.int64(NEVER), np.int64(-NEVER)", CHOICE, (("-NEVER", "NEVER"),)),
    ("_align", "if value[i] != 0.0:", CHOICE, (("0.0", "1.0"),)),
    (
        "_align",
        "out[i - begin] = math.ldexp(value[i], shift) if value[i] != 0.0 else 0.0",
        CHOICE,
        (("0.0", "1.0"),),
    ),
    ("_multiply", "if x != 0.0:", CHOICE, (("0.0", "1.0"),)),
)
