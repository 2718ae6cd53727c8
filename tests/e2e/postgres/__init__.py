"""Several agents on one real PostgreSQL."""
