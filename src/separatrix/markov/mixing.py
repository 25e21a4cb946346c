r"""Mixing time in total variation.

.. math:: d_x(t) = \tfrac12 \sum_y |P_x(X_t = y) - \pi_y|,\qquad
          t_{\mathrm{mix}}(\varepsilon) = \max_x \min\{t : d_x(t) \le \varepsilon\} .

Where the slowest mode stands alone, :math:`d_x(t) \approx \tfrac12 |v_x| \|w\|_1 e^{-gt}`, and the start on
which it weighs most is the worst; else the law at time t is evaluated in a Krylov space and the worst start is
climbed to: the distance is a maximum over signs, too,

.. math:: d_x(t) = \tfrac12 \max_{s \in \{-1, 1\}^n} \big( e^{tQ} s \big)_x - \pi s ,

so that with the signs of one start's deviation one product tells a start that is at least as far, and the climb
ends at a start that none of its own signs betters (D. A. Levin, Y. Peres, E. L. Wilmer, Markov Chains and Mixing
Times, 2009, chapter 4, for distance and mixing time).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import isfinite, log
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import ModelError, NotConverged
from separatrix.markov.agreement import AGREED, drops_may_tell
from separatrix.markov.krylov import ExponentialAction
from separatrix.markov.methods import solver_for
from separatrix.markov.slowest import drowned, log_reach
from separatrix.markov.solver import Solver
from separatrix.markov.spectrum import Spectrum
from separatrix.markov.starts import Start, start_law
from separatrix.notebook import Shown

Array: TypeAlias = NDArray[np.float64]

_MAX_DIMENSION = 72
_TOLERANCE = 1e-8  # absolute, on the distance
_CLIMBS = 30


@dataclass(frozen=True)
class MixingTime(Shown):
    """Time until the law is within `eps` of the stationary one in total variation.

    Attributes
    ----------
    eps : the distance asked for.
    time : [s], the longest over the starts.
    start : the start that takes longest: its place in the given list, or its row-major number
        where no starts were given.
    error : relative error estimate of `time` for that start.
    method : ``"slowest mode"`` or ``"krylov"``.
    status : ``"ok"``, or ``"inconclusive"`` with `reason`.
    """

    eps: float
    time: float
    start: int
    error: float
    method: str
    status: Literal["ok", "inconclusive"] = "ok"
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Numbers for JSON."""
        return {
            "unit": "s", "eps": self.eps, "time": self.time, "start": self.start,
            "relative_error": self.error, "method": self.method, "status": self.status,
            "reason": self.reason,
        }  # fmt: skip


def mixing_time(
    modes: Spectrum, eps: float = 0.25, *, starts: Sequence[Start] | None = None
) -> MixingTime:
    """Total-variation mixing time from given starts, or from the worst of all states.

    Parameters
    ----------
    modes : from `spectrum`, with at least two modes; a third one tells where the slowest stands
        alone.
    eps : total-variation distance in (0, 1).
    starts : states, or laws over the box. Without them the worst state is climbed to from the extremes of the
        modes and the ends of the box; a climb can end below the top where several starts are nearly the worst.

    Raises
    ------
    ModelError : `eps` outside (0, 1), no starts, or a start outside the box.
    NotConverged : the chain, killed at the rate of mixing, lingers in so many places that every elimination
        underflows, or its factors would not fit in memory.
    """
    if not 0.0 < eps < 1.0:
        raise ModelError(f"eps must be in (0, 1); got {eps}")
    if starts is not None and not starts:
        raise ModelError("name at least one start")
    found = _climbed(modes, eps) if starts is None else _longest(modes, starts, eps)
    if found.status != "ok":
        return found
    if modes.status != "ok":
        return replace(found, status="inconclusive", reason=modes.reason)
    return _agreed(modes, found, eps, starts)


