"""Laws on the way: closed forms, both methods, schedules, plateaus, hostile input."""

from __future__ import annotations

import json

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from separatrix.errors import ModelError
from separatrix.markov.generator import chain_from_matrix
from separatrix.markov.transient import scheduled, transient
from separatrix.model import Program, Server, Source, Work
from separatrix.population import lower
from separatrix.population.metafor import metafor


def birth_death(up: float, down: float, top: int) -> np.ndarray:
    return np.diag([up] * top, 1) + np.diag([down] * top, -1)


def mm1k(up: float, down: float, top: int, m: int, t: float) -> np.ndarray:
    """P_m(X_t = n) of M/M/1/K in closed form (Morse, Queues, Inventories and Maintenance, 1958)."""
    with mp.workdps(60):
        rho = mp.mpf(up) / mp.mpf(down)
        root, size = mp.sqrt(rho), top + 1
        total = mp.fsum(rho**n for n in range(size))
        law = []
        for n in range(size):
            value = rho**n / total
            for j in range(1, size):
                angle = j * mp.pi / size

                def f(k, angle=angle):
                    return mp.sin(k * angle) - root * mp.sin((k + 1) * angle)

                decay = up + down - 2 * mp.sqrt(mp.mpf(up) * down) * mp.cos(angle)
                value += (
                    mp.mpf(2) / size * rho ** (mp.mpf(n - m) / 2) * f(m) * f(n)
                    / (1 - 2 * root * mp.cos(angle) + rho) * mp.exp(-decay * mp.mpf(t))
                )  # fmt: skip
            law.append(value)
        return np.array([float(v) for v in law])


def exact(Q: np.ndarray, law: np.ndarray, t: float) -> np.ndarray:
    with mp.workdps(50):
        M = mp.matrix((Q - np.diag(Q.sum(axis=1))).tolist()) * mp.mpf(t)
        return np.array([float(v) for v in mp.matrix([law.tolist()]) * mp.expm(M)])


@pytest.mark.parametrize("start", [0, 12, 25])
@pytest.mark.parametrize("t", [0.1, 3.0, 40.0])
def test_mm1k_every_entry_keeps_its_relative_accuracy(start, t):
    law = transient(chain_from_matrix(birth_death(8.0, 10.0, 25)), start, [t])
    assert law.methods == ("uniformisation",)
    np.testing.assert_allclose(law.laws[0], mm1k(8.0, 10.0, 25, start, t), rtol=law.errors[0])
    # the smallest entries are near 1e-29
    assert law.laws[0].min() > 0.0


def test_two_states_in_closed_form_at_many_times_in_any_order():
    a, b = 0.3, 1.1
    times = [5.0, 0.0, 0.2, 1e3, 1.0]
    law = transient(chain_from_matrix(np.array([[0, a], [b, 0]])), (0,), times)
    expected = a / (a + b) * -np.expm1(-(a + b) * np.array(times))
    np.testing.assert_allclose(law.laws[:, 1], expected, rtol=1e-12)
    np.testing.assert_array_equal(law.times, times)
    assert law.methods[1] == "start"
    assert law.errors[1] == 0.0


def double_well(depth: float) -> np.ndarray:
    """A walk on 0..8 that leaves either end only against the current: escapes take about depth^4."""
    Q = np.zeros((9, 9))
    for x in range(8):
        up, down = (1.0, depth) if x < 4 else (depth, 1.0)
        Q[x, x + 1], Q[x + 1, x] = up, down
    return Q


def test_a_metastable_plateau_is_not_the_end():
    Q, start = double_well(8.0), np.eye(9)[0]
    law = transient(chain_from_matrix(Q), 0, [50.0, 2e3, 2e4], method="uniformisation")
    for i, t in enumerate(law.times):
        np.testing.assert_allclose(law.laws[i], exact(Q, start, t), rtol=law.errors[i])
    # a plateau in the first well, then both wells
    assert law.laws[0, 8] < 0.04
    assert law.laws[2, 8] > 0.4


@pytest.mark.parametrize("t", [1e7, 1e11, 1e13])
def test_far_times_by_slow_modes(t):
    Q = double_well(1e3)
    law = transient(chain_from_matrix(Q), 0, [t])
    assert law.methods == ("slow modes",)
    assert law.status == "ok"
    np.testing.assert_allclose(law.laws[0], exact(Q, np.eye(9)[0], t), atol=law.errors[0])


