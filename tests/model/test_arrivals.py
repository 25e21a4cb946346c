from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_programs import arrivals, mixtures, phase_types, state_machines

from separatrix.errors import ModelError
from separatrix.model import Mixture, PhaseType, Poisson, Source, StateMachine, Trace


def test_poisson_has_no_rate_of_its_own() -> None:
    assert Poisson().natural_rate is None


def test_exponential_phase_has_its_own_rate() -> None:
    assert PhaseType((1.0,), ((-5.0,),)).natural_rate == pytest.approx(5, rel=1e-14)


@given(st.integers(1, 8), st.floats(0.1, 10))
def test_erlang_phases_have_the_sum_of_the_means(stages: int, rate: float) -> None:
    initial = (1.0,) + (0.0,) * (stages - 1)
    rows = [
        [-rate if j == i else rate if j == i + 1 else 0.0 for j in range(stages)]
        for i in range(stages)
    ]
    erlang = PhaseType(initial, tuple(map(tuple, rows)))
    assert erlang.natural_rate == pytest.approx(rate / stages, rel=1e-12)


def test_mixture_rate_is_the_inverse_of_the_mean_gap() -> None:
    assert Mixture((0.5, 0.5), (1.0, 3.0)).natural_rate == pytest.approx(1.5, rel=1e-14)


def test_state_machine_of_two_states_in_closed_form() -> None:
    machine = StateMachine(((0, 1.0), (3.0, 0)), (2.0, 10.0))
    assert machine.stationary == pytest.approx([0.75, 0.25], rel=1e-12)
    assert machine.natural_rate == pytest.approx(0.75 * 2 + 0.25 * 10, rel=1e-12)


@given(state_machines())
def test_stationary_law_solves_the_balance_equations(machine: StateMachine) -> None:
    pi, off = machine.stationary, machine.transition_rates
    assert pi.sum() == pytest.approx(1, rel=1e-12)
    assert pi @ off == pytest.approx(pi * off.sum(axis=1), rel=1e-9)
    assert np.all(np.diag(off) == 0)


def test_diagonal_of_a_state_machine_is_rebuilt() -> None:
    assert StateMachine(((-9.0, 1), (1, 7.0)), (1, 2)).natural_rate == pytest.approx(1.5)


def test_a_large_state_machine_is_checked_without_overflow() -> None:
    n = 400
    ring = tuple(tuple(float(j == (i + 1) % n) for j in range(n)) for i in range(n))
    assert StateMachine(ring, (1.0,) * n).natural_rate == pytest.approx(1, rel=1e-9)


def test_trace_rate_counts_gaps() -> None:
    assert Trace((0, 0, 1, 4)).natural_rate == 0.75


@given(arrivals)
def test_a_source_takes_the_stated_rate_or_the_natural_one(process: object) -> None:
    assert Source("s", "a", 7, arrivals=process).mean_rate == 7
    natural = process.natural_rate
    if natural is not None:
        assert natural > 0
        assert Source("s", "a", arrivals=process).mean_rate == natural


@given(st.one_of(phase_types(), mixtures(), state_machines()))
def test_processes_are_values(process: object) -> None:
    again = type(process)(**{k: getattr(process, k) for k in process.__dataclass_fields__})
    assert again == process
    assert hash(again) == hash(process)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PhaseType((), ()), "must be 0 x 0|as long as"),
        (lambda: PhaseType((1,), ((-1, 1),)), "generator must be 1 x 1"),
        (lambda: PhaseType((0.4, 0.5), ((-1, 0), (0, -1))), "must sum to 1, got 0.9"),
        (lambda: PhaseType((0.5, 0.5), ((-1, -1), (0, -1))), "negative rate off its diagonal"),
        (lambda: PhaseType((1, 0), ((-1, 2), (0, -1))), "positive sum"),
        (lambda: PhaseType((1, 0), ((-1, 1), (1, -1))), "never leads to an arrival"),
        (lambda: PhaseType((2.0, -1.0), ((-1, 0), (0, -1))), "must be <= 1, got 2.0"),
        (lambda: Mixture((), ()), "one rate per weight, got 0 and 0"),
        (lambda: Mixture((1,), (1, 2)), "one rate per weight, got 1 and 2"),
        (lambda: Mixture((0.5, 0.4), (1, 2)), "must sum to 1, got 0.9"),
        (lambda: Mixture((1,), (0,)), "must be > 0/s, got 0"),
        (lambda: StateMachine((), ()), "one row per rate"),
        (lambda: StateMachine(((0, -1), (1, 0)), (1, 1)), "negative rate"),
        (lambda: StateMachine(((0, 1), (0, 0)), (1, 1)), "one communicating class"),
        (lambda: StateMachine(((0, 1), (1, 0)), (0, 0)), "at least one state"),
        (lambda: Trace((1,)), "at least 2 arrivals, got 1"),
        (lambda: Trace((2, 1)), "not sorted: entry 1 is 1 after 2; sort them"),
        (lambda: Trace((1, 1)), "all arrivals have the same time"),
        (lambda: Trace((-1, 1)), "must be >= 0 s, got -1"),
        (lambda: Trace((0, float("nan"))), "must be finite"),
    ],
)
def test_what_cannot_be_is_refused(make: object, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        make()  # type: ignore[operator]
