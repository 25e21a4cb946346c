"""h and s without a chain: from the mean dynamics, from simulation, from the queues."""

import numpy as np

from separatrix import Program, Server, Source, Work
from separatrix.errors import Unsupported
from separatrix.population import lower
from separatrix.questions import levels as module
from separatrix.questions.levels import FULL, levels
from separatrix.questions.regimes import regimes


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


def test_healthy_whatever_the_fates_of_those_at_the_server():
    # of 66.7 at the server all that come after are late: a queue beyond is no service that is back
    program = one(96.0, timeout=66.7 / 160, qsize=100, thread_pool=16)
    found = regimes(lower(program, "staged"))
    healthy = levels(program, found).healthy
    queue, orbit = np.indices(found.population.shape)
    within = (queue <= healthy) & (orbit <= healthy)
    assert found.healthy[within].all()
    assert not found.healthy[(queue <= healthy + 1) & (orbit <= healthy + 1)].all()
    assert found.committor is not None
    # the score alone, fates counted, would let in queues from which half or more return to stuck
    alone = (queue + orbit)[~found.healthy].min() - 1
    assert found.committor.complement[int(alone), int(alone)] > 0.5
