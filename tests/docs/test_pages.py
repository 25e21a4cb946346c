"""Every block of code in the documentation runs, and prints what stands below it.

* ```` ```yaml title="x.yaml" ```` becomes a file for the commands below it;
* ```` ```console ```` holds ``$ separatrix ...`` and what it prints; a line ``...`` stands for any lines;
* ```` ```python ```` runs, with what the blocks above it left; a ```` ```text ```` right below is its output;
* ```` ```sh ```` is not run, since it installs or serves; its separatrix commands must be ones that exist.
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from separatrix.cli import main

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
_BLOCK = re.compile(r"^```(\w+)(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.M | re.S)
KINDS = {"yaml", "console", "python", "text", "sh", "diff", "json"}


def blocks(page: Path) -> list[tuple[str, str, str]]:
    return [(m[1], m[2] or "", m[3]) for m in _BLOCK.finditer(page.read_text())]


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


def matches(shown: str, printed: str) -> bool:
    """Whether `printed` is what the page shows; a line ``...`` stands for any lines, or none."""
    pattern = [line.rstrip() for line in shown.strip().splitlines()]
    lines = [line.rstrip() for line in printed.strip().splitlines()]
    reached = {0}
    for wanted in pattern:
        if wanted.strip() == "...":
            reached = set(range(min(reached, default=len(lines) + 1), len(lines) + 1))
        else:
            reached = {i + 1 for i in reached if i < len(lines) and lines[i] == wanted}
    return len(lines) in reached


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(DOCS)))
def test_a_page_does_what_it_shows(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    names: dict[str, object] = {}
    printed: str | None = None
    for kind, title, text in blocks(page):
        assert kind in KINDS, f"a block of {kind!r} would not be checked"
        if kind == "yaml" and title:
            Path(title).write_text(text)
        elif kind == "console":
            for command, shown in sessions(text):
                _run(command, shown)
        elif kind == "python":
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec(compile(text, str(page), "exec"), names)  # noqa: S102 - our own pages
            printed = out.getvalue()
        elif kind == "text" and printed is not None:
            assert matches(text.strip(), printed), f"printed:\n{printed}\nshown:\n{text}"
            printed = None
        elif kind == "sh":
            _exists(text)


def _run(command: str, shown: str) -> None:
    program, *arguments = shlex.split(command)
    if program == "cat":
        assert matches(shown, Path(arguments[0]).read_text())
        return
    assert program == "separatrix", f"{program} is not run here"
    result = CliRunner().invoke(main, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    printed = result.stdout or result.stderr
    assert matches(shown, printed), f"$ {command}\nprinted:\n{printed}\nshown:\n{shown}"


def _exists(text: str) -> None:
    """Each separatrix command of a shell block names a command and options that there are."""
    for line in re.findall(r"separatrix ([^|&;#\n]+)", text.replace("\\\n", " ")):
        name, *arguments = shlex.split(line)
        command = main.commands[name]
        context = click.Context(command, main.make_context("separatrix", [name]), info_name=name)
        parser = command.make_parser(context)
        known = set(parser._long_opt) | set(parser._short_opt)  # click offers no public list
        for argument in arguments:
            if argument.startswith("-") and argument != "-":
                assert argument.split("=")[0] in known, f"{name} has no {argument}"


def test_patterns_of_output():
    assert matches("a\n...\nz", "a\nb\nc\nz\n")
    assert matches("...\nz", "z")
    assert matches("z\n...", "z")
    assert not matches("b\n...", "a\nb")
    assert matches("a\n...", "a\nb")
    assert not matches("a\n...\nz", "a\nb")
    assert not matches("a", "a\nb")


def test_links_between_pages_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
