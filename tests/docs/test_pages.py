"""Every block of code in the documentation runs, and prints what stands below it.

* A block with a ``title`` becomes a file of that name for the commands below it;
* ```` ```console ```` holds commands and what they print; a line ``...`` stands for any lines. What the clocks of
  this machine measured is marked ``<!-- numbers within N % -->``: the words are compared, the numbers roughly;
* ```` ```python ```` runs, with what the blocks above it left; a ```` ```text ```` right below is its output;
* ```` ```sh ```` cannot run in a test: it installs the package, or makes the checkout's targets. Its extras and its
  targets must be ones that there are.

Commands in the running text, in tables and in the help of every command must name options that there are.
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import sys
import tomllib
from pathlib import Path

import click
import pytest

from separatrix.cli import main

sys.path.insert(0, str(Path(__file__).parent))  # tests are no packages
from blocks import blocks, matches, sessions
from terminal import Terminal

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
FILES = {"yaml", "python", "csv"}
KINDS = FILES | {"console", "text", "sh"}


@pytest.fixture
def terminal(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    own = Terminal()
    yield own
    own.end()


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_page_does_what_it_shows(page, terminal):
    names: dict[str, object] = {}
    printed: str | None = None
    for block in blocks(page.read_text()):
        assert block.kind in KINDS, f"a block of {block.kind!r} would not be checked"
        if block.title:
            assert block.kind in FILES
            Path(block.title).write_text(block.text)
        elif block.kind == "console":
            for command, shown in sessions(block.text):
                terminal.type(command, shown, block.share)
        elif block.kind == "python":
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec(compile(block.text, str(page), "exec"), names)  # noqa: S102 - our own pages
            printed = out.getvalue()
        elif block.kind == "text":
            assert printed is not None, "a text block stands below what prints it"
            assert matches(block.text, printed), f"printed:\n{printed}\nshown:\n{block.text}"
            printed = None
        elif block.kind == "sh":
            for line in block.text.splitlines():
                _installs_or_makes(line.split("#")[0].strip())
        else:
            raise AssertionError(f"a block of {block.kind} without a title is not checked")


def _installs_or_makes(line: str) -> None:
    """A line installs the package with extras that there are, makes a target that there is, or then runs us."""
    program, *words = shlex.split(line)
    if program == "separatrix":
        _exists(shlex.join(words))
        return
    if program == ".":
        assert words == [".venv/bin/activate"]
        return
    if program == "make":
        makefile = (ROOT / "Makefile").read_text()
        assert all(f"\n{target}: " in makefile for target in words), line
        return
    assert (program, words[0]) == ("pip", "install"), f"{line} would not be checked"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for wanted in words[1:]:
        found = re.fullmatch(
            r"\.(?:\[([\w,]+)\])?", wanted
        )  # the checkout: there is no release yet
        assert found is not None, line
        assert set((found[1] or "").split(",")) - {""} <= set(project["optional-dependencies"])


def _exists(line: str) -> None:
    """A command names a command and options that there are."""
    name, *arguments = shlex.split(line)
    command = main.commands[name]
    context = click.Context(command, main.make_context("separatrix", [name]), info_name=name)
    parser = command.make_parser(context)
    known = set(parser._long_opt) | set(parser._short_opt)  # click offers no public list
    for argument in arguments:
        if re.match(r"--?[a-z]", argument):
            assert argument.split("=")[0] in known, f"{name} has no {argument}"


@pytest.mark.parametrize(
    "page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=lambda p: str(p.relative_to(ROOT))
)
def test_commands_in_the_text_exist(page):
    for line in re.findall(r"`separatrix ([a-z][^`]+)`", page.read_text()):
        _exists(" ".join(line.split()).split("|")[0])


@pytest.mark.parametrize("name", sorted(main.commands))
def test_examples_in_the_help_exist(name):
    examples = (main.commands[name].help or "").replace("\\\n", " ")
    found = re.findall(r"^\s*(?:.*[|&(] ?)?separatrix ([a-z][^|&;#\n>)]*)", examples, re.M)
    assert found
    for line in found:
        _exists(line)


def test_patterns_of_output():
    assert matches("a\n...\nz", "a\nb\nc\nz\n")
    assert matches("...\nz", "z")
    assert matches("z\n...", "z")
    assert not matches("b\n...", "a\nb")
    assert matches("a\n...", "a\nb")
    assert not matches("a\n...\nz", "a\nb")
    assert not matches("a", "a\nb")


def test_measured_numbers_are_compared_roughly_and_words_exactly():
    assert matches("rate 5.1/s of 4", "rate  4.9/s of 4", 0.1)
    assert not matches("rate 5.1/s", "rate 4.9/s")
    assert not matches("rate 5.1/s", "rate 3/s", 0.1)
    assert not matches("rate 5/s", "speed 5/s", 0.1)
    assert not matches("1 2", "1", 0.1)


def test_links_between_pages_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
