"""Grids: the right answer at the right place, resumable, over processes, into Parquet."""

from __future__ import annotations

import json
import math

import pandas as pd
import pytest
from click.testing import CliRunner

from metafor.analysis.experiment import Experiment, Parameter, ParameterList
from metafor.readme import program as readme
from separatrix import DataError, ModelError, Program, Server, Source, Work, check
from separatrix.cli import main
from separatrix.model.files import dumps
from separatrix.model.parameters import with_parameters
from separatrix.questions import sweep as module
from separatrix.questions.sweep import sweep
from separatrix.views.figures_canvas import as_svg
from separatrix.views.figures_sweep import risk_map
from separatrix.views.sweep_tables import letter_map


def service() -> Program:
    program = Program("p")
    program.add_server(Server("s", {"get": Work(10.0)}, qsize=40))
    program.add_source(Source("c", "get", 5.0, timeout=3.0, retries=1))
    program.connect("c", "s")
    return program


GRID = {"c.arrival_rate": ["2/s", 8.0, 15.0], "c.retries": [0, 1]}


def test_each_point_is_what_check_says_there():
    found = sweep(service(), GRID, workers=1, progress=False)
    assert found.shape == (3, 2)
    for i, rate in enumerate(GRID["c.arrival_rate"]):
        for j, retries in enumerate(GRID["c.retries"]):
            one = check(with_parameters(service(), {"c.arrival_rate": rate, "c.retries": retries}))
            assert found.array("verdict")[i, j] == one.word
            mean = math.inf if one.recovery is None else one.recovery.mean
            assert found.array("recovery_mean_s")[i, j] == mean
    assert found.finding() == "6 points: 2 always stuck, 1 can get stuck, 3 safe."
    assert letter_map(found)[1:4] == ["   2  . .", "   8  . o", "  15  # #"]
    assert "<svg" in as_svg(risk_map(found), "map")


def test_engines_agree_on_the_words():
    words = [
        sweep(service(), GRID, engine=engine, workers=1, progress=False, options=options)
        .array("verdict")
        .tolist()
        for engine, options in (
            ("markov", {"closure": "staged"}),
            ("fluid", {}),
            ("simulation", {"runs": 40, "events": 1e6}),
        )
    ]
    assert words[0] == words[1] == words[2]


def test_an_interrupted_sweep_goes_on_where_it_stopped(tmp_path, monkeypatch):
    asked = []
    real = module.record

    def counting(text, changes, engine, options):
        if len(asked) == 4:
            raise KeyboardInterrupt
        asked.append(dict(changes))
        return real(text, changes, engine, options)

    monkeypatch.setattr(module, "record", counting)
    how = {"engine": "fluid", "store": tmp_path / "points", "workers": 1, "progress": False}
    with pytest.raises(KeyboardInterrupt):
        sweep(service(), GRID, **how)
    assert len(list((tmp_path / "points").glob("point-*.json"))) == 4
    monkeypatch.setattr(module, "record", real)
    done = []
    whole = sweep(service(), GRID, **{**how, "progress": lambda n, of: done.append((n, of))})
    assert done[0] == (4, 6)
    assert done[-1] == (6, 6)
    again = sweep(service(), GRID, **how)
    pd.testing.assert_frame_equal(again.to_frame(), whole.to_frame())
    # another program, engine or option finds nothing of it there
    other = with_parameters(service(), {"s.qsize": 50})
    before = len(list((tmp_path / "points").iterdir()))
    sweep(other, {"c.retries": [0]}, **how)
    assert len(list((tmp_path / "points").iterdir())) == before + 1


def test_a_spoilt_point_is_named(tmp_path):
    how = {"engine": "fluid", "store": tmp_path, "workers": 1, "progress": False}
    sweep(service(), {"c.retries": [0]}, **how)
    (path,) = tmp_path.glob("point-*.json")
    path.write_text("{}")
    with pytest.raises(DataError, match=r"point-.*is no record of a sweep.*remove it"):
        sweep(service(), {"c.retries": [0]}, **how)


