"""Service laws and arrival processes, against their formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from separatrix.model import (
    Deterministic,
    Empirical,
    Erlang,
    Exponential,
    Hyperexponential,
    Lognormal,
    Mixture,
    Pareto,
    PhaseType,
    Program,
    Server,
    Source,
    StateMachine,
    Weibull,
    Work,
)
from separatrix.simulate import run_once
from separatrix.simulate.compile import compile_program
from separatrix.simulate.draws import service_time
from separatrix.simulate.layout import P_WORKS

MEAN = 0.2
HYPER = Hyperexponential((0.3, 0.7), (1.0, 5.0))


def times_of(law, count: int = 20_000) -> np.ndarray:
    program = Program("law")
    program.add_server(Server("s", {"a": Work(1 / MEAN, law=law)}, qsize=5))
    program.add_source(Source("c", "a", 1.0))
    program.connect("c", "s")
    words = compile_program(program).words
    U = np.random.SeedSequence(11).generate_state(4, np.uint64)
    G = words.view(np.float64)
    return np.array([service_time(U, words, G, words[P_WORKS]) for _ in range(count)])


def hyper_cdf(t):
    rates = HYPER.unit_rates
    return 1 - 0.3 * np.exp(-rates[0] * t / MEAN) - 0.7 * np.exp(-rates[1] * t / MEAN)


@pytest.mark.parametrize(
    ("law", "cdf"),
    [
        (Exponential(), stats.expon(scale=MEAN).cdf),
        (Erlang(3), stats.gamma(3, scale=MEAN / 3).cdf),
        (Erlang(40), stats.gamma(40, scale=MEAN / 40).cdf),
        (HYPER, hyper_cdf),
        (Lognormal(1.5), stats.lognorm(math.sqrt(math.log(3.25)),
                                       scale=MEAN / math.sqrt(3.25)).cdf),
        (Weibull(0.7), stats.weibull_min(0.7, scale=MEAN / math.gamma(1 + 1 / 0.7)).cdf),
        (Pareto(2.5), stats.pareto(2.5, scale=MEAN * 1.5 / 2.5).cdf),
    ],
    ids=lambda x: getattr(x, "kind", ""),
)  # fmt: skip
def test_service_laws(law, cdf):
    assert stats.kstest(times_of(law), cdf).pvalue > 1e-3


def test_deterministic_and_empirical_service():
    assert set(times_of(Deterministic(), 10)) == {MEAN}
    times = times_of(Empirical((1.0, 2.0, 6.0)))
    values, counts = np.unique(np.round(times, 12), return_counts=True)
    assert values == pytest.approx(MEAN * np.array([1, 2, 6]) / 3)
    assert stats.chisquare(counts).pvalue > 1e-3


def starts(arrivals, rate=None, horizon=20_000.0) -> np.ndarray:
    program = Program("arrivals")
    program.add_server(Server("s", {"a": Work(1e4)}, qsize=1000))
    program.add_source(Source("c", "a", rate, arrivals=arrivals, timeout=50.0))
    program.connect("c", "s")
    run = run_once(program, horizon=horizon, seed=5, requests=True)
    return np.array([r.start for r in run.requests])


def test_mixture_gaps_scaled_to_the_stated_rate():
    mixture = Mixture((0.25, 0.75), (1.0, 10.0))
    gaps = np.diff(starts(mixture, rate=2.0))
    scale = 2.0 / mixture.natural_rate

    def cdf(t):
        return 1 - 0.25 * np.exp(-scale * t) - 0.75 * np.exp(-10.0 * scale * t)

    assert stats.kstest(gaps, cdf).pvalue > 1e-3


def test_phase_type_gaps():
    # two stages of rates 2 and 5, the second skipped once in four
    process = PhaseType((1.0, 0.0), ((-2.0, 1.5), (0.0, -5.0)))
    gaps = np.diff(starts(process))

    def cdf(t):
        t = np.asarray(t)
        direct = 1 - np.exp(-2 * t)
        both = 1 - (5 * np.exp(-2 * t) - 2 * np.exp(-5 * t)) / 3
        return 0.25 * direct + 0.75 * both

    assert stats.kstest(gaps, cdf).pvalue > 1e-3
    assert 1 / gaps.mean() == pytest.approx(process.natural_rate, rel=0.02)


def test_state_machine_rate_and_burstiness():
    # a symmetric two-state MMPP; index of dispersion of counts over long times:
    # 1 + 2 (l1 - l2)^2 p1 p2 / (mean (s1 + s2))
    machine = StateMachine(((0.0, 0.5), (0.5, 0.0)), (9.0, 1.0))
    times = starts(machine, horizon=200_000.0)
    assert len(times) / 200_000.0 == pytest.approx(5.0, rel=0.02)
    counts = np.histogram(times, np.arange(0, 200_001, 100.0))[0]
    dispersion = counts.var() / counts.mean()
    limit = 1 + 2 * 64 * 0.25 / (5.0 * 1.0)
    assert dispersion == pytest.approx(limit, rel=0.15)


def test_state_machine_starts_in_its_stationary_law():
    machine = StateMachine(((0.0, 0.001), (0.003, 0.0)), (1.0, 0.0))
    program = Program("start")
    program.add_server(Server("s", {"a": Work(1e4)}, qsize=10))
    program.add_source(Source("c", "a", arrivals=machine))
    program.connect("c", "s")
    silent = sum(
        run_once(program, horizon=20.0, seed=i).streams["c"].requests == 0 for i in range(400)
    )
    assert silent / 400 == pytest.approx(0.25, abs=0.07)
