"""How often each group of users asks a metadata server for each operation, by telemetry."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from separatrix.errors import DataError
from separatrix.telemetry import Accounts, Counters, concat_accounts
from separatrix.weights.result import Weights
from separatrix.weights.score import counts_of

Floats = npt.NDArray[np.float64]


def asked_rates(
    tables: list[Counters],
    name: str,
    by: str,
    groups: Mapping[str, str] | None,
    most: int,
    weights: Weights,
) -> tuple[tuple[str, ...], dict[str, Floats]]:
    """Operations with a weight, and for each group their mean rates [1/s].

    Parameters
    ----------
    name : target or server.
    by : field of the job id that names the user, or ``"job"``.
    groups : user -> group; by default the `most` users with the largest load and ``others``.

    Raises
    ------
    DataError : no operation with a weight was counted.
    """
    parts = [_of_server(t, name) for t in tables]
    accounts = [a for a in parts if a is not None and a.n_rows]
    if not accounts:
        return _whole(tables, name, weights)
    joined = concat_accounts(accounts)
    joined = joined if by == "job" else joined.by(by)
    operations = tuple(o for o in joined.operations if weights[o] > 0.0)
    columns = [joined.operations.index(o) for o in operations]
    span = float((joined.start + joined.step).max() - joined.start.min())
    if not (operations and span > 0.0):
        raise DataError(f"{name}: the per-job counts cover no time or no operation with a weight")
    per_user = counts_of(joined)[:, columns] / span
    values, _ = weights.aligned(operations)
    heavy = set(np.argsort(-(per_user @ values), kind="stable")[:most].tolist())
    rates: dict[str, Floats] = {}
    for u, user in enumerate(joined.labels):
        group = groups.get(user, "others") if groups is not None else ""
        group = group or (user if u in heavy else "others")
        rates[group] = rates.get(group, np.zeros(len(operations))) + per_user[u]
    return operations, rates


def _of_server(table: Counters, name: str) -> Accounts | None:
    if table.accounts is None:
        return None
    owners = zip(table.targets, table.server_of, strict=True)
    mine = [target for target, owner in owners if name in (target, owner)]
    return table.accounts.of_targets([*mine, name])


def _whole(
    tables: list[Counters], name: str, weights: Weights
) -> tuple[tuple[str, ...], dict[str, Floats]]:
    amount: dict[str, float] = {}
    time: dict[str, float] = {}
    for table in tables:
        table = table if name in table.targets else table.by_server()
        if name not in table.targets:
            continue
        for operation in table.operations:
            counts = table.counts[table.operations.index(operation), table.targets.index(name)]
            known = ~np.isnan(counts)
            amount[operation] = amount.get(operation, 0.0) + float(counts[known].sum())
            time[operation] = time.get(operation, 0.0) + float(table.step[known].sum())
    operations = tuple(o for o in amount if weights[o] > 0.0 and time[o] > 0.0)
    if not operations:
        raise DataError(f"{name}: no operation with a weight was measured")
    return operations, {"all": np.array([amount[o] / time[o] for o in operations])}
