"""What programs do to the files, the input and the command lines that they are told of."""

from __future__ import annotations

import pytest

from axonflow_hooks.claude_code.guard_commands import SimpleCommand, simple_command
from axonflow_hooks.claude_code.guard_programs import (
    effect_of,
    inner_line,
    keeps_as_text,
    only_talks,
    runs_its_input,
    shows_nothing,
    taken_away,
)
from axonflow_hooks.claude_code.shell_parts import shell_parts

EFFECTS = {
    "harmless": (
        "cat x",
        "touch x",
        "mkdir x",
        "exit",
        "for f in x",
        "find . -name x",
        "git -P add x",
        "git commit -m x",
        "git push",
        "git fetch",
        "git tag x",
        "sed -n 1p x",
        "sed s/a/b/ x wx",
        "tar czf y x",
        "tar -tf x",
        "yq .a x",
        "A=1",
    ),
    "changes": (
        "rm x",
        "mv x y",
        "chmod 600 x",
        "dd of=x",
        "vim x",
        "tee x",
        "perl x",
        "cp -t x y",
        "cp --target-directory=x y",
        "rsync --remove-source-files x y",
        "rsync --delete x y",
        "sed -i s/a/b/ x",
        "sed -Ei s/a/b/ x",
        "sed --in-place s/a/b/ x",
        "sed 's/a/b/w y' x",
        "tar xf x",
        "tar",
        "yq -i .a x",
        "yq --inplace .a x",
    ),
    "changes last": ("cp x y", "rsync x y", "scp x y", "cp"),
    "unknown": (
        "awk x",
        "python3 x",
        "perl5 x",
        "find . -delete",
        "find . -exec rm x",
        "find . -okdir rm x",
        "find . -fprint x",
        "find . -fls x",
        "git checkout x",
        "git rm x",
        "git -c x.y=z add x",
        "git",
        "sort x",
    ),
}


def command(line: str) -> SimpleCommand:
    parts = shell_parts(line)
    assert parts is not None
    return simple_command(parts[0], {})


@pytest.mark.parametrize(
    ("line", "effect"), [(line, effect) for effect, lines in EFFECTS.items() for line in lines], ids=lambda text: text
)
def test_effects(line: str, effect: str) -> None:
    given = command(line)
    assert effect_of(given.program, given.arguments) == effect


@pytest.mark.parametrize(
    ("program", "shows", "talks", "keeps"),
    [
        ("touch", False, True, True),
        ("ls", False, True, True),
        ("cat", True, True, True),
        ("yq", True, True, True),
        ("tee", True, False, True),
        ("cp", True, False, False),
        ("sed", True, False, False),
        ("python3", True, False, False),
        ("", True, False, False),
    ],
)
def test_what_words_and_text_are_to_a_program(program: str, shows: bool, talks: bool, keeps: bool) -> None:
    assert shows_nothing(program, ("x",)) is not shows
    assert only_talks(program) is talks
    assert keeps_as_text(program) is keeps


def test_git_shows_nothing_where_it_is_harmless() -> None:
    assert shows_nothing("git", ("status",))
    assert not shows_nothing("git", ("checkout", "x"))
    assert only_talks("git")


@pytest.mark.parametrize(
    ("line", "runs"),
    [
        ("sh", True),
        ("bash -x", True),
        ("xargs rm", True),
        ("parallel rm", True),
        ("source /dev/stdin", True),
        ("eval x", True),
        ("while read f", True),
        ("read f", False),
        ("python3", True),
        ("python3.11 -", True),
        ("python3 x.py", False),
        ("python3 -c x", False),
        ("node", True),
        ("nodemon", False),
        ("cat", False),
    ],
)
def test_who_runs_its_input(line: str, runs: bool) -> None:
    assert runs_its_input(command(line)) is runs


@pytest.mark.parametrize("shell", ["bash", "dash", "fish", "ksh", "sh", "zsh"])
def test_shells_run_what_they_are_fed_and_told(shell: str) -> None:
    assert runs_its_input(command(shell))
    assert inner_line(shell, ("-c", "rm x")) == "rm x"


@pytest.mark.parametrize(
    ("line", "inner"),
    [
        ("sh -c 'rm x'", "rm x"),
        ("bash -ec 'rm x' y", "rm x y"),
        ("sh x -c", ""),
        ("sh -C x", ""),
        ("sh x.sh", ""),
        ("eval rm 'x y'", "rm x y"),
        ("eval", ""),
        ("python3 -c x", ""),
    ],
)
def test_inner_lines(line: str, inner: str) -> None:
    given = command(line)
    assert inner_line(given.program, given.arguments) == inner


@pytest.mark.parametrize(
    ("line", "taken"),
    [
        ("rm -r a b", ("-r", "a", "b")),
        ("rmdir a", ("a",)),
        ("mv a b c", ("a", "b")),
        ("mv", ()),
        ("cp a b", ()),
        ("chmod a", ()),
    ],
)
def test_what_is_taken_away(line: str, taken: tuple[str, ...]) -> None:
    given = command(line)
    assert tuple(taken_away(given.program, given.arguments)) == taken
