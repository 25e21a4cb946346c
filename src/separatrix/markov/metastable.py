r"""Metastable sets: clusters of the slow right eigenvectors, and the rates between them.

The m slowest right modes X, complex pairs by their real and imaginary parts, span a space that the
generator leaves invariant. States of one metastable set have nearly the same row of X, and the rows
of all states fill nearly a simplex with m corners. With the rows of the m corner states in
:math:`X_c`, PCCA+ takes the *memberships*

.. math:: \chi = X X_c^{-1},\qquad \sum_i \chi_i(x) = 1,

which are 1 on the i-th corner and 0 on the others; corners are found one after the other as the
state farthest from the space of those before it (the inner simplex algorithm). The simplex is then
widened, within the span of X, until every state lies in it. The number of corners is the one after
which the decay rates :math:`\lambda_k` leave the largest gap :math:`\lambda_{m+1} / \lambda_m`.

Rates between the sets are those of milestoning on their *cores* :math:`C_i = \{\chi_i \ge c\}`. With
:math:`h_j(x)` the probability that :math:`C_j` is the first core hit,

.. math:: f_{ij} = \sum_{x \in C_i} \pi_x \sum_{y \notin C_i} q_{xy} h_j(y),\qquad
   w_i = \sum_x \pi_x h_i(x),\qquad k_{ij} = f_{ij} / w_i ,

sums of nonnegative numbers only, so that a rate of 1e-80/s beside one of 1e-3/s keeps its digits, which
:math:`X_c \Lambda X_c^{-1}` would not. States between the cores are shared out by where they go next; for
reversible chains that is exact, for others as good as these states are rare.

References
----------
P. Deuflhard, M. Weber, Linear Algebra Appl. 398 (2005) 161 (PCCA+, inner simplex algorithm).
M. Weber, S. Kube, Lect. Notes Comput. Sci. 3695 (2005) 57 (the indicator for the number of sets).
B. Reuter, K. Fackeldey, M. Weber, J. Chem. Phys. 150 (2019) 174103 (GPCCA, non-reversible chains).
C. Schuette et al., J. Chem. Phys. 134 (2011) 204105 (rates by milestoning).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import ModelError, Problem
from separatrix.markov.agreement import AGREED, agreed_where_small
from separatrix.markov.generator import Chain, as_chain
from separatrix.markov.memberships import memberships
from separatrix.markov.methods import solver_for
from separatrix.markov.scaled import Scaled, zeros
from separatrix.markov.solver import Solver
from separatrix.markov.spectrum import Spectrum, spectrum
from separatrix.markov.stationary import StationaryLaw
from separatrix.markov.stencil import expected_over_jumps, rates_into
from separatrix.notebook import Shown

if TYPE_CHECKING:
    from separatrix.population.lattice import Population

Array: TypeAlias = NDArray[np.float64]
Index: TypeAlias = NDArray[np.int64]
Mask: TypeAlias = NDArray[np.bool_]

APART = 10.0
"""A set is metastable when it holds this many times longer than what decays next."""
CORE = 1.0 - 1e-5
"""Share of the largest membership from which a state belongs to a set's core: a path that enters a core at
its edge turns back with the probability that is left, and would be counted once more."""


@dataclass(frozen=True)
class Metastable(Shown):
    """Metastable sets of a chain; a single one where nothing holds it up.

    Attributes
    ----------
    count : number m of sets, the likeliest first.
    memberships : (m, *shape) degree to which each state belongs to each set; columns sum to 1.
    labels : number of the set with the largest membership, of the box's shape.
    weights : (m,) stationary probability of each set; 0 below 1e-308.
    log_weights : (m,) natural logarithms, also below 1e-308.
    rates : (m, m) coarse-grained rates [1/s] from set to set; the diagonal makes rows sum to 0.
    log_rates : (m, m) logarithms of the rates off the diagonal; ``-inf`` on it.
    decay_rates : decay rates [1/s] of the slowest modes, the stationary one (0) first.
    separation : decay rate of the first mode left out over that of the last one used; ``inf``
        where no mode is left out, 1 where there is one set.
    crispness : mean over the sets of the membership that their own states have on average; 1 where
        the rows of the modes fill a simplex at its corners alone.
    status : ``"ok"``, or ``"inconclusive"`` with `reason`.
    modes : the spectrum used.
    """

    count: int
    memberships: Array
    labels: Index
    weights: Array
    log_weights: Array
    rates: Array
    log_rates: Array
    decay_rates: Array
    separation: float
    crispness: float
    status: Literal["ok", "inconclusive"]
    reason: str
    modes: Spectrum = field(repr=False, compare=False)

    def set(self, number: int) -> Mask:
        """The states of one set, as a mask of the box's shape."""
        return self.labels == number

    def to_dict(self) -> dict[str, Any]:
        """Numbers for JSON, without the tables."""
        return {
            "unit": "1/s", "status": self.status, "reason": self.reason, "sets": self.count,
            "weights": self.weights.tolist(), "log_weights": self.log_weights.tolist(),
            "sizes": [int(np.count_nonzero(self.labels == i)) for i in range(self.count)],
            "rates": self.rates.tolist(), "decay_rates": self.decay_rates.tolist(),
            "separation": self.separation, "crispness": self.crispness,
        }  # fmt: skip


