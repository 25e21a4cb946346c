r"""Our numbers, Metafor's, SciPy's LU and 50-digit arithmetic, side by side, on the README's chain.

The chain (100 x 20 states) is written here a second time, from the description in
`separatrix.population.metafor`, with rates of 50 digits; its equations are solved by plain Gaussian
elimination in 50 digits, which leaves more than 30 after the longest times have cost theirs. Metafor's own
numbers are read from the shared reference file, where it is at hand.

Right: no relative error of ours exceeds 1e-10. Writes results/metafor_numbers.md (where Metafor's
numbers are at hand); exits 1 when wrong.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mpmath as mp
import numpy as np
from scipy.sparse import csc_array
from scipy.sparse.linalg import splu

from metafor.dsl.dsl import Program, Server, Source, Work

HERE = Path(__file__).resolve().parent
DIGITS = 50
QUEUE, ORBIT = 100, 20
N = QUEUE * ORBIT
BAND = ORBIT + 1  # states are numbered queue * ORBIT + orbit here: the narrowest band
LIMIT = 1e-10


# --- the chain and its equations in 50 digits ----------------------------------------------------


def late(q: int) -> mp.mpf:
    """Chebyshev's bound on P(late) for one thread of rate 10/s and a time-out of 3 s."""
    slack = 3 - (mp.mpf(max(q - 1, 0)) / 10 + mp.mpf(1) / 10)
    if q == 0:
        return mp.mpf(0)
    return min(mp.mpf(1), mp.mpf(q) / 100 / slack**2) if slack > 0 else mp.mpf(1)


def chain(retry_when_full: bool) -> list[dict[int, mp.mpf]]:
    """Off-diagonal rates, row by row."""
    arrive, alpha = mp.mpf("9.5"), mp.mpf("0.25")
    retry, leave = mp.mpf(4) / 15, mp.mpf(1) / 15
    rows: list[dict[int, mp.mpf]] = []
    for q in range(QUEUE):
        p = late(q)
        for o in range(ORBIT):
            row: dict[int, mp.mpf] = {}

            def move(dq: int, do: int, rate: mp.mpf, row=row, q=q, o=o) -> None:
                if rate > 0:
                    place = (q + dq) * ORBIT + o + do
                    row[place] = row.get(place, mp.mpf(0)) + rate

            move(-1, 0, mp.mpf(10 if q else 0))
            if q < QUEUE - 1:
                move(1, 0, arrive + o * retry * p)
                move(1, -1, o * retry * (1 - p))
                if o < ORBIT - 1:
                    move(1, 1, alpha * arrive * p)
                move(0, -1, o * leave)
            elif retry_when_full:
                move(0, -1, o * leave)
                if o < ORBIT - 1:
                    move(0, 1, alpha * (arrive + o * retry))
            else:
                move(0, -1, o * (leave + retry))
            rows.append(row)
    return rows


class Factors:
    """LU factors of a banded matrix, without pivoting."""

    def __init__(self, rows: list[dict[int, mp.mpf]]) -> None:
        self.rows = [dict(row) for row in rows]
        for k, top in enumerate(self.rows):
            upper = [(j, v) for j, v in top.items() if j > k]
            for i in range(k + 1, min(k + BAND + 1, len(self.rows))):
                below = self.rows[i]
                if k in below:
                    ratio = below[k] / top[k]
                    below[k] = ratio
                    for j, v in upper:
                        below[j] = below.get(j, 0) - ratio * v

    def solve(self, b: list[mp.mpf]) -> list[mp.mpf]:
        """The solution for one right-hand side."""
        x = list(b)
        for i, row in enumerate(self.rows):
            x[i] -= mp.fsum(v * x[j] for j, v in row.items() if j < i)
        for i in range(len(x) - 1, -1, -1):
            row = self.rows[i]
            x[i] = (x[i] - mp.fsum(v * x[j] for j, v in row.items() if j > i)) / row[i]
        return x


