r"""Mean times to collapse and to recovery that plain simulation cannot wait for.

`rare_passage` splits the passage (see `splitting`) by levels that a pilot chooses, then makes
independent runs with those levels, from which rate and interval come. The mean time is that from the
start set as the service inhabits it before it leaves: from empty for a collapse, if the service is
often empty.
"""

from __future__ import annotations

import dataclasses
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import ModelError, NotConverged, Problem, Unsupported
from separatrix.model import Program, Schedule, StateMachine
from separatrix.notebook import Shown
from separatrix.simulate import layout as at
from separatrix.simulate.compile import compile_program
from separatrix.simulate.intervals import Estimate, student
from separatrix.simulate.levels import MEMORIES, home, place_levels
from separatrix.simulate.score import TableOf, with_table
from separatrix.simulate.splitting import Splitting

Goal = Literal["collapse", "recovery"]
GRAIN = 0.1  # least distance of levels on a table, whose scores are logarithms
WIDE = 2.0  # a mean whose interval reaches further than so many times is not to be trusted


@dataclass(frozen=True)
class RarePassage(Shown):
    """Mean time of a rare passage, by splitting.

    Attributes
    ----------
    goal : ``"collapse"`` or ``"recovery"``.
    healthy, stuck : scores that bound the two sets [attempts and requests].
    mean, low, high : mean time with its 95 % interval [s].
    rate : passages per second of the start set, over the independent runs [1/s].
    levels : scores between which the passage was split; the first bounds the part of the start set
        that the service inhabits half of the time.
    flux : crossings of the first level [1/s]; probabilities : of each further step, means.
    rates : (runs,) rate that each run found [1/s].
    events : events simulated, the pilot's included.
    status, reason : ``"ok"``, or ``"inconclusive"`` and why.
    """

    goal: Goal
    healthy: float
    stuck: float
    mean: float
    low: float
    high: float
    rate: Estimate
    levels: tuple[float, ...]
    flux: float
    probabilities: tuple[float, ...]
    rates: NDArray[np.float64]
    events: int
    status: Literal["ok", "inconclusive"]
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """The numbers for ``--json`` [s, 1/s]; None for infinity."""
        return {
            "goal": self.goal,
            "healthy": self.healthy,
            "stuck": self.stuck,
            "mean": self.mean if math.isfinite(self.mean) else None,
            "low": self.low,
            "high": self.high if math.isfinite(self.high) else None,
            "rate": self.rate.to_dict(),
            "levels": list(self.levels),
            "flux": self.flux,
            "probabilities": list(self.probabilities),
            "rates": self.rates.tolist(),
            "events": self.events,
            "status": self.status,
            "reason": self.reason,
        }


