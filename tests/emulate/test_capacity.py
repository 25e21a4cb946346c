"""Threads and service rate from a closed loop: by hand, planted, and from a real server."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from separatrix.emulate.capacity import fit_capacity, measure_capacity
from separatrix.emulate.target import Target
from separatrix.emulate.wire import ServerEnd
from separatrix.errors import ModelError, NotConverged

LADDER = [1, 2, 4, 8, 16, 32]


@given(st.integers(1, 20), st.floats(5.0, 500.0))
def test_exact_ladders_give_back_what_made_them(threads, rate):
    counts = [round(1000 * rate * min(n, threads)) for n in LADDER]
    found = fit_capacity(LADDER, counts, 1000.0)
    assert found.threads == threads
    assert found.service_rate == pytest.approx(rate, rel=1e-3)
    assert found.status == "ok"


def test_noise_is_within_the_stated_error():
    rng = np.random.default_rng(5)
    errors = []
    for _ in range(200):
        counts = [int(rng.poisson(20.0 * min(n, 6) * 500)) for n in LADDER]
        found = fit_capacity(LADDER, counts, 500.0)
        assert found.threads == 6
        errors.append((found.service_rate / 20.0 - 1) / found.relative_error)
    assert 0.8 < np.std(errors) < 1.2


def test_the_range_of_threads_covers_the_truth():
    rng = np.random.default_rng(6)
    covered = 0
    for _ in range(200):
        counts = [int(rng.poisson(20.0 * min(n, 6) * 5)) for n in LADDER]
        low, high = fit_capacity(LADDER, counts, 5.0).threads_range
        covered += low <= 6 <= high
    assert covered >= 180


def test_a_server_that_bends_or_never_fills_is_inconclusive():
    bending = fit_capacity([1, 2, 4, 8, 16], [100, 180, 250, 300, 200], 1.0)
    assert bending.status == "inconclusive"
    assert "slow down under load" in bending.reason
    growing = fit_capacity([1, 2, 4], [100, 200, 400], 1.0)
    assert "lower bound" in growing.reason


@pytest.fixture
def three_threads() -> Iterator[int]:
    """The port of a server of three threads of 50/s, on a loop in a thread of its own."""
    loop = asyncio.new_event_loop()
    free = asyncio.Semaphore(3)
    running: set[asyncio.Task[None]] = set()

    async def serve(end: ServerEnd) -> None:
        async with free:
            await asyncio.sleep(0.02)
        end.answer(200)

    def take(end: ServerEnd, url: str, headers: dict[str, str]) -> None:
        task = loop.create_task(serve(end))
        running.add(task)
        task.add_done_callback(running.discard)

    server = loop.run_until_complete(loop.create_server(lambda: ServerEnd(take), "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield server.sockets[0].getsockname()[1]
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    server.close()
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


def test_a_real_server_shows_its_threads(three_threads):
    target = Target("127.0.0.1", three_threads, "/")
    found = measure_capacity(target, seconds=0.5, most_clients=16)
    # a busy machine can only make it slower
    assert found.service_rate < 50.5
    assert found.clients == (1, 2, 4, 8, 16)
    if found.status == "ok":
        assert found.threads == 3


def test_what_cannot_be_measured_is_refused():
    target = Target("127.0.0.1", 1, "/")
    with pytest.raises(NotConverged, match="nobody answers"):
        measure_capacity(target, seconds=0.1)
    with pytest.raises(ModelError, match="another machine"):
        measure_capacity(Target("example.org", 80, "/", elsewhere=True))
    with pytest.raises(ModelError, match="most_clients"):
        measure_capacity(target, most_clients=0)
