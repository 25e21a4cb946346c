"""Predicted against measured, on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan

from rich.console import Console
from rich.table import Table

from separatrix.model.faults import Outage
from separatrix.model.quantities import amount_text, duration_text, percent_text, unit_text
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
        return f"an outage of {fault.server} for {duration_text(fault.duration)}"
    of = getattr(fault, "source", None) or getattr(fault, "server", "")
    return f"a {fault.factor:g}x {fault.kind} of {of} for {duration_text(fault.duration)}"


def headline(proof: Proof) -> str:
    """Prediction and measurement in one sentence."""
    outcome = {
        "stuck": "leaves it stuck",
        "recovers": "passes, it recovers",
        "either": f"leaves it stuck with a chance of {percent_text(proof.chance)}",
    }[proof.predicted_word]
    if proof.agrees is None:
        return (
            f"Predicted: {fault_text(proof)} {outcome}. Nothing was measured that can be used: "
            "the machine was too busy to keep time."
        )
    valid = len(proof.real)
    seen = f"{proof.collapsed} of {valid} real run{'s' if valid > 1 else ''} got stuck"
    word = "agrees" if proof.agrees else "does NOT agree"
    return f"Predicted: {fault_text(proof)} {outcome}. Measured: {seen}. The real server {word}."


def rows_of(proof: Proof) -> list[tuple[str, str, str, str, str]]:
    """Cells of the table: quantity, predicted, range, measured, word."""
    return [_cells(row) for row in proof.rows]


def _cells(row: Row) -> tuple[str, str, str, str, str]:
    def told(value: float) -> str:
        if isnan(value):
            return "-"
        if row.unit == "1":
            return percent_text(value)
        return (
            duration_text(value)
            if row.unit == "s"
            else f"{amount_text(value)}{unit_text(row.unit)}"
        )

    word = {None: "", True: "agrees", False: "differs"}[row.agrees]
    low = amount_text(row.low) if row.unit == "1/s" else told(row.low)
    spread = "-" if isnan(row.low) else f"{low} .. {told(row.high)}"
    return (row.quantity, told(row.predicted), spread, told(row.measured), word)


def basis_of(proof: Proof) -> list[str]:
    """What the proof rests on."""
    lines = [f"Without the fault, by the exact chain: {proof.sentence}"]
    lines += [forecast_text(forecast) for forecast in proof.forecasts]
    worst = max(proof.lags, default=0.0)
    asked, valid = len(proof.runs), len(proof.real)
    real = f"{asked} real run{'s' if asked != 1 else ''}"
    lines.append(
        f"{len(proof.simulated)} simulated runs; {real}, {'all' if valid == asked else valid} valid; "
        f"99 % of the timers at most {duration_text(worst)} late. Where the prediction is right, all measured "
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
    chance = (
        "" if forecast.engine == "fluid" else f" with a chance of {percent_text(forecast.chance)}"
    )
    chance = "" if forecast.word == "recovers" else chance
    back = ""
    if forecast.word == "recovers":
        back = f", back after {duration_text(forecast.recovery)}"
    return (
        f"{by}, with the fault: {word[forecast.word]}{chance}; goodput "
        f"{amount_text(forecast.goodput_before)} -> {amount_text(forecast.goodput_after)} requests/s, "
        f"{amount_text(forecast.attempts_after)} attempts/s after{back}."
    )
