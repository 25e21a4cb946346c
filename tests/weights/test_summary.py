from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from separatrix.errors import DataError
from separatrix.telemetry import Counters, QualityLog, Repair
from separatrix.telemetry.synthesize import default_system, synthesize
from separatrix.weights.one_pass import summarise
from separatrix.weights.summary import Summary

from .conftest import DAY, table_of

HOUR = 720  # intervals of 5 s


def hour(number: int, n: int = HOUR) -> Counters:
    """An hour of two servers; the same for the same number, wherever it is made."""
    log = QualityLog()
    log.files = 1
    log.repair(Repair.NEGATIVE, number + 1, file=f"hour{number}")
    table = synthesize(
        default_system(n_targets=2, n_users=6), number, start=DAY + 3600.0 * number, intervals=n
    )
    return replace(table, quality=log.report(), sources=(f"hour{number}",), fs="lake")


def same(a: Summary, b: Summary) -> None:
    """Equal in everything that is counted, and to the last bits in what is summed."""
    one, two = a.to_dict(), b.to_dict()
    for left, right in zip(one["operations"], two["operations"], strict=True):
        assert left["operation"] == right["operation"]
        assert left["histogram"] == right["histogram"]
        for name in ("count", "minimum", "maximum", "25%", "50%", "75%"):
            assert left[name] == right[name]
        for name in ("mean", "std", "share"):
            assert left[name] == pytest.approx(right[name], rel=1e-12)
    for name in ("fs", "zone", "start", "end", "intervals", "targets", "quality"):
        assert one[name] == two[name]
    assert np.array_equal(a.rows.start, b.rows.start)
    assert np.array_equal(a.rows.rates, b.rows.rates)
    assert a.rows.threshold == b.rows.threshold
    assert a.days.keys() == b.days.keys()
    for key, day in a.days.items():
        assert day.cpu == pytest.approx(b.days[key].cpu, rel=1e-12)
    assert a.moments.keys() == b.moments.keys()
    for key, moments in a.moments.items():
        assert np.allclose(moments.gram, b.moments[key].gram, rtol=1e-9, atol=1e-3)


def test_against_pandas():
    table = hour(3)
    summary = Summary().add(table)
    for row in summary.table():
        pooled = pd.Series(table.rate(row.operation).ravel())
        want = pooled.describe()
        assert row.count == want["count"]
        assert row.mean == pytest.approx(want["mean"], rel=1e-12)
        assert row.std == pytest.approx(want["std"], rel=1e-12)
        assert (row.minimum, row.maximum) == (want["min"], want["max"])
        assert row.quartiles == pytest.approx(want[["25%", "50%", "75%"]].tolist(), rel=2**-9)
        edges = np.array([0.0, *(10.0**d for d in range(11))])
        assert row.histogram == tuple(np.histogram(pooled, bins=edges)[0])
    shares = dict(summary.cumulative())
    assert list(shares.values())[-1] == pytest.approx(1.0)
    assert list(shares.values()) == sorted(shares.values())


def test_gram_matrices_give_the_correlation_of_any_score():
    table = hour(1)
    moments = Summary().add(table).moments_of(("open", "unlink"))
    assert moments is not None
    w = np.array([2.0, 5.0, 0.0])
    x = 2.0 * table.rate("open") + 5.0 * table.rate("unlink")
    want = np.corrcoef(x.ravel(), table.cpu.ravel())[0, 1]
    assert moments.correlation(w, np.array([0.0, 0.0, 1.0])) == pytest.approx(want, rel=1e-10)
    assert Summary().add(table).moments_of(("nothing",)) is None


@given(st.permutations(range(4)), st.sampled_from([500, 40_000]))
@settings(deadline=None, max_examples=8)
def test_merging_in_any_order_and_grouping_is_one_pass(order, budget):
    parts = [Summary(budget=budget).add(hour(i, 200)) for i in range(4)]
    whole = summarise((hour(i, 200) for i in range(4)), budget=budget)
    a, b, c, d = (parts[i] for i in order)
    joined = a.merge(b.merge(c)).merge(d)
    # what depends on the order is the order of names, and of examples in the report
    assert sorted(joined.sources) == sorted(whole.sources)
    assert joined.quality.count(Repair.NEGATIVE) == whole.quality.count(Repair.NEGATIVE) == 10
    for operation in whole.operations:
        assert joined.quantile(operation, 0.5) == whole.quantile(operation, 0.5)
        assert joined.quantile(operation, 0.9999) == whole.quantile(operation, 0.9999)
        assert joined.series.total(operation) == pytest.approx(
            whole.series.total(operation), rel=1e-14
        )
    assert np.array_equal(joined.rows.start, whole.rows.start)


