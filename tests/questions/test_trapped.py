"""The chance of being trapped: limits that are known, and two engines that share nothing."""

from __future__ import annotations

import pytest

from separatrix import ModelError, Outage, Program, Server, Slowdown, Source, Spike, Work
from separatrix.model import LoadSlowdown
from separatrix.questions.odds import wilson
from separatrix.questions.trapped import exact_trapped, fluid_trapped, seen_trapped


def service(retries: int = 1) -> Program:
    program = Program("p")
    program.add_server(Server("s", {"get": Work(10.0)}, qsize=60))
    program.add_source(Source("c", "get", 6.5, timeout=3.0, retries=retries))
    program.connect("c", "s")
    return program


@pytest.mark.parametrize(
    "fault",
    [Spike("c", 2.0, 0.0, 5.0), Spike("c", 3.0, 2.0, 5.0), Outage("s", 0.0, 5.0)],
    ids=["small spike", "large spike", "outage"],
)
def test_chain_and_simulation_agree(fault):
    exact = exact_trapped(service(), [fault])
    seen = seen_trapped(service(), [fault], runs=400)
    # the chain waits exponentially and the simulator does not: 6 % beside the interval
    assert seen.low - 0.06 <= exact.probability <= seen.high + 0.06


def test_a_slowdown_is_a_spike_seen_from_the_server():
    # halving all service rates is doubling all arrival rates on a clock of half the speed
    spiked = exact_trapped(service(), [Spike("c", 3.0, 0.0, 4.0), Slowdown("s", 1.0, 0.0, 4.0)])
    alone = exact_trapped(service(), [Spike("c", 3.0, 0.0, 4.0)])
    assert spiked.probability == pytest.approx(alone.probability, abs=1e-6)
    harder = exact_trapped(service(), [Spike("c", 3.0, 0.0, 4.0), Slowdown("s", 2.0, 0.0, 4.0)])
    assert harder.probability > alone.probability


def test_longer_and_stronger_trap_more():
    odds = [
        exact_trapped(service(), [Spike("c", factor, 0.0, duration)]).probability
        for factor, duration in ((1.5, 5.0), (2.0, 5.0), (2.0, 10.0), (3.0, 10.0))
    ]
    assert odds == sorted(odds)
    assert odds[0] < 0.01
    assert odds[-1] > 0.99


def test_nothing_traps_a_service_without_retries():
    fault = [Outage("s", 0.0, 60.0)]
    assert exact_trapped(service(retries=0), fault).probability == 0
    assert seen_trapped(service(retries=0), fault, runs=50).probability == 0


def test_both_forms_of_the_fluid_know_what_certainly_traps():
    for closure in (None, "staged"):
        assert fluid_trapped(service(), [Spike("c", 4.0, 10.0, 30.0)], closure=closure)
        assert not fluid_trapped(service(), [Spike("c", 1.2, 10.0, 30.0)], closure=closure)


def test_what_the_delay_form_cannot_carry_the_mean_dynamics_answer():
    program = Program("p")
    program.add_server(
        Server("s", {"get": Work(10.0)}, qsize=60, slowdown=LoadSlowdown(1.0, 100.0, 1.0, "queue"))
    )
    program.add_source(Source("c", "get", 6.5, timeout=3.0, retries=1))
    program.connect("c", "s")
    assert fluid_trapped(program, [Spike("c", 4.0, 10.0, 30.0)])


def test_no_fault_is_refused():
    with pytest.raises(ModelError, match="no fault is given"):
        exact_trapped(service(), [])
    with pytest.raises(ModelError, match="did you mean"):
        exact_trapped(service(), [Spike("cc", 2.0, 0.0, 1.0)])


def test_wilson_against_its_published_values():
    # Newcombe, Statistics in Medicine 17 (1998), table I: 81/263, 15/148, 0/20, 1/29
    for hits, runs, low, high in (
        (81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):  # fmt: skip
        found = wilson(hits, runs)
        assert found == pytest.approx((low, high), abs=5e-5)
