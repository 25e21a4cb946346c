"""A table of numbers beside the values they must have, each with its reading: "right" or "wrong"."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import ndtri, stdtr

RESULTS = Path(__file__).resolve().parent.parent / "results"
FALSE_ALARM = 1e-4  # a right number is read as wrong this often; seeds are fixed, so not twice


class Readings:
    """Collects rows and writes ``results/NAME.md``.

    name : of the file; text : what was asked and how.
    """

    def __init__(self, name: str, text: str) -> None:
        self.name, self.text = name, text.strip()
        self.rows: list[str] = []
        self.wrong = 0
        self.begin = time.process_time()

    def mean(self, what: str, expected: float, found: Any) -> None:
        """`found`: an `Estimate`, or independent values, whose mean should be `expected`."""
        if not hasattr(found, "sd"):
            values = np.asarray(found, dtype=float)
            mean, sd, n = float(values.mean()), float(values.std(ddof=1)), len(values)
        else:
            mean, sd, n = found.mean, found.sd, found.runs
        error = sd / math.sqrt(n)
        t = (mean - expected) / error if error > 0 else (0.0 if mean == expected else math.inf)
        p = 2.0 * float(stdtr(n - 1, -abs(t)))
        self._row(what, f"{expected:.6g}", f"{mean:.6g} +- {error:.2g}", p >= FALSE_ALARM, p)

    def law(self, what: str, p: float, n: int) -> None:
        """The p-value of a test of `n` values against a law, or against a second sample."""
        self._row(what, "the law", f"{n:,} values", p >= FALSE_ALARM, p)

    def exact(self, what: str, expected: Any, found: Any) -> None:
        """`found` must be `expected`, no less."""
        self._row(what, f"{expected}", f"{found}", bool(expected == found), None)

    def _row(self, what: str, expected: str, found: str, right: bool, p: float | None) -> None:
        self.wrong += not right
        spread = "" if p is None else f"{p:.2g}"
        line = f"| {what} | {expected} | {found} | {spread} | {'right' if right else 'WRONG'} |"
        print(line, flush=True)
        self.rows.append(line)

    def finish(self) -> None:
        """Write the table; exits 1 where something is wrong."""
        reading = (
            f"{self.wrong} of {len(self.rows)} are wrong"
            if self.wrong
            else (f"all {len(self.rows)} are right")
        )
        lines = [
            self.text,
            "",
            f"p: probability of so large a difference, or a larger one, if all is right; read as "
            f"wrong below {FALSE_ALARM:g} ({-float(ndtri(FALSE_ALARM / 2)):.1f} standard errors). "
            f"{reading[0].upper()}{reading[1:]}. {time.process_time() - self.begin:.0f} s of CPU.",
            "",
            "| what | expected | found | p | reading |",
            "|---|---|---|---|---|",
            *self.rows,
            "",
        ]
        (RESULTS / f"{self.name}.md").write_text("\n".join(lines), encoding="utf-8")
        print(reading)
        raise SystemExit(1 if self.wrong else 0)
