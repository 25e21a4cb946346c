"""Mean fields over a parameter: interpolated ones are those of the lowering."""

from __future__ import annotations

from math import log

import numpy as np
import pytest
from tests.strategies.three_tiers import tiers

from separatrix.fluid.continuation import family_of
from separatrix.fluid.field import velocity
from separatrix.fluid.smooth_family import smooth_family
from separatrix.model import Backoff, DependentCall, Program, Server, Source, Work


def backed_off() -> Program:
    program = Program("two")
    call = DependentCall("back", "front", "read", call_type="wait_until_done", timeout=0.7, retry=2)
    program.add_server(Server("front", {"page": Work(30, downstream=[call])}, 60, thread_pool=6))
    program.add_server(Server("back", {"read": Work(20)}, 40, thread_pool=3))
    program.add_source(
        Source("web", "page", 12.0, timeout=1.0, retries=3, backoff=Backoff(0.3, 2.0))
    )
    program.add_source(Source("cron", "page", 1.0, timeout=5.0, retries=1))
    program.connect("web", "front")
    program.connect("cron", "front")
    return program


@pytest.mark.parametrize(
    ("program", "parameter"),
    [
        (tiers(), "sources.web.arrival_rate"),
        (tiers(), "sources.web.timeout"),
        (backed_off(), "sources.web.timeout"),
        (backed_off(), "sources.web.arrival_rate"),
        (backed_off(), "servers.back.apis.read.processing_rate"),
    ],
)
def test_velocities_are_those_of_the_program_lowered_at_the_value(
    program: Program, parameter: str
) -> None:
    family = family_of(program, parameter, "staged")
    span = (0.2, 90.0)
    smooth = smooth_family(family, span)
    assert smooth is not None
    rng = np.random.default_rng(4)
    for value in [0.2, 1.0, 12.0, 90.0, *np.exp(rng.uniform(log(0.2), log(90.0), 12)).tolist()]:
        population = family(value)
        states = rng.uniform(size=(5, len(population.axes))) * np.minimum(population.shape, 30)
        expected = velocity(population, states)
        found = smooth.speed(states, log(value))
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-10 * np.abs(expected).max())


def test_one_plain_queue_has_none() -> None:
    program = Program("one")
    program.add_server(Server("s", {"a": Work(10)}, 50))
    program.add_source(Source("c", "a", 5.0, timeout=1.0, retries=3))
    program.connect("c", "s")
    assert smooth_family(family_of(program, "sources.c.timeout", "staged"), (0.1, 10.0)) is None


def test_operations_that_change_with_the_parameter_have_none() -> None:
    """Answers that come late end the request: which time-outs they pass depends on the time-out."""
    changed = family_of(tiers(), "sources.web.arrival_rate", "staged")
    other = family_of(backed_off(), "sources.web.arrival_rate", "staged")
    assert smooth_family(lambda p: changed(p) if p < 5.0 else other(p), (1.0, 30.0)) is None


def test_a_constant_that_leaps_has_none() -> None:
    family = family_of(tiers(), "sources.web.arrival_rate", "staged")
    assert smooth_family(lambda p: family(p if p < 5.0 else 2.0 * p), (1.0, 30.0)) is None
