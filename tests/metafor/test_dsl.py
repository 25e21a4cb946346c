"""Programs written as Metafor's README and users write them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import metafor
from metafor.dsl.dsl import (
    Constants,
    DependentCall,
    MixtureSource,
    PhaseTypeSource,
    Program,
    Server,
    Source,
    StateMachineSource,
    Work,
)
from separatrix.errors import ModelError, Unsupported

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "metafor_example1.py"


def test_the_readme_runs_as_printed(tmp_path):
    source = Path(metafor.__file__).resolve().parents[1]
    done = subprocess.run(
        [sys.executable, str(EXAMPLE)], cwd=tmp_path, env={"PYTHONPATH": str(source)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == EXAMPLE.with_suffix(".out").read_text()
    assert done.stderr == ""
    names = sorted(p.name for p in (tmp_path / "results").iterdir())
    assert names == ["Service52_law.png", "Service52_portrait.png"]


def test_basic_stats_returns_what_it_prints(capsys):
    stats = metafor.basic_stats(metafor.program())
    printed = capsys.readouterr().out
    assert printed == f"{stats}\n"
    assert stats.average_queue_size == pytest.approx(96.863, abs=5e-4)
    assert stats.eigenvalues[0] == 0.0
    assert list(stats.eigenvalues) == sorted(stats.eigenvalues, reverse=True)
    assert stats.mixing_time == pytest.approx(-np.log(100) / stats.eigenvalues[1])
    assert stats.full_to_empty == stats.to_dict()["full_to_empty_s"]
    assert "million years" in printed


@pytest.fixture
def chain_of_calls():
    program = Program("calls", retry_when_full=True)
    call = DependentCall("db", "web", "read", Constants.WAIT_UNTIL_DONE, 1, 2)
    again = DependentCall("db", "web", "write", Constants.FIRE_AND_FORGET, 1, 0)
    program.add_servers(
        [
            Server("db", {"read": Work(50, []), "write": Work(40, [])}, 20, 5, 2),
            Server("web", {"get": Work(100, [call, again])}, 40, 10, 4),
        ]
    )
    program.add_source(Source("users", "get", 20, timeout=2, retries=3))
    program.connect("users", "web")
    return program


def test_reading_a_program(chain_of_calls):
    assert chain_of_calls.get_root_server().name == "web"
    assert [s.name for s in chain_of_calls.get_callees("web")] == ["db"]
    assert chain_of_calls.get_callees("db") == []
    assert chain_of_calls.get_callgraph() == {"db": [], "web": ["db"]}
    assert chain_of_calls.get_requests("web") == [("users", "get")]
    assert chain_of_calls.get_requests("db") == []
    assert chain_of_calls.get_params() == {
        "qsize": 40, "orbit_size": 10, "thread_pool": 4, "retry_when_full": True,
        "lambdas": [20.0], "mus": [100.0], "timeouts": [2.0], "retries": [3],
    }  # fmt: skip
    assert chain_of_calls.get_server("db").thread_pool == 2
    assert chain_of_calls.get_source("users").retries == 3
    with pytest.raises(ModelError, match="no server is called 'cache'"):
        chain_of_calls.get_callees("cache")


def test_printing_is_in_english(chain_of_calls, capsys):
    chain_of_calls.print()
    printed = capsys.readouterr().out
    assert "web" in printed
    assert "db" in printed


def test_two_roots_are_not_one():
    program = metafor.program()
    program.add_server(Server("53", {"insert": Work(10)}, 10))
    with pytest.raises(ModelError, match="one root server is expected, there are: 52, 53"):
        program.get_root_server()


@pytest.mark.parametrize(
    ("source", "rate"),
    [
        (StateMachineSource("s", "get", [[-1, 1], [3, -3]], {0: 4.0, 1: 8.0}), 5.0),
        (StateMachineSource("s", "get", np.array([[0, 1], [3, 0]]), np.array([4.0, 8.0])), 5.0),
        (PhaseTypeSource("s", "get", [1, 0], [[-2, 2], [0, -2]], timeout=2, retries=1), 1.0),
        (MixtureSource("s", "get", [0.5, 0.5], [1.0, 3.0]), 1.5),
    ],
)
def test_other_sources_have_their_rates_and_the_chain_refuses_them(source, rate):
    assert source.mean_rate == pytest.approx(rate)
    program = Program("p")
    program.add_server(Server("52", {"get": Work(10, [])}, 10, 4))
    program.add_source(source)
    program.connect("s", "52")
    with pytest.raises(Unsupported, match="arrivals"):
        program.build()


def test_a_program_that_is_not_whole_says_everything():
    program = Program("p")
    program.add_server(Server("52", {"get": Work(10)}, 10, 4))
    program.add_source(Source("c", "put", 1.0))
    program.connect("c", "53")
    with pytest.raises(ModelError):
        program.build()
