"""Recovery over load: it grows with the load, and the finding says where danger begins."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from separatrix import ModelError, Program, Server, Source, Work
from separatrix.cli import main
from separatrix.markov.hitting import hitting_times
from separatrix.model.files import dumps
from separatrix.model.parameters import with_parameter
from separatrix.questions.recovery import (
    recovery_by_engine,
    recovery_over_load,
    seen_recovery_over_load,
)
from separatrix.questions.verdict import check
from separatrix.views.figures import recovery_curve
from separatrix.views.figures_canvas import as_svg
from separatrix.views.figures_sweep import recovery_engines


def service() -> Program:
    program = Program("p")
    program.add_server(Server("s", {"get": Work(10.0)}, qsize=40))
    program.add_source(Source("c", "get", 8.0, timeout=3.0, retries=1))
    program.connect("c", "s")
    return program


def test_recovery_grows_with_load_and_danger_has_a_beginning():
    curve = recovery_over_load(service(), "c", [2.0, 6.0, 8.0, 12.0])
    assert curve.words[0] == "safe"
    assert curve.words[2] == "can get stuck"
    assert curve.words[3] == "always stuck"
    assert list(curve.means) == sorted(curve.means)
    assert "can get stuck" in curve.finding()
    assert len(curve.to_dict()["points"]) == 4
    recovery_curve(curve, curve.finding())


def test_every_point_of_the_curve_begins_with_a_saturated_service():
    """Where there are two regimes, too: not from the stuck one, which is mostly less full."""
    verdict = check(with_parameter(service(), "sources.c.arrival_rate", 8.0))
    assert verdict.found.stuck is not None
    (mean,) = recovery_over_load(service(), "c", [8.0], known={8.0: verdict}).means
    times = hitting_times(verdict.population, verdict.found.healthy).mean
    assert mean == pytest.approx(float(times[-1, -1]), rel=1e-9)
    assert mean > verdict.recovery.mean
    known = seen_recovery_over_load(service(), "c", [8.0], known={8.0: verdict})
    assert known.means == (mean,)


def test_unknown_source():
    with pytest.raises(ModelError, match="client"):
        recovery_over_load(service(), "client", [1.0])


def test_every_engine_gives_its_curve_and_they_grow():
    found = recovery_by_engine(service(), "c", [2.0, 4.0, 6.5], runs=60, events=5e5)
    assert found.engines == ("fluid", "staged", "geometric", "simulation")
    for engine in ("staged", "geometric", "simulation"):
        times = found.curve(engine)
        means = [t.mean for t in times]
        assert means == sorted(means)
        for t in times:
            assert t.p50 < t.p99
    # without a trap all agree on how long the backlog takes
    light = [found.curve(engine)[0].mean for engine in found.engines]
    assert light == pytest.approx([light[1]] * 4, rel=0.25)
    assert len(found.to_dict()["points"]) == 3
    assert "<svg" in as_svg(recovery_engines(found), "curves")
    assert "load" in found.finding() or "differ" in found.finding()


def test_the_command_agree(tmp_path):
    model = tmp_path / "p.yaml"
    model.write_text(dumps(service()))
    one = CliRunner().invoke(main, ["agree", str(model), "--runs", "20"])
    assert one.exit_code in (0, 4), one.output
    assert "spike of even odds" in one.output
    figure = str(tmp_path / "f.svg")
    over = CliRunner().invoke(
        main, ["agree", str(model), "--over", "c=2/s..4/s:2", "--runs", "20", "--figure", figure]
    )
    assert over.exit_code in (0, 4), over.output
    first = next(i for i, s in enumerate(over.output.splitlines()) if s.startswith("2/s"))
    mean, half, most = over.output.splitlines()[first : first + 3]
    assert "mean" in mean
    assert [half.split()[:3], most.split()[:3]] == [["50", "%", "within"], ["99", "%", "within"]]
    # a number of each engine that can answer, not the mean again
    assert len({line.split("  ", 1)[1].strip() for line in (mean, half, most)}) == 3
    assert CliRunner().invoke(main, ["agree", str(model), "--figure", "x"]).exit_code == 2
