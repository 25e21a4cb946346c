"""Kernels that write down what happened: samples, latency sketches, the request log."""

from __future__ import annotations

from typing import Any

from separatrix.compiled import compiled
from separatrix.simulate.layout import (
    AREA_BUSY, AREA_PRESENT, BORN, BUCKETS, BUSY, GRID_INDEX, ID, LATENCY_WINDOW, LOG_FILL,
    LOWEST_EXPONENT, MOVED_BUSY, MOVED_PRESENT, N_SERVERS, N_STREAMS, PRESENT, ROW_FILL,
    SAMPLES_PER_WINDOW, SCRATCH, SERVER_OBSERVED, SERVER_WORDS, SINCE, STREAM_OBSERVED,
    STREAM_WORDS, SUB_BITS, X_SERVERS, X_STREAMS,
)  # fmt: skip

_FIRST_BUCKET = (LOWEST_EXPONENT + 1023) << SUB_BITS


def _sketch_add(X: Any, F: Any, sketch: Any, row: int, seconds: float) -> None:
    """Count a duration in its bucket: the float's exponent and the first bits of its mantissa."""
    F[SCRATCH] = seconds
    bucket = (X[SCRATCH] >> (52 - SUB_BITS)) - _FIRST_BUCKET
    sketch[X[LATENCY_WINDOW], row, min(max(bucket, 0), BUCKETS - 1)] += 1


sketch_add = compiled(_sketch_add)


def _integrate(X: Any, F: Any, P: Any, t: float) -> None:
    """Bring the time integrals of every server up to `t`."""
    for i in range(P[N_SERVERS]):
        v = P[X_SERVERS] + i * SERVER_WORDS
        span = t - F[SINCE]
        F[v + AREA_PRESENT] += X[v + PRESENT] * span - F[v + MOVED_PRESENT]
        F[v + AREA_BUSY] += X[v + BUSY] * span - F[v + MOVED_BUSY]
        F[v + MOVED_PRESENT] = 0.0
        F[v + MOVED_BUSY] = 0.0
    F[SINCE] = t


integrate = compiled(_integrate)


def _sample(X: Any, P: Any, rows: Any, windows: int) -> None:
    """Write one sample of all that is observed."""
    row = X[ROW_FILL]
    column = 0
    for i in range(P[N_SERVERS]):
        for k in range(SERVER_OBSERVED):
            rows[row, column] = X[P[X_SERVERS] + i * SERVER_WORDS + k]
            column += 1
    for i in range(P[N_STREAMS]):
        for k in range(STREAM_OBSERVED):
            rows[row, column] = X[P[X_STREAMS] + i * STREAM_WORDS + k]
            column += 1
    X[ROW_FILL] += 1
    X[LATENCY_WINDOW] = min(X[GRID_INDEX] // P[SAMPLES_PER_WINDOW], windows - 1)
    X[GRID_INDEX] += 1


sample = compiled(_sample)


def _write_line(
    X: Any, F: Any, log: Any, flog: Any, p: int, stream: int, attempts: int, outcome: int, t: float
) -> None:
    """Write one line of the request log."""
    k = X[LOG_FILL]
    log[k, 0] = X[p + ID]
    log[k, 1] = stream
    log[k, 2] = attempts
    log[k, 3] = outcome
    flog[k, 4] = F[p + BORN]
    flog[k, 5] = t
    X[LOG_FILL] += 1


write_line = compiled(_write_line)
