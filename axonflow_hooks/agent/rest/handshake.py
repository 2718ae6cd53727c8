"""X-Axonflow-PEP-Handshake: what an enforcement point says that it can do (wire 1.1)."""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.agent.errors import RestRefused

if TYPE_CHECKING:
    from collections.abc import Mapping

HEADER: Final = "x-axonflow-pep-handshake"
MAX_HEADER_BYTES: Final = 4_096
MAX_CAPABILITIES: Final = 64

_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_PEP_ID: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,127}", re.ASCII)
_AUDIENCE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}", re.ASCII)


def check_handshake(headers: Mapping[str, str]) -> None:
    """Raise RestRefused 400 for a declaration that is malformed; an empty one is, a missing one is not.

    Nothing depends on what it declares: an obligation that an enforcement point cannot fulfil is one that it must
    refuse the call for.
    """
    sent = headers.get(HEADER)
    if sent is not None and not _is_declaration(_decoded(sent)):
        raise RestRefused(400, "Invalid X-Axonflow-PEP-Handshake")


def _decoded(sent: str) -> Any:
    if len(sent) > MAX_HEADER_BYTES or not _BASE64URL.fullmatch(sent):
        return None
    try:
        return json.loads(base64.urlsafe_b64decode(sent + "=" * (-len(sent) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return None


def _is_declaration(value: Any) -> bool:
    if not isinstance(value, dict) or value.get("profile_version") != 1:
        return False
    pep_id, audience, capabilities = value.get("pep_id"), value.get("audience"), value.get("capabilities")
    return (
        isinstance(pep_id, str)
        and _PEP_ID.fullmatch(pep_id) is not None
        and isinstance(audience, str)
        and _AUDIENCE.fullmatch(audience) is not None
        and isinstance(capabilities, list)
        and len(capabilities) <= MAX_CAPABILITIES
        and all(_is_capability(one) for one in capabilities)
    )


def _is_capability(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("type"), str):
        return False
    version = value.get("version")
    return isinstance(version, int) and not isinstance(version, bool) and version > 0
