"""Replications spread over processes or a Dask cluster; what comes out does not depend on it.

Sums of counts are exact integers and runs are told apart by their index only, so that neither the
number of workers nor the size of the batches changes a bit of the result.
"""

from __future__ import annotations

import math
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, cast

from separatrix.errors import DataError
from separatrix.simulate.local_workers import LocalWorkers
from separatrix.simulate.replication import Batch, Job, Replicator
from separatrix.simulate.store import Store

BATCH_SECONDS = 0.5  # work per task: passing it on costs a few milliseconds
WORTH_WORKERS = 3.0  # starting workers costs about a second [s]
PATIENCE = 10.0  # for a scheduler to answer, and to have a worker [s]

Span = tuple[int, int]


def checkpoints(runs: int) -> list[int]:
    """Run counts at which a wish for precision is looked at: 16, then half as many again.

    They depend on nothing but `runs`, so that where an experiment stops is reproducible, too.
    """
    found: list[int] = []
    n = 16
    while n < runs:
        found.append(n)
        n += n // 2
    return [*found, runs]


def replicate(
    job: Job,
    runs: int,
    *,
    workers: int | None = None,
    scheduler: Any = None,
    store: Store | None = None,
    enough: Callable[[int], bool] | None = None,
    take: Callable[[Batch], None],
) -> None:
    """Run replications 0 .. runs-1 of `job` and hand their batches to `take`, in order.

    Parameters
    ----------
    workers : processes on this machine; None for as many as there are processors, if it is worth
        starting them; 1 for this process alone.
    scheduler : address of a Dask scheduler, or a `distributed.Client`; then `workers` is ignored.
    store : batches are kept there as they come, and those already there are not run again.
    enough : called with the number of runs taken at each of `checkpoints`; True ends it.
    """
    stops = checkpoints(runs) if enough is not None else [runs]
    waiting: dict[int, Batch | Callable[[], Batch]] = {}
    gaps: list[Span] = []
    end = 0
    for first, count, path in store.spans() if store is not None else []:
        if first + count > runs:
            break
        if first > end:
            gaps.append((end, first - end))
        waiting[first] = _reader(cast(Store, store), path)
        end = first + count
    if end < runs:
        gaps.append((end, runs - end))
    taken = 0

    def hand_over() -> bool:
        """Pass on what is next in order; True when that was enough."""
        nonlocal taken
        while taken in waiting:
            entry = waiting.pop(taken)
            batch = entry if isinstance(entry, Batch) else entry()
            take(batch)
            taken += batch.count
            if taken == runs:
                return True
            if enough is not None and taken in stops and enough(taken):
                return True
        return False

    def keep(batch: Batch, packed: bytes | None = None) -> None:
        if store is not None:
            store.put(batch, packed)
        waiting[batch.first] = batch

    if hand_over():
        return
    # the first run is made here: it compiles the loop for everybody, and tells what a run takes
    first, count = gaps.pop(0)
    replicator = Replicator(job)
    _compile(replicator)
    begin = time.perf_counter()
    keep(replicator.run(first, 1))
    seconds = time.perf_counter() - begin
    if count > 1:
        gaps.insert(0, (first + 1, count - 1))
    if hand_over():
        return
    left = sum(n for _, n in gaps)
    if scheduler is not None:
        source = _on_dask(job, scheduler, gaps, stops, seconds)
    else:
        processes = workers if workers is not None else _processors()
        processes = min(processes, left)
        if processes == 1 or (workers is None and seconds * left < WORTH_WORKERS):
            source = _here(replicator, _spans(gaps, stops, seconds, 1))
        else:
            source = _on_processes(job, processes, gaps, stops, seconds)
    try:
        for batch, packed in source:
            keep(batch, packed)
            if hand_over():
                return
    finally:
        source.close()