def test_an_empty_summary_is_neutral():
    whole = Summary().add(hour(0))
    same(Summary().merge(Summary().add(hour(0))), whole)
    other = Summary().add(replace(hour(0), zone="America/Los_Angeles"))
    other.merge(Summary())
    assert other.zone == "America/Los_Angeles"


def test_an_empty_table_keeps_its_quality_report():
    nothing = replace(hour(2).rows(slice(0, 0)), quality=hour(2).quality)
    summary = Summary().add(nothing)
    assert summary.quality.count(Repair.NEGATIVE) == 3
    assert summary.sources == ("hour2",)
    assert summary.to_dict()["start"] is None


def test_telemetry_of_two_file_systems_or_zones_is_refused():
    with pytest.raises(DataError, match="two file systems, 'lake' and 'sea'"):
        Summary().add(hour(0)).add(replace(hour(1), fs="sea"))
    with pytest.raises(DataError, match="two time zones"):
        Summary().add(hour(0)).merge(Summary().add(replace(hour(1), zone="Europe/Berlin")))
    with pytest.raises(DataError, match="no telemetry"):
        summarise([])
    with pytest.raises(DataError, match="no telemetry"):
        summarise([], cluster="sync")


def test_extreme_quantiles_say_whether_they_are_exact():
    summary = Summary(kept=4).add(table_of(np.arange(300.0).reshape(3, 100)))
    assert summary.quantile("open", 0.99) == (np.quantile(np.arange(100.0), 0.99), True)
    middle, exact = summary.quantile("open", 0.5)
    assert not exact
    assert middle == pytest.approx(49.5, rel=2**-9)


def test_handler_times_add_up():
    n = 3
    timed = replace(
        table_of(np.ones((3, n))),
        latency_sum=np.full((3, 1, n), 300.0),
        latency_samples=np.array([10.0, 5.0, 0.0])[:, None, None] * np.ones((3, 1, n)),
    )
    later = replace(timed, start=timed.start + 100.0)
    summary = Summary().add(timed).merge(Summary().add(later))
    assert summary.handler_time() == {"open": 30.0, "close": 60.0}


def test_days_are_local_days():
    # 2019-03-10 has 23 hours in Los Angeles
    table = replace(
        table_of(np.ones((3, 72)), np.ones(72), start=1_552_118_400.0, step=3600.0),
        zone="America/Los_Angeles",
    )
    days = Summary().add(table).days
    assert {day: sums.n for (day, _), sums in days.items()} == {
        "2019-03-09": 24,
        "2019-03-10": 23,
        "2019-03-11": 24,
        "2019-03-12": 1,
    }


def test_same_summary_on_a_cluster_of_two_workers():
    pytest.importorskip("distributed")
    from distributed import Client, LocalCluster

    loaders = [partial(hour, i) for i in range(5)]
    one = summarise(loaders, budget=2000)
    with (
        # workers as threads that talk TCP: processes could not import this file under pytest-xdist
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address=None,
            processes=False,
            protocol="tcp",
        ) as cluster,
        Client(cluster) as client,
    ):
        assert len(client.scheduler_info()["workers"]) == 2
        same(summarise(loaders, budget=2000, cluster=client), one)


def test_same_summary_on_threads():
    loaders = [partial(hour, i) for i in range(3)]
    same(summarise(loaders, cluster="threads"), summarise(loaders))


def test_memory_does_not_grow_with_the_months():
    day = hour(0, 4320)

    def days(count: int) -> Iterator[Counters]:
        for number in range(count):
            yield replace(day, start=day.start + 86_400.0 * number)

    def peak(count: int) -> int:
        tracemalloc.start()
        try:
            summarise(days(count), budget=3000)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    few, many = peak(4), peak(24)
    assert many < 1.2 * few
    assert many < 60e6
