r"""Would the known answers notice a wrong sign, index or operator in the elimination? Read "right" or "wrong".

The kernels of both eliminations run uncompiled. One place at a time is changed: an operator, a
comparison, a constant, an index, a `max` for a `min`, a statement left out. Each mutant then solves
small chains whose laws, hitting times, expected times, and signed solutions are known in 60 digits
(mpmath); it is killed when an entry is off by more than 1e-10, when it raises, or when it does not
come back. Panels of 2 and leaves of 6 states make small chains walk through every branch.

A mutant that survives must be named in `markov_equivalents`, change for change, with the reason why it
changes no answer.

Run: python verification/markov_mutants.py [--every K] [--offset N] [--only FUNCTION] [--out FILE]
(all of it: about 20 minutes of one processor; `--every 97` is part of the tests)
"""

from __future__ import annotations

import os

os.environ["NUMBA_DISABLE_JIT"] = "1"

import argparse
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from markov_equivalents import excuse
from markov_mutant_answers import cases
from markov_mutant_checks import Killed, checks, shrink
from markov_mutant_syntax import Mutant, mutants


def fate(mutant: Mutant, asked: list[Callable[[], None]], seconds: float) -> str:
    """What became of a mutant, in a process of its own: wrong, raised, hung, or survived."""
    child = os.fork()
    if child == 0:
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
        signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
        mutant.function.__code__ = mutant.code
        try:
            for ask in asked:
                ask()
        except Killed:
            os._exit(1)
        except BaseException:  # whatever a mutant raises has killed it
            os._exit(2)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return "hung"
    return ("survived", "wrong", "raised")[os.WEXITSTATUS(status)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="take every K-th mutant only")
    parser.add_argument(
        "--offset", type=int, default=0, help="begin with the mutant of this number"
    )
    parser.add_argument("--only", help="mutants of one function")
    parser.add_argument("--out", type=Path)
    asked_for = parser.parse_args()
    np.seterr(all="ignore")
    shrink()
    asked = checks(cases())
    start = time.process_time()
    for ask in asked:  # the kernels as they are: nothing may be killed
        ask()
    budget = max(10.0 * (time.process_time() - start), 3.0)
    # the quick checks first: most mutants die there
    counts: dict[str, dict[str, int]] = {}
    survivors: list[tuple[Mutant, str | None]] = []
    for number, mutant in enumerate(mutants(asked_for.only)):
        if (number - asked_for.offset) % asked_for.every:
            continue
        end = fate(mutant, asked, budget)
        row = counts.setdefault(
            mutant.name, dict.fromkeys(("wrong", "raised", "hung", "survived"), 0)
        )
        row[end] += 1
        if end == "survived":
            reason = excuse(mutant.name, mutant.text, mutant.before, mutant.after)
            survivors.append((mutant, reason))
            if reason is None:
                print(
                    f"survived: {mutant.name}:{mutant.line} `{mutant.before}` -> `{mutant.after}`",
                    flush=True,
                )
    lines = [
        "| kernel | mutants | wrong answer | raised | did not end | changes nothing | unseen |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, row in counts.items():
        unseen = sum(1 for m, reason in survivors if m.name == name and reason is None)
        lines.append(
            f"| {name} | {sum(row.values())} | {row['wrong']} | {row['raised']} | {row['hung']}"
            f" | {row['survived'] - unseen} | {unseen} |"
        )
    unseen = [m for m, reason in survivors if reason is None]
    total = sum(sum(row.values()) for row in counts.values())
    lines += [
        "",
        f"{total - len(survivors)} of {total} killed. " + ("wrong" if unseen else "right"),
    ]
    reasons = {(m.name, m.text): why for m, why in survivors if why}
    if reasons:
        lines += ["", "Lines on which mutants changed no answer:", ""]
        lines += [f"* {name}: `{text}`: {why}" for (name, text), why in reasons.items()]
    print("\n".join(lines))
    if asked_for.out:
        asked_for.out.write_text(
            "# Mutants of the elimination kernels\n\n" + "\n".join(lines) + "\n"
        )
    return 1 if unseen else 0


if __name__ == "__main__":
    sys.exit(main())
