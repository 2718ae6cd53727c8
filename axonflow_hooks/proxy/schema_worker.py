"""The process that checks values against schemas of backends: a line `[schema, value]` in, a line with one word out.

It may be stopped at any time, and ends itself when a check outlasts whoever has asked for it. Nothing is fetched: what
a schema refers to stands in it, or is one of the JSON Schema drafts themselves.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import sys
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from jsonschema.validators import validator_for
from referencing import Registry
from referencing.exceptions import Unresolvable

LAST_S: Final = 10.0
"""Nobody waits for an answer that long."""
MAX_MEMORY: Final = 2 << 30


def word_on(schema: Any, value: Any) -> str:
    """Tell whether a value fits a JSON Schema: fits, unfit, or for no schema to check against unresolved or unusable.

    Without `$schema` it is one of draft 2020-12 (MCP 2025-11-25, tools).
    """
    try:
        kind = validator_for(schema, default=Draft202012Validator)
        kind.check_schema(schema)
        return "fits" if kind(schema, registry=Registry()).is_valid(value) else "unfit"
    except Unresolvable:
        return "unresolved"
    except SchemaError:
        return "unusable"


def answer(line: bytes) -> str:
    """Take a line of the proxy and give the word that answers it."""
    try:
        schema, value = json.loads(line)
        return word_on(schema, value)
    except Exception:  # noqa: BLE001 - a schema can be wrong in any way: patterns, recursion, memory
        return "unusable"


def main() -> None:
    """Answer line by line, until the proxy closes its end."""
    _bound_memory()
    _say("ready")
    for line in sys.stdin.buffer:
        faulthandler.dump_traceback_later(LAST_S, exit=True)
        word = answer(line)
        faulthandler.cancel_dump_traceback_later()
        _say(word)


def _say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def _bound_memory() -> None:
    if sys.platform != "win32":
        import resource

        with contextlib.suppress(ValueError, OSError):  # macOS knows the limit and may refuse it
            resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
