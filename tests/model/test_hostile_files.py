"""Files that are out to hurt: a clear ModelError, soon, in bounded memory."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from separatrix.errors import ModelError
from separatrix.model.files import MOST_DEPTH, MOST_VALUES, load, loads
from separatrix.model.textfile import MOST_BYTES

HEAD = "separatrix: 1\nname: Hostile\n"
FULL = MOST_BYTES  # characters


def bomb(levels: int, width: int) -> str:
    lines = ["a0: &a0 [" + ", ".join(["lol"] * width) + "]"]
    for i in range(1, levels):
        lines.append(f"a{i}: &a{i} [" + ", ".join([f"*a{i - 1}"] * width) + "]")
    return HEAD + "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (bomb(9, 9), "holds more than 15,000 values; aliases count each time"),
        (bomb(40, 2), "holds more than 15,000 values"),
        (HEAD + "servers: &a {b: &b {c: [*a, *b]}}", "alias *a holds itself"),
        ("[" * 10_000, f"is nested deeper than {MOST_DEPTH} levels"),
        ("{" * 10_000, f"is nested deeper than {MOST_DEPTH} levels"),
        ("[" * FULL, f"is nested deeper than {MOST_DEPTH} levels"),
        ("- " * 10_000, f"is nested deeper than {MOST_DEPTH} levels"),
        ("? " * 10_000, f"is nested deeper than {MOST_DEPTH} levels"),
        ("".join(" " * i + f"a{i}:\n" for i in range(600)), f"is nested deeper than {MOST_DEPTH}"),
        ("[" + "1," * (MOST_VALUES + 1) + "]", "holds more than 15,000 values"),
        (
            HEAD + "k: !!python/object/new:os.system [echo]",
            "python/object/new:os.system' is not allowed",
        ),
        (HEAD + "k: !!binary aGk=", "binary' is not allowed"),
        (HEAD + "k: !!str 3", "is not allowed"),
        (HEAD + "k: !<tag:x> 3", "is not allowed"),
        (HEAD + "__class__: x", "__class__: unknown field"),
        (HEAD + "servers: {__init__: {__class__: x}}", "servers.__init__.__class__: unknown field"),
        (HEAD + "1: x", "key 1 is not text"),
        (HEAD + "null: x", "key null is not text"),
        (HEAD + ".nan: x", "key .nan is not text"),
        (HEAD + "? {a: b}\n: x", "a group or list cannot be a key"),
        (HEAD + "k: " + "9" * 5000, "a number of 5000 characters"),
        (HEAD + "k: 0x" + "f" * 5000, "a number of 5002 characters"),
        (HEAD + "k: 1e" + "9" * 30, "k: unknown field"),
        (HEAD + 'k: "\\UFFFFFFFF"', "holds an escape that is no character"),
        (HEAD + 'k: "\\ud800"', "holds the control character '\\ud800'"),
        (HEAD + 'k: "\\e[2J"', "holds the control character '\\x1b'; remove it"),
        (HEAD + '"\\e[2J": 1', "holds the control character '\\x1b'; remove it"),
        (HEAD + '"\\x9b2J": 1', "holds the control character '\\x9b'"),
        (HEAD + 'description: "ab\\x85"', "holds the control character"),
        (HEAD + "k" * 1000 + ": 1", "a key of 1000 letters; at most 200 are allowed"),
        (HEAD + "servers: {? " + "k" * 300 + " : {}}", "a key of 300 letters"),
        (HEAD + "k: \x00", "holds the character U+0000, which YAML forbids"),
        (HEAD + "k: \x1b[2J", "holds the character U+001B, which YAML forbids"),
        (HEAD + "k: \ud800", "holds the character U+D800, which YAML forbids"),
        ("", "is empty"),
        ("\n \n# only a comment\n", "is empty"),
        ("---\n...\n", "the top must be a group"),
        ("just words", "the top must be a group"),
        ("- 1", "the top must be a group"),
        ("*a", "alias *a has no anchor"),
        (HEAD + "---\n" + HEAD, "holds a second document"),
        ("%YAML 9.9\n---\n" + HEAD, ""),
        ("%FOO\n" * 3 + HEAD, ""),
    ],
)
def test_hostile_text(text: str, message: str) -> None:
    with pytest.raises(ModelError) as caught:
        loads(text, "hostile.yaml")
    assert message in str(caught.value)
    assert len(str(caught.value)) < 100_000
    assert all(len(str(p)) < 1000 for p in caught.value.problems)


@pytest.mark.parametrize(
    "text",
    [
        "x " * (FULL // 2), '"' + "\n" * (FULL - 2) + '"', "[" + "x\n" * (FULL // 2 - 1) + "]",
        "a: |\n" + "  x\n" * (FULL // 4 - 2), "#\n" * (FULL // 2), "a: 1\n" * (FULL // 5),
        "{" + "a: 1, " * (FULL // 6) + "}", "\n" * FULL, "'" + "''" * (FULL // 2 - 1) + "'",
        HEAD + "".join(f"k{i}: 1\n" for i in range(9000)),
        HEAD + "servers:\n" + "".join(f"  s{i}: {{}}\n" for i in range(6000)),
        HEAD + "sources:\n" + "".join(f"  s{i}: {{server: t{i}, api: a}}\n" for i in range(3000)),
        HEAD + "servers: {a: {apis: {" + "".join(f"b{i}: {{processing_rate: 0}}," for i in range(4900)) + "}}}",
    ],
    ids=range(13),
)  # fmt: skip
def test_the_longest_texts_end_in_an_error(text: str) -> None:
    assert len(text) <= MOST_BYTES
    with pytest.raises(ModelError) as caught:
        loads(text)
    assert len(caught.value.problems) <= 101


def test_a_file_of_100_mb_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "big.yaml"
    with path.open("wb") as stream:
        stream.truncate(100_000_000)
    with pytest.raises(ModelError, match=r"big.yaml: is longer than 256 KiB; a model is short"):
        load(path)


def test_an_endless_pipe_is_not_read_to_its_end(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.yaml"
    os.mkfifo(pipe)
    written = 0

    def pour() -> None:
        nonlocal written
        try:
            with pipe.open("wb", buffering=0) as stream:
                while written < 100_000_000:
                    written += stream.write(b"a: 1\n" * 1000) or 0
        except BrokenPipeError:
            pass

    writer = threading.Thread(target=pour)
    writer.start()
    with pytest.raises(ModelError, match="is longer than 256 KiB"):
        load(pipe)
    writer.join()
    assert written < 2_000_000


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (bytes(range(256)) * 20, "is not UTF-8 text: byte 0x"),
        (b"separatrix: 1\nname: caf\xe9\n", ":2: is not UTF-8 text: byte 0xe9; save it as UTF-8"),
        (HEAD.encode("utf-16"), "is not UTF-8 text"),
        (b"\x00" * 100, "U\\+0000"),
        (b"\x80\x04\x95", "is not UTF-8 text: byte 0x80"),
        (b"", "is empty"),
    ],
)
def test_binary_files(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "binary.yaml"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=message):
        load(path)
    with path.open(encoding="utf-8") as stream, pytest.raises(ModelError):
        load(stream)


def test_memory_stays_bounded() -> None:
    """The worst texts, in a process of their own that may grow by 200 MB and no more."""
    code = """
import resource, sys
from separatrix.errors import ModelError
from separatrix.model.files import loads
loads('''separatrix: 1
name: Warm
servers: {db: {qsize: 1, apis: {get: {processing_rate: 1}}}}
sources: {web: {server: db, api: get, arrival_rate: 0.5}}''')
with open("/proc/self/statm") as stream:
    pages = int(stream.read().split()[0])
limit = pages * resource.getpagesize() + 200_000_000
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
head = "separatrix: 1\\nname: x\\n"
bomb = head + "a0: &a0 [" + "x," * 9 + "]\\n"
bomb += "".join(f"a{i}: &a{i} [" + f"*a{i - 1}," * 9 + "]\\n" for i in range(1, 30))
for text in (bomb, "[" * 262144, "{" * 262144, "[" + "1," * 131000 + "]", "a: 1\\n" * 52000,
             head + "".join(f"k{i}: 1\\n" for i in range(9000)), "x " * 131000):
    try:
        loads(text)
    except ModelError:
        continue
    sys.exit("no error")
"""
    if not Path("/proc/self/statm").exists():
        pytest.skip("needs /proc to know the size of a process")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
