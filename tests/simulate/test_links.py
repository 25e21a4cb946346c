from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from separatrix.simulate.layout import FREE, FREE_LEFT, HEADER, KEY, NARROW, NEXT, QNEXT, QPREV
from separatrix.simulate.links import append, give_back, merge, take, unlink

HEAD = 10


def buffer(slots: int) -> tuple[np.ndarray, np.ndarray]:
    X = np.zeros(HEADER + slots * NARROW, np.int64)
    return X, X.view(np.float64)


def slot(i: int) -> int:
    return HEADER + i * NARROW


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 19)), max_size=200))
def test_a_list_is_a_list(steps):
    X, _ = buffer(20)
    known: list[int] = []
    for add, i in steps:
        if add and i not in known:
            append(X, HEAD, slot(i), NEXT)
            known.append(i)
        elif not add and i in known:
            unlink(X, HEAD, slot(i), NEXT)
            known.remove(i)
        found, p = [], X[HEAD]
        while p != 0:
            found.append((p - HEADER) // NARROW)
            p = X[p + NEXT]
        assert found == known
        assert X[HEAD + 1] == (slot(known[-1]) if known else 0)


@given(st.lists(st.one_of(st.none(), st.floats(0, 100)), max_size=300))
def test_a_heap_gives_back_in_order(steps):
    X, F = buffer(301)
    root, known, used = 0, [], 0
    for key in steps:
        if key is not None:
            p = slot(used)
            used += 1
            F[p + KEY], X[p + QNEXT], X[p + QPREV] = key, 0, 0
            root = merge(X, F, root, p)
            known.append(key)
        elif known:
            assert F[root + KEY] == min(known)
            known.remove(min(known))
            root = merge(X, F, X[root + QNEXT], X[root + QPREV])
    while known:
        assert F[root + KEY] == min(known)
        known.remove(min(known))
        root = merge(X, F, X[root + QNEXT], X[root + QPREV])
    assert root == 0


def test_slots_are_taken_and_given_back():
    X, _ = buffer(3)
    for i in range(3):
        give_back(X, slot(i))
    assert X[FREE_LEFT] == 3
    assert {take(X) for _ in range(3)} == {slot(0), slot(1), slot(2)}
    assert (X[FREE_LEFT], X[FREE]) == (0, 0)
