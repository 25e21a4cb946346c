r"""Laws at given times without a matrix: the population's rules are applied, jump after jump.

The same uniformisation as in `transient`, with :math:`P = I + Q/\Lambda` applied by
`separatrix.population.application.Application`. For lattices whose rates would not fit in memory, at the price
of working some of them out anew with every product.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from separatrix.errors import ModelError, Problem
from separatrix.markov.poisson import Clock
from separatrix.markov.starts import Start, start_law
from separatrix.markov.transient import MOST_STEPS, Array, Transient
from separatrix.population.application import Application
from separatrix.population.lattice import Population


class Applied(Clock):
    """A population's chain, of which no matrix is made."""

    def __init__(self, population: Population) -> None:
        self._rules = Application(population)
        self.rate = float(self._rules.exits.max(initial=0.0))
        self.terms = self._rules.terms
        self._stay = 1.0 - self._rules.exits.reshape(-1) / (self.rate or 1.0)

    def jump(self, law: Array) -> Array:
        """See `Clock`."""
        return self._stay * law + self._rules.inflow(law) / (self.rate or 1.0)


def applied_transient(population: Population, start: Start, times: Sequence[float]) -> Transient:
    """Laws of a population's chain at given times; see `transient` for parameters and result.

    Raises
    ------
    ModelError : a time is negative, not finite, or so far that it would take more than `MOST_STEPS`
        products; the start is no law over the box.
    """
    wanted = np.array(times, dtype=np.float64).reshape(-1)
    if not (np.isfinite(wanted) & (wanted >= 0.0)).all():
        raise ModelError(f"times must be finite and >= 0 s; got {list(times)!r}")
    clock = Applied(population)
    if wanted.size and clock.steps(float(wanted.max())) > MOST_STEPS:
        raise ModelError(
            Problem(
                f"{float(wanted.max()):g} s are {clock.steps(float(wanted.max())):,.0f} products",
                "times",
                "ask `transient`, which knows ways to far times, or a nearer time",
            )
        )
    law = start_law(start, population.shape).reshape(-1)
    laws, errors = np.empty((wanted.size, law.size)), np.zeros(wanted.size)
    now, error = 0.0, 0.0
    for i in np.argsort(wanted, kind="stable"):
        t = float(wanted[i])
        if t > now:
            law, more = clock.advance(law, t - now)
            now, error = t, error + more
        laws[i], errors[i] = law, error
    return Transient(
        times=wanted,
        laws=laws.reshape(-1, *population.shape),
        errors=errors,
        methods=tuple("uniformisation" if t > 0 else "start" for t in wanted.tolist()),
        status="ok",
        reason="",
        held=(population,) * wanted.size,
    )
