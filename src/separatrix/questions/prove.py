"""Predict what a fault does to a service, then do it to a real one, and hold both side by side.

The prediction comes from the engines (the exact chain's verdict, and many simulated runs); the
measurement from real processes on this machine. A measured number agrees with the prediction when
it lies where so many real runs would lie by chance, or as near as `GOODPUT_WITHIN` and
`ATTEMPTS_WITHIN` say.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from separatrix.emulate import Emulation, Target, emulate
from separatrix.errors import ModelError, NotConverged, Problem
from separatrix.model import Outage, Program, Schedule, Slowdown, Spike
from separatrix.model.demand import demands
from separatrix.notebook import Shown
from separatrix.population import Array
from separatrix.questions.outcome import Outcome, Phases, outcome
from separatrix.questions.verdict import check, relaxation
from separatrix.simulate import SimulationResult, simulate

GOODPUT_WITHIN = 0.05
ATTEMPTS_WITHIN = 0.10
SAMPLING = 0.25
"""Longest sampling step [s]; the fault takes a whole number of steps."""
MOST_REPEATS = 200
MOST_AT_ONCE = 8

Fault = Spike | Slowdown | Outage


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


@dataclass(frozen=True)
class Proof(Shown):
    """A prediction and its test on a real server.

    Attributes
    ----------
    program, fault : what was tried; the fault starts at ``phases.fault``.
    phases : parts of a run [s].
    verdict, sentence : of the exact chain, without the fault; ``"not asked"`` and why where it
        cannot carry the program.
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
    exact = _exact(program)
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
    """One fault of one length, and what simulation predicts."""

    program: Program
    fault: Fault
    phases: Phases
    step: float
    band: SimulationResult


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
    return _Trial(faulty, fault, phases, step, band)


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


def phases_of(program: Program, duration: float, after: float | None, step: float) -> Phases:
    """When to settle, to begin, and to look: from the program's own times, in whole steps."""
    slow = relaxation(program)
    if after is None:
        # a full queue that nothing feeds but the calm load has long cleared before the last part
        drains = [
            program.get_server(name).qsize / (demand.capacity - demand.first)
            for name, demand in demands(program).items()
            if demand.capacity > demand.first
        ]
        after = min(max(9.0, 5 * slow, 2 * max(drains, default=0.0)), 90.0)

    def whole(time: float) -> float:
        return math.ceil(time / step - 1e-9) * step

    settled = whole(min(max(1.0, slow), 10.0))
    fault = settled + whole(min(max(3.0, 2 * slow), 20.0))
    over = fault + whole(duration)
    return Phases(settled, fault, over, over + whole(2 * after / 3), over + whole(after))


def word_of(chance: float) -> str:
    """A probability to get stuck in one word."""
    return "stuck" if chance > 0.95 else "recovers" if chance < 0.05 else "either"


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


def _exact(program: Program) -> tuple[str, str]:
    try:
        verdict = check(program)
    except (ModelError, NotConverged) as error:
        return "not asked", str(error)
    return verdict.word, verdict.sentence
