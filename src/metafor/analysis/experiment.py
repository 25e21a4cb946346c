"""Parameter studies: `Parameter`, `ParameterList`, `Experiment`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, TypeAlias

from metafor.ctmc import SingleServerCTMC
from metafor.dsl.dsl import Program
from separatrix.errors import ModelError, Problem
from separatrix.model.parameters import Path, with_parameters

if TYPE_CHECKING:
    from separatrix.questions.sweep_result import SweepResult

Name: TypeAlias = tuple[str, ...]
"""Such as ``("server", "52", "api", "insert", "processing_rate")`` or ``("source", "client", "arrival_rate")``."""
Setting: TypeAlias = Mapping[Name, Any]


@dataclass(frozen=True)
class Parameter:
    """One number of a program by name, and the values that it shall take."""

    name: Name
    values: Sequence[Any]


@dataclass(frozen=True)
class ParameterList:
    """Several parameters: iterating gives every combination of their values, the last fastest."""

    parameters: Sequence[Parameter]

    def __iter__(self) -> Iterator[dict[Name, Any]]:
        names = [tuple(p.name) for p in self.parameters]
        for values in product(*(p.values for p in self.parameters)):
            yield dict(zip(names, values, strict=True))


@dataclass(frozen=True)
class Outcome:
    """A setting and what was measured in it."""

    setting: Setting
    value: Any


@dataclass(frozen=True)
class Experiment:
    """A program, parameters, and what to measure on its chain at every setting.

    >>> from metafor import program
    >>> rate = Parameter(("source", "client", "arrival_rate"), [5, 8])
    >>> study = Experiment(program(), rate, lambda chain: chain.get_mixing_time())
    >>> [round(outcome.value) for outcome in study.run()]
    [1645, 3142]
    """

    program: Program
    parameters: ParameterList | Parameter
    measure: Callable[[SingleServerCTMC], Any]

    def sweep(self, **how: Any) -> SweepResult:
        """Verdict and times at every setting instead of `measure`, on many processors, resumable.

        how : as in `separatrix.questions.sweep.sweep`. Raises ModelError as `run` does.
        """
        from separatrix.questions.sweep import sweep

        settings(self.parameters)
        many = self.parameters
        listed = [many] if isinstance(many, Parameter) else many.parameters
        return sweep(self.program, {tuple(p.name): list(p.values) for p in listed}, **how)

    def run(self) -> list[Outcome]:
        """Measure at every setting.

        Raises ModelError for an unknown name and for a value that cannot be.
        """
        return [
            Outcome(setting, self.measure(changed(self.program, setting).build()))
            for setting in settings(self.parameters)
        ]


def settings(parameters: ParameterList | Parameter) -> list[dict[Name, Any]]:
    """Every combination of values."""
    many = ParameterList([parameters]) if isinstance(parameters, Parameter) else parameters
    found = list(many)
    if not found:
        raise ModelError(Problem("a parameter has no values", "values", "give at least one"))
    return found


def changed(program: Program, setting: Setting) -> Program:
    """A program that differs from `program` in the values of `setting`."""
    changes: dict[Path, object] = {**setting}
    base = with_parameters(program, changes)
    made = Program(base.name, retry_when_full=program.retry_when_full)
    made.description, made.faults, made.limits = base.description, base.faults, base.limits
    made.add_servers(base.servers)
    made.add_sources(base.sources)
    for source, server in base.connections:
        made.connect(source, server)
    return made
