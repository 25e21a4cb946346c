"""Chains so deep that a front of a nested dissection cannot hold all their rates."""

import sys
from dataclasses import replace

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from separatrix.errors import NotConverged
from separatrix.markov import agreement
from separatrix.markov.agreement import agreed, disagreement, drops_may_tell
from separatrix.markov.committor import committor
from separatrix.markov.deadline import hit_within
from separatrix.markov.generator import Chain, as_chain
from separatrix.markov.hitting import hitting_times
from separatrix.markov.metastability import metastability
from separatrix.markov.metastable import metastable
from separatrix.markov.methods import solver_for
from separatrix.markov.mixing import mixing_time
from separatrix.markov.nested.strips import deep_levels, strip_levels
from separatrix.markov.passage import hitting_quantiles
from separatrix.markov.quasistationary import quasi_stationary
from separatrix.markov.scaled import Scaled
from separatrix.markov.spectrum import spectrum
from separatrix.markov.stationary import stationary
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


def drain_by_one(levels, load):
    """Mean time from k requests to k - 1, with room for `levels` from k on."""
    rho = mpmath.mpf(load)
    return (rho**levels - 1) / (rho - 1)


def drain(bound, load):
    """Logarithm of the mean time from a full queue to an empty one."""
    with mpmath.workdps(40):
        return float(mpmath.log(mpmath.fsum(drain_by_one(k, load) for k in range(1, bound + 1))))


@pytest.mark.parametrize(
    ("bound", "load"),
    [(60, 3.0), (1500, 3.0), (700, 30.0), (1900, 1.5), (2000, 10.0), (1300, 100.0)],
)
def test_times_to_1e2598_seconds(bound, load):
    chain = moody_queue(bound, load)
    found = hitting_times(chain, empty_of(chain), method="nested", second_moment=False)
    assert found.status == "ok"
    assert found.log_mean[-1, -1] == pytest.approx(drain(bound, load), rel=1e-14)
    with mpmath.workdps(40):
        last = float(mpmath.log(drain_by_one(bound, load)))
    assert found.log_mean[1, 0] == pytest.approx(last, rel=1e-14)


def test_an_exit_from_the_well_keeps_its_range_beside_the_rates_of_the_well():
    """From its likeliest state the chain dies at 1e-321 of the rates there."""
    bound, load = 780, 2.6
    chain = moody_queue(bound, load)
    empty = empty_of(chain)
    solved = solver_for(chain, removed=empty, anchor=bound * 3, method="nested")
    assert solved.anchor_exit.exponent[0] < -1060
    times = solved.right((~empty).reshape(-1).astype(np.float64))
    assert times.log()[-1] == pytest.approx(drain(bound, load), rel=1e-13)


@pytest.mark.parametrize(
    ("bound", "load"), [(1200, 0.2), (500, 1e-3), (2000, 0.3), (900, 3.0), (300, 1e5)]
)
def test_laws_to_1e_minus_1500_and_flatter_in_every_entry(bound, load):
    found = stationary(moody_queue(bound, load), method="nested", certify=True)
    assert found.status == "ok"
    assert found.floor == -np.inf
    assert found.certificate.agreement < 1e-12
    moods = np.array([1.0, 0.7 / 0.4, 0.7**2 / (0.4 * 0.8)])
    exact = np.arange(bound + 1)[:, None] * np.log(load) + np.log(moods)
    exact -= exact.max() + np.log(np.exp(exact - exact.max()).sum())
    np.testing.assert_allclose(found.log_pi, exact, rtol=1e-13, atol=1e-12)


def never(*_, **__):
    raise NotConverged("no room")


def test_long_times_and_small_odds_are_inconclusive_where_a_second_order_fails(monkeypatch):
    monkeypatch.setattr(agreement, "solver_for", never)
    chain = moody_queue(700, 3.0)
    found = hitting_times(chain, empty_of(chain), method="nested", second_moment=False)
    assert found.status == "inconclusive"
    assert "orders differ by inf" in found.reason
    assert found.log_mean[-1, -1] == pytest.approx(drain(700, 3.0), rel=1e-14)
    ends = np.zeros((2, *chain.shape), dtype=np.bool_)
    ends[0, 0] = ends[1, -1] = True
    odds = committor(moody_queue(700, 0.1), ends[1], ends[0], method="nested")
    assert odds.status == "inconclusive"
    assert "orders differ by inf" in odds.reason


