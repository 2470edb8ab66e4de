"""ON COMMIT DROP and ON COMMIT DELETE ROWS: what a session's TEMP tables are to lose when its transaction ends.

SQLite has no such words, so an index of the table's says it: partial, with a condition that no row meets, it costs nothing, is
undone with the transaction that made it, follows the table's new name, and goes with the table.

Every function is for a session's own connection (:class:`ha.sqlite.database.Private`), inside ``guard.trusted()``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ha.sql.kinds import DELETE_ROWS, DROP
from ha.sql.tokens import quoted_name

if TYPE_CHECKING:
    from ha.sqlite.connection import Connection

#: What such an index's name begins with; what is to be done, and a number, follow.
PREFIX: Final = "ha_on_commit_"

_PROMISES: Final = f"SELECT tbl_name, name GLOB '{PREFIX}{DROP}_*' FROM temp.sqlite_schema WHERE type = 'index' AND name GLOB '{PREFIX}*'"


def is_there(connection: Connection, table: str) -> bool:
    """Whether the session has a TEMP table or view of this name."""
    return connection.has(table, "temp")


def has_any(connection: Connection) -> bool:
    """Whether the session has anything that is its own."""
    return connection.execute("SELECT 1 FROM temp.sqlite_schema LIMIT 1").get is not None


def promise(connection: Connection, table: str, at_commit: str) -> None:
    """The TEMP table that was just made loses its rows at each COMMIT, or goes with the first.

    :param at_commit: ``DROP`` or ``DELETE_ROWS``.
    """
    assert at_commit in (DROP, DELETE_ROWS), at_commit
    number = connection.execute("SELECT count(*) FROM temp.sqlite_schema").get
    connection.execute(f"CREATE INDEX temp.{PREFIX}{at_commit}_{number} ON {quoted_name(table)} (1) WHERE 0")


def promised(connection: Connection) -> list[str]:
    """The texts that keep the promises, to be run before COMMIT."""
    promises = connection.execute(_PROMISES).fetchall()
    return [f"{'DROP TABLE' if drop else 'DELETE FROM'} temp.{quoted_name(str(table))}" for table, drop in promises]
