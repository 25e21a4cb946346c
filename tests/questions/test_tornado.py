"""Which knob moves the load at which danger begins."""

from __future__ import annotations

from math import inf, isfinite

import pytest
from tests.strategies.three_tiers import tiers

from separatrix.errors import NotConverged
from separatrix.model import Program, Server, Source, Work
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


def test_services_that_wait_for_each_other_are_declined_before_minutes_pass():
    with pytest.raises(NotConverged, match="in 8 coordinates over the load"):
        tornado(tiers())
