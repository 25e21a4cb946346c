"""P(T <= t): closed forms, tiny probabilities, far deadlines."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.special import gammainc

from separatrix.errors import ModelError
from separatrix.markov.deadline import hit_within
from separatrix.markov.generator import chain_from_matrix
from separatrix.markov.hitting import hitting_times


def states(n: int, *members: int) -> np.ndarray:
    mask = np.zeros(n, dtype=bool)
    mask[list(members)] = True
    return mask


def walk(up: float, down: float, top: int) -> np.ndarray:
    return np.diag([up] * top, 1) + np.diag([down] * top, -1)


def test_a_row_of_exponential_steps_is_an_erlang_time():
    chain = chain_from_matrix(np.diag([2.0] * 12, 1) + np.eye(13)[12][:, None] * np.eye(13)[0])
    times = [1e-3, 0.5, 6.0, 40.0, 0.0]
    found = hit_within(chain, states(13, 12), 0, times)
    # the chance within a millisecond is 1e-41, and right
    np.testing.assert_allclose(found.probability, gammainc(12, 2.0 * np.array(times)), rtol=1e-11)
    assert found.probability[0] < 1e-40
    assert found.methods == ("uniformisation",) * 4 + ("start",)
    np.testing.assert_allclose(found.survival + found.probability, 1.0, rtol=1e-12)


def test_the_three_ways_agree():
    chain, target = chain_from_matrix(walk(1.0, 2.0, 14)), states(15, 14)
    times = [2000.0, 5000.0, 30000.0]
    exact = hit_within(chain, target, 0, times, method="uniformisation")
    for method in ("slow exit", "krylov"):
        other = hit_within(chain, target, 0, times, method=method)
        assert other.methods == (method,) * 3
        assert other.status == "ok"
        gap = np.abs(other.probability - exact.probability)
        assert (gap <= other.errors + exact.errors).all()


def test_far_deadlines_follow_the_mean_escape_time():
    chain, target = chain_from_matrix(walk(1.0, 40.0, 9)), states(10, 9)
    mean = hitting_times(chain, target).mean[0]
    assert mean > 1e12
    found = hit_within(chain, target, 0, [1e-3 * mean, mean, 5.0 * mean])
    assert found.methods == ("slow exit",) * 3
    np.testing.assert_allclose(found.survival, np.exp([-1e-3, -1.0, -5.0]), rtol=1e-9)
    np.testing.assert_allclose(found.probability, -np.expm1([-1e-3, -1.0, -5.0]), rtol=1e-9)


def test_starts_inside_and_partly_inside():
    chain, target = chain_from_matrix(walk(1.0, 2.0, 4)), states(5, 4)
    assert hit_within(chain, target, 4, [0.0, 1.0, 1e9]).probability.tolist() == [1.0, 1.0, 1.0]
    half = np.array([0.5, 0.0, 0.0, 0.0, 0.5])
    mixed = hit_within(chain, target, half, [3.0, 1e7])
    alone = hit_within(chain, target, 0, [3.0, 1e7])
    np.testing.assert_allclose(mixed.probability, 0.5 + 0.5 * alone.probability, rtol=1e-12)


def test_what_cannot_be_right():
    chain, target = chain_from_matrix(walk(1.0, 2.0, 4)), states(5, 4)
    with pytest.raises(ModelError, match="finite and >= 0"):
        hit_within(chain, target, 0, [-1.0])
    with pytest.raises(ModelError, match="target is empty"):
        hit_within(chain, states(5), 0, [1.0])
    with pytest.raises(ModelError, match="outside"):
        hit_within(chain, target, 7, [1.0])


def test_too_soon_for_the_slow_exit_is_inconclusive():
    found = hit_within(
        chain_from_matrix(walk(1.0, 2.0, 14)), states(15, 14), 0, [0.5], method="slow exit"
    )
    assert found.status == "inconclusive"
    assert json.loads(json.dumps(found.to_dict()))["methods"] == ["slow exit"]


def test_metafor_reach_probability(shared):
    cases = json.loads((shared / "reference" / "metafor_reference.json").read_text())
    assert cases["single_server"]["readme"]["reach_prob_full_state_t10_t20"]
    from separatrix.model import Program, Server, Source, Work
    from separatrix.population.metafor import metafor

    program = Program("readme")
    program.add_server(Server("52", {"insert": Work(10, [])}, 100, 20, 1))
    program.add_source(Source("client", "insert", 9.5, timeout=3, retries=4))
    program.connect("client", "52")
    population = metafor("readme", program)
    full = np.zeros(population.shape, dtype=bool)
    full[-1, -1] = True
    found = hit_within(population, full, (0, 0), [10.0, 20.0])
    expected = cases["single_server"]["readme"]["reach_prob_full_state_t10_t20"]
    np.testing.assert_allclose(found.probability, expected, rtol=1e-11)
