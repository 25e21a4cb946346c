"""How far the report can be believed: engines side by side, certificates, assumptions, provenance."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterator

from separatrix import __version__
from separatrix.model import Program
from separatrix.model.service import Exponential
from separatrix.questions.answers import Answer
from separatrix.questions.dossier import Dossier
from separatrix.questions.passage import Passage
from separatrix.views.page import listed, section, table
from separatrix.views.subject import Subject
from separatrix.views.tables import basis

_ENGINES = {
    "fluid": "mean dynamics",
    "staged": "exact chain, orbit by attempt",
    "geometric": "exact chain, one orbit",
    "simulation": "simulation, request by request",
}


def evidence(dossier: Dossier, subject: Subject, seed: int) -> list[str]:
    """The sections on evidence, open questions, assumptions and provenance."""
    return [
        section(
            "Evidence", *_engines(dossier), listed("Certificates", list(_certificates(dossier)))
        ),
        section(
            "Not concluded", listed("", [f"{part}: {why}" for part, why in dossier.open.items()])
        ),
        section("Assumptions", listed("", assumptions(dossier))),
        section("Provenance", table("", _provenance(subject, seed))),
    ]


def _engines(dossier: Dossier) -> Iterator[str]:
    found = dossier.engines
    if found is None:
        return
    rows = [
        (_ENGINES[a.engine], a.word, _time(a, "recovery"), _time(a, "collapse"), a.reason)
        for a in found.answers
    ]
    title = (
        "Every engine that can answer says the same"
        if found.agreed
        else "The engines do not say the same"
    )
    header = ("engine", "verdict", "recovery", "collapse", "how it knows, or why it cannot say")
    yield table(title, rows, header, stacked=True)
    yield listed("Where they differ, and why", found.differences)


def _time(answer: Answer, which: str) -> str:
    time = answer.recovery if which == "recovery" else answer.collapse
    if answer.word == "inconclusive":
        return "not asked"
    if time is None:
        return "cannot say" if answer.engine == "fluid" else "none"
    return str(time)


def _certificates(dossier: Dossier) -> Iterator[str]:
    verdict = dossier.verdict
    if verdict is None:
        return
    yield from basis(verdict)[: 1 + (verdict.population.cut > 0)]
    for name, passage in (("recovery", verdict.recovery), ("collapse", verdict.collapse)):
        if passage is not None:
            yield f"{name} time: {_error(passage)}"
    if verdict.status != "ok":
        yield f"the verdict itself is inconclusive: {verdict.reason}"


def _error(passage: Passage) -> str:
    return (
        f"relative error at most {passage.relative_error:.1g}, by elimination without subtraction"
    )


def assumptions(dossier: Dossier) -> list[str]:
    """What has to be true for the page to be, in words."""
    program = dossier.program
    found = [
        "The model is what runs: what it leaves out (deploys, networks, other tenants) does not happen.",
        *_of_the_program(program),
    ]
    if dossier.verdict is not None:
        found += [f"Exact chain: {note}." for note in dossier.verdict.population.notes]
        found.append(
            "Exact chain: whether an attempt will be in time is foreseen when it arrives and turns with the services."
        )
    elif dossier.quick is not None:
        found += [f"Mean dynamics: {note}." for note in dossier.quick.notes]
    if dossier.quick is not None:
        found.append("Mean dynamics: chance is left out; it cannot see escapes or rare collapses.")
    return found


def _of_the_program(program: Program) -> Iterator[str]:
    discarded = [s.name for s in program.sources if s.late_responses == "discard"]
    if discarded:
        yield f"A response that comes after its time-out is thrown away ({', '.join(discarded)})."
    kept = [s.name for s in program.sources if s.late_responses != "discard"]
    if kept:
        yield f"A response that comes after its time-out still ends the request ({', '.join(kept)})."
    blind = [s.name for s in program.servers if not s.drop_expired]
    if blind:
        yield f"A server works on attempts that their clients gave up ({', '.join(blind)})."
    if all(
        isinstance(work.law, Exponential)
        for server in program.servers
        for work in server.apis.values()
    ):
        yield "Service times vary as an exponential law does: the standard deviation is the mean."


def _provenance(subject: Subject, seed: int) -> list[tuple[str, str]]:
    return [
        ("version", f"separatrix {__version__}, Python {platform.python_version()}"),
        ("command", subject.command),
        ("seed", str(seed)),
        ("model, SHA-256", hashlib.sha256(subject.yaml.encode()).hexdigest()),
    ]
