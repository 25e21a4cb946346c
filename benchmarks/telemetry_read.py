"""How long reading months of telemetry takes: daily TTS files, the cache, job dumps, and pytokio.

    python benchmarks/telemetry_read.py [--days 180] [--dump-mb 450] [--pytokio PYTHON]

Each measurement runs in a process of its own. Printed are CPU seconds of the whole process (user +
system, imports included), CPU seconds of the reading alone, wall seconds, and the peak of resident
memory. ``--pytokio`` names the Python of an environment that holds pytokio 0.13; it reads the same
first 7 days in the same run, through ``tokio.tools.hdf5.get_dataframe_from_time_range`` as the
notebook does.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FIRST_DAY = 1_546_300_800.0  # 2019-01-01 UTC

PYTOKIO = """
import datetime, json, os, resource, sys
import numpy
import tokio.tools.hdf5
read = tokio.tools.hdf5.get_dataframe_from_time_range
def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
start = datetime.datetime(2019, 1, 1)
span = dict(datetime_start=start, datetime_end=start + datetime.timedelta(days=int(sys.argv[1])))
total, before = 0.0, cpu()
for name in sys.argv[2].split():
    frame = read(fsname="fs", dataset_name="/mdtargets/%srates" % name, **span)
    total += float(numpy.nansum(frame.values))
frame = read(fsname="fs", dataset_name="mdservers/cpuload", **span)
print(json.dumps({"cpu": cpu(), "reading": cpu() - before, "intervals": len(frame), "sum": total}))
"""


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def child(task: str, folder: str, count: str) -> None:
    """Do one measured task in this process and print its figures as JSON."""
    import numpy as np

    from separatrix.telemetry.reading import read

    facts: dict[str, float] = {"intervals": 0, "sum": 0.0}
    cache = str(Path(folder) / f"cache{count}") if task in ("fill", "cached") else None
    if task == "fill" and cache is not None:
        shutil.rmtree(cache, ignore_errors=True)
    if task == "jobs":
        from separatrix.telemetry import jobstats_scan

        sources = [str(Path(folder) / "job_stats.txt")]
        facts["megabytes"] = Path(sources[0]).stat().st_size / 1e6
        # the compiled scan is loaded from numba's cache before the clock starts
        jobstats_scan.scan(b"- job_id: x\n  snapshot_time: 1\n  open: { samples: 1 }\n", [])
    else:
        import h5py  # noqa: F401  (pytokio's clock starts after this import, too)

        sources = sorted(str(p) for p in Path(folder, "days").glob("*/*.hdf5"))[: int(count)]
    wall, before = time.perf_counter(), cpu()
    for table in read(sources, cache=cache):
        facts["intervals"] += table.n_intervals
        if table.accounts is not None:
            facts["intervals"] += table.accounts.n_rows
        if task == "week":
            facts["sum"] += float(np.nansum(table.rates))
    facts["reading"] = cpu() - before
    facts["wall"] = time.perf_counter() - wall
    facts["cpu"] = cpu()
    facts["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(facts))


def measured(task: str, folder: str, count: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--child", task, folder, str(count)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise SystemExit(f"{task} failed:\n{answer.stderr}")
    return json.loads(answer.stdout)


def write_dump(path: Path, megabytes: float) -> None:
    """Write a job_stats dump of that size, a third of whose counters are not zero."""
    import numpy as np

    from separatrix.telemetry.counters import OPERATIONS
    from separatrix.telemetry.synthesize_jobs import write_job_stats

    names = [*OPERATIONS, "setxattr", "sync", "samedir_rename", "crossdir_rename", "read", "write"]
    names += ["punch", "migrate", "parallel_rename_file", "parallel_rename_dir"]
    jobs = int(megabytes * 1e6 / 3_250)
    rng = np.random.default_rng(1)
    shape = (len(names), jobs)
    counts = rng.poisson(40, shape) * (rng.random(shape) < 1 / 3)
    labels = [f"app{j % 9}:{20_000 + j % 3_000}:nid{j:06d}" for j in range(jobs)]
    blocks = {f"fs-MDT{m:04x}": (labels[m::4], counts[:, m::4].astype(float)) for m in range(4)}
    times = dict.fromkeys(names, 120.0)
    write_job_stats(path, blocks, names, snapshot=1.7e9, since=1.69e9, handler_time=times)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--days", type=int, default=180)
    parser.add_argument("--dump-mb", type=float, default=450.0)
    parser.add_argument("--pytokio", help="Python of an environment with pytokio 0.13")
    parser.add_argument("--folder", help="keep the generated files here and use them again")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(*given.child)
        return

    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or temporary
        generate(Path(folder), given.days, given.dump_mb)
        report(folder, given.days)
        if given.pytokio:
            compare(folder, given.pytokio)


def generate(folder: Path, days: int, megabytes: float) -> None:
    from separatrix.telemetry.synthesize import default_system, write_days

    if len(list(folder.glob("days/*/*.hdf5"))) < days:
        system = default_system(n_targets=4, step=5.0)
        place = folder / "days"
        list(write_days(place, system, 1, first_day=FIRST_DAY, days=days, missing=0.002))
    if not (folder / "job_stats.txt").exists():
        write_dump(folder / "job_stats.txt", megabytes)


def report(folder: str, days: int) -> None:
    rows = [
        ("cold", f"{days} days, cold", "<= 12 CPU s, < 200 MB"),
        ("fill", f"{days} days, cold, writing the cache", ""),
        ("cached", f"{days} days, cached", "<= 2 CPU s"),
        ("jobs", "job_stats dump", ">= 100 MB/s/core"),
    ]
    print(f"{'what':<38} {'CPU s':>7} {'reading':>8} {'wall s':>7} {'peak MB':>8}  goal")
    for task, name, goal in rows:
        f = measured(task, folder, days)
        figures = f"{f['cpu']:7.2f} {f['reading']:8.2f} {f['wall']:7.2f} {f['peak_mb']:8.0f}"
        print(f"{name:<38} {figures}  {goal}")
        if task == "jobs":
            speed = f["megabytes"] / f["reading"]
            print(f"    {f['megabytes']:.0f} MB, {speed:.0f} MB/s/core, {f['intervals']:.0f} jobs")


def compare(folder: str, python: str) -> None:
    from separatrix.telemetry.counters import OPERATIONS

    store = {"fs": f"{folder}/days/%Y-%m-%d/synthetic.hdf5"}
    answer = subprocess.run(
        [python, "-c", PYTOKIO, "7", " ".join(OPERATIONS)],
        env={**os.environ, "PYTOKIO_HDF5_FILES": json.dumps(store), "TZ": "UTC", "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode:
        raise SystemExit(f"pytokio failed:\n{answer.stderr}")
    other = json.loads(answer.stdout.splitlines()[-1])
    cold = measured("week", folder, 7)
    measured("fill", folder, 7)
    warm = measured("cached", folder, 7)
    print(f"7 days: pytokio {other['reading']:.2f} CPU s ({other['cpu']:.2f} with imports)")
    for name, f in (("cold", cold), ("cached", warm)):
        times = other["reading"] / f["reading"]
        print(f"    here {name}: {f['reading']:.2f} ({f['cpu']:.2f}): {times:.0f}x, goal 20x")
    # pytokio keeps the samples that carry a gap, and so counts more
    same = f"{cold['intervals']:.0f} = {other['intervals']} intervals"
    print(f"    {same}; sums of rates {cold['sum']:.6g} <= {other['sum']:.6g}")


if __name__ == "__main__":
    main()
