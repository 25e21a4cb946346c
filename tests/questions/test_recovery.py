"""Recovery over load: it grows with the load, and the finding says where danger begins."""

from __future__ import annotations

import pytest

from separatrix import ModelError, Program, Server, Source, Work
from separatrix.questions.recovery import recovery_over_load
from separatrix.views.figures import recovery_curve


def service() -> Program:
    program = Program("p")
    program.add_server(Server("s", {"get": Work(10.0)}, qsize=40))
    program.add_source(Source("c", "get", 8.0, timeout=3.0, retries=1))
    program.connect("c", "s")
    return program


def test_recovery_grows_with_load_and_danger_has_a_beginning():
    curve = recovery_over_load(service(), "c", [2.0, 6.0, 8.0, 12.0])
    assert curve.words[0] == "safe"
    assert curve.words[2] == "can get stuck"
    assert curve.words[3] == "always stuck"
    assert list(curve.means) == sorted(curve.means)
    assert "can get stuck" in curve.finding()
    assert len(curve.to_dict()["points"]) == 4
    recovery_curve(curve.rates, curve.means, curve.p99s, curve.finding())


def test_unknown_source():
    with pytest.raises(ModelError, match="client"):
        recovery_over_load(service(), "client", [1.0])
