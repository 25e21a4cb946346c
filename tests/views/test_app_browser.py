"""The app in a real browser; skipped where there is none."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytest.importorskip("uvicorn", reason="the app extra is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
if CHROMIUM is None:
    pytest.skip("no chromium is installed", allow_module_level=True)

OPTIONS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
PATIENCE = 120_000  # ms; only to end a test whose page never comes


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


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        own = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield own
        own.close()


@pytest.fixture
def visit(browser, address):
    """Opens the page; afterwards there must have been no foreign request and no error."""
    pages, asked, errors = [], [], []

    def open_page(width=1100, fragment=""):
        page = browser.new_page(viewport={"width": width, "height": 1000})
        page.set_default_timeout(PATIENCE)
        page.on("request", lambda r: asked.append(r.url))
        page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda e: errors.append(str(e)))
        page.goto(address + fragment)
        page.wait_for_selector("body[data-redrawn]")
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        page.close()
    own = (address, "blob:" + address, "data:")
    assert [url for url in asked if not url.startswith(own)] == []
    assert errors == []


def retries(page):
    return page.get_by_label("retries of web")


def redrawn_as(page, word):
    page.locator("#word", has_text=word).wait_for()


def test_the_verdict_is_there_and_a_slider_changes_it(visit):
    page = visit()
    assert page.locator("#word").inner_text().lower() == "can get stuck"
    page.locator("#portrait .contourlayer, #portrait .contour").first.wait_for(state="attached")
    retries(page).focus()
    page.keyboard.press("Home")
    redrawn_as(page, "safe")
    assert "retries: 0" in page.locator("#yaml").input_value()


def test_a_model_typed_in_is_judged_and_a_wrong_one_is_named(visit):
    page = visit()
    text = page.locator("#yaml").input_value()
    page.locator("#yaml").fill(text.replace("retries: 3", "retries: many"))
    page.locator("#problems li").first.wait_for()
    assert "retries" in page.locator("#problems").inner_text()
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
