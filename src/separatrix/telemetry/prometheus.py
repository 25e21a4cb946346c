"""Prometheus as a source: ``query_range`` over HTTP, and answers saved as JSON."""

from __future__ import annotations

import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO

from separatrix.errors import DataError
from separatrix.telemetry.accounts import Accounts, concat_accounts
from separatrix.telemetry.counters import Counters
from separatrix.telemetry.promseries import (
    IDLE,
    JOBS,
    STATS,
    TIME,
    Series,
    accounts_of,
    counters_of,
    series_of,
)
from separatrix.telemetry.quality import QualityLog

POINTS = 5_000
"""Points of a series asked for at a time; Prometheus refuses more than 11,000."""


@dataclass(frozen=True)
class Server:
    """Where Prometheus is and how to ask it.

    Attributes
    ----------
    url : its root, such as ``https://prometheus.example.org:9090``.
    token : bearer token, or None. It is sent to `url` only and appears in no message.
    timeout : longest silence of the server [s].
    step : distance of the points asked for [s].
    accounts : length of the intervals of job counts [s], or None to leave jobs out: there may be
        very many.
    select : further label matchers, such as ``'cluster="a"'``.
    """

    url: str
    token: str | None = None
    timeout: float = 30.0
    step: float = 60.0
    accounts: float | None = 3_600.0
    select: str = ""


def read_prometheus(
    server: Server,
    *,
    start: float,
    end: float,
    fs: str = "",
    zone: str = "UTC",
    jobid: str | None = None,
    log: QualityLog | None = None,
) -> Iterator[Counters]:
    """Yield the tables of [start, end), one per `POINTS` steps.

    Raises
    ------
    DataError : the server cannot be reached, refuses, is silent too long, or holds no series.
    """
    log = log or QualityLog()
    if not server.step > 0 or not end > start:
        raise DataError(f"step {server.step} s and range {start} to {end} must be positive")
    found = False
    low = start
    while low < end:
        # both ends are asked for: the point at `high` is the last reading of this interval
        high = min(low + POINTS * server.step, end)
        series: list[Series] = []
        for metric in (STATS, TIME):
            series += query_range(server, _selector(metric, 'component="mdt"', server), low, high)
        series += query_range(server, _selector(IDLE, 'mode="idle"', server), low, high)
        log.files += 1
        table = counters_of(series, fs=fs, zone=zone, source=server.url, log=log)
        if table is not None:
            told: list[Accounts] = []
            if server.accounts is not None:
                for length, jobs in _jobs(server, low, high):
                    made = accounts_of(jobs, fs=fs, jobid=jobid, log=log, increase=length)
                    told += [made] if made is not None else []
            accounts = concat_accounts(told) if told else None
            found = True
            yield replace(table, accounts=accounts, quality=log.report())
            log.clear()
        low = high
    if not found:
        raise DataError(
            f"holds no two readings of {STATS} in the range",
            file=server.url,
            hint="check the range, the step and the selector",
        )


def query_range(
    server: Server, query: str, start: float, end: float, step: float | None = None
) -> list[Series]:
    """Return the series of one ``/api/v1/query_range`` request.

    Raises
    ------
    DataError : whatever goes wrong, with the server's own words where it has any.
    """
    parts = urllib.parse.urlsplit(server.url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise DataError(f"{server.url!r} is no http or https address")
    asked = urllib.parse.urlencode(
        {"query": query, "start": f"{start:.3f}", "end": f"{end:.3f}", "step": step or server.step}
    )
    request = urllib.request.Request(  # noqa: S310  (http and https only, checked above)
        f"{server.url.rstrip('/')}/api/v1/query_range",
        data=asked.encode(),
        headers={"Accept": "application/json"},
    )
    if server.token is not None:
        request.add_unredirected_header("Authorization", f"Bearer {server.token}")
    opener = urllib.request.build_opener(_NoRedirect)
    try:
        with opener.open(request, timeout=server.timeout) as answer:
            body: bytes = answer.read()
    except urllib.error.HTTPError as wrong:
        told = wrong.read(500).decode("utf-8", "replace").strip()
        hint = "check the token" if wrong.code in (401, 403) else ""
        raise DataError(
            f"HTTP {wrong.code} {wrong.reason}: {told}", file=server.url, hint=hint
        ) from wrong
    except (HTTPException, OSError) as wrong:
        reason = wrong.reason if isinstance(wrong, urllib.error.URLError) else wrong
        raise DataError(
            f"does not answer: {reason or type(wrong).__name__}",
            file=server.url,
            hint=f"check the address, or raise the time-out ({server.timeout:g} s)",
        ) from wrong
    return series_of(body, server.url)


def read_saved(
    path: str,
    *,
    fs: str = "",
    zone: str = "UTC",
    jobid: str | None = None,
    log: QualityLog | None = None,
) -> Counters:
    """Return the table of a saved ``query_range`` answer (raw counters, not ``rate(...)``).

    Raises
    ------
    DataError : not such an answer, or no series of a metadata target in it.
    """
    log = log or QualityLog()
    series = series_of(Path(path).read_bytes(), path)
    table = counters_of(series, fs=fs, zone=zone, source=path, log=log)
    if table is None:
        names = sorted({s.name or "(no name)" for s in series})
        raise DataError(
            f"holds no two readings of {STATS} of a metadata target",
            file=path,
            hint=f"it holds {', '.join(names) or 'nothing'}; save the plain series, not rate()",
        )
    log.files += 1
    accounts = accounts_of(series, fs=fs, jobid=jobid, log=log)
    return replace(table, accounts=accounts, quality=log.report())


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirection: the token must not reach another host."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> None:
        """Refuse."""
        raise DataError(
            f"answers with a redirection to {newurl}",
            file=req.full_url,
            hint="give that address if you trust it",
        )


def _selector(metric: str, matcher: str, server: Server) -> str:
    matchers = ",".join(m for m in (matcher, server.select) if m)
    return f"{metric}{{{matchers}}}"


def _jobs(server: Server, start: float, end: float) -> Iterator[tuple[float, list[Series]]]:
    """Yield lengths of job intervals [s] and their series: whole ones, then what is left."""
    length = server.accounts or 3_600.0
    inner = _selector(JOBS, 'component="mdt"', server)
    whole = int((end - start) / length)
    if whole:
        asked = _increase(inner, length)
        last = start + whole * length
        yield length, query_range(server, asked, start + length, last, length)
        start = last
    if end - start >= 1.0:
        left = float(int(end - start))
        yield left, query_range(server, _increase(inner, left), end, end, left)


def _increase(selector: str, length: float) -> str:
    return f"sum by (jobid, target, operation) (increase({selector}[{int(length)}s]))"
