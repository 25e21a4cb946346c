"""From telemetry files to an answer: at which load does this metadata server get stuck?

Archives give the cost of each operation, job_stats the users' habits. Neither shows how long clients
wait: the question is asked for two time-outs. One request of the model stands for 10,000 operations.
"""

import tempfile
from pathlib import Path

from separatrix import check
from separatrix.identify import Clients, identify
from separatrix.telemetry import load, read
from separatrix.telemetry.synthesize import default_system, write_days
from separatrix.telemetry.synthesize_jobs import write_job_dumps
from separatrix.weights import CostWeights

DAY = 1_546_300_800.0
folder = Path(tempfile.mkdtemp())
system = default_system(n_targets=2, n_users=20, step=20.0, mean_rate=60_000.0)
archives = list(write_days(folder / "days", system, 3, first_day=DAY, days=1))
dumps = list(write_job_dumps(folder / "jobs", system, 3, start=DAY, dumps=6))

weights = CostWeights().fit(load(archives)).weights_
jobs = list(read(dumps))
for timeout in (1.0, 2.0):
    found = identify(
        weights,
        jobs,
        Clients(timeout=timeout, retries=1, queue=600_000, threads=8),
        server="synthetic-MDT0000",
        bundle=10_000,
    )
    if timeout == 1.0:
        print(f"{found.server}: asked for {found.utilisation:.0%} of its capacity")
        print(f"{len(found.service)} APIs, {len(found.rates)} groups of users\n")
    print(f"clients retry after {timeout:g} s:")
    for percent in (30, 50, 70, 90):
        verdict = check(found.at(percent / 100))
        print(f"  at {percent} % of the capacity: {verdict.word}")
