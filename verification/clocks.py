r"""Is it the clock that makes the staged chain recover too early?

A time-out is fixed, and exponential in the chain. Here every attempt is followed, with its true fate, by clients who
wait exponentially, as in the chain, in two or four equal exponential stages, or for a fixed time. All else is the
same, so that what differs is the clock. Beside them: the staged chain, and that chain with the returns of those
whose time-out began T ago (see `returns_by_age`, which no closure can be, as it knows the question).

First reading: "clock" where the chain's mean recovery is within 25 % of that with exponential clocks, so that the
clock is all that is left; "more" otherwise. Second reading: "right" where the chain with returns by age is within
25 % of that with fixed clocks, "wrong" otherwise.

Run: python verification/clocks.py   (about five minutes of processor time)
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from closures import MU, Row
from returns_by_age import mean_time_back
from separatrix.compiled import compiled
from separatrix.population import lower
from separatrix.questions.fluid_verdict import worst_start
from separatrix.questions.levels import levels
from separatrix.questions.regimes import regimes

RESULT = Path(__file__).parent / "results" / "clocks.md"
PLACES, FOREVER = 1 << 12, 1e12
EVENTS, RUNS = 5e7, 1500
CLOCKS = {"fixed": 0, "4 stages": 4, "2 stages": 2, "exponential": 1}
CLOSE = 0.25


class Case(Row):
    @property
    def rate(self) -> float:
        return self.load * MU * self.threads

    @property
    def timeout(self) -> float:
        return self.patience * self.qsize / (MU * self.threads)


CASES = [
    Case(0.57, 1, 0.4, 1, 40),
    Case(0.6, 1, 0.35, 3, 60),
    Case(0.7, 1, 0.6, 1, 40),
    Case(0.75, 1, 0.8, 2, 40),
    Case(0.78, 1, 0.7, 1, 45),
    Case(0.85, 1, 0.6, 2, 40),
    Case(0.85, 1, 0.6, 2, 60),
    Case(0.6, 1, 2 / 3, 16, 150),
    Case(0.6, 2, 1 / 3, 2, 26),
    Case(0.8, 2, 1 / 3, 4, 20),
]


def _back(rate, timeout, threads, size, retries, stages, healthy, rng):
    """Time [s] from the end of a long outage until so few are at the server and waiting, and events."""
    free = np.zeros(threads)  # when each thread is done with what it has
    done = np.zeros(PLACES)  # departures of those at the server, unsorted
    due, number = np.zeros(PLACES), np.zeros(PLACES, np.int64)
    here = waiting = 0
    for attempt in range(1, retries + 1):
        for _ in range(rng.poisson(rate * timeout)):
            if stages == 0:
                left = rng.random() * timeout
            else:
                left = 0.0
                for _ in range(rng.integers(1, stages + 1)):
                    left += rng.exponential(timeout / stages)
            due[waiting], number[waiting] = left, attempt
            waiting += 1
    for _ in range(size):
        k = np.argmin(free)
        free[k] += rng.exponential(1 / MU)
        done[here] = free[k]
        here += 1
    events, clock, arrival = 0, 0.0, rng.exponential(1 / rate)
    next_due = np.argmin(due[:waiting]) if waiting else -1
    next_done = np.argmin(done[:here])
    while clock < FOREVER:
        if here + waiting <= healthy:
            return clock, events
        over = due[next_due] if waiting else np.inf
        service = done[next_done] if here else np.inf
        clock, events = min(arrival, over, service), events + 1
        attempt = 0
        if clock == service:
            here -= 1
            done[next_done] = done[here]
            if here:
                next_done = np.argmin(done[:here])
            continue
        if clock == arrival:
            arrival = clock + rng.exponential(1 / rate)
        else:
            attempt = number[next_due]
            waiting -= 1
            due[next_due], number[next_due] = due[waiting], number[waiting]
        late = True
        if here < size:
            k = np.argmin(free)
            free[k] = max(free[k], clock) + rng.exponential(1 / MU)
            late = free[k] - clock > timeout
            done[here] = free[k]
            here += 1
            next_done = np.argmin(done[:here])
        if late and attempt < retries:
            left = timeout if stages == 0 else 0.0
            for _ in range(stages):
                left += rng.exponential(timeout / stages)
            due[waiting], number[waiting] = clock + left, attempt + 1
            waiting += 1
        if waiting:
            next_due = np.argmin(due[:waiting])
    return np.inf, events


back = compiled(_back)


def simulated(case: Case, stages: int, healthy: float) -> tuple[float, float]:
    """Mean recovery [s] and half the width of its 95 % interval."""
    rng = np.random.default_rng(1)
    times: list[float] = []
    events = 0
    while events < EVENTS and len(times) < RUNS:
        time, more = back(
            case.rate, case.timeout, case.threads, case.qsize, case.retries, stages, healthy, rng
        )
        times.append(time)
        events += more
    return float(np.mean(times)), float(1.96 * np.std(times) / len(times) ** 0.5)


def row(case: Case) -> str:
    population = lower(case.program(), "staged")
    healthy = levels(case.program(), regimes(population)).healthy
    start = np.zeros(population.shape)
    start[tuple(np.rint(worst_start(population)).astype(int))] = 1.0
    chain, aged = mean_time_back(population, case.timeout, healthy, start)
    seen = {name: simulated(case, stages, healthy) for name, stages in CLOCKS.items()}
    fixed, exponential = seen["fixed"][0], seen["exponential"][0]
    words = [
        "clock" if _near(chain, exponential) else "more",
        "right" if _near(aged, fixed) else "wrong",
    ]
    cells = [f"{mean:.4g} ± {half:.2g} ({mean / fixed:.2f})" for mean, half in seen.values()]
    cells += [f"{chain:.4g} ({chain / fixed:.2f})", f"{chain / exponential:.2f}"]
    cells.append(f"{aged:.4g} ({aged / fixed:.2f})")
    return f"| {case.name} | " + " | ".join([*words, *cells]) + " |"


def _near(ours: float, theirs: float) -> bool:
    return theirs / (1 + CLOSE) <= ours <= theirs * (1 + CLOSE)


def main() -> None:
    columns = ["program", "left over", "returns by age", *(f"simulated, {c} [s]" for c in CLOCKS)]
    columns += ["staged chain [s]", "chain / exponential", "chain, returns by age [s]"]
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    for case in CASES:
        lines.append(row(case))
        print(lines[-1], flush=True)
    clock, right = (sum(f"| {word} |" in line for line in lines) for word in ("clock", "right"))
    note = (
        f"Of {len(CASES)} programs {clock} read clock, {right} right. In brackets: over the simulated "
        "mean with fixed clocks."
    )
    text = (__doc__ or "").split("\n\nRun:")[0].strip()
    RESULT.write_text("\n".join(["# Clocks", "", text, "", note, "", *lines]) + "\n")


if __name__ == "__main__":
    main()
