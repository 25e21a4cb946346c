r"""The placement problem as arrays: who may move where, under which limits, and what it is judged by.

User u lives on target h(u) and puts the load l_uw on it in window w; target m carries a load f_mw
that stays whatever is moved. An assignment a gives each user a target. With

    L_mw(a) = f_mw + \sum_{u : a_u = m} l_uw

the peak of target m is the mean of its k highest windows (k = 1: its maximum), and the placement
is judged by the worst target's peak,

    P(a) = \max_m \frac{1}{k} \max_{|A| = k} \sum_{w \in A} L_mw(a) .

A mean of k windows instead of one maximum keeps a single burst from deciding the plan (expected
shortfall; Rockafellar and Uryasev 2000).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from separatrix.errors import DataError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Limits:
    """What may be moved at most.

    Attributes
    ----------
    moves : number of users that change their target.
    inodes : sum of the inodes of those that move.
    size : sum of their bytes.
    """

    moves: int
    inodes: float = np.inf
    size: float = np.inf

    def __post_init__(self) -> None:
        if self.moves < 0:
            raise DataError(f"the number of moves must be >= 0, got {self.moves}")
        for name in ("inodes", "size"):
            value = getattr(self, name)
            if np.isnan(value) or value < 0:
                raise DataError(f"the limit of moved {name} must be >= 0, got {value}")


@dataclass(frozen=True, eq=False)
class Problem:
    """Loads, sizes and limits; see the module's text for what is minimised.

    Attributes
    ----------
    home : (n_users,) index of the target that each user lives on.
    load : (n_users, n_windows) load that moves with the user [weighted operations / s], >= 0.
    fixed : (n_targets, n_windows) load that stays [weighted operations / s], >= 0.
    limits : limits of what is moved.
    worst : k, number of highest windows of which a peak is the mean.
    inodes, size : (n_users,) what moving a user moves; zeros where unknown.
    movable : (n_users,) False for users that stay.
    """

    home: Ints
    load: Floats
    fixed: Floats
    limits: Limits
    worst: int = 1
    inodes: Floats = field(default_factory=lambda: np.empty(0))
    size: Floats = field(default_factory=lambda: np.empty(0))
    movable: Mask = field(default_factory=lambda: np.empty(0, np.bool_))

    def __post_init__(self) -> None:
        users, windows = self.load.shape
        for name, default in (("inodes", 0.0), ("size", 0.0), ("movable", True)):
            given = getattr(self, name)
            if len(given) == 0:
                object.__setattr__(self, name, np.full(users, default))
            elif given.shape != (users,):
                raise DataError(f"placement: {name} has shape {given.shape}, expected ({users},)")
        if self.home.shape != (users,) or self.fixed.ndim != 2 or self.fixed.shape[1] != windows:
            raise DataError(
                f"placement: load is {self.load.shape}, home {self.home.shape} and fixed "
                f"{self.fixed.shape}: expected (users, windows), (users,), (targets, windows)"
            )
        if users and not (self.home.min() >= 0 and self.home.max() < len(self.fixed)):
            raise DataError(f"placement: a home is outside of the {len(self.fixed)} targets")
        for name in ("load", "fixed", "inodes", "size"):
            values = getattr(self, name)
            if values.size and not (np.isfinite(values).all() and values.min() >= 0.0):
                raise DataError(f"placement: {name} must be finite and >= 0")
        if not 1 <= self.worst <= windows:
            raise DataError(
                f"placement: a peak is a mean of 1 to {windows} windows, got {self.worst}"
            )

    @property
    def n_users(self) -> int:
        """Number of users."""
        return len(self.home)

    @property
    def n_targets(self) -> int:
        """Number of targets."""
        return len(self.fixed)

    def loads(self, assigned: Ints) -> Floats:
        """Return (n_targets, n_windows) load of each target under an assignment."""
        total = self.fixed.copy()
        np.add.at(total, assigned, self.load)
        return total

    def peaks(self, loads: Floats) -> Floats:
        """Return the peak of each series of `loads` (..., n_windows)."""
        return peaks(loads, self.worst)

    def peak(self, assigned: Ints) -> float:
        """Return P(a), the worst target's peak."""
        return float(self.peaks(self.loads(assigned)).max(initial=0.0))

    def keeps(self, assigned: Ints) -> bool:
        """Tell whether an assignment keeps the limits."""
        moved = assigned != self.home
        return bool(
            moved.sum() <= self.limits.moves
            and not np.any(moved & ~self.movable)
            and self.inodes[moved].sum() <= self.limits.inodes
            and self.size[moved].sum() <= self.limits.size
        )


def peaks(loads: Floats, worst: int) -> Floats:
    """Return the mean of the `worst` highest windows of each series (..., n_windows)."""
    if worst == 1:
        return loads.max(axis=-1)
    n = loads.shape[-1]
    return np.partition(loads, n - worst, axis=-1)[..., n - worst :].mean(axis=-1)
