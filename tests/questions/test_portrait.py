"""The plane of queue and orbit: of one queue alone, and of several nothing dear is asked before that is said."""

import pytest

from separatrix import Program, Server, Source, Work
from separatrix.errors import Unsupported
from separatrix.model import DependentCall
from separatrix.population import lower
from separatrix.questions import portrait as module
from separatrix.questions.glance import glance
from separatrix.questions.portrait import plane


def pair() -> Program:
    program = Program("pair")
    call = DependentCall("b", "a", "get", timeout=1.0)
    program.add_server(Server("a", {"get": Work(20.0, (call,))}, 30, thread_pool=4))
    program.add_server(Server("b", {"get": Work(15.0)}, 30))
    program.add_source(Source("c", "get", 9.0, timeout=2.0, retries=1))
    program.connect("c", "a")
    return program


def test_several_queues_have_no_plane_and_are_not_searched_for_one(monkeypatch):
    def searched(*_, **__):
        raise AssertionError("equilibria were looked for")

    monkeypatch.setattr(module, "equilibria", searched)
    with pytest.raises(Unsupported, match="a phase portrait of several queues"):
        plane(lower(pair(), "geometric", means_only=True))
    quick = glance(pair(), divided=False, patient=False)
    assert quick.portrait is None
    assert quick.finding.startswith("Several queues have no plane in common")
    assert quick.verdict.word == "can get stuck"
