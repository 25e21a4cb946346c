"""Rows for regression: rates of a server beside its CPU load, all of them or a mergeable sample.

A month of four servers is two million rows, more than a regression needs and than memory should
hold. What is kept is a *priority sample* (Duffield, Lund, Thorup, JACM 2007) of blocks of
`BLOCK` neighbouring intervals: block i of size v_i gets priority v_i / u_i with u_i uniform on
(0, 1], the blocks of highest priority stay, and 1 / P(kept) = max(1, T / v_i) with T the highest
priority that was dropped. The size is v = sqrt(1 + mean rate of operations), so that busy times,
which tell most about costs, are likelier to stay. u_i is a hash of server and time: the sample does
not depend on the order of reading or on how the work is spread over machines. Selection looks at
rates only, never at the CPU load, and therefore does not bias a regression.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from separatrix.errors import DataError
from separatrix.telemetry import Counters

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int32]

BLOCK = 64
"""Intervals in a block."""
BUDGET = 40_000
"""Rows kept by default: 4 MB, and more than a day of 5-second samples."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Intervals of servers with known CPU load, ordered by server and time.

    Attributes
    ----------
    start, step : (n,) begin [s since 1970 UTC] and length [s] of each interval.
    servers : names; `server` (n,) points into it.
    operations : names, columns of `rates` (n, n_operations) [1/s]; NaN = missing.
    cpu : (n,) CPU load [percent].
    size : (n,) v of the row's block.
    priority : (n,) priority of the row's block.
    threshold : highest priority that was dropped; 0 where nothing was.
    """

    start: Floats
    step: Floats
    servers: tuple[str, ...]
    server: Codes
    operations: tuple[str, ...]
    rates: Floats
    cpu: Floats
    size: Floats
    priority: Floats
    threshold: float = 0.0

    def __len__(self) -> int:
        return len(self.start)

    @property
    def weight(self) -> Floats:
        """(n,) number of intervals that each row stands for."""
        return np.maximum(1.0, self.threshold / self.size)

    @property
    def age(self) -> npt.NDArray[np.int64]:
        """(n,) number of rows directly before each one without a break in time or server."""
        n = len(self)
        if n == 0:
            return np.empty(0, dtype=np.int64)
        begin = ~follows(self.start, self.step)
        begin[1:] |= self.server[1:] != self.server[:-1]
        at = np.arange(n)
        return at - np.maximum.accumulate(np.where(begin, at, 0))

    def taken(self, index: npt.NDArray[Any]) -> Rows:
        """Return the rows that `index` (positions or mask) selects."""
        return replace(
            self,
            start=self.start[index],
            step=self.step[index],
            server=self.server[index],
            rates=self.rates[index],
            cpu=self.cpu[index],
            size=self.size[index],
            priority=self.priority[index],
        )

    def thinned(self, budget: int) -> Rows:
        """Return the blocks of highest priority that fit into `budget` rows."""
        if len(self) <= budget:
            return self
        order = np.argsort(-self.priority, kind="stable")
        cut = self.priority[order[budget]]  # the block that would overflow goes as a whole
        return replace(self.taken(self.priority > cut), threshold=max(self.threshold, float(cut)))

    def merge(self, other: Rows, budget: int = BUDGET) -> Rows:
        """Return the sample of both sets of rows together."""
        threshold = max(self.threshold, other.threshold)
        joined = _joined([self, other])
        joined = replace(joined.taken(joined.priority > threshold), threshold=threshold)
        return joined.thinned(budget)

    def complete(self, operations: Sequence[str] | None = None) -> Rows:
        """Return the rows in which all of `operations` are known.

        By default those operations that are known in at least half of the rows.

        Raises
        ------
        DataError : where no row is left.
        """
        if operations is None:
            known = (~np.isnan(self.rates)).mean(axis=0) >= 0.5 if len(self) else np.array([])
            operations = [o for o, k in zip(self.operations, known, strict=False) if k]
        columns = [self.operations.index(o) for o in operations if o in self.operations]
        rates = self.rates[:, columns]
        keep = np.asarray(~np.isnan(rates).any(axis=1))
        if not operations or len(columns) < len(operations) or not keep.any():
            raise DataError(
                "no interval has both the server's CPU load and the operations",
                hint="regression needs the CPU load; --method quantile and notebook do without",
            )
        picked = replace(self, operations=tuple(operations), rates=rates)
        return picked if keep.all() else picked.taken(keep)


def rows_of(table: Counters) -> Rows:
    """Return all intervals of `table` in which a server's CPU load and some operation are known.

    Targets of one server are added up, as the load is the server's.
    """
    by_server = table.by_server()
    rates = by_server.rates
    load = by_server.cpu_of_targets()
    parts: list[Rows] = []
    for m, name in enumerate(by_server.targets):
        of_server = np.ascontiguousarray(rates[:, m].T)
        silent = np.asarray(np.isnan(of_server).all(axis=1))
        keep = np.flatnonzero(~np.isnan(load[m]) & ~silent)
        start, step = table.start[keep], table.step[keep]
        kept = of_server[keep]
        size, priority = _priorities(name, start, step, kept)
        parts.append(
            Rows(
                start,
                step,
                (name,),
                np.zeros(len(keep), np.int32),
                table.operations,
                kept,
                load[m, keep],
                size,
                priority,
            )
        )
    return _joined(parts) if parts else _joined([_nothing()])


def follows(start: Floats, step: Floats) -> npt.NDArray[np.bool_]:
    """Return (n,) whether each interval begins where the one before it ends (within half a step)."""
    joined = np.abs(np.diff(start) - step[:-1]) < 0.5 * step[1:]
    return np.concatenate([np.zeros(min(len(start), 1), dtype=np.bool_), joined])


def no_rows() -> Rows:
    """Return an empty sample, the neutral element of `Rows.merge`."""
    return _nothing()


def _nothing() -> Rows:
    none = np.empty(0)
    return Rows(none, none, (), np.empty(0, np.int32), (), np.empty((0, 0)), none, none, none)


def _priorities(name: str, start: Floats, step: Floats, rates: Floats) -> tuple[Floats, Floats]:
    if len(start) == 0:
        return np.empty(0), np.empty(0)
    block = np.floor(start / (step * BLOCK)).astype(np.int64)
    first = np.flatnonzero(np.concatenate([[True], np.diff(block) != 0]))
    length = np.diff(np.append(first, len(block)))
    mean = np.add.reduceat(np.nansum(rates, axis=1), first) / length
    size = np.sqrt(1.0 + mean)
    uniform = _uniform(zlib.crc32(name.encode()), block[first])
    return np.repeat(size, length), np.repeat(size / uniform, length)


def _uniform(seed: int, keys: npt.NDArray[np.int64]) -> Floats:
    """Hash to (0, 1] by splitmix64 (Steele, Lea, Flood 2014); the same on every machine."""
    with np.errstate(over="ignore"):
        z = keys.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return ((z >> np.uint64(11)).astype(np.float64) + 1.0) * 2.0**-53


def _joined(parts: Sequence[Rows]) -> Rows:
    servers = tuple(dict.fromkeys(s for p in parts for s in p.servers))
    operations = tuple(dict.fromkeys(o for p in parts for o in p.operations))
    n = sum(map(len, parts))
    rates = np.full((n, len(operations)), np.nan)
    server = np.empty(n, np.int32)
    at = 0
    for part in parts:
        upto = at + len(part)
        rates[at:upto, [operations.index(o) for o in part.operations]] = part.rates
        codes = np.array([servers.index(s) for s in part.servers], dtype=np.int32)
        server[at:upto] = codes[part.server] if len(part) else 0
        at = upto

    def column(name: str) -> Floats:
        return np.concatenate([np.empty(0), *(getattr(p, name) for p in parts)])

    whole = Rows(
        column("start"),
        column("step"),
        servers,
        server,
        operations,
        rates,
        column("cpu"),
        column("size"),
        column("priority"),
        max((p.threshold for p in parts), default=0.0),
    )
    order = np.lexsort((whole.start, whole.server))
    ordered = bool(np.all(order == np.arange(n)))
    return whole if ordered else whole.taken(order)
