r"""Better placements by simulated annealing over single moves and exchanges.

The energy is a p-norm of the targets' peaks, (\sum_m P_m^p)^{1/p}, which is close to the worst peak
and, unlike it, falls when a target other than the worst is relieved. A proposal gives one user
another target; half of them also change a user that has been moved, which keeps the number of moves.
What is proposed follows from the seed alone, so that a plan can be repeated.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from separatrix.compiled import compiled
from separatrix.placement.problem import Floats, Ints, Problem

_NORMS = (16.0, 60.0)
_CANDIDATES = 400  # users with the largest load; smaller ones hardly change a peak
_HOT, _COLD = 3e-3, 2e-5  # temperatures, in parts of the first energy
_STEPS = 200  # temperatures between them
WORK = 1_000_000_000
"""Loads of single windows to be looked at in one run, a few seconds."""


def annealed(
    problem: Problem, assigned: Ints, seed: int, until: float, enough: float = 0.0
) -> Ints:
    """Return the best assignment seen, at least as good as `assigned`.

    Parameters
    ----------
    assigned : (n_users,) a start that keeps the limits.
    seed : decides all proposals.
    until : `time.monotonic` at which to stop early. enough : worst peak at which to stop.
    """
    if problem.n_targets < 2 or problem.limits.moves == 0:
        return assigned.copy()
    free = np.flatnonzero(problem.movable & (problem.load.max(axis=1, initial=0.0) > 0.0))
    heavy = free[np.argsort(-problem.load[free].sum(axis=1), kind="stable")][:_CANDIDATES]
    if len(heavy) == 0:
        return assigned.copy()
    best, peak = assigned.copy(), problem.peak(assigned)
    each = max(WORK // (4 * problem.load.shape[1] * problem.worst * _STEPS), 50)
    for number, norm in enumerate(_NORMS):
        rng = np.random.default_rng([seed, number])
        state, found = best.copy(), best.copy()
        loads, lowest = problem.loads(state), peak
        for heat in (peak * np.geomspace(_HOT, _COLD, _STEPS)).tolist():
            if lowest <= enough or time.monotonic() >= until:
                break
            lowest = anneal(
                problem.load,
                loads,
                state,
                found,
                problem.home,
                heavy,
                np.array([problem.limits.moves, problem.limits.inodes, problem.limits.size]),
                np.stack([np.ones(problem.n_users), problem.inodes, problem.size], axis=1),
                problem.worst,
                heat,
                each,
                norm,
                lowest,
                rng,
            )
        if problem.keeps(found) and problem.peak(found) < peak:
            best, peak = found, problem.peak(found)
    return best


def _mean_of_highest(loads: Floats, worst: int, highest: Floats) -> float:
    """Mean of the `worst` highest windows; `highest` (worst,) is room to work in."""
    known = 0
    for value in loads:
        if known < worst:
            at = known
            known += 1
        elif value > highest[worst - 1]:
            at = worst - 1
        else:
            continue
        while at > 0 and highest[at - 1] < value:
            highest[at] = highest[at - 1]
            at -= 1
        highest[at] = value
    return highest.sum() / worst


mean_of_highest = compiled(_mean_of_highest)


def _energy(peaks: Floats, unit: float, norm: float) -> float:
    total = 0.0
    for peak in peaks:
        total += (peak / unit) ** norm
    return unit * total ** (1.0 / norm)


energy_of = compiled(_energy)


def _anneal(
    load: Floats,
    loads: Floats,
    state: Ints,
    found: Ints,
    home: Ints,
    candidates: Ints,
    limits: Floats,
    amounts: Floats,
    worst: int,
    heat: float,
    proposals: int,
    norm: float,
    best: float,
    rng: Any,
) -> float:
    """Make `proposals` proposals at one temperature and return the worst peak of `found`.

    Changes `loads`, `state` and `found`.

    Parameters
    ----------
    load, home : of the users. loads : (n_targets, n_windows) under `state`.
    found : the best assignment so far, of worst peak `best`; replaced where a better one is met.
    limits, amounts : (3,) and (n_users, 3): moves, inodes and bytes.
    """
    n_targets, n_windows = loads.shape
    room = np.empty(worst)
    peaks = np.empty(n_targets)
    for m in range(n_targets):
        peaks[m] = mean_of_highest(loads[m], worst, room)
    unit = peaks.max()
    energy = energy_of(peaks, unit, norm)
    moved = np.empty(len(state), np.int64)
    place = np.full(len(state), -1)
    n_moved = 0
    spent = np.zeros(3)
    for u in range(len(state)):
        if state[u] != home[u]:
            moved[n_moved] = u
            place[u] = n_moved
            n_moved += 1
            spent += amounts[u]
    trial = np.empty((4, n_windows))
    touched = np.empty(4, np.int64)
    after = np.empty(n_targets)
    who = np.empty(2, np.int64)
    to = np.empty(2, np.int64)
    for _ in range(proposals):
        who[0] = candidates[int(rng.random() * len(candidates))]
        if n_moved > 0 and rng.random() < 0.4:
            who[0] = moved[int(rng.random() * n_moved)]
        to[0] = int(rng.random() * n_targets)
        changes = 1
        if n_moved > 0 and rng.random() < 0.5:
            who[1] = moved[int(rng.random() * n_moved)]
            to[1] = home[who[1]] if rng.random() < 0.6 else int(rng.random() * n_targets)
            changes = 2
        if to[0] == state[who[0]] or (
            changes == 2 and (who[0] == who[1] or to[1] == state[who[1]])
        ):
            continue
        within = True
        for kind in range(3):
            total = spent[kind]
            for c in range(changes):
                away = state[who[c]] != home[who[c]]
                total += amounts[who[c], kind] * ((to[c] != home[who[c]]) * 1.0 - away * 1.0)
            within = within and total <= limits[kind]
        if not within:
            continue
        n_touched = 0
        for c in range(changes):
            for side in range(2):
                target = to[c] if side else state[who[c]]
                row = 0
                while row < n_touched and touched[row] != target:
                    row += 1
                if row == n_touched:
                    touched[row] = target
                    trial[row] = loads[target]
                    n_touched += 1
                sign = 1.0 if side else -1.0
                for w in range(n_windows):
                    trial[row, w] += sign * load[who[c], w]
        after[:] = peaks
        for row in range(n_touched):
            after[touched[row]] = mean_of_highest(trial[row], worst, room)
        new = energy_of(after, unit, norm)
        if new > energy and rng.random() >= np.exp((energy - new) / heat):
            continue
        energy = new
        peaks[:] = after
        for row in range(n_touched):
            loads[touched[row]] = trial[row]
        for c in range(changes):
            user = who[c]
            spent += amounts[user] * (
                (to[c] != home[user]) * 1.0 - (state[user] != home[user]) * 1.0
            )
            state[user] = to[c]
            if to[c] != home[user] and place[user] < 0:
                moved[n_moved] = user
                place[user] = n_moved
                n_moved += 1
            elif to[c] == home[user] and place[user] >= 0:
                n_moved -= 1
                last = moved[n_moved]
                moved[place[user]] = last
                place[last] = place[user]
                place[user] = -1
        if peaks.max() < best:
            best = peaks.max()
            found[:] = state
    return best


anneal = compiled(_anneal)
