"""The responses of refused requests, each in the envelope of its route (wire 1.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from axonflow_hooks.agent.envelopes import error_body, json_response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response

    from axonflow_hooks.agent.envelopes import Envelope
    from axonflow_hooks.agent.errors import RestRefused


def refused(envelope: Envelope, refusal: RestRefused, ids: Mapping[str, str] | None = None) -> Response:
    """Give the response of a refusal in the envelope of its route (wire 1.2), a decision's with `ids`."""
    return json_response(refusal_body(envelope, refusal, ids), refusal.status, refusal.headers)


def refusal_body(envelope: Envelope, refusal: RestRefused, ids: Mapping[str, str] | None) -> dict[str, Any]:
    """Give the body of that response."""
    body = error_body(envelope, refusal.status, refusal.message, code=refusal.code, ids=ids)
    return {**body, **refusal.extra}
