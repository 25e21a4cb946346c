from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from jsonschema import Draft202012Validator
from model_programs import programs

from separatrix.errors import ModelError
from separatrix.model import Program
from separatrix.model.files import compose, dumps
from separatrix.model.plaindata import as_plain
from separatrix.model.schema import schema
from separatrix.model.tree import plain

SPEC = Path(__file__).resolve().parents[1] / "spec"
SCHEMA = schema()
CHECK = Draft202012Validator(SCHEMA)
# wrong as a whole, or in how numbers go together: what a schema cannot say
BEYOND = {"cycle", "duplicate_keys", "unknown_names", "unreachable", "whole_parts"}


def data(path: Path) -> Any:
    root, problems = compose(path.read_text())
    if problems and path.stem != "duplicate_keys":
        raise ModelError(problems)
    return plain(root)


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert schema() == SCHEMA
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA


@pytest.mark.parametrize("path", sorted((SPEC / "valid").glob("*.yaml")), ids=lambda p: p.stem)
def test_valid_files_conform(path: Path) -> None:
    assert [e.message for e in CHECK.iter_errors(data(path))] == []


@pytest.mark.parametrize("path", sorted((SPEC / "invalid").glob("*.yaml")), ids=lambda p: p.stem)
def test_invalid_files_do_not_conform(path: Path) -> None:
    try:
        found = data(path)
    except ModelError:
        return  # not even YAML that may be looked into
    assert CHECK.is_valid(found) == (path.stem in BEYOND)


@settings(deadline=None)
@given(programs())
def test_every_program_conforms_with_units_and_without(program: Program) -> None:
    for units in (True, False):
        assert CHECK.is_valid(as_plain(program, units=units))
    assert CHECK.is_valid(plain(compose(dumps(program))[0]))


def test_parts_have_the_fields_of_a_file() -> None:
    parts = SCHEMA["$defs"]
    assert "name" not in parts["Server"]["properties"]
    assert parts["Source"]["required"] == ["server", "api"]
    assert "caller" not in parts["DependentCall"]["properties"]
    assert parts["Spike"]["required"] == ["kind", "source", "factor", "start", "duration"]
    for part in parts.values():
        assert part["additionalProperties"] is False
        assert part["description"]
        assert "title" not in part


def test_fields_say_what_they_mean() -> None:
    fields = SCHEMA["$defs"]["Source"]["properties"]
    assert fields["retries"]["description"] == "number of further attempts after the first."
    assert fields["timeout"]["description"] == "a client gives an attempt up after this long [s]."
    assert fields["timeout"]["default"] == 1.0
    assert ":math:" not in json.dumps(SCHEMA)


@pytest.mark.parametrize("value", [3, 0.5, "3", "200ms", "1.5 s", "5min", ".5s", "1e3ms"])
def test_durations(value: object) -> None:
    timeout = Draft202012Validator(SCHEMA["$defs"]["Source"]["properties"]["timeout"])
    assert timeout.is_valid(value)


@pytest.mark.parametrize("value", [0, -1, "-1s", "3 parsecs", "80/s", "", None, [1], True])
def test_no_durations(value: object) -> None:
    timeout = Draft202012Validator(SCHEMA["$defs"]["Source"]["properties"]["timeout"])
    assert not timeout.is_valid(value)
