"""What the database itself refuses: to change an entry or a decision, and to remove an entry that is not pruned.

A guard against mistakes. Against whoever can change the schema there is the chain (see audit_trail).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy import Connection

_REFUSAL: Final = "the audit trail is append-only"
_ANCHOR: Final = "coalesce((SELECT anchor_sequence FROM audit_head WHERE id = 1), 0)"
_ABORT: Final = f"SELECT RAISE(ABORT, '{_REFUSAL}');"
_SQLITE: Final = (
    "DROP TRIGGER IF EXISTS audit_log_no_update",
    "DROP TRIGGER IF EXISTS audit_log_no_delete",
    "DROP TRIGGER IF EXISTS decisions_no_update",
    f"CREATE TRIGGER audit_log_no_update BEFORE UPDATE ON audit_log BEGIN {_ABORT} END",
    f"CREATE TRIGGER audit_log_no_delete BEFORE DELETE ON audit_log WHEN OLD.sequence > {_ANCHOR} BEGIN {_ABORT} END",
    f"CREATE TRIGGER decisions_no_update BEFORE UPDATE ON decisions BEGIN {_ABORT} END",
)
_RAISE: Final = f"RAISE EXCEPTION '{_REFUSAL}';"
_FUNCTION: Final = "RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
_REFUSE: Final = "EXECUTE FUNCTION audit_append_only()"
_UNLESS_PRUNED: Final = f"IF OLD.sequence > {_ANCHOR} THEN {_RAISE} END IF;"
_POSTGRESQL: Final = (
    f"CREATE OR REPLACE FUNCTION audit_append_only() {_FUNCTION} {_RAISE} END $$",
    f"CREATE OR REPLACE FUNCTION audit_only_pruned() {_FUNCTION} {_UNLESS_PRUNED} RETURN OLD; END $$",
    "DROP TRIGGER IF EXISTS audit_log_no_update ON audit_log",
    "DROP TRIGGER IF EXISTS audit_log_no_delete ON audit_log",
    "DROP TRIGGER IF EXISTS audit_log_no_truncate ON audit_log",
    "DROP TRIGGER IF EXISTS decisions_no_update ON decisions",
    f"CREATE TRIGGER audit_log_no_update BEFORE UPDATE ON audit_log FOR EACH ROW {_REFUSE}",
    "CREATE TRIGGER audit_log_no_delete BEFORE DELETE ON audit_log FOR EACH ROW EXECUTE FUNCTION audit_only_pruned()",
    f"CREATE TRIGGER audit_log_no_truncate BEFORE TRUNCATE ON audit_log FOR EACH STATEMENT {_REFUSE}",
    f"CREATE TRIGGER decisions_no_update BEFORE UPDATE ON decisions FOR EACH ROW {_REFUSE}",
)
_BY_DIALECT: Final = {"sqlite": _SQLITE, "postgresql": _POSTGRESQL}


def install(connection: Connection) -> None:
    """Put the triggers in place, as this release has them."""
    for statement in _BY_DIALECT[connection.dialect.name]:
        connection.execute(text(statement))


def remove(connection: Connection) -> None:
    """Take the triggers away, for a migration that changes what they guard."""
    for statement in _BY_DIALECT[connection.dialect.name]:
        if statement.startswith("DROP"):
            connection.execute(text(statement))
