r"""The law of a chain at times too far ahead for uniformisation, where rate x time exceeds 1e5.

Two ways, each with an error estimate:

* **slow modes**: with the eigenvalues :math:`-\lambda_j` nearest to 0 and their vectors :math:`v_j, w_j`,

  .. math:: p(t) \approx \pi + \sum_{j=2}^{m} (p(0) v_j)\, e^{-\lambda_j t}\, w_j ,

  what is left out decays like :math:`e^{-\lambda_m t}`; right for any t past the fast modes, 1e15 s too;
* **krylov**: a shift-and-invert Krylov space of p(0) under :math:`R = (I - \gamma Q)^{-1}` with
  :math:`\gamma = t / 10`, whatever the norm of Q (see `krylov`). Rounding of the rates themselves costs
  about :math:`2^{-52} \Lambda t`, which is part of the error.
"""

from __future__ import annotations

from math import exp, log
from typing import Any, NamedTuple, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from separatrix.markov.arnoldi import Arnoldi
from separatrix.markov.generator import Chain, Mask
from separatrix.markov.methods import solver_for
from separatrix.markov.spectrum import spectrum
from separatrix.markov.stationary import stationary

Array: TypeAlias = NDArray[np.float64]

_ROUNDING = 2.0**-52
_TARGET = 1e-11  # absolute, on the sum of all errors of a law
_MODES = 1e-13  # residual asked of the slow modes: errors of their vectors are of its order
_STEP = 8
_MAX_DIMENSION = 96
_SPREAD = 5.0  # times within this factor share one Krylov space


class Laws(NamedTuple):
    """Laws at several times with their error estimates (sum of absolute errors over the states)."""

    laws: Array
    errors: Array


def slow_mode_laws(chain: Chain, law: Array, times: Array, *, count: int = 6) -> Laws:
    r"""Laws by the stationary law and the slowest modes.

    What is left out is estimated as ten times the sizes of the modes kept and of
    :math:`\sum_x p_x(0)\,\pi_x^{-1/2}` (a bound for reversible chains), times :math:`e^{-\lambda_m t}`.

    Parameters
    ----------
    chain : off-diagonal rates.
    law : (n,) at time 0.
    times : (k,) [s].
    count : number of modes, the stationary one included.

    Raises
    ------
    ModelError : more than one closed class of states.
    NotConverged : the factors would not fit in memory.
    """
    known = stationary(chain)
    modes = spectrum(chain, max(2, min(count, chain.n_states)), law=known, tolerance=_MODES)
    start = np.flatnonzero(law)
    log_pi = known.log_pi.reshape(-1)[start]
    spread = np.log(law[start]) - 0.5 * log_pi
    rates = -modes.eigenvalues[1:]
    right = modes.right[1:].reshape(rates.size, -1)
    left = modes.left[1:].reshape(rates.size, -1)
    weights = right @ law.astype(np.complex128)
    sizes = np.abs(weights) * np.abs(left).sum(axis=1)
    log_left_out = float(np.logaddexp(_log_sum(spread), log(max(float(sizes.sum()), 1e-300))))
    laws = np.empty((times.size, law.size))
    errors = np.empty(times.size)
    for i, t in enumerate(times.tolist()):
        decay = np.exp(-rates * t)
        laws[i] = known.pi.reshape(-1) + ((weights * decay) @ left).real
        doubt = (modes.errors[1:] * np.abs(rates) * t + 1000.0 * _MODES) * np.abs(decay)
        remainder = 10.0 * exp(min(log_left_out - float(rates.real.max()) * t, 700.0))
        errors[i] = remainder + float(sizes @ doubt) + known.error
    return Laws(laws, errors)


def _log_sum(logs: Array) -> float:
    top = float(logs.max())
    return top + log(float(np.exp(logs - top).sum()))


def krylov_laws(
    chain: Chain, law: Array, times: Array, rate: float, *, removed: Mask | None = None
) -> Laws:
    """Laws by shift-and-invert Krylov spaces, one for each group of times of like size.

    Parameters
    ----------
    chain : off-diagonal rates.
    law : (n,) at time 0; 0 on removed states.
    times : (k,) [s], increasing, > 0.
    rate : the largest exit rate [1/s].
    removed : states in which the chain ends, of the box's shape; the laws are 0 there.

    Raises
    ------
    NotConverged : the factors would not fit in memory.
    """
    laws = np.empty((times.size, law.size))
    errors = np.empty(times.size)
    first = 0
    while first < times.size:
        beyond = int(np.count_nonzero(times <= _SPREAD * float(times[first])))
        group = slice(first, beyond)
        laws[group], errors[group] = _one_space(chain, law, times[group], removed)
        first = beyond
    return Laws(laws, errors + 2.0 * _ROUNDING * rate * times)


def _one_space(chain: Chain, law: Array, times: Array, removed: Mask | None) -> Laws:
    """Grow one space until the laws stop changing, or to its largest dimension."""
    gamma = float(times[-1]) / 10.0
    likeliest = int(law.argmax())
    solved = solver_for(chain, removed=removed, killing=1.0 / gamma, anchor=likeliest)
    space = Arnoldi(lambda x: solved.signed_left(x) / gamma, law)
    before: Array | None = None
    best = Laws(np.tile(law, (times.size, 1)), np.full(times.size, 2.0))
    while space.dimension < _MAX_DIMENSION:
        space.grow(_STEP)
        laws = _evaluate(space, gamma, times)
        if before is not None:
            errors = np.abs(laws - before).sum(axis=1)
            if removed is None:
                errors = np.maximum(errors, np.abs(laws.sum(axis=1) - law.sum()))
            better = errors < best.errors
            best.laws[better], best.errors[better] = laws[better], errors[better]
            if (best.errors <= _TARGET).all():
                break
        if space.complete:
            # the space is invariant: what is left is rounding
            return Laws(laws, np.full(times.size, space.dimension * 10.0 * _ROUNDING))
        before = laws
    return best


def _evaluate(space: Arnoldi, gamma: float, times: Array) -> Array:
    r"""Laws :math:`\|b\| V_k e^{-t(H^{-1} - I)/\gamma} e_1`; NaN where H cannot be inverted."""
    from scipy.linalg import expm

    k = space.dimension
    basis = np.array(space.basis[:k])
    try:
        G = (np.linalg.inv(space.projection) - np.eye(k)) / gamma
    except np.linalg.LinAlgError:
        return np.full((times.size, basis.shape[1]), np.nan)
    with np.errstate(all="ignore"):
        columns = [np.asarray(cast(Any, expm(-t * G)))[:, 0] for t in times.tolist()]
    return space.norm * (np.array(columns) @ basis)
