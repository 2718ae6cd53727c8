from __future__ import annotations

import base64
import zlib

import pytest

from axonflow_hooks.policy.validators import VALIDATORS, Candidate
from axonflow_hooks.policy.validators.vendor_tokens import crc32_valid

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def with_checksum(prefix: str, body: str) -> str:
    number, digits = zlib.crc32(body.encode()), ""
    while number:
        number, rest = divmod(number, 62)
        digits = BASE62[rest] + digits
    return prefix + body + digits.rjust(6, "0")


def test_checksums_prove_a_token_however_dull_it_is() -> None:
    dull = with_checksum("gh" + "p_", "0" * 30)

    assert crc32_valid(dull)
    assert not crc32_valid(dull[:-1] + "x")
    assert VALIDATORS["checksummed_token"](Candidate.whole(dull))
    assert not VALIDATORS["checksummed_token"](Candidate.whole(dull[:-1] + "x"))


@pytest.mark.parametrize(
    ("validator", "value", "expected"),
    [
        ("structured_token", "tok_9KpQ2zXvB4mNsT1wY6cR", True),
        ("structured_token", "tok_xxxxxxxxxxxxxxxxxxxx", False),
        ("structured_token", "tok_your-token-goes-here", False),
        ("structured_token", "tok_aaaaaaaaaaaaaaaaaaaaaaa1", False),
        ("mixed_token", "9KpQ2zXvB4mNsT1wY6cR", True),
        ("mixed_token", "9363cb456dda6402cb71d65092490e75", False),
        ("keyed_token", "9KpQ2zXvB4mNsT1wY6cR", True),
        ("keyed_token", "0x0dead1beef7cafe2", False),
        ("keyed_token", "some/path/to/a/file9", False),
        ("keyed_token", "nextTokenIndex", False),
        ("atlassian_token", base64.b64encode(b"960767552:" + bytes(range(23))).decode(), True),
        ("atlassian_token", base64.b64encode(bytes(range(33))).decode(), False),
        ("assigned_password", "gT7#kLp92xQ", True),
        ("assigned_password", "${DB_PASSWORD}", False),
        ("assigned_password", "{{ .Values.password }}", False),
        ("assigned_password", "user-password", False),
        ("assigned_password", "docs/images", False),
        ("assigned_password", "m{{h}o)p${e]nob(ody", True),
        ("assigned_word", "N1DdkUD3E73", True),
        ("assigned_word", "$PASSPHRASE1", False),
    ],
)
def test_validators(validator: str, value: str, expected: bool) -> None:
    assert VALIDATORS[validator](Candidate.whole(value)) is expected


def test_a_prefix_inside_a_word_is_none() -> None:
    key = "sk-" + "615ef152bf865a131f88b23571dc4ee6"

    assert VALIDATORS["prefixed_token"](Candidate("x " + key, 2, 2 + len(key)))
    assert VALIDATORS["prefixed_token"](Candidate("\x1b[93m" + key, 5, 5 + len(key)))
    assert not VALIDATORS["prefixed_token"](Candidate("ta" + key, 2, 2 + len(key)))
