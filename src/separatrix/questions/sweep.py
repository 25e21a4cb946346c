r"""Grids over any parameters of a program, on many processors, resumable.

Every combination of the values makes one program; each is put to one engine (`point.record`). Points
are independent, so they run on a Dask cluster: one of processes on this machine by default, or that
whose address is given. With a store, each finished point is a file, and a sweep that was interrupted
asks only for what is missing.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from itertools import product
from math import prod
from pathlib import Path
from typing import Any, cast

from separatrix.errors import DataError, ModelError, Problem
from separatrix.model import Program
from separatrix.model.files import dumps
from separatrix.model.parameters import Path as Place
from separatrix.model.parameters import parameter, with_parameter, with_parameters
from separatrix.questions.point import OPTIONS, Engine, record
from separatrix.questions.sweep_result import SweepResult
from separatrix.questions.sweep_store import SweepStore
from separatrix.simulate.progress import progress_bar
from separatrix.simulate.replicate import cluster_at

MOST_POINTS = 1_000_000
WORTH_WORKERS = 10.0
"""Work [s] from which starting processes (about three seconds) pays."""


def sweep(
    program: Program,
    grid: Mapping[Place, Sequence[Any]],
    *,
    engine: Engine = "markov",
    options: Mapping[str, Any] | None = None,
    store: str | Path | None = None,
    workers: int | None = None,
    scheduler: Any = None,
    progress: bool | Callable[[int, int], None] = True,
) -> SweepResult:
    """Put every combination of parameter values to an engine.

    Parameters
    ----------
    grid : path of a parameter (as in `separatrix.model.parameters`) -> its values, numbers in SI units or
        texts with a unit.
    engine : ``"markov"``, ``"fluid"`` or ``"simulation"``.
    options : of the engine; see `point.record`.
    store : directory of finished points.
    workers : processes on this machine; None for as many as processors, where that pays; 1 for this
        process alone.
    scheduler : address of a Dask scheduler, or a `distributed.Client`, instead.
    progress : a bar on a terminal; or a function of (points done, points).

    Raises ModelError for an unknown parameter, engine or option, and for a combination that makes no
    program: nothing has been asked then. What an engine cannot answer is a record that says so.

    Examples
    --------
    >>> from metafor import program
    >>> found = sweep(program(), {"client.retries": [0, 1], "client.timeout": ["1s", "3s"]},
    ...               engine="fluid", progress=False)
    >>> found.array("verdict").tolist()
    [['safe', 'safe'], ['can get stuck', 'can get stuck']]
    """
    chosen = dict(options or {})
    names, values = _checked(grid, engine, chosen)
    if chosen.get("faults", False) and not program.faults.faults:
        raise ModelError(
            Problem("no fault to return from", "faults", "give the program a spike or an outage")
        )
    text = dumps(program)
    settings = list(product(*values))
    places: list[Place] = list(grid)
    tasks: list[dict[Place, object]] = []
    for setting in settings:
        changes: dict[Place, object] = dict(zip(places, setting, strict=True))
        with_parameters(program, changes)
        tasks.append(changes)
    plain = tuple(
        tuple(_in_si(program, place, value) for value in vs)
        for place, vs in zip(places, values, strict=True)
    )
    keys = [dict(zip(names, setting, strict=True)) for setting in settings]
    kept = None
    if store is not None:
        kept = SweepStore(store, {"program": text, "engine": engine, "options": chosen})
    found: dict[int, dict[str, Any]] = {}
    if kept is not None:
        found = {i: r for i, key in enumerate(keys) if (r := kept.get(key)) is not None}
    missing = [i for i in range(len(tasks)) if i not in found]
    with progress_bar(len(tasks), progress, "sweeping", "points") as advance:
        advance(len(found))

        def take(i: int, answer: dict[str, Any]) -> None:
            if kept is not None:
                kept.put(keys[i], answer)
            found[i] = answer
            advance(len(found))

        with contextlib.closing(
            _answers(text, tasks, missing, engine, chosen, workers, scheduler)
        ) as answers:
            for i, answer in answers:
                take(i, answer)
    records = tuple(found[i] for i in range(len(tasks)))
    return SweepResult(program.name, engine, names, plain, records)


def _checked(
    grid: Mapping[Place, Sequence[Any]], engine: Engine, options: Mapping[str, Any]
) -> tuple[tuple[str, ...], tuple[tuple[Any, ...], ...]]:
    names = tuple(p if isinstance(p, str) else ".".join(map(str, p)) for p in grid)
    values = tuple(tuple(v.item() if hasattr(v, "item") else v for v in vs) for vs in grid.values())
    problems = [
        Problem("has no values", name, "give at least one")
        for name, vs in zip(names, values, strict=True)
        if not vs
    ]
    if not names:
        problems.append(Problem("there is nothing to vary", "grid", "give a parameter"))
    if prod(map(len, values)) > MOST_POINTS:
        hint = f"at most {MOST_POINTS:,} are taken"
        problems.append(Problem(f"{prod(map(len, values)):,} points", "grid", hint))
    if engine not in OPTIONS:
        problems.append(Problem(f"unknown engine {engine!r}", "engine", ", ".join(OPTIONS)))
    else:
        problems += [
            Problem(f"unknown option {name!r} of {engine}", "options", ", ".join(OPTIONS[engine]))
            for name in options
            if name not in OPTIONS[engine]
        ]
    if problems:
        raise ModelError(problems)
    return names, values


def _in_si(program: Program, place: Place, value: Any) -> Any:
    """A value as the program holds it: SI numbers for texts with units; parts as their text."""
    try:
        held = parameter(with_parameter(program, place, value), place)
    except ModelError:  # valid beside the other parameters' values only
        return value
    return held if isinstance(held, int | float | str) else str(value)


_Answers = Generator[tuple[int, dict[str, Any]]]


def _answers(
    text: str,
    tasks: list[dict[Place, object]],
    missing: list[int],
    engine: Engine,
    options: dict[str, Any],
    workers: int | None,
    scheduler: Any,
) -> _Answers:
    """Answers as they come, with their index."""
    todo = list(missing)
    if scheduler is None and todo:
        # the first point is asked here: it tells whether starting processes pays
        begin = time.perf_counter()
        first = todo.pop(0)
        yield first, record(text, tasks[first], engine, options)
        ahead = (time.perf_counter() - begin) * len(todo)
        processes = min(workers if workers is not None else os.cpu_count() or 1, len(todo))
        if processes <= 1 or (workers is None and ahead < WORTH_WORKERS) or not _has_dask():
            for i in todo:
                yield i, record(text, tasks[i], engine, options)
            return
        with _processes(processes) as cluster:
            yield from _on_dask(text, tasks, todo, engine, options, cluster)
    elif todo:
        yield from _on_dask(text, tasks, todo, engine, options, scheduler)


def _has_dask() -> bool:
    from importlib.util import find_spec

    return find_spec("distributed") is not None and sys.platform != "win32"


@contextlib.contextmanager
def _processes(count: int) -> Generator[Any]:
    """A Dask cluster of processes on this machine, on loopback, without a dashboard.

    Its processes run their own programs, so that a caller's script needs no ``__main__`` guard.
    """
    from distributed.deploy import subprocess

    start = cast(Any, subprocess).SubprocessCluster
    # what this process can import, its workers can
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(p for p in sys.path if p)
    try:
        cluster = start(
            host="127.0.0.1",
            dashboard_address=None,
            n_workers=count,
            threads_per_worker=1,
            worker_kwargs={"memory_limit": 0, "dashboard": False},
        )
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
    with cluster:
        yield cluster


def _on_dask(
    text: str,
    tasks: list[dict[Place, object]],
    todo: list[int],
    engine: Engine,
    options: dict[str, Any],
    scheduler: Any,
) -> _Answers:
    if not _has_dask():
        raise DataError(
            "Dask is not installed", hint="pip install 'separatrix[dask]', or leave `scheduler` out"
        )
    import distributed

    owned = not isinstance(scheduler, distributed.Client)
    client: Any = cluster_at(scheduler) if owned else scheduler
    try:
        ahead = max(4, 4 * sum(client.nthreads().values()))
        waiting = iter(todo)
        running: Any = distributed.as_completed()
        place: dict[str, int] = {}

        def submit() -> None:
            for i in waiting:
                future = client.submit(
                    record, text, tasks[i], engine, options, pure=False, retries=2
                )
                place[future.key] = i
                running.add(future)
                return

        for _ in range(ahead):
            submit()
        for future in running:
            submit()
            yield place.pop(future.key), future.result()
    finally:
        if owned:
            client.close()
