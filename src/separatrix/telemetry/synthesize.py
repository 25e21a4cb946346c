"""Realistic telemetry from known weights: load of many users, and the files that it would leave.

Model. User j (of n_users, active on one metadata target) asks for operation k at the rate

    lambda_jk(t) = a_j f_jk d(t) b_j(t) ,

where a_j is heavy-tailed (lognormal), f_j a mix of operations (Dirichlet around the shares seen on
a real system), d(t) a daily rhythm and b_j(t) on/off bursts with lognormal heights. Operations are
Poisson counts per step. With true cost w_k [CPU-seconds per operation], hidden load h(t) [percent]
and link g, the CPU load of a server in percent is

    u(t) = g( 100 sum_k w_k r_k(t) / capacity + h(t) ) + noise,

where r_k is the rate of all its targets and g(x) = x ("linear") or 100 (1 - exp(-x / 100))
("concave"). The caller therefore knows which weights a good estimator finds.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from separatrix.errors import DataError
from separatrix.telemetry.accounts import Accounts, concat_accounts
from separatrix.telemetry.counters import Counters
from separatrix.telemetry.tts_writing import write_tts

Floats = npt.NDArray[np.float64]
Link = Literal["linear", "concave"]

SHARES: Mapping[str, float] = {
    "open": 0.40,
    "close": 0.33,
    "getattr": 0.18,
    "setattr": 0.03,
    "unlink": 0.02,
    "getxattr": 0.02,
    "statfs": 0.005,
    "rename": 0.004,
    "mkdir": 0.004,
    "rmdir": 0.003,
    "mknod": 0.003,
    "link": 0.001,
}
"""Typical shares of the operations, of the order of those of a large scratch file system."""

COSTS: Mapping[str, float] = {
    "open": 60e-6,
    "close": 25e-6,
    "getattr": 20e-6,
    "setattr": 70e-6,
    "unlink": 160e-6,
    "getxattr": 15e-6,
    "statfs": 12e-6,
    "rename": 220e-6,
    "mkdir": 200e-6,
    "rmdir": 150e-6,
    "mknod": 120e-6,
    "link": 140e-6,
}
"""Default true cost of one operation [CPU-seconds]: creating and removing names costs most."""


@dataclass(frozen=True)
class System:
    """A made-up file system.

    Attributes
    ----------
    weights : true cost of one operation [CPU-seconds].
    n_targets : metadata targets, each on a server of its own.
    n_users : users; user j lives on target j mod `n_targets`.
    step : length of an interval [s].
    mean_rate : long-run mean of all operations per target [1/s].
    capacity : processors of one server.
    link : how load becomes CPU percent, see the module's text.
    hidden : amplitude of load that no counter shows [percent].
    noise : standard deviation of the CPU measurement [percent].
    """

    weights: Mapping[str, float]
    n_targets: int = 4
    n_users: int = 50
    step: float = 5.0
    mean_rate: float = 2_000.0
    capacity: float = 8.0
    link: Link = "linear"
    hidden: float = 0.0
    noise: float = 0.2

    def __post_init__(self) -> None:
        if not self.weights or min(self.weights.values()) < 0:
            raise DataError(f"weights must be named and >= 0, got {dict(self.weights)}")
        for name in ("n_targets", "n_users", "step", "mean_rate", "capacity"):
            if not getattr(self, name) > 0:
                raise DataError(f"{name} must be > 0, got {getattr(self, name)}")

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the columns, as LMT gives them: one metadata server per target."""
        return tuple(f"mds{m:02d}" for m in range(self.n_targets))


def default_system(**changes: object) -> System:
    """Return a `System` with the costs `COSTS`; keywords change its attributes."""
    return System(**{"weights": COSTS, **changes})  # pyright: ignore[reportArgumentType]


def synthesize(
    system: System,
    seed: int | np.random.Generator,
    *,
    start: float,
    intervals: int,
    accounts: bool = False,
    missing: float = 0.0,
) -> Counters:
    """Return the table of one stretch of time.

    Parameters
    ----------
    seed : seed or generator; the users' habits depend on it too. For several days of the same
        users see `write_days`.
    start : begin of the first interval [s since 1970 UTC].
    intervals : number of steps.
    accounts : whether to give each user's counts too (one row per user and 60 steps).
    missing : share of intervals lost in gaps of about 20 steps.
    """
    rng = np.random.default_rng(seed)
    return _stretch(system, _users(system, rng), rng, start, intervals, accounts, missing)


def write_days(
    folder: str | os.PathLike[str],
    system: System,
    seed: int,
    *,
    first_day: float,
    days: int,
    missing: float = 0.0,
    name: str = "{day}/synthetic.hdf5",
) -> Iterator[Path]:
    """Write one TTS file per UTC day and yield its path; days differ, users stay the same.

    As in LMT archives the CPU load is stored one step late (right-aligned), so that the load of a
    day's last interval is in the next day's file.

    Parameters
    ----------
    first_day : midnight UTC of the first day [s since 1970 UTC].
    name : file name below `folder`, with ``{day}`` for the date.
    """
    users = _users(system, np.random.default_rng([seed, 0]))
    per_day = round(86_400 / system.step)
    before = np.full((system.n_targets, 1), np.nan)
    for number in range(days):
        start = first_day + 86_400.0 * number
        rng = np.random.default_rng([seed, 1 + number])
        day = _stretch(system, users, rng, start, per_day, False, missing)
        date = np.datetime64(int(start), "s").astype("datetime64[D]")
        path = Path(folder) / name.format(day=date)
        write_tts(
            path,
            day.start.astype(np.int64),
            dict(zip(day.operations, day.counts, strict=True)),
            day.targets,
            cpu=np.concatenate([before, day.cpu[:, :-1]], axis=1),
            servers=day.servers,
        )
        before = day.cpu[:, -1:]
        yield path


