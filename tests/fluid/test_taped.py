"""Tapes run over states: the values of NumPy, and derivatives that differences confirm."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from tests.strategies.three_tiers import tiers

from separatrix.fluid import tape_kernel
from separatrix.fluid.field import jacobians, mean_field, velocity
from separatrix.fluid.newton import flows
from separatrix.fluid.taped import flows_of, linearised, tape_of
from separatrix.model import (
    Breaker,
    DependentCall,
    Erlang,
    Program,
    RetryBudget,
    Server,
    Source,
    StateMachine,
    Work,
)
from separatrix.population import Array, Population
from separatrix.population.lattice import Axis, RateFunction, State, Transition
from separatrix.population.sojourn import sojourn_tail, upper_gamma

BOX = np.array([40.0, 40.0])


def pair(rate: RateFunction) -> Population:
    """Two queues, one of which fills at a rate."""
    axes = (Axis("a", 41, "queue"), Axis("b", 41, "queue"))
    return Population("p", "staged", axes, (Transition("m", (1, 0), rate),))


FUNCTIONS: dict[str, RateFunction] = {
    "arithmetic": lambda x: 2.0 - x[0] * x[1] / (1.0 + x[0]) + x[1] / 3.0,
    "powers": lambda x: x[0] ** 3 + (1.0 + x[1]) ** -0.5 + x[0] ** 0 + 1.1 ** x[1],
    "negative": lambda x: -x[0] * np.absolute(x[0] - 2.0 * x[1]),
    "bends": lambda x: np.minimum(x[0], 7.3) * np.maximum(x[1] - 2.1, 0.0),
    "clipped": lambda x: np.clip(8.0 - x[0], 0.0, 1.0) + np.clip(x[1] - x[0], -3.0, 5.0),
    "chosen": lambda x: np.where(x[0] > x[1], x[0] ** 2, np.exp(0.1 * x[1])) * (x[1] >= 2.5),
    "compared": lambda x: x[0] * (x[1] < 3.5) + x[1] * (x[0] <= 4.5),
    "exponentials": lambda x: np.expm1(-0.1 * x[0]) * np.log(1.0 + x[1]) + np.sqrt(1.0 + x[0]),
    "one thread": lambda x: sojourn_tail(x[0], 1.5, 1.0 / (0.3 + 0.01 * x[1]), 1),
    "many threads": lambda x: sojourn_tail(x[0], 3.0, 1.0 / (0.5 + 0.1 * x[1]), 8),
    "gamma": lambda x: upper_gamma(0.3 + x[0], 1.0 + x[1]),
}


def differences(function: Callable[[Array], Array], at: Array, width: float = 1e-5) -> Array:
    """Central differences of a vectorised function, (m, n_out, n)."""
    columns = []
    for i in range(at.shape[1]):
        step = np.zeros(at.shape[1])
        step[i] = width
        columns.append((function(at + step) - function(at - step)) / (2.0 * width))
    return np.stack(columns, axis=-1)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_operation_and_its_derivative(name: str) -> None:
    population = pair(FUNCTIONS[name])
    tape = population.tape
    assert tape is not None
    states = np.random.default_rng(3).uniform(0.5, 20.0, size=(60, 2))
    value, slopes, total = linearised(tape, states, BOX)
    expected = population.drift(tuple(states.T))[0]
    np.testing.assert_allclose(value[:, 0], expected, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(total, expected, rtol=1e-12, atol=1e-14)
    by_difference = differences(lambda at: population.drift(tuple(at.T))[0][:, None], states)
    np.testing.assert_allclose(slopes[:, 0], by_difference[:, 0], rtol=2e-6, atol=2e-8)


def test_kernels_run_uncompiled_too(monkeypatch: pytest.MonkeyPatch) -> None:
    population = pair(lambda x: sum((f(x) for f in FUNCTIONS.values()), start=np.zeros(())))
    states = np.random.default_rng(5).uniform(0.5, 20.0, size=(6, 2))
    tape = population.tape
    assert tape is not None
    compiled = (*flows_of(tape, states), *linearised(tape, states, BOX))
    for name in (
        "in_service", "tail", "tail_slope", "gamma_slope", "value", "partials", "run", "flows", "linearise",
    ):  # fmt: skip
        monkeypatch.setattr(tape_kernel, name, getattr(tape_kernel, f"_{name}"))
    plain = (*flows_of(tape, states), *linearised(tape, states, BOX))
    for one, other in zip(compiled, plain, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("threads", [1, 3, 64])
def test_the_tails_slope_near_an_empty_queue(threads: int) -> None:
    """Where the queue just fills the threads the derivative is that of the side with a queue."""
    found = threads - 1.0 + np.array([1e-6, 1e-4, 0.01])
    tape = pair(lambda x: sojourn_tail(x[0], 0.7, 2.0, threads)).tape
    assert tape is not None
    _, slopes, _ = linearised(tape, np.stack([found, found], axis=1), BOX + 100.0)
    h = 1e-5
    here, one, two = (sojourn_tail(found + i * h, 0.7, 2.0, threads) for i in range(3))
    np.testing.assert_allclose(slopes[:, 0, 0], (4.0 * one - 3.0 * here - two) / (2 * h), rtol=1e-6)


def test_at_a_bend_the_slope_is_the_mean_of_both_sides() -> None:
    tape = pair(lambda x: np.minimum(x[0], 5.0) + np.maximum(3.0, x[1])).tape
    assert tape is not None
    assert linearised(tape, np.array([[5.0, 3.0]]), BOX)[1][0, 0].tolist() == [0.5, 0.5]


def furnished() -> Program:
    """Servers and sources with all that a population carries."""
    program = Program("furnished")
    call = DependentCall("back", "front", "read", call_type="wait_until_done", timeout=0.4, retry=1)
    program.add_server(Server("front", {"page": Work(30, downstream=[call])}, 60, thread_pool=6))
    program.add_server(
        Server("back", {"read": Work(20, law=Erlang(2)), "scan": Work(5)}, 40, thread_pool=3)
    )
    program.add_source(
        Source("web", "page", 12.0, timeout=1.0, retries=2, budget=RetryBudget(ratio=0.2, burst=4),
               breaker=Breaker(window=5, open_for=2.0))
    )  # fmt: skip
    bursts = StateMachine([[-0.1, 0.1], [0.5, -0.5]], [1.0, 6.0])
    program.add_source(Source("batch", "scan", 2.0, timeout=2.0, retries=1, arrivals=bursts))
    program.connect("web", "front")
    program.connect("batch", "back")
    return program


@pytest.mark.parametrize("program", [furnished(), tiers()], ids=["furnished", "tiers"])
def test_a_lowered_program_runs_as_in_numpy(program: Program) -> None:
    population = mean_field(program)
    assert tape_of(population) is not None
    top = np.array(population.shape) - 1.0
    rng = np.random.default_rng(1)
    states = rng.uniform(size=(30, len(top))) * np.minimum(top, 50.0)
    expected = np.stack(population.drift(tuple(states.T)), axis=-1)
    net, gross = flows(population, states)
    scale = gross.max()
    np.testing.assert_allclose(
        velocity(population, states), expected, rtol=1e-11, atol=1e-12 * scale
    )
    np.testing.assert_allclose(net, expected, rtol=1e-11, atol=1e-12 * scale)
    assert np.all(gross >= np.abs(net) - 1e-12 * scale)

    def drift(at: Array) -> Array:
        return np.stack(population.drift(tuple(at.T)), axis=-1)

    moving = top > 0
    exact = jacobians(population, states)
    by_difference = differences(drift, states)
    error = np.abs(exact - by_difference)[:, :, moving]
    assert np.median(error) < 1e-7
    # a bend of the drift may lie between the ends of a difference
    assert np.mean(error > 1e-5 * (1.0 + np.abs(by_difference[:, :, moving]))) < 0.002


def test_slopes_at_the_corners_are_those_inside() -> None:
    population = mean_field(tiers())
    top = np.array(population.shape) - 1.0
    matrices = jacobians(population, np.array([np.zeros(len(top)), top]))
    assert np.isfinite(matrices).all()


def test_one_plain_queue_needs_no_compiler() -> None:
    program = Program("one")
    program.add_server(Server("s", {"a": Work(10)}, 50))
    program.add_source(Source("c", "a", 5.0, timeout=1.0, retries=3))
    program.connect("c", "s")
    assert tape_of(mean_field(program)) is None


def test_what_cannot_be_written_down_is_run_by_numpy() -> None:
    def rate(x: State) -> Array:
        return np.interp(x[0], [0.0, 40.0], [0.0, 80.0])

    population = pair(rate)
    assert population.tape is None
    np.testing.assert_allclose(velocity(population, np.array([[3.0, 1.0]])), [[6.0, 0.0]])
    np.testing.assert_allclose(
        jacobians(population, np.array([[3.0, 1.0]]))[0, 0], [2.0, 0.0], rtol=1e-9
    )
