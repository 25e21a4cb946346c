"""The report in a real browser: what is seen, what it asks for, how it prints, where things are."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from separatrix.model.files import loads
from separatrix.questions.dossier import dossier
from separatrix.questions.remedies_found import Remedies, Remedy
from separatrix.views.full_report import full_report
from separatrix.views.subject import subject_of

sys.path.insert(0, str(Path(__file__).parent))  # tests are no packages
from layout import MOST, other, reduced, set_in_one_font

MODEL = """\
separatrix: 1
name: Checkout
servers:
  s: {qsize: 24, apis: {get: {processing_rate: 10/s}}}
sources:
  c: {server: s, api: get, arrival_rate: 4/s, timeout: 3s, retries: 1}
faults:
  - {kind: spike, source: c, factor: 3x, start: 20s, duration: 5s}
limits:
  - goodput > 0.9
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    program = loads(MODEL)
    # a service that needs no remedy is answered quickly; one is put in its place to be shown
    remedy = Remedy(
        changes={"servers.s.qsize": 12}, text="qsize of s 12 instead of 24", cost=1.0,
        proposed_by="fluid", confirmed_by=("simulation (200 runs)",), refuted="",
        recovery_p99=1.0, trapped=0.0, trapped_high=0.02, goodput_before=0.9, goodput_after=0.99,
    )  # fmt: skip
    parts = replace(
        dossier(program), fixes=Remedies("x", "no stuck state", True, (remedy,), (), ("threads",))
    )
    text = full_report(
        parts, replace(subject_of(program, "separatrix report x.yaml"), yaml=MODEL), seed=0
    )
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(text)
    return path.as_uri()


def test_the_verdict_and_the_fix_are_on_the_first_screen(opened, address):
    page = opened(address)
    verdict = page.locator(".verdict strong")
    assert verdict.inner_text().lower() == "safe"
    for place in (".verdict", ".tiles", "#fix"):
        assert page.locator(place).bounding_box()["y"] < 1000
    assert "Cheapest fix" in page.locator(".tiles").inner_text()
    assert page.locator("pre.patch").first.is_visible()


def test_a_figure_is_read_off_and_goes_back_for_print(opened, address):
    page = opened(address)
    assert page.locator(".main-svg").count() == 0
    for name in ("timeline", "portrait", "hysteresis", "recovery", "map", "tornado"):
        figure = page.locator(f"figure:has([data-figure={name}])")
        figure.get_by_role("button", name="Read off").click()
        figure.locator(".main-svg").first.wait_for()
        assert not figure.locator("svg[role=img]").is_visible()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("svg[role=img]").first.is_visible()
    assert not page.locator(".main-svg").first.is_visible()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    figure.get_by_role("button", name="Picture").click()
    assert figure.locator("svg[role=img]").is_visible()


def test_a_patch_is_copied(opened, address):
    page = opened(address, permissions=["clipboard-read", "clipboard-write"])
    page.locator("ol.fixes").first.get_by_role("button", name="Copy").first.click()
    page.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()").startswith("--- model\n+++ model\n@@")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_without_scripts_everything_is_there_and_can_be_read(opened, address, scheme):
    page = opened(address, java_script_enabled=False, color_scheme=scheme)
    for figure in page.locator("figure svg[role=img]").all()[:6]:
        assert figure.is_visible()
    for name in ("Fix", "Why", "Numbers", "Model", "Evidence", "Assumptions", "Provenance"):
        assert page.get_by_role("heading", name=name, exact=True).is_visible()
        assert page.get_by_role("link", name=name, exact=True).is_visible()


def test_the_keyboard_reaches_links_and_folds(opened, address):
    page = opened(address)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "A"
    fold = page.locator("details:not([open]) > summary").first
    fold.focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.parentElement.open")


@pytest.mark.parametrize("width", [360, 800, 1280])
def test_nothing_is_wider_than_the_page_and_letters_are_readable(opened, address, width):
    page = opened(address, width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    sizes = page.evaluate(
        """[...document.querySelectorAll('figure svg text')].filter(t => t.getBoundingClientRect().height)
        .map(t => parseFloat(getComputedStyle(t).fontSize) * Math.hypot(t.getScreenCTM().a, t.getScreenCTM().b))"""
    )
    assert min(sizes) > 6


def test_letters_of_pictures_stand_out_in_the_dark(opened, address):
    page = opened(address, color_scheme="dark")
    colours = page.evaluate(
        "[...new Set([...document.querySelectorAll('figure svg text')].map(t => getComputedStyle(t).fill))]"
    )
    assert colours
    for colour in colours:
        red, green, blue = (
            int(part) for part in colour.removeprefix("rgb(").rstrip(")").split(",")
        )
        assert min(red, green, blue) > 150, colour


@pytest.mark.parametrize("width", [360, 1280])
def test_the_layout_is_as_stored(opened, address, width):
    page = opened(address, width=width, color_scheme="light")
    set_in_one_font(page)
    assert other(reduced(page, width), f"report-{width}") < MOST


def test_another_layout_is_seen(opened, address):
    page = opened(address, width=1280, color_scheme="light")
    set_in_one_font(page)
    page.add_style_tag(content=".tiles { display: none; }")
    levels = reduced(page, 1280)
    before = other(levels, "report-1280") if not writing() else 1.0
    assert before > MOST


def writing() -> bool:
    import os

    return bool(os.environ.get("SEPARATRIX_WRITE_LAYOUT"))
