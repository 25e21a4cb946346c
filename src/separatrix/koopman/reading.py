"""Trajectories out of files: what `separatrix simulate -o` writes, tables, telemetry.

A table has a column ``time`` [s] and one for each series; a column ``run`` tells runs apart. Of the
simulator's columns, those that make the state are taken if none are named: the attempts at each
server (``queue + in_service``) and the requests in each stream's orbit, over all attempt numbers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import DataError
from separatrix.koopman.dataset import Trajectories

if TYPE_CHECKING:
    from separatrix.telemetry import Counters

Array: TypeAlias = NDArray[np.float64]

_MOST_VALUES = 500_000_000
_SERVER = re.compile(r"queue\[(.+)\]")
_ORBIT = re.compile(r"orbit\[(.+),\d+\]")


def read_trajectories(
    path: str | Path, *, series: Sequence[str] = (), step: float | None = None
) -> Trajectories:
    """The runs in a Parquet or CSV table, or in telemetry.

    Parameters
    ----------
    series : columns to take, or ``at[server]``, ``orbit[stream]`` made of the simulator's; empty for
        those of the state, or all.
    step : sample every so many seconds, a multiple of the step in the file.

    Raises DataError where the file is no such thing, a value is missing, or steps differ.
    """
    place = Path(path)
    if not place.exists():
        raise DataError("there is no such file", file=str(path), hint="check the name")
    table = _table(place) if place.suffix in (".parquet", ".csv") else None
    if table is not None and "time" in table and not {"target", "mdt", "operation"} & set(table):
        data = from_table(table, series=series, name=str(path))
    else:
        from separatrix.telemetry import load

        data = from_counters(load(str(path)))
        if series:
            data = data.select(series)
    data = data if series else data.varying()
    return data if step is None or step == data.step else data.resampled(step)


def from_table(
    table: dict[str, NDArray[Any]], *, series: Sequence[str] = (), name: str = "the table"
) -> Trajectories:
    """Trajectories of columns ``time`` [s], ``run`` (if several) and series."""
    columns = _with_state(table)
    kinds = {k: v.dtype.kind for k, v in columns.items() if k not in ("run", "time")}
    numeric = [k for k, kind in kinds.items() if kind in "fiub"]
    missing = [s for s in series if s not in numeric]
    if missing:
        raise DataError(
            f"has no series {', '.join(missing)}",
            file=name,
            hint=f"it has {', '.join(numeric[:40])}",
        )
    made = [k for k in numeric if k not in table]
    chosen = list(series) or made or numeric
    if not chosen:
        raise DataError("has no series of numbers", file=name, hint="add a column beside time")
    time = _seconds(columns["time"], name)
    run = columns.get("run", np.zeros(len(time), int))
    values = np.stack([columns[k].astype(np.float64) for k in chosen], axis=1)
    pieces: list[Array] = []
    steps: list[Array] = []
    numbers = np.unique(run)
    for number in numbers:
        rows = np.flatnonzero(run == number)
        rows = rows[np.argsort(time[rows], kind="stable")]
        pieces.append(values[rows])
        steps.append(np.diff(time[rows]))
    every = np.concatenate(steps)
    if len(every) == 0:
        raise DataError("has one sample a run", file=name, hint="record longer")
    usual = float(np.median(every))
    off = np.abs(every - usual) > 1e-3 * abs(usual)
    if usual <= 0.0 or off.any():
        example = float(every[off][0]) if off.any() else usual
        raise DataError(
            f"is sampled at different steps: {usual:g} s and {example:g} s",
            file=name,
            hint="sample evenly; give runs their own number in a column `run`",
        )
    try:
        return Trajectories(
            tuple(chosen), tuple(pieces), usual, tuple(range(len(numbers))), (0.0,) * len(numbers)
        )
    except DataError as error:
        raise DataError(str(error), file=name) from None


def from_dataset(dataset: Any) -> Trajectories:
    """Trajectories of `SimulationResult.to_xarray(runs=True)`: attempts at servers, and orbits.

    Raises DataError where the runs were not kept.
    """
    if "run" not in dataset.dims:
        raise DataError(
            "the dataset holds means over the runs, no runs", hint="use to_xarray(runs=True)"
        )
    names = [f"at[{s}]" for s in dataset.server.values.tolist()]
    names += [f"orbit[{s}]" for s in dataset.stream.values.tolist()]
    at = dataset["queue"].values + dataset["in_service"].values
    orbit = np.nansum(dataset["orbit"].values, axis=-1)
    values = np.concatenate([at, orbit], axis=2).astype(np.float64)
    step = float(dataset.time.values[1] - dataset.time.values[0])
    return Trajectories.of(list(values), step, names).varying()


def from_counters(counters: Counters) -> Trajectories:
    """Trajectories of telemetry: each target is a run, its operations per second and CPU load.

    Stretches without a missing value become pieces. Raises DataError where the step varies.
    """
    steps = np.unique(np.round(counters.step, 6))
    if len(steps) != 1:
        raise DataError(
            f"telemetry has intervals of {steps[0]:g} to {steps[-1]:g} s",
            hint="choose a range with one interval length",
        )
    step = float(steps[0])
    rates, cpu = np.nansum(counters.rates, axis=0), counters.cpu_of_targets()
    with_cpu = bool(np.isfinite(cpu).any())
    gap = np.concatenate([[False], np.abs(np.diff(counters.start) - step) > 1e-3 * step])
    pieces: list[Array] = []
    run: list[int] = []
    for m in range(len(counters.targets)):
        values = np.stack([rates[m], cpu[m]] if with_cpu else [rates[m]], axis=1)
        good = ~counters.missing[m] & np.isfinite(values).all(axis=1)
        stretch = np.cumsum(gap | ~good)
        for number in np.unique(stretch[good]):
            part = values[good & (stretch == number)]
            if len(part) > 1:
                pieces.append(part)
                run.append(m)
    names = ("operations [1/s]", "cpu [%]") if with_cpu else ("operations [1/s]",)
    return Trajectories(names, tuple(pieces), step, tuple(run), (0.0,) * len(pieces))


def combined(parts: Sequence[Trajectories]) -> Trajectories:
    """Several files' trajectories as one; DataError where steps or channels differ."""
    first = parts[0]
    for part in parts[1:]:
        if abs(part.step - first.step) > 1e-9 * first.step:
            raise DataError(
                f"the files are sampled at different steps: {first.step:g} s and {part.step:g} s",
                hint="bring them to one step: --step",
            )
        if part.names != first.names:
            raise DataError(
                f"the files hold different series: {', '.join(first.names)} and "
                f"{', '.join(part.names)}",
                hint="choose the same: --series",
            )
    run: list[int] = []
    for part in parts:
        offset = max(run, default=-1) + 1
        run += [offset + number for number in part.run]
    return replace(
        first,
        pieces=tuple(p for part in parts for p in part.pieces),
        run=tuple(run),
        begin=tuple(b for part in parts for b in part.begin),
    )


