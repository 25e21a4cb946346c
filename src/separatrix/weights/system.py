r"""The cost model of a metadata server as a system of equations: residuals and their derivatives.

    u_t = a_m + g(s_t) + e_t ,   s_t = \sum_{l=0}^{L} h_l \sum_k w_k r_k(t - l)

with u the CPU load of server m [percent] in interval t, r_k the rate of operation k [1/s],
w_k >= 0 its cost [percent s], h a lag kernel (h >= 0, sum 1), g a concave link (`link.Link`) and a_m
the load without any operation. The noise e has a standard deviation sigma_t that grows with the load,
and a memory: hidden load lasts longer than an interval. Both sides are therefore divided by sigma
and whitened,

    z_t = e_t / \sigma_t - \sum_i \phi_i e_{t-i} / \sigma_{t-i} ,

which is what makes slow hidden load cost little precision (generalised least squares; Cochrane and
Orcutt, JASA 1949). An interval at full load says only that the load was at least that: there a
prediction above it has residual 0.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from separatrix.weights.link import Link
from separatrix.weights.rows import Rows

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int64]

FULL = 98.0
"""CPU load [percent] from which a server counts as saturated."""


@dataclass(frozen=True, eq=False)
class Curve:
    """Parameters of the model: base (M,), weight (K,), lag (L + 1,) and link."""

    base: Floats
    weight: Floats
    lag: Floats
    link: Link

    def load(self, rates: Floats, server: npt.NDArray[np.int32], before: list[Places]) -> Floats:
        """Return the expected CPU load [percent] of rows; `before[l]` is the row l steps earlier."""
        x = rates @ self.weight
        s = sum((h * x[at] for h, at in zip(self.lag, before, strict=False)), np.zeros(len(x)))
        return self.base[server] + self.link(s)


@dataclass(frozen=True, eq=False)
class Noise:
    """Standard deviation (n,) of the noise [percent] and its memory phi (p,)."""

    sigma: Floats
    memory: Floats


@dataclass(frozen=True, eq=False)
class System:
    """Rows ready for fitting.

    Attributes
    ----------
    rates : (n, K) rates of the operations that occur [1/s].
    cpu : (n,) CPU load [percent].
    server : (n,) index of the server; n_servers of them.
    before : for l = 0 .. L, (n,) the row l steps earlier (the first of its run where there is none).
    age : (n,) rows directly before each.
    use : (n,) whether the row's equation counts (a sampled run's first rows lack their past).
    time : (n,) begin of the interval [s since 1970 UTC].
    weight : (n,) intervals that each row stands for.
    """

    rates: Floats
    cpu: Floats
    server: npt.NDArray[np.int32]
    n_servers: int
    before: list[Places]
    age: Places
    use: Bools
    time: Floats
    weight: Floats

    @staticmethod
    def of(rows: Rows, lag: int) -> System:
        """Build the system of complete rows, with lags up to `lag` intervals."""
        age = rows.age
        at = np.arange(len(rows))
        use = np.ones(len(rows), dtype=np.bool_)
        if rows.threshold > 0.0:
            use = age >= lag
        return System(
            rates=rows.rates,
            cpu=rows.cpu,
            server=rows.server,
            n_servers=len(rows.servers),
            before=[at - np.minimum(age, back) for back in range(lag + 1)],
            age=age,
            use=use,
            time=rows.start,
            weight=rows.weight,
        )

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.cpu)

    @property
    def total(self) -> float:
        """Sum of all rates, each row standing for its intervals [1/s]."""
        return float((self.weight @ self.rates).sum())

    def restricted(self, use: Bools) -> System:
        """Return the system in which only the rows that `use` selects count."""
        return replace(self, use=self.use & use)

    def blocks(self, count: int) -> npt.NDArray[np.int64]:
        """Return (n,) number of the time block of each row; blocks hold about equally many rows.

        All servers' rows of one time are in one block, as hidden load may be common to them.
        """
        edges = np.quantile(self.time, np.linspace(0, 1, count + 1)[1:-1])
        return np.searchsorted(edges, self.time, side="right")

    def lagged(self, lag: Floats) -> Floats:
        """Return (n, K) rates smoothed with the lag kernel."""
        if len(lag) == 1:
            return self.rates
        smooth = np.zeros_like(self.rates)
        for h, at in zip(lag, self.before, strict=True):
            if h > 0.0:
                smooth += h * self.rates[at]
        return smooth

    def whitened(self, series: Floats, memory: Floats) -> Floats:
        """Return series (..., n), each row with what its past predicts taken off."""
        out = series.copy()
        for i, phi in enumerate(memory.tolist(), start=1):
            out[..., i:] -= phi * series[..., :-i]
            young = np.flatnonzero(self.age[i:] < i) + i
            if len(young):
                out[..., young] += phi * series[..., young - i]
        return out

    def predicted(self, curve: Curve) -> Floats:
        """Return (n,) expected CPU load [percent]."""
        return curve.load(self.rates, self.server, self.before)

    def residuals(self, curve: Curve, noise: Noise) -> Floats:
        """Return (n,) whitened residuals, of about unit variance."""
        r = self.cpu - self.predicted(curve)
        r[(self.cpu >= FULL) & (r < 0.0)] = 0.0
        return self.whitened(r / noise.sigma, noise.memory)

    def linearised(self, curve: Curve, noise: Noise) -> tuple[Floats, Floats]:
        """Return residuals (n,) and derivatives of the model (P, n), both whitened.

        Parameters in order: base (M), log kappa | weight (K), bend, lag (L + 1 if L > 0). What
        follows the bar must not be negative.
        """
        x = self.lagged(curve.lag)
        value, slope, by_bend, by_knee = curve.link.derivatives(x @ curve.weight)
        r = self.cpu - curve.base[self.server] - value
        keep = ~((self.cpu >= FULL) & (r < 0.0)) / noise.sigma
        M, K = self.n_servers, len(curve.weight)
        n_lag = len(curve.lag) if len(curve.lag) > 1 else 0
        rows = np.empty((1 + M + 1 + K + 1 + n_lag, self.n))
        rows[0] = r * keep
        for m in range(M):
            rows[1 + m] = keep * (self.server == m)
        rows[1 + M] = by_knee * keep
        np.multiply(x.T, slope * keep, out=rows[2 + M : 2 + M + K])
        rows[2 + M + K] = by_bend * keep
        if n_lag:
            now = self.rates @ curve.weight
            for back in range(n_lag):
                rows[3 + M + K + back] = slope * keep * now[self.before[back]]
        rows = self.whitened(rows, noise.memory)
        return rows[0], rows[1:]
