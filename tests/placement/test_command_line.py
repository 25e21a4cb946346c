"""`separatrix place` from files to a plan, its picture and its exit codes."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from click.testing import CliRunner

from separatrix.cli import main
from separatrix.telemetry.synthesize import COSTS, default_system
from separatrix.telemetry.synthesize_jobs import write_job_dumps
from separatrix.weights import Weights, save


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Five dumps of 40 users on 4 targets, weights with errors, and a table of users."""
    place = tmp_path_factory.mktemp("place")
    system = default_system(n_users=40, n_targets=4, mean_rate=400.0)
    list(write_job_dumps(place, system, 3, start=1.7e9, dumps=5))
    values = np.array(list(COSTS.values())) / COSTS["open"]
    covariance = np.diag((0.1 * values) ** 2)
    weights = Weights(
        "regression",
        tuple(COSTS),
        values,
        0.8 * values,
        1.2 * values,
        covariance,
        ("measured",) * len(values),
    )
    save(weights, place / "weights.yaml")
    rows = [f"{20_000 + j},{1000 * (j + 1)},/s/u {j},{'yes' if j == 2 else ''}" for j in range(40)]
    (place / "users.csv").write_text("user,inodes,path,pinned\n" + "\n".join(rows) + "\n")
    return place


def run(folder, *more):
    dumps = sorted(map(str, folder.glob("job_stats.*")))
    return CliRunner().invoke(main, ["place", str(folder / "weights.yaml"), *dumps, *more])


def test_a_plan_as_json_with_its_picture(folder, tmp_path):
    picture = tmp_path / "plan.png"
    done = run(
        folder, "--moves", "5", "--users", str(folder / "users.csv"), "--inodes", "90000",
        "--window", "5min", "--json", "--gap", "0.03", "--figure", str(picture),
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    plan = json.loads(done.stdout)
    assert plan["schema"] == "separatrix.plan/1"
    assert 0 < len(plan["moves"]) <= 5
    assert plan["moved"]["inodes"] <= 90_000
    assert plan["limits"]["pinned"] == ["20002"]
    assert "20002" not in {move["user"] for move in plan["moves"]}
    assert plan["peak_bound"] <= plan["peak_after"] < plan["peak_before"]
    assert plan["gap"] <= 0.03
    assert plan["worst_case_after"] <= plan["peak_after"]
    assert all(c.endswith("'") for move in plan["moves"] for c in move["commands"])
    assert plan["data_quality"]["files"] == 5
    assert picture.read_bytes()[:4] == b"\x89PNG"


def test_a_page_in_the_common_frame_is_read_back_and_compared(folder, tmp_path):
    one, other = tmp_path / "one.html", tmp_path / "other.html"
    for page, moves in ((one, "5"), (other, "2")):
        done = run(
            folder, "--moves", moves, "--gap", "0.5", "--report", str(page), "--path", "/u/<{user}>"
        )
        assert done.exit_code == 0, done.output
    text = one.read_text()
    assert text.count("<figure") == 2
    assert "/u/&lt;200" in text
    assert not re.search(r'(src|href)="(?!#|data:)', re.sub(r'xmlns(:\w+)?="[^"]*"', "", text))
    opened = CliRunner().invoke(main, ["report", "--open", str(one)])
    assert json.loads(opened.stdout)["schema"] == "separatrix.plan/1"
    told = CliRunner().invoke(main, ["diff", str(one), str(other), "--json"])
    places = {row["place"] for row in json.loads(told.stdout)["differences"]}
    assert "peak_after" in places


def test_a_plan_as_text_prints_commands(folder):
    done = run(folder, "--moves", "2", "--path", "/s/{user}", "--gap", "0.2", "--window", "5min")
    assert done.exit_code == 0, done.output
    assert "worst peak" in done.stdout
    assert "proven gap" in done.stdout
    assert "lfs migrate -m " in done.stdout
    assert "data quality: 5 file(s)" in done.stderr


@pytest.mark.parametrize(
    ("more", "code", "complaint"),
    [
        (["--path", "s/{user}"], 3, "absolute"),
        (["--moves", "-1"], 3, "moves must be >= 0"),
        (["--window", "soon"], 2, "is not a duration"),
        (["--pin", "nobody"], 3, "nobody"),
        (["--users", "none.csv"], 3, "is no file"),
        (["--by", "group"], 3, "carry no field"),
        (["--figure", "/dev/null/x.png"], 3, "cannot be written"),
    ],
)
def test_wrong_input_is_one_line_and_an_exit_code(folder, more, code, complaint):
    done = run(folder, "--gap", "0.5", *more)
    assert done.exit_code == code, done.output
    assert complaint in done.output