def _agreed(
    modes: Spectrum, found: MixingTime, eps: float, starts: Sequence[Start] | None
) -> MixingTime:
    """A time so long that a dropped rate may matter, by the opposite order, too; the modes have had theirs."""
    solved = modes.law.solver
    if found.method != "krylov" or not found.time > 0.0:
        return found
    jumps = log(found.time) + log(float(solved.chain.exit_rates().max()))
    if not drops_may_tell(solved, jumps):
        return found
    start = found.start if starts is None else starts[found.start]
    difference = (start_law(start, modes.law.pi.shape) - modes.law.pi).reshape(-1)
    other, _ = _by_krylov(modes, difference, eps, found.time, reverse=not solved.reverse)
    apart = abs(other.time / found.time - 1.0)
    if apart <= max(AGREED, found.error + other.error):
        return replace(found, error=max(found.error, apart))
    reason = f"two elimination orders differ by {apart:.2g}"
    return replace(found, status="inconclusive", reason=reason, error=apart)


def _longest(modes: Spectrum, starts: Sequence[Start], eps: float) -> MixingTime:
    """The longest of some starts."""
    shape = modes.law.pi.shape
    each = [_one(modes, start_law(start, shape), eps)[0] for start in starts]
    times = [m.time if isfinite(m.time) else np.inf for m in each]
    place = int(np.argmax(times))
    m = each[place]
    return MixingTime(eps, m.time, place, m.error, m.method, m.status, m.reason)


def _climbed(modes: Spectrum, eps: float) -> MixingTime:
    """From the states where the modes weigh most, and the ends of the box, to one that no start found outlasts."""
    shape = modes.law.pi.shape
    worst = int(np.abs(modes.right[1]).argmax())
    found, deviation = _one(modes, start_law(worst, shape), eps)
    if deviation is None:
        return replace(found, start=worst)
    for place in _extremes(modes):
        other, apart = _one(modes, start_law(place, shape), eps)
        if other.time > found.time:
            worst, found, deviation = place, other, apart
    for _ in range(_CLIMBS):
        if deviation is None or found.time == 0.0:
            break
        ahead, distance = _farthest(modes, np.sign(deviation), found.time)
        if ahead == worst or distance <= eps + 10.0 * _TOLERANCE:
            break
        other, apart = _one(modes, start_law(ahead, shape), eps)
        if not other.time > found.time:
            break
        worst, found, deviation = ahead, other, apart
    return replace(found, start=worst)


def _extremes(modes: Spectrum) -> list[int]:
    """The ends of the box, the rarest state, and where each mode is largest and smallest."""
    places = {0, modes.law.pi.size - 1, int(modes.law.pi.argmin())}
    for mode in modes.right[1:]:
        for part in (mode.real, mode.imag):
            places |= {int(part.argmax()), int(part.argmin())}
    return sorted(places)


def _farthest(modes: Spectrum, signs: Array, time: float) -> tuple[int, float]:
    """The start that these signs put farthest from the stationary law at `time`, and how far at least."""
    solved = modes.law.solver.complete()
    gamma = 0.2 * time
    shifted = _killed(solved, gamma)
    centred = signs - float(modes.law.pi.reshape(-1) @ signs)
    action = ExponentialAction(lambda x: shifted.signed_right(x) / gamma, centred, gamma)
    state, before = 0, float("nan")
    for dimension in range(12, _MAX_DIMENSION + 1, 12):
        action.space.grow(dimension - action.space.dimension)
        value = action.evaluator(np.array(action.space.basis[:dimension]), dimension)
        if value is not None:
            distances = 0.5 * value(time)
            state, found = int(distances.argmax()), float(distances.max())
            if abs(found - before) < _TOLERANCE:
                return state, found
            before = found
        if action.space.complete:
            break
    return state, before


