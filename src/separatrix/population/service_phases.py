r"""A server's service as phases: what a busy thread is doing, and for which API.

A thread that starts on an attempt enters phase n with probability :math:`\alpha_n`, leaves it at rate
:math:`\mu_n`, and then goes on to phase m or is done with the attempt's own work. APIs that differ in
rate or law give phases of their own, so that a server with several APIs is exact, too; APIs that do not
differ share them.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isclose

from separatrix.model import Erlang, Hyperexponential, Server, Work


@dataclass(frozen=True)
class ServicePhase:
    """What a busy thread may be doing.

    Attributes
    ----------
    name : for the axis.
    start : probability that a service begins here.
    rate : [1/s], at full speed.
    after : the phase that follows, by number; None: the work is done.
    done : API -> probability that the work done here was for it; empty where a phase follows.
    """

    name: str
    start: float
    rate: float
    after: int | None
    done: dict[str, float]


@dataclass(frozen=True)
class ServicePhases:
    """Phases of a server's service; together with moments of the service time.

    Attributes
    ----------
    phases : at least one.
    mean, second : first two moments of the service time of the mix [s], [s²].
    averaged : whether differing services were averaged into one exponential.
    """

    phases: tuple[ServicePhase, ...]
    mean: float
    second: float
    averaged: bool = False

    @property
    def scv(self) -> float:
        """Squared coefficient of variation of the service time."""
        return self.second / self.mean**2 - 1.0

    @property
    def plain(self) -> bool:
        """Whether service is one exponential."""
        return len(self.phases) == 1


def moments(work: Work) -> tuple[float, float]:
    """First two moments of the service time of one API [s], [s²]."""
    mean = 1.0 / work.processing_rate
    law = work.law
    if isinstance(law, Erlang):
        return mean, (1.0 + 1.0 / law.stages) * mean**2
    if isinstance(law, Hyperexponential):
        pairs = zip(law.weights, law.unit_rates, strict=True)
        return mean, 2.0 * mean**2 * sum(w / u**2 for w, u in pairs)
    return mean, 2.0 * mean**2


def service_phases(
    server: Server, shares: dict[str, float], *, averaged: bool = False
) -> ServicePhases:
    """The phases of `server` for this mix of APIs, or one exponential of the same mean."""
    both = [(shares[api], *moments(work)) for api, work in server.apis.items()]
    mean = sum(p * m for p, m, _ in both)
    second = sum(p * s for p, _, s in both)
    groups: list[tuple[Work, dict[str, float]]] = []
    for api, work in server.apis.items():
        if shares[api] == 0.0:
            continue
        for alike, mix in groups:
            if work.law == alike.law and isclose(work.processing_rate, alike.processing_rate):
                mix[api] = shares[api]
                break
        else:
            groups.append((work, {api: shares[api]}))
    phases = [phase for work, mix in groups for phase in _phases(work, mix)]
    numbered: list[ServicePhase] = []
    for i, (phase, follows) in enumerate(phases):
        after = i + 1 if follows else None
        numbered.append(ServicePhase(phase.name, phase.start, phase.rate, after, phase.done))
    if averaged and len(numbered) > 1:
        one = ServicePhase("", 1.0, 1.0 / mean, None, dict(shares))
        return ServicePhases((one,), mean, 2.0 * mean**2, averaged=True)
    return ServicePhases(tuple(numbered), mean, second)


def _phases(work: Work, mix: dict[str, float]) -> list[tuple[ServicePhase, bool]]:
    """Phases of one group of APIs, each with whether the next one follows it."""
    total, rate, law = sum(mix.values()), work.processing_rate, work.law
    name = "+".join(mix)
    done = {api: share / total for api, share in mix.items()}
    if isinstance(law, Erlang):
        k = law.stages
        return [
            (
                ServicePhase(
                    f"{name} {i + 1}/{k}", total if i == 0 else 0.0, k * rate, None,
                    done if i == k - 1 else {},
                ),
                i < k - 1,
            )
            for i in range(k)
        ]  # fmt: skip
    if isinstance(law, Hyperexponential):
        branches = zip(law.weights, law.unit_rates, strict=True)
        return [
            (ServicePhase(f"{name} {i + 1}", total * w, rate * u, None, done), False)
            for i, (w, u) in enumerate(branches)
        ]
    return [(ServicePhase(name, total, rate, None, done), False)]