def test_both_methods_agree_where_both_can_go():
    program = Program("p")
    program.add_server(Server("s", {"a": Work(10.0)}, qsize=30, orbit_size=8))
    program.add_source(Source("c", "a", 8.0, timeout=1.0, retries=3))
    program.connect("c", "s")
    population = metafor("p", program)
    times = [0.5, 5.0, 60.0, 3000.0]
    one = transient(population, (0, 0), times, method="uniformisation")
    other = transient(population, (0, 0), times, method="krylov")
    assert set(other.methods) == {"krylov"}
    difference = np.abs(one.laws - other.laws).sum(axis=(1, 2))
    assert (difference <= one.errors + other.errors).all()
    assert difference.max() < 1e-9
    late = transient(population, (0, 0), [3000.0], method="slow modes")
    assert np.abs(one.laws[3] - late.laws[0]).sum() <= one.errors[3] + late.errors[0]


def test_an_estimate_says_when_slow_modes_come_too_soon():
    chain = chain_from_matrix(birth_death(8.0, 10.0, 60))
    law = transient(chain, 0, [0.5], method="slow modes")
    assert law.status == "inconclusive"
    assert "exceeds" in law.reason


def test_a_far_time_of_a_chain_with_two_ends():
    Q = np.zeros((3, 3))
    Q[1, 0], Q[1, 2] = 1.0, 3.0
    law = transient(chain_from_matrix(Q), 1, [1e6])
    assert law.methods == ("krylov",)
    np.testing.assert_allclose(law.laws[0], [0.25, 0.0, 0.75], atol=1e-8)
    with pytest.raises(ModelError, match="closed classes"):
        transient(chain_from_matrix(Q), 1, [1e6], method="slow modes")


rates = st.floats(min_value=0.0, max_value=20.0).map(lambda r: r if r > 1e-3 else 0.0)


@given(
    st.lists(rates, min_size=16, max_size=16),
    st.lists(st.floats(min_value=0.0, max_value=20.0), min_size=1, max_size=4),
)
def test_laws_stay_laws_and_meet_the_matrix_exponential(entries, times):
    from scipy.linalg import expm

    Q = np.array(entries).reshape(4, 4)
    np.fill_diagonal(Q, 0.0)
    law = transient(chain_from_matrix(Q), 2, times)
    assert law.laws.min() >= 0.0
    np.testing.assert_allclose(law.laws.sum(axis=1), 1.0, rtol=1e-13)
    for i, t in enumerate(times):
        expected = expm((Q - np.diag(Q.sum(axis=1))) * t)[2]
        np.testing.assert_allclose(law.laws[i], expected, atol=1e-11)


# --- schedules -----------------------------------------------------------------------------------


def queue(rate: float, mu: float = 10.0, top: int = 30):
    program = Program("p")
    program.add_server(Server("s", {"a": Work(mu)}, qsize=top))
    program.add_source(Source("c", "a", rate, timeout=1.0))
    program.connect("c", "s")
    return lower(program, "geometric")


def test_a_spike_is_the_product_of_its_pieces():
    calm, spike = birth_death(4.0, 5.0, 9), birth_death(12.0, 5.0, 9)
    pieces = [(chain_from_matrix(Q), d) for Q, d in ((calm, 2.0), (spike, 1.5), (calm, 4.0))]
    law = scheduled(pieces, 0, [1.0, 2.0, 3.5, 7.5, 3.0])
    at2 = exact(calm, np.eye(10)[0], 2.0)
    at35 = exact(spike, at2, 1.5)
    expected = [
        exact(calm, np.eye(10)[0], 1.0), at2, at35, exact(calm, at35, 4.0), exact(spike, at2, 1.0),
    ]  # fmt: skip
    np.testing.assert_allclose(law.laws, expected, rtol=1e-11)
    np.testing.assert_allclose(scheduled(pieces, 0).laws, law.laws[1:4], rtol=1e-11)


