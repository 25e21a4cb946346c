"""Curves of resting points over a parameter, and the places where their stability changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from separatrix.population import Array


@dataclass(frozen=True)
class Turning:
    """A place where the stability of a branch changes.

    Attributes
    ----------
    kind : ``"fold"`` (two resting points meet) or ``"hopf"`` (a rest begins to swing).
    value : of the parameter.
    state : (n,) coordinates.
    frequency : of the swing [rad/s] at a Hopf point; 0 at a fold.
    """

    kind: Literal["fold", "hopf"]
    value: float
    state: Array
    frequency: float = 0.0


@dataclass(frozen=True)
class Branch:
    """A curve of resting points.

    Attributes
    ----------
    values : (m,) parameter.
    states : (m, n) coordinates.
    eigenvalues : (m, n) of the Jacobian.
    turnings : folds and Hopf points in the order in which they are met.
    status, reason : ``"ok"``, or ``"inconclusive"`` and why the curve ends within the span.
    """

    values: Array
    states: Array
    eigenvalues: NDArray[np.complex128]
    turnings: tuple[Turning, ...]
    status: Literal["ok", "inconclusive"] = "ok"
    reason: str = ""

    @property
    def stable(self) -> NDArray[np.bool_]:
        """(m,) whether small disturbances die out."""
        return np.all(self.eigenvalues.real < 0, axis=1)

    @property
    def folds(self) -> tuple[Turning, ...]:
        """The folds alone."""
        return tuple(t for t in self.turnings if t.kind == "fold")

    def reversed(self) -> Branch:
        """The same curve from its other end."""
        return Branch(
            self.values[::-1], self.states[::-1], self.eigenvalues[::-1], self.turnings[::-1],
            self.status, self.reason,
        )  # fmt: skip

    def joined(self, other: Branch) -> Branch:
        """This curve, and then another that begins where it ends."""
        bad = [b for b in (self, other) if b.status != "ok"]
        return Branch(
            np.concatenate([self.values, other.values[1:]]),
            np.concatenate([self.states, other.states[1:]]),
            np.concatenate([self.eigenvalues, other.eigenvalues[1:]]),
            (*self.turnings, *other.turnings),
            "inconclusive" if bad else "ok",
            "; ".join(b.reason for b in bad),
        )


def extremes(values: Array) -> list[int]:
    """Places at which a sequence turns round, leaving aside what rounding made."""
    found: list[int] = []
    if len(values) < 3:
        return found
    noise = 1e-9 * float(np.abs(values).max())
    highest = lowest = 0
    rising: bool | None = None
    for i in range(1, len(values)):
        highest = i if values[i] > values[highest] else highest
        lowest = i if values[i] < values[lowest] else lowest
        if rising is not False and values[highest] - values[i] > noise:
            if rising:
                found.append(highest)
            rising, lowest, highest = False, i, i
        elif rising is not True and values[i] - values[lowest] > noise:
            if rising is False:
                found.append(lowest)
            rising, lowest, highest = True, i, i
    return found


def growing_pairs(spectrum: NDArray[np.complex128]) -> int:
    """Number of growing swings: complex pairs of eigenvalues with a positive real part."""
    return int(np.sum((spectrum.real > 0) & (spectrum.imag > 1e-9 * np.abs(spectrum).max())))


def swing(spectrum: NDArray[np.complex128]) -> float:
    """Frequency [rad/s] of the pair of eigenvalues closest to the imaginary axis; 0 without one."""
    swinging = spectrum[spectrum.imag > 0]
    if not len(swinging):
        return 0.0
    return float(swinging[np.argmin(np.abs(swinging.real))].imag)
