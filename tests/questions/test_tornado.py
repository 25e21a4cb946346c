"""Which knob moves the load at which danger begins."""

from __future__ import annotations

from math import inf, isfinite

import pytest

from separatrix.errors import NotConverged
from separatrix.model import DependentCall, Program, Server, Source, Work
from separatrix.questions.sliders import sliders
from separatrix.questions.tornado import TURN, tornado


def program(retries=2, timeout=1.0):
    built = Program("t")
    built.add_server(Server("db", {"get": Work(10.0)}, qsize=60, thread_pool=2))
    built.add_source(Source("web", "get", 15.0, timeout=timeout, retries=retries))
    built.connect("web", "db")
    return built


@pytest.fixture(scope="module")
def found():
    return tornado(program())


def test_danger_begins_where_all_attempts_of_a_stuck_service_just_fill_it(found):
    # stuck, every request is made r + 1 times; from capacity / (r + 1) on that keeps it full
    assert found.danger == pytest.approx(20.0 / 3, rel=0.02)
    by_name = {bar.path: bar for bar in found.bars}
    retries = by_name["sources.web.retries"]
    assert (retries.lower, retries.upper) == (1, 3)
    assert retries.danger_lower == pytest.approx(10.0, rel=0.02)
    assert retries.danger_upper == pytest.approx(5.0, rel=0.02)
    rate = by_name["servers.db.apis.get.processing_rate"]
    assert rate.danger_upper == pytest.approx(TURN * found.danger, rel=0.02)


def test_the_longest_bar_comes_first(found):
    lengths = [
        max(abs(b.danger_lower - found.danger), abs(b.danger_upper - found.danger))
        for b in found.bars
        if isfinite(b.danger_lower) and isfinite(b.danger_upper)
    ]
    assert lengths == sorted(lengths, reverse=True)
    assert "What moves it most" in found.finding()


def test_a_service_that_nothing_traps_has_no_danger():
    calm = tornado(program(retries=0))
    assert calm.danger == inf
    assert calm.to_dict()["danger_per_s"] is None


def test_sliders_stand_inside_their_ranges():
    for slider in sliders(program()):
        assert slider.low <= slider.value <= slider.high
        assert slider.scale == "linear" or slider.low > 0


def chain(length: int) -> Program:
    """Servers with 64 threads of 50/s, each waiting for the next; the last has 10 of 20/s."""
    built = Program("chain")
    for i in range(length - 1):
        call = DependentCall(f"s{i + 1}", f"s{i}", "get", timeout=1.0, retry=1)
        built.add_server(Server(f"s{i}", {"get": Work(50.0, [call])}, qsize=400, thread_pool=64))
    built.add_server(Server(f"s{length - 1}", {"get": Work(20.0)}, qsize=200, thread_pool=10))
    built.add_source(Source("web", "get", 150.0, timeout=3.0, retries=2))
    built.connect("web", "s0")
    return built


def test_services_that_wait_for_each_other_are_turned_knob_by_knob():
    found = tornado(chain(2))
    by_name = {bar.path: bar for bar in found.bars}
    assert isfinite(found.danger)
    assert 0 < found.danger < 200.0
    faster = by_name["servers.s1.apis.get.processing_rate"]
    assert faster.danger_lower < found.danger < faster.danger_upper


def test_many_services_that_wait_for_each_other_are_declined_before_minutes_pass():
    with pytest.raises(NotConverged, match="coordinates over the load, would take minutes"):
        tornado(chain(6))
