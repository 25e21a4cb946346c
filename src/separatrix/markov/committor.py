r"""Which of two sets is hit first: the committor.

With :math:`h(x) = P_x(T_A < T_B)` and M the generator's negative outside :math:`A \cup B`,

.. math:: M h = q_{\cdot A},\qquad M (1 - h) = q_{\cdot B} ;

both are solved, so that either keeps its digits where it is small; that they sum to 1 is a check.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import ModelError, Problem
from separatrix.markov.agreement import AGREED, agreed_where_small
from separatrix.markov.classes import can_reach
from separatrix.markov.generator import Chain, Mask, as_chain, as_mask
from separatrix.markov.methods import solver_for
from separatrix.markov.scaled import Scaled
from separatrix.markov.solver import Method, Solver
from separatrix.markov.stencil import rates_into
from separatrix.notebook import Shown

if TYPE_CHECKING:
    from separatrix.population.lattice import Population

Array: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Committor(Shown):
    """Probability of hitting one set before another, from every state.

    Attributes
    ----------
    probability : P(first set before the second), of the box's shape.
    complement : P(second set before the first), equally accurate.
    log_probability, log_complement : natural logarithms, also below 1e-308.
    error : estimated relative error of every entry.
    defect : largest ``|probability + complement - 1|`` [1], a check of both.
    method, reason : the method picked and why.
    status : ``"ok"``, or ``"inconclusive"`` with the failed check in `reason`.
    elimination : the factors with both sets removed; None where nothing was left to solve.
    """

    probability: Array
    complement: Array
    log_probability: Array
    log_complement: Array
    error: float
    defect: float
    method: str
    reason: str
    status: Literal["ok", "inconclusive"]
    solver: Solver | None = field(repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Numbers for JSON, without the tables."""
        return {
            "unit": "1", "status": self.status, "reason": self.reason, "method": self.method,
            "states": int(self.probability.size), "relative_error": self.error,
            "defect": self.defect,
        }  # fmt: skip


def committor(
    population: Population | Chain,
    first: NDArray[np.bool_],
    second: NDArray[np.bool_],
    *,
    method: Method = "auto",
) -> Committor:
    """Probability that `first` is hit before `second`, from every state.

    Parameters
    ----------
    population : a population, or the chain made from it by `as_chain`.
    first, second : disjoint sets as boolean masks of the box's shape.
    method : see `solver_for`.

    Raises
    ------
    ModelError : a set is empty, the sets meet, or from some state neither can be hit.
    NotConverged : the factors would not fit in memory.
    """
    chain = as_chain(population)
    a = as_mask(first, chain, "the first set")
    b = as_mask(second, chain, "the second set")
    if (a & b).any():
        place = chain.label(int(np.flatnonzero(a & b)[0]))
        raise ModelError(Problem(f"the two sets share {place}", hint="make them disjoint"))
    removed = a | b
    if removed.all():
        inside = Scaled.of(a.reshape(-1).astype(np.float64))
        outside = Scaled.of(b.reshape(-1).astype(np.float64))
        return _result(chain, inside, outside, 0.0, "none", "the two sets cover the box", None)
    into = [rates_into(chain, hit) for hit in (a, b)]
    solved = solver_for(chain, removed=removed, method=method, load=into[0])
    both: list[Scaled] = []
    error = solved.error
    for load, hit, other in zip(into, (a, b), (b, a), strict=True):
        p, doubt = _odds(solved, load, hit, other)
        both.append(p)
        error = max(error, doubt)
    for p, hit in zip(both, (a, b), strict=True):
        p.mantissa[hit.reshape(-1)], p.exponent[hit.reshape(-1)] = 0.5, 1  # certainty
    h, g = both
    return _result(chain, h, g, error, solved.method, solved.reason, solved)


def _odds(solved: Solver, into: Array, hit: Mask, other: Mask) -> tuple[Scaled, float]:
    """Probabilities to hit a set, and how far two dissections differ where these are tiny."""
    p = solved.right(into)
    zero = (p.mantissa == 0.0).reshape(hit.shape) & ~solved.removed
    lost = bool(zero.any() and (can_reach(solved.chain, hit, other) & zero).any())
    return agreed_where_small(solved, p, lambda s: s.right(into), into, lost=lost)


def hitting_probability(
    population: Population | Chain, target: NDArray[np.bool_], *, method: Method = "auto"
) -> Committor:
    """Probability that `target` is ever hit, from every state; below 1 only where it can be missed.

    Parameters
    ----------
    population : a population, or the chain made from it by `as_chain`.
    target : boolean mask of the box's shape.

    Raises
    ------
    ModelError : the target is empty.
    """
    chain = as_chain(population)
    mask = as_mask(target, chain, "target")
    hopeless = ~can_reach(chain, mask)
    if hopeless.any():
        return committor(chain, mask, hopeless, method=method)
    one = Scaled.of(np.ones(chain.n_states))
    none = Scaled.of(np.zeros(chain.n_states))
    return _result(chain, one, none, 0.0, "none", "the target can be reached from everywhere", None)


def _result(
    chain: Chain, h: Scaled, g: Scaled, error: float, method: str, reason: str,
    solved: Solver | None,
) -> Committor:  # fmt: skip
    probability, complement = h.to_float(), g.to_float()
    defect = float(np.abs(probability + complement - 1.0).max())
    # sums of products round to a few units above 1
    probability, complement = np.minimum(probability, 1.0), np.minimum(complement, 1.0)
    trouble = ""
    if error > AGREED:
        trouble = f"two elimination orders differ by {error:.2g} where a probability is tiny"
    if defect > 1e-9:
        trouble = f"the two probabilities miss 1 by {defect:.2g}"
    return Committor(
        probability=probability.reshape(chain.shape),
        complement=complement.reshape(chain.shape),
        log_probability=np.minimum(h.log(), 0.0).reshape(chain.shape),
        log_complement=np.minimum(g.log(), 0.0).reshape(chain.shape),
        error=max(error, defect),
        defect=defect,
        method=method,
        reason=trouble or reason,
        status="inconclusive" if trouble else "ok",
        solver=solved,
    )
