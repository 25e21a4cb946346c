"""The page on a plan of moves: what it says, and that hostile names stay text."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from separatrix.placement import Limits, Plan
from separatrix.placement.commands import Command
from separatrix.placement.plan import Move
from separatrix.telemetry.quality import DataQuality, Repair, RepairCount
from separatrix.views.placement_page import placement_page
from separatrix.weights import Weights

NAMES = ("fs-MDT0000", "<b>$x$</b>")


@pytest.fixture
def plan() -> Plan:
    before = np.array([[90.0, 30.0, 60.0], [10.0, 20.0, 10.0]])
    after = np.array([[50.0, 20.0, 30.0], [50.0, 30.0, 40.0]])
    moved = Move("<i>u</i>", NAMES[0], NAMES[1], 30.0, 40.0, 0.0, 2e12, (Command("", "no path"),))
    nothing = np.zeros(1)
    weights = Weights(
        method="quantile", operations=("open",), values=np.ones(1), low=nothing, high=nothing,
        covariance=np.zeros((1, 1)), basis=("measured",), status="ok",
    )  # fmt: skip
    return Plan(
        moves=(moved,), targets=NAMES, before=before, after=after,
        peak_before=before.max(axis=1), peak_after=after.max(axis=1), worst_case_before=88.0,
        worst_case_after=49.0, bound=49.9, limits=Limits(3), pinned=("staying",), window=600.0,
        start=0.0, folded=0.0, worst=1, z=1.96, weights=weights, status="ok", reason="",
    )  # fmt: skip


def test_the_page_says_what_is_gained_in_units_that_are_read(plan):
    page = placement_page(plan, quality=DataQuality(files=1, intervals=6), command="separatrix")
    assert "1 move lowers the worst peak by 44.4 %" in page
    assert "more than 0.2 % below that" in page
    assert "2 TB" in page
    assert '<td data-head="inodes">not known</td>' in page
    assert "A peak is the highest of 3 windows of 10 min." in page
    assert "Nothing had to be repaired." in page


def test_names_stay_text(plan):
    page = placement_page(plan, quality=DataQuality(), command="separatrix <x>")
    for tag in ("<i>u", "<b>$x", "<x>"):
        assert tag not in page


def test_a_plan_that_moves_nobody(plan):
    nobody = replace(plan, moves=(), after=plan.before, peak_after=plan.peak_before)
    page = placement_page(nobody, quality=DataQuality(), command="")
    assert "Nothing within the limits lowers the worst peak." in page
    assert "stays the worst" in page


def test_repairs_and_files_left_out_are_told(plan):
    quality = DataQuality(
        repairs={
            Repair.SHIFTED_CPU: RepairCount(2, ("a.h5",)),
            Repair.GAP: RepairCount(1, (), ("at noon",)),
        },
        failures=(("b.h5", "it is empty"),),
        files=3,
        intervals=1200,
        missing=7,
        notes=("stamps are UTC",),
    )
    page = placement_page(plan, quality=quality, command="")
    for line in (
        "3 files were read: 1,200 intervals of single targets, 7 of them",
        "Right-aligned CPU, 2 times:",
        "(a.h5).",
        "Gap, once: intervals for which no sample exists.",
        "at noon",
        "Left out b.h5: it is empty.",
        "Stamps are UTC.",
    ):
        assert line in page
    assert "Nothing had to be repaired." not in page
