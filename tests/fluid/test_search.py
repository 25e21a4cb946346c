"""Fixed points of several queues: products where services are apart, certified where they call each other."""

from __future__ import annotations

import re

import numpy as np
import pytest

from separatrix import Program, Server, Source, Work
from separatrix.errors import NotConverged
from separatrix.fluid.blocks import blocks, dependencies
from separatrix.fluid.certificate import certified, indices
from separatrix.fluid.composition import resting_states
from separatrix.fluid.equilibria import equilibria, fixed_points
from separatrix.fluid.field import integrate, jacobian, mean_field, velocity
from separatrix.fluid.held import held
from separatrix.fluid.newton import imbalance, polished, same
from separatrix.fluid.rest import rest_from
from separatrix.fluid.search import corner_rests, searched_states
from separatrix.model import Constants, DependentCall


def side_by_side(*rates):
    program = Program("several")
    for i, rate in enumerate(rates):
        program.add_server(Server(f"s{i}", {"get": Work(10.0)}, qsize=60))
        program.add_source(Source(f"c{i}", "get", rate, timeout=3.0, retries=1))
        program.connect(f"c{i}", f"s{i}")
    return mean_field(program, "geometric")


def calling(n=2, *, waits=True, qsize=300, threads=60, retry=1):
    """A row of n servers; the last one is slow and can get stuck."""
    kind = Constants.WAIT_UNTIL_DONE if waits else Constants.FIRE_AND_FORGET
    program = Program("row")
    for j in reversed(range(n)):
        last = j == n - 1
        call = DependentCall(f"s{j + 1}", f"s{j}", "get", kind, timeout=0.5, retry=retry)
        work = Work(10.0 if last else 100.0, () if last else (call,))
        program.add_server(
            Server(f"s{j}", {"get": work}, qsize, thread_pool=10 if last else threads)
        )
    program.add_source(Source("web", "get", 65.0, timeout=1.0, retries=2))
    program.connect("web", "s0")
    return program


def test_services_apart_have_the_products_of_their_points():
    population = side_by_side(8.0, 8.0)
    points = fixed_points(population)
    alone = [p.state[0] for p in fixed_points(side_by_side(8.0))]
    places = list(population.axes_of("queue"))
    found = {tuple(np.round(p.state[places], 4)) for p in points}
    assert found == {(round(a, 4), round(b, 4)) for a in alone for b in alone}
    assert sum(p.index for p in points) == 1
    assert max(p.imbalance for p in points) < 1e-9


def test_calls_that_nobody_waits_for_settle_server_by_server():
    population = mean_field(calling(3, waits=False))
    order = [{population.axes[i].name for i in block.axes} for block in blocks(population)]
    queues = [next((a for a in names if a.startswith("queue")), None) for names in order]
    assert [q for q in queues if q] == ["queue[s0]", "queue[s1]", "queue[s2]"]
    found = equilibria(population)
    assert found.status == "ok"
    assert [p.index for p in found.points] == [1, -1, 1]


@pytest.mark.parametrize(("threads", "closure"), [(60, "staged"), (20, "geometric")])
def test_servers_that_wait_for_each_other_have_their_saddle(threads, closure):
    population = mean_field(calling(threads=threads), closure)
    found = equilibria(population)
    assert (found.status, found.degree) == ("ok", 1)
    low, saddle, high = found.points
    assert (low.stable, saddle.stable, high.stable) == (True, False, True)
    assert saddle.index == -1
    assert max(p.residual for p in found.points) < 1e-6
    # on either side of the saddle, along its way out, the dynamics part
    values, vectors = np.linalg.eig(jacobian(population, saddle.state))
    out = np.real(vectors[:, int(np.argmax(values.real))])
    ends = set()
    for sign in (-1, 1):
        push = saddle.state + sign * out / np.abs(out).max()
        ends.add(_settled(population, push, (low.state, high.state)))
    assert ends == {0, 1}


def _settled(population, start, ends):
    course = integrate(population, np.maximum(start, 0.0), (0.0, 200.0), [200.0])
    return int(np.argmin([np.abs(course.states[-1] - end).max() for end in ends]))


def test_composition_agrees_with_the_search():
    population = side_by_side(8.0)
    composed = np.array(resting_states(population))
    searched = searched_states(population, np.zeros((0, 2)))
    np.testing.assert_allclose(searched, composed, rtol=1e-6, atol=1e-6)


def test_a_held_part_moves_as_in_the_whole():
    population = mean_field(calling())
    rng = np.random.default_rng(3)
    state = rng.uniform(size=len(population.axes)) * 20.0
    axes = [4, 0]
    part = held(population, axes, state)
    np.testing.assert_allclose(
        velocity(part, state[axes]), velocity(population, state)[axes], rtol=1e-12
    )


def test_newton_lands_on_a_root_or_says_so():
    population = side_by_side(8.0)
    for root in (polished(population, np.array([20.0, 3.0])), polished(population, np.zeros(2))):
        assert root is None or np.abs(velocity(population, root)).max() < 1e-6


def test_imbalance_sees_a_tiny_flow_that_nothing_meets():
    population = mean_field(calling())
    (*_, high) = fixed_points(population)
    assert imbalance(population, high.state) < 1e-9
    off = high.state.copy()
    off[4] += 1e-6  # calls that will be answered: almost none in the stuck state
    assert np.abs(velocity(population, off)).max() < 1e-3
    assert imbalance(population, off) > 0.1


