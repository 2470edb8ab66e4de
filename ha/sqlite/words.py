"""What a schema's CREATE TABLEs declare: the columns of each table, and the words of their types.

Use: one for each reading of a schema, ``Words(connection)``; it asks SQLite once for each table. It is what
:mod:`ha.sql.infer` calls a schema. Make a new one when the schema has changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ha.sqlite.connection import Connection


class Words:
    """The declared columns of one database, tables and views alike; names compare as in SQLite."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._tables: dict[str, dict[str, tuple[str, str]] | None] = {}

    def column_type(self, table: str, column: str) -> str | None:
        """The declared type's words, "" where there are none; None if there is no such column."""
        found = self._table(table)
        declared = None if found is None else found.get(column.lower())
        return None if declared is None else declared[1]

    def columns(self, table: str) -> Sequence[str] | None:
        """A table's columns in their order, without hidden and generated ones; None if there is no such table."""
        found = self._table(table)
        return None if found is None else [name for name, _ in found.values()]

    def _table(self, table: str) -> dict[str, tuple[str, str]] | None:
        key = table.lower()
        if key not in self._tables:
            with self._connection.guard.trusted():
                rows = self._connection.execute(
                    "SELECT name, type FROM pragma_table_xinfo(?) WHERE hidden = 0 ORDER BY cid", (table,)
                ).fetchall()
            self._tables[key] = {str(name).lower(): (str(name), str(words)) for name, words in rows} or None
        return self._tables[key]
