r"""Are the rates at which fates turn those of a server whose every attempt is followed?

One server, one thread, one retry, fixed time-outs, every attempt followed. Its attempts carry uniform numbers U,
as the theory in `separatrix.population.turns` has it, so that q and the number o of doomed (U below the chance to be
late by what is known now) are defined at every moment without a look into the future. In every state (q, o) the
simulation then measures what the closure says by formula: how many doomed one service saves, how many turn to the
worse in its time, how many come back in a second, and what is behind these: the sum of the chances of those who
wait, and how many of the doomed were refused.

First table: all this by queue length, measured over the closure's, each averaged over the o that were seen there.
Second table: the mean time back (or, of a program that does not get stuck, the mean queue) from the chain over
(q, o) with all rates measured, with some, and with none, over the simulated one. A Markov chain with the right rates
has the right occupations, so that "measured" is 1 but for chance; it says that (q, o) is state enough, and each
other column what its formulas are worth. A program reads "right" where the chain of all formulas is within 25 %.

Run: python verification/turning_rates.py   (about three minutes of processor time)
"""

from __future__ import annotations

from dataclasses import dataclass
from math import lgamma
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array, diags_array
from scipy.sparse.linalg import spsolve
from scipy.special import gammaincc

from separatrix.compiled import compiled
from separatrix.model import Program, Server, Source, Work
from separatrix.population import lower
from separatrix.population.turns import MOST_TURNS

RESULT = Path(__file__).parent / "results" / "turning_rates.md"
MU, STEPS, RING = 10.0, 4000, 1 << 16
SEEN = 30  # services in a state from which on its measured rates are taken
COLUMNS = ("services", "saved", "worse", "back", "chances", "refused")


@dataclass(frozen=True)
class Case:
    load: float
    patience: float
    qsize: int
    healthy: int | None  # recovered at this q + refused; None: never stuck, run on and on
    seconds: float

    @property
    def rate(self) -> float:
        return self.load * MU

    @property
    def timeout(self) -> float:
        return self.patience * self.qsize / MU

    @property
    def name(self) -> str:
        return f"load {self.load:g}, timeout {self.patience:g} W, qsize {self.qsize}"

    def program(self) -> Program:
        program = Program(self.name)
        program.add_server(Server("s", {"get": Work(MU)}, self.qsize))
        program.add_source(Source("c", "get", self.rate, timeout=self.timeout, retries=1))
        program.connect("c", "s")
        return program


CASES = [
    Case(0.4, 0.4, 20, None, 4e6),
    Case(0.6, 0.4, 25, None, 2e6),
    Case(0.57, 0.4, 40, 11, 3e5),
    Case(0.7, 0.6, 40, 14, 4e5),
    Case(0.8, 0.8, 25, 12, 1.5e5),
    Case(0.78, 0.7, 45, 17, 4e5),
]


