"""What a user should know of the account in use; local files only, so it costs nothing at a session's start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from axonflow_hooks.account.license_token import load_license
from axonflow_hooks.account.registration import expiry_warning, load_registration
from axonflow_hooks.errors import SettingsError

if TYPE_CHECKING:
    from axonflow_hooks.paths import Paths
    from axonflow_hooks.settings import Settings


def account_warnings(settings: Settings, paths: Paths) -> list[str]:
    """Give one sentence for each thing about the registration or the licence that wants the user's attention.

    A credential that cannot be used is not among them: every governed call is denied with its remedy.
    """
    warnings = []
    tenant_id = ""
    if settings.mode == "community-saas":
        try:
            registration = load_registration(settings, paths)
        except SettingsError:
            registration = None
        if registration:
            tenant_id = registration.tenant_id
            warnings.append(expiry_warning(registration))
    found = load_license(settings, paths, tenant_id=tenant_id)
    if found:
        warnings.append(found.problem)
    return [warning for warning in warnings if warning]