def test_a_missing_saddle_is_noticed_and_searched_for():
    population = mean_field(calling(qsize=60), "geometric")
    outer = np.array(corner_rests(population))
    certificate = certified(population, outer)
    assert certificate.missing
    assert "add up to 2" in certificate.reason
    found = searched_states(population, outer)
    everything = [p.state for p in fixed_points(population)]
    assert len(found) == 3
    np.testing.assert_allclose(found, everything, rtol=1e-4)


def test_what_the_search_does_not_find_is_reported(monkeypatch):
    import separatrix.fluid.composition as composition
    import separatrix.fluid.equilibria as module

    monkeypatch.setattr(composition, "gridded", lambda _: [])
    for room in (composition, module):
        monkeypatch.setattr(room, "searched_states", lambda population, known, seed=0: known)
    found = equilibria(mean_field(calling(), "geometric"))
    assert found.status == "inconclusive"
    with pytest.raises(NotConverged, match="add up to 2"):
        fixed_points(mean_field(calling(), "geometric"))


def test_an_index_that_rounding_hides_is_none():
    # at its capacity exactly every queue rests: along that line the Jacobian is singular
    program = Program("full load")
    program.add_server(Server("s", {"get": Work(10.0)}, qsize=60))
    program.add_source(Source("c", "get", 10.0, timeout=3.0, retries=0))
    program.connect("c", "s")
    assert indices(mean_field(program), np.array([[30.0]]))[0] == 0


@pytest.mark.parametrize(
    ("n", "threads", "closure"), [(4, 60, "staged"), (5, 20, "geometric"), (6, 60, "geometric")]
)
def test_long_rows_that_wait_have_low_saddle_and_stuck_state(n, threads, closure):
    found = equilibria(mean_field(calling(n, threads=threads), closure))
    assert (found.status, found.degree) == ("ok", 1)
    assert [p.stable for p in found.points] == [True, False, True]
    assert [p.index for p in found.points] == [1, -1, 1]
    assert max(p.imbalance for p in found.points) < 1e-9


def diamond():
    """A server that waits for two at once, which both wait for the same slow one."""

    def call(callee, caller):
        return DependentCall(callee, caller, "get", timeout=0.5, retry=1)

    program = Program("diamond")
    works = {
        "end": (Work(10.0), 18),
        "left": (Work(100.0, (call("end", "left"),)), 40),
        "right": (Work(100.0, (call("end", "right"),)), 40),
        "front": (Work(100.0, (call("left", "front"), call("right", "front"))), 60),
    }
    for name, (work, threads) in works.items():
        program.add_server(Server(name, {"get": work}, 80, thread_pool=threads))
    program.add_source(Source("web", "get", 65.0, timeout=1.0, retries=2))
    program.connect("web", "front")
    return program


def test_a_diamond_of_waiting_servers_has_more_ways_to_be_stuck_than_one():
    population = mean_field(diamond(), "geometric")
    found = equilibria(population)
    assert (found.status, found.degree) == ("ok", 1)
    stable = [p for p in found.points if p.stable]
    assert len(stable) >= 3
    # left and right are alike: with each point its mirror image
    names = [axis.name.replace("#1", "") for axis in population.axes]
    swap = {"left": "right", "right": "left"}
    mirrored = [
        names.index("".join(swap.get(part, part) for part in re.split(r"(left|right)", name)))
        for name in names
    ]
    for point in found.points:
        assert any(same(point.state[mirrored], other.state) for other in found.points)


def test_the_answer_to_a_call_takes_the_time_at_its_server():
    # Little's law: calls that will be answered = those answered a second * time at the called server,
    # though a third of what that server makes fails
    program = Program("row")
    timeouts = {"s0": 2.0, "s1": 0.1}
    for j in (2, 1, 0):
        calls = () if j == 2 else (
            DependentCall(f"s{j + 1}", f"s{j}", "get", timeout=timeouts[f"s{j}"], retry=0),
        )  # fmt: skip
        work = Work(10.0 if j == 2 else 100.0, calls)
        program.add_server(Server(f"s{j}", {"get": work}, 200, thread_pool=10 if j == 2 else 80))
    program.add_source(Source("web", "get", 60.0, timeout=5.0, retries=0))
    program.connect("web", "s0")
    population = mean_field(program)
    state = rest_from(population, np.zeros(len(population.axes))).state
    at = {axis.name: float(v) for axis, v in zip(population.axes, state, strict=True)}
    goodput = next(m for m in population.measures if m.name == "goodput")
    answered = float(goodput.value(tuple(state)))
    assert answered < 40.0
    sojourn = at["queue[s1]"] / 60.0
    assert at["answering[s0.get->s1.get]"] == pytest.approx(answered * sojourn, rel=5e-3)


def test_what_a_request_takes_of_forty_servers_moves_who_comes_back():
    # whether a request is late shows only where all are calm at once, which random states are not
    n = 40
    program = Program("forty in a row")
    for j in reversed(range(n)):
        more = j < n - 1
        calls = (DependentCall(f"s{j + 1}", f"s{j}", "get", timeout=1.0),) if more else ()
        program.add_server(Server(f"s{j}", {"get": Work(40.0, calls)}, 100, thread_pool=20))
    program.add_source(Source("web", "get", 30.0, timeout=0.5, retries=2))
    program.connect("web", "s0")
    population = mean_field(program, "geometric")
    names = [axis.name for axis in population.axes]
    graph = dependencies(population)
    for j in range(n):
        assert graph[names.index("orbit[web]"), names.index(f"queue[s{j}]")]
    assert len(blocks(population)) == 1
