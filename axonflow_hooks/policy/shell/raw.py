"""Conservative checks of a command line that is too large or too deep to be parsed.

They look at spellings, so they also see words in quotes: better a false alarm than a way around the engine.
"""

from __future__ import annotations

from typing import Final

_END = r"""(?:\s|["';&|)]|$)"""

RAW_PATTERNS: Final[dict[str, str]] = {
    "destroys_filesystem_root": (
        r"""(?i)\brm\s+(?:-[-\w]+\s+)+["']?(?:(?:/|~/?)(?:\*|"""
        + _END
        + r""")|\$\{?HOME|/(?:etc|usr|home|var|bin|lib|boot|root)/?(?:\*|"""
        + _END
        + "))"
    ),
    "writes_block_device": r"(?:\bof=|>\s*)/dev/(?:[shv]d[a-z]|xvd[a-z]|nvme\d|mmcblk\d|disk\d)",
    "formats_filesystem": r"\bmkfs(?:\.\w+)?\s[^\n]*/dev/",
    "makes_world_writable_root": r"\bchmod\s+-[a-zA-Z]*R[a-zA-Z]*\s+[0-7]*7\s+/(?:\s|$)",
    "fork_bomb": r":\s*\(\s*\)\s*\{\s*:\s*\|\s*:",
    "downloads_into_interpreter": r"\b(?:curl|wget)\b[^\n;&]*\|\s*(?:sudo\s+)?(?:/\w+/)*(?:ba|z|da|k|a)?sh\b",
    "opens_remote_shell": r"/dev/(?:tcp|udp)/|\b(?:nc|ncat|netcat)\b[^\n;|&]*\s-\w*e\b",
    "contacts_metadata_service": r"\b169\.254\.169\.254\b|metadata\.google\.internal",
    "reads_credential_file": (
        r"\b(?:cat|less|more|head|tail|cp|scp|base64)\s[^\n;|&]*(?:\.ssh/id_|\.aws/credentials|/etc/shadow)"
    ),
    "writes_agent_settings": r"\.claude/settings(?:\.[\w-]+)?\.json",
}
