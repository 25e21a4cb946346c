"""Last in, first out: the busy period's law, the exponential of a small generator, and the simulator."""

import numpy as np
import pytest
from scipy.linalg import expm

from separatrix.errors import Unsupported
from separatrix.markov import as_chain, stationary
from separatrix.model import (
    DependentCall,
    Fifo,
    Lifo,
    LoadSlowdown,
    Mixture,
    Program,
    Server,
    Source,
    Work,
)
from separatrix.population import lower
from separatrix.population.last_first import last_first_moments, last_first_tail
from separatrix.simulate.run import run_once


def program(server=None, **source):
    made = Program("p")
    fields = {"qsize": 12, "discipline": Lifo(), **(server or {})}
    made.add_server(Server("s", {"get": Work(10.0)}, **fields))
    made.add_source(Source("c", "get", **{"arrival_rate": 8.0, "timeout": 0.5, **source}))
    made.connect("c", "s")
    return made


def absorbing(n, arrivals, rate, threads, qsize):
    """Generator of queue n + 1 .. qsize and, last, of the attempt in service."""
    m = qsize - n
    Q = np.zeros((m + 1, m + 1))
    for j in range(m):
        up, down = arrivals * (j + 1 < m), threads * rate
        if up:
            Q[j, j + 1] = up
        Q[j, j - 1 if j else m] = down
        Q[j, j] = -(up + down)
    Q[m, m] = -rate
    return Q


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("t", [0.05, 0.4, 3.0])
def test_tail_is_the_exponential_of_the_passage(threads, t):
    for n in range(9):
        expected = np.exp(-10.0 * t)
        if n >= threads:
            expected = expm(absorbing(n, 12.0, 10.0, threads, 9) * t)[0].sum()
        assert last_first_tail(n, t, 12.0, 10.0, threads, 9) == pytest.approx(expected, rel=1e-11)


def test_moments_solve_the_passage():
    mean, variance = last_first_moments(np.arange(9), 12.0, 10.0, 2, 9)
    for n in range(2, 9):
        inverse = np.linalg.inv(-absorbing(n, 12.0, 10.0, 2, 9))
        first = inverse.sum(axis=1)
        assert mean[n] == pytest.approx(first[0], rel=1e-12)
        assert variance[n] + mean[n] ** 2 == pytest.approx(2 * (inverse @ first)[0], rel=1e-12)


def test_much_room_gives_the_busy_period():
    mean, variance = last_first_moments(1, 6.0, 10.0, 1, 400)
    assert mean == pytest.approx(1 / 4 + 1 / 10, rel=1e-12)  # 1 / (mu - lambda), then served
    assert variance == pytest.approx((10 + 6) / 4**3 + 1 / 100, rel=1e-12)
    # room beyond what can come in time is left out
    near, far = (last_first_tail(1, 0.7, 6.0, 10.0, 1, size) for size in (60, 600))
    assert near == pytest.approx(far, rel=1e-13)


def test_the_order_of_service_leaves_the_queue_and_changes_who_is_in_time():
    last, first = (lower(program({"discipline": d})) for d in (Lifo(), Fifo()))
    for ours, theirs in zip(as_chain(last).stencil, as_chain(first).stencil, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("load", [0.7, 1.3])
def test_goodput_is_the_simulated_one(threads, load):
    made = program({"thread_pool": threads}, arrival_rate=load * 10.0 * threads)
    population = lower(made)
    good = next(m for m in population.measures if m.name == "goodput")
    pi = stationary(population).pi
    expected = float((pi * np.broadcast_to(good.value(population.grid()), pi.shape)).sum())
    horizon = 60_000.0 / (load * 10.0 * threads)
    seen = [
        run_once(made, horizon=horizon, seed=i).streams["c"].answered / horizon for i in range(4)
    ]
    assert expected == pytest.approx(np.mean(seen), rel=0.02)


@pytest.mark.parametrize(
    ("made", "what"),
    [
        (program(retries=1), "retries"),
        (program(arrivals=Mixture((0.8, 0.2), (20.0, 1.5))), "other than Poisson"),
        (program({"slowdown": LoadSlowdown(1.0, 20.0)}), "slowdown"),
    ],
)
def test_arrivals_that_look_back_are_refused(made, what):
    with pytest.raises(Unsupported, match=f"(?s)lifo.*{what}.*simulate"):
        lower(made)


def test_calls_are_refused_on_either_side():
    made = program()
    made.add_server(
        Server("b", {"put": Work(5.0, (DependentCall("s", "b", "get", timeout=1.0),))}, 5)
    )
    made.add_source(Source("d", "put", 1.0, timeout=1.0))
    made.connect("d", "b")
    with pytest.raises(Unsupported, match="calls from other servers"):
        lower(made)
