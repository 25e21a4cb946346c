r"""The knobs that a user may turn, each as a ladder of settings from gentle to strong.

A rung is a set of changes to the program with a cost. By default a knob that scales costs
:math:`w\,|\log_2(\text{new}/\text{old})|`, a retry less costs w, a switch costs w; the weights w say how hard
a knob is to turn and may be set by the user.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import ceil, log2
from typing import Any

from separatrix.errors import ModelError, Problem
from separatrix.model import (
    AdaptiveLifo,
    Backoff,
    Fifo,
    Lifo,
    Program,
    RetryBudget,
    Server,
    Source,
    ThresholdAdmission,
    TokenBucket,
)
from separatrix.model.demand import demands
from separatrix.model.findings import nearest
from separatrix.model.parameters import Path

WEIGHTS: dict[str, float] = {
    "retries": 1.0, "timeout": 1.0, "backoff": 1.0, "retry_budget": 1.5, "qsize": 1.0,
    "admission": 1.5, "token_bucket": 2.0, "load_shed": 2.0, "lifo": 2.0, "adaptive_lifo": 2.0,
    "drop_expired": 2.0, "threads": 4.0, "capacity": 6.0,
}  # fmt: skip
"""Knob -> default weight w: clients' settings are cheap, code is dearer, machines are dearest."""


@dataclass(frozen=True)
class Rung:
    """One setting of one knob.

    Attributes
    ----------
    changes : path -> value.
    text : the change in words.
    cost : see the module's description.
    """

    changes: Mapping[Path, Any]
    text: str
    cost: float


@dataclass(frozen=True)
class Knob:
    """A knob at one place, with its rungs from gentle to strong.

    Attributes
    ----------
    kind : key of `WEIGHTS`.
    place : name of the source or server.
    rungs : settings beyond the present one; never empty.
    """

    kind: str
    place: str
    rungs: tuple[Rung, ...]

    @property
    def name(self) -> str:
        """Such as ``"retries of web"``."""
        return f"{self.kind.replace('_', ' ')} of {self.place}"


def knobs_of(program: Program, costs: Mapping[str, float] | None = None) -> tuple[Knob, ...]:
    """Every knob of `program` that has somewhere to turn, with its rungs.

    Parameters
    ----------
    costs : kind -> weight, instead of the default in `WEIGHTS`; ``inf`` leaves a knob alone.

    Raises ModelError for an unknown kind and for a weight that is not >= 0.
    """
    weights = dict(WEIGHTS)
    for kind, weight in (costs or {}).items():
        if kind not in WEIGHTS:
            raise ModelError(Problem("unknown knob", f"costs.{kind}", nearest(kind, list(WEIGHTS))))
        if not weight >= 0:
            raise ModelError(Problem(f"must be >= 0, got {weight:g}", f"costs.{kind}", "give 1"))
        weights[kind] = weight
    found: list[Knob] = []
    for source in program.sources:
        for kind, rungs in _SOURCE.items():
            found.append(_knob(kind, source.name, rungs(source), weights[kind]))
    load = demands(program)
    for server in program.servers:
        first = load[server.name].first
        for kind, ladder in _SERVER.items():
            rungs = ladder(server, first, load[server.name].capacity)
            found.append(_knob(kind, server.name, rungs, weights[kind]))
    return tuple(k for k in found if k.rungs and weights[k.kind] != float("inf"))


def _knob(kind: str, place: str, rungs: Iterator[Rung], weight: float) -> Knob:
    return Knob(kind, place, tuple(replace(r, cost=weight * r.cost) for r in rungs))


# --- the client ----------------------------------------------------------------------------------


def _retries(source: Source) -> Iterator[Rung]:
    for fewer in range(source.retries - 1, -1, -1):
        yield Rung(
            {("sources", source.name, "retries"): fewer},
            f"{fewer} retries of {source.name} instead of {source.retries}",
            float(source.retries - fewer),
        )


def _timeout(source: Source) -> Iterator[Rung]:
    for ratio in (1.25, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0):
        longer = float(f"{source.timeout * ratio:.3g}")
        yield Rung(
            {("sources", source.name, "timeout"): longer},
            f"timeout of {source.name} {longer:g} s instead of {source.timeout:g} s",
            log2(ratio),
        )


def _backoff(source: Source) -> Iterator[Rung]:
    if source.retries == 0:
        return
    old = source.backoff
    unit = old.base if old.base > 0 else source.timeout / 2
    for i, ratio in enumerate((1.0, 2.0, 4.0, 8.0, 16.0, 32.0)):
        base = float(f"{unit * ratio:.3g}")
        if base <= old.base:
            continue
        longer = Backoff(base, max(old.multiplier, 2.0), max(old.cap, base), max(old.jitter, 0.5))
        yield Rung(
            {("sources", source.name, "backoff"): longer},
            f"backoff of {source.name} from {base:g} s on, doubling, half of it random",
            1.0 + i,
        )


