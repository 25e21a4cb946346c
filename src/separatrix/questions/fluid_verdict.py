r"""The verdict of the mean dynamics alone: milliseconds at any size, and blind to chance.

The drift of the population is followed from the empty service and from the worst start, a full queue
with every client waiting. Where both come to rest at one place the service is safe or overloaded,
by its goodput there; where they do not, it can get stuck, and by the mean dynamics it stays for ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite, nan
from typing import Any

import numpy as np

from separatrix.fluid.certificate import indices
from separatrix.fluid.field import jacobian, velocity
from separatrix.fluid.held import held
from separatrix.fluid.marginal import marginal_stretches
from separatrix.fluid.newton import BALANCED, imbalance
from separatrix.fluid.reduced import reducible, rested_orbits, rests
from separatrix.fluid.rest import Rest, rest_from
from separatrix.model import Program
from separatrix.model.quantities import percent_text
from separatrix.notebook import Shown
from separatrix.population import Array, Closure, Population, State, lower
from separatrix.questions.verdict import HEALTHY_SHARE, Word, relaxation

APART = 1.0
"""Resting points nearer than this in every coordinate [attempts or requests] are one."""


@dataclass(frozen=True)
class FluidVerdict(Shown):
    """The verdict of the mean dynamics.

    Attributes
    ----------
    word : as in `Verdict`.
    low, high : resting points from the empty and from the fullest service.
    low_share, high_share : requests answered in time at each, as a share of all.
    recovery : from the worst start until queue and orbit together are at most `healthy` [s];
        infinite where the mean dynamics do not go there.
    healthy : that bound: the lower resting point, a Poisson deviation and one more.
    closure : how the population counts the orbit.
    reason : why the word is inconclusive; else empty.
    """

    word: Word
    low: tuple[float, ...]
    high: tuple[float, ...]
    low_share: float
    high_share: float
    recovery: float
    healthy: float
    closure: str
    reason: str

    @property
    def sentence(self) -> str:
        """The verdict in one sentence."""
        low, high = percent_text(self.low_share), percent_text(self.high_share)
        if self.word == "safe":
            return f"Safe on average: {low} of requests are answered in time, and overload passes."
        if self.word == "always stuck":
            return f"Always stuck: even from an empty service, only {low} are answered in time."
        if self.word == "can get stuck":
            return (
                f"Can get stuck: normally {low} of requests are answered in time, once overloaded {high}, "
                "and it stays so."
            )
        return f"No verdict: {self.reason}."

    def to_dict(self) -> dict[str, Any]:
        """For JSON; None for never."""
        return {
            "schema": "separatrix.fluid_verdict/1",
            **vars(self),
            "recovery": self.recovery if isfinite(self.recovery) else None,
        }


def fluid_verdict(
    program: Program,
    *,
    closure: Closure = "auto",
    healthy: float | None = None,
    timed: bool = True,
) -> FluidVerdict:
    """What the mean dynamics of `program` say.

    Parameters
    ----------
    closure : see `lower`.
    healthy : queue and orbit together from which the service counts as recovered; by default what
        `FluidVerdict.healthy` says.
    timed : work out the recovery time, too, which takes longer than the rest; else it is NaN.

    Raises ModelError, `Unsupported` where no population carries the program.
    """
    population = lower(program, closure, means_only=True)
    return verdict_on(program, population, healthy=healthy, timed=timed)


def verdict_on(
    program: Program,
    population: Population,
    *,
    healthy: float | None = None,
    timed: bool = True,
) -> FluidVerdict:
    """The same for a population that `program` was lowered to."""
    low, high = _outer_rests(population)
    low_share, high_share = (
        answered_share(program, population, rest.state) for rest in (low, high)
    )
    total = float(sum(low.state[i] for i in _counted(population)))
    bound = total + total**0.5 + 1.0 if healthy is None else healthy
    unsettled = [rest.reason for rest in (low, high) if rest.status != "ok"]
    ends = np.array([low.state, high.state])
    hidden = indices(population, ends) == 0
    unsettled += [s.sentence for s in marginal_stretches(population, ends[hidden])]
    same = bool(np.all(np.abs(low.state - high.state) < APART))
    recovery = inf if timed else nan
    if timed and same and low_share >= HEALTHY_SHARE:
        recovery = time_to_fall(population, worst_start(population), bound, relaxation(program))
        if recovery == inf:
            # an overload that just fills the server falls so slowly that it rests for all purposes
            high = rest_from(population, np.array(population.shape, dtype=np.float64) - 1.0)
            high_share = answered_share(program, population, high.state)
            same = bool(np.all(np.abs(low.state - high.state) < APART))
            unsettled += [high.reason] if high.status != "ok" else []
    word: Word
    if unsettled:
        word = "inconclusive"
    elif low_share < HEALTHY_SHARE:
        word = "always stuck"
    else:
        word = "safe" if same or high_share >= HEALTHY_SHARE else "can get stuck"
    return FluidVerdict(
        word, tuple(map(float, low.state)), tuple(map(float, high.state)), low_share, high_share,
        recovery, bound, population.closure, "; ".join(unsettled),
    )  # fmt: skip


def fluid_safe(program: Program, *, within: float = inf) -> bool:
    """Whether `fluid_verdict` is "safe", and its recovery takes less than `within` [s].

    Asked for many programs: the fullest service, which says no most of the time, is looked at first.
    Raises as `fluid_verdict`.
    """
    population = lower(program, means_only=True)
    if not reducible(population):
        for corner in (
            np.array(population.shape, dtype=np.float64) - 1.0,
            np.zeros(len(population.shape)),
        ):
            rest = rest_from(population, corner)
            share = answered_share(program, population, rest.state)
            if rest.status != "ok" or share < HEALTHY_SHARE:
                return False
        if within == inf:
            return True
    verdict = fluid_verdict(program, timed=within < inf)
    return verdict.word == "safe" and (within == inf or verdict.recovery < within)


def _outer_rests(population: Population) -> tuple[Rest, Rest]:
    """Where the empty and the fullest service come to rest."""
    if reducible(population):
        # the dynamics are monotone: from the least and the greatest state they go to the outermost rests
        points = rests(population)
        here = [Rest(x, x[None], float(imbalance(population, x))) for x in (points[0], points[-1])]
        if max(rest.residual for rest in here) < BALANCED:
            return here[0], here[1]
    top = np.array(population.shape, dtype=np.float64) - 1.0
    return rest_from(population, np.zeros(len(top))), rest_from(population, top)


def worst_start(population: Population) -> Array:
    """What a long outage leaves: full queues, and orbits at rest while everybody is refused."""
    state = np.array(population.shape, dtype=np.float64) - 1.0
    if reducible(population):
        return np.append(state[0], rested_orbits(population, state[:1])[0])
    free = [i for i, axis in enumerate(population.axes) if axis.kind != "queue"]
    if free:
        state[free] = rest_from(held(population, free, state), state[free]).state
    return state


def time_to_fall(population: Population, start: Array, bound: float, scale: float) -> float:
    """Time [s] that the mean dynamics take from `start` until queues and orbits sum to `bound`.

    scale : a time [s] typical of the service; after ten thousand of it, infinity is the answer.
    """
    from scipy.integrate import solve_ivp

    counted = list(_counted(population))
    top = np.array(population.shape, dtype=np.float64) - 1.0

    def slope(_: float, x: Array) -> Array:
        return velocity(population, np.clip(x, 0.0, top))

    def derivative(_: float, x: Array) -> Array:
        return jacobian(population, np.clip(x, 0.0, top))

    def above(_: float, x: Array) -> float:
        return float(x[counted].sum()) - bound

    above.terminal = True  # pyright: ignore[reportFunctionMemberAccess] - SciPy's way to ask
    if above(0.0, start) <= 0:
        return 0.0
    course: Any = solve_ivp(
        slope, (0.0, 1e4 * scale), start, method="BDF", jac=derivative, events=above, rtol=1e-6,
        atol=1e-6,
    )  # fmt: skip
    return float(course.t_events[0][0]) if len(course.t_events[0]) else inf


def _counted(population: Population) -> tuple[int, ...]:
    return (*population.axes_of("queue"), *population.axes_of("orbit"))


def _point(x: Array) -> State:
    return tuple(np.asarray(c) for c in x)


def answered_share(program: Program, population: Population, state: Array) -> float:
    """Share of the new requests that are answered in time at `state`, (n_axes,) coordinates."""
    offered = sum(source.mean_rate for source in program.sources)
    goodput = next(m for m in population.measures if m.name == "goodput")
    return min(float(goodput.value(_point(state))) / offered, 1.0) if offered > 0 else 1.0