def rare_passage(
    program: Program,
    goal: Goal,
    *,
    healthy: float,
    stuck: float,
    weights: dict[str, float] | None = None,
    table: TableOf | None = None,
    runs: int = 10,
    trials: int = 1000,
    seed: int = 0,
    threads: int = 2,
) -> RarePassage:
    r"""Mean time from healthy to stuck (``"collapse"``), or back (``"recovery"``), without faults.

    The service is healthy where its score is at most `healthy`, stuck where it is at least `stuck`.

    Parameters
    ----------
    weights : what an attempt at a server, and a request of a source or call known to come back,
        adds to the score, by name; 1 for what is not named.
    table : score of the states between the two sets, given the sets' bounds; None for the same as
        outside. The result is without bias whatever it says; a good one narrows the interval.
    runs : independent runs, at least 2; ten or more for an interval to be believed.
    trials : of each step in each run; the interval narrows with the root of their number.
    seed : of all random streams; the result is a function of it and of the other settings.
    threads : runs side by side; they change nothing but the time it takes.

    Raises ModelError for settings that make no sense, Unsupported for arrivals from a trace (which
    end), NotConverged where a step is never made or an excursion never ends.
    """
    from separatrix.simulate.event_loop import event_loop

    _check(program, healthy, stuck, runs, trials, threads)
    compiled = compile_program(program.under(Schedule()))
    _weigh(compiled, weights or {})
    features = dataclasses.replace(compiled.features, watch=True)
    loop = event_loop(features)
    near, far = (healthy, stuck) if goal == "collapse" else (stuck, healthy)
    memory = _memory(program)

    def splitting(near: float, *key: int) -> Splitting:
        stream = np.random.SeedSequence(seed, spawn_key=key)
        return Splitting(loop, compiled, features, stream, near, far, 1e5 * memory)

    near = home(splitting(near, 0), memory)
    grain = 1.0
    if table is not None:
        low, high = min(near, far), max(near, far)
        scores = table(low, high)
        compiled = with_table(compiled, scores, low, high)
        ends = (-1.0, scores.top + 1.0)
        near, far = ends if goal == "collapse" else ends[::-1]
        grain = GRAIN
    pilot = splitting(near, 0, 1)
    plan = place_levels(pilot, MEMORIES * memory, grain)
    levels = plan.levels

    def one(index: int) -> tuple[float, float, list[float], int]:
        part = splitting(near, 1, index)
        basin = part.basin(part.start(2 * memory), levels[0], trials, MEMORIES * memory, trials)
        flux = basin.crossings / basin.time
        entries = basin.entries
        chances: list[float] = []
        for i, level in enumerate(levels[1:]):
            chance, entries = part.step(entries, level, trials, plan.behind(i))
            chances.append(chance)
            if chance == 0:
                break
        return flux * math.prod(chances), flux, chances, part.events

    with ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(one, range(runs)))
    rates = np.array([rate for rate, _, _, _ in found])
    rate = student(rates, "1/s")
    if rate.mean == 0:
        raise NotConverged(
            f"none of {runs} runs reached {far:g}",
            certificate="some run makes every step; ask for more trials",
        )
    # a run that was lost on the way says nothing about the steps after
    made = [[c[i] for _, _, c, _ in found if len(c) > i] for i in range(len(levels) - 1)]
    steps = [float(np.mean(chances)) for chances in made]
    low, mean = 1 / rate.high, 1 / rate.mean
    high = 1 / rate.low if rate.low > 0 else math.inf
    reason = ""
    if not high <= WIDE * mean or not mean <= WIDE * low:
        reason = (
            f"the interval reaches further than a factor of {WIDE:g} from the mean; "
            f"ask for more than {trials:,} trials"
        )
    return RarePassage(
        goal, healthy, stuck, mean, low, high, rate, (near, *levels),
        float(np.mean([flux for _, flux, _, _ in found])), tuple(steps), rates,
        pilot.events + sum(events for _, _, _, events in found),
        "inconclusive" if reason else "ok", reason,
    )  # fmt: skip


def _check(
    program: Program, healthy: float, stuck: float, runs: int, trials: int, threads: int
) -> None:
    problems: list[Problem] = []
    if not 0 <= healthy < stuck < math.inf:
        problems.append(
            Problem(
                f"must be 0 <= healthy < stuck, got {healthy:g} and {stuck:g}",
                "healthy and stuck",
                "give scores, such as 10 and 150",
            )
        )
    for name, value, least in (("runs", runs, 2), ("trials", trials, 10), ("threads", threads, 1)):
        if value < least:
            problems.append(Problem(f"must be at least {least}, got {value}", name, "ask for more"))
    if problems:
        raise ModelError(problems)
    for source in program.sources:
        if source.arrivals.kind == "trace":
            raise Unsupported(
                "splitting", "arrivals from a trace: they end", "give a rate instead",
                f"sources.{source.name}.arrivals",
            )  # fmt: skip


def _weigh(compiled: Any, weights: dict[str, float]) -> None:
    """Write the score's weights into the program's buffer."""
    names = (*compiled.servers, *compiled.streams)
    unknown = sorted(set(weights) - set(names))
    if unknown:
        raise ModelError(
            Problem(f"no server, source or call is called {unknown[0]!r}", "weights", "see explain")
        )
    place = int(compiled.words[at.P_WATCH])
    compiled.words.view(np.float64)[place : place + len(names)] = [
        weights.get(name, 1.0) for name in names
    ]


def _memory(program: Program) -> float:
    """The longest time that the service remembers by what its parts say [s]."""
    times = [1.0 / w.processing_rate for s in program.servers for w in s.apis.values()]
    for source in program.sources:
        waits = source.retries * min(source.backoff.base, source.backoff.cap)
        if source.retries > 0:
            times.append((source.retries + 1) * source.timeout + waits)
        if source.mean_rate > 0:
            times.append(1.0 / source.mean_rate)
        if isinstance(source.arrivals, StateMachine):
            leaving = source.arrivals.transition_rates.sum(axis=1)
            scale = source.mean_rate / source.arrivals.natural_rate
            times.extend((1.0 / (leaving[leaving > 0] * scale)).tolist())
    return max(times)
