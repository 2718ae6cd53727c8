"""What a test shows, in the words of the compatibility table, and what a release cannot do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import pytest

TestT = TypeVar("TestT", bound=Callable[..., Any])


def scenario(title: str, *, fallback: Mapping[str, str] | None = None) -> Callable[[TestT], TestT]:
    """Name what a test shows, one row of the table.

    `fallback` says, by version, what that release lacks and what holds there instead; the test asserts that.
    """
    marker = pytest.mark.scenario(title, dict(fallback or {}))

    def mark(test: TestT) -> TestT:
        marked: TestT = marker(test)
        return marked

    return mark
