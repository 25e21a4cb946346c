"""Do our DMD and extended DMD have the eigenvalues that PyDMD and deeptime find in the same data?

The peers run in an environment of their own, which has PyDMD and deeptime:

    python verification/koopman_peers.py PYTHON

DMD of the peers has no offset, ours has: the data are centred so that both regressions are the same. The
monomials of deeptime hold the constant, whose eigenvalue 1 is left out. Ours and theirs solve the same
least squares, so the eigenvalues must agree to rounding.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from koopman_chains import Sampled, service, verdict
from separatrix.koopman import DMD, PolynomialEDMD, Trajectories

HERE = Path(__file__).parent
RESULT = HERE / "results" / "koopman_peers.md"
DEGREE, LIMIT = 4, 1e-6


def linear(seed: int) -> list[np.ndarray]:
    """A damped rotation beside a slow mode, driven by noise."""
    rng = np.random.default_rng(seed)
    A = np.array([[0.9, 0.3, 0.0], [-0.3, 0.9, 0.1], [0.0, 0.0, 0.98]])
    out = []
    for _ in range(20):
        x = [rng.normal(size=3)]
        for _ in range(400):
            x.append(A @ x[-1] + 0.1 * rng.normal(size=3))
        out.append(np.array(x))
    return out


SYSTEMS = {
    "noisy linear system of three": lambda: linear(0),
    "queue, load 0.9, 20 places": lambda: Sampled(service(0.9, 20), 0.5).from_both_ends(200, 200, 1),
    "retry service, queue and orbit": lambda: Sampled(
        service(0.75, 20, timeout=2.0, retries=2, orbit=12), 0.5
    ).from_both_ends(40, 1000, 2),
}  # fmt: skip


def prepared(runs: list[np.ndarray]) -> np.ndarray:
    """Centred so that both sides of the one-step regression have no mean, unit variance."""
    stack = np.array(runs)
    stack = (stack - stack.mean(axis=(0, 1))) / stack.std(axis=(0, 1))
    # the regression with an offset equals the one without where first and last samples have one mean
    ends = np.concatenate([stack, stack[:, ::-1]])
    first, last = ends[:, :-1].mean(axis=(0, 1)), ends[:, 1:].mean(axis=(0, 1))
    return ends - 0.5 * (first + last)


def apart(ours: np.ndarray, theirs: list[list[float]]) -> float:
    """Largest distance of one of ours to the nearest of theirs, and of theirs to the nearest of ours."""
    other = np.array([complex(*v) for v in theirs])
    distance = np.abs(ours[:, None] - other[None])
    return float(max(distance.min(axis=1).max(), distance.min(axis=0).max()))


def main(python: str) -> int:
    out = [
        "# Our DMD and extended DMD against PyDMD and deeptime",
        "",
        f"Monomials up to degree {DEGREE}. Largest distance between an eigenvalue and its nearest of the peer's.",
        "",
        "| system | peer | slowest of ours | slowest of the peer's | largest distance | reading |",
        "|---|---|---|---|---|---|",
    ]
    for name, make in SYSTEMS.items():
        runs = prepared(make())
        with tempfile.TemporaryDirectory() as place:
            file = Path(place) / "runs.npz"
            np.savez(file, runs=runs)
            printed = subprocess.run(
                [python, str(HERE / "peers" / "koopman_eigenvalues.py"), str(file), str(DEGREE)],
                check=True, capture_output=True, text=True, env={},
            ).stdout  # fmt: skip
        peers = json.loads(printed.splitlines()[-1])
        data = Trajectories.of(list(runs))
        plain, extended = DMD().fit(data), PolynomialEDMD(DEGREE).fit(data)
        for peer, values in peers.items():
            ours = (extended if "EDMD" in peer else plain).eigenvalues_
            if "EDMD" in peer:
                ours = np.append(ours, 1.0)  # the constant's own
            far = apart(ours, values)
            slow = next(v for v in ours if abs(v - 1.0) > 1e-9)
            theirs = next(complex(*v) for v in values if abs(complex(*v) - 1.0) > 1e-9)
            out.append(
                f"| {name} | {peer} | {abs(slow):.9f} | {abs(theirs):.9f} | {far:.1e} "
                f"| {verdict(far < LIMIT)} |"
            )
            print(out[-1], flush=True)
    text = "\n".join([*out, ""])
    RESULT.write_text(text)
    return 1 if "wrong" in text else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
