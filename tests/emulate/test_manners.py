"""Budget and breaker at the client, step by step."""

from __future__ import annotations

from separatrix.emulate.manners import BreakerState, Budget
from separatrix.model import Breaker, RetryBudget


def test_a_budget_starts_full_and_grows_by_first_attempts_up_to_its_burst():
    budget = Budget(RetryBudget(ratio=0.5, burst=2.0))
    assert [budget.retry() for _ in range(3)] == [True, True, False]
    budget.first_attempt()
    assert not budget.retry()
    budget.first_attempt()
    assert budget.retry()
    for _ in range(10):
        budget.first_attempt()
    assert budget.tokens == 2.0


def test_a_breaker_opens_on_a_full_window_probes_and_closes():
    breaker = BreakerState(Breaker(window=4, threshold=0.5, open_for=10.0, probes=2))
    epoch = breaker.lets(0.0)
    for good in (True, False, False):
        breaker.hears(epoch, good, 1.0)
    assert breaker.lets(1.0) == epoch  # the window is not full yet
    breaker.hears(epoch, True, 1.0)
    assert breaker.lets(1.5) is None
    assert breaker.lets(10.999) is None
    probes = [breaker.lets(11.0), breaker.lets(11.0), breaker.lets(11.0)]
    assert probes[0] == probes[1] != epoch
    assert probes[2] is None
    breaker.hears(epoch, False, 11.5)  # sent before it opened: says nothing
    breaker.hears(probes[0], True, 12.0)
    assert breaker.lets(12.0) is None
    breaker.hears(probes[1], True, 12.0)
    assert breaker.lets(12.0) is not None


def test_a_failed_probe_opens_the_breaker_again():
    breaker = BreakerState(Breaker(window=1, threshold=1.0, open_for=5.0, probes=1))
    breaker.hears(breaker.lets(0.0), False, 0.0)
    probe = breaker.lets(5.0)
    breaker.hears(probe, False, 6.0)
    assert breaker.lets(10.9) is None
    assert breaker.lets(11.0) is not None
