"""One typed table for every source of metadata telemetry.

Definitions. Interval i of a table is [start_i, start_i + step_i), in seconds since 1970 UTC. For
each interval, metadata target m and operation k the table holds the number of operations c_kmi of
the target in that interval, or equivalently the rate r_kmi = c_kmi / step_i, and the load u_si of
each server's processors in percent over the *same* interval (readers undo right-aligned stamps).
NaN means "not measured"; a zero is a measured zero.

The table is columnar: ``values[k, m, :]`` is contiguous, and holds counts or rates as the source
stores them (``stored``), so that neither is rounded twice. A year of 5-second samples does not fit
in memory; readers therefore yield one `Counters` per file, and `joining.concat` joins them where a
single table is wanted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from separatrix.errors import DataError
from separatrix.telemetry.accounts import Accounts
from separatrix.telemetry.quality import DataQuality

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
Stored = Literal["counts", "rates"]

OPERATIONS = (
    "open",
    "close",
    "getattr",
    "getxattr",
    "link",
    "mkdir",
    "mknod",
    "rename",
    "rmdir",
    "setattr",
    "statfs",
    "unlink",
)
"""The twelve operations of TOKIO archives, under Lustre's names, in the notebook's order."""

NESTED: Mapping[str, str] = {
    "samedir_rename": "rename",
    "crossdir_rename": "rename",
    "parallel_rename_file": "rename",
    "parallel_rename_dir": "rename",
    "mknod": "open",
}
"""Operation -> the operation whose count and time contain (some of) it: never add the two.

