"""The same work on a real Dask scheduler with two workers on loopback."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import distributed
import numpy as np
import pytest

import separatrix
from separatrix.errors import DataError
from separatrix.model import Program, Server, Source, Work
from separatrix.simulate import replicate as replicate_module
from separatrix.simulate import simulate


def program() -> Program:
    program = Program("p")
    program.add_server(Server("s", {"a": Work(10.0)}, qsize=50))
    program.add_source(Source("c", "a", 9.5, timeout=2.0, retries=2))
    program.connect("c", "s")
    return program


class Cluster:
    def __init__(self, address: str, workers: list[subprocess.Popen[bytes]]) -> None:
        self.address, self.workers = address, workers


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[Cluster]:
    directory = tmp_path_factory.mktemp("dask")
    note = directory / "scheduler.json"
    environment = {**os.environ, "PYTHONPATH": str(Path(separatrix.__file__).parent.parent)}

    def start(module: str, *options: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.{module}", "--scheduler-file", str(note),
             "--no-dashboard", "--host", "127.0.0.1", *options],
            env=environment, cwd=directory, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    scheduler = start("dask_scheduler", "--port", "0")
    workers: list[subprocess.Popen[bytes]] = []
    try:
        while not note.exists():
            assert scheduler.poll() is None
            time.sleep(0.05)
        workers += [start("dask_worker", "--nthreads", "1", "--no-nanny") for _ in range(2)]
        with distributed.Client(scheduler_file=str(note)) as client:
            client.wait_for_workers(2)
            address = client.scheduler.address
        yield Cluster(address, workers)
    finally:
        for process in (*workers, scheduler):
            process.kill()
            process.wait()


def test_a_cluster_gives_the_same_bits(cluster, monkeypatch, tmp_path):
    monkeypatch.setattr(replicate_module, "BATCH_SECONDS", 0.02)
    alone = simulate(program(), horizon=500.0, runs=40, workers=1)
    there = simulate(program(), horizon=500.0, runs=40, scheduler=cluster.address, store=tmp_path)
    assert there.to_dict() == alone.to_dict()
    assert np.array_equal(there.sums, alone.sums)
    assert len(list(tmp_path.glob("runs-*.npz"))) > 2


def test_a_client_is_left_open(cluster):
    with distributed.Client(cluster.address) as client:
        result = simulate(program(), horizon=50.0, runs=4, scheduler=client)
        assert result.runs == 4
        assert client.submit(lambda: 1 + 1).result() == 2


def test_a_cluster_that_loses_a_worker_loses_no_run(cluster):
    alone = simulate(program(), horizon=5e4, runs=10, workers=1)
    killed: list[int] = []

    def kill(done: int, of: int) -> None:
        if done >= 2 and not killed:
            killed.append(done)
            cluster.workers[0].kill()

    there = simulate(program(), horizon=5e4, runs=10, scheduler=cluster.address, progress=kill)
    assert killed
    assert np.array_equal(there.sums, alone.sums)


def test_a_scheduler_that_is_not_there_is_said(monkeypatch):
    monkeypatch.setattr(replicate_module, "PATIENCE", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    for address in (f"tcp://127.0.0.1:{port}", "nonsense://here"):
        with pytest.raises(DataError, match=r"no Dask scheduler answers.*dask worker"):
            simulate(program(), horizon=5.0, runs=2, scheduler=address)


def test_a_scheduler_without_workers_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(replicate_module, "PATIENCE", 2.0)
    from distributed.deploy.subprocess import SubprocessCluster

    with (
        SubprocessCluster(host="127.0.0.1", dashboard_address=None, n_workers=0) as empty,
        pytest.raises(DataError, match="has no worker"),
    ):
        simulate(program(), horizon=5.0, runs=2, scheduler=empty.scheduler_address)
