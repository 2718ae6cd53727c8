"""POST /api/v1/register and /api/v1/recover of Community SaaS (wire 1.13)."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from axonflow_hooks.wire.fields import LenientOptionalText, LenientText


class Registration(BaseModel):
    """A tenant and its secret, as registered, recovered and kept in `try-registration.json`."""

    model_config = ConfigDict(extra="allow", defer_build=True)

    tenant_id: str = Field(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9_.-]+$")
    secret: str = Field(min_length=1, max_length=500, repr=False)
    secret_prefix: LenientText = ""
    expires_at: LenientOptionalText = None
    endpoint: LenientOptionalText = None
    email: LenientOptionalText = None
    note: LenientOptionalText = None
