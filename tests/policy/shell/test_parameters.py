"""Arrays, parts of values and fields of one's own separators."""

from __future__ import annotations

import pytest

from axonflow_hooks.policy.shell.lower import lower


def last(source: str) -> list[str]:
    return [word.text for word in lower(source)[-1].argv]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param('a=(x y "z w"); "${a[@]}"', ["x", "y", "z w"], id="all"),
        pytest.param("a=(x y); ${a[*]}", ["x", "y"], id="all-joined"),
        pytest.param("a=(x y z); ${a[1]} ${a[0]}", ["y", "x"], id="one"),
        pytest.param("a=(x); a+=(y z); ${a[2]}", ["z"], id="appended"),
        pytest.param("a=(x y z); ${a[@]:1}", ["y", "z"], id="slice"),
        pytest.param("a=(x y z w); ${a[@]:1:2}", ["y", "z"], id="slice-length"),
        pytest.param("declare -A m=([k]=x [l]=y); ${m[l]}", ["y"], id="associative"),
        pytest.param("a[2]=x; a[0]=y; ${a[2]}", ["x"], id="by-subscript"),
        pytest.param("IFS=,; v=a,b; $v", ["a", "b"], id="separators"),
        pytest.param("IFS=: read -ra v <<< 'a:b'; \"${v[@]}\"", ["a", "b"], id="read-array"),
        pytest.param("read x y <<< 'a b c'; $x $y", ["a", "b", "c"], id="read-names"),
        pytest.param("mapfile -t l <<< $'a\\nb'; \"${l[@]}\"", ["a", "b"], id="mapfile"),
        pytest.param("v=a_b; ${v//_/ }", ["a", "b"], id="replace-all"),
        pytest.param("v=axa; ${v/x/b}", ["aba"], id="replace-one"),
        pytest.param("v=xxa; ${v#xx}", ["a"], id="head-off"),
        pytest.param("v=ayy; ${v%yy}", ["a"], id="tail-off"),
        pytest.param("v=xxab; ${v:2}", ["ab"], id="substring"),
        pytest.param("v=xaby; ${v:1:2}", ["ab"], id="substring-length"),
        pytest.param("v=A; ${v,,}", ["a"], id="lower-case"),
        pytest.param("n=v; v='a b'; ${!n}", ["a", "b"], id="indirect"),
        pytest.param("v=a; v+=b; $v", ["ab"], id="text-appended"),
        pytest.param('v="a b"; "$v"', ["a b"], id="quoted-stays-one"),
    ],
)
def test_values(source: str, expected: list[str]) -> None:
    assert last(source) == expected


@pytest.mark.parametrize("source", ["v=a; echo ${v/[a-z]*/b}", "echo ${undefined[3]}", "v=$X; echo ${v:2}"])
def test_what_is_not_followed_is_unknown(source: str) -> None:
    assert not all(word.known for word in lower(source)[-1].argv)


def test_a_long_list_is_cut() -> None:
    assert len(last(f'a=({"x " * 5000}); "${{a[@]}}"')) < 100
