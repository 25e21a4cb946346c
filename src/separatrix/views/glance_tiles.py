"""The report's first screen: the verdict in plain words, and the six numbers that matter most."""

from __future__ import annotations

from math import isfinite

from separatrix.errors import ModelError
from separatrix.fluid.stretches import MetastableRange
from separatrix.model import Program
from separatrix.model.demand import demands
from separatrix.model.quantities import amount_text, duration_text, percent_text, rate_text
from separatrix.questions.dossier import Dossier
from separatrix.questions.forever import FOREVER
from separatrix.questions.verdict import Verdict
from separatrix.questions.witnessed import Witnessed
from separatrix.views.page import Tile


def tiles(dossier: Dossier) -> list[Tile]:
    """What matters most, at most six; what is not known is left out."""
    times = [] if dossier.verdict is None else _times(dossier.verdict)
    if dossier.verdict is None and dossier.witness is not None:
        times = [_seen_time(dossier.witness)]
    found = [_load(dossier.program), _margin(dossier), _faults(dossier), *times, _fix(dossier)]
    return [tile for tile in found if tile is not None]


def answer_tiles(answer: Verdict | Witnessed) -> list[Tile]:
    """What the answer to `check` alone can say of them."""
    times = _times(answer) if isinstance(answer, Verdict) else [_seen_time(answer)]
    return [tile for tile in (_load(answer.program), *times) if tile is not None]


def _load(program: Program) -> Tile | None:
    try:
        load = demands(program)
    except ModelError:
        return None
    name, busiest = max(load.items(), key=lambda item: item[1].first / item[1].capacity)
    share = percent_text(busiest.first / busiest.capacity)
    return (
        "Load now",
        f"{rate_text(busiest.first)} of {rate_text(busiest.capacity)}",
        f"{share} of what {name} can complete; with every retry {rate_text(busiest.worst)}",
    )


def _margin(dossier: Dossier) -> Tile | None:
    spread = dossier.quick.range if dossier.quick is not None else None
    if spread is None:
        return None
    value, remark = margin_words(spread)
    return ("Margin", value, remark)


def margin_words(spread: MetastableRange) -> tuple[str, str]:
    """How far the arrival rate is from danger, short and in a sentence."""
    if not spread.exists:
        return "no dangerous load", f"none up to {rate_text(spread.span[1])} has two resting points"
    edge = spread.edge
    if edge is None:
        return (
            "no safe load found",
            f"none from {rate_text(spread.span[0])} to {rate_text(spread.span[1])} is known to be safe",
        )
    if spread.margin > 0:
        return (
            f"{amount_text(spread.margin, 3)} requests/s",
            f"danger begins at {rate_text(edge)}; now {rate_text(spread.value)}",
        )
    return (
        f"{amount_text(-spread.margin, 3)} requests/s too many",
        f"safe only below {rate_text(edge)}; now {rate_text(spread.value)}",
    )


def load_caption(spread: MetastableRange) -> str:
    """What the resting points over the load say."""
    if not spread.exists:
        short, why = margin_words(spread)
        return f"{short.capitalize()}: {why}."
    short, why = margin_words(spread)
    if spread.edge is None:
        margin = f"{short.capitalize()}: {why}."
    elif spread.margin > 0:
        margin = f"Margin: {short}."
    else:
        margin = f"That is {short} to be safe."
    between = " and ".join(
        f"between {rate_text(s.low)} and {rate_text(s.high)}" for s in spread.stretches
    )
    return (
        f"{between[0].upper()}{between[1:]} the queue can rest low or high, and a push decides which. "
        f"Now {rate_text(spread.value)}: {spread.standing()}. {margin}"
    )


def _faults(dossier: Dossier) -> Tile | None:
    course = dossier.course
    if course is None or not course.faults:
        return None
    what = " and ".join(words for *_, words in course.faults[:2])
    share = f"{course.stuck} of {course.runs} runs"
    if dossier.supposed:
        return (f"Supposed: {what}", f"{share} stay stuck", "simulated; the model names no fault")
    return (
        f"Your fault: {what}",
        f"{share} stay stuck",
        "simulated through the faults of the model",
    )


def _times(verdict: Verdict) -> list[Tile | None]:
    if verdict.recovery is None:
        return []
    back = verdict.recovery
    told: tuple[str, str]
    if verdict.collapse is None:
        remark = f"mean from a full queue; 99 % within {duration_text(back.p99)}"
        return [("Recovery", duration_text(back.mean), remark)]
    if back.mean > FOREVER:
        told = ("for ever", "it does not come back by itself: restart, shed load, or fix it")
    else:
        told = (duration_text(back.mean), f"mean; 99 % within {duration_text(back.p99)}")
    often = duration_text(verdict.collapse.mean)
    rare = verdict.collapse.mean > FOREVER
    return [
        ("Once stuck, it lasts", told[0], told[1]),
        (
            "Without any trigger",
            "never" if rare else f"once in {often}",
            f"mean time until it gets stuck by chance: {often}",
        ),
    ]


def _seen_time(witness: Witnessed) -> Tile | None:
    """How long a recovery takes in simulation, where there is no chain."""
    back = witness.seen.recovery
    if back is None or witness.word == "inconclusive":
        return None
    if not isfinite(back.mean):
        return (
            "Once stuck, it lasts",
            f"> {duration_text(back.low)}",
            "simulated: never seen to end",
        )
    label = "Recovery" if witness.word == "safe" else "Once stuck, it lasts"
    remark = f"simulated mean after a long outage; 99 % within {duration_text(back.p99)}"
    return (label, duration_text(back.mean), remark)


def _fix(dossier: Dossier) -> Tile | None:
    fixes = dossier.fixes
    if fixes is None or not fixes.needed:
        return None
    if not fixes.found:
        return ("Cheapest fix", "none found", "no single knob makes it safe")
    best = fixes.found[0]
    return ("Cheapest fix", best.text, f"then {best.back} after an outage")
