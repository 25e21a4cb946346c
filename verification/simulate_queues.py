"""The simulator against queues whose laws are known in closed form.

Every row is a queue and a number that theory gives; the simulated one comes with its standard error
over independent replications with fixed seeds. Right: no p-value below 1e-4. Writes
results/simulate_queues.md; exits 1 when wrong. About a minute.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import integrate, optimize, special, stats

from separatrix.model import (
    Deterministic,
    Empirical,
    Erlang,
    Exponential,
    Hyperexponential,
    Lifo,
    Lognormal,
    Mixture,
    Pareto,
    PhaseType,
    Program,
    Server,
    Source,
    StateMachine,
    ThresholdAdmission,
    TokenBucket,
    Weibull,
    Work,
)
from separatrix.simulate import SimulationResult, run_once, simulate
from separatrix.simulate import layout as at
from separatrix.simulate.compile import compile_program
from separatrix.simulate.event_loop import event_loop
from separatrix.simulate.run import Buffers, drive
from separatrix.simulate.state import new_run
from tables.readings import Readings

NEVER = 1e12  # a timeout that no attempt reaches [s]


def queue(
    rate: float, mu: float, *, law: Any = None, arrivals: Any = None, timeout: float = NEVER,
    **server: Any,
) -> Program:  # fmt: skip
    """One server and one client without retries."""
    program = Program("queue")
    work = Work(mu, law=law or Exponential())
    program.add_server(Server("s", {"a": work}, **{"qsize": 1_000_000, **server}))
    given = {} if arrivals is None else {"arrivals": arrivals}
    program.add_source(Source("c", "a", rate, timeout=timeout, retries=0, **given))
    program.connect("c", "s")
    return program


def run(program: Program, horizon: float = 20_000.0, runs: int = 60) -> SimulationResult:
    """Replications, the first tenth of each left out."""
    return simulate(program, horizon=horizon, runs=runs, seed=20, warmup=horizon / 10, workers=1)


def present(result: SimulationResult) -> _Sum:
    """Mean number at the server in a run, as an estimate of its own."""
    server = result.servers["s"]
    return _Sum(server["queue"], server["in_service"])


class _Sum:
    """Sum of two estimates that lean the same way: its standard deviation is at most the sum."""

    def __init__(self, a: Any, b: Any) -> None:
        self.mean, self.sd, self.runs = a.mean + b.mean, a.sd + b.sd, a.runs


def birth_death(up: Callable[[int], float], down: Callable[[int], float], most: int) -> np.ndarray:
    """Stationary law on 0 .. most."""
    weights = [1.0]
    for n in range(most):
        weights.append(weights[-1] * up(n) / down(n + 1))
    return np.array(weights) / sum(weights)


def finite_queues(table: Readings) -> None:
    """M/M/c/K, Erlang's loss formula and its indifference to the law, admission by threshold."""
    for c, size, rate in ((1, 10, 9.0), (1, 10, 14.0), (3, 20, 28.0), (10, 30, 95.0)):
        law = birth_death(lambda n, r=rate: r, lambda n, c=c: 10.0 * min(n, c), size)
        result = run(queue(rate, 10.0, qsize=size, thread_pool=c))
        name = f"M/M/{c}/{size}, load {rate / 10 / c:.3g}: "
        n = np.arange(size + 1)
        server = result.servers["s"]
        table.mean(name + "waiting", float(law @ np.maximum(n - c, 0)), server["queue"])
        table.mean(name + "dropped [1/s]", rate * law[-1], server["drops"])
        sojourn = float(law @ n) / (rate * (1 - law[-1]))
        table.mean(name + "time at the server [s]", sojourn, server["time_at_server"])
    offered = 8.0
    erlang_b = float(birth_death(lambda n: offered, lambda n: float(n), 10)[-1])
    for law in (
        Exponential(),
        Deterministic(),
        Lognormal(2.0),
        Hyperexponential((0.2, 0.8), (1.0, 9.0)),
    ):
        result = run(queue(80.0, 10.0, law=law, qsize=10, thread_pool=10), horizon=5000.0)
        table.mean(
            f"Erlang B, {law.kind} service: dropped [1/s]",
            80 * erlang_b,
            result.servers["s"]["drops"],
        )
    policy = ThresholdAdmission(5, 0.3)
    law = birth_death(lambda n: 12.0 * (1.0 if n < 5 else 0.3), lambda n: 10.0, 15)
    result = run(queue(12.0, 10.0, qsize=15, admission=policy))
    table.mean(
        "threshold admission: waiting",
        float(law @ np.maximum(np.arange(16) - 1, 0)),
        result.servers["s"]["queue"],
    )
    result = run(queue(20.0, 100.0, admission=TokenBucket(8.0, 4)))
    # tokens on hand just before an arrival: down by one when admitted, up by Poisson-timed refills
    table.mean(
        "token bucket under twice its rate: admitted [1/s]",
        _token_rate(20.0, 8.0, 4.0),
        result.servers["s"]["throughput"],
    )


