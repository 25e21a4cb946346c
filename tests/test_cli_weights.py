"""`separatrix weights` and `separatrix score` as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from separatrix.cli import main
from separatrix.telemetry.synthesize import default_system, write_days

DAY = 1_546_300_800.0
JOBS = """\
job_stats:
- job_id:          "cp.1001"
  snapshot_time:   1546300800
  open:            { samples:         100, unit: usecs, min:      138, max:     1241, sum:        1712 }
  unlink:          { samples:           1, unit: usecs, min:      138, max:     1241, sum:        1712 }
- job_id:          "rm.1002"
  snapshot_time:   1546300800
  open:            { samples:          10, unit: usecs, min:      138, max:     1241, sum:        1712 }
  unlink:          { samples:        4000, unit: usecs, min:      138, max:     1241, sum:        1712 }
"""


def run(*arguments: str):
    return CliRunner().invoke(main, list(arguments))


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """Two days of 300-second samples of one server, a site.json, and weights found from them."""
    folder = tmp_path_factory.mktemp("site")
    system = default_system(n_targets=1, n_users=6, step=300.0)
    list(write_days(folder, system, 1, first_day=DAY, days=2))
    (folder / "site.json").write_text(
        json.dumps({"hdf5_files": {"lake": str(folder / "%Y-%m-%d" / "synthetic.hdf5")}})
    )
    (folder / "jobs.txt").write_text(JOBS)
    result = run(
        "weights", "--fs", "lake", "--from", "2019-01-01", "--to", "2019-01-03",
        "--config", str(folder / "site.json"), "-o", str(folder / "w.yaml"),
        "--report", str(folder / "w.html"), "--cache", str(folder / "cache"),
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "plain count" in result.output
    assert "data quality: 2 file(s) read" in result.output
    return folder


def test_weights_from_a_store_are_written_with_their_page(site):
    text = (site / "w.yaml").read_text()
    assert 'method: "regression"' in text
    assert "synthetic.hdf5" in text
    assert "weights found" in (site / "w.html").read_text()
    assert list((site / "cache").iterdir())


@pytest.mark.parametrize("method", ["notebook", "quantile"])
def test_json_is_alone_on_standard_output(site, method):
    result = run("weights", str(site / "2019-01-01" / "*.hdf5"), "--method", method, "--json",
                 "--quantile", "0.99")  # fmt: skip
    record = json.loads(result.stdout)
    assert record["schema"] == "separatrix.weights/1"
    assert record["weights"]["method"] == method
    assert record["weights"]["details"]["quantile"] == 0.99
    assert [a["name"] for a in record["agreement"]] == [method, "count", "opens"]


def test_score_by_server_and_by_user(site):
    result = run("score", str(site / "w.yaml"), str(site / "2019-01-02" / "*.hdf5"),
                 "-o", str(site / "s.parquet"))  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "Load by server" in result.output
    assert "opens alone" in result.output
    assert (site / "s.parquet").exists()
    users = run("score", str(site / "w.yaml"), str(site / "jobs.txt"), "--jobid", "%e.%u",
                "--by", "user", "--json")  # fmt: skip
    loads = json.loads(users.stdout)["loads"]
    assert [load["label"] for load in loads] == ["1002", "1001"]
    assert loads[0]["share_low"] <= loads[0]["share"] <= loads[0]["share_high"]


def test_what_is_wrong_is_one_line_with_a_remedy(site, tmp_path):
    for arguments, code, message in (
        (["weights"], 2, "name FILES"),
        (["weights", str(tmp_path / "none.hdf5")], 3, "none.hdf5"),
        (["weights", str(site / "jobs.txt")], 3, "--method quantile"),
        (["score", str(site / "w.html"), str(site / "jobs.txt")], 3, "w.html"),
        (["score", str(site / "w.yaml"), str(site / "2019-01-01" / "*.hdf5"), "--by", "user"], 3,
         "no counts per job"),
        (["score", str(site / "w.yaml"), str(site / "jobs.txt"), "--by", "project"], 3,
         "--projects"),
    ):  # fmt: skip
        result = run(*arguments)
        assert result.exit_code == code, result.output
        assert message in result.output
        assert "Traceback" not in result.output


def test_too_little_to_tell_is_inconclusive(tmp_path):
    system = default_system(n_targets=1, n_users=2, step=3600.0)
    (path,) = write_days(tmp_path, system, 1, first_day=DAY, days=1)
    result = run("weights", str(path))
    assert result.exit_code == 4, result.output
    assert "too few" in result.output
