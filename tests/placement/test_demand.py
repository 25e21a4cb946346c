from __future__ import annotations

import numpy as np
import pytest

from separatrix.errors import DataError
from separatrix.placement import Limits, UserFacts, demand, place, read_users
from separatrix.telemetry import Accounts, Counters
from separatrix.weights import Weights

HOUR = 3_600.0
MIDNIGHT = 1_546_300_800.0


def weights(deviation: float = 0.0, **values: float) -> Weights:
    names = tuple(values)
    flat = np.full(len(names), np.nan)
    return Weights(
        "regression",
        names,
        np.array(list(values.values())),
        flat,
        flat,
        deviation**2 * np.eye(len(names)),
        ("measured",) * len(names),
    )


def table(rows, *, own=None, targets=("fs-MDT0000", "fs-MDT0001")) -> Counters:
    """Rows are (user, target, start, step, opens, renames)."""
    users = tuple(dict.fromkeys(r[0] for r in rows))
    accounts = Accounts(
        labels=users,
        targets=targets,
        operations=("open", "rename"),
        account=np.array([users.index(r[0]) for r in rows], dtype=np.int32),
        target=np.array([r[1] for r in rows], dtype=np.int32),
        start=np.array([float(r[2]) for r in rows]),
        step=np.array([float(r[3]) for r in rows]),
        counts=np.array([[float(r[4]) for r in rows], [float(r[5]) for r in rows]]),
        fields={"user": users},
    )
    n = 0 if own is None else own.shape[2]
    return Counters(
        start=MIDNIGHT + HOUR * np.arange(n),
        step=np.full(n, HOUR),
        targets=targets,
        operations=("open", "rename"),
        values=np.empty((2, len(targets), 0)) if own is None else own,
        stored="counts",
        servers=(),
        cpu=np.empty((0, n)),
        server_of=("",) * len(targets),
        accounts=accounts,
    )


def test_counts_are_shared_out_by_time_and_weighted():
    rows = [("a", 0, MIDNIGHT + 0.5 * HOUR, 2 * HOUR, 7200, 0), ("a", 0, MIDNIGHT, 60, 0, 3600)]
    asked = demand(weights(open=1.0, rename=2.0), [table(rows)])
    load, stays = asked.loads(0.0)
    # 7200 opens over 2 h: a quarter in the first hour, half in the second, a quarter in the third
    assert load == pytest.approx(np.array([[0.5 + 2.0, 1.0, 0.5]]), rel=1e-12)
    assert not stays.any()


def test_nothing_is_lost_by_windows():
    rng = np.random.default_rng(4)
    rows = [
        (f"u{j % 7}", j % 2, MIDNIGHT + rng.uniform(0, 1e5), rng.uniform(1, 2e4), j, 2 * j)
        for j in range(60)
    ]
    for window, fold in ((1_800.0, 0.0), (HOUR, 0.0), (HOUR, 86_400.0)):
        asked = demand(weights(open=1.0, rename=1.0), [table(rows)], window=window, fold=fold)
        load, stays = asked.loads(0.0)
        if fold == 0.0:
            total = (load.sum() + stays.sum()) * window
            assert total == pytest.approx(sum(r[4] + r[5] for r in rows), rel=1e-9)
        else:
            assert load.shape[1] == 24


def test_folding_averages_equal_times_of_day():
    rows = [("a", 0, MIDNIGHT + 86_400 * d + 5 * HOUR, HOUR, 3600 * (d + 1), 0) for d in range(3)]
    asked = demand(weights(open=1.0), [table(rows)])
    load, _ = asked.loads(0.0)
    assert asked.start == MIDNIGHT  # windows are times of day
    assert load[0, 5] == pytest.approx(2.0)
    assert load[0].sum() == pytest.approx(2.0)


def test_home_is_where_most_load_is_and_the_rest_stays():
    rows = [("a", 0, MIDNIGHT, HOUR, 100, 0), ("a", 1, MIDNIGHT, HOUR, 0, 60)]
    by_load = demand(weights(open=1.0, rename=5.0), [table(rows)])
    assert by_load.home.tolist() == [1]
    assert by_load.loads(0.0)[1][0, 0] * HOUR == pytest.approx(100.0)
    told = demand(
        weights(open=1.0, rename=5.0),
        [table(rows)],
        facts={"a": UserFacts(target="fs-MDT0000")},
    )
    assert told.home.tolist() == [0]


def test_what_a_target_did_beyond_its_users_stays():
    rows = [("a", 0, MIDNIGHT, HOUR, 100, 0)]
    own = np.zeros((2, 2, 1))
    own[0, 0, 0], own[0, 1, 0] = 250.0, 40.0
    asked = demand(weights(open=1.0), [table(rows, own=own)])
    assert asked.loads(0.0)[1][:, 0] * HOUR == pytest.approx([150.0, 40.0])


