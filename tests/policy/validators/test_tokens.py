from __future__ import annotations

import base64
import json

import pytest

from axonflow_hooks.policy.validators import VALIDATORS, Candidate


def token(header: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode() + ".e30.x"


@pytest.mark.parametrize(
    ("validator", "value", "holds"),
    [
        ("random_token", "9KpQ2zXvB4mNsT1wY6cR8dL3", True),
        ("random_token", "xxxxxxxxxxxxxxxxxxxxxxxx", False),
        ("random_token", "your-token-goes-here-now", False),
        ("not_documented", "AKIAIOSFODNN7" + "EXAMPLE", False),
        ("not_documented", "AK" + "IAQ3EGRTYWMB5CNX7D", True),
        ("aws_secret", "wJalrXUtnFEMI/K7MDENG/bPxRfiCY" + "EXAMPLEKEY", True),
        ("documented_aws_secret", "wJalrXUtnFEMI/K7MDENG/bPxRfiCY" + "EXAMPLEKEY", False),
        ("aws_secret", "9363cb456dda6402cb71d65092490e75c9f11873", False),
        ("json_web_token", token({"alg": "HS256"}), True),
        ("json_web_token", token({"name": "x"}), False),
        ("json_web_token", "eyJub3Q.eyJqc29u.x", False),
        ("connection_password", "Tr0ub4dor3", True),
        ("connection_password", "${DB_PASSWORD}", False),
        ("connection_password", "<password>", False),
        ("assigned_secret", "gT7#kLp92xQ", True),
        ("assigned_secret", "changeme", False),
        ("assigned_secret", "os.environ['KEY']", False),
        ("assigned_secret", "DATABASE_PASSWORD", False),
        ("assigned_secret", "database-password", False),
        ("assigned_secret", "aaaaaaaaaaaa", False),
    ],
)
def test_token(validator: str, value: str, holds: bool) -> None:
    assert VALIDATORS[validator](Candidate.whole(value)) is holds