def _run(rate, timeout, size, orbits, late, gone, healthy, seconds, rng):
    """Sums by (q, o) over the services, a Poisson stream; runs, and the time they took together."""
    sums = np.zeros((6, size + 1, orbits))
    sent, first, mark = np.zeros(RING), np.zeros(RING, np.bool_), np.zeros(RING)
    clock, number = np.zeros(RING), np.zeros(RING, np.int64)
    served, refused = np.zeros(RING, np.bool_), np.zeros(RING, np.bool_)
    front = back = oldest = newest = runs = 0
    time = began = total = 0.0
    fresh = healthy >= 0
    arrival, service = rng.exponential(1 / rate), rng.exponential(1 / MU)
    while time < seconds:
        if healthy >= 0 and not fresh:
            left = back - front
            for i in range(oldest, newest):
                left += refused[i % RING]
            if left <= healthy:
                fresh, runs, total = True, runs + 1, total + time - began
        if fresh:
            fresh, began, front, back, oldest, newest = False, time, 0, 0, 0, 0
            # after a long outage: a queue of those given up long ago, and all of the last time-out refused
            ages = np.sort(rng.random(rng.poisson(rate * timeout)) * timeout)[::-1]
            for age in ages:
                clock[newest], served[newest], refused[newest] = time - age, False, True
                newest += 1
            for _ in range(size):
                sent[back], first[back], number[back] = time - 9 * timeout, False, -1
                back += 1
            service = time + rng.exponential(1 / MU)
        over = clock[oldest % RING] + timeout if oldest < newest else np.inf
        time = min(arrival, service, over)
        queue, doomed, lost = back - front, 0, 0
        chances = saved = worse = 0.0
        if time != arrival:
            for i in range(front, back):
                k = i % RING
                left = timeout - time + sent[k]
                if first[k] and left > -1e-6:
                    at = max(left, 0.0) / timeout * STEPS
                    low = min(int(at), STEPS - 1)
                    part, place = at - low, i - front
                    chance = late[place, low] * (1 - part) + late[place, low + 1] * part
                    taken = gone[place, low] * (1 - part) + gone[place, low + 1] * part
                    chances += chance
                    if mark[k] < chance:
                        doomed += 1
                        saved += taken / chance
                    elif chance < 1:
                        worse += taken / (1 - chance)
            for i in range(oldest, newest):
                lost += refused[i % RING]
            doomed = min(doomed + lost, orbits - 1)
        retries = False
        if time == service:
            found = (1.0, saved, worse, 0.0, chances, float(lost))
            for j in range(6):
                sums[j, queue, doomed] += found[j]
            service = time + rng.exponential(1 / MU)
            if queue > 0:
                k = front % RING
                if first[k] and number[k] >= oldest:
                    served[number[k] % RING] = True
                front += 1
            continue
        if time == over:
            retries = not served[oldest % RING]
            sums[3, queue, doomed] += retries
            oldest += 1
            if not retries:
                continue
        else:
            arrival = time + rng.exponential(1 / rate)
            clock[newest % RING], served[newest % RING] = time, False
            refused[newest % RING] = queue == size
            newest += 1
        if queue < size:
            k = back % RING
            sent[k], first[k], mark[k] = time, not retries, rng.random()
            number[k] = newest - 1
            back += 1
    return sums, runs, total


run = compiled(_run)


def measured(case: Case, orbits: int) -> tuple[np.ndarray, float]:
    """Sums by state, and the mean time back [s] or the mean queue."""
    left, place = np.linspace(0.0, case.timeout, STEPS + 1), np.arange(1, case.qsize + 2)[:, None]
    late = gammaincc(place, MU * left)
    log = (place - 1) * np.log(np.maximum(MU * left, 1e-300)) - MU * left
    gone = np.exp(log - np.array([[lgamma(n)] for n in place[:, 0]]))
    healthy = -1 if case.healthy is None else case.healthy
    rng = np.random.default_rng(1)
    sums, runs, total = run(
        case.rate, case.timeout, case.qsize, orbits, late, gone, healthy, case.seconds, rng
    )
    if case.healthy is None:
        law = sums[0].sum(axis=1) / sums[0].sum()
        return sums, float(law @ np.arange(case.qsize + 1))
    return sums, total / runs


def foretold(case: Case) -> dict[str, np.ndarray]:
    """The closure's rates, from the transitions of its population, over its box."""
    population = lower(case.program(), "staged")
    grid = population.grid()
    busy = np.maximum(MU * (grid[0] > 0), 1.0)
    rates = {"saved": np.zeros(population.shape), "worse": np.zeros(population.shape)}
    rates["back"] = np.zeros(population.shape)
    for t in population.transitions:
        rate = np.broadcast_to(t.rate(grid), population.shape)
        if t.jump[0] == -1:
            rates["saved"] = rates["saved"] - t.jump[1] * rate / busy
        elif t.jump == (0, 1) and "worse" in t.name:
            rates["worse"] = rates["worse"] + rate / busy
        elif "attempt 1" in t.name:
            rates["back"] = rates["back"] + rate
    return rates


