"""Telemetry from planted weights: six kinds of load, for `weights_recovery` and `weights_coverage`.

    u_t = base + g(s_t) + h_t + noise,   s_t = sum_l lag_l sum_k w_k r_k(t - l)

with the planted costs w drawn anew for every case, over rates of the telemetry generator's users or
over blocks of a real day's rates drawn with replacement.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from separatrix.telemetry import OPERATIONS, Counters, load
from separatrix.telemetry.synthesize import COSTS, SHARES, default_system, synthesize
from weights_reference import shared

Floats = npt.NDArray[np.float64]

MONDAY = 1_546_300_800.0
STEP = 5.0
BLOCK = 60
REAL_DAY = "edison_snx11025_2018-02-09.h5lmt"


@dataclass(frozen=True, eq=False)
class Case:
    """Telemetry of one server, and the cost [percent s] behind it."""

    table: Counters
    cost: Mapping[str, float]


def planted(rng: np.random.Generator, operations: tuple[str, ...]) -> Floats:
    """Costs up to scale: the generator's, each times a lognormal factor (most within 1/3 .. 3)."""
    usual = np.array([COSTS[o] for o in operations])
    return usual / usual.mean() * rng.lognormal(0.0, 0.6, len(operations))


def case_of(rates: Floats, operations: tuple[str, ...], load: Floats, cost: Floats) -> Case:
    """One server's rates (n, K) [1/s] and load (n,) [percent] as a table."""
    n = len(load)
    table = Counters(
        start=MONDAY + STEP * np.arange(n),
        step=np.full(n, STEP),
        targets=("mds",),
        operations=operations,
        values=np.ascontiguousarray(rates.T[:, None, :]),
        stored="rates",
        servers=("mds",),
        cpu=np.clip(load, 0.0, 100.0)[None, :],
        server_of=("mds",),
    )
    return Case(table, dict(zip(operations, cost.tolist(), strict=True)))


def generated(rng: np.random.Generator, n: int, mean_rate: float = 2000.0) -> Floats:
    """Rates (n, K) [1/s] of 50 made-up users of one server."""
    system = default_system(n_targets=1, mean_rate=mean_rate)
    return synthesize(system, rng, start=MONDAY, intervals=n).rates[:, 0].T


def real_rates() -> Floats:
    """Rates of the real day (n, K) [1/s], its unwritten hours left out."""
    table = load([str(shared() / "data" / "tokio" / REAL_DAY)]).select(operations=OPERATIONS)
    return table.rates[:, 0][:, ~table.missing[0]].T


def slow(rng: np.random.Generator, n: int, memory: float) -> Floats:
    """Unit-variance noise whose correlation fades by `memory` an interval."""
    from scipy.signal import lfilter

    push = rng.normal(0.0, np.sqrt(1.0 - memory**2), n)
    return np.asarray(lfilter([1.0], [1.0, -memory], push), dtype=np.float64)


def linear(rng: np.random.Generator, n: int = 17_280) -> Case:
    """CPU in proportion to operations, white noise of 2 %."""
    rates, w = generated(rng, n), planted(rng, tuple(COSTS))
    w = 30.0 * w / float((rates @ w).mean())
    return case_of(rates, tuple(COSTS), 3.0 + rates @ w + rng.normal(0, 2.0, n), w)


def saturating(rng: np.random.Generator, n: int = 17_280) -> Case:
    """100 (1 - exp(-s/100)) of a load smoothed over three intervals, with slow hidden load."""
    rates, w = generated(rng, n), planted(rng, tuple(COSTS))
    w = 60.0 * w / float((rates @ w).mean())
    s = np.convolve(rates @ w, [0.6, 0.3, 0.1])[:n] + 8.0 * np.abs(slow(rng, n, 0.995))
    return case_of(rates, tuple(COSTS), 100.0 * -np.expm1(-s / 100.0) + rng.normal(0, 1.0, n), w)


def concave(rng: np.random.Generator, n: int = 17_280) -> Case:
    """A power law s^0.6, noise that grows with the load."""
    rates, w = generated(rng, n), planted(rng, tuple(COSTS))
    w = w / float((rates @ w).mean())
    u = 25.0 * (rates @ w) ** 0.6
    return case_of(rates, tuple(COSTS), 1.0 + u + (0.5 + 0.05 * u) * rng.normal(size=n), w)


def idle(rng: np.random.Generator, n: int = 17_280) -> Case:
    """Operations that move the CPU load by far less than its noise."""
    rates, w = generated(rng, n, mean_rate=20.0), planted(rng, tuple(COSTS))
    w = 0.02 * w / float((rates @ w).mean())
    return case_of(rates, tuple(COSTS), 4.0 + rates @ w + slow(rng, n, 0.9), w)


def one_day(rng: np.random.Generator, n: int = 1_440) -> Case:
    """One day of minutes: few rows, hidden load, linear."""
    rates, w = generated(rng, n), planted(rng, tuple(COSTS))
    w = 20.0 * w / float((rates @ w).mean())
    return case_of(rates, tuple(COSTS), 2.0 + rates @ w + 3.0 * slow(rng, n, 0.9), w)


def real_concave(rng: np.random.Generator) -> Case:
    """Blocks of the real day's rates in a new order, a hyperbola, slow noise."""
    day = real_rates()
    first = rng.integers(0, len(day) - BLOCK, len(day) // BLOCK)
    rates = np.concatenate([day[i : i + BLOCK] for i in first])
    w = planted(rng, OPERATIONS)
    s = rates @ w
    knee = 3.0 * float(np.quantile(s, 0.99))
    w = w * 40.0 / knee  # half of the full 80 % of hyperbolic load at s = knee
    s = s * 40.0 / knee
    u = 80.0 * s / (40.0 + s)
    noise = 0.4 * slow(rng, len(u), 0.8) * (1.0 + 0.1 * u)
    return case_of(rates, OPERATIONS, 3.0 + u + noise, w)


KINDS: Mapping[str, Callable[[np.random.Generator], Case]] = {
    "linear": linear,
    "saturating, lag, hidden load": saturating,
    "concave": concave,
    "idle": idle,
    "one day": one_day,
    "real rates, concave": real_concave,
}


def users(rng: np.random.Generator, mean: Floats, count: int = 200) -> Floats:
    """Counts (count, K) of users: lognormal activity, mixes around the shares in `mean`."""
    activity = rng.lognormal(0.0, 1.5, count)
    shares = mean / mean.sum()
    return activity[:, None] * rng.dirichlet(30.0 * shares + 0.05, count)


def has_real_day() -> bool:
    """Whether the real day's file is at hand."""
    return Path(shared() / "data" / "tokio" / REAL_DAY).exists()


__all__ = ["KINDS", "SHARES", "Case", "has_real_day", "linear", "planted", "real_rates", "users"]
