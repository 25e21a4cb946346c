r"""Do the engines agree? One question, put to the fluid reading, the exact chain and the simulator.

Each row is a program: load, retries, time-out as a share of the time that a full queue takes, threads,
queue size, and what a late response does. Each engine answers with a verdict, a recovery time (from
the end of a long outage) and a collapse time (from empty); `separatrix.questions.agreement` says what
exactly is asked. Nothing is fitted: a row that is off is off, and the reason stands below the table.

Read "right" where every engine that has a verdict has the same one, and the staged chain's mean recovery
is within 25 % of the simulated one (for all its interval says); "wrong" otherwise; "wide" where it would be right,
but the simulated interval is wider than a factor of two, so that it says little; "unseen" where the event is too rare
for the simulator even in steps; "no chain" where the verdicts agree and the staged chain is too large to be asked.

A tipping spike lasts what a full queue takes. Simulation counts a run as trapped that is not back within three times
what the backlog takes; where a stuck service comes back about as soon by itself, many that the chain calls trapped
are back by then, and the simulated spike is the larger one. The fluid's spike is that of the mean dynamics.

Run: python verification/agreement.py [--store DIR] [--events 3e7] [--more 3e8] [--again] [--kept]
(about half an hour of processor time; rows that read "wide" or "unseen" are asked again with --more events; finished
rows are kept in DIR, by default build/agreement, and not asked again; with --again the chains are, between the same
levels, and what they say is kept in DIR/again: for a new closure, which changes no simulation; with --kept nothing
is asked: the table is written of what DIR has)
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

from separatrix.errors import NotConverged
from separatrix.model import Program, Server, Source, Work
from separatrix.model.quantities import duration_text
from separatrix.population import lower
from separatrix.questions.agreement import SIDE_BY_SIDE, agreement, differences, exactly, margin_of
from separatrix.questions.answers import CLOSE, ENGINES, Answer, Engine, Time
from separatrix.questions.dear import affordable
from separatrix.questions.levels import Levels
from separatrix.questions.regimes import regimes
from separatrix.questions.split import NARROW

RESULT = Path(__file__).parent / "results" / "agreement.md"
PER_THREAD = 10.0  # [1/s]
MOST_STATES = 200_000  # 268,000 states with their turns took more than 7 GB
CHAINS: tuple[Engine, ...] = ("staged", "geometric")


@dataclass(frozen=True)
class Row:
    load: float
    retries: int
    patience: float  # time-out over the time that a full queue takes
    threads: int
    qsize: int
    late: str = "discard"

    @property
    def name(self) -> str:
        late = "" if self.late == "discard" else " accept"
        return (
            f"load {self.load:g}, {self.retries} retries, timeout {self.patience:.3g} W, "
            f"{self.threads} threads, qsize {self.qsize}{late}"
        )

    @property
    def stem(self) -> str:
        return self.name.replace(",", "").replace(" ", "-")

    def program(self) -> Program:
        capacity = self.threads * PER_THREAD
        program = Program(self.name)
        program.add_server(
            Server("s", {"get": Work(PER_THREAD)}, self.qsize, thread_pool=self.threads)
        )
        program.add_source(
            Source(
                "c", "get", self.load * capacity, timeout=self.patience * self.qsize / capacity,
                retries=self.retries, late_responses=self.late,
            )
        )  # fmt: skip
        program.connect("c", "s")
        return program


THIRD = 1 / 3
ROWS = [
    Row(0.3, 1, THIRD, 1, 50),
    Row(0.5, 1, THIRD, 1, 50),
    Row(0.55, 1, THIRD, 1, 50),
    Row(0.6, 1, 0.5, 1, 50),
    Row(0.62, 1, 0.5, 1, 50),
    Row(0.65, 1, THIRD, 4, 50),
    Row(0.7, 1, 0.5, 2, 50),
    Row(0.8, 1, 1.0, 1, 50),
    Row(0.9, 1, 0.5, 4, 100),
    Row(0.95, 1, 2.0, 1, 50),
    Row(0.4, 2, THIRD, 2, 60),
    Row(0.5, 2, THIRD, 1, 50),
    Row(0.5, 2, 0.5, 1, 50),
    Row(0.6, 2, THIRD, 2, 50),
    Row(0.8, 2, THIRD, 4, 50),
    Row(0.3, 3, THIRD, 1, 50),
    Row(0.4, 5, THIRD, 1, 50),
    Row(0.9, 3, 0.5, 8, 200),
    Row(0.9, 0, 1.0, 1, 50),
    Row(0.99, 0, 2.0, 1, 100),
    Row(0.5, 0, THIRD, 16, 2000),
    Row(0.5, 1, 1.0, 8, 200),
    Row(0.52, 1, THIRD, 8, 200),
    Row(0.7, 1, THIRD, 16, 200),
    Row(0.6, 1, 2 * THIRD, 16, 500),
    Row(0.3, 1, THIRD, 16, 2000),
    Row(0.8, 2, 0.5, 16, 2000),
    Row(0.5, 1, 0.5, 1, 50, "accept"),
    Row(0.8, 1, 0.5, 4, 100, "accept"),
    Row(0.9, 2, 1.0, 1, 50, "accept"),
    Row(0.7, 3, THIRD, 8, 200, "accept"),
    Row(0.95, 5, 1.0, 16, 500, "accept"),
]


def answers(row: Row, store: Path, events: float, more: float) -> dict[str, Any]:
    """What the engines say of one row, from the store if it is there."""

    def ask() -> dict[str, Any]:
        return agreement(row.program(), runs=400, events=events, most_states=MOST_STATES).to_dict()

    def again() -> dict[str, Any]:
        asked = agreement(
            row.program(), engines=("simulation",), runs=400, events=more, most_states=MOST_STATES
        )
        return asked.to_dict()

    found = kept(store / f"{row.stem}.json", ask)
    further = store / f"{row.stem}-more.json"
    if further.exists() or (reading(found) in ("wide", "unseen") and more > events):
        closer = by_engine(kept(further, again))["simulation"]
        found["answers"] = [closer if a["engine"] == "simulation" else a for a in found["answers"]]
    return found


def margins(
    row: Row, found: dict[str, Any], store: Path, engines: Sequence[Engine] = ENGINES
) -> dict[str, Any]:
    """The spike of even odds by every one of the engines that says it can get stuck."""

    def ask() -> dict[str, Any]:
        asked: dict[str, Any] = {}
        for answer in found["answers"]:
            if answer["engine"] in engines and answer["verdict"] == "can get stuck":
                margin = margin_of(row.program(), answer["engine"])
                asked[answer["engine"]] = None if margin is None else margin.to_dict()
        return asked

    asked = kept(store / f"{row.stem}-margin.json", ask)
    return {engine: margin for engine, margin in asked.items() if engine in engines}


def chains_again(row: Row, found: dict[str, Any], store: Path) -> dict[str, Any]:
    """The same with the answers of the chains as they are now, between the levels that were asked."""

    def ask() -> dict[str, Any]:
        bounds = Levels(found["healthy"], found["stuck"], "chain")
        asked: dict[str, Any] = {}
        for engine in CHAINS:
            try:
                chain = lower(row.program(), engine)
                regime = regimes(affordable(chain, SIDE_BY_SIDE, "to be asked", states=MOST_STATES))
            except NotConverged as error:
                asked[engine] = Answer(
                    engine, "inconclusive", None, None, str(error), 0.0
                ).to_dict()
            else:
                asked[engine] = exactly(row.program(), engine, regime, bounds).to_dict()
        return asked

    asked = kept(store / f"{row.stem}.json", ask)
    answers = [asked.get(a["engine"], a) for a in found["answers"]]
    told = differences([answer_of(a) for a in answers], row.program())
    return {**found, "answers": answers, "differences": told}


def answer_of(told: dict[str, Any]) -> Answer:
    """An answer from its JSON."""

    def time(found: dict[str, float | None] | None) -> Time | None:
        return found and Time(**{k: inf if v is None else v for k, v in found.items()})

    return Answer(
        told["engine"], told["verdict"], time(told["recovery_s"]), time(told["collapse_s"]),
        told["reason"], told["cpu_s"],
    )  # fmt: skip


def kept(path: Path, ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What is in the file; asked and written, in one step, where there is none."""
    if path.exists():
        return json.loads(path.read_text())
    found = ask()
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps(found, indent=1))
    os.replace(draft, path)
    return found


