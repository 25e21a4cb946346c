r"""The probability that a set is hit by a given time, :math:`P(T \le t)`.

The target is made absorbing; then :math:`P(T \le t)` is the mass in it at time t. Near times are
reached by uniformisation (`poisson`), which keeps the relative accuracy of small probabilities; where
rate x time is too large for it, the slow exit or a Krylov space gives the survival probability
:math:`P(T > t)` (see `passage`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, expm1, isfinite, log
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import ModelError
from separatrix.markov.generator import Chain, Mask, as_chain, as_mask
from separatrix.markov.horizon import krylov_laws
from separatrix.markov.methods import solver_for
from separatrix.markov.poisson import Uniformised
from separatrix.markov.quasistationary import slow_exit
from separatrix.markov.starts import Start, start_law
from separatrix.markov.transient import MOST_STEPS
from separatrix.notebook import Shown

if TYPE_CHECKING:
    from separatrix.population.lattice import Population

Array: TypeAlias = NDArray[np.float64]
Way: TypeAlias = Literal["start", "uniformisation", "slow exit", "krylov"]
Method: TypeAlias = Literal["auto", "uniformisation", "slow exit", "krylov"]

_LIMIT = 1e-6


@dataclass(frozen=True)
class Deadline(Shown):
    """Probability that a set has been hit by each of several times.

    Attributes
    ----------
    times : (k,) [s], in the order asked for.
    probability : (k,) of having hit the set by then.
    survival : (k,) of not having hit it.
    errors : (k,) absolute error of both: a bound (uniformisation, where it bounds their *relative*
        errors as well) or an estimate.
    methods : how each was found.
    status : ``"ok"``, or ``"inconclusive"`` with `reason`.
    """

    times: Array
    probability: Array
    survival: Array
    errors: Array
    methods: tuple[Way, ...]
    status: Literal["ok", "inconclusive"]
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Numbers for JSON."""
        return {
            "unit": "s", "status": self.status, "reason": self.reason,
            "times": [float(t) for t in self.times],
            "probability": [float(p) for p in self.probability],
            "survival": [float(p) for p in self.survival],
            "errors": [float(e) for e in self.errors], "methods": list(self.methods),
        }  # fmt: skip


def hit_within(
    population: Population | Chain,
    target: NDArray[np.bool_],
    start: Start,
    times: Sequence[float],
    *,
    method: Method = "auto",
) -> Deadline:
    r"""Probability :math:`P(T \le t)` that the chain has entered `target` by each time.

    Parameters
    ----------
    population : a population, or the chain made from it by `as_chain`.
    target : boolean mask of the box's shape.
    start : one state (coordinates or row-major number), or a law over the box.
    times : [s], each finite and >= 0, in any order.
    method : ``"auto"`` or one of the ways named in the module's description.

    Raises
    ------
    ModelError : an empty target, a time that is negative or not finite, or a start that is no law over
        the box; by slow exit or Krylov space also a state that cannot leave the rest of the box.
    NotConverged : the factors for a far time would not fit in memory.
    """
    chain = as_chain(population)
    mask = as_mask(target, chain, "target")
    wanted = np.array(times, dtype=np.float64).reshape(-1)
    if not (np.isfinite(wanted) & (wanted >= 0.0)).all():
        raise ModelError(f"a time must be finite and >= 0 s; got {times!r}")
    law = start_law(start, chain.shape).reshape(-1)
    order = np.argsort(wanted, kind="stable")
    found = np.zeros((3, wanted.size))
    ways: list[Way] = ["start"] * wanted.size
    clock = Uniformised(chain, mask)
    inside = mask.reshape(-1)
    now, at, error = law, 0.0, 0.0
    far: list[int] = []
    for i in order:
        t = float(wanted[i])
        near = method == "uniformisation" or (method == "auto" and clock.steps(t) <= MOST_STEPS)
        if t > 0.0 and not near:
            far.append(int(i))
            continue
        if t > at:
            now, more = clock.advance(now, t - at)
            error, at = error + more, t
            ways[i] = "uniformisation"
        found[:, i] = now[inside].sum(), now[~inside].sum(), error
    if far:
        found[:, far], more_ways = _far(chain, mask, law, wanted[far], clock.rate, method)
        for i, way in zip(far, more_ways, strict=True):
            ways[i] = way
    worst = float(found[2].max(initial=0.0))
    good = worst <= _LIMIT
    return Deadline(
        times=wanted,
        probability=np.minimum(found[0], 1.0),
        survival=np.minimum(found[1], 1.0),
        errors=found[2],
        methods=tuple(ways),
        status="ok" if good else "inconclusive",
        reason="" if good else f"the error estimate {worst:.2g} exceeds {_LIMIT:.0e}",
    )


def _far(
    chain: Chain, mask: Mask, law: Array, times: Array, rate: float, method: Method
) -> tuple[Array, list[Way]]:
    """Probability, survival and error at increasing times, as rows; and how each was found."""
    outside = np.where(mask.reshape(-1), 0.0, law)
    alive = float(outside.sum())
    result = np.tile(np.array([[1.0], [0.0], [np.inf]]), times.size)
    ways: list[Way] = ["slow exit"] * times.size
    if alive == 0.0:
        result[2] = 0.0
        return result, ways
    if method != "krylov":
        exit_ = slow_exit(solver_for(chain, removed=mask))
        weight = float(outside @ exit_.lifetime.reshape(-1))
        for i, t in enumerate(times):
            # the age in mean lifetimes, and the decades of decay that the next mode has behind it
            age = exp(min(log(t) + exit_.log_exit_rate, 700.0))
            behind = age * (1.0 / max(exit_.separation, 1e-300) - 1.0)
            survival = weight * exp(-age)
            if exit_.status == "ok" and isfinite(weight):
                doubt = survival * (exit_.error * (age + 1.0) + 1e-13)
                result[:, i] = -expm1(log(weight) - age), survival, doubt + 100.0 * exp(-behind)
    rest = np.flatnonzero(result[2] > 1e-9)
    if method != "slow exit" and rest.size:
        laws, errors = krylov_laws(chain, outside, times[rest], rate, removed=mask)
        survival = laws.sum(axis=1)
        for i, s, e in zip(rest, survival, errors, strict=True):
            if e < result[2, i]:
                result[:, i] = 1.0 - s, s, e
                ways[i] = "krylov"
    return np.clip(result, 0.0, None), ways
