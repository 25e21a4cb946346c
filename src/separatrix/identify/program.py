"""The program of one metadata server: its capacity, its APIs, and the groups that ask."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from separatrix.errors import DataError
from separatrix.identify.asked import asked_rates
from separatrix.model import Program, Server, Source, Work
from separatrix.notebook import Shown
from separatrix.telemetry import Counters
from separatrix.weights.result import Weights, plain

Floats = npt.NDArray[np.float64]
Status = Literal["ok", "inconclusive"]
LEAST_SHARE = 1e-3
"""Operations with a smaller share of the server's load get no API of their own; told in notes."""
_FAR = 1.5  # a capacity above this many times the highest score seen is an extrapolation


@dataclass(frozen=True)
class Clients:
    """What telemetry does not show: patience of clients and room at the server.

    Attributes
    ----------
    timeout : a client gives an operation up after this long [s].
    retries : further attempts after the first.
    queue : most operations at the server at once, waiting and in service.
    threads : operations in service at once.
    """

    timeout: float
    retries: int = 3
    queue: int = 2_000
    threads: int = 8


@dataclass(frozen=True, eq=False)
class Identified(Shown):
    """A program of one metadata server, and what it was identified from.

    Attributes
    ----------
    program : `separatrix check` accepts it.
    server : name of the server (or target).
    capacity : s*, load score that the server completes per second.
    highest : highest score seen; beyond it the capacity is extrapolated.
    utilisation : load score asked per second, as a part of the capacity.
    rates : group -> operation -> operations per second, before bundling.
    service : operation -> completions per second and thread, before bundling.
    bundle : operations that one request of the model stands for.
    status, reason : ``"inconclusive"`` where the capacity rests on extrapolation.
    notes : what was left out.
    """

    program: Program
    server: str
    capacity: float
    highest: float
    utilisation: float
    rates: Mapping[str, Mapping[str, float]]
    service: Mapping[str, float]
    bundle: int
    status: Status
    reason: str
    notes: tuple[str, ...]

    def at(self, load: float) -> Program:
        """Return the program with all arrivals multiplied by `load` / `utilisation`.

        Parameters
        ----------
        load : part of the capacity that is asked for, > 0.
        """
        if not (load > 0.0 and math.isfinite(load)):
            raise DataError(f"a load must be > 0, got {load}")
        factor = load / self.utilisation
        scaled = Program(self.program.name, description=self.program.description)
        scaled.add_servers(self.program.servers)
        for source in self.program.sources:
            scaled.add_source(
                Source(
                    source.name,
                    source.api,
                    source.mean_rate * factor,
                    timeout=source.timeout,
                    retries=source.retries,
                )
            )
        for source, server in self.program.connections:
            scaled.connect(source, server)
        return scaled

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; the program is not among them (`separatrix.model.files.dumps`)."""
        return plain(
            {
                "server": self.server,
                "capacity_score_per_s": self.capacity,
                "highest_score_seen": self.highest,
                "utilisation": self.utilisation,
                "rates_per_s": self.rates,
                "service_per_s_and_thread": self.service,
                "bundle": self.bundle,
                "status": self.status,
                "reason": self.reason,
                "notes": list(self.notes),
            }
        )


def identify(
    weights: Weights,
    tables: Iterable[Counters],
    clients: Clients,
    *,
    server: str | None = None,
    by: str = "user",
    groups: Mapping[str, str] | None = None,
    most: int = 4,
    bundle: int = 1,
    capacity: float | None = None,
) -> Identified:
    """Return the program of one metadata server under the mean load of the telemetry.

    Parameters
    ----------
    tables : telemetry; with per-job counts arrivals are told apart by group, else there is one.
    clients : patience and room.
    server : name of the target (or its server); may be left out where there is one.
    by : field of the job id that names the user, or ``"job"``.
    groups : user -> group; by default the `most` users with the largest load and ``others``.
    bundle : operations that one request of the model stands for.
    capacity : s* [score/s], where it is known better than by the response.

    Raises
    ------
    DataError : several or no such server, no operation with a weight, or no capacity.
    ModelError : clients that cannot be.
    """
    if bundle < 1 or most < 0:
        raise DataError(f"bundle must be >= 1 and most >= 0, got {bundle} and {most}")
    given = list(tables)
    name = _server(given, server)
    found = capacity if capacity is not None else _capacity(weights, name)
    if not (found > 0.0 and math.isfinite(found)):
        raise DataError(f"the capacity must be > 0 and finite, got {found}")
    highest = weights.response.highest if weights.response is not None else math.inf
    operations, rates = asked_rates(given, name, by, groups, most, weights)
    values, _ = weights.aligned(operations)
    asked = np.array(list(rates.values())) @ values
    load = float(asked.sum())
    if not load > 0.0:
        raise DataError(f"{name}: no operation with a weight was asked for")
    total = np.sum(list(rates.values()), axis=0) * values
    kept = [k for k in range(len(operations)) if total[k] >= LEAST_SHARE * load]
    left = [operations[k] for k in range(len(operations)) if k not in kept]
    notes: list[str] = []
    if left:
        part = 1.0 - float(total[kept].sum()) / load
        notes.append(f"without an API: {', '.join(left)} ({100 * part:.2g} % of the load)")
    far = capacity is None and found > _FAR * highest
    reason = (
        f"a capacity of {found:.4g} is {found / highest:.2g} times the highest score seen"
        if far
        else ""
    )
    service = {operations[k]: found / (clients.threads * float(values[k])) for k in kept}
    program = _program(name, clients, service, rates, operations, kept, bundle)
    return Identified(
        program,
        name,
        found,
        highest,
        float(total[kept].sum()) / found,
        {g: dict(zip(operations, r.tolist(), strict=True)) for g, r in rates.items()},
        service,
        bundle,
        "inconclusive" if far else "ok",
        reason,
        tuple(notes),
    )


def _server(tables: list[Counters], wanted: str | None) -> str:
    names = dict.fromkeys(t for table in tables for t in table.targets)
    owners = dict.fromkeys(s for table in tables for s in table.server_of if s)
    if wanted is not None:
        if wanted not in names and wanted not in owners:
            raise DataError(
                f"no metadata server {wanted!r} in the telemetry",
                hint=f"it has {', '.join([*names, *(o for o in owners if o not in names)])}",
            )
        return wanted
    if len(names) != 1:
        raise DataError(
            f"the telemetry has {len(names)} metadata targets: {', '.join(names) or 'none'}",
            hint="name the one to identify",
        )
    return next(iter(names))


def _capacity(weights: Weights, server: str) -> float:
    response = weights.response
    if response is None:
        raise DataError(
            f"weights by {weights.method} do not say what a server can do",
            hint="use weights by regression, or give the capacity",
        )
    base = response.base.get(server, response.mean_base)
    if response.gain <= 0.0 or base >= 100.0:
        raise DataError(
            f"the response of {server} (base {base:.3g} %, gain {response.gain:.3g}) has no capacity",
            hint="give the capacity, or fit weights on telemetry with load",
        )
    score = response.link.inverse((100.0 - base) / response.gain)
    if math.isinf(score):
        raise DataError(
            "the fitted response never reaches 100 % CPU",
            hint="give the capacity: the load score at which this server is busy",
        )
    return score


def _program(
    name: str,
    clients: Clients,
    service: Mapping[str, float],
    rates: Mapping[str, Floats],
    operations: tuple[str, ...],
    kept: list[int],
    bundle: int,
) -> Program:
    title = _label(name, set())
    # a bundle is in service on one thread: fewer bundles than threads would leave threads idle
    queue = max(clients.queue // bundle, clients.threads)
    program = Program(
        f"Metadata server {title}",
        description=(
            f"Identified from telemetry and weights; a request stands for {bundle} operation(s)."
        ),
    )
    apis = {api: Work(rate / bundle) for api, rate in service.items()}
    program.add_server(Server(title, apis, qsize=queue, thread_pool=clients.threads))
    used: set[str] = set()
    for group, column in rates.items():
        label = _label(group, used)
        used.add(label)
        for k in kept:
            if column[k] > 0.0:
                source = f"{label}-{operations[k]}"
                program.add_source(
                    Source(
                        source,
                        operations[k],
                        float(column[k]) / bundle,
                        timeout=clients.timeout,
                        retries=clients.retries,
                    )
                )
                program.connect(source, title)
    return program.check()


def _label(name: str, used: set[str]) -> str:
    """Return a name that a model may have, of a name that anybody may have chosen."""
    label = re.sub("[\x00-\x1f\x7f-\x9f\ud800-\udfff]", "_", name)[:100] or "group"
    number, base = 2, label
    while label in used:
        label, number = f"{base}-{number}", number + 1
    return label