An ``open`` that creates a file counts in ``mknod`` and in ``open`` with the same start; every
rename counts again in exactly one of the finer rename classes.
"""


@dataclass(frozen=True, eq=False)
class Counters:
    """Operations of metadata targets and load of their servers, interval by interval.

    Attributes
    ----------
    start : (n_intervals,) begin of each interval [s since 1970 UTC], increasing.
    step : (n_intervals,) length of each interval [s], > 0.
    targets : names of the metadata targets (MDTs; MDS host names in LMT archives).
    operations : Lustre's names in the singular, ``"open"``, ``"statfs"`` ...
    values : (n_operations, n_targets, n_intervals), counts or rates [1/s] as `stored` says;
        NaN = missing.
    stored : what `values` holds; use the properties `counts` and `rates`, which convert.
    servers : names of the servers whose CPU load is known.
    cpu : (n_servers, n_intervals) CPU load [percent]; NaN = missing.
    server_of : (n_targets,) name of each target's server, "" where unknown.
    latency_sum : (n_operations, n_targets, n_intervals) handler time spent [us], or None. Mean
        ``latency_sum / latency_samples`` includes waits for locks, journal and disk.
    latency_samples : same shape, the number of operations behind `latency_sum`, or None.
    accounts : operations per job or user, or None.
    fs : name of the file system, "" where unknown.
    zone : IANA name of the time zone in which local stamps and days were understood.
    sources : names of the files (tables, queries) that were read.
    quality : what had to be repaired.
    """

    start: Floats
    step: Floats
    targets: tuple[str, ...]
    operations: tuple[str, ...]
    values: Floats
    stored: Stored
    servers: tuple[str, ...]
    cpu: Floats
    server_of: tuple[str, ...]
    latency_sum: Floats | None = None
    latency_samples: Floats | None = None
    accounts: Accounts | None = None
    fs: str = ""
    zone: str = "UTC"
    sources: tuple[str, ...] = ()
    quality: DataQuality = field(default_factory=DataQuality)

    def __post_init__(self) -> None:
        n = len(self.start)
        cube = (len(self.operations), len(self.targets), n)
        wanted: list[tuple[str, Floats | None, tuple[int, ...]]] = [
            ("start", self.start, (n,)),
            ("step", self.step, (n,)),
            ("values", self.values, cube),
            ("cpu", self.cpu, (len(self.servers), n)),
            ("latency_sum", self.latency_sum, cube),
            ("latency_samples", self.latency_samples, cube),
        ]
        for name, array, shape in wanted:
            if array is not None and (array.shape != shape or array.dtype != np.float64):
                raise DataError(
                    f"counters: {name} is {array.dtype}{list(array.shape)}, "
                    f"expected float64{list(shape)}",
                    hint="give operations x targets x intervals as float64 arrays",
                )
        if len(self.server_of) != len(self.targets):
            raise DataError(
                f"counters: server_of names {len(self.server_of)} servers for "
                f"{len(self.targets)} targets",
                hint='give one name per target, "" where unknown',
            )
        for name, names in (
            ("targets", self.targets),
            ("operations", self.operations),
            ("servers", self.servers),
        ):
            if len(set(names)) != len(names):
                raise DataError(f"counters: {name} repeats a name: {names}")
        if n and not (np.all(self.step > 0.0) and np.all(np.diff(self.start) > 0.0)):
            raise DataError(
                "counters: intervals must have positive length and increasing begin",
                hint="sort the rows by time and drop repeated stamps",
            )

    @property
    def n_intervals(self) -> int:
        """Number of intervals."""
        return len(self.start)

    @property
    def counts(self) -> Floats:
        """(n_operations, n_targets, n_intervals) operations per interval, converted if need be."""
        return self.values if self.stored == "counts" else self.values * self.step

    @property
    def rates(self) -> Floats:
        """(n_operations, n_targets, n_intervals) operations per second, converted if need be."""
        return self.values if self.stored == "rates" else self.values / self.step

    @property
    def end(self) -> Floats:
        """(n_intervals,) end of each interval [s since 1970 UTC]."""
        return self.start + self.step

    @property
    def missing(self) -> npt.NDArray[np.bool_]:
        """(n_targets, n_intervals) True where no operation at all is known."""
        none = np.ones((len(self.targets), self.n_intervals), dtype=np.bool_)
        for column in self.values:
            if not none.any():
                break  # usual for a sound file: one pass instead of one per operation
            none &= np.isnan(column)
        return none

    def rate(self, operation: str) -> Floats:
        """(n_targets, n_intervals) rate of one operation [1/s]; all NaN if the table lacks it."""
        if operation not in self.operations:
            return np.full((len(self.targets), self.n_intervals), np.nan)
        column = self.values[self.operations.index(operation)]
        return column if self.stored == "rates" else column / self.step

    def cpu_of_targets(self) -> Floats:
        """(n_targets, n_intervals) CPU load [percent] of the server behind each target.

        Several targets of one server all get its load; use `by_server` to pair it with their sum.
        """
        loads = np.full((len(self.targets), self.n_intervals), np.nan)
        for row, server in zip(loads, self.server_of, strict=True):
            if server in self.servers:
                row[:] = self.cpu[self.servers.index(server)]
        return loads

    def by_server(self) -> Counters:
        """Return the table with the targets of one server added up, and named as the server.

        A sum is missing where any of its parts is. A target whose server is unknown stays itself.
        """
        owners = [s or t for s, t in zip(self.server_of, self.targets, strict=True)]
        names = tuple(dict.fromkeys(owners))
        if names == self.targets:
            return self
        groups = [[i for i, o in enumerate(owners) if o == name] for name in names]

        def added(cube: Floats | None) -> Floats | None:
            if cube is None:
                return None
            total = np.empty((len(self.operations), len(names), self.n_intervals))
            for j, members in enumerate(groups):
                total[:, j] = cube[:, members].sum(axis=1)
            return total

        values = added(self.values)
        assert values is not None  # noqa: S101  (for the type checker: values is never None)
        return replace(
            self,
            targets=names,
            values=values,
            latency_sum=added(self.latency_sum),
            latency_samples=added(self.latency_samples),
            server_of=tuple(name if name in self.servers else "" for name in names),
            accounts=None,
        )

    def between(self, start: float, end: float) -> Counters:
        """Return the intervals that begin in [start, end) [s since 1970 UTC]."""
        first, last = np.searchsorted(self.start, [start, end], side="left")
        if first == 0 and last == self.n_intervals and self.accounts is None:
            return self
        return self.rows(slice(int(first), int(last)), accounts=_cut(self.accounts, start, end))

    def rows(
        self, index: slice | npt.NDArray[Any], *, accounts: Accounts | None = None
    ) -> Counters:
        """Return the intervals that `index` selects (a slice, increasing positions or a mask)."""
        return replace(
            self,
            start=self.start[index],
            step=self.step[index],
            values=self.values[:, :, index],
            cpu=self.cpu[:, index],
            latency_sum=None if self.latency_sum is None else self.latency_sum[:, :, index],
            latency_samples=None
            if self.latency_samples is None
            else self.latency_samples[:, :, index],
            accounts=accounts,
        )

    def select(
        self,
        *,
        operations: Sequence[str] | None = None,
        targets: Sequence[str] | None = None,
        servers: Sequence[str] | None = None,
    ) -> Counters:
        """Return the table with these columns, in this order; those that it lacks are NaN."""
        from separatrix.telemetry.joining import aligned

        return aligned(
            self,
            tuple(self.operations if operations is None else operations),
            tuple(self.targets if targets is None else targets),
            tuple(self.servers if servers is None else servers),
        )

    def frame(self, target: str | None = None) -> pd.DataFrame:
        """Return the rates [1/s] of one target as a pandas table in the local zone.

        Its index is the begin of each interval; its columns are the operations and ``"cpu"``.
        """
        import pandas as pd

        name = target if target is not None else self.targets[0]
        if name not in self.targets:
            raise DataError(
                f"no metadata target named {name!r}", hint=f"targets are {list(self.targets)}"
            )
        m = self.targets.index(name)
        columns = dict(zip(self.operations, self.rates[:, m], strict=True))
        columns["cpu"] = self.cpu_of_targets()[m]
        index = pd.to_datetime(self.start, unit="s", utc=True).tz_convert(self.zone)
        return pd.DataFrame(columns, index=pd.DatetimeIndex(index, name="start"))


def _cut(accounts: Accounts | None, start: float, end: float) -> Accounts | None:
    return None if accounts is None else accounts.between(start, end)
