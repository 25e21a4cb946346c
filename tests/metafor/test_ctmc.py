"""Metafor's method names on chains whose numbers are known without Metafor."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import gammaincc

from metafor.chain import DENSE_STATES
from metafor.dsl.dsl import Program, Server, Source, Work
from separatrix.errors import ModelError


def service(rate=8.0, qsize=11, orbit_size=1, threads=1, mu=10.0, retries=2, **more):
    program = Program("known", **more)
    program.add_server(Server("s", {"get": Work(mu)}, qsize, orbit_size, threads))
    program.add_source(Source("c", "get", rate, timeout=2.0, retries=retries))
    program.connect("c", "s")
    return program


@pytest.fixture
def queue():
    """M/M/1/10: one thread, no orbit."""
    return service().build()


def test_mm1k_in_closed_form(queue):
    rho, top = 0.8, 10
    law = rho ** np.arange(top + 1) / np.sum(rho ** np.arange(top + 1))
    pi = queue.get_stationary_distribution()
    np.testing.assert_allclose(pi, law, rtol=1e-13)
    mean = float(law @ np.arange(top + 1))
    variance = float(law @ (np.arange(top + 1) - mean) ** 2)
    assert queue.main_queue_size_average(pi) == pytest.approx(mean, rel=1e-13)
    assert queue.main_queue_size_analysis(pi)["std"] == pytest.approx(variance**0.5, rel=1e-13)
    assert queue.queue_full_probability(pi) == pytest.approx(law[-1], rel=1e-13)
    assert queue.throughput_average(pi, 0) == pytest.approx(10 * (1 - law[0]), rel=1e-13)
    assert queue.latency_average(pi, 0) == pytest.approx((mean + 1) / 10, rel=1e-13)
    assert queue.latency_variance(pi, 0) == pytest.approx((variance + mean + 2) / 100, rel=1e-13)
    assert queue.failure_rate_average(pi, 0) == 0.0
    assert queue.retry_queue_size_average(pi) == 0.0
    gaps = -10.0 - 8.0 + 2 * np.sqrt(80.0) * np.cos(np.pi * np.arange(1, 8) / (top + 1))
    np.testing.assert_allclose(queue.get_eigenvalues(8), [0.0, *gaps], rtol=1e-10, atol=0)
    assert queue.get_mixing_time() == pytest.approx(-np.log(100) / gaps[0], rel=1e-10)


def test_mm1k_drains_and_fills_as_birth_death_chains_do(queue):
    rho, top = 0.8, 10
    k = np.arange(1, top + 1)
    # from k to k - 1 takes (1 - rho^(K-k+1)) / (mu - lambda)
    assert queue.time_to_drain() == pytest.approx(np.sum((1 - rho ** (top - k + 1)) / 2), rel=1e-13)
    up = np.sum((1 - rho**k) / (1 - rho) / rho**k) / 10.0
    assert queue.reach(0, top) == pytest.approx(up, rel=1e-13)
    assert queue.reach(0, [top, 3]) < queue.reach(0, top)
    law = np.zeros(top + 1)
    law[[0, top]] = 0.5
    assert queue.reach(law, top) == pytest.approx(up / 2, rel=1e-13)


def test_percentile_is_one_of_erlang_times(queue):
    pi = queue.get_stationary_distribution()
    for p in (50.0, 99.0):
        t = queue.latency_percentile(pi, 0, p)
        beyond = float(pi @ gammaincc(np.arange(1, 12), 10.0 * t))
        assert beyond == pytest.approx(1 - p / 100, abs=1e-12)
    assert queue.latency_percentile(pi, 0) == queue.latency_percentile(pi, 0, 50.0)


def test_percentile_honours_threads():
    one = service(qsize=30, mu=10.0).build()
    many = service(qsize=30, mu=2.5, threads=4).build()
    light = np.zeros(30)
    light[0] = 1.0
    # alone at the server: one service time, ln 2 / mu
    assert one.latency_percentile(light, 0) == pytest.approx(np.log(2) / 10)
    assert many.latency_percentile(light, 0) == pytest.approx(np.log(2) / 2.5)


def test_states_are_numbered_orbit_by_orbit():
    chain = service(rate=9.0, qsize=6, orbit_size=4).build()
    Q = chain.Q
    assert isinstance(Q, np.ndarray)
    np.testing.assert_allclose(Q.sum(axis=1), 0.0, atol=1e-13)
    assert Q[0, 1] == 9.0  # an arrival at the empty service, on time
    assert Q[1, 0] == 10.0
    # one in the orbit, nobody in the queue: it gives up, or comes back in time
    assert Q[6, 0] == pytest.approx(1 / 6)
    assert Q[6, 1] == pytest.approx(2 / 6)
    pi = chain.get_stationary_distribution()
    assert np.abs(pi @ Q).max() < 1e-14
    np.testing.assert_array_equal(chain.get_init_state(), np.eye(24)[0])
    np.testing.assert_array_equal(chain.set_construction((4, 9), (1, 3)), [10, 11, 16, 17])
    np.testing.assert_array_equal(chain.set_construction([[0, 1], [5, 6]], [[0, 0.5]]), [0, 5])
    assert chain.set_construction((0, 0), (0, 4)).size == 0


def test_large_chains_are_sparse():
    chain = service(rate=9.0, qsize=300, orbit_size=20).build()
    assert chain.n_states > DENSE_STATES
    assert chain.Q.format == "csr"
    pi = chain.get_stationary_distribution()
    assert np.abs(chain.Q.T @ pi).max() < 1e-13


def test_balance_and_irreducibility(queue):
    assert queue.is_irreducible()
    assert queue.check_detailed_balance(queue.get_stationary_distribution())
    assert not queue.check_detailed_balance(np.full(11, 1 / 11))
    retrying = service(rate=9.0, qsize=6, orbit_size=4).build()
    assert retrying.is_irreducible()
    assert not retrying.check_detailed_balance(retrying.get_stationary_distribution())


def test_a_queue_of_one_place_with_an_orbit_is_reducible():
    # the only queue length is 0: nobody ever enters the orbit, and whoever is there leaves for good
    chain = service(qsize=1, orbit_size=3).build()
    assert not chain.is_irreducible()
    np.testing.assert_allclose(chain.get_stationary_distribution(), [1.0, 0.0, 0.0], atol=0)


def test_hitting_sets(queue):
    low, high = queue.set_construction((0, 2), (0, 1)), queue.set_construction((9, 11), (0, 1))
    mean, deviation = queue.get_hitting_time_average_and_deviation(high, low)
    assert mean == queue.get_hitting_time_average(high, low) == queue.reach(9, low)
    assert 0.0 < deviation < mean  # a drain is steadier than an exponential time
    assert queue.get_hitting_time_average([0, 9], high) == 0.0


def test_the_way_there(queue):
    analyses = {"q": queue.main_queue_size_average, "law": lambda law: law.sum()}
    found = queue.finite_time_analysis(queue.get_init_state(), analyses, 0.3, 0.1)
    assert list(found) == [0.0, 0.1, 0.2, pytest.approx(0.3)]
    means = [row["q"] for row in found.values()]
    assert means == sorted(means)
    assert all(row["law"] == pytest.approx(1.0, abs=1e-13) for row in found.values())
    late = queue.finite_time_analysis(queue.get_init_state(), analyses, 1e6, 1e6)
    stationary = queue.main_queue_size_average(queue.get_stationary_distribution())
    assert late[1e6]["q"] == pytest.approx(stationary, rel=1e-11)
    assert queue.reach_prob(0, 10, 1e9) == pytest.approx(1.0)
    assert queue.reach_prob(10, 10, 0.0) == 1.0


def test_two_sources_share_the_queue():
    program = Program("two")
    program.add_server(Server("s", {"a": Work(10.0), "b": Work(10.0)}, qsize=11, orbit_size=1))
    program.add_sources([Source("x", "a", 6.0, timeout=2.0), Source("y", "b", 2.0, timeout=2.0)])
    program.connect("x", "s")
    program.connect("y", "s")
    chain, alone = program.build(), service().build()
    pi = chain.get_stationary_distribution()
    np.testing.assert_allclose(pi, alone.get_stationary_distribution(), rtol=1e-13)
    rates = [chain.throughput_average(pi, i) for i in (0, 1)]
    assert rates[0] == pytest.approx(3 * rates[1])
    assert sum(rates) == pytest.approx(alone.throughput_average(pi, 0))


# --- what cannot be right ------------------------------------------------------------------------


def test_wrong_states_types_and_laws(queue):
    with pytest.raises(ModelError, match=r"state 11 is outside 0\.\.10"):
        queue.reach(0, 11)
    with pytest.raises(ModelError, match="state -1 is outside"):
        queue.reach(-1, 0)
    with pytest.raises(ModelError, match="whole numbers"):
        queue.reach(0, [2.5])
    assert queue.reach(np.int64(0), np.int64(10)) == queue.reach(0, {10})
    with pytest.raises(ModelError, match="there is no request type 1"):
        queue.throughput_average(queue.get_init_state(), 1)
    with pytest.raises(ModelError, match="there is no request type 3"):
        queue.latency_percentile(queue.get_init_state(), 3)
    with pytest.raises(ModelError, match="3 entries, the chain 11 states"):
        queue.main_queue_size_average(np.ones(3) / 3)
    with pytest.raises(ModelError, match="empty"):
        queue.reach(0, [])
    with pytest.raises(ModelError, match="empty"):
        queue.get_hitting_time_average([], 0)
    with pytest.raises(ModelError, match="sim_step"):
        queue.finite_time_analysis(queue.get_init_state(), {}, 1.0, 0.0)
    with pytest.raises(ModelError, match=r"\(0, 1\)"):
        queue.latency_percentile(queue.get_init_state(), 0, 100.0)


def test_several_servers_have_a_chain_too():
    program = service(orbit_size=4)
    program.add_server(Server("t", {"put": Work(5.0)}, 10, 3))
    program.add_source(Source("d", "put", 1.0, timeout=1.0))
    program.connect("d", "t")
    chain = program.build()
    qsize = program.servers[0].qsize
    assert chain.n_states == qsize * 4 * 10 * 3
    Q = chain.Q.toarray() if hasattr(chain.Q, "toarray") else chain.Q
    np.testing.assert_allclose(Q.sum(axis=1), 0.0, atol=1e-9)
    pi = chain.get_stationary_distribution()
    np.testing.assert_allclose(pi @ Q, 0.0, atol=1e-10)
    # the number of a state is queue, orbit, queue, orbit, the first fastest
    (full,) = chain.set_construction([(qsize - 1, qsize), (9, 10)], [(0, 1), (2, 3)])
    assert full == qsize - 1 + 4 * qsize * (9 + 10 * 2)
    numbers = np.arange(chain.n_states)
    assert chain.main_queue_size_average(pi) == pytest.approx(float(pi @ (numbers % qsize)))
    second = numbers // (4 * qsize) % 10
    assert chain.main_queue_size_average(pi, "t") == pytest.approx(float(pi @ second))
    assert chain.queue_full_probability(pi, 1) == pytest.approx(float(pi @ (second == 9)))
    assert 0.0 <= chain.retry_queue_size_average(pi, "t") <= 2.0
    assert chain.is_irreducible()
    assert 0.0 < chain.get_mixing_time() < 1e6
    with pytest.raises(ModelError, match="there is no server 'u'"):
        chain.main_queue_size_average(pi, "u")
    with pytest.raises(ModelError, match="ranges for 2 servers"):
        chain.set_construction([(0, 1)], [(0, 1)])


def test_metafor_needs_an_orbit_size():
    with pytest.raises(ModelError, match="orbit_size"):
        service(orbit_size=None).build()
