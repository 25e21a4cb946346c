"""Calls that start together: one event in the chain, one by one in the mean, with the same mean change."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from separatrix.errors import Unsupported
from separatrix.fluid.rest import rest_from
from separatrix.model import DependentCall, LookAsideCache, Program, Server, Source, Work
from separatrix.population import lower


def fan_out(calls: list[tuple[str, dict]], *, front: dict | None = None, **behind) -> Program:
    """A front that makes these calls (name of the server, settings), to as many servers as are named."""
    program = Program("fan-out")
    downstream = [DependentCall(name, "front", "get", **more) for name, more in calls]
    program.add_server(
        Server("front", {"get": Work(20.0, downstream)}, 30, thread_pool=6, **(front or {}))
    )
    for name in dict.fromkeys(name for name, _ in calls):
        program.add_server(Server(name, {"get": Work(15.0)}, 10, thread_pool=2, **behind))
    program.add_source(Source("c", "get", 12.0, timeout=2.0, retries=1))
    program.connect("c", "front")
    return program


def velocities(population, seed: int) -> np.ndarray:
    """Mean velocities at states within and at the edge of the box.

    No more are waited for at a server than are there: else a chain of what is impossible says one thing or another.
    """
    rng = np.random.default_rng(seed)
    sizes = np.array(population.shape) - 1.0
    states = rng.random((12, len(sizes))) * sizes * rng.choice([0.1, 1.0], (12, len(sizes)))
    names = [axis.name for axis in population.axes]
    for i, name in enumerate(names):
        if name.startswith("answering"):
            callee = name.split("->")[1].split(".")[0]
            alike = sum(f"->{callee}." in n and n.startswith("answering") for n in names)
            there = states[:, names.index(f"queue[{callee}]")]
            states[:, i] = np.minimum(states[:, i], there / alike)
    return np.array(population.drift(tuple(states.T)))


CALLS = st.fixed_dictionaries(
    {
        "call_type": st.sampled_from(["wait_until_done", "fire_and_forget"]),
        "retry": st.integers(0, 1),
        "timeout": st.sampled_from([0.1, 1.0]),
    }
)


@settings(max_examples=25, deadline=None)
@given(
    calls=st.lists(st.tuples(st.sampled_from(["a", "b"]), CALLS), min_size=1, max_size=3),
    closure=st.sampled_from(["staged", "geometric"]),
    fail_fast=st.booleans(),
    seed=st.integers(0, 100),
)
def test_one_by_one_they_have_the_same_mean(calls, closure, fail_fast, seed):
    program = fan_out(calls, fail_fast=fail_fast)
    whole, means = lower(program, closure), lower(program, closure, means_only=True)
    assert len(means.transitions) <= len(whole.moving)
    np.testing.assert_allclose(velocities(means, seed), velocities(whole, seed), atol=1e-11)


@pytest.mark.parametrize(
    "behind",
    [{"cache": LookAsideCache(6, 3.0)}, {"fail_fast": True}],
    ids=["a cache", "refusals told at once"],
)
def test_the_same_through_whole_chains_of_callers(behind):
    program = Program("three tiers")
    for k, name in enumerate(("one", "two")):
        nexts = [DependentCall(f"{name}-{i}", name, "get", timeout=0.5, retry=1) for i in (1, 2)]
        nexts = nexts if k else [*nexts, DependentCall("two", "one", "get", timeout=1.0)]
        program.add_server(Server(name, {"get": Work(20.0, nexts)}, 20, thread_pool=4))
    for name in ("one-1", "one-2", "two-1", "two-2"):
        more = behind if name.startswith("two") else {}
        program.add_server(Server(name, {"get": Work(15.0)}, 8, thread_pool=2, **more))
    program.add_source(Source("c", "get", 9.0, timeout=2.0, retries=1))
    program.connect("c", "one")
    whole, means = lower(program, "geometric"), lower(program, "geometric", means_only=True)
    assert len(means.transitions) < 0.5 * len(whole.moving)
    np.testing.assert_allclose(velocities(means, 1), velocities(whole, 1), atol=1e-11)


def test_the_mean_of_more_calls_than_a_chain_can_tell_apart():
    program = fan_out([(name, {"retry": 1}) for name in "abcdef"])
    with pytest.raises(Unsupported, match=r"servers\.front.*6 calls that start together"):
        lower(program, "geometric")
    population = lower(program, "geometric", means_only=True)
    found = rest_from(population, np.zeros(len(population.shape)))
    queues = {a.name: x for a, x in zip(population.axes, found.state, strict=True)}
    # 12 requests a second ask each of the six alike
    behind = [queues[f"queue[{name}]"] for name in "abcdef"]
    np.testing.assert_allclose(behind, behind[0], rtol=1e-9)
    assert 0.7 < behind[0] < 1.2


def test_so_many_calls_that_the_longest_cannot_be_told():
    program = fan_out([(f"s{i}", {}) for i in range(13)])
    with pytest.raises(Unsupported, match=r"servers\.front.*13 calls waited for"):
        lower(program, "geometric", means_only=True)
