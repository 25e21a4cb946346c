r"""The quasi-stationary law of a set and the rate at which it is left.

Conditioned on not having left a set S, the chain settles to the law :math:`\nu` with

.. math:: \nu M = \theta \nu,\qquad M v = \theta v,\qquad
          P_x(T > t) = \frac{v_x}{\nu v} e^{-\theta t} + O(e^{-\theta_2 t}),

M the generator's negative on S and :math:`\theta` its smallest eigenvalue. Inverse iteration with
the subtraction-free factors keeps every digit; for any positive v the Collatz-Wielandt bounds

.. math:: \min_x \frac{v_x}{(M^{-1} v)_x} \le \theta \le \max_x \frac{v_x}{(M^{-1} v)_x}

certify the rate (P. Collet, S. Martinez, J. San Martin, Quasi-Stationary Distributions, 2013).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.markov.agreement import AGREED, agreed, drops_may_tell
from separatrix.markov.generator import Chain, as_chain, as_mask
from separatrix.markov.methods import solver_for
from separatrix.markov.scaled import Scaled
from separatrix.markov.solver import Method, Solver
from separatrix.markov.unlikely import HELD
from separatrix.notebook import Shown

if TYPE_CHECKING:
    from separatrix.population.lattice import Population

Array: TypeAlias = NDArray[np.float64]
Index: TypeAlias = NDArray[np.int64]

_ITERATIONS = 60
_SEEN = -27.0  # logarithm of 2e-12: what of the law counts where only its total variation does


@dataclass(frozen=True)
class QuasiStationary(Shown):
    """Long-run behaviour of a chain that has not left a set.

    Attributes
    ----------
    law : quasi-stationary law over the box; 0 outside the set. Entries below 1e-250 of the largest
        are not certified.
    exit_rate : rate [1/s] of leaving in that law; 0 below 1e-308.
    log_exit_rate : its natural logarithm, also below 1e-308.
    bounds : certified lower and upper bound of the rate, as factors of `exit_rate`.
    lifetime : ``v_x / (nu v)``, the weight of the slow exit for each start, of the box's shape.
    separation : estimate of the ratio of the exit rate to the next decay rate; near 0 where the
        set holds the chain far longer than it takes to settle in it.
    error : relative error estimate of the rate.
    status : ``"ok"``, or ``"inconclusive"`` with `reason` where the iteration has not settled, or where
        exits rarer than 1e270 jumps differ between two orders of elimination (see `agreement`).
    """

    law: Array
    exit_rate: float
    log_exit_rate: float
    bounds: tuple[float, float]
    lifetime: Array
    separation: float
    error: float
    status: Literal["ok", "inconclusive"]
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Numbers for JSON, without the tables."""
        low, high = self.bounds
        return {
            "unit": "1/s", "status": self.status, "reason": self.reason,
            "exit_rate": self.exit_rate, "log_exit_rate": self.log_exit_rate,
            "lower_bound": self.exit_rate * low, "upper_bound": self.exit_rate * high,
            "separation": self.separation, "relative_error": self.error,
        }  # fmt: skip


def quasi_stationary(
    population: Population | Chain, states: NDArray[np.bool_], *, method: Method = "auto"
) -> QuasiStationary:
    """Quasi-stationary law and exit rate of a set of states.

    Parameters
    ----------
    population : a population, or the chain made from it by `as_chain`.
    states : the set, as a boolean mask of the box's shape.
    method : see `solver_for`.

    Raises
    ------
    ModelError : the set is empty or everything, or some state in it can never leave it.
    NotConverged : the factors would not fit in memory.
    """
    chain = as_chain(population)
    inside = as_mask(states, chain, "the set")
    outside = as_mask(~inside, chain, "the set's complement")
    return slow_exit(solver_for(chain, removed=outside, method=method), entrywise=True)


