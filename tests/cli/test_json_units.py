"""Units and types of what `--json` prints are what docs/reference/json.md says.

A service four times as fast is the same service on another clock: each number in seconds becomes a quarter, each
number per second four times as much, all others stay. Four is a power of two, so not a digit is lost on the way.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from separatrix.cli import main

REFERENCE = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "json.md").read_text()
FASTER = 4
POWER = {"s": 1 / FASTER, "1/s": FASTER}
PURE = {"relative_error", "relative_errors", "gap_relative_error", "confidence", "runs", "states"}
OF_PARAMETERS = {"parameters", "setting", "changes"}
MEASURED_HERE = {"cpu_s"}
COMMANDS = {
    "check": "check -",
    "passage": "passage recovery - --method markov",
    "agree": "agree - --runs 10",
    "agree over": "agree - --runs 10 --over web={rate}",
    "simulate": "simulate - --for {time}s --runs 3 --workers 1",
    "rare": "simulate - --rare collapse --trials 50",
    "sweep": "sweep - --set web.retries=0,1 --workers 1",
    "tipping": "tipping - --for {time}s",
    "explain": "explain -",
}


def model(k: float) -> str:
    return f"""\
separatrix: 1
name: Orders
servers:
  db: {{qsize: 8, apis: {{insert: {{processing_rate: {10 * k}}}}}}}
sources:
  web: {{server: db, api: insert, arrival_rate: {6 * k}, timeout: {0.5 / k}, retries: 1}}
limits: [recovery_p99 < {300 / k}s, goodput > 0.5]
"""


def answer(name: str, k: float) -> Any:
    line = COMMANDS[name].format(rate=5.0 * k, time=40.0 / k)
    done = CliRunner().invoke(main, [*line.split(), "--json"], input=model(k))
    assert done.exit_code in (0, 4, 10), done.output

    def refuse(text: str) -> None:
        raise AssertionError(f"{text} is not JSON")

    return json.loads(done.stdout, parse_constant=refuse)


def table() -> dict[str, dict[str, str]]:
    """Schema -> field -> unit, for those whose name does not say it."""
    rows = re.findall(r"^\| `(separatrix\.[^`]+)` \|([^|]*)\|([^|]*)\|$", REFERENCE, re.M)
    fields = {
        schema: {
            **dict.fromkeys(re.findall(r"`(\w+)`", seconds), "s"),
            **dict.fromkeys(re.findall(r"`(\w+)`", rates), "1/s"),
        }
        for schema, seconds, rates in rows
    }
    return {schema: units for schema, units in fields.items() if units}


def leaves(value: Any, way: tuple[tuple[Any, str], ...] = ()) -> Iterator[tuple[Any, Any]]:
    """Every value that is no group, with the groups and names that lead to it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*way, (value, key)))
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, way)
    else:
        yield way, value


def unit(way: tuple[tuple[Any, str], ...], schema: str) -> str:
    for group, key in reversed(way):
        if key.endswith("_per_s"):
            return "1/s"
        if key.endswith("_s"):
            return "s"
        if isinstance(group.get("unit"), str):
            return str(group["unit"])
        if key in table().get(schema, {}):
            return table()[schema][key]
    return ""


@pytest.mark.parametrize("name", COMMANDS)
def test_on_a_faster_clock_each_number_changes_as_its_unit_says(name):
    here, faster = answer(name, 1.0), answer(name, float(FASTER))
    pairs = list(zip(leaves(here), leaves(faster), strict=True))
    for (way, ours), (_, theirs) in pairs:
        keys = [key for _, key in way]
        if not isinstance(ours, float) or OF_PARAMETERS & set(keys) or keys[-1] in MEASURED_HERE:
            continue
        power = 1.0 if keys[-1] in PURE else POWER.get(unit(way, here["schema"]), 1.0)
        power **= 2 if keys[-1] == "variance" else 1
        wanted = pytest.approx(ours * power, rel=1e-6, abs=1e-13, nan_ok=True)
        assert theirs == wanted, f"{'.'.join(keys)}: {ours} and {theirs}"


def listed(before: str) -> set[str]:
    """Names that the page lists behind these words."""
    return set(re.findall(r"`(\w+)`", REFERENCE.partition(before)[2].partition(".")[0]))


@pytest.mark.parametrize("name", COMMANDS)
def test_each_field_has_the_type_that_the_page_says(name):
    kinds = {
        **dict.fromkeys(listed("Always text:"), str),
        **dict.fromkeys(listed("True or false:"), bool),
        **dict.fromkeys(listed("Whole numbers:"), int),
        **dict.fromkeys(listed("Lists of text:"), str),
    }
    assert len(kinds) > 25
    for way, value in leaves(answer(name, 1.0)):
        key = way[-1][1]
        if key in kinds:
            assert type(value) is kinds[key], f"{key} is {value!r}"
