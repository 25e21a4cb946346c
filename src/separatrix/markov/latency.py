r"""How long accepted attempts of an API stay at the server, in the long run.

The mixture, over the states that accepted attempts find, of the sojourn law in that state; with
acceptance rate :math:`w(x)`,

.. math:: P(S > t) = \frac{\sum_x \pi_x w(x) P_x(S > t)}{\sum_x \pi_x w(x)} .
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import ModelError
from separatrix.markov.averaging import aligned, population_of, weighted
from separatrix.markov.stationary import StationaryLaw
from separatrix.notebook import Shown
from separatrix.population.lattice import Sojourn

Array: TypeAlias = NDArray[np.float64]

_ROUNDING = 1e-9  # of a sum of probabilities


@dataclass(frozen=True)
class Latency(Shown):
    """Time that accepted attempts of one API spend at the server.

    Attributes
    ----------
    name : the API.
    accepted : rate of accepted attempts [1/s].
    mean : [s].
    variance : [s^2].
    percentiles : probability -> time [s].
    status : ``"ok"``, or ``"inconclusive"`` with `reason` where nothing is accepted.
    """

    name: str
    accepted: float
    mean: float
    variance: float
    percentiles: dict[float, float]
    status: Literal["ok", "inconclusive"] = "ok"
    reason: str = ""

    @property
    def std(self) -> float:
        """Standard deviation [s]."""
        return float(np.sqrt(self.variance))

    def to_dict(self) -> dict[str, Any]:
        """Numbers for JSON."""
        return {
            "name": self.name, "unit": "s", "accepted_per_s": self.accepted, "mean": self.mean,
            "variance": self.variance, "std": self.std,
            "percentiles": {f"p{100 * p:g}": t for p, t in self.percentiles.items()},
            "status": self.status, "reason": self.reason,
        }  # fmt: skip


def latency(
    law: StationaryLaw, sojourn: Sojourn, probabilities: Sequence[float] = (0.5, 0.9, 0.99)
) -> Latency:
    """Mean, variance and percentiles [s] of the sojourn of accepted attempts.

    States that no accepted attempt finds do not count, whatever the sojourn says of them.

    Raises
    ------
    ModelError : the law is of a bare chain; a probability outside (0, 1); a rate of acceptance that is
        negative or not finite; a moment that is not; a tail that is no probability.
    """
    for p in probabilities:
        if not 0.0 < p < 1.0:
            raise ModelError(f"a percentile's probability must be in (0, 1); got {p}")
    population = population_of(law)
    grid = population.grid()
    weight = np.asarray(sojourn.weight(grid), dtype=np.float64)
    wrong = np.argwhere(np.broadcast_to(~((weight >= 0.0) & (weight < np.inf)), law.pi.shape))
    if wrong.size:
        place = tuple(int(i) for i in wrong[0])
        axes = zip(population.axes, place, strict=True)
        where = ", ".join(f"{axis.name} = {value}" for axis, value in axes)
        value = np.broadcast_to(weight, law.pi.shape)[place]
        raise ModelError(
            f"the rate of accepted attempts of {sojourn.name!r} at {where}: must be finite and >= 0"
            f" 1/s, got {value:g}"
        )
    flow = law.pi * weight
    accepted = float(flow.sum())
    if not accepted > 0.0:
        nan = float("nan")
        return Latency(
            sojourn.name, 0.0, nan, nan, dict.fromkeys(probabilities, nan),
            "inconclusive", "no attempt of this API is accepted in the long run",
        )  # fmt: skip
    seen = flow / accepted
    first, second = (
        _found(
            seen,
            np.asarray(moment, dtype=np.float64),
            f"the {which} of the sojourn of {sojourn.name!r}",
        )
        for moment, which in zip(sojourn.moments(grid), ("mean", "second moment"), strict=True)
    )
    mean = weighted(seen, first)
    # spread of the conditional means plus the mean of the conditional variances: both are >= 0
    variance = weighted(seen, np.maximum(second - first**2, 0.0))
    variance += weighted(seen, (first - mean) ** 2)

    def tail(t: float) -> float:
        above = weighted(seen, np.asarray(sojourn.tail(grid, t), dtype=np.float64))
        if not -_ROUNDING <= above <= 1.0 + _ROUNDING:
            raise ModelError(
                f"the tail of the sojourn of {sojourn.name!r} must be a probability; at {t:.3g} s it is"
                f" {above:.3g}"
            )
        return above

    percentiles = {p: _quantile(tail, 1.0 - p, mean) for p in probabilities}
    return Latency(sojourn.name, accepted, mean, variance, percentiles)


def _found(seen: Array, values: Array, what: str) -> Array:
    """The values, with 0 where no attempt finds them. Raises ModelError where one is no finite time."""
    reduced, shaped = aligned(seen, values)
    met = np.where(reduced > 0.0, shaped, 0.0)
    wrong = met[~((met >= 0.0) & (met < np.inf))]
    if wrong.size:
        raise ModelError(f"{what} must be finite and >= 0 where attempts find it, got {wrong[0]:g}")
    return met


def _quantile(tail: Callable[[float], float], level: float, scale: float) -> float:
    """Smallest time with ``tail(t) <= level``, by bisection: service laws may have jumps."""
    if tail(0.0) <= level:
        return 0.0
    low, high = 0.0, max(scale, 1e-300)
    while tail(high) > level:
        low, high = high, 2.0 * high
        if not np.isfinite(high):
            return float("inf")
    while high - low > 1e-13 * high:
        middle = 0.5 * (low + high)
        if tail(middle) > level:
            low = middle
        else:
            high = middle
    return high
