"""Cost weights of Lustre metadata operations: a notebook's whole story, from files to a plan.

The notebook read months of TOKIO archives, guessed weights from each operation's highest rates, and
compared the weighted load with the CPU load. The same here on files in the real formats, made from
known costs, so that every method can be held against the truth; then who loads the servers, and whom
to move.
"""

import tempfile
from pathlib import Path

import numpy as np

from separatrix.placement import Limits, demand, place
from separatrix.telemetry import get_dataframe_from_time_range, load, read
from separatrix.telemetry.synthesize import COSTS, default_system, write_days
from separatrix.telemetry.synthesize_jobs import write_job_dumps
from separatrix.weights import CostWeights, summarise
from separatrix.weights.score import score, score_accounts

DAY = 1_546_300_800.0  # 2019-01-01 UTC
folder = Path(tempfile.mkdtemp())

# Two days of archives of one metadata server, 20 s apart; a part of the samples is missing
system = default_system(n_targets=1, n_users=60, step=20.0, mean_rate=4_000.0, link="concave")
list(write_days(folder, system, 7, first_day=DAY, days=2, missing=0.01))
store = {"hdf5_files": {"cscratch": str(folder / "%Y-%m-%d" / "synthetic.hdf5")}}
days = {"fs": "cscratch", "start": "2019-01-01", "end": "2019-01-03", "config": store}
rates = get_dataframe_from_time_range(
    "cscratch", "/mdtargets/openrates", "2019-01-01", "2019-01-03", config=store
)
print(f"{len(rates)} intervals; the notebook's own call gives {rates.shape[1]} column of rates")

table = load(**days)
print(str(table.quality).splitlines()[0])

# What was asked, and how it adds up
summary = summarise([table])
shares = dict(zip(table.operations, np.nansum(table.counts, axis=(1, 2)), strict=True))
whole = sum(shares.values())
print("\nshare of all operations, added up")
total = 0.0
for name in sorted(shares, key=lambda operation: -shares[operation])[:5]:
    total += shares[name] / whole
    print(f"  {name:<8} {total:6.3f}")

# Three methods against the truth: an open is worth 1
print("\ncost of an operation, in opens")
methods = {m: CostWeights(method=m).fit(table).weights_ for m in ("notebook", "regression")}
print(f"  {'':<8} {'truth':>7} {'notebook':>9} {'regression':>11}")
for name in ("close", "getattr", "unlink", "setattr"):
    truth = COSTS[name] / COSTS["open"]
    found = [methods[m][name] / methods[m]["open"] for m in methods]
    print(f"  {name:<8} {truth:7.1f} {found[0]:9.1f} {found[1]:11.1f}")

# The score against the CPU load
print("\ncorrelation of the load score with the CPU load")
for method, weights in methods.items():
    scored = score(weights, table)
    known = ~np.isnan(scored.score[0]) & ~np.isnan(scored.cpu[0])
    print(f"  {method:<11} {np.corrcoef(scored.score[0][known], scored.cpu[0][known])[0, 1]:.2f}")

# Who loads the servers, from job_stats, and whom to move
busy = default_system(n_targets=4, n_users=60, mean_rate=500.0)
dumps = list(write_job_dumps(folder / "jobs", busy, 8, start=DAY, dumps=12))
tables = list(read(dumps))
costs = methods["regression"]
loads = score_accounts(
    costs,
    next(t.accounts for t in tables if t.accounts is not None and t.accounts.n_rows),
    by="user",
)
print(
    f"\n{len(loads)} users in the first dumps; the first of them asks for {loads[0].share:.0%} of the load"
)
plan = place(
    demand(costs, tables, window=900.0),
    Limits(moves=4),
    gap=0.02,
    seconds=120,
    template="/s/{user}",
)
before, after = plan.peak_before.max(), plan.peak_after.max()
print(f"{len(plan.moves)} moves lower the worst peak by {1 - after / before:.0%}; ", end="")
print(f"proven within 2 % of the best plan: {plan.gap <= 0.02}")
print(plan.moves[0].commands[1].text.split("/")[0] + "... is printed, never run")
