"""Good placements quickly: one move after the other off the worst target, then exchanges.

No proof of anything; `exact` takes the result as an incumbent. One step looks at every user of the
worst target and every other target, about users x windows numbers, so thousands of users take
milliseconds a step.
"""

from __future__ import annotations

import time

import numpy as np

from separatrix.placement.problem import Floats, Ints, Problem, peaks

_GAIN = 1e-9  # smaller relative improvements are rounding


def improved(problem: Problem, assigned: Ints, until: float) -> Ints:
    """Return an assignment at least as good as `assigned`, found by moves and exchanges.

    Parameters
    ----------
    assigned : (n_users,) a start that keeps the limits; `problem.home` for none.
    until : `time.monotonic` at which to stop.
    """
    best = _descended(problem, assigned)
    while time.monotonic() < until:
        better = _exchanged(problem, best, until)
        if better is None:
            return best
        best = better
    return best


def _descended(problem: Problem, assigned: Ints) -> Ints:
    """Move the user that helps most off the worst target, until none does."""
    assigned = assigned.copy()
    loads = problem.loads(assigned)
    while True:
        step = _best_step(problem, assigned, loads)
        if step is None:
            return assigned
        user, target = step
        loads[assigned[user]] -= problem.load[user]
        loads[target] += problem.load[user]
        assigned[user] = target


def _exchanged(problem: Problem, assigned: Ints, until: float) -> Ints | None:
    """Return something better after taking one move back, or None."""
    goal = problem.peak(assigned) * (1.0 - _GAIN)
    moved = np.flatnonzero(assigned != problem.home)
    for user in moved.tolist():
        if time.monotonic() >= until:
            return None
        back = assigned.copy()
        back[user] = problem.home[user]
        found = _descended(problem, back)
        if problem.peak(found) < goal:
            return found
    return None


def _best_step(problem: Problem, assigned: Ints, loads: Floats) -> tuple[int, int] | None:
    """Return the (user, target) that lowers the worst peak most within the limits, or None."""
    peak_of = problem.peaks(loads)
    worst = int(np.argmax(peak_of))
    users = _free(problem, assigned, worst)
    if len(users) == 0 or problem.n_targets < 2:
        return None
    left = peaks(loads[worst] - problem.load[users], problem.worst)
    useful = left < peak_of[worst] * (1.0 - _GAIN)
    users, left = users[useful], left[useful]
    if len(users) == 0:
        return None
    best, choice = peak_of[worst] * (1.0 - _GAIN), None
    for target in np.argsort(peak_of)[:-1].tolist():
        if target == worst or peak_of[target] >= best:
            continue  # of equal peaks any may come last
        after = np.maximum(left, peaks(loads[target] + problem.load[users], problem.worst))
        at = int(np.argmin(after))
        if after[at] < best:
            best, choice = float(after[at]), (int(users[at]), int(target))
    return choice


def _free(problem: Problem, assigned: Ints, worst: int) -> Ints:
    """Users of a target that may leave it: those moved already, others within what is left."""
    moved = assigned != problem.home
    limits = problem.limits
    here = (assigned == worst) & problem.movable
    fresh = (
        moved.sum() < limits.moves,
        problem.inodes[moved].sum() + problem.inodes <= limits.inodes,
        problem.size[moved].sum() + problem.size <= limits.size,
    )
    return np.flatnonzero(here & (moved | (fresh[0] & fresh[1] & fresh[2])))
