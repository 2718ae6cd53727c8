"""Community SaaS as a stand-in, licence tokens, and settings that name it."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.private_files import write_private_json
from axonflow_hooks.settings import Settings
from tests.conftest import Reply, StandIn

if TYPE_CHECKING:
    from axonflow_hooks.paths import Paths

SECRET = "0123456789abcdef" * 2
REGISTERED = {
    "tenant_id": "cs_11111111-2222-3333-4444-555555555555",
    "secret": SECRET,
    "secret_prefix": "01234567",
    "expires_at": "2099-01-01T00:00:00Z",
    "endpoint": "https://internal.example/",
    "note": "Keep this.",
}


@pytest.fixture
def saas(stand_in: StandIn) -> Settings:
    stand_in.replies["/api/v1/register"] = Reply(201, REGISTERED)
    return Settings(mode="community-saas", endpoint=stand_in.url)


def keep(paths: Paths, endpoint: str | None, **values: Any) -> dict[str, Any]:
    """Write a registration file as an earlier session left it."""
    content = {**REGISTERED, "endpoint": endpoint, **values}
    write_private_json(paths.registration_file, {key: value for key, value in content.items() if value is not None})
    return content


def make_token(**claims: Any) -> str:
    """Give a licence token of two segments; its signature is nobody's."""
    payload = {"tier": "Pro", "tenant_id": "", "jti": "a-licence", **claims}
    return f"AXON-{segment(payload)}." + "c2lnbmF0dXJl" + "wxyz"


def segment(value: Any) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")
