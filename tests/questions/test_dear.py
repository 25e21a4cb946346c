"""What a chain or a simulation may cost: counted before it is made, and refused in words."""

from __future__ import annotations

from functools import partial

import pytest

from separatrix import Program, Server, Source, Work
from separatrix.errors import NotConverged
from separatrix.markov.nested.effort import elimination_operations
from separatrix.population import Population
from separatrix.population.lattice import Axis
from separatrix.questions.aftermath import aftermath
from separatrix.questions.calm import calm_share, overload_score
from separatrix.questions.dear import (
    SIMULATED,
    affordable,
    dearness,
    events_per_second,
    multiplications,
    worth_simulating,
)
from separatrix.questions.simulated import seen_recovery


def box(*sizes: int) -> Population:
    return Population("box", "staged", tuple(Axis(f"a{n}", n, "queue") for n in sizes), ())


def test_cheap_chains_are_let_through_without_counting():
    small = box(20, 20)
    assert multiplications(small, 1e9) == 400**2.5
    assert affordable(small, 1e9, "here") is small


def test_the_cost_is_that_of_the_elimination():
    population = box(60, 60, 60)
    assert multiplications(population) == elimination_operations(population)
    # what is told at no cost is never below it
    assert elimination_operations(population) <= population.n_states**2.5


def test_what_no_lattice_could_afford_is_not_counted():
    assert multiplications(box(1000, 1000, 1000)) == float("inf")
    with pytest.raises(NotConverged) as caught:
        affordable(box(1000, 1000, 1000), 1e300, "here")
    assert "a chain of 1.00e+9 states (1000 x 1000 x 1000) is too dear here" in str(caught.value)
    assert caught.value.certificate == "cost"


def test_refusals_name_what_is_too_much():
    population = box(60, 60, 60)
    operations = elimination_operations(population)
    assert f"{operations:.2g} multiplications an elimination," not in dearness(
        population, operations
    )
    assert dearness(population, operations / 2).endswith("multiplications an elimination,")
    assert dearness(population, operations, states=1000).endswith("more than 1,000,")


def test_a_chain_of_many_axes_is_named_in_one_line():
    told = dearness(box(*[100] * 4000), 1e9)
    assert "100 x ... of 4000 axes" in told
    assert "1.00e+8000 states" in told
    assert len(told) < 150


def test_a_simulation_that_would_take_years_is_refused_with_its_cost(long_waits):
    # 10/s with three retries and three events an attempt: 120 events a second
    assert events_per_second(long_waits) == 120.0
    worth_simulating(long_waits, SIMULATED / 1200.0, 10)
    with pytest.raises(NotConverged) as caught:
        worth_simulating(long_waits, SIMULATED / 1200.0, 11)
    assert "some 1e+10 events" in str(caught.value)
    assert caught.value.certificate == "cost"


def test_clients_that_wait_for_years_are_no_reason_to_simulate_years(long_waits):
    for ask in (calm_share, overload_score, aftermath, partial(seen_recovery, healthy=5.0)):
        with pytest.raises(NotConverged, match="timeout"):
            ask(long_waits)


@pytest.fixture
def long_waits() -> Program:
    program = Program("p")
    program.add_server(Server("s", {"get": Work(10.0)}, 50))
    program.add_source(Source("c", "get", 10.0, timeout=1e9, retries=3))
    program.connect("c", "s")
    return program
