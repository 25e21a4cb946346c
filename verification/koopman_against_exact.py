"""Is what is learned from runs what the exact chain says? Four tables, each row "right" or "wrong".

Runs are drawn from the very chain that `markov` solves, so that nothing but learning is tested:
1. one server without retries (20 places), loads 0.5 to 0.98: the slowest timescale within 15 %;
2. k-step prediction of the mean queue on runs that were never seen (load 0.97, 100 places): error
   against the exact conditional mean, better than persistence, AR(1) and DMD;
3. a bistable retry service: two slow modes;
4. its stuck side from the latent space, against the committor's level 1/2.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from scipy.linalg import expm

from separatrix import Program, Server, Source, Work, lower
from separatrix.koopman import DMD, Koopman, PolynomialEDMD, RadialEDMD, find_basins
from separatrix.markov import committor, generator, spectrum

RESULT = Path(__file__).parent / "results" / "koopman_against_exact.md"
LIMIT = 0.15


class Sampled:
    """A chain's exact law over one sampling step, to draw runs from."""

    def __init__(self, program: Program, step: float, closure: str = "geometric") -> None:
        self.population = lower(program, closure)
        self.shape, self.step = self.population.shape, step
        self.P = expm(generator(self.population).toarray() * step)
        self.rows = self.P.cumsum(axis=1)

    def runs(self, starts: list[int], samples: int, rng: np.random.Generator) -> list[np.ndarray]:
        x = np.array(starts)
        out = [x]
        for _ in range(samples - 1):
            u = rng.random(len(x))
            x = np.minimum((self.rows[x] < u[:, None]).sum(axis=1), len(self.rows) - 1)
            out.append(x)
        return list(self.states(np.array(out).T))

    def states(self, index: np.ndarray) -> np.ndarray:
        seen = np.stack(np.unravel_index(index, self.shape), axis=-1).astype(float)
        return seen[..., [i for i, size in enumerate(self.shape) if size > 1]]


def service(load: float, places: int, *, timeout: float = 1e6, retries: int = 0, orbit: int = 1):
    program = Program("verified")
    program.add_server(Server("s", {"a": Work(10.0)}, qsize=places, orbit_size=orbit))
    program.add_source(Source("c", "a", 10.0 * load, timeout=timeout, retries=retries))
    program.connect("c", "s")
    return program


def verdict(good: bool) -> str:
    return "right" if good else "**wrong**"


def timescale_table() -> list[str]:
    out = [
        "| load | exact [s] | autoencoder | DMD | EDMD polynomial | EDMD radial | reading |",
        "|---|---|---|---|---|---|---|",
    ]
    for load, step in ((0.5, 0.1), (0.7, 0.2), (0.8, 0.3), (0.9, 0.5), (0.98, 0.5)):
        chain = Sampled(service(load, 20), step)
        exact = spectrum(chain.population, 2).relaxation_time
        rng = np.random.default_rng(5)
        full = len(chain.P) - 1
        runs = chain.runs([0] * 200 + [full] * 200, int(10 * exact / step), rng)
        found = [
            model.fit(runs, step).timescales_[0]
            for model in (Koopman(seed=0), DMD(), PolynomialEDMD(), RadialEDMD())
        ]
        good = abs(found[0] / exact - 1) <= LIMIT
        cells = " | ".join(f"{t:.3f} ({100 * (t / exact - 1):+.0f} %)" for t in found)
        out.append(f"| {load} | {exact:.3f} | {cells} | {verdict(good)} |")
    return out


