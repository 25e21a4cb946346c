"""Boxes with one fixed point in each: enclosures hold what they enclose, and nothing false is proved."""

from __future__ import annotations

import numpy as np
import pytest
from tests.strategies.three_tiers import tiers

from separatrix.fluid.equilibria import equilibria
from separatrix.fluid.field import jacobians, mean_field, velocity
from separatrix.fluid.interval import Interval, exact
from separatrix.fluid.isolation import isolating_box
from separatrix.fluid.narrow_tail_slope import narrow_tail_slope
from separatrix.fluid.tape_enclosure import Unbounded, enclosed
from separatrix.model import DependentCall, Program, Server, Source, Work
from separatrix.population import Population
from separatrix.population.lattice import Axis, RateFunction, Transition
from separatrix.population.sojourn import sojourn_tail, upper_gamma


def moving(*rates: tuple[tuple[int, int], RateFunction]) -> Population:
    """Two queues of 40 places and what moves them."""
    axes = (Axis("a", 41, "queue"), Axis("b", 41, "queue"))
    return Population("p", "staged", axes, tuple(Transition("m", j, r) for j, r in rates))


FUNCTIONS: dict[str, RateFunction] = {
    "arithmetic": lambda x: 2.0 - x[0] * x[1] / (1.0 + x[0]) - (-x[1]) / 3.0,
    "powers": lambda x: x[0] ** 3 + (1.0 + x[1]) ** -0.5 + x[0] ** 0 + x[1] ** 1.5,
    "size": lambda x: np.absolute(x[0] - x[1]),
    "bends": lambda x: np.minimum(x[0], 7.3) * np.maximum(x[1] - 2.1, x[0]),
    "chosen": lambda x: np.where(x[0] > 30.5, x[0] ** 2, x[1]) * (x[1] >= -2.5) * (x[0] < 99.0),
    "exponentials": lambda x: np.expm1(-0.1 * x[0]) * np.log(1.0 + x[1]) + np.sqrt(1.0 + x[0]) * np.exp(-x[1]),
    "tails": lambda x: sojourn_tail(x[0] + 3.0, 1.5, 1.0 / (0.5 + 0.05 * x[1]), 4),
    "one thread": lambda x: sojourn_tail(x[0], 1.5, 10.0 + x[1], 1),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("half", [1e-9, 1e-3])
def test_boxes_hold_velocities_and_slopes_of_all_their_states(name: str, half: float) -> None:
    population = moving(((1, 0), FUNCTIONS[name]))
    tape = population.tape
    assert tape is not None
    rng = np.random.default_rng(2)
    for centre in rng.uniform(2.5, 20.0, size=(8, 2)):
        velocity_box, slope_box = enclosed(tape, Interval(centre - half, centre + half))
        states = centre + rng.uniform(-half, half, size=(30, 2))
        moved = np.stack(population.drift(tuple(states.T)), axis=-1)
        slack = 1e-13 * (1.0 + np.abs(moved))
        assert np.all(velocity_box.low <= moved + slack)
        assert np.all(moved <= velocity_box.high + slack)
        slopes = jacobians(population, states)
        # the slopes themselves are right to some digits only
        slack = 1e-6 * (1e-3 + np.abs(slopes))
        assert np.all(slope_box.low <= slopes + slack)
        assert np.all(slopes <= slope_box.high + slack)
        if name != "bends" and half == 1e-9:
            assert np.all(slope_box.high - slope_box.low <= 2e-4 * (1e-3 + np.abs(slopes[0])))


@pytest.mark.parametrize(
    "rate",
    [
        lambda x: 1.0 / (x[0] - 5.0),
        lambda x: x[1] * (x[0] > 5.0),
        lambda x: np.where(x[0] >= 5.0, x[1], 1.0),
        lambda x: np.sqrt(x[0] - 5.0),
        lambda x: np.log(x[0] - 5.0),
        lambda x: (x[0] - 5.0) ** -2,
        lambda x: (x[0] - 5.0) ** 0.5,
        lambda x: sojourn_tail(x[0], 1.0, 2.0, 6),
        lambda x: sojourn_tail(x[1] + 9.0, 1.0, x[0] - 5.0, 6),
        lambda x: upper_gamma(x[0], x[1]),
    ],
)
def test_what_leaps_or_has_no_bound_is_left_open(rate: RateFunction) -> None:
    tape = moving(((1, 0), rate)).tape
    assert tape is not None
    with pytest.raises(Unbounded):
        enclosed(tape, Interval(np.array([4.9, 1.0]), np.array([5.1, 1.2])))


@pytest.mark.parametrize("threads", [1, 4, 64])
@pytest.mark.parametrize("k", [0.3, 7.0, 55.0, 400.0])
def test_the_slope_of_a_tail_agrees_with_mpmath(threads: int, k: float) -> None:
    import mpmath as mp

    x = 60.0
    c = mp.mpf(threads)

    def late(shape: mp.mpf) -> mp.mpf:
        """E min(1, exp(-(x - X)/c)) for X gamma distributed, as the integral it is."""
        density = lambda u: u ** (shape - 1) * mp.e ** (-u - (x - u) / c) / mp.gamma(shape)  # noqa: E731
        return mp.gammainc(shape, x, regularized=True) + mp.quad(density, [0, x / 2, x])

    with mp.workdps(30):
        h = mp.mpf("1e-6")
        slope = float((late(mp.mpf(k) + h) - late(mp.mpf(k) - h)) / (2 * h))
    found = narrow_tail_slope(exact(k), exact(x), threads)
    assert found is not None
    assert found.low <= slope * (1 + 1e-9) + 1e-15
    assert slope * (1 - 1e-9) - 1e-15 <= found.high
    if slope > 1e-3:
        assert found.high - found.low < 1e-4 * slope


def test_a_wide_box_has_no_slope() -> None:
    assert narrow_tail_slope(Interval(np.array(5.0), np.array(6.0)), exact(8.0), 2) is None
    assert narrow_tail_slope(exact(0.0), exact(8.0), 2) is None


def linear(bend: float) -> Population:
    """A queue that fills at 2/s and empties at its length; the other in proportion, with a bend."""
    return moving(
        ((1, 0), lambda x: np.full((), 2.0)), ((-1, 0), lambda x: x[0]),
        ((0, 1), lambda x: np.minimum(x[0], bend)), ((0, -1), lambda x: 0.5 * x[1]),
    )  # fmt: skip


def test_the_box_holds_the_root() -> None:
    box = isolating_box(linear(9.0), np.array([2.0, 4.0]))
    assert box is not None
    assert np.all(box[:, 0] < [2.0, 4.0])
    assert np.all(box[:, 1] > [2.0, 4.0])
    assert np.all(box[:, 1] - box[:, 0] < 1e-4)


def test_a_root_at_a_bend_is_alone_where_both_sides_lead_to_it() -> None:
    assert isolating_box(linear(2.0), np.array([2.0, 4.0])) is not None


def test_a_state_that_is_no_root_has_no_box() -> None:
    assert isolating_box(linear(9.0), np.array([2.1, 4.0])) is None


def test_a_double_root_is_not_proved() -> None:
    population = moving(
        ((1, 0), lambda x: 1.0 + x[0] * x[0]), ((-1, 0), lambda x: 2.0 * x[0]),
        ((0, 1), lambda x: np.full((), 1.0)), ((0, -1), lambda x: x[1]),
    )  # fmt: skip
    assert isolating_box(population, np.array([1.0, 1.0])) is None


def test_a_root_on_the_edge_of_the_states_is_found() -> None:
    """Nobody joins the second queue: it rests at 0, where its box ends."""
    population = moving(
        ((1, 0), lambda x: np.full((), 2.0)), ((-1, 0), lambda x: x[0]), ((0, -1), lambda x: x[1])
    )
    box = isolating_box(population, np.array([2.0, 0.0]))
    assert box is not None
    assert box[1, 0] == 0.0


def pair() -> Program:
    program = Program("pair")
    call = DependentCall("back", "front", "read", call_type="wait_until_done", timeout=0.5, retry=2)
    program.add_server(Server("front", {"page": Work(20, downstream=[call])}, 80, thread_pool=20))
    program.add_server(Server("back", {"read": Work(10)}, 60, thread_pool=4))
    program.add_source(Source("web", "page", 25.0, timeout=2.0, retries=3))
    program.connect("web", "front")
    return program


def test_every_fixed_point_of_two_servers_that_wait_is_proved() -> None:
    program = pair()
    population = mean_field(program, "geometric")
    found = equilibria(population, program)
    assert found.certificate == "isolated"
    assert sum(point.index for point in found.points) == 1
    assert len(found.points) >= 3
    for point in found.points:
        assert point.box is not None
        assert np.all(point.box[:, 0] <= point.state)
        assert np.all(point.state <= point.box[:, 1])
        assert np.abs(velocity(population, point.box.mean(axis=1))).max() < 1e-4
    assert equilibria(population).certificate == "degree"


def test_three_tiers_at_rest_are_proved() -> None:
    program = tiers()
    found = equilibria(mean_field(program, "geometric"), program)
    assert [point.box is not None for point in found.points] == [True]
    assert found.to_dict()["certificate"] == "isolated"
