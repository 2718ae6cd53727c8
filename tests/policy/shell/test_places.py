from __future__ import annotations

import pytest

from axonflow_hooks.policy.shell import places


@pytest.mark.parametrize(
    ("path", "cwd", "normal"),
    [
        ("/a//b/./c/../d", None, "/a/b/d"),
        ("/../..", None, "/"),
        ("a/../../b", None, "../b"),
        ("x", "/y", "/y/x"),
        ("..", "/y", "/"),
        ("~/x", "/y", "~/x"),
        (".", None, "."),
        ("", None, ""),
    ],
)
def test_normalise(path: str, cwd: str | None, normal: str) -> None:
    assert places.normalise(path, cwd) == normal


@pytest.mark.parametrize(
    ("path", "cwd", "irreplaceable"),
    [
        ("/", None, True),
        ("/*", None, True),
        ("//", None, True),
        ("/tmp/..", None, True),
        ("~", None, True),
        ("~/", None, True),
        ("~/*", None, True),
        ("~/Documents", None, True),
        ("/etc", None, True),
        ("/usr/local/*", None, True),
        ("/home/dev", None, True),
        ("*", "/", True),
        (".", "/etc", True),
        ("/tmp", None, False),
        ("/tmp/x", None, False),
        ("~/project", None, False),
        ("/home/dev/project", None, False),
        ("/var/lib/app/cache", None, False),
        ("build", None, False),
        ("*", None, False),
        ("*", "/builds/app", False),
        ("/workspace", None, False),
        ("../build", "/home/dev/shop/web", False),
        ("../build", "/opt/shop/web", False),
        ("../../../other/shop", "/home/dev/shop/web", True),
        ("../../etc/nginx", "/srv/shop", True),
        ("/tmp/../home/dev/shop", None, True),
        ("..", "/home/dev/shop", True),
    ],
)
def test_is_irreplaceable(path: str, cwd: str | None, irreplaceable: bool) -> None:
    assert places.is_irreplaceable(path, cwd) is irreplaceable


@pytest.mark.parametrize(
    ("path", "device"),
    [("/dev/sda", True), ("/dev/nvme0n1p2", True), ("/dev/disk2", True), ("/dev/null", False), ("/dev/shm/x", False)],
)
def test_is_block_device(path: str, device: bool) -> None:
    assert places.is_block_device(path) is device


@pytest.mark.parametrize(
    ("path", "credential"),
    [
        ("~/.ssh/id_rsa", True),
        ("/home/x/.ssh/id_ed25519", True),
        ("~/.ssh/*", True),
        ("~/.ssh/id_rsa.pub", False),
        ("~/.ssh/known_hosts", False),
        ("~/.aws/credentials", True),
        ("~/.aws/config", False),
        ("/etc/shadow", True),
        ("/etc/passwd", False),
        ("~/.config/axonflow/try-registration.json", True),
        ("~/x/../.netrc", True),
        ("credentials.md", False),
    ],
)
def test_is_credential_file(path: str, credential: bool) -> None:
    assert places.is_credential_file(path) is credential