def test_processes_say_the_same(tmp_path):
    here = sweep(service(), GRID, engine="fluid", workers=1, progress=False)
    there = sweep(service(), GRID, engine="fluid", workers=2, progress=False)
    columns = [c for c in here.to_frame().columns if c != "cpu_s"]
    pd.testing.assert_frame_equal(here.to_frame()[columns], there.to_frame()[columns])


def test_a_cluster_given_by_address_says_the_same():
    pytest.importorskip("distributed", reason="Dask is an extra")
    from distributed.deploy.subprocess import SubprocessCluster

    here = sweep(service(), GRID, engine="fluid", workers=1, progress=False)
    with SubprocessCluster(
        host="127.0.0.1", dashboard_address=None, n_workers=1, threads_per_worker=1,
        worker_kwargs={"memory_limit": 0, "dashboard": False},
    ) as cluster:  # fmt: skip
        there = sweep(
            service(), GRID, engine="fluid", scheduler=cluster.scheduler_address, progress=False
        )
    columns = [c for c in here.to_frame().columns if c != "cpu_s"]
    pd.testing.assert_frame_equal(here.to_frame()[columns], there.to_frame()[columns])


def test_parquet_and_json(tmp_path):
    found = sweep(service(), GRID, engine="fluid", workers=1, progress=False)
    found.save(tmp_path / "points.parquet")
    frame = pd.read_parquet(tmp_path / "points.parquet")
    assert frame["verdict"].tolist() == found.array("verdict").ravel().tolist()
    assert frame["c.retries"].tolist() == [0, 1] * 3
    assert json.loads(json.dumps(found.to_dict()))["schema"] == "separatrix.sweep/1"


def test_what_an_engine_cannot_carry_is_a_point_that_says_so():
    found = sweep(
        service(), {"s.discipline": [{"kind": "lifo"}, {"kind": "fifo"}]}, workers=1, progress=False
    )
    first, second = found.records
    assert first["verdict"] == "inconclusive"
    assert "lifo" in first["reason"]
    assert second["verdict"] == "safe"


def test_wrong_grids_ask_nothing(tmp_path):
    for grid, words in (
        ({}, "nothing to vary"),
        ({"c.retries": []}, "has no values"),
        ({"c.retires": [1]}, "did you mean 'c.retries'"),
        ({"c.retries": [1, -1]}, "retries"),
        ({"c.retries": range(2000), "s.qsize": range(1, 2000)}, "at most 1,000,000"),
    ):
        with pytest.raises(ModelError, match=words):
            sweep(service(), grid, store=tmp_path / "none", progress=False)
    assert not (tmp_path / "none").exists()
    with pytest.raises(ModelError, match="unknown option 'runs' of markov"):
        sweep(service(), {"c.retries": [1]}, options={"runs": 3}, progress=False)


def test_metafors_names_and_experiment():
    rate = Parameter(("source", "client", "arrival_rate"), [2.0, 5.0])
    size = Parameter(("server", "52", "qsize"), [20, 30])
    study = Experiment(readme(), ParameterList([rate, size]), lambda chain: chain.get_mixing_time())
    found = study.sweep(engine="fluid", workers=1, progress=False)
    assert found.names == ("source.client.arrival_rate", "server.52.qsize")
    assert found.shape == (2, 2)
    assert len(study.run()) == 4


def test_the_command(tmp_path):
    model = tmp_path / "p.yaml"
    model.write_text(dumps(service()))
    result = CliRunner().invoke(
        main,
        ["sweep", str(model), "--set", "c.retries=0..1", "--set", "c.arrival_rate=2/s..15/s:3",
         "--engine", "fluid", "-o", str(tmp_path / "p.parquet"), "--map", str(tmp_path / "m.svg")],
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "6 points:" in result.output
    assert "c.retries downwards" in result.output
    assert len(pd.read_parquet(tmp_path / "p.parquet")) == 6
    assert "<svg" in (tmp_path / "m.svg").read_text()
    listed = CliRunner().invoke(
        main, ["sweep", str(model), "--set", "c.retries=0,1", "--engine", "fluid", "--workers", "1"]
    )
    assert "c.retries = 1" in listed.output
    wrong = CliRunner().invoke(main, ["sweep", str(model), "--set", "c.retries=0,1", "--map", "x"])
    assert wrong.exit_code == 2
    assert "--map needs two parameters" in wrong.output
