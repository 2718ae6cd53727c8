"""Appends to the trail inside the writer's transactions; keeps head, checkpoints and mark up to date."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.agent.audit_trail.chain import HASH_COLUMN, Checkpoint, Head, decision_hash, row_hash
from axonflow_hooks.agent.audit_trail.continuity import continue_from, fault_entry
from axonflow_hooks.agent.audit_trail.heads import HEAD_ID, load_head
from axonflow_hooks.agent.audit_trail.mark import Mark
from axonflow_hooks.agent.tables.records import now
from axonflow_hooks.agent.tables.statements import Statements, prepare_statements

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Dialect

    from axonflow_hooks.agent.audit_trail.chain import Seal
    from axonflow_hooks.agent.audit_trail.continuity import Continuation
    from axonflow_hooks.agent.audit_trail.mark import MarkFile, MarkWriter

logger: Final = logging.getLogger("axonflow.agent")

CHECKPOINT_ENTRIES: Final = 256
"""Entries after which a checkpoint is signed in the same commit; upkeep signs the rest once a minute."""


@dataclass(frozen=True, slots=True)
class Trail:
    """What the trail of a database is written with; `shared` when other processes append to it too."""

    seal: Seal
    mark: MarkFile
    shared: bool = False


class Appender:
    """One per writer. Outside of transactions it knows the committed head; of a shared trail it reads it each time."""

    def __init__(self, trail: Trail, dialect: Dialect) -> None:
        self._trail = trail
        self._statements: Statements = prepare_statements(dialect)
        self._committed: Head | None = None
        self._seen: Mark | None = None
        self._mark: MarkWriter | None = None

    @property
    def seal(self) -> Seal:
        """The key of the trail."""
        return self._trail.seal

    def begin(self, connection: Connection) -> Head:
        """Give the head to continue from; of a shared trail nobody else can append until the transaction ends."""
        if self._committed is not None and not self._trail.shared:
            return self._committed
        stored = load_head(connection, lock=True)
        seen = 0 if self._seen is None else self._seen.sequence
        if stored is not None and stored.authentic(self.seal) and stored.head.sequence >= seen:
            return stored.head
        return self.resume(connection, self._seen)[0]

    def resume(self, connection: Connection, mark: Mark | None) -> tuple[Head, Continuation]:
        """Look whether the trail ends where it was left; what is wrong is appended to it. Give the head after that."""
        found = continue_from(connection, self.seal, mark)
        if not found.faults:
            return found.head, found
        logger.warning("The audit trail is not intact: %s See: axonflow-hooks audit verify", " ".join(found.faults))
        return self.append(connection, found.head, [], [fault_entry(found.faults).row()]), found

    def append(
        self, connection: Connection, head: Head, decisions: Sequence[dict[str, Any]], entries: Sequence[dict[str, Any]]
    ) -> Head:
        """Insert decisions and entries (without `sequence`) and give the new head. Raises SQLAlchemyError.

        The first entry of a decision that is inserted here commits to it.
        """
        if decisions:
            self._statements.add_decision.run(connection, decisions)
        if not entries:
            return head
        open_hashes = {row["decision_id"]: decision_hash(row) for row in decisions}
        sequence, previous = head.sequence, head.row_hash
        for row in entries:
            sequence += 1
            row["sequence"] = sequence
            row["previous_hash"] = previous
            row["decision_hash"] = open_hashes.pop(row["decision_id"], None)
            previous = row[HASH_COLUMN] = row_hash(row)
        self._statements.append_audit.run(connection, entries)
        head = replace(head, sequence=sequence, row_hash=previous)
        if head.sequence - head.checkpoint_sequence >= CHECKPOINT_ENTRIES:
            return self.checkpoint(connection, head)
        self.set_head(connection, head)
        return head

    def checkpoint(self, connection: Connection, head: Head) -> Head:
        """Sign where the trail ends, unless that was signed already, and give the new head."""
        if head.sequence <= head.checkpoint_sequence:
            return head
        checkpoint = Checkpoint(
            sequence=head.sequence,
            row_hash=head.row_hash,
            entries=head.sequence - head.anchor_sequence,
            previous_sequence=head.checkpoint_sequence,
            timestamp=now(),
        )
        signature = self.seal.sign(checkpoint)
        row = {**checkpoint.columns(), "key_id": self.seal.key_id, "signature": signature}
        self._statements.add_checkpoint.run(connection, [row])
        head = replace(head, checkpoint_sequence=head.sequence)
        self.set_head(connection, head)
        return head

    def set_head(self, connection: Connection, head: Head) -> None:
        """Write the head with its authentication code."""
        row = {"id": HEAD_ID, **head.columns(), "key_id": self.seal.key_id, "mac": self.seal.mac(head)}
        self._statements.set_head.run(connection, [row])

    def committed(self, head: Head) -> None:
        """Take note that a transaction which ended at `head` is durable."""
        if head != self._committed:
            self._committed = head
            self._seen = Mark(head.sequence, head.row_hash)
            if self._mark is not None:
                self._mark.write(self._seen)

    def forget(self) -> None:
        """A transaction failed: read the head from the database next time."""
        self._committed = None

    def open_mark(self) -> None:
        """Start to keep the high-water mark. Raises OSError."""
        self._mark = self._trail.mark.opened()
        if self._seen is not None:
            self._mark.write(self._seen)

    def close(self) -> None:
        """Close the mark."""
        if self._mark is not None:
            self._mark.close()
            self._mark = None
