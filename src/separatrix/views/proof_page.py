"""The page of a proof: predicted against measured, with the time lines."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np

from separatrix.model.quantities import duration_text, percent_text
from separatrix.questions.prove import Proof
from separatrix.views.page import Tile, figure, figures, listed, page, section, table
from separatrix.views.proof_tables import basis_of, fault_text, headline, rows_of
from separatrix.views.subject import Subject, model_section

_HEADER = ("", "predicted", "expected range", "measured", "agrees?")


def proof_html(proofs: Sequence[Proof], subject: Subject) -> str:
    """The page as text: one section a proof, and the chance to get stuck where there are several.

    Parameters
    ----------
    subject : the model, and the command that made the page.
    """
    told = [proof.agrees for proof in proofs]
    word = "differs" if False in told else "inconclusive" if None in told else "agrees"
    body = [section("Chance to get stuck", figures([_odds(proofs)]))] if len(proofs) > 1 else []
    compared = "".join(
        (f"<h3>{html.escape(headline(proof))}</h3>" if len(proofs) > 1 else "")
        + table("", rows_of(proof), _HEADER, stacked=True)
        + figures([_time_lines(proof)])
        for proof in proofs
    )
    body.append(section("Predicted and measured", compared))
    rests = [(fault_text(proof), basis_of(proof)) for proof in proofs]
    if len(proofs) == 1:
        rests = [("", rests[0][1])]
    body.append(section("Evidence", *(listed(_sentence(title), lines) for title, lines in rests)))
    return page(
        name=proofs[0].program,
        word=word,
        mark={"agrees": "good", "differs": "bad", "inconclusive": "unknown"}[word],
        sentence=headline(proofs[0]) if len(proofs) == 1 else _all_in_one(proofs),
        tiles=_tiles(proofs[0]) if len(proofs) == 1 else (),
        body=[*body, model_section(subject)],
        command=subject.command,
        embedded=("separatrix-proof", [proof.to_dict() for proof in proofs]),
    )


def _all_in_one(proofs: Sequence[Proof]) -> str:
    agreed = sum(proof.agrees is True for proof in proofs)
    unknown = sum(proof.agrees is None for proof in proofs)
    told = f"{agreed} of {len(proofs)} lengths of the fault went as predicted on a real server"
    return told + (f"; {unknown} could not be measured." if unknown else ".")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _tiles(proof: Proof) -> list[Tile]:
    """What was foretold and what came, and whether the machine kept time."""
    words = {
        "stuck": "it gets stuck",
        "recovers": "it recovers",
        "either": f"stuck in {percent_text(proof.chance)} of runs",
    }
    valid = len(proof.real)
    seen = f"{proof.collapsed} of {valid} got stuck" if valid else "nothing that can be used"
    left = len(proof.runs) - valid
    late = duration_text(max(proof.lags, default=0.0))
    return [
        ("Predicted", words[proof.predicted_word], f"{len(proof.simulated)} simulated runs"),
        (
            "Measured",
            seen,
            f"real runs; {left} left out, since timers were late" if left else "real runs",
        ),
        ("Timers at most", f"{late} late", "99 % of them, in the worst run"),
    ]


def _time_lines(proof: Proof) -> str:
    from separatrix.views.figures_canvas import inline_svg
    from separatrix.views.figures_proof import time_lines

    kept = "The real runs (orange)" if len(proof.real) > 1 else "The real run (orange)"
    if not proof.real:
        kept = "The real run, whose timers were late (dotted)"
    return figure(
        inline_svg(time_lines(proof), f"Time lines of {fault_text(proof)}"),
        f"{kept} over what 95 % of the simulated runs do and their median (blue); the fault is shaded.",
        _sentence(fault_text(proof)),
    )


def _odds(proofs: Sequence[Proof]) -> str:
    from separatrix.views.figures_canvas import inline_svg
    from separatrix.views.figures_proof import odds

    rows = [next(r for r in p.rows if r.quantity == "chance to get stuck") for p in proofs]
    runs = np.array([max(len(p.real), 1) for p in proofs], dtype=np.float64)
    chance = np.array([r.predicted for r in rows])
    half = 1.96 * np.sqrt(chance * (1 - chance) / [len(p.simulated) for p in proofs])
    band = np.stack([chance, np.maximum(chance - half, 0), np.minimum(chance + half, 1)], axis=1)
    lengths = np.array([p.fault.duration for p in proofs])
    picture = odds(lengths, band, np.array([r.measured for r in rows]), runs)
    turning = [p.fault.duration for p in proofs if p.chance >= 0.5]
    caption = (
        f"From {duration_text(min(turning))} on, the fault is more likely than not to leave the service stuck."
        if turning
        else "No length that was tried leaves the service stuck more often than not."
    )
    return figure(inline_svg(picture, "Chance to get stuck over the length of the fault"), caption)