def _one(modes: Spectrum, start: Array, eps: float) -> tuple[MixingTime, Array | None]:
    """The time from one start; and its law's deviation then, unless no start can be worse or it is not known."""
    pi = modes.law.pi
    if 0.5 * float(np.abs(start - pi).sum()) <= eps:
        return MixingTime(eps, 0.0, 0, 0.0, "start"), (start - pi).reshape(-1)
    weight = 0.5 * abs(complex((start * modes.right[1]).sum())) * float(np.abs(modes.left[1]).sum())
    guess = modes.relaxation_time
    if weight > eps and abs(modes.eigenvalues[1].imag) == 0.0 and modes.eigenvalues.size > 2:
        time = log(weight / eps) / modes.gap
        ahead = float(-modes.eigenvalues[2].real - modes.gap) * time
        if ahead > 40.0 + max(log_reach(start, modes.law.log_pi) - log(weight), 0.0):
            error = modes.gap_error + (modes.gap_error + drowned(modes)) / log(weight / eps)
            alone = MixingTime(eps, time, 0, error, "slowest mode")
            if error < 1e-6:
                return alone, None
            found, deviation = _by_krylov(modes, (start - pi).reshape(-1), eps, guess)
            if found.status == "ok":
                return found, deviation
            reason = "rounding drowns the slowest left mode in the likely states"
            return replace(alone, status="inconclusive", reason=reason), None
        guess = time
    elif weight <= eps and modes.eigenvalues.size > 2:
        # the slowest mode hardly weighs here: what is left decays with the next one
        guess = -1.0 / modes.eigenvalues[2].real
    return _by_krylov(modes, (start - pi).reshape(-1), eps, guess)


def _by_krylov(
    modes: Spectrum, difference: Array, eps: float, guess: float, *, reverse: bool = False
) -> tuple[MixingTime, Array | None]:
    solved = modes.law.solver.complete()
    for factor in (0.2, 0.02, 2.0, 0.002, 20.0):
        action = _space(solved, difference, factor * guess, reverse)
        time, error, deviation = _crossing(action, eps, guess)
        if isfinite(time) and error < 1e-6:
            return MixingTime(eps, time, 0, error, "krylov"), deviation
    nan = float("nan")
    reason = "the Krylov space did not settle"
    return MixingTime(eps, nan, 0, nan, "krylov", "inconclusive", reason), None


def _space(solved: Solver, difference: Array, gamma: float, reverse: bool) -> ExponentialAction:
    shifted = _killed(solved, gamma, reverse=reverse)
    return ExponentialAction(lambda x: shifted.signed_left(x) / gamma, difference, gamma)


def _killed(solved: Solver, gamma: float, *, reverse: bool = False) -> Solver:
    """The chain killed at the rate 1 / gamma."""
    chain, rate = solved.chain, 1.0 / gamma
    try:
        return solver_for(chain, killing=rate, anchor=solved.anchor, reverse=reverse)
    except NotConverged:
        # in this order it lingers elsewhere
        return solver_for(chain, killing=rate, reverse=reverse)


def _crossing(
    action: ExponentialAction, eps: float, scale: float
) -> tuple[float, float, Array | None]:
    """When the distance falls to `eps`, the relative error of that, and the deviation then."""
    previous = float("nan")
    for dimension in range(12, _MAX_DIMENSION + 1, 12):
        action.space.grow(dimension - action.space.dimension)
        settled = action.space.complete and dimension >= action.space.dimension
        value = action.evaluator(np.array(action.space.basis[:dimension]), dimension)
        if value is not None:

            def distance(t: float, value: Callable[[float], Array] = value) -> float:
                return 0.5 * float(np.abs(value(t)).sum())

            time = _bisect(distance, eps, scale)
            if not time > 0.0:
                break  # far too short for this shift: nothing of it is seen but rounding
            floor = 1e-15 * max(action.gamma / time, 1e5)  # the bisection's, or rounding seen
            if isfinite(previous) and abs(distance(previous) - eps) < _TOLERANCE:
                return time, max(abs(time - previous) / time, floor), value(time)
            if settled:
                return time, floor, value(time)
            previous = time
        if settled:
            break
    return float("nan"), float("nan"), None


def _bisect(distance: Callable[[float], float], eps: float, scale: float) -> float:
    low = high = scale
    while distance(high) > eps and isfinite(high):
        low, high = high, 2.0 * high
    while distance(low) <= eps and low > 0.0:
        low, high = 0.5 * low, low
    while high - low > 1e-10 * high:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if distance(middle) > eps else (low, middle)
    return high
