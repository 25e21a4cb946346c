r"""From per-user counters and weights to the load that each user puts on its target, by windows.

Time is cut into windows of one length. With `fold` (a day), windows at the same time of day are
averaged: the load is then the *expected* load at that time of day, and a plan does not chase single
bursts of the past. Counts of an interval are shared out to windows in proportion to time.

A user's home is the target that the users' file names, or else the one with most of its load. Load on
other targets stays there: it is work on directories of others, which do not move with the user. So
does what a target did beyond all users' counts, where its own counters are known.

Uncertainty. The weights w are known as N(v, S). The load v'c of every user and window is raised to

    l = v'c + z \sqrt{c' S c} ,   z = 1.96 (or what is given),

and the raised loads are added up. Since \sqrt{c'Sc} is a norm, their sum is at least
v'C + z \sqrt{C'SC} for the counts C = \sum c of a target: the worst case over the whole ellipsoid
(w - v)' S^{-1} (w - v) <= z^2 of weights is never above the planned peak (Ben-Tal and Nemirovski
1999, with the cone replaced by the triangle inequality). A bound was chosen rather than scenarios of
weights: it is guaranteed for all weights at once, keeps the integer program linear and as small as
without uncertainty, and loses little, since one weight's error moves all users of like habits
together. What it loses is seen in the result, which gives the ellipsoid's exact worst case too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from separatrix.errors import DataError
from separatrix.placement.users import UserFacts
from separatrix.telemetry import Accounts, Counters, concat_accounts
from separatrix.weights.result import Weights

Floats = npt.NDArray[np.float64]
DAY = 86_400.0
MOST_WINDOWS = 2_000
"""Windows above which a plan would need more memory than its purpose deserves."""


@dataclass(frozen=True, eq=False)
class Demand:
    """What users ask of targets, window by window.

    Attributes
    ----------
    users, targets, operations : names; of `operations` those with a weight.
    home : (n_users,) index of the target that each user lives on.
    rates : (n_users, n_operations, n_windows) operations of users on their home [1/s].
    stays : (n_targets, n_operations, n_windows) operations that stay on targets [1/s].
    window : length of a window [s].
    start : begin of the first window [s since 1970 UTC].
    folded : period that was averaged over [s], 0 for none.
    weights : what an operation costs.
    facts : sizes, directories and pins by user, where they are known.
    """

    users: tuple[str, ...]
    targets: tuple[str, ...]
    operations: tuple[str, ...]
    home: npt.NDArray[np.int64]
    rates: Floats
    stays: Floats
    window: float
    start: float
    folded: float
    weights: Weights
    facts: Mapping[str, UserFacts] = field(default_factory=dict[str, UserFacts])

    def loads(self, z: float) -> tuple[Floats, Floats]:
        """Return loads (n_users, n_windows) and (n_targets, n_windows), raised by z deviations."""
        return self._raised(self.rates, z), self._raised(self.stays, z)

    def worst_case(self, assigned: npt.NDArray[np.int64], z: float) -> Floats:
        """Return (n_targets, n_windows) worst load over the ellipsoid of weights of radius z."""
        total = self.stays.copy()
        np.add.at(total, assigned, self.rates)
        return self._raised(total, z)

    def _raised(self, rates: Floats, z: float) -> Floats:
        values, covariance = self.weights.aligned(self.operations)
        mean = np.einsum("k,ukw->uw", values, rates)
        if z == 0.0 or not covariance.any():
            return mean
        variance = np.einsum("ukw,kl,ulw->uw", rates, covariance, rates, optimize=True)
        return mean + z * np.sqrt(np.maximum(variance, 0.0))


def demand(
    weights: Weights,
    tables: Iterable[Counters],
    *,
    by: str = "user",
    facts: Mapping[str, UserFacts] | None = None,
    projects: bool = False,
    window: float = 3_600.0,
    fold: float = DAY,
) -> Demand:
    """Add up per-user counters by windows.

    Parameters
    ----------
    tables : telemetry with per-job counts (`Counters.accounts`).
    by : ``"job"`` for job ids as they are, or a field of the job id template such as ``"user"``.
    facts : what the users' file says, by name of the field `by`.
    projects : whether the file's projects are placed instead of users.
    window : length of a window [s]; `fold` : period to average over [s], 0 for none.

    Raises
    ------
    DataError : no per-job counts, none with a weight, or unsuitable windows.
    """
    if not window > 0 or not fold >= 0 or (fold and abs(fold / window % 1.0) > 1e-9):
        raise DataError(
            f"windows of {window:g} s do not divide the folded period of {fold:g} s",
            hint="take windows of a divisor of the period, such as 1h of 1d",
        )
    facts = dict(facts or {})
    given = list(tables)
    accounts = _accounts(given, by)
    if projects:
        accounts, facts = _by_project(accounts, facts)
    names = tuple(o for o in accounts.operations if weights[o] > 0.0)
    if not names:
        raise DataError(
            "none of the operations of the per-job counts has a weight",
            hint=f"weights know {', '.join(weights.operations)}",
        )
    windows = _Windows.over(accounts.start, accounts.start + accounts.step, window, fold)
    targets = _targets(accounts, facts)
    cell = (
        accounts.account.astype(np.int64) * len(targets)
        + np.array([targets.index(t) for t in accounts.targets], dtype=np.int64)[accounts.target]
    )
    present, place = np.unique(cell, return_inverse=True)
    picked = accounts.counts[[accounts.operations.index(o) for o in names]]
    amounts = windows.shared_out(accounts.start, accounts.step, picked, place, len(present))
    owner, on = present // len(targets), present % len(targets)
    values, _ = weights.aligned(names)
    total = np.einsum("k,ckw->c", values, amounts)
    home = _homes(accounts.labels, targets, owner, on, total, facts)
    rates = np.zeros((len(accounts.labels), *amounts.shape[1:]))
    stays = np.zeros((len(targets), *amounts.shape[1:]))
    mine = home[owner] == on
    rates[owner[mine]] = amounts[mine]
    np.add.at(stays, on[~mine], amounts[~mine])
    for m, target in enumerate(targets):
        own = _own(given, target, names, windows)
        if own is not None:
            counted = rates[home == m].sum(axis=0) + stays[m]
            stays[m] += np.maximum(own - counted, 0.0)
    return Demand(
        accounts.labels,
        targets,
        names,
        home,
        rates,
        stays,
        window,
        windows.start - windows.offset * window,
        fold if windows.folded else 0.0,
        weights,
        facts,
    )


@dataclass(frozen=True)
class _Windows:
    """`count` windows from `start` on, the first of which is number `offset` of its period."""

    start: float
    length: float
    count: int
    per_period: int
    offset: int
    folded: bool

    @staticmethod
    def over(start: Floats, end: Floats, length: float, fold: float) -> _Windows:
        """Return whole windows over all intervals, folded where they fill a period."""
        first = float(np.floor(start.min() / length)) * length
        count = max(int(np.ceil((end.max() - first) / length - 1e-9)), 1)
        folded = fold > 0 and count > round(fold / length)
        kept = round(fold / length) if folded else count
        if kept > MOST_WINDOWS or count > 50 * MOST_WINDOWS:
            raise DataError(
                f"windows of {length:g} s make {count} windows, at most {MOST_WINDOWS} are planned "
                "with",
                hint="take longer windows, or fold them by day",
            )
        offset = round(first % fold / length) if folded else 0
        return _Windows(first, length, count, kept, offset, folded)

    def shared_out(self, start: Floats, step: Floats, counts: Floats, place: Any, n: int) -> Floats:
        """Return (n, n_operations, windows) mean rates [1/s] of rows that belong to n places."""
        first = np.floor((start - self.start) / self.length + 1e-9).astype(np.int64)
        last = np.ceil((start + step - self.start) / self.length - 1e-9).astype(np.int64)
        many = np.maximum(last - first, 1)
        row = np.repeat(np.arange(len(start)), many)
        within = np.arange(len(row)) - np.repeat(np.cumsum(many) - many, many)
        window = np.minimum(first[row] + within, self.count - 1)
        begin = self.start + window * self.length
        overlap = np.minimum(start[row] + step[row], begin + self.length) - np.maximum(
            start[row], begin
        )
        part = np.where(many[row] > 1, overlap / step[row], 1.0)
        at = place[row] * self.per_period + (window + self.offset) % self.per_period
        size = n * self.per_period
        known = np.nan_to_num(counts)
        sums = [
            np.bincount(at, weights=column[row] * part, minlength=size).reshape(n, -1)
            for column in known
        ]
        # how often each time of day was seen: a last day may be incomplete
        number = (np.arange(self.count) + self.offset) % self.per_period
        seen = np.bincount(number, minlength=self.per_period)
        return np.stack(sums, axis=1) / (np.maximum(seen, 1) * self.length)


def _accounts(tables: list[Counters], by: str) -> Accounts:
    parts = [t.accounts for t in tables if t.accounts is not None and t.accounts.n_rows]
    if not parts:
        raise DataError(
            "the telemetry holds no counts per job or user",
            hint="give files of job_stats, or exporter data with a jobid label",
        )
    joined = concat_accounts(parts)
    known = joined.step > 0
    joined = joined if known.all() else joined.rows(np.flatnonzero(known))
    if joined.n_rows == 0:
        raise DataError("no count per job covers any time", hint="give two dumps or more")
    return joined if by == "job" else joined.by(by)


def _by_project(
    accounts: Accounts, facts: dict[str, UserFacts]
) -> tuple[Accounts, dict[str, UserFacts]]:
    owner = tuple(facts[u].project or u if u in facts else u for u in accounts.labels)
    merged: dict[str, UserFacts] = {}
    for name, fact in facts.items():
        project = fact.project or name
        merged[project] = merged[project].joined(fact) if project in merged else fact
    return replace(accounts, fields={**accounts.fields, "project": owner}).by("project"), merged


def _targets(accounts: Accounts, facts: Mapping[str, UserFacts]) -> tuple[str, ...]:
    """All targets that are known, in the order of their names."""
    named = {fact.target for fact in facts.values() if fact.target}
    return tuple(sorted({*accounts.targets, *named}))


def _homes(
    users: tuple[str, ...],
    targets: tuple[str, ...],
    owner: npt.NDArray[np.int64],
    on: npt.NDArray[np.int64],
    total: Floats,
    facts: Mapping[str, UserFacts],
) -> npt.NDArray[np.int64]:
    most = np.full((len(users), len(targets)), -1.0)
    most[owner, on] = total
    home = most.argmax(axis=1).astype(np.int64)
    for u, user in enumerate(users):
        if user in facts and facts[user].target:
            home[u] = targets.index(facts[user].target)
    return home


def _own(
    tables: list[Counters], target: str, names: tuple[str, ...], windows: _Windows
) -> Floats | None:
    """(n_operations, windows) rates that the target's own counters say, None where there is none."""
    total: Floats | None = None
    end = windows.start + windows.count * windows.length
    for table in tables:
        table = table.between(windows.start, end)
        if target not in table.targets or table.n_intervals == 0:
            continue
        picked = table.select(operations=names, targets=[target])
        place = np.zeros(table.n_intervals, dtype=np.int64)
        share = windows.shared_out(table.start, table.step, picked.counts[:, 0], place, 1)[0]
        total = share if total is None else total + share
    return total
