r"""Dynamic mode decomposition, plain and extended: linear regression on fixed features.

With features :math:`\psi` that begin with the state itself, the step is the affine regression
:math:`\psi(x_{t+\tau}) = c + K \psi(x_t)` and :math:`A = K^{1/\tau}`.

**Noise.** Ordinary least squares is right where the noise drives the system (a queue): the state is
known, only its future is not. Where the *measurement* is noisy, or the state is seen in part, the
regressor carries an error and the slow eigenvalue comes out too small (errors in variables). Then

* ``noise="instrument"`` uses the state s samples earlier as instrument,
  :math:`K = C_{\tau+s} C_s^{-1}`: an error that is independent from sample to sample drops out;
* ``noise="total"`` splits the error evenly between both sides (total least squares), right where
  the measurement error is all there is.

P. J. Schmid, J. Fluid Mech. 656 (2010) 5; M. O. Williams, I. G. Kevrekidis, C. W. Rowley, J.
Nonlinear Sci. 25 (2015) 1307; M. S. Hemati et al., Theor. Comput. Fluid Dyn. 31 (2017) 349 (total);
F. Reiersol, Arkiv Mat. Astron. Fys. 32A (1945) no. 4 (instruments).
"""

from __future__ import annotations

from itertools import combinations_with_replacement
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import DataError
from separatrix.koopman.dataset import Scaling, as_trajectories
from separatrix.koopman.estimator import Complex, Estimator
from separatrix.koopman.windows import Windows

Array: TypeAlias = NDArray[np.float64]
Noise: TypeAlias = Literal["dynamic", "instrument", "total"]

_MOST_FEATURES = 2000


class DMD(Estimator):
    """Dynamic mode decomposition on the state itself; `delays` > 1 makes it time-lagged.

    Parameters
    ----------
    delays : samples that make one state.
    lag : samples between the two sides of the regression.
    noise : where the noise is: "dynamic" (ordinary least squares), "instrument" or "total".
    """

    def __init__(self, *, delays: int = 1, lag: int = 1, noise: Noise = "dynamic") -> None:
        if delays < 1 or lag < 1:
            raise DataError(f"delays {delays} and lag {lag} must be at least 1", hint="take 1")
        if noise not in ("dynamic", "instrument", "total"):
            raise DataError(f"noise is {noise!r}", hint="write dynamic, instrument or total")
        self.delays, self.lag, self.noise = delays, lag, noise

    def fit(self, X: Any, step: float | None = None) -> DMD:
        """Learn from runs: `Trajectories`, or arrays as `Trajectories.of` takes them.

        Raises DataError where a channel never changes or the runs are too short.
        """
        data = as_trajectories(X, step)
        self.step_, self.names_, self.delays_ = data.step, data.names, self.delays
        self.scaling_ = Scaling.of(data)
        windows = Windows.of(data, self.scaling_, self.delays)
        apart = self.lag * (2 if self.noise == "instrument" else 1)
        if windows.count(apart) < 2:
            raise DataError(
                f"no run has two states {apart} samples apart", hint="record longer, or lower `lag`"
            )
        self._prepare(windows.states)
        first = windows.rows(apart)
        psi = self.features(windows.states)
        x, y = psi[first], psi[first + apart]
        if self.noise == "instrument":
            step_at_lag = _by_instrument(psi[first + self.lag], y, x)
        elif self.noise == "total":
            step_at_lag = _total(x, y)
        else:
            step_at_lag = _by_instrument(x, y, x)
        K, c = step_at_lag
        self.transition_ = root(K, self.lag)
        self._rest = np.linalg.lstsq(np.eye(len(K)) - K, c, rcond=None)[0]
        return self

    def features(self, x: Array) -> Array:
        """(n, delays * channels) scaled states to (n, features); the newest sample comes first."""
        return np.roll(x, len(self.names_), axis=1)

    def encode(self, x: Array) -> Array:
        """Features, measured from their resting place."""
        return self.features(x) - self._rest

    def decode(self, z: Array) -> Array:
        """The newest sample, which is among the features."""
        return (z + self._rest)[:, : len(self.names_)]

    @property
    def modes_(self) -> Complex:
        """(latent, channels) how each eigenfunction shows in the channels, slowest first."""
        right = self.eigen()[1]
        return right[: len(self.names_)].T * self.scaling_.deviation

    def _prepare(self, states: Array) -> None:
        """What the features need to know of the training data."""


