"""Per-job counts: who asked for how many operations of which target, and when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from separatrix.errors import DataError

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Accounts:
    """A long table with one row per (account, target, interval) and one column per operation.

    An account is a job id as Lustre's ``job_stats`` names it; `fields` says what the site's job id
    template makes of it (``"user"``, ``"executable"``, ``"host"`` ...), and `by` sums over it.

    Attributes
    ----------
    labels : account names; `account` points into it.
    targets : metadata target names; `target` points into it.
    operations : names in the singular (``"open"``), one per row of `counts`.
    account, target : (n_rows,) int32.
    start, step : (n_rows,) seconds since 1970 UTC, and length in seconds, of each row's interval.
    counts : (n_operations, n_rows) operations in the interval; NaN = the source does not say.
    latency_sum : (n_operations, n_rows) handler time in the interval [us], or None.
    fields : name of field -> one value per label.
    """

    labels: tuple[str, ...]
    targets: tuple[str, ...]
    operations: tuple[str, ...]
    account: Codes
    target: Codes
    start: Floats
    step: Floats
    counts: Floats
    latency_sum: Floats | None = None
    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])

    def __post_init__(self) -> None:
        n = len(self.account)
        shapes = {"target": self.target, "start": self.start, "step": self.step}
        for name, array in shapes.items():
            if array.shape != (n,):
                raise DataError(f"accounts: {name} has shape {array.shape}, expected ({n},)")
        wanted = (len(self.operations), n)
        for name, array in (("counts", self.counts), ("latency_sum", self.latency_sum)):
            if array is not None and array.shape != wanted:
                raise DataError(f"accounts: {name} has shape {array.shape}, expected {wanted}")
        for name, values in self.fields.items():
            if len(values) != len(self.labels):
                raise DataError(
                    f"accounts: field {name} has {len(values)} values for {len(self.labels)} labels"
                )

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.account)

    @property
    def rates(self) -> Floats:
        """(n_operations, n_rows) operations per second."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.counts / self.step

    def by(self, name: str) -> Accounts:
        """Return the table with rows of equal `name` (``"user"``), target and interval added up.

        Raises
        ------
        DataError : where the job id template has no such field.
        """
        if name not in self.fields:
            raise DataError(
                f"job ids carry no field {name!r}, they have {sorted(self.fields) or 'none'}",
                hint="give the site's jobid_name template, for example --jobid '%e.%u'",
            )
        values = self.fields[name]
        labels, codes = factorised(values)
        return Accounts(
            labels=labels,
            targets=self.targets,
            operations=self.operations,
            account=codes[self.account] if self.n_rows else self.account,
            target=self.target,
            start=self.start,
            step=self.step,
            counts=self.counts,
            latency_sum=self.latency_sum,
            fields={name: labels},
        ).merged()

    def merged(self) -> Accounts:
        """Return the table with rows of equal account, target, start and step added up."""
        if self.n_rows == 0:
            return self
        order = np.lexsort((self.step, self.start, self.target, self.account))
        key = np.stack(
            [self.account[order], self.target[order], self.start[order], self.step[order]]
        )
        first = np.concatenate([[True], np.any(key[:, 1:] != key[:, :-1], axis=0)])
        at = np.flatnonzero(first)
        rows = order[at]
        return Accounts(
            labels=self.labels,
            targets=self.targets,
            operations=self.operations,
            account=self.account[rows],
            target=self.target[rows],
            start=self.start[rows],
            step=self.step[rows],
            counts=_add_groups(self.counts[:, order], at),
            latency_sum=None
            if self.latency_sum is None
            else _add_groups(self.latency_sum[:, order], at),
            fields=self.fields,
        )

    def rows(self, index: npt.NDArray[np.intp]) -> Accounts:
        """Return the rows at these positions."""
        return Accounts(
            labels=self.labels,
            targets=self.targets,
            operations=self.operations,
            account=self.account[index],
            target=self.target[index],
            start=self.start[index],
            step=self.step[index],
            counts=self.counts[:, index],
            latency_sum=None if self.latency_sum is None else self.latency_sum[:, index],
            fields=self.fields,
        )

    def between(self, start: float, end: float) -> Accounts:
        """Return the rows whose interval begins in [start, end)."""
        return self.rows(np.flatnonzero((self.start >= start) & (self.start < end)))

    def of_targets(self, names: Sequence[str]) -> Accounts:
        """Return the rows of these targets; the labels are kept."""
        wanted = np.array([target in names for target in self.targets], dtype=np.bool_)
        return self.rows(np.flatnonzero(wanted[self.target]))


def concat_accounts(tables: Sequence[Accounts]) -> Accounts:
    """Return the rows of all `tables`, with labels, targets and operations matched by name."""
    labels, label_maps = _union(t.labels for t in tables)
    targets, target_maps = _union(t.targets for t in tables)
    operations, operation_maps = _union(t.operations for t in tables)
    names = sorted({name for t in tables for name in t.fields})
    values = {name: [""] * len(labels) for name in names}
    for table, codes in zip(tables, label_maps, strict=True):
        for name, column in table.fields.items():
            for code, value in zip(codes, column, strict=True):
                values[name][code] = value
    n = sum(t.n_rows for t in tables)
    counts = np.full((len(operations), n), np.nan)
    timed = any(t.latency_sum is not None for t in tables)
    latency = np.full((len(operations), n), np.nan) if timed else None
    at = 0
    for table, rows in zip(tables, operation_maps, strict=True):
        counts[rows, at : at + table.n_rows] = table.counts
        if latency is not None and table.latency_sum is not None:
            latency[rows, at : at + table.n_rows] = table.latency_sum
        at += table.n_rows
    return Accounts(
        labels=labels,
        targets=targets,
        operations=operations,
        account=_joined([m[t.account] for t, m in zip(tables, label_maps, strict=True)]),
        target=_joined([m[t.target] for t, m in zip(tables, target_maps, strict=True)]),
        start=np.concatenate([np.empty(0), *(t.start for t in tables)]),
        step=np.concatenate([np.empty(0), *(t.step for t in tables)]),
        counts=counts,
        latency_sum=latency,
        fields={name: tuple(column) for name, column in values.items()},
    )


def _joined(parts: list[Codes]) -> Codes:
    return np.concatenate([np.empty(0, np.int32), *parts]).astype(np.int32)


def factorised(values: Iterable[str]) -> tuple[tuple[str, ...], Codes]:
    """Return the distinct values in order of appearance, and the place of each value in them."""
    index: dict[str, int] = {}
    codes = [index.setdefault(value, len(index)) for value in values]
    return tuple(index), np.array(codes, dtype=np.int32)


def _union(groups: Iterable[tuple[str, ...]]) -> tuple[tuple[str, ...], list[Codes]]:
    index: dict[str, int] = {}
    maps = [
        np.array([index.setdefault(name, len(index)) for name in names], dtype=np.int32)
        for names in groups
    ]
    return tuple(index), maps


def _add_groups(columns: Floats, at: npt.NDArray[np.intp]) -> Floats:
    """Sum adjacent columns group by group; a group of NaN only stays NaN."""
    known = ~np.isnan(columns)
    total = np.add.reduceat(np.where(known, columns, 0.0), at, axis=1)
    any_known = np.add.reduceat(known.astype(np.int64), at, axis=1) > 0
    return np.where(any_known, total, np.nan)
