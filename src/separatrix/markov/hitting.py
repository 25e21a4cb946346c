r"""Hitting times and hitting probabilities by subtraction-free elimination.

For a target B and :math:`T = \inf\{t : X_t \in B\}`, with M the generator's negative on the
complement of B,

.. math:: M\,E[T] = 1,\qquad M\,E[T^2] = 2 E[T],\qquad
          M\,h = q_{\cdot B}\quad\text{with}\quad h = P(T < \infty).

Where :math:`T` varies little, :math:`E[T^2] - E[T]^2` cancels; there the variance solves

.. math:: M v = \Gamma,\qquad \Gamma_x = \sum_y q_{xy}\,(E_y T - E_x T)^2 ,

the expected sum of squared jumps of the martingale :math:`E_{X_t} T + t`; per state the form with
the smaller error estimate is taken.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import ModelError, Problem
from separatrix.markov.agreement import AGREED, agreed, disagreement, drops_may_tell
from separatrix.markov.classes import can_reach, reachable_from
from separatrix.markov.generator import Chain, Mask, as_chain, as_mask
from separatrix.markov.methods import sides_for, solver_for
from separatrix.markov.scaled import Scaled
from separatrix.markov.solver import Method, Solver
from separatrix.markov.starts import Start, start_law
from separatrix.markov.stencil import squared_jumps
from separatrix.notebook import Shown

if TYPE_CHECKING:
    from separatrix.population.lattice import Population

Array: TypeAlias = NDArray[np.float64]

_ROUNDING = 2.0**-52


@dataclass(frozen=True)
class Passage(Shown):
    """Hitting time from one start.

    Attributes
    ----------
    mean : expected time [s]; ``inf`` above 1e308.
    std : standard deviation [s].
    log_mean : natural logarithm of the mean in seconds, also above 1e308.
    error : relative error estimate of the mean.
    """

    mean: float
    std: float
    log_mean: float
    error: float

    @property
    def variance(self) -> float:
        """Variance [s^2]; ``inf`` above 1e308."""
        return self.std * self.std

    def to_dict(self) -> dict[str, Any]:
        """Numbers for JSON."""
        return {
            "unit": "s", "mean": self.mean, "std": self.std, "variance": self.variance,
            "log_mean": self.log_mean, "relative_error": self.error,
        }  # fmt: skip


@dataclass(frozen=True)
class HittingTimes(Shown):
    """Mean and standard deviation of the time to a target, from every state.

    Attributes
    ----------
    target : the set that is hit.
    mean : expected time [s], of the box's shape; 0 on the target, ``inf`` above 1e308, NaN on
        states that were left out because the given start cannot reach them.
    std : standard deviation [s], of the box's shape; NaN where it was not asked for.
    log_mean : natural logarithm of the mean in seconds; ``-inf`` on the target.
    std_error : estimated relative error of `std`, of the box's shape.
    error : estimated relative error of every entry of `mean`; measured with ``certify=True``.
    method, reason : the method picked and why.
    status : ``"ok"``, or ``"inconclusive"`` with the failed check in `reason`.
    elimination : the factors with the target removed, for quantiles and further solves.
    """

    target: Mask
    mean: Array
    std: Array
    log_mean: Array
    std_error: Array
    error: float
    method: str
    reason: str
    status: Literal["ok", "inconclusive"]
    solver: Solver | None = field(repr=False, compare=False)

    @property
    def variance(self) -> Array:
        """Variance [s^2], of the box's shape; ``inf`` above 1e308."""
        with np.errstate(over="ignore"):
            return np.square(self.std)

    def at(self, start: Start) -> Passage:
        """Hitting time from one state or from a law over the states.

        Raises
        ------
        ModelError : the start is outside the box, or not a probability law.
        """
        law = start_law(start, self.mean.shape)
        states = np.flatnonzero(law)
        weight = law.reshape(-1)[states]
        log_mean = self.log_mean.reshape(-1)[states]
        std = self.std.reshape(-1)[states]
        top = float(log_mean.max())
        if top == -np.inf:
            return Passage(0.0, 0.0, -np.inf, 0.0)
        # in units of the largest mean, so that squares stay in range
        scaled = np.exp(log_mean - top)
        unit = float(weight @ scaled)
        with np.errstate(over="ignore", invalid="ignore"):
            largest = float(self.mean.reshape(-1)[states].max())
            ratio = np.where(np.isinf(std), scaled, std / largest if largest > 0.0 else 0.0)
            spread = float(weight @ ratio**2 + weight @ (scaled - unit) ** 2)
            mean = float(weight @ self.mean.reshape(-1)[states])
            deviation = largest * float(np.sqrt(spread))
        return Passage(mean, deviation, top + float(np.log(unit)), self.error)

    def to_dict(self) -> dict[str, Any]:
        """Numbers for JSON: the extremes and the error, not the whole table."""
        outside = ~self.target & ~np.isnan(self.mean)
        return {
            "unit": "s",
            "status": self.status,
            "reason": self.reason,
            "method": self.method,
            "states": int(self.mean.size),
            "target_states": int(self.target.sum()),
            "shortest_mean": float(self.mean[outside].min(initial=np.inf)),
            "longest_mean": float(self.mean[outside].max(initial=0.0)),
            "relative_error": self.error,
        }