def metastable(
    population: Population | Chain,
    count: int | None = None,
    *,
    most: int = 3,
    law: StationaryLaw | None = None,
    modes: Spectrum | None = None,
) -> Metastable:
    """Metastable sets of a chain, and the rates between them.

    Parameters
    ----------
    population : a population, or the chain made from it by `as_chain`.
    count : number of sets; by default chosen from the spectrum.
    most : largest number of sets that is considered where none is given.
    law : the stationary law, where it is already known.
    modes : the spectrum, where it is already known; with more modes than sets.

    Raises
    ------
    ModelError : `count` or `most` below 1 or beyond the states, or a reducible chain.
    NotConverged : the factors would not fit in memory.
    """
    chain = as_chain(population)
    wanted = most if count is None else count
    if wanted < 1 or (count is not None and count > chain.n_states):
        raise ModelError(
            Problem(f"{wanted} metastable sets of {chain.n_states} states", "count", "from 1 on")
        )
    if modes is None:
        modes = spectrum(
            chain, min(max(wanted + 1, 2), max(chain.n_states, 2)), law=law, tolerance=1e-8
        )
    decay = np.maximum(-modes.eigenvalues.real, 0.0)
    m, separation = _number_of_sets(modes, decay, count, most)
    chi = memberships(modes, m)
    mass = _log_mass(chi, modes.law)
    order = np.argsort(-mass, kind="stable")
    chi = chi[order]
    labels = chi.argmax(axis=0)
    weights, flows, error = _between(chain, chi, labels, modes.law)
    log_rates = np.full((m, m), -np.inf)
    for i in range(m):
        for j in range(m):
            if i != j:
                log_rates[i, j] = flows[i, j] - weights[i]
    with np.errstate(under="ignore"):
        rates = np.exp(log_rates)
        shares = np.exp(weights)
    np.fill_diagonal(rates, -rates.sum(axis=1))
    reason = _doubt(modes, m, separation, error)
    return Metastable(
        count=m,
        memberships=chi.reshape(m, *chain.shape),
        labels=labels.reshape(chain.shape),
        weights=shares,
        log_weights=weights,
        rates=rates,
        log_rates=log_rates,
        decay_rates=decay,
        separation=separation,
        crispness=_crispness(chi, modes.law, labels),
        status="inconclusive" if reason else "ok",
        reason=reason,
        modes=modes,
    )


def _number_of_sets(
    modes: Spectrum, decay: Array, count: int | None, most: int
) -> tuple[int, float]:
    """How many modes are slow, and by which factor the next one is faster."""
    paired = np.abs(modes.eigenvalues.imag) > 0.0

    def apart(m: int) -> float:
        if m >= decay.size:
            return np.inf
        if m < 2:
            return 1.0
        # a complex pair belongs together
        split = paired[m - 1] and modes.eigenvalues[m] == modes.eigenvalues[m - 1].conj()
        return 0.0 if split else float(decay[m] / decay[m - 1]) if decay[m - 1] > 0.0 else np.inf

    if count is not None:
        return count, apart(count)
    ratios = {m: apart(m) for m in range(2, min(most, decay.size - 1) + 1)}
    best = max(ratios, key=lambda m: ratios[m], default=1)
    return (best, ratios[best]) if best > 1 and ratios[best] >= APART else (1, 1.0)


