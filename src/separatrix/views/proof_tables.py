"""Predicted against measured, on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan

from rich.console import Console
from rich.table import Table

from separatrix.model.faults import Outage
from separatrix.model.quantities import amount_text, duration_text
from separatrix.questions.comparison import Row
from separatrix.questions.foretold import Forecast
from separatrix.questions.prove import Proof


def print_proofs(proofs: Sequence[Proof], console: Console) -> None:
    """One table a proof, and the verdict in words above it."""
    for n, proof in enumerate(proofs):
        if n:
            console.print()
        console.print(headline(proof), style="bold", highlight=False)
        table = Table("", "predicted", "expected range", "measured", "", box=None, pad_edge=False)
        for cells in rows_of(proof):
            table.add_row(*cells)
        console.print(table)
        for line in basis_of(proof):
            console.print(line, highlight=False)


def fault_text(proof: Proof) -> str:
    """The fault in words."""
    fault = proof.fault
    if isinstance(fault, Outage):
        return f"an outage of {fault.server} for {fault.duration:g} s"
    of = getattr(fault, "source", None) or getattr(fault, "server", "")
    return f"a {fault.factor:g}x {fault.kind} of {of} for {fault.duration:g} s"


def headline(proof: Proof) -> str:
    """Prediction and measurement in one sentence."""
    outcome = {
        "stuck": "leaves it stuck",
        "recovers": "passes, it recovers",
        "either": f"leaves it stuck with probability {proof.chance:.2g}",
    }[proof.predicted_word]
    if proof.agrees is None:
        return f"Predicted: {fault_text(proof)} {outcome}. Nothing was measured that can be used."
    valid = len(proof.real)
    seen = f"{proof.collapsed} of {valid} real run{'s' if valid > 1 else ''} got stuck"
    word = "agrees" if proof.agrees else "does NOT agree"
    return f"Predicted: {fault_text(proof)} {outcome}. Measured: {seen}. The real server {word}."


def rows_of(proof: Proof) -> list[tuple[str, str, str, str, str]]:
    """Cells of the table: quantity, predicted, range, measured, word."""
    return [_cells(row) for row in proof.rows]


def _cells(row: Row) -> tuple[str, str, str, str, str]:
    unit = "" if row.unit == "1" else f" {row.unit}"
    word = {None: "", True: "agrees", False: "differs"}[row.agrees]
    return (
        row.quantity,
        "-" if isnan(row.predicted) else f"{row.predicted:.4g}{unit}",
        "-" if isnan(row.low) else f"{row.low:.4g} .. {row.high:.4g}",
        "-" if isnan(row.measured) else f"{row.measured:.4g}{unit}",
        word,
    )


def basis_of(proof: Proof) -> list[str]:
    """What the proof rests on."""
    lines = [f"Without the fault, by the exact chain: {proof.sentence}"]
    lines += [forecast_text(forecast) for forecast in proof.forecasts]
    worst = max(proof.lags, default=0.0)
    asked, valid = len(proof.runs), len(proof.real)
    real = f"{asked} real run{'s' if asked != 1 else ''}"
    lines.append(
        f"{len(proof.simulated)} simulated runs; {real}, {'all' if valid == asked else valid} valid; "
        f"99 % of the timers at most {1e3 * worst:.2g} ms late. Where the prediction is right, all measured "
        "numbers lie in their expected ranges with a probability of 95 %."
    )
    if proof.reason:
        lines.append(f"Left out: {proof.reason}.")
    return lines


def forecast_text(forecast: Forecast) -> str:
    """What one engine foretells, in a sentence."""
    by = {"fluid": "By the mean dynamics", "markov": "By the exact chain"}[forecast.engine]
    if forecast.word == "no answer":
        return f"{by}, with the fault: no answer ({forecast.reason})."
    word = {"stuck": "it gets stuck", "recovers": "it recovers", "either": "it may get stuck"}
    chance = "" if forecast.engine == "fluid" else f" with probability {forecast.chance:.2g}"
    chance = "" if forecast.word == "recovers" else chance
    back = ""
    if forecast.word == "recovers":
        back = f", back after {duration_text(forecast.recovery)}"
    return (
        f"{by}, with the fault: {word[forecast.word]}{chance}; goodput "
        f"{amount_text(forecast.goodput_before)} -> {amount_text(forecast.goodput_after)} requests/s, "
        f"{amount_text(forecast.attempts_after)} attempts/s after{back}."
    )
