from __future__ import annotations

import json

import numpy as np
import pytest

from separatrix.errors import DataError
from separatrix.telemetry import Counters, QualityLog, Repair
from separatrix.telemetry.promseries import Series, accounts_of, counters_of, host_of, series_of


def stats(target: str, operation: str, stamps: list, values: list, **more: str) -> Series:
    labels = {
        "__name__": more.pop("name", "lustre_stats_total"),
        "component": "mdt",
        "operation": operation,
        "target": target,
        "instance": "mds1:32221",
        **more,
    }
    return Series(labels, np.array(stamps, float), np.array(values, float))


def table(series: list[Series], fs: str = "") -> tuple[Counters, QualityLog]:
    log = QualityLog()
    made = counters_of(series, fs=fs, zone="UTC", source="s", log=log)
    assert made is not None
    return made, log


def idle(cpu: int, stamps: list, values: list, instance: str = "mds1:9100") -> Series:
    labels = {
        "__name__": "node_cpu_seconds_total",
        "mode": "idle",
        "cpu": str(cpu),
        "instance": instance,
    }
    return Series(labels, np.array(stamps, float), np.array(values, float))


def test_counters_latency_and_load() -> None:
    t = [0, 60, 120]
    c, _ = table(
        [
            stats("fs-MDT0000", "open", t, [0, 60, 180]),
            stats("fs-MDT0000", "open", t, [0, 6_000, 12_000], name="lustre_stats_time_total"),
            stats("fs-MDT0000", "read_bytes", t, [0, 1, 2]),
            stats("fs-OST0000", "open", t, [0, 1, 2], component="ost"),
            idle(0, t, [0, 60, 90]),
            idle(1, t, [0, 30, 60]),
            Series({"__name__": "up"}, np.array(t, float), np.ones(3)),
        ]
    )
    assert c.targets == ("fs-MDT0000",)
    assert c.operations == ("open",)
    assert c.counts.ravel().tolist() == [60, 120]
    assert c.cpu.ravel().tolist() == [25.0, 50.0]
    assert c.server_of == ("mds1",)
    assert c.latency_sum is not None
    assert c.latency_sum.ravel().tolist() == [6_000, 6_000]


def test_resets_gaps_and_new_operations() -> None:
    t = [0, 60, 120, 180, 600, 660]
    c, log = table(
        [
            stats("fs-MDT0000", "open", t, [50, 60, 5, 6, 7, 8]),
            stats("fs-MDT0000", "mkdir", t[3:], [2, 3, 4]),
        ]
    )
    assert c.start.tolist() == [0, 60, 120, 600]
    opens, mkdirs = c.values[:, 0]
    assert np.isnan(opens[1])
    assert opens[[0, 2, 3]].tolist() == [10, 1, 1]
    assert mkdirs[2] == 2
    assert log.report().count(Repair.COUNTER_RESET) == 1
    assert log.report().count(Repair.GAP) == 6


def test_failover_loses_one_interval() -> None:
    c, _ = table(
        [
            stats("fs-MDT0000", "open", [0, 60, 120], [0, 60, 120]),
            stats("fs-MDT0000", "open", [180, 240, 300], [5, 65, 125], instance="mds2:32221"),
            idle(0, [0, 60, 120, 180, 240, 300], [0, 60, 120, 180, 240, 300], "mds2:9100"),
        ]
    )
    assert c.targets == ("fs-MDT0000",)
    assert np.isnan(c.values[0, 0, 2])
    assert c.values[0, 0, [0, 1, 3, 4]].tolist() == [60] * 4
    assert c.server_of == ("mds2",)


def test_other_file_systems_are_left_out() -> None:
    c, _ = table(
        [stats("a-MDT0000", "open", [0, 60], [0, 1]), stats("b-MDT0000", "open", [0, 60], [0, 1])],
        fs="b",
    )
    assert c.targets == ("b-MDT0000",)


def test_a_restarted_server_has_no_load_then() -> None:
    c, _ = table([stats("m", "open", [0, 60, 120], [0, 1, 2]), idle(0, [0, 60, 120], [500, 3, 33])])
    assert np.isnan(c.cpu[0, 0])
    assert c.cpu[0, 1] == 50.0


def test_nothing_to_difference() -> None:
    log = QualityLog()
    assert counters_of([], fs="", zone="UTC", source="s", log=log) is None
    lone = stats("m", "open", [0], [1])
    assert counters_of([lone], fs="", zone="UTC", source="s", log=log) is None
    assert log.report().count(Repair.FIRST_SAMPLE) == 1


def test_accounts_of_counters_and_of_increases() -> None:
    t = [0, 60, 120]
    series = [
        stats("fs-MDT0000", "open", t, [5, 10, 4], jobid="a.1", name="lustre_job_stats_total"),
        stats("fs-MDT0000", "open", t[1:], [7, 9], jobid="b.2", name="lustre_job_stats_total"),
    ]
    log = QualityLog()
    a = accounts_of(series, fs="", jobid=None, log=log)
    assert a is not None
    rows = sorted(
        (a.labels[j], s, n) for j, s, n in zip(a.account, a.start, a.counts[0], strict=True)
    )
    assert rows == [("a.1", 0, 5), ("a.1", 60, 4), ("b.2", 0, 7), ("b.2", 60, 2)]
    assert a.by("user").labels == ("1", "2")
    assert log.report().count(Repair.COUNTER_RESET) == 1
    grown = [
        Series(
            {"jobid": "a.1", "operation": "open", "target": "m"},
            np.array([3_600.0]),
            np.array([50.0]),
        )
    ]
    b = accounts_of(grown, fs="", jobid="%e.%u", log=log, increase=3_600.0)
    assert b is not None
    assert (b.start.tolist(), b.step.tolist(), b.counts.tolist()) == ([0], [3_600], [[50]])
    assert accounts_of([], fs="", jobid=None, log=log) is None


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("{", "is not JSON"),
        ("[1]", "a JSON object is expected"),
        ('{"status": "error", "error": "bad_data: parse error"}', "Prometheus answered: bad_data"),
        ('{"status": "success", "data": {"resultType": "vector", "result": []}}', "type 'vector'"),
        ('{"data": {"resultType": "matrix"}}', "holds a result"),
        ('{"data": {"result": [{"metric": {}, "values": [[1, "x"]]}]}}', "damaged series"),
        ('{"data": {"result": [{"values": [[1, "2"]]}]}}', "damaged series"),
    ],
)
def test_bad_answers(answer: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        series_of(answer, "f.json")


def test_answers_hold_not_a_number() -> None:
    text = json.dumps(
        {
            "status": "success",
            "data": {
                "resultType": "matrix",
                "result": [{"metric": {"__name__": "x"}, "values": [[1.5, "NaN"], [2, "3"]]}],
            },
        }
    )
    (series,) = series_of(text, "f")
    assert series.name == "x"
    assert np.isnan(series.values[0])


def test_hosts() -> None:
    assert host_of("mds1:9100") == "mds1"
    assert host_of("mds1") == "mds1"
    assert host_of("") == ""
