"""What series say of a program's parameters: estimates, intervals, warnings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from separatrix.model import Program
from separatrix.notebook import Shown


@dataclass(frozen=True)
class Fitted:
    """One parameter.

    Attributes
    ----------
    name : its path.
    value, low, high : estimate and 95 % interval, in the parameter's SI unit.
    at_bound : whether the estimate lies at a bound that was given.
    """

    name: str
    value: float
    low: float
    high: float
    at_bound: bool


@dataclass(frozen=True)
class Calibration(Shown):
    """What the series say.

    Attributes
    ----------
    program : the program with the fitted values.
    parameters : the estimates.
    misfit : mean squared residual of the run means over what chance makes it; near 1 for a model that
        is right, NaN for a single run.
    rank : independent directions that the data can tell.
    condition : largest over smallest singular value of the scaled sensitivities.
    warnings : what not to believe, in words.
    status : ``"ok"``, or ``"inconclusive"`` where a parameter cannot be told or the fit is poor.
    evaluations : predictions made.
    """

    program: Program
    parameters: tuple[Fitted, ...]
    misfit: float
    rank: int
    condition: float
    warnings: tuple[str, ...]
    status: Literal["ok", "inconclusive"]
    evaluations: int

    def __getitem__(self, name: str) -> Fitted:
        """One parameter by its path."""
        return next(p for p in self.parameters if p.name == name)

    def to_dict(self) -> dict[str, Any]:
        """For JSON, with a versioned schema."""
        return {
            "schema": "separatrix.calibration/1",
            "parameters": [vars(p) for p in self.parameters],
            "misfit": self.misfit if self.misfit == self.misfit else None,
            "rank": self.rank,
            "condition": self.condition if np.isfinite(self.condition) else None,
            "status": self.status,
            "warnings": list(self.warnings),
            "evaluations": self.evaluations,
        }
