"""Changes that change no answer in the elimination by levels."""

from __future__ import annotations

from markov_equivalents.reasons import CHOICE, FIRST, SMALL, TIE, Equivalent

BANDS: Equivalent = (
    (
        "factor",
        "for number, (p, hi) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):",
        "both have one entry a panel",
        (("True", "False"),),
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
    ("invert", "least, place = np.inf, 0", FIRST, (("0", "1"),)),
    ("invert", "if pivot < least:", TIE, (("pivot < least", "pivot <= least"),)),
)