def test_the_linear_bound_covers_the_ellipsoid_and_all_weights_in_it():
    rng = np.random.default_rng(8)
    rows = [(f"u{j}", j % 2, MIDNIGHT, HOUR, *rng.integers(0, 4000, 2)) for j in range(9)]
    costs = weights(0.3, open=1.0, rename=2.0)
    asked = demand(costs, [table(rows)])
    load, stays = asked.loads(1.96)
    planned = stays.copy()
    np.add.at(planned, asked.home, load)
    exact = asked.worst_case(asked.home, 1.96)
    assert np.all(exact <= planned * (1 + 1e-12))
    counts = asked.stays.copy()
    np.add.at(counts, asked.home, asked.rates)
    directions = rng.normal(size=(500, 2))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    worst = -np.inf
    for d in directions:
        value = np.array([1.0, 2.0]) + 1.96 * 0.3 * d
        of_these = np.einsum("k,mkw->mw", value, counts)
        assert np.all(of_these <= exact * (1 + 1e-12))
        worst = max(worst, float(of_these.max()))
    assert worst == pytest.approx(float(exact.max()), rel=1e-3)  # the ellipsoid's end is reached


def test_projects_move_as_one():
    rows = [("a", 0, MIDNIGHT, HOUR, 100, 0), ("b", 0, MIDNIGHT, HOUR, 50, 0)]
    facts = {
        "a": UserFacts(project="p", inodes=3, paths=("/a",)),
        "b": UserFacts(project="p", inodes=4, paths=("/b",)),
    }
    asked = demand(weights(open=1.0), [table(rows)], facts=facts, projects=True)
    assert asked.users == ("p",)
    assert asked.facts["p"].inodes == 7
    assert asked.facts["p"].paths == ("/a", "/b")


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        ({"window": 7_000.0}, "do not divide"),
        ({"window": 0.0}, "do not divide"),
        ({"window": 1.0, "fold": 0.0}, "at most"),
        ({"by": "group"}, "carry no field 'group'"),
        ({"weights": weights(link=1.0)}, "none of the operations"),
    ],
)
def test_what_cannot_be_planned_says_why(call, complaint):
    rows = [("a", 0, MIDNIGHT, 86_400, 100, 0)]
    costs = call.pop("weights", weights(open=1.0))
    with pytest.raises(DataError, match=complaint):
        demand(costs, [table(rows)], **call)


def test_telemetry_without_accounts_is_told_apart():
    bare = table([("a", 0, MIDNIGHT, HOUR, 1, 1)]).rows(slice(0, 0))
    with pytest.raises(DataError, match="no counts per job or user"):
        demand(weights(open=1.0), [bare])


def test_a_plan_keeps_pins_and_adds_up():
    rows = [(f"u{j}", 0, MIDNIGHT, HOUR, 3600 * (j + 1), 0) for j in range(6)]
    facts = {f"u{j}": UserFacts(inodes=10.0 * j, pinned=j == 5) for j in range(6)}
    asked = demand(weights(open=1.0), [table(rows)], facts=facts)
    plan = place(asked, Limits(2, inodes=70.0), pinned=["u3"], gap=1e-4, template="/s/{user}")
    assert plan.pinned == ("u3", "u5")
    assert {move.user for move in plan.moves} == {"u4", "u2"}  # 5 + 3 of 21, the best within 2
    assert plan.peak_after.max() == pytest.approx(13.0)
    assert plan.status == "ok"
    assert plan.moved_inodes == 60.0
    plain = plan.to_dict()
    assert plain["limits"]["bytes"] is None
    assert plain["moves"][0]["commands"][1] == "lfs migrate -m 1 /s/u4"
    with pytest.raises(DataError, match="unknown: 'nobody'"):
        place(asked, Limits(1), pinned=["nobody"])
    with pytest.raises(DataError, match="a limit of moved bytes"):
        place(asked, Limits(1, size=1.0))


def test_users_are_read_from_a_table(tmp_path):
    path = tmp_path / "users.csv"
    path.write_text(
        "User,target,inodes,bytes,project,path,pinned\n"
        "a,fs-MDT0001,1e6,2e12,p,/s/a,no\n"
        '"b,c",,,,,,yes\n'
    )
    found = read_users(path)
    assert found["a"] == UserFacts("fs-MDT0001", 1e6, 2e12, "p", ("/s/a",), False)
    assert found["b,c"] == UserFacts(pinned=True)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is empty"),
        ("who,inodes\na,1\n", "no column of names"),
        ("user,inodes\na,1\na,2\n", "names 'a' twice"),
        ("user,inodes\na,-1\n", "must be >= 0"),
        ("user,inodes\na,many\n", "holds no numbers"),
        ("user,pinned\na,perhaps\n", "pinned is 'perhaps'"),
        ("user,inodes\na,1,2,3\n", "broken lines"),
    ],
)
def test_a_bad_table_of_users_is_refused(tmp_path, text, complaint):
    path = tmp_path / "users.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=complaint):
        read_users(path)


def test_a_missing_table_of_users_is_refused(tmp_path):
    with pytest.raises(DataError, match="is no file"):
        read_users(tmp_path / "none.csv")
