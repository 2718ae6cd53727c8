"""The keys of Claude Code's settings files that decide whether, and as what, this plugin governs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

PLUGIN_NAME: Final = "axonflow"

_WHOLE_KEYS: Final = (
    "disableAllHooks",
    "allowManagedHooksOnly",
    "allowedHttpHookUrls",
    "pluginConfigs",
    "extraKnownMarketplaces",
    "strictKnownMarketplaces",
)
_COMMAND_KEYS: Final = (
    "hooks",
    "statusLine",
    "apiKeyHelper",
    "awsAuthRefresh",
    "awsCredentialExport",
    "otelHeadersHelper",
    "mcpServers",
)
# The host hands these to its hooks: what they ask, whom they ask, and which programs they are.
_GOVERNING_VARIABLES: Final = (
    "AXONFLOW_",
    "PII_ACTION",
    "CLAUDE_PLUGIN_",
    "CLAUDE_CONFIG_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "SSL_CERT_",
    "HOME",
    "PATH",
    "LD_",
    "DYLD_",
    "XDG_",
)


def governance_switches(settings_text: str) -> dict[str, Any] | None:
    """Take a settings file's text and give the switches in it, {} for none, None when the text is not a JSON object."""
    settings = _object(settings_text)
    if settings is None:
        return None
    found: dict[str, Any] = {key: settings[key] for key in _WHOLE_KEYS if settings.get(key)}
    plugins = settings.get("enabledPlugins")
    if isinstance(plugins, dict):
        found.update({f"enabledPlugins.{name}": on for name, on in plugins.items() if _is_ours(name)})
    variables = settings.get("env")
    if isinstance(variables, dict):
        found.update(
            {f"env.{name}": value for name, value in variables.items() if name.upper().startswith(_GOVERNING_VARIABLES)}
        )
    return found


def started_commands(settings_text: str) -> dict[str, Any]:
    """Give the keys of a settings file that make the host run commands which no hook sees."""
    settings = _object(settings_text) or {}
    return {key: settings[key] for key in _COMMAND_KEYS if settings.get(key)}


def switched_off(settings_text: str, environ: Mapping[str, str]) -> str:
    """Name the switch with which a settings file turns this plugin off, "" when it does not.

    A variable that the session runs with already, as `environ` shows, is no change.
    """
    for name, value in (governance_switches(settings_text) or {}).items():
        turned_off = name == "disableAllHooks" or (name.startswith("enabledPlugins.") and value is False)
        sets = name.startswith(("env.AXONFLOW_", "env.PII_ACTION"))
        if turned_off or (sets and environ.get(name.removeprefix("env.")) != value):
            return name
    return ""


def _is_ours(plugin_key: str) -> bool:
    return plugin_key.split("@", 1)[0] == PLUGIN_NAME


def _object(text: str) -> dict[str, Any] | None:
    if not text.strip():
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
