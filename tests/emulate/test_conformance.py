"""Server and client tell the same story as the simulator, event for event, when nothing is random.

The real classes run on a loop whose clock jumps; arrivals are given and service times fixed, so
that every count must be equal.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from separatrix.emulate import process
from separatrix.emulate.client import schedule
from separatrix.emulate.draws import arrival_times
from separatrix.model import (
    AdaptiveLifo,
    Backoff,
    Breaker,
    CoDel,
    ConcurrencyLimit,
    DependentCall,
    Deterministic,
    Lifo,
    LoadSlowdown,
    LookAsideCache,
    Outage,
    Program,
    RetryBudget,
    Schedule,
    Server,
    Slowdown,
    Source,
    Spike,
    ThresholdAdmission,
    TokenBucket,
    Trace,
    Work,
)
from separatrix.simulate import Run, run_once

HORIZON = 400.0

CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "two threads": {"server": {"thread_pool": 2}},
    "retries": {"source": {"retries": 3}},
    "backoff": {"source": {"retries": 3, "backoff": Backoff(base=0.7, multiplier=2.0)}},
    "budget": {"source": {"retries": 3, "budget": RetryBudget(ratio=0.3, burst=2.0)}},
    "breaker": {"source": {"retries": 2, "breaker": Breaker(5, 0.4, 4.3, 2)}},
    "late accepted": {"source": {"retries": 3, "late_responses": "accept"}},
    "late accepted after backoff": {
        "source": {"retries": 2, "late_responses": "accept", "backoff": Backoff(base=1.3)}
    },
    "small queue": {"server": {"qsize": 4}, "source": {"retries": 2}},
    "fail fast": {
        "server": {"qsize": 4, "fail_fast": True},
        "source": {"retries": 2, "backoff": Backoff(base=0.9)},
    },
    "lifo": {"server": {"discipline": Lifo()}, "source": {"retries": 2}},
    "adaptive lifo": {"server": {"discipline": AdaptiveLifo(3)}, "source": {"retries": 2}},
    "drop expired": {"server": {"drop_expired": True}, "source": {"retries": 2}},
    "drop expired, late accepted": {
        "server": {"drop_expired": True},
        "source": {"retries": 2, "late_responses": "accept"},
    },
    "threshold": {"server": {"admission": ThresholdAdmission(3)}, "source": {"retries": 2}},
    "concurrency": {"server": {"admission": ConcurrencyLimit(3)}, "source": {"retries": 2}},
    "tokens": {"server": {"admission": TokenBucket(0.8, 3)}, "source": {"retries": 2}},
    "codel": {"server": {"admission": CoDel(0.5, 3.0)}, "source": {"retries": 1}},
    "codel, fail fast": {
        "server": {"admission": CoDel(0.5, 3.0), "fail_fast": True},
        "source": {"retries": 1, "backoff": Backoff(base=0.37)},
    },
    "slowdown by queue": {
        "server": {"slowdown": LoadSlowdown(0.3, 2.0)},
        "source": {"retries": 2},
    },
    "slowdown by threads": {
        "server": {"slowdown": LoadSlowdown(0.3, 1.0, 2.0, "in_service"), "thread_pool": 3},
        "source": {"retries": 2},
    },
    "cache of one key": {"server": {"cache": LookAsideCache(1, 2.7, 0.0)}},
    "spike": {"faults": (Spike("c", 3.0, 20.1, 15.3),), "source": {"retries": 1}},
    "slow for a while": {
        "faults": (Slowdown("s", 2.5, 20.1, 15.3),),
        "server": {"thread_pool": 2},
        "source": {"retries": 1},
    },
    "outage in a slowdown": {
        "faults": (Slowdown("s", 2.0, 10.1, 30.3), Outage("s", 20.3, 7.7)),
        "source": {"retries": 2},
    },
}


def program(seed: int, case: dict[str, Any]) -> Program:
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.exponential(1.1, 90))
    source = {"timeout": 3.0 + rng.random(), **case.get("source", {})}
    built = Program("story", faults=Schedule(case.get("faults", ())))
    work = Work(1.0 / (1.0 + rng.random() / 7), law=Deterministic())
    built.add_server(Server("s", {"get": work}, **{"qsize": 50, **case.get("server", {})}))
    built.add_source(Source("c", "get", arrivals=Trace((*times, 1e6)), **source))
    built.connect("c", "s")
    return built


def call_graph(seed: int, *, kind: str = "wait_until_done", **call: Any) -> Program:
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.exponential(2.3, 60))
    back = [
        DependentCall(name, "front", "get", kind, timeout=2.1 + rng.random(), retry=1, **call)  # pyright: ignore[reportArgumentType]
        for name in ("left", "right")
    ]
    built = Program("calls")
    built.add_server(
        Server("front", {"get": Work(3.1, tuple(back), law=Deterministic())}, 30, thread_pool=2)
    )
    for i, name in enumerate(("left", "right")):
        rate = 1.0 / (1.1 + 0.4 * i + rng.random())
        built.add_server(Server(name, {"get": Work(rate, law=Deterministic())}, 30))
    built.add_source(Source("c", "get", arrivals=Trace((*times, 1e6)), timeout=5.37, retries=1))
    built.connect("c", "front")
    return built


def counts_by_emulation(program: Program, stage_of: Any, virtually: Any) -> dict[str, Any]:
    async def play() -> Any:
        stage = stage_of(program, HORIZON, HORIZON)
        for source in program.sources:
            assert isinstance(source.arrivals, Trace)
            rng = np.random.default_rng(0)
            times = arrival_times(source, program.faults, HORIZON, rng)
            cached = program.server_of(source.name).cache is not None
            schedule(
                times, stage.callers[source.name], stage.lag, 0.0,
                lambda cached=cached: "0" if cached else "",
            )  # fmt: skip
        await process.until(HORIZON)
        return stage

    stage = virtually(play())
    return {
        name: {series: sum(values) for series, values in grid.to_plain().items()}
        for name, grid in stage.grids.items()
    }


@pytest.fixture
def same_story(stage, virtually) -> Callable[[Program], None]:
    def compare(program: Program) -> None:
        theirs = run_once(program, horizon=HORIZON, seed=0, plain=True)
        assert_equal(counts_by_emulation(program, stage, virtually), theirs)

    return compare


def assert_equal(ours: dict[str, Any], theirs: Run) -> None:
    for name, server in theirs.servers.items():
        mine = ours[name]
        told = (
            mine["arrivals"], mine["served_late"], mine["failures"], mine["expired"],
            mine["cache_hits"], mine["throughput"],
            *(mine[f"drops.{r}"] for r in ("full", "threshold", "token", "concurrency", "codel")),
        )  # fmt: skip
        assert told == (
            server.attempts, server.late, server.failed, server.expired,
            server.cache_hits, server.in_time + server.late + server.failed,
            server.dropped_full, server.dropped_threshold, server.dropped_token,
            server.dropped_concurrency, server.dropped_codel,
        )  # fmt: skip
    for name, stream in theirs.streams.items():
        mine = ours[name]
        told = (
            mine["offered"], mine["attempts"], mine["goodput"], mine["accepted_late"],
            mine["failed"], mine["denied.budget"], mine["denied.breaker"],
            mine["retries.late"], mine["retries.refusal"], mine["retries.failure"],
        )  # fmt: skip
        assert told == (
            stream.requests, stream.attempts, stream.answered, stream.answered_late,
            stream.failed, stream.denied_by_budget, stream.denied_by_breaker,
            # a real client cannot tell an attempt that was dropped in silence from a slow one
            stream.retries_after_late + stream.retries_after_drop,
            stream.retries_after_refusal, stream.retries_after_failure,
        )  # fmt: skip


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("case", CASES)
def test_one_server_tells_the_simulators_story(same_story, case, seed):
    same_story(program(seed, CASES[case]))


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("kind", ["wait_until_done", "fire_and_forget"])
def test_calls_tell_the_simulators_story(same_story, kind, seed):
    same_story(call_graph(seed, kind=kind))


def test_calls_with_backoff_and_late_answers_tell_the_simulators_story(same_story):
    same_story(call_graph(4, late_responses="accept", backoff=Backoff(base=0.61)))
