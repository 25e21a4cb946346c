"""The full report: every part on one page that asks for nothing, read back and compared."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from click.testing import CliRunner

from separatrix.cli import main
from separatrix.errors import DataError
from separatrix.model.files import loads
from separatrix.questions.dossier import dossier
from separatrix.questions.remedies_found import Remedies, Remedy
from separatrix.views.full_report import full_report
from separatrix.views.kept_pages import carried, differences
from separatrix.views.remedy_section import difference
from separatrix.views.subject import Subject

CALM = """\
separatrix: 1
name: "Calm </script><script>alert(1)</script>"
servers:
  s: {qsize: 12, apis: {get: {processing_rate: 10/s}}}   # one thread
sources:
  c: {server: s, api: get, arrival_rate: 4/s, timeout: 4s, retries: 0}
faults:
  - {kind: spike, source: c, factor: 3x, start: 10s, duration: 2s}
limits:
  - goodput > 0.9
"""


@pytest.fixture(scope="module")
def parts():
    return dossier(loads(CALM))


def written(parts, **changes):
    subject = Subject(CALM, ["One server."], ["w & w"], "separatrix report")
    return full_report(parts, subject, **{"seed": 0, **changes})


@pytest.fixture(scope="module")
def page(parts):
    return written(parts)


def test_every_part_is_answered_for_a_small_model(parts):
    assert parts.word == "safe"
    assert parts.open == {}
    assert parts.limits[0].outcome == "holds"
    assert not parts.fixes.needed
    assert parts.engines.agreed


def test_the_page_asks_for_nothing_and_survives_hostile_names(page):
    markup = re.sub(r"<script(>| type=.text/plain.).*?</script>", "", page, flags=re.S)
    assert not re.search(r"(src|href)=.(?!#|data:)", markup)
    assert "alert(1)</script>" not in markup
    titles = re.findall(r'<h2 id="([a-z-]+)">', markup)
    order = "limits fix why numbers model warnings evidence assumptions provenance"
    assert titles == order.split()
    assert re.findall(r'<a href="#([a-z-]+)">', markup) == titles
    assert "✓ holds" in markup
    assert markup.count("<figure") >= 4


def test_without_the_library_the_page_is_small_and_still_whole(parts, page):
    still = written(parts, interactive=False)
    assert "<script>" not in still
    assert len(still) < len(page) - 1_000_000
    assert still.count("<figure") == page.count("<figure")


def test_what_could_not_be_concluded_is_named(parts):
    gap = replace(parts, verdict=None, curve=None, open={"verdict": "it is <too> large"})
    text = written(gap)
    assert "verdict: it is &lt;too&gt; large" in text
    assert "By the mean dynamics alone" in text


def test_a_remedy_comes_as_a_patch(parts):
    remedy = Remedy(
        changes={"servers.s.qsize": 6}, text="qsize of s 6 instead of 12", cost=1.0,
        proposed_by="fluid", confirmed_by=("simulation (200 runs)",), refuted="",
        recovery_p99=1.0, trapped=0.0, trapped_high=0.02, goodput_before=0.9, goodput_after=0.99,
    )  # fmt: skip
    fixes = Remedies("x", "no stuck state", True, (remedy,), (), ())
    text = written(replace(parts, fixes=fixes))
    assert "+  s: {qsize: 6" in text
    assert "# one thread" in text


def test_a_patch_holds_only_what_differs():
    assert difference("a\nb\nc\nd\ne\n", "a\nb\nX\nd\ne\n").splitlines()[3:] == [
        " b", "-c", "+X", " d",
    ]  # fmt: skip


def test_a_page_is_read_back_and_compared(tmp_path, parts, page):
    one, other = tmp_path / "a.html", tmp_path / "b.html"
    one.write_text(page)
    changed = replace(parts, open={"agreement": "not asked"})
    other.write_text(written(changed))
    assert carried(one)["verdict"] == "safe"
    assert differences(carried(one), carried(one)) == []
    assert [d[0] for d in differences(carried(one), carried(other))] == ["open.agreement"]
    shown = CliRunner().invoke(main, ["diff", str(one), str(other)])
    assert "open.agreement" in shown.output
    opened = CliRunner().invoke(main, ["report", "--open", str(one)])
    assert json.loads(opened.output)["schema"] == "separatrix.report/1"


def test_numbers_that_differ_by_rounding_are_the_same():
    assert differences({"a": 1.0}, {"a": 1.0 + 1e-12}) == []
    assert differences({"a": 1.0, "b": [1]}, {"a": 1.1}) == [("a", 1.0, 1.1), ("b", [1], None)]


def test_items_with_names_are_compared_by_them():
    one = {"targets": [{"name": "a", "peak": 1.0}, {"name": "b", "peak": 2.0}]}
    other = {"targets": [{"name": "b", "peak": 3.0}, {"name": "a", "peak": 1.0}]}
    assert differences(one, other) == [("targets.b.peak", 2.0, 3.0)]
    assert differences({"moves": [{"user": "u"}]}, {"moves": []})[0][0] == "moves"


@pytest.mark.parametrize(
    "text",
    ["", "<html></html>", '<script type="application/json" id="separatrix-report">{</script>'],
)
def test_what_is_no_page_of_ours_is_refused(tmp_path, text):
    path = tmp_path / "x.html"
    path.write_text(text)
    with pytest.raises(DataError, match=r"no page of ours|damaged"):
        carried(path)
    with pytest.raises(DataError, match="cannot be read"):
        carried(tmp_path / "nothing.html")
