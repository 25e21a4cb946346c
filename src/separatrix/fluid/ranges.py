r"""Between which values of a parameter the mean dynamics have a healthy and a stuck rest.

The hysteresis curve is cut at its folds into *arcs*, on each of which there is one rest a value. Where two arcs
or more lie above each other the service can get stuck; there may be several such stretches. At the end of one, a
fold takes two rests away: if what is left has the longer queue the service is always stuck beyond, else it is safe.
A parameter that is a whole number has no curve: its values are tried.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np

from separatrix.errors import ModelError, Problem
from separatrix.fluid.branch import Branch, extremes
from separatrix.fluid.continuation import Hysteresis, family_of, hysteresis, number_at
from separatrix.fluid.equilibria import equilibria
from separatrix.fluid.field import FluidClosure
from separatrix.fluid.stretches import MetastableRange, MetastableStretch, Standing
from separatrix.model import Program
from separatrix.population import Array

MOST_WHOLE = 64
"""Most values tried of a parameter that is a whole number."""
_SAME = 1e-6
"""Values nearer than this share of themselves are one."""
_APART = 0.01
"""Queues nearer than this share of the longest are one, as far as curves drawn by straight lines tell."""


def metastable_range(
    program: Program,
    parameter: str,
    *,
    span: tuple[float, float] | None = None,
    closure: FluidClosure = "staged",
) -> MetastableRange:
    """Between which values of a parameter the mean dynamics can get stuck.

    Parameters and errors as in `hysteresis`; the parameter may be a whole number here.
    """
    value = number_at(program, parameter, spanned=span is not None)
    if isinstance(value, int):
        return _whole_range(program, parameter, value, span, closure)
    found = range_of(hysteresis(program, parameter, span=span, points=120, closure=closure))
    if len(found.stretches) > 1:
        # where every queue rests, rounding makes many short stretches of one
        inside = family_of(program, parameter, closure)(found.stretches[0].high * (1.0 - _SAME))
        marginal = "; ".join(stretch.sentence for stretch in equilibria(inside).marginal)
        if marginal:
            reason = "; ".join(filter(None, (found.reason, marginal)))
            return replace(found, status="inconclusive", reason=reason)
    return found


def range_of(found: Hysteresis) -> MetastableRange:
    """The range that curves already found have where they lie above each other."""
    arcs = [arc for branch in found.branches for arc in _arcs(branch, found)]
    reasons = [b.reason for b in found.branches if b.status != "ok"]
    stretches = tuple(_stretch(arcs, *ends, found.span) for ends in _overlaps(arcs))
    if not stretches:
        return _made(found, (), reasons)
    first, last = stretches[0], stretches[-1]
    reasons += [
        f"it goes on {way} {edge:.4g}"
        for way, edge, end in (
            ("below", found.span[0], first.low),
            ("beyond", found.span[1], last.high),
        )
        if abs(end - edge) <= _SAME * edge
    ]
    return _made(found, stretches, reasons)


def _made(
    found: Hysteresis, stretches: tuple[MetastableStretch, ...], reasons: list[str]
) -> MetastableRange:
    low = stretches[0].low if stretches else np.nan
    high = stretches[-1].high if stretches else np.nan
    return MetastableRange(
        found.parameter, found.value, low, high, _worse(found, stretches), found.span,
        "inconclusive" if reasons else "ok", "; ".join(reasons), stretches,
    )  # fmt: skip


@dataclass(frozen=True)
class _Arc:
    """A piece of a curve without a fold inside: one rest for every value from low to high."""

    low: float
    high: float
    values: Array
    queue: Array

    def queue_at(self, value: float) -> float:
        return float(np.interp(value, self.values, self.queue))


def _arcs(branch: Branch, found: Hysteresis) -> list[_Arc]:
    """The arcs of a curve, each as far as the fold or the end of the span where it ends."""
    turns = extremes(branch.values)
    folds = [fold.value for fold in branch.folds]
    closing = folds[:1] if len(folds) == len(turns) + 1 else []  # it closes on itself, in a fold
    inner = folds[len(closing) :]
    if len(inner) != len(turns):
        inner = [float(branch.values[i]) for i in turns]
    places = [0, *turns, len(branch.values) - 1]
    ends = [*(closing or branch.values[:1]), *inner, *(closing or branch.values[-1:])]
    queue = branch.states[:, list(found.queues)].sum(axis=1)
    arcs: list[_Arc] = []
    for i, (first, last) in enumerate(pairwise(places)):
        values = branch.values[first : last + 1]
        order = np.argsort(values, kind="stable")
        low, high = sorted((float(ends[i]), float(ends[i + 1])))
        arcs.append(_Arc(low, high, values[order], queue[first : last + 1][order]))
    return arcs


def _overlaps(arcs: list[_Arc]) -> list[tuple[float, float]]:
    """Runs of values over which there are two arcs or more, of different queues."""
    edges = sorted({end for arc in arcs for end in (arc.low, arc.high)})
    runs: list[tuple[float, float]] = []
    for low, high in pairwise(edges):
        queues = [a.queue_at(0.5 * (low + high)) for a in arcs if a.low <= low and a.high >= high]
        # a curve that was followed twice, or back, lies on itself
        if high - low <= _SAME * high or not _differ(queues):
            continue
        if runs and low - runs[-1][1] <= _SAME * low:
            runs[-1] = (runs[-1][0], high)
        else:
            runs.append((low, high))
    return runs


def _differ(queues: list[float]) -> bool:
    return len(queues) > 1 and max(queues) - min(queues) > _APART * max(queues)


def _stretch(
    arcs: list[_Arc], low: float, high: float, span: tuple[float, float]
) -> MetastableStretch:
    """A run of values with what holds on its sides."""

    def beyond(end: float, way: int) -> Standing:
        if abs(end - span[max(way, 0)]) <= _SAME * end:
            return "unknown"
        near = _SAME * end
        gone = [a for a in arcs if abs((a.high if way > 0 else a.low) - end) <= near]
        left = [a for a in arcs if a.low < end - near and a.high > end + near]
        queues = [a.queue_at(end) for a in left]
        if not gone or not queues or _differ(queues):
            return "unknown"
        lost = max(a.queue_at(end) for a in gone)
        return "always stuck" if queues[0] > lost else "safe"

    return MetastableStretch(low, high, beyond(low, -1), beyond(high, 1))


def _worse(
    found: Hysteresis, stretches: tuple[MetastableStretch, ...]
) -> Literal["above", "below"]:
    """On which side the service is always stuck; without such a side, where the queue at rest is long."""
    if stretches:
        below, above = stretches[0].below, stretches[-1].above
        if "always stuck" in (below, above) and below != above:
            return "above" if above == "always stuck" else "below"
        if "safe" in (below, above) and below != above:
            return "above" if below == "safe" else "below"
    ends = [
        (float(b.values[i]), float(b.states[i][list(found.queues)].sum()))
        for b in found.branches
        for i in (0, -1)
    ]
    longest, shortest = max(ends, key=lambda e: e[1]), min(ends, key=lambda e: e[1])
    return "above" if longest[0] >= shortest[0] else "below"


def _whole_range(
    program: Program,
    parameter: str,
    value: int,
    span: tuple[float, float] | None,
    closure: FluidClosure,
) -> MetastableRange:
    """The range of a whole number: its values tried one by one."""
    low, high = span if span is not None else (max(value // 4, 0), 4 * value + 4)
    tried = np.unique(np.linspace(low, high, MOST_WHOLE).round().astype(int))
    family = family_of(program, parameter, closure)
    rests: dict[int, int] = {}
    queue: dict[int, float] = {}
    for at in tried.tolist():
        try:
            population = family(at)
        except ModelError:
            continue  # a value that cannot be, such as fewer places than threads
        points = [p for p in equilibria(population).points if p.stable]
        rests[at] = len(points)
        queues = list(population.axes_of("queue"))
        # at one rest alone, where it lies decides on which side of a stretch is danger
        queue[at] = sum(float(np.asarray(p.state)[queues].sum()) for p in points) / max(
            len(points), 1
        )
        queue[at] /= sum(population.shape[i] for i in queues)
    if not rests:
        raise ModelError(
            Problem(f"no value from {low:g} to {high:g} can be", parameter, "widen it")
        )
    known = sorted(rests)
    worse: Literal["above", "below"] = "above" if queue[known[-1]] >= queue[known[0]] else "below"
    looked = (float(known[0]), float(known[-1]))
    runs: list[list[int]] = []
    for before, at in zip([None, *known[:-1]], known, strict=True):
        if rests[at] > 1:
            if before is not None and rests[before] > 1:
                runs[-1].append(at)
            else:
                runs.append([at])
    if not runs:
        return MetastableRange(parameter, value, np.nan, np.nan, worse, looked)

    def beside(at: int, way: int) -> Standing:
        place = known.index(at) + way
        if not 0 <= place < len(known):
            # what cannot be is no side to be on; what was not tried is not known
            return "unknown"
        return "always stuck" if queue[known[place]] > queue[at] else "safe"

    stretches = tuple(
        MetastableStretch(float(run[0]), float(run[-1]), beside(run[0], -1), beside(run[-1], 1))
        for run in runs
    )
    reason = "not every whole number was tried" if len(tried) < high - low + 1 else ""
    cut = [edge for edge in looked if edge in (runs[0][0], runs[-1][-1])]
    reason = f"it may go on beyond {cut[0]:g}" if cut and cut[0] > 0 else reason
    return MetastableRange(
        parameter, value, stretches[0].low, stretches[-1].high, worse, looked,
        "inconclusive" if reason else "ok", reason, stretches,
    )  # fmt: skip
