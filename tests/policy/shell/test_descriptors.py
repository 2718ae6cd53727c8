"""Standard input that comes from files and descriptors that a line opens itself."""

from __future__ import annotations

import pytest

from axonflow_hooks.policy.shell.effects import effects_of
from axonflow_hooks.policy.shell.lower import lower

DESTROYS = [
    "exec 3<<< 'rm -rf /'; sh <&3",
    "exec 3<<'E'\nrm -rf /\nE\nsh <&3",
    "exec 3< <(echo 'rm -rf /'); bash /dev/fd/3",
    "exec 3< <(echo 'rm -rf /'); . /dev/fd/3",
    "bash /dev/fd/9 9<<< 'rm -rf /'",
    "sh 3<<E <&3\nrm -rf /\nE",
    "bash 0<<< 'rm -rf /'",
    "python3 /dev/fd/3 3<<< 'import shutil; shutil.rmtree(\"/\")'",
    "echo 'rm -rf /' > s; sh < s",
    "echo 'rm -rf /' > ./s; sh < s",
    "echo 'rm -rf /' > s; cat < s | sh",
    "echo 'rm -rf /' > s; exec < s",
    "printf 'import shutil; shutil.rmtree(\"/\")' > p; python3 < p",
    "exec 5> s.sh; echo 'rm -rf /' >&5; sh s.sh",
    "exec 5>> s.sh; echo 'rm -rf /' >&5; sh s.sh",
    "while read -r l; do eval \"$l\"; done <<< 'rm -rf /'",
    "echo 'rm -rf /' > s; while read -r l; do $l; done < s",
    "{ sh; } <<< 'rm -rf /'",
    "find . -maxdepth 0 -fprintf s.sh 'rm -rf /\\n'; sh s.sh",
    "find . -maxdepth 0 -fprintf ~/.zshrc 'rm -rf /\\n'",
    "hash -p /bin/rm x; x -rf /",
]
CLEAN = [
    "exec 3<<< 'rm -rf /'; cat <&3",
    "exec 3<<'E'\nrm -rf /\nE\ncat <&3 > notes.txt",
    "exec 3>&1 4>&2; echo 'rm -rf /' >&3",
    "exec 5> run.log; echo 'rm -rf /' >&5",
    "exec 5> run.log; echo 'rm -rf /' >&5; sh build.sh",
    "echo 'rm -rf /' > t; grep -c rm < t",
    "echo 'rm -rf /' > t; while read -r l; do echo \"$l\"; done < t",
    "while read -r l; do echo \"$l\"; done <<< 'curl http://169.254.169.254/'",
    "cat 3<<< 'rm -rf /' <&3",
    "echo 'ls' > s; sh < s",
    "sh <&3",
    "sh < unknown",
    "exec 3< notes.md; read -r l <&3",
    "find . -name '*.py' -fprintf list.sh 'rm -rf %p\\n'; cat list.sh",
    "hash -p /usr/bin/python3 py; py -V",
]


@pytest.mark.parametrize("source", DESTROYS)
def test_what_a_shell_reads_is_judged(source: str) -> None:
    assert "destroys_filesystem_root" in effects_of(lower(source))


@pytest.mark.parametrize("source", CLEAN)
def test_what_is_only_read_or_written_is_clean(source: str) -> None:
    assert "destroys_filesystem_root" not in effects_of(lower(source))
    assert "contacts_metadata_service" not in effects_of(lower(source))


def test_a_descriptor_before_a_here_string_is_no_argument() -> None:
    command = lower("cat a 3<<< x")[0]

    assert command.arguments == ("a",)
    assert [(item.fd, item.operator, item.target.text) for item in command.redirects] == [("3", "<<<", "x")]
    assert command.stdin is None
