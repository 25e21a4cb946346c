"""The numbers of a program that a person would turn by hand, with where they can be turned to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from separatrix.model import Program
from separatrix.model.demand import demands
from separatrix.notebook import Shown


@dataclass(frozen=True)
class Slider(Shown):
    """One number and its range.

    Attributes
    ----------
    path : where it lies in the model, as `with_parameter` takes it.
    label, unit : for people; SI units.
    value, low, high : now, least and most.
    scale : ``"log"`` where a factor means the same everywhere, else ``"linear"``.
    whole : only integers.
    """

    path: str
    label: str
    unit: str
    value: float
    low: float
    high: float
    scale: Literal["linear", "log"]
    whole: bool

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return dict(vars(self))


def sliders(program: Program) -> tuple[Slider, ...]:
    """Every slider of a program: sources first, in the model's order."""
    return (*_of_sources(program), *_of_servers(program))


def _of_sources(program: Program) -> Iterator[Slider]:
    load = demands(program)
    for source in program.sources:
        place = f"sources.{source.name}"
        capacity = load[program.server_of(source.name).name].capacity
        rate = source.mean_rate
        if source.arrivals.kind == "poisson":
            yield Slider(f"{place}.arrival_rate", f"arrival rate of {source.name}", "1/s", rate,
                         0.0, max(1.5 * capacity, 2 * rate), "linear", False)  # fmt: skip
        yield _log(f"{place}.timeout", f"time-out of {source.name}", "s", source.timeout)
        yield Slider(f"{place}.retries", f"retries of {source.name}", "", source.retries, 0.0,
                     float(max(10, source.retries)), "linear", True)  # fmt: skip
        longest = max(5 * source.timeout, 2 * source.backoff.base)
        yield Slider(f"{place}.backoff.base", f"backoff of {source.name}", "s",
                     source.backoff.base, 0.0, longest, "linear", False)  # fmt: skip


def _of_servers(program: Program) -> Iterator[Slider]:
    for server in program.servers:
        place = f"servers.{server.name}"
        for api, work in server.apis.items():
            label = f"rate of a thread, {server.name}.{api}"
            yield _log(f"{place}.apis.{api}.processing_rate", label, "1/s", work.processing_rate)
        threads = server.thread_pool
        yield Slider(f"{place}.thread_pool", f"threads of {server.name}", "", threads, 1.0,
                     float(min(max(4 * threads, 8), server.qsize)), "linear", True)  # fmt: skip
        least = float(max(threads, 1))
        yield Slider(f"{place}.qsize", f"queue bound of {server.name}", "", server.qsize, least,
                     max(10.0 * server.qsize, least + 1), "log", True)  # fmt: skip


def _log(path: str, label: str, unit: str, value: float) -> Slider:
    return Slider(path, label, unit, value, value / 10, value * 10, "log", False)
