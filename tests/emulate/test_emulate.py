"""Real processes on loopback: short runs whose outcome leaves no room for chance."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from separatrix.emulate import emulate
from separatrix.errors import ModelError, NotConverged
from separatrix.model import (
    DependentCall,
    Deterministic,
    Outage,
    Program,
    Schedule,
    Server,
    Source,
    Trace,
    Work,
)


def one_server(times, *, service=0.05, faults=(), source=None, **server):
    built = Program("real", faults=Schedule(faults))
    work = Work(1.0 / service, law=Deterministic())
    built.add_server(Server("s", {"get it": work}, **{"qsize": 100, **server}))
    given = {"timeout": 10.0, **(source or {})}
    built.add_source(Source("c", "get it", arrivals=Trace((*times, 1e6)), **given))
    built.connect("c", "s")
    return built


def totals(run):
    return {name: sum(values) for name, values in run.streams["c"].items()}


def test_requests_are_served_in_order_and_measured():
    run = emulate(one_server((0.1, 0.12, 0.14)), horizon=1.0, step=0.1, lag_limit=10.0)
    assert run.status == "ok"
    assert totals(run)["offered"] == totals(run)["goodput"] == 3
    answered, latency = run.latencies["c"].T
    assert np.all(np.diff(answered) > 0)
    # served one after the other: 50 ms each, however busy the machine
    assert np.all(latency > (0.049, 0.078, 0.107))
    assert run.rate("c", "goodput", 0.0, 1.0) == pytest.approx(3.0)
    dataset = run.to_xarray()
    assert float(dataset.arrivals.sum() * run.step) == pytest.approx(3.0)
    document = run.to_dict()
    assert document["totals"]["servers"]["s"]["throughput"] == 3
    assert set(document["lags_s"]) == {"s", "clients"}


def test_a_full_server_is_silent_or_refuses_at_once():
    times = (0.1, 0.101, 0.102)
    silent = one_server(times, service=0.3, qsize=1, source={"timeout": 0.5})
    run = emulate(silent, horizon=1.5, lag_limit=10.0)
    assert totals(run)["timeouts"] == totals(run)["failed"] == 2
    assert sum(run.servers["s"]["drops.full"]) == 2
    loud = one_server(times, service=0.3, qsize=1, fail_fast=True)
    run = emulate(loud, horizon=1.0, lag_limit=10.0)
    assert totals(run)["failed"] == 2
    assert totals(run)["timeouts"] == 0


def test_an_outage_holds_the_answer_back_until_it_is_over():
    program = one_server((0.1,), service=0.1, faults=(Outage("s", 0.15, 0.6),))
    run = emulate(program, horizon=1.5, lag_limit=10.0)
    assert run.latencies["c"][0, 1] > 0.69


def test_a_call_holds_its_callers_attempt():
    built = Program("calls")
    call = DependentCall("back", "front", "get", timeout=5.0)
    law = Deterministic()
    built.add_server(Server("front", {"get": Work(20.0, (call,), law=law)}, 10))
    built.add_server(Server("back", {"get": Work(10.0, law=law)}, 10))
    built.add_source(Source("c", "get", arrivals=Trace((0.1, 1e6)), timeout=5.0))
    built.connect("c", "front")
    run = emulate(built, horizon=1.0, lag_limit=10.0)
    assert run.latencies["c"][0, 1] > 0.149
    assert sum(run.streams["front.get -> back.get"]["goodput"]) == 1


def test_a_run_that_lags_is_not_to_be_compared():
    run = emulate(one_server((0.1, 0.2)), horizon=0.5, lag_limit=1e-9)
    assert run.status == "inconclusive"
    assert "ms late or more" in run.reason


@pytest.mark.skipif(sys.platform != "linux", reason="finds its child processes in /proc")
def test_a_machine_that_stands_still_now_and_then_makes_the_run_invalid():
    def children():
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                text = stat.read_text()
                if int(text.rsplit(")", 1)[1].split()[1]) == os.getpid():
                    yield int(text.split()[0])

    over = threading.Event()

    def stand_still():
        while not over.wait(0.5):
            stopped = list(children())
            for child in stopped:
                os.kill(child, signal.SIGSTOP)
            time.sleep(0.6)
            for child in stopped:
                os.kill(child, signal.SIGCONT)

    built = one_server(tuple(np.arange(0.05, 4.0, 0.05)), service=0.02)
    stops = threading.Thread(target=stand_still)
    stops.start()
    try:
        run = emulate(built, horizon=4.0, lag_limit=0.3)
    finally:
        over.set()
        stops.join()
    assert max(lag.worst for lag in run.lags.values()) > 0.4
    assert run.status == "inconclusive"
    assert "more than the limit of 300 ms" in run.reason


def test_burning_takes_processor_time():
    run = emulate(one_server((0.1,)), horizon=1.0, service="burn", lag_limit=10.0)
    assert run.latencies["c"][0, 1] > 0.049


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"horizon": 0.0}, "horizon"),
        ({"horizon": float("nan")}, "horizon"),
        ({"horizon": 4000.0}, "at most 3600"),
        ({"horizon": 5.0, "step": 6.0}, "step"),
        ({"horizon": 5.0, "seed": -1}, "seed"),
    ],
)
def test_settings_out_of_range_are_refused(given, words):
    with pytest.raises(ModelError, match=words):
        emulate(one_server((0.1,)), **given)


def test_burning_more_threads_than_processors_or_through_an_outage_is_refused():
    with pytest.raises(ModelError, match="would share"):
        emulate(one_server((0.1,), thread_pool=100), horizon=1.0, service="burn")
    program = one_server((0.1,), faults=(Outage("s", 0.1, 0.1),))
    with pytest.raises(ModelError, match="paused"):
        emulate(program, horizon=1.0, service="burn")


def test_a_process_that_fails_says_why(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(NotConverged, match="ended early"):
        emulate(one_server((0.1,)), horizon=1.0)


def test_a_server_whose_parent_goes_away_ends():
    child = subprocess.Popen(
        [sys.executable, "-m", "separatrix.emulate.server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    child.stdin.close()
    assert child.wait() == 1
