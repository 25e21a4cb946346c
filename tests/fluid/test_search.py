"""Fixed points of several queues: those of independent services are the products of each one's own."""

from __future__ import annotations

import numpy as np
import pytest

from separatrix import Program, Server, Source, Work
from separatrix.errors import NotConverged
from separatrix.fluid.equilibria import degree, fixed_points
from separatrix.fluid.field import mean_field, velocity
from separatrix.fluid.search import polished, searched_points


def side_by_side(*rates):
    program = Program("several")
    for i, rate in enumerate(rates):
        program.add_server(Server(f"s{i}", {"get": Work(10.0)}, qsize=60))
        program.add_source(Source(f"c{i}", "get", rate, timeout=3.0, retries=1))
        program.connect(f"c{i}", f"s{i}")
    return mean_field(program, "geometric")


def test_two_services_apart_have_the_products_of_their_points():
    population = side_by_side(8.0, 8.0)
    points = fixed_points(population)
    assert degree(points) == 1
    alone = fixed_points(side_by_side(8.0))
    queues = {tuple(np.round(p.state[list(population.axes_of("queue"))], 3)) for p in points}
    stable = [round(float(p.state[0]), 3) for p in alone if p.stable]
    assert {(a, b) for a in stable for b in stable} <= queues
    assert sum(p.stable for p in points) == 4
    assert all(p.residual < 1e-6 for p in points)


def test_the_search_agrees_with_the_reduced_drift_for_one_queue():
    population = side_by_side(8.0)
    searched, scanned = searched_points(population), fixed_points(population)
    np.testing.assert_allclose(
        [p.state for p in searched], [p.state for p in scanned], rtol=1e-5, atol=1e-5
    )


def test_newton_lands_on_a_root_or_says_so():
    population = side_by_side(8.0)
    for root in (polished(population, np.array([20.0, 3.0])), polished(population, np.zeros(2))):
        assert root is None or np.abs(velocity(population, root)).max() < 1e-6


def test_missing_points_are_noticed(monkeypatch):
    import separatrix.fluid.search as search

    monkeypatch.setattr(search, "_edge", lambda *_: None)
    monkeypatch.setattr(search, "polished", lambda *_: None)
    with pytest.raises(NotConverged, match="add up to 2"):
        searched_points(side_by_side(8.0))
