"""Series of one emulated run on a fixed grid, with the names and units of the simulator's."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

REASONS = ("full", "threshold", "token", "concurrency", "codel")
ORIGINS = ("late", "drop", "refusal", "failure")
POLICIES = ("budget", "breaker")

SERVER_COUNTS = {
    "arrivals": "attempts that came",
    "throughput": "attempts whose service ended",
    "served_late": "attempts served after the client had given up",
    "failures": "attempts that failed because a call failed",
    "expired": "attempts discarded as given up",
    "cache_hits": "attempts answered by the cache",
}
SERVER_LEVELS = {"queue": "attempts waiting", "in_service": "threads taken"}
STREAM_COUNTS = {
    "offered": "requests begun",
    "attempts": "attempts sent",
    "timeouts": "attempts given up",
    "goodput": "requests answered in time",
    "accepted_late": "requests ended by a late response",
    "failed": "requests that failed",
}
SPLIT = {
    "drops": ("attempts refused, by reason", "reason", REASONS),
    "retries": ("retries decided on, by what became of the attempt before", "origin", ORIGINS),
    "denied": ("attempts that the client's policy did not make", "policy", POLICIES),
}


class Grid:
    """Counts and levels of one server or stream, by sampling step.

    A count belongs to the step ``(t - step, t]`` that ends at the sample; a level is the one at its
    sample's time, what happens then included.

    Parameters
    ----------
    step, horizon : sampling step and length of the run [s].
    counts, levels : names; a split count is written ``"drops.full"``.
    """

    def __init__(
        self, step: float, horizon: float, counts: tuple[str, ...], levels: tuple[str, ...] = ()
    ) -> None:
        self.step = step
        self.samples = math.floor(horizon / step) + 1
        self._counts = {name: [0] * self.samples for name in counts}
        self._levels = {name: [0] * self.samples for name in levels}
        self._now = dict.fromkeys(levels, 0)
        self._sampled = dict.fromkeys(levels, 0)

    def add(self, name: str, time: float) -> None:
        """Count one event at `time` [s]; what happens after the horizon counts no more."""
        place = max(math.ceil(time / self.step - 1e-9), 0)
        if place < self.samples:
            self._counts[name][place] += 1

    def move(self, name: str, change: int, time: float) -> None:
        """Change a level at `time` [s]."""
        self._sample(name, time)
        self._now[name] += change

    def level(self, name: str) -> int:
        """The level now."""
        return self._now[name]

    def _sample(self, name: str, time: float) -> None:
        first = self._sampled[name]
        last = min(math.ceil(time / self.step - 1e-9), self.samples)
        if last > first:
            self._levels[name][first:last] = [self._now[name]] * (last - first)
            self._sampled[name] = last

    def to_plain(self) -> dict[str, list[int]]:
        """Every series as a list, for JSON; levels are held to the end."""
        for name in self._levels:
            self._sample(name, math.inf if self.samples == 0 else self.samples * self.step)
        return {**self._counts, **self._levels}


def server_grid(step: float, horizon: float) -> Grid:
    """The series of a server."""
    drops = tuple(f"drops.{reason}" for reason in REASONS)
    return Grid(step, horizon, (*SERVER_COUNTS, *drops), tuple(SERVER_LEVELS))


def stream_grid(step: float, horizon: float) -> Grid:
    """The series of a source or call."""
    split = (*(f"retries.{o}" for o in ORIGINS), *(f"denied.{p}" for p in POLICIES))
    return Grid(step, horizon, (*STREAM_COUNTS, *split))


def dataset_parts(
    kind: str, series: dict[str, dict[str, list[int]]], step: float
) -> dict[str, tuple[list[str], NDArray[np.float64], dict[str, str]]]:
    """Variables of an xarray dataset from the plain series of all servers or all streams.

    Counts become rates [1/s] over the step that ends at the sample.
    """
    parts: dict[str, tuple[list[str], NDArray[np.float64], dict[str, str]]] = {}

    def stacked(name: str) -> NDArray[np.float64]:
        return np.array([series[of][name] for of in series], dtype=np.float64).T

    counts = SERVER_COUNTS if kind == "server" else STREAM_COUNTS
    for name, long_name in counts.items():
        attrs = {"units": "1/s", "long_name": long_name}
        parts[name] = (["time", kind], stacked(name) / step, attrs)
    if kind == "server":
        for name, long_name in SERVER_LEVELS.items():
            unit = "threads" if name == "in_service" else "attempts"
            parts[name] = (
                ["time", kind], stacked(name), {"units": unit, "long_name": long_name},
            )  # fmt: skip
    for name in ("drops",) if kind == "server" else ("retries", "denied"):
        long_name, dimension, labels = SPLIT[name]
        values = np.stack([stacked(f"{name}.{label}") for label in labels], axis=-1) / step
        parts[name] = (
            ["time", kind, dimension], values, {"units": "1/s", "long_name": long_name},
        )  # fmt: skip
    return parts


def split_coordinates() -> dict[str, Any]:
    """Labels of the further dimensions."""
    return {dimension: list(labels) for _, dimension, labels in SPLIT.values()}
