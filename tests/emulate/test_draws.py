"""Arrivals and service times have the laws that the model says."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from separatrix.emulate.draws import MOST_REQUESTS, arrival_times, service_sampler
from separatrix.errors import ModelError
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
    Schedule,
    Source,
    Spike,
    StateMachine,
    Trace,
    Weibull,
    Work,
)

NO_FAULTS = Schedule()


def draws(law, n=4000):
    draw = service_sampler(Work(4.0, law=law), np.random.default_rng(7))
    return np.array([draw() for _ in range(n)])


@pytest.mark.parametrize(
    ("law", "truth"),
    [
        (Exponential(), stats.expon(scale=0.25)),
        (Erlang(3), stats.gamma(3, scale=0.25 / 3)),
        (Lognormal(0.8), stats.lognorm(np.sqrt(np.log(1.64)), scale=0.25 / np.sqrt(1.64))),
        (Weibull(0.7), stats.weibull_min(0.7, scale=0.25 / stats.weibull_min(0.7).mean())),
        (Pareto(2.5), stats.pareto(2.5, scale=0.25 * 1.5 / 2.5)),
    ],
)
def test_service_times_follow_their_law(law, truth):
    assert truth.mean() == pytest.approx(0.25)
    assert stats.kstest(draws(law), truth.cdf).pvalue > 1e-3


def test_hyperexponential_is_the_mixture_of_its_branches():
    law = Hyperexponential((0.3, 0.7), (1.0, 5.0))
    rates = np.array(law.unit_rates) * 4.0

    def cdf(s):
        return 1 - 0.3 * np.exp(-rates[0] * s) - 0.7 * np.exp(-rates[1] * s)

    assert stats.kstest(draws(law), cdf).pvalue > 1e-3


def test_deterministic_and_empirical_keep_the_mean():
    assert np.all(draws(Deterministic(), 3) == 0.25)
    assert set(np.round(draws(Empirical((1.0, 3.0)), 200), 12)) == {0.125, 0.375}


def test_poisson_arrivals_are_multiplied_by_a_spike():
    source = Source("c", "get", 50.0)
    faults = Schedule((Spike("c", 4.0, 100.0, 50.0),))
    times = arrival_times(source, faults, 400.0, np.random.default_rng(3))
    assert np.all(np.diff(times) >= 0)
    inside = np.sum((times >= 100) & (times < 150))
    assert abs(inside - 10_000) < 4 * np.sqrt(10_000)
    assert abs(len(times) - inside - 17_500) < 4 * np.sqrt(17_500)


def test_renewal_gaps_pass_faster_in_a_spike_and_keep_their_law_outside():
    erlang = PhaseType((1.0, 0.0), ((-8.0, 8.0), (0.0, -8.0)))
    source = Source("c", "get", 20.0, arrivals=erlang)  # natural rate 4/s: time is scaled by 5
    times = arrival_times(source, NO_FAULTS, 300.0, np.random.default_rng(3))
    assert stats.kstest(np.diff(times), stats.gamma(2, scale=1 / 40).cdf).pvalue > 1e-3
    faults = Schedule((Spike("c", 3.0, 100.0, 100.0),))
    spiked = arrival_times(source, faults, 300.0, np.random.default_rng(3))
    inside = np.diff(spiked[(spiked > 100) & (spiked < 200)])
    assert stats.kstest(inside, stats.gamma(2, scale=1 / 120).cdf).pvalue > 1e-3


def test_mixture_has_its_mean_rate():
    source = Source("c", "get", arrivals=Mixture((0.2, 0.8), (1.0, 10.0)))
    times = arrival_times(source, NO_FAULTS, 4000.0, np.random.default_rng(5))
    assert len(times) == pytest.approx(4000 * source.mean_rate, rel=0.05)


def test_state_machine_has_its_rates_and_bursts():
    machine = StateMachine(((0.0, 0.5), (1.0, 0.0)), (2.0, 30.0))
    source = Source("c", "get", arrivals=machine)
    times = arrival_times(source, NO_FAULTS, 6000.0, np.random.default_rng(5))
    assert len(times) == pytest.approx(6000 * machine.natural_rate, rel=0.05)
    counts = np.histogram(times, np.arange(6001))[0]
    # for a Poisson process the index of dispersion is 1
    assert counts.var() / counts.mean() > 3


def test_trace_is_replayed_and_scaled_to_the_stated_rate():
    source = Source("c", "get", arrivals=Trace((0.0, 1.0, 4.0)))
    rng = np.random.default_rng(0)
    assert arrival_times(source, NO_FAULTS, 10.0, rng).tolist() == [0.0, 1.0, 4.0]
    assert arrival_times(source, NO_FAULTS, 3.0, rng).tolist() == [0.0, 1.0]
    twice = Source("c", "get", 1.0, arrivals=Trace((0.0, 1.0, 4.0)))
    assert arrival_times(twice, NO_FAULTS, 10.0, rng) == pytest.approx([0.0, 0.5, 2.0])


def test_a_silent_source_sends_nothing_and_a_loud_one_is_refused():
    rng = np.random.default_rng(0)
    assert len(arrival_times(Source("c", "get", 0.0), NO_FAULTS, 10.0, rng)) == 0
    with pytest.raises(ModelError, match="too many to send for real"):
        arrival_times(Source("c", "get", MOST_REQUESTS), NO_FAULTS, 10.0, rng)
