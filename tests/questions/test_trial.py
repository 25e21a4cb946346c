"""Faults to try, in one word."""

from __future__ import annotations

import pytest

from separatrix.errors import ModelError
from separatrix.model import Program, Server, Slowdown, Source, Spike, Work
from separatrix.questions.trial import parse_trial


def program(sources=1):
    built = Program("t")
    built.add_server(Server("db", {"get": Work(10.0)}, 10))
    for i in range(sources):
        built.add_source(Source(f"web{i}", "get", 1.0))
        built.connect(f"web{i}", "db")
    return built


def test_the_only_source_or_server_needs_no_name():
    assert parse_trial(program(), spike="3x:4s") == Spike("web0", 3.0, 0.0, 4.0)
    assert parse_trial(program(), slowdown="4x:200ms") == Slowdown("db", 4.0, 0.0, 0.2)


def test_one_of_several_is_named():
    assert parse_trial(program(2), spike="web1:3x:4s") == Spike("web1", 3.0, 0.0, 4.0)
    with pytest.raises(ModelError, match=r"must say which.*web0, web1"):
        parse_trial(program(2), spike="3x:4s")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "needs one fault"),
        ({"spike": "3x:4s", "slowdown": "3x:4s"}, "needs one fault"),
        ({"spike": "3x"}, "is not a fault"),
        ({"spike": "nobody:3x:4s"}, "nobody"),
        ({"spike": "-3x:4s"}, "factor"),
        ({"slowdown": "3x:soon"}, "soon"),
    ],
)
def test_what_is_no_fault_is_refused(given, words):
    with pytest.raises(ModelError, match=words):
        parse_trial(program(), **given)
