from __future__ import annotations

import dataclasses
import inspect

import pytest
from hypothesis import given, settings
from model_programs import programs

from separatrix.errors import ModelError
from separatrix.model import Backoff, DependentCall, Program, Server, Source, Work


def service52() -> Program:
    program = Program("Service52")
    program.add_server(
        Server("52", {"insert": Work(10, [])}, qsize=100, orbit_size=20, thread_pool=1)
    )
    program.add_source(Source("client", "insert", 9.5, timeout=3, retries=4))
    program.connect("client", "52")
    return program


def test_the_program_of_the_seed() -> None:
    program = service52().check()
    assert program.server_of("client").apis["insert"].processing_rate == 10
    assert [s.name for s in program.sources_of("52")] == ["client"]
    assert program.connections == (("client", "52"),)
    assert repr(program) == "Program('Service52': servers 52; sources client->52)"


def test_parts_can_be_added_together() -> None:
    program = Program("p")
    program.add_servers([Server(n, {"a": Work(1)}, 5) for n in "xy"])
    program.add_sources([Source(n, "a", 1) for n in "uv"])
    program.connect("u", "x")
    program.connect("v", "y")
    assert program.check() is program


def test_order_of_connections_means_nothing() -> None:
    one, two = (Program("p") for _ in range(2))
    for program, order in ((one, "uv"), (two, "vu")):
        program.add_server(Server("x", {"a": Work(1)}, 5))
        program.add_sources([Source(n, "a", 1) for n in "uv"])
        for name in order:
            program.connect(name, "x")
    assert one == two
    assert one != "p"
    assert one != service52()


def test_parts_are_frozen_and_show_their_fields() -> None:
    work = Work(10)
    with pytest.raises(dataclasses.FrozenInstanceError):
        work.processing_rate = 5  # type: ignore[misc]
    assert list(inspect.signature(Source).parameters)[:5] == [
        "name",
        "api",
        "arrival_rate",
        "timeout",
        "retries",
    ]


def test_all_problems_of_a_part_at_once() -> None:
    with pytest.raises(ModelError) as caught:
        Source("", 7, -1, timeout=0, retires=2)  # type: ignore[call-arg]
    fields = {p.field: str(p) for p in caught.value.problems}
    assert set(fields) == {
        "Source.name",
        "Source.api",
        "Source.arrival_rate",
        "Source.timeout",
        "Source.retires",
    }
    assert fields["Source.retires"] == "Source.retires: unknown field; did you mean 'retries'?"
    assert fields["Source.api"] == 'Source.api: must be text, got 7; write "7" in quotes'


def test_errors_stay_model_errors_after_the_first_use() -> None:
    for _ in range(3):
        with pytest.raises(ModelError, match="base: must be >= 0 s"):
            Backoff(-1)
        assert Backoff(1).base == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Server("s", {}, 5), "a server needs at least one api"),
        (
            lambda: Server("s", {"a": Work(1)}, 5, thread_pool=6),
            r"thread_pool \(6\) exceeds qsize \(5\)",
        ),
        (lambda: Server("s", {"": Work(1)}, 5), "must not be empty"),
        (lambda: Server("s", {"a": 1}, 5), "apis.a: must be a group"),
        (lambda: Source("s", "a"), "a Poisson source needs an arrival_rate"),
        (lambda: Source("s", "a", 1, 1, 1, None, None), "arrivals: must be a group"),
        (lambda: DependentCall("a", "b", "c", call_type="maybe"), "must be 'wait_until_done' or"),
        (lambda: DependentCall("a", "b", "c", retry=101), "retry: must be <= 100, got 101"),
        (lambda: service52().get_server("53"), "no server is called '53'; there are: '52'"),
        (lambda: Program("p").get_source("x"), "no source is called 'x'; there are: none"),
        (lambda: Program("p").server_of("x"), "is connected to no server"),
    ],
)
def test_what_cannot_be_is_refused(make: object, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        make()  # type: ignore[operator]


@settings(deadline=None, max_examples=40)
@given(programs())
def test_every_source_asks_what_its_server_serves(program: Program) -> None:
    for source in program.sources:
        server = program.server_of(source.name)
        assert source.api in server.apis
        assert source in program.sources_of(server.name)
        assert program.get_source(source.name) is source
        assert program.get_server(server.name) is server
