"""The file format as JSON Schema (draft 2020-12), made from the parts themselves.

Editors that know JSON Schema then complete fields, show what they mean and mark mistakes. What a
schema cannot say (names that must exist, weights that must sum to 1) only `files.load` checks.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Any, cast

from pydantic import TypeAdapter

from separatrix.model import anatomy
from separatrix.model.parts import Source
from separatrix.model.plaindata import IMPLIED, TOP, VERSION
from separatrix.model.quantities import NAME_LETTERS, NAME_PATTERN, NOTATIONS

_BOUNDS = {"gt": "exclusiveMinimum", "ge": "minimum", "lt": "exclusiveMaximum", "le": "maximum"}
_FIELD = re.compile(r"(\w+(?:, \w+)*) : (.*)")


def schema() -> dict[str, Any]:
    """The JSON Schema of a model file, as plain data."""
    made, extra = TypeAdapter.json_schemas(
        [(key, "validation", TypeAdapter[Any](hint)) for key, hint in TOP.items()],
        ref_template="#/$defs/{model}",
    )
    definitions = cast("dict[str, Any]", extra["$defs"])
    parts = {part.__name__: part for part in _parts()}
    for name, definition in definitions.items():
        _as_in_files(definition, parts[name])
    tops = {key: _plainly(made[key, "validation"]) for key in TOP}
    tops["separatrix"] = {"const": VERSION, "description": "Version of the format."}
    tops["description"]["description"] = "Anything worth knowing about the model."
    tops["limits"]["description"] = "What the service promises; `separatrix check` tests it."
    for key in ("servers", "sources"):
        tops[key]["minProperties"] = 1
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:separatrix:model:{VERSION}",
        "title": "Separatrix model",
        "description": "Servers, the sources that ask them, and what goes wrong when.",
        "type": "object",
        "properties": tops,
        "required": ["separatrix", "name", "servers", "sources"],
        "additionalProperties": False,
        "$defs": {name: _plainly(definition) for name, definition in definitions.items()},
    }


def _parts() -> list[type]:
    """Every part class that a file can hold."""
    found: list[type] = []
    todo = list(TOP.values())
    while todo:
        hint = todo.pop()
        parts = anatomy.parts_in(hint)
        todo += [h for p in parts if p not in found for h in anatomy.fields_of(p).values()]
        found += [p for p in parts if p not in found]
        todo += [] if parts else anatomy.arguments(hint)
    return found


def _as_in_files(definition: dict[str, Any], part: type) -> None:
    """Change the schema of a part to that of its fields in a file."""
    text = inspect.cleandoc(part.__doc__ or "")
    text = re.sub(r":math:`([^`]*)`", r"\1", text).replace("``", "`")
    definition["description"] = text.split("\n", 1)[0]
    del definition["title"]
    fields = cast("dict[str, dict[str, Any]]", definition["properties"])
    for name, meaning in _meanings(text).items():
        if name in fields:
            fields[name]["description"] = meaning
    for field in fields.values():
        field.pop("title", None)
    required = [f for f in definition.get("required", []) if f != IMPLIED.get(part)]
    fields.pop(IMPLIED.get(part, ""), None)
    if part is Source:
        name = {
            "type": "string",
            "minLength": 1,
            "maxLength": NAME_LETTERS,
            "pattern": NAME_PATTERN,
        }
        definition["properties"] = {
            "server": name | {"description": "server that is asked"}
        } | fields
        required.insert(0, "server")
    if "kind" in fields:
        del fields["kind"]["default"]
        definition["properties"] = {"kind": fields["kind"]} | fields
        required.insert(0, "kind")
    definition["required"] = required


def _meanings(text: str) -> dict[str, str]:
    """What the docstring of a part says of its attributes."""
    _, _, section = text.partition("Attributes\n----------\n")
    found: dict[str, str] = {}
    names: list[str] = []
    for line in section.split("\n"):
        match = _FIELD.fullmatch(line)
        if match is not None:
            names = match[1].split(", ")
            found |= dict.fromkeys(names, match[2])
        elif line.startswith("    "):
            found |= {name: f"{found[name]} {line.strip()}" for name in names}
        else:
            names = []
    return found


def _plainly(node: Any) -> Any:
    """The same schema in plain terms; a quantity may also be a text with a unit."""
    if isinstance(node, list):
        return [_plainly(item) for item in cast("list[Any]", node)]
    if not isinstance(node, Mapping):
        return node
    fields = {_BOUNDS.get(k, k): _plainly(v) for k, v in cast("dict[str, Any]", node).items()}
    fields.pop("discriminator", None)  # OpenAPI's; `kind` is a const in each alternative
    patterns = fields.pop("patternProperties", None)
    if patterns is not None:  # other names are wrong, not free
        ((pattern, inner),) = patterns.items()
        fields["propertyNames"] |= {"pattern": pattern}
        fields["additionalProperties"] = inner
    unit = fields.pop("x-unit", None)
    if unit is None:
        return fields
    said = {k: fields.pop(k) for k in ("description", "default") if k in fields}
    notation = NOTATIONS[unit]
    text = {"type": "string", "pattern": notation.pattern, "examples": [notation.example]}
    return {"anyOf": [fields, text]} | said
