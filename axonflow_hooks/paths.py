"""Every file this product keeps, in one place.

The registration, the licence token and the stamps lie where the sister plugins look for them; everything else follows
the platform's conventions. With AXONFLOW_CONFIG_DIR set, all but the stamps moves below that folder.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from axonflow_hooks.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

APP_NAME = "axonflow"


@dataclass(frozen=True, slots=True)
class Paths:
    """The folders of one user: `config_dir` (settings, credentials), `cache_dir` (stamps), `state_dir`, `data_dir`."""

    config_dir: Path
    cache_dir: Path
    state_dir: Path
    data_dir: Path

    @property
    def config_file(self) -> Path:
        """Settings as TOML."""
        return self.config_dir / "config.toml"

    @property
    def registration_file(self) -> Path:
        """The Community SaaS credential (wire 1.13)."""
        return self.config_dir / "try-registration.json"

    @property
    def license_file(self) -> Path:
        """The Pro licence token (wire 1.13)."""
        return self.config_dir / "license-token.json"

    @property
    def self_hosted_auth_file(self) -> Path:
        """A self-hosted credential for users who keep it out of the environment (wire 1.1)."""
        return self.config_dir / "self-hosted-auth.json"

    @property
    def agent_credentials_file(self) -> Path:
        """The credentials that embedded agents of this user have created, by endpoint."""
        return self.config_dir / "agent-credentials.json"

    @property
    def telemetry_stamp(self) -> Path:
        """Its modification time is the last heartbeat that was delivered."""
        return self.cache_dir / "claude-code-plugin-telemetry-sent"

    @property
    def register_backoff_stamp(self) -> Path:
        """Until when no registration may be tried."""
        return self.cache_dir / "claude-code-plugin-register-backoff"

    @property
    def disclosure_stamp(self) -> Path:
        """Exists once the user has been shown what Community SaaS sends."""
        return self.cache_dir / "claude-code-plugin-disclosure-shown"

    @property
    def throttle_stamp(self) -> Path:
        """Until when an endpoint that answered 429 is left alone."""
        return self.cache_dir / "throttle-until"

    @property
    def spool_dir(self) -> Path:
        """Audit records on their way to the agent."""
        return self.state_dir / "audit-spool"

    @property
    def resident_log(self) -> Path:
        """What the resident did and what went wrong."""
        return self.state_dir / "resident.log"

    @property
    def agent_places_file(self) -> Path:
        """The folders in which embedded agents of this user keep their data and keys."""
        return self.state_dir / "agent-places.json"

    @property
    def presence_seen_file(self) -> Path:
        """Which passphrase of which agent the user was last told of, by its fingerprint."""
        return self.state_dir / "presence-seen.json"

    @property
    def agent_log(self) -> Path:
        """What an agent in the background has to say."""
        return self.state_dir / "agent.log"

    @property
    def agent_environment_file(self) -> Path:
        """Settings of an agent that runs as a service, as NAME=value lines; may hold the database's password."""
        return self.config_dir / "agent.env"

    @property
    def agent_data_dir(self) -> Path:
        """The embedded agent's database, unless `--data-dir` names another folder."""
        return self.data_dir / "agent"


def _home(environ: Mapping[str, str]) -> Path:
    home = environ.get("HOME") or environ.get("USERPROFILE") or _registered_home()
    if not Path(home).is_absolute():
        raise SettingsError(
            "No home folder is known: HOME is not set to an absolute path.",
            remedy="Set HOME, or set AXONFLOW_CONFIG_DIR to a folder of your own.",
        )
    return Path(home)


def _registered_home() -> str:
    """Give the user's home folder as the system knows it, "" when it does not."""
    # Path.home() would take an empty HOME for the root folder.
    if sys.platform == "win32":
        return ""
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return ""


def resolve_paths(environ: Mapping[str, str] | None = None) -> Paths:
    """Take an environment (default: this process's) and give the folders; nothing is created.

    Raises SettingsError when neither HOME nor AXONFLOW_CONFIG_DIR tells where to keep files, or when
    AXONFLOW_CONFIG_DIR is not an absolute path.
    """
    env = os.environ if environ is None else environ
    chosen = env.get("AXONFLOW_CONFIG_DIR")
    if chosen:
        base = Path(chosen).expanduser()
        if not base.is_absolute():
            raise SettingsError(
                f"AXONFLOW_CONFIG_DIR is not an absolute path: {chosen!r}.",
                remedy="Set it to an absolute path, or unset it.",
            )
        cache = _home(env) / ".cache" / APP_NAME if env.get("HOME") else base / "cache"
        return Paths(config_dir=base, cache_dir=cache, state_dir=base / "state", data_dir=base / "data")
    home = _home(env)
    return Paths(
        config_dir=home / ".config" / APP_NAME,
        cache_dir=home / ".cache" / APP_NAME,
        state_dir=_platform_dir(env, home, "XDG_STATE_HOME", ".local/state", "user_state_path"),
        data_dir=_platform_dir(env, home, "XDG_DATA_HOME", ".local/share", "user_data_path"),
    )


def _platform_dir(env: Mapping[str, str], home: Path, xdg: str, default: str, native: str) -> Path:
    # platformdirs reads the environment of this process; a hook's environment may be another session's.
    if sys.platform in {"darwin", "win32"}:
        import platformdirs

        return Path(str(getattr(platformdirs, native)(APP_NAME, appauthor=False)))
    configured = env.get(xdg, "")
    return (Path(configured) if configured.startswith("/") else home / default) / APP_NAME
