"""Paths in arguments of tools: where they lead once decoded."""

from __future__ import annotations

import pytest

from axonflow_hooks.policy.validators.candidate import Candidate
from axonflow_hooks.policy.validators.paths import attack_path, credential_path


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/etc/./passwd", True),
        ("/ETC/PASSWD", True),
        ("..%u002f..%u002fetc/passwd", True),
        ("\uff0e\uff0e\uff0f\uff0e\uff0e\uff0fetc/passwd", True),
        ("/a/..;/manager", True),
        ("../../../../tmp/x.sh", True),
        ("C:\\Windows\\win.ini", True),
        ("/etc/hosts", False),
        ("../../home/index.html", False),
        ("../../../lib/x", False),
        ("/home/dev/a%20b.txt", False),
    ],
)
def test_attack_path(path: str, expected: bool) -> None:
    assert attack_path(Candidate.whole(path)) is expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("~/.ssh/id_rsa", True),
        ("/home/a/.aws/credentials", True),
        ("%USERPROFILE%\\.ssh\\id_rsa", True),
        ("C:\\Windows\\System32\\config\\SAM", True),
        ("~/.ssh/id_rsa.pub", False),
        ("/home/a/.bashrc", False),
    ],
)
def test_credential_path(path: str, expected: bool) -> None:
    assert credential_path(Candidate.whole(path)) is expected
