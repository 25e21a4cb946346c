"""Remedies: they help, they are confirmed, and a file keeps its comments."""

from __future__ import annotations

import json
from dataclasses import replace
from math import inf

import pytest
from click.testing import CliRunner

from separatrix import ModelError, Program, Server, Source, Work, check
from separatrix.cli import main
from separatrix.model.files import load
from separatrix.model.parameters import with_parameters
from separatrix.questions.remedy import remedies

DEAR = {
    kind: float("inf")
    for kind in (
        "retry_budget", "token_bucket", "load_shed", "lifo", "adaptive_lifo", "drop_expired",
        "backoff", "admission", "threads",
    )
}  # fmt: skip
STORM = """\
# the storm of last Tuesday
separatrix: 1
name: storm
servers:
  s: {qsize: 60, apis: {get: {processing_rate: 10/s}}}   # one thread
sources:
  c:
    server: s
    api: get
    arrival_rate: 8/s
    timeout: 3s   # see the runbook
    retries: 1    # too many
"""


def service(rate=8.0, retries=1) -> Program:
    program = Program("p")
    program.add_server(Server("s", {"get": Work(10.0)}, qsize=60))
    program.add_source(Source("c", "get", rate, timeout=3.0, retries=retries))
    program.connect("c", "s")
    return program


@pytest.fixture(scope="module")
def found():
    return remedies(service(), costs=DEAR)


def test_every_remedy_makes_the_service_safe(found):
    assert found.needed
    assert len(found.found) >= 4
    for remedy in found.found:
        changed = with_parameters(service(), remedy.changes)
        assert check(changed).word == "safe"
        assert len(remedy.confirmed_by) == 2
        assert remedy.trapped_high < 0.05
        assert remedy.goodput_after > 0.95
    costs = [remedy.cost for remedy in found.found]
    assert costs == sorted(costs)
    assert found.found[0].text == "0 retries of c instead of 1"
    assert json.loads(json.dumps(found.to_dict()))["remedies"][0]["changes"] == {
        "sources.c.retries": 0
    }


def test_the_side_effect_is_what_the_chain_says_of_the_healthy_service(found):
    before = check(service()).regimes[0].goodput_share
    for remedy in found.found:
        after = check(with_parameters(service(), remedy.changes)).regimes[0].goodput_share
        assert remedy.goodput_before == pytest.approx(before, abs=0.03)
        assert remedy.goodput_after == pytest.approx(after, abs=0.03)


def test_a_pair_is_cheaper_than_either_alone(found):
    singles = {r.text: r.cost for r in found.found if len(r.changes) == 1}
    pairs = [r for r in found.found if len(r.changes) == 2]
    assert pairs
    for pair in pairs:
        for path in pair.changes:
            alone = [r.cost for r in found.found if len(r.changes) == 1 and path in r.changes]
            assert all(pair.cost < cost for cost in alone)
    assert singles


def test_a_limit_on_recovery_asks_for_more():
    costs = {**DEAR, "timeout": float("inf"), "capacity": float("inf")}
    found = remedies(service(), costs=costs, pairs=False, recovery_p99=30.0)
    (short,), (none,) = found.found, found.refuted
    assert short.changes.keys() == {("servers", "s", "qsize")}
    verdict = check(with_parameters(service(), short.changes))
    assert verdict.recovery.p99 < 30.0
    # without retries the mean dynamics work 60 attempts off at 2/s in 30 s: in one run of two
    assert none.text == "0 retries of c instead of 1"
    assert "99 % are back only within" in none.refuted


def test_a_safe_service_needs_nothing():
    assert not remedies(service(retries=0)).needed


def test_a_knob_that_no_chain_carries_is_confirmed_by_fresh_runs():
    only = {kind: float("inf") for kind in (
        "retries", "timeout", "backoff", "qsize", "admission", "threads", "capacity",
        "retry_budget", "token_bucket", "load_shed", "adaptive_lifo", "lifo",
    )}  # fmt: skip
    found = remedies(service(), costs=only)
    (remedy,) = found.found
    assert remedy.changes == {("servers", "s", "drop_expired"): True}
    assert remedy.confirmed_by


def test_who_is_back_is_said_also_where_the_hundredth_is_not(found):
    remedy = found.found[0]
    assert replace(remedy, recovery_p99=4.0).back == "99 % are back within 4 s"
    trapped = replace(remedy, recovery_p99=inf, trapped=0.015)
    assert trapped.back == "98.5 % of the runs are back"


def test_a_limit_must_be_one():
    with pytest.raises(ModelError, match="must be > 0 s"):
        remedies(service(), recovery_p99=0.0)


def test_the_command_writes_and_keeps_comments(tmp_path):
    path = tmp_path / "storm.yaml"
    path.write_text(STORM)
    costs = [word for kind in (*DEAR, "timeout", "qsize", "capacity")
             for word in ("--cost", f"{kind}=inf")]  # fmt: skip
    result = CliRunner().invoke(main, ["remedy", str(path), "--write", "--single", *costs])
    assert result.exit_code == 0, result.output
    assert "1. 0 retries of c instead of 1" in result.output
    assert path.read_text() == STORM.replace("retries: 1    # too many", "retries: 0    # too many")
    assert load(path).sources[0].retries == 0
    again = CliRunner().invoke(main, ["remedy", str(path), *costs])
    assert "nothing to mend" in again.output


def test_the_command_says_what_is_wrong(tmp_path):
    path = tmp_path / "storm.yaml"
    path.write_text(STORM)
    for words, said, code in (
        (["-", "--write"], "--write needs a file", 2),
        ([str(path), "--cost", "threds=3"], "did you mean 'threads'", 3),
        ([str(path), "--cost", "threads=many"], "no weight", 3),
        ([str(path), "--recovery-p99", "soon"], "is not a duration", 3),
    ):
        result = CliRunner().invoke(main, ["remedy", *words], input=STORM)
        assert said in result.output
        assert result.exit_code == code
