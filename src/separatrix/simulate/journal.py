"""Kernels that write down what happened: samples, latency sketches, the request log."""

from __future__ import annotations

from typing import Any

from separatrix.compiled import compiled
from separatrix.simulate import layout as at

_FIRST_BUCKET = (at.LOWEST_EXPONENT + 1023) << at.SUB_BITS


def _sketch_add(X: Any, F: Any, sketch: Any, row: int, seconds: float) -> None:
    """Count a duration in its bucket: the float's exponent and the first bits of its mantissa."""
    F[at.SCRATCH] = seconds
    bucket = (X[at.SCRATCH] >> (52 - at.SUB_BITS)) - _FIRST_BUCKET
    sketch[X[at.LATENCY_WINDOW], row, min(max(bucket, 0), at.BUCKETS - 1)] += 1


sketch_add = compiled(_sketch_add)


def _integrate(X: Any, F: Any, P: Any, t: float) -> None:
    """Bring the time integrals of every server up to `t`."""
    for i in range(P[at.N_SERVERS]):
        v = P[at.X_SERVERS] + i * at.SERVER_WORDS
        span = t - F[at.SINCE]
        F[v + at.AREA_PRESENT] += X[v + at.PRESENT] * span - F[v + at.MOVED_PRESENT]
        F[v + at.AREA_BUSY] += X[v + at.BUSY] * span - F[v + at.MOVED_BUSY]
        F[v + at.MOVED_PRESENT] = 0.0
        F[v + at.MOVED_BUSY] = 0.0
    F[at.SINCE] = t


integrate = compiled(_integrate)


def _sample(X: Any, P: Any, rows: Any, windows: int) -> None:
    """Write one sample of all that is observed."""
    row = X[at.ROW_FILL]
    column = 0
    for i in range(P[at.N_SERVERS]):
        for k in range(at.SERVER_OBSERVED):
            rows[row, column] = X[P[at.X_SERVERS] + i * at.SERVER_WORDS + k]
            column += 1
    for i in range(P[at.N_STREAMS]):
        for k in range(at.STREAM_OBSERVED):
            rows[row, column] = X[P[at.X_STREAMS] + i * at.STREAM_WORDS + k]
            column += 1
    X[at.ROW_FILL] += 1
    X[at.LATENCY_WINDOW] = min(X[at.GRID_INDEX] // P[at.SAMPLES_PER_WINDOW], windows - 1)
    X[at.GRID_INDEX] += 1


sample = compiled(_sample)


def _watched_score(X: Any, P: Any, G: Any) -> float:
    """The attempts at the servers and the requests away, weighted as the program's buffer says.

    Where the buffer has a table, that sum only tells whether the state is outside of the table's two
    bounds; inside, the score is read from it by attempts at the servers and requests under way.
    """
    score = 0.0
    weight = P[at.P_WATCH]
    for i in range(P[at.N_SERVERS]):
        score += G[weight + i] * X[P[at.X_SERVERS] + i * at.SERVER_WORDS + at.PRESENT]
    weight += P[at.N_SERVERS]
    for i in range(P[at.N_STREAMS]):
        score += G[weight + i] * X[P[at.X_STREAMS] + i * at.STREAM_WORDS + at.AWAY]
    table = P[at.P_SCORE] & at.PLACE
    if table == 0:
        return score
    if score <= G[table + at.SCORE_LOW]:
        return -1.0
    if score >= G[table + at.SCORE_HIGH]:
        return G[table + at.SCORE_TOP]
    present, under_way = 0, 0
    for i in range(P[at.N_SERVERS]):
        present += X[P[at.X_SERVERS] + i * at.SERVER_WORDS + at.PRESENT]
    for i in range(P[at.N_SOURCES]):
        ss = P[at.X_STREAMS] + i * at.STREAM_WORDS
        ended = X[ss + at.ANSWERED] + X[ss + at.ANSWERED_LATE] + X[ss + at.REQUESTS_FAILED]
        under_way += X[ss + at.REQUESTS] - ended
    row = min(present, P[table + at.SCORE_ROWS] - 1)
    column = min(under_way, P[table + at.SCORE_COLUMNS] - 1)
    return G[table + at.SCORE_TABLE + row * P[table + at.SCORE_COLUMNS] + column]


watched_score = compiled(_watched_score)


def _write_line(
    X: Any, F: Any, log: Any, flog: Any, p: int, stream: int, attempts: int, outcome: int, t: float
) -> None:
    """Write one line of the request log."""
    k = X[at.LOG_FILL]
    log[k, 0] = X[p + at.ID]
    log[k, 1] = stream
    log[k, 2] = attempts
    log[k, 3] = outcome
    flog[k, 4] = F[p + at.BORN]
    flog[k, 5] = t
    X[at.LOG_FILL] += 1


write_line = compiled(_write_line)
