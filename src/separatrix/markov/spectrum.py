r"""Leading eigenvalues and eigenvectors of the generator, and mixing times.

With :math:`0 = \mu_1 > \mathrm{Re}\,\mu_2 \ge \ldots` the eigenvalues of Q, the spectral gap is
:math:`-\mathrm{Re}\,\mu_2`. The inverse of -Q on the complement of its stationary law is applied as

.. math:: D f = M_a^{-1} f - (\pi M_a^{-1} f)\,1 \qquad (\pi f = 0),

with M_a the M-matrix without the anchor state a (`deflation` has the general form). Its largest
eigenvalues are the slowest modes, found in the inner product of :math:`l^2(\pi)`. They keep their
digits as long as reaching a from the stationary law takes no longer than the slowest mode. Hence
the *most likely* state is the anchor: removing a state of another well would cost all digits.

References
----------
I. C. F. Ipsen, C. D. Meyer, SIAM J. Matrix Anal. Appl. 15 (1994) 1061 (the group inverse).
D. A. Levin, Y. Peres, E. L. Wilmer, Markov Chains and Mixing Times (2009), chapters 4 and 12.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import inf, log
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import ModelError
from separatrix.markov.agreement import AGREED, agreed, drops_may_tell
from separatrix.markov.arnoldi import Pairs, leading_pairs
from separatrix.markov.deflation import Deflated
from separatrix.markov.generator import Chain, as_chain
from separatrix.markov.methods import solver_for
from separatrix.markov.scaled import Scaled
from separatrix.markov.solver import Solver
from separatrix.markov.stationary import StationaryLaw, stationary
from separatrix.notebook import Shown

if TYPE_CHECKING:
    from separatrix.population.lattice import Population

Array: TypeAlias = NDArray[np.float64]
Complex: TypeAlias = NDArray[np.complex128]

_MAX_DIMENSION = 200
_MAX_BASIS = 5_000_000  # numbers in a Krylov basis that may be kept beyond that dimension
_NOISE = 64.0 * 2.0**-52  # of balanced vectors, relative to their largest entry
_TRUSTED = 1e-10  # error of a mode's entry, relative to its largest, that needs no mending
_SMOOTHINGS = 6


@dataclass(frozen=True)
class Spectrum(Shown):
    """Slowest modes of a chain, the stationary one first.

    Attributes
    ----------
    eigenvalues : (k,) of the generator [1/s], by decreasing real part; the first is 0.
    right : (k, *shape) right eigenvectors, largest entry 1; the first is constant.
    left : (k, *shape) left eigenvectors with ``sum(left * right) == 1``; the first is the law.
    errors : (k,) estimated relative errors of the eigenvalues.
    gap : spectral gap [1/s].
    status : ``"ok"``, or ``"inconclusive"`` with `reason`.
    law : the stationary law used.
    """

    eigenvalues: Complex
    right: Complex
    left: Complex
    errors: Array
    gap: float
    status: Literal["ok", "inconclusive"]
    reason: str
    law: StationaryLaw = field(repr=False, compare=False)

    @property
    def relaxation_time(self) -> float:
        """Reciprocal of the gap [s]."""
        return 1.0 / self.gap if self.gap > 0.0 else inf

    @property
    def gap_error(self) -> float:
        """Estimated relative error of the gap."""
        return float(self.errors[1]) if self.errors.size > 1 else 0.0

    def mixing_time(self, eps: float = 0.01) -> float:
        r"""Time [s] in which the slowest mode decays to `eps`: :math:`\ln(1/\varepsilon)` / gap.

        Raises
        ------
        ModelError : `eps` outside (0, 1).
        """
        if not 0.0 < eps < 1.0:
            raise ModelError(f"eps must be in (0, 1); got {eps}")
        return log(1.0 / eps) * self.relaxation_time

    def to_dict(self) -> dict[str, Any]:
        """Numbers for JSON, without the vectors."""
        return {
            "unit": "1/s", "status": self.status, "reason": self.reason, "gap": self.gap,
            "gap_relative_error": self.gap_error, "relaxation_time_s": self.relaxation_time,
            "eigenvalues": [[float(z.real), float(z.imag)] for z in self.eigenvalues],
            "relative_errors": [float(e) for e in self.errors],
        }  # fmt: skip


def spectrum(
    population: Population | Chain,
    count: int = 2,
    *,
    law: StationaryLaw | None = None,
    tolerance: float = 1e-10,
) -> Spectrum:
    """The `count` eigenvalues of the generator nearest to 0, the zero included, with eigenvectors.

    Parameters
    ----------
    population : a population, or the chain made from it by `as_chain`.
    count : how many, at least 2; one more where that would split a complex pair.
    law : its stationary law, where it is already known: its factors are used again.
    tolerance : relative accuracy asked of the eigenvalues.

    Raises
    ------
    ModelError : fewer than two recurrent states, `count` < 2, or a reducible chain.
    NotConverged : the factors would not fit in memory.
    """
    if count < 2:
        raise ModelError(f"count must be at least 2 (the zero eigenvalue is one); got {count}")
    chain = as_chain(population)
    if chain.n_states < 2:
        raise ModelError("a chain of one state has no spectral gap")
    known = stationary(chain) if law is None else law
    best: _Modes | None = None
    used: Solver | None = None
    for solved in _anchors(chain, known):
        modes = _slowest(solved, known, min(count, chain.n_states) - 1, tolerance)
        if best is None or modes.errors[0] < best.errors[0]:
            best, used = modes, solved
        if best.errors[0] <= 10.0 * tolerance:
            break
    assert best is not None  # noqa: S101 (there is at least one anchor)
    assert used is not None  # noqa: S101 (together with `best`)
    apart = _parting(used, known, float(best.rates[0].real), tolerance)
    best.errors[0] = max(best.errors[0], apart)
    worst = float(best.errors[0])
    trouble = "" if worst < 1e-6 else f"estimated relative error of the gap {worst:.2g}"
    if apart > AGREED:
        trouble = f"two elimination orders differ by {apart:.2g}"
    if known.status != "ok":
        trouble = f"the stationary law is not certified: {known.reason}"
    flat = np.ones((chain.n_states, 1), dtype=np.complex128)
    law_column = known.pi.reshape(-1, 1).astype(np.complex128)
    return Spectrum(
        eigenvalues=np.concatenate([[0.0 + 0.0j], -best.rates]),
        right=np.concatenate([flat, best.right], axis=1).T.reshape(-1, *chain.shape),
        left=np.concatenate([law_column, best.left], axis=1).T.reshape(-1, *chain.shape),
        errors=np.concatenate([[0.0], best.errors]),
        gap=float(best.rates[0].real),
        status="inconclusive" if trouble else "ok",
        reason=trouble,
        law=known,
    )


@dataclass(frozen=True)
class _Modes:
    """Decay rates [1/s] by real part, biorthonormal right and left vectors as columns, errors."""

    rates: Complex
    right: Complex
    left: Complex
    errors: Array


def _parting(solved: Solver, law: StationaryLaw, gap: float, tolerance: float) -> float:
    """How far two orders differ in a gap so small that a dropped rate may matter; 0 where none may."""
    fastest = float(solved.chain.exit_rates().max())
    if not gap > 0.0 or not drops_may_tell(solved, log(fastest) - log(gap)):
        return 0.0

    def answer(other: Solver) -> Scaled:
        return Scaled.of(_slowest(other, law, 1, tolerance).rates[:1].real)

    _, _, error = agreed(solved, Scaled.of(np.array([gap])), answer, "both", None)
    return error


def _anchors(chain: Chain, law: StationaryLaw) -> Iterator[Solver]:
    """Factors to try: those of the law where their anchor is likely, then the likeliest state's."""
    pi = law.pi.reshape(-1)
    likeliest = int(pi.argmax())
    if pi[law.solver.anchor] >= 1e-3 * pi[likeliest]:
        yield law.solver.complete()
    if law.solver.anchor != likeliest:
        yield solver_for(chain, anchor=likeliest)


