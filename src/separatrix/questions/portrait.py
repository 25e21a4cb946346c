"""The phase portrait as data: drift, zero-drift curves and fixed points on the queue-orbit plane."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from separatrix.errors import Unsupported
from separatrix.fluid.equilibria import FixedPoint, equilibria
from separatrix.fluid.reduced import rested_orbits
from separatrix.model import Program
from separatrix.notebook import Shown
from separatrix.population import Array, Population
from separatrix.questions.regimes import Regimes


@dataclass(frozen=True)
class Portrait(Shown):
    """Mean dynamics on the plane of queue and (total) orbit.

    Attributes
    ----------
    queue : (n,) [attempts]; orbit : (m,) [requests].
    queue_drift, orbit_drift : (m, n) mean velocities [1/s].
    points : fixed points, by increasing queue.
    ridge : (m, n) probability of settling on the healthy side; None where it is not known on
        this plane.
    plane : how the plane lies among the coordinates, in words.
    certificate : of the points, as in `separatrix.fluid.equilibria.Equilibria`.
    """

    queue: Array
    orbit: Array
    queue_drift: Array
    orbit_drift: Array
    points: tuple[FixedPoint, ...]
    ridge: Array | None
    plane: str
    certificate: str = "none"

    def to_dict(self) -> dict[str, Any]:
        """For JSON: arrays as lists, row by row of the orbit."""
        return {
            "queue": self.queue.tolist(),
            "orbit": self.orbit.tolist(),
            "queue_drift": self.queue_drift.tolist(),
            "orbit_drift": self.orbit_drift.tolist(),
            "points": [
                {
                    "queue": float(p.state[0]),
                    "orbit": float(p.state[1:].sum()),
                    "stable": p.stable,
                }
                for p in self.points
            ],
            "ridge": None if self.ridge is None else self.ridge.tolist(),
            "plane": self.plane,
            "certificate": self.certificate,
        }


def portrait(found: Regimes, *, resolution: int = 61) -> Portrait:
    """The phase portrait of a population whose regimes were found, with its ridge."""
    flow = plane(found.population, resolution=resolution)
    return replace(flow, ridge=_ridge(found, flow.queue, flow.orbit))


def plane(
    population: Population, program: Program | None = None, *, resolution: int = 61
) -> Portrait:
    """The phase portrait of the mean dynamics alone.

    With several orbit coordinates the plane is the one on which they keep the proportions that
    they have where they rest at a full queue. With its program, one plain server's points are
    proved to be all.

    Raises Unsupported where the population has more than one queue.
    """
    if len(population.axes_of("queue")) > 1:
        # before any point is looked for, which takes minutes of many servers
        raise Unsupported(
            "fluid",
            "a phase portrait of several queues",
            "ask for `equilibria`, which has no plane",
        )
    n_orbits = len(population.axes) - 1
    top = float(population.shape[0] - 1)
    q = np.linspace(0.0, top, resolution)
    # a picture shows what was found; rates that jump (as in Metafor's closure) have no certificate
    rests = equilibria(population, program)
    points, certificate = rests.points, rests.certificate
    if all(axis.size == 1 for axis in population.axes[1:]):
        drift = population.drift((q, *[np.zeros_like(q)] * n_orbits))[0]
        flat = np.tile(drift, (2, 1))
        return Portrait(
            q, np.array([0.0, 1.0]), flat, 0 * flat, points, None, "no orbit", certificate
        )
    resting = rested_orbits(population, np.array([top]))[0]
    shares = resting / resting.sum() if resting.sum() > 0 else np.full(n_orbits, 1 / n_orbits)
    farthest = max([float(resting.sum()), *(float(p.state[1:].sum()) for p in points)])
    reach = max(1.25 * farthest, 4.0)
    reach = min(reach, float(sum(population.shape[1:]) - n_orbits))
    o = np.linspace(0.0, reach, resolution)
    Q, O = np.meshgrid(q, o)  # noqa: E741 - the orbit's letter
    bounds = np.array(population.shape[1:]) - 1.0
    state = (Q, *[np.minimum(share * O, b) for share, b in zip(shares, bounds, strict=True)])
    velocity = population.drift(state)
    orbit_drift = np.asarray(sum(velocity[1:]), dtype=np.float64)
    words = (
        "queue and orbit"
        if n_orbits == 1
        else "orbits in the proportions they have where they rest at a full queue"
    )
    return Portrait(q, o, velocity[0], orbit_drift, points, None, words, certificate)


def _ridge(found: Regimes, q: Array, o: Array) -> Array | None:
    if found.committor is None or len(found.population.axes) != 2:
        return None
    table = found.committor.probability
    rows = np.clip(np.rint(q).astype(int), 0, table.shape[0] - 1)
    columns = np.clip(np.rint(o).astype(int), 0, table.shape[1] - 1)
    return table[np.ix_(rows, columns)].T


def described(picture: Portrait, population: Population) -> str:
    """The finding of a portrait in a sentence, and what is proved."""
    proved = (
        " An interval test proves that there is no other."
        if picture.certificate == "interval"
        else ""
    )
    return describe(picture.points, population) + proved


def describe(points: tuple[FixedPoint, ...], population: Population) -> str:
    """The finding of a portrait in one sentence."""
    stable = [p for p in points if p.stable]
    saddles = [p for p in points if not p.stable]
    orbit = "" if len(population.axes) == 1 else " (orbit {:.0f})"
    places = ", ".join(
        f"queue {p.state[0]:.0f}" + orbit.format(float(p.state[1:].sum())) for p in stable
    )
    if len(stable) == 1 and not saddles:
        return f"One resting point, at {places}: every disturbance is forgotten."
    if len(stable) >= 2 and saddles:
        edge = saddles[0].state
        return (
            f"{len(stable)} resting points, at {places}, divided near queue {edge[0]:.0f}"
            + orbit.format(float(edge[1:].sum()))
            + ": beyond it the service does not come back by itself."
        )
    return f"{len(stable)} stable and {len(saddles)} unstable resting points; stable at {places}."