def _log_mass(chi: Array, law: StationaryLaw) -> Array:
    """Logarithm of the probability of each set, by its largest memberships."""
    log_pi = law.log_pi.reshape(-1)
    labels = chi.argmax(axis=0)
    found = np.full(chi.shape[0], -np.inf)
    for i in range(chi.shape[0]):
        own = log_pi[labels == i]
        if own.size:
            top = own.max()
            found[i] = top + np.log(np.exp(own - top).sum()) if np.isfinite(top) else -np.inf
    return found


def _crispness(chi: Array, law: StationaryLaw, labels: Index) -> float:
    """Mean over the sets of the membership that a state of the set has on average."""
    log_pi = law.log_pi.reshape(-1)
    found: list[float] = []
    for i in range(chi.shape[0]):
        own = labels == i
        weight = np.exp(log_pi[own] - log_pi[own].max(initial=-1e300))
        found.append(float(weight @ chi[i, own] / weight.sum()) if own.any() else 0.0)
    return float(np.mean(found))


def _between(
    chain: Chain, chi: Array, labels: Index, law: StationaryLaw
) -> tuple[Array, Array, float | None]:
    """Logarithms of the sets' probabilities and of the flows between them, and the error of what leads to
    them: the difference of two orders where these are tiny, None where some set has no core."""
    m = chi.shape[0]
    log_pi = law.log_pi.reshape(-1)
    pi = Scaled.of_logs(log_pi)
    if m == 1:
        return np.zeros(1), np.full((1, 1), -np.inf), 0.0
    cores = np.stack([(labels == i) & (chi[i] >= CORE * chi[i].max()) for i in range(m)])
    weights, flows = np.full(m, -np.inf), np.full((m, m), -np.inf)
    if not cores.any(axis=1).all():
        return weights, flows, None
    removed = cast(Mask, np.any(cores, axis=0)).reshape(chain.shape)
    solved = None if removed.all() else solver_for(chain, removed=removed)
    error = 0.0
    for j in range(m):
        direct = rates_into(chain, cores[j].reshape(chain.shape))
        outside = np.where(removed.reshape(-1), 0.0, direct)

        def towards(
            solver: Solver | None, j: int = j, direct: Array = direct, outside: Array = outside
        ) -> Scaled:
            """What goes to core j next: the weight of it all, and the flow that leaves each core."""
            between = zeros(labels.size) if solver is None else solver.right(outside)
            weight = pi.times(between.plus(Scaled.of(cores[j].astype(np.float64)))).total()
            # straight, or through the states between
            arriving = expected_over_jumps(chain, between, removed).plus(Scaled.of(direct))
            parts = [weight]
            for i in range(m):
                mine = np.flatnonzero(cores[i])
                parts.append(pi[mine].times(arriving[mine]).total())
            return Scaled(
                np.concatenate([part.mantissa for part in parts]),
                np.concatenate([part.exponent for part in parts]),
            )

        found = towards(solved)
        if solved is not None:
            found, doubt = agreed_where_small(solved, found, towards, outside)
            error = max(error, doubt)
        log = found.log()
        weights[j] = log[0]
        flows[:, j] = log[1:]
        flows[j, j] = -np.inf
    return weights, flows, error


def _doubt(modes: Spectrum, m: int, separation: float, error: float | None) -> str:
    if modes.law.status != "ok":
        return f"the stationary law is not certified: {modes.law.reason}"
    if error is None:
        return "some set has no state that clearly belongs to it; ask for fewer sets"
    if error > AGREED:
        return f"two elimination orders differ by {error:.2g} in where a state goes next"
    if modes.errors[:m].max() > 1e-6:
        return f"a slow mode is known to {modes.errors[:m].max():.2g} only"
    if m > 1 and separation < 1.5:
        return f"the next mode is only {separation:.3g} times faster: this number splits a cluster"
    return ""
