"""Paths in arguments of tools: decoded as a file-serving program would, then judged by where they lead (CWE-22)."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from axonflow_hooks.policy.shell.places import is_block_device, is_credential_file, normalise

if TYPE_CHECKING:
    from axonflow_hooks.policy.validators.candidate import Candidate

_ROUNDS: Final = 3
"""Encodings on top of each other that are taken off."""
_WIDE_ESCAPE: Final = re.compile(r"(?i)%u00(2e|2f|5c)|0x(2e|2f|5c)(?=[./\\]|0x|$|[a-z])")
_SLASHES: Final = str.maketrans({"\u2215": "/", "\u2044": "/", "\u29f8": "/", "\u2216": "\\", "\u29f5": "\\"})
_PARAMETER: Final = re.compile(r"\.\.;[^/]*")
_SYSTEM_FILE: Final = re.compile(
    r"""(?xi)
    ^(?:/private)?/etc/(?:passwd|shadow|gshadow|master\.passwd|sudoers|security/o?passwd)$
    | ^/proc/(?:self|\d+)/(?:environ|cmdline|maps|mem|fd/|root/)
    | ^/?(?://\?/)?[a-z]:/(?:windows/(?:win\.ini|system\.ini|repair/|system32/(?:config/|drivers/etc/))|boot\.ini$)
    """
)
_WINDOWS_SECRET: Final = re.compile(
    r"(?i)^/?(?:\?/)?[a-z]:/windows/(?:repair|system32/config)/(?:sam|system|security)\b"
)
_FAR: Final = 3
"""Steps up from which a system's directory behind them is meant, not one of the project's own."""
_BEYOND: Final = re.compile(
    r"(?i)^(?:etc|proc|root|home|users|usr|opt|var|tmp|dev|bin|windows|winnt)/|^(?:boot\.ini|\.(?:ssh|aws|gnupg)/)"
    r"|^\.(?:bash\w*|profile|zsh\w*|netrc)$"
)


def attack_path(candidate: Candidate) -> bool:
    """The path leads to a file of the system that no project needs, or hides its steps up in an encoding."""
    written = candidate.value
    path = _decoded(written)
    if "..;" in path or (path != written and _climbs(path) and not _climbs(written)):
        return True
    place = normalise(path)
    if _SYSTEM_FILE.search(place) or is_block_device(place):
        return True
    rest = re.sub(r"^(?:\.\./)+", "", place)
    return (len(place) - len(rest)) // 3 >= _FAR and _BEYOND.search(rest) is not None


def credential_path(candidate: Candidate) -> bool:
    """The path, absolute or in a home directory, is that of a file which keeps keys, tokens or password hashes."""
    place = normalise(_decoded(candidate.value))
    return is_credential_file(place) or _WINDOWS_SECRET.search(place) is not None


def _climbs(path: str) -> bool:
    return ".." in path.split("/")


def _decoded(path: str) -> str:
    for _round in range(_ROUNDS):
        plain = _WIDE_ESCAPE.sub(lambda match: chr(int(match[1] or match[2], 16)), unquote(path)).replace("\0", "")
        if plain == path:
            break
        path = plain
    if not path.isascii():
        path = unicodedata.normalize("NFKC", path.translate(_SLASHES))
    return _PARAMETER.sub("..;", path.replace("\\", "/"))
