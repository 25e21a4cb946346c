"""Features that do nothing change nothing; special cases are the known ones."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import expm
from small_chains import averages, dense, law, marginal

from separatrix.model import (
    Breaker,
    DependentCall,
    Erlang,
    Hyperexponential,
    LoadSlowdown,
    Mixture,
    PhaseType,
    Program,
    RetryBudget,
    Server,
    Source,
    StateMachine,
    TokenBucket,
    Work,
)
from separatrix.population import lower
from separatrix.population.sojourn import matched_tail, sojourn_tail


def one(server=None, work=None, **source) -> Program:
    made = Program("one")
    fields = {"qsize": 8, "orbit_size": 4, **(server or {})}
    made.add_server(Server("s", {"get": Work(10.0, **(work or {}))}, **fields))
    made.add_source(
        Source("c", "get", **{"arrival_rate": 8.0, "timeout": 0.4, "retries": 1, **source})
    )
    made.connect("c", "s")
    return made


PLAIN = averages(lower(one(), "staged"))
FIXED = averages(lower(one(), "staged", means_only=True))


@pytest.mark.parametrize(
    "program",
    [
        one({"slowdown": LoadSlowdown(0.0, 1.0)}),
        one({"slowdown": LoadSlowdown(1e-13, 1.0)}),
        one({}, {"law": Erlang(1)}),
        one({}, {"law": Hyperexponential((0.3, 0.7), (2.0, 2.0))}),
        one(arrivals=StateMachine(((0, 1.0), (3.0, 0)), (8.0, 8.0))),
        one(arrivals=Mixture((0.25, 0.75), (8.0, 8.0))),
        one(arrivals=PhaseType((1.0,), ((-5.0,),))),
        one(breaker=Breaker(window=3, threshold=1.0, open_for=1e-9)),
        one(budget=RetryBudget(50.0, 60.0)),
        one({"admission": TokenBucket(1e7, 2)}),
    ],
    ids=["no slowdown", "hardly any slowdown", "erlang-1", "equal branches", "equal rates",
         "equal mixture", "one phase", "breaker that closes at once", "large budget",
         "many tokens"],
)  # fmt: skip
def test_a_feature_that_does_nothing_changes_nothing(program):
    found = averages(lower(program, "staged"))
    tolerance = 2e-6 if program.servers[0].admission else 1e-8
    if program.sources[0].breaker:
        tolerance = 0.1  # opening for an instant still ends the retry that finds it open
    if isinstance(program.servers[0].apis["get"].law, Hyperexponential):
        tolerance = 0.02  # lateness is judged by a gamma law
    expected = FIXED if program.sources[0].breaker else PLAIN  # fates do not turn for a breaker
    for name in ("goodput", "throughput", "attempts", "failures"):
        assert found[name] == pytest.approx(expected[name], rel=tolerance)


def test_slowdown_is_a_birth_death_chain():
    population = lower(one({"slowdown": LoadSlowdown(0.5, 3.0, 2.0)}, retries=0), "staged")
    n = np.arange(1, 9)
    weights = np.cumprod(8.0 / (10.0 / (1 + 0.5 * (n / 3.0) ** 2)))
    expected = np.array([1.0, *weights]) / (1.0 + weights.sum())
    np.testing.assert_allclose(law(dense(population)), expected, rtol=1e-10)


def test_state_machine_queue_is_the_quasi_birth_death_chain():
    machine = StateMachine(((0, 0.5), (0.2, 0)), (2.0, 30.0))
    rate = machine.natural_rate
    population = lower(one(retries=0, arrival_rate=rate, arrivals=machine), "staged")
    Q = np.zeros((9, 2, 9, 2))
    for q in range(9):
        for i in range(2):
            Q[q, i, q, 1 - i] += (0.5, 0.2)[i]
            if q < 8:
                Q[q, i, q + 1, i] += (2.0, 30.0)[i]
            if q > 0:
                Q[q, i, q - 1, i] += 10.0
    flat = Q.reshape(18, 18)
    expected = law(flat - np.diag(flat.sum(axis=1)))
    np.testing.assert_allclose(law(dense(population)), expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("arrivals", "count"),
    [
        (PhaseType((0.4, 0.6, 0.0), ((-4.0, 1, 1), (0, -2, 2), (1, 0, -6))), 3),
        (Mixture((0.2, 0.3, 0.5), (1.0, 4.0, 9.0)), 3),
    ],
)
def test_renewal_gaps_have_the_law_that_they_should(arrivals, count):
    # no arrival for t from the law just after one: alpha exp(S t) 1, by the population's own moves
    rate = arrivals.natural_rate
    made = one({"qsize": 1}, retries=0, arrival_rate=rate, arrivals=arrivals)
    population = lower(made, "staged")
    emitted = [t for t in population.transitions if t.name.startswith("attempt 0")]
    assert len(population.axes) == count
    states = [(0, *s) for s in [(0, 0), (1, 0), (0, 1)]]
    S = np.zeros((3, 3))
    start = np.zeros(3)
    for i, state in enumerate(states):
        x = tuple(np.array(float(c)) for c in state)
        for t in population.transitions:
            if "phase of" in t.name and t.rate(x) > 0:
                S[i, states.index(tuple(np.add(state, t.jump)))] += t.rate(x)
        out = [float(t.rate(x)) for t in emitted]
        S[i, i] -= S[i].sum() + sum(out)
        if i == 0:
            for t, r in zip(emitted, out, strict=True):
                if r > 0:
                    start[states.index((0, *np.add(state, t.jump)[1:]))] += r / sum(out)
    if isinstance(arrivals, Mixture):
        alpha, G = np.array(arrivals.weights), -np.diag(arrivals.rates)
    else:
        alpha, G = np.array(arrivals.initial), np.array(arrivals.generator)
    np.testing.assert_allclose(start, alpha, atol=1e-12)
    for t in (0.1, 0.5, 2.0):
        assert start @ expm(S * t) @ np.ones(3) == pytest.approx(alpha @ expm(G * t) @ np.ones(3))


def test_apis_that_differ_are_a_hyperexponential_server():
    made = Program("p")
    made.add_server(Server("s", {"get": Work(40.0), "put": Work(2.0)}, qsize=8))
    for name, api, rate in (("a", "get", 3.0), ("b", "put", 1.0)):
        made.add_source(Source(name, api, rate))
        made.connect(name, "s")
    shares = np.array([0.75, 0.25])
    Q = np.zeros((9, 2, 9, 2))
    for q in range(9):
        for i, mu in enumerate((40.0, 2.0)):
            if q == 0:
                Q[0, 0, 1] += 4.0 * shares if i == 0 else 0.0
                continue
            if q < 8:
                Q[q, i, q + 1, i] += 4.0
            if q == 1:
                Q[1, i, 0, 0] += mu
            else:
                Q[q, i, q - 1] += mu * shares
    flat = Q.reshape(18, 18)[np.ix_(keep := [0, *range(2, 18)], keep)]
    expected = law(flat - np.diag(flat.sum(axis=1)))
    expected = np.array([expected[0], *expected[1:].reshape(8, 2).sum(axis=1)])
    population = lower(made, "staged")
    np.testing.assert_allclose(marginal(population, 0), expected, rtol=1e-9)


@pytest.mark.parametrize("threads", [1, 3])
def test_erlang_server_against_its_own_stages(threads):
    made = one({"thread_pool": threads, "qsize": 6}, {"law": Erlang(2)}, retries=0)
    population = lower(made, "staged")
    # states (q, in the second stage); rates of a stage 20
    number = {(q, j): i for i, (q, j) in enumerate(
        (q, j) for q in range(7) for j in range(min(q, threads) + 1))}  # fmt: skip
    Q = np.zeros((len(number),) * 2)
    for (q, j), i in number.items():
        busy = min(q, threads)
        if q < 6:
            Q[i, number[q + 1, j]] += 8.0
        if busy > j:
            Q[i, number[q, j + 1]] += 20.0 * (busy - j)
        if j:
            Q[i, number[q - 1, j - 1]] += 20.0 * j
    pi = law(Q - np.diag(Q.sum(axis=1)))
    expected = np.zeros(7)
    for (q, _), i in number.items():
        expected[q] += pi[i]
    np.testing.assert_allclose(marginal(population, 0), expected, rtol=1e-9)


def test_two_servers_without_calls_have_a_product_form():
    made = Program("p")
    for name, rate, mu in (("a", 3.0, 5.0), ("b", 2.0, 4.0)):
        made.add_server(Server(name, {f"of {name}": Work(mu)}, qsize=4, orbit_size=3))
        made.add_source(Source(f"to {name}", f"of {name}", rate, timeout=0.5, retries=1))
        made.connect(f"to {name}", name)
    both = lower(made, "staged")
    joint = law(dense(both)).reshape(both.shape)
    parts = []
    for name, rate, mu in (("a", 3.0, 5.0), ("b", 2.0, 4.0)):
        alone = Program("p")
        alone.add_server(Server(name, {"x": Work(mu)}, qsize=4, orbit_size=3))
        alone.add_source(Source("s", "x", rate, timeout=0.5, retries=1))
        alone.connect("s", name)
        single = lower(alone, "staged")
        parts.append(law(dense(single)).reshape(single.shape))
    names = [axis.name for axis in both.axes]
    order = [names.index(n) for n in (
        "queue[a]", "orbit[to a,0]", "queue[b]", "orbit[to b,0]")]  # fmt: skip
    expected = np.multiply.outer(parts[0], parts[1])
    np.testing.assert_allclose(joint.transpose(order), expected, atol=1e-12)


def test_tandem_that_forgets_against_an_independent_generator():
    # no retries: a completion at a joins b, or is lost where b is full
    made = Program("p")
    link = DependentCall("b", "a", "y", "fire_and_forget", timeout=9.0)
    made.add_server(Server("a", {"x": Work(5.0, (link,))}, qsize=4, thread_pool=2))
    made.add_server(Server("b", {"y": Work(6.0)}, qsize=3))
    made.add_source(Source("s", "x", 4.0))
    made.connect("s", "a")
    Q = np.zeros((5, 4, 5, 4))
    for a in range(5):
        for b in range(4):
            if a < 4:
                Q[a, b, a + 1, b] += 4.0
            if a:
                Q[a, b, a - 1, min(b + 1, 3)] += 5.0 * min(a, 2)
            if b:
                Q[a, b, a, b - 1] += 6.0
    flat = Q.reshape(20, 20)
    np.testing.assert_allclose(
        dense(lower(made, "staged")), flat - np.diag(flat.sum(axis=1)), atol=1e-12
    )


def test_thread_that_waits_is_held_until_the_answer():
    # b serves nobody else and nothing is late: with one thread at a, one attempt at a time
    made = Program("p")
    link = DependentCall("b", "a", "y", timeout=1e5)
    made.add_server(Server("a", {"x": Work(5.0, (link,))}, qsize=5))
    made.add_server(Server("b", {"y": Work(4.0)}, qsize=5))
    made.add_source(Source("s", "x", 2.0, timeout=1e5))
    made.connect("s", "a")
    # the queue at a is that of one server with two stages, rates 5 and 4
    number = {(0, 0): 0, **{(q, j): 1 + 2 * (q - 1) + j for q in range(1, 6) for j in (0, 1)}}
    Q = np.zeros((11, 11))
    for (q, j), i in number.items():
        if q < 5:
            Q[i, number[q + 1, j]] += 2.0
        if q and j == 0:
            Q[i, number[q, 1]] += 5.0
        if j:
            Q[i, number[q - 1, 0]] += 4.0
    pi = law(Q - np.diag(Q.sum(axis=1)))
    expected = [pi[0], *pi[1:].reshape(5, 2).sum(axis=1)]
    np.testing.assert_allclose(marginal(lower(made, "staged"), 0), expected, atol=1e-9)


def test_fire_and_forget_dag_of_fifty_servers_is_small_work():
    made = Program("dag")
    for i in range(50):
        links = tuple(
            DependentCall(f"s{j}", f"s{i}", "x", "fire_and_forget", timeout=1.0, retry=1)
            for j in (2 * i + 1, 2 * i + 2) if j < 50
        )  # fmt: skip
        made.add_server(Server(f"s{i}", {"x": Work(100.0, links)}, qsize=1000))
    made.add_source(Source("c", "x", 50.0, timeout=1.0, retries=1))
    made.connect("c", "s0")
    population = lower(made, "geometric")
    drift = population.drift(tuple(np.asarray(0.5) for _ in population.axes))
    assert len(population.transitions) < 2_000
    assert np.isfinite(drift).all()
    # every server completes 50 a second where it holds half an attempt, and its callees get as many
    queues = dict(zip((a.name for a in population.axes), drift, strict=True))
    assert queues["queue[s49]"] > -50.0


def test_gamma_law_is_exact_for_one_thread():
    n = np.arange(30.0)
    mean, variance = (n + 1) / 10.0, (n + 1) / 100.0
    np.testing.assert_allclose(matched_tail(mean, variance, 0.7), sojourn_tail(n, 0.7, 10.0, 1))
