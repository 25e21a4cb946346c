"""Pictures, tables and the page of weights."""

from __future__ import annotations

import json
import re
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from separatrix.telemetry import Counters
from separatrix.telemetry.synthesize import default_system, synthesize
from separatrix.views import figures_weights as pictures
from separatrix.views.weights_page import weights_page
from separatrix.views.weights_tables import print_scores, print_study
from separatrix.weights import CostWeights, Ledger, RegressionOptions, Study, study
from separatrix.weights.scoring import scored

DAY = 1_546_300_800.0


@pytest.fixture(scope="module")
def table() -> Counters:
    return synthesize(
        default_system(n_targets=1, n_users=8), 1, start=DAY, intervals=600, accounts=True
    )


@pytest.fixture(scope="module")
def found(table) -> Study:
    return study(CostWeights(regression=RegressionOptions(lag=0, folds=4)).fit(table))


def test_histogram_has_a_bar_for_each_decade_and_operation(found):
    (axes,) = pictures.rate_histogram(found.summary).axes
    rows = found.summary.table()[: len(axes.containers)]
    for bars, row in zip(axes.containers, rows, strict=True):
        heights = [bar.get_height() for bar in bars]
        assert heights == list(row.histogram[: len(heights)])
        assert sum(heights) == row.count
    assert axes.get_yscale() == "symlog"


def test_cumulative_share_ends_at_all(found):
    (axes,) = pictures.cumulative_share(found.summary).axes
    y = axes.lines[0].get_ydata()
    assert y[-1] == pytest.approx(100.0)
    assert np.all(np.diff(y) >= 0)


def test_every_method_and_operation_has_its_marker(found):
    figure = pictures.weights_by_method(found.methods)
    (axes,) = figure.axes
    labels = [tick.get_text() for tick in axes.get_yticklabels()]
    assert sorted(labels) == sorted({o for m in found.methods.values() for o in m})
    first = next(iter(found.methods.values()))
    weights = [first[label].weight for label in labels if label in first]
    assert weights == sorted(weights, reverse=True)
    assert [t.get_text() for t in figure.legends[0].get_texts()] == list(found.methods)


def test_score_against_load_and_time(found):
    (axes,) = pictures.score_against_load(found).axes
    assert np.array_equal(axes.lines[0].get_xdata(), found.dots[0])
    upper, lower = pictures.score_over_time(found).axes
    assert np.array_equal(upper.lines[0].get_ydata(), found.times[1])
    assert np.array_equal(lower.lines[0].get_ydata(), found.times[2])


def test_daily_ratio_by_local_day(found):
    (axes,) = pictures.daily_ratio(found).axes
    assert [t.get_text() for t in axes.get_xticklabels()] == ["2019-01-01"]


def test_pictures_of_nothing():
    from separatrix.weights import Summary

    pictures.rate_histogram(Summary())
    pictures.cumulative_share(Summary())
    pictures.weights_by_method({})


def test_page_is_whole_and_asks_for_nothing(found):
    text = weights_page(found, command="separatrix weights <day>")
    assert text.count("<figure") == 6
    assert "weights found" in text
    assert "Nothing had to be repaired." in text
    assert "separatrix weights &lt;day&gt;" in text
    body = re.sub(r'xmlns(:\w+)?="[^"]*"|<!DOCTYPE[^>]*>|<metadata>.*?</metadata>', "", text,
                  flags=re.S)  # fmt: skip
    assert not re.search(r'(src|href)="(?!#|data:)', body)
    embedded = re.search(r'id="separatrix-weights">(.*?)</script>', text, re.S)
    assert embedded is not None
    assert json.loads(embedded[1])["weights"]["method"] == "regression"


def test_page_without_load(table):
    from dataclasses import replace

    silent = replace(table, cpu=np.full_like(table.cpu, np.nan))
    text = weights_page(study(CostWeights("quantile").fit(silent)), command="x")
    assert text.count("<figure") == 3
    assert "no interval has both" in text


def test_tables_when_piped(found, table, tmp_path: Path):
    out = StringIO()
    print_study(found, Console(file=out, width=200))
    text = out.getvalue()
    for word in ("OK", "Weights", "plain count", "opens alone", "data quality"):
        assert word in text
    out = StringIO()
    scores = scored(Ledger(found.weights, "user"), [table])
    print_scores(scores, 3, Console(file=out, width=200))
    text = out.getvalue()
    assert "Load by user" in text
    assert "and 5 more" in text
    assert scores.loads[0].label in text
    out = StringIO()
    print_scores(scores, 30, Console(file=out, width=120, force_terminal=True))
    assert "more" not in out.getvalue()
