"""Series of hand-computed stories on a grid of one second."""

from __future__ import annotations

import numpy as np
import pytest

from separatrix.model import Backoff, Program, Server, Source, Work
from separatrix.simulate import run as run_module
from separatrix.simulate import simulate


def dataset(program, horizon=8.0, step=1.0):
    result = simulate(program, horizon=horizon, runs=1, step=step, warmup=0.0, keep=True)
    return result.to_xarray()


def test_levels_are_sampled_after_the_events_of_their_instant(one_server):
    d = dataset(one_server([0.0, 0.5, 0.6, 2.0], service=2.0))
    # served 0-2, 2-4, 4-6, 6-8
    assert d.queue.sel(server="s").values.tolist() == [0, 2, 2, 2, 1, 1, 0, 0, 0]
    assert d.in_service.sel(server="s").values.tolist() == [1] * 8 + [0]


def test_counts_are_those_of_the_step_that_ends(one_server):
    d = dataset(one_server([0.0, 0.5, 0.6, 2.0], service=2.0))
    assert d.offered.sel(stream="c").values.tolist() == [1, 2, 1, 0, 0, 0, 0, 0, 0]
    assert d.throughput.sel(server="s").values.tolist() == [0, 0, 1, 0, 1, 0, 1, 0, 1]
    assert d.goodput.sel(stream="c").values.tolist() == [0, 0, 1, 0, 1, 0, 1, 0, 1]


def test_rates_are_per_second(one_server):
    d = dataset(one_server([0.0, 0.5, 0.6, 2.0], service=2.0), step=2.0)
    assert d.offered.sel(stream="c").values.tolist() == [0.5, 1.5, 0, 0, 0]
    assert d.offered.attrs["units"] == "1/s"


def test_a_dropped_attempt_is_in_orbit_until_its_timeout(one_server):
    d = dataset(one_server([0.0, 0.5], service=2.0, timeout=3.0, retries=1, qsize=1))
    orbit = d.orbit.sel(stream="c", attempt=0).values
    assert orbit.tolist() == [0, 1, 1, 1, 0, 0, 0, 0, 0]
    assert d.away.sel(stream="c").values.tolist() == [0, 1, 1, 1, 0, 0, 0, 0, 0]
    assert d.drops.sel(server="s", reason="full").values.tolist() == [0, 1, 0, 0, 0, 0, 0, 0, 0]
    assert d.retries.sel(stream="c", origin="drop").values.tolist() == [0, 0, 0, 0, 1, 0, 0, 0, 0]


def test_a_doomed_attempt_is_in_orbit_from_its_sending_and_away_only_when_given_up(one_server):
    program = one_server(
        [0.0, 0.5], service=2.0, timeout=3.0, retries=1, source={"backoff": Backoff(base=2.0)}
    )
    d = dataset(program)
    # sent 0.5, given up 3.5, back at 5.5
    assert d.orbit.sel(stream="c", attempt=0).values.tolist() == [0, 1, 1, 1, 1, 1, 0, 0, 0]
    assert d.away.sel(stream="c").values.tolist() == [0, 0, 0, 0, 1, 1, 0, 0, 0]


def test_orbits_are_told_apart_by_attempt(one_server):
    d = dataset(one_server([0.0], service=100.0, timeout=1.5, retries=3))
    orbit = d.orbit.sel(stream="c").transpose("attempt", "time").values
    # attempts sent at 0, 1.5, 3, 4.5; the last is nobody's orbit
    assert orbit.tolist() == [
        [1, 1, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, 1, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 1, 1, 0, 0, 0, 0],
    ]


def test_a_drop_whose_client_still_waits_at_the_end_is_in_orbit(one_server):
    d = dataset(one_server([0.0, 0.5], service=20.0, timeout=30.0, retries=1, qsize=1))
    assert d.orbit.sel(stream="c", attempt=0).values.tolist() == [0] + [1] * 8


def test_an_accepted_answer_ends_the_orbit(one_server):
    backoff = {"late_responses": "accept", "backoff": Backoff(base=5.0)}
    d = dataset(one_server([0.0], service=2.5, timeout=1.0, retries=1, source=backoff))
    assert d.orbit.sel(stream="c", attempt=0).values.tolist() == [1, 1, 1, 0, 0, 0, 0, 0, 0]
    assert d.accepted_late.sel(stream="c").values.tolist() == [0, 0, 0, 1, 0, 0, 0, 0, 0]


def random_program() -> Program:
    program = Program("random")
    program.add_server(Server("s", {"a": Work(10.0)}, qsize=50))
    program.add_source(Source("c", "a", 11.0, timeout=2.0, retries=2))
    program.connect("c", "s")
    return program


def test_long_runs_are_sampled_in_chunks(monkeypatch):
    whole = simulate(random_program(), horizon=300.0, runs=2, step=0.5, seed=4)
    monkeypatch.setattr(run_module, "ROWS_PER_CHUNK", 7)
    chunks = simulate(random_program(), horizon=300.0, runs=2, step=0.5, seed=4)
    assert np.array_equal(whole.sums, chunks.sums)
    assert whole.to_dict() == chunks.to_dict()


def test_means_and_spreads_over_runs_are_those_of_the_kept_runs():
    result = simulate(random_program(), horizon=100.0, runs=5, step=10.0, keep=True)
    mean, runs = result.to_xarray(), result.to_xarray(runs=True)
    for name in ("queue", "goodput", "orbit", "retries", "drops"):
        assert np.allclose(mean[name], runs[name].mean("run"))
        assert np.allclose(mean[f"{name}_sd"], runs[name].std("run", ddof=1), atol=1e-12)


def test_every_variable_has_units_and_a_name():
    d = simulate(random_program(), horizon=10.0, runs=2).to_xarray()
    for name, variable in d.data_vars.items():
        assert variable.attrs["units"], name
        assert variable.attrs["long_name"], name
    assert d.time.attrs["units"] == "s"


def test_runs_that_were_not_kept_cannot_be_shown():
    result = simulate(random_program(), horizon=10.0, runs=2, keep=False)
    with pytest.raises(ValueError, match="simulate with keep=True"):
        result.to_xarray(runs=True)


def test_latency_quantiles_by_window():
    result = simulate(random_program(), horizon=640.0, runs=3, step=1.0)
    d = result.to_xarray()
    p50 = d.latency_quantile.sel(stream="c", quantile=0.5)
    assert len(p50) == 128
    assert np.nanmax(p50) <= 6.1  # three attempts of at most two seconds
    overall = result.latency_quantiles((0.5,))["c"][0]
    assert np.nanmin(p50) <= overall <= np.nanmax(p50)