def by_engine(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {a["engine"]: a for a in found["answers"]}


def shown(answer: dict[str, Any] | None, quantity: str) -> str:
    if answer is None or answer["verdict"] == "inconclusive" or answer[quantity] is None:
        return "-"
    time = answer[quantity]
    if time["mean"] is None:
        return "never" if time["low"] is None else f"> {duration_text(time['low'])}"
    if time["low"] == time["high"]:
        return duration_text(time["mean"])
    spread = f"{duration_text(time['low'])} .. {duration_text(time['high'])}"
    return f"{duration_text(time['mean'])} ({spread})"


def spike(engine: str, margin: dict[str, Any] | None) -> str:
    """Factor of the spike of even odds, which lasts what a full queue takes."""
    if margin is None:
        return "-"
    if margin["factor"] is None:
        return "> 30x"
    low, high = (margin[k] or float("inf") for k in ("low", "high"))
    width = f" ({low:.3g} .. {high:.3g})" if engine == "simulation" else ""
    return f"{margin['factor']:.3g}x{width}"


def ratio(chain: dict[str, Any] | None, seen: dict[str, Any], quantity: str) -> str:
    """Recovery or collapse of a closure over the simulated one, where both are finite."""
    if chain is None or not chain[quantity] or not seen[quantity]:
        return "-"
    ours, theirs = chain[quantity]["mean"], seen[quantity]["mean"]
    return "-" if ours is None or not theirs else f"{ours / theirs:.2f}"


def reading(found: dict[str, Any]) -> str:
    by = by_engine(found)
    words = {a["verdict"] for a in by.values() if a["verdict"] != "inconclusive"}
    if len(words) > 1:
        return "wrong: verdicts differ"
    staged, seen = by["staged"]["recovery_s"], by["simulation"]["recovery_s"]
    if by["staged"]["verdict"] == "inconclusive":
        return "no chain"
    if not staged or not seen:
        return "right"
    if seen["mean"] is None:
        return "wrong: recovery" if staged["mean"] < seen["low"] else "unseen"
    near = staged["mean"] <= seen["high"] * (1 + CLOSE) and seen["low"] <= staged["mean"] * (
        1 + CLOSE
    )
    if not near:
        return "wrong: recovery"
    return "right" if seen["high"] <= NARROW * seen["low"] else "wide"


def table(rows: list[tuple[Row, dict[str, Any]]]) -> str:
    columns = ["program", "reading"]
    columns += [f"{engine}: verdict" for engine in ENGINES]
    columns += ["recovery " + e for e in ENGINES] + ["staged / sim", "geometric / sim"]
    columns += ["collapse " + e for e in ENGINES if e != "fluid"]
    columns += ["collapse staged / sim"]
    columns += ["tipping spike " + e for e in ENGINES]
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    for row, found in rows:
        by = by_engine(found)
        cells = [row.name, reading(found)]
        cells += [by[e]["verdict"] for e in ENGINES]
        cells += [shown(by[e], "recovery_s") for e in ENGINES]
        seen = by["simulation"]
        cells += [ratio(by[e], seen, "recovery_s") for e in ("staged", "geometric")]
        cells += [shown(by[e], "collapse_s") for e in ENGINES if e != "fluid"]
        cells += [ratio(by["staged"], seen, "collapse_s")]
        cells += [spike(e, found["margins"].get(e)) for e in ENGINES]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--store", type=Path, default=Path("build/agreement"))
    parser.add_argument("--events", type=float, default=3e7)
    parser.add_argument("--more", type=float, default=3e8)
    parser.add_argument("--again", action="store_true", help="ask the chains again")
    parser.add_argument("--kept", action="store_true", help="ask nothing: write what DIR has")
    args = parser.parse_args()
    again = args.store / "again"
    (again if args.again else args.store).mkdir(parents=True, exist_ok=True)
    done: list[tuple[Row, dict[str, Any]]] = []
    asked = [args.store, again] if args.again else [args.store]
    left = [
        r for r in ROWS if args.kept and not all((d / f"{r.stem}.json").exists() for d in asked)
    ]
    for row in (r for r in ROWS if r not in left):
        found = answers(row, args.store, args.events, args.events if args.kept else args.more)
        if args.again:
            found = chains_again(row, found, again)
        done.append((row, found))
        print(f"{reading(found):<26} {row.name}", flush=True)
    for row, found in done:
        found["margins"] = {}
        others = [e for e in ENGINES if not (args.again and e in CHAINS)]
        for place in asked:
            if not args.kept or (place / f"{row.stem}-margin.json").exists():
                engines = CHAINS if place == again else others
                found["margins"] |= margins(row, found, place, engines)
    readings = [reading(found) for _, found in done]
    words = ("right", "wrong", "wide", "unseen", "no chain")
    count = ", ".join(f"{sum(r.startswith(w) for r in readings)} {w}" for w in words)
    seconds = sum(a["cpu_s"] for _, found in done for a in found["answers"])
    head = [
        "# Agreement of the engines",
        "",
        (__doc__ or "").split("\n\nRun:")[0].strip(),
        "",
        f"{len(done)} programs: {count}. {seconds / 60:.0f} minutes of processor time, without the spikes.",
        *(["", "Not asked: " + "; ".join(r.name for r in left) + "."] if left else []),
        "",
        table(done),
        "",
        "## Differences, with their reasons",
        "",
    ]
    for row, found in done:
        head += [f"* **{row.name}**", *(f"  * {d}" for d in found["differences"])]
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text("\n".join(head) + "\n")
    print(f"{count}: {RESULT}")


if __name__ == "__main__":
    main()