def slow_exit(solved: Solver, *, entrywise: bool = False) -> QuasiStationary:
    """Quasi-stationary law and exit rate from factors with the complement removed.

    Parameters
    ----------
    solved : factors, with at least one state removed.
    entrywise : iterate until the law is right in every entry, not only in total variation.
    """
    found = _slow(solved, entrywise)
    kept = np.flatnonzero(~solved.removed.reshape(-1))
    spread, doubt = max(found.high - found.low, 0.0), 0.0
    jumps = float(np.log(solved.chain.exit_rates().max()) - found.rate.log()[0])
    rarest = -float(found.v[kept].log().min())
    if drops_may_tell(solved, max(jumps, rarest)):
        found, doubt = _twice(solved, found, entrywise, kept)
        spread = max(found.high - found.low, 0.0)
    trouble = ""
    if not spread < 1e-6:
        trouble = f"after {_ITERATIONS} steps the bounds differ by {spread:.2g}"
    if doubt > AGREED:
        trouble = f"two elimination orders differ by {doubt:.2g}"
    shape = solved.chain.shape
    return QuasiStationary(
        law=found.nu.to_float().reshape(shape),
        exit_rate=float(found.rate.to_float()[0]),
        log_exit_rate=float(found.rate.log()[0]),
        bounds=(found.low, found.high),
        lifetime=found.weight.to_float().reshape(shape),
        separation=found.separation,
        error=spread + solved.error + doubt,
        status="inconclusive" if trouble else "ok",
        reason=trouble,
    )


@dataclass(frozen=True)
class _Slow:
    """The slow exit as vectors that keep their range: see `QuasiStationary`."""

    v: Scaled
    nu: Scaled
    low: float
    high: float
    rate: Scaled
    separation: float

    @property
    def weight(self) -> Scaled:
        return self.v.over(self.nu.times(self.v).total())

    def judged(self, kept: Index, likely: Index) -> Scaled:
        """What two orders must agree upon."""
        parts = self.rate, self.weight[kept], self.nu[likely]
        return Scaled(
            np.concatenate([part.mantissa for part in parts]),
            np.concatenate([part.exponent for part in parts]),
        )


def _slow(solved: Solver, entrywise: bool) -> _Slow:
    kept = np.flatnonzero(~solved.removed.reshape(-1))
    v, low, high, rate, separation = _right_vector(solved, kept)
    return _Slow(v, _left_vector(solved, kept, entrywise=entrywise), low, high, rate, separation)


def _twice(solved: Solver, found: _Slow, entrywise: bool, kept: Index) -> tuple[_Slow, float]:
    """The slow exit that two orders agree upon, and by how much they differ."""
    log = found.nu.log()
    likely = np.flatnonzero(log > log.max() + (HELD if entrywise else _SEEN))
    last = found

    def answer(other: Solver) -> Scaled:
        nonlocal last
        last = _slow(other, entrywise)
        return last.judged(kept, likely)

    ones = (~solved.removed.reshape(-1)).astype(np.float64)
    _, _, doubt = agreed(solved, found.judged(kept, likely), answer, "both", ones)
    return last, doubt


def _right_vector(solved: Solver, kept: Index) -> tuple[Scaled, float, float, Scaled, float]:
    """Perron vector, relative bounds around the returned rate, the rate, the convergence ratio."""
    v = Scaled.of((~solved.removed.reshape(-1)).astype(np.float64))
    low = high = 1.0
    rate = Scaled.of(np.ones(1))
    separation, previous = 0.0, np.inf
    floor = 4.0 * solved.error
    for _ in range(_ITERATIONS):
        w = solved.right(v)
        ratio = v[kept].over(w[kept])
        top = np.array([int(np.argmax(w.log()))])
        rate = v[top].over(w[top])
        relative = ratio.over(rate).to_float()
        low, high = float(relative.min()), float(relative.max())
        spread = high - low
        v = w.over(w[top])
        if previous < 0.5:
            separation = max(spread / previous, separation if spread <= floor else 0.0)
        if spread <= floor or (spread < 1e-8 and spread >= 0.999 * previous):
            break
        previous = spread
    return v, low, high, rate, separation


def _left_vector(solved: Solver, kept: Index, *, entrywise: bool) -> Scaled:
    """The quasi-stationary law by inverse iteration from the uniform one."""
    nu = Scaled.of((~solved.removed.reshape(-1)).astype(np.float64) / kept.size)
    floor, previous = 4.0 * solved.error, np.inf
    for _ in range(_ITERATIONS):
        new = solved.left(nu)
        new = new.over(new.total())
        if entrywise:
            relative = new[kept].over(nu[kept]).to_float()
            change = float(relative.max() - relative.min())
        else:
            change = float(np.abs(new.to_float() - nu.to_float()).sum())
        nu = new
        if change <= floor or (change < 1e-8 and change >= 0.999 * previous):
            break
        previous = change
    return nu