@given(st.floats(min_value=0.0, max_value=5.0), st.floats(min_value=0.0, max_value=5.0))
def test_a_schedule_that_changes_nothing_is_no_schedule(first, second):
    chain = chain_from_matrix(birth_death(4.0, 5.0, 9))
    one = scheduled([(chain, first), (chain, second)], 3).laws[-1]
    np.testing.assert_allclose(
        one, transient(chain, 3, [first + second]).laws[0], rtol=1e-11, atol=1e-50
    )


def test_measures_along_the_way_are_those_in_force():
    calm, spike = queue(5.0), queue(40.0)
    law = scheduled([(calm, 100.0), (spike, 100.0)], (0,) * len(calm.shape), [99.0, 100.0, 200.0])
    assert law.held == (calm, spike, spike)
    named = {course.name: course for course in law.courses()}
    throughput = named["throughput"]
    assert throughput.unit == "1/s"
    np.testing.assert_allclose(throughput.values, [5.0, 5.0, 10.0], rtol=1e-6)
    index = next(i for i, axis in enumerate(calm.axes) if axis.kind == "queue")
    mean = named[f"mean {calm.axes[index].name}"].values
    np.testing.assert_allclose(mean, law.expected(calm.grid()[index]))
    assert mean[0] == pytest.approx(1.0, rel=1e-6)  # rho / (1 - rho)
    assert mean[2] > 29.0
    told = law.to_dict()
    assert told["status"] == "ok"
    assert json.loads(json.dumps(told))["methods"] == ["uniformisation"] * 3


def test_bare_chains_name_nothing():
    law = transient(chain_from_matrix(birth_death(1.0, 2.0, 3)), 0, [1.0])
    assert law.to_dict()["courses"] == []
    with pytest.raises(ModelError, match="bare chain"):
        law.courses()


# --- what cannot be right ------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [-1.0, float("nan"), float("inf")])
def test_impossible_times(bad):
    chain = chain_from_matrix(birth_death(1.0, 2.0, 3))
    with pytest.raises(ModelError, match="finite and >= 0"):
        transient(chain, 0, [1.0, bad])
    with pytest.raises(ModelError, match="finite and >= 0"):
        scheduled([(chain, bad)], 0)


def test_impossible_schedules_and_starts():
    chain = chain_from_matrix(birth_death(1.0, 2.0, 3))
    with pytest.raises(ModelError, match="schedule is empty"):
        scheduled([], 0)
    with pytest.raises(ModelError, match="beyond the schedule's 2 s"):
        scheduled([(chain, 2.0)], 0, [3.0])
    with pytest.raises(ModelError, match="piece 1 has states of shape"):
        scheduled([(chain, 1.0), (chain_from_matrix(birth_death(1.0, 2.0, 4)), 1.0)], 0)
    with pytest.raises(ModelError, match="outside"):
        transient(chain, 9, [1.0])
    with pytest.raises(ModelError, match="sum to 1"):
        transient(chain, np.array([0.5, 0.2, 0.0, 0.0]), [1.0])
    assert transient(chain, 0, []).laws.shape == (0, 4)


# --- Metafor's values ----------------------------------------------------------------------------


def test_metafor_from_empty(shared):
    cases = json.loads((shared / "reference" / "metafor_reference.json").read_text())
    for name, case in cases["single_server"].items():
        inputs = case["inputs"]
        program = Program(name)
        apis = {f"a{i}": Work(mu) for i, mu in enumerate(inputs["mus"])}
        size = inputs["qsize"], inputs["orbit_size"], inputs["thread_pool"]
        program.add_server(Server("s", apis, *size))
        rows = zip(inputs["lambdas"], inputs["timeouts"], inputs["retries"], strict=True)
        for i, (rate, timeout, retries) in enumerate(rows):
            program.add_source(Source(f"c{i}", f"a{i}", rate, timeout=timeout, retries=retries))
            program.connect(f"c{i}", "s")
        population = metafor(
            name, program, alpha=inputs["alpha"], retry_when_full=inputs["retry_when_full"]
        )
        table = case["finite_time_from_empty"]
        law = transient(population, (0, 0), [float(t) for t in table])
        q, o = population.grid()
        for values, key in (
            (law.expected(q), "q"),
            (law.expected(o), "o"),
            (law.expected(q == inputs["qsize"] - 1), "pfull"),
        ):
            expected = [entry[key] for entry in table.values()]
            np.testing.assert_allclose(values, expected, rtol=1e-11, err_msg=f"{name} {key}")
