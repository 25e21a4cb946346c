"""Only this machine, unless the user says that another is theirs, and then slowly."""

from __future__ import annotations

import pytest

from separatrix.emulate import emulate, parse_target
from separatrix.errors import ModelError
from separatrix.model import Program, Schedule, Server, Source, Spike, Work


def program(rate=10.0, retries=0, faults=()):
    built = Program("t", faults=Schedule(faults))
    built.add_server(Server("s", {"get": Work(10.0)}, 10))
    built.add_source(Source("c", "get", rate, retries=retries))
    built.connect("c", "s")
    return built


@pytest.mark.parametrize(
    ("url", "host", "port", "path"),
    [
        ("http://127.0.0.1:8000/a?b=1", "127.0.0.1", 8000, "/a?b=1"),
        ("http://localhost", "localhost", 80, "/"),
        ("http://[::1]:81/x", "::1", 81, "/x"),
    ],
)
def test_addresses_of_this_machine_are_taken(url, host, port, path):
    target = parse_target(url)
    assert (target.host, target.port, target.path, target.elsewhere) == (host, port, path, False)


@pytest.mark.parametrize(
    "url",
    ["http://example.org/", "http://10.0.0.1:80/", "http://localhost.example.org/"],
)
def test_other_hosts_are_refused_unless_named(url):
    with pytest.raises(ModelError, match="--i-own-this-host"):
        parse_target(url)
    with pytest.raises(ModelError, match="is not this machine"):
        parse_target(url, own_host="other.example.org")


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/", "file:///x", "127.0.0.1:80", "http://", "http://127.0.0.1:99999/",
        "http://127.0.0.1:0x50/", "http://u:p@127.0.0.1/", "http://127.0.0.1/a b",
        "http://127.0.0.1/\u00e9",
    ],
)  # fmt: skip
def test_what_is_no_plain_http_address_is_refused(url):
    with pytest.raises(ModelError, match="--target"):
        parse_target(url)


def test_another_host_is_loaded_within_a_limit_at_the_peak():
    own = parse_target("http://example.org/", own_host="example.org")
    assert own.elsewhere
    assert own.problems(program(rate=50.0, retries=3)) == []
    spike = (Spike("c", 3.0, 1.0, 1.0),)
    (problem,) = own.problems(program(rate=50.0, retries=3, faults=spike))
    assert "600 attempts/s" in problem.message
    with pytest.raises(ModelError, match="600 attempts/s"):
        emulate(program(rate=50.0, retries=3, faults=spike), horizon=5.0, target=own)
