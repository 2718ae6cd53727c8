"""find and fd: what they start, where, and what they write."""

from __future__ import annotations

import pytest

from axonflow_hooks.policy.shell.effects import effects_of
from axonflow_hooks.policy.shell.lower import lower


@pytest.mark.parametrize(
    ("source", "effect"),
    [
        ("fd . / -x rm -rf {}", "destroys_filesystem_root"),
        ("fd . /etc -X rm -rf", "destroys_filesystem_root"),
        ("fd . $HOME --exec-batch shred -u", "destroys_filesystem_root"),
        ("fdfind -H . ~ -x rm -rf", "destroys_filesystem_root"),
        ("fd -H . / --exec=rm -rf {}", "destroys_filesystem_root"),
        ("fd --exec rm -rf {} --search-path ~ \\;", "destroys_filesystem_root"),
        ("fd -x sh -c 'rm -rf {}' \\; . /", "destroys_filesystem_root"),
        ("find / -exec sh -c 'rm -rf \"$1\"' _ {} \\;", "destroys_filesystem_root"),
        ("find / -exec sh -c 'rm -rf {}' \\;", "destroys_filesystem_root"),
        ("find /dev/null -fprintf /etc/sudoers 'x'", "overwrites_system_file"),
        ("find . -fprint /etc/cron.d/x", "persists"),
        ("find / -maxdepth 1 -exec rm -rf {} +", "destroys_filesystem_root"),
        ("find ~ -mindepth 1 -maxdepth 1 | xargs rm -rf", "destroys_filesystem_root"),
        ("ls / | xargs -I{} rm -rf /{}", "destroys_filesystem_root"),
        ("cd / && ls -A | xargs rm -rf", "destroys_filesystem_root"),
        ("find ~ -name id_rsa -exec cat {} +", "reads_credential_file"),
        ("find ~/.ssh -name 'id_*' | xargs cat", "reads_credential_file"),
        ("find /home -name .ssh -exec tar cz {} +", "reads_credential_file"),
        ("fd id_ed25519 ~ -X cat", "reads_credential_file"),
        ("ls ~/.ssh | xargs -I F cat ~/.ssh/F", "reads_credential_file"),
        ('cat "$(find / -name id_rsa | head -1)"', "reads_credential_file"),
        ("find . -maxdepth 0 -fprintf ~/.ssh/authorized_keys key", "persists"),
    ],
)
def test_found(source: str, effect: str) -> None:
    assert effect in effects_of(lower(source))


@pytest.mark.parametrize(
    "source",
    [
        "fd -e ts -x prettier --write {}",
        "fd -e pyc -x rm {}",
        "fd -t d __pycache__ -x rm -rf {}",
        "fd pattern / -x rm -rf {}",
        "fd . / -x echo {}",
        "fd . ./build -X rm -rf",
        "fd -e png . assets --exec convert {} {.}.jpg",
        "find . -name '*.md' -exec sh -c 'wc -l \"$1\"' _ {} \\;",
        "find / -name dist -exec sh -c 'rm -rf \"$1\"' _ {} \\;",
        "find . -fprint0 files.lst",
        "find . -maxdepth 1 -exec rm -rf {} +",
        "find ~ -maxdepth 1 -name '*.log' -exec rm -f {} +",
        "find * -maxdepth 0 ! -path . -exec mv {} old/{} \\;",
        "find ~/.ssh -name '*.pub' -exec cat {} +",
        "find . -name credentials.py | xargs cat",
        "find ~ -type f ! -name id_rsa -exec cat {} +",
        "ls build | xargs -I{} rm -rf build/{}",
        "ls ~/.ssh/*.pub | xargs cat",
        "cd ~/.ssh && ls *.pub | xargs -I{} cat {}",
    ],
)
def test_clean(source: str) -> None:
    assert effects_of(lower(source)) == {}
