"""`config.toml`: settings as a file, read as the environment would hold them."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from axonflow_hooks.errors import SettingsError
from axonflow_hooks.private_files import check_private

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path


def read_config_file(path: Path, known: Collection[str], secret: Collection[str]) -> dict[str, tuple[str, str]]:
    """Give {key: (text, where it stands)} of the keys that have a value; tables are others' settings.

    `known` are the keys that may be there, `secret` those for which the file must be private. A file that is not there
    sets nothing. Raises SettingsError, and CredentialError where others can read a secret.
    """
    found: dict[str, tuple[str, str]] = {}
    for key, value in _top_level(path, known, secret).items():
        name = f"{key} in {path}"
        text = _as_text(value, name)
        if text:
            found[key] = (text, name)
    return found


def _top_level(path: Path, known: Collection[str], secret: Collection[str]) -> Mapping[str, object]:
    try:
        with path.open(encoding="utf-8") as stream:
            status = os.fstat(stream.fileno())
            text = stream.read()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read ({type(error).__name__}).", remedy="Repair or delete it.") from None
    top = {key: value for key, value in _parsed(path, text).items() if not isinstance(value, dict)}
    unknown = sorted(set(top).difference(known))
    if unknown:
        raise SettingsError(
            f"{path} has a setting that does not exist: {unknown[0]}.",
            remedy=f"Known settings: {', '.join(sorted(known))}.",
        )
    if not set(top).isdisjoint(secret):
        check_private(path, status)
    return top


def _parsed(path: Path, text: str) -> dict[str, object]:
    # The parser takes milliseconds to import, and a hook of a user without such a file needs none.
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        loaded: dict[str, object] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not valid TOML: {error}.", remedy="Repair or delete it.") from None
    return loaded


def _as_text(value: object, name: str) -> str:
    """Give a TOML value as the text the environment would hold for it."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ",".join(value)
    if isinstance(value, (str, int, float)):
        return str(value).strip()
    raise SettingsError(f"{name} has a value of the wrong kind.", remedy="Write it as a string.")
