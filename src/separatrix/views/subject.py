"""What a page is about: the model as its file, in words, with what looks like a mistake, and who asked."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

from separatrix.model import Program
from separatrix.views.page import folded, section


@dataclass(frozen=True)
class Subject:
    """The model of a page, and the command that made the page; plain texts.

    Attributes
    ----------
    yaml, english : the model as its file, and in paragraphs of words.
    warnings : what in it looks like a mistake, alike ones folded together.
    command : as it was typed.
    """

    yaml: str
    english: Sequence[str]
    warnings: Sequence[str]
    command: str


def subject_of(program: Program, command: str) -> Subject:
    """`program` written as a file and explained."""
    from separatrix.model.explain import explain
    from separatrix.model.files import dumps
    from separatrix.model.suspicion import told

    said = explain(program)
    return Subject(dumps(program), said.paragraphs, told(said.warnings), command)


def model_section(subject: Subject) -> str:
    """The model in English and as its file."""
    paragraphs = "".join(f"<p>{html.escape(paragraph)}</p>" for paragraph in subject.english)
    text = f'<pre tabindex="0" aria-label="Model as YAML">{html.escape(subject.yaml)}</pre>'
    return section("Model", paragraphs, folded("The model as YAML", text, opened=True))
