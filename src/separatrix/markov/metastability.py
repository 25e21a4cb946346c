r"""Two tests of whether given sets are metastable: escape probabilities, and conductance.

**Escape probabilities.** Disjoint sets :math:`A_1 \ldots A_m` with union A are metastable when it is much
easier to get into A from anywhere than to get from one of them to another. With :math:`\tau^+` the first
return and time counted in jumps (A. Bovier, F. den Hollander, Metastability, 2015, definition 8.2; for
points, and for sets as in section 8.3),

.. math:: \rho = m\,\frac{\max_i P_{\pi_{A_i}}(\tau_{A \setminus A_i} < \tau_{A_i}^+)}
                        {\min_{y \notin A} P_y(\tau_A < \tau_y^+)} \ll 1 ,

where :math:`\pi_{A_i}` is the law conditioned on the set. The denominator is
:math:`1 / (q_y G_{yy})`, with :math:`G_{yy}` the expected time in y before A is hit. As
:math:`G_{yy} \le E_y[\tau_A]`, an *upper bound* of :math:`\rho` follows from

.. math:: P_y(\tau_A < \tau_y^+) \ge \frac{1}{q_y\,E_y[\tau_A]} ,

one solve at any size, without a subtraction.

**Conductance** of a set S (A. Sinclair, M. Jerrum, Inform. and Comput. 82, 1989, p. 93), per second:

.. math:: \Phi(S) = \frac{\sum_{x \in S,\,y \notin S} \pi_x q_{xy}}{\min(\pi(S), \pi(S^c))} .

For reversible chains the spectral gap is at most :math:`2 \Phi(S)`, whatever S.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import ModelError, Problem
from separatrix.markov.agreement import AGREED, agreed_where_small
from separatrix.markov.generator import Chain, as_mask
from separatrix.markov.hitting import hitting_times
from separatrix.markov.scaled import Scaled
from separatrix.markov.solver import Method, Solver
from separatrix.markov.stationary import StationaryLaw
from separatrix.markov.stencil import expected_over_jumps, rates_into
from separatrix.notebook import Shown

Array: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True)
class Metastability(Shown):
    """The escape-probability test of some sets.

    Attributes
    ----------
    ratio : upper bound of rho; the sets are metastable where it is far below 1.
    log_ratio : its natural logarithm, also below 1e-308.
    escape : (m,) probability of leaving each set for another one before its next return, by jumps.
    log_escape : natural logarithms.
    least_return : lower bound of the probability, from any other state, of reaching a set before
        coming back to that state.
    hardest : row-major number of the state where that bound is least; None where no state is left.
    error : relative error of the escape probabilities, given the law's; measured where a second
        elimination was made (see `agreement`).
    status : ``"ok"``, or ``"inconclusive"`` with `reason`: the law is, or two orders differ.
    """

    ratio: float
    log_ratio: float
    escape: Array
    log_escape: Array
    least_return: float
    hardest: int | None
    error: float
    status: Literal["ok", "inconclusive"]
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Numbers for JSON."""
        return {
            "unit": "1", "ratio": self.ratio, "log_ratio": self.log_ratio,
            "escape": self.escape.tolist(), "log_escape": self.log_escape.tolist(),
            "least_return": self.least_return, "hardest": self.hardest,
            "relative_error": self.error, "status": self.status, "reason": self.reason,
        }  # fmt: skip


