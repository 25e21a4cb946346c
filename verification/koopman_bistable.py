"""Are the two slow modes of a bistable service found in runs of it, and its stuck side?

Two retry services, three data sets each, that no setting was chosen on. Modes: within 15 % of
the exact chain's. Stuck side: more than 95 % of the states on the side on which the exact
committor's level 1/2 puts them, counted in three ways.

    python verification/koopman_bistable.py
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from koopman_chains import Sampled, service, verdict
from separatrix.koopman import DMD, Koopman, PolynomialEDMD, RadialEDMD, find_basins
from separatrix.markov import committor, spectrum

RESULT = Path(__file__).parent / "results" / "koopman_bistable.md"
STEP, RUNS, SAMPLES = 0.5, 120, 8000  # 400 slow timescales: the data themselves leave 5 %
SEEDS = (301, 302, 303)
SERVICES = {
    "load 0.7, 30 places, 3 retries": service(0.7, 30, timeout=2.0, retries=3, orbit=30),
    "load 0.78, 30 places, 2 retries": service(0.78, 30, timeout=2.0, retries=2, orbit=30),
}
LIMIT, SHARE = 0.15, 0.95


def main() -> int:
    slow = [
        "| service | data | mode | exact [s] | autoencoder | DMD | EDMD polynomial | EDMD radial | reading |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    sides = [
        "| service | data | by the stationary law | states seen | seen, committor 0.02 to 0.98 | reading |",
        "|---|---|---|---|---|---|",
    ]
    for name, program in SERVICES.items():
        chain = Sampled(program, STEP)
        exact = spectrum(chain.population, 3)
        times = -1.0 / exact.eigenvalues.real[1:3]
        healthy, stuck = np.zeros(chain.shape, bool), np.zeros(chain.shape, bool)
        healthy[:2, :1], stuck[-3:, -6:] = True, True
        q = committor(chain.population, stuck, healthy).probability.reshape(-1)
        law = exact.law.pi.reshape(-1)
        every = chain.states(np.arange(chain.last + 1))
        for seed in SEEDS:
            runs = chain.from_both_ends(RUNS, SAMPLES, seed)
            model = Koopman(seed=seed, device="cpu").fit(runs, STEP)
            others = [
                m.fit(runs, STEP).timescales_ for m in (DMD(), PolynomialEDMD(), RadialEDMD())
            ]
            for i in range(2):
                found = model.timescales_[i]
                cells = " | ".join(f"{t[i]:.4g}" for t in others)
                off = found / times[i] - 1.0
                slow.append(
                    f"| {name} | {seed} | {i + 1} | {times[i]:.4g} | {found:.4g} ({100 * off:+.1f} %) | {cells} "
                    f"| {verdict(abs(off) <= LIMIT)} |"
                )
                print(slow[-1], flush=True)
            said = find_basins(model, runs).stuck(every) == (q > 0.5)
            places = [np.ravel_multi_index(tuple(r.astype(int).T), chain.shape) for r in runs]
            seen = np.bincount(np.concatenate(places), minlength=len(q)) > 0
            weights = (law, seen * 1.0, (seen & (abs(q - 0.5) < 0.48)) * 1.0)
            shares = [float((said * w).sum() / w.sum()) for w in weights]
            cells = " | ".join(f"{100 * s:.2f} %" for s in shares)
            sides.append(f"| {name} | {seed} | {cells} | {verdict(min(shares) > SHARE)} |")
            print(sides[-1], flush=True)
    text = "\n".join(
        ["# A bistable service, learned against exact", "", "## Two slow modes", "", *slow, "",
         "## The stuck side", "", *sides, ""]
    )  # fmt: skip
    RESULT.write_text(text)
    return 1 if "wrong" in text else 0


if __name__ == "__main__":
    sys.exit(main())
