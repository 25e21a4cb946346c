"""Pictures: what they show, with units, and without a window."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from separatrix import Program, Server, Source, Work, check, lower
from separatrix.questions.portrait import describe, portrait
from separatrix.questions.regimes import regimes
from separatrix.views.figures import as_svg, law_heat_map, phase_portrait, recovery_curve


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


def test_recovery_curve_is_logarithmic_with_units():
    figure = recovery_curve([1.0, 2.0], [1.0, 1e9], [3.0, 5e9], "finding")
    axes = figure.axes[0]
    assert axes.get_yscale() == "log"
    assert axes.get_xlabel() == "arrival rate [requests/s]"
    figure.draw_without_rendering()
    assert any("years" in t.get_text() for t in axes.get_yticklabels())


def test_portrait_velocities_are_the_drift():
    _, divided = found()
    picture = portrait(divided)
    q, o = picture.queue[7], picture.orbit[9]
    drift = divided.population.drift((np.asarray(q), np.asarray(o)))
    assert picture.queue_drift[9, 7] == pytest.approx(float(drift[0]))
    assert picture.orbit_drift[9, 7] == pytest.approx(float(drift[1]))
