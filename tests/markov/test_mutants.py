"""A sample of the mutants of the elimination kernels: each must be noticed by the known answers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_a_sample_of_mutants_is_killed():
    script = ROOT / "verification" / "markov_mutants.py"
    paths = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, str(script), "--every", "97"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": paths, "OPENBLAS_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " killed. right" in done.stdout
