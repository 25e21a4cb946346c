"""Blocks of code on a page, the commands in them, and whether what was printed is what the page shows."""

from __future__ import annotations

import re
from dataclasses import dataclass

_BLOCK = re.compile(
    r"(?:^<!-- numbers within (?P<share>\d+) % -->\n)?"
    r"^```(?P<kind>\w+)(?: title=\"(?P<title>[^\"]+)\")?\n(?P<text>.*?)^```$",
    re.M | re.S,
)
_NUMBER = re.compile(r"(?<![\w.])-?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?(?![\w.])")
COMPILES = "separatrix: compiling the event loop"
"""How the one line begins that is printed on the first run on a machine and never again."""


@dataclass(frozen=True)
class Block:
    """A block of code.

    title : name of the file that it becomes.
    share : by how much its numbers may differ, since real clocks measured them.
    """

    kind: str
    title: str
    text: str
    share: float


def blocks(page: str) -> list[Block]:
    return [
        Block(m["kind"], m["title"] or "", m["text"], float(m["share"] or 0) / 100)
        for m in _BLOCK.finditer(page)
    ]


def sessions(text: str) -> list[tuple[str, str]]:
    """Commands of a console block, each with what it prints."""
    found: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif found and found[-1][0].endswith("\\") and not found[-1][1]:
            found[-1] = (found[-1][0][:-1] + line.strip(), [])
        else:
            found[-1][1].append(line)
    return [(command, "\n".join(lines).strip()) for command, lines in found]


def matches(shown: str, printed: str, share: float = 0.0) -> bool:
    """Whether `printed` is what the page shows; a line ``...`` stands for any lines, or none."""
    pattern = [line.rstrip() for line in shown.strip().splitlines()]
    lines = [line.rstrip() for line in printed.strip().splitlines()]
    lines = [line for line in lines if not line.startswith(COMPILES)]
    reached = {0}
    for wanted in pattern:
        if wanted.strip() == "...":
            reached = set(range(min(reached, default=len(lines) + 1), len(lines) + 1))
        else:
            reached = {i + 1 for i in reached if i < len(lines) and _same(wanted, lines[i], share)}
    return len(lines) in reached


def _same(wanted: str, line: str, share: float) -> bool:
    if not share:
        return wanted == line
    words = [" ".join(_NUMBER.sub("#", text).split()) for text in (wanted, line)]
    numbers = [
        [float(n.replace(",", "")) for n in _NUMBER.findall(text)] for text in (wanted, line)
    ]
    return words[0] == words[1] and all(
        abs(a - b) <= share * max(abs(a), abs(b)) for a, b in zip(*numbers, strict=True)
    )
