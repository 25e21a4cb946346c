"""The benchmark chain, and one quantity of it in this process: JSON on standard output.

    python markov_chain.py NAME QUEUE ORBIT QUANTITY [--second]

QUANTITY is one of `QUANTITIES`. `--second` measures the error: what is eliminated is eliminated once
more in the opposite order, along another dissection, and no entry may differ by more; untimed.
"""

from __future__ import annotations

import json
import math
import os
import resource
import sys
import time

import numpy as np
from scipy.special import gammaincc

SETS = {
    "A": dict.fromkeys(((100, 20), (200, 50), (1000, 100), (2000, 500), (10000, 1000)), (9.5, 9.0)),
    "B": {
        (100, 20): (9.0, 4.5), (200, 50): (8.5, 9.0), (1000, 100): (9.2, 45.0),
        (2000, 500): (8.0, 90.0), (10000, 1000): (9.2, 450.0),
    },
}  # fmt: skip
QUANTITIES = {
    "law": "P(orbit < half) in the stationary law",
    "recovery": "mean time [s] from the full state to the empty one",
    "escape": "mean time [s] from the empty state to orbit >= half",
    "gap": "spectral gap [1/s]",
    "committor": "P(orbit >= half before empty) from a queue at half, orbit 0",
    "quantile": "99th percentile [s] of the escape",
}


def chain(name, size):
    from separatrix.markov.generator import as_chain
    from separatrix.population.lattice import Axis, Population, Transition

    # sizes between the published ones: two regimes, as in set B
    (nq, no), (rate, timeout) = size, SETS[name].get(size, (9.2, 0.045 * size[0]))
    mu, r = 10.0, 3
    again, done = r / ((r + 1) * timeout), 1 / ((r + 1) * timeout)

    def late(q):
        return np.where(q > 0, gammaincc(np.maximum(q, 1.0), mu * timeout), 0.0)

    def accept(x):
        q, o = x
        extra = (o == no - 1) * rate * late(q)
        return (q < nq - 1) * (rate * (1 - late(q)) + o * again * late(q) + extra)

    return as_chain(
        Population(
            "benchmark",
            "metafor",
            (Axis("queue", nq, "queue"), Axis("orbit", no, "orbit")),
            (
                Transition("serve", (-1, 0), lambda x: mu * (x[0] > 0) * np.ones_like(x[1])),
                Transition("accept", (1, 0), accept),
                Transition(
                    "late", (1, 1), lambda x: (x[0] < nq - 1) * (x[1] < no - 1) * rate * late(x[0])
                ),
                Transition(
                    "retry", (1, -1), lambda x: (x[0] < nq - 1) * x[1] * again * (1 - late(x[0]))
                ),
                Transition("give up", (0, -1), lambda x: x[1] * (done + again * (x[0] == nq - 1))),
            ),
        )
    )


def sets(size):
    """Masks of orbit < half and of the empty state."""
    q, o = np.indices(size, dtype=np.int32)
    return o < size[1] // 2, (q + o) == 0


def solve(built, size, quantity, law):
    """Value, decimal logarithm (None: see the value), error of its own estimate, status, and the result."""
    from separatrix.markov import (
        committor,
        hitting_quantiles,
        hitting_times,
        spectrum,
        stationary,
    )

    low, empty = sets(size)
    if quantity == "law":
        found = stationary(built)
        log10 = float(np.logaddexp.reduce(found.log_pi[low])) / math.log(10.0)
        return found.probability(low), log10, found.error, found.status
    if quantity == "gap":
        modes = spectrum(built, law=law)
        return modes.gap, None, modes.gap_error, modes.status
    if quantity == "committor":
        split = committor(built, ~low, empty)
        at = (size[0] // 2, 0)
        log10 = float(split.log_probability[at]) / math.log(10.0)
        return float(split.probability[at]), log10, split.error, split.status
    times = hitting_times(built, empty if quantity == "recovery" else ~low, second_moment=False)
    if quantity == "quantile":
        (late,) = hitting_quantiles(times, (0, 0), (0.99,))
        return late.time, late.log_time / math.log(10.0), late.error, late.status
    at = (-1, -1) if quantity == "recovery" else (0, 0)
    log10 = float(times.log_mean[at]) / math.log(10.0)
    return float(times.mean[at]), log10, times.error, times.status


def disagreement(built, size, quantity):
    """Largest relative difference of any entry between two orders of elimination; None where none is offered."""
    from separatrix.markov import hitting_times, stationary

    low, empty = sets(size)
    if quantity == "law":
        return stationary(built, certify=True).certificate.agreement
    if quantity in ("recovery", "escape"):
        target = empty if quantity == "recovery" else ~low
        return hitting_times(built, target, second_moment=False, certify=True).error
    return None


def main():
    name, nq, no, quantity, *second = sys.argv[1:]
    size = int(nq), int(no)
    from separatrix.markov import spectrum, stationary

    spectrum(chain("B", (1000, 100)))  # machine code is read from its cache here
    time.sleep(0.2)  # the threads of BLAS spin for a while after a product: not ours to count
    load = os.getloadavg()[0]
    built = chain(name, size)
    law = stationary(built) if quantity == "gap" else None
    wall, cpu = time.perf_counter(), time.process_time()
    value, log10, error, status = solve(built, size, quantity, law)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    measured = disagreement(built, size, quantity) if second else None
    print(
        json.dumps(
            {
                "value": value, "log10": log10, "status": status, "wall": wall, "cpu": cpu,
                "peak_gb": peak, "load": load, "error": error if measured is None else measured,
                "by": "estimate" if measured is None else "second order",
            }
        )
    )  # fmt: skip


if __name__ == "__main__":
    main()
