"""A suspicion: something in a program that is possible, and almost surely a mistake."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from separatrix.model.parts import DependentCall, Server

IN_FULL = 3
"""Warnings of one kind that are told in full; where there are many, their places are enough."""


@dataclass(frozen=True)
class Warning_:  # noqa: N801 - `Warning` is Python's own
    """Something that is almost surely a mistake.

    Attributes
    ----------
    code : name of the check, which never changes.
    field : dotted place in the model.
    message : what is odd, with the numbers.
    reason : why it matters.
    hint : what to do.
    """

    code: str
    field: str
    message: str
    reason: str
    hint: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}. {self.reason}. {self.hint}."


def told(warnings: Iterable[Warning_]) -> list[str]:
    """Warnings for somebody in a hurry: of each kind the first `IN_FULL` in full, the others' places in a line."""
    kinds: dict[str, list[Warning_]] = {}
    for warning in warnings:
        kinds.setdefault(warning.code, []).append(warning)
    lines: list[str] = []
    for alike in kinds.values():
        lines += [str(warning) for warning in alike[:IN_FULL]]
        more = [warning.field for warning in alike[IN_FULL:]]
        if more:
            named = ", ".join(more[:IN_FULL]) + (", ..." if len(more) > IN_FULL else "")
            lines.append(f"the same of {len(more)} more: {named} (`separatrix explain` tells all)")
    return lines


def without_effect(field: str, message: str, reason: str) -> Warning_:
    """A suspicion of something that was written and does nothing."""
    return Warning_("without-effect", field, message, reason, "Change it or remove it")


def numbered_calls(server: Server) -> Iterator[tuple[str, int, DependentCall]]:
    """Every call that `server` makes, with its API and its position there."""
    for api, work in server.apis.items():
        for i, call in enumerate(work.downstream):
            yield api, i, call
