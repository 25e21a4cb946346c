r"""Do fates that turn with the services bring the chain nearer to the simulator?

Programs that are not in the agreement table; for each the mean recovery (from the end of a long outage) and
collapse (from empty) by the staged and the geometric chain, with fates drawn on arrival and fixed, with fates
that turn (see `separatrix.population.turns`), and by simulation.

Read "right" where the turning staged chain's recovery is within 25 % of the simulated one (for all its interval
says), "wrong" otherwise. Its collapse is "nearer" to the simulated one than that of fixed fates, or "farther";
"unseen" where the interval of the simulated collapse is wider than a factor of two, though it was split into steps.

Run: python verification/closures.py   (about five minutes of processor time)
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite, log
from pathlib import Path

from separatrix.model import Program, Server, Source, Work
from separatrix.population import lower
from separatrix.questions.agreement import exactly
from separatrix.questions.answers import CLOSE
from separatrix.questions.levels import levels
from separatrix.questions.regimes import regimes
from separatrix.questions.simulated import seen_collapse, seen_recovery
from separatrix.questions.split import enough, refined

RESULT = Path(__file__).parent / "results" / "closures.md"
RUNS, EVENTS = 400, 3e7
MU = 10.0  # [1/s] of a thread


@dataclass(frozen=True)
class Row:
    load: float
    retries: int
    patience: float  # time-out over the time that a full queue takes
    threads: int
    qsize: int

    @property
    def name(self) -> str:
        return (
            f"load {self.load:g}, {self.retries} retries, timeout {self.patience:.3g} W, "
            f"{self.threads} threads, qsize {self.qsize}"
        )

    def program(self) -> Program:
        capacity = MU * self.threads
        program = Program(self.name)
        program.add_server(Server("s", {"get": Work(MU)}, self.qsize, thread_pool=self.threads))
        timeout = self.patience * self.qsize / capacity
        source = Source("c", "get", self.load * capacity, timeout=timeout, retries=self.retries)
        program.add_source(source)
        program.connect("c", "s")
        return program


ROWS = [
    Row(0.57, 1, 0.4, 1, 40),
    Row(0.7, 1, 0.6, 1, 40),
    Row(0.6, 1, 0.35, 3, 60),
    Row(0.75, 1, 0.8, 2, 40),
    Row(0.54, 1, 0.36, 6, 150),
    Row(0.45, 2, 0.4, 1, 40),
    Row(0.5, 2, 0.45, 2, 45),
    Row(0.82, 1, 1.0, 1, 40),
    Row(0.78, 1, 0.7, 1, 45),
    Row(0.85, 1, 0.6, 2, 60),
    Row(0.86, 1, 0.5, 3, 70),
]


def row(asked: Row) -> str:
    program = asked.program()
    turning = lower(program, "staged")
    bounds = levels(program, regimes(turning))
    healthy, stuck = bounds.healthy, bounds.stuck
    found: dict[str, tuple[float, float]] = {}
    for closure in ("staged", "geometric"):
        for name in ("fixed", "turning"):
            population = lower(program, closure, means_only=name == "fixed")
            answer = exactly(program, closure, regimes(population), bounds)
            times = (answer.recovery, answer.collapse)
            found[f"{closure} {name}"] = tuple(inf if t is None else t.mean for t in times)
    back = seen_recovery(program, healthy, runs=RUNS, events=EVENTS)
    back = refined(program, back, "recovery", healthy, stuck, events=EVENTS)
    over = seen_collapse(program, stuck, runs=RUNS // 4, events=EVENTS)
    over = refined(program, over, "collapse", healthy, stuck, events=EVENTS)
    mine, before = found["staged turning"], found["staged fixed"]
    near = mine[0] <= back.high * (1 + CLOSE) and back.low <= mine[0] * (1 + CLOSE)
    reading = "right" if near else "wrong"
    if not enough(over):
        reading += ", collapse unseen"
    else:
        closer = abs(log(mine[1] / over.mean)) <= abs(log(before[1] / over.mean))
        reading += f", collapse {'nearer' if closer else 'farther'}"
    cells = [f"{t:.4g} ({t / back.mean:.2f})" for t, _ in found.values()]
    cells.append(f"{back.mean:.4g} ({back.low:.4g} .. {back.high:.4g})")
    few = not isfinite(over.mean)
    cells += [f"{t:.4g}" if few else f"{t:.4g} ({t / over.mean:.2f})" for _, t in found.values()]
    seen = f"> {over.low:.3g}" if few else f"{over.mean:.4g} ({over.low:.4g} .. {over.high:.4g})"
    return f"| {asked.name} | {reading} | " + " | ".join([*cells, seen]) + " |"


def main() -> None:
    ways = ["staged fixed", "staged turning", "geometric fixed", "geometric turning", "simulation"]
    columns = [
        "program",
        "reading",
        *(f"recovery {w} [s]" for w in ways),
        *(f"collapse {w} [s]" for w in ways),
    ]
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    for asked in ROWS:
        lines.append(row(asked))
        print(lines[-1], flush=True)
    text = (__doc__ or "").split("\n\nRun:")[0].strip()
    right, nearer, unseen = (
        sum(word in line for line in lines) for word in ("| right", "nearer |", "unseen |")
    )
    note = (
        f"{right} of {len(ROWS)} right, {nearer} of {len(ROWS) - unseen} collapses nearer. "
        "In brackets: over the simulated mean, or its 95 % interval."
    )
    RESULT.write_text("\n".join(["# Fates that turn", "", text, "", note, "", *lines]) + "\n")


if __name__ == "__main__":
    main()
