r"""Load scores: who loads the servers, and when, with the uncertainty of the weights.

    M = \sum_k w_k N_k ,   var M = N' cov(w) N

for the counts or rates N of an interval, server, job, user or project. A share M_u / M_all takes
into account that the same weights are in both: its derivative in w is (N_u - share N_all) / M_all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from separatrix.errors import DataError
from separatrix.notebook import Shown
from separatrix.telemetry import Accounts, Counters
from separatrix.weights.result import Weights, plain
from separatrix.weights.rows import follows

Floats = npt.NDArray[np.float64]

Z95 = 1.959963984540054
"""Half width of a 95 % interval of a normal law, in standard deviations."""


@dataclass(frozen=True, eq=False)
class LoadScore(Shown):
    """Score of every interval of every server.

    Attributes
    ----------
    weights : the weights used.
    start, step : (n,) intervals [s since 1970 UTC], [s].
    servers : names (of targets where the server is not known).
    score : (n_servers, n) weighted operations per second; NaN where an operation is missing.
    deviation : (n_servers, n) standard deviation of it that comes from the weights.
    cpu : (n_servers, n) measured CPU load [percent]; NaN where unknown.
    expected : (n_servers, n) CPU load that the weights' response predicts [percent], else NaN.
    loads : load of each server over the intervals with a score, largest first.
    left_out : operations that have a weight and that this telemetry never knows; they count nothing.
    """

    weights: Weights
    start: Floats
    step: Floats
    servers: tuple[str, ...]
    score: Floats
    deviation: Floats
    cpu: Floats
    expected: Floats
    loads: tuple[Load, ...]
    left_out: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain values: loads of the servers and the whole series."""
        return {
            "method": self.weights.method,
            "servers": [load.to_dict() for load in self.loads],
            "left_out": list(self.left_out),
            "series": plain(
                {
                    "start": self.start,
                    "step": self.step,
                    "servers": list(self.servers),
                    "score": self.score,
                    "deviation": self.deviation,
                    "cpu_percent": self.cpu,
                    "expected_cpu_percent": self.expected,
                }
            ),
        }


@dataclass(frozen=True)
class Load(Shown):
    """Load of one server, job, user or project.

    Attributes
    ----------
    label : its name.
    amount : weighted operations.
    deviation : standard deviation of the amount that comes from the weights.
    share : part of the whole load.
    share_deviation : standard deviation of the share.
    counts : operation -> operations, by name.
    """

    label: str
    amount: float
    deviation: float
    share: float
    share_deviation: float
    counts: tuple[tuple[str, float], ...]

    @property
    def low(self) -> float:
        """Lower end of the 95 % interval of the amount."""
        return max(self.amount - Z95 * self.deviation, 0.0)

    @property
    def high(self) -> float:
        """Upper end of the 95 % interval of the amount."""
        return self.amount + Z95 * self.deviation

    @property
    def share_low(self) -> float:
        """Lower end of the 95 % interval of the share."""
        return max(self.share - Z95 * self.share_deviation, 0.0)

    @property
    def share_high(self) -> float:
        """Upper end of the 95 % interval of the share."""
        return min(self.share + Z95 * self.share_deviation, 1.0)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "label": self.label,
            "load": self.amount,
            "low": self.low,
            "high": self.high,
            "share": self.share,
            "share_low": self.share_low,
            "share_high": self.share_high,
            "operations": sum(n for _, n in self.counts),
        }


def score(weights: Weights, table: Counters) -> LoadScore:
    """Return the load score of every interval and server.

    Operations that the weights do not know count nothing; one with a weight of 0 may be missing.

    Raises
    ------
    DataError : none of the operations has a weight, or a weight is not a number (the notebook's
        rule divides by a quantile of 0).
    """
    by_server = table.by_server()
    _sound(weights)
    empty = table.n_intervals == 0
    names = [
        o
        for k, o in enumerate(table.operations)
        if weights[o] > 0.0 and (empty or not np.isnan(by_server.values[k]).all())
    ]
    if not names:
        raise DataError(
            "none of the telemetry's operations has a weight",
            hint=f"weights know {', '.join(weights.operations) or 'none'}",
        )
    values, covariance = weights.aligned(names)
    rates = by_server.rates[[table.operations.index(o) for o in names]]
    amount = np.tensordot(values, rates, axes=(0, 0))
    spread = np.einsum("kmt,kl,lmt->mt", rates, covariance, rates, optimize=True)
    whole = np.where(np.isnan(amount), 0.0, rates * table.step)
    return LoadScore(
        weights,
        table.start,
        table.step,
        by_server.targets,
        amount,
        np.sqrt(np.maximum(spread, 0.0)),
        by_server.cpu_of_targets(),
        _expected(weights, by_server, amount),
        loads_of(weights, by_server.targets, tuple(names), whole.sum(axis=2).T),
        tuple(o for o in weights.operations if weights[o] > 0.0 and o not in names),
    )


