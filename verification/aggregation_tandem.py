r"""Does iterated aggregation find the law and the recovery of a real two-server program, to the last digits?

A front server sends work on to a back server and forgets it; clients and calls time out and try again: two
queues and two orbits. `method="aggregated"` against `method="nested"`, which eliminates directly and shares
nothing with it but the rates. The law is compared at every state, the mean recovery at every start outside the
healthy set (all queues at most 5, all orbits at most 3).

Read "right" where no entry differs by more than 1e-9 of itself, "refused" where the iteration says by itself
that it does not converge, "wrong" otherwise.

Run: python verification/aggregation_tandem.py   (about a quarter of an hour of one processor, 9 GB)
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from separatrix.errors import NotConverged
from separatrix.markov import Chain, as_chain, hitting_times, stationary
from separatrix.model import DependentCall, Program, Server, Source, Work
from separatrix.population import lower

RESULT = Path(__file__).parent / "results" / "aggregation_tandem.md"
LIMIT = 1e-9
SIZES = ((12, 12, 12, 12), (99, 13, 14, 14), (299, 9, 10, 10))  # queue, queue, orbit, orbit


def tandem(size: tuple[int, int, int, int]) -> Program:
    front, back, clients, calls = size
    program = Program("tandem")
    on = DependentCall("back", "front", "put", "fire_and_forget", timeout=0.6, retry=1)
    program.add_server(Server("front", {"get": Work(10.0, (on,))}, front, orbit_size=clients))
    program.add_server(Server("back", {"put": Work(9.0)}, back, orbit_size=calls))
    program.add_source(Source("clients", "get", 6.0, timeout=1.0, retries=2))
    program.connect("clients", "front")
    return program


def solved(chain: Chain, method: str) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Law, mean recovery [s] outside the healthy set, and the processor seconds of each."""
    q, p, o, r = np.indices(chain.shape)
    healthy = (q <= 5) & (p <= 5) & (o <= 3) & (r <= 3)
    start = time.process_time()
    log_pi = stationary(chain, method).log_pi
    between = time.process_time()
    mean = hitting_times(chain, healthy, second_moment=False, method=method).mean[~healthy]
    return log_pi, mean, between - start, time.process_time() - between


def apart(found: np.ndarray, law: np.ndarray) -> float:
    """Largest relative difference of two laws, given their logarithms; infinite where one has a state for impossible
    and the other has not."""
    possible = np.isfinite(law)
    if (possible != np.isfinite(found)).any():
        return np.inf
    return float(np.abs(np.expm1(found[possible] - law[possible])).max())


def row(size: tuple[int, int, int, int]) -> tuple[str, bool]:
    chain = as_chain(lower(tandem(size), "geometric"))
    law, mean, law_cpu, mean_cpu = solved(chain, "nested")
    shape = " x ".join(map(str, chain.shape))
    least = law[np.isfinite(law)].min() / np.log(10)
    try:
        found, times, found_cpu, times_cpu = solved(chain, "aggregated")
    except NotConverged as refusal:
        print(refusal, flush=True)
        return (
            f"| {shape} | {chain.n_states:,} | 1e{least:.0f} | | {mean[-1]:.4g} s | |"
            f" {law_cpu:.0f} and {mean_cpu:.0f} | | refused |",
            True,
        )
    law_off = apart(found, law)
    mean_off = float(np.abs(times / mean - 1.0).max())
    right = max(law_off, mean_off) <= LIMIT
    text = (
        f"| {shape} | {chain.n_states:,} | 1e{least:.0f} | {law_off:.1e} | {mean[-1]:.4g} s"
        f" | {mean_off:.1e} | {law_cpu:.0f} and {mean_cpu:.0f} | {found_cpu:.0f} and {times_cpu:.0f}"
        f" | {'right' if right else 'wrong'} |"
    )
    return text, right


def main() -> int:
    lines = [
        "| box | states | least likely | law: worst difference | recovery from the full corner"
        " | recovery: worst difference | CPU s, eliminated | CPU s, iterated | reading |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    wrong = 0
    print("\n".join(lines), flush=True)
    for size in SIZES:
        text, right = row(size)
        wrong += not right
        lines.append(text)
        print(text, flush=True)
    RESULT.write_text(
        "# Iterated aggregation against elimination: a tandem of two servers\n\n"
        "Relative differences, entry by entry; see `verification/aggregation_tandem.py`.\n\n"
        + "\n".join(lines)
        + "\n"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
