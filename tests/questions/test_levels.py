"""h and s without a chain: from the mean dynamics, from simulation, from the queues."""

from separatrix import Program, Server, Source, Work
from separatrix.errors import Unsupported
from separatrix.questions import levels as module
from separatrix.questions.levels import FULL, levels


def one(rate=7.0, *, retries=1, timeout=2.0, **server) -> Program:
    program = Program("p")
    program.add_server(Server("s", {"get": Work(10.0)}, **{"qsize": 50, **server}))
    program.add_source(Source("c", "get", rate, timeout=timeout, retries=retries))
    program.connect("c", "s")
    return program


def refused(*_, **__):
    raise Unsupported("a population", "this", "simulate it")


def test_the_mean_dynamics_say_where_stuck_begins():
    found = levels(one())
    assert found.basis == "fluid"
    # 14/s of 10/s: the queue is full but for the place that a service frees
    assert found.stuck == 42.0
    assert found.healthy < 8.0


def test_what_no_population_carries_is_simulated(monkeypatch):
    monkeypatch.setattr(module, "fluid_verdict", refused)
    found = levels(one())
    assert found.basis == "simulation"
    assert 38.0 <= found.stuck <= 43.0


def test_where_every_overload_passes_the_queues_say():
    found = levels(one(rate=3.0, retries=0))
    assert (found.basis, found.stuck) == ("queues", FULL * 50)
