"""A service for the fluid tests."""

from __future__ import annotations

import pytest

from separatrix import Program, Server, Source, Work


def _service(rate=8.0, retries=1, timeout=3.0, qsize=60, threads=1, **more):
    program = Program("service")
    program.add_server(Server("s", {"get": Work(10.0)}, qsize=qsize, thread_pool=threads))
    program.add_source(Source("c", "get", rate, timeout=timeout, retries=retries, **more))
    program.connect("c", "s")
    return program


@pytest.fixture(scope="session")
def service():
    """A server of 10/s and thread with one source: a function of what may vary."""
    return _service
