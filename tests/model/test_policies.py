from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_programs import backoffs

from separatrix.errors import ModelError
from separatrix.model import (
    AdaptiveLifo,
    Backoff,
    Breaker,
    CoDel,
    ConcurrencyLimit,
    RetryBudget,
    ThresholdAdmission,
    TokenBucket,
)


def test_waits_double_up_to_the_cap() -> None:
    backoff = Backoff("100ms", multiplier=2, cap=1)
    assert [backoff.longest(k) for k in range(1, 7)] == pytest.approx([0.1, 0.2, 0.4, 0.8, 1, 1])


def test_full_jitter_halves_the_mean() -> None:
    assert Backoff(2, jitter=1).mean(1) == 1
    assert Backoff(2).mean(1) == 2


@given(backoffs, st.integers(1, 100))
def test_waits_are_bounded_and_never_shrink(backoff: Backoff, retry: int) -> None:
    assert 0 <= backoff.mean(retry) <= backoff.longest(retry) <= backoff.cap
    assert backoff.longest(retry) <= backoff.longest(retry + 1)


def test_growth_beyond_floats_is_the_cap() -> None:
    assert Backoff(1, multiplier=1e300, cap=60).longest(100) == 60


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Backoff(-1), 'base: must be >= 0 s, got -1; did you mean "1s"'),
        (lambda: Backoff(multiplier=0.5), "multiplier: must be >= 1, got 0.5"),
        (lambda: Backoff(jitter=2), 'jitter: must be <= 1, got 2; did you mean "2%"'),
        (lambda: Backoff(cap=0), "cap: must be > 0 s"),
        (lambda: RetryBudget(-0.1), "ratio: must be >= 0"),
        (lambda: RetryBudget(0.1, 0.5), "burst: must be >= 1"),
        (lambda: Breaker(window=0), "window: must be >= 1"),
        (lambda: Breaker(threshold=0), "threshold: must be > 0"),
        (lambda: AdaptiveLifo(0), "threshold: must be >= 1"),
        (lambda: ThresholdAdmission(-1), "threshold: must be >= 0"),
        (lambda: TokenBucket(0), "rate: must be > 0/s"),
        (lambda: CoDel(1, 0.5), r"interval \(0.5 s\) must be at least target \(1 s\)"),
        (lambda: ConcurrencyLimit(10**8), "limit: must be <= 10000000|limit: must be <= 1e"),
    ],
)
def test_what_cannot_be_is_refused(make: object, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        make()  # type: ignore[operator]
