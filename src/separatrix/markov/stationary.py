r"""The stationary law of a population by subtraction-free elimination.

.. math:: \pi Q = 0,\qquad \sum_x \pi_x = 1 .
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import inf, isfinite, log
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import ModelError, NotConverged, Problem
from separatrix.markov.agreement import disagreement
from separatrix.markov.classes import closed_classes
from separatrix.markov.conservation import cut_imbalance
from separatrix.markov.generator import Chain, as_chain
from separatrix.markov.methods import sides_for, solver_for
from separatrix.markov.scaled import Scaled
from separatrix.markov.solver import Method, Solver
from separatrix.markov.unlikely import BALANCED, Trusted, is_deep, trusted
from separatrix.notebook import Shown

if TYPE_CHECKING:
    from separatrix.population.lattice import Population

Array: TypeAlias = NDArray[np.float64]
Index: TypeAlias = NDArray[np.int64]

_SMALLEST = -570.0  # logarithm of 1e-247: what is less than this hardly shows in a float64


@dataclass(frozen=True)
class Certificate:
    """What speaks for a stationary law being right.

    Attributes
    ----------
    residual : largest relative difference between a state's inflow and outflow.
    agreement : largest relative difference of any certified entry (see `StationaryLaw.floor`) to a
        second elimination in the opposite order; None where it was not asked for.
    rounding : estimated relative rounding error of every entry.
    cut : bound on the probability mass outside the box.
    flows : largest relative difference between the flows up and down across any level of any axis;
        None off a lattice. It sees a wrong weight between two regions, which the residual does not.
    """

    residual: float
    agreement: float | None
    rounding: float
    cut: float
    flows: float | None = None


@dataclass(frozen=True)
class StationaryLaw(Shown):
    """Long-run probabilities of the states.

    Attributes
    ----------
    population : what it is the law of; None for a bare chain.
    pi : probability of each state, of the box's shape; 0 where it is below 1e-308.
    log_pi : natural logarithm of each probability, also where `pi` underflows.
    certificate : checks and error estimate.
    method, reason : the method picked and why.
    status : ``"ok"``, or ``"inconclusive"`` with the failed check in `reason`.
    elimination : the factors, for further solves with the same anchor.
    floor : natural logarithm of the probability down to which entries are certified; ``-inf``
        where all are. What is less than 1e-250 beside the likeliest is found again with a bound
        (`unlikely`); where there is none, because such states hold the chain for too long, they stay
        uncertain.
    """

    population: Population | None
    pi: Array
    log_pi: Array
    certificate: Certificate
    method: str
    reason: str
    status: Literal["ok", "inconclusive"]
    solver: Solver = field(repr=False, compare=False)
    floor: float = -inf

    @property
    def error(self) -> float:
        """Relative error of every entry: measured where certified, else estimated.

        Two iterations that were stopped at the same error may agree to less than that by chance.
        """
        measured, estimated = self.certificate.agreement, self.certificate.rounding
        if measured is None:
            return estimated
        return max(measured, estimated) if self.method == "aggregated" else measured

    def probability(self, states: NDArray[np.bool_]) -> float:
        """Mass of a set of states given as a boolean mask of the box's shape."""
        return float(self.pi[states].sum())

    def to_dict(self) -> dict[str, Any]:
        """Numbers for JSON: the certificate and the mode, not the whole table."""
        mode = np.unravel_index(int(self.log_pi.argmax()), self.pi.shape)
        finite = self.log_pi[np.isfinite(self.log_pi)]
        return {
            "status": self.status,
            "reason": self.reason,
            "method": self.method,
            "states": int(self.pi.size),
            "mode": [int(i) for i in mode],
            "mode_probability": float(self.pi.max()),
            "smallest_log10": float(finite.min() / np.log(10.0)),
            "certified_log10": None if self.floor == -inf else self.floor / log(10.0),
            "certificate": {
                "entrywise_residual": self.certificate.residual,
                "agreement_of_two_orders": self.certificate.agreement,
                "rounding_estimate": self.certificate.rounding,
                "cut_mass": self.certificate.cut,
                "imbalance_across_levels": self.certificate.flows,
            },
        }


