"""Pictures and parameter studies in Metafor's words."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from matplotlib.figure import Figure

from metafor import program
from metafor.analysis.experiment import Experiment, Parameter, ParameterList
from metafor.analysis.visualize import Visualizer, slices
from metafor.dsl.dsl import Program, Server, Source, Work
from separatrix.errors import ModelError, Unsupported
from separatrix.population.metafor_network import metafor_network

RATE = ("source", "client", "arrival_rate")
SERVICE = ("server", "52", "api", "insert", "processing_rate")


def small(orbit_size=6):
    made = Program("small one")
    made.add_server(Server("52", {"insert": Work(10)}, qsize=20, orbit_size=orbit_size))
    made.add_source(Source("client", "insert", 8.0, timeout=1.0, retries=3))
    made.connect("client", "52")
    return made


@pytest.fixture
def out(tmp_path):
    return tmp_path / "results"


def test_pictures_are_returned_and_written_whole(out):
    figures = Visualizer(small(), out).visualize(show_equilibrium=True)
    assert all(isinstance(figure, Figure) for figure in figures)
    assert sorted(p.name for p in out.iterdir()) == ["small_one_law.png", "small_one_portrait.png"]
    for path in out.iterdir():
        assert path.read_bytes().startswith(b"\x89PNG")
    marked = figures[0].axes[0].get_legend_handles_labels()[1]
    assert "attracts" in marked
    assert "resting point" in figures[0].get_supxlabel()
    # no window, and no figure that a window manager knows of
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or pyplot.get_fignums() == []


def test_without_the_equilibrium_there_is_the_drift_alone(out):
    (figure,) = Visualizer(small(), out).visualize()
    assert "attracts" not in figure.axes[0].get_legend_handles_labels()[1]


def test_both_resting_points_of_the_readme_are_in_the_picture(out):
    figure = Visualizer(program(), out).visualize(show_equilibrium=True)[0]
    (left, right), (bottom, top) = figure.axes[0].get_xlim(), figure.axes[0].get_ylim()
    assert (left, right) == (0.0, 99.0)
    assert bottom == 0.0
    assert top > 11.0  # the stuck one is near queue 98, orbit 11


def test_ranges_are_shown(out):
    figures = Visualizer(small(), out).visualize(
        qrange=(2, 12), orange=(1, 4), show_equilibrium=True
    )
    for figure in figures:
        assert figure.axes[0].get_xlim() == pytest.approx((2, 12))
        assert figure.axes[0].get_ylim() == pytest.approx((1, 4))
    (figure,) = Visualizer(small(), out).visualize(qrange=(0, 500))
    assert figure.axes[0].get_xlim() == pytest.approx((0, 19))


@pytest.mark.parametrize("bad", [(5, 5), (7, 3), (-1, 3), (30, 40), (float("nan"), 3)])
def test_ranges_that_show_nothing(out, bad):
    with pytest.raises(ModelError, match="shows nothing"):
        Visualizer(small(), out).visualize(qrange=bad)
    with pytest.raises(ModelError, match="shows nothing"):
        Visualizer(small(), out).visualize(orange=bad)


def test_a_queue_without_orbit(out):
    figures = Visualizer(small(orbit_size=1), out).visualize(show_equilibrium=True)
    assert "queue [attempts]" in figures[0].axes[0].get_xlabel()


def test_one_picture_for_every_setting(out):
    figures = Visualizer(small(), out).visualize(param=Parameter(RATE, [4.0, 9.0]))
    assert len(figures) == 2
    assert "client arrival_rate = 4.0" in figures[0].get_supxlabel()
    assert len(list(out.iterdir())) == 2


def test_several_servers_have_a_picture_each(out):
    made = small()
    made.add_server(Server("53", {"put": Work(10)}, qsize=20, orbit_size=4))
    made.add_source(Source("other", "put", 1.0))
    made.connect("other", "53")
    with pytest.raises(Unsupported, match="2 servers"):
        Visualizer(made, out).visualize()
    assert not out.exists()
    figures = Visualizer(made, out).visualize_general(show_equilibrium=True)
    assert len(figures) == len(list(out.iterdir())) == 2
    assert "queue[53]" in figures[1].get_supxlabel()


def test_slice_of_a_server_that_calls_nobody_is_its_own_chain():
    made = small()
    made.add_server(Server("53", {"put": Work(10)}, qsize=20, orbit_size=4))
    made.add_source(Source("other", "put", 1.0))
    made.connect("other", "53")
    part = slices(made.build().population)[1]
    alone = Program("alone")
    alone.add_server(made.get_server("53"))
    alone.add_source(made.get_source("other"))
    alone.connect("other", "53")
    alone = metafor_network("alone", alone)
    assert part.shape == alone.shape
    for ours, theirs in zip(part.drift(part.grid()), alone.drift(alone.grid()), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-12)


def test_experiments_take_every_combination():
    several = ParameterList(
        [Parameter(RATE, [4.0, 8.0]), Parameter(SERVICE, [10.0, 12.0]), Parameter(("server", "52", "qsize"), [15])]
    )  # fmt: skip
    study = Experiment(small(), several, lambda chain: (chain.qsize, chain.get_mixing_time()))
    outcomes = study.run()
    assert [(o.setting[RATE], o.setting[SERVICE]) for o in outcomes] == [
        (4.0, 10.0), (4.0, 12.0), (8.0, 10.0), (8.0, 12.0),
    ]  # fmt: skip
    assert {outcome.value[0] for outcome in outcomes} == {15}
    assert len({outcome.value[1] for outcome in outcomes}) == 4


def test_settings_keep_what_they_do_not_set():
    made = small()
    made.retry_when_full = True
    same, other = (
        Experiment(p, Parameter(RATE, [8.0]), lambda c: c.time_to_drain()).run()[0].value
        for p in (made, small())
    )
    assert same == made.build().time_to_drain()
    assert same != other


def test_names_and_values_that_cannot_be():
    with pytest.raises(ModelError, match="unknown path"):
        Experiment(small(), Parameter(("server", "52", "colour"), [1]), lambda c: 0).run()
    with pytest.raises(ModelError, match="must be > 0"):
        Experiment(small(), Parameter(SERVICE, [0.0]), lambda c: 0).run()
    with pytest.raises(ModelError, match="no values"):
        Experiment(small(), Parameter(RATE, []), lambda c: 0).run()
