"""Planted parameters come back, intervals cover them, and what cannot be told is not told."""

from __future__ import annotations

import json

import numpy as np
import pytest

from separatrix import ModelError, Program, Schedule, Server, Source, Spike, Work
from separatrix.model.parameters import with_parameters
from separatrix.questions.calibrate import calibrate, calibrate_load_and_patience
from separatrix.questions.predicted import Observation, predicted, seen_series
from separatrix.simulate import simulate

RATE, PATIENCE = ("sources", "c", "arrival_rate"), ("sources", "c", "timeout")
SPEED = ("servers", "s", "apis", "get", "processing_rate")


def service(rate=7.0, timeout=1.0) -> Program:
    program = Program("p", faults=Schedule((Spike("c", 2.0, 5.0, 5.0),)))
    program.add_server(Server("s", {"get": Work(10.0)}, qsize=15))
    program.add_source(Source("c", "get", rate, timeout=timeout, retries=1))
    program.connect("c", "s")
    return program


def seen_in_the_mean(
    program: Program, noise: float, runs: int = 5, engine: str = "markov"
) -> list[Observation]:
    """Predicted series with independent noise: what the same engine must give back."""
    times = np.linspace(0.5, 12.0, 24)
    rng = np.random.default_rng(5)
    return [
        Observation(quantity, times, series + noise * rng.standard_normal((runs, len(times))))
        for quantity, series in predicted(program, times, engine=engine).items()
    ]


def test_chain_and_mean_dynamics_predict_the_same_without_queueing():
    # 50 threads for 7 requests/s: nobody waits, and queue and goodput are those of M/M/inf
    program = with_parameters(service(), {("servers", "s", "qsize"): 60, ("servers", "s", "thread_pool"): 50,
                                          SPEED: 2.0, PATIENCE: 30.0, ("faults",): []})  # fmt: skip
    times = np.array([0.1, 0.5, 1.0, 4.0])
    expected = 7.0 / 2.0 * (1 - np.exp(-2.0 * times))
    for engine in ("fluid", "markov"):
        found = predicted(program, times, engine=engine)
        assert found["queue"] == pytest.approx(expected, rel=1e-4)
        assert found["goodput"] == pytest.approx(np.full(4, 7.0), rel=1e-6)


def test_faults_are_followed_by_both():
    times = np.array([4.9, 9.9, 19.9])
    for engine in ("fluid", "markov"):
        queue = predicted(service(), times, engine=engine)["queue"]
        assert queue[1] > 2 * queue[0]


def test_planted_parameters_come_back():
    start = with_parameters(service(), {RATE: 5.0, PATIENCE: 2.0})
    bounds = {RATE: (4.0, 9.0), PATIENCE: (0.5, 3.0)}
    seen = seen_in_the_mean(service(), 0.2)
    found = calibrate(start, seen, bounds, engine="markov", points=16)
    for name, truth in (("sources.c.arrival_rate", 7.0), ("sources.c.timeout", 1.0)):
        fit = found[name]
        assert fit.value == pytest.approx(truth, rel=0.02)
        assert fit.low < truth < fit.high
        assert not fit.at_bound
    assert found.status == "ok"
    assert 0.3 < found.misfit < 3
    assert found.program.sources[0].arrival_rate == found["sources.c.arrival_rate"].value
    assert json.loads(json.dumps(found.to_dict()))["rank"] == 2


def test_a_planted_speed_comes_back_from_the_mean_dynamics():
    seen = seen_in_the_mean(service(), 0.2, engine="fluid")
    found = calibrate(service(), seen, {SPEED: (8.0, 13.0)}, points=4)
    assert found.parameters[0].value == pytest.approx(10.0, rel=0.01)
    assert found.status == "ok"


def test_planted_parameters_come_back_from_simulated_runs_by_the_chain():
    seen = simulate(
        service(), horizon=12.0, step=0.5, runs=300, seed=2, keep=True, warmup=0.0, workers=1,
        progress=False,
    )  # fmt: skip
    start = with_parameters(service(), {RATE: 5.0})
    found = calibrate(start, seen_series(seen, thin=2)[:1], {RATE: (4.0, 9.0)}, engine="markov")
    (fit,) = found.parameters
    # the chain waits exponentially and fills sooner than the simulator: it needs a few per cent less load
    assert fit.value == pytest.approx(7.0, rel=0.08)
    assert fit.high - fit.low < 1.0


def test_what_scales_together_cannot_be_told_apart():
    # goodput of a calm service is its arrival rate; its speed and the clients' patience leave no trace
    calm = with_parameters(service(rate=2.0, timeout=9.0), {("faults",): []})
    goodput = [o for o in seen_in_the_mean(calm, 0.05) if o.quantity == "goodput"]
    bounds = {RATE: (1.0, 4.0), PATIENCE: (5.0, 12.0)}
    found = calibrate(calm, goodput, bounds, engine="markov", points=8)
    assert found.rank == 1
    assert found.status == "inconclusive"
    assert any("sources.c.timeout cannot be told" in w for w in found.warnings)
    assert found["sources.c.timeout"].low == pytest.approx(5.0)
    assert found["sources.c.timeout"].high == pytest.approx(12.0)
    assert found["sources.c.arrival_rate"].value == pytest.approx(2.0, rel=0.02)


def test_a_wrong_model_is_found_out():
    # chance moves a short queue; the mean dynamics do not know it
    seen = simulate(
        service(), horizon=12.0, step=0.5, runs=200, seed=2, keep=True, warmup=0.0, workers=1,
        progress=False,
    )  # fmt: skip
    found = calibrate(service(), seen_series(seen, thin=4), {RATE: (6.0, 8.0)}, points=2)
    assert found.status == "inconclusive"
    assert any("the fit is poor" in w for w in found.warnings)


def test_metafors_preset_is_an_evolution_over_load_and_patience():
    pytest.importorskip("cma", reason="the evolution strategy is an extra")
    found = calibrate_load_and_patience(
        with_parameters(service(), {RATE: 5.0}), "c", seen_in_the_mean(service(), 0.1)[:1],
        arrival_rate=(4.0, 9.0), timeout=(0.5, 3.0), engine="markov",
    )  # fmt: skip
    assert found["sources.c.arrival_rate"].value == pytest.approx(7.0, rel=0.02)
    fit = found["sources.c.timeout"]
    assert fit.value == pytest.approx(1.0, rel=0.07)
    assert fit.high - fit.low < 0.5


def test_refusals():
    seen = seen_in_the_mean(service(), 0.1, runs=1)[:1]
    for bounds, words in (
        ({}, "nothing to fit"),
        ({RATE: (9.0, 4.0)}, "bound nothing"),
        ({("sources", "c", "retries"): (0.0, 3.0)}, "no real number; sweep it"),
    ):
        with pytest.raises(ModelError, match=words):
            calibrate(service(), seen, bounds)
    with pytest.raises(ModelError, match="nothing was observed"):
        calibrate(service(), [], {RATE: (4.0, 9.0)})
    for times, values, words in (
        ([1.0, 0.5], [[1.0, 2.0]], "must be >= 0 and increase"),
        ([0.0, 1.0], [[1.0, 2.0, 3.0]], "do not fit"),
        ([0.0, 1.0], [[1.0, np.nan]], "not finite"),
    ):
        with pytest.raises(ModelError, match=words):
            Observation("queue", np.array(times), np.array(values))
    with pytest.raises(ModelError, match="unknown quantity 'latency'"):
        Observation("latency", np.array([0.0, 1.0]), np.array([[1.0, 2.0]]))
