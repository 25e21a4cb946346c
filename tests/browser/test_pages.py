"""The pages of weights, placement, proof and check in a real browser: nothing cut, nothing hidden, day or night."""

from __future__ import annotations

import pytest

from separatrix import Program, Server, Source, Work, check
from separatrix.model.faults import Spike
from separatrix.placement import Limits, demand, place
from separatrix.questions.prove import prove
from separatrix.telemetry.quality import DataQuality
from separatrix.telemetry.synthesize import default_system, synthesize
from separatrix.views.placement_page import placement_page
from separatrix.views.proof_page import proof_html
from separatrix.views.report import report_html
from separatrix.views.subject import Subject
from separatrix.views.weights_page import weights_page
from separatrix.weights import CostWeights, RegressionOptions, study

DAY = 1_546_300_800.0
ABOUT = Subject("name: Search", ["One server."], ["no backoff"], "separatrix")


def _program() -> Program:
    program = Program("Search")
    program.add_server(Server("index", {"query": Work(20.0)}, 30, thread_pool=2))
    program.add_source(Source("web", "query", 25.0, timeout=0.4, retries=2))
    program.connect("web", "index")
    return program


def _weights() -> str:
    table = synthesize(default_system(n_targets=1, n_users=8), 1, start=DAY, intervals=600)
    found = study(CostWeights(regression=RegressionOptions(lag=0, folds=4)).fit(table))
    return weights_page(found, command="separatrix weights " + "day.hdf5 " * 30)


def _plan() -> str:
    system = default_system(n_targets=3, n_users=12)
    table = synthesize(system, 2, start=DAY, intervals=200, accounts=True)
    weights = CostWeights("quantile").fit(table).weights_
    asked = demand(weights, [table], by="user", window=600.0, fold=0.0)
    return placement_page(
        place(asked, Limits(3), seconds=2.0), quality=DataQuality(), command="separatrix place"
    )


def _proof() -> str:
    spike = Spike("web", 3.0, 0.0, 0.5)
    proofs = [prove(_program(), spike, repeats=1, runs=40, after=2.0)]
    return proof_html(proofs, ABOUT)


def _check() -> str:
    return report_html(check(_program(), closure="geometric"), ABOUT)


PAGES = {"weights": _weights, "plan": _plan, "proof": _proof, "check": _check}


@pytest.fixture(scope="module", params=PAGES)
def address(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("pages") / f"{request.param}.html"
    path.write_text(PAGES[request.param]())
    return path.as_uri()


LETTERS_CUT = """[...document.querySelectorAll('figure svg text')].filter(t => {
  const own = t.getBoundingClientRect(), all = t.closest('svg').getBoundingClientRect();
  return own.width && (own.left < all.left - 1 || own.right > all.right + 1
    || own.top < all.top - 1 || own.bottom > all.bottom + 1);
}).map(t => t.textContent)"""


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_nothing_is_wider_than_the_page_and_no_letter_of_a_picture_is_cut(opened, address, width):
    page = opened(address, width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(LETTERS_CUT) == []


def test_on_a_telephone_each_cell_stands_beside_the_heading_of_its_column(opened, address):
    page = opened(address, width=360)
    found = page.evaluate(
        """[...document.querySelectorAll('table.stacked td:not(:empty)')].map(cell => [
          getComputedStyle(cell, '::before').content, cell.getBoundingClientRect().right])"""
    )
    assert all(head not in ("none", '""') and right <= 360 for head, right in found)


def test_in_the_dark_no_letters_of_a_picture_stand_on_a_white_patch(opened, address):
    page = opened(address, color_scheme="dark")
    found = page.evaluate(
        """[...document.querySelectorAll('figure svg')].flatMap(svg => {
          const white = [...svg.querySelectorAll('path')]
            .filter(p => getComputedStyle(p).fill === 'rgb(255, 255, 255)')
            .map(p => p.getBoundingClientRect());
          return [...svg.querySelectorAll('text')].filter(t => {
            const b = t.getBoundingClientRect(), x = (b.left + b.right) / 2, y = (b.top + b.bottom) / 2;
            return b.width && white.some(w => w.left < x && x < w.right && w.top < y && y < w.bottom);
          }).map(t => t.textContent);
        })"""
    )
    assert found == []


def test_what_is_printed_from_the_dark_is_dark_on_white(opened, address):
    page = opened(address, color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    ink, paper, link = page.evaluate(
        """['--ink', '--paper', '--link'].map(
          name => getComputedStyle(document.documentElement).getPropertyValue(name))"""
    )
    assert (ink, paper) == ("#000", "#fff")
    assert link == "#005a9c"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_without_scripts_it_can_be_read(opened, address):
    page = opened(address, java_script_enabled=False)
    assert page.locator(".verdict strong").is_visible()
    assert all(figure.is_visible() for figure in page.locator("figure svg[role=img]").all())
    assert page.locator("h2").count() >= 3
