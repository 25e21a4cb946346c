from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from separatrix.errors import DataError
from separatrix.weights.ledger import Ledger, read_projects
from separatrix.weights.scoring import scored

from .conftest import DAY, table_of
from .test_score import RATES, accounts, weights_of

WEIGHTS = weights_of([1.0, 5.0], np.diag([0.01, 0.04]))


def tables(n: int = 3):
    for k in range(n):
        table = table_of(
            RATES, [1.0, 2.0, 3.0], operations=("open", "unlink"), start=DAY + 15.0 * k
        )
        yield replace(table, accounts=accounts())


def test_many_tables_are_one():
    ledger = Ledger(WEIGHTS)
    for table in tables():
        ledger.add(table)
    (load,) = ledger.loads()
    assert load.amount == pytest.approx(3 * 450.0)
    assert dict(load.counts) == {"open": 900.0, "unlink": 90.0}


@pytest.mark.parametrize(
    ("by", "want"),
    [
        ("job", {"rm.bob.2": 960.0, "cp.ann.1": 200.0, "ls.ann.3": 10.0}),
        ("user", {"bob": 960.0, "ann": 210.0}),
        ("project", {"sky": 960.0, "ann": 210.0}),
    ],
)
def test_accounts_are_added_up_by(by, want):
    ledger = Ledger(WEIGHTS, by, {"bob": "sky"} if by == "project" else None)
    for table in tables(2):
        ledger.add(table)
    assert {load.label: load.amount for load in ledger.loads()} == pytest.approx(want)
    assert [load.amount for load in ledger.loads()] == sorted(want.values(), reverse=True)


def test_telemetry_without_jobs_or_without_servers():
    ledger = Ledger(WEIGHTS, "user")
    ledger.add(replace(next(tables()), accounts=None))
    with pytest.raises(DataError, match="no counts per job"):
        ledger.loads()
    nothing = replace(next(tables()).rows(slice(0, 0)), accounts=accounts())
    assert ledger.add(nothing) is None
    assert [load.label for load in ledger.loads()] == ["bob", "ann"]
    with pytest.raises(DataError, match="--projects"):
        Ledger(WEIGHTS, "project")


def test_projects_from_a_file(tmp_path):
    path = tmp_path / "projects.csv"
    path.write_text('user,project\nann,sky\n"b, ob",sea\n\n')
    assert read_projects(path) == {"ann": "sky", "b, ob": "sea"}
    for text, message in (
        ("ann,sky\nann,sea\n", "'sky' and in 'sea'"),
        ("ann\n", "has 1 fields"),
        ("a,b,c\n", "has 3 fields"),
    ):
        path.write_text(text)
        with pytest.raises(DataError, match=message):
            read_projects(path)
    path.write_bytes(b"\xff\xfe,\x00")
    with pytest.raises(DataError, match="cannot be read"):
        read_projects(path)
    with pytest.raises(DataError, match="cannot be read"):
        read_projects(tmp_path / "none.csv")


def test_scores_of_a_stream_go_to_a_file(tmp_path):
    path = tmp_path / "scores.parquet"
    found = scored(Ledger(WEIGHTS), tables(), path)
    assert [p.name for p in tmp_path.iterdir()] == ["scores.parquet"]
    frame = pd.read_parquet(path)
    assert frame["score"].tolist() == [15.0, 30.0, 45.0] * 3
    assert frame["start"].iloc[3] == pd.Timestamp(DAY + 15.0, unit="s", tz="UTC")
    assert frame["expected_cpu_percent"].isna().all()
    assert set(frame["server"]) == {"m0"}
    assert found.loads[0].amount == pytest.approx(1350.0)
    assert [a.name for a in found.agreements] == ["regression", "count", "opens"]
    # nine intervals: a correlation, but nothing can be held out
    assert found.to_dict()["agreement"][0]["r2"] is None
    assert found.agreements[0].pearson == pytest.approx(1.0)


def test_a_place_that_cannot_be_written_and_a_stream_that_fails(tmp_path):
    with pytest.raises(DataError, match="cannot be written"):
        scored(Ledger(WEIGHTS), tables(), tmp_path / "no" / "scores.parquet")

    def broken():
        yield next(tables())
        raise DataError("the second file is damaged")

    with pytest.raises(DataError, match="second file"):
        scored(Ledger(WEIGHTS), broken(), tmp_path / "scores.parquet")
    assert list(tmp_path.iterdir()) == []


def test_what_was_never_known_is_told():
    weights = weights_of([1.0, 5.0, 2.0], operations=("open", "unlink", "mkdir"))
    assert scored(Ledger(weights), tables()).left_out == ("mkdir",)
