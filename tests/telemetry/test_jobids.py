from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from separatrix.errors import DataError
from separatrix.telemetry import QualityLog, Repair
from separatrix.telemetry.jobids import guessed, readable, template


@pytest.mark.parametrize(
    ("text", "label", "fields"),
    [
        ("%e.%u", "python3.11.1000", {"executable": "python3.11", "user": "1000"}),
        ("%e:%u:%h", "vi:0:es-2-virt3", {"executable": "vi", "user": "0", "host": "es-2-virt3"}),
        ("%j.%e", "123_4.ior", {"job": "123_4", "executable": "ior"}),
        ("%H/%p/%g", "nid1/77/100", {"host": "nid1", "process": "77", "group": "100"}),
        ("%%%u", "%42", {"user": "42"}),
        ("%e.%u", "no number", {"executable": "", "user": ""}),
        ("%e:%u:%h", "a:b:5:host", {"executable": "a:b", "user": "5", "host": "host"}),
        ("SLURM-%j", "SLURM-9", {"job": "9"}),
    ],
)
def test_templates(text: str, label: str, fields: dict[str, str]) -> None:
    assert {k: v[0] for k, v in template(text).fields([label]).items()} == fields


def test_a_cut_number_is_unknown() -> None:
    cut = "a_very_long_executable_name.1234"[:31]
    assert template("%e.%u").fields([cut])["user"] == ("",)
    assert template("%e.%u").fields([cut])["executable"] == ("a_very_long_executable_name",)
    assert template("%u.%e").fields(["1234." + "x" * 26])["user"] == ("1234",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("%x", "%x is unknown"),
        ("%u%u", "%u occurs twice"),
        ("%h%H", "%H occurs twice"),
        ("%", "% is unknown"),
    ],
)
def test_bad_templates(text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        template(text)


def test_guessing() -> None:
    assert guessed(["a:1:h", "b:2:g"]).text == "%e:%u:%h"  # type: ignore[union-attr]
    assert guessed(["a.1", "b.c.2"]).text == "%e.%u"  # type: ignore[union-attr]
    assert guessed(["43", "44"]).text == "%j"  # type: ignore[union-attr]
    assert guessed(["plain", "words"]) is None
    assert guessed([]) is None


@pytest.mark.parametrize(
    ("raw", "name", "broken"),
    [
        (b' "vi:0:host" ', "vi:0:host", False),
        (b"43", "43", False),
        (rb'"a\x20b"', "a b", False),
        (rb'"say \"hi\" \\ there"', 'say "hi" \\ there', False),
        (b'"unfinished', "unfinished", True),
        (b'""', "(empty)", True),
        (b"", "(empty)", True),
        (b'"a\nb"', r"a\nb", True),
        (rb'"a\x00b"', r"a\x00b", True),
        (b'"\xff\xfe"', r"\xff\xfe", True),
        ('"jürgen"'.encode(), "jürgen", False),
    ],
)
def test_readable(raw: bytes, name: str, broken: bool) -> None:
    log = QualityLog()
    assert readable(raw, log, "f") == name
    assert log.report().count(Repair.BROKEN_ID) == broken


@given(st.binary(max_size=60))
def test_any_bytes_become_a_printable_name(raw: bytes) -> None:
    name = readable(raw, QualityLog(), "f")
    assert name
    assert name.isprintable()


@given(st.text(max_size=40), st.sampled_from(["%e.%u", "%e:%u:%h", "%j", "%u.%e.%p"]))
def test_any_label_has_fields(label: str, text: str) -> None:
    fields = template(text).fields([label])
    assert all(len(column) == 1 for column in fields.values())
