"""What make runs: recipes of makefiles that are known, and nothing of those that are not."""

from __future__ import annotations

import pytest

from axonflow_hooks.policy.shell.effects import effects_of
from axonflow_hooks.policy.shell.lower import lower
from axonflow_hooks.policy.shell.makefiles import recipes

DESTROYS = [
    "make -f <(printf 'all:\\n\\trm -rf /\\n')",
    "make -f - <<'E'\nall:\n\trm -rf ~\nE",
    "make -f- <<< $'all:\\n\\t@-rm -rf /'",
    "printf 'a:\\n\\trm -rf /\\n' | make -f -",
    "make --file=/dev/stdin <<< 'all:;rm -rf /'",
    "make --eval='x:;rm -rf /' x",
    "make -E 'x: ; @rm -rf /' x",
    "make --eval 'R=rm -rf' --eval $'a:\\n\\t$(R) /' a",
    "make --eval '$(shell rm -rf /)'",
    "make SHELL='rm -rf / #'",
    "make CC='rm -rf / ;'",
    "cat > Makefile <<'E'\nall:\n\trm -rf /\nE\nmake",
    "printf 'all:\\n\\trm -rf /' > m.mk && make -f m.mk",
]
CLEAN = [
    "make -j4 test",
    "make SHELL=/bin/bash CC='ccache gcc' all",
    "make -n deploy",
    "make --eval 'print-%: ; @echo $*' print-CC",
    "make --eval='x: ; @echo rm -rf /' x",
    "make -f - <<'E'\nall:\n\techo hi\nE",
    "cat > Makefile <<'E'\nclean:\n\trm -rf build $(OUT)/\nE\nmake clean",
    "cat > Makefile <<'E'\nall:\n\trm -rf /\nE",
    "cat > notes.mk <<'E'\nall:\n\trm -rf /\nE\nmake",
]


@pytest.mark.parametrize("source", DESTROYS)
def test_recipes_are_judged(source: str) -> None:
    assert "destroys_filesystem_root" in effects_of(lower(source))


@pytest.mark.parametrize("source", CLEAN)
def test_ordinary_make_is_clean(source: str) -> None:
    assert effects_of(lower(source)) == {}


@pytest.mark.parametrize(
    ("text", "arguments", "expected"),
    [
        pytest.param("a:\n\t@x\n\t-y", (), ["x", "y"], id="prefixes"),
        pytest.param("a: b ; x", (), ["x"], id="on-the-rule"),
        pytest.param("V = x\na:\n\t$(V) ${V}", (), ["x x"], id="variables"),
        pytest.param("V = x\na:\n\t$(V)", ("V=y",), ["y"], id="overridden"),
        pytest.param("a:\n\tx \\\n\ty", (), ["x  \ty"], id="continued"),
        pytest.param("a:\n\tx $$HOME $@", (), ["x $HOME ${_}"], id="of-the-shell-and-automatic"),
        pytest.param("V := $(shell x (y) z)", (), ["x (y) z"], id="shell-function"),
        pytest.param("# a:;x\nb = c:;d", (), [], id="no-rules"),
    ],
)
def test_recipes(text: str, arguments: tuple[str, ...], expected: list[str]) -> None:
    assert recipes(text, arguments) == expected
