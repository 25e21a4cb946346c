"""What an elimination costs, told beforehand, against the fronts of the dissection itself."""

import numpy as np
import pytest

from separatrix import Program, RetryBudget, Server, Source, Work
from separatrix.markov import as_chain
from separatrix.markov.nested.dissection import dissect
from separatrix.markov.nested.effort import elimination_operations
from separatrix.population import lower


def _program(qsize: int, orbit: int, **source: object) -> Program:
    program = Program("effort")
    program.add_server(Server("db", {"read": Work(10.0)}, qsize=qsize, orbit_size=orbit))
    given = {"timeout": 1.0, "retries": 3, **source}
    program.add_source(Source("web", "read", 8.0, **given))  # pyright: ignore[reportArgumentType]
    program.connect("web", "db")
    return program


@pytest.mark.parametrize(
    "program",
    [
        _program(60, 25),
        _program(400, 40),
        _program(40, 30, budget=RetryBudget(ratio=0.5)),
    ],
    ids=["square", "long", "three axes"],
)
def test_the_fronts_are_as_large_as_was_said(program: Program) -> None:
    population = lower(program, "geometric")
    chain = as_chain(population)
    jumps = np.array(chain.jumps, dtype=np.int64).reshape(-1, len(chain.shape))
    used = jumps[chain.table.any(axis=1)]
    tree = dissect(np.ones(chain.shape, dtype=np.bool_), used, 0)
    own, around = tree.own.astype(np.float64), tree.around.astype(np.float64)
    true = float((own * (own + around + 1) ** 2 + around**2).sum())
    assert 0.98 < elimination_operations(population) / true < 1.3


def test_a_third_axis_costs_more_than_its_states() -> None:
    flat = lower(_program(200, 200), "geometric")
    deep = lower(_program(50, 80, budget=RetryBudget(ratio=0.5)), "geometric")
    assert deep.n_states < 1.2 * flat.n_states
    assert elimination_operations(deep) > 5 * elimination_operations(flat)
