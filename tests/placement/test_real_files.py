"""The way from real files to a plan and to a program; the files are not part of the repository."""

from __future__ import annotations

import numpy as np

from separatrix.identify import Clients, identify
from separatrix.placement import Limits, demand, place
from separatrix.telemetry import load, read
from separatrix.weights import CostWeights


def test_from_a_real_day_to_a_program(shared):
    table = load(shared / "data" / "tokio" / "edison_snx11025_2018-02-09.h5lmt")
    weights = CostWeights().fit(table).weights_
    clients = Clients(timeout=30.0, retries=3)
    found = identify(weights, [table], clients, server=table.targets[0], bundle=1_000)
    # what was asked cannot exceed what the server could do, and the day's CPU was moderate
    assert 0.0 < found.utilisation < 1.0
    rates = found.rates["all"]
    opens = table.counts[table.operations.index("open"), 0]
    known = ~np.isnan(opens)
    assert rates["open"] == np.sum(opens[known]) / np.sum(table.step[known])
    assert found.program.problems() == []


def test_from_real_job_stats_to_a_plan(shared):
    day = load(shared / "data" / "tokio" / "edison_snx11025_2018-02-09.h5lmt")
    weights = CostWeights().fit(day).weights_
    tables = list(read(shared / "data" / "lustre" / "job_stats_2.14_usecs.txt"))
    asked = demand(weights, tables, window=3_600.0)
    assert asked.targets == ("es01a-MDT0000", "es02a-MDT0000")
    plan = place(asked, Limits(1), gap=1e-4)
    assert plan.status == "ok"
    assert len(plan.moves) <= 1
    assert plan.bound <= plan.peak_after.max() <= plan.peak_before.max()
