from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from separatrix.model.files import compose
from separatrix.model.tree import Node, line_of, plain, resolved

TEXT = """# top
a: 1        # one
b:
  - x
  - {c: 2,
     d: [3, 4]}
e: |
  text
f:
g: &g {h: 5}
i: *g
"""


def test_lines_of_places() -> None:
    root, problems = compose(TEXT)
    assert not problems
    places = [
        (),
        ("a",),
        ("b",),
        ("b", 0),
        ("b", 1),
        ("b", 1, "d"),
        ("b", 1, "d", 1),
        ("f",),
        ("i", "h"),
    ]
    assert [line_of(root, p) for p in places] == [2, 2, 3, 4, 5, 6, 6, 9, 10]
    assert line_of(root, ("b", 7)) == line_of(root, ("b", "x")) == 3  # the nearest thing above
    assert line_of(root, ("nothing", "there")) == 2


def test_offsets_hold_the_value_and_nothing_more() -> None:
    root, _ = compose(TEXT)
    assert isinstance(root.value, dict)

    def written(node: Node) -> str:
        return TEXT[node.start : node.end]

    nodes = {key: entry.node for key, entry in root.value.items()}
    assert [written(nodes[k]) for k in "aefi"] == ["1", "|\n  text", "", "*g"]
    assert written(nodes["b"]) == "- x\n  - {c: 2,\n     d: [3, 4]}"
    assert nodes["i"].alias == "g"
    assert nodes["f"].start == TEXT.index("f:") + 1


def test_plain_data_shares_what_aliases_share() -> None:
    data = plain(compose(TEXT)[0])
    assert data == {
        "a": 1,
        "b": ["x", {"c": 2, "d": [3, 4]}],
        "e": "text\n",
        "f": None,
        "g": {"h": 5},
        "i": {"h": 5},
    }
    assert data["g"] is data["i"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None), ("~", None), ("null", None), ("NULL", None), ("nUll", "nUll"),
        ("true", True), ("False", False), ("yes", "yes"), ("on", "on"), ("NO", "NO"),
        ("12", 12), ("-12", -12), ("+12", 12), ("012", 12), ("0o14", 12), ("0xC", 12), ("1_000", "1_000"),
        ("1.5", 1.5), (".5", 0.5), ("1.", 1.0), ("1e3", 1000.0), ("1.5e-3", 0.0015), ("-.5", -0.5),
        (".inf", math.inf), ("-.INF", -math.inf), ("+.inf", math.inf),
        ("12:30", "12:30"), ("2024-01-01", "2024-01-01"), ("1.2.3", "1.2.3"), ("0b11", "0b11"),
        ("e3", "e3"), (".", "."), ("٣", "٣"), ("80/s", "80/s"),
    ],
)  # fmt: skip
def test_core_schema_of_yaml_1_2(text: str, value: object) -> None:
    found = resolved(text)
    assert found == value
    assert type(found) is type(value)


def test_not_a_number() -> None:
    assert math.isnan(resolved(".nan"))  # type: ignore[arg-type]


@given(st.one_of(st.integers(-(10**30), 10**30), st.floats(allow_nan=False, allow_infinity=False)))
def test_numbers_as_python_writes_them(value: float) -> None:
    assert resolved(repr(value)) == value


def test_quoted_and_tagged_words_are_texts() -> None:
    root, _ = compose("a: '1'\nb: \"null\"\n")
    assert plain(root) == {"a": "1", "b": "null"}
    _, problems = compose("a: " + "1" * 41)
    assert [p.message for p in problems] == ["a number of 41 characters"]
