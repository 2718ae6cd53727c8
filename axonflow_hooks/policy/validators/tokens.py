"""Whether a secret-shaped text is a secret: entropy, placeholders, documentation values, structure."""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections import Counter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from axonflow_hooks.policy.validators.candidate import Candidate

_PLACEHOLDER: Final = re.compile(
    r"(?i)example|sample|placeholder|change_?me|your[-_ ]?|xxxx|\*\*\*|\.\.\.|dummy|fake|redacted|insert|replace|"
    r"<[^>]*>|\$\{|\{\{|\$\(|%\(|%[sdv]\b|todo|0123456789|1234567890|abcdefgh|test_?key|foobar|not[-_]?a[-_]?real"
)


def entropy(text: str) -> float:
    """Give the Shannon entropy of the characters in bits per character."""
    if not text:
        return 0.0
    total = len(text)
    return -sum(count / total * math.log2(count / total) for count in Counter(text).values())


def random_token(candidate: Candidate) -> bool:
    """The value looks generated: enough different characters and no placeholder."""
    value = candidate.value
    return entropy(value) >= 3.0 and not _PLACEHOLDER.search(value)


def not_documented(candidate: Candidate) -> bool:
    """The value is none that documentation shows (AKIAIOSFODNN7EXAMPLE and its like)."""
    return not _PLACEHOLDER.search(candidate.value) and len(set(candidate.value)) > 5


def aws_secret(candidate: Candidate) -> bool:
    """Forty characters of base64 that mix cases and digits (hex digests and paths do not)."""
    value = candidate.value
    if not entropy(value) >= 4.0 or re.fullmatch(r"[0-9a-fA-F]+", value):
        return False
    return any(map(str.isdigit, value)) and any(map(str.islower, value)) and any(map(str.isupper, value))


def documented_aws_secret(candidate: Candidate) -> bool:
    """As `aws_secret`, without the documentation's EXAMPLEKEY."""
    return aws_secret(candidate) and not_documented(candidate)


def json_web_token(candidate: Candidate) -> bool:
    """A JSON web token (RFC 7519): the header is JSON that names an algorithm or a type."""
    header = candidate.value.partition(".")[0]
    try:
        decoded = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))
    except (ValueError, binascii.Error):
        return False
    if not isinstance(decoded, dict) or not ("alg" in decoded or "typ" in decoded):
        return False
    # an unsigned token carries no authority
    return decoded.get("alg") != "none" or not candidate.value.endswith(".")


_DEFAULT_PASSWORDS: Final = frozenset({
    "password", "passwd", "pass", "secret", "postgres", "root", "admin", "guest", "test", "user", "mysql", "redis",
})  # fmt: skip
_DOCUMENTED_HOST: Final = re.compile(
    r"(?i)@(?:[\w-]+\.)*(?:example(?:\.(?:com|org|net))?|host(?:name)?)(?:[:/\s?\"']|$)"
)


def connection_password(candidate: Candidate) -> bool:
    """A password in a connection string that is no placeholder, variable or the usual default of a local service."""
    value = candidate.value
    if value.lower() in _DEFAULT_PASSWORDS and _DOCUMENTED_HOST.match(candidate.after(100)):
        return False
    return len(value) > 2 and not _PLACEHOLDER.search(value) and not value.startswith(("$", "<", "{", "%", ":"))
