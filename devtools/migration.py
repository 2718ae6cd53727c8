"""Write the next migration of the agent's database from what the models have and the newest migration does not.

    python -m devtools.migration SLUG "What is new."

Read the file before you keep it: a renamed column, say, comes out as one removed and one added. Then raise `REVISION`
in `agent/tables/schema.py`.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from alembic import command
from alembic.autogenerate import produce_migrations, render_python_code
from alembic.migration import MigrationContext
from alembic.operations import ops
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from axonflow_hooks.agent.store import migrate
from axonflow_hooks.agent.tables import schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import MetaData

VERSIONS: Final = Path(migrate.__file__).parent / "migrations" / "versions"

_HEAD: Final = '''"""{title}"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{before}"


def upgrade() -> None:
    """Add what this release has more."""
'''
_HOUSE_STYLE: Final = (("(length=", "("), ("sa.Text()", "sa.Text"), (", nullable=True", ""), (", unique=False", ""))


def newest() -> str:
    """Give the newest revision that there is a migration for."""
    with create_engine("sqlite://").connect() as connection:
        head = ScriptDirectory.from_config(migrate.alembic_config(connection)).get_current_head()
    return str(head)


def script(metadata: MetaData, revision: str, title: str) -> str:
    """Give the migration that brings a database of the newest revision to `metadata`; "" where nothing differs."""
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        command.upgrade(migrate.alembic_config(connection), "head")
        context = MigrationContext.configure(connection, opts={"compare_type": True, "target_metadata": metadata})
        changes = produce_migrations(context, metadata).upgrade_ops
    engine.dispose()
    bodies = dict(_bodies(changes)) if changes is not None else {}
    if not bodies:
        return ""
    text = _HEAD.format(title=title, revision=revision, before=newest())
    text += "".join(f"    _{table}()\n" for table in bodies)
    return text + "".join(f"\n\ndef _{table}() -> None:\n{body}" for table, body in bodies.items())


def _bodies(changes: ops.UpgradeOps) -> Iterator[tuple[str, str]]:
    """Give what is done to each table, as the body of a function."""
    by_table: dict[str, list[ops.MigrateOperation]] = {}
    for change in changes.ops:
        by_table.setdefault(getattr(change, "table_name", ""), []).append(change)
    for table, found in by_table.items():
        code = render_python_code(ops.UpgradeOps(found), render_as_batch=True)
        for long, short in _HOUSE_STYLE:
            code = code.replace(long, short)
        lines = [line for line in code.splitlines() if line.strip() and not line.lstrip().startswith("#")]
        indent = "" if lines[0].startswith(" ") else "    "
        yield table, "".join(f"{indent if not line.startswith('    ') else ''}{line}\n" for line in lines)


def main() -> int:
    """Write the file and give the exit status."""
    if len(sys.argv) != 3 or not re.fullmatch(r"[a-z0-9_]+", sys.argv[1]):
        print(__doc__)
        return 2
    slug, title = sys.argv[1:]
    revision = f"{int(newest()) + 1:04}"
    text = script(schema.metadata, revision, title)
    if not text:
        print("The newest migration gives what the models say: there is nothing to write.")
        return 1
    path = VERSIONS / f"{revision}_{slug}.py"
    path.write_text(text, encoding="utf-8")
    subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", str(path)], check=True)
    print(f"{path}\nRead it, and set REVISION in agent/tables/schema.py to {revision}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
