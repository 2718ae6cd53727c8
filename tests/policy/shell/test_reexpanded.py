"""Text that the shell expands once more: subscripts in arithmetic, prompt strings, default values."""

from __future__ import annotations

import pytest

from axonflow_hooks.policy.shell.effects import effects_of
from axonflow_hooks.policy.shell.lower import lower
from axonflow_hooks.policy.shell.reexpanded import in_subscripts, substitutions

RUNS = [
    "[[ -v 'a[$(rm -rf /)]' ]]",
    "[ -v 'a[$(rm -rf /)]' ]",
    "test -v 'a[$(rm -rf /)]'",
    "[[ 'a[$(rm -rf /)]' -eq 0 ]]",
    "(( a[$(rm -rf /)] ))",
    "echo $((a[$(rm -rf /)]))",
    "x='a[$(rm -rf /)]'; echo $((x + 1))",
    "x='a[`rm -rf /`]'; (( x )) && ls",
    "x='a[$(rm -rf /)]'; [[ $x -gt 1 ]]",
    "x='a[$(rm -rf /)]'; let y=x",
    "let 'a[$(rm -rf /)]=1'",
    "printf -v 'a[$(rm -rf /)]' x",
    "read 'a[$(rm -rf /)]' <<< x",
    "unset 'a[$(rm -rf /)]'",
    "a[$(rm -rf /)]=1",
    "declare a[$(rm -rf /)]=1",
    "x='$(rm -rf /)'; echo \"${x@P}\"",
    "x='`rm -rf /`'; y=${x@P}",
    'echo "${x:=`rm -rf /`}"',
    "bash -c 'x='\\''a[$(rm -rf /)]'\\''; echo $((x))'",
]
HARMLESS = [
    "[[ $s == *'a[$(rm -rf /)]'* && $n -eq 0 ]]",
    "[[ 'x[$(rm -rf /)]' =~ $re ]]",
    "x='a[$(rm -rf /)]'; echo \"$x\"",
    "x='a[$(rm -rf /)]'; y=1; echo $((y + 1))",
    "printf '%s\\n' 'a[$(rm -rf /)]'",
    "read -r -p 'Run $(rm -rf /)? ' answer",
    "unset 'a[1]' 'b[key]'",
    "x='$(rm -rf /)'; echo \"${x@Q}\"",
    "x='\\u@\\h $(date)'; echo \"${x@P}\"",
    "echo \"${x:-'rm -rf /'}\"",
    "echo $(( $(wc -l < f) + a[i] ))",
]


@pytest.mark.parametrize("source", RUNS)
def test_what_is_expanded_once_more_is_run(source: str) -> None:
    assert "destroys_filesystem_root" in effects_of(lower(source))


@pytest.mark.parametrize("source", HARMLESS)
def test_what_is_not_stays_text(source: str) -> None:
    assert effects_of(lower(source)) == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a $(b $(c)) `d` e", ["b $(c)", "d"], id="nested"),
        pytest.param("$(a", [], id="open"),
        pytest.param("`a", [], id="open-backquote"),
        pytest.param("$(" * 3_000, [], id="deep"),
        pytest.param("$(a)" * 100, ["a"] * 16, id="many"),
        pytest.param("a (b)", [], id="none"),
    ],
)
def test_substitutions(text: str, expected: list[str]) -> None:
    assert list(substitutions(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a[$(b)]", ["b"]), ("a[1] $(b)", []), ("[$(b)]", []), ("a[1]+c[`d`]", ["d"])],
    ids=["element", "behind", "a class of characters", "second"],
)
def test_subscripts(text: str, expected: list[str]) -> None:
    assert list(in_subscripts([text])) == expected
