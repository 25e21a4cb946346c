"""The README's second example, smaller, and what it leaves behind."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from metafor.data_generation.data_generator import data_generation
from metafor.data_generation.sim_data import read_sim_data, write_sim_data
from separatrix.errors import DataError, ModelError


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def generate(**changes):
    sim_time = changes.pop("sim_time", 200)
    rho = 9.7 / 10
    given = {
        "sim_time": sim_time, "runs": 3, "mean_t": 0.1, "rho": rho, "queue_size": 100,
        "timeout_t": 9, "max_retries": 3, "total_time": 1000000, "step_time": 0.5,
        "rho_fault": rho * 10, "rho_reset": rho * 5 / 5,
        "fault_start": [sim_time * 0.45, sim_time], "fault_duration": sim_time * 0.01,
        "throttle": False, "ts": 0.9, "ap": 0.5, "queue_type": "fifo", "dist": "exp",
        "num_servers": 1, "verbose": False, **changes,
    }  # fmt: skip
    return data_generation(*given.values())  # by position, as the README does


def test_one_server(here, capsys):
    (data,) = generate(verbose=True)
    assert "3 runs of 200 s" in capsys.readouterr().out
    assert (here / "discrete_results.pdf").read_bytes().startswith(b"%PDF")
    again = read_sim_data("data/server1/sim_data.pkl")
    assert again.queue.shape == again.latency.shape == again.orbit.shape == (3, 401)
    assert np.array_equal(again.queue, data.queue)
    assert again.faults == ((90.0, 92.0),)
    assert again.pieces == ((0.0, 90.0), (92.0, 200.0))
    assert np.isfinite(again.latency).all()
    # the fault fills the queue: 97 a second for two seconds against 10 served
    assert again.queue[:, again.time == 92.0].min() >= 90
    assert again.queue.max() <= 100


def test_two_servers_in_a_row(here):
    first, second = generate(num_servers=2, rho=0.5, rho_fault=5.0, rho_reset=0.5)
    assert (here / "data/server2/sim_data.pkl").exists()
    # what the first has served comes to the second
    assert second.served.sum() == pytest.approx(first.served.sum(), rel=0.1)
    assert second.queue[:, second.time == 92.0].max() < 90


def test_a_shorter_row_leaves_no_servers_of_a_longer_one(here):
    generate(num_servers=2)
    generate(num_servers=1)
    assert not (here / "data/server2/sim_data.pkl").exists()


def test_the_load_after_a_fault_is_that_of_rho_reset():
    (data,) = generate(rho=0.5, rho_fault=0.6, rho_reset=0.2, sim_time=2000)
    came = data.served + data.dropped
    before, after = data.time < 900, data.time > 1000
    assert came[:, before].mean() / 0.5 == pytest.approx(5.0, rel=0.05)
    assert came[:, after].mean() / 0.5 == pytest.approx(2.0, rel=0.05)


def test_throttling_sheds_before_the_queue_is_full():
    # without retries, so that what is shed does not come back
    (plain,) = generate(rho=1.5, rho_fault=1.5, rho_reset=1.5, max_retries=0, sim_time=1000)
    (shed,) = generate(
        rho=1.5, rho_fault=1.5, rho_reset=1.5, max_retries=0, sim_time=1000, throttle=True,
        ts=0.5, ap=0.5,
    )  # fmt: skip
    late = plain.time > 500
    assert plain.queue[:, late].mean() > 95
    assert shed.queue[:, late].mean() < 60


@pytest.mark.parametrize(("queue_type", "dist"), [("lifo", "exp"), ("fifo", "wei")])
def test_other_queues_and_laws(queue_type, dist):
    (data,) = generate(queue_type=queue_type, dist=dist, runs=1, sim_time=100)
    assert data.served.sum() > 100


def test_no_fault_and_faults_that_overlap():
    (data,) = generate(fault_start=[200], runs=1)
    assert data.faults == ()
    assert data.pieces == ((0.0, 200.0),)
    (data,) = generate(fault_start=[50, 20, 200], fault_duration=40, runs=1)
    assert data.faults == ((20, 50), (50, 90))


def test_no_run_is_begun_after_the_total_time():
    assert len(generate(total_time=0)[0].queue) == 1


def test_the_same_seed_gives_the_same_data():
    a, b = generate()[0], generate()[0]
    assert np.array_equal(a.queue, b.queue)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"queue_type": "random"}, "queue_type: is 'random'; write one of 'fifo', 'lifo'"),
        ({"dist": "normal"}, "dist: is 'normal'; write one of 'exp', 'wei'"),
        ({"mean_t": 0.0}, "mean_t: must be > 0"),
        ({"num_servers": 0}, "num_servers: must be > 0"),
        ({"sim_time": 0.0}, "horizon: must be a finite time"),
        ({"runs": 0}, "runs: must be at least 1"),
    ],
)
def test_parameters_that_make_no_sense(change, message):
    with pytest.raises(ModelError, match=message):
        generate(**change)


def test_a_pickle_is_refused_unread(here):
    class Trap:
        def __reduce__(self):
            return (print, ("unpickled!",))

    (here / "sim_data.pkl").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(DataError, match="not a file of ours"):
        read_sim_data("sim_data.pkl")


def test_files_that_are_missing_or_foreign(here):
    with pytest.raises(DataError, match="run data_generation first"):
        read_sim_data("nothing.pkl")
    np.savez(here / "other.npz", a=np.zeros(3))
    with pytest.raises(DataError, match="not a file of ours"):
        read_sim_data("other.npz")


def test_data_survive_being_written(here):
    (data,) = generate(runs=1, sim_time=20)
    write_sim_data("again.pkl", data)
    again = read_sim_data("again.pkl")
    assert again.step == 0.5
    assert np.array_equal(again.dropped, data.dropped)
