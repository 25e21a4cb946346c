"""What rests while queues are held, where the dynamics of the rest are singular."""

from __future__ import annotations

import numpy as np

from separatrix.fluid.field import velocity
from separatrix.fluid.gridded import resting
from separatrix.model import Breaker, DependentCall, Program, Server, Source, Work
from separatrix.population import lower


def test_a_breaker_that_counts_nothing_leaves_a_singular_system_and_a_resting_point() -> None:
    call = DependentCall("db", "web", "get", call_type="fire_and_forget", timeout=0.2)
    program = Program("shop")
    program.add_servers(
        [
            Server("db", {"get": Work(20.0)}, 100, thread_pool=8),
            Server("web", {"get": Work(20.0, (call,))}, 50, thread_pool=1),
        ]
    )
    breaker = Breaker(window=20, threshold=0.5, open_for=5.0, probes=1)
    program.add_source(Source("users", "get", 14.0, timeout=0.5, breaker=breaker))
    program.connect("users", "web")
    population = lower(program.check(), means_only=True)
    queues = list(population.axes_of("queue"))
    full = np.array(population.shape)[queues] - 1.0
    lengths = np.random.default_rng(0).uniform(0, 1, (200, len(queues))) * full

    states = resting(population, queues, lengths)

    assert np.isfinite(states).all()
    others = [i for i in range(states.shape[1]) if i not in queues]
    drift = np.abs(velocity(population, states)[:, others]).max(axis=1)
    assert np.median(drift) < 1e-6
