"""What became of a run, from series written by hand."""

from __future__ import annotations

import math

import numpy as np

from separatrix.questions.outcome import Phases, outcome

PHASES = Phases(settled=2.0, fault=6.0, over=8.0, last=16.0, end=20.0)


def read(after):
    goodput = np.full(21, 100.0)
    goodput[9:] = after(np.arange(9, 21))
    return outcome(goodput, 2 * goodput, 1.0, PHASES)


def test_a_run_whose_goodput_stays_away_is_stuck():
    found = read(lambda t: 0.0 * t)
    assert (found.stuck, found.recovery, found.goodput_after) == (True, math.inf, 0.0)
    assert found.goodput_before == 100.0


def test_recovery_ends_when_the_goodput_is_back():
    found = read(lambda t: np.where(t <= 12, 10.0, 100.0))
    assert not found.stuck
    assert found.recovery == 4.0
    assert found.attempts_after == 200.0


def test_a_run_that_never_left_recovers_at_once():
    assert read(lambda t: 100.0 + 0 * t).recovery == 0.0


def test_a_run_without_goodput_before_has_nothing_to_come_back_to():
    zeros = np.zeros(21)
    found = outcome(zeros, zeros, 1.0, PHASES)
    assert not found.stuck
    assert found.recovery == math.inf
