"""Before, during, after: against a matrix exponential, simulation's words, and limits that are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import expm

from separatrix import ModelError, Outage, Program, Schedule, Server, Source, Spike, Work
from separatrix.markov.generator import generator
from separatrix.model.parameters import with_parameters
from separatrix.population import lower
from separatrix.questions.fault_return import fault_return, fault_return_over
from separatrix.questions.regimes import regimes
from separatrix.questions.sweep import sweep
from separatrix.questions.trapped import exact_trapped


def service(rate: float = 4.0, qsize: int = 12) -> Program:
    program = Program("p")
    program.add_server(Server("52", {"insert": Work(10.0)}, qsize=qsize, orbit_size=5))
    program.add_source(Source("client", "insert", rate, timeout=1.0, retries=1))
    program.connect("client", "52")
    return program


SPIKE = Spike("client", 4.0, 3.0, 2.0)


def test_law_and_return_by_matrix_exponential_and_linear_solve():
    found = fault_return(service(), [SPIKE], after=5.0, points=11, closure="geometric")
    quiet, loud = (lower(service(rate), "geometric") for rate in (4.0, 16.0))
    Q, F = (generator(p).toarray() for p in (quiet, loud))
    start = np.eye(1, quiet.n_states)[0]
    law = start @ expm(3.0 * Q) @ expm(2.0 * F)
    healthy = regimes(quiet).healthy.reshape(-1)
    rest = ~healthy
    M = -Q[np.ix_(rest, rest)]
    mean = np.linalg.solve(M, np.ones(rest.sum()))
    second = np.linalg.solve(M, 2.0 * mean)
    assert found.back.mean == pytest.approx(law[rest] @ mean, rel=1e-9)
    variance = law[rest] @ second - (law[rest] @ mean) ** 2
    assert found.back.std == pytest.approx(np.sqrt(variance), rel=1e-9)
    assert found.healthy_at_end == pytest.approx(law[healthy].sum(), abs=1e-9)
    queue = found.courses[0]
    grid = np.broadcast_to(quiet.grid()[0], quiet.shape).reshape(-1)
    for t, value in zip(found.times, queue.values, strict=True):
        way = expm(min(t, 3.0) * Q) @ expm(min(max(t - 3.0, 0.0), 2.0) * F)
        expected = start @ way @ expm(max(t - 5.0, 0.0) * Q) @ grid
        assert value == pytest.approx(expected, abs=1e-8)
    assert found.status == "ok"
    assert (found.begin, found.end) == (3.0, 5.0)


def test_the_probability_of_a_trap_is_that_of_exact_trapped():
    program = Program("p")
    program.add_server(Server("s", {"get": Work(10.0)}, qsize=60))
    program.add_source(Source("c", "get", 6.5, timeout=3.0, retries=1))
    program.connect("c", "s")
    spike = [Spike("c", 2.0, 0.0, 5.0)]
    found = fault_return(program, spike, after=1.0, points=3)
    assert found.trapped == pytest.approx(exact_trapped(program, spike).probability, abs=1e-9)


def test_over_all_seven_parameters_by_metafors_names():
    names = {
        ("server", "52", "api", "insert", "processing_rate"): [10.0, 14.0],
        ("source", "client", "timeout"): [1.0, 2.0],
        ("source", "client", "arrival_rate"): [3.0, 4.0],
        ("server", "52", "qsize"): [10, 12],
        ("server", "52", "orbit_size"): [5, 6],
        ("source", "client", "retries"): [0, 1],
        ("server", "52", "thread_pool"): [1, 2],
    }
    outage = [Outage("52", 1.0, 2.0)]
    for name, values in names.items():
        both = fault_return_over(service(), {name: values}, outage, points=2, closure="geometric")
        assert [setting[name] for setting, _ in both] == values
        first, second = (found.back.mean for _, found in both)
        assert first > 0.0
        assert first != second
    rate = ("source", "client", "arrival_rate")
    means = [
        found.back.mean
        for _, found in fault_return_over(
            service(), {rate: [1.0, 3.0, 5.0]}, outage, points=2, closure="geometric"
        )
    ]
    assert means == sorted(means)


def test_the_programs_own_faults_and_json():
    from separatrix import Schedule
    from separatrix.model.parameters import with_parameter

    program = with_parameter(service(), ("faults",), Schedule((SPIKE,)))
    plain = fault_return(program, points=4, closure="geometric").to_dict()
    assert plain["fault_begin"] == 3.0
    assert plain["times"][-1] == 10.0
    assert len(plain["courses"][0]["values"]) == 4


def test_hostile_inputs():
    with pytest.raises(ModelError, match="no fault"):
        fault_return(service())
    with pytest.raises(ModelError, match="after"):
        fault_return(service(), [SPIKE], after=0.0)
    with pytest.raises(ModelError, match="points"):
        fault_return(service(), [SPIKE], points=1)
    with pytest.raises(ModelError, match="no values"):
        fault_return_over(service(), {("server", "52", "qsize"): []}, [SPIKE])
    with pytest.raises(ModelError):
        fault_return_over(service(), {("server", "52", "qsise"): [3]}, [SPIKE])


def test_a_sweep_records_the_way_back_for_metafors_parameters():
    program = service()
    faulty = with_parameters(program, {("faults",): Schedule((SPIKE,))})
    grid = {
        ("server", "52", "api", "insert", "processing_rate"): [10.0, 12.0],
        ("source", "client", "retries"): [0, 1],
    }
    found = sweep(
        faulty, grid, options={"closure": "geometric", "faults": True}, workers=1, progress=False
    )
    direct = fault_return_over(faulty, grid, closure="geometric", points=2)
    for record, (_, back) in zip(found.records, direct, strict=True):
        assert record["return_mean_s"] == pytest.approx(back.back.mean, rel=1e-9)
        assert record["return_std_s"] == pytest.approx(back.back.std, rel=1e-9)
        assert record["return_p99_s"] == pytest.approx(back.quantiles[1].time, rel=1e-6)
        assert record["trapped"] == back.trapped
        assert record["status"] == "ok"
    means = found.array("return_mean_s")
    assert (means[1] < means[0]).all()  # a faster server is back sooner
    assert (means[:, 0] < means[:, 1]).all()  # and so is one whose clients do not retry
    with pytest.raises(ModelError, match="no fault to return from"):
        sweep(program, grid, options={"faults": True}, progress=False)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        (("source", "client", "timeout"), [0.5, 1.0]),
        (("source", "client", "arrival_rate"), [4.0, 5.0]),
        (("server", "52", "qsize"), [8, 12]),
        (("server", "52", "orbit_size"), [3, 5]),
        (("server", "52", "thread_pool"), [1, 2]),
    ],
)
def test_every_other_parameter_can_be_swept(name, values):
    faulty = with_parameters(service(), {("faults",): Schedule((SPIKE,))})
    how = {"closure": "geometric", "faults": True}
    found = sweep(faulty, {name: values}, options=how, workers=1, progress=False)
    means = found.array("return_mean_s")
    assert np.isfinite(means).all()
    assert means[0] != means[1]
