from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from tests.agent.conftest import start_agent as start_agent
from tests.e2e.postgres.server import NotAvailable, PostgresServer, running_server

if TYPE_CHECKING:
    from collections.abc import Iterator

_numbers = itertools.count()


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    """Give a server that the tests of a module share; skipped with the reason where none can be had."""
    try:
        context = running_server()
        server = context.__enter__()
    except NotAvailable as reason:
        pytest.skip(str(reason))
    yield server
    context.__exit__(None, None, None)


@pytest.fixture
def database_url(postgres: PostgresServer) -> str:
    """Give the URL of an empty database."""
    return postgres.create_database(f"agents{next(_numbers)}")
