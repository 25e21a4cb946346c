"""One passage by every method: the closed form of M/M/1/K, and what each method cannot do."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from one_queue import one_queue, rise

from separatrix import ModelError, NotConverged, Unsupported, save
from separatrix.cli import main
from separatrix.questions.seen import SeenPassage
from separatrix.questions.split import refined
from separatrix.questions.times import METHODS, collapse, recovery


@pytest.mark.parametrize("method", METHODS)
def test_every_method_finds_the_closed_form(method):
    found = collapse(one_queue(), method=method, healthy=0, stuck=15, trials=500, events=2e6)
    exact = rise(6.0, 15)
    assert found.method == method
    width = (found.high - found.low) / 2
    assert abs(found.mean - exact) < 2 * width + 1e-9 * exact
    assert width < 0.5 * exact
    assert json.loads(json.dumps(found.to_dict()))["schema"] == "separatrix.passage/1"


def test_the_chain_answers_where_it_carries_the_program():
    found = recovery(one_queue(), healthy=3, stuck=25)
    assert found.method == "markov"
    assert found.why == "an exact chain carries the program"


def test_without_a_chain_what_is_frequent_is_counted_and_what_is_rare_is_split():
    program = one_queue(rate=7.0, qsize=60, server={"drop_expired": True})
    often = collapse(program, healthy=0, stuck=8, runs=50)
    assert often.method == "simulation"
    assert "drop_expired" in often.why
    # nobody waits as long as the time-out: the number in the system is that of M/M/1
    seldom = collapse(program, healthy=0, stuck=45, runs=20, events=1e5, trials=300)
    assert seldom.method == "rare"
    assert "saw it 0 times in 20 runs" in seldom.why
    assert seldom.low / 1.5 < rise(7.0, 45) < seldom.high * 1.5


def test_what_splitting_cannot_do_leaves_the_lower_bound_with_its_reason():
    nothing = SeenPassage(
        float("inf"), 50.0, float("inf"), 0.0, 0.0, 0.0, 0, 9, 150.0, "inconclusive", "none seen"
    )
    kept = refined(one_queue(qsize=5), nothing, "collapse", 0, 6)
    assert kept.low == 50.0
    assert kept.reason.startswith("none seen; splitting has no answer: no step beyond")


def test_runs_that_exclude_what_splitting_says_are_believed():
    inf = float("inf")
    nothing = SeenPassage(
        inf, 1e9, inf, inf, inf, float("nan"), 0, 9, 3e9, "inconclusive", "none seen"
    )
    kept = refined(one_queue(), nothing, "collapse", 0, 8)
    assert (kept.low, kept.mean) == (1e9, inf)
    assert kept.reason.startswith("none seen; splitting says ")
    assert kept.reason.endswith("which these runs exclude")


def test_a_count_that_suffices_is_kept():
    counted = SeenPassage(9.0, 8.0, 10.0, 7.0, 30.0, 1.0, 30, 90, 500.0, "ok", "")
    assert refined(one_queue(), counted, "collapse", 0, 6) is counted


def test_bad_settings_are_named():
    with pytest.raises(ModelError, match="must be 0 <= healthy < stuck, got 9 and 4"):
        collapse(one_queue(), healthy=9, stuck=4)
    with pytest.raises(ModelError, match="unknown method 'magic'"):
        collapse(one_queue(), method="magic", healthy=1, stuck=4)
    with pytest.raises(ModelError, match="no state of the chain"):
        collapse(one_queue(), method="markov", healthy=1, stuck=31)
    with pytest.raises(Unsupported, match="drop_expired"):
        collapse(one_queue(server={"drop_expired": True}), method="markov", healthy=1, stuck=4)
    with pytest.raises(NotConverged, match="is too dear to be asked"):
        recovery(one_queue(qsize=5000, retries=3), method="markov", healthy=1, stuck=400)


def test_the_command_says_which_method_answered(tmp_path):
    path = tmp_path / "queue.yaml"
    save(one_queue(), path)
    said = CliRunner().invoke(
        main, ["passage", "collapse", str(path), "--healthy", "0", "--stuck", "15"]
    )
    assert said.exit_code == 0
    assert "by markov: an exact chain carries the program" in said.output
    told = CliRunner().invoke(
        main,
        ["passage", "collapse", str(path), "--method", "rare", "--healthy", "0", "--stuck", "15",
         "--trials", "100", "--json"],
    )  # fmt: skip
    assert json.loads(told.output)["method"] == "rare"
    unseen = CliRunner().invoke(
        main,
        [
            "passage",
            "collapse",
            str(path),
            "--method",
            "simulation",
            "--stuck",
            "30",
            "--runs",
            "9",
        ],
    )
    assert unseen.exit_code == 4
    assert "longer than" in unseen.output
