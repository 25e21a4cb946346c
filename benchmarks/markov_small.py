"""Seconds per quantity on the benchmark chain, each in a fresh process with an empty cache.

Run: python benchmarks/markov_small.py  (about a minute; sizes may be given, such as 100x60)
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time

SIZES = {
    "100x20": (100, 20, 9.0, 4.5),
    "100x60": (100, 60, 9.5, 9.0),
    "200x50": (200, 50, 8.5, 9.0),
    "200x420": (200, 420, 8.5, 9.0),
    "1000x100": (1000, 100, 9.2, 45.0),
}

WORK = """
import resource, sys, time
begin = time.perf_counter()
import numpy as np
from scipy.special import gammaincc
from separatrix.markov import (as_chain, committor, hitting_quantiles, hitting_times, spectrum,
                               stationary)
from separatrix.population.lattice import Axis, Population, Transition
nq, no, lam, T = {size}
mu, r = 10.0, 3
mr, md = r / ((r + 1) * T), 1 / ((r + 1) * T)
tail = lambda q: np.where(q > 0, gammaincc(np.maximum(q, 1.0), mu * T), 0.0)
population = Population('b', 'metafor', (Axis('queue', nq, 'queue'), Axis('orbit', no, 'orbit')), (
    Transition('serve', (-1, 0), lambda x: mu * (x[0] > 0) * np.ones_like(x[1])),
    Transition('accept', (1, 0), lambda x: (x[0] < nq - 1) * (lam * (1 - tail(x[0]))
        + x[1] * mr * tail(x[0]) + (x[1] == no - 1) * lam * tail(x[0]))),
    Transition('late', (1, 1), lambda x: (x[0] < nq - 1) * (x[1] < no - 1) * lam * tail(x[0])),
    Transition('retry', (1, -1), lambda x: (x[0] < nq - 1) * x[1] * mr * (1 - tail(x[0]))),
    Transition('give up', (0, -1), lambda x: x[1] * (md + mr * (x[0] == nq - 1)))))
laps = [('import', time.perf_counter() - begin)]
def lap(name, work):
    start = time.perf_counter()
    result = work()
    laps.append((name, time.perf_counter() - start))
    return result
chain = lap('rates', lambda: as_chain(population))
law = lap('law', lambda: stationary(chain))
q, o = np.indices(chain.shape)
empty, half = (q + o) == 0, o >= no // 2
back = lap('recovery', lambda: hitting_times(chain, empty))
lap('its p50, p99', lambda: hitting_quantiles(back, (nq - 1, no - 1)))
away = lap('escape', lambda: hitting_times(chain, half))
lap('its p50, p99', lambda: hitting_quantiles(away, (0, 0)))
lap('committor', lambda: committor(chain, half, empty))
modes = lap('gap', lambda: spectrum(chain, law=law))
laps.append(('all', time.perf_counter() - begin))
print('  '.join(f'{{n}} {{t:.3f}}' for n, t in laps))
print(f'  recovery {{back.at((nq - 1, no - 1)).mean!r}} s, escape {{away.at(0).mean!r}} s,'
      f' gap {{modes.gap!r}} 1/s,'
      f' peak {{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f}} GB')
"""

GENERATOR = """
import time
import numpy as np
from separatrix.markov import as_chain, generator
from separatrix.population.lattice import Axis, Population, Transition
n = 1000
axes = (Axis('queue', n, 'queue'), Axis('orbit', n, 'orbit'))
moves = [Transition(f'{dx}{dy}', (dx, dy), lambda x, dx=dx, dy=dy: (1.0 + 0.1 * x[0] + 0.2 * x[1])
    * ((x[0] + dx >= 0) & (x[0] + dx < n) & (x[1] + dy >= 0) & (x[1] + dy < n)))
    for dx, dy in ((1, 0), (-1, 0), (1, 1), (1, -1), (0, -1))]
start = time.perf_counter()
Q = generator(Population('g', 'staged', axes, tuple(moves)))
print(f'generator of {Q.shape[0]} states, {Q.nnz} entries: {time.perf_counter() - start:.2f} s')
"""


def main(sizes: list[str]) -> None:
    with tempfile.TemporaryDirectory() as cache:
        for size in sizes:
            start = time.perf_counter()
            script = WORK.format(size=SIZES[size])
            done = subprocess.run(
                [sys.executable, "-c", script],
                capture_output=True,
                text=True,
                check=True,
                env={**os.environ, "NUMBA_CACHE_DIR": cache},
            )
            print(f"{size}: process {time.perf_counter() - start:.2f} s\n  {done.stdout}", end="")
    print(subprocess.run([sys.executable, "-c", GENERATOR], capture_output=True, text=True).stdout)


if __name__ == "__main__":
    main(sys.argv[1:] or list(SIZES))
