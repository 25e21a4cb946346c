"""The app in a real browser; skipped where there is none."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # tests are no packages
from layout import MOST, other, reduced, set_in_one_font

pytest.importorskip("uvicorn", reason="the app extra is not installed")


@pytest.fixture(scope="module")
def address():
    served = subprocess.Popen(
        [sys.executable, "-m", "separatrix", "app", "--port", "0"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    line = served.stdout.readline()
    yield re.search(r"http://127\.0\.0\.1:\d+/", line).group()
    served.terminate()
    served.wait()


@pytest.fixture
def visit(opened, address):
    """Opens the app and waits for its first answer."""

    def open_page(width=1100, fragment="", **settings):
        page = opened(address + fragment, width=width, **settings)
        page.wait_for_selector("body[data-redrawn]")
        return page

    return open_page


def retries(page):
    return page.get_by_label("retries of web")


def redrawn_as(page, word):
    page.locator("#word", has_text=word).wait_for()


def test_the_verdict_is_there_and_a_slider_changes_it(visit):
    page = visit()
    assert page.locator("#word").inner_text().lower() == "can get stuck"
    page.locator("#portrait .scatterlayer .lines").first.wait_for(state="attached")
    retries(page).focus()
    page.keyboard.press("Home")
    redrawn_as(page, "safe")
    assert "retries: 0" in page.locator("#yaml").input_value()


def test_the_separatrix_follows_the_move(visit):
    page = visit()
    page.wait_for_selector("body[data-settled]")
    assert "separatrix" in page.locator("#portrait-figure .key").text_content()


def test_no_separatrix_of_a_former_model_is_shown_while_a_slider_moves(visit):
    page = visit()
    page.wait_for_selector("body[data-settled]")
    line = page.locator("#portrait .scatterlayer .trace").last
    lines = page.locator("#portrait .scatterlayer .trace").nth(1).locator(".js-line")
    before = lines.get_attribute("d")
    assert line.locator(".js-line").get_attribute("d")
    # what follows the move is never answered
    page.route(
        "**/api/glance",
        lambda route: None if "divided" in route.request.post_data else route.continue_(),
    )
    page.evaluate("delete document.body.dataset.redrawn")
    page.get_by_label("time-out of web").focus()
    page.keyboard.press("PageDown")
    page.wait_for_selector("body[data-redrawn]")
    assert lines.get_attribute("d") != before
    assert not line.locator(".js-line").count() or not line.locator(".js-line").get_attribute("d")
    assert "separatrix" not in page.locator("#portrait-figure .key").text_content()


def test_the_exact_answer_is_refined_as_it_streams(visit):
    page = visit()
    page.locator("#gallery").select_option("service52")
    page.locator("#name", has_text="Service52").wait_for()
    page.get_by_role("button", name="Work it out").click()
    page.locator("#exact-answer dd").first.wait_for()
    told = page.locator("#exact-answer").inner_text()
    assert "recovery" in told
    assert "retries counted" in told


def test_every_example_of_the_gallery_is_shown(visit):
    page = visit()
    options = page.locator("#gallery optgroup option")
    assert "Unfair load balancing across links" in options.all_inner_texts()
    for name in options.evaluate_all("found => found.map(o => o.value)"):
        page.evaluate("delete document.body.dataset.redrawn")
        page.locator("#gallery").select_option(name)
        page.locator("body[data-redrawn], #problems:not([hidden])").first.wait_for()
        assert page.locator("#word").inner_text() not in ("…", "NOT A MODEL")
        assert page.locator("#about").inner_text()


def test_a_model_typed_in_is_judged_and_a_wrong_one_is_named(visit):
    page = visit()
    text = page.locator("#yaml").input_value()
    page.locator("#yaml").fill(text.replace("retries: 3", "retries: many"))
    page.locator("#problems li").first.wait_for()
    for place in ("#problems", "#wrong"):
        assert "retries" in page.locator(place).inner_text()
    assert page.evaluate("document.body.classList.contains('stale')")
    page.locator("#yaml").fill(text.replace("retries: 3", "retries: 0"))
    redrawn_as(page, "safe")


def test_the_link_carries_the_model(visit):
    page = visit()
    retries(page).focus()
    page.keyboard.press("Home")
    redrawn_as(page, "safe")
    page.get_by_role("button", name="Copy link").click()
    page.wait_for_url(re.compile("#m="))
    other = visit(fragment=page.url[page.url.index("#") :])
    assert other.locator("#word").inner_text().lower() == "safe"


def test_a_damaged_link_is_named(opened, address):
    page = opened(address + "#m=AAAA")
    page.locator("#problems li").first.wait_for()
    assert "the link that led here is damaged" in page.locator("#yaml").input_value()


def test_the_model_is_saved_and_loaded(visit, tmp_path):
    page = visit()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save YAML").click()
    saved = tmp_path / "model.yaml"
    download.value.save_as(saved)
    assert saved.read_text().startswith("separatrix: 1")
    saved.write_text(saved.read_text().replace("retries: 3", "retries: 0"))
    page.locator("#file").set_input_files(str(saved))
    redrawn_as(page, "safe")


def test_a_simulation_is_drawn_and_another_is_cancelled(visit):
    page = visit()
    page.locator("#horizon").fill("30")
    page.locator("#runs").fill("10")
    page.get_by_role("button", name="Simulate").click()
    page.locator("#timeline-figure .main-svg").first.wait_for()
    assert "10 runs" in page.locator("#simulated").inner_text()
    page.locator("#horizon").fill("1000")
    page.locator("#runs").fill("150")
    page.get_by_role("button", name="Simulate").click()
    page.locator("#cancel").click()
    page.locator("#cancel").wait_for(state="hidden")


@pytest.mark.parametrize("width", [360, 1100])
def test_nothing_overflows_and_the_keyboard_reaches_everything(visit, width):
    page = visit(width)
    box = page.locator("html").bounding_box()
    assert box["width"] <= width
    for element in page.locator("button:visible, input:visible, select:visible, textarea").all():
        inside = element.bounding_box()
        assert inside["x"] >= 0
        assert inside["x"] + inside["width"] <= width + 1
        element.focus()
    # the picture is where the layout puts it: below the verdict and the knobs
    order = [
        page.locator(s).bounding_box()["y"] for s in ("#answer", "#knobs", "#portrait", "#yaml")
    ]
    assert order == sorted(order)


@pytest.mark.parametrize("width", [360, 1280])
def test_the_layout_is_as_stored(visit, width):
    page = visit(width, color_scheme="light", bypass_csp=True)
    page.wait_for_selector("body[data-settled]")
    set_in_one_font(page)
    # the pictures lay out their own letters: what is compared is the page around them
    page.add_style_tag(content=".plot > * { visibility: hidden; } .plot { background: #888; }")
    assert other(reduced(page, width), f"app-{width}") < MOST
