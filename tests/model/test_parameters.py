from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_programs import programs

from separatrix.errors import ModelError
from separatrix.model import (
    Backoff,
    DependentCall,
    Pareto,
    Program,
    RetryBudget,
    Schedule,
    Server,
    Source,
    Spike,
    ThresholdAdmission,
    Work,
)
from separatrix.model.parameters import parameter, with_parameter, with_parameters


def example() -> Program:
    program = Program("Example", faults=Schedule((Spike("web", 3, 600, 60),)))
    program.add_server(
        Server(
            "db",
            {"read": Work(10, (DependentCall("log.1", "db", "put", timeout=0.2),))},
            200,
            thread_pool=10,
        )
    )
    program.add_server(Server("log.1", {"put": Work(1000)}, 50))
    program.add_sources([Source("web", "read", 80, retries=3), Source("cron", "put", 1)])
    program.connect("web", "db")
    program.connect("cron", "log.1")
    return program.check()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("servers.db.qsize", 200),
        ("db.qsize", 200),
        ("db.orbit_size", None),
        ("db.read.processing_rate", 10.0),
        ("db.apis.read.processing_rate", 10.0),
        ("db.read.downstream.0.timeout", 0.2),
        ("log.1.put.processing_rate", 1000.0),
        ("servers.log.1.apis.put.law.kind", "exponential"),
        ("web.retries", 3),
        ("sources.web.retries", 3),
        ("web.backoff.base", 0.0),
        ("web.backoff", Backoff()),
        ("web.server", "db"),
        ("db.read.retries", 3),
        ("db.read.arrival_rate", 80.0),
        ("faults.0.factor", 3.0),
        ("name", "Example"),
        ("description", ""),
        (("server", "db", "qsize"), 200),
        (("server", "db", "api", "read", "processing_rate"), 10.0),
        (("source", "web", "arrival_rate"), 80.0),
        (("servers", "log.1", "apis", "put", "processing_rate"), 1000.0),
        (("fault", 0, "start"), 600.0),
    ],
)
def test_reading(path: str | tuple[str | int, ...], value: object) -> None:
    assert parameter(example(), path) == value


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("web.retry", "web.retry: unknown path; did you mean 'web.retries'?"),
        ("db.read.procesing_rate", "did you mean 'db.read.processing_rate'?"),
        ("servers.db.qsise", "did you mean 'servers.db.qsize'?"),
        ("bd.qsize", "did you mean 'db.qsize'?"),
        ("db.write.processing_rate", "did you mean 'db.read.processing_rate'?"),
        ("faults.1.factor", "did you mean 'faults.0.factor'?"),
        (
            ("source", "client", "arrival_rate"),
            "source.client.arrival_rate: unknown path; did you mean 'sources.",
        ),
        (("server", "db", "name"), "unknown path"),
        ("servers", "unknown path"),
        ("db", "unknown path"),
        ("separatrix", "unknown path"),
        ("", "a path begins with one of: db, log.1, web, cron"),
        ((), "unknown path"),
        (
            "web.budget.ratio",
            "sources.web.budget.ratio: has no value, since sources.web.budget is not set",
        ),
        ("web.arrivals.rates", "has no value, since sources.web.arrivals is Poisson"),
    ],
)
def test_unknown_paths_name_the_nearest(path: str | tuple[str, ...], message: str) -> None:
    with pytest.raises(ModelError) as caught:
        parameter(example(), path)
    assert message in str(caught.value)


def test_a_name_that_is_both_has_to_be_spelled_out() -> None:
    program = Program("p")
    program.add_server(Server("x", {"a": Work(1, law=Pareto(2)), "qsize": Work(3)}, 5))
    program.add_source(Source("x", "a", 1))
    program.connect("x", "x")
    with pytest.raises(
        ModelError,
        match=r"x.qsize: may mean several things; write servers.x.qsize or servers.x.apis.qsize",
    ):
        parameter(program, "x.qsize")
    assert parameter(program, "servers.x.qsize") == 5
    assert parameter(program, "x.timeout") == 1.0


