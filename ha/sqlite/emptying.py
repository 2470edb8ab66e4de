"""A database loses all it holds, in one transaction that other nodes hear of."""

from __future__ import annotations

import apsw

from ha.sql.tokens import quoted_name
from ha.sqlite.capture import Capture
from ha.sqlite.connection import Connection
from ha.sqlite.fetch import Allowance, facts_of, run_write
from ha.sqlite.guard import is_ours


def drop_everything(connection: Connection, capture: Capture) -> None:
    """Drop every table and view that is not ours or SQLite's.

    Foreign keys do not act meanwhile: both ends go.
    """
    with connection.guard.trusted():
        found = connection.execute(
            "SELECT type, name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'virtual', 'view')"
        ).fetchall()
    enforced = connection.config(apsw.SQLITE_DBCONFIG_ENABLE_FKEY, -1)
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_FKEY, 0)
    try:
        for kind, name in sorted(found, reverse=True):  # views first: they name the tables
            if not is_ours(str(name)) and not str(name).lower().startswith("sqlite_"):
                sql = f"DROP {'VIEW' if kind == 'view' else 'TABLE'} IF EXISTS {quoted_name(str(name))}"
                run_write(connection, capture, sql, (), facts_of(connection, sql), Allowance(0))
    finally:
        connection.config(apsw.SQLITE_DBCONFIG_ENABLE_FKEY, enforced)
