"""What Alembic runs to run migrations: on the connection that the agent gives it, in the agent's transaction."""

from __future__ import annotations

from alembic import context

from axonflow_hooks.agent.tables.schema import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    compare_type=True,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
