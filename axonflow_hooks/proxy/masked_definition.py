"""Whether a tool's definition, as policy masks it, still says the same: only its prose may read differently."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.proxy.schema_references import SCHEMAS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PROSE: Final = frozenset({"title", "description", "$comment", "default", "example", "examples"})
"""Keywords of JSON Schema that constrain nothing (draft 2020-12 validation, section 9; OpenAPI's `example`)."""
SCHEMAS_BY_NAME: Final = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
"""Keywords whose members are named by the schema's author: a property may be called `description`."""
CONSTRAINING: Final = frozenset(
    {
        *("enum", "const", "pattern", "required", "format", "dependentRequired", "multipleOf", "type"),
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "minItems"),
        *("maxItems", "$id", "$schema", "$ref", "$dynamicRef", "$anchor"),
    }
)


def said_otherwise(before: Mapping[str, Any], masked: Any, key: str) -> str:
    """Take a definition, what it is as policy masks it, and the member that names it; give what no mask may change.

    "" where the masked one says the same but for its prose.
    """
    if not isinstance(masked, dict) or masked.keys() != before.keys():
        return "the name of a field"
    if masked[key] != before[key]:
        return "its name"
    for member, value in before.items():
        if member not in SCHEMAS:
            if not _same_shape(value, masked[member]):
                return "more than texts in it"
        elif (keyword := next(_differences(value, masked[member], ""), None)) is not None:
            place = f"`{keyword}`" if keyword in CONSTRAINING else "more than prose"
            return f"{place} in its {member}"
    return ""


def _same_shape(before: Any, masked: Any) -> bool:
    if isinstance(before, dict) and isinstance(masked, dict):
        return before.keys() == masked.keys() and all(_same_shape(before[name], masked[name]) for name in before)
    if isinstance(before, list) and isinstance(masked, list):
        return len(before) == len(masked) and all(map(_same_shape, before, masked))
    return type(before) is type(masked)


def _differences(before: Any, masked: Any, keyword: str) -> Iterator[str]:
    """Give the keywords under which a schema differs in what it demands."""
    if keyword in CONSTRAINING or type(before) is not type(masked) or not isinstance(before, (dict, list)):
        if before != masked:
            yield keyword
    elif isinstance(before, list):
        for one, other in zip(before, masked, strict=True):
            yield from _differences(one, other, keyword)
    elif before.keys() != masked.keys():
        yield keyword
    else:
        for name, value in before.items():
            if name in SCHEMAS_BY_NAME and isinstance(value, dict) and isinstance(masked[name], dict):
                for property_, inner in value.items():
                    yield from _differences(inner, masked[name].get(property_), "")
            elif name not in PROSE and not name.startswith("x-"):
                yield from _differences(value, masked[name], name)
