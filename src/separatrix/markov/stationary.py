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
from separatrix.markov.classes import closed_classes
from separatrix.markov.elimination import Elimination, Method, eliminate, sides_for
from separatrix.markov.generator import Chain, as_chain, sum_at
from separatrix.markov.scaled import Scaled
from separatrix.markov.stencil import steps

if TYPE_CHECKING:
    from separatrix.population.lattice import Population

Array: TypeAlias = NDArray[np.float64]

_RESIDUAL_LIMIT = 1e-9  # entrywise; rounding alone stays near 1e-14
_DEEP = -900  # power of two below which a probability may have been lost beside the largest one
_TILTS = 3
_SMALLEST = -650.0  # logarithm of 1e-282: what is less hardly shows in a float64


@dataclass(frozen=True)
class Certificate:
    """What speaks for a stationary law being right.

    Attributes
    ----------
    residual : largest relative difference between a state's inflow and outflow.
    agreement : largest relative difference of any entry to a second elimination in the opposite
        order; None where it was not asked for.
    rounding : estimated relative rounding error of every entry.
    cut : bound on the probability mass outside the box.
    """

    residual: float
    agreement: float | None
    rounding: float
    cut: float


@dataclass(frozen=True)
class StationaryLaw:
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
        where all are. A chain whose probabilities differ by more than 1e-580 across one front of a
        nested dissection leaves the smallest, which a float64 cannot show anyway, uncertain.
    """

    population: Population | None
    pi: Array
    log_pi: Array
    certificate: Certificate
    method: str
    reason: str
    status: Literal["ok", "inconclusive"]
    elimination: Elimination = field(repr=False, compare=False)
    floor: float = -inf

    @property
    def error(self) -> float:
        """Relative error of every entry: measured where certified, else estimated."""
        measured = self.certificate.agreement
        return self.certificate.rounding if measured is None else measured

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
    method : see `eliminate`.
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
    solved, law, imbalance = _deep_law(chain, method, anchor)
    floor = _floor(law, imbalance)
    shown = law.log() > (floor if floor < _SMALLEST else -inf)
    residual = float(imbalance[shown].max(initial=0.0))
    agreement = None
    if certify:
        tilt = law if solved.tilted else None
        second = eliminate(
            chain, anchor=solved.anchor, method=method, reverse=True, tilt=tilt,
            sides=sides_for(chain, "left"),
        ).law()  # fmt: skip
        agreement = _disagreement(law, second)
    known = None if isinstance(population, Chain) else population
    certificate = Certificate(
        residual, agreement, solved.error, 0.0 if known is None else known.cut
    )
    good = residual <= _RESIDUAL_LIMIT and (agreement is None or agreement <= _RESIDUAL_LIMIT)
    result = StationaryLaw(
        population=known,
        pi=law.to_float().reshape(chain.shape),
        log_pi=law.log().reshape(chain.shape),
        certificate=certificate,
        method=solved.method,
        reason=solved.reason,
        status="ok",
        elimination=solved,
        floor=floor,
    )
    if good:
        return result
    failed = f"entrywise residual {residual:.2g}, disagreement of two orders {agreement}"
    if isfinite(floor):
        failed += f"; entries below 1e{floor / log(10.0):.0f} are not certified"
    return replace(result, status="inconclusive", reason=failed)


def _imbalance(chain: Chain, law: Scaled) -> Array:
    r""":math:`|\sum_y \pi_y q_{yx} / (\pi_x q_x) - 1|` for each state; 0 on states without mass."""
    if chain.listed is None:
        mantissa, exponent = law.mantissa.reshape(chain.shape), law.exponent.reshape(chain.shape)
        table = np.zeros(chain.shape)
        for sources, targets, rates in steps(chain):
            there = mantissa[targets]
            ratio = rates * mantissa[sources] / np.where(there > 0.0, there, 1.0)
            step = np.clip(exponent[sources] - exponent[targets], -2000, 2000).astype(np.int32)
            with np.errstate(over="ignore", under="ignore"):
                table[targets] += np.where(there > 0.0, np.ldexp(ratio, step), 0.0)
        inflow = table.reshape(-1)
    else:
        rows, cols, rates = chain.edges
        fine = law.mantissa[cols] > 0.0
        rows, cols, rates = rows[fine], cols[fine], rates[fine]
        step = np.clip(law.exponent[rows] - law.exponent[cols], -2000, 2000).astype(np.int32)
        with np.errstate(over="ignore", under="ignore"):
            relative = np.ldexp(rates * law.mantissa[rows] / law.mantissa[cols], step)
        inflow = sum_at(cols, relative, chain.n_states)
    outflow = chain.exit_rates().reshape(-1)
    live = (law.mantissa > 0.0) & (outflow > 0.0)
    return np.abs(np.divide(inflow, outflow, out=np.ones(inflow.size), where=live) - 1.0)


def _floor(law: Scaled, imbalance: Array) -> float:
    """Logarithm of the largest probability that is out of balance; ``-inf`` where none is."""
    wrong = imbalance > _RESIDUAL_LIMIT
    return float(law.log()[wrong].max(initial=-inf))


def _deep_law(
    chain: Chain, method: Method, anchor: int | None
) -> tuple[Elimination, Scaled, Array]:
    """The law and each state's imbalance.

    Where its probabilities exceed what one float64 can compare, by tilted eliminations.
    """
    sides = sides_for(chain, "left")
    solved = _eliminate_recurrent(chain, method, anchor)
    law = solved.law()
    imbalance = _imbalance(chain, law)
    if solved.method != "nested":
        return solved, law, imbalance
    for _ in range(_TILTS):
        live = law.mantissa > 0.0
        lowest = int(law.exponent[live].min())
        even = bool((imbalance <= _RESIDUAL_LIMIT).all())
        if even and (lowest >= _DEEP or solved.tilted):
            break
        likeliest = int(law.log().argmax())
        del solved  # gigabytes at 1e7 states: never two factorisations at once
        try:
            solved = eliminate(chain, anchor=likeliest, method="nested", tilt=law, sides=sides)
        except NotConverged:
            # too deep for the tilt, too: what is likely is right without it
            solved = eliminate(chain, anchor=likeliest, method="nested", sides=sides)
            law = solved.law()
            return solved, law, _imbalance(chain, law)
        law = solved.law()
        imbalance = _imbalance(chain, law)
    return solved, law, imbalance


def _eliminate_recurrent(chain: Chain, method: Method, anchor: int | None) -> Elimination:
    sides = sides_for(chain, "left")
    try:
        return eliminate(chain, anchor=anchor, method=method, sides=sides)
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
            return eliminate(chain, anchor=inside, method=method, sides=sides)
        raise


def _disagreement(one: Scaled, other: Scaled) -> float:
    live = (one.mantissa > 0.0) | (other.mantissa > 0.0)
    if ((one.mantissa > 0.0) != (other.mantissa > 0.0)).any():
        return float("inf")
    ratio = one[np.flatnonzero(live)].over(other[np.flatnonzero(live)]).to_float()
    return float(np.abs(ratio - 1.0).max(initial=0.0))
