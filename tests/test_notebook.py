"""Results in notebooks: every number is there, and no text of the user's becomes markup."""

from __future__ import annotations

import dataclasses
import inspect
import pkgutil
from html.parser import HTMLParser
from importlib import import_module

import pytest
from hypothesis import given
from hypothesis import strategies as st

import separatrix
from separatrix import Program, Server, Source, Work, check
from separatrix.notebook import MOST_ROWS, Shown, table_of
from separatrix.questions.glance import glance
from separatrix.questions.recovery import recovery_over_load
from separatrix.simulate import simulate

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>"
ATTRIBUTES = {"role", "aria-label", "tabindex", "style", "scope"}
VALUES = {"region", "0", "overflow-x:auto", "row", "col"}
TAGS = {"div", "strong", "p", "table", "tr", "th", "td"}


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen, self.open, self.text = set(), [], ""

    def handle_starttag(self, tag, attrs):
        assert {name for name, _ in attrs} <= ATTRIBUTES
        for name, value in attrs:
            assert name == "aria-label" or value in VALUES
        self.seen.add(tag)
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def read(markup):
    tags = Tags()
    tags.feed(markup)
    tags.close()
    assert tags.open == []
    assert tags.seen <= TAGS
    return tags.text


def program(name=EVIL):
    made = Program(name)
    made.add_server(Server("s", {"get": Work(10.0)}, qsize=20))
    made.add_source(Source("c", "get", 4.0, timeout=4.0, retries=1))
    made.connect("c", "s")
    return made


@pytest.mark.parametrize(
    "answer",
    [
        check,
        glance,
        lambda p: recovery_over_load(p, "c", [2.0, 4.0]),
        lambda p: simulate(p, horizon=20.0, runs=2, workers=1, progress=False),
        lambda p: p,
    ],
    ids=["verdict", "glance", "recovery", "simulation", "program"],
)
def test_results_are_tables_without_anybody_elses_markup(answer):
    text = read(answer(program())._repr_html_())
    assert len(text) > 100


def test_the_verdict_is_read_first_and_times_are_there():
    verdict = check(program("calm"))
    text = read(verdict._repr_html_())
    assert text.startswith("Verdict: safe")
    assert verdict.sentence in text
    assert f"{verdict.recovery.p99:.4g}" in text


def test_a_program_that_is_not_whole_says_why():
    text = read(Program("x")._repr_html_())
    assert "Not whole yet" in text


def test_what_is_inconclusive_says_why_and_long_things_are_counted():
    text = table_of("T", {"status": "inconclusive", "reason": "too <large>", "values": list(range(500)),
                          "many": {str(i): i for i in range(MOST_ROWS + 5)}})  # fmt: skip
    read(text)
    assert "inconclusive: too &lt;large&gt;" in text
    assert "500 values" in text
    assert "and 5 more" in text


def test_units_stand_apart_from_names():
    text = table_of("T", {"rate_per_s": 2.0, "mean_s": 3.0, "rows": [{"time_s": 1.0}]})
    assert '<th scope="row">rate [1/s]</th>' in text
    assert '<th scope="row">mean [s]</th>' in text
    assert '<th scope="col">time [s]</th>' in text


def test_few_values_within_a_record_stand_in_its_line_and_sentences_apart():
    point = {"state": {"queue": 3.0, "orbit": 0.5}, "range": [1, 2], "stable": True}
    text = table_of("T", {"points": [point, point], "said": ["x" * 41, "<b>"]})
    assert read(text).count("queue 3, orbit 0.5") == 2
    assert "<td>1, 2</td>" in text
    assert f"<p>{'x' * 41}</p><p>&lt;b&gt;</p>" in text
    deep = {"points": [{"state": {"queue": [1, 2]}}]}
    assert "1 values" in table_of("T", deep)


def results():
    """Every frozen answer of ours that says itself as plain data."""
    for module in pkgutil.walk_packages(separatrix.__path__, "separatrix."):
        if module.name.endswith("__main__"):
            continue
        for found in vars(import_module(module.name)).values():
            own = inspect.isclass(found) and found.__module__ == module.name
            if own and dataclasses.is_dataclass(found) and hasattr(found, "to_dict"):
                yield found


def test_every_result_shows_itself():
    pytest.importorskip("torch", reason="torch is not installed")
    found = list(results())
    assert len(found) > 60
    mute = [f"{c.__module__}.{c.__name__}" for c in found if not hasattr(c, "_repr_html_")]
    assert mute == ["separatrix.weights.regression.RegressionOptions"]


def test_a_result_that_says_nothing_of_itself_is_a_mistake():
    class Mute(Shown):
        pass

    with pytest.raises(NotImplementedError, match="Mute"):
        Mute()._repr_html_()


plain = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8) | st.just(EVIL),
    lambda inner: (
        st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=5), inner, max_size=5)
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.text(max_size=8) | st.just(EVIL), plain, max_size=6), st.text(max_size=8))
def test_any_plain_value_is_shown_within_our_tags(data, name):
    read(table_of(name, data))
