"""Alembic's environment. A new revision: add a file to `versions`, and set `schema.REVISION` to its number."""
