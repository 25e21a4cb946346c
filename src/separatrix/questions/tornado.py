"""Which knob moves the load at which danger begins, and how far: one bar a knob."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isclose, isfinite, isnan
from typing import Any

from separatrix.errors import ModelError, NotConverged
from separatrix.fluid.ranges import metastable_range
from separatrix.fluid.reduced import reducible
from separatrix.model import Program
from separatrix.model.parameters import with_parameter
from separatrix.model.quantities import amount_text, unit_text
from separatrix.notebook import Shown
from separatrix.population import lower
from separatrix.questions.sliders import Slider, sliders

TURN = 1.25
"""A knob is turned by this factor both ways; a whole number by at least one."""
MOST_AXES = 12
"""Coordinates of services that wait for each other up to which all knobs are turned: about four services."""


@dataclass(frozen=True)
class Bar:
    """One knob.

    Attributes
    ----------
    path, label, unit : what is turned.
    lower, upper : its values, turned down and up.
    danger_lower, danger_upper : arrival rate from which on the service can get stuck then [1/s];
        infinite where it cannot at any, NaN where the setting is none.
    """

    path: str
    label: str
    unit: str
    lower: float
    upper: float
    danger_lower: float
    danger_upper: float

    @property
    def moves(self) -> bool:
        """Whether the two ends differ by more than rounding."""
        ends = (self.danger_lower, self.danger_upper)
        return any(isnan(e) for e in ends) or not isclose(*ends, rel_tol=1e-3)


@dataclass(frozen=True)
class Tornado(Shown):
    """The bars, the longest first.

    Attributes
    ----------
    source : whose arrival rate is looked at.
    danger : rate from which on the service can get stuck as it is [1/s]; infinite where it cannot.
    rate : the present rate [1/s].
    bars : one a knob.
    """

    source: str
    danger: float
    rate: float
    bars: tuple[Bar, ...]

    def finding(self) -> str:
        """The picture in one sentence."""
        moved = [b for b in self.bars if b.moves]
        if not moved:
            return "No knob, turned by a quarter, moves the load at which danger begins."
        best = moved[0]
        ends = [(best.danger_lower, best.lower), (best.danger_upper, best.upper)]
        danger, value = max((end for end in ends if not isnan(end[0])), key=lambda end: end[0])
        return (
            f"Danger begins at {_rate(self.danger)}. What moves it most is {best.label}: at "
            f"{value:.3g}{unit_text(best.unit)}, danger begins at {_rate(danger)}."
        )

    def to_dict(self) -> dict[str, Any]:
        """For JSON; None for never, or for a setting that is none."""

        def known(value: float) -> float | None:
            return value if isfinite(value) else None

        return {
            "schema": "separatrix.tornado/1",
            "source": self.source,
            "danger_per_s": known(self.danger),
            "rate_per_s": self.rate,
            "bars": [
                {
                    **vars(bar),
                    "danger_lower": known(bar.danger_lower),
                    "danger_upper": known(bar.danger_upper),
                }
                for bar in self.bars
            ],
        }


def tornado(program: Program) -> Tornado:
    """Turn every knob of `program` by a quarter, and see where danger begins by the mean dynamics.

    Raises ModelError where the arrival rate of the first source cannot be turned; NotConverged for services
    that wait for each other in more than `MOST_AXES` coordinates, where all turns together take minutes.
    """
    source = program.sources[0]
    population = lower(program, "geometric", means_only=True)
    if not reducible(population) and len(population.axes) > MOST_AXES:
        raise NotConverged(
            f"two turns of {len(sliders(program)) - 1} knobs, each with resting points in "
            f"{len(population.axes)} coordinates over the load, would take minutes; ask about one knob: "
            "separatrix sweep --engine fluid",
            certificate=f"at most {MOST_AXES} coordinates",
        )
    path = f"sources.{source.name}.arrival_rate"

    def danger(changed: Program) -> float:
        found = metastable_range(changed, path, closure="geometric")
        return found.low if found.exists else inf

    now = danger(program)
    bars: list[Bar] = []
    for slider in sliders(program):
        if slider.path == path or slider.value <= 0:
            continue
        down, up = _turned(slider)
        at: list[float] = []
        for value in (down, up):
            try:
                at.append(danger(with_parameter(program, slider.path, value)))
            except ModelError:
                at.append(float("nan"))
        bars.append(Bar(slider.path, slider.label, slider.unit, down, up, *at))
    bars.sort(key=lambda b: _length(b, now), reverse=True)
    return Tornado(source.name, now, source.mean_rate, tuple(bars))


def _turned(slider: Slider) -> tuple[float, float]:
    down, up = slider.value / TURN, slider.value * TURN
    if not slider.whole:
        return down, up
    value = int(slider.value)
    return min(round(down), value - 1), max(round(up), value + 1)


def _length(bar: Bar, now: float) -> float:
    ends = [d for d in (bar.danger_lower, bar.danger_upper) if d == d]
    far = [abs(d - now) if isfinite(d) and isfinite(now) else float(d != now) * 1e300 for d in ends]
    return max(far, default=0.0)


def _rate(value: float) -> str:
    return f"{amount_text(value)} requests/s" if isfinite(value) else "no load at all"
