"""Which chains and simulations are too dear to be asked, in one place.

What a chain costs is the multiplications of one elimination, known before it is made
(`separatrix.markov.nested.effort`); a core does about 7e9 of them in a second. What a simulation costs is its
events, some ten million a second. Each bound is a patience.
"""

from __future__ import annotations

from decimal import Decimal
from math import inf

from separatrix.errors import NotConverged
from separatrix.model import Program
from separatrix.model.quantities import duration_text
from separatrix.population import Population

UNASKED = 2e11
"""Half a minute: a verdict whose closure nobody named. It takes one elimination and a few cheaper ones."""
SIDE_BY_SIDE = 3e11
"""Three quarters of a minute: one of several engines, each of which may be slow."""
FORETOLD = 1e11
"""A quarter of a minute: beside a measurement that runs while the chain is worked out."""
SCORE = 1e10
"""A second and a half: a committor that only makes a simulation quicker."""
EVENTS_PER_ATTEMPT = 3.0
"""Arrival, end of service, time-out: what sets how much simulated time a budget buys."""
SIMULATED = 1e10
"""Events, a quarter of an hour: all runs of one simulation that only ends after so much simulated time."""
_AXES_SHOWN = 8
_MOST_STATES = 10_000_000  # more than these cost more than any bound, on any lattice


def multiplications(population: Population, bound: float = 0.0) -> float:
    """Of one elimination; infinite where there are too many states to tell.

    bound : where the answer is surely below it, what four axes of so many states would cost is told, at no cost.
    """
    states = population.n_states
    if states > _MOST_STATES:
        return inf
    if states**2.5 <= bound:  # what four axes cost; others cost less
        return states**2.5
    from separatrix.markov.nested.effort import elimination_operations  # brings the compiler

    return float(elimination_operations(population))


def dearness(population: Population, bound: float, *, states: int | None = None) -> str:
    """What of a chain is beyond `bound` multiplications or so many `states`, in words; empty where nothing is."""
    shown = [str(n) for n in population.shape[:_AXES_SHOWN]]
    if len(population.shape) > _AXES_SHOWN:
        shown.append(f"... of {len(population.shape)} axes")
    size = " x ".join(shown)
    count = population.n_states
    what = f"a chain of {Decimal(count):.3g} states ({size})"
    if states is not None and count > states:
        return f"{what}, more than {states:,},"
    operations = multiplications(population, bound)
    if operations <= bound:
        return ""
    return (
        what if operations == inf else f"{what}, {operations:.2g} multiplications an elimination,"
    )


def affordable(
    population: Population, bound: float, advice: str, *, states: int | None = None
) -> Population:
    """The same population.

    advice : what to do instead, after "is too dear ...".

    Raises NotConverged, with the cost, where a chain of it is beyond `bound` or has more than `states` states.
    """
    dear = dearness(population, bound, states=states)
    if dear:
        raise NotConverged(f"{dear} is too dear {advice}", certificate="cost")
    return population


def events_per_second(program: Program) -> float:
    """Events of one simulated second when every request makes all its attempts."""
    return EVENTS_PER_ATTEMPT * sum(s.mean_rate * (1 + s.retries) for s in program.sources)


def worth_simulating(program: Program, seconds: float, runs: int) -> None:
    """Raise NotConverged, with the cost, where so many runs over so many `seconds` are beyond `SIMULATED` events."""
    events = events_per_second(program) * seconds * runs
    if events > SIMULATED:
        raise NotConverged(
            f"{runs} runs over {duration_text(seconds)} each, some {events:.1g} events, are too dear to be "
            "simulated; is a timeout, a backoff or a queue longer than meant?",
            certificate="cost",
        )
