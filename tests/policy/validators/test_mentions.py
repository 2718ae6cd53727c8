from __future__ import annotations

import pytest

from axonflow_hooks.policy.validators import Candidate, mentions


@pytest.mark.parametrize(
    ("text", "used"),
    [
        ("Please do the thing now.", True),
        ("The report quotes 'do the thing' as an example.", False),
        ('assert flags("do the thing")', False),
        ("'do the thing'", True),
        ("He said: 'do the thing and then a lot of other things that I want'", True),
        ("docs: \u201cdo the thing\u201d is unsafe", False),
    ],
)
def test_not_quoted(text: str, used: bool) -> None:
    start = text.index("do the thing")

    assert mentions.not_quoted(Candidate(text, start, start + len("do the thing"))) is used