def _processors() -> int:
    """Processors that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1


def _reader(store: Store, path: Any) -> Callable[[], Batch]:
    return lambda: store.get(path)


_told_of_compiling = threading.Event()


def _compile(replicator: Replicator) -> None:
    """Compile the loop (or load it from disk), saying so, once, where that takes a while."""

    def say() -> None:
        if _told_of_compiling.is_set():
            return
        _told_of_compiling.set()
        print(
            "separatrix: compiling the event loop for this kind of model and its kin; once, then "
            "it is kept on disk ...",
            file=sys.stderr,
            flush=True,
        )

    timer = threading.Timer(1.0, say)
    timer.daemon = True
    timer.start()
    try:
        replicator.compile()
    finally:
        timer.cancel()


def _spans(gaps: list[Span], stops: list[int], seconds: float, workers: int) -> Iterator[Span]:
    """Spans of about `BATCH_SECONDS` of work that fill `gaps` and cross none of `stops`."""
    left = sum(n for _, n in gaps)
    size = max(1, math.ceil(BATCH_SECONDS / max(seconds, 1e-6)))
    size = min(size, max(1, math.ceil(left / (2 * workers))))
    for first, count in gaps:
        begin, end = first, first + count
        while begin < end:
            stop = min(s for s in stops if s > begin)
            n = min(size, end - begin, stop - begin)
            yield begin, n
            begin += n


Source = Iterator[tuple[Batch, bytes | None]]


def _here(replicator: Replicator, spans: Iterator[Span]) -> Any:
    for first, count in spans:
        yield replicator.run(first, count), None


def _on_processes(
    job: Job, processes: int, gaps: list[Span], stops: list[int], seconds: float
) -> Any:
    spans = _spans(gaps, stops, seconds, processes)
    with LocalWorkers(job.pack(), processes) as pool:
        running = 0
        for span in spans:
            pool.submit(*span)
            running += 1
            if running == 2 * processes:
                break
        for packed in pool.results():
            for span in spans:
                pool.submit(*span)
                running += 1
                break
            running -= 1
            yield Batch.unpack(packed), packed
            if running == 0:
                return


_here_and_now = threading.local()


def run_span(job: bytes, first: int, count: int) -> bytes:
    """One task on a Dask worker; a thread keeps the memory of the job it works on."""
    known = getattr(_here_and_now, "replicator", None)
    if known is None or _here_and_now.job != job:
        _here_and_now.job = job
        _here_and_now.replicator = Replicator(Job.unpack(job))
    return cast(Replicator, _here_and_now.replicator).run(first, count).pack()


def cluster_at(address: str) -> Any:
    """A `distributed.Client` of the Dask scheduler at an address; to be closed.

    Raises DataError where none answers there, or it has no worker.
    """
    import distributed

    start = f"start one: dask scheduler, and dask worker {address}"
    try:
        client: Any = distributed.Client(address, timeout=PATIENCE)
    except (OSError, ValueError, TypeError) as error:
        problem = f"no Dask scheduler answers at {address}: {error}"
        raise DataError(problem, hint=start) from None
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
    except TimeoutError:
        client.close()
        raise DataError(f"the Dask scheduler at {address} has no worker", hint=start) from None
    return client


def _on_dask(job: Job, scheduler: Any, gaps: list[Span], stops: list[int], seconds: float) -> Any:
    import distributed

    owned = isinstance(scheduler, str)
    client: Any = cluster_at(scheduler) if owned else scheduler
    try:
        threads = max(1, sum(client.nthreads().values()))
        spans = _spans(gaps, stops, seconds, threads)
        packed_job = client.scatter(job.pack(), broadcast=True, hash=False)
        running: Any = distributed.as_completed()

        def submit() -> None:
            for first, count in spans:
                running.add(
                    client.submit(run_span, packed_job, first, count, pure=False, retries=3)
                )
                return

        for _ in range(2 * threads):
            submit()
        for future in running:
            submit()
            packed = future.result()
            yield Batch.unpack(packed), packed
    finally:
        if owned:
            client.close()
