"""The page: complete, self-contained, safe against hostile names."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from io import StringIO

import pytest
from rich.console import Console

from separatrix import Program, Server, Source, Work, check
from separatrix.model.limits import as_limit
from separatrix.questions.limits import kept_limits
from separatrix.views.page import finite
from separatrix.views.report import report_html
from separatrix.views.subject import Subject
from separatrix.views.tables import basis, print_answer, verdict_rows


@pytest.fixture(scope="module")
def verdict():
    program = Program("<script>alert('x')</script> & co")
    program.add_server(Server("s", {"get": Work(10.0)}, qsize=30))
    program.add_source(Source("c", "get", 8.0, timeout=2.0, retries=1))
    program.connect("c", "s")
    return check(program)


@pytest.fixture(scope="module")
def page(verdict):
    return report_html(
        verdict,
        Subject(
            "name: </pre><script>",
            ["One server."],
            ["retries & no backoff"],
            "separatrix check x.yaml",
        ),
    )


class Elements(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found: list[tuple[str, dict]] = []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def test_page_asks_for_nothing_and_runs_nothing(page):
    elements = Elements()
    elements.feed(page)
    tags = [tag for tag, _ in elements.found]
    assert "link" not in tags
    assert "img" not in tags
    assert "iframe" not in tags
    scripts = [attrs for tag, attrs in elements.found if tag == "script"]
    assert scripts == [{"type": "application/json", "id": "separatrix-verdict"}]
    for _, attrs in elements.found:
        for name in ("src", "href", "xlink:href"):
            assert not (attrs.get(name) or "#").startswith(("http", "//", "file"))
    assert not re.search(r"url\((?!#)", page)
    assert "@import" not in page


def test_page_carries_the_verdict_the_model_and_the_command(page, verdict):
    assert verdict.word in page
    assert "separatrix check x.yaml" in page
    assert "One server." in page
    assert "retries &amp; no backoff" in page
    assert page.count("<svg") == 2
    data = re.search(r'id="separatrix-verdict">(.*?)</script>', page, re.S)[1]
    assert json.loads(data)["verdict"] == verdict.word


def test_hostile_names_are_text(page):
    assert "<script>alert" not in page
    assert "</pre><script>" not in page


def test_infinities_are_text_in_json():
    assert finite({"a": float("inf"), "b": [float("nan"), 1.0]}) == {"a": "inf", "b": ["nan", 1.0]}


def test_plain_text_when_piped(verdict):
    out = StringIO()
    console = Console(file=out, width=200)
    print_answer(verdict, verdict_rows(verdict), basis(verdict), ["careful"], console)
    text = out.getvalue()
    assert "\x1b" not in text
    assert verdict.sentence in text
    assert "recovery time" in text
    assert "warning: careful" in text
    assert "<script>alert" in text


def test_every_number_has_a_unit_or_is_a_share(verdict):
    for _, rows in verdict_rows(verdict):
        for label, value, remark in rows:
            assert value
            assert remark or re.search(r"[a-z/]", value), label


def test_the_limits_are_on_the_page_as_on_the_terminal():
    program = Program("p", limits=map(as_limit, ("goodput > 0.9", "recovery_p99 < 1ms")))
    program.add_server(Server("s", {"get": Work(10.0)}, qsize=30))
    program.add_source(Source("c", "get", 4.0, timeout=2.0))
    program.connect("c", "s")
    verdict = check(program)
    page = report_html(verdict, Subject("", [], [], ""), kept_limits(verdict))
    assert 'href="#limits"' in page
    for promise, word in (("goodput &gt; 0.9", "✓ holds"), ("recovery_p99 &lt; 1ms", "✗ fails")):
        assert f'{promise}</th><td data-head="kept?">{word}' in page
