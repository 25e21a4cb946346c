r"""Fixed points of the mean dynamics: all of them, with their stability and a certificate.

The mean dynamics are taken apart into blocks that can be brought to rest one after the other, and each block
is solved by itself (`separatrix.fluid.composition`); what that does not find is searched for
(`separatrix.fluid.search`). The points are certified together by Brouwer's degree
(`separatrix.fluid.certificate`): their indices have to add up to 1. That leaves a gap, a missing pair of opposite
index; for one plain server, whose program is given, an interval test closes it (`separatrix.fluid.proof`). For any
other such program each point gets a box in which it is proved to be, alone (`separatrix.fluid.isolation`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import NotConverged
from separatrix.fluid.certificate import certified, indices
from separatrix.fluid.composition import resting_states
from separatrix.fluid.field import jacobians, velocity
from separatrix.fluid.isolation import isolating_box
from separatrix.fluid.marginal import Stretch, marginal_stretches, outside
from separatrix.fluid.newton import imbalance, same
from separatrix.fluid.proof import Proof, proved
from separatrix.fluid.reduced import reducible, rested_orbits
from separatrix.fluid.search import merged, searched_states
from separatrix.model import Program
from separatrix.notebook import Shown
from separatrix.population import Array, Population


@dataclass(frozen=True)
class FixedPoint(Shown):
    """A resting point of the mean dynamics.

    Attributes
    ----------
    state : (n_axes,) coordinates.
    eigenvalues : (n_axes,) of the Jacobian [1/s].
    residual : largest speed left [1/s].
    imbalance : largest net flow of a coordinate, as a share of all that flows in and out of it.
    index : sign of det(-J): 1 for an attractor, -1 for a saddle with one way out; 0 where rounding hides it.
    box : (n_axes, 2) in which it is proved to be, alone; None where that was not asked, or not proved.
    """

    state: Array
    eigenvalues: NDArray[np.complex128]
    residual: float
    imbalance: float
    index: int
    box: Array | None = None

    @property
    def stable(self) -> bool:
        """Whether small disturbances die out."""
        return bool(np.all(self.eigenvalues.real < 0))

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "state": self.state.tolist(),
            "stable": self.stable,
            "eigenvalues_per_s": [[float(v.real), float(v.imag)] for v in self.eigenvalues],
            "residual_per_s": self.residual,
            "imbalance": self.imbalance,
            "index": self.index,
            "box": None if self.box is None else self.box.tolist(),
        }


@dataclass(frozen=True)
class Equilibria(Shown):
    """The fixed points of a population, certified or not.

    Attributes
    ----------
    points : by increasing total queue.
    degree : sum of their indices; 1 where no point is missing (or a pair of opposite index is).
    certificate : ``"interval"``: each point is alone in an interval of the queue, and no other exists;
        ``"isolated"``: each is proved to exist, alone in its box, and the indices add up to 1, so that only a pair of
        opposite index could be missing elsewhere; ``"degree"``: the latter alone; ``"none"``.
    status, reason : ``"ok"``; ``"inconclusive"`` where the certificate fails, and how.
    marginal : queue lengths that all rest, where the load is exactly one.
    """

    points: tuple[FixedPoint, ...]
    degree: int
    certificate: Literal["interval", "isolated", "degree", "none"] = "none"
    status: Literal["ok", "inconclusive"] = "ok"
    reason: str = ""
    marginal: tuple[Stretch, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "schema": "separatrix.equilibria/1",
            "points": [point.to_dict() for point in self.points],
            "degree": self.degree,
            "certificate": self.certificate,
            "status": self.status,
            "reason": self.reason,
            "marginal": [stretch.to_dict() for stretch in self.marginal],
        }


def equilibria(
    population: Population, program: Program | None = None, *, resolution: int = 301, seed: int = 0
) -> Equilibria:
    """All fixed points, with the certificate that none is missing.

    Parameters
    ----------
    population : with any number of queues.
    program : that it was lowered from; then one plain server gets the interval certificate, and the points of any
        other a box each.
    resolution : queue lengths at which a block with one queue is looked at first.
    seed : of the random states from which a missing point is searched.
    """
    states = merged(population, resting_states(population, resolution=resolution))
    found = certified(population, states)
    stretches = marginal_stretches(population, states[found.indices == 0])
    if found.missing and not stretches:
        states = searched_states(population, states, seed=seed)
        found = certified(population, states)
        stretches = marginal_stretches(population, states[found.indices == 0])
    if stretches:
        return _marginal(population, stretches, states)
    certificate: Literal["interval", "isolated", "degree", "none"] = (
        "none" if found.reason else "degree"
    )
    proof = None if program is None else _proof(population, program)
    reason = found.reason
    if proof is not None:
        alone = [sum(low <= x[0] <= high for x in states) for low, high in proof.isolated]
        certificate, reason = "interval", ""
        if alone != [1] * len(states):
            certificate, reason = "none", f"{len(proof.isolated)} points exist, not {len(states)}"
    points = described(population, states, found.indices)
    if certificate == "degree" and program is not None:
        points = tuple(replace(p, box=isolating_box(population, p.state)) for p in points)
        if all(p.box is not None for p in points):
            certificate = "isolated"
    return Equilibria(
        points,
        found.degree,
        certificate,
        "inconclusive" if reason else "ok",
        reason,
    )


def _proof(population: Population, program: Program) -> Proof | None:
    """The interval test's, where the population is what it speaks of."""
    if population.closure not in ("staged", "geometric") or not reducible(population):
        return None
    # orbits grow with the queue: at the full one they must be clear of their bounds
    most = rested_orbits(population, np.array([population.shape[0] - 1.0]))[0]
    if np.any(most > np.array(population.shape[1:]) - 2.0):
        return None
    return proved(program, "staged" if population.closure == "staged" else "geometric")


def _marginal(population: Population, stretches: tuple[Stretch, ...], states: Array) -> Equilibria:
    """With the ends of the stretches as points; these have no index."""
    apart = outside(population, stretches, states)
    states = merged(population, [*apart, *(end for stretch in stretches for end in stretch.ends)])
    signs = np.where(
        [any(same(x, y) for y in apart) for x in states], indices(population, states), 0
    )
    reason = "; ".join(stretch.sentence for stretch in stretches)
    points = described(population, states, signs)
    return Equilibria(points, int(signs.sum()), "none", "inconclusive", reason, stretches)


def fixed_points(population: Population, *, resolution: int = 301) -> tuple[FixedPoint, ...]:
    """The points of `equilibria`.

    Raises NotConverged, with those found, where the certificate fails.
    """
    found = equilibria(population, resolution=resolution)
    if found.status != "ok":
        raise NotConverged(
            f"{len(found.points)} fixed points found, and more may be there; ask `simulate`",
            partial=found.points,
            certificate=found.reason,
        )
    return found.points


def described(
    population: Population, states: Array, indices: NDArray[np.int_]
) -> tuple[FixedPoint, ...]:
    """Fixed points at known places, shape (m, n_axes), with what there is to say of each."""
    if len(states) == 0:
        return ()
    spectra = np.linalg.eigvals(jacobians(population, states)).astype(np.complex128)
    speeds = np.abs(velocity(population, states)).max(axis=1)
    return tuple(
        FixedPoint(x, spectrum, float(speed), float(away), int(index))
        for x, spectrum, speed, away, index in zip(
            states, spectra, speeds, imbalance(population, states), indices, strict=True
        )
    )
