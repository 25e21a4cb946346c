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
from separatrix.population.turns import MOST_TURNS


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


@pytest.mark.parametrize("q", [3, 5, 8, 12])
def test_in_the_mean_as_many_turn_either_way_as_a_service_takes_from_all_who_wait(q):
    # queue by queue: an attempt of age u stands behind q - 1 less Poisson(10 u) others
    population = lower(program({"qsize": 40}, retries=1), "staged")
    T, served = 0.8, 8.0

    def late(ahead, left):
        return np.where(ahead >= 0, gammaincc(np.maximum(ahead, 0) + 1.0, 10.0 * left), 0.0)

    def taken(u):
        younger = np.arange(q)
        n, left = q - 1.0 - younger, T - u
        return float(poisson.pmf(younger, 10.0 * u) @ (late(n, left) - late(n - 1.0, left)))

    # as many doomed as those that wait have in the mean: o = 8 p 5 / (5 + o / T)
    p = float(late(q - 1.0, T))
    doomed = 2.5 * T * (np.sqrt(1.0 + 4.0 * served * p / (5.0 * T)) - 1.0)
    x = (np.asarray(float(q)), np.asarray(doomed))
    moves = [(t.jump, t.name, float(t.rate(x))) for t in population.transitions]
    better = sum(-jump[1] * rate for jump, _, rate in moves if jump[0] == -1)
    worse = sum(rate for jump, name, rate in moves if jump == (0, 1) and "worse" in name)
    expected = 10.0 * 5.0 / (5.0 + doomed / T) * quad(taken, 0.0, T)[0]
    assert worse / 10.0 == pytest.approx(expected, rel=1e-6)
    assert better / 10.0 == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("queue", [5, 10, 18, 24])
def test_turns_are_those_of_ages_places_and_fates_drawn_at_random(queue):
    # draw the ages and places of those that wait, each one's chance and fate: of so many doomed, how many
    # does a service save, and of the others, how many are worse off with every one of its times?
    rng = np.random.default_rng(3)
    rate, T, draws = 10.0, 2.0 if queue > 10 else 0.8, 20_000
    made = program({"qsize": 60}, retries=1, timeout=T, arrival_rate=8.0)
    population = lower(made, "staged")
    better, worse = saved(population), turning(population, (0, 1)) / 10.0
    age = np.cumsum(rng.exponential(1 / rate, (draws, queue)), axis=1)
    ahead = queue - 1.0 - np.arange(queue)
    left = 10.0 * np.clip(T - age, 1e-9, None)
    chance = gammaincc(ahead + 1.0, left)
    taken = chance - np.where(ahead > 0, gammaincc(np.maximum(ahead, 1e-9), left), 0.0)
    drawn, mark = rng.random(age.shape), rng.random(age.shape)
    means = np.zeros(4)
    for o in range(population.shape[1]):
        mine = (drawn < 8.0 / (8.0 + o / T)) & (age < T)
        doomed = mine & (mark < chance)
        here = doomed.sum(axis=1) == o
        save = np.where(doomed, taken / np.maximum(chance, 1e-300), 0.0).sum(axis=1)[here]
        turn = np.where(mine & ~doomed, taken / np.maximum(1 - chance, 1e-300), 0.0)
        turn = turn.sum(axis=1)[here]
        if here.mean() > 0.1:
            assert better[queue, o] == pytest.approx(save.mean(), rel=0.2, abs=0.02)
            assert worse[queue, o] == pytest.approx(turn.mean(), rel=0.2, abs=0.02)
        if here.any():
            found = save.mean(), better[queue, o], turn.mean(), worse[queue, o]
            means += here.mean() * np.array(found)
    assert means[1] == pytest.approx(means[0], rel=0.12)
    assert means[3] == pytest.approx(means[2], rel=0.12)


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
    population = lower(program({"qsize": 90}, retries=1, timeout=2.0, arrival_rate=8.0), "staged")
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
            assert np.sign(round(worse - better, 4)) == sign


def test_what_is_saved_was_doomed():
    population = lower(program(retries=1), "staged")
    found = saved(population)
    assert (found[:, 0] == 0.0).all()
    assert (found[0] == 0.0).all()
    grid = population.grid()
    assert (found >= 0.0).all()
    # where more are doomed than the queue would say, some are saved
    many = (
        (grid[1] > 8.0 * gammaincc(np.maximum(grid[0], 1.0), 8.0)) & (grid[0] > 0) & (grid[1] > 0)
    )
    assert (found[many] > 0.0).all()
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


def test_a_service_that_empties_the_queue_saves_all_that_wait():
    population = lower(program({"qsize": 50}, retries=1), "staged")
    np.testing.assert_allclose(saved(population)[1, :6], np.minimum(np.arange(6), 2), rtol=1e-9)
    # and no more than there are, to the last digit: a rate of 1e-15 out of the box would be refused
    as_chain(lower(program({"qsize": 50}, retries=1, timeout=10.0, arrival_rate=9.5), "staged"))


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
