"""What the mean dynamics say at a glance: word, sentence, picture and sliders, in one quick answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from separatrix.errors import ModelError, NotConverged, Unsupported
from separatrix.fluid.basins import Basins, basins
from separatrix.fluid.continuation import Hysteresis, hysteresis
from separatrix.fluid.ranges import range_of
from separatrix.fluid.reduced import reducible
from separatrix.fluid.stretches import MetastableRange
from separatrix.model import Program
from separatrix.notebook import Shown
from separatrix.population import Population, lower
from separatrix.questions.fluid_verdict import FluidVerdict, verdict_on
from separatrix.questions.portrait import Portrait, described, plane
from separatrix.questions.sliders import Slider, sliders

RESOLUTION = 41
CURVE_POINTS = 120


@dataclass(frozen=True)
class Glance(Shown):
    """The quick answer.

    Attributes
    ----------
    program : its name.
    verdict : of the mean dynamics.
    sentence : the verdict in words.
    portrait, finding : the plane of queue and orbit, and what it shows; None and why where there are
        several queues.
    basins : the separatrix on that plane; None where it was not asked for, or where the plane is not
        one of one queue and one orbit.
    curve, range : resting points over the arrival rate of the first source, and where it can get
        stuck; None where that rate cannot be turned, or was not.
    sliders : what can be turned.
    notes : where the reading approximates the program.
    """

    program: str
    verdict: FluidVerdict
    sentence: str
    portrait: Portrait | None
    finding: str
    basins: Basins | None
    curve: Hysteresis | None
    range: MetastableRange | None
    sliders: tuple[Slider, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """For JSON; times in seconds, rates per second."""
        return {
            "schema": "separatrix.glance/1",
            "program": self.program,
            "verdict": self.verdict.to_dict(),
            "sentence": self.sentence,
            "portrait": self._plane(),
            "finding": self.finding,
            "hysteresis": None if self.curve is None else self.curve.to_dict(),
            "range": None if self.range is None else self.range.to_dict(),
            "range_finding": "" if self.range is None else self.range.finding(),
            "sliders": [slider.to_dict() for slider in self.sliders],
            "notes": list(self.notes),
        }

    def _plane(self) -> dict[str, Any] | None:
        if self.portrait is None:
            return None
        line = None if self.basins is None else self.basins.separatrix.tolist()
        return {**self.portrait.to_dict(), "separatrix": line or None}


def glance(program: Program, *, divided: bool = True, patient: bool = True) -> Glance:
    """The quick answer for `program`, by the geometric closure: its cost does not grow with retries.

    divided : find the separatrix and prove that no resting point is missing, too, which takes longer
        than all the rest.
    patient : find the curve over the load where it has to be followed step by step, too, which takes
        seconds for two services and minutes for more.

    Raises ModelError; `Unsupported` where no population carries the program.
    """
    program.check()
    population = lower(program, "geometric", means_only=True)
    verdict = verdict_on(program, population, timed=False)
    picture, finding = _picture(population, program if divided else None)
    curve, found = _over_load(program) if patient or reducible(population) else (None, None)
    return Glance(
        program=program.name,
        verdict=verdict,
        sentence=verdict.sentence,
        portrait=picture,
        finding=finding,
        basins=_basins(population) if divided else None,
        curve=curve,
        range=found,
        sliders=sliders(program),
        notes=population.notes,
    )


def _picture(population: Population, program: Program | None) -> tuple[Portrait | None, str]:
    if len(population.axes_of("queue")) > 1:
        return None, "Several queues have no plane in common: there is no picture of them together."
    try:
        picture = plane(population, program, resolution=RESOLUTION)
    except (Unsupported, NotConverged) as error:
        return None, str(error)
    return picture, described(picture, population)


def _basins(population: Population) -> Basins | None:
    try:
        return basins(population)
    except (Unsupported, NotConverged):
        return None


def _over_load(program: Program) -> tuple[Hysteresis | None, MetastableRange | None]:
    source = program.sources[0]
    path = f"sources.{source.name}.arrival_rate"
    try:
        curve = hysteresis(program, path, points=CURVE_POINTS, closure="geometric")
    except (ModelError, NotConverged):
        return None, None  # an arrival process that states no rate, or curves that were lost
    return curve, range_of(curve)
