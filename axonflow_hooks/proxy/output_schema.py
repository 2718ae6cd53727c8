"""Does a masked result still fit the schema that its tool promises? jsonschema is loaded only where that is asked."""

from __future__ import annotations

from typing import Any

from axonflow_hooks.proxy.exact_json import UnreadableMessage, read_value


def fits(raw_result: str, schema: Any) -> bool:
    """Take the text of a result and a tool's outputSchema, tell whether the structuredContent fits it."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError, ValidationError
    from jsonschema.validators import validator_for
    from referencing.exceptions import Unresolvable

    try:
        result = read_value(raw_result)
        if not isinstance(result, dict) or "structuredContent" not in result:
            return True
        if not isinstance(schema, dict):
            return False
        validator = validator_for(schema, default=Draft202012Validator)
        validator.check_schema(schema)
        validator(schema).validate(result["structuredContent"])
    except (ValidationError, SchemaError, Unresolvable, UnreadableMessage, RecursionError, TypeError, ValueError):
        return False
    return True
