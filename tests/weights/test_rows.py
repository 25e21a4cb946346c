from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from separatrix.errors import DataError
from separatrix.weights.rows import BLOCK, Rows, follows, no_rows, rows_of

from .conftest import DAY, table_of


def sample(start: float, n: int, seed: int = 0, server: str = "m0") -> Rows:
    rng = np.random.default_rng(seed)
    rates = rng.lognormal(3, 2, (3, n))
    return rows_of(table_of(rates, rng.random(n), start=start, targets=(server,)))


def same(a: Rows, b: Rows) -> bool:
    return (
        a.threshold == b.threshold
        and np.array_equal(a.start, b.start)
        and [a.servers[i] for i in a.server] == [b.servers[i] for i in b.server]
        and np.array_equal(a.rates, b.rates)
    )


@given(st.lists(st.integers(1, 400), min_size=3, max_size=3), st.sampled_from([64, 300, 2000]))
@settings(deadline=None, max_examples=40)
def test_merging_is_associative_and_knows_a_neutral_element(lengths, budget):
    a, b, c = (sample(DAY + 1e5 * i, n, seed=i, server=f"m{i % 2}") for i, n in enumerate(lengths))
    left = a.merge(b, budget).merge(c, budget)
    right = a.merge(b.merge(c, budget), budget)
    assert same(left, right)
    assert len(left) <= budget
    assert same(left.merge(no_rows(), budget), left)
    assert same(no_rows().merge(left, budget), left)


def test_the_order_of_reading_does_not_matter():
    a, b = sample(DAY, 3000, 1), sample(DAY + 86_400, 3000, 2)
    assert same(a.merge(b, 1000), b.merge(a, 1000))


def test_sampled_rows_stand_for_all():
    # Horvitz and Thompson: the weights add up to the number of rows, within sampling error
    whole = sample(DAY, 200 * BLOCK)
    few = no_rows().merge(whole, 60 * BLOCK)
    assert len(few) == 60 * BLOCK
    assert few.weight.sum() == pytest.approx(len(whole), rel=0.2)
    assert few.weight @ few.rates[:, 0] == pytest.approx(whole.rates[:, 0].sum(), rel=0.2)
    assert np.all(whole.weight == 1.0)


def test_age_counts_rows_without_a_break():
    table = table_of(np.ones((3, 6)), np.ones(6)).rows(np.array([0, 1, 3, 4, 5]))
    assert rows_of(table).age.tolist() == [0, 1, 0, 1, 2]
    assert follows(table.start, table.step).tolist() == [False, True, False, True, True]
    assert follows(np.empty(0), np.empty(0)).tolist() == []


def test_targets_of_one_server_are_added_up():
    from dataclasses import replace

    two = table_of(np.ones((3, 2, 4)), np.tile(np.arange(4.0), (2, 1)), targets=("a", "b"))
    one = replace(two, servers=("s",), cpu=two.cpu[:1], server_of=("s", "s"))
    rows = rows_of(one)
    assert rows.servers == ("s",)
    assert rows.rates.tolist() == [[2.0] * 3] * 4


def test_rows_without_load_or_operations_are_left_out():
    rates = np.ones((3, 4))
    rates[:, 1] = np.nan
    cpu = np.array([1.0, 2.0, np.nan, 4.0])
    assert rows_of(table_of(rates, cpu)).cpu.tolist() == [1.0, 4.0]
    assert len(rows_of(table_of(np.ones((3, 0)), np.empty((1, 0))))) == 0


def test_complete_drops_a_column_that_is_never_known_and_rows_with_a_hole():
    rates = np.ones((3, 6))
    rates[1] = np.nan
    rates[0, 2] = np.nan
    rows = rows_of(table_of(rates, np.arange(6.0))).complete()
    assert rows.operations == ("open", "unlink")
    assert rows.cpu.tolist() == [0.0, 1.0, 3.0, 4.0, 5.0]
    with pytest.raises(DataError, match="CPU load"):
        rows_of(table_of(rates, np.arange(6.0))).complete(["open", "rename"])
    with pytest.raises(DataError, match="notebook do without"):
        no_rows().complete()


def test_columns_are_matched_by_name():
    a = rows_of(table_of([[1.0], [2.0], [3.0]], [5.0]))
    b = rows_of(table_of([[9.0], [8.0]], [6.0], operations=("unlink", "mkdir"), start=DAY + 5))
    both = a.merge(b)
    assert both.operations == ("open", "close", "unlink", "mkdir")
    assert both.rates[:, 2].tolist() == [3.0, 9.0]
    assert np.isnan(both.rates[1, 0])