def _token_rate(rate: float, fill: float, burst: float) -> float:
    """Admitted rate of a fluid token bucket: the stationary law of its level on a fine grid."""
    steps = 400  # cells per token
    n = int(burst * steps)
    level = (np.arange(n) + 0.5) / steps
    at_full = np.zeros(n + 1)
    at_full[n] = 1.0
    # level after a gap: an exponential rise with mean fill/rate, stopped at burst
    edges = np.arange(n) / steps

    def after_gap(start: float) -> np.ndarray:
        below = 1 - np.exp(-rate / fill * np.maximum(edges[1:] - start, 0))
        cells = np.diff(
            np.concatenate([[0.0], below, [1 - math.exp(-rate / fill * (burst - start))]])
        )
        return np.append(cells, math.exp(-rate / fill * (burst - start)))

    levels = np.append(level, burst)
    transition = np.array([after_gap(x - 1 if x >= 1 else x) for x in levels])
    law = at_full
    for _ in range(400):
        law = law @ transition
    return rate * float(law[levels >= 1].sum())


def one_thread(table: Readings) -> None:
    """Pollaczek and Khinchine: the mean wait is load x (1 + cv^2) / (2 (mu - rate))."""
    sample = (0.1, 0.4, 0.5, 3.0)
    laws: dict[str, tuple[Any, float]] = {
        "M/M/1": (Exponential(), 1.0),
        "M/D/1": (Deterministic(), 0.0),
        "M/E4/1": (Erlang(4), 0.25),
        "M/E20/1": (Erlang(20), 0.05),
        "M/H2/1": (Hyperexponential((0.1, 0.9), (1.0, 10.0)), _hyper_cv2((0.1, 0.9), (1.0, 10.0))),
        "M/lognormal/1": (Lognormal(1.5), 2.25),
        "M/Weibull/1": (Weibull(0.7), math.gamma(1 + 2 / 0.7) / math.gamma(1 + 1 / 0.7) ** 2 - 1),
        "M/Pareto/1": (Pareto(4.5), 1 / (4.5 * 2.5)),
        "M/empirical/1": (Empirical(sample), float(np.var(sample) / np.mean(sample) ** 2)),
    }
    for name, (law, cv2) in laws.items():
        for rate in (5.0, 8.0):
            result = run(queue(rate, 10.0, law=law))
            load = rate / 10
            wait = load * (1 + cv2) / (2 * 10 * (1 - load))
            table.mean(f"{name}, load {load:g}: waiting", rate * wait, result.servers["s"]["queue"])
            table.mean(
                f"{name}, load {load:g}: time at the server [s]",
                wait + 0.1,
                result.servers["s"]["time_at_server"],
            )


def _hyper_cv2(weights: tuple[float, ...], rates: tuple[float, ...]) -> float:
    mean = sum(w / r for w, r in zip(weights, rates, strict=True))
    return sum(2 * w / r**2 for w, r in zip(weights, rates, strict=True)) / mean**2 - 1


def other_arrivals(table: Readings) -> None:
    """GI/M/1 by the root of its arrivals' transform, MMPP/M/1 by matrix-geometric solution."""
    mixture = Mixture((0.3, 0.7), (2.0, 20.0))
    erlang2 = PhaseType((1.0, 0.0), ((-14.0, 14.0), (0.0, -14.0)))
    transforms = {
        "H2/M/1": (mixture, lambda s: 0.3 * 2 / (2 + s) + 0.7 * 20 / (20 + s)),
        "E2/M/1": (erlang2, lambda s: (14 / (14 + s)) ** 2),
    }
    for name, (arrivals, transform) in transforms.items():
        rate = arrivals.natural_rate
        root = optimize.brentq(lambda x, f=transform: f(10 * (1 - x)) - x, 0, 1 - 1e-9)
        result = run(queue(rate, 10.0, arrivals=arrivals))
        table.mean(
            f"{name}: time at the server [s]",
            1 / (10 * (1 - root)),
            result.servers["s"]["time_at_server"],
        )
        table.mean(f"{name}: present", rate / (10 * (1 - root)), present(result))
    for generator, rates in (
        (((0.0, 0.1), (0.3, 0.0)), (5.0, 16.0)),
        (((0, 1.0, 0), (0, 0, 1.0), (2.0, 0, 0)), (0.0, 4.0, 15.0)),
    ):
        machine = StateMachine(generator, rates)
        law = _mmpp_m_1(np.array(generator, float), np.array(rates), 10.0)
        result = run(queue(machine.natural_rate, 10.0, arrivals=machine), horizon=50_000.0)
        table.mean(f"MMPP/M/1 of {len(rates)} states: present", law, present(result))


