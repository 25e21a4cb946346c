"""Prediction and measurement side by side: the comparison by hand, and one short real trial."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pytest
from click.testing import CliRunner

from separatrix.cli import main
from separatrix.errors import ModelError
from separatrix.model import Program, Server, Source, Spike, Work
from separatrix.questions.comparison import compare, word_of
from separatrix.questions.outcome import Outcome
from separatrix.questions.prove import prove
from separatrix.views.proof_page import proof_html
from separatrix.views.proof_tables import headline
from separatrix.views.subject import Subject


def run(after=80.0, *, stuck=False, before=80.0, recovery=1.0):
    attempts = 320.0 if stuck else 80.0
    return Outcome(before, after, attempts, stuck, math.inf if stuck else recovery)


def rows(predicted, real):
    return {row.quantity: row for row in compare(predicted, real)}


def test_a_measured_mean_agrees_where_chance_puts_it():
    predicted = [run(75.0 + i) for i in range(11)]
    found = rows(predicted, [run(78.0), run(83.0)])["goodput after, when recovered"]
    assert found.predicted == pytest.approx(80.0)
    assert found.agrees
    assert 75 <= found.low < 77 < 83 < found.high <= 85
    assert not rows(predicted, [run(60.0)])["goodput after, when recovered"].agrees


def test_outcomes_of_both_kinds_are_compared_apart():
    predicted = [run(0.0, stuck=True)] * 50 + [run()] * 50
    found = rows(predicted, [run(0.0, stuck=True), run(), run()])
    assert found["goodput after, when stuck"].agrees
    assert found["goodput after, when recovered"].agrees
    assert found["chance to get stuck"].agrees
    assert found["chance to get stuck"].measured == pytest.approx(1 / 3)


def test_a_chance_that_the_simulation_excludes_differs():
    never = rows([run()] * 200, [run(0.0, stuck=True)] * 3)
    assert not never["chance to get stuck"].agrees


def test_without_a_valid_real_run_nothing_agrees_or_differs():
    assert {row.agrees for row in compare([run()] * 20, [])} == {None}


@pytest.mark.parametrize("n", [1, 3])
def test_a_right_prediction_is_seldom_called_wrong(n):
    rng = np.random.default_rng(4)

    def some(count):
        stuck = rng.random(count) < 0.3
        draws = zip(stuck, rng.normal(80, 10, (count, 3)), rng.exponential(1.0, count), strict=True)
        return [Outcome(a, b, 4 * c, bool(k), math.inf if k else d) for k, (a, b, c), d in draws]

    wrong = sum(any(row.agrees is False for row in compare(some(200), some(n))) for _ in range(150))
    assert wrong / 150 < 0.05 + 3 * (0.05 * 0.95 / 150) ** 0.5


def test_words():
    assert [word_of(p) for p in (0.0, 0.5, 1.0)] == ["recovers", "either", "stuck"]


MODEL = """\
separatrix: 1
name: tiny
servers:
  s: {qsize: 10, thread_pool: 2, apis: {get: {processing_rate: 50/s}}}
sources:
  c: {server: s, api: get, arrival_rate: 40/s, timeout: 400ms, retries: 0}
"""


def program():
    built = Program("tiny")
    built.add_server(Server("s", {"get": Work(50.0)}, 10, thread_pool=2))
    built.add_source(Source("c", "get", 40.0, timeout=0.4))
    built.connect("c", "s")
    return built


@pytest.fixture(scope="module")
def proof():
    return prove(program(), Spike("c", 2.0, 0.0, 0.5), repeats=1, runs=40, after=3.0)


def test_a_calm_service_recovers_in_prediction_and_in_truth(proof):
    assert proof.predicted_word == "recovers"
    assert proof.verdict == "safe"
    # a machine too busy to keep time says so instead of comparing
    assert proof.status == "ok" or "late or more" in proof.reason
    assert [row.quantity for row in proof.rows][-1] == "chance to get stuck"
    assert "recovers" in headline(proof)
    json.dumps(proof.to_dict()["rows"])


def test_the_page_holds_both_time_lines_and_asks_for_nothing(proof):
    page = proof_html([proof], Subject(MODEL, ["One <server>."], [], "separatrix prove"))
    assert "<svg" in page
    assert "One &lt;server&gt;." in page
    assert not re.search(r"(src|href)=.(?!#)", page)


def test_settings_that_make_no_proof_are_refused():
    for given in ({"repeats": 0}, {"at_once": 99}):
        with pytest.raises(ModelError, match=next(iter(given))):
            prove(program(), Spike("c", 2.0, 0.0, 1.0), **given)


def test_the_command_refuses_what_is_no_fault(tmp_path):
    path = tmp_path / "m.yaml"
    path.write_text(MODEL)
    result = CliRunner().invoke(main, ["prove", str(path)])
    assert result.exit_code == 3
    assert "needs one fault to try" in result.stderr
    result = CliRunner().invoke(
        main, ["prove", str(path), "--spike", "2x:1s", "--target", "http://example.org/"]
    )
    assert result.exit_code == 3
    assert "is not this machine" in result.stderr
