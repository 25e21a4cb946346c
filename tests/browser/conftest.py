"""A real browser; the tests here are skipped, with the reason, where there is none."""

from __future__ import annotations

import re
import shutil

import pytest

OPTIONS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
PATIENCE = 60_000  # ms; only to end a test whose page never comes


@pytest.fixture(scope="module")
def browser():
    """Ends with the module: while it is up, its event loop runs in this thread and no other can."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no chromium is installed")
    with api.sync_playwright() as playwright:
        own = playwright.chromium.launch(executable_path=chromium, args=OPTIONS)
        yield own
        own.close()


@pytest.fixture
def opened(browser):
    """Opens addresses; afterwards there must have been no foreign request and no error on any page."""
    contexts, asked, errors, owned = [], [], [], ["data:", "blob:"]

    def open_page(url, *, width=1100, height=1000, **settings):
        context = browser.new_context(viewport={"width": width, "height": height}, **settings)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("request", lambda r: asked.append(r.url))
        page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda e: errors.append(str(e)))
        origin = re.split("[#?]", url)[0]
        owned.extend([origin, "blob:" + origin])
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert [url for url in asked if not url.startswith(tuple(owned))] == []
    assert errors == []
