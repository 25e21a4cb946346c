r"""Can this service get stuck, how long would it stay stuck, and how often does it happen?

* **safe**: there is one regime, and it is healthy; or the overloaded one does not hold: it is left
  within a few times the time that working off a full queue takes anyway.
* **can get stuck**: a healthy and a stuck regime, and the service stays in either for long.
* **always stuck**: no healthy regime, or one that does not hold.

A regime is healthy when at least 90 % of the requests are answered in time in it; where there is
only one, this is asked at the resting point of the mean dynamics, since chance delays at a load that
fits are no trap. A regime holds when its mean exit
time exceeds :data:`HOLDS` times :math:`\tau = \max(K/(c\mu),\ T + b)`: the longer of working off a full queue and
of one time-out with backoff.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from separatrix.markov.generator import as_chain
from separatrix.markov.measures import Steady, steady
from separatrix.markov.spectrum import Spectrum, spectrum
from separatrix.markov.stationary import StationaryLaw, stationary
from separatrix.model import Program
from separatrix.model.quantities import duration_text, percent_text
from separatrix.notebook import Shown
from separatrix.population import Array, Closure, Population, lower
from separatrix.questions.dear import UNASKED, affordable
from separatrix.questions.forever import FOREVER, untriggered
from separatrix.questions.long_run import (
    MOST_AT_BOUND,
    Regime,
    at_chosen_bounds,
    at_home,
    conditional,
)
from separatrix.questions.passage import Passage, passage
from separatrix.questions.regimes import Mask, Regimes, box, regimes

Word = Literal["safe", "can get stuck", "always stuck", "inconclusive"]

SCHEMA = "separatrix.verdict/1"
HEALTHY_SHARE = 0.9
"""Share of the requests answered in time from which a regime counts as healthy."""
HOLDS = 3.0
"""A regime that is left sooner than this many relaxation times does not count."""


@dataclass(frozen=True)
class Verdict(Shown):
    """The answer, with what it rests on. Times in seconds, rates per second.

    Attributes
    ----------
    word : the verdict.
    sentence : the verdict in one sentence.
    program, population : what was asked about, and how it was read.
    regimes : long-run numbers of each regime.
    recovery : stuck to healthy; where there is one regime, from a full service to healthy; None where
        there is nothing healthy to come back to.
    collapse : healthy to stuck; None where there is one regime.
    spectrum : slowest modes, spectral gap and mixing time.
    steady : stationary numbers over all regimes.
    found : the sets, for pictures.
    law : the stationary law.
    status, reason : ``"ok"``, or ``"inconclusive"`` and why.
    """

    word: Word
    sentence: str
    program: Program
    population: Population
    regimes: tuple[Regime, ...]
    recovery: Passage | None
    collapse: Passage | None
    spectrum: Spectrum = field(repr=False)
    steady: Steady
    found: Regimes = field(repr=False)
    law: StationaryLaw = field(repr=False)
    status: Literal["ok", "inconclusive"]
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """For JSON, with a versioned schema."""
        return {
            "schema": SCHEMA,
            "verdict": self.word,
            "sentence": self.sentence,
            "status": self.status,
            "reason": self.reason,
            "program": self.program.name,
            "closure": self.population.closure,
            "states": self.population.n_states,
            "axes": [
                {"name": a.name, "size": a.size, "kind": a.kind, "cut_mass": a.cut}
                for a in self.population.axes
            ],
            "notes": list(self.population.notes),
            "regimes": [vars(regime) for regime in self.regimes],
            "recovery_s": None if self.recovery is None else vars(self.recovery),
            "collapse_s": None if self.collapse is None else vars(self.collapse),
            "mixing_time_s": self.spectrum.mixing_time(),
            "spectrum": self.spectrum.to_dict(),
            "steady": self.steady.to_dict(),
            "law": self.law.to_dict(),
        }


def check(
    program: Program,
    *,
    closure: Closure = "auto",
    healthy: dict[str, tuple[int, int]] | None = None,
    stuck: dict[str, tuple[int, int]] | None = None,
) -> Verdict:
    """Answer whether `program` can get stuck, from its Markov chain.

    Parameters
    ----------
    program : what to ask about.
    closure : how the orbit is kept; see `lower`. One that is named is worked out whatever it costs;
        ``"auto"`` refuses chains dearer than `separatrix.questions.dear.UNASKED` (see `witnessed` for those).
    healthy, stuck : sets given as inclusive ranges of queue and orbit, such as
        ``{"queue": (0, 10)}``; both or neither. Default: found from the dynamics.

    Raises
    ------
    ModelError : the program is wrong, or `Unsupported` where the exact reading cannot carry it.
    NotConverged : an answer could not be certified, or would cost too much.
    """
    population = lower(program, closure)
    if closure == "auto":
        affordable(
            population,
            UNASKED,
            "to be worked out unasked; simulate, or name its closure if it shall be",
        )
    given = {
        name: None if ranges is None else box(population, **ranges)
        for name, ranges in (("healthy", healthy), ("stuck", stuck))
    }
    found = regimes(population, **given)
    return judge(program, population, found)


def judge(program: Program, population: Population, found: Regimes) -> Verdict:
    """The verdict for regimes already found."""
    chain = as_chain(population)
    law = stationary(population)
    grid = population.grid()
    offered = sum(source.mean_rate for source in program.sources)
    goodput = next(m for m in population.measures if m.name == "goodput")
    value = np.asarray(goodput.value(grid), dtype=np.float64)
    orbit = population.total("orbit", grid)
    queue = population.total("queue", grid)

    def regime(name: str, states: Mask) -> tuple[Regime, Array]:
        inside = conditional(law, states)
        good = float((inside * value).sum())
        numbers = Regime(
            name=name,
            goodput=good,
            goodput_share=min(good / offered, 1.0) if offered > 0 else 1.0,
            queue=float((inside * queue).sum()),
            orbit=float((inside * orbit).sum()),
            probability=law.probability(states),
            at_bound=at_chosen_bounds(population, inside),
        )
        return numbers, inside

    whole = np.ones(population.shape, dtype=np.bool_)
    if found.stuck is None:
        only, _ = regime("only", whole)
        rest = tuple(np.asarray(c) for c in found.low.state)
        answered = float(goodput.value(rest)) >= HEALTHY_SHARE * offered
        name = "healthy" if answered else "stuck"
        described = (replace(only, name=name),)
        found = replace(found, healthy=found.healthy | at_home(population, law))
        recovery = passage(chain, found.healthy, saturated(found)) if name == "healthy" else None
        collapse = None
        word: Word = "safe" if name == "healthy" else "always stuck"
    else:
        well, in_well = regime("healthy", found.healthy)
        ill, in_ill = regime("stuck", found.stuck)
        described = (well, ill)
        recovery = passage(chain, found.healthy, in_ill)
        collapse = passage(chain, found.stuck, in_well)
        word = word_for(program, well, ill, recovery, collapse)
    status: Literal["ok", "inconclusive"] = "ok"
    reason = law.reason
    modes = spectrum(population, 2, law=law)
    # the mixing time carries its own status: the verdict does not rest on it
    for part in (law, found.committor):
        if part is not None and part.status != "ok":
            status, reason = "inconclusive", part.reason
    cut = max(regime.at_bound for regime in described)
    if cut > MOST_AT_BOUND:
        longest = max(axis.size for axis in population.axes if axis.cut > 0)
        status, reason = (
            "inconclusive",
            (
                f"{cut:.1g} of a regime's probability lies where we cut the orbits off, more than "
                f"{MOST_AT_BOUND:g}: give the server an orbit_size above {longest}"
            ),
        )
    if status != "ok":
        word = "inconclusive"
    return Verdict(
        word=word,
        sentence=sentence_for(word, described, recovery, collapse),
        program=program,
        population=population,
        regimes=described,
        recovery=recovery,
        collapse=collapse,
        spectrum=modes,
        steady=steady(law),
        found=found,
        law=law,
        status=status,
        reason=reason,
    )


def saturated(found: Regimes) -> Array:
    """The state that a long outage leaves: a full queue, every client waiting to retry, caches cold, all
    tokens spent; phases and breakers as at the start."""
    population = found.population
    filled = ("queue", "orbit", "cache", "tokens")
    top = tuple(a.size - 1 if a.kind in filled else 0 for a in population.axes)
    start = np.zeros(population.shape)
    start[top] = 1.0
    return start


def relaxation(program: Program) -> float:
    r""":math:`\tau`: the longer of working off a full queue and of one time-out with backoff [s]."""
    waits = [s.timeout + s.backoff.mean(1) for s in program.sources]
    drains = [
        server.qsize / (server.thread_pool * min(w.processing_rate for w in server.apis.values()))
        for server in program.servers
    ]
    return max(*waits, *drains)


def word_for(
    program: Program, well: Regime, ill: Regime, recovery: Passage, collapse: Passage
) -> Word:
    """The verdict where the mean dynamics have two resting points."""
    if ill.goodput_share >= HEALTHY_SHARE:
        return "safe"
    long = HOLDS * relaxation(program)
    if well.goodput_share < HEALTHY_SHARE or collapse.mean < long:
        return "always stuck"
    return "safe" if recovery.mean < long else "can get stuck"


def sentence_for(
    word: Word,
    described: tuple[Regime, ...],
    recovery: Passage | None,
    collapse: Passage | None,
) -> str:
    """The verdict in one sentence."""
    if word == "inconclusive":
        return "No verdict: the computation could not certify its own answer."
    if collapse is None or recovery is None or len(described) == 1:
        share = described[0].goodput_share
        if word == "safe" and recovery is not None:
            back = duration_text(recovery.mean)
            if share < HEALTHY_SHARE:
                return (
                    f"Safe: a full queue clears in {back}; but even undisturbed, {_only(share)} of requests "
                    "are answered in time."
                )
            return f"Safe: {percent_text(share)} of requests are answered in time, and a full queue clears in {back}."
        return f"Always stuck: at this load {_only(share)} of requests are answered in time."
    well, ill = described
    stay, come = duration_text(recovery.mean), duration_text(collapse.mean)
    if word == "safe":
        return f"Safe: an overload is left behind within {stay} on average."
    only = f"{_only(ill.goodput_share)} of requests are answered in time"
    lasting = (
        "it does not come back by itself"
        if recovery.mean > FOREVER
        else f"that lasts {stay} on average"
    )
    if word == "always stuck":
        return f"Always stuck: the healthy state lasts only {come} on average; then {only}, and {lasting}."
    return (
        f"Can get stuck: once overloaded, {only} (normally {percent_text(well.goodput_share)}), and "
        f"{lasting}; {untriggered(collapse.mean)}."
    )


def _only(share: float) -> str:
    text = percent_text(share)
    return text if text.startswith("less") else f"only {text}"
