"""A plan of moves: the result of a placement, with its proof, its loads and its commands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from separatrix.errors import DataError
from separatrix.notebook import Shown
from separatrix.placement.commands import Command, commands
from separatrix.placement.demand import Demand
from separatrix.placement.exact import Solution, solve
from separatrix.placement.problem import Limits, Problem
from separatrix.weights.result import Weights, plain
from separatrix.weights.score import Z95

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Move:
    """One user that changes its target.

    Attributes
    ----------
    user, source, target : names.
    load : mean load that moves with it [weighted operations / s].
    peak : its own peak.
    inodes, size : what is moved; `size` in bytes.
    commands : what would carry it out, never run.
    """

    user: str
    source: str
    target: str
    load: float
    peak: float
    inodes: float
    size: float
    commands: tuple[Command, ...]


@dataclass(frozen=True, eq=False)
class Plan(Shown):
    """Moves that bring the worst target's peak within `gap` of the lowest possible.

    Loads are in weighted operations per second, raised for the weights' uncertainty unless said
    otherwise.

    Attributes
    ----------
    moves : largest load first.
    targets : names.
    before, after : (n_targets, n_windows) loads without and with the moves.
    peak_before, peak_after : (n_targets,) peaks.
    worst_case_before, worst_case_after : the exact worst case over the ellipsoid of weights, never
        above the peaks; their difference is what the linear bound of the uncertainty costs.
    bound : no plan within the limits has a lower worst peak.
    limits, pinned : what was allowed.
    window, start, folded : see `Demand`. worst : number of windows in a peak.
    z : standard deviations of the weights that the plan is safe against.
    weights : what an operation costs.
    status, reason : ``"inconclusive"`` where the wanted gap was not proven.
    """

    moves: tuple[Move, ...]
    targets: tuple[str, ...]
    before: Floats
    after: Floats
    peak_before: Floats
    peak_after: Floats
    worst_case_before: float
    worst_case_after: float
    bound: float
    limits: Limits
    pinned: tuple[str, ...]
    window: float
    start: float
    folded: float
    worst: int
    z: float
    weights: Weights
    status: Literal["ok", "inconclusive"]
    reason: str

    @property
    def gap(self) -> float:
        """Proven relative gap of the worst peak, (peak - bound) / peak."""
        peak = float(self.peak_after.max(initial=0.0))
        return (peak - self.bound) / peak if peak > 0 else 0.0

    @property
    def moved_inodes(self) -> float:
        """Sum of the inodes of the users that move."""
        return sum(move.inodes for move in self.moves)

    @property
    def moved_size(self) -> float:
        """Sum of their bytes."""
        return sum(move.size for move in self.moves)

    def to_dict(self) -> dict[str, Any]:
        """Return plain dictionaries, lists and numbers for ``--json``."""
        return plain(
            {
                "schema": "separatrix.plan/1",
                "status": self.status,
                "reason": self.reason,
                "unit": "weighted operations / s",
                "peak_before": float(self.peak_before.max(initial=0.0)),
                "peak_after": float(self.peak_after.max(initial=0.0)),
                "peak_bound": self.bound,
                "gap": self.gap,
                "worst_case_before": self.worst_case_before,
                "worst_case_after": self.worst_case_after,
                "deviations": self.z,
                "windows": {
                    "length_s": self.window,
                    "start": self.start,
                    "count": self.before.shape[1],
                    "folded_s": self.folded,
                    "in_a_peak": self.worst,
                },
                "limits": {
                    "moves": self.limits.moves,
                    "inodes": self.limits.inodes,
                    "bytes": self.limits.size,
                    "pinned": list(self.pinned),
                },
                "moved": {
                    "users": len(self.moves),
                    "inodes": self.moved_inodes,
                    "bytes": self.moved_size,
                },
                "targets": [
                    {"name": name, "peak_before": before, "peak_after": after}
                    for name, before, after in zip(
                        self.targets, self.peak_before, self.peak_after, strict=True
                    )
                ],
                "moves": [
                    {
                        "user": move.user,
                        "from": move.source,
                        "to": move.target,
                        "load": move.load,
                        "peak": move.peak,
                        "inodes": move.inodes,
                        "bytes": move.size,
                        "commands": [c.text for c in move.commands if c.text],
                        "no_command": [c.reason for c in move.commands if c.reason],
                    }
                    for move in self.moves
                ],
                "weights": self.weights.as_mapping(),
            }
        )


def place(
    asked: Demand,
    limits: Limits,
    *,
    pinned: Sequence[str] = (),
    peak_share: float = 0.05,
    z: float = Z95,
    gap: float = 0.01,
    seconds: float = 30.0,
    seed: int = 0,
    template: str | None = None,
) -> Plan:
    """Return a plan of moves with the lowest worst peak, proven to within `gap`.

    Parameters
    ----------
    asked : what users ask of targets, see `demand`.
    limits : what may be moved.
    pinned : names of users that stay, besides those that the facts pin.
    peak_share : a peak is the mean of this share of the windows, the highest (at least one).
    z : standard deviations of the weights' error to be safe against; 0 takes the weights as exact.
    gap, seconds, seed : see `solve`.
    template : path with ``{user}`` for users whose directory the facts do not name.

    Raises
    ------
    DataError : a pinned user that is unknown, or a limit of inodes or bytes without any size known.
    """
    facts = asked.facts
    if not 0.0 <= peak_share <= 1.0:
        raise DataError(f"the share of windows in a peak must be in 0..1, got {peak_share:g}")
    if not 0.0 < gap < 1.0:
        raise DataError(f"the gap must be in 0..1, got {gap:g}", hint="0.01 is one percent")
    if not (0.0 <= z < 100.0):
        raise DataError(f"the deviations must be in 0..100, got {z:g}")
    unknown = sorted(set(pinned) - set(asked.users) - set(facts))
    if unknown:
        raise DataError(
            f"pinned but unknown: {', '.join(map(repr, unknown[:5]))}",
            hint="name users as the telemetry does",
        )
    inodes = np.array([facts[u].inodes if u in facts else 0.0 for u in asked.users])
    size = np.array([facts[u].size if u in facts else 0.0 for u in asked.users])
    for name, limit, known in (("inodes", limits.inodes, inodes), ("bytes", limits.size, size)):
        if np.isfinite(limit) and not known.any():
            raise DataError(
                f"a limit of moved {name} needs to know the users' {name}",
                hint=f"give a table of users with a column {name}",
            )
    staying = {*pinned, *(u for u, fact in facts.items() if fact.pinned)}
    load, stays = asked.loads(z)
    problem = Problem(
        home=asked.home,
        load=load,
        fixed=stays,
        limits=limits,
        worst=max(round(peak_share * load.shape[1]), 1),
        inodes=inodes,
        size=size,
        movable=np.array([u not in staying for u in asked.users], dtype=np.bool_),
    )
    found = solve(problem, gap=gap, seconds=seconds, seed=seed)
    return _plan(asked, problem, found, z, template, tuple(sorted(staying)))


def _plan(
    asked: Demand,
    problem: Problem,
    found: Solution,
    z: float,
    template: str | None,
    pinned: tuple[str, ...],
) -> Plan:
    own, facts = problem.peaks(problem.load), asked.facts
    home: list[int] = problem.home.tolist()
    to: list[int] = found.assigned.tolist()
    mean, _ = asked.loads(0.0)
    before, after = problem.loads(problem.home), problem.loads(found.assigned)
    moves = [
        Move(
            user=asked.users[u],
            source=asked.targets[home[u]],
            target=asked.targets[to[u]],
            load=float(mean[u].mean()),
            peak=float(own[u]),
            inodes=float(problem.inodes[u]),
            size=float(problem.size[u]),
            commands=commands(
                asked.users[u],
                asked.targets[to[u]],
                facts[asked.users[u]].paths if asked.users[u] in facts else (),
                template,
            ),
        )
        for u in np.flatnonzero(found.assigned != problem.home).tolist()
    ]
    exact = [
        float(problem.peaks(asked.worst_case(a, z)).max(initial=0.0))
        for a in (problem.home, found.assigned)
    ]
    return Plan(
        moves=tuple(sorted(moves, key=lambda move: -move.load)),
        targets=asked.targets,
        before=before,
        after=after,
        peak_before=problem.peaks(before),
        peak_after=problem.peaks(after),
        worst_case_before=exact[0],
        worst_case_after=exact[1],
        bound=found.bound,
        limits=problem.limits,
        pinned=pinned,
        window=asked.window,
        start=asked.start,
        folded=asked.folded,
        worst=problem.worst,
        z=z,
        weights=asked.weights,
        status=found.status,
        reason=found.reason,
    )
