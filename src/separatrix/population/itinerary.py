r"""A request's way from attempt to attempt: the graph that tells one closure from another.

Nodes are *waits*: a request that is to come back waits an exponential time of mean m, then makes an
attempt. An attempt that is admitted takes one of its *branches*, by the sojourn time S that its
queue forebodes; one that is refused takes another way.

* **staged**: one wait for each attempt number, so that the number of retries is exact.
* **geometric**: one wait for all; after it a request tries again with probability r/(r+1) and gives up
  with 1/(r+1). The number of retries is right in the mean only; being unbounded for some and none for
  others, it recovers too early. It is cheap at any retry count.

Where late responses end the request (`accepts`), first in, first out makes the first admitted attempt
the one that is answered first: the number n of attempts that follow it is settled by its S and the
deadlines :math:`t_n = \sum_{i \le n} (T + b_i)`, :math:`n = \#\{j : S > t_j\}`. Such a request waits where
exactly n more attempts follow, whose own fates mean nothing (they are *ghosts*).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from math import inf
from typing import Literal

from separatrix.population.network import Stream

Kind = Literal["staged", "geometric"]


@dataclass(frozen=True)
class Branch:
    """What becomes of an admitted attempt whose sojourn time is in (`above`, `up_to`] [s].

    Attributes
    ----------
    to : the wait it leads to, by number; None: nothing more is sent.
    ending : ``"answered"``, ``"late"``, ``"failed"``, or "" where that is still open.
    """

    above: float
    up_to: float
    to: int | None
    ending: str


@dataclass(frozen=True)
class Attempt:
    """An attempt and where it can lead.

    Attributes
    ----------
    branches : if it is admitted; they cover all sojourn times.
    refused : the wait that a refused attempt leads to; None: the request has failed.
    tries : attempts made at once until one is admitted: 1, or with `fail_fast` and no backoff as many
        as the request has left.
    ghost : nobody waits for this attempt: it is only load, and leads to `refused` in any case.
    deadlines : of a ghost in the geometric closure: goes on with the chance that as many attempts
        follow as these times [s] forebode, in the mean.
    """

    branches: tuple[Branch, ...] = ()
    refused: int | None = None
    tries: int = 1
    ghost: bool = False
    deadlines: tuple[float, ...] = ()


@dataclass(frozen=True)
class Wait:
    """A node: where requests wait before they come back.

    Attributes
    ----------
    name : ``"0"``, ``"1"``, ... for the attempt given up, or what is waited for.
    mean : [s].
    again : probability that an attempt follows.
    attempt : which, by number.
    """

    name: str
    mean: float
    again: float
    attempt: int


@dataclass(frozen=True)
class Itinerary:
    """Waits and attempts of a stream; attempt 0 is a new request's first.

    Attributes
    ----------
    longest : most requests a second that enter wait i per new request a second, times its mean
        [s]: bounds the mean number waiting there.
    """

    waits: tuple[Wait, ...]
    attempts: tuple[Attempt, ...]
    longest: tuple[float, ...]


def itinerary(stream: Stream, kind: Kind, fail_fast: bool) -> Itinerary:
    """The itinerary of `stream` under a closure, at a server that fails fast or not."""
    if kind == "staged":
        return _staged_late(stream, fail_fast) if stream.accepts else _staged(stream, fail_fast)
    return _geometric_late(stream, fail_fast) if stream.accepts else _geometric(stream, fail_fast)


def _in_time(stream: Stream) -> Branch:
    return Branch(0.0, stream.timeout, None, "answered")


def _too_late(stream: Stream, to: int | None) -> Branch:
    return Branch(stream.timeout, inf, to, "failed" if to is None else "")


def _at_once(stream: Stream, fail_fast: bool) -> bool:
    """Whether a refused attempt is followed by the next at the same instant."""
    return fail_fast and sum(stream.waits) == 0.0


def _hears_last(stream: Stream) -> bool:
    """Whether somebody waits for the end of the last attempt, too."""
    return stream.held or stream.breaker is not None


def _staged(stream: Stream, fail_fast: bool) -> Itinerary:
    r, T = stream.retries, stream.timeout
    means = [T + b for b in stream.waits] + ([T] if _hears_last(stream) else [])
    waits = [
        Wait(str(a), mean, 1.0 if a < r else 0.0, min(a + 1, r)) for a, mean in enumerate(means)
    ]
    doomed: list[int | None] = [a if a < len(means) else None for a in range(r + 1)]
    refused: list[int | None] = [None] * (r + 1) if fail_fast else doomed
    if fail_fast and not _at_once(stream, fail_fast):
        for a in range(r):
            refused[a] = len(waits)
            waits.append(Wait(f"{a} refused", stream.waits[a], 1.0, a + 1))
    attempts = [
        Attempt(
            (_in_time(stream), _too_late(stream, doomed[a])),
            refused[a],
            r - a + 1 if _at_once(stream, fail_fast) else 1,
        )
        for a in range(r + 1)
    ]
    return Itinerary(tuple(waits), tuple(attempts), tuple(w.mean for w in waits))


def _geometric(stream: Stream, fail_fast: bool) -> Itinerary:
    r = stream.retries
    if not r:
        return _staged(stream, fail_fast)
    again = r / (r + 1)
    waits = [Wait("", stream.mean_wait, again, 1)]
    refused: int | None = None if fail_fast else 0
    if fail_fast and not _at_once(stream, fail_fast):
        refused = 1
        waits.append(Wait("refused", sum(stream.waits) / r, again, 1))
    branches = (_in_time(stream), _too_late(stream, 0))
    at_once = _at_once(stream, fail_fast)
    attempts = (
        Attempt(branches, refused, r + 1 if at_once else 1),
        Attempt(branches, refused, r if at_once else 1),
    )
    return Itinerary(tuple(waits), attempts, tuple((r + 1) * w.mean for w in waits))


def _deadlines(stream: Stream, a: int) -> tuple[float, ...]:
    """When the attempts after attempt `a` are sent, counted from it [s]."""
    return tuple(accumulate(stream.timeout + b for b in stream.waits[a:]))


def _late_branches(stream: Stream, a: int, to: list[int | None]) -> tuple[Branch, ...]:
    """Branches of attempt `a`; ``to[n]`` is the wait before the first of n more attempts."""
    sent = (0.0, *_deadlines(stream, a))
    left = len(sent) - 1
    found = [_in_time(stream)]
    for n in range(left + 1):
        low = max(sent[n], stream.timeout)
        high = sent[n + 1] if n < left else sent[n] + stream.timeout
        if high > low:
            found.append(Branch(low, high, to[n], "late"))
    return (*found, Branch(sent[left] + stream.timeout, inf, to[left], "failed"))


def _staged_late(stream: Stream, fail_fast: bool) -> Itinerary:
    r, T = stream.retries, stream.timeout
    ghosts: list[int | None] = [None, *range(r)]
    waits = [Wait(f"{n} to come", stream.mean_wait, 1.0, r + n) for n in range(1, r + 1)]
    at_once = _at_once(stream, fail_fast)
    refused: list[int | None] = [None] * (r + 1)
    if not at_once:
        for a in range(r):
            refused[a] = len(waits)
            patience = 0.0 if fail_fast else T
            waits.append(Wait(f"{a} refused", patience + stream.waits[a], 1.0, a + 1))
    attempts = [
        Attempt(_late_branches(stream, a, ghosts), refused[a], r - a + 1 if at_once else 1)
        for a in range(r + 1)
    ]
    attempts += [Attempt(refused=ghosts[n - 1], ghost=True) for n in range(1, r + 1)]
    return Itinerary(tuple(waits), tuple(attempts), tuple(w.mean for w in waits))


def _geometric_late(stream: Stream, fail_fast: bool) -> Itinerary:
    r = stream.retries
    if not r:
        return _staged_late(stream, fail_fast)
    waits = [Wait("to come", stream.mean_wait, 1.0, 2)]
    at_once = _at_once(stream, fail_fast)
    refused: int | None = None
    if not at_once:
        refused = 1
        patience = sum(stream.waits) / r + (0.0 if fail_fast else stream.timeout)
        waits.append(Wait("refused", patience, r / (r + 1), 1))
    to = [None, *[0] * r]
    attempts = (
        Attempt(_late_branches(stream, 0, to), refused, r + 1 if at_once else 1),
        Attempt(_late_branches(stream, min(1, r), to), refused, r if at_once else 1),
        Attempt(refused=0, ghost=True, deadlines=_deadlines(stream, 0)),
    )
    return Itinerary(tuple(waits), attempts, tuple((r + 1) * w.mean for w in waits))
