"""Predicted against measured, quantity by quantity.

A measured number agrees with the prediction when it lies where so many real runs would lie by chance, or
as near as `GOODPUT_WITHIN` and `ATTEMPTS_WITHIN` say. The ranges hold together: where the prediction is right,
*all* of the k numbers compared lie in theirs with a probability of at least 95 %, since each range leaves out
0.05/k (Bonferroni). With 95 % apiece, one right prediction in six would be called wrong by chance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from separatrix.questions.outcome import Outcome

GOODPUT_WITHIN = 0.05
ATTEMPTS_WITHIN = 0.10
LEFT_OUT = 0.05
"""Probability that a right prediction is called wrong, by chance."""


@dataclass(frozen=True)
class Row:
    """One quantity, predicted and measured.

    Attributes
    ----------
    quantity, unit : what, in which unit.
    predicted, low, high : by simulation: the mean, and where the mean of so many real runs lies: all rows
        together with a probability of 95 %.
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
    kinds = [(stuck, [o for o in predicted if o.stuck == stuck]) for stuck in (True, False)]
    met = {o.stuck for o in real}
    # numbers that will be compared: goodput before and the chance; two of the stuck; three of the others
    compared = 2 + 2 * (True in met) + 3 * (False in met)
    outside = LEFT_OUT / compared
    rows = [
        _row("goodput before", "1/s", [o.goodput_before for o in predicted],
             [o.goodput_before for o in real], GOODPUT_WITHIN, outside)
    ]  # fmt: skip
    for stuck, ours in kinds:
        kind = "when stuck" if stuck else "when recovered"
        theirs = [o for o in real if o.stuck == stuck]
        if not ours:
            continue
        rows += [
            _row(f"goodput after, {kind}", "1/s", [o.goodput_after for o in ours],
                 [o.goodput_after for o in theirs], GOODPUT_WITHIN, outside),
            _row(f"attempts after, {kind}", "1/s", [o.attempts_after for o in ours],
                 [o.attempts_after for o in theirs], ATTEMPTS_WITHIN, outside),
        ]  # fmt: skip
        if not stuck:
            rows.append(
                _row("recovery time", "s", [o.recovery for o in ours if math.isfinite(o.recovery)],
                     [o.recovery for o in theirs if math.isfinite(o.recovery)], 0.0, outside)
            )  # fmt: skip
    chance = float(np.mean([o.stuck for o in predicted]))
    low, high = _binomial_range(chance, len(predicted), len(real), outside)
    share = float(np.mean([o.stuck for o in real])) if real else math.nan
    agrees = None if not real else low <= share <= high
    return (*rows, Row("chance to get stuck", "1", chance, low, high, share, agrees))


def _row(
    quantity: str,
    unit: str,
    predicted: list[float],
    real: list[float],
    within: float,
    outside: float,
) -> Row:
    if not predicted:
        return Row(quantity, unit, math.nan, math.nan, math.nan, math.nan, None)
    values = np.array(predicted)
    mean, n = float(values.mean()), max(len(real), 1)
    # so many real runs, drawn from the simulated ones again and again
    drawn = np.random.default_rng(0).choice(values, (4000, n)).mean(axis=1)
    low, high = (float(q) for q in np.quantile(drawn, (outside / 2, 1 - outside / 2)))
    if not real:
        return Row(quantity, unit, mean, low, high, math.nan, None)
    measured = float(np.mean(real))
    agrees = low <= measured <= high or abs(measured - mean) <= within * abs(mean)
    return Row(quantity, unit, mean, low, high, measured, agrees)


def _binomial_range(chance: float, runs: int, n: int, outside: float) -> tuple[float, float]:
    """Where the share of `n` real runs lies but for `outside`, the chance being known from `runs` only.

    Beta-binomial with Jeffreys' prior for the simulated share.
    """
    if n == 0:
        return math.nan, math.nan
    rng = np.random.default_rng(0)
    shares = rng.beta(chance * runs + 0.5, (1 - chance) * runs + 0.5, 20_000)
    drawn = rng.binomial(n, shares) / n
    low, high = np.quantile(drawn, (outside / 2, 1 - outside / 2))
    return float(low), float(high)
