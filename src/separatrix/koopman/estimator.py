r"""What every learned model offers, whatever its features.

A model has an encoder :math:`z = \varphi(x)`, measured from where it comes to rest, a linear step
:math:`z_{t+1} = A z_t` and a decoder. With :math:`A = \sum_i v_i \lambda_i w_i^T`, the Koopman
operator :math:`(K f)(x) = E[f(X_{t+1}) | X_t = x]` has the approximate eigenfunctions
:math:`w_i^T \varphi(x)`, and :math:`-\Delta / \ln|\lambda_i|` are its timescales.

B. O. Koopman, PNAS 17 (1931) 315; M. O. Williams et al., J. Nonlinear Sci. 25 (2015) 1307.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from separatrix.errors import DataError
from separatrix.koopman.dataset import Scaling

Array: TypeAlias = NDArray[np.float64]
Complex: TypeAlias = NDArray[np.complex128]


class Estimator(ABC):
    """A fitted linear reading of a system.

    Attributes
    ----------
    step_ : sampling step [s].
    names_ : of the channels.
    scaling_ : of the channels; kept with the model.
    delays_ : samples that make one state, oldest first.
    transition_ : (latent, latent) A, the latent step.
    """

    step_: float
    names_: tuple[str, ...]
    scaling_: Scaling
    delays_: int
    transition_: Array

    @abstractmethod
    def encode(self, x: Array) -> Array:
        """(n, delays * channels) scaled states to (n, latent), 0 at rest."""

    @abstractmethod
    def decode(self, z: Array) -> Array:
        """(n, latent) to (n, channels), scaled: the expected observation."""

    @property
    @abstractmethod
    def modes_(self) -> Complex:
        """(latent, channels) how each eigenfunction shows in the channels, slowest first."""

    @property
    def eigenvalues_(self) -> Complex:
        """(latent,) eigenvalues of the step, slowest first."""
        return self.eigen()[0]

    @property
    def timescales_(self) -> Array:
        """(latent,) [s]; infinite where an eigenvalue does not lie inside the unit circle."""
        return timescales(self.eigenvalues_, self.step_)

    @property
    def limit_(self) -> Array:
        """(channels,) where every prediction ends."""
        rest = np.zeros((1, len(self.transition_)))
        return self.scaling_.undo(self.decode(rest))[0]

    def latent(self, x: ArrayLike) -> Array:
        """States to latent coordinates: (n, channels), or (n, delays, channels), to (n, latent)."""
        return self.encode(self._states(x))

    def eigenfunctions(self, x: ArrayLike) -> Complex:
        """(n, latent) values of the eigenfunctions, slowest first."""
        left = self.eigen()[2]
        return self.latent(x) @ left.T

    def predict(self, x0: ArrayLike, steps: int | Sequence[int]) -> Array:
        """Expected observations after some steps.

        Parameters
        ----------
        x0 : (channels,) one state or (n, channels) several; with d delays (d, channels) or
            (n, d, channels).
        steps : a number s for 1, ..., s, or the numbers of steps wanted, increasing.

        Returns (steps, channels), or (n, steps, channels).
        """
        states = np.asarray(x0, dtype=np.float64)
        single = states.ndim == (1 if self.delays_ == 1 else 2)
        z = self.encode(self._states(states[None] if single else states))
        wanted = list(range(1, steps + 1)) if isinstance(steps, int) else [int(k) for k in steps]
        if not wanted or wanted[0] < 0 or any(b <= a for a, b in pairwise(wanted)):
            raise DataError(
                f"steps are {steps!r}", hint="give a number >= 1, or increasing numbers >= 0"
            )
        found: list[Array] = []
        done = 0
        powers: dict[int, Array] = {}
        for k in wanted:
            ahead = k - done
            if ahead not in powers:
                powers[ahead] = np.linalg.matrix_power(self.transition_, ahead)
            z = z @ powers[ahead].T
            done = k
            found.append(self.scaling_.undo(self.decode(z)))
        out = np.stack(found, axis=1)
        return out[0] if single else out

    def _states(self, x: ArrayLike) -> Array:
        """(n, delays * channels) scaled."""
        states = np.asarray(x, dtype=np.float64)
        channels = len(self.names_)
        shape = (channels,) if self.delays_ == 1 else (self.delays_, channels)
        if states.ndim == len(shape) and states.shape == shape:
            states = states[None]
        if states.shape[1:] == (1, channels) and self.delays_ == 1:
            states = states[:, 0]
        if states.ndim != len(shape) + 1 or states.shape[1:] != shape:
            raise DataError(
                f"states have shape {states.shape}, expected (n, {', '.join(map(str, shape))})",
                hint=f"the model was trained on {', '.join(self.names_)}"
                + (f", {self.delays_} samples of it" if self.delays_ > 1 else ""),
            )
        if not np.isfinite(states).all():
            raise DataError("a state is not finite", hint="leave it out")
        return self.scaling_.apply(states).reshape(len(states), -1)

    def eigen(self) -> tuple[Complex, Complex, Complex]:
        """Eigenvalues, right vectors (columns), left vectors (rows); slowest first."""
        found = np.linalg.eig(self.transition_)
        values: Complex = np.asarray(found[0], np.complex128)
        right: Complex = np.asarray(found[1], np.complex128)
        order = np.lexsort((-values.imag, -np.abs(values)))
        values, right = values[order], right[:, order]
        return values, right, np.asarray(np.linalg.inv(right), np.complex128)


def timescales(eigenvalues: Complex, step: float) -> Array:
    """Time in which each mode decays to 1/e [s]; infinite where it does not decay."""
    size = np.abs(eigenvalues)
    out = np.full(size.shape, np.inf)
    inside = size < 1.0
    with np.errstate(divide="ignore"):
        out[inside] = -step / np.log(size[inside])
    return out
