"""Prometheus series of Lustre's exporters to `Counters`.

Metric names, the same in lustrefs_exporter (whamcloud) and lustre_exporter (HPE): for each metadata
target ``lustre_stats_total{component="mdt", operation, target}`` and for each job
``lustre_job_stats_total{..., jobid}``; lustrefs_exporter adds handler time,
``lustre_stats_time_total`` [us]. The CPU load comes from node_exporter's
``node_cpu_seconds_total{mode="idle"}``: 100 (1 - d(idle) / (processors d(t))).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from separatrix.errors import DataError
from separatrix.telemetry.accounts import Accounts, factorised
from separatrix.telemetry.counters import Counters
from separatrix.telemetry.cumulative import GAP, Readings, differences, usual_step
from separatrix.telemetry.jobids import guessed, template
from separatrix.telemetry.quality import QualityLog, Repair

Floats = npt.NDArray[np.float64]

STATS = "lustre_stats_total"
TIME = "lustre_stats_time_total"
JOBS = "lustre_job_stats_total"
IDLE = "node_cpu_seconds_total"


@dataclass(frozen=True, eq=False)
class Series:
    """One time series: its labels, the instants [s since 1970 UTC] and the values there."""

    labels: Mapping[str, str]
    stamps: Floats
    values: Floats

    @property
    def name(self) -> str:
        """The metric's name, "" where the query's functions have removed it."""
        return self.labels.get("__name__", "")


def series_of(answer: str | bytes, name: str) -> list[Series]:
    """Return the series of a ``query_range`` answer.

    Raises
    ------
    DataError : not JSON, an error answer, or a result that is no matrix.
    """
    try:
        body: Any = json.loads(answer)
    except ValueError as wrong:
        raise DataError(f"is not JSON: {wrong}", file=name) from wrong
    if not isinstance(body, dict):
        raise DataError("is no Prometheus answer (a JSON object is expected)", file=name)
    told = cast(dict[str, Any], body)
    if told.get("status", "success") != "success":
        raise DataError(f"Prometheus answered: {told.get('error', told.get('status'))}", file=name)
    data = cast(dict[str, Any], told.get("data", told))
    if data.get("resultType", "matrix") != "matrix" or not isinstance(data.get("result"), list):
        raise DataError(
            f"holds a result of type {data.get('resultType')!r}",
            file=name,
            hint="save the answer of /api/v1/query_range, which is a matrix",
        )
    found: list[Series] = []
    for entry in cast(list[dict[str, Any]], data["result"]):
        try:
            points = np.array(entry["values"], dtype=np.float64).reshape(-1, 2)
            labels = {str(k): str(v) for k, v in entry["metric"].items()}
        except (KeyError, ValueError, TypeError, AttributeError) as wrong:
            raise DataError(f"holds a damaged series: {wrong!r}", file=name) from wrong
        found.append(Series(labels, points[:, 0], points[:, 1]))
    return found


def host_of(instance: str) -> str:
    """Return an ``instance`` label without its port: exporters of one host have different ones."""
    return instance.rpartition(":")[0] or instance


def counters_of(
    series: Sequence[Series], *, fs: str, zone: str, source: str, log: QualityLog
) -> Counters | None:
    """Return the table of raw counter series, or None where there is none of a metadata target.

    Each (target, instance) is differenced by itself, so that a target which moves to its failover
    server loses one interval and nothing else.
    """
    counted = [s for s in series if s.name == STATS and _is_mdt(s, fs)]
    if not counted:
        return None
    axis = np.unique(np.concatenate([s.stamps for s in counted]))
    step = usual_step(axis)
    if len(axis) < 2:
        log.repair(Repair.FIRST_SAMPLE, len(counted), file=source)
        return None
    timed = [s for s in series if s.name == TIME and _is_mdt(s, fs)]
    operations = tuple(dict.fromkeys(s.labels["operation"] for s in counted))
    places = dict.fromkeys((s.labels["target"], s.labels.get("instance", "")) for s in counted)
    targets = tuple(dict.fromkeys(target for target, _ in places))
    keep = np.flatnonzero(np.diff(axis) <= GAP * step)
    shape = (len(operations), len(targets), len(keep))
    values = np.full(shape, np.nan)
    latency = np.full(shape, np.nan)
    owner: dict[str, tuple[float, str]] = {}
    for target, instance in places:
        mine = (target, instance)
        counts = _cube([s for s in counted if _place(s) == mine], operations, axis)
        times = _cube([s for s in timed if _place(s) == mine], operations, axis) if timed else None
        made = differences(Readings(axis, counts, times), log, source, step=step)
        m = targets.index(target)
        values[:, m] = _either(values[:, m], made.counts[:, 0])
        if made.latency is not None:
            latency[:, m] = _either(latency[:, m], made.latency[:, 0])
        newest = float(axis[~np.isnan(counts).all(axis=(0, 1))][-1])
        owner[target] = max(owner.get(target, (-np.inf, "")), (newest, host_of(instance)))
    servers, cpu = _loads(series, axis, keep)
    hosts = tuple(owner[target][1] for target in targets)
    log.intervals += shape[1] * shape[2]
    table = Counters(
        start=axis[:-1][keep],
        step=np.diff(axis)[keep],
        targets=targets,
        operations=operations,
        values=values,
        stored="counts",
        servers=servers,
        cpu=cpu,
        server_of=tuple(host if host in servers else "" for host in hosts),
        latency_sum=latency if timed else None,
        latency_samples=np.where(np.isnan(latency), np.nan, values) if timed else None,
        fs=fs,
        zone=zone,
        sources=(source,),
    )
    log.missing += int(table.missing.sum())
    return table


def accounts_of(
    series: Sequence[Series],
    *,
    fs: str,
    jobid: str | None,
    log: QualityLog,
    increase: float | None = None,
) -> Accounts | None:
    """Return the accounts of job series, or None where there are none.

    Parameters
    ----------
    increase : where given, the series are not counters but their increase over this many seconds
        before each instant (``increase(lustre_job_stats_total[1h])``).
    """
    mine = [
        s
        for s in series
        if "jobid" in s.labels and (increase is not None or s.name == JOBS) and _is_mdt(s, fs)
    ]
    if not mine:
        return None
    operations = tuple(dict.fromkeys(s.labels["operation"] for s in mine))
    rows: dict[tuple[str, str, float, float], Floats] = {}
    axis = np.unique(np.concatenate([s.stamps for s in mine]))
    step = usual_step(axis)
    for one in mine:
        k = operations.index(one.labels["operation"])
        if increase is not None:
            begin, length, done = (
                one.stamps - increase,
                np.full(len(one.stamps), increase),
                one.values,
            )
        else:
            stamps, values = one.stamps, one.values
            if stamps[0] > axis[0]:  # a job that was not there before began at 0
                stamps, values = np.append(stamps[0] - step, stamps), np.append(0.0, values)
            begin, length, done = stamps[:-1], np.diff(stamps), np.diff(values)
            log.repair(Repair.COUNTER_RESET, int(np.sum(done < 0)), message=one.labels["jobid"])
            done = np.where(done < 0, values[1:], done)  # a new life: all of it is new
        for i in np.flatnonzero(done > 0).tolist():
            key = (one.labels["jobid"], one.labels["target"], float(begin[i]), float(length[i]))
            rows.setdefault(key, np.zeros(len(operations)))[k] += done[i]
    labels, account = factorised(key[0] for key in rows)
    targets, target = factorised(key[1] for key in rows)
    chosen = template(jobid) if jobid is not None else guessed(labels)
    return Accounts(
        labels=labels,
        targets=targets,
        operations=operations,
        account=account,
        target=target,
        start=np.array([key[2] for key in rows]),
        step=np.array([key[3] for key in rows]),
        counts=np.array(list(rows.values())).reshape(len(rows), len(operations)).T.copy(),
        fields=chosen.fields(labels) if chosen else {},
    )


def _is_mdt(series: Series, fs: str) -> bool:
    labels = series.labels
    if "operation" not in labels or "target" not in labels:
        return False
    if labels.get("component", "mdt") != "mdt" or labels["operation"].endswith("_bytes"):
        return False
    return not fs or labels["target"].startswith(f"{fs}-") or "-MDT" not in labels["target"]


def _place(series: Series) -> tuple[str, str]:
    return series.labels["target"], series.labels.get("instance", "")


def _cube(series: Sequence[Series], operations: tuple[str, ...], axis: Floats) -> Floats:
    """Return (n_operations, 1, n) readings; an operation not yet seen by the target is 0."""
    cube = np.full((len(operations), 1, len(axis)), np.nan)
    for one in series:
        cube[operations.index(one.labels["operation"]), 0, np.searchsorted(axis, one.stamps)] = (
            one.values
        )
    known = ~np.isnan(cube).all(axis=(0, 1))
    cube[:, :, known] = np.nan_to_num(cube[:, :, known], nan=0.0)
    return cube


def _either(one: Floats, other: Floats) -> Floats:
    return np.where(np.isnan(one), other, np.where(np.isnan(other), one, one + other))


def _loads(
    series: Sequence[Series], axis: Floats, keep: npt.NDArray[np.intp]
) -> tuple[tuple[str, ...], Floats]:
    idle = [s for s in series if s.name == IDLE and s.labels.get("mode", "idle") == "idle"]
    servers = tuple(dict.fromkeys(host_of(s.labels.get("instance", "")) for s in idle))
    cpu = np.full((len(servers), len(keep)), np.nan)
    for s, server in enumerate(servers):
        mine = [i for i in idle if host_of(i.labels.get("instance", "")) == server]
        rows = np.full((len(mine), len(axis)), np.nan)
        for row, one in zip(rows, mine, strict=True):
            at = np.searchsorted(axis, one.stamps)
            inside = at < len(axis)
            exact = inside & (axis[np.minimum(at, len(axis) - 1)] == one.stamps)
            row[at[exact]] = one.values[exact]
        spent = np.diff(rows.sum(axis=0))[keep] / len(mine)
        load = 100.0 * (1.0 - spent / np.diff(axis)[keep])
        # a restart makes the counter fall, a scrape between two updates can overshoot a little
        cpu[s] = np.where((spent < 0) | (load < -5.0), np.nan, np.clip(load, 0.0, 100.0))
    return servers, cpu