def _budget(source: Source) -> Iterator[Rung]:
    if source.retries == 0:
        return
    old = source.budget.ratio if source.budget is not None else float(source.retries)
    for i, ratio in enumerate((0.5, 0.2, 0.1, 0.05, 0.02)):
        if ratio < old:
            yield Rung(
                {("sources", source.name, "budget"): RetryBudget(ratio)},
                f"retries of {source.name} at most {100 * ratio:g} % of first attempts",
                1.0 + 0.25 * i,
            )


# --- the server ----------------------------------------------------------------------------------


def _qsize(server: Server, _: float, __: float) -> Iterator[Rung]:
    before = server.qsize
    for ratio in (0.75, 0.5, 0.35, 0.25, 0.18, 0.12, 0.08):
        size = max(ceil(server.qsize * ratio), server.thread_pool + 1)
        if size < before:
            before = size
            yield Rung(
                {("servers", server.name, "qsize"): size},
                f"qsize of {server.name} {size} instead of {server.qsize}",
                -log2(size / server.qsize),
            )


def _admission(server: Server, _: float, __: float) -> Iterator[Rung]:
    if server.admission is not None:
        return
    before = server.qsize
    for ratio in (0.75, 0.5, 0.35, 0.25, 0.18, 0.12, 0.08):
        threshold = max(ceil(server.qsize * ratio), server.thread_pool)
        if threshold < before:
            before = threshold
            yield Rung(
                {("servers", server.name, "admission"): ThresholdAdmission(threshold)},
                f"{server.name} admits nobody at {threshold} attempts or more",
                -log2(threshold / server.qsize),
            )


def _token_bucket(server: Server, first: float, capacity: float) -> Iterator[Rung]:
    if server.admission is not None or first >= capacity:
        return
    for i, part in enumerate((0.9, 0.75, 0.5, 0.25)):
        rate = float(f"{first + part * (capacity - first):.3g}")
        yield Rung(
            {("servers", server.name, "admission"): TokenBucket(rate, max(server.thread_pool, 1))},
            f"{server.name} admits at most {rate:g}/s (token bucket)",
            1.0 + 0.25 * i,
        )


def _load_shed(server: Server, _: float, __: float) -> Iterator[Rung]:
    if server.admission is not None:
        return
    for i, (part, admit) in enumerate(
        ((0.75, 0.5), (0.5, 0.5), (0.5, 0.25), (0.25, 0.25), (0.25, 0.1))
    ):
        threshold = max(ceil(server.qsize * part), server.thread_pool)
        yield Rung(
            {("servers", server.name, "admission"): ThresholdAdmission(threshold, admit)},
            f"{server.name} sheds {100 * (1 - admit):g} % of attempts at {threshold} or more",
            1.0 + 0.25 * i,
        )


def _lifo(server: Server, _: float, __: float) -> Iterator[Rung]:
    if isinstance(server.discipline, Fifo):
        yield Rung(
            {("servers", server.name, "discipline"): Lifo()},
            f"{server.name} serves the newest first",
            1.0,
        )


def _adaptive_lifo(server: Server, _: float, __: float) -> Iterator[Rung]:
    if not isinstance(server.discipline, Fifo):
        return
    for ratio in (0.5, 0.25, 0.1):
        threshold = max(ceil(server.qsize * ratio), 1)
        yield Rung(
            {("servers", server.name, "discipline"): AdaptiveLifo(threshold)},
            f"{server.name} serves the newest first once {threshold} wait",
            1.0,
        )


def _drop_expired(server: Server, _: float, __: float) -> Iterator[Rung]:
    if not server.drop_expired:
        yield Rung(
            {("servers", server.name, "drop_expired"): True},
            f"{server.name} drops attempts whose client has given up",
            1.0,
        )


def _threads(server: Server, _: float, __: float) -> Iterator[Rung]:
    before = server.thread_pool
    for ratio in (1.1, 1.25, 1.5, 2.0, 3.0, 4.0):
        more = ceil(server.thread_pool * ratio)
        if before < more <= server.qsize:
            before = more
            yield Rung(
                {("servers", server.name, "thread_pool"): more},
                f"{more} threads of {server.name} instead of {server.thread_pool}",
                log2(more / server.thread_pool),
            )


def _capacity(server: Server, _: float, __: float) -> Iterator[Rung]:
    for ratio in (1.1, 1.25, 1.5, 2.0, 3.0, 4.0):
        faster = {
            ("servers", server.name, "apis", api, "processing_rate"): work.processing_rate * ratio
            for api, work in server.apis.items()
        }
        yield Rung(
            {path: float(f"{rate:.4g}") for path, rate in faster.items()},
            f"{server.name} {100 * (ratio - 1):.0f} % faster",
            log2(ratio),
        )


_SOURCE: dict[str, Callable[[Source], Iterator[Rung]]] = {
    "retries": _retries, "timeout": _timeout, "backoff": _backoff, "retry_budget": _budget,
}  # fmt: skip
_SERVER: dict[str, Callable[[Server, float, float], Iterator[Rung]]] = {
    "qsize": _qsize, "admission": _admission, "token_bucket": _token_bucket,
    "load_shed": _load_shed, "lifo": _lifo, "adaptive_lifo": _adaptive_lifo,
    "drop_expired": _drop_expired, "threads": _threads, "capacity": _capacity,
}  # fmt: skip