class PolynomialEDMD(DMD):
    """Extended DMD on all monomials up to a degree.

    Parameters
    ----------
    degree : highest total degree.
    delays, lag, noise : as for `DMD`.
    """

    def __init__(
        self, degree: int = 4, *, delays: int = 1, lag: int = 1, noise: Noise = "dynamic"
    ) -> None:
        super().__init__(delays=delays, lag=lag, noise=noise)
        if degree < 1:
            raise DataError(f"the degree is {degree}", hint="take 1 or more")
        self.degree = degree

    def features(self, x: Array) -> Array:
        """Monomials, divided by their spread over the training data."""
        return monomials(np.roll(x, len(self.names_), axis=1), self.degree) / self._spread

    def _prepare(self, states: Array) -> None:
        many = int(np.prod([(states.shape[1] + i) / i for i in range(1, self.degree + 1)]))
        if many > _MOST_FEATURES:
            raise DataError(
                f"degree {self.degree} of {states.shape[1]} numbers makes {many:,} monomials",
                hint="lower the degree or the delays, or use RadialEDMD",
            )
        spread = monomials(states, self.degree).std(axis=0)
        spread[: states.shape[1]] = 1.0  # the state itself stays as it is: `decode` reads it
        self._spread = np.where(spread > 0.0, spread, 1.0)


class RadialEDMD(DMD):
    """Extended DMD on Gaussian bumps around states seen in training, and the state itself.

    Parameters
    ----------
    centres : number of bumps; their places are picked far apart (farthest-point order).
    width : of a bump, in multiples of the median distance of a centre to its nearest neighbour.
    delays, lag, noise : as for `DMD`.
    seed : of the candidates for the centres.
    """

    def __init__(
        self, centres: int = 30, width: float = 2.0, *, delays: int = 1, lag: int = 1,
        noise: Noise = "dynamic", seed: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(delays=delays, lag=lag, noise=noise)
        if not (1 <= centres <= _MOST_FEATURES and width > 0.0):
            raise DataError(
                f"{centres} centres of width {width:g}",
                hint=f"take 1 to {_MOST_FEATURES} centres of a width > 0",
            )
        self.centres, self.width, self.seed = centres, width, seed

    def features(self, x: Array) -> Array:
        """The state, and a bump around each centre."""
        square = ((x[:, None] - self._centres[None]) ** 2).sum(axis=2)
        bumps = np.exp(-0.5 * square / self._radius**2)
        return np.concatenate([np.roll(x, len(self.names_), axis=1), bumps], axis=1)

    def _prepare(self, states: Array) -> None:
        rng = np.random.default_rng(self.seed)
        size = min(len(states), 20_000)
        candidates = np.unique(states[rng.choice(len(states), size, replace=False)], axis=0)
        chosen = [int(((candidates - candidates.mean(axis=0)) ** 2).sum(axis=1).argmin())]
        distance = ((candidates - candidates[chosen[0]]) ** 2).sum(axis=1)
        while len(chosen) < self.centres and distance.max() > 0.0:
            chosen.append(int(distance.argmax()))
            distance = np.minimum(
                distance, ((candidates - candidates[chosen[-1]]) ** 2).sum(axis=1)
            )
        self._centres = candidates[chosen]
        apart = ((self._centres[:, None] - self._centres[None]) ** 2).sum(axis=2)
        np.fill_diagonal(apart, np.inf)
        nearest = np.sqrt(apart.min(axis=1))
        self._radius = self.width * (float(np.median(nearest)) if len(chosen) > 1 else 1.0)


def monomials(x: Array, degree: int) -> Array:
    """(n, width) to all monomials of total degree 1 to `degree`, the states themselves first."""
    columns = [
        np.prod(x[:, list(which)], axis=1)
        for d in range(1, degree + 1)
        for which in combinations_with_replacement(range(x.shape[1]), d)
    ]
    return np.stack(columns, axis=1)


def root(K: Array, lag: int) -> Array:
    """The step whose `lag`-th power is K; of a negative eigenvalue (noise) the root of its size."""
    if lag == 1:
        return K
    found = np.linalg.eig(K)
    values: Complex = np.asarray(found[0], np.complex128)
    right: Complex = np.asarray(found[1], np.complex128)
    negative = (np.abs(values.imag) < 1e-12) & (values.real < 0.0)
    values = np.where(negative, np.abs(values), values)
    return np.ascontiguousarray(((right * values ** (1.0 / lag)) @ np.linalg.inv(right)).real)


def _by_instrument(x: Array, y: Array, instrument: Array) -> tuple[Array, Array]:
    """K and c of y = c + K x; with x as its own instrument these are the normal equations."""
    xm, ym = x.mean(axis=0), y.mean(axis=0)
    w = (instrument - instrument.mean(axis=0)) / len(x)
    gram, target = w.T @ (x - xm), w.T @ (y - ym)
    K: Array = np.asarray(np.linalg.lstsq(gram, target, rcond=1e-10)[0], np.float64).T
    return K, ym - K @ xm


def _total(x: Array, y: Array) -> tuple[Array, Array]:
    """Total least squares: the graph of K is the main subspace of (x, y)."""
    xm, ym = x.mean(axis=0), y.mean(axis=0)
    both = np.concatenate([x - xm, y - ym], axis=1)
    m = x.shape[1]
    main: Array = np.asarray(np.linalg.eigh(both.T @ both)[1], np.float64)[:, m:]
    K: Array = np.asarray(np.linalg.lstsq(main[:m].T, main[m:].T, rcond=1e-10)[0], np.float64).T
    return K, ym - K @ xm