def score_accounts(
    weights: Weights,
    accounts: Accounts | None,
    *,
    by: str = "job",
    projects: Mapping[str, str] | None = None,
) -> tuple[Load, ...]:
    """Return the load of each job, user or project, largest first.

    Parameters
    ----------
    accounts : per-job counts, `Counters.accounts`.
    by : ``"job"`` for job ids as they are, or a field of the job id template such as ``"user"``.
    projects : name (of the field `by`) -> project; a name that is missing stays itself.

    Raises
    ------
    DataError : no per-job counts, or the job ids have no such field.
    """
    _sound(weights)
    table = grouped(accounts, by, projects)
    return loads_of(weights, table.labels, table.operations, counts_of(table))


def loads_of(
    weights: Weights, labels: tuple[str, ...], operations: tuple[str, ...], counts: Floats
) -> tuple[Load, ...]:
    """Return the load behind counts (n_labels, n_operations), largest first."""
    values, covariance = weights.aligned(operations)
    amount = counts @ values
    variance = np.einsum("uk,kl,ul->u", counts, covariance, counts, optimize=True)
    whole = float(amount.sum())
    share = amount / whole if whole > 0.0 else np.zeros(len(amount))
    gradient = (counts - np.outer(share, counts.sum(axis=0))) / (whole or 1.0)
    of_share = np.einsum("uk,kl,ul->u", gradient, covariance, gradient, optimize=True)
    order: list[int] = np.argsort(-amount, kind="stable").tolist()
    return tuple(
        Load(
            labels[u],
            float(amount[u]),
            float(np.sqrt(max(variance[u], 0.0))),
            float(share[u]),
            float(np.sqrt(max(of_share[u], 0.0))),
            tuple(zip(operations, counts[u].tolist(), strict=True)),
        )
        for u in order
    )


def _sound(weights: Weights) -> None:
    for operation, value in weights.as_mapping().items():
        if not np.isfinite(value):
            raise DataError(
                f"the weight of {operation!r} is not a number",
                hint="its quantile is 0 or unknown; use method quantile or regression",
            )


def counts_of(table: Accounts) -> Floats:
    """Return (n_labels, n_operations) operations of each account over all targets and times."""
    counts = np.zeros((len(table.labels), len(table.operations)))
    known = np.nan_to_num(table.counts)
    for k in range(len(table.operations)):
        counts[:, k] = np.bincount(table.account, weights=known[k], minlength=len(table.labels))
    return counts


def grouped(accounts: Accounts | None, by: str, projects: Mapping[str, str] | None) -> Accounts:
    """Return accounts summed by a field of the job ids, and then by the project of each.

    Raises
    ------
    DataError : no per-job counts, or the job ids have no such field.
    """
    if accounts is None or accounts.n_rows == 0:
        raise DataError(
            "the telemetry holds no counts per job or user",
            hint="give files of job_stats, or exporter data with a jobid label",
        )
    table = accounts if by == "job" else accounts.by(by)
    if projects:
        owners = tuple(projects.get(label, label) for label in table.labels)
        table = replace(table, fields={**table.fields, "project": owners}).by("project")
    return table


def _expected(weights: Weights, table: Counters, amount: Floats) -> Floats:
    response = weights.response
    expected = np.full_like(amount, np.nan)
    if response is None:
        return expected
    lag = response.lag
    smooth = lag[0] * amount
    joined = follows(table.start, table.step)
    earlier = amount
    for h in lag[1:]:
        shifted = np.concatenate([earlier[:, :1], earlier[:, :-1]], axis=1)
        earlier = np.where(joined & ~np.isnan(shifted), shifted, amount)
        smooth = smooth + h * earlier
    for m, server in enumerate(table.targets):
        expected[m] = response.cpu(smooth[m], server)
    return expected
