"""A spike to show what one does to a service, for a model that names no fault of its own."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from separatrix.errors import Unsupported
from separatrix.model import Program, Schedule
from separatrix.model.parameters import with_parameter
from separatrix.model.quantities import duration_text
from separatrix.questions.tipping import MOST_FACTOR, fault_of, fluid_tipping

PATIENCES = 4.0
"""Length of the spike, in time-outs of the most patient source."""
PAST = 1.1
"""How far past the smallest that traps."""
STANDARD = 3.0
"""Factor where no spike traps the service, or nobody can say which does."""


@dataclass(frozen=True)
class SupposedSpike:
    """The model with a spike of all its sources, once it runs as usual.

    Attributes
    ----------
    program : with the spike.
    reason : why this one, in a sentence.
    """

    program: Program
    reason: str


def supposed_spike(program: Program) -> SupposedSpike:
    """A spike of four time-outs just past the tipping point of the mean dynamics, else of 3x.

    Raises ModelError for a wrong program.
    """
    duration = PATIENCES * max(source.timeout for source in program.sources)
    why = "none is known to trap it"
    factor = STANDARD
    try:
        tipping = fluid_tipping(program, duration).factor
    except Unsupported:
        pass
    else:
        if isfinite(tipping):
            factor = float(f"{PAST * tipping:.2g}")
            why = f"{tipping:.3g}x is the smallest that traps it, by the mean dynamics"
        else:
            why = f"none up to {MOST_FACTOR:g}x traps it, by the mean dynamics"
    faults = Schedule(fault_of(program, "spike", None, factor, duration))
    return SupposedSpike(
        with_parameter(program, ("faults",), faults),
        f"The model names no fault: supposed is a spike of {factor:g}x for {duration_text(duration)}; {why}.",
    )
