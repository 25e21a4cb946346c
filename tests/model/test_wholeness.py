from __future__ import annotations

import pytest

from separatrix.errors import ModelError
from separatrix.model import (
    DependentCall,
    Outage,
    Program,
    Schedule,
    Server,
    Slowdown,
    Source,
    Spike,
    Work,
)


def server(name: str, *callees: str, api: str = "get") -> Server:
    calls = tuple(DependentCall(callee, name, "get") for callee in callees)
    return Server(name, {api: Work(1, calls)}, qsize=5)


def problems(
    *parts: Server | Source, connections: tuple[str, ...] = (), faults: tuple = ()
) -> list[str]:
    program = Program("p", faults=Schedule(faults))
    for p in parts:
        if isinstance(p, Server):
            program.add_server(p)
        else:
            program.add_source(p)
    for pair in connections:
        program.connect(*pair.split("->"))
    found = [str(p) for p in program.problems()]
    if found:
        with pytest.raises(ModelError) as caught:
            program.check()
        assert str(caught.value) == "\n".join(found)
    return found


def test_empty_program() -> None:
    assert problems() == [
        "servers: the program has no servers; add at least one",
        "sources: the program has no sources; add at least one",
    ]


def test_texts_are_printable() -> None:
    program = Program("", description="beep\a")
    assert [p.field for p in program.problems()][:2] == ["name", "description"]
    assert "must be printable text of 1 to 200 letters, got ''" in str(program.problems()[0])
    assert str(program.problems()[1]) == (
        "description: holds the control character '\\x07'; remove it"
    )
    for name in ("x" * 201, "a\nb", "\x9b", "\ud800", 3):
        assert Program(name).problems()[0].field == "name"  # type: ignore[arg-type]


def test_names_are_unique() -> None:
    found = problems(
        server("a"),
        server("a"),
        Source("w", "get", 1),
        Source("w", "get", 1),
        connections=("w->a",),
    )
    assert found == [
        "servers.a: 2 servers are called 'a'; rename all but one",
        "sources.w: 2 sources are called 'w'; rename all but one",
    ]


def test_connections_name_what_exists() -> None:
    found = problems(
        server("db"), server("log", api="put"), Source("web", "get", 1), Source("cron", "get", 1),
        connections=("wbe->db", "web->dbb", "cron->log"),
    )  # fmt: skip
    assert found == [
        "sources.wbe.server: connects an unknown source 'wbe'; did you mean 'web'?",
        "sources.web.server: unknown server 'dbb'; did you mean 'db'?",
        "sources.cron.api: server 'log' does not serve api 'get'; known: 'put'",
    ]


def test_a_source_is_connected_once() -> None:
    found = problems(
        server("a"), server("b"), Source("w", "get", 1), Source("idle", "get", 1),
        connections=("w->a", "w->b"),
    )  # fmt: skip
    assert found == [
        "sources.w: is connected 2 times; connect it once; use one source per server",
        "sources.idle: is connected to no server; connect it to one",
    ]


def test_calls_name_what_exists() -> None:
    front = Server(
        "front",
        {
            "get": Work(
                1, (DependentCall("bakc", "front", "get"), DependentCall("back", "other", "put"))
            )
        },
        qsize=5,
    )
    found = problems(front, server("back"), Source("w", "get", 1), connections=("w->front",))
    assert found == [
        "servers.front.apis.get.downstream.0.callee: unknown server 'bakc'; did you mean 'back'?",
        "servers.front.apis.get.downstream.1.caller: caller is 'other', but the call is in 'front'; write 'front'",
        "servers.front.apis.get.downstream.1.api_name: server 'back' does not serve api 'put'; known: 'get'",
    ]


@pytest.mark.parametrize("order", ["abc", "bca", "cab", "cba"])
def test_a_cycle_is_told_from_its_first_server(order: str) -> None:
    following = {"a": "b", "b": "c", "c": "a"}
    servers = [server(n, following[n]) for n in order]
    first = order[0]
    path = f"{first} -> {following[first]} -> {following[following[first]]} -> {first}"
    assert problems(*servers, Source("w", "get", 1), connections=("w->a",)) == [
        f"servers.{first}: the call graph has a cycle: {path}; break it; a call must never lead back to its caller"
    ]


def test_a_server_that_calls_itself() -> None:
    (found,) = problems(server("a", "a"), Source("w", "get", 1), connections=("w->a",))
    assert "cycle: a -> a" in found


def test_servers_that_nobody_reaches() -> None:
    found = problems(
        server("a", "b"), server("b"), server("c", "d"), server("d"), Source("w", "get", 1),
        connections=("w->a",),
    )  # fmt: skip
    assert found == [
        f"servers.{n}: no source reaches this server; connect a source or remove it" for n in "cd"
    ]


def test_faults_hit_what_exists() -> None:
    faults = (Spike("wbe", 2, 0, 1), Outage("db", 0, 1), Slowdown("dbs", 2, 0, 1))
    found = problems(server("db"), Source("web", "get", 1), connections=("web->db",), faults=faults)
    assert found == [
        "faults.0.source: unknown source 'wbe'; did you mean 'web'?",
        "faults.2.server: unknown server 'dbs'; did you mean 'db'?",
    ]


def test_a_hopeless_program_is_told_in_bounded_time_and_space() -> None:
    sources = [Source(f"w{i}", "get", 1) for i in range(3000)]
    found = problems(
        *(server(f"s{i}") for i in range(1000)),
        *sources,
        connections=tuple(f"w{i}->x{i}" for i in range(3000)),
    )
    assert len(found) == 100
    assert max(map(len, found)) < 300
