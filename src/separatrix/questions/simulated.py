r"""What request-by-request simulation says of the same questions: recovery, collapse, verdict.

A long outage makes the worst start that a program allows: a full queue, and every client waiting to
retry. *Recovery* runs from its end until at most `healthy` attempts are at the server or known to
come back; *collapse* runs from an empty service until at least `stuck` are.

Times longer than the simulator can wait are not lost. Exits from a metastable regime are memoryless
in the mean, so n exits in a total observed time t give the mean t/n with the exact interval

.. math:: \frac{2t}{\chi^2_{0.975}(2n+2)} \le m \le \frac{2t}{\chi^2_{0.025}(2n)},

and none at all gives the lower bound :math:`t/\ln 20` (Cox and Lewis, The Statistical Analysis of
Series of Events, 1966, chapter 2). Which of the two was used is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite, log
from typing import Any

import numpy as np

from separatrix.model import Program, Schedule
from separatrix.model.quantities import duration_text
from separatrix.notebook import Shown
from separatrix.questions.calm import LASTS, overloaded
from separatrix.questions.dear import events_per_second, worth_simulating
from separatrix.questions.long_outage import backlog_time, long_outage
from separatrix.questions.seen import SeenPassage
from separatrix.questions.split import refined
from separatrix.questions.verdict import HOLDS, Word, relaxation
from separatrix.simulate.passage import PassageTimes, passage_times

BALLISTIC = 0.5
"""Coefficient of variation below which a passage is a drift and no escape (whose is 1)."""
_FEWEST = 20
"""Runs that are watched for as long as they must be, whatever the budget."""
_SCOUTS = 4
"""Runs that are watched until a backlog would have cleared, before a recovery is called an escape."""


def seen_recovery(
    program: Program,
    healthy: float,
    *,
    runs: int = 200,
    events: float = 2e7,
    least: float = 0.0,
    seed: int = 0,
) -> SeenPassage:
    """Time from the end of a long outage of every server until the score is at most `healthy`.

    Parameters
    ----------
    healthy : attempts at the servers plus requests known to come back.
    runs : replications.
    events : budget; sets for how long a run is watched.
    least : watched for this long at least [s]; where the budget does not pay for that in all runs, there are fewer.
    seed : of all random streams.

    Raises ModelError for settings that make no sense.
    """
    hit, end = long_outage(program)
    if least > 0:
        runs = min(runs, max(_FEWEST, int(_affordable(program, events) / least)))
    longest = max(_affordable(program, events) / runs, 4 * relaxation(program), least)
    worth_simulating(program, end + longest, runs)
    return _passage(
        passage_times(hit, low=healthy, after=end, runs=runs, longest=longest, seed=seed)
    )


def seen_collapse(
    program: Program,
    stuck: float,
    *,
    runs: int = 200,
    events: float = 2e7,
    seed: int = 0,
) -> SeenPassage:
    """Time from an empty service until the score is at least `stuck`, without any fault."""
    longest = max(_affordable(program, events) / runs, 4 * relaxation(program))
    worth_simulating(program, longest, runs)
    calm = program.under(Schedule())
    return _passage(passage_times(calm, high=stuck, runs=runs, longest=longest, seed=seed))


@dataclass(frozen=True)
class SeenVerdict(Shown):
    """The verdict of simulation.

    Attributes
    ----------
    word : as in `Verdict`.
    recovery, collapse : as seen; `collapse` is None where the service recovers anyway.
    unfed : recovery of the same service without retries: what the backlog itself takes.
    reason : why the word is what it is.
    """

    word: Word
    recovery: SeenPassage
    collapse: SeenPassage | None
    unfed: SeenPassage
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "verdict": self.word,
            "reason": self.reason,
            "recovery_s": self.recovery.to_dict(),
            "collapse_s": None if self.collapse is None else self.collapse.to_dict(),
            "recoverywithout_retries_s": self.unfed.to_dict(),
        }


def seen_verdict(
    program: Program,
    healthy: float,
    stuck: float,
    *,
    runs: int = 200,
    events: float = 2e7,
    rare: bool = False,
    seed: int = 0,
) -> SeenVerdict:
    r"""Whether `program` can get stuck, from simulation alone.

    * **safe**: after a long outage it is back, in the mean, within 3 times :math:`\max(\tau, R_0)`, with
      :math:`\tau` of `relaxation` and :math:`R_0` the recovery of the same service without retries (where it does
      not come back without them either, at most `backlog_time`, or :math:`\tau` where new requests alone are too
      many); or it drifts
      back (its recovery times hardly vary), as a long backlog does and a trap never;
    * **always stuck**: it is not, and an empty service gets there by itself within
      :math:`3\tau`, or drifts there (its times to collapse hardly vary); or it is `overloaded`
      even undisturbed;
    * **can get stuck** otherwise.

    Parameters
    ----------
    healthy, stuck : scores, as in `seen_recovery` and `seen_collapse`.
    rare : ask by splitting for what was seen too seldom, within as many events again for each time.
    """
    tau = relaxation(program)
    unfed = seen_recovery(
        without_retries(program), healthy, runs=runs, events=events / 4, seed=seed
    )
    alone = unfed.mean if unfed.seen == unfed.runs else unfed.low
    if unfed.seen < unfed.runs:
        # it stays without retries, too (a cold cache): what it was watched for is no measure of a delay
        backlog = backlog_time(program)
        alone = min(alone, backlog) if isfinite(backlog) else tau
    long = HOLDS * max(tau, alone)
    recovery = unfed
    if any(source.retries for source in program.sources):
        # a run that is watched for less could not tell a delay from a trap
        recovery = seen_recovery(
            program, healthy, runs=runs, events=events, least=1.5 * long, seed=seed
        )
    if recovery.seen < recovery.runs and not _returns(recovery, long):
        recovery = _drift(program, healthy, runs, events, seed) or recovery
    open_ = not _returns(recovery, long) and recovery.low <= long
    if rare and open_:
        recovery = refined(program, recovery, "recovery", healthy, stuck, events=events, seed=seed)
    if _returns(recovery, long):
        full = overloaded(program, seed=seed)
        if full:
            return SeenVerdict("always stuck", recovery, None, unfed, _too_much(full))
        reason = f"back within {duration_text(recovery.mean)} after a long outage"
        return SeenVerdict("safe", recovery, None, unfed, reason)
    collapse = seen_collapse(program, stuck, runs=runs, events=events, seed=seed + 1)
    if collapse.seen == collapse.runs and (collapse.mean < HOLDS * tau or collapse.cv < BALLISTIC):
        reason = f"gets there by itself within {duration_text(collapse.mean)}"
        return SeenVerdict("always stuck", recovery, collapse, unfed, reason)
    # what seldom collapses while it is watched undisturbed shows what it is like before
    full = overloaded(program, seed=seed) if collapse.low > 3 * LASTS * tau else ""
    if full:
        return SeenVerdict("always stuck", recovery, collapse, unfed, _too_much(full))
    if rare:
        if not open_:
            # only now: of a service that is always stuck nobody asks how long a rare recovery takes
            recovery = refined(
                program, recovery, "recovery", healthy, stuck, events=events, seed=seed
            )
        collapse = refined(
            program, collapse, "collapse", healthy, stuck, events=events, seed=seed + 1
        )
    if recovery.low <= long:
        reason = (
            f"a recovery of {recovery} is too near to {duration_text(long)}, where a delay ends and a "
            "trap begins"
        )
        return SeenVerdict("inconclusive", recovery, collapse, unfed, reason)
    reason = (
        f"stays longer than {duration_text(recovery.low)}, where the backlog alone would take "
        f"{duration_text(alone)}"
    )
    return SeenVerdict("can get stuck", recovery, collapse, unfed, reason)


def _too_much(server: str) -> str:
    return f"{server} has too much to do even undisturbed: too few are answered in time"


def _returns(recovery: SeenPassage, long: float) -> bool:
    """Whether the service comes back by itself: soon, or as a drift."""
    if recovery.seen == recovery.runs:
        return recovery.mean <= long or recovery.cv < BALLISTIC
    return recovery.high <= long


def _drift(
    program: Program, healthy: float, runs: int, events: float, seed: int
) -> SeenPassage | None:
    """The recovery where it is a drift that takes as long as a backlog; None where it is none."""
    backlog = backlog_time(program)
    if not isfinite(backlog):
        return None
    watched = min(3.0 * backlog, _affordable(program, events) / _SCOUTS)
    scouts = seen_recovery(program, healthy, runs=_SCOUTS, events=0.0, least=watched, seed=seed + 2)
    if scouts.seen < scouts.runs or scouts.cv >= BALLISTIC:
        return None
    seen = seen_recovery(
        program, healthy, runs=runs, events=events, least=2.0 * scouts.p99, seed=seed
    )
    return seen if seen.seen == seen.runs and seen.cv < BALLISTIC else None


def without_retries(program: Program) -> Program:
    """The same program, in which nobody tries again."""
    from separatrix.model.parameters import with_parameters

    return with_parameters(program, {("sources", s.name, "retries"): 0 for s in program.sources})


def _affordable(program: Program, events: float) -> float:
    """Simulated time that `events` pay for when every request makes all its attempts [s]."""
    return events / events_per_second(program)


def _passage(times: PassageTimes) -> SeenPassage:
    runs = len(times.times)
    there = np.isfinite(times.times)
    seen = int(there.sum())
    observed = float(np.minimum(times.times, times.longest).sum())
    if seen == runs:
        mean = times.mean.mean
        return SeenPassage(
            mean, max(times.mean.low, 0.0), times.mean.high, times.median, times.p99,
            times.mean.sd / mean if mean > 0 else 0.0, seen, runs, observed, "ok", "",
        )  # fmt: skip
    if seen == 0:
        reason = f"no run got there in {duration_text(observed)} watched in all"
        low = observed / log(20)
        return SeenPassage(
            inf, low, inf, inf, inf, np.nan, 0, runs, observed, "inconclusive", reason
        )
    from scipy.special import chdtri

    mean = observed / seen
    # chdtri(k, p) is the point above which the chi-squared law of k degrees has mass p
    low = 2 * observed / float(chdtri(2 * seen + 2, 0.025))
    high = 2 * observed / float(chdtri(2 * seen, 0.975))
    reason = f"{seen} of {runs} runs got there; the mean supposes memoryless exits"
    return SeenPassage(
        mean, low, high, log(2) * mean, log(100) * mean, np.nan, seen, runs, observed, "ok", reason
    )