@settings(deadline=None, max_examples=15)
@given(
    shape=st.sampled_from([(40, 3), (25, 7), (60, 2)]), strip=st.integers(1, 12),
    anchor=st.integers(0, 119), reverse=st.booleans(), seed=st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_strips_change_no_answer(shape, strip, anchor, reverse, seed):
    rng = np.random.default_rng(seed)
    jumps = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, -1), (-1, 1))
    rates = [10.0 ** rng.uniform(-2, 0, shape) for _ in jumps]

    def kept(jump, rate):
        def value(x):
            inside = np.ones(shape, dtype=np.bool_)
            for axis, step in enumerate(jump):
                inside = inside & (x[axis] + step >= 0) & (x[axis] + step < shape[axis])
            return rate * inside

        return value

    axes = (Axis("queue", shape[0], "queue"), Axis("orbit", shape[1], "orbit"))
    moves = (
        Transition(str(j), jump, kept(jump, rate))
        for j, (jump, rate) in enumerate(zip(jumps, rates, strict=True))
    )
    chain = as_chain(Population("random", "test", axes, tuple(moves)))
    how = {"anchor": anchor, "method": "nested"}
    law = solver_for(chain, **how).law()
    in_strips = solver_for(chain, strip=strip, reverse=reverse, **how)
    assert in_strips.in_strips == strip
    assert disagreement(law, in_strips.law()) < 1e-12


def test_strips_are_as_wide_as_the_drift_allows():
    assert strip_levels(moody_queue(2000, 10.0)) == 200
    assert strip_levels(moody_queue(2000, 1e-4)) == 50
    assert strip_levels(moody_queue(2000, 1.0)) == 500
    assert deep_levels(moody_queue(2000, 10.0)) == 200
    assert deep_levels(moody_queue(150, 10.0)) is None
    one_way = moody_queue(40, 0.0)
    assert deep_levels(one_way) is None
    assert strip_levels(one_way) == 10


@pytest.mark.parametrize(
    ("bound", "load"), [(300, 2.0), (500, 0.2), (1200, 0.2), (500, 1e-3), (600, 1e-4)]
)
def test_odds_to_1e_minus_2400(bound, load):
    chain = moody_queue(bound, load)
    ends = np.zeros((2, *chain.shape), dtype=np.bool_)
    ends[0, 0] = ends[1, -1] = True
    found = committor(chain, ends[1], ends[0], method="nested")
    assert found.status == "ok"
    with mpmath.workdps(40):
        r = 1 / mpmath.mpf(load)
        exact = float(mpmath.log((r - 1) / (r**bound - 1)))
    assert found.log_probability[1, 0] == pytest.approx(exact, rel=1e-13)


def test_difference_of_two_vectors():
    one = Scaled.of(np.array([1.0, 0.0, 3.0]), 5000)
    assert disagreement(one, Scaled.of(np.array([1.0, 0.0, 2.0]), 5000)) == 0.5
    assert disagreement(one, Scaled.of(np.array([1.0, 1.0, 3.0]), 5000)) == np.inf


def test_eliminations_lose_rates_and_iterations_do_not():
    chain = moody_queue(20, 0.5)
    for method in ("nested", "levels", "dense"):
        assert drops_may_tell(solver_for(chain, method=method), 700.0)
        assert not drops_may_tell(solver_for(chain, method=method), 500.0)
    assert not drops_may_tell(solver_for(chain, method="aggregated"), 700.0)


