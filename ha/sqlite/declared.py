"""What the schema declares of tables and columns, asked of SQLite: what inference wants to know.

Keeps nothing: whoever asks keeps the answers that it made of these while the schema stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ha.sqlite.catalog_functions import SYSTEM
from ha.sqlite.catalog_objects import oid_of
from ha.sqlite.catalog_types import spoken_decltype
from ha.sqlite.connection import Connection, Source
from ha.sqlite.guard import CATALOG
from ha.values import Column


class Declared:
    """The schema as `connection` sees it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._tables: dict[str, dict[str, str]] = {}

    def column_type(self, table: str, column: str) -> str | None:
        """The declared type's words; None if there is no such column, "" if it is declared without."""
        return self._table(table).get(column.lower())

    def columns(self, table: str) -> Sequence[str] | None:
        """A table's columns in their order; None if there is no such table."""
        return tuple(self._table(table)) or None

    def placed(self, columns: Sequence[Column], sources: Sequence[Source]) -> tuple[Column, ...]:
        """A result's columns with the numbers that the catalog gives their tables and themselves."""
        return tuple(
            column if column.origin is None else self._placed(column, source)
            for column, source in zip(columns, sources, strict=True)
        )

    def _placed(self, column: Column, source: Source) -> Column:
        table, names = source.table or "", self.columns(source.table or "") or ()
        if (source.origin or "").lower() not in names:
            return column
        if source.database == CATALOG or (CATALOG, table) in SYSTEM:
            schema, _, name = table.rpartition(".")
            oid = SYSTEM.get((schema or CATALOG, name), 0)
        elif self._is_stored(table):
            oid = oid_of("class", table)
        else:  # a function's row
            return column
        return replace(column, table_oid=oid, attribute=names.index((source.origin or "").lower()) + 1)

    def _is_stored(self, table: str) -> bool:
        with self._connection.guard.trusted():
            return any(
                self._connection.execute(
                    f"SELECT 1 FROM {schema}.sqlite_schema WHERE name = ? COLLATE NOCASE", (table,)
                ).get
                for schema in ("main", "temp")
            )

    def _table(self, table: str) -> dict[str, str]:
        known = self._tables.get(table)
        if known is None:
            with self._connection.guard.trusted():
                rows = self._connection.execute(
                    "SELECT name, type FROM pragma_table_xinfo(?) WHERE hidden = 0", (table,)
                ).fetchall()
            known = self._tables[table] = {
                str(name).lower(): spoken_decltype(str(words or "")) or "" for name, words in rows
            }
        return known
