"""Ranges of a command line: both ends, in SI units, and clear refusals."""

from __future__ import annotations

import re

import pytest

from separatrix.errors import ModelError
from separatrix.model.ranges import values_of


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("web.retries=0..3", (0, 1, 2, 3)),
        ("web.retries=2", (2,)),
        ("web.timeout=200ms,1s", ("200ms", "1s")),
        ("web.timeout=100ms..300ms:3", (0.1, 0.2, 0.3)),
        ("web.timeout=100ms..10s:3log", (0.1, 1.0, 10.0)),
        ("web.arrival_rate=60/min..3/s:3", (1.0, 2.0, 3.0)),
        ("db.admission.admit=10%..30%:3", (0.1, 0.2, 0.3)),
        ("db.qsize=10..30:3", (10, 20, 30)),
    ],
)
def test_values(text, values):
    path, found = values_of(text)
    assert path == text.split("=")[0]
    assert found == (values if isinstance(values[0], str) else pytest.approx(values))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("web.retries", "varies nothing"),
        ("=1..2", "varies nothing"),
        ("a=1s..3s", 'say how many: "a=1s..3s:9"'),
        ("a=3..1", "smaller number first"),
        ("a=1..99999", "at most 10,000"),
        ("a=1..2:1", "ask for 2"),
        ("a=0..2:5log", "positive ends"),
        ("a=1s..2/s:5", "no quantities of one kind"),
        ("a=1,[2", "close the bracket"),
    ],
)
def test_refusals(text, words):
    with pytest.raises(ModelError, match=re.escape(words)):
        values_of(text)