def test_an_order_is_never_compared_with_itself(monkeypatch):
    chain = moody_queue(200, 3.0)
    empty = empty_of(chain)
    ones = (~empty).reshape(-1).astype(np.float64)
    levels = strip_levels(chain)
    usual, asked = solver_for, []

    def noting(*args, method, reverse, strip, **how):
        asked.append((method, reverse, strip))
        return usual(*args, method=method, reverse=reverse, strip=strip, **how)

    monkeypatch.setattr(agreement, "solver_for", noting)
    turned = max(2 * levels // 3, 2)
    for how, other in (
        ({"method": "levels"}, ("levels", True, None)),
        ({"method": "levels", "reverse": True}, ("levels", False, None)),
        ({"method": "nested", "strip": levels}, ("nested", True, turned)),
        ({"method": "nested", "strip": turned, "reverse": True}, ("nested", False, levels)),
    ):
        solved = usual(chain, removed=empty, **how)
        found, _, error = agreed(solved, solved.right(ones), lambda s: s.right(ones), "both", ones)
        assert error < 1e-12
        assert asked.pop() == other
        assert (found.method, found.reverse) == (how["method"], how.get("reverse", False))
    assert not asked


def exact_mean(chain, target):
    """Logarithm of the mean time from the first state to the target, state by state in 30 digits."""
    gone, n = target.reshape(-1), chain.n_states
    rate, sources = [{} for _ in range(n)], [set() for _ in range(n)]
    with mpmath.workdps(30):
        dying, load = [mpmath.mpf(0)] * n, [mpmath.mpf(1)] * n
        for i, j, value in zip(*(v.tolist() for v in chain.edges), strict=True):
            if gone[j]:
                dying[i] += value
            elif not gone[i]:
                rate[i][j] = mpmath.mpf(value)
                sources[j].add(i)
        for k in (k for k in range(n - 1, 0, -1) if not gone[k]):
            on = {j: v for j, v in rate[k].items() if j < k}
            pivot = mpmath.fsum(on.values()) + dying[k]
            for i in [i for i in sources[k] if i < k]:
                part = rate[i].pop(k) / pivot
                load[i] += part * load[k]
                dying[i] += part * dying[k]
                for j, v in on.items():
                    if i != j:
                        rate[i][j] = rate[i].get(j, mpmath.mpf(0)) + part * v
                        sources[j].add(i)
        return float(mpmath.log(load[0] / dying[0]))


def two_wells(half, up):
    """A queue that lingers at both ends, beside a mood that changes nothing."""
    queue, mood = np.indices((2 * half + 1, 2))
    to_the_right = np.where(queue < half, up, 1.0) * (queue < 2 * half)
    to_the_left = np.where(queue > half, up, 1.0) * (queue > 0)
    jumps = ((1, 0), (-1, 0), (0, 1), (0, -1))
    rates = (to_the_right, to_the_left, 0.7 * (mood == 0), 0.7 * (mood == 1))
    return Chain((2 * half + 1, 2), ("queue", "mood"), jumps, rates)


def test_rates_between_wells_are_looked_at_twice_where_what_is_dropped_may_tell(monkeypatch):
    half, up = 20, 1e-15
    chain = two_wells(half, up)
    found = metastable(chain, 2)
    assert found.status == "ok"
    # a well is left over its barrier, from where half of all paths come back; times 1 + O(up)
    exact = half * np.log(up) - np.log(2.0)
    assert found.log_rates[0, 1] == pytest.approx(exact, rel=1e-12)
    ends = np.indices(chain.shape)[0][None] == np.array([0, 2 * half])[:, None, None]
    test = metastability(stationary(chain), ends)
    assert test.status == "ok"
    assert test.error < 1e-12
    monkeypatch.setattr(agreement, "solver_for", never)
    for result in (metastable(chain, 2), metastability(stationary(chain), ends)):
        assert result.status == "inconclusive"
        assert "orders differ by inf" in result.reason


@pytest.mark.parametrize("method", ["levels", "nested"])
@pytest.mark.parametrize("count", [2, 3])
def test_gaps_and_mixing_times_are_looked_at_twice(monkeypatch, method, count):
    """A start between the wells made its time 0 here, and another order no time at all."""
    half, up = 19, 1e-15
    chain = two_wells(half, up)
    law = stationary(chain, method)
    modes = spectrum(chain, count, law=law)
    assert modes.status == "ok"
    assert modes.gap == pytest.approx(up**half, rel=1e-12)
    found = mixing_time(modes, 0.01)
    assert (found.status, found.method) == ("ok", "krylov" if count == 2 else "slowest mode")
    assert found.time == pytest.approx(np.log(0.5 / 0.01) / up**half, rel=1e-9)
    monkeypatch.setattr(agreement, "solver_for", never)
    unsure = spectrum(chain, count, law=law)
    assert unsure.status == "inconclusive"
    assert "orders differ by inf" in unsure.reason
    assert mixing_time(unsure, 0.01).status == "inconclusive"


def test_a_mixing_time_that_another_order_does_not_confirm(monkeypatch):
    chain = two_wells(19, 1e-15)
    modes = spectrum(chain)
    mixing = sys.modules[mixing_time.__module__]
    usual = mixing.solver_for

    def slower(source, *, reverse, **how):
        """In the opposite order every rate is a millionth lower."""
        tables = tuple(table * (1.0 - 1e-6 * reverse) for table in source.stencil)
        return usual(replace(source, stencil=tables), reverse=reverse, **how)

    monkeypatch.setattr(mixing, "solver_for", slower)
    found = mixing_time(modes, 0.01, starts=[0])
    assert found.status == "inconclusive"
    assert "orders differ by 1e-06" in found.reason


def test_what_rests_on_a_law_that_is_not_certified_is_inconclusive(known):
    chain = as_chain(known.retry_chain(20, 6, 9.0, 0.9))
    law = replace(stationary(chain), status="inconclusive", reason="as told")
    modes = spectrum(chain, law=law, count=3)
    first, second = np.zeros((2, *chain.shape), dtype=np.bool_)
    first[0, 0] = second[-1, -1] = True
    for found in (
        modes, mixing_time(modes), mixing_time(modes, starts=[0]), metastable(chain, 2, modes=modes),
        metastability(law, [first, second]),
    ):  # fmt: skip
        assert found.status == "inconclusive"
        assert "as told" in found.reason


def full_orbit(chain):
    return np.indices(chain.shape)[1] == chain.shape[1] - 1


@pytest.mark.parametrize("method", ["levels", "nested"])
def test_a_way_through_states_that_one_order_loses(known, method):
    """By levels from one end alone, this mean is 27 decades too long."""
    chain = known.steep((70, 8), 1e-12, 80.0, 0)
    target = full_orbit(chain)
    exact = exact_mean(chain, target)
    assert exact > 559.0 * np.log(10.0)
    times = hitting_times(chain, target, method=method, second_moment=False)
    assert times.status == "ok"
    assert times.log_mean[0, 0] == pytest.approx(exact, rel=1e-13)
    held = quasi_stationary(chain, ~target, method=method)
    assert held.status == "ok"
    assert -held.log_exit_rate == pytest.approx(exact, rel=1e-13)
    (median,) = hitting_quantiles(times, (0, 0), (0.5,))
    assert (median.status, median.method) == ("ok", "slow exit")
    assert median.log_time == pytest.approx(exact + np.log(np.log(2.0)), rel=1e-13)


def test_escapes_that_one_order_loses(known):
    """By levels from one end alone, the escape is off in the fifth digit."""
    chain = known.steep((70, 8), 1e-12, 80.0, 0)
    sets = [np.zeros(chain.shape, dtype=np.bool_), full_orbit(chain)]
    sets[0][0, 0] = True
    law = stationary(chain)
    ways = [metastability(law, sets, method=method) for method in ("levels", "nested")]
    assert [way.status for way in ways] == ["ok", "ok"]
    assert ways[0].log_escape[0] == pytest.approx(ways[1].log_escape[0], rel=1e-14)


@pytest.mark.parametrize("method", ["levels", "nested"])
def test_exits_that_no_order_holds_are_inconclusive(known, method):
    """Alone, each of four orders says `ok`; they are 18 and 31 decades apart."""
    chain = known.steep((100, 12), 1e-12, 80.0, 0)
    target = full_orbit(chain)
    times = hitting_times(chain, target, method=method, second_moment=False)
    held = quasi_stationary(chain, ~target, method=method)
    (median,) = hitting_quantiles(times, (0, 0), (0.5,))
    for found in (times, held, median):
        assert found.status == "inconclusive"
        assert "orders differ" in found.reason
    late = hit_within(chain, target, (0, 0), [1e9], method="slow exit")
    assert late.status == "inconclusive"
    start = np.zeros(chain.shape, dtype=np.bool_)
    start[0, 0] = True
    escape = metastability(stationary(chain), [start, target], method=method)
    assert escape.status == "inconclusive"