def shifted(rates: list[dict[int, mp.mpf]], removed: set[int], shift: mp.mpf) -> Any:
    """Minus the generator plus `shift`, with the rows of removed states replaced by unit rows."""
    matrix: list[dict[int, mp.mpf]] = []
    for i, row in enumerate(rates):
        if i in removed:
            matrix.append({i: mp.mpf(1)})
        else:
            matrix.append({j: -v for j, v in row.items() if j not in removed})
            matrix[i][i] = mp.fsum(row.values()) + shift
    return matrix


def hitting(rates: list[dict[int, mp.mpf]], target: set[int]) -> tuple[list, list]:
    """Mean and second moment of the time to `target` from every state."""
    factors = Factors(shifted(rates, target, mp.mpf(0)))
    first = factors.solve([mp.mpf(i not in target) for i in range(N)])
    return first, factors.solve([2 * t for t in first])


def law(rates: list[dict[int, mp.mpf]]) -> list[mp.mpf]:
    """The stationary law, from the balance of every state but the last."""
    balance: list[dict[int, mp.mpf]] = [{} for _ in range(N)]
    for i, row in enumerate(shifted(rates, set(), mp.mpf(0))):
        for j, v in row.items():
            balance[j][i] = v
    balance[N - 1] = {N - 1: mp.mpf(1)}
    x = Factors(balance).solve([mp.mpf(0)] * (N - 1) + [mp.mpf(1)])
    total = mp.fsum(x)
    return [v / total for v in x]


def eigenvalue(rates: list[dict[int, mp.mpf]], near: float) -> mp.mpf:
    """The eigenvalue of the generator nearest to `near`, by inverse iteration."""
    guess = mp.mpf(near) * (1 + mp.mpf("1e-7"))
    factors = Factors(shifted(rates, set(), guess))  # guess - Q
    x = [mp.sin(mp.mpf(i + 1)) for i in range(N)]
    for _ in range(8):
        y = factors.solve(x)
        place = max(range(N), key=lambda i: abs(y[i]))
        found = guess - x[place] / y[place]
        x = [v / y[place] for v in y]
    return found


def on_the_way(rates: list[dict[int, mp.mpf]], t: int) -> list[mp.mpf]:
    """The law after `t` s from empty, by uniformisation with all terms above 1e-60."""
    scale = max(mp.fsum(row.values()) for row in rates)
    arriving: list[list[tuple[int, mp.mpf]]] = [[] for _ in range(N)]
    for i, row in enumerate(rates):
        arriving[i].append((i, 1 - mp.fsum(row.values()) / scale))
        for j, v in row.items():
            arriving[j].append((i, v / scale))
    now = [mp.mpf(i == 0) for i in range(N)]
    total = [mp.mpf(0)] * N
    weight, n = mp.exp(-scale * t), 0
    while weight > mp.mpf("1e-60") or n < scale * t:
        total = [a + weight * b for a, b in zip(total, now, strict=True)]
        now = [sum((v * now[i] for i, v in terms if now[i]), mp.mpf(0)) for terms in arriving]
        n += 1
        weight *= scale * t / n
    return total


# --- ours, and SciPy's LU ------------------------------------------------------------------------


def ours(retry_when_full: bool = False) -> Any:
    program = Program("Service52", retry_when_full)
    program.add_server(Server("52", {"insert": Work(10)}, QUEUE, ORBIT, 1))
    program.add_source(Source("client", "insert", 9.5, timeout=3, retries=4))
    program.connect("client", "52")
    return program.build()


def scipy_time(Q: Any, start: int, targets: list[int]) -> float:
    """A hitting time by sparse LU with partial pivoting, as one would write it."""
    kept = np.setdiff1d(np.arange(N), targets)
    times = splu(csc_array(-Q[np.ix_(kept, kept)])).solve(np.ones(kept.size))
    return float(times[np.searchsorted(kept, start)])


