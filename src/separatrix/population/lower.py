"""Program -> Population: which closure, and why."""

from __future__ import annotations

from math import prod
from typing import Literal

from separatrix.errors import ModelError, Problem
from separatrix.model import Exponential, Program
from separatrix.population.assembly import assembled
from separatrix.population.itinerary import Kind
from separatrix.population.lattice import Axis, Population
from separatrix.population.metafor import metafor
from separatrix.population.network import Network, network_of
from separatrix.population.service_phases import service_phases

Closure = Literal["auto", "staged", "geometric", "metafor"]

STAGED_STATES = 200_000
"""`auto` keeps the orbit by attempt number up to this many states ..."""
STAGED_LEVEL = 700
"""... and this many in a level (all axes but the longest): it sets the cost of elimination."""


def lower(
    program: Program, closure: Closure = "auto", *, means_only: bool = False, bounded: bool = True
) -> Population:
    """The population of a program under a closure, by name.

    ``"staged"`` keeps the orbit by attempt number; ``"geometric"`` keeps one orbit per stream;
    ``"metafor"`` reproduces Metafor's generator; ``"auto"`` takes staged where it is affordable.
    APIs of one server that differ in rate are kept apart where that is affordable, else averaged;
    `Population.notes` says so. With `means_only` the turns of fates are left out, which change little where
    the mean dynamics rest, and changes that happen together may be moves of their own, which have the same mean: for
    the mean dynamics alone. So is ``bounded=False``, which lets orbits grow beyond the size that the lowering chose
    for them.

    Raises ModelError where the program is wrong, `Unsupported` where the closure cannot carry one
    of its features.
    """
    if closure == "metafor":
        return metafor(program.name, program)
    if closure not in ("auto", "staged", "geometric"):
        raise ModelError(
            Problem(f"unknown closure {closure!r}", "closure", "auto, staged, geometric or metafor")
        )
    network = network_of(program)
    kinds: tuple[Kind, ...] = ("staged", "geometric") if closure == "auto" else (closure,)
    population: Population | None = None
    for kind in kinds:
        for averaged in (False, True) if _may_average(network) else (False,):
            population = assembled(
                program.name,
                network,
                kind,
                averaged=averaged,
                means=means_only,
                bounded=bounded,
            )
            if affordable(population.axes):
                return population
    assert population is not None  # noqa: S101 - there is at least one kind
    return population


def affordable(axes: tuple[Axis, ...]) -> bool:
    """Whether `auto` takes the staged closure with these axes."""
    sizes = [axis.size for axis in axes]
    states = prod(sizes)
    return states <= STAGED_STATES and states // max(sizes) <= STAGED_LEVEL


def _may_average(network: Network) -> bool:
    """Whether some server has APIs that differ, all of them exponential."""
    exponential = all(
        isinstance(work.law, Exponential) for s in network.servers for work in s.apis.values()
    )
    phases = (service_phases(s, network.shares[s.name]) for s in network.servers)
    return exponential and any(not p.plain for p in phases)
