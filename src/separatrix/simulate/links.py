"""Lists and heaps threaded through the slots: no memory of their own, so a run stays one buffer."""

from __future__ import annotations

from typing import Any

from separatrix.compiled import compiled
from separatrix.simulate import layout as at


def _append(X: Any, head: int, slot: int, field: int) -> None:
    """Put `slot` at the end of the list with ends ``X[head], X[head + 1]``, linked by `field`."""
    tail = X[head + 1] & at.PLACE
    X[slot + field] = 0
    X[slot + field + 1] = tail
    if tail == 0:
        X[head] = slot
    else:
        X[tail + field] = slot
    X[head + 1] = slot


append = compiled(_append)


def _unlink(X: Any, head: int, slot: int, field: int) -> None:
    """Take `slot` out of the list with ends ``X[head], X[head + 1]``."""
    after = X[slot + field] & at.PLACE
    before = X[slot + field + 1] & at.PLACE
    if before == 0:
        X[head] = after
    else:
        X[before + field] = after
    if after == 0:
        X[head + 1] = before
    else:
        X[after + field + 1] = before


unlink = compiled(_unlink)


def _take(X: Any) -> int:
    """A free slot; the caller has made sure that there is one."""
    slot = X[at.FREE] & at.PLACE
    X[at.FREE] = X[slot]
    X[at.FREE_LEFT] -= 1
    return slot


take = compiled(_take)


def _give_back(X: Any, slot: int) -> None:
    """Put `slot` on the list of free slots."""
    X[slot] = X[at.FREE]
    X[at.FREE] = slot
    X[at.FREE_LEFT] += 1


give_back = compiled(_give_back)


def _merge(X: Any, F: Any, a: int, b: int) -> int:
    """Root of the skew heap made of the heaps `a` and `b`, least KEY first.

    Sleator and Tarjan, Self-adjusting heaps, SIAM J. Comput. 15(1), 1986: O(log n) amortised.
    """
    if a == 0:
        return b
    if b == 0:
        return a
    if F[b + at.KEY] < F[a + at.KEY]:
        a, b = b, a
    root = a
    while True:
        # a stays, its right spine is merged with b, and its children change sides
        right = X[a + at.QPREV]
        X[a + at.QPREV] = X[a + at.QNEXT]
        if right == 0:
            X[a + at.QNEXT] = b
            return root
        if F[b + at.KEY] < F[right + at.KEY]:
            right, b = b, right
        X[a + at.QNEXT] = right
        a = right


merge = compiled(_merge)
