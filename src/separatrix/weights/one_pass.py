"""One pass over telemetry: table after table, or on a Dask cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast

from separatrix.errors import DataError
from separatrix.telemetry import Counters
from separatrix.weights.rows import BUDGET
from separatrix.weights.sketch import KEPT
from separatrix.weights.summary import Summary

Loader = Callable[[], Counters]


def summarise(
    tables: Iterable[Counters | Loader],
    *,
    kept: int = KEPT,
    budget: int = BUDGET,
    cluster: Any = None,
) -> Summary:
    """Read tables one after the other, or on a Dask cluster, and return their summary.

    Parameters
    ----------
    tables : tables, or functions without arguments that read one (``functools.partial(load, f)``).
        Only one table is in memory at a time; on a cluster one per worker.
    kept : number of largest values kept per series: extreme quantiles of up to
        ``kept / (1 - q)`` intervals are exact.
    budget : most rows kept for regression.
    cluster : None; a ``dask.distributed.Client``; or the name of a Dask scheduler
        (``"threads"``, ``"processes"``, ``"sync"``).

    Raises
    ------
    DataError : where there is no table, or the tables are of different file systems or zones.
    """
    if cluster is not None:
        return _on_cluster(list(tables), kept, budget, cluster)
    whole: Summary | None = None
    for table in tables:
        whole = (whole or Summary(kept=kept, budget=budget)).add(_loaded(table))
        del table  # the generator may now reuse its memory
    if whole is None:
        raise DataError("no telemetry to summarise", hint="check the files and the time range")
    return whole


def _loaded(table: Counters | Loader) -> Counters:
    return table if isinstance(table, Counters) else table()


def _one(table: Counters | Loader, kept: int, budget: int) -> Summary:
    return Summary(kept=kept, budget=budget).add(_loaded(table))


def _both(left: Summary, right: Summary) -> Summary:
    return left.merge(right)


def _on_cluster(tables: list[Counters | Loader], kept: int, budget: int, cluster: Any) -> Summary:
    if not tables:
        raise DataError("no telemetry to summarise", hint="check the files and the time range")
    try:
        import dask
    except ImportError as absent:
        raise DataError(
            "a cluster was asked for and Dask is not installed",
            hint="pip install 'separatrix[dask]'",
        ) from absent
    delayed = cast(Any, dask).delayed
    level = [delayed(_one)(table, kept, budget) for table in tables]
    while len(level) > 1:  # neighbours first, so that the order of days is kept
        pairs = [delayed(_both)(a, b) for a, b in zip(level[::2], level[1::2], strict=False)]
        level = pairs + ([level[-1]] if len(level) % 2 else [])
    if isinstance(cluster, str):
        return cast(Summary, level[0].compute(scheduler=cluster))
    return cast(Summary, cluster.compute(level[0]).result())
