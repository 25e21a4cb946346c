"""Fates that turn with the services: closed forms, requests that stay whole, and nothing out of nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import gammaincc
from scipy.stats import poisson
from small_chains import averages

from separatrix.markov import as_chain
from separatrix.model import Backoff, Breaker, Erlang, LoadSlowdown, Program, Server, Source, Work
from separatrix.population import lower
from separatrix.population.turns import MOST_TURNS, spread_of_chances


def program(server=None, law=None, **source):
    made = Program("p")
    work = Work(10.0, law=law) if law else Work(10.0)
    made.add_server(Server("s", {"get": work}, **{"qsize": 12, **(server or {})}))
    made.add_source(Source("c", "get", **{"arrival_rate": 5.0, "timeout": 0.8, **source}))
    made.connect("c", "s")
    return made


def turning(population, jump):
    """Rate of the turns to the better or worse with this jump, over the box."""
    found = [t for t in population.transitions if t.jump == jump and "turn" in t.name]
    return sum(np.broadcast_to(t.rate(population.grid()), population.shape) for t in found)


def saved(population):
    """Mean number that a service turns to the better, over the box of one queue and one orbit."""
    services = 10.0 * (population.grid()[0] > 0)
    turned = sum(n * turning(population, (-1, -n)) for n in range(1, MOST_TURNS + 1))
    return turned / np.maximum(services, 1.0)


@pytest.mark.parametrize(("q", "doomed"), [(3, 2), (5, 1), (8, 3), (12, 2)])
def test_to_the_worse_turns_what_a_service_takes_from_all_who_wait(q, doomed):
    # queue by queue: an attempt of age u stands behind q - 1 less Poisson(10 u) others
    population = lower(program(retries=1), "staged")
    T, sent = 0.8, 5.0 + doomed / 0.8

    def late(ahead, left):
        return np.where(ahead >= 0, gammaincc(np.maximum(ahead, 0) + 1.0, 10.0 * left), 0.0)

    def taken(u):
        younger = np.arange(q)
        n, left = q - 1.0 - younger, T - u
        return float(poisson.pmf(younger, 10.0 * u) @ (late(n, left) - late(n - 1.0, left)))

    expected = 10.0 * 5.0 / sent * quad(taken, 0.0, T)[0]
    assert turning(population, (0, 1))[q, doomed] / 10.0 == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("queue", [12, 18, 24])
def test_to_the_better_turns_what_chances_drawn_at_random_say(queue):
    # draw the ages and places of those that wait, each one's chance and fate: what do so many doomed
    # say of the sum of the chances?
    rng = np.random.default_rng(3)
    rate, T = 10.0, 2.0
    population = lower(program({"qsize": 60}, retries=1, timeout=T, arrival_rate=8.0), "staged")
    better = saved(population)
    gain = gammaincc(queue, rate * T) - gammaincc(queue - 1, rate * T)
    doomed = np.arange(population.shape[1])
    for o in (3, 6, 9):
        kind = 8.0 / (8.0 + o / T)
        draws = 40_000
        gaps = rng.exponential(1 / rate, (draws, queue))
        age = np.cumsum(gaps, axis=1)
        ahead = queue - 1.0 - np.arange(queue)
        mine = (rng.random(age.shape) < kind) & (age < T)
        chance = np.where(mine, gammaincc(ahead + 1.0, rate * np.clip(T - age, 1e-9, None)), 0.0)
        fates = (rng.random(age.shape) < chance).sum(axis=1)
        total = chance.sum(axis=1)
        slope = np.cov(fates, total)[0, 1] / fates.var()
        expected = total.mean() + slope * (o - fates.mean())
        waiting = kind * rate * T
        assert doomed[o] == o
        assert better[queue, o] == pytest.approx(
            min(o * waiting * gain / expected, MOST_TURNS), rel=0.25
        )


def test_chances_of_those_that_wait_together_are_spread_as_normal_ones():
    # p = 1/2 has closed forms: Phi_2(0, 0; rho) = 1/4 + asin(rho) / (2 pi)
    common, own = spread_of_chances(np.array(0.5))
    assert common == pytest.approx((3 * np.pi / 8 - 1) / np.pi, rel=1e-4)
    assert own == pytest.approx(0.25 - (np.pi / 2 - 1) / (2 * np.pi), rel=1e-4)
    p = np.array([0.0, 1e-200, 1e-6, 0.2, 0.8, 1.0])
    common, own = spread_of_chances(p)
    assert (common >= 0).all()
    assert (own >= 0).all()
    assert common[3] == pytest.approx(common[4], rel=1e-9)
    assert ((common + own)[1:-1] <= (p * (1 - p))[1:-1] * (1 + 1e-12)).all()
    assert common[[0, 5]].tolist() == own[[0, 5]].tolist() == [0.0, 0.0]


@settings(max_examples=25)
@given(
    retries=st.integers(1, 3),
    threads=st.integers(1, 4),
    timeout=st.floats(0.2, 2.0),
    backoff=st.sampled_from([0.0, 0.5]),
    closure=st.sampled_from(["staged", "geometric"]),
    erlang=st.booleans(),
)
def test_turns_leave_requests_whole_and_never_leave_the_box(
    retries, threads, timeout, backoff, closure, erlang
):
    made = program(
        {"thread_pool": threads, "qsize": 6, "orbit_size": 4}, Erlang(2) if erlang else None,
        retries=retries, timeout=timeout, backoff=Backoff(base=backoff),
    )  # fmt: skip
    population = lower(made, closure)
    assert any("turn" in t.name for t in population.transitions)
    as_chain(population)  # refuses rates below 0, and those that leave the box
    if population.n_states < 1000:
        found = averages(population)
        assert found["goodput"] + found["failures"] == pytest.approx(5.0, rel=1e-8)


def test_fates_come_to_rest_where_as_many_are_doomed_as_the_queue_says():
    population = lower(program({"qsize": 40}, retries=1, timeout=2.0, arrival_rate=8.0), "staged")
    for queue in (14, 19, 24):
        expected = gammaincc(queue, 20.0)
        for doomed, sign in ((0.3, 1), (1.0, 0), (1.6, -1)):
            # o = 20 p a / (a + o / 2), at its root and to either side
            root = 8.0 * (np.sqrt(1 + 2 * 20 * expected / 8.0) - 1)
            x = (np.asarray(float(queue)), np.asarray(doomed * root))
            better = sum(
                n * float(t.rate(x))
                for n in range(1, MOST_TURNS + 1)
                for t in population.transitions
                if t.jump == (-1, -n)
            )
            worse = sum(float(t.rate(x)) for t in population.transitions if "worse" in t.name)
            assert np.sign(round(worse - better, 9)) == sign


def test_what_is_saved_was_doomed():
    population = lower(program(retries=1), "staged")
    found = saved(population)
    assert (found[:, 0] == 0.0).all()
    assert (found[0] == 0.0).all()
    assert (found[1:, 1:] > 0.0).all()
    assert (found <= np.minimum(population.grid()[1], MOST_TURNS) + 1e-12).all()


@pytest.mark.parametrize(
    "made",
    [
        program(),
        program(retries=1, late_responses="accept"),
        program(retries=1, breaker=Breaker(10, 0.5, 2.0)),
        program({"slowdown": LoadSlowdown(1.0, 20.0)}, Erlang(2), retries=1),
    ],
    ids=["no retries", "late answers", "breaker", "slowdown of phases"],
)
def test_other_lives_do_not_turn(made):
    population = lower(made, "geometric")
    assert not population.averages
    assert not any("turn" in t.name for t in population.transitions)


def test_many_kinds_at_one_server_still_fit():
    made = program({"orbit_size": 2, "qsize": 3}, retries=7)
    population = lower(made, "staged")
    assert len(population.transitions) < 200
    made.add_source(Source("d", "get", 1.0, timeout=0.5, retries=1))
    made.connect("d", "s")
    population = lower(made, "geometric")
    assert population.averages
    as_chain(population)


@pytest.mark.parametrize("closure", ["staged", "geometric", "auto"])
def test_for_the_means_alone_the_turns_are_left_out(closure):
    made = program(retries=2)
    whole, means = lower(made, closure), lower(made, closure, means_only=True)
    assert len(means.transitions) < len(whole.transitions)
    state = tuple(
        np.random.default_rng(1).uniform(0.0, np.array(whole.shape) - 1.0, (50, len(whole.shape))).T
    )
    for mean, full in zip(means.drift(state), whole.drift(state), strict=True):
        np.testing.assert_array_equal(mean, full)
