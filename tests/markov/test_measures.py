import numpy as np
import pytest
from scipy.special import gammaincc

from separatrix.errors import ModelError
from separatrix.markov.generator import as_chain
from separatrix.markov.latency import latency
from separatrix.markov.measures import averages, count, steady, total_count
from separatrix.markov.stationary import stationary
from separatrix.population.lattice import Axis, Measure, Population, Sojourn, Transition


def one_server(arrival, service, bound, *, moments=None, tail=None, weight=None):
    """M/M/1/K, first come first served: the sojourn from state n is a sum of n + 1 services."""
    transitions = (
        Transition("arrive", (1,), lambda x: arrival * (x[0] < bound)),
        Transition("serve", (-1,), lambda x: service * (x[0] > 0)),
    )
    sojourn = Sojourn(
        "insert",
        tail or (lambda x, t: gammaincc(x[0] + 1.0, service * t)),
        moments or (lambda x: ((x[0] + 1) / service, (x[0] + 1) * (x[0] + 2) / service**2)),
        weight or (lambda x: arrival * (x[0] < bound)),
    )
    measures = (
        Measure("throughput", "1/s", lambda x: service * (x[0] > 0)),
        Measure("one", "1", lambda x: np.float64(1.0)),
    )
    axes = (Axis("queue", bound + 1, "queue", cut=1e-12),)
    return Population("M/M/1/K", "staged", axes, transitions, measures, (sojourn,))


def test_sojourn_of_the_single_server_queue_is_exponential():
    arrival, service = 0.7, 1.0
    law = stationary(one_server(arrival, service, 150))
    found = latency(law, law.population.sojourns[0], (0.5, 0.9, 0.999))
    rate = service - arrival
    assert found.mean == pytest.approx(1 / rate, rel=1e-12)
    assert found.std == pytest.approx(1 / rate, rel=1e-11)
    for p, t in found.percentiles.items():
        assert t == pytest.approx(-np.log(1 - p) / rate, rel=1e-10)
    assert found.accepted == pytest.approx(arrival, rel=1e-12)


def test_all_numbers_of_a_bounded_queue():
    arrival, service, bound = 2.0, 1.0, 8
    law = stationary(one_server(arrival, service, bound))
    found = steady(law)
    weights = 2.0 ** np.arange(bound + 1)
    pi = weights / weights.sum()
    mean = pi @ np.arange(bound + 1)
    assert found.queue is not None
    assert found.queue.mean == pytest.approx(mean, rel=1e-13)
    assert found.queue.variance == pytest.approx(pi @ (np.arange(bound + 1) - mean) ** 2, rel=1e-12)
    assert found.queue.at_bound == found.boundary["queue"] == pytest.approx(pi[-1], rel=1e-13)
    assert found.orbit is None
    assert found.cut == 1e-12
    assert found.averages[0].value == pytest.approx(service * (1 - pi[0]), rel=1e-13)
    assert found.averages[1].value == pytest.approx(1.0, rel=1e-14)
    # Little's law for accepted attempts
    assert found.latencies[0].mean * found.latencies[0].accepted == pytest.approx(mean, rel=1e-12)
    assert set(found.to_dict()["latencies"][0]["percentiles"]) == {"p50", "p90", "p99"}


def test_total_of_several_orbits(known):
    shape = (2, 3, 4)
    axes = tuple(
        Axis(n, k, kind)
        for n, k, kind in zip("qab", shape, ("queue", "orbit", "orbit"), strict=True)
    )
    rng = np.random.default_rng(5)
    transitions = []
    for i in range(3):
        for step in (-1, 1):
            table = rng.exponential(size=shape)
            edge = [slice(None)] * 3
            edge[i] = slice(0, 1) if step < 0 else slice(-1, None)
            table[tuple(edge)] = 0.0
            jump = tuple(step if j == i else 0 for j in range(3))
            transitions.append(Transition(f"{i}{step}", jump, lambda x, t=table: t))
    law = stationary(Population("p", "staged", axes, tuple(transitions)))
    total = total_count(law, "orbit")
    assert total is not None
    want = np.zeros(6)
    for (_, a, b), p in np.ndenumerate(law.pi):
        want[a + b] += p
    np.testing.assert_allclose(total.marginal, want, rtol=1e-14)
    assert total.mean == pytest.approx(count(law, 1).mean + count(law, 2).mean, rel=1e-13)
    assert total_count(law, "tokens") is None


def test_deterministic_service_has_percentiles_at_its_jump():
    law = stationary(
        one_server(
            0.1,
            1.0,
            5,
            tail=lambda x, t: np.where((x[0] + 1) > t, 1.0, 0.0),
            moments=lambda x: (x[0] + 1.0, (x[0] + 1.0) ** 2),
        )
    )
    found = latency(law, law.population.sojourns[0], (0.5,))
    assert found.percentiles[0.5] == pytest.approx(1.0, rel=1e-12)


def test_atoms_at_zero_and_no_traffic():
    law = stationary(one_server(0.1, 1.0, 5, tail=lambda x, t: np.full(x[0].shape, 0.3 * (t < 2))))
    assert latency(law, law.population.sojourns[0], (0.5, 0.9)).percentiles == {
        0.5: 0.0,
        0.9: pytest.approx(2.0),
    }
    silent = stationary(one_server(0.1, 1.0, 5, weight=lambda x: np.zeros_like(x[0])))
    found = latency(silent, silent.population.sojourns[0])
    assert found.status == "inconclusive"
    assert np.isnan(found.mean)
    endless = stationary(one_server(0.1, 1.0, 5, tail=lambda x, t: np.ones_like(x[0])))
    assert latency(endless, endless.population.sojourns[0], (0.5,)).percentiles[0.5] == np.inf


def test_hostile_inputs():
    population = one_server(0.1, 1.0, 5)
    law = stationary(population)
    with pytest.raises(ModelError, match=r"in \(0, 1\); got 1"):
        latency(law, population.sojourns[0], (1.0,))
    with pytest.raises(ModelError, match="bare chain"):
        steady(stationary(as_chain(population)))
    broken = Population(
        "p", "staged", population.axes, population.transitions,
        (Measure("odd", "1", lambda x: np.log(x[0] - 1)),),
    )  # fmt: skip
    with np.errstate(all="ignore"), pytest.raises(ModelError, match="'odd' is not finite"):
        averages(stationary(broken))
