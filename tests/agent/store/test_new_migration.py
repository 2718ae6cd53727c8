"""The migration that `python -m devtools.migration` writes does what the models ask for."""

from __future__ import annotations

from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Column, Integer, MetaData, String, Table, Text, create_engine

from axonflow_hooks.agent.store import migrate
from axonflow_hooks.agent.tables import schema
from devtools.migration import newest, script


def models() -> MetaData:
    """Give a copy of the tables of this release."""
    copy = MetaData()
    for table in schema.metadata.tables.values():
        table.to_metadata(copy)
    return copy


def with_a_table(metadata: MetaData) -> None:
    Table(
        "notes",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("text", Text, nullable=False),
        Column("author", String(40), index=True),
    )


def with_a_column(metadata: MetaData) -> None:
    metadata.tables["approvals"].append_column(Column("colour", String(8)))


@pytest.mark.parametrize("changes", [(with_a_table,), (with_a_column,), (with_a_table, with_a_column)])
def test_it_brings_a_database_to_the_models(changes: tuple[Any, ...]) -> None:
    wanted = models()
    for change in changes:
        change(wanted)
    text = script(wanted, "9999", "Something new.")
    program: dict[str, Any] = {}
    exec(compile(text, "9999_new.py", "exec", dont_inherit=True), program)
    assert (program["revision"], program["down_revision"], program["__doc__"]) == ("9999", newest(), "Something new.")
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        command.upgrade(migrate.alembic_config(connection), "head")
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, wanted) != []
        with Operations.context(context):
            program["upgrade"]()
        assert compare_metadata(context, wanted) == []
    engine.dispose()


def test_where_nothing_differs_there_is_nothing_to_write() -> None:
    assert script(models(), "9999", "Nothing.") == ""