def stationary(
    population: Population | Chain,
    method: Method = "auto",
    *,
    anchor: int | None = None,
    certify: bool = False,
) -> StationaryLaw:
    """Stationary law of a population whose states, as far as they recur, form one class.

    Every entry is right to about 1e-13 relative, however small. Transient states get 0.

    Parameters
    ----------
    population : a population, or the chain made from it by `as_chain`.
    method : see `solver_for`.
    anchor : state eliminated last (row-major number); any recurrent state gives the same law.
    certify : eliminate a second time in the opposite order and measure the disagreement.

    Raises
    ------
    ModelError : more than one closed class of states, so that the law depends on the start.
    NotConverged : the factors would not fit in memory.

    Examples
    --------
    >>> import numpy as np
    >>> from separatrix.markov.generator import chain_from_matrix
    >>> stationary(chain_from_matrix(np.array([[0.0, 1.0], [3.0, 0.0]]))).pi
    array([0.75, 0.25])
    """
    chain = as_chain(population)
    solved, found = _deep_law(chain, method, anchor)
    law, floor = found.law, found.floor
    agreement = None
    if certify or (chain.listed is not None and is_deep(law)):
        # off a lattice nothing else tells how far down a law is right
        second = _other_order(solved, int(law.log().argmax()))
        floor = max(floor, second.floor)
        if not certify:
            floor = max(floor, _parting(law, second.law))
        agreement = disagreement(*(x[_shown(law, floor)] for x in (law, second.law)))
    shown = _shown(law, floor)
    residual = float(found.imbalance[shown].max(initial=0.0))
    known = None if isinstance(population, Chain) else population
    lowest = floor + log(max(float(chain.exit_rates().max()), 1e-300)) if isfinite(floor) else floor
    flows = cut_imbalance(chain, law, lowest)
    rounding = max(float(solved.error), found.bound if found.bound <= BALANCED else 0.0)
    certificate = Certificate(
        residual, agreement, rounding, 0.0 if known is None else known.cut, flows
    )
    pi = law.to_float()
    astray = abs(float(pi.sum()) - 1.0)
    # one by one: the largest of some numbers and of one that is none may be any of them
    good = all(off <= BALANCED for off in (residual, agreement or 0.0, flows or 0.0, astray))
    result = StationaryLaw(
        population=known,
        pi=pi.reshape(chain.shape),
        log_pi=law.log().reshape(chain.shape),
        certificate=certificate,
        method=solved.method,
        reason=solved.reason,
        status="ok",
        solver=solved,
        floor=floor,
    )
    if good:
        return result
    failed = (
        f"entrywise residual {residual:.2g}, disagreement of two orders {agreement},"
        f" imbalance across a level {flows}, probabilities miss 1 by {astray:.2g}"
    )
    if isfinite(floor):
        failed += f"; entries below 1e{floor / log(10.0):.0f} are not certified"
    return replace(result, status="inconclusive", reason=failed)


def _shown(law: Scaled, floor: float) -> Index:
    """Entries that are answered for: those above the floor, or all where it hides what a float64 shows."""
    return np.flatnonzero(law.log() > (floor if floor < _SMALLEST else -inf))


def _parting(law: Scaled, other: Scaled) -> float:
    """Logarithm of the likeliest entry in which two laws differ; ``-inf`` where they agree."""
    live = (law.mantissa > 0.0) & (other.mantissa > 0.0)
    apart = (law.mantissa > 0.0) ^ (other.mantissa > 0.0)
    at = np.flatnonzero(live)
    apart[at] = np.abs(law[at].over(other[at]).to_float() - 1.0) > BALANCED
    return float(np.maximum(law.log(), other.log())[apart].max(initial=-inf))


def _other_order(solved: Solver, anchor: int) -> Trusted:
    """The law of a second elimination, in the opposite order and along another dissection."""
    chain, levels = solved.chain, solved.in_strips
    sides = sides_for(chain, "left")
    other = solver_for(
        chain, anchor=anchor, method=solved.method, reverse=True, sides=sides,
        strip=None if levels is None else max(2 * levels // 3, 2),
    )  # fmt: skip
    law = other.law()
    del other  # gigabytes
    return trusted(chain, law)


def _deep_law(chain: Chain, method: Method, anchor: int | None) -> tuple[Solver, Trusted]:
    """A solver and the law; in strips where one front cannot hold what matters of the likely states."""
    solved = _recurrent_solver(chain, method, anchor)
    sides = sides_for(chain, "left")
    law = solved.law()
    if sides != "both":
        solved = solved.forget()  # gigabytes that the law was all there was to get from
    found = trusted(chain, law)
    if found.floor > -inf and solved.method == "nested" and solved.in_strips is None:
        from separatrix.markov.nested.strips import strip_levels

        solved = solved.forget()  # never two factorisations at once
        likeliest = int(law.log().argmax())
        try:
            other = solver_for(
                chain, anchor=likeliest, method="nested", sides=sides, strip=strip_levels(chain)
            )
        except NotConverged:
            return solved.complete() if sides == "both" else solved, found
        better = trusted(chain, other.law())
        if better.floor <= found.floor:
            return other if sides == "both" else other.forget(), better
        del other
        if sides == "both":
            solved = solved.complete()
    return solved, found


def _recurrent_solver(chain: Chain, method: Method, anchor: int | None) -> Solver:
    sides = sides_for(chain, "left")
    try:
        return solver_for(chain, anchor=anchor, method=method, sides=sides)
    except ModelError:
        classes = closed_classes(chain)
        if len(classes) > 1:
            some = "; ".join(chain.label(int(states[0])) for states in classes[:3])
            raise ModelError(
                Problem(
                    f"the chain has {len(classes)} closed classes of states (with {some}),"
                    " so that its long run depends on the start",
                    hint="let it leave every class but one, or ask for hitting probabilities",
                )
            ) from None
        inside = int(classes[0][0])
        if anchor is None or anchor not in classes[0]:
            return solver_for(chain, anchor=inside, method=method, sides=sides)
        raise
