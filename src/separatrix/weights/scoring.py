"""Scores of telemetry that is read table by table: loads, agreement, and a file of all intervals."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from separatrix.atomic import draft_of
from separatrix.errors import DataError
from separatrix.notebook import Shown
from separatrix.telemetry import Counters, DataQuality
from separatrix.weights.agreement import Agreement, agreements
from separatrix.weights.ledger import Ledger
from separatrix.weights.score import Load, LoadScore
from separatrix.weights.study import FOLDS, JUDGED
from separatrix.weights.summary import Summary


@dataclass(frozen=True)
class Scores(Shown):
    """Who loads the servers, and how far the score can be believed.

    Attributes
    ----------
    by : what the loads are of.
    loads : largest first.
    agreements : of the score, the plain count and opens alone with the CPU load; none without it.
    unjudged : why there are none, else "".
    left_out : operations that have a weight and that the telemetry never knew.
    quality : of the telemetry that was scored.
    """

    by: str
    loads: tuple[Load, ...]
    agreements: tuple[Agreement, ...]
    unjudged: str
    left_out: tuple[str, ...]
    quality: DataQuality

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "by": self.by,
            "loads": [load.to_dict() for load in self.loads],
            "agreement": [a.to_dict() for a in self.agreements],
            "no_agreement_because": self.unjudged,
            "left_out": list(self.left_out),
            "quality": self.quality.to_dict(),
        }


def scored(
    ledger: Ledger, tables: Iterable[Counters], path: str | os.PathLike[str] | None = None
) -> Scores:
    """Take all tables into a ledger, and judge the score on them.

    The weights are taken as given: only base load, scale, link and lag are fitted, without each fold.

    Parameters
    ----------
    path : Parquet file for the score of every interval and server; written in one step.

    Raises
    ------
    DataError : no operation has a weight, no counts per job where they are needed, or `path` cannot
        be written.
    """
    summary = Summary()
    known: set[str] = set()

    def each() -> Iterable[LoadScore]:
        for table in tables:
            summary.add(table)
            found = ledger.add(table)
            if found is not None:
                known.update(o for o in table.operations if o not in found.left_out)
                yield found

    if path is None:
        for _ in each():
            pass
    else:
        _write(path, each())
    weights = ledger.weights
    judged: tuple[Agreement, ...] = ()
    unjudged = ""
    try:
        judged = agreements(summary.rows.thinned(JUDGED), weights, refit=False, folds=FOLDS)
    except DataError as wrong:
        unjudged = str(wrong).removesuffix(f"; {wrong.hint}")  # that is for fits
    return Scores(
        by=ledger.by,
        loads=ledger.loads(),
        agreements=judged,
        unjudged=unjudged,
        left_out=tuple(o for o in weights.operations if weights[o] > 0.0 and o not in known)
        if known
        else (),
        quality=summary.quality,
    )


def _write(path: str | os.PathLike[str], scores: Iterable[LoadScore]) -> None:
    from importlib import import_module

    pa: Any = import_module("pyarrow")  # it ships no types
    pq: Any = import_module("pyarrow.parquet")
    numbers = ("score", "deviation", "cpu_percent", "expected_cpu_percent")
    schema = pa.schema(
        [
            ("start", pa.timestamp("us", tz="UTC")),
            ("step", pa.float64()),
            ("server", pa.string()),
            *((name, pa.float64()) for name in numbers),
        ]
    )
    with draft_of(path) as draft, pq.ParquetWriter(draft, schema) as writer:
        for found in scores:
            stamps = (1e6 * found.start).round().astype(np.int64)
            for m, server in enumerate(found.servers):
                rows = (found.score, found.deviation, found.cpu, found.expected)
                columns = [
                    pa.array(stamps).cast(schema.field("start").type),
                    pa.array(found.step),
                    pa.array([server] * len(stamps)),
                    *(pa.array(row[m], from_pandas=True) for row in rows),
                ]
                writer.write_table(pa.Table.from_arrays(columns, schema=schema))
