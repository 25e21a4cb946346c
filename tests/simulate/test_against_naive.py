"""The event loop against a naive simulator written for this test, on random programs.

Arrivals and service times are given numbers, so that both must tell exactly the same story. The
naive one is objects, callbacks and one heap; it shares nothing with the engine but the model.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections import Counter
from collections.abc import Callable
from typing import Any

from hypothesis import given, note, settings
from hypothesis import strategies as st

from separatrix.model import (
    AdaptiveLifo,
    Backoff,
    Breaker,
    CoDel,
    ConcurrencyLimit,
    DependentCall,
    Deterministic,
    Fifo,
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
    ThresholdAdmission,
    TokenBucket,
    Trace,
    Work,
)
from separatrix.simulate import run_once
from separatrix.simulate.features import Features

# --- the naive simulator --------------------------------------------------------------------------


class World:
    def __init__(self, program: Program) -> None:
        self.program, self.now, self.heap = program, 0.0, []
        self.count = itertools.count()
        self.log: list[tuple[str, float, float, int, str]] = []
        self.servers = {s.name: NaiveServer(self, s) for s in program.servers}
        names = Counter()
        self.calls: dict[int, str] = {}
        for server in program.servers:
            for api, work in server.apis.items():
                for call in work.downstream:
                    name = f"{server.name}.{api} -> {call.callee}.{call.api_name}"
                    names[name] += 1
                    self.calls[id(call)] = name + (f" #{names[name]}" if names[name] > 1 else "")
        for time in program.faults.breakpoints:
            for server in self.servers.values():
                self.at(time, 0, server.change_speed)
        for source in program.sources:
            client = Client(self, source, source.name, program.server_of(source.name).name)
            for time in source.arrivals.times:
                self.at(time, 4, lambda c=client: c.new_request(None))

    def at(self, time: float, priority: int, action: Callable[[], None]) -> list[Any]:
        entry = [time, priority, next(self.count), action]
        heapq.heappush(self.heap, entry)
        return entry

    def run(self, until: float) -> None:
        while self.heap and self.heap[0][0] <= until:
            time, _, _, action = heapq.heappop(self.heap)
            if action is not None:
                self.now = time
                action()


class Client:
    """Whoever sends requests: a source, or a call."""

    def __init__(self, world: World, policy: Any, name: str, server: str) -> None:
        self.world, self.policy, self.name = world, policy, name
        self.server = world.servers[server]
        self.api = policy.api if isinstance(policy, Source) else policy.api_name
        self.retries = policy.retries if isinstance(policy, Source) else policy.retry
        self.budget = getattr(policy, "budget", None)
        self.tokens = self.budget.burst if self.budget else 0.0
        self.breaker = getattr(policy, "breaker", None)
        self.state, self.epoch, self.outcomes = "closed", 0, []
        self.open_until, self.probes, self.good_probes = 0.0, 0, 0

    def new_request(self, parent: Attempt | None) -> None:
        request = Request(self, parent, self.world.now)
        request.send()

    def lets(self) -> bool:
        if self.breaker is None:
            return True
        if self.state == "open" and self.world.now >= self.open_until:
            self.state, self.probes, self.good_probes = "half", 0, 0
            self.epoch += 1
        if self.state == "half" and self.probes < self.breaker.probes:
            self.probes += 1
            return True
        return self.state == "closed"

    def hears(self, attempt: Attempt, good: bool) -> None:
        if self.breaker is None or attempt.epoch != self.epoch:
            return
        opens = False
        if self.state == "half":
            if good:
                self.good_probes += 1
                if self.good_probes == self.breaker.probes:
                    self.state = "closed"
            else:
                opens = True
        elif self.state == "closed":
            self.outcomes = [*self.outcomes, good][-self.breaker.window :]
            failures = sum(not o for o in self.outcomes)
            full = len(self.outcomes) == self.breaker.window
            opens = full and failures >= self.breaker.threshold * self.breaker.window - 1e-9
        if opens:
            self.state, self.outcomes = "open", []
            self.open_until = self.world.now + self.breaker.open_for
            self.epoch += 1


class Request:
    def __init__(self, client: Client, parent: Attempt | None, born: float) -> None:
        self.client, self.parent, self.born = client, parent, born
        self.sent, self.retries, self.open = 0, 0, True
        self.current: Attempt | None = None
        self.waiting: list[Any] | None = None

    def wanted(self) -> bool:
        return self.parent is None or not self.parent.over

    def end(self, outcome: str) -> None:
        self.open = False
        client = self.client
        client.world.log.append((client.name, self.born, client.world.now, self.sent, outcome))
        if self.parent is not None and not self.parent.over:
            if outcome == "failed":
                self.parent.leave(False)
            else:
                self.parent.pending -= 1
                if self.parent.pending == 0:
                    self.parent.leave(True)

    def send(self) -> None:
        self.waiting = None
        client = self.client
        # all calls of one work start together, even if the first fails at once
        if (self.retries > 0 and not self.wanted()) or not client.lets():
            self.end("failed")
            return
        self.sent += 1
        if client.budget and self.sent == 1:
            client.tokens = min(client.tokens + client.budget.ratio, client.budget.burst)
        attempt = Attempt(self)
        self.current = attempt
        client.server.arrive(attempt)

    def lost(self, attempt: Attempt) -> None:
        client = self.client
        again = self.retries < client.retries and self.wanted()
        if again and client.budget:
            again = client.tokens >= 1
            client.tokens -= again
        if not again:
            self.end("failed")
            return
        self.retries += 1
        wait = client.policy.backoff.longest(self.retries)
        if wait == 0:
            self.send()
        else:
            self.waiting = client.world.at(client.world.now + wait, 3, self.send)


class Attempt:
    def __init__(self, request: Request) -> None:
        self.request, self.epoch = request, request.client.epoch
        self.world = request.client.world
        self.sent = self.world.now
        self.live, self.over, self.pending, self.timer = False, False, 0, None

    def arm(self) -> None:
        self.live = True
        wait = self.request.client.policy.timeout
        self.timer = self.world.at(self.sent + wait, 2, self.timeout)

    def disarm(self) -> None:
        if self.timer is not None:
            self.timer[3] = None
        self.live = False

    def timeout(self) -> None:
        self.live = False
        self.request.client.hears(self, False)
        self.request.lost(self)

    def refused(self) -> None:
        self.disarm()
        self.request.client.hears(self, False)
        self.request.lost(self)

    def wanted(self) -> bool:
        return self.live and self.request.wanted()

    def leave(self, good: bool) -> None:
        """Own work and calls are over, or a call has failed."""
        self.over = True
        server, request = self.request.client.server, self.request
        wanted, live = self.wanted(), self.live
        accepted = good and not live and request.open and request.wanted()
        accepted = accepted and request.client.policy.late_responses == "accept"
        # the response reaches its client before the thread turns to its next attempt ...
        self.disarm()
        if accepted:
            if request.current is not None and request.current.live:
                request.current.disarm()
                request.client.hears(request.current, True)
            if request.waiting is not None:
                request.waiting[3] = None
        server.release(self, "failed" if not good else "in_time" if wanted else "late")
        # ... and what the client sends in return comes after
        if accepted:
            request.end("late")
        elif live and not wanted:
            request.end("failed")
        elif live and good:
            request.client.hears(self, True)
            request.end("answered")
        elif live:
            request.lost(self)


class NaiveServer:
    def __init__(self, world: World, server: Server) -> None:
        self.world, self.model = world, server
        self.queue: list[Attempt] = []
        self.threads: list[Attempt] = []
        self.serving: dict[Attempt, tuple[float, Any]] = {}  # work left at `since`, its event
        self.since, self.speed = 0.0, 1.0
        self.counts: Counter[str] = Counter()
        self.tokens, self.tokens_at = 0.0, 0.0
        if isinstance(server.admission, TokenBucket):
            self.tokens = server.admission.burst
        self.codel = {"above": None, "next": 0.0, "count": 0, "last": 0, "dropping": False}
        self.cached_until = -1.0

    # --- speed ---
    def progress(self) -> None:
        done = (self.world.now - self.since) * self.speed
        self.serving = {a: (left - done, e) for a, (left, e) in self.serving.items()}
        self.since = self.world.now

    def change_speed(self) -> None:
        self.progress()
        self.speed = self.world.program.faults.service_factor(self.model.name, self.world.now)
        for attempt in list(self.serving):
            self.schedule(attempt)

    def schedule(self, attempt: Attempt) -> None:
        left, event = self.serving[attempt]
        if event is not None:
            event[3] = None
        event = None
        if self.speed > 0:
            due = self.world.now + left / self.speed
            event = self.world.at(due, 1, lambda: self.own_work_done(attempt))
        self.serving[attempt] = (left, event)

    # --- admission ---
    def arrive(self, attempt: Attempt) -> None:
        self.counts["attempts"] += 1
        server, now = self.model, self.world.now
        if server.cache is not None and self.cached_until > now:
            self.counts["cache_hits"] += 1
            attempt.request.client.hears(attempt, True)
            attempt.request.end("answered")
            return
        reason = self.refusal()
        if reason:
            self.counts[f"dropped_{reason}"] += 1
            if server.fail_fast:
                attempt.refused()
            else:
                attempt.arm()
            return
        attempt.arm()
        self.queue.append(attempt)
        if len(self.threads) < server.thread_pool and len(self.queue) == 1:
            self.queue.pop()
            self.start(attempt)

    def refusal(self) -> str:
        policy, here = self.model.admission, len(self.queue) + len(self.threads)
        if here >= self.model.qsize:
            return "full"
        if isinstance(policy, ThresholdAdmission) and here >= policy.threshold:
            return "threshold" if policy.admit == 0 else ""
        if isinstance(policy, ConcurrencyLimit) and here >= policy.limit:
            return "concurrency"
        if isinstance(policy, TokenBucket):
            gained = (self.world.now - self.tokens_at) * policy.rate
            self.tokens = min(self.tokens + gained, policy.burst)
            self.tokens_at = self.world.now
            if self.tokens < 1:
                return "token"
            self.tokens -= 1
        return ""

    # --- service ---
    def start(self, attempt: Attempt) -> None:
        self.threads.append(attempt)
        self.progress()
        work = self.model.apis[attempt.request.client.api]
        left = 1 / work.processing_rate
        slow = self.model.slowdown
        if slow is not None:
            n = len(self.threads) + (len(self.queue) if slow.by == "queue" else 0)
            left *= 1 + slow.coefficient * (n / slow.scale) ** slow.exponent
        self.serving[attempt] = (left, None)
        self.schedule(attempt)

    def own_work_done(self, attempt: Attempt) -> None:
        self.progress()
        del self.serving[attempt]
        calls = self.model.apis[attempt.request.client.api].downstream
        waits = [c for c in calls if c.call_type == "wait_until_done"]
        attempt.pending = len(waits)
        if not waits:
            attempt.leave(True)
        for call in calls:
            client = Client(self.world, call, self.world.calls[id(call)], call.callee)
            client.new_request(attempt if call in waits else None)

    def release(self, attempt: Attempt, outcome: str) -> None:
        self.threads.remove(attempt)
        self.counts[outcome] += 1
        if outcome != "failed" and self.model.cache is not None:
            self.cached_until = self.world.now + self.model.cache.ttl
        self.next()

    # --- queue ---
    def take(self) -> Attempt:
        rule = self.model.discipline
        last = isinstance(rule, Lifo)
        if isinstance(rule, AdaptiveLifo):
            last = len(self.queue) >= rule.threshold
        return self.queue.pop(-1 if last else 0)

    def look(self) -> tuple[Attempt | None, bool]:
        """RFC 8289 dodequeue, after expired attempts are out."""
        c, policy = self.codel, self.model.admission
        while self.queue:
            attempt = self.take()
            if self.model.drop_expired and not attempt.wanted():
                self.counts["expired"] += 1
                continue
            wait = self.world.now - attempt.sent
            if wait < policy.target or not self.queue:
                c["above"] = None
                return attempt, False
            if c["above"] is None:
                c["above"] = self.world.now + policy.interval
                return attempt, False
            return attempt, self.world.now >= c["above"]
        c["above"] = None
        return None, False

    def drop(self, attempt: Attempt) -> None:
        self.counts["dropped_codel"] += 1
        if self.model.fail_fast and attempt.live:
            attempt.refused()

    def next(self) -> None:
        if not isinstance(self.model.admission, CoDel):
            while self.queue and len(self.threads) < self.model.thread_pool:
                attempt = self.take()
                if self.model.drop_expired and not attempt.wanted():
                    self.counts["expired"] += 1
                else:
                    self.start(attempt)
            return
        if not self.queue:
            self.codel["above"] = None
            return
        c, now, pace = self.codel, self.world.now, self.model.admission.interval
        attempt, due = self.look()
        if c["dropping"]:
            if not due:
                c["dropping"] = False
            while c["dropping"] and now >= c["next"]:
                self.drop(attempt)
                c["count"] += 1
                attempt, due = self.look()
                if due:
                    c["next"] += pace / math.sqrt(c["count"])
                else:
                    c["dropping"] = False
        elif due:
            self.drop(attempt)
            attempt, _ = self.look()
            c["dropping"] = True
            close = c["count"] - c["last"] > 1 and now - c["next"] < 16 * pace
            c["count"] = c["count"] - c["last"] if close else 1
            c["next"] = now + pace / math.sqrt(c["count"])
            c["last"] = c["count"]
        if attempt is not None:
            self.start(attempt)


# --- random programs ------------------------------------------------------------------------------


class Odd:
    """Numbers near simple ones, such that no two sums of them are equal: ties have no story."""

    def __init__(self) -> None:
        self.n = 0

    def __call__(self, draw: Any, most: int = 60) -> float:
        self.n += 1
        return 0.05 * draw(st.integers(1, most)) + 0.01 * ((self.n * math.sqrt(2.0)) % 1.0)


@st.composite
def backoffs(draw: Any, odd: Odd) -> Backoff:
    base = odd(draw) if draw(st.booleans()) else 0.0
    return Backoff(
        base, draw(st.sampled_from([1.0, 1.7])), draw(st.sampled_from([1.9 + odd(draw), 3600.0]))
    )


@st.composite
def servers(draw: Any, odd: Odd, name: str, calls: tuple[DependentCall, ...]) -> Server:
    threads = draw(st.sampled_from([1, 1, 2, 3]))
    admission = draw(
        st.sampled_from(
            [None, None, ThresholdAdmission(2), ThresholdAdmission(1, 1.0), TokenBucket(0.8, 2),
             ConcurrencyLimit(3), CoDel(0.3, 0.8), CoDel(0.05, 0.1)]
        )
    )  # fmt: skip
    # what CoDel tells clients in the middle of a dequeue is told in another order here
    fail_fast = draw(st.booleans()) and not isinstance(admission, CoDel)
    return Server(
        name,
        {"get": Work(1 / odd(draw), calls, law=Deterministic())},
        qsize=threads + draw(st.sampled_from([0, 1, 3, 50])),
        thread_pool=threads,
        discipline=draw(st.sampled_from([Fifo(), Fifo(), Lifo(), AdaptiveLifo(2)])),
        admission=admission,
        drop_expired=draw(st.booleans()),
        fail_fast=fail_fast,
        slowdown=draw(st.sampled_from([None, None, LoadSlowdown(0.5, 2.0)])),
        cache=draw(st.sampled_from([None, None, LookAsideCache(1, 1.1, 0.0)])),
    )


@st.composite
def programs(draw: Any) -> Program:
    faults: list[Any] = []
    odd = Odd()
    names = ["a", "b", "d"][: draw(st.sampled_from([1, 1, 2, 3]))]
    for name in names:
        if draw(st.sampled_from([False, False, True])):
            start, length = odd(draw, 200), odd(draw)
            faults.append(draw(st.sampled_from(
                [Outage(name, start, length), Slowdown(name, 2.5, start, length)]
            )))  # fmt: skip
    program = Program("random", faults=Schedule(tuple(faults)))
    for i, name in enumerate(names):
        calls = tuple(
            DependentCall(
                callee, name, "get", draw(st.sampled_from(["wait_until_done", "fire_and_forget"])),
                odd(draw), draw(st.integers(0, 2)), draw(backoffs(odd)),
                draw(st.sampled_from(["discard", "accept"])),
            )
            for callee in names[i + 1 :]
            for _ in range(draw(st.sampled_from([0, 1, 1, 2])))
        )  # fmt: skip
        program.add_server(draw(servers(odd, name, calls)))
    for i in range(draw(st.sampled_from([1, 1, 2]))):
        gaps = [odd(draw, 30) for _ in range(draw(st.integers(2, 40)))]
        times = tuple(itertools.accumulate(gaps))
        program.add_source(
            Source(
                f"c{i}", "get", arrivals=Trace(times), timeout=odd(draw),
                retries=draw(st.integers(0, 3)), backoff=draw(backoffs(odd)),
                budget=draw(st.sampled_from([None, None, RetryBudget(0.3, 2.0)])),
                breaker=draw(st.sampled_from([None, None, Breaker(4, 0.5, 0.9, 2)])),
                late_responses=draw(st.sampled_from(["discard", "accept"])),
            )
        )  # fmt: skip
        program.connect(f"c{i}", names[min(i, len(names) - 1)])
    for name in names[1:]:
        # nobody calls it: give it a source of its own
        if any(name in problem.field for problem in program.problems()):
            program.add_source(Source(f"x{name}", "get", arrivals=Trace((0.3, 1.1)), timeout=2.0))
            program.connect(f"x{name}", name)
    return program


@settings(deadline=None, max_examples=100)
@given(programs())
def test_the_event_loop_tells_the_naive_story(program: Program) -> None:
    note(f"{program.servers} {program.sources} {program.connections} {program.faults}")
    run = run_once(program, horizon=60.0, requests=True, features=Features())
    world = World(program)
    world.run(60.0)
    told = Counter(
        (r.stream, round(r.start, 6), round(r.end, 6), r.attempts, r.outcome) for r in run.requests
    )
    naive = Counter((n, round(b, 6), round(e, 6), a, o) for n, b, e, a, o in world.log)
    assert told == naive
    for name, server in world.servers.items():
        totals = run.servers[name]
        for what, count in server.counts.items():
            assert getattr(totals, what) == count, (name, what)
        assert totals.present == len(server.queue) + len(server.threads)
