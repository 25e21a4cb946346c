"""`learn` and `settle` from a simulated file to pictures and JSON."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from separatrix.cli import main


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    rng = np.random.default_rng(0)
    rows = []
    for run in range(40):
        x = 20.0 if run % 2 else 0.0
        for k in range(80):
            rows.append((run, 0.5 * k, x))
            x = 5 + 0.9 * (x - 5) + rng.normal()
    place = tmp_path_factory.mktemp("data") / "series.parquet"
    pd.DataFrame(rows, columns=["run", "time", "queue"]).to_parquet(place)
    return place


def run(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def test_learn_and_settle(series, tmp_path):
    model = tmp_path / "model"
    settings = ("--epochs", 6, "--latent", 4, "--device", "cpu")
    done = run("learn", series, "-o", model, *settings, "--fits", 2, "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.output)
    # the exact timescale is -0.5 / ln(0.9) = 4.75 s
    assert found["timescales"][0]["mean"] == pytest.approx(4.75, rel=0.2)
    assert found["timescales"][0]["low"] < found["timescales"][0]["mean"]
    assert sorted(p.name for p in model.iterdir()) == [
        "fit0.safetensors", "fit1.safetensors", "learned.png",
    ]  # fmt: skip
    done = run("settle", model, "--data", series, "--delta", 0.5, "--delta", 0.3, "--json")
    assert done.exit_code in (0, 4), done.output
    times = json.loads(done.output)
    assert times["learned"]["mean"][0] == pytest.approx(4.75 * np.log(2), rel=0.25)
    assert times["empirical"]["mean"][0] == pytest.approx(4.75 * np.log(2), rel=0.25)
    assert times["bound"]["mean"][0] >= times["learned"]["mean"][0]
    assert (model / "settling.png").read_bytes().startswith(b"\x89PNG")
    text = run("settle", model, "--delta", 0.5)
    assert "Settling time" in text.output
    done = run("learn", series, "-o", model, *settings)
    assert "comes to rest at" in done.output
    assert len(list(model.glob("fit*"))) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("learn", "none.parquet"), "no such file"),
        (("learn", "SERIES", "--series", "depth"), "no series depth"),
        (("learn", "SERIES", "--step", "0.7s"), "multiple of 0.5 s"),
        (("learn", "SERIES", "--leave-out", "5s"), "has no length"),
        (("learn", "SERIES", "--leave-out", "x+1s"), "--leave-out"),
        (("settle", "."), "holds no learned model"),
    ],
)
def test_wrong_input_is_one_line(series, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    done = run(*(series if a == "SERIES" else a for a in arguments))
    assert done.exit_code == 3
    assert message in done.output
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"x": np.full(200, 3.0)}, "x never changes"),
        ({"x": np.where(np.arange(200) == 7, np.nan, np.arange(200) % 9)}, "x is nan at sample 7"),
        (
            {"x": np.arange(200) % 9, "run": np.zeros(200, int), "time": np.arange(200)},
            "one run only",
        ),
        ({"x": np.arange(6.0) % 4, "run": [0] * 3 + [1] * 3, "time": [0, 1, 2] * 2}, "too short"),
        (
            {"x": np.arange(200) % 9, "time": np.r_[np.arange(100), 2 * np.arange(100)]},
            "sampled at different steps",
        ),
    ],
)
def test_bad_series_are_one_line(tmp_path, columns, message):
    place = tmp_path / "bad.csv"
    usual = {"run": np.repeat([0, 1], 100), "time": np.tile(np.arange(100), 2)}
    pd.DataFrame(columns if "run" in columns else {**usual, **columns}).to_csv(place, index=False)
    done = run("learn", place, "-o", tmp_path / "model", "--device", "cpu")
    assert done.exit_code == 3
    assert message in done.output
    assert "Traceback" not in done.output


def test_a_damaged_or_foreign_model_is_one_line(series, tmp_path):
    model = tmp_path / "model"
    assert run("learn", series, "-o", model, "--epochs", 1, "--device", "cpu").exit_code == 0
    file = model / "fit0.safetensors"
    whole = file.read_bytes()
    for content in (whole[: len(whole) // 2], b"\x80\x04N.", b""):
        file.write_bytes(content)
        done = run("settle", model)
        assert done.exit_code == 3
        assert "never unpickled" in done.output


def test_nothing_imports_torch_before_it_trains():
    code = (
        "import sys; import separatrix.koopman, separatrix.cli.koopman, separatrix.views.koopman_tables; "
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
