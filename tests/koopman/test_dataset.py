from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from separatrix.errors import DataError
from separatrix.koopman.dataset import Scaling, Trajectories, embedded


def two_runs(samples=20):
    rng = np.random.default_rng(0)
    return Trajectories.of([rng.random((samples, 2)) for _ in range(2)], 0.5, ["queue", "orbit"])


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        ([[1.0, np.nan, 2.0]], r"x0 is nan at sample 1 of run 0; fill the gap"),
        ([[1.0, 2.0], [1.0, np.inf]], r"x0 is inf at sample 1 of run 1"),
        ([[1.0], [2.0]], r"run 0 has 1 sample"),
        ([np.ones((4, 2)), np.ones((4, 3))], r"run 1 has shape \(4, 3\), expected \(samples, 2\)"),
        ([], r"there are no samples"),
        ([["a", "b"]], r"no arrays of numbers"),
        (3.0, r"no arrays of numbers"),
    ],
)
def test_hostile_runs(runs, message):
    with pytest.raises(DataError, match=message):
        Trajectories.of(runs)


@pytest.mark.parametrize("step", [0.0, -1.0, np.nan, np.inf])
def test_a_step_that_is_none(step):
    with pytest.raises(DataError, match="sampling step must be > 0"):
        Trajectories.of([[1.0, 2.0]], step)


def test_cutting_out_a_fault_makes_pieces_that_start_alike():
    data = two_runs(21).without([(3.0, 4.0)])
    assert data.begin == (0.0, 4.0, 0.0, 4.0)
    assert [len(p) for p in data.pieces] == [7, 13, 7, 13]
    assert data.runs == 2
    kinds = data.ensembles()
    assert [(begin, stack.shape) for begin, stack in kinds] == [(0.0, (2, 7, 2)), (4.0, (2, 13, 2))]
    means = data.ensemble_means()
    assert means.runs == 2
    assert np.allclose(means.pieces[1], kinds[1][1].mean(axis=0))


def test_all_pieces_of_a_run_go_to_the_same_side():
    data = Trajectories.of(list(np.random.default_rng(1).random((6, 40)))).without([(10.0, 12.0)])
    train, held = data.split(0.3, seed=4)
    assert (train.runs, held.runs) == (4, 2)
    assert len(train.pieces) == 8
    ours = {p.tobytes() for p in train.pieces}
    assert not ours & {p.tobytes() for p in held.pieces}
    again = data.split(0.3, seed=4)[0]
    assert all(np.array_equal(a, b) for a, b in zip(train.pieces, again.pieces, strict=True))


def test_one_run_cannot_be_split_until_it_is_cut():
    data = Trajectories.of([np.arange(100.0)])
    with pytest.raises(DataError, match=r"one run only.*--cut 10"):
        data.split(0.2, 0)
    assert data.cut(10).split(0.2, 0)[1].runs == 2


@given(many=st.integers(1, 5), samples=st.integers(12, 40))
def test_resampling_picks_and_averages(many, samples):
    data = Trajectories.of([np.arange(float(samples))], 0.1)
    picked = data.resampled(0.1 * many).pieces[0][:, 0]
    assert np.allclose(np.diff(picked), many)
    mean = data.resampled(0.1 * many, "mean").pieces[0][:, 0]
    assert mean[0] == pytest.approx((many - 1) / 2)


@pytest.mark.parametrize("step", [0.25, 0.75, 0.1, np.nan])
def test_a_step_that_is_no_multiple(step):
    with pytest.raises(DataError, match=r"multiple of 0\.5 s"):
        two_runs().resampled(step)


def test_constant_channels_are_left_out_or_refused():
    runs = [np.stack([np.arange(5.0), np.full(5, 7.0)], axis=1)] * 2
    data = Trajectories.of(runs, 1.0, ["queue", "orbit"])
    assert data.varying().names == ("queue",)
    with pytest.raises(DataError, match=r"orbit never changes"):
        Scaling.of(data)
    with pytest.raises(DataError, match=r"orbit never changes"):
        data.select(["orbit"]).varying()
    with pytest.raises(DataError, match=r"no series depth; choose among queue, orbit"):
        data.select(["depth"])


def test_scaling_undoes_itself_and_embedding_orders_by_age():
    data = two_runs()
    scaling = Scaling.of(data)
    x = data.pieces[0]
    assert np.allclose(scaling.undo(scaling.apply(x)), x)
    rows = embedded(np.arange(5.0)[:, None], 3)
    assert rows.tolist() == [[0, 1, 2], [1, 2, 3], [2, 3, 4]]