def hitting_times(
    population: Population | Chain,
    target: NDArray[np.bool_],
    *,
    start: Start | None = None,
    second_moment: bool = True,
    method: Method = "auto",
    certify: bool = False,
) -> HittingTimes:
    """Mean and standard deviation of the time until the chain first enters `target`.

    Parameters
    ----------
    population : a population, or the chain made from it by `as_chain`.
    target : boolean mask of the box's shape.
    start : only needed where some states cannot reach the target: then only states that this
        start can reach are considered.
    second_moment : also compute the standard deviation.
    method : see `solver_for`.
    certify : measure the error of the means by a second elimination in the opposite order; means
        longer than 1e270 jumps are always eliminated twice (see `agreement`).

    Raises
    ------
    ModelError : the target is empty, or from some considered state it may never be hit, so that
        the mean is infinite.
    NotConverged : the factors would not fit in memory.
    """
    chain = as_chain(population)
    mask = as_mask(target, chain, "target")
    if mask.all():
        return _at_once(mask)
    found = _remove(chain, mask, start, method)
    if found is None:
        return _at_once(mask)
    removed, solved, ones = found
    del found  # what is forgotten below must not be kept alive here
    # states that are neither target nor reachable from the start: left out, reported as NaN
    skipped = removed & ~mask
    first = solved.right(ones)
    error, status, reason = solved.error, "ok", solved.reason
    jumps = float(first.log().max()) + float(np.log(chain.exit_rates().max()))
    deep, sides = drops_may_tell(solved, jumps), sides_for(chain, "right")
    if (deep or certify) and sides != "both":
        solved = solved.forget()  # never two factorisations at once, where they weigh gigabytes
    if deep:
        solved, first, error = agreed(solved, first, lambda s: s.right(ones), sides, ones)
    elif certify:
        second = solver_for(
            chain, removed=removed, anchor=solved.anchor, method=method, reverse=True, sides=sides,
            load=ones,
        ).right(ones)  # fmt: skip
        apart = disagreement(first, second)
        # two iterations that were stopped at the same error may agree to less than that by chance
        error = max(apart, error) if solved.method == "aggregated" else apart
    if error > AGREED:
        status, reason = "inconclusive", f"two elimination orders differ by {error:.2g}"
    nan = np.full(chain.n_states, np.nan)
    if second_moment and (deep or certify):
        solved = solved.complete()
    std, std_error = _deviations(solved, first) if second_moment else (nan, nan)
    mean, log_mean = first.to_float(), first.log()
    for table in (mean, std, log_mean, std_error):
        table[skipped.reshape(-1)] = np.nan
    return HittingTimes(
        target=mask,
        mean=mean.reshape(chain.shape),
        std=std.reshape(chain.shape),
        log_mean=log_mean.reshape(chain.shape),
        std_error=std_error.reshape(chain.shape),
        error=error,
        method=solved.method,
        reason=reason,
        status="ok" if status == "ok" else "inconclusive",
        solver=solved,
    )


def _at_once(mask: Mask) -> HittingTimes:
    """All that is considered is in the target already."""
    zero = np.where(mask, 0.0, np.nan)
    return HittingTimes(
        mask, zero, zero, np.where(mask, -np.inf, np.nan), zero, 0.0,
        "none", "every considered state is in the target", "ok", None,
    )  # fmt: skip


def _remove(
    chain: Chain, mask: Mask, start: Start | None, method: Method
) -> tuple[Mask, Solver, Array] | None:
    """What is removed, the factors, and 1 on every state that is kept; None where none is."""
    sides = sides_for(chain, "right")

    def without(removed: Mask) -> tuple[Mask, Solver, Array]:
        ones = (~removed).reshape(-1).astype(np.float64)
        solved = solver_for(chain, removed=removed, method=method, sides=sides, load=ones)
        return removed, solved, ones

    try:
        return without(mask)
    except ModelError:
        hopeless = ~can_reach(chain, mask)
        if not hopeless.any():
            raise
    considered = np.ones(chain.shape, dtype=np.bool_)
    if start is not None:
        considered = reachable_from(chain, start_law(start, chain.shape) > 0.0, mask)
    lost = hopeless & considered
    if lost.any():
        state = chain.label(int(np.flatnonzero(lost)[0]))
        raise ModelError(
            Problem(
                f"the target cannot be reached from {state}, so that the mean time is infinite",
                hint="name a target that every state can reach, give a start that avoids such"
                " states, or ask for hitting probabilities",
            )
        )
    removed = mask | ~considered
    return None if removed.all() else without(removed)


def _deviations(solved: Solver, first: Scaled) -> tuple[Array, Array]:
    """Standard deviation from every state and its estimated relative error."""
    mean = first.to_float()
    second = solved.right(Scaled.of(2.0 * first.mantissa, first.exponent))
    square = first.times(first)
    live = np.flatnonzero(first.mantissa)
    ratio = np.zeros(mean.size)
    ratio[live] = second[live].over(square[live]).to_float()
    cv2 = np.maximum(ratio - 1.0, 0.0)
    noise = solved.error * (ratio + 1.0)
    top = float(mean.max())
    if live.size and (noise[live] > 1e-12 * cv2[live]).any() and top < 1e140:
        local, local_noise = (v[live] / mean[live] ** 2 for v in _martingale_form(solved, mean))
        better = local_noise < noise[live]
        cv2[live] = np.where(better, local, cv2[live])
        noise[live] = np.where(better, local_noise, noise[live])
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        std = np.where(cv2 > 0.0, mean * np.sqrt(cv2), 0.0)
        std_error = np.where(cv2 > 0.0, 0.5 * noise / cv2, 0.0)
    return std, std_error


def _martingale_form(solved: Solver, mean: Array) -> tuple[Array, Array]:
    """Variance by the sum of squared martingale jumps, and its estimated absolute error."""
    gamma, noise = squared_jumps(solved.chain, ~solved.removed, mean)
    variance = solved.right(gamma).to_float()
    return variance, solved.right(noise).to_float() + solved.error * variance
