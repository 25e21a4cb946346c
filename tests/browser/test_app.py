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


def test_a_link_that_is_followed_in_the_same_page_is_taken(visit):
    page = visit()
    page.get_by_role("button", name="Copy link").click()
    page.wait_for_url(re.compile("#m="))
    link = page.url
    retries(page).focus()
    page.keyboard.press("Home")
    redrawn_as(page, "safe")
    page.evaluate("location.hash = ''")
    page.evaluate("link => { location.href = link; }", link)
    redrawn_as(page, "can get stuck")
    assert "retries: 3" in page.locator("#yaml").input_value()


DAMAGED = ("#m=AAAA", "#m=%00", "#m=" + "A" * 3000)


@pytest.mark.parametrize("fragment", DAMAGED)
def test_a_damaged_link_is_named_and_answers_nothing(opened, address, fragment):
    page = opened(address + fragment)
    page.wait_for_selector("body[data-settled]")
    assert page.locator("#word").inner_text().lower() == "damaged link"
    assert "carries no model" in page.locator("#problems").inner_text()
    assert page.locator("#yaml").input_value() == ""
    page.locator("#gallery").select_option("service52")
    page.locator("#name", has_text="Service52").wait_for()
    assert not page.locator("#problems").is_visible()


def test_a_link_that_would_unpack_to_more_than_a_model_is_damaged(opened, address):
    import base64
    import zlib

    packed = zlib.compressobj(9, wbits=-15)
    bomb = packed.compress(b"#" * 50_000_000) + packed.flush()
    page = opened(address + "#m=" + base64.urlsafe_b64encode(bomb).decode())
    page.wait_for_selector("body[data-settled]")
    assert page.locator("#word").inner_text().lower() == "damaged link"


def test_the_address_keeps_no_token(opened, address):
    page = opened(address + "?token=secret")
    page.wait_for_selector("body[data-redrawn]")
    assert "secret" not in page.url
    page.get_by_role("button", name="Copy link").click()
    page.wait_for_url(re.compile("#m="))
    assert "secret" not in page.url


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


def test_a_file_that_is_no_model_is_named(visit):
    page = visit()
    for name, content, told in (
        ("big.yaml", b"#" * 500_000, "500,000 bytes"),
        ("picture.yaml", b"\x00\x01\x02", "is it a text file?"),
    ):
        page.locator("#file").set_input_files(
            {"name": name, "mimeType": "text/yaml", "buffer": content}
        )
        page.locator("#problems li", has_text=told).wait_for()
        assert page.evaluate("document.body.classList.contains('stale')")


def test_an_example_is_chosen_again_and_ones_own_is_come_back_to(visit):
    page = visit()
    assert page.locator("#gallery").input_value() == "retry_storm"
    retries(page).focus()
    page.keyboard.press("Home")
    redrawn_as(page, "safe")
    assert page.locator("#gallery").input_value() == ""
    page.locator("#gallery").select_option("retry_storm")
    redrawn_as(page, "can get stuck")
    page.locator("#gallery").select_option("")
    redrawn_as(page, "safe")


def test_arrow_keys_take_a_slider_from_value_to_value(visit):
    page = visit()
    slider = retries(page)
    slider.focus()
    for key, told in (
        ("ArrowRight", "4"),
        ("ArrowUp", "5"),
        ("ArrowLeft", "4"),
        ("ArrowDown", "3"),
    ):
        page.keyboard.press(key)
        assert slider.get_attribute("aria-valuetext") == told
    load = page.get_by_label("arrival rate of web")
    load.focus()
    before = load.get_attribute("aria-valuetext")
    page.keyboard.press("ArrowRight")
    assert load.get_attribute("aria-valuetext") != before


def test_tab_goes_down_the_page_and_the_focus_is_seen(visit):
    page = visit()
    page.wait_for_selector("body[data-settled]")
    places = []
    for _ in range(60):
        page.keyboard.press("Tab")
        place = page.evaluate(
            """async () => { await Promise.allSettled(document.getAnimations().map(a => a.finished));
            const e = document.activeElement, s = getComputedStyle(e), b = e.getBoundingClientRect();
            return e === document.body ? null : [e.id || e.tagName + (e.type || ''), b.top + scrollY, b.left,
              s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0
                && e.checkVisibility({opacityProperty: true})]; }"""
        )
        if place is None or place[0] == "yaml":
            break
        places.append(place)
    assert [name for name, *_, seen in places if not seen] == []
    names = [name for name, *_ in places]
    assert names[1:5] == ["gallery", "load", "save", "share"]  # behind the link that skips them
    assert set(names[5:-4]) == {
        "INPUTrange",
        "BUTTONbutton",
    }  # the knobs, and two buttons a picture
    assert names.count("BUTTONbutton") == 4
    assert names[-4:] == ["exact", "horizon", "runs", "simulate"]


