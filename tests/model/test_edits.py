from __future__ import annotations

import difflib
from pathlib import Path

import pytest

from separatrix.errors import ModelError
from separatrix.model import CoDel, LoadSlowdown, Pareto, RetryBudget
from separatrix.model.edits import Document, assignment, in_units
from separatrix.model.files import load, loads
from separatrix.model.parameters import Path as Parameter
from separatrix.model.parameters import parameter, with_parameter

VALID = sorted((Path(__file__).resolve().parents[1] / "spec" / "valid").glob("*.yaml"))
TEXT = """# Title
separatrix: 1
name: Retry storm   # a name
servers:
  db:             # main
    qsize: 200    # slots
    thread_pool:   10

    # the api
    apis:
      read: { processing_rate: 10/s,  law: {kind: erlang, stages: 4} }  # fast
      write:
        processing_rate: 5/s
        # law here
        law:
          kind: hyperexponential
          weights:
            - 0.5
            - 0.5
          relative_rates: [1, 2]
        # trailing
    orbit_size:
    slowdown:
# sources
sources:
  web: {server: db, api: read, arrival_rate: 80/s, timeout: 1s, retries: 3}
  "app.x":
    server: db
    api: "write"
    arrival_rate: 1   # one
    timeout: 2s # end of app
# faults
faults:
- {kind: spike, source: web, factor: 3x, start: 10min, duration: 60s}
- kind: outage
  server: db
  start: 1h
  duration: 1min"""


