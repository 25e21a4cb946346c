"""First-passage times of the request-level model: until healthy again, or until it tips."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import ModelError, Problem
from separatrix.model import Program
from separatrix.notebook import Shown
from separatrix.simulate import layout as at
from separatrix.simulate.compile import Compiled, compile_program
from separatrix.simulate.features import Features
from separatrix.simulate.intervals import Estimate, student
from separatrix.simulate.run import Buffers, drive
from separatrix.simulate.state import new_run


@dataclass(frozen=True)
class PassageTimes(Shown):
    """Times until the score of the state first left an interval.

    The score is the number of attempts at the servers plus the number of requests known to come
    back (dropped attempts whose client still waits for its timeout, and waits before a retry).

    Attributes
    ----------
    times : (runs,) [s], counted from `since`; infinite where it did not happen within `longest`.
    since : when the clock starts in every run [s].
    longest : how long was waited [s].
    mean : mean time with its interval, where every run got there; else only a lower bound is known
        and the mean is infinite.
    median, p99 : quantiles over the runs [s]; infinite where not enough runs got there.
    status, reason : "ok", or "inconclusive" and why.
    """

    times: NDArray[np.float64]
    since: float
    longest: float
    mean: Estimate
    median: float
    p99: float
    status: Literal["ok", "inconclusive"]
    reason: str

    @property
    def share(self) -> float:
        """Share of the runs that got there."""
        return float(np.isfinite(self.times).mean())

    def to_dict(self) -> dict[str, Any]:
        """The numbers for ``--json`` [s]; None for infinity."""
        return {
            "times": [float(t) if math.isfinite(t) else None for t in self.times],
            "since": self.since,
            "longest": self.longest,
            "share": self.share,
            "mean": self.mean.to_dict(),
            "median": self.median if math.isfinite(self.median) else None,
            "p99": self.p99 if math.isfinite(self.p99) else None,
            "status": self.status,
            "reason": self.reason,
        }


def recovery_times(
    program: Program,
    *,
    healthy: float,
    runs: int = 100,
    longest: float = 3600.0,
    seed: int = 0,
    threads: int = 2,
) -> PassageTimes:
    """Times from the end of the program's faults until the score is at most `healthy`.

    0 where the faults leave it there. Parameters as in `passage_times`; raises ModelError where the
    program has no faults.
    """
    if not program.faults.faults:
        raise ModelError(Problem("has no fault to recover from", "faults", "add a spike"))
    return passage_times(
        program, low=healthy, after=program.faults.end, runs=runs, longest=longest, seed=seed,
        threads=threads,
    )  # fmt: skip


def passage_times(
    program: Program,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    after: float = 0.0,
    runs: int = 100,
    longest: float = 3600.0,
    seed: int = 0,
    threads: int = 2,
) -> PassageTimes:
    """Times from `after` [s] until the score is first ``<= low`` or ``>= high``.

    Parameters
    ----------
    low, high : ends of the interval [attempts and requests].
    runs : replications; run i draws from child i of the seed's `numpy.random.SeedSequence`.
    longest : wait no longer than this after `after` [s].
    threads : runs side by side; they change nothing but the time it takes.

    Raises ModelError for settings that make no sense.
    """
    from separatrix.simulate.event_loop import event_loop

    problems = [
        Problem(f"must be > 0 and finite, got {value:g}", name, "write a time in seconds")
        for name, value in (("longest", longest), ("after", after + 1.0))
        if not 0 < value < math.inf
    ]
    if runs < 1 or threads < 1:
        problems.append(Problem("must be at least 1", "runs and threads", "ask for 100 and 2"))
    if not (low < high) or (low == -math.inf and high == math.inf):
        problems.append(Problem(f"nothing to wait for in ({low}, {high})", "low and high", ""))
    if problems:
        raise ModelError(problems)
    compiled = compile_program(program)
    watched = int(compiled.words[at.P_WATCH])
    weights = compiled.words.view(np.float64)[watched:]
    weights[: len(compiled.servers) + len(compiled.streams)] = 1.0
    features = dataclasses.replace(compiled.features, watch=True)
    loop = event_loop(features)

    def one(index: int) -> float:
        return _one(loop, compiled, features, seed, index, low, high, after, longest)

    with ThreadPoolExecutor(threads) as pool:
        times = np.array(list(pool.map(one, range(runs))))
    missing = int(np.sum(np.isinf(times)))
    reason = f"{missing} of {runs} runs did not get there in {longest:g} s" if missing else ""
    mean = student(times, "s") if not missing else Estimate(
        math.inf, float(np.minimum(times, longest).mean()), math.inf, math.nan, runs, 0.95, "s"
    )  # fmt: skip
    ordered = np.sort(times)
    return PassageTimes(
        times, after, longest, mean, _quantile(ordered, 0.5), _quantile(ordered, 0.99),
        "inconclusive" if missing else "ok", reason,
    )  # fmt: skip


def _one(
    loop: Callable[..., int], compiled: Compiled, features: Features, seed: int, index: int,
    low: float, high: float, after: float, longest: float,
) -> float:  # fmt: skip
    state = new_run(compiled, features, np.random.SeedSequence(seed, spawn_key=(index,)))
    buffers = Buffers.fit(compiled, features, after + longest)
    if after > 0:
        drive(loop, compiled, state, buffers, after)
    state.F[at.LOW], state.F[at.HIGH] = low, high
    if drive(loop, compiled, state, buffers, after + longest) == at.DONE:
        return math.inf
    return max(state.now - after, 0.0)


def _quantile(ordered: NDArray[np.float64], share: float) -> float:
    """The least time that at least `share` of the runs did not exceed."""
    return float(ordered[max(0, math.ceil(share * len(ordered)) - 1)])
