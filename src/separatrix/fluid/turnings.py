"""Folds and Hopf points between neighbouring points of a curve, closed in on by bisection along it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from separatrix.fluid.branch import Turning, growing_pairs, swing
from separatrix.fluid.corrector import Curve, CurvePoint


def hopf_between(curve: Curve, here: CurvePoint, there: CurvePoint, step: float) -> list[Turning]:
    """Hopf points between two neighbouring points of a branch."""
    found: list[Turning] = []
    # real pairs that become complex are no crossing: what counts grows on one side only
    both_real = growing_pairs(here.spectrum) + growing_pairs(there.spectrum) == 0
    if not both_real and int((here.spectrum.real > 0).sum()) != int(
        (there.spectrum.real > 0).sum()
    ):
        swings = growing_pairs(here.spectrum)
        if abs(int((here.spectrum.real > 0).sum()) - int((there.spectrum.real > 0).sum())) >= 2:
            point = _bisected(curve, here, step, lambda p: growing_pairs(p.spectrum) == swings)
            found.append(_turning("hopf", curve, point))
    return found


def fold_at(curve: Curve, found: list[CurvePoint], i: int) -> Turning:
    """The fold next to the extreme point `i` of a branch."""
    best = found[i]
    for here, there in ((found[i - 1], found[i]), (found[i], found[i + 1])):
        if here.tangent[-1] * there.tangent[-1] < 0:
            rising = bool(here.tangent[-1] > 0)
            step = float((there.z - here.z) @ here.tangent)
            point = _turned(curve, here, there, step)
            # past a corner bisection ends at once: keep what lies farther
            if (point.z[-1] >= best.z[-1]) == rising:
                best = point
    return _turning("fold", curve, best)


def _turned(curve: Curve, here: CurvePoint, there: CurvePoint, step: float) -> CurvePoint:
    """The point between two at which the tangent leaves the parameter, by the Illinois method."""
    low, high = 0.0, step
    left, right = float(here.tangent[-1]), float(there.tangent[-1])
    best, kept = here, 0
    for _ in range(40):
        middle = (low * right - high * left) / (right - left)
        if high - low < 1e-10 or not low < middle < high:
            break
        point = curve.corrected(here.z, here.tangent, middle, here.slopes)
        if point is None:
            break
        best, value = point, float(point.tangent[-1])
        if abs(value) < 1e-9:
            break
        # the end that stays a second time counts half
        if value * left > 0:
            low, left, right = middle, value, right / (2.0 if kept > 0 else 1.0)
            kept = 1
        else:
            high, right, left = middle, value, left / (2.0 if kept < 0 else 1.0)
            kept = -1
    return best


def _bisected(
    curve: Curve, here: CurvePoint, step: float, before: Callable[[CurvePoint], bool]
) -> CurvePoint:
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


def _turning(kind: Literal["fold", "hopf"], curve: Curve, point: CurvePoint) -> Turning:
    z = point.z * curve.scale
    frequency = swing(point.spectrum) if kind == "hopf" else 0.0
    return Turning(kind, float(z[-1]), z[:-1], frequency)
