"""Pictures: what they show, with units, and without a window."""

from __future__ import annotations

import re

import numpy as np
import pytest
from matplotlib.figure import Figure

from separatrix import Program, Server, Source, Work, check, lower
from separatrix.errors import DataError
from separatrix.questions.portrait import describe, portrait
from separatrix.questions.recovery import RecoveryOverLoad
from separatrix.questions.regimes import regimes
from separatrix.questions.tornado import Bar, Tornado
from separatrix.views.figures import (
    law_heat_map,
    phase_portrait,
    recovery_curve,
    tornado_bars,
)
from separatrix.views.figures_canvas import as_svg, inline_svg, save_figure


def found(retries=1, rate=8.0):
    program = Program("p")
    program.add_server(Server("s", {"get": Work(10.0)}, qsize=30))
    program.add_source(Source("c", "get", rate, timeout=2.0, retries=retries))
    program.connect("c", "s")
    return program, regimes(lower(program))


@pytest.mark.parametrize("retries", [0, 1, 2])
def test_phase_portrait_has_axes_with_units_and_a_finding(retries):
    _, divided = found(retries)
    picture = portrait(divided)
    caption = describe(picture.points, divided.population)
    figure = phase_portrait(picture, caption)
    assert isinstance(figure, Figure)
    axes = figure.axes[0]
    assert axes.get_xlabel() == "queue [attempts]"
    assert "[" in axes.get_ylabel()
    assert figure.get_supxlabel() == caption
    labels = axes.get_legend_handles_labels()[1]
    assert "attracts" in labels
    assert ("repels" in labels) == (len(picture.points) > 1)
    assert as_svg(figure, "portrait").startswith("<svg")


def test_finding_names_both_resting_points_and_the_divide():
    _, divided = found()
    text = describe(portrait(divided).points, divided.population)
    assert "2 resting points" in text
    assert "does not come back by itself" in text
    _, calm = found(0)
    assert "every disturbance is forgotten" in describe(portrait(calm).points, calm.population)


@pytest.mark.parametrize("retries", [0, 1, 2])
def test_law_heat_map_in_any_number_of_axes(retries):
    program, _ = found(retries)
    verdict = check(program)
    figure = law_heat_map(verdict.population, verdict.law.log_pi, "finding")
    assert "[attempts]" in figure.axes[0].get_xlabel()


def test_recovery_curve_is_logarithmic_with_units_and_marks_what_never_ends():
    words = ("safe", "can get stuck", "can get stuck", "always stuck")
    p50s, p99s = (1.0, 1e9, 1e30, np.inf), (3.0, 5e9, 5e30, np.inf)
    found = RecoveryOverLoad("web", (1.0, 2.0, 3.0, 4.0), words, p50s, p50s, p99s)
    figure = recovery_curve(found, "finding")
    axes = figure.axes[0]
    assert axes.get_yscale() == "log"
    assert axes.get_xlabel() == "arrival rate of web [requests/s]"
    figure.draw_without_rendering()
    assert any("years" in t.get_text() for t in axes.get_yticklabels())
    lines = {line.get_label(): line.get_xdata() for line in axes.lines}
    assert list(lines["does not come back"]) == [3.0, 4.0]
    assert list(lines["p50: half are back within"]) == [1.0, 2.0]


def test_tornado_bars_show_the_knobs_that_move_something():
    bars = (
        Bar("a", "retries of web", "", 2, 4, 33.0, 20.0),
        Bar("b", "threads", "", 0, 2, np.nan, np.inf),
        Bar("c", "queue bound", "", 160, 250, 25.0, 25.0 + 1e-9),
    )
    found = Tornado("web", 25.0, 80.0, bars)
    assert "retries of web" in found.finding()
    assert "33" in found.finding()
    words = [text.get_text() for text in tornado_bars(found).axes[0].texts]
    assert len(words) == 2
    assert words[0] == "retries of web:  2 → 33,   4 → 20"
    assert words[1].endswith("2 → never")
    still = Tornado("web", 25.0, 80.0, bars[2:])
    assert "No knob" in still.finding()
    tornado_bars(still)
    first = Tornado("web", 25.0, 80.0, (bars[1],))
    assert first.finding().endswith("at 2, danger begins at no load at all.")


def test_a_picture_in_a_page_takes_its_colours_and_keeps_its_names_apart():
    found = RecoveryOverLoad(
        "web", (1.0, 2.0), ("safe", "safe"), (1.0, 2.0), (1.0, 2.0), (3.0, 4.0)
    )
    text = inline_svg(recovery_curve(found), "How <long>")
    assert text.startswith('<svg role="img"')
    assert "How &lt;long&gt;" in text
    assert "currentColor" in text
    assert "#101214" not in text
    names = re.findall(r' id="([^"]+)"', text)
    assert len(names) == len(set(names))
    assert all(name.startswith("how-long-") for name in names)
    used = re.findall(r'(?:url\(#|href="#)([^)"]+)', text)
    assert set(used) == set(names)
    assert text == inline_svg(recovery_curve(found), "How <long>")


@pytest.mark.parametrize("ending", ["pdf", "svg", "png"])
def test_a_picture_is_saved_whole(tmp_path, ending):
    figure = Figure()
    path = tmp_path / "new" / f"out.{ending}"
    save_figure(figure, path)
    assert path.stat().st_size > 500
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_place_or_an_ending_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError, match="give another place"):
        save_figure(Figure(), tmp_path / "file" / "out.png")
    with pytest.raises(DataError, match=r"no kind of picture; end it with one of .*\.svg"):
        save_figure(Figure(), tmp_path / "out.doc")


def test_portrait_velocities_are_the_drift():
    _, divided = found()
    picture = portrait(divided)
    q, o = picture.queue[7], picture.orbit[9]
    drift = divided.population.drift((np.asarray(q), np.asarray(o)))
    assert picture.queue_drift[9, 7] == pytest.approx(float(drift[0]))
    assert picture.orbit_drift[9, 7] == pytest.approx(float(drift[1]))
