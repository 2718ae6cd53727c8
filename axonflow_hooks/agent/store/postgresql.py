"""A PostgreSQL database that several agents share. Nothing of its URL is ever in a message: it holds a password."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Engine, create_engine, event, func, make_url, select
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from axonflow_hooks.agent.errors import StartupError
from axonflow_hooks.agent.store.migrate import prepare

if TYPE_CHECKING:
    from sqlalchemy import URL

    from axonflow_hooks.agent.audit_trail.append import Trail
    from axonflow_hooks.agent.store.keys import Keys

CONNECT_TIMEOUT_S: Final = 5
_LOCK: Final = 0x41584F4E  # any number that no other program locks in the same database
_SESSION: Final = {
    "synchronous_commit": "on",  # an acknowledged record survives a crash of the server, whatever its default is
    "lock_timeout": "15s",
    "statement_timeout": "60s",
    "idle_in_transaction_session_timeout": "30s",  # a replica that vanished does not hold up the others for longer
    "timezone": "UTC",
}


def database_url(text: str) -> URL:
    """Take the text of a URL and give it parsed. Raises StartupError, without the text."""
    try:
        return make_url(text)
    except (ArgumentError, ValueError):
        raise StartupError(
            "AXONFLOW_AGENT_DATABASE_URL cannot be read.",
            remedy="Set it to postgresql://USER:PASSWORD@HOST:PORT/NAME; write special characters as %XX.",
        ) from None


def create(text: str, readers: int, **options: Any) -> Engine:
    """Give an engine for a URL. Raises StartupError."""
    url = database_url(text)
    try:
        engine = create_engine(
            url,
            hide_parameters=True,
            pool_size=readers + 1,
            max_overflow=0,
            pool_pre_ping=True,
            connect_args={
                "connect_timeout": CONNECT_TIMEOUT_S,
                "application_name": "axonflow-agent",
                "keepalives_idle": 10,
                "keepalives_interval": 5,
                "keepalives_count": 3,
            },
            **options,
        )
    except ModuleNotFoundError:
        raise StartupError(
            "PostgreSQL needs the driver psycopg.", remedy="Run: pip install 'axonflow-hooks[postgres]'"
        ) from None
    event.listen(engine, "connect", _configure)
    return engine


def open_engine(text: str, readers: int, trail: Trail, keys: Keys) -> Engine:
    """Give an engine for a database, which is made ready. Raises StartupError."""
    engine = create(text, readers)
    try:
        with engine.begin() as connection:
            # Replicas start together: one makes the tables, the others find them.
            connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
            prepare(connection, trail, keys)
    except SQLAlchemyError as error:
        engine.dispose()
        raise unusable(error) from None
    except BaseException:
        engine.dispose()
        raise
    return engine


def unusable(error: SQLAlchemyError) -> StartupError:
    """Give what to tell of a database that cannot be used: the kind of fault, no word of the server or the URL."""
    cause = type(getattr(error, "orig", None) or error).__name__
    return StartupError(
        f"The database of AXONFLOW_AGENT_DATABASE_URL cannot be used ({cause}).",
        remedy="Check that the server runs, the address, the user, the password and the user's rights.",
    )


def _configure(connection: Any, _record: object) -> None:
    with connection.cursor() as cursor:
        for name, value in _SESSION.items():
            cursor.execute("SELECT set_config(%s, %s, false)", (name, value))
    connection.commit()
