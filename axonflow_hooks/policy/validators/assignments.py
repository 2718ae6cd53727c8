"""Whether what stands behind the name of a secret is a secret: a literal, or a placeholder, a name, an expression."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy.validators.tokens import entropy

if TYPE_CHECKING:
    from axonflow_hooks.policy.validators.candidate import Candidate

_TEMPLATE: Final = re.compile(
    r"^\$[A-Za-z_{(]|\$\{[A-Za-z_][\w.:?-]*\}|\{\{[\s\w.|$()'\"-]*\}\}|^\{[\w.:]+\}$|\$\([^)]*\)|<[\w -]+>|%\(\w+\)|"
    r"^%[A-Za-z_]+%$|%[sdv]\b|#\{[^}]*\}|^@[A-Za-z_.]+$|^\[[\w .-]+\]$|^:\w+$"
)
_PLACEHOLDER: Final = re.compile(
    r"(?i)example|sample|placeholder|change[-_]?(?:me|it|this)|your[-_ ]?|my[-_]?(?:pass|secret|token|key)|xxxx|\*\*\*|"
    r"\.\.\.|dummy|fake|redacted|insert|replace|todo|0123456789|1234567890|^abcdef|test[-_]?(?:key|token|pass|secret)|"
    r"foobar|not[-_]?a[-_]?real|^(?:some|any|enter|default|new|old|bad|wrong|invalid|super)[-_]?\w*$|"
    r"correct[- ]?horse"
)
_WORDS: Final = frozenset({
    "password", "passwd", "passphrase", "secret", "secrets", "token", "postgres", "root", "admin", "none", "null",
    "true", "false", "string", "undefined", "test", "testing", "pass", "changeme", "default", "required", "optional",
    "hidden", "nil", "env", "prompt", "administrator", "username", "user", "guest", "basic", "bearer", "oauth",
    "disabled", "enabled", "unknown", "object", "number", "boolean", "integer", "text", "varchar", "returns",
    "password1", "password123", "passw0rd", "p@ssw0rd", "secret123", "12345678", "123456789", "qwerty123",
})  # fmt: skip
_REFERENCE: Final = re.compile(
    r"^[A-Za-z_][\w.]*[(\[]|^[A-Za-z_]\w*(?:(?:\.|->|::)[A-Za-z_]\w*)+[;,)]*$|^arn:|"
    r"^[\w.]+\.(?:get|env|environ)\b|^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$|^self\.|^os\.|^(?:\.{0,2}|~)/[\w./-]*$|^[a-z]+://|^/\w+/|"
    r"^(?:sha(?:1|256|384|512)|md5)[-:]|^v?\d+(?:\.\d+)+$|^0x[0-9A-Fa-f]+$|^\d{4}-\d\d-\d\d|^[\w-]+\.(?:json|ya?ml|txt|pem|py|js|ts|md|sh|env)$"
)
_NAME: Final = re.compile(r"^[A-Za-z]+(?:[-_./][A-Za-z]+)*[-_]?\d{0,2}$")
_UUID: Final = re.compile(r"(?i)^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$")
_END: Final = "\"'`;,)]}"


def is_stand_in(value: str) -> bool:
    """Whether a value is a template, a placeholder, a usual word, a reference or a path rather than a literal."""
    if value.lower() in _WORDS or _TEMPLATE.search(value) or _REFERENCE.search(value):
        return True
    return _PLACEHOLDER.search(value) is not None or len(set(value)) < 5


def assigned_secret(candidate: Candidate) -> bool:
    """A generated value assigned to a secret's name (key, token, secret): varied, and no name, path or expression."""
    value = candidate.value.strip("\"'`")
    if len(value) < 8 or " " in value or is_stand_in(value):
        return False
    digits = any(map(str.isdigit, value))
    if _NAME.match(value) and not (digits and any(map(str.isupper, value)) and any(map(str.islower, value))):
        return len(value) >= 20 and entropy(value) >= 4.0 and "-" not in value and "_" not in value and "." not in value
    if not digits and entropy(value) < 3.8:
        return False
    return entropy(value) >= 2.8 and _classes(value) >= 2 and len(set(value)) >= 6


def assigned_password(candidate: Candidate) -> bool:
    """A literal password behind a password's name: mixed characters, or digits among letters."""
    value = candidate.value.strip("\"'`")
    if len(value) < 6 or " " in value or is_stand_in(value) or value.isdigit():
        return False
    if _UUID.match(value):
        return False
    if _NAME.match(value):
        mixed = any(map(str.isdigit, value)) and any(map(str.islower, value)) and any(map(str.isupper, value))
        return mixed and "_" not in value and "-" not in value
    return entropy(value) >= 2.5 and _classes(value) >= 2 and len(set(value)) >= 5


def assigned_word(candidate: Candidate) -> bool:
    """A value handed over as a secret by an option that takes nothing else: anything but a stand-in."""
    value = candidate.value.strip(_END)
    return len(value) >= 6 and not is_stand_in(value) and any(map(str.isdigit, value))


def _classes(value: str) -> int:
    return sum(
        (
            any(map(str.isdigit, value)),
            any(map(str.isupper, value)),
            any(map(str.islower, value)),
            any(not character.isalnum() for character in value),
        )
    )
