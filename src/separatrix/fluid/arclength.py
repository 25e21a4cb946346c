r"""Pseudo-arclength continuation of the resting points of :math:`\dot x = f(x, p)`, round its folds.

A branch is followed in scaled coordinates :math:`z = (x/s, p/s_p)`. From a point with unit tangent
:math:`\tau` the next lies where

.. math:: f(z) = 0, \qquad \tau \cdot (z - z_0) = \Delta s ,

found by Newton's method from :math:`z_0 + \tau\,\Delta s`. At a *fold* the tangent turns back in p (an
eigenvalue passes zero); at a *Hopf point* a complex pair passes the imaginary axis. Both are closed in on by
bisection along the branch. Keller, in: Applications of Bifurcation Theory (1977), 359-384.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.population import Array

VectorField: TypeAlias = Callable[[Array, float], Array]
"""(states (m, n), parameter) -> velocities (m, n)."""

_SHARPEST = 0.35  # largest turn of the tangent in one step [rad], unless at a corner
_CORNERS = (1e-4, 1e-5, 1e-3)  # steps past a corner, in scaled coordinates
_NEWTON = 12


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


@dataclass(frozen=True)
class _Point:
    z: Array
    slopes: Array
    tangent: Array
    spectrum: NDArray[np.complex128]


class _Curve:
    """The field in scaled coordinates, and what is solved along a branch."""

    def __init__(self, field: VectorField, scale: Array, parameter_scale: float) -> None:
        self.field = field
        self.scale = np.append(scale, parameter_scale)
        self.n = len(scale)

    def speed(self, z: Array) -> Array:
        return self.field((z[:-1] * self.scale[:-1])[None], float(z[-1] * self.scale[-1]))[0]

    def slopes(self, z: Array) -> tuple[Array, Array]:
        """Derivative of the velocity in z, shape (n, n + 1), and the Jacobian in x."""
        x, p = z[:-1] * self.scale[:-1], float(z[-1] * self.scale[-1])
        delta = 1e-6 * np.maximum(np.abs(x), 1e-3 * self.scale[:-1])
        states = np.concatenate([x[None], x + np.diag(delta), x - np.diag(delta)])
        speed = self.field(states, p)
        n = self.n
        jacobian = ((speed[1 : n + 1] - speed[n + 1 :]) / (2 * delta[:, None])).T
        step = 1e-7 * float(self.scale[-1])
        by_p = (self.field(x[None], p + step)[0] - speed[0]) / step
        both = np.concatenate([jacobian * self.scale[:-1], (by_p * self.scale[-1])[:, None]], 1)
        return both, jacobian

    def tangent(self, slopes: Array, along: Array) -> Array:
        """Unit vector along the branch, on the side of `along`."""
        rows = slopes / np.maximum(np.abs(slopes).max(axis=1, keepdims=True), 1e-300)
        _, _, basis = np.linalg.svd(np.concatenate([rows, np.zeros((1, self.n + 1))]))
        direction = basis[-1]
        return direction if float(direction @ along) >= 0 else -direction

    def point(self, z: Array, along: Array) -> _Point:
        """A point of the branch with all that is needed to go on from it."""
        slopes, jacobian = self.slopes(z)
        spectrum = np.linalg.eigvals(jacobian).astype(np.complex128)
        return _Point(z, slopes, self.tangent(slopes, along), spectrum)

    def corrected(
        self, origin: Array, tangent: Array, step: float, known: Array | None = None
    ) -> _Point | None:
        """The point of the branch at `step` along `tangent`; None where Newton does not arrive.

        With slopes `known` nearby, they serve as long as each step is a quarter of the last.
        """
        z = origin + step * tangent
        slopes, last = known, np.inf
        for _ in range(_NEWTON):
            fresh = slopes is None
            if slopes is None:
                slopes, _ = self.slopes(z)
            residual = np.append(self.speed(z), float(tangent @ (z - origin)) - step)
            try:
                change = np.linalg.solve(np.concatenate([slopes, tangent[None]]), residual)
            except np.linalg.LinAlgError:
                return None
            size = float(np.abs(change).max())
            if not fresh and size > 0.25 * last + 1e-12:
                slopes = None
                continue
            if size > 2 * last or size > 10 * step + 1e-5:
                return None
            z = z - change
            if size < 1e-8:
                return self.point(z, tangent)
            last = size
            if fresh:
                slopes = None
        return None


def continued(
    field: VectorField,
    state: Array,
    value: float,
    *,
    span: tuple[float, float],
    scale: Array,
    upward: bool = True,
    points: int = 200,
) -> Branch:
    """The branch through a resting point, until the parameter leaves `span`.

    Parameters
    ----------
    field : velocities, vectorised over states.
    state, value : (n,) coordinates near a resting point, and the parameter there.
    span : (least, greatest) value of the parameter.
    scale : (n,) typical size of each coordinate.
    upward : whether the parameter grows at first.
    points : about how many, if the branch crossed the span and the scale once; at most four times it.

    Returns
    -------
    The branch; its status is ``"inconclusive"`` where it could not be followed to the span's end.
    """
    low, high = span
    curve = _Curve(field, np.asarray(scale, dtype=np.float64), high - low)
    z = np.append(np.asarray(state, dtype=np.float64), value) / curve.scale
    along = np.append(np.zeros(curve.n), 1.0 if upward else -1.0)
    first = curve.corrected(z, along, 0.0)
    if first is None:
        here = np.asarray(state, dtype=np.float64)[None]
        nothing = np.full((1, curve.n), np.nan + 0j)
        reason = f"no resting point near the start at {value:g}"
        return Branch(np.array([value]), here, nothing, (), "inconclusive", reason)
    found = [first]
    turnings: list[Turning] = []
    widest = 3.0 / points
    step, narrowest = widest / 4, 1e-6
    reason = ""
    while True:
        here = found[-1]
        next_ = curve.corrected(here.z, here.tangent, step, here.slopes)
        turn = np.pi if next_ is None else _angle(here.tangent, next_.tangent)
        if next_ is None or (turn > _SHARPEST and step > 1e-4):
            step /= 4
            if step >= narrowest:
                continue
            for step in _CORNERS:
                next_ = _round_corner(curve, here, step)
                if next_ is not None:
                    break
            if next_ is None:
                reason = f"lost the branch at {here.z[-1] * curve.scale[-1]:.6g}"
                break
        turnings += _between(curve, here, next_, step)
        found.append(next_)
        p = float(next_.z[-1] * curve.scale[-1])
        if not low <= p <= high:
            found[-1] = _at_end(curve, here, next_, low if p < low else high)
            break
        if len(found) >= 4 * points:
            reason = f"the branch does not leave the span within {len(found)} points"
            break
        step = min(step * (1.6 if turn < _SHARPEST / 2 else 1.0), widest)
    z = np.array([point.z for point in found]) * curve.scale
    turnings += [_fold(curve, found, i) for i in extremes(z[:, -1])]
    turnings.sort(key=lambda t: int(np.argmin(np.abs(z - np.append(t.state, t.value)).max(axis=1))))
    return Branch(
        z[:, -1], z[:, :-1], np.array([p.spectrum for p in found]), tuple(turnings),
        "inconclusive" if reason else "ok", reason,
    )  # fmt: skip


def _round_corner(curve: _Curve, here: _Point, step: float) -> _Point | None:
    """The branch beyond a corner, where a bound begins to act and the tangent leaps.

    It is looked for along each coordinate; the way back is told from the way on by its direction.
    """
    best: _Point | None = None
    for i in range(curve.n + 1):
        for sign in (1.0, -1.0):
            direction = np.zeros(curve.n + 1)
            direction[i] = sign
            point = curve.corrected(here.z, direction, step)
            if point is None:
                continue
            way = point.z - here.z
            length = float(np.linalg.norm(way))
            if length > 20 * step or float(way @ here.tangent) < -0.9995 * length:
                continue
            best = _Point(point.z, point.slopes, curve.tangent(point.slopes, way), point.spectrum)
            if float(way @ here.tangent) < 0.9 * length:
                return best
    return best


def _angle(a: Array, b: Array) -> float:
    return float(np.arccos(np.clip(a @ b, -1.0, 1.0)))


def _growing(spectrum: NDArray[np.complex128]) -> int:
    """Number of growing swings (complex pairs)."""
    return int(np.sum((spectrum.real > 0) & (spectrum.imag > 1e-9 * np.abs(spectrum).max())))


def _between(curve: _Curve, here: _Point, there: _Point, step: float) -> list[Turning]:
    """Hopf points between two neighbouring points of a branch."""
    found: list[Turning] = []
    # real pairs that become complex are no crossing: what counts grows on one side only
    both_real = _growing(here.spectrum) + _growing(there.spectrum) == 0
    if not both_real and int((here.spectrum.real > 0).sum()) != int(
        (there.spectrum.real > 0).sum()
    ):
        swings = _growing(here.spectrum)
        if abs(int((here.spectrum.real > 0).sum()) - int((there.spectrum.real > 0).sum())) >= 2:
            point = _bisected(curve, here, step, lambda p: _growing(p.spectrum) == swings)
            found.append(_turning("hopf", curve, point))
    return found


def _fold(curve: _Curve, found: list[_Point], i: int) -> Turning:
    """The fold next to the extreme point `i` of a branch."""
    best = found[i]
    for here, there in ((found[i - 1], found[i]), (found[i], found[i + 1])):
        if here.tangent[-1] * there.tangent[-1] < 0:
            rising = bool(here.tangent[-1] > 0)
            step = float((there.z - here.z) @ here.tangent)
            point = _bisected(curve, here, step, _heading(rising))
            # past a corner bisection ends at once: keep what lies farther
            if (point.z[-1] >= best.z[-1]) == rising:
                best = point
    return _turning("fold", curve, best)


def _heading(rising: bool) -> Callable[[_Point], bool]:
    return lambda point: bool(point.tangent[-1] > 0) == rising


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


def _bisected(curve: _Curve, here: _Point, step: float, before: Callable[[_Point], bool]) -> _Point:
    """The last point along the branch at which `before` holds, closely."""
    low, high, best = 0.0, step, here
    for _ in range(40):
        if high - low < 1e-10:
            break
        middle = 0.5 * (low + high)
        point = curve.corrected(here.z, here.tangent, middle, here.slopes)
        if point is None:
            break
        best = point
        low, high = (middle, high) if before(point) else (low, middle)
    return best


def _turning(kind: Literal["fold", "hopf"], curve: _Curve, point: _Point) -> Turning:
    z = point.z * curve.scale
    frequency = 0.0
    if kind == "hopf":
        swinging = point.spectrum[point.spectrum.imag > 0]
        frequency = float(swinging[np.argmin(np.abs(swinging.real))].imag)
    return Turning(kind, float(z[-1]), z[:-1], frequency)


def _at_end(curve: _Curve, here: _Point, there: _Point, end: float) -> _Point:
    """The point of the branch at the parameter's last value."""
    target = end / curve.scale[-1]
    share = (target - here.z[-1]) / (there.z[-1] - here.z[-1])
    along = np.append(np.zeros(curve.n), np.sign(there.z[-1] - here.z[-1]))
    guess = here.z + share * (there.z - here.z)
    guess[-1] = target
    point = curve.corrected(guess, along, 0.0)
    return point if point is not None else there