def metastability(
    law: StationaryLaw, sets: Sequence[Mask], *, method: Method = "auto"
) -> Metastability:
    """Whether some sets are metastable, by the probabilities of escape and of return.

    Parameters
    ----------
    law : from `stationary`.
    sets : at least two disjoint masks of the box's shape, such as the cores of the sets found by
        `metastable`: sets that touch each other are left at their rims at once.
    method : see `solver_for`.

    Raises
    ------
    ModelError : fewer than two sets, an empty one, one without mass, or sets that meet.
    NotConverged : the factors would not fit in memory.
    """
    chain = law.solver.chain
    if len(sets) < 2:
        raise ModelError(
            Problem(f"metastability compares at least 2 sets; got {len(sets)}", "sets")
        )
    masks = [as_mask(states, chain, f"set {i}") for i, states in enumerate(sets)]
    union = np.zeros(chain.shape, dtype=np.bool_)
    for i, mask in enumerate(masks):
        if (union & mask).any():
            raise ModelError(Problem(f"set {i} meets one before it", "sets", "give disjoint sets"))
        union |= mask
    exits = chain.exit_rates().reshape(-1)
    found = solved = None
    if not union.all():
        found = hitting_times(chain, union, second_moment=False, method=method)
        solved = found.solver.complete() if found.solver is not None else None
    escapes = [_escape(chain, law, mask, union, solved, exits) for mask in masks]
    log_escape = np.array([log_odds for log_odds, _ in escapes])
    error = max(doubt for _, doubt in escapes)
    log_return, hardest = 0.0, None
    if found is not None:
        others = np.flatnonzero(~union.reshape(-1))
        error = max(error, found.error)
        times = found.log_mean.reshape(-1)[others]
        bound = np.minimum(-np.log(exits[others]) - times, 0.0)
        place = int(bound.argmin())
        log_return, hardest = float(bound[place]), int(others[place])
    log_ratio = log(len(masks)) + float(log_escape.max()) - log_return
    with np.errstate(under="ignore"):
        escape = np.exp(log_escape)
    trouble = f"two elimination orders differ by {error:.2g}" if error > AGREED else ""
    if law.status != "ok":
        trouble = f"the stationary law is not certified: {law.reason}"
    return Metastability(
        exp(min(log_ratio, 700.0)), log_ratio, escape, log_escape, exp(log_return), hardest,
        error, "inconclusive" if trouble else "ok", trouble,
    )  # fmt: skip


def conductance(law: StationaryLaw, states: Mask) -> float:
    """Conductance [1/s] of a set: its outflow over the smaller of its mass and that of the rest.

    Parameters
    ----------
    law : from `stationary`.
    states : the set, as a mask of the box's shape.

    Raises
    ------
    ModelError : the set, or its complement, is empty or has no mass.
    """
    chain = law.solver.chain
    inside = as_mask(states, chain, "the set")
    outside = as_mask(~inside, chain, "the set's complement")
    pi = Scaled.of_logs(law.log_pi.reshape(-1))
    flow = pi.times(Scaled.of(rates_into(chain, outside)))
    parts = [pi[np.flatnonzero(mask.reshape(-1))].total() for mask in (inside, outside)]
    smaller = parts[int(parts[0].log()[0] > parts[1].log()[0])]
    if not smaller.mantissa[0] > 0.0:
        raise ModelError("a set without mass has no conductance")
    return float(flow.total().over(smaller).to_float()[0])


def _escape(
    chain: Chain,
    law: StationaryLaw,
    mask: Mask,
    union: Mask,
    solved: Solver | None,
    exits: Array,
) -> tuple[float, float]:
    """Logarithm of the probability, from the law within one set, of hitting another one first; its error."""
    own = np.flatnonzero(mask.reshape(-1))
    pi = Scaled.of_logs(law.log_pi.reshape(-1)[own])
    if not pi.total().mantissa[0] > 0.0:
        raise ModelError(Problem("a set has no stationary mass", "sets", "give recurrent states"))
    direct = rates_into(chain, union & ~mask)
    outside = np.where(union.reshape(-1), 0.0, direct)
    alive = exits[own] > 0.0

    def within(solver: Solver | None) -> Scaled:
        arriving = Scaled.of(direct)
        if solver is not None:
            arriving = arriving.plus(expected_over_jumps(chain, solver.right(outside), union))
        chance = arriving[own].over(Scaled.of(np.where(alive, exits[own], 1.0)))
        return pi.times(chance).total().over(pi.total())

    found, error = within(solved), 0.0
    if solved is not None:
        found, error = agreed_where_small(solved, found, within, outside)
    return float(found.log()[0]), error