def changed(before: str, after: str) -> list[str]:
    """Lines that differ, "-" for those that went and "+" for those that came."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
    return [line for line in lines if line[0] in "+-" and not line.startswith(("---", "+++"))]


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("path", "value", "difference"),
    [
        ("db.qsize", 300, ["-    qsize: 200    # slots", "+    qsize: 300    # slots"]),
        ("db.thread_pool", 20, ["-    thread_pool:   10", "+    thread_pool:   20"]),
        (
            "db.read.processing_rate",
            "12/s",
            [
                "-      read: { processing_rate: 10/s,  law: {kind: erlang, stages: 4} }  # fast",
                "+      read: { processing_rate: 12/s,  law: {kind: erlang, stages: 4} }  # fast",
            ],
        ),
        (
            "app.x.arrival_rate",
            2.5,
            ["-    arrival_rate: 1   # one", "+    arrival_rate: 2.5   # one"],
        ),
        ("faults.1.duration", "2min", ["-  duration: 1min", "+  duration: 2min"]),
        ("db.orbit_size", 7, ["-    orbit_size:", "+    orbit_size: 7"]),
        (
            "db.slowdown",
            LoadSlowdown(0.5, 3),
            ["-    slowdown:", "+    slowdown: {coefficient: 0.5, scale: 3}"],
        ),
        ("db.admission", CoDel("10ms"), ["+    admission: {kind: codel, target: 10ms}"]),
        ("db.drop_expired", True, ["+    drop_expired: true"]),
        ("app.x.retries", 2, ["+    retries: 2"]),
        ("app.x.backoff.base", "100ms", ["+    backoff: {base: 100ms}"]),
        ("db.write.downstream", [], ["+        downstream: []"]),
        ("db.write.law.weights.1", 0.5, []),
        ("name", "yes: no", ["-name: Retry storm   # a name", '+name: "yes: no"   # a name']),
        ("description", "Why", ["+description: Why"]),
        (
            "web.budget",
            RetryBudget(0.1),
            [
                "-  web: {server: db, api: read, arrival_rate: 80/s, timeout: 1s, retries: 3}",
                "+  web: {server: db, api: read, arrival_rate: 80/s, timeout: 1s, retries: 3, budget: {ratio: 0.1}}",
            ],
        ),
    ],
)
def test_a_change_is_the_value_and_nothing_else(
    path: str, value: object, difference: list[str], ends: str
) -> None:
    text = TEXT.replace("\n", ends)
    document = Document(text)
    document.set(path, value)
    assert changed(text, document.text) == difference
    assert document.text.count("\r") in (0, document.text.count("\n"))
    assert document.program == loads(document.text) == with_parameter(loads(text), path, value)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("db.write.law", Pareto(2)),
        ("db.write.law.weights", [0.2, 0.8]),
        ("faults", []),
        ("db.read.law", Pareto(2)),
    ],
)
def test_groups_and_lists_can_be_replaced(path: str, value: object) -> None:
    document = Document(TEXT)
    document.set(path, value)
    assert loads(document.text) == with_parameter(loads(TEXT), path, value)
    lost = [
        line
        for line in changed(TEXT, document.text)
        if line.startswith("-") and line.lstrip("- ").startswith("#")
    ]
    assert not lost, "no comment line goes"


def test_several_changes_together() -> None:
    document = Document(TEXT)
    document.set_all(
        {"db.thread_pool": 500, "db.qsize": 600, "web.backoff.base": 0.1, "web.backoff.jitter": 1}
    )
    assert parameter(document.program, "web.backoff.jitter") == 1
    assert "thread_pool:   500" in document.text
    assert "backoff: {base: 0.1, jitter: 1}" in document.text


@pytest.mark.parametrize("path", VALID, ids=lambda p: p.stem)
def test_every_number_of_the_corpus_can_be_changed(path: Path) -> None:
    text, program = path.read_text(), load(path)
    wanted: dict[Parameter, object] = {}
    for server in program.servers[:2]:
        wanted["servers", server.name, "qsize"] = server.qsize - (server.qsize > server.thread_pool)
        wanted["servers", server.name, "fail_fast"] = not server.fail_fast
        for api in [*server.apis][:2]:
            wanted["servers", server.name, "apis", api, "processing_rate"] = 7.25
    for source in program.sources[-2:]:
        wanted["sources", source.name, "timeout"] = "7s"
        wanted["sources", source.name, "retries"] = 7
    for parameter_path, value in wanted.items():
        document = Document(text)
        try:
            document.set(parameter_path, value)
        except ModelError:
            assert "*" in text, "only an alias may be in the way"
            continue
        assert document.program == with_parameter(program, parameter_path, value)
        assert len(changed(text, document.text)) <= 2


def test_what_an_alias_shares_is_not_changed_by_halves() -> None:
    text = VALID[[p.stem for p in VALID].index("anchors")].read_text()
    document = Document(text)
    for path in (
        "db.scan.processing_rate",
        "db.read.processing_rate",
        "a.timeout",
        "db.read.law.stages",
    ):
        with pytest.raises(ModelError, match="cannot be changed here; an alias"):
            document.set(path, 1)
    assert document.text == text
    document.set("b.timeout", "700ms")  # the alias itself can be replaced
    assert changed(text, document.text) == [
        "-  b: {server: db, api: scan, arrival_rate: 1/s, timeout: *patience}",
        "+  b: {server: db, api: scan, arrival_rate: 1/s, timeout: 700ms}",
    ]


def test_a_change_that_cannot_be_changes_nothing() -> None:
    document = Document(TEXT)
    for path, value in (("db.qsize", 0), ("db.qszie", 3), ("web.server", "nowhere")):
        with pytest.raises(ModelError):
            document.set(path, value)
    assert document.text == TEXT
    with pytest.raises(ModelError):
        Document("name: no model")


def test_empty_groups_and_keys_without_values_are_filled() -> None:
    text = (
        "separatrix: 1\nname: Gaps\n"
        "servers: {db: {qsize: 5, orbit_size, slowdown: , apis: {get: {processing_rate: 1}}}}\n"
        "sources: {web: {server: db, api: get, arrival_rate: 1, breaker: {}, backoff: { }}}\n"
    )
    document = Document(text)
    document.set_all(
        {
            "db.orbit_size": 7,
            "db.slowdown": LoadSlowdown(1, 2),
            "web.breaker.probes": 3,
            "web.backoff.base": "1s",
        }
    )
    assert document.text == (
        "separatrix: 1\nname: Gaps\n"
        "servers: {db: {qsize: 5, orbit_size: 7, slowdown: {coefficient: 1, scale: 2} , "
        "apis: {get: {processing_rate: 1}}}}\n"
        "sources: {web: {server: db, api: get, arrival_rate: 1, breaker: {probes: 3}, "
        "backoff: {base: 1s }}}\n"
    )


def test_open_change_save(tmp_path: Path) -> None:
    path = tmp_path / "model.yaml"
    path.write_text(TEXT)
    document = Document.open(path)
    document.set("web.retries", 1)
    document.save(path)
    assert load(path) == document.program
    assert len(changed(TEXT, path.read_text())) == 2


def test_assignments_of_a_command_line() -> None:
    assert assignment("web.retries=1") == ("web.retries", 1)
    assert assignment(" db.read.processing_rate = 12/s") == ("db.read.processing_rate", "12/s")
    assert assignment("web.timeout=200ms") == ("web.timeout", "200ms")
    assert assignment("db.fail_fast=true") == ("db.fail_fast", True)
    assert (
        assignment("db.orbit_size=null") == assignment("db.orbit_size=") == ("db.orbit_size", None)
    )
    assert assignment("name=a=b") == ("name", "a=b")
    assert assignment('name="a: b"') == ("name", "a: b")


@pytest.mark.parametrize(
    "text", ["", "a", "=1", "a=[1]", "a={b: 1}", "a=b: c", "a=1\nb: 2", "a=*x", "a=!!str 1", "a=["]
)
def test_assignments_that_are_none(text: str) -> None:
    with pytest.raises(ModelError):
        assignment(text)


def test_bare_numbers_get_the_unit_that_a_file_has() -> None:
    document = Document(
        "{separatrix: 1, name: m, servers: {s: {qsize: 9, apis: {get: {processing_rate: 10/s}}}}, "
        "sources: {c: {server: s, api: get, arrival_rate: 4/s, timeout: 1s, retries: 1}}}"
    )
    asked = {"sources.c.timeout": 3.0, "servers.s.apis.get.processing_rate": 20.0, "c.retries": 0}
    spelled = in_units(document.program, asked)
    assert spelled == {
        "sources.c.timeout": "3s", "servers.s.apis.get.processing_rate": "20/s", "c.retries": 0,
    }  # fmt: skip
    document.set_all(spelled)
    assert "timeout: 3s" in document.text
    assert "processing_rate: 20/s" in document.text
