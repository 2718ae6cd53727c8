"""The input schemas of the tools (wire 1.3.1)."""

from __future__ import annotations

from typing import Any, Final

from axonflow_hooks.wire.audit import SEARCH_DEFAULT_LIMIT, SEARCH_DEFAULT_MINUTES, SEARCH_MAX_LIMIT

Schema = dict[str, Any]


def _text(description: str, **more: Any) -> Schema:
    return {"type": "string", "description": description, **more}


def _object(properties: Schema, *required: str) -> Schema:
    return {"type": "object", "properties": properties, "required": list(required)}


_CONNECTOR: Final = _text("Where the statement goes or the output came from, such as claude_code.Bash or postgres.")
_TOOL: Final = _text("The tool, where connector_type names only its server.")
_TIME: Final = "RFC 3339, such as 2026-01-31T12:00:00Z, or a date."

CHECK_POLICY: Final = _object(
    {
        "connector_type": _CONNECTOR,
        "statement": _text("The whole decoded text that is to be executed or written."),
        "operation": _text("What is done with it.", enum=["execute", "query"], default="execute"),
        "parameters": {"type": "object", "description": "Values that are bound to the statement."},
        "tool": _TOOL,
    },
    "connector_type",
    "statement",
)

CHECK_OUTPUT: Final = _object(
    {
        "connector_type": _CONNECTOR,
        "response_data": {
            "type": "array",
            "items": {"type": "object"},
            "description": "The output as rows; their texts and numbers are scanned one by one.",
        },
        "message": _text("The output as one text."),
        "tool": _TOOL,
    },
    "connector_type",
)

AUDIT_TOOL_CALL: Final = _object(
    {
        "tool_name": _text("The tool that was called."),
        "caller_name": _text("Who called it, such as claude_code."),
        "tool_type": _text("Former name of caller_name.", default="claude_code", deprecated=True),
        "input": {"type": "object", "description": "The arguments of the call."},
        "output": {"type": "object", "description": "The result of the call."},
        "success": {"type": "boolean", "description": "Whether the call succeeded."},
        "error_message": _text("Why it failed."),
        "duration_ms": {"type": "number", "description": "How long it took, in milliseconds."},
    },
    "tool_name",
    "input",
    "success",
)

EXPLAIN_DECISION: Final = _object({"decision_id": _text("The id that came with the verdict.")}, "decision_id")

SEARCH_AUDIT_EVENTS: Final = _object(
    {
        "from": _text(f"Start. {_TIME} Default: {SEARCH_DEFAULT_MINUTES} minutes ago."),
        "to": _text(f"End. {_TIME} Default: now."),
        "request_type": _text("One type only: check_policy, check_output or tool_call_audit."),
        "user_email": _text("The entries of one developer only."),
        "limit": {
            "type": "integer",
            "minimum": 1,
            "maximum": SEARCH_MAX_LIMIT,
            "default": SEARCH_DEFAULT_LIMIT,
            "description": "How many entries at most.",
        },
    }
)
