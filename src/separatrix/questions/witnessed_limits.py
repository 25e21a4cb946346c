r"""Limits of programs that have no chain: each decided by simulation at its bound, or left open.

A quantile :math:`t_p < b` is a statement on one probability, :math:`P(T > b) < 1 - p`: runs are watched for b
only, and those still on their way are counted. Wilson's 95 % interval decides, with more runs until it
does or `MOST_RUNS` are spent. Means are compared by their intervals.
"""

from __future__ import annotations

from math import inf

import numpy as np

from separatrix.model.limits import Limit
from separatrix.questions.answers import Time
from separatrix.questions.limits import Kept, Outcome, tipping_kept
from separatrix.questions.long_outage import long_outage
from separatrix.questions.odds import wilson
from separatrix.questions.trapped import seen_trapped
from separatrix.questions.witnessed import Witnessed
from separatrix.simulate.passage import passage_times

MOST_RUNS = 3200
_FIRST_RUNS = 400
_QUANTILES = {"recovery_p50": 0.5, "recovery_p99": 0.99}


def witnessed_limits(found: Witnessed, *, seed: int = 0) -> tuple[Kept, ...]:
    """Every limit of the program, decided by simulation; ``"unknown"`` where it cannot, with the reason."""
    return tuple(_kept(limit, found, seed) for limit in found.program.limits)


def _kept(limit: Limit, found: Witnessed, seed: int) -> Kept:
    name, seen = limit.quantity, found.seen
    if limit.duration is not None:
        return tipping_kept(limit, limit.duration, found.program, seen_trapped)
    if name == "goodput":
        share = 0.0 if found.word == "always stuck" else found.share
        return Kept(
            limit,
            share,
            _outcome(limit, share, share),
            "of the requests are answered in time, simulated",
        )
    if name == "collapse_mean":
        if found.word == "safe":
            return Kept(limit, inf, "holds", "it has no stuck state, simulated")
        if found.word == "always stuck":
            return Kept(limit, 0.0, "fails", "it is always stuck, simulated")
        if seen.collapse is None:
            return Kept(limit, None, "unknown", seen.reason)
        return _by_interval(limit, seen.collapse, "mean, without a trigger, simulated")
    if found.word == "inconclusive" and seen.recovery is None:
        return Kept(limit, None, "unknown", seen.reason)
    if found.word == "always stuck" or seen.recovery is None:
        return Kept(limit, inf, "fails", "there is nothing healthy to come back to, simulated")
    if name == "recovery_mean":
        return _by_interval(limit, seen.recovery, "after a long outage, simulated")
    return _by_counting(limit, _QUANTILES[name], found, seed)


def _by_interval(limit: Limit, time: Time, reason: str) -> Kept:
    value = time.mean if np.isfinite(time.mean) else time.low
    return Kept(limit, value, _outcome(limit, time.low, time.high), f"{reason}: {time}")


def _outcome(limit: Limit, low: float, high: float) -> Outcome:
    kept = {limit.holds(low), limit.holds(high)}
    if len(kept) == 2:
        return "unknown"
    return "holds" if kept.pop() else "fails"


def _by_counting(limit: Limit, quantile: float, found: Witnessed, seed: int) -> Kept:
    """Count the recoveries that take longer than the bound, until their share is known well enough."""
    allowed = 1.0 - quantile
    hit, end = long_outage(found.program)
    late = runs = 0
    while True:
        more = max(runs, _FIRST_RUNS)
        times = passage_times(
            hit, low=found.engines.healthy, after=end, runs=more, longest=limit.value,
            seed=seed + runs,
        ).times  # fmt: skip
        late, runs = late + int((~np.isfinite(times)).sum()), runs + more
        low, high = wilson(late, runs)
        if high < allowed or low > allowed or runs >= MOST_RUNS:
            break
    outcome: Outcome = "unknown"
    if high < allowed or low > allowed:
        outcome = "holds" if high < allowed else "fails"
    time = found.seen.recovery
    value = getattr(time, limit.quantity.removeprefix("recovery_")) if time is not None else inf
    reason = f"after a long outage; {late} of {runs} simulated runs take longer than the bound"
    return Kept(limit, value if np.isfinite(value) else None, outcome, reason)
