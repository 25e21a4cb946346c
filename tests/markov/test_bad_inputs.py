"""Every public question, put to chains and sets that cannot be right: a clear error, never a number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from separatrix.errors import ModelError
from separatrix.markov import (
    committor,
    conductance,
    hit_within,
    hitting_probability,
    hitting_quantiles,
    hitting_times,
    latency,
    metastability,
    metastable,
    mixing_time,
    quasi_stationary,
    spectrum,
    stationary,
    steady,
    transient,
)
from separatrix.markov.generator import Chain, as_chain, chain_from_matrix
from separatrix.population.lattice import Axis, Measure, Population, Sojourn, Transition


def matrix(*edges: tuple[int, int], n: int = 6, rate: float = 1.0) -> Chain:
    Q = np.zeros((n, n))
    for i, j in edges:
        Q[i, j] = rate
    return chain_from_matrix(Q)


LINE = [(i, i + 1) for i in range(5)] + [(i + 1, i) for i in range(5)]
WHOLE = matrix(*LINE)
TWO_CLASSES = matrix((0, 1), (1, 0), (1, 2), (2, 1), (3, 4), (4, 3), (4, 5), (5, 4))
TWO_ABSORBING = matrix((2, 1), (1, 0), (2, 3), (3, 4), (4, 5))
FIRST, LAST = (np.arange(6) == k for k in (0, 5))
NONE, ALL = np.zeros(6, dtype=bool), np.ones(6, dtype=bool)
WRONG_SHAPE, NUMBERS = np.zeros(7, dtype=bool), np.arange(6.0)

TARGETED: dict[str, Callable[[Chain, Any], Any]] = {
    "hitting_times": hitting_times,
    "hitting_probability": hitting_probability,
    "hit_within": lambda c, t: hit_within(c, t, 0, [1.0]),
    "committor": lambda c, t: committor(c, t, np.arange(6) == 3),
    "quasi_stationary": quasi_stationary,
    "conductance": lambda c, t: conductance(stationary(c), t),
    "metastability": lambda c, t: metastability(stationary(c), [t, np.arange(6) == 3]),
}
GLOBAL: dict[str, Callable[[Chain], Any]] = {
    "stationary": stationary,
    "spectrum": spectrum,
    "mixing_time": lambda c: mixing_time(spectrum(c)),
    "metastable": metastable,
}


@pytest.mark.parametrize("question", TARGETED)
@pytest.mark.parametrize(
    ("target", "complaint"),
    [(NONE, "empty|no state"), (WRONG_SHAPE, "shape"), (NUMBERS, "boolean")],
    ids=["empty", "wrong shape", "not a mask"],
)
def test_sets_that_are_none(question, target, complaint):
    with pytest.raises(ModelError, match=complaint):
        TARGETED[question](WHOLE, target)


@pytest.mark.parametrize("question", GLOBAL)
@pytest.mark.parametrize("chain", [TWO_CLASSES, TWO_ABSORBING], ids=["reducible", "absorbing"])
def test_a_long_run_that_depends_on_the_start(question, chain):
    with pytest.raises(ModelError, match="2 closed classes"):
        GLOBAL[question](chain)


@pytest.mark.parametrize("method", ["dense", "levels"])
@pytest.mark.parametrize("chain", [TWO_CLASSES, TWO_ABSORBING], ids=["reducible", "absorbing"])
def test_a_target_that_cannot_be_reached(method, chain):
    with pytest.raises(ModelError, match="cannot be reached from"):
        hitting_times(chain, FIRST, method=method)
    # but the probability of ever reaching it is a fair question
    assert hitting_probability(chain, FIRST).probability[5] == 0.0


@pytest.mark.parametrize("kind", [FIRST, LAST], ids=["first", "last"])
def test_sets_that_meet(kind):
    with pytest.raises(ModelError, match="disjoint"):
        committor(WHOLE, kind, ALL)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0], ids=str)
def test_rates_that_are_none(bad):
    with pytest.raises(ModelError, match="finite and >= 0"):
        matrix(*LINE, rate=bad)
    axis = (Axis("queue", 3, "queue"),)

    def rate(x: Any) -> Any:
        return np.where(x[0] == 1, bad, 1.0) * (x[0] < 2)

    with pytest.raises(ModelError, match=r"'arrive'.*queue = 1"):
        as_chain(Population("bad", "staged", axis, (Transition("arrive", (1,), rate),)))


@pytest.mark.parametrize("jump", [1, -1])
def test_jumps_out_of_the_box(jump):
    axis = (Axis("queue", 3, "queue"),)
    population = Population(
        "bad", "staged", axis, (Transition("leap", (jump,), lambda x: 1.0 + 0 * x[0]),)
    )
    with pytest.raises(ModelError, match="leaves the box"):
        stationary(population)


@pytest.mark.parametrize("start", [-1, 6, (0, 0), np.full(6, 0.5), np.array([2.0, -1, 0, 0, 0, 0])])
def test_starts_that_are_none(start):
    times = hitting_times(WHOLE, LAST)
    for ask in (
        lambda: times.at(start),
        lambda: hitting_quantiles(times, start, (0.5,)),
        lambda: hit_within(WHOLE, LAST, start, [1.0]),
        lambda: mixing_time(spectrum(WHOLE, 3), starts=[start]),
    ):
        with pytest.raises(ModelError, match="start"):
            ask()


@pytest.mark.parametrize("p", [0.0, 1.0, -0.1, np.nan])
def test_probabilities_that_are_none(p):
    times = hitting_times(WHOLE, LAST)
    with pytest.raises(ModelError, match=r"in \(0, 1\)"):
        hitting_quantiles(times, 0, (p,))
    with pytest.raises(ModelError, match=r"in \(0, 1\)"):
        mixing_time(spectrum(WHOLE, 3), p)


@pytest.mark.parametrize("when", [-1.0, np.nan, np.inf])
def test_instants_that_are_none(when):
    start = np.eye(6)[0]
    with pytest.raises(ModelError):
        transient(WHOLE, start, [when])
    with pytest.raises(ModelError):
        hit_within(WHOLE, LAST, 0, [when])


def test_a_chain_that_only_goes_round_has_its_uniform_law():
    """In continuous time no chain is periodic: a cycle mixes."""
    cycle = matrix(*[(i, (i + 1) % 6) for i in range(6)])
    np.testing.assert_allclose(stationary(cycle).pi, 1.0 / 6.0, rtol=1e-14)
    assert spectrum(cycle).gap == pytest.approx(0.5, rel=1e-9)  # 1 - cos(60 degrees)


def counted(up: Any, down: Any, **sojourn: Any) -> Population:
    """Six states in a row, left at rates `up` and `down`; every arrival is accepted and stays for 1 s."""
    ups, downs = np.append(np.asarray(up, float), 0.0), np.append(0.0, np.asarray(down, float))
    parts: dict[str, Any] = {
        "tail": lambda x, t: np.where(x[0] >= 0, np.exp(-t), 0.0),
        "moments": lambda x: (1.0 + 0.0 * x[0], 2.0 + 0.0 * x[0]),
        "weight": lambda x: ups[x[0].astype(int)],
    }
    return Population(
        "row", "staged", (Axis("queue", 6, "queue"),),
        (
            Transition("up", (1,), lambda x: ups[x[0].astype(int)]),
            Transition("down", (-1,), lambda x: downs[x[0].astype(int)]),
        ),
        (Measure("busy", "1", lambda x: 1.0 * (x[0] > 0)),), (Sojourn("get", **(parts | sojourn)),),
    )  # fmt: skip


LONG_RUN: dict[str, Callable[[Population], Any]] = {
    "steady": lambda p: steady(stationary(p)),
    "latency": lambda p: latency(stationary(p), p.sojourns[0]),
}
APART, ENDS = ([1, 1, 0, 1, 1], [1, 1, 0, 1, 1]), ([0, 0, 0, 1, 1], [1, 1, 1, 0, 0])
FALLS = ([0, 1, 1, 1, 1], [1, 1, 1, 1, 1])


@pytest.mark.parametrize("question", LONG_RUN)
@pytest.mark.parametrize("rates", [APART, ENDS], ids=["reducible", "two ends"])
def test_long_run_numbers_that_depend_on_the_start(question, rates):
    with pytest.raises(ModelError, match="2 closed classes"):
        LONG_RUN[question](counted(*rates))


def test_long_run_numbers_of_a_service_that_ends_at_rest():
    found = steady(stationary(counted(*FALLS)))
    assert found.queue is not None
    assert (found.queue.mean, found.averages[0].value) == (0.0, 0.0)
    assert found.latencies[0].status == "inconclusive"
    assert "no attempt" in found.latencies[0].reason


@pytest.mark.parametrize("question", LONG_RUN)
@pytest.mark.parametrize(
    ("sojourn", "complaint"),
    [
        ({"weight": lambda x: np.where(x[0] == 2, -1.0, 1.0)}, "'get' at queue = 2: .*got -1"),
        ({"weight": lambda x: np.where(x[0] == 3, np.nan, 1.0)}, "'get' at queue = 3: .*got nan"),
        ({"weight": lambda x: np.where(x[0] == 3, np.inf, 1.0)}, "'get' at queue = 3: .*got inf"),
        ({"moments": lambda x: (np.where(x[0] == 1, np.nan, 1.0), 1.0 + x[0])}, "mean .*'get'.* nan"),
        ({"moments": lambda x: (np.where(x[0] == 1, np.inf, 1.0), 1.0 + x[0])}, "mean .*'get'.* inf"),
        ({"moments": lambda x: (1.0 + x[0], np.full(6, np.nan))}, "second moment .*'get'.* nan"),
        ({"tail": lambda x, t: np.full(6, np.nan)}, "tail .*'get'.* nan"),
        ({"tail": lambda x, t: np.full(6, 1.5)}, "tail .*'get'.* 1.5"),
        ({"tail": lambda x, t: np.full(6, -0.5)}, "tail .*'get'.* -0.5"),
    ],
)  # fmt: skip
def test_sojourns_that_are_none(question, sojourn, complaint):
    with pytest.raises(ModelError, match=complaint):
        LONG_RUN[question](counted([1] * 5, [2] * 5, **sojourn))


def test_what_no_attempt_finds_does_not_count():
    never = {
        "weight": lambda x: 1.0 * (x[0] < 5),
        "moments": lambda x: tuple(np.where(x[0] == 5, np.nan, m) for m in (1.0, 2.0)),
    }
    found = LONG_RUN["latency"](counted([1] * 5, [2] * 5, **never))
    assert (found.mean, found.variance) == (pytest.approx(1.0), pytest.approx(1.0))


@pytest.mark.parametrize("question", LONG_RUN)
@pytest.mark.parametrize("p", [0.0, 1.0, -0.1, 1.1, np.nan])
def test_percentiles_that_are_none(question, p):
    population = counted([1] * 5, [2] * 5)
    law = stationary(population)
    with pytest.raises(ModelError, match=r"in \(0, 1\)"):
        steady(law, (p,)) if question == "steady" else latency(law, population.sojourns[0], (p,))


def test_a_law_without_its_population_has_no_measures():
    law = stationary(as_chain(counted([1] * 5, [2] * 5)))
    for ask in (lambda: steady(law), lambda: latency(law, counted([1] * 5, [2] * 5).sojourns[0])):
        with pytest.raises(ModelError, match="bare chain"):
            ask()
