"""A running server becomes a model that `check` takes."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from separatrix import ModelError, Program, Server, Source, Work, load
from separatrix.cli import main
from separatrix.emulate import Target
from separatrix.emulate.capacity import Capacity
from separatrix.questions import measured as measuring
from separatrix.questions.measured import measured, plain_program

URL = "http://127.0.0.1:8000/search"
TARGET = Target("127.0.0.1", 8000, "/search")


def seen(threads=3, rate=49.87654, reason=""):
    return Capacity(
        rate, threads, (1, 2, 4), (50.0, 100.0, 150.0), 0.01, 0.02, (3, 3),
        "inconclusive" if reason else "ok", reason,
    )  # fmt: skip


@pytest.fixture
def server(monkeypatch):
    """What measuring finds; a real server is measured in tests/emulate/test_capacity.py."""
    asked = []

    def measure(target, *, seconds, most_clients):
        asked.append((target, seconds, most_clients))
        return seen()

    monkeypatch.setattr(measuring, "measure_capacity", measure)
    return asked


def test_a_model_file_comes_out_that_check_accepts(server, tmp_path):
    path = str(tmp_path / "mine.yaml")
    done = CliRunner().invoke(
        main,
        ["calibrate", "--target", URL, "--rate", "80/s", "--retries", "2", "--timeout", "500ms",
         "--qsize", "40", "--for", "1s", "--clients", "8", "-o", path],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "thread_pool: 3 (3 to 3); processing_rate: 49.88/s" in done.output
    assert server == [(TARGET, 1.0, 8)]
    program = load(path)
    (made,) = program.servers
    assert (made.thread_pool, made.qsize) == (3, 40)
    assert made.apis["request"].processing_rate == 49.88
    (source,) = program.sources
    assert (source.arrival_rate, source.timeout, source.retries) == (80.0, 0.5, 2)
    checked = CliRunner().invoke(main, ["check", path, "--json"])
    assert json.loads(checked.output)["verdict"] in ("safe", "can get stuck", "always stuck")


def test_what_is_known_already_is_kept(server, tmp_path):
    path = tmp_path / "known.yaml"
    path.write_text(
        "separatrix: 1\nname: known\nservers:\n  db: {qsize: 20, apis: {get: {processing_rate: 1/s}}}\n"
        "sources:\n  web: {server: db, api: get, arrival_rate: 7/s, timeout: 2s, retries: 1}\n"
    )
    done = CliRunner().invoke(main, ["calibrate", "--target", URL, "--model", str(path)])
    assert done.exit_code == 0
    assert "name: known" in done.stdout
    assert "thread_pool: 3" in done.stdout
    assert "49.88" in done.stdout
    assert "7" in done.stdout
    told = CliRunner().invoke(main, ["calibrate", "--target", URL, "--json"])
    assert json.loads(told.stdout)["capacity"]["threads"] == 3


def test_a_doubtful_measurement_is_told_by_the_exit_code(monkeypatch):
    monkeypatch.setattr(measuring, "measure_capacity", lambda *_, **__: seen(reason="it bends"))
    done = CliRunner().invoke(main, ["calibrate", "--target", URL])
    assert done.exit_code == 4
    assert "inconclusive: it bends" in done.output


def test_what_cannot_be_is_refused(server):
    program = plain_program(TARGET, arrival_rate="8/s", timeout="1s", retries=0, qsize=2)
    with pytest.raises(ModelError, match="holds 2 attempts, but 3 were in service at once"):
        measured(program, TARGET)
    two = Program("two")
    two.add_server(Server("s", {"a": Work(1.0), "b": Work(2.0)}, 10))
    two.add_source(Source("c", "a", 1.0))
    two.connect("c", "s")
    with pytest.raises(ModelError, match="2 kinds of work cannot be told apart"):
        measured(two, TARGET)
    assert server == [(TARGET, 2.0, 64)]


def test_another_machine_is_never_loaded_to_its_limit():
    away = CliRunner().invoke(main, ["calibrate", "--target", "http://10.0.0.1:80/"])
    assert away.exit_code == 3
    assert "is not this machine" in away.output
    program = plain_program(TARGET, arrival_rate=8.0, timeout=1.0, retries=0, qsize=9)
    with pytest.raises(ModelError, match="another machine"):
        measured(program, Target("10.0.0.1", 80, "/", elsewhere=True))
