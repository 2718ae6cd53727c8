"""The input schemas of the tools (wire 1.3.1)."""

from __future__ import annotations

from typing import Any, Final

from axonflow_hooks.wire.audit import SEARCH_DEFAULT_LIMIT, SEARCH_DEFAULT_MINUTES, SEARCH_MAX_LIMIT
from axonflow_hooks.wire.overrides import DEFAULT_TTL_S, MAX_REASON_CHARS, MAX_TTL_S, MIN_TTL_S

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

LIST_POLICIES: Final = _object(
    {
        "category": _text("Those of one category only, such as security-sqli or pii-us."),
        "severity": _text("Those of one severity only.", enum=["critical", "high", "medium", "low"]),
    }
)

EXPLAIN_DECISION: Final = _object({"decision_id": _text("The id that came with the verdict.")}, "decision_id")

CREATE_OVERRIDE: Final = _object(
    {
        "policy_id": _text("The policy that blocks, as policy_matches names it."),
        "policy_type": _text("Whether it is a static or a dynamic policy.", enum=["static", "dynamic"]),
        "override_reason": _text(
            "Why, in the user's own words; it stays in the audit trail.", minLength=1, maxLength=MAX_REASON_CHARS
        ),
        "tool_signature": _text("Only for this tool, such as claude_code.Bash; without it, for every tool."),
        "ttl_seconds": {
            "type": "integer",
            "minimum": MIN_TTL_S,
            "maximum": MAX_TTL_S,
            "default": DEFAULT_TTL_S,
            "description": "How long it holds, in seconds.",
        },
    },
    "policy_id",
    "policy_type",
    "override_reason",
)

DELETE_OVERRIDE: Final = _object({"override_id": _text("The id of the override.")}, "override_id")

LIST_OVERRIDES: Final = _object(
    {
        "policy_id": _text("Those of one policy only."),
        "include_revoked": {"type": "boolean", "default": False, "description": "Also those that are over."},
    }
)

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

GET_POLICY_STATS: Final = _object(
    {
        "from": _text(f"Start. {_TIME} Default: 24 hours ago."),
        "to": _text(f"End. {_TIME} Default: now."),
        "connector_type": _text("What one connector, or a tool of it, was asked for only."),
    }
)

LIST_RECENT_DECISIONS: Final = _object(
    {
        "since": _text(f"Not older than this. {_TIME}"),
        "decision": _text(
            "Verdicts of one kind only.", enum=["allowed", "blocked", "redacted", "needs_approval", "error"]
        ),
        "policy_id": _text("Those that a policy matched in only."),
        "tool_signature": _text("Those of one tool only, such as claude_code.Bash."),
        "limit": {
            "type": "integer",
            "minimum": 1,
            "maximum": 1000,
            "default": 100,
            "description": "How many decisions at most.",
        },
    }
)
