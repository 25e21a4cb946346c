"""Predict what a fault does to a service, then do it to a real one, and hold both side by side.

The prediction comes from the engines: mean dynamics and exact chain where they can say (see `foretold`),
and many simulated runs, which alone give the range that a real run is held against (see `comparison`).
The measurement comes from real processes on this machine.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from separatrix.emulate import Emulation, Target, emulate
from separatrix.errors import ModelError, Problem
from separatrix.model import Outage, Program, Schedule, Slowdown, Spike
from separatrix.notebook import Shown
from separatrix.population import Array
from separatrix.questions.comparison import Row, compare, word_of
from separatrix.questions.foretold import Forecast, foretell, standing
from separatrix.questions.outcome import Outcome, Phases, outcome, phases_of
from separatrix.simulate import SimulationResult, simulate

SAMPLING = 0.25
"""Longest sampling step [s]; the fault takes a whole number of steps."""
MOST_REPEATS = 200
MOST_AT_ONCE = 8

Fault = Spike | Slowdown | Outage


@dataclass(frozen=True)
class Proof(Shown):
    """A prediction and its test on a real server.

    Attributes
    ----------
    program, fault : what was tried; the fault starts at ``phases.fault``.
    phases : parts of a run [s].
    verdict, sentence : of the exact chain, without the fault; ``"not asked"`` and why where it
        cannot carry the program.
    forecasts : of the mean dynamics and of the exact chain, with the fault.
    simulated, real : outcomes of every run.
    lags : of every real run, the worst 99th percentile of a process's timers [s].
    rows : predicted against measured.
    collapsed, chance : real runs that got stuck, and the predicted probability to.
    predicted_word, measured_word : "stuck", "recovers", or "either" where chance decides.
    agrees : whether prediction and measurement tell the same story; None where no real run is valid.
    status, reason : "ok", or "inconclusive" and why.
    band : the simulated series, for pictures.
    runs : the real series, for pictures.
    """

    program: str
    fault: Fault
    phases: Phases
    verdict: str
    sentence: str
    forecasts: tuple[Forecast, ...]
    simulated: tuple[Outcome, ...] = field(repr=False)
    real: tuple[Outcome, ...]
    lags: tuple[float, ...]
    rows: tuple[Row, ...]
    collapsed: int
    chance: float
    predicted_word: str
    measured_word: str
    agrees: bool | None
    status: Literal["ok", "inconclusive"]
    reason: str
    band: SimulationResult = field(repr=False)
    runs: tuple[Emulation, ...] = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """For JSON; times in seconds, rates per second."""
        return {
            "schema": "separatrix.proof/1",
            "program": self.program,
            "fault": vars(self.fault),
            "phases_s": vars(self.phases),
            "verdict": self.verdict,
            "sentence": self.sentence,
            "forecasts": [forecast.to_dict() for forecast in self.forecasts],
            "rows": [vars(row) for row in self.rows],
            "real_runs": [vars(o) for o in self.real],
            "simulated_runs": len(self.simulated),
            "lag_p99_s": list(self.lags),
            "collapsed": self.collapsed,
            "chance_to_collapse": self.chance,
            "predicted": self.predicted_word,
            "measured": self.measured_word,
            "agrees": self.agrees,
            "status": self.status,
            "reason": self.reason,
        }


def prove(
    program: Program,
    fault: Fault,
    *,
    repeats: int = 1,
    runs: int = 200,
    seed: int = 0,
    after: float | None = None,
    service: Literal["sleep", "burn"] = "sleep",
    target: Target | None = None,
    at_once: int = 1,
    progress: Callable[[int], None] | None = None,
) -> Proof:
    """Predict the effect of `fault` on `program`, then measure it on real sockets.

    Parameters
    ----------
    fault : its ``start`` is ignored: it begins when the service has settled. Faults of the program's
        own are left out.
    repeats : real runs.
    at_once : real runs side by side; their lag tells whether the machine holds so many.
    runs : simulated runs.
    after : how long a run goes on after the fault [s]; None for a time that tells stuck from slow.
    service, target : see `emulate`.
    progress : told each time a real run has ended, with the number that have.

    Raises ModelError where the program cannot be emulated.
    """
    (proof,) = prove_lengths(
        program, fault, (fault.duration,), repeats=repeats, runs=runs, seed=seed, after=after,
        service=service, target=target, at_once=at_once, progress=progress,
    )  # fmt: skip
    return proof


def prove_lengths(
    program: Program,
    fault: Fault,
    lengths: Sequence[float],
    *,
    repeats: int = 1,
    runs: int = 200,
    seed: int = 0,
    after: float | None = None,
    service: Literal["sleep", "burn"] = "sleep",
    target: Target | None = None,
    at_once: int = 1,
    progress: Callable[[int], None] | None = None,
) -> tuple[Proof, ...]:
    """A `Proof` for each length of the fault [s]: the chance to get stuck over its length.

    Parameters and errors as of `prove`.
    """
    program = program.under(Schedule())
    if not 1 <= repeats <= MOST_REPEATS:
        raise ModelError(Problem(f"must be 1 to {MOST_REPEATS}, got {repeats}", "repeats"))
    if not 1 <= at_once <= MOST_AT_ONCE:
        raise ModelError(Problem(f"must be 1 to {MOST_AT_ONCE}, got {at_once}", "at_once"))
    trials = [_trial(program, fault, length, after, runs, seed) for length in lengths]
    exact = standing(program)
    jobs = [(trial, seed + i) for trial in trials for i in range(repeats)]
    done = 0

    def real(job: tuple[_Trial, int]) -> Emulation:
        nonlocal done
        trial, own_seed = job
        run = emulate(
            trial.program, horizon=trial.phases.end + trial.step / 4, step=trial.step, seed=own_seed,
            service=service, target=target,
        )  # fmt: skip
        done += 1
        if progress is not None:
            progress(done)
        return run

    with ThreadPoolExecutor(at_once) as side_by_side:
        measured = list(side_by_side.map(real, jobs))
    return tuple(
        _proof(program, trial, exact, tuple(measured[i * repeats : (i + 1) * repeats]))
        for i, trial in enumerate(trials)
    )


@dataclass(frozen=True)
class _Trial:
    """One fault of one length, and what the engines predict."""

    program: Program
    fault: Fault
    phases: Phases
    step: float
    band: SimulationResult
    forecasts: tuple[Forecast, ...]


def _trial(
    program: Program, fault: Fault, length: float, after: float | None, runs: int, seed: int
) -> _Trial:
    step = length / math.ceil(length / SAMPLING)
    phases = phases_of(program, length, after, step)
    fault = replace(fault, start=phases.fault, duration=length)
    faulty = program.under(Schedule((fault,))).check()
    band = simulate(
        faulty,
        horizon=phases.end + step / 4,
        step=step,
        runs=runs,
        seed=seed,
        keep=True,
        progress=False,
    )
    return _Trial(faulty, fault, phases, step, band, foretell(faulty, phases, step))


def _proof(
    program: Program, trial: _Trial, exact: tuple[str, str], measured: tuple[Emulation, ...]
) -> Proof:
    predicted = outcomes_of(trial.band, trial.phases, len(program.sources))
    real = tuple(_real(run, program, trial.phases) for run in measured if run.status == "ok")
    rows = compare(predicted, real)
    collapsed = sum(o.stuck for o in real)
    chance = float(np.mean([o.stuck for o in predicted]))
    reasons = [run.reason for run in measured if run.status != "ok"]
    told = [row.agrees for row in rows if row.agrees is not None]
    return Proof(
        program=program.name,
        fault=trial.fault,
        phases=trial.phases,
        verdict=exact[0],
        sentence=exact[1],
        forecasts=trial.forecasts,
        simulated=predicted,
        real=real,
        lags=tuple(max(lag.p99 for lag in run.lags.values()) for run in measured),
        rows=rows,
        collapsed=collapsed,
        chance=chance,
        predicted_word=word_of(chance),
        measured_word=word_of(collapsed / len(real)) if real else "nothing valid",
        agrees=all(told) if told else None,
        status="ok" if real else "inconclusive",
        reason="; ".join(dict.fromkeys(reasons)),
        band=trial.band,
        runs=measured,
    )


def outcomes_of(result: SimulationResult, phases: Phases, sources: int) -> tuple[Outcome, ...]:
    """The outcome of every simulated run, over all sources together."""
    dataset = result.to_xarray(runs=True)

    def total(name: str) -> Array:
        return np.asarray(dataset[name].values, dtype=np.float64)[:, :, :sources].sum(axis=2)

    goodput, attempts = total("goodput") + total("accepted_late"), total("attempts")
    return tuple(outcome(g, a, result.step, phases) for g, a in zip(goodput, attempts, strict=True))


def _real(run: Emulation, program: Program, phases: Phases) -> Outcome:
    def total(*names: str) -> Array:
        parts = [run.streams[s.name][name] for s in program.sources for name in names]
        return np.asarray(np.sum(np.array(parts, dtype=np.float64), axis=0)) / run.step

    return outcome(total("goodput", "accepted_late"), total("attempts"), run.step, phases)
