"""Is the mean queue foretold better than by persistence, AR(1) and DMD, at k = 10, 100, 1000 samples?

Models are learned from runs of one server (half from empty, half from full) and asked for the mean queue
k samples after every state: the exact conditional mean is known from the chain. Several data sets a
system; the root mean square is over data sets and states, so that no lucky data set decides. At
k = 1000 a plain queue has settled, and what is asked for is its mean, which no method knows better than
the data do: the column "mean of the data" has the error of the plain average of all samples.

    python verification/koopman_prediction.py
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from koopman_chains import Sampled, service, verdict
from separatrix.koopman import DMD, Koopman

RESULT = Path(__file__).parent / "results" / "koopman_prediction.md"
STEP, AHEAD = 0.5, (10, 100, 1000)
SEEDS = range(201, 207)
SYSTEMS = {
    "load 0.97, 100 places, 400 runs of 900 samples": (service(0.97, 100), 400, 900),
    "load 0.97, 100 places, 120 runs of 3000 samples": (service(0.97, 100), 120, 3000),
    "load 0.9, 50 places, 400 runs of 300 samples": (service(0.9, 50), 400, 300),
    "bistable: load 0.75, 28 places, timeout 2 s, 2 retries, 40 runs of 8000 samples": (
        service(0.75, 28, timeout=2.0, retries=2, orbit=28), 40, 8000,
    ),
}  # fmt: skip


def autoregression(runs: list[np.ndarray]) -> Callable[[np.ndarray, int], np.ndarray]:
    """AR(1) of the queue alone, by least squares."""
    x, y = (
        np.concatenate([r[part, 0] for r in runs]) for part in (slice(None, -1), slice(1, None))
    )
    slope = np.cov(x, y)[0, 1] / x.var()
    centre = (y.mean() - slope * x.mean()) / (1.0 - slope)
    return lambda states, k: centre + slope**k * (states[:, 0] - centre)


def main() -> int:
    out = [
        "# Root mean square error of the predicted mean queue",
        "",
        f"Over data seeds {SEEDS.start} to {SEEDS.stop - 1} and all states visited.",
        "",
        "| system | k | autoencoder | persistence | AR(1) | DMD | mean of the data | reading |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, (program, count, samples) in SYSTEMS.items():
        chain = Sampled(program, STEP)
        queue = chain.states(np.arange(chain.last + 1))[:, 0]
        exact = {k: np.linalg.matrix_power(chain.P, k) @ queue for k in AHEAD}
        square: dict[int, list[list[float]]] = {k: [] for k in AHEAD}
        for seed in SEEDS:
            runs = chain.from_both_ends(count, samples, seed)
            model, dmd = Koopman(seed=seed, device="cpu").fit(runs, STEP), DMD().fit(runs, STEP)
            ar1, centre = autoregression(runs), float(np.concatenate(runs)[:, 0].mean())
            # unseen runs of the same system, and where they are
            unseen = chain.from_both_ends(40, samples, 10_000 + seed)
            kept = [size for size in chain.shape if size > 1]
            places = np.concatenate(
                [np.ravel_multi_index(tuple(r.astype(int).T), kept) for r in unseen]
            )
            at = np.unique(places)
            states = chain.states(at)
            for k in AHEAD:
                guesses = (
                    model.predict(states, [k])[:, 0, 0], states[:, 0], ar1(states, k),
                    dmd.predict(states, [k])[:, 0, 0], np.full(len(at), centre),
                )  # fmt: skip
                square[k].append([float(np.mean((g - exact[k][at]) ** 2)) for g in guesses])
        for k in AHEAD:
            errors = np.sqrt(np.mean(square[k], axis=0))
            cells = " | ".join(f"{e:.2f}" for e in errors)
            good = errors[0] < errors[1:4].min()
            out.append(f"| {name} | {k} | {cells} | {verdict(good)} |")
            print(out[-1], flush=True)
    text = "\n".join([*out, ""])
    RESULT.write_text(text)
    return 1 if "wrong" in text else 0


if __name__ == "__main__":
    sys.exit(main())
