"""Predicted against measured, quantity by quantity.

A measured number agrees with the prediction when it lies where so many real runs would lie by chance, or
as near as `GOODPUT_WITHIN` and `ATTEMPTS_WITHIN` say.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from separatrix.questions.outcome import Outcome

GOODPUT_WITHIN = 0.05
ATTEMPTS_WITHIN = 0.10


@dataclass(frozen=True)
class Row:
    """One quantity, predicted and measured.

    Attributes
    ----------
    quantity, unit : what, in which unit.
    predicted, low, high : by simulation: the mean, and where the mean of so many real runs lies with
        a probability of 95 %.
    measured : mean over the real runs that kept their time; NaN where there is none.
    agrees : whether it lies there, or within the tolerance; None where there is nothing to compare.
    """

    quantity: str
    unit: str
    predicted: float
    low: float
    high: float
    measured: float
    agrees: bool | None


def word_of(chance: float) -> str:
    """A probability to get stuck in one word."""
    return "stuck" if chance > 0.95 else "recovers" if chance < 0.05 else "either"


def compare(predicted: Sequence[Outcome], real: Sequence[Outcome]) -> tuple[Row, ...]:
    """Predicted against measured, quantity by quantity.

    Where some runs get stuck and others do not, the two kinds are compared apart: a mean over both
    says nothing about either.
    """
    rows = [
        _row("goodput before", "1/s", [o.goodput_before for o in predicted],
             [o.goodput_before for o in real], GOODPUT_WITHIN)
    ]  # fmt: skip
    for stuck, kind in ((True, "when stuck"), (False, "when recovered")):
        ours = [o for o in predicted if o.stuck == stuck]
        theirs = [o for o in real if o.stuck == stuck]
        if not ours:
            continue
        rows += [
            _row(f"goodput after, {kind}", "1/s", [o.goodput_after for o in ours],
                 [o.goodput_after for o in theirs], GOODPUT_WITHIN),
            _row(f"attempts after, {kind}", "1/s", [o.attempts_after for o in ours],
                 [o.attempts_after for o in theirs], ATTEMPTS_WITHIN),
        ]  # fmt: skip
        if not stuck:
            rows.append(
                _row("recovery time", "s", [o.recovery for o in ours if math.isfinite(o.recovery)],
                     [o.recovery for o in theirs if math.isfinite(o.recovery)], 0.0)
            )  # fmt: skip
    chance = float(np.mean([o.stuck for o in predicted]))
    low, high = _binomial_range(chance, len(predicted), len(real))
    share = float(np.mean([o.stuck for o in real])) if real else math.nan
    agrees = None if not real else low <= share <= high
    return (*rows, Row("chance to get stuck", "1", chance, low, high, share, agrees))


def _row(quantity: str, unit: str, predicted: list[float], real: list[float], within: float) -> Row:
    if not predicted:
        return Row(quantity, unit, math.nan, math.nan, math.nan, math.nan, None)
    values = np.array(predicted)
    mean, n = float(values.mean()), max(len(real), 1)
    # so many real runs, drawn from the simulated ones again and again
    drawn = np.random.default_rng(0).choice(values, (4000, n)).mean(axis=1)
    low, high = (float(q) for q in np.quantile(drawn, (0.025, 0.975)))
    if not real:
        return Row(quantity, unit, mean, low, high, math.nan, None)
    measured = float(np.mean(real))
    agrees = low <= measured <= high or abs(measured - mean) <= within * abs(mean)
    return Row(quantity, unit, mean, low, high, measured, agrees)


def _binomial_range(chance: float, runs: int, n: int) -> tuple[float, float]:
    """Where the share of `n` real runs lies with 95 %, the chance being known from `runs` only.

    Beta-binomial with Jeffreys' prior for the simulated share.
    """
    if n == 0:
        return math.nan, math.nan
    rng = np.random.default_rng(0)
    shares = rng.beta(chance * runs + 0.5, (1 - chance) * runs + 0.5, 20_000)
    drawn = rng.binomial(n, shares) / n
    low, high = np.quantile(drawn, (0.025, 0.975))
    return float(low), float(high)
