"""Three servers that wait for each other: 3e17 states, and an everyday service."""

from __future__ import annotations

from separatrix.model import DependentCall, Program, Server, Source, Work


def tiers(rate: float = 150.0) -> Program:
    """Three servers, each waiting for the next and asking again once."""

    def calls(callee: str, caller: str, api: str, timeout: float) -> Work:
        call = DependentCall(
            callee, caller, api, call_type="wait_until_done", timeout=timeout, retry=1
        )
        return Work(50 if caller == "front" else 20, downstream=[call])

    program = Program("tiers")
    program.add_server(
        Server("front", {"page": calls("app", "front", "run", 2)}, 400, thread_pool=64)
    )
    program.add_server(Server("app", {"run": calls("db", "app", "read", 1)}, 300, thread_pool=40))
    program.add_server(Server("db", {"read": Work(20)}, 200, thread_pool=10))
    program.add_source(Source("web", "page", rate, timeout=3, retries=2))
    program.connect("web", "front")
    return program
