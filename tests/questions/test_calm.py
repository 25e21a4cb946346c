"""What is said of a service to which nothing happens."""

from __future__ import annotations

import pytest

from separatrix import Program, Server, Source, Work
from separatrix.model import DependentCall, Lifo, LookAsideCache, TokenBucket
from separatrix.questions.calm import calm_score, calm_share, overloaded
from separatrix.questions.simulated import seen_verdict


def service(rate: float, timeout: float = 5.0, **server: object) -> Program:
    program = Program("p")
    program.add_server(Server("s", {"get": Work(10.0)}, 60, **server))  # type: ignore[arg-type]
    program.add_source(Source("c", "get", rate, timeout=timeout))
    program.connect("c", "s")
    return program


def test_a_calm_queue_counts_as_healthy_a_deviation_above_its_mean():
    # M/M/1 at a load of one half: mean 1
    assert calm_score(service(5.0)) == pytest.approx(3.0, rel=0.15)
    # overloaded: one thread
    assert calm_score(service(15.0)) == 1.0


def test_the_share_in_time_is_that_of_the_waiting_time():
    # M/M/1: P(sojourn <= t) = 1 - exp(-(mu - lambda) t)
    assert calm_share(service(8.0, timeout=1.0)) == pytest.approx(1 - 2.718281828**-2.0, abs=0.03)


def test_chance_delays_are_no_overload_and_a_queue_that_never_ends_is():
    assert calm_share(service(8.0, timeout=1.0)) < 0.9
    assert overloaded(service(8.0, timeout=1.0)) == ""
    assert overloaded(service(15.0)) == "s"
    # idle at times, since its bucket refuses a third of what comes
    assert overloaded(service(9.0, admission=TokenBucket(6.0, 5))) == "s"


def test_an_overload_whose_queue_expires_at_once_is_still_one():
    # after an outage all that waits has expired: it is back at once, and as overloaded as before
    program = service(20.0, timeout=1.0, drop_expired=True, discipline=Lifo())
    verdict = seen_verdict(program, 1.0, 50.0, runs=40, events=1e6, rare=True)
    assert verdict.word == "always stuck"
    assert verdict.reason.startswith("s has too much to do even undisturbed")


def test_the_same_calm_is_simulated_once_and_another_anew(monkeypatch):
    from separatrix.questions import calm

    asked = []
    simulate = calm.simulate
    monkeypatch.setattr(calm, "simulate", lambda p, **o: asked.append(p) or simulate(p, **o))
    share = calm_share(service(8.0, timeout=1.1))
    assert calm_share(service(8.0, timeout=1.1)) == share
    assert calm_score(service(8.0, timeout=1.1)) == 1.0
    assert len(asked) == 1
    calm_share(service(8.0, timeout=1.1), seed=1)
    calm_share(service(8.0, timeout=1.2))
    assert len(asked) == 3


def test_what_has_too_much_to_do_from_the_start_is_not_said_to_get_stuck():
    # the bucket refuses a fifth; those who come again keep the score up, the queue stays empty
    program = Program("p")
    program.add_server(Server("s", {"get": Work(50.0)}, 100, admission=TokenBucket(45.0, 10)))
    program.add_source(Source("c", "get", 55.0, timeout=0.6, retries=2))
    program.connect("c", "s")
    verdict = seen_verdict(program, 1.0, 90.0, runs=40, events=1e6)
    assert verdict.word == "always stuck"
    assert verdict.reason.startswith("s has too much to do")


def test_what_stays_without_retries_too_is_not_watched_for_that_long():
    # pages come from a cache or, when it is cold, from a database that cannot bear them all
    program = Program("p")
    lookup = DependentCall("db", "web", "look up", timeout=0.5)
    program.add_servers(
        [
            Server("db", {"look up": Work(10.0)}, 50, thread_pool=4),
            Server(
                "web", {"page": Work(200.0, (lookup,))}, 500, thread_pool=500,
                cache=LookAsideCache(100, 8.0),
            ),
        ]
    )  # fmt: skip
    program.add_source(Source("c", "page", 120.0, timeout=1.0, retries=1))
    program.connect("c", "web")
    verdict = seen_verdict(program, 20.0, 100.0, runs=10, events=1e5)
    assert verdict.unfed.seen == 0
    assert verdict.word == "can get stuck"
    assert verdict.recovery.observed / verdict.recovery.runs < 100.0
