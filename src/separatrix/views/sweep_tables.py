"""A sweep as text: one row per point; two parameters also as a map of letters."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

from separatrix.model.quantities import duration_text, number_text

if TYPE_CHECKING:
    from rich.console import Console

    from separatrix.questions.sweep_result import SweepResult

LETTERS = {"safe": ".", "can get stuck": "o", "always stuck": "#", "inconclusive": "?"}
MOST_ROWS = 200


def print_sweep(found: SweepResult, console: Console) -> None:
    """The finding, then the map where there are two parameters, else a row per point."""
    from rich.markup import escape

    console.print(escape(f"{found.program}: {found.finding()}"))
    if len(found.names) == 2:
        for line in letter_map(found):
            console.print(escape(line))
        return
    for i, (setting, answer) in enumerate(zip(product(*found.values), found.records, strict=True)):
        if i == MOST_ROWS:
            console.print(f"... and {len(found.records) - i} more; write them with -o")
            break
        where = ", ".join(f"{n} = {shown(v)}" for n, v in zip(found.names, setting, strict=True))
        console.print(escape(f"  {where:<40} {answer['verdict']:<14} {_times(answer)}".rstrip()))


def letter_map(found: SweepResult) -> list[str]:
    """Verdicts of a two-parameter sweep as letters: the first downwards, the second to the right."""
    words = found.array("verdict")
    down, right = found.names
    labels = [shown(v) for v in found.values[0]]
    width = max(map(len, labels))
    lines = [
        f"{down} downwards, {right} to the right: {shown(found.values[1][0])} .. "
        f"{shown(found.values[1][-1])}"
    ]
    lines += [
        f"  {label:>{width}}  {' '.join(LETTERS[word] for word in row)}"
        for label, row in zip(labels, words, strict=True)
    ]
    return [*lines, "  " + ", ".join(f"{letter} {word}" for word, letter in LETTERS.items())]


def shown(value: Any) -> str:
    """A parameter's value, short."""
    if isinstance(value, float):
        return number_text(float(f"{value:.4g}"))
    return str(value)


def _times(answer: dict[str, Any]) -> str:
    if answer["verdict"] == "inconclusive":
        return str(answer["reason"])
    parts = [
        f"{name} {duration_text(answer[column])}"
        for name, column in (
            ("recovery", "recovery_mean_s"), ("p99", "recovery_p99_s"),
            ("collapse", "collapse_mean_s"),
        )
        if answer[column] == answer[column]
    ]  # fmt: skip
    return ", ".join(parts)
