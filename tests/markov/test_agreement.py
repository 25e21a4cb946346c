"""Chains so deep that a front of a nested dissection cannot hold all their rates."""

import mpmath
import numpy as np
import pytest

from separatrix.errors import NotConverged
from separatrix.markov import hitting
from separatrix.markov.agreement import disagreement, drops_may_tell
from separatrix.markov.committor import committor
from separatrix.markov.generator import as_chain
from separatrix.markov.hitting import hitting_times
from separatrix.markov.methods import solver_for
from separatrix.markov.scaled import Scaled
from separatrix.population.lattice import Axis, Population, Transition


def moody_queue(bound, load, moods=3):
    """A queue of one server beside a mood that changes nothing: times and odds of the queue alone."""
    return as_chain(
        Population(
            "moody queue", "test", (Axis("queue", bound + 1, "queue"), Axis("mood", moods, "phase")),
            (
                Transition("arrive", (1, 0), lambda x: load * (x[0] < bound) + 0.0 * x[1]),
                Transition("serve", (-1, 0), lambda x: 1.0 * (x[0] > 0) + 0.0 * x[1]),
                Transition("cheer", (0, 1), lambda x: 0.7 * (x[1] < moods - 1) + 0.0 * x[0]),
                Transition("sulk", (0, -1), lambda x: 0.4 * x[1] + 0.0 * x[0]),
            ),
        )
    )  # fmt: skip


def empty_of(chain):
    empty = np.zeros(chain.shape, dtype=np.bool_)
    empty[0] = True
    return empty


def drain(bound, load):
    """Logarithm of the mean time from a full queue to an empty one."""
    with mpmath.workdps(40):
        rho = mpmath.mpf(load)
        steps = ((rho ** (bound - k + 1) - 1) / (rho - 1) for k in range(1, bound + 1))
        return float(mpmath.log(mpmath.fsum(steps)))


@pytest.mark.parametrize(("bound", "load"), [(60, 3.0), (1500, 3.0), (700, 30.0), (1900, 1.5)])
def test_times_to_1e1032_seconds(bound, load):
    chain = moody_queue(bound, load)
    found = hitting_times(chain, empty_of(chain), method="nested", second_moment=False)
    assert found.status == "ok"
    assert found.log_mean[-1, -1] == pytest.approx(drain(bound, load), rel=1e-14)


def test_an_exit_from_the_well_keeps_its_range_beside_the_rates_of_the_well():
    """From its likeliest state the chain dies at 1e-321 of the rates there."""
    bound, load = 780, 2.6
    chain = moody_queue(bound, load)
    empty = empty_of(chain)
    solved = solver_for(chain, removed=empty, anchor=bound * 3, method="nested")
    assert solved.anchor_exit.exponent[0] < -1060
    times = solved.right((~empty).reshape(-1).astype(np.float64))
    assert times.log()[-1] == pytest.approx(drain(bound, load), rel=1e-13)


def test_deeper_than_any_front_can_hold_is_refused():
    chain = moody_queue(1300, 100.0)
    with pytest.raises(NotConverged, match="underflows"):
        hitting_times(chain, empty_of(chain), method="nested", second_moment=False)


def test_long_times_are_inconclusive_where_a_second_order_fails(monkeypatch):
    chain = moody_queue(700, 3.0)
    monkeypatch.setattr(hitting, "opposite_order", lambda *_: None)
    found = hitting_times(chain, empty_of(chain), method="nested", second_moment=False)
    assert found.status == "inconclusive"
    assert "orders differ by inf" in found.reason
    assert found.log_mean[-1, -1] == pytest.approx(drain(700, 3.0), rel=1e-14)


@pytest.mark.parametrize(("bound", "load", "status"), [
    (300, 2.0, "ok"), (500, 0.2, "ok"), (1200, 0.2, "inconclusive"), (500, 1e-3, "inconclusive"),
])  # fmt: skip
def test_odds_to_1e_minus_349_are_right_and_deeper_ones_inconclusive(bound, load, status):
    chain = moody_queue(bound, load)
    ends = np.zeros((2, *chain.shape), dtype=np.bool_)
    ends[0, 0] = ends[1, -1] = True
    found = committor(chain, ends[1], ends[0], method="nested")
    assert found.status == status
    if status == "inconclusive":
        assert "orders differ" in found.reason
        return
    with mpmath.workdps(40):
        r = 1 / mpmath.mpf(load)
        exact = float(mpmath.log((r - 1) / (r**bound - 1)))
    assert found.log_probability[1, 0] == pytest.approx(exact, rel=1e-13)


def test_difference_of_two_vectors():
    one = Scaled.of(np.array([1.0, 0.0, 3.0]), 5000)
    assert disagreement(one, Scaled.of(np.array([1.0, 0.0, 2.0]), 5000)) == 0.5
    assert disagreement(one, Scaled.of(np.array([1.0, 1.0, 3.0]), 5000)) == np.inf


def test_only_a_dissection_drops_rates():
    chain = moody_queue(20, 0.5)
    dissected = solver_for(chain, method="nested")
    assert drops_may_tell(dissected, 700.0)
    assert not drops_may_tell(dissected, 500.0)
    assert not drops_may_tell(solver_for(chain, method="levels"), 700.0)
