"""Do all readers say the same of the same day, and do they say what the real files say?

    SEPARATRIX_SHARED=... python verification/telemetry_agreement.py [--pytokio PYTHON]

Writes one table; every line ends in "right" or "wrong", and the exit status is 1 if any is wrong.
With ``--pytokio`` the notebook call is compared value by value with pytokio 0.13 itself.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from separatrix.telemetry.archive import ArchiveOptions, read_day
from separatrix.telemetry.notebook import get_dataframe_from_time_range
from separatrix.telemetry.quality import QualityLog, Repair
from separatrix.telemetry.reading import load

PYTOKIO = """
import datetime, json, sys
import numpy, tokio.tools.hdf5
start = datetime.datetime(2018, 1, 28) if sys.argv[1] == "tts" else datetime.datetime(2018, 2, 9)
for name in json.loads(sys.argv[2]):
    frame = tokio.tools.hdf5.get_dataframe_from_time_range(
        fsname=sys.argv[1], dataset_name=name, datetime_start=start,
        datetime_end=start + datetime.timedelta(days=1))
    numpy.save(sys.argv[3] + "/" + name.replace("/", "_") + ".npy", frame.values)
    print(json.dumps([str(frame.index[0]), str(frame.index[-1]), len(frame)]))
"""
NAMES = ["mdtargets/openrates", "mdtargets/opens", "mdtargets/statfsrates", "mdservers/cpuload"]


class Table:
    """Lines of a table, each with its verdict."""

    def __init__(self) -> None:
        self.wrong = 0

    def line(self, what: str, found: object, expected: object, right: bool) -> None:
        """Print one line and remember a wrong one."""
        self.wrong += not right
        print(f"{what:<58} {found!s:>22} {expected!s:>22}  {'right' if right else 'WRONG'}")


def correlation(operations: np.ndarray, cpu: np.ndarray) -> float:
    known = ~np.isnan(operations) & ~np.isnan(cpu)
    return float(np.corrcoef(operations[known], cpu[known])[0, 1])


def notebook_score(values: np.ndarray, quantile: float = 0.9999) -> np.ndarray:
    """The notebook's load score, written out here so that nothing is shared with weights/."""
    raw = np.array([1 / q if (q := np.quantile(v, quantile)) > 0 else np.inf for v in values])
    kept = values.sum(axis=1) / values.sum() >= 0.001
    weights = np.where(kept, raw, 0.0) / min(1.0, raw[kept].min())
    return weights @ values


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pytokio", help="Python of an environment with pytokio 0.13")
    given = parser.parse_args()
    root = os.environ.get("SEPARATRIX_SHARED") or Path(__file__).parents[2] / "shared"
    tokio = Path(root) / "data" / "tokio"
    table = Table()
    print(f"{'what':<58} {'found':>22} {'expected':>22}")

    day = str(tokio / "snx11025_2018-01-28")
    tts, h5lmt = load(f"{day}.hdf5"), load(f"{day}.h5lmt")
    lmt = load(f"{day}.sqlite3", tz="America/Los_Angeles")
    for name, other in (("h5lmt", h5lmt), ("SQLite", lmt)):
        same = int((tts.counts != other.counts).sum())
        table.line(f"2018-01-28: counts that differ, TTS and {name}", same, 0, same == 0)
        same = int((tts.cpu[0, :-1] != other.cpu[0, :-1]).sum())
        table.line(f"2018-01-28: loads that differ, TTS and {name}", same, 0, same == 0)
        same = int((tts.start != other.start).sum())
        table.line(f"2018-01-28: stamps that differ, TTS and {name}", same, 0, same == 0)

    stored = read_day(f"{day}.hdf5", ArchiveOptions(cpu_stamps="left")).on_time(None, QualityLog())
    before = correlation(notebook_score(stored.rates[:, 0]), stored.cpu[0])
    table.line("score and CPU as stored", f"{before:.6f}", 0.644678, abs(before - 0.644678) < 1e-6)
    known = ~np.isnan(tts.cpu[0])
    after = correlation(notebook_score(tts.rates[:, 0][:, known]), tts.cpu[0, known])
    table.line(
        "score and CPU, ops[i] with cpu[i+1]",
        f"{after:.6f}",
        0.755806,
        abs(after - 0.755806) < 1e-6,
    )
    whole = correlation(notebook_score(lmt.rates[:, 0]), lmt.cpu[0])
    table.line(
        "score and CPU from the database", f"{whole:.6f}", 0.755220, abs(whole - 0.755220) < 1e-6
    )

    real = load(str(tokio / "edison_snx11025_2018-02-09.h5lmt"))
    written = int((~real.missing).sum())
    table.line("2018-02-09: real intervals of 17,280", written, 12_240, written == 12_240)
    values, cpu = real.rates[:, 0][:, ~real.missing[0]], real.cpu[0, ~real.missing[0]]
    score = correlation(notebook_score(values), cpu)
    table.line("2018-02-09: score and CPU", f"{score:.6f}", 0.751431, abs(score - 0.751431) < 1e-6)
    plain = correlation(values.sum(axis=0), cpu)
    table.line("2018-02-09: plain count and CPU", f"{plain:.3f}", 0.926, abs(plain - 0.926) < 1e-3)
    opens = correlation(values[0], cpu)
    table.line("2018-02-09: opens and CPU", f"{opens:.3f}", 0.869, abs(opens - 0.869) < 1e-3)
    tail = real.quality.count(Repair.UNWRITTEN)
    table.line("2018-02-09: never written, counted", tail, 5_040, tail == 5_040)

    if given.pytokio:
        against_pytokio(table, given.pytokio, tokio)
    print(f"{table.wrong} wrong")
    return 1 if table.wrong else 0


def against_pytokio(table: Table, python: str, tokio: Path) -> None:
    store = {
        "tts": str(tokio / "snx11025_%Y-%m-%d.hdf5"),
        "h5lmt": str(tokio / "edison_snx11025_%Y-%m-%d.h5lmt"),
    }
    for fs, date in (
        ("tts", datetime.datetime(2018, 1, 28)),
        ("h5lmt", datetime.datetime(2018, 2, 9)),
    ):
        for zone in ("UTC", "America/Los_Angeles"):
            with tempfile.TemporaryDirectory() as folder:
                env = {
                    **os.environ,
                    "PYTOKIO_HDF5_FILES": json.dumps(store),
                    "TZ": zone,
                    "PYTHONPATH": "",
                }
                command = [python, "-W", "ignore", "-c", PYTOKIO, fs, json.dumps(NAMES), folder]
                answer = subprocess.run(
                    command, env=env, capture_output=True, text=True, check=False
                )
                if answer.returncode:
                    table.line(f"pytokio, {fs}, {zone}", answer.stderr.strip()[-40:], "", False)
                    continue
                for name, line in zip(NAMES, answer.stdout.splitlines(), strict=True):
                    theirs = np.load(Path(folder) / f"{name.replace('/', '_')}.npy")
                    ours = get_dataframe_from_time_range(
                        fs,
                        name,
                        date,
                        date + datetime.timedelta(days=1),
                        tz=zone,
                        config={"hdf5_files": store},
                    )
                    assert ours is not None
                    facts = [str(ours.index[0]), str(ours.index[-1]), len(ours)]
                    same = np.array_equal(ours.to_numpy(), theirs, equal_nan=True)
                    right = same and facts == json.loads(line)
                    table.line(
                        f"pytokio, {fs}, {zone}, {name}", len(ours), json.loads(line)[2], right
                    )


if __name__ == "__main__":
    sys.exit(main())
