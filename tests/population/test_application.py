"""The generator applied rule by rule is the stored generator; most rates are held once."""

import numpy as np
import pytest

import separatrix.population.application as application
from separatrix.errors import ModelError
from separatrix.markov import generator, transient
from separatrix.markov.applied import applied_transient
from separatrix.model import (
    Breaker,
    DependentCall,
    Erlang,
    Program,
    RetryBudget,
    Server,
    Source,
    Work,
)
from separatrix.population import lower
from separatrix.population.application import Application


def one(law=None, **source):
    made = Program("p")
    work = Work(10.0, law=law) if law else Work(10.0)
    made.add_server(Server("s", {"get": work}, qsize=6, thread_pool=2, orbit_size=5))
    made.add_source(Source("c", "get", **{"arrival_rate": 12.0, "timeout": 0.4, **source}))
    made.connect("c", "s")
    return made


def three(size=5):
    made = Program("three")
    forget = {"timeout": 1.0, "call_type": "fire_and_forget"}
    made.add_server(Server("a", {"x": Work(10.0, (DependentCall("b", "a", "y", **forget),))}, size))
    made.add_server(Server("b", {"y": Work(8.0, (DependentCall("d", "b", "z", **forget),))}, size))
    made.add_server(Server("d", {"z": Work(7.0)}, size))
    made.add_source(Source("c", "x", 5.0, timeout=1.0))
    made.connect("c", "a")
    return made


PROGRAMS = {
    "fates that turn": one(retries=1),
    "phases": one(Erlang(2), retries=1),
    "budget": one(retries=1, budget=RetryBudget(0.2, 3.0)),
    "breaker": one(retries=1, breaker=Breaker(4, 0.5, 2.0)),
    "three servers": three(),
}


@pytest.mark.parametrize("slab", [1, 40, 10**6])
@pytest.mark.parametrize("made", PROGRAMS.values(), ids=PROGRAMS)
def test_products_are_those_of_the_stored_matrix(made, slab, monkeypatch):
    monkeypatch.setattr(application, "SLAB", slab)
    population = lower(made, "geometric")
    Q = generator(population)
    rules = Application(population)
    v = np.random.default_rng(1).normal(size=population.n_states)
    np.testing.assert_allclose(rules.left(v), Q.T @ v, rtol=1e-12, atol=1e-11)
    np.testing.assert_allclose(rules.right(v), Q @ v, rtol=1e-12, atol=1e-11)
    np.testing.assert_allclose(rules.exits.reshape(-1), -Q.diagonal(), rtol=1e-13)
    box = v.reshape(population.shape)
    np.testing.assert_array_equal(rules.left(box).reshape(-1), rules.left(v))
    assert np.abs(rules.right(np.ones(population.n_states))).max() < 1e-12


def test_servers_that_hardly_meet_are_held_once():
    population = lower(three(size=30))
    rules = Application(population)
    assert population.n_states == 31**3
    assert rules.stored < 0.2 * population.n_states


@pytest.mark.parametrize("made", [PROGRAMS["fates that turn"], PROGRAMS["three servers"]])
def test_laws_on_the_way_are_those_of_the_matrix(made):
    population = lower(made, "geometric")
    start, times = (0,) * len(population.shape), [3.0, 0.0, 0.7]
    ours = applied_transient(population, start, times)
    theirs = transient(population, start, times, method="uniformisation")
    np.testing.assert_allclose(ours.laws, theirs.laws, rtol=1e-11)
    assert ours.errors.max() < 1e-11
    assert [c.name for c in ours.courses()] == [c.name for c in theirs.courses()]


def test_times_that_no_product_reaches_are_refused():
    population = lower(one())
    with pytest.raises(ModelError, match=r"products.*transient"):
        applied_transient(population, 0, [1e9])
    with pytest.raises(ModelError, match="finite"):
        applied_transient(population, 0, [-1.0])
