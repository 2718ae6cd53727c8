"""What a program text shows without being parsed: patterns of what it would do, and the literals in it."""

from __future__ import annotations

import base64
import binascii
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy.matching import Haystack, compile_set

if TYPE_CHECKING:
    from collections.abc import Iterator

    from axonflow_hooks.policy.matching import PatternSet

_DELETES: Final = (
    r"\b(?:rmtree|rm_rf|rm_r|remove_tree|remove_dir_all|rmsync|rmdirsync|removeall|removesync|rimraf|rmdir_p)"
)
_HOME: Final = (
    r"(?:[\w.]+\.)?(?:home\(\)|expanduser\(\s*[\"']~/?[\"']\s*\)|homedir\(\)|Dir\.home|ENV\[[\"']HOME[\"']\])"
)
_TRAITS: Final = {
    "remote": (
        r"(?i)socket|fsockopen|tcpserver|tcpclient|net\.dial|net\.connect|net\.createconnection|/inet/(?:tcp|udp)/|"
        r"\bIO::Socket|ztcp"
    ),
    "spawns": (
        r"(?i)/bin/(?:ba|z|da|k)?sh\b|[\"'`](?:ba|z|da|k)?sh\b|pty\.spawn|os\.dup2|\bdup2\(|popen|subprocess|"
        r"child_process|"
        r"\bsystem\b|os\.execute|passthru|shell_exec|proc_open|\bexec\(|\bspawn\(|cmd\.exe|getline|process\.new|"
        r"exec\.command|\biex\b"
    ),
    "names deletion": (
        r"(?i)\brm\s+(?:-[-\w]+\s+)+(?:--\s+)?[\"']?(?:/(?:\*|\s|[\"');]|$)|~/?(?:\s|[\"');]|$)|\$HOME\b)"
    ),
    "starts": (
        r"(?i)\b(?:system|popen|exec|spawn|run|call|check_|shell|passthru|proc_open|pcntl_|command|process|execute|getline|"
        r"eval)\w*\s*[(\"'`\[{]|\.(?:execute|system)\b|\bsh\s*\(|do\s+(?:shell\s+)?script|open\s*\(?[^\n]{0,20}[\"']\s*\||"
        r"%x|\bqx|\|\s*[\"'](?:ba|z|da)?sh|getline|`"
    ),
    "deletes root": (
        r"(?i)"
        + _DELETES
        + r"\s*\(?\s*\(?[\"'](?:/|~|/(?:etc|usr|home|var|bin|lib|boot|root|opt|Users))/?[\"']|"
        + _DELETES
        + r"\s*\(?\s*"
        + _HOME
        + r"\s*(?:$|[;\n]|\)|,\s*(?:ignore_errors|true|\{))|"
        r"\bPath\(\s*[\"'](?:/|~)[\"']\s*\)(?:\.expanduser\(\))?\.r?(?:iterdir|glob)\([^\n]*\n?[^\n]*\b(?:rmtree|unlink)\b"
    ),
    "forks": r"\bfork\s+while\b|while\s*[(:]?\s*(?:1|true|True)\b[^\n]{0,40}:?\s*[^\n]{0,40}\bfork\b|"
    r"\bloop\s*\{\s*fork",
    "fetches": (
        r"(?i)\burlopen\b|\burlretrieve\b|requests\.get\b|httpx\.get\b|\bfetch\(|LWP::Simple|HTTP::Tiny|Net::HTTP|"
        r"open-uri|\bURI\.open|file_get_contents\(\s*[\"']https?:|\bhttps?\.get\b|axios|net/http"
    ),
    "evaluates": (
        r"(?:^|[^.\w])(?:exec|eval)\s*(?:\(|get\b|URI|open|[$\w]+[.(])|\.then\(\s*eval|\binstance_eval\b|"
        r"\bvm\.run\w*\(|new Function\(|\bloadstring\(|(?:^|[^.\w])load\("
    ),
    "reads files": (
        r"(?i)\bopen\b|\bread|\bslurp|file_get_contents|\breadfile\b|\bcopy|\bcat\b|\bload|\binclude\b|\bFile\.|"
        r"<\s*\$|getline|puts|\bio\.lines"
    ),
}
_NUMBERS: Final = {name: number for number, name in enumerate(_TRAITS)}
_PRINTS: Final = re.compile(
    r"\b(?:print(?:ln|f)?|echo|puts|say|write-host|console\.\w+|stdout\.write|log(?:ging|ger)?\.\w+)\b\s*\(?\s*"
    r"(?:\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')(?!\s*\|)",
    re.IGNORECASE,
)
_LITERAL: Final = re.compile(r"\"([^\"\n]{1,512})\"|'([^'\n]{1,512})'")
_ENCODED: Final = re.compile(r"^(?:[A-Za-z0-9+/_-]{8,}={0,2}|(?:[0-9a-fA-F]{2}){6,})$")
_MAX_LITERALS: Final = 200


@lru_cache(maxsize=1)
def _trait_set() -> PatternSet:
    return compile_set(list(_TRAITS.values()))


def has_trait(text: str, *names: str) -> bool:
    """Whether a program text shows all of the named traits (`remote`, `spawns`, `deletes root`, `forks`, …)."""
    wanted = [_NUMBERS[name] for name in names]
    if not _possible(text).issuperset(wanted):
        return False
    haystack, patterns = Haystack(text), _trait_set()
    return all(any(patterns.find(index, haystack)) for index in wanted)


@lru_cache(maxsize=8)  # several effects ask about the same text
def _possible(text: str) -> frozenset[int]:
    return frozenset(_trait_set().hits(Haystack(text)))


def without_printed(text: str) -> str:
    """Give a program text without the strings that it only prints."""
    return _PRINTS.sub("", text)


def literals(text: str) -> Iterator[str]:
    """Give the strings of a program text, as far as one pattern sees them in many languages."""
    for number, match in enumerate(_LITERAL.finditer(text)):
        if number >= _MAX_LITERALS:
            return
        yield match[1] or match[2]


def decoded_literals(text: str) -> Iterator[str]:
    """Give what the encoded strings (base64, hexadecimal) of a program text that starts programs stand for."""
    encoded = [literal for literal in literals(text) if _ENCODED.match(literal)]
    if not encoded or not has_trait(text, "spawns"):
        return
    for literal in encoded:
        for decode in (bytes.fromhex, base64.b64decode):
            try:
                plain = decode(literal).decode("utf-8")
            except (ValueError, binascii.Error):
                continue
            if plain.isprintable() and " " in plain:
                yield plain
