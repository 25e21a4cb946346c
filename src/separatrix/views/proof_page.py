"""The page of a proof: predicted against measured, with the time lines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from separatrix.questions.prove import Proof
from separatrix.views.page import figure, figures, listed, model_section, page, section, table
from separatrix.views.proof_tables import basis_of, fault_text, headline, rows_of

_HEADER = ("", "predicted", "expected range", "measured", "")


def proof_html(proofs: Sequence[Proof], *, yaml: str, english: Sequence[str], command: str) -> str:
    """The page as text: one section a proof, and the chance to get stuck where there are several.

    Parameters
    ----------
    yaml, english : the model as a file and in words.
    command : the command that made the page.
    """
    told = [proof.agrees for proof in proofs]
    word = "differs" if False in told else "inconclusive" if None in told else "agrees"
    body = [section("Chance to get stuck", figures([_odds(proofs)]))] if len(proofs) > 1 else []
    compared = "".join(
        table(headline(proof), rows_of(proof), _HEADER)
        + figures([_time_lines(proof)])
        + listed("What this rests on", basis_of(proof))
        for proof in proofs
    )
    body.append(section("Predicted and measured", compared))
    return page(
        name=proofs[0].program,
        word=word,
        mark={"agrees": "good", "differs": "bad", "inconclusive": "unknown"}[word],
        sentence=headline(proofs[0]) if len(proofs) == 1 else _all_in_one(proofs),
        body=[*body, model_section(yaml, english)],
        command=command,
        embedded=("separatrix-proof", [proof.to_dict() for proof in proofs]),
    )


def _all_in_one(proofs: Sequence[Proof]) -> str:
    agreed = sum(proof.agrees is True for proof in proofs)
    return f"{agreed} of {len(proofs)} lengths of the fault went as predicted on a real server."


def _time_lines(proof: Proof) -> str:
    from separatrix.views.figures_canvas import inline_svg
    from separatrix.views.figures_proof import time_lines

    return figure(
        inline_svg(time_lines(proof), f"Time lines of {fault_text(proof)}"), headline(proof)
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
        f"From {min(turning):g} s on, the fault is more likely than not to leave the service stuck."
        if turning
        else "No length that was tried leaves the service stuck more often than not."
    )
    return figure(inline_svg(picture, "Chance to get stuck over the length of the fault"), caption)
