import numpy as np
import pytest
from scipy.linalg import expm
from scipy.optimize import brentq
from scipy.special import gammaincinv

from separatrix.errors import ModelError
from separatrix.markov.generator import Chain, as_chain, chain_from_matrix, generator
from separatrix.markov.hitting import hitting_times
from separatrix.markov.passage import hitting_quantiles
from separatrix.markov.uniformised import SurvivalSeries


def test_one_exponential_step():
    chain = chain_from_matrix(np.array([[0.0, 0.25], [1.0, 0.0]]))
    times = hitting_times(chain, np.array([False, True]))
    for found in hitting_quantiles(times, 0, (0.01, 0.5, 0.999)):
        assert found.time == pytest.approx(-4.0 * np.log1p(-found.probability), rel=1e-9)
        assert found.status == "ok"


def test_sum_of_many_services_has_gamma_quantiles(known):
    n, rate = 60, 3.0
    chain = known.birth_death(np.full(n, rate), np.full(n, 1e-13))
    times = hitting_times(chain, np.arange(n + 1) == n)
    for found in hitting_quantiles(times, 0, (0.1, 0.5, 0.99)):
        want = gammaincinv(n, found.probability) / rate
        assert found.time == pytest.approx(want, rel=1e-6)
        assert abs(found.time / want - 1.0) <= 10.0 * found.error + 1e-12
        assert found.method == "uniformisation"


def test_against_the_matrix_exponential(known):
    chain = as_chain(known.retry_chain(16, 5, 9.0, 0.9))
    target = np.indices(chain.shape)[0] < 3
    times = hitting_times(chain, target)
    kept = np.flatnonzero(~target.reshape(-1))
    killed = generator(chain).toarray()[np.ix_(kept, kept)]
    start = (15, 4)
    place = int(np.flatnonzero(kept == np.ravel_multi_index(start, chain.shape))[0])
    for found in hitting_quantiles(times, start, (0.05, 0.5, 0.99)):

        def survival(t, p=found.probability):
            return expm(killed * t)[place].sum() - (1 - p)

        want = brentq(survival, 1e-6, 1e4 * times.at(start).mean, xtol=1e-12)
        assert found.time == pytest.approx(want, rel=1e-7)


@pytest.mark.parametrize("drained", [True, False])
def test_a_krylov_space_says_how_near_it_is(known, monkeypatch, drained):
    """A space a little larger tells what the smaller one missed; it used to stop at 1e-9 of the survival."""
    monkeypatch.setattr(SurvivalSeries, "affordable", lambda *_: False)
    chain = as_chain(known.retry_chain(20, 10, 9.2, 0.9))
    target = (np.indices(chain.shape)[1] < 5) == drained
    start = (19, 9) if drained else (0, 0)
    times = hitting_times(chain, target)
    kept = np.flatnonzero(~target.reshape(-1))
    killed = generator(chain).toarray()[np.ix_(kept, kept)]
    place = int(np.flatnonzero(kept == np.ravel_multi_index(start, chain.shape))[0])
    for found in hitting_quantiles(times, start, (0.05, 0.5, 0.99)):

        def survival(t, p=found.probability):
            return expm(killed * t)[place].sum() - (1 - p)

        want = brentq(survival, 1e-6, 10.0 * times.at(start).mean, xtol=1e-12, rtol=1e-14)
        assert found.method == "krylov"
        assert found.error < 1e-11
        assert abs(found.time / want - 1.0) <= 2.0 * found.error + 1e-12


def test_a_time_far_shorter_than_the_mean_keeps_its_digits():
    """Most are through within minutes, the others held for 1e29 s: a shift that long costs eight digits."""
    queue, held = np.indices((40, 2))
    rates = (
        1.0 * (queue < 39), 0.3 * (queue > 0),
        0.1 * ((queue == 0) & (held == 1)), 1e-9 * ((queue == 0) & (held == 0)),
    )  # fmt: skip
    chain = Chain((40, 2), ("queue", "held"), ((1, 0), (-1, 0), (0, -1), (0, 1)), rates)
    target = (queue == 39) & (held == 1)
    times = hitting_times(chain, target)
    kept = np.flatnonzero(~target.reshape(-1))
    killed = generator(chain).toarray()[np.ix_(kept, kept)]
    for found in hitting_quantiles(times, (0, 1), (0.5, 0.8)):

        def survival(t, p=found.probability):
            return expm(killed * t)[1].sum() - (1 - p)

        assert (found.method, found.status) == ("krylov", "ok")
        assert found.error < 1e-11
        assert found.time == pytest.approx(brentq(survival, 1.0, 1e3, xtol=1e-13), rel=1e-11)


def test_slow_exit_and_fast_escape_from_the_same_set(known):
    """A start that mostly falls into the trap, and one that mostly escapes at once."""
    slow, n = 1e-13, 3
    rates = np.zeros((n + 1, n + 1))  # 0 trap, 1 crossroads, 2 target, 3 another door
    rates[0, 1] = slow
    rates[1, 0], rates[1, 2] = 3.0, 1.0
    rates[3, 2], rates[3, 0] = 9.0, 1.0
    rates[2, 1] = 1.0
    target = np.array([False, False, True, False])
    times = hitting_times(chain_from_matrix(rates), target)
    trapped, escaped = hitting_quantiles(times, 1)[0], hitting_quantiles(times, 3)[0]
    # from 1: 3/4 are trapped and leave at rate slow/4
    assert trapped.method == "slow exit"
    assert trapped.time == pytest.approx(np.log(0.75 / 0.5) / (slow / 4), rel=1e-9)
    assert escaped.method == "krylov"
    want = brentq(lambda t: 0.1 + 0.9 * np.exp(-10.0 * t) - 0.5, 1e-3, 1.0)
    assert escaped.time == pytest.approx(want, rel=1e-6)
    last = hitting_quantiles(times, 3, (0.99,))[0]
    assert last.time == pytest.approx(np.log(0.1 / 0.01) / (slow / 4), rel=1e-9)


def test_times_beyond_the_range_of_floats(known):
    n, ratio = 200, 1e-3
    chain = known.birth_death(np.full(n, ratio), np.ones(n))
    times = hitting_times(chain, np.arange(n + 1) == n)
    found = hitting_quantiles(times, 0, (0.5,))[0]
    assert found.time == np.inf
    assert found.log_time == pytest.approx(times.at(0).log_mean + np.log(np.log(2.0)), rel=1e-12)


def test_starts_in_the_target_and_mixed(known):
    chain = known.birth_death(np.full(2, 1.0), np.full(2, 1.0))
    times = hitting_times(chain, np.arange(3) == 2)
    assert hitting_quantiles(times, 2)[0].time == 0.0
    half = hitting_quantiles(times, np.array([0.4, 0.0, 0.6]), (0.5, 0.9))
    assert half[0].method == "start"
    assert half[1].time > 0.0
    whole = hitting_times(chain, np.ones(3, bool))
    assert hitting_quantiles(whole, 0)[0].time == 0.0
    with pytest.raises(ModelError, match=r"got 0.0"):
        hitting_quantiles(times, 0, (0.0,))
