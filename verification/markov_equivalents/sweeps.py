"""Changes that change no answer in the sweeps that find the unlikely part of a law."""

from __future__ import annotations

from markov_equivalents.reasons import CHOICE, EMPTY, UNIT, Equivalent

SWEEPS: Equivalent = (
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
)
