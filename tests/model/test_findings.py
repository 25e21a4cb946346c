from __future__ import annotations

from pydantic import TypeAdapter, ValidationError

from separatrix.model import Server, Source
from separatrix.model.faults import Fault
from separatrix.model.findings import MOST, Finding, findings, nearest, shown
from separatrix.model.skeleton import locate


def found(hint: object, data: object) -> list[Finding]:
    try:
        TypeAdapter(hint).validate_python(data)
    except ValidationError as error:
        return findings(error, hint, data)
    return []


def test_places_lead_through_the_data_alone() -> None:
    """Pydantic's own paths hold the kind of a union's member and a mark for keys; these do not."""
    data = {
        "name": "db",
        "qsize": 5,
        "apis": {
            "": {"processing_rate": 1},
            "a": {"processing_rate": 1, "law": {"kind": "erlang", "stages": 0}},
        },
        "admission": {"kind": "token_bucket", "rate": -1},
    }
    assert [f.place for f in found(Server, data)] == [
        ("apis", ""),
        ("apis", "a", "law", "stages"),
        ("admission", "rate"),
    ]


def test_a_field_called_like_a_kind() -> None:
    fault = {"kind": "spike", "source": "w", "factor": 2, "start": 0, "duration": 1, "spike": 3}
    assert found(Fault, fault) == [
        Finding(("spike",), "unknown field", "known: 'source', 'factor', 'start', 'duration'")
    ]


def test_many_findings_are_counted() -> None:
    data = {"name": "s", "api": "a", "arrivals": {"kind": "trace", "times": ["x"] * 5000}}
    told = found(Source, data)
    assert len(told) == MOST + 1
    assert told[-1] == Finding((), "4900 more problems", "mend these first")


def test_nearest_names() -> None:
    assert nearest("timout", ["timeout", "retries"]) == "did you mean 'timeout'?"
    assert nearest("x", ["a", "b"]) == "known: 'a', 'b'"
    assert nearest("x", []) == ""
    assert nearest("x", [f"n{i}" for i in range(1000)]).endswith("'n11' and 988 more")


def test_long_values_are_cut() -> None:
    assert shown("x" * 1000) == "'" + "x" * 56 + "..."
    assert shown(3) == "3"


def test_places_of_dotted_texts() -> None:
    data = {"a": {"b.c": [{"d": 1}], "b": 2}, "": 3}
    assert locate(data, "a.b.c.0.d") == ("a", "b.c", 0, "d")
    assert locate(data, "a.b") == ("a", "b")
    assert locate(data, "a.x.y") == ("a", "x", "y")
    assert locate(data, "a.b.c.7") == ("a", "b.c", "7")
    assert locate(data, "") == ()