def prediction_table() -> list[str]:
    step = 0.5
    chain = Sampled(service(0.97, 100), step)
    full = len(chain.P) - 1
    rng = np.random.default_rng(7)
    runs = chain.runs([0] * 60 + [full] * 60, 3000, rng)
    model, dmd = Koopman(seed=0).fit(runs, step), DMD().fit(runs, step)
    x = np.concatenate([r[:-1, 0] for r in runs])
    y = np.concatenate([r[1:, 0] for r in runs])
    slope = np.cov(x, y)[0, 1] / x.var()
    centre = (y.mean() - slope * x.mean()) / (1 - slope)
    unseen = chain.runs([0, full // 2, full] * 10, 1500, rng)
    starts = np.concatenate([run[:400:100] for run in unseen])
    queue = np.arange(len(chain.P), dtype=float)
    out = ["| k | autoencoder | persistence | AR(1) | DMD | reading |", "|---|---|---|---|---|---|"]
    for k in (10, 100, 1000):
        exact = (np.linalg.matrix_power(chain.P, k) @ queue)[starts[:, 0].astype(int)]
        guesses = [
            model.predict(starts, [k])[:, 0, 0],
            starts[:, 0],
            centre + slope**k * (starts[:, 0] - centre),
            dmd.predict(starts, [k])[:, 0, 0],
        ]
        errors = [float(np.sqrt(np.mean((g - exact) ** 2))) for g in guesses]
        cells = " | ".join(f"{e:.2f}" for e in errors)
        out.append(f"| {k} | {cells} | {verdict(errors[0] < min(errors[1:]))} |")
    return out


def bistable_tables() -> tuple[list[str], list[str]]:
    step = 0.5
    chain = Sampled(service(0.7, 30, timeout=2.0, retries=3, orbit=30), step)
    exact = spectrum(chain.population, 3)
    times = -1.0 / exact.eigenvalues.real[1:3]
    rng = np.random.default_rng(3)
    last = len(chain.P) - 1
    runs = chain.runs([0] * 20 + [last] * 20, 8000, rng)
    model = Koopman(seed=0).fit(runs, step)
    others = [m.fit(runs, step).timescales_ for m in (DMD(), PolynomialEDMD(), RadialEDMD())]
    slow = ["| mode | exact [s] | autoencoder | DMD | EDMD polynomial | EDMD radial | reading |"]
    slow.append("|---|---|---|---|---|---|---|")
    for i in range(2):
        found = model.timescales_[i]
        cells = " | ".join(f"{t[i]:.4g}" for t in others)
        good = abs(found / times[i] - 1) <= LIMIT
        slow.append(f"| {i + 1} | {times[i]:.4g} | {found:.4g} | {cells} | {verdict(good)} |")
    healthy, stuck = np.zeros(chain.shape, bool), np.zeros(chain.shape, bool)
    healthy[:2, :1], stuck[-3:, -6:] = True, True
    q = committor(chain.population, stuck, healthy).probability.reshape(-1)
    found = find_basins(model, runs)
    said = found.stuck(chain.states(np.arange(last + 1))) == (q > 0.5)
    visits = np.zeros(last + 1)
    for run in runs:
        place = np.ravel_multi_index(tuple(run.astype(int).T), chain.shape)
        visits += np.bincount(place, minlength=last + 1)
    law = exact.law.pi.reshape(-1)
    sides = ["| states | share on the right side | reading |", "|---|---|---|"]
    for name, weight in (
        ("weighted by the stationary law", law),
        ("seen in the runs, each once", (visits > 0).astype(float)),
        ("seen, committor between 0.02 and 0.98", ((visits > 0) & (abs(q - 0.5) < 0.48)) * 1.0),
    ):
        share = float((said * weight).sum() / weight.sum())
        sides.append(f"| {name} | {100 * share:.2f} % | {verdict(share > 0.95)} |")
    return slow, sides


def main() -> int:
    parts = ["# Learned against exact", "", "## Slowest timescale", "", *timescale_table(), ""]
    parts += ["## Root mean square error of the predicted mean queue", "", *prediction_table(), ""]
    slow, sides = bistable_tables()
    parts += ["## Bistable service: two slow modes", "", *slow, "", "## Its stuck side", "", *sides]
    text = "\n".join([*parts, ""])
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(text)
    print(text)
    return 1 if "wrong" in text else 0


if __name__ == "__main__":
    sys.exit(main())
