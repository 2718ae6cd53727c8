"""Functions, scripts and their arguments: judged by what one call does, not by what a body might do."""

from __future__ import annotations

import pytest

from axonflow_hooks.policy.shell.commands import UNKNOWN
from axonflow_hooks.policy.shell.effects import effects_of
from axonflow_hooks.policy.shell.lower import lower


def argvs(source: str) -> list[list[str]]:
    return [[word.text for word in command.argv] for command in lower(source)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param('f() { a "$1"; }; f x', ["a", "x"], id="first"),
        pytest.param("f() { a ${2}; }; f x y", ["a", "y"], id="braces"),
        pytest.param('f() { "$@"; }; f a "b c"', ["a", "b c"], id="all-keep-their-blanks"),
        pytest.param("f() { $*; }; f a b", ["a", "b"], id="all-unquoted"),
        pytest.param('f() { shift; "$@"; }; f x a b', ["a", "b"], id="shift"),
        pytest.param('f() { shift 2; "$@"; }; f x y a', ["a"], id="shift-by"),
        pytest.param('f() { "${@:2}"; }; f x a b', ["a", "b"], id="slice"),
        pytest.param('f() { local d=$1; a "$d"; }; f x', ["a", "x"], id="local"),
        pytest.param('f() { g "$1"; }; g() { a $1; }; f x', ["a", "x"], id="one-calls-another"),
        pytest.param('f() { for i in "$@"; do a "$i"; done; }; f x y', ["a", "y"], id="loop"),
        pytest.param("function f { a $#; }; f x y", ["a", "2"], id="count"),
        pytest.param("f() { sh; }; echo a b | f", ["a", "b"], id="input"),
        pytest.param("bash -c 'a \"$1\"' _ x", ["a", "x"], id="shell-arguments"),
        pytest.param("sh -c '$0 $1' a x", ["a", "x"], id="shell-name"),
        pytest.param("set -- a x; $1 $2", ["a", "x"], id="set"),
        pytest.param("echo 'a \"$1\"' > s.sh; sh s.sh x", ["a", "x"], id="script-file"),
    ],
)
def test_a_body_is_lowered_with_the_arguments_of_its_call(source: str, expected: list[str]) -> None:
    assert expected in argvs(source)


@pytest.mark.parametrize(
    "source",
    [
        pytest.param('f() { echo "$1"; }; f "rm -rf /"', id="prints"),
        pytest.param("log() { echo \"$*\" >&2; }; log rm -rf /", id="logs"),
        pytest.param('f() { rm -rf "$1"; }; f build', id="project"),
        pytest.param('f() { rm -rf "$1/dist"; }; f ./a', id="below"),
        pytest.param('f() { git commit -m "$*"; }; f drop rm -rf /', id="message"),
        pytest.param('f() { rm -rf "$TMP/$1"; }; f cache', id="unknown-head"),
        pytest.param('retry() { "$@" || retry "$@"; }; retry make', id="recursion"),
        pytest.param("bash -c 'echo \"$1\"' _ 'rm -rf /'", id="shell-argument"),
    ],
)  # fmt: skip
def test_harmless_calls_have_no_effect(source: str) -> None:
    assert effects_of(lower(source)) == {}


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("sudo() { :; }; command sudo rm -rf /", id="passed-by"),
        pytest.param('sudo() { command sudo "$@"; }; sudo rm -rf /', id="wrapped"),
        pytest.param("rm() { :; }; command rm -rf /", id="own-name"),
        pytest.param("echo() { rm -rf /; }; echo hi", id="in-the-body"),
        pytest.param("f() { :; }; " + "f x | f y; " * 80 + "f rm -rf /", id="beyond-the-bound"),
    ],
)
def test_a_function_hides_nothing(source: str) -> None:
    assert "destroys_filesystem_root" in effects_of(lower(source))


def test_a_later_definition_takes_the_place_of_an_earlier_one() -> None:
    assert ["a", "x"] not in argvs('f() { a "$1"; }; f() { b "$1"; }; f x')


def test_calls_beyond_the_bound_are_not_followed_and_cost_nothing() -> None:
    tree = "".join(f'f{n}() {{ f{n + 1} "$1" a; f{n + 1} "$1" b; }}; ' for n in range(30))

    assert len(argvs(f"{tree} f0 x")) < 500


def test_an_unknown_argument_stays_unknown() -> None:
    assert ["a", UNKNOWN] in argvs('f() { a "$2"; }; f x "$Y"')
