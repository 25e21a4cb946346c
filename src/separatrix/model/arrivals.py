r"""Arrival processes of a source.

A `Source` has an ``arrival_rate``; the process given as ``arrivals`` sets how the arrivals are
spaced. Every process but Poisson has a natural mean rate; if the source states a rate as well, time
is scaled so that the mean rate is the stated one. Faults multiply the rate of whichever is used.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Discriminator, Field, field_validator, model_validator

from separatrix.model.quantities import PerSecond, PerSecondOrZero, SecondsOrZero
from separatrix.model.validated import part

_ROW_SUM = 1e-9  # rows typed by hand to nine digits still count as stochastic


@part
class Poisson:
    """Independent exponential gaps; the rate is the source's ``arrival_rate``."""

    kind: Literal["poisson"] = "poisson"

    @property
    def natural_rate(self) -> float | None:
        """None: a Poisson process has no rate of its own."""
        return None


@part
class PhaseType:
    r"""Renewal process with phase-type gaps: :math:`P(\text{gap} > t) = \alpha e^{St} \mathbf 1`.

    Attributes
    ----------
    initial : (n,) probabilities :math:`\alpha` of the phase in which a gap begins; sums to 1.
    generator : (n, n) sub-generator :math:`S` [1/s]; rows sum to <= 0, and absorption is possible.

    Neuts, *Matrix-Geometric Solutions in Stochastic Models* (1981), chapter 2.
    """

    initial: tuple[Annotated[float, Field(ge=0, le=1)], ...]
    generator: tuple[tuple[float, ...], ...]
    kind: Literal["phase_type"] = "phase_type"

    @model_validator(mode="after")
    def _check(self) -> PhaseType:
        n = len(self.initial)
        if n == 0 or len(self.generator) != n or any(len(row) != n for row in self.generator):
            raise ValueError(f"generator must be {n} x {n}, as long as `initial`")
        if abs(sum(self.initial) - 1) > _ROW_SUM:
            raise ValueError(f"initial probabilities must sum to 1, got {sum(self.initial):.12g}")
        S = np.array(self.generator)
        if np.any(S[~np.eye(n, dtype=bool)] < 0):
            raise ValueError("generator has a negative rate off its diagonal")
        if np.any(S.sum(axis=1) > _ROW_SUM * np.abs(np.diag(S))):
            raise ValueError("generator has a row with a positive sum; rows must sum to <= 0")
        if np.linalg.matrix_rank(S) < n:
            raise ValueError("generator is singular: some phase never leads to an arrival")
        return self

    @property
    def natural_rate(self) -> float:
        r"""Mean arrival rate :math:`1 / (-\alpha S^{-1} \mathbf 1)` [1/s]."""
        mean = -np.array(self.initial) @ np.linalg.solve(
            np.array(self.generator), np.ones(len(self.initial))
        )
        return float(1.0 / mean)


@part
class Mixture:
    r"""Renewal process; a gap is exponential with rate :math:`\lambda_i` with
    probability :math:`p_i`.
    """

    weights: tuple[Annotated[float, Field(gt=0, le=1)], ...]
    rates: tuple[PerSecond, ...]
    kind: Literal["mixture"] = "mixture"

    @model_validator(mode="after")
    def _check(self) -> Mixture:
        if not self.weights or len(self.weights) != len(self.rates):
            raise ValueError(
                f"needs one rate per weight, got {len(self.weights)} and {len(self.rates)}"
            )
        if abs(sum(self.weights) - 1) > _ROW_SUM:
            raise ValueError(f"weights must sum to 1, got {sum(self.weights):.12g}")
        return self

    @property
    def natural_rate(self) -> float:
        r"""Mean arrival rate :math:`1 / \sum p_i/\lambda_i` [1/s]."""
        return 1.0 / sum(w / r for w, r in zip(self.weights, self.rates, strict=True))


@part
class StateMachine:
    r"""Markov-modulated Poisson process (MMPP): rate :math:`\lambda_i` while a chain is in state i.

    Attributes
    ----------
    generator : (n, n) rates [1/s] between the states; the diagonal is ignored and rebuilt.
    rates : (n,) arrival rate in each state [1/s].

    Fischer and Meier-Hellstern, The Markov-modulated Poisson process cookbook (1993).
    """

    generator: tuple[tuple[float, ...], ...]
    rates: tuple[PerSecondOrZero, ...]
    kind: Literal["state_machine"] = "state_machine"

    @model_validator(mode="after")
    def _check(self) -> StateMachine:
        n = len(self.rates)
        if n == 0 or len(self.generator) != n or any(len(row) != n for row in self.generator):
            raise ValueError(f"generator must be {n} x {n}, one row per rate")
        off = self.transition_rates
        if np.any(off < 0):
            raise ValueError("generator has a negative rate off its diagonal")
        reach = np.eye(n, dtype=bool) | (off > 0)
        for _ in range(n.bit_length()):  # paths of 1, 2, 4, ... steps
            reach = reach @ reach
        if not reach.all():
            raise ValueError(
                "the states must form one communicating class (each reachable from each)"
            )
        if sum(self.rates) <= 0:
            raise ValueError("at least one state needs a positive arrival rate")
        return self

    @property
    def transition_rates(self) -> NDArray[np.float64]:
        """(n, n) off-diagonal rates [1/s], zero diagonal."""
        off = np.array(self.generator, dtype=np.float64)
        np.fill_diagonal(off, 0.0)
        return off

    @property
    def stationary(self) -> NDArray[np.float64]:
        """(n,) long-run share of time in each state."""
        off = self.transition_rates
        Q = off - np.diag(off.sum(axis=1))
        n = len(Q)
        A = np.vstack([Q.T, np.ones(n)])
        solution = np.linalg.lstsq(A, np.append(np.zeros(n), 1.0), rcond=None)[0]
        return np.clip(solution, 0.0, None) / np.clip(solution, 0.0, None).sum()

    @property
    def natural_rate(self) -> float:
        """Mean arrival rate [1/s]."""
        return float(self.stationary @ np.array(self.rates))


@part
class Trace:
    """Arrivals at given times [s], in order, starting at 0 or later."""

    times: tuple[SecondsOrZero, ...]
    kind: Literal["trace"] = "trace"

    @field_validator("times")
    @classmethod
    def _sorted(cls, times: tuple[float, ...]) -> tuple[float, ...]:
        if len(times) < 2:
            raise ValueError(f"a trace needs at least 2 arrivals, got {len(times)}")
        for i, (a, b) in enumerate(pairwise(times)):
            if b < a:
                raise ValueError(
                    f"times are not sorted: entry {i + 1} is {b:g} after {a:g}; sort them"
                )
        if times[-1] <= times[0]:
            raise ValueError("all arrivals have the same time")
        return times

    @property
    def natural_rate(self) -> float:
        """Arrivals per second between the first and the last."""
        return (len(self.times) - 1) / (self.times[-1] - self.times[0])


Arrivals = Annotated[Poisson | PhaseType | Mixture | StateMachine | Trace, Discriminator("kind")]
"""Any arrival process."""
