"""Nobody who reads the documentation ends in a blind alley."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import metafor
from metafor import program
from metafor.analysis import experiment
from metafor.dsl import dsl
from separatrix.model.schema import schema

DOCS = Path(__file__).resolve().parents[2] / "docs"
READ_ON = [
    page for room in ("tutorial", "howto", "why") for page in sorted((DOCS / room).glob("*.md"))
]


def links(text: str) -> list[str]:
    return re.findall(r"\]\(([^)\s]+)\)", text)


@pytest.mark.parametrize("page", READ_ON, ids=lambda p: str(p.relative_to(DOCS)))
def test_a_page_says_where_to_go_next(page):
    end = page.read_text().rstrip().rpartition("\nNext: ")[2].rpartition("\n## Next\n")[2]
    assert end != page.read_text().rstrip()
    assert links(end)
    assert "```" not in end


def test_the_index_and_the_navigation_name_every_page():
    index = set(links((DOCS / "index.md").read_text()))
    named = (DOCS.parent / "mkdocs.yml").read_text()
    for page in READ_ON:
        place = str(page.relative_to(DOCS))
        assert place in index, f"{place} is not in docs/index.md"
        assert f": {place}\n" in named, f"{place} is not in mkdocs.yml"


def test_the_glossary_is_in_order_and_refers_to_itself():
    text = (DOCS / "glossary.md").read_text()
    terms = re.findall(r"^\* \*\*(.+?)\*\*: ", text, re.M)
    assert len(terms) > 50
    assert terms == sorted(terms, key=str.lower)
    for word in re.findall(r"see \*([^*]+)\*", text):
        assert word.lower() in {term.lower() for term in terms}


def test_addresses_elsewhere_are_whole():
    for page in [DOCS.parent / "README.md", *DOCS.rglob("*.md")]:
        for target in links(page.read_text()):
            if ":" in target:
                address = urlsplit(target)
                assert address.scheme == "https", f"{page.name} links to {target}"
                assert "." in address.netloc, f"{page.name} links to {target}"


def test_the_page_for_users_of_metafor_names_each_call():
    page = (DOCS / "why" / "metafor.md").read_text()
    known = program()
    calls = {
        *(name for name in vars(dsl.Program) if not name.startswith("_")),
        *(name for name in dir(known.build()) if re.match("[a-z]", name)),
        *(name for name in vars(experiment) if name in ("Parameter", "ParameterList", "Experiment")),
        *("basic_stats", "program", "add_servers", "add_sources", "get_server", "get_source"),
        *("StateMachineSource", "PhaseTypeSource", "MixtureSource", "visualize_general", "Visualizer"),
    }  # fmt: skip
    ours = {"law", "population", "n_states", "orbit_size", "qsize", "under"}
    assert metafor.__all__
    missing = {call for call in calls - ours if not re.search(rf"\b{call}\b", page)}
    assert not missing


def test_the_page_on_models_names_every_kind_that_the_format_knows():
    page = (DOCS / "howto" / "model.md").read_text()
    parts = schema()["$defs"].values()
    kinds = {p["properties"]["kind"]["const"] for p in parts if "kind" in p.get("properties", {})}
    assert len(kinds) > 20
    missing = {k for k in kinds if f"`{k}`" not in page and f"kind: {k}," not in page}
    assert not missing
