"""The README's second example after its data generation, smaller."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from metafor.analysis.koopman_experiments.exp_mixing_time_learned import mixing_time_learned
from metafor.analysis.koopman_experiments.exp_mixing_time_learned_all import mixing_time_learned_all
from metafor.analysis.koopman_experiments.exp_mixing_time_simulation import mixing_time_simulation
from metafor.data_generation.data_generator import data_generation
from metafor.data_generation.sim_data import SimData, write_sim_data
from metafor.koopman_AE_model.train import training
from separatrix.errors import DataError


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(server: int, keep: float, seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    queue = np.zeros((6, 201))
    for k in range(1, 201):
        queue[:, k] = 5 + keep * (queue[:, k - 1] - 5) + rng.normal(size=6)
        if k == 100:
            queue[:, k] = 30.0
    time = np.arange(201) * 0.5
    nothing = np.zeros_like(queue)
    write_sim_data(
        f"data/server{server}/sim_data.pkl",
        SimData(0.5, ((49.0, 50.0),), time, queue, nothing, nothing, nothing, nothing, nothing),
    )


def test_the_flow_of_the_readme(here, capsys):
    write(1, 0.8)
    write(2, 0.9, seed=1)
    models = training("data/", 4)
    assert [p.name for p in sorted(Path("models").iterdir())] == [
        "learned_model_server1.pkl", "learned_model_server2.pkl",
    ]  # fmt: skip
    assert models["server1"].names_ == ("queue",)  # the orbit never changes
    measured = mixing_time_simulation(
        "models/learned_model_server1.pkl", "data/server1/sim_data.pkl"
    )
    assert measured.mean[0] > 0
    one = mixing_time_learned("models/learned_model_server1.pkl")
    two = mixing_time_learned("models/learned_model_server2.pkl")
    both = mixing_time_learned_all("models/")
    assert np.array_equal(both.mean, np.maximum(one.mean, two.mean))
    assert sorted(p.name for p in Path("results").iterdir()) == [
        "mixing_time_learned_all.png", "mixing_time_learned_server1.png",
        "mixing_time_learned_server2.png", "mixing_time_simulation_server1.png",
    ]  # fmt: skip
    assert "server2: to 50 % of the first distance" in capsys.readouterr().out


def test_the_second_example_as_printed_but_shorter(here):
    total_time = 1000000
    queue_size = 20
    mean_t = 0.1
    rho = 7 / 10
    timeout_t = 9
    max_retries = 3
    runs = 6
    step_time = 0.5
    sim_time = 200
    rho_fault = rho * 10
    fault_start = [sim_time * 0.45, sim_time]
    rho_reset = rho * 5 / 5
    fault_duration = sim_time * 0.01
    data_generation(
        sim_time, runs, mean_t, rho, queue_size, timeout_t,
        max_retries, total_time, step_time, rho_fault,
        rho_reset, fault_start, fault_duration, False,
        0.9, 0.5, "fifo", "exp", 1, False
    )  # fmt: skip
    training("data/", 1000)
    mixing_time_simulation("models/learned_model_server1.pkl", "data/server1/sim_data.pkl")
    with pytest.warns(UserWarning, match="learned_model_server1.pkl, is read instead"):
        one = mixing_time_learned("models/learned_model_server2.pkl")
    every = mixing_time_learned_all("models/")
    assert np.array_equal(every.mean, one.mean)
    assert 0.0 < one.mean[0] < 200.0
    assert len(list(Path("results").iterdir())) == 3


def test_the_model_of_a_server_that_was_not_simulated(here):
    write(1, 0.8)
    training("data/", 2)
    # the README asks for server 2 after num_servers = 1: there is one model it can mean
    with pytest.warns(UserWarning, match=r"num_servers = 1.*learned_model_server1.pkl, is read"):
        found = mixing_time_learned("models/learned_model_server2.pkl")
    assert np.array_equal(found.mean, mixing_time_learned("models/learned_model_server1.pkl").mean)
    assert [p.name for p in Path("results").iterdir()] == ["mixing_time_learned_server1.png"]
    with pytest.raises(DataError, match="no such model"):
        mixing_time_learned("models/other.pkl")
    write(2, 0.9)
    training("data/", 2)
    with pytest.raises(
        DataError, match=r"server1.pkl, learned_model_server2.pkl.*larger num_servers"
    ):
        mixing_time_learned("models/learned_model_server3.pkl")


def test_what_is_missing_or_foreign(here):
    with pytest.raises(DataError, match="run data_generation first"):
        training("data/", 2)
    with pytest.raises(DataError, match="run training first"):
        mixing_time_learned_all("models/")
    with pytest.raises(DataError, match="run data_generation and training first"):
        mixing_time_learned("models/learned_model_server1.pkl")
    Path("models").mkdir()
    Path("models/learned_model_server1.pkl").write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(DataError, match="never unpickled"):
        mixing_time_learned("models/learned_model_server1.pkl")
