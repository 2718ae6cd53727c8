"""What the schemas of a tool refer to outside themselves: nothing of it is ever fetched, so a person should know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urljoin

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SCHEMAS: Final = ("inputSchema", "outputSchema")
REFERRING: Final = ("$ref", "$dynamicRef", "$recursiveRef")
NAMING: Final = ("$id", "id")
DRAFTS: Final = ("https://json-schema.org/", "http://json-schema.org/")


def references_elsewhere(definition: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Take a tool's definition, give (member, reference) of all that its schemas refer to and do not hold.

    References to the JSON Schema drafts are none of them. Raises nothing, whatever the definition is.
    """
    found: list[tuple[str, str]] = []
    for member in SCHEMAS:
        schema = definition.get(member)
        root = schema.get("$id") if isinstance(schema, dict) else None
        base = root if isinstance(root, str) else ""
        named = {_document(base, name) for name in _texts(schema, NAMING)} | {_document(base, "")}
        for reference in dict.fromkeys(_texts(schema, REFERRING)):
            document = _document(base, reference)
            if document not in named and not document.startswith(DRAFTS):
                found.append((member, reference))
    return found


def _texts(schema: Any, keys: tuple[str, ...]) -> Iterator[str]:
    """Give the texts under some keys, wherever they stand."""
    waiting = [schema]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield from (text for key in keys if isinstance(text := value.get(key), str))
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value


def _document(base: str, reference: str) -> str:
    """Give the document that a reference names (RFC 3986, section 5), without its fragment."""
    try:
        return urljoin(base, reference).partition("#")[0]
    except ValueError:
        return reference
