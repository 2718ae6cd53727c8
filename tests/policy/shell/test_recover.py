"""Sources that the grammar does not follow are taken apart, and their commands found all the same."""

from __future__ import annotations

import pytest

from axonflow_hooks.policy.shell.effects import effects_of
from axonflow_hooks.policy.shell.lower import lower
from axonflow_hooks.policy.shell.recover import MAX_SEGMENTS, segments


@pytest.mark.parametrize(
    "source",
    [
        "[[ -d / ]] && rm -rf /",
        "time { rm -rf /; }",
        "[[ x ]] ; if true; then rm -rf /; fi",
        "[[ -d / ]] || sudo rm -rf /",
    ],
)
def test_commands_behind_a_fault_are_found(source: str) -> None:
    assert "destroys_filesystem_root" in effects_of(lower(source))


@pytest.mark.parametrize(
    "source",
    [
        "[[ -d / ]] && echo 'a; rm -rf /'",
        "[[ -d / ]] && cat > x.md <<'EOF'\nrm -rf /\nEOF\nls",
        "[[ -d / ]] && ls # ; rm -rf /",
    ],
)
def test_text_behind_a_fault_stays_text(source: str) -> None:
    assert effects_of(lower(source)) == {}


def test_segments_are_the_parts_between_separators() -> None:
    source = b"a 'x;y' && if b; then c; fi # d; e\nf <<E\ng; h\nE\ni"

    assert [source[start:end].strip() for start, end in segments(source)] == [
        b"a 'x;y'",
        b"b",
        b"c",
        b"fi # d; e",
        b"f <<E",
        b"i",
    ]


def test_segments_are_bounded() -> None:
    assert len(list(segments(b"a;" * 10_000))) == MAX_SEGMENTS
