"""Fates that turn with the services: closed forms, means that stay, and nothing out of nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import gammaincc

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


def test_a_service_turns_what_the_integral_says():
    population = lower(program(retries=1), "staged")
    worse = turning(population, (0, 1)) / 10.0
    better = sum(n * turning(population, (-1, -n)) for n in (1, 2)) / 10.0
    np.testing.assert_allclose(better[1:, :-2], worse[1:, :-2], rtol=1e-12, atol=1e-14)

    def late(ahead, left):
        # Erlang of ahead + 1 stages; nobody is late who has left
        return (
            gammaincc(ahead + 1.0, 10.0 * left)
            if ahead >= 0
            else (ahead + 1.0) * np.exp(-10 * left)
        )

    for q, doomed in ((3, 2), (12, 2), (2, 1)):

        def turned(left, q=q):
            ahead = q - 1.0 - 10.0 * (0.8 - left)
            return max(late(max(ahead, -1.0), left) - late(max(ahead - 1.0, -1.0), left), 0.0)

        corner = [
            0.8 - (q - 1.0 - k) / 10.0 for k in (-1, 0, 1) if 0 < 0.8 - (q - 1.0 - k) / 10.0 < 0.8
        ]
        expected = 5.0 * quad(turned, 0.0, 0.8, points=corner or None)[0]
        assert expected < min(doomed, 5.0 * 0.8 - doomed, MOST_TURNS)
        assert worse[q, doomed] == pytest.approx(expected, rel=0.02)


@settings(max_examples=25)
@given(
    retries=st.integers(1, 3),
    threads=st.integers(1, 4),
    timeout=st.floats(0.2, 2.0),
    backoff=st.sampled_from([0.0, 0.5]),
    closure=st.sampled_from(["staged", "geometric"]),
    place=st.floats(0.0, 0.9),
    erlang=st.booleans(),
)
def test_turns_leave_the_mean_as_it_was(retries, threads, timeout, backoff, closure, place, erlang):
    made = program(
        {"thread_pool": threads}, Erlang(2) if erlang else None,
        retries=retries, timeout=timeout, backoff=Backoff(base=backoff),
    )  # fmt: skip
    population = lower(made, closure)
    assert population.averages
    x = tuple(np.asarray(place * (n - 2.0)) for n in population.shape)
    velocity = np.zeros(len(x))
    for transition in population.transitions:
        velocity += np.array(transition.jump) * float(transition.rate(x))
    expected = np.array([float(v) for v in population.drift(x)])
    np.testing.assert_allclose(velocity, expected, rtol=1e-9, atol=1e-9)


def test_nothing_turns_where_nothing_is_doomed_or_all_is():
    population = lower(program(retries=1), "staged")
    worse = np.broadcast_to(turning(population, (0, 1)), population.shape)
    assert (worse[:, 0] == 0.0).all()
    assert (worse[:, 4:] == 0.0).all()  # 5/s times 0.8 s are under way
    assert (worse[1:, 1] > 0.0).all()


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
