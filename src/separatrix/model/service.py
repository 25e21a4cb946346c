r"""Service-time laws, slowdown under load, and a look-aside cache.

`Work` states the rate :math:`\mu` of an operation; its law gives the *shape* of the service time,
which is scaled so that the mean is :math:`1/\mu`. So a change of shape never changes the capacity.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Discriminator, Field, field_validator, model_validator

from separatrix.model.quantities import Count, Factor, Seconds, Share
from separatrix.model.validated import part


@part
class Exponential:
    """Memoryless service, squared coefficient of variation 1."""

    kind: Literal["exponential"] = "exponential"


@part
class Deterministic:
    """The same service time for every attempt."""

    kind: Literal["deterministic"] = "deterministic"


@part
class Erlang:
    """Sum of `stages` equal exponential stages; squared coefficient of variation 1/stages."""

    stages: Count
    kind: Literal["erlang"] = "erlang"


@part
class Hyperexponential:
    r"""Exponential, of relative rate :math:`r_i` with probability :math:`p_i`."""

    weights: tuple[Annotated[float, Field(gt=0, le=1)], ...]
    relative_rates: tuple[Factor, ...]
    kind: Literal["hyperexponential"] = "hyperexponential"

    @model_validator(mode="after")
    def _check(self) -> Hyperexponential:
        if not self.weights or len(self.weights) != len(self.relative_rates):
            raise ValueError(
                f"needs one rate per weight, got {len(self.weights)} and {len(self.relative_rates)}"
            )
        if abs(sum(self.weights) - 1) > 1e-9:
            raise ValueError(f"weights must sum to 1, got {sum(self.weights):.12g}")
        return self

    @property
    def unit_rates(self) -> tuple[float, ...]:
        """Rates of the branches when the mean is 1."""
        mean = sum(w / r for w, r in zip(self.weights, self.relative_rates, strict=True))
        return tuple(r * mean for r in self.relative_rates)


@part
class Lognormal:
    """Logarithm is normal; `cv` is the coefficient of variation (standard deviation over mean)."""

    cv: Annotated[float, Field(gt=0, le=1000)]
    kind: Literal["lognormal"] = "lognormal"

    @property
    def sigma(self) -> float:
        r"""Standard deviation of the logarithm, :math:`\sqrt{\ln(1 + cv^2)}`."""
        return math.sqrt(math.log1p(self.cv**2))


@part
class Weibull:
    r"""Weibull with the given `shape` k: :math:`P(S > s) = e^{-(s/a)^k}`."""

    shape: Annotated[float, Field(ge=0.1, le=100)]
    kind: Literal["weibull"] = "weibull"


@part
class Pareto:
    r"""Pareto with tail index `shape` a > 1: :math:`P(S > s) = (m/s)^a` for :math:`s \ge m`."""

    shape: Annotated[float, Field(gt=1, le=1000)]
    kind: Literal["pareto"] = "pareto"


@part
class Empirical:
    """Drawn with replacement from measured service times, scaled to the mean of the `Work`."""

    samples: tuple[Seconds, ...]
    kind: Literal["empirical"] = "empirical"

    @field_validator("samples")
    @classmethod
    def _enough(cls, samples: tuple[float, ...]) -> tuple[float, ...]:
        if not samples:
            raise ValueError("an empirical law needs at least one sample")
        return samples


ServiceLaw = Annotated[
    Exponential
    | Deterministic
    | Erlang
    | Hyperexponential
    | Lognormal
    | Weibull
    | Pareto
    | Empirical,
    Discriminator("kind"),
]
"""Any service-time law."""


@part
class LoadSlowdown:
    r"""Service slower under load: rate is divided by :math:`1 + a\,(n/n_0)^p`.

    `n` counts the attempts at the server (``by="queue"``) or in service (``by="in_service"``), at
    the moment a service begins, the one that begins included; in a continuous reading, at every
    moment. A thread that waits for calls is in service.

    Attributes
    ----------
    coefficient : a >= 0.
    scale : n_0 >= 1 [attempts].
    exponent : p > 0.
    by : what is counted.
    """

    coefficient: Annotated[float, Field(ge=0, le=1e6)]
    scale: Annotated[float, Field(ge=1)]
    exponent: Annotated[float, Field(gt=0, le=10)] = 1.0
    by: Literal["queue", "in_service"] = "queue"


@part
class LookAsideCache:
    r"""A cache beside the server: a hit is answered at once and never reaches the queue.

    `keys` equally likely keys; an entry is filled by a completed service and lives `ttl` seconds.
    In the mean, the share h of live entries obeys :math:`\dot h = \varphi\,\theta/K - h/\tau` with
    completed services :math:`\theta` [1/s], K keys and lifetime :math:`\tau`: starved of answers,
    the cache goes cold. :math:`\varphi` is the share of the services that fill a dead key; the others
    answer for a key that somebody else filled meanwhile. At light load it is 1 and
    :math:`\theta = \lambda (1-h)`, so that a share :math:`1-h = 1/(1 + \lambda\tau/K)` misses: one
    request in the :math:`1 + \lambda\tau/K` of a key's cycle (renewal).

    A key belongs to a request: its retries ask for it again. Late services fill the cache, too,
    failed ones do not, and a hit does not renew an entry. At time 0 the remaining lives of the warm
    entries are uniform over 0..`ttl`.

    Attributes
    ----------
    keys : number of distinct keys.
    ttl : lifetime of an entry [s].
    warm : share of entries that are live at time 0.
    """

    keys: Count
    ttl: Seconds
    warm: Share = 1.0