def test_an_answer_that_is_late_is_not_taken_for_the_former_one(visit):
    page = visit()
    page.route("**/api/glance", lambda route: None)
    page.locator("#gallery").select_option("service52")
    page.locator("#word", has_text="working").wait_for()
    assert page.evaluate("document.body.classList.contains('stale')")
    assert page.locator("#sentence").inner_text() == ""


def test_a_server_that_is_gone_is_named(visit):
    page = visit()
    page.evaluate("() => { window.fetch = () => Promise.reject(new TypeError('gone')); }")
    page.get_by_role("button", name="Work it out").click()
    page.locator("#exact-stage", has_text="does not answer any more").wait_for()
    page.get_by_role("button", name="Simulate").click()
    page.locator("#simulated", has_text="does not answer any more").wait_for()
    assert not page.locator("#cancel").is_visible()
    retries(page).focus()
    page.keyboard.press("Home")
    redrawn_as(page, "no connection")


def test_a_server_that_is_gone_when_the_page_is_loaded_is_named(browser, address):
    page = browser.new_page()
    page.add_init_script("window.fetch = () => Promise.reject(new TypeError('gone'))")
    page.goto(address)
    page.locator("#problems li", has_text="does not answer").wait_for()
    page.close()


def test_the_exact_answer_is_outdated_by_a_move(visit):
    page = visit()
    page.locator("#gallery").select_option("service52")
    page.locator("#name", has_text="Service52").wait_for()
    page.get_by_role("button", name="Work it out").click()
    page.locator("#exact-cancel").wait_for(state="hidden")
    assert "former" not in (page.locator("#exact-answer").get_attribute("class") or "")
    page.locator("#knobs input").first.focus()
    page.keyboard.press("ArrowRight")
    page.locator("#exact-stage", has_text="before the last change").wait_for()
    assert "former" in page.locator("#exact-answer").get_attribute("class")


def _long_simulation(page):
    page.locator("#horizon").fill("1000")
    page.locator("#runs").fill("150")
    page.get_by_role("button", name="Simulate").click()
    page.locator("#cancel").wait_for()


def test_escape_cancels_and_gives_the_focus_back(visit):
    page = visit()
    _long_simulation(page)
    page.locator("#cancel").focus()
    page.keyboard.press("Escape")
    page.locator("#simulated", has_text="cancelled").wait_for()
    assert page.evaluate("document.activeElement.id") == "simulate"
    assert not page.locator("#progress").is_visible()


def test_a_simulation_begun_again_is_the_one_that_is_waited_for(visit):
    page = visit()
    _long_simulation(page)
    page.locator("#horizon").fill("30")
    page.locator("#runs").fill("10")
    page.get_by_role("button", name="Simulate").click()
    page.locator("#timeline-figure .main-svg").first.wait_for()
    assert page.locator("#simulated").inner_text() == "10 runs"
    page.locator("#cancel").wait_for(state="hidden")


def test_a_move_stops_a_simulation_of_the_former_model(visit):
    page = visit()
    _long_simulation(page)
    retries(page).focus()
    page.keyboard.press("Home")
    page.locator("#simulated", has_text="the model has changed").wait_for()
    page.locator("#cancel").wait_for(state="hidden")


def test_what_cannot_be_simulated_is_refused_with_the_reason(visit):
    page = visit()
    for runs, told in (
        ("", "above 0"),
        ("1000000000", "number above 0"),
        ("10000", "events are more"),
    ):
        page.locator("#horizon").fill("100000")
        page.locator("#runs").fill(runs)
        page.get_by_role("button", name="Simulate").click()
        page.locator("#simulated", has_text=told).wait_for()
        page.locator("#cancel").wait_for(state="hidden")


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