@dataclass
class Row:
    """One quantity by every way there is."""

    name: str
    ours: float
    exact: mp.mpf
    metafor: float | None = None
    scipy: float | None = None

    def error(self, value: float | None) -> float | None:
        """Relative error of a value."""
        return None if value is None else float(abs(mp.mpf(value) / self.exact - 1))


def reference() -> dict[str, Any]:
    place = Path(os.environ.get("SEPARATRIX_SHARED", HERE.parents[1] / "shared"))
    file = place / "reference" / "metafor_reference.json"
    return json.loads(file.read_text())["single_server"] if file.is_file() else {}


def measured() -> list[Row]:
    told = reference()
    readme, refused = told.get("readme", {}), told.get("retry_when_full", {})
    mine, rates = ours(), chain(retry_when_full=False)
    index = {q * ORBIT + o: o * QUEUE + q for q in range(QUEUE) for o in range(ORBIT)}
    last = N - 1
    rows: list[Row] = []

    exact = law(rates)
    pi = mine.get_stationary_distribution()
    by_queue = [mp.fsum(exact[q * ORBIT : (q + 1) * ORBIT]) for q in range(QUEUE)]
    mean = mp.fsum(q * p for q, p in enumerate(by_queue))
    variance = mp.fsum((q - mean) ** 2 * p for q, p in enumerate(by_queue))
    average = mine.main_queue_size_average(pi)
    lowest = min(range(N), key=exact.__getitem__)
    rows += [
        Row("P(empty service)", pi[0], exact[0], readme.get("pi_state0")),
        Row("P(fullest state)", pi[last], exact[last], readme.get("pi_last")),
        Row("least likely state", pi[index[lowest]], exact[lowest], readme.get("pi_min")),
        Row("mean queue", average, mean, readme.get("main_queue_size_average")),
        Row("variance of the queue", mine.main_queue_size_variance(pi, average), variance,
            readme.get("main_queue_size_variance")),
        Row("P(queue full)", mine.queue_full_probability(pi), by_queue[-1],
            readme.get("queue_full_probability")),
    ]  # fmt: skip

    def states(q_range: range) -> set[int]:
        return {q * ORBIT + o for q in q_range for o in range(ORBIT)}

    def numbers(places: set[int]) -> list[int]:
        return [index[k] for k in places]

    low, high, idle = states(range(10)), states(range(90, 100)), states(range(1))
    empty, _ = hitting(rates, {0})
    full, _ = hitting(rates, {last})
    to_idle, _ = hitting(rates, idle)
    up, up_second = hitting(rates, high)
    down, _ = hitting(rates, low)
    Q = mine.Q
    start = 10 * ORBIT + ORBIT - 1
    to_high = mine.get_hitting_time_average_and_deviation(index[start], numbers(high))
    rows += [
        Row("fullest -> empty [s]", mine.time_to_drain(), empty[last],
            readme.get("time_to_drain_full_to_empty"), scipy_time(Q, last, [0])),
        Row("full queue, no orbit -> empty [s]", mine.reach(QUEUE - 1, 0),
            empty[(QUEUE - 1) * ORBIT], readme.get("reach_empty_from_qfull_orbit0"),
            scipy_time(Q, QUEUE - 1, [0])),
        Row("fullest -> queue empty [s]", mine.reach(last, numbers(idle)), to_idle[last], None,
            scipy_time(Q, last, numbers(idle))),
        Row("empty -> fullest [s]", mine.reach(0, last), full[0],
            readme.get("reach_full_last_state_from_empty"), scipy_time(Q, 0, [last])),
        Row("low set -> high set, shortest [s]",
            mine.get_hitting_time_average(numbers(low), numbers(high)), min(up[k] for k in low),
            readme.get("hitting_low_to_high_min")),
        Row("high set -> low set, shortest [s]",
            mine.get_hitting_time_average(numbers(high), numbers(low)), min(down[k] for k in high),
            readme.get("hitting_high_to_low_min")),
        Row("variance, queue 10 and orbit 19 -> high set [s²]", to_high[1] ** 2,
            up_second[start] - up[start] ** 2,
            readme.get("hitting_time_variance_su_from_(0.1q,o-1)")),
    ]  # fmt: skip

    eigenvalues = mine.get_eigenvalues(8)
    gap = eigenvalue(rates, eigenvalues[1])
    theirs = readme.get("eigenvalues_sorted_first6", [None] * 6)
    rows += [
        Row("2nd eigenvalue [1/s]", eigenvalues[1], gap, theirs[1]),
        Row("6th eigenvalue [1/s]", eigenvalues[5], eigenvalue(rates, eigenvalues[5]), theirs[5]),
        Row("mixing time, ln(100)/gap [s]", mine.get_mixing_time(), mp.log(100) / -gap,
            readme.get("mixing_time")),
    ]  # fmt: skip
    way = mine.finite_time_analysis(
        mine.get_init_state(),
        {"q": mine.main_queue_size_average, "full": mine.queue_full_probability},
        10, 10,
    )[10]  # fmt: skip
    then = on_the_way(rates, 10)
    told_then = readme.get("finite_time_from_empty", {}).get("10", {})
    rows += [
        Row("mean queue after 10 s", way["q"],
            mp.fsum(k // ORBIT * p for k, p in enumerate(then)), told_then.get("q")),
        Row("P(queue full) after 10 s", way["full"], mp.fsum(then[-ORBIT:]),
            told_then.get("pfull")),
    ]  # fmt: skip

    second, other = ours(retry_when_full=True), chain(retry_when_full=True)
    drain, _ = hitting(other, {0})
    seventh = second.get_eigenvalues(8)[6]
    shifts = refused.get("independent", {}).get("eigenvalues_shift_invert_re", [None] * 8)
    rows += [
        Row("retry when full: fullest -> empty [s]", second.time_to_drain(), drain[last],
            refused.get("time_to_drain_full_to_empty"), scipy_time(second.Q, last, [0])),
        Row("retry when full: 7th eigenvalue [1/s] (file: ARPACK)", seventh,
            eigenvalue(other, seventh), shifts[6]),
    ]  # fmt: skip
    return rows


def table(rows: list[Row]) -> str:
    def number(value: float | None) -> str:
        return "" if value is None else f"{value:.15g}"

    def error(value: float | None) -> str:
        return "" if value is None else f"{value:.1e}"

    lines = [
        "# Our numbers, Metafor's, SciPy's LU and 50-digit arithmetic",
        "",
        "The chain of Metafor's README (100 x 20 states; 9.5 requests/s, 10/s served, time-out 3 s, 4"
        " retries). Written by `verification/metafor_numbers.py`; Metafor's column is its own float64"
        " output. Its mixing time is meant to be ln(100)/gap but takes the logarithm to base 2.",
        "",
        "| quantity | 50 digits | ours | Metafor | SciPy splu | error of ours | of Metafor | of splu |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = [
            row.name, mp.nstr(row.exact, 18), number(row.ours), number(row.metafor),
            number(row.scipy), error(row.error(row.ours)), error(row.error(row.metafor)),
            error(row.error(row.scipy)),
        ]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    worst = max(row.error(row.ours) or 0.0 for row in rows)
    verdict = "right" if worst <= LIMIT else "WRONG"
    lines += [
        "",
        f"Largest relative error of ours: {worst:.1e} (allowed {LIMIT:.0e}): **{verdict}**.",
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    begin = time.perf_counter()
    with mp.workdps(DIGITS):
        rows = measured()
        text = table(rows)
        wrong = any((row.error(row.ours) or 0.0) > LIMIT for row in rows)
    if reference():
        out = HERE / "results" / "metafor_numbers.md"
        out.parent.mkdir(exist_ok=True)
        draft = out.with_suffix(".tmp")
        draft.write_text(text, encoding="utf-8")
        os.replace(draft, out)
    print(text)
    print(f"{time.perf_counter() - begin:.0f} s")
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