def _slowest(solved: Solver, law: StationaryLaw, count: int, tolerance: float) -> _Modes:
    """The slowest modes, in groups: a group far faster than the one before gets its own factors."""
    weight, log_weight = _balance(law)
    n = weight.size
    right = weight.to_float()[:, None].astype(np.complex128)
    left = Scaled.of(law.pi.reshape(-1)).over(weight).to_float()[:, None].astype(np.complex128)
    rates: list[complex] = []
    errors: list[float] = []
    seed = np.random.default_rng(20240229).standard_normal(n)
    limit = min(n, max(_MAX_DIMENSION, _MAX_BASIS // n))
    while len(rates) < count:
        inverse = Deflated(solved.chain, right, left, weight, None if rates else solved)

        one = leading_pairs(
            inverse.projected_right, inverse.project_right(seed), count - len(rates),
            tolerance=tolerance, limit=limit,
        )  # fmt: skip
        other = leading_pairs(
            inverse.projected_left, inverse.project_left(seed), one.values.size,
            tolerance=tolerance, limit=limit,
        )  # fmt: skip
        k = min(one.values.size, other.values.size)
        if k == 0:
            break
        v, w = one.vectors[:, :k], _matched(one.values[:k], other)
        w = w @ np.linalg.inv(v.T @ w)
        real = one.values[:k].imag == 0.0
        v[:, real], w[:, real] = v[:, real].real, w[:, real].real
        image = _applied(inverse.right, v)
        theta = np.einsum("nj,nj->j", w, image)
        theta[real] = theta[real].real
        # how rounding in the solves, weighted as the left vector sees it, compares with theta
        doubt = np.einsum("nj,nj->j", np.abs(w), inverse.magnitude(np.abs(v)) + np.abs(image))
        shift = np.abs(theta - one.values[:k]) / np.abs(theta)
        # what either space left open enters the quotient of both vectors as a product
        norms = np.linalg.norm(w, axis=0)
        open_rest = norms * one.residuals[:k] * np.maximum(other.residuals[:k].max(), tolerance)
        rates += [complex(z) for z in 1.0 / theta]
        errors += [float(e) for e in shift + open_rest + inverse.error * doubt / np.abs(theta)]
        _smooth(inverse.right, v, theta, log_weight)
        _smooth(inverse.left, w, theta, -log_weight)
        right, left = np.concatenate([right, v], axis=1), np.concatenate([left, w], axis=1)
    order = np.argsort(np.array([z.real for z in rates]), kind="stable")
    v, y = right[:, 1:][:, order], left[:, 1:][:, order]
    for j in range(v.shape[1]):
        with np.errstate(divide="ignore"):
            top = int((np.log(np.abs(v[:, j])) - log_weight).argmax())
        largest, unit = v[top, j], weight[np.array([top])]
        v[:, j] = _complex(v[:, j] / largest, lambda x, u=unit: x.times(u).over(weight))
        y[:, j] = _complex(y[:, j] * largest, lambda x, u=unit: x.times(weight).over(u))
    return _Modes(np.array(rates)[order], v, y, np.array(errors)[order])


def _balance(law: StationaryLaw) -> tuple[Scaled, Array]:
    """Square roots of the probabilities, the largest 1, and their logarithms."""
    log_pi = law.log_pi.reshape(-1)
    # for transient states, which have no mass, and for states whose mass is not certified
    least = max(float(log_pi[np.isfinite(log_pi)].min()), law.floor)
    log_weight = 0.5 * (np.maximum(log_pi, least) - log_pi.max())
    power = np.floor(log_weight / log(2.0))
    return Scaled.of(np.exp(log_weight - power * log(2.0)), power.astype(np.int64)), log_weight


def _applied(inverse: Callable[[Array], Array], v: Complex) -> Complex:
    """The inverse applied to complex columns; real ones cost one solve."""
    image = inverse(np.ascontiguousarray(v.real)).astype(np.complex128)
    swinging = np.flatnonzero(np.abs(v.imag).max(axis=0) > 0.0)
    if swinging.size:
        image[:, swinging] += 1j * inverse(np.ascontiguousarray(v[:, swinging].imag))
    return image


def _smooth(
    inverse: Callable[[Array], Array], v: Complex, theta: Complex, log_weight: Array
) -> None:
    """Mend modes, in place, on states where balanced rounding drowns them: right ones on rare states.

    Such states are soon left for likelier ones, so that applying the inverse, which rounds each
    entry by itself, brings their values from there. Left modes, whose balance is the reciprocal one, drown
    on likely states, where what leaves the rare ones soon arrives.
    """
    for j in range(v.shape[1]):
        size = np.abs(v[:, j])
        noise = _NOISE * float(size.max())
        sure = size > 1e3 * noise
        with np.errstate(divide="ignore"):
            largest = float((np.log(size[sure]) - log_weight[sure]).max())
        rare = log(noise) - log_weight > largest + log(_TRUSTED)
        if not rare.any():
            continue
        v[rare, j] = 0.0
        for _ in range(_SMOOTHINGS):
            before = v[rare, j]
            v[rare, j] = (_applied(inverse, v[:, j : j + 1])[rare, 0]) / theta[j]
            change = np.abs(v[rare, j] - before)
            with np.errstate(divide="ignore"):
                worst = float((np.log(change) - log_weight[rare]).max())
            if worst <= largest + log(_TRUSTED):
                break


def _complex(values: Complex, change: Callable[[Scaled], Scaled]) -> Complex:
    """Apply a change of units, in extended range, to real and imaginary parts."""
    result = change(Scaled.of(np.ascontiguousarray(values.real))).to_float().astype(np.complex128)
    if np.abs(values.imag).max() > 0.0:
        result += 1j * change(Scaled.of(np.ascontiguousarray(values.imag))).to_float()
    return result


def _matched(values: Complex, other: Pairs) -> Complex:
    """Left vectors in the order of the right ones, each taken once."""
    distance = np.abs(values[:, None] - other.values[None, :])
    taken: list[int] = []
    for row in distance:
        row[taken] = np.inf
        taken.append(int(row.argmin()))
    return other.vectors[:, taken]
