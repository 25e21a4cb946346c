"""Series to learn from: several runs of the same system, sampled at one step.

A *run* is an independent realisation. Cutting (at faults, at gaps) makes *pieces*; all pieces of a
run stay together when the data are split, else the validation would know the training's noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import inf, isfinite
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from separatrix.errors import DataError

Array: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Trajectories:
    """Pieces of runs, each (samples, channels), `step` seconds between samples.

    Attributes
    ----------
    names : of the channels.
    pieces : one array (samples, channels) each.
    step : sampling step [s].
    run : which run each piece is of.
    begin : time in its run at which each piece begins [s]; pieces with the same begin started alike
        (from empty, from after a fault) and form an ensemble.

    Raises DataError where a value is not finite, shapes differ, or a piece has less than 2 samples.
    """

    names: tuple[str, ...]
    pieces: tuple[Array, ...]
    step: float
    run: tuple[int, ...]
    begin: tuple[float, ...]

    def __post_init__(self) -> None:
        if not (isfinite(self.step) and self.step > 0.0):
            raise DataError(
                f"the sampling step must be > 0 s, got {self.step:g}", hint="give `step` in seconds"
            )
        if not self.pieces:
            raise DataError("there are no samples", hint="give at least two runs")
        for piece, run in zip(self.pieces, self.run, strict=True):
            if piece.ndim != 2 or piece.shape[1] != len(self.names):
                raise DataError(
                    f"run {run} has shape {piece.shape}, expected (samples, {len(self.names)})",
                    hint="give every run the same channels",
                )
            if len(piece) < 2:
                raise DataError(
                    f"run {run} has {len(piece)} sample", hint="give runs of 2 samples or more"
                )
            wrong = ~np.isfinite(piece)
            if wrong.any():
                i, c = (int(k[0]) for k in np.nonzero(wrong))
                raise DataError(
                    f"{self.names[c]} is {piece[i, c]} at sample {i} of run {run}",
                    hint="fill the gap, or cut the run there with `without`",
                )

    @classmethod
    def of(
        cls, runs: ArrayLike | Sequence[ArrayLike], step: float = 1.0, names: Sequence[str] = ()
    ) -> Trajectories:
        """Arrays as runs: one (runs, samples), (runs, samples, channels), or a list of runs.

        A list holds (samples,) or (samples, channels) arrays, of any lengths.
        """
        try:
            arrays = [np.asarray(run, dtype=np.float64) for run in runs]  # type: ignore[union-attr]
        except (TypeError, ValueError) as error:
            raise DataError(f"the runs are no arrays of numbers: {error}") from None
        arrays = [a[:, None] if a.ndim == 1 else a for a in arrays]
        width = arrays[0].shape[-1] if arrays else 0
        given = tuple(names) or tuple(f"x{i}" for i in range(width))
        number = tuple(range(len(arrays)))
        return cls(given, tuple(arrays), step, number, (0.0,) * len(arrays))

    @property
    def samples(self) -> int:
        """Samples in all pieces together."""
        return sum(len(piece) for piece in self.pieces)

    @property
    def runs(self) -> int:
        """Number of independent runs."""
        return len(set(self.run))

    @property
    def starts(self) -> Array:
        """(pieces, channels) first sample of each piece."""
        return np.array([piece[0] for piece in self.pieces])

    def select(self, names: Sequence[str]) -> Trajectories:
        """Only these channels, in this order; DataError names those that are not there."""
        missing = [name for name in names if name not in self.names]
        if missing:
            raise DataError(
                f"there is no series {', '.join(missing)}",
                hint=f"choose among {', '.join(self.names)}",
            )
        at = [self.names.index(name) for name in names]
        return replace(self, names=tuple(names), pieces=tuple(p[:, at] for p in self.pieces))

    def varying(self) -> Trajectories:
        """Without the channels that never change; DataError where none is left."""
        lows = np.min([p.min(axis=0) for p in self.pieces], axis=0)
        highs = np.max([p.max(axis=0) for p in self.pieces], axis=0)
        names = [n for n, a, b in zip(self.names, lows, highs, strict=True) if b > a]
        if not names:
            raise DataError(
                f"{', '.join(self.names)} never changes",
                hint="give series in which something happens, for example from after a fault",
            )
        return self.select(names)

    def without(self, spans: Sequence[tuple[float, float]]) -> Trajectories:
        """Cut out (begin, end) [s] of every run: what lies between becomes pieces of their own."""
        edges = [(-inf, -inf), *sorted(spans), (inf, inf)]
        made: list[tuple[Array, int, float]] = []
        for piece, run, begin in zip(self.pieces, self.run, self.begin, strict=True):
            time = begin + np.arange(len(piece)) * self.step
            for (_, low), (high, _) in pairwise(edges):
                # samples at the edges themselves are still (or again) undisturbed
                inside = np.flatnonzero((time >= low - 1e-9) & (time <= high + 1e-9))
                if len(inside) > 1:
                    made.append((piece[inside], run, float(time[inside[0]])))
        return self._made(made, "nothing is left between the spans that were cut out")

    def cut(self, parts: int) -> Trajectories:
        """Cut every piece into `parts` that count as runs of their own.

        For one long recording; right where a part is much longer than the slowest timescale.
        """
        if parts < 2:
            raise DataError(f"cannot cut into {parts} parts", hint="ask for 2 or more")
        made: list[tuple[Array, int, float]] = []
        for piece in self.pieces:
            for part in np.array_split(piece, parts):
                if len(part) > 1:
                    made.append((part, len(made), 0.0))
        return self._made(made, f"the runs are too short for {parts} parts")

    def resampled(self, step: float, how: Literal["pick", "mean"] = "pick") -> Trajectories:
        """Every so many samples: one picked (levels), or their mean (rates).

        Raises DataError where `step` is not a multiple of the present step.
        """
        many = round(step / self.step) if isfinite(step) else 0
        if many < 1 or abs(many * self.step - step) > 1e-6 * step:
            raise DataError(
                f"cannot sample every {step:g} s what was sampled every {self.step:g} s",
                hint=f"take a multiple of {self.step:g} s",
            )
        made: list[tuple[Array, int, float]] = []
        for piece, run, begin in zip(self.pieces, self.run, self.begin, strict=True):
            whole = len(piece) // many
            blocks = piece[: whole * many].reshape(whole, many, -1)
            part = piece[::many] if how == "pick" else blocks.mean(axis=1)
            if len(part) > 1:
                made.append((part, run, begin))
        return replace(
            self._made(made, f"the runs are too short to sample every {step:g} s"), step=step
        )

    def ensemble_means(self) -> Trajectories:
        """The mean over the runs that started alike, one piece for each kind of start."""
        made = [
            (np.mean(stack, axis=0), i, begin) for i, (begin, stack) in enumerate(self.ensembles())
        ]
        return self._made(made, "the runs are too short")

    def ensembles(self) -> list[tuple[float, Array]]:
        """(begin [s], (runs, samples, channels)) of each kind of start, cut to the shortest."""
        kinds: dict[float, list[Array]] = {}
        for piece, begin in zip(self.pieces, self.begin, strict=True):
            kinds.setdefault(begin, []).append(piece)
        return [
            (begin, np.array([p[: min(map(len, some))] for p in some]))
            for begin, some in sorted(kinds.items())
        ]

    def of_runs(self, chosen: Sequence[int]) -> Trajectories:
        """The pieces of these runs; a run named twice is there twice (as a bootstrap wants it)."""
        made = [
            (piece, i, begin)
            for i, wanted in enumerate(chosen)
            for piece, run, begin in zip(self.pieces, self.run, self.begin, strict=True)
            if run == wanted
        ]
        return self._made(made, "no run was chosen")

    def split(self, share: float, seed: int) -> tuple[Trajectories, Trajectories]:
        """Training and validation, a `share` of the runs, drawn at random.

        Raises DataError where there is only one run.
        """
        if not 0.0 < share < 1.0:
            raise DataError(f"the share for validation is {share:g}", hint="take 0.2")
        numbers = sorted(set(self.run))
        if len(numbers) < 2:
            raise DataError(
                "there is one run only: nothing is left to validate with",
                hint="give two runs or more, or cut a long one: `.cut(10)`, --cut 10",
            )
        order = np.random.default_rng(seed).permutation(numbers).tolist()
        held = min(max(1, round(share * len(order))), len(order) - 1)
        return self.of_runs(order[held:]), self.of_runs(order[:held])

    def _made(self, made: list[tuple[Array, int, float]], nothing: str) -> Trajectories:
        if not made:
            raise DataError(nothing, hint="record longer")
        pieces, run, begin = zip(*made, strict=True)
        return replace(self, pieces=pieces, run=run, begin=begin)


@dataclass(frozen=True, eq=False)
class Scaling:
    """Zero mean and unit deviation in each channel over the training data.

    Attributes
    ----------
    mean, deviation : (channels,).
    """

    mean: Array
    deviation: Array

    @classmethod
    def of(cls, data: Trajectories) -> Scaling:
        """Means and deviations of `data`, which must vary in every channel."""
        together = np.concatenate(data.pieces)
        low = [n for n, s in zip(data.names, np.ptp(together, axis=0), strict=True) if s == 0.0]
        if low:
            raise DataError(
                f"{', '.join(low)} never changes", hint="leave it out: `.varying()`, --series"
            )
        return cls(together.mean(axis=0), together.std(axis=0))

    def apply(self, x: Array) -> Array:
        """Data to scaled."""
        return (x - self.mean) / self.deviation

    def undo(self, x: Array) -> Array:
        """Scaled to data."""
        return x * self.deviation + self.mean


def as_trajectories(data: Any, step: float | None = None) -> Trajectories:
    """`data` itself where it is `Trajectories`, else its arrays as runs, 1 s apart if not said."""
    if isinstance(data, Trajectories):
        if step is not None and step != data.step:
            raise DataError(
                f"the data are sampled every {data.step:g} s, not every {step:g} s",
                hint="leave `step` out, or use `.resampled(step)`",
            )
        return data
    return Trajectories.of(data, 1.0 if step is None else step)


def embedded(piece: Array, delays: int) -> Array:
    """(samples - delays + 1, delays * channels): each sample with those before it, oldest first."""
    n = len(piece) - delays + 1
    return np.concatenate([piece[i : i + n] for i in range(delays)], axis=1)
