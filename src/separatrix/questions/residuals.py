"""Weighted residuals of observed series, as a function of parameters scaled to the unit interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from separatrix.errors import ModelError, NotConverged, Problem
from separatrix.model import Program
from separatrix.model.parameters import Path, parameter, with_parameters
from separatrix.population import Array, Closure
from separatrix.questions.predicted import Engine, Observation, predicted


class Scale:
    """Parameters to and from the unit interval; logarithmic where both bounds are positive."""

    def __init__(self, program: Program, bounds: Mapping[Path, tuple[float, float]]) -> None:
        problems: list[Problem] = []
        self.paths: list[Path] = list(bounds)
        self.names = [p if isinstance(p, str) else ".".join(map(str, p)) for p in self.paths]
        for name, path, (low, high) in zip(self.names, self.paths, bounds.values(), strict=True):
            if not isinstance(parameter(program, path), float):
                hint = "it is no real number; sweep it instead"
                problems.append(Problem("cannot be fitted", name, hint))
            elif not (np.isfinite(low) and np.isfinite(high) and low < high):
                problems.append(
                    Problem(f"bounds {low:g} .. {high:g} bound nothing", name, "low < high")
                )
        if not bounds:
            problems.append(Problem("there is nothing to fit", "bounds", "name a parameter"))
        if problems:
            raise ModelError(problems)
        self.low = np.array([b[0] for b in bounds.values()], dtype=np.float64)
        self.high = np.array([b[1] for b in bounds.values()], dtype=np.float64)
        self.log = self.low > 0

    def values(self, unit: Array) -> Array:
        """Parameters in SI units."""
        straight = self.low + unit * (self.high - self.low)
        with np.errstate(divide="ignore", invalid="ignore"):
            curved = self.low * (self.high / self.low) ** unit
        return np.where(self.log, curved, straight)


class Residuals:
    """Residuals of the run means, weighted, as a function of the scaled parameters."""

    def __init__(
        self, program: Program, observations: Sequence[Observation], scale: Scale, engine: Engine,
        closure: Closure,
    ) -> None:  # fmt: skip
        self.program = program
        self.observations = observations
        self.scale = scale
        self.engine: Engine = engine
        self.closure: Closure = closure
        self.evaluations = 0
        self.times = np.unique(np.concatenate([o.times for o in observations]))
        self.places = [np.searchsorted(self.times, o.times) for o in observations]
        self.mean = np.concatenate([o.values.mean(axis=0) for o in observations])
        self.weight = np.concatenate([weights(o) for o in observations])

    def predict(self, unit: Array) -> Array:
        """Predicted series, end to end."""
        self.evaluations += 1
        program = self.changed(unit)
        found = predicted(program, self.times, engine=self.engine, closure=self.closure)
        pieces = zip(self.observations, self.places, strict=True)
        return np.concatenate([found[o.quantity][place] for o, place in pieces])

    def residuals(self, unit: Array) -> Array:
        """Weighted residuals; where nothing can be predicted, as bad as can be."""
        try:
            return self.weight * (self.predict(unit) - self.mean)
        except NotConverged:
            return np.full(len(self.mean), 1e6)

    def changed(self, unit: Array) -> Program:
        """The program with these parameters."""
        values = self.scale.values(unit)
        changes = {p: float(v) for p, v in zip(self.scale.paths, values, strict=True)}
        return with_parameters(self.program, changes)


def weights(seen: Observation) -> Array:
    r""":math:`1/\sigma_k`, the same at all times: a time at which the runs agree by chance is not pressed."""
    values = seen.values
    spread = values.var(axis=0, ddof=1).mean() if len(values) > 1 else values.var()
    floor = (1e-3 * max(float(np.abs(values).max()), 1e-9)) ** 2
    weight = float(max(float(spread), floor)) ** -0.5
    return np.full(len(seen.times), weight, dtype=np.float64)
