r"""Levels of a splitting, found by a pilot: each about equally likely to be reached from the one before.

With n levels of probability p each and N trials of each the relative variance of the product is
:math:`n (1-p) / (p N)`. Where a trial costs the same whatever its length, p near 0.2 is best (Garvels and
Kroese 1998); trials that are ended soon after they fall back cost less the nearer the levels are, which
favours a larger p, until the copy of a state weighs more than the trial. Measured on M/M/1 over 33
powers of e: the work for a given error is least, and flat, for p of 0.2 to 0.35.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from separatrix.errors import NotConverged
from separatrix.simulate.splitting import Entries, Splitting, Surface

LIKELY = (0.17, 0.5)  # a step's probability in the pilot
AIM = 0.3
PILOT = 400  # trials of a step in the pilot
FEWEST = 20  # states from which the pilot goes on
MOST_TRIALS = 64 * PILOT
MOST_LEVELS = 1000
MEMORIES = 50.0  # how long the start set is watched at least, in longest memories of the service


@dataclass(frozen=True)
class Levels:
    """Levels, and how likely the pilot found each.

    Attributes
    ----------
    levels : scores, the first next to the start set, the last the goal.
    chances : (levels - 1) probability to reach each of the others from the one before.
    """

    levels: tuple[float, ...]
    chances: tuple[float, ...]

    def behind(self, i: int) -> tuple[Surface, ...]:
        """The levels behind level i, the nearest first.

        The square root of the probability to come back up balances the time saved against the
        spread of the weights: both, from a level k steps behind, then fall off as its power k/2.
        """
        return tuple(
            Surface(self.levels[j], math.sqrt(self.chances[j])) for j in range(i - 1, -1, -1)
        )


def home(pilot: Splitting, memory: float) -> float:
    """The bound of the start set, moved to where the service is half of its time in there.

    A service far beyond the bound would seldom come back to it, and the time from what it inhabits is
    the same.

    memory : of the service [s].
    """
    usual = pilot.typical(pilot.start(2 * memory), MEMORIES * memory)
    up = pilot.near < pilot.far
    return min(pilot.near, usual) if up else max(pilot.near, usual)


def place_levels(pilot: Splitting, time: float, grain: float = 1.0) -> Levels:
    """Levels from the first beyond the start set to the goal.

    time : how long the start set is watched [s].
    grain : least distance of two levels.

    Raises NotConverged where no level is reached.
    """
    near, far = pilot.near, pilot.far
    sign = 1.0 if far > near else -1.0
    least = min(grain, abs(far - near) / 2)
    first = near + sign * max(least, grain * math.floor(abs(far - near) / grain / 100))
    entries = pilot.basin(pilot.start(time / MEMORIES), first, PILOT, time / 10, PILOT).entries
    found = Levels((first,), ())
    stride = least
    while found.levels[-1] != far:
        if len(found.levels) > MOST_LEVELS:
            raise NotConverged(
                f"{MOST_LEVELS} levels do not reach {far:g} (at {found.levels[-1]:g})",
                certificate="the pilot reaches the goal",
            )
        step = _next_level(pilot, entries, found, stride, least)
        level = found.levels[-1] + sign * step.stride
        level = far if step.stride >= abs(far - found.levels[-1]) else level
        found = Levels((*found.levels, level), (*found.chances, step.chance))
        entries, stride = step.entries, step.stride
    return found


@dataclass(frozen=True)
class _Step:
    stride: float
    chance: float
    entries: Entries

    @property
    def off(self) -> float:
        """How far from the probability aimed at."""
        return abs(math.log(max(self.chance, 1e-9) / AIM))


def _next_level(
    pilot: Splitting, entries: Entries, found: Levels, stride: float, least: float
) -> _Step:
    """The next step: tried, and tried again."""
    here, sign = found.levels[-1], 1.0 if pilot.far > pilot.near else -1.0
    behind = found.behind(len(found.levels) - 1)
    trials = PILOT
    tried: dict[float, _Step] = {}
    while trials <= MOST_TRIALS:
        stride = min(stride, abs(pilot.far - here))
        last = stride >= abs(pilot.far - here)
        chance, reached = pilot.step(
            entries, pilot.far if last else here + sign * stride, trials, behind
        )
        step = _Step(stride, chance, reached.copy())  # more steps may follow before it is used
        if len(reached) >= FEWEST:
            tried[stride] = step
            if LIKELY[0] <= chance <= LIKELY[1] or (last and chance > LIKELY[1]):
                return step
        elif stride <= least:
            trials *= 4
            continue
        guess = stride * math.log(AIM) / math.log(min(max(chance, 0.5 / trials), 0.98))
        stride = max(least, round(min(max(guess, stride / 8), stride * 4) / least) * least)
        if stride in tried:
            # a score that moves in jumps: no level is better than the best of these
            return min(tried.values(), key=lambda step: step.off)
    raise NotConverged(
        f"no step beyond a score of {here:g} was seen in {trials:,} trials",
        certificate="the pilot finds levels; choose a nearer goal",
    )