def test_a_question_of_several_sources_is_ambiguous() -> None:
    program = example()
    program.add_source(Source("app", "read", 1))
    program.connect("app", "db")
    with pytest.raises(ModelError, match=r"write sources.web.retries or sources.app.retries"):
        parameter(program, "db.read.retries")


@pytest.mark.parametrize(
    ("path", "given", "value"),
    [
        ("db.qsize", 300, 300),
        ("db.qsize", np.int64(300), 300),
        ("db.read.processing_rate", "1.2k/s", 1200.0),
        ("db.read.processing_rate", np.float64(12.5), 12.5),
        (("server", "db", "api", "read", "processing_rate"), 11, 11.0),
        ("db.read.law", Pareto(2), Pareto(2)),
        ("db.read.law", {"kind": "pareto", "shape": 3}, Pareto(3)),
        ("web.timeout", "250ms", 0.25),
        ("web.budget", RetryBudget(0.1), RetryBudget(0.1)),
        ("web.budget.ratio", 0.2, 0.2),
        ("web.backoff.base", "1s", 1.0),
        ("web.server", "db", "db"),
        ("db.admission", ThresholdAdmission(5), ThresholdAdmission(5)),
        ("db.orbit_size", None, None),
        ("db.read.downstream.0.retry", 2, 2),
        ("db.read.downstream", (), ()),
        ("db.read.retries", 0, 0),
        ("faults.0.duration", "5min", 300.0),
        ("faults", [], ()),
        ("faults", Schedule((Spike("cron", 2, 0, 1),)), (Spike("cron", 2, 0, 1),)),
        ("description", "text", "text"),
    ],
)
def test_setting(path: str, given: object, value: object) -> None:
    program = example()
    if path == "db.read.downstream":
        changed = with_parameters(program, {path: given})
    else:
        changed = with_parameter(program, path, given)
    assert parameter(changed, path) == value
    assert program == example()


@pytest.mark.parametrize(
    ("path", "given", "message"),
    [
        ("db.qsize", 300.5, "servers.db.qsize: must be a whole number, got 300.5"),
        ("db.qsize", "300", "servers.db.qsize: must be a whole number, got '300'"),
        ("web.timeout", 0, 'sources.web.timeout: must be > 0 s, got 0; write one such as "3s"'),
        ("web.timeout", "fast", "sources.web.timeout: 'fast' is not a duration"),
        ("web.server", "log.1", "sources.web.api: server 'log.1' does not serve api 'read'"),
        ("db.thread_pool", 500, r"thread_pool \(500\) exceeds qsize \(200\)"),
        ("db.admission.threshold", 5, "servers.db.admission: needs a `kind`"),
        ("web.backoff.bse", 1, "unknown path; did you mean 'web.backoff.base'"),
        ("db.read.downstream.0.callee", "db", "the call graph has a cycle"),
    ],
)
def test_setting_what_cannot_be(path: str, given: object, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        with_parameter(example(), path, given)


def test_only_the_result_has_to_be_valid() -> None:
    changed = with_parameters(example(), {"db.thread_pool": 500, "db.qsize": 1000})
    assert parameter(changed, "db.thread_pool") == 500


@settings(deadline=None, max_examples=40)
@given(programs(), st.data())
def test_setting_what_is_there_changes_nothing(program: Program, data: st.DataObject) -> None:
    server = data.draw(st.sampled_from(program.servers))
    source = data.draw(st.sampled_from(program.sources))
    api = data.draw(st.sampled_from(list(server.apis)))
    for path in (
        ("server", server.name, "qsize"),
        ("server", server.name, "admission"),
        ("server", server.name, "api", api, "processing_rate"),
        ("server", server.name, "api", api, "law"),
        ("source", source.name, "arrivals"),
        ("source", source.name, "backoff"),
        ("source", source.name, "timeout"),
    ):
        assert with_parameter(program, path, parameter(program, path)) == program
    assert (
        parameter(
            with_parameter(program, ("source", source.name, "retries"), 7),
            ("source", source.name, "retries"),
        )
        == 7
    )