def _table(place: Path) -> dict[str, NDArray[Any]]:
    import pandas as pd
    import pyarrow
    import pyarrow.parquet as parquet

    pa, pq = cast(Any, pyarrow), cast(Any, parquet)  # they ship no types
    try:
        if place.suffix == ".csv":
            frame = pd.read_csv(place, skipinitialspace=True)
        else:
            many = pq.read_metadata(place)
            if many.num_rows * many.num_columns > _MOST_VALUES:
                raise DataError(
                    f"holds {many.num_rows:,} x {many.num_columns} values", file=str(place),
                    hint="sample less often",
                )  # fmt: skip
            frame = pd.read_parquet(place)
    except (OSError, ValueError, pd.errors.ParserError, pa.ArrowException) as error:
        raise DataError(
            f"cannot be read: {str(error).splitlines()[0]}", file=str(place),
            hint="give a Parquet or CSV table",
        ) from None  # fmt: skip
    return {str(key): frame[key].to_numpy() for key in frame.columns}


def _with_state(table: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The table, with the simulator's state where its columns are there."""
    made: dict[str, NDArray[Any]] = dict(table)
    for key in table:
        server = _SERVER.fullmatch(key)
        if server and f"in_service[{server[1]}]" in table:
            made[f"at[{server[1]}]"] = table[key] + table[f"in_service[{server[1]}]"]
    for key in table:
        stream = _ORBIT.fullmatch(key)
        if stream:
            name = f"orbit[{stream[1]}]"
            made[name] = made[name] + table[key] if name in made else table[key].astype(np.float64)
    return made


def _seconds(time: NDArray[Any], name: str) -> Array:
    if time.dtype.kind in "fiu":
        return time.astype(np.float64)
    import pandas as pd

    try:
        stamps = pd.to_datetime(pd.Series(time), utc=True, format="ISO8601")
    except (ValueError, TypeError) as error:
        raise DataError(
            f"its times are neither seconds nor dates: {error}", file=name, hint="write seconds"
        ) from None
    first: Any = stamps.iloc[0]
    return (stamps - first).dt.total_seconds().to_numpy(dtype=np.float64)
