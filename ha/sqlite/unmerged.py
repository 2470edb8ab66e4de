"""The virtual tables that something was left out of, by name: rows of ``ha_unmerged``.

:mod:`ha.sqlite.bothsides` says when. A name stays until its table is dropped. Inside the caller's transaction.
"""

from __future__ import annotations

import apsw

from ha.sqlite.connection import Connection
from ha.sqlite.tables import trust


def name_unmerged(connection: Connection, name: str, reason: str) -> None:
    """Keep that something was left out of a virtual table."""
    connection.execute("INSERT OR REPLACE INTO main.ha_unmerged (name, reason) VALUES (?, ?)", (name, reason))


def forget_dropped(connection: apsw.Connection) -> None:
    """The schema has changed: whoever makes such a table anew has mended it. In a file without our tables there is nothing to do."""
    with trust(connection):
        if connection.table_exists("main", "ha_unmerged"):
            connection.execute(
                "DELETE FROM main.ha_unmerged WHERE name NOT IN (SELECT name FROM main.sqlite_schema WHERE type = 'table')"
            )


def list_unmerged(connection: Connection) -> list[tuple[str, str]]:
    """The names, and why each is there."""
    with connection.guard.trusted():
        rows = connection.execute("SELECT name, reason FROM main.ha_unmerged ORDER BY name")
        return [(str(name), str(reason)) for name, reason in rows]
