r"""What a fault leaves behind, as users feel it: the share of requests answered in time, run by run.

Nothing is asked of queues or orbits here, so that any program and any policy can be judged: a run is
*back* from the first time on at which at least 90 % of the requests begun were answered in time over a window,
and over all that follows, too: a stuck service has good moments, when many of its clients have just given up.
A run that is not back within the time given is *trapped*. The window holds about a hundred requests, two more
follow the time given, and that is three times what the backlog alone takes,

.. math:: 3 \max\Big(\tau,\ \frac{K}{C - \lambda}\Big),

with :math:`\tau` of `relaxation`, queue size K, capacity C and load :math:`\lambda` of the slowest server.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import ModelError, Problem
from separatrix.model import Outage, Program, Schedule
from separatrix.model.demand import demands
from separatrix.model.faults import Fault
from separatrix.model.parameters import with_parameter
from separatrix.notebook import Shown
from separatrix.questions.dear import worth_simulating
from separatrix.questions.long_outage import longest_outage
from separatrix.questions.odds import wilson
from separatrix.questions.verdict import HEALTHY_SHARE, HOLDS, relaxation
from separatrix.simulate import simulate
from separatrix.simulate.intervals import Estimate, student

REQUESTS_A_WINDOW = 100.0
SAMPLES_A_WINDOW = 10
AFTERWARDS = 2
"""Windows that are watched after the time given: a lucky one at its very end is no recovery."""
MOST_BACKLOG = 100.0
"""A backlog is given at most this many relaxation times: close to saturation it would take for ever."""


@dataclass(frozen=True)
class Aftermath(Shown):
    """What runs with a fault looked like before it, and after.

    Attributes
    ----------
    before : share of requests answered in time before the fault.
    after : the same in the last window of the time given.
    back : (runs,) time from the end of the faults until a run is back [s]; infinite where trapped.
    trapped, low, high : share of the runs that are trapped, and its 95 % interval (Wilson).
    end, wait, window : end of the faults, time given after it, and length of a window [s].
    """

    before: Estimate
    after: Estimate
    back: NDArray[np.float64]
    trapped: float
    low: float
    high: float
    end: float
    wait: float
    window: float

    def quantile(self, share: float) -> float:
        """Least time that at least `share` of the runs did not exceed until they were back [s]."""
        ordered = np.sort(self.back)
        return float(ordered[max(0, int(np.ceil(share * len(ordered))) - 1)])

    def to_dict(self) -> dict[str, Any]:
        """For JSON; None for never."""
        p50, p99 = self.quantile(0.5), self.quantile(0.99)
        return {
            "schema": "separatrix.aftermath/1",
            "share_before": self.before.to_dict(),
            "share_after": self.after.to_dict(),
            "trapped": {"probability": self.trapped, "low": self.low, "high": self.high},
            "back_s": {
                "p50": p50 if isfinite(p50) else None,
                "p99": p99 if isfinite(p99) else None,
            },
            "runs": len(self.back),
            "wait_s": self.wait,
            "window_s": self.window,
        }


def aftermath(
    program: Program,
    faults: Sequence[Fault] | None = None,
    *,
    wait: float | None = None,
    runs: int = 100,
    seed: int = 0,
    workers: int | None = 1,
) -> Aftermath:
    """Simulate a program through faults and watch whether it comes back.

    Parameters
    ----------
    faults : what happens; by default the program's own faults, and without any a long outage of all
        servers (the worst start there is).
    wait : time given to come back after the last fault [s].
    runs, seed : replications, and the seed of all random streams.
    workers : processes; None for as many as there are processors.

    Raises ModelError where nobody sends anything, or the program cannot be simulated; NotConverged where that
    would be too dear.
    """
    rate = sum(source.mean_rate for source in program.sources)
    if rate <= 0:
        raise ModelError(Problem("nobody sends anything", "sources", "give an arrival rate"))
    tau = relaxation(program)
    window = max(tau / 2, REQUESTS_A_WINDOW / rate)
    if faults is None:
        faults = program.faults.faults
    if not faults:
        lead = max(3 * tau, 2 * window)
        faults = tuple(Outage(s.name, lead, longest_outage(program)) for s in program.servers)
    schedule = Schedule(tuple(faults))
    hit = with_parameter(program, ("faults",), schedule)
    given = HOLDS * max(tau, backlog_time(program)) if wait is None else wait
    step = window / SAMPLES_A_WINDOW
    horizon = schedule.end + given + (1 + AFTERWARDS) * window
    worth_simulating(hit, horizon, runs)
    found = simulate(
        hit, horizon=horizon, step=step, runs=runs, seed=seed, warmup=0.0, keep=True,
        workers=workers, progress=False,
    )  # fmt: skip
    series = found.to_xarray(runs=True)
    names = [source.name for source in program.sources]
    good = _counts(series, "goodput", names, step)
    begun = _counts(series, "offered", names, step)
    after = int(np.ceil(schedule.end / step))
    answered, asked = (windowed(x[:, after:], SAMPLES_A_WINDOW) for x in (good, begun))
    share = answered / np.maximum(asked, 1.0)
    following = _to_the_end(good[:, after:]) / np.maximum(_to_the_end(begun[:, after:]), 1.0)
    well = (share >= HEALTHY_SHARE) & (following[:, : share.shape[1]] >= HEALTHY_SHARE)
    well = well[:, : -AFTERWARDS * SAMPLES_A_WINDOW]
    back = np.where(well.any(axis=1), well.argmax(axis=1) * step, inf)
    stuck = int(np.isinf(back).sum())
    low, high = wilson(stuck, runs)
    first = int(min(f.start for f in faults) / step)
    calm = slice(min(SAMPLES_A_WINDOW, first // 2), max(first, 1))
    quiet = good[:, calm].sum(axis=1) / np.maximum(begun[:, calm].sum(axis=1), 1.0)
    return Aftermath(
        student(quiet, "1"), student(share[:, -1], "1"), back, stuck / runs,
        low, high, schedule.end, given, window,
    )  # fmt: skip


def backlog_time(program: Program) -> float:
    """Time to work off the fullest queue at this load if nobody retried [s]; bounded."""
    most = MOST_BACKLOG * relaxation(program)
    times = [0.0]
    for name, demand in demands(program).items():
        spare = demand.capacity - demand.first
        times.append(program.get_server(name).qsize / spare if spare > 0 else most)
    return min(max(times), most)


def _counts(series: Any, name: str, sources: list[str], step: float) -> NDArray[np.float64]:
    """(runs, samples) requests in each step, all sources together."""
    picked = series[name].sel(stream=sources).sum("stream").to_numpy()
    return np.asarray(picked * step, dtype=np.float64)


def _to_the_end(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums from each sample to the last."""
    return np.asarray(np.cumsum(counts[:, ::-1], axis=1)[:, ::-1])


def windowed(counts: NDArray[np.float64], samples: int) -> NDArray[np.float64]:
    """Sums over the window of so many samples that begins at each one; the last windows that fit."""
    total = np.cumsum(counts, axis=1)
    total = np.concatenate([np.zeros((len(counts), 1)), total], axis=1)
    return total[:, samples:] - total[:, :-samples]