@dataclass(frozen=True, eq=False)
class _Users:
    """Mean rates (n_users, n_operations) [1/s], and each user's target."""

    rates: Floats
    target: npt.NDArray[np.int64]


def _users(system: System, rng: np.random.Generator) -> _Users:
    operations = tuple(system.weights)
    shares = np.array([SHARES.get(name, 0.005) for name in operations])
    activity = rng.lognormal(0.0, 1.5, system.n_users)
    mixes = rng.dirichlet(30.0 * shares / shares.sum() + 0.05, system.n_users)
    target = np.arange(system.n_users) % system.n_targets
    rates = activity[:, None] * mixes
    for m in range(system.n_targets):
        mine = target == m
        total = rates[mine].sum()
        if total > 0:
            rates[mine] *= system.mean_rate / total
    return _Users(rates, target)


def _stretch(
    system: System,
    users: _Users,
    rng: np.random.Generator,
    start: float,
    n: int,
    accounts: bool,
    missing: float,
) -> Counters:
    operations = tuple(system.weights)
    at = start + system.step * np.arange(n, dtype=np.float64)
    rhythm = 1.0 + 0.4 * np.sin(2 * np.pi * (at % 86_400) / 86_400 - 2.0)
    values = np.empty((len(operations), system.n_targets, n))
    rows: list[Accounts] = []
    for m in range(system.n_targets):
        mine = np.flatnonzero(users.target == m)
        bursts = _bursts(rng, len(mine), n) * rhythm
        if accounts:
            counts = rng.poisson(system.step * users.rates[mine].T[:, :, None] * bursts).astype(
                np.float64
            )
            values[:, m] = counts.sum(axis=1)
            rows.append(_accounts(system, mine, m, at, counts))
        else:
            values[:, m] = rng.poisson(system.step * (users.rates[mine].T @ bursts))
    lost = _gaps(rng, n, missing)
    cpu = _load(system, values / system.step, rng)
    values[:, :, lost] = np.nan
    cpu[:, lost] = np.nan
    return Counters(
        start=at,
        step=np.full(n, system.step),
        targets=system.targets,
        operations=operations,
        values=values,
        stored="counts",
        servers=system.targets,
        cpu=cpu,
        server_of=system.targets,
        accounts=concat_accounts(rows) if rows else None,
    )


def _bursts(rng: np.random.Generator, users: int, n: int) -> Floats:
    """Return (users, n) heights with mean about 1: idle, or busy for spells of 12 to 360 steps."""
    heights = np.empty((users, n))
    for row in heights:
        count = 2 + n // 60
        spells = rng.integers(12, 361, count)
        level = np.where(rng.random(count) < 0.5, 0.05, rng.lognormal(0.2, 0.9, count))
        row[:] = np.resize(np.repeat(level, spells), n)
    return heights


def _load(system: System, rates: Floats, rng: np.random.Generator) -> Floats:
    costs = np.array(list(system.weights.values()))
    x = 100.0 * np.tensordot(costs, rates, axes=(0, 0)) / system.capacity
    if system.hidden > 0:
        drift = rng.normal(size=x.shape).cumsum(axis=1)
        spread = np.ptp(drift, axis=1, keepdims=True) + 1e-300
        x = x + system.hidden * (drift - drift.min(axis=1, keepdims=True)) / spread
    load = x if system.link == "linear" else 100.0 * -np.expm1(-x / 100.0)
    return np.clip(load + rng.normal(0.0, system.noise, load.shape), 0.0, None)


def _gaps(rng: np.random.Generator, n: int, share: float) -> npt.NDArray[np.bool_]:
    lost = np.zeros(n, dtype=np.bool_)
    for begin in rng.integers(0, max(1, n), round(share * n / 20)):
        lost[begin : begin + int(rng.integers(1, 40))] = True
    return lost


def _accounts(
    system: System, mine: npt.NDArray[np.int64], m: int, at: Floats, counts: Floats
) -> Accounts:
    edges = np.arange(0, len(at), 60)
    sums = np.add.reduceat(counts, edges, axis=2)
    lengths = system.step * np.diff(np.append(edges, len(at)))
    labels = tuple(f"u{j:04d}" for j in mine)
    shape = (len(mine), len(edges))
    return Accounts(
        labels=labels,
        targets=system.targets,
        operations=tuple(system.weights),
        account=np.repeat(np.arange(len(mine), dtype=np.int32), len(edges)),
        target=np.full(shape[0] * shape[1], m, dtype=np.int32),
        start=np.tile(at[edges], len(mine)),
        step=np.tile(lengths, len(mine)),
        counts=sums.reshape(len(system.weights), -1),
        fields={"user": labels},
    )
