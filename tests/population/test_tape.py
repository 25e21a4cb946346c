"""Rates written down as operations: what is recorded, what is shared, and what cannot be."""

from __future__ import annotations

import numpy as np
import pytest

from separatrix.population.expression import (
    ADD,
    CONSTANT,
    MINIMUM,
    SOJOURN_TAIL,
    Graph,
    Untraceable,
)
from separatrix.population.lattice import Array, RateFunction, State, Transition
from separatrix.population.sojourn import sojourn_tail
from separatrix.population.tape import recorded


def moves(*rates: RateFunction) -> list[Transition]:
    return [Transition("m", (1, -1), rate) for rate in rates]


def test_work_that_two_rates_share_is_done_once() -> None:
    def shared(x: State) -> Array:
        return np.minimum(x[0] + x[1], 3.0)

    tape = recorded(moves(lambda x: 2.0 * shared(x), lambda x: shared(x) * 5.0), 2)
    assert tape is not None
    assert sorted(tape.operations.tolist()).count(ADD) == 1
    assert sorted(tape.operations.tolist()).count(MINIMUM) == 1
    assert len(tape.operations) == 4
    assert sorted(tape.constants.tolist()) == [2.0, 3.0, 5.0]


def test_what_changes_nothing_is_left_out() -> None:
    tape = recorded(moves(lambda x: np.zeros(()) + 1.0 * x[0] ** 1 + 0.0 * x[1]), 2)
    assert tape is not None
    assert not len(tape.operations)
    assert tape.outputs.tolist() == [0]


def test_numbers_are_worked_out_when_they_are_met() -> None:
    graph = Graph()
    (x,) = graph.symbols(1)
    number = graph.number(graph.symbol(ADD, np.full((), 2.0), 3.0) * x)
    (constant,) = [i for i in graph.operands[number] if graph.operations[i] == CONSTANT]
    assert graph.constants[constant] == 5.0


def test_constants_that_only_rounding_tells_apart_are_one() -> None:
    graph = Graph()
    assert 1.0 / (1.0 / 49.0) != 49.0
    assert graph.number(1.0 / (1.0 / 49.0)) == graph.number(49.0)
    assert graph.number(49.0 * (1.0 + 1e-12)) != graph.number(49.0)
    assert graph.number(0.0) != graph.number(1e-300)


def test_a_tail_is_one_operation_with_its_operands_in_order() -> None:
    tape = recorded(moves(lambda x: sojourn_tail(x[0], 3.0, x[1], 4)), 2)
    assert tape is not None
    assert tape.operations.tolist() == [SOJOURN_TAIL]
    slots = [0.5, 0.25, *tape.constants.tolist()]
    assert [slots[i] for i in tape.operands[0]] == [0.5, 0.25, 3.0, 4.0]


def test_jumps_are_kept_move_by_move() -> None:
    tape = recorded(
        [Transition("a", (2, 0), lambda x: x[0]), Transition("b", (-1, 1), lambda x: x[1])], 2
    )
    assert tape is not None
    assert tape.first.tolist() == [0, 1, 3]
    assert tape.axes.tolist() == [0, 0, 1]
    assert tape.steps.tolist() == [2.0, -1.0, 1.0]


def decides(x: State) -> Array:
    return x[0] if x[0] > 1 else x[1]


def counts(x: State) -> Array:
    return np.asarray(float(x[0]))


def interpolates(x: State) -> Array:
    return np.interp(x[0], [0.0, 1.0], [0.0, 1.0])


def lists(x: State) -> Array:
    return x[0] * np.array([1.0, 2.0])


def undefined(x: State) -> Array:
    return x[0] + np.full((), np.nan)


@pytest.mark.parametrize("rate", [decides, counts, interpolates, lists, undefined])
def test_what_cannot_be_written_down_is_not(rate: RateFunction) -> None:
    assert recorded(moves(rate), 2) is None


def test_a_symbol_says_what_it_cannot_do() -> None:
    (x,) = Graph().symbols(1)
    with pytest.raises(Untraceable, match="sin"):
        np.sin(x)
    with pytest.raises(Untraceable, match="reduce"):
        np.add.reduce(x)