def _mmpp_m_1(off: np.ndarray, rates: np.ndarray, mu: float) -> float:
    """Mean number present: the least R of R^2 mu + R (Q - diag(rates + mu)) + diag(rates) = 0."""
    n = len(rates)
    Q = off - np.diag(off.sum(axis=1))
    up, down, local = np.diag(rates), mu * np.eye(n), Q - np.diag(rates) - mu * np.eye(n)
    R = np.zeros((n, n))
    for _ in range(100_000):
        following = -(up + R @ R @ down) @ np.linalg.inv(local)
        if np.abs(following - R).max() < 1e-15:
            break
        R = following
    # level 0: pi0 (Q - up + R down) = 0, pi0 (I - R)^-1 1 = 1
    inverse = np.linalg.inv(np.eye(n) - R)
    A = np.column_stack([(Q - up + R @ down)[:, :-1], inverse.sum(axis=1)])
    pi0 = np.linalg.solve(A.T, np.append(np.zeros(n - 1), 1.0))
    return float((pi0 @ R @ inverse @ inverse).sum())


def laws(table: Readings) -> None:
    """Whole laws: sojourn and busy period of M/M/1, LIFO's second moment, deterministic patience."""
    rate, mu = 7.0, 10.0
    program = queue(rate, mu)
    # one request of each run, so that they are independent
    times = np.array([_of_one_request(program, seed) for seed in range(4000)])
    table.law(
        "M/M/1: time at the server",
        stats.kstest(times, stats.expon(scale=1 / (mu - rate)).cdf).pvalue,
        len(times),
    )
    busy = busy_periods(program, 100_000)
    mean, second = 1 / (mu - rate), 2 * mu / (mu - rate) ** 3
    table.mean("M/M/1: busy period [s]", mean, busy)
    table.mean("M/M/1: busy period, second moment [s2]", second, busy**2)

    def density(s: float) -> float:
        x = 2 * s * math.sqrt(rate * mu)
        return (
            math.exp(-(rate + mu) * s + x) * float(special.ive(1, x)) / (s * math.sqrt(rate / mu))
        )

    grid = np.linspace(0, 40, 4001)
    cdf = np.concatenate(
        [[0], np.cumsum([integrate.quad(density, a, b)[0] for a, b in pairwise(grid)])]
    )
    table.law(
        "M/M/1: busy period",
        stats.kstest(busy, lambda t: np.interp(t, grid, cdf)).pvalue,
        len(busy),
    )
    last_first = queue(rate, mu, discipline=Lifo())
    lifo = np.array([_of_one_request(last_first, seed) for seed in range(8000)])
    # wait: E W^2 is that of FIFO over 1 - load (Takacs); the service is independent of it
    load = rate / mu
    wait, wait2 = load / (mu - rate), 2 * load / (mu - rate) ** 2 / (1 - load)
    table.mean("M/M/1 last in, first out: time at the server [s]", wait + 1 / mu, lifo)
    table.mean(
        "M/M/1 last in, first out: its second moment [s2]",
        wait2 + 2 * wait / mu + 2 / mu**2,
        lifo**2,
    )
    for rate, patience in ((8.0, 0.5), (15.0, 0.5), (10.0, 1.0)):
        result = run(queue(rate, mu, timeout=patience, drop_expired=True))
        lost = _barrer(rate, mu, patience)
        table.mean(
            f"M/M/1+D, load {rate / mu:g}: expired [1/s]",
            rate * lost,
            result.servers["s"]["expired"],
        )


def _barrer(rate: float, mu: float, patience: float) -> float:
    """Share of customers who leave the queue after `patience`; Barrer, Oper. Res. 5(5), 1957.

    Workload density rate*p0*exp(-(mu-rate) w) below `patience`, falling with mu above it.
    """
    d = mu - rate
    below = patience if d == 0 else -math.expm1(-d * patience) / d
    above = math.exp(-d * patience) / mu
    p0 = 1 / (1 + rate * (below + above))
    return rate * p0 * above


def busy_periods(program: Program, count: int) -> np.ndarray:
    """Times from an arrival at the empty server until it is empty again, `count` in a row [s]."""
    compiled = compile_program(program)
    compiled.words.view(np.float64)[compiled.words[at.P_WATCH]] = 1.0
    features = dataclasses.replace(compiled.features, watch=True)
    loop, buffers = event_loop(features), Buffers.fit(compiled, features, 1.0)
    state = new_run(compiled, features, np.random.SeedSequence(3))
    found = np.empty(count)
    for i in range(count):
        state.F[at.LOW], state.F[at.HIGH] = -math.inf, 1.0
        drive(loop, compiled, state, buffers, math.inf)
        begin = state.now
        state.F[at.LOW], state.F[at.HIGH] = 0.0, math.inf
        drive(loop, compiled, state, buffers, math.inf)
        found[i] = state.now - begin
    return found


def _of_one_request(program: Program, seed: int) -> float:
    """Time at the server of the 200th request, which sees the law that all arrivals see."""
    run = run_once(program, horizon=90.0, seed=seed, requests=True)
    request = sorted(run.requests, key=lambda r: r.start)[199]
    return request.end - request.start


if __name__ == "__main__":
    readings = Readings(
        "simulate_queues",
        "# The simulator against known queues\n\nOne server, no retries; 10 requests/s a thread "
        "where nothing else is said.",
    )
    finite_queues(readings)
    one_thread(readings)
    other_arrivals(readings)
    laws(readings)
    readings.finish()
