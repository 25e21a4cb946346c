"""Whatever a user calls itself, the printed line is one command with the words that are meant."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from separatrix.errors import DataError
from separatrix.placement.commands import checked_template, commands, quoted, target_index, visible

HOSTILE = [
    "$(touch /tmp/pwned)",
    "`id`",
    "a; rm -rf /",
    "a'b\"c",
    "-rf",
    "x\ny",
    "x\r\x1b[2Jy",
    "* ? [a] {b}",
    "&& reboot #",
    "é\u202eabc",
    "\\x41\\",
    "~root",
    "!!",
    "\udcff\udc80",
]


def words_of(line: str) -> list[bytes]:
    """What bash takes the words of a line to be."""
    script = b'f() { printf "%s\\0" "$@"; }\nf ' + line.encode("utf-8", "surrogateescape") + b"\n"
    out = subprocess.run(["bash"], input=script, capture_output=True, check=True).stdout
    return out.split(b"\0")[:-1]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_stay_one_word_on_one_line(name):
    found = commands(name, "fs-MDT000a", template="/s/{user}")
    assert [c.reason for c in found] in ([""] * 2, [f"{visible(name)} is no name of a directory"])
    if "/" in name:
        return
    for command, head in zip(
        found, ([b"lfs", b"setdirstripe", b"-D", b"-i"], [b"lfs", b"migrate", b"-m"]), strict=True
    ):
        assert command.text.isprintable()
        wanted = f"/s/{name}".encode("utf-8", "surrogateescape")
        assert words_of(command.text) == [*head, b"10", wanted]


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=()), max_size=30))
@settings(max_examples=60, deadline=None)
def test_quoting_round_trips_through_a_shell(text):
    try:
        raw = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        with pytest.raises(UnicodeEncodeError):
            quoted(text)
        return
    line = quoted(text)
    assert line.isprintable()
    assert words_of(line) == [raw]


@pytest.mark.parametrize(
    ("user", "target", "paths", "template", "reason"),
    [
        ("a", "mds01", (), "/s/{user}", "does not name its index"),
        ("a", "fs-MDT0001", (), None, "not known"),
        ("..", "fs-MDT0001", (), "/s/{user}", "no name of a directory"),
        ("a/../../etc", "fs-MDT0001", (), "/s/{user}", "no name of a directory"),
        ("", "fs-MDT0001", (), "/s/{user}", "no name of a directory"),
        ("a", "fs-MDT0001", ("/s/../etc",), None, "goes up"),
        ("a", "fs-MDT0001", ("s/a",), None, "no absolute path"),
        ("a", "fs-MDT0001", ("//",), None, "is the root"),
        ("a", "fs-MDT0001", ("/s/\0",), None, "null"),
        ("\ud800", "fs-MDT0001", (), "/s/{user}", "surrogate"),
        ("a\nb", "fs\n-MDTx", (), None, "does not name its index"),
    ],
)
def test_what_could_point_elsewhere_gets_a_reason(user, target, paths, template, reason):
    (only,) = commands(user, target, paths, template)
    assert only.text == ""
    assert reason in only.reason
    assert "\n" not in only.reason


def test_every_directory_is_moved():
    found = commands("p", "fs-MDT0002", ("/a", "/b c"), "/never/{user}")
    assert [c.text for c in found] == [
        "lfs setdirstripe -D -i 2 /a",
        "lfs migrate -m 2 /a",
        "lfs setdirstripe -D -i 2 '/b c'",
        "lfs migrate -m 2 '/b c'",
    ]


def test_index_is_hexadecimal():
    assert target_index("scratch-MDT001f") == 31
    assert target_index("scratch-MDT0001_UUID") == 1
    assert target_index("mds12") is None


@pytest.mark.parametrize("template", ["relative/{user}", "/s/users", ""])
def test_a_template_must_be_absolute_and_name_the_user(template):
    with pytest.raises(DataError, match="absolute"):
        checked_template(template)
