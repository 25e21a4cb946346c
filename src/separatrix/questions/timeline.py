"""What users and operators see while a program's own faults pass: load, answers, retries and queue.

The simulated runs give the band; the mean dynamics the line below it, which knows nothing of chance.
Both read the same quantities: new requests and those answered in time of all sources [1/s], the retries
that sources send [1/s], and the attempts at all servers, waiting and in service.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from separatrix.errors import SeparatrixError
from separatrix.fluid.field import Trajectory, follow, piece_of
from separatrix.model import Program
from separatrix.model.during import during
from separatrix.model.faults import Fault, Outage
from separatrix.model.quantities import amount_text, duration_text
from separatrix.notebook import Shown
from separatrix.population import Array
from separatrix.questions.aftermath import REQUESTS_A_WINDOW, windowed
from separatrix.simulate import SimulationResult, simulate

NAMES = ("load", "goodput", "retries", "queue")
"""The series: the first three in 1/s, the queue in attempts."""
SAMPLES = 240
BAND = (0.025, 0.5, 0.975)
BACK = 0.9
"""A run is back when the share of its requests that it answers is this much of the share before."""


@dataclass(frozen=True)
class Timeline(Shown):
    """One horizon by simulation and by the mean dynamics.

    Attributes
    ----------
    program : its name.
    faults : (begin, end, words) of each.
    times : (n,) [s], ends of the simulated steps.
    seen : name -> (3, n): 2.5 %, median and 97.5 % of the runs.
    mean_times : (m,) [s]; mean : name -> (m,), by the mean dynamics; both empty where no population
        carries the program, for the `reason` given.
    path : the mean dynamics' own path, for the plane; None as above.
    before, after : median over the runs of the goodput before the faults and in the last third of what
        follows them [1/s]; `before` is NaN where a fault begins at 0.
    runs, stuck : simulated runs, and those that are never back once the faults are over: over no window of about
        `REQUESTS_A_WINDOW` requests do they answer `BACK` of the share that they answered before.
    relapsed : runs that were back, and answer too little again in the last third.
    """

    program: str
    faults: tuple[tuple[float, float, str], ...]
    times: Array
    seen: dict[str, Array]
    mean_times: Array
    mean: dict[str, Array]
    path: Trajectory | None
    reason: str
    before: float
    after: float
    runs: int
    stuck: int
    relapsed: int = 0

    def finding(self) -> str:
        """The picture in one sentence."""
        length = float(self.times[-1]) - max((end for _, end, _ in self.faults), default=0.0)
        if not self.faults:
            return f"{self.runs} runs without a fault: {amount_text(self.after, 3)} requests/s answered in time."
        if length <= 0:
            return (
                f"The runs end at {float(self.times[-1]):.3g} s, before the fault is over: nothing is said of "
                "the time after it. Simulate longer."
            )
        rates = f"{amount_text(self.after, 3)} requests/s are answered in time"
        if self.before == self.before:
            rates += f", {amount_text(self.before, 3)} before"
        fail = "answers" if self.relapsed == 1 else "answer"
        again = f" {self.relapsed} of them then {fail} too little again." if self.relapsed else ""
        if self.stuck == 0:
            return f"All {self.runs} simulated runs come back: {rates}.{again}"
        again = again.replace("of them", "came back and")
        return (
            f"{self.stuck} of {self.runs} simulated runs are still stuck {duration_text(length)} after the "
            f"fault is over: {rates}.{again}"
        )

    def to_dict(self) -> dict[str, Any]:
        """For JSON; times in seconds, rates per second."""
        return {
            "schema": "separatrix.timeline/1",
            "program": self.program,
            "faults": [{"begin_s": a, "end_s": b, "what": words} for a, b, words in self.faults],
            "times_s": self.times.tolist(),
            "simulated": {name: band.tolist() for name, band in self.seen.items()},
            "mean_times_s": self.mean_times.tolist(),
            "mean_dynamics": {name: line.tolist() for name, line in self.mean.items()},
            "path": None
            if self.path is None
            else {
                "queue": self.path.total("queue").tolist(),
                "orbit": self.path.total("orbit").tolist(),
            },
            "reason": self.reason,
            "goodput_before_per_s": None if self.before != self.before else self.before,
            "goodput_after_per_s": self.after,
            "runs": self.runs,
            "stuck_runs": self.stuck,
            "relapsed_runs": self.relapsed,
        }


def timeline(
    program: Program,
    *,
    horizon: float | None = None,
    runs: int = 100,
    seed: int = 0,
    workers: int | None = None,
    progress: Any = False,
) -> Timeline:
    """Follow `program` through its own faults, from an empty start.

    Parameters
    ----------
    horizon : simulated time [s]; by default twice what the faults take, and a minute.
    runs, seed : replications, and what makes them random.
    workers, progress : as `simulate` takes them.

    Raises ModelError where the program or the horizon is wrong.
    """
    if horizon is None:
        horizon = 2 * program.faults.end + 60.0
    result = simulate(
        program, horizon=horizon, runs=runs, seed=seed, step=horizon / SAMPLES, keep=True,
        workers=workers, progress=progress,
    )  # fmt: skip
    path, reason = None, ""
    try:
        path = follow(program, horizon, points=2 * SAMPLES, closure="geometric")
    except SeparatrixError as error:
        reason = str(error)
    return through(program, result, path, reason)


def through(
    program: Program, result: SimulationResult, path: Trajectory | None, reason: str = ""
) -> Timeline:
    """The time line of runs that were kept, and of a path by the geometric closure.

    Raises ValueError where the runs were not kept.
    """
    by_run = _series(program, result)
    samples = result.cells.shape[1] if result.cells is not None else 0
    times = np.arange(samples, dtype=np.float64) * result.step
    begin, end, last = _phases(program, times)
    before = (
        by_run["goodput"][:, begin].mean(axis=1) if begin.any() else np.full(result.runs, np.nan)
    )
    after = by_run["goodput"][:, last].mean(axis=1)
    faults = program.faults.faults
    stuck, relapsed = 0, 0
    if faults and end < times[-1]:
        window = math.ceil(
            REQUESTS_A_WINDOW / sum(s.mean_rate for s in program.sources) / result.step
        )
        stuck, relapsed = _stuck(by_run, begin, times > end, last, window)
    return Timeline(
        program=program.name,
        faults=tuple((f.start, f.start + f.duration, _words(f)) for f in faults),
        times=times[1:],
        # what happened at 0 itself is no rate
        seen={n: np.quantile(values[:, 1:], BAND, axis=0) for n, values in by_run.items()},
        mean_times=np.empty(0) if path is None else path.times,
        mean={} if path is None else _on_average(program, path),
        path=path,
        reason=reason,
        before=float(np.median(before)),
        after=float(np.median(after)),
        runs=result.runs,
        stuck=stuck,
        relapsed=relapsed,
    )


def _stuck(
    by_run: dict[str, Array], begin: Any, after: Any, last: Any, window: int
) -> tuple[int, int]:
    """Runs that are never back after the faults, and those that were and answer too little in the end.

    A bad spell is no trap: who was back over a whole window is not held by this fault any more (`aftermath`
    judges by the same rule).

    Parameters
    ----------
    begin, after, last : (samples,) which samples lie before the faults, after them, and at the very end.
    window : samples over which a run has to be well.
    """
    good, asked = by_run["goodput"], by_run["load"]

    def share(part: Any) -> Array:
        return good[:, part].sum(axis=1) / np.maximum(asked[:, part].sum(axis=1), 1e-9)

    least = BACK * (share(begin) if begin.any() else np.ones(len(good)))
    width = max(min(window, int(after.sum())), 1)

    answered, begun = (windowed(x[:, after], width) for x in (good, asked))
    back = (answered >= least[:, None] * np.maximum(begun, 1e-9)).any(axis=1)
    return int((~back).sum()), int((back & (share(last) < least)).sum())


def _words(fault: Fault) -> str:
    return fault.kind if isinstance(fault, Outage) else f"{fault.kind} {fault.factor:g}x"


def _phases(program: Program, times: Array) -> tuple[Any, float, Any]:
    """Samples before the first fault (none of the warm-up), the end of the last, the last third after."""
    faults = program.faults.faults
    first = min((f.start for f in faults), default=0.0)
    end = program.faults.end if faults else 0.0
    return (
        (times > first / 3) & (times <= first),
        end,
        times > times[-1] - (times[-1] - min(end, times[-1])) / 3 - 1e-9,
    )


def _series(program: Program, result: SimulationResult) -> dict[str, Array]:
    """Name -> (runs, samples)."""
    data: Any = result.to_xarray(runs=True)  # xarray leaves its types open
    own = [source.name for source in program.sources]

    def rate(name: str) -> Array:
        return np.asarray(data[name].sel(stream=own).sum("stream").transpose("run", "time"))

    retries = data["retries"].sel(stream=own).sum(["stream", "origin"]).transpose("run", "time")
    queue = (data["queue"] + data["in_service"]).sum("server").transpose("run", "time")
    return {
        "load": rate("offered"),
        "goodput": rate("goodput"),
        "retries": np.asarray(retries),
        "queue": np.asarray(queue),
    }


def _on_average(program: Program, path: Trajectory) -> dict[str, Array]:
    """The same series of the mean dynamics, piece by piece of the faults."""
    stops = [t for t in program.faults.breakpoints if 0 < t < path.times[-1]]
    found = {name: np.zeros(len(path.times)) for name in NAMES}
    found["queue"] = path.total("queue")
    for begin, end in pairwise([0.0, *stops, float(path.times[-1])]):
        here = (path.times >= begin) & (path.times <= end)
        piece = piece_of(program, program.faults, begin, "geometric")
        states = tuple(path.states[here].T)
        load = sum(source.mean_rate for source in during(program, program.faults, begin).sources)
        by = {measure.name: measure.value for measure in piece.measures}
        sent = sum(by[f"attempts[{source.name}]"](states) for source in program.sources)
        found["load"][here] = load
        found["goodput"][here] = by["goodput"](states)
        found["retries"][here] = np.maximum(np.asarray(sent) - load, 0.0)
    return found