def answer(case: Case, rates: dict[str, np.ndarray], most: int) -> float:
    """Mean time back or mean queue of the chain with these rates, by sparse LU."""
    size, orbits = rates["saved"].shape
    q, o = np.meshgrid(np.arange(size), np.arange(orbits), indexing="ij")
    late = np.broadcast_to(gammaincc(q + 1.0, MU * case.timeout), q.shape)
    here, top = q * orbits + o, size - 1
    rows, columns, values = [], [], []

    def move(dq: int, do: int, rate: np.ndarray, where: np.ndarray) -> None:
        going = where & (rate > 0) & (o + do >= 0) & (o + do < orbits)
        rows.append(here[going])
        columns.append(((q + dq) * orbits + o + do)[going])
        values.append(np.broadcast_to(rate, q.shape)[going])

    move(1, 1, case.rate * late, q < top)
    move(1, 0, case.rate * (1 - late), q < top)
    move(0, 1, np.full(q.shape, case.rate), q == top)
    back = np.where(o > 0, rates["back"], 0.0)
    move(1, -1, back, q < top)
    move(0, -1, back, q == top)
    saved = np.minimum(rates["saved"], o)
    for n in range(most + 1):
        move(-1, -n, MU * np.maximum(1.0 - np.abs(saved - n), 0.0), q > 0)
    move(0, 1, MU * rates["worse"], q > 0)
    n = q.size
    generator = csr_array(
        (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=(n, n)
    )
    generator = (generator - diags_array(generator.sum(axis=1))).tolil()
    if case.healthy is None:
        balance = generator.T.tolil()
        balance[0, :] = 1.0
        one = np.zeros(n)
        one[0] = 1.0
        return float(spsolve(balance.tocsc(), one) @ q.ravel())
    inside = np.flatnonzero((q + o > case.healthy).ravel())
    kept = generator.tocsr()[inside][:, inside].tocsc()
    times = np.zeros(n)
    times[inside] = spsolve(kept, -np.ones(inside.size))
    return float(times.reshape(q.shape)[top, round(case.rate * case.timeout)])


def compared(case: Case) -> tuple[list[str], str, bool]:
    """Rows of the first table and the one of the second."""
    told = foretold(case)
    orbits = told["saved"].shape[1]
    sums, seen = measured(case, orbits)
    services = np.maximum(sums[0], 1.0)
    found = {name: sums[COLUMNS.index(name)] / services for name in ("saved", "worse")}
    found["back"] = sums[3] * MU / services
    known = sums[0] >= SEEN
    mixed = {name: np.where(known, found[name], told[name]) for name in told}
    lines = []
    marks = [q for q in range(1, case.qsize + 1) if sums[0][q].sum() > 3000]
    for q in marks[:: max(1, len(marks) // 8)]:
        weight = sums[0][q] / sums[0][q].sum()
        cells = [case.name, str(q), f"{weight @ np.arange(orbits):.3g}"]
        cells += [f"{sums[j][q].sum() / sums[0][q].sum():.3g}" for j in (4, 5)]
        for name in ("saved", "worse", "back"):
            mine, true = weight @ told[name][q], weight @ found[name][q]
            cells.append(f"{true:.3g} ({mine / true:.2f})" if true > 0 else "0")
        lines.append("| " + " | ".join(cells) + " |")
    ways = [mixed, {**told, "back": mixed["back"]}, {**mixed, "back": told["back"]}, told]
    shares = [answer(case, rates, 2 * MOST_TURNS) / seen for rates in ways]
    word = "right" if 0.8 <= shares[-1] <= 1.25 else "wrong"
    what = "mean queue" if case.healthy is None else "time back [s]"
    cells = [case.name, word, f"{what} {seen:.4g}", *(f"{s:.2f}" for s in shares)]
    return lines, "| " + " | ".join(cells) + " |", word == "right"


def main() -> None:
    first = ["program", "q", "o", "sum of chances", "refused", "saved", "worse", "back [1/s]"]
    second = [
        "program", "reading", "simulated", "all measured", "coming back measured",
        "turns measured", "none measured",
    ]  # fmt: skip
    heads = [["| " + " | ".join(h) + " |", "|" + "---|" * len(h)] for h in (first, second)]
    right = 0
    for case in CASES:
        lines, line, good = compared(case)
        heads[0] += lines
        heads[1].append(line)
        right += good
        print(line, flush=True)
    text = (__doc__ or "").split("\n\nRun:")[0].strip()
    body = ["# Rates at which fates turn", "", text, "", f"{right} of {len(CASES)} right.", ""]
    note = "Measured; in brackets the closure's over it."
    body += [*heads[1], "", "## By queue length", "", note, "", *heads[0]]
    RESULT.write_text("\n".join(body) + "\n")


if __name__ == "__main__":
    main()
