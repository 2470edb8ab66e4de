"""What the schema declares of tables and columns, asked of SQLite: what inference wants to know.

The connection keeps what was asked while the schema stands (:meth:`ha.sqlite.connection.Connection.remembered`).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from ha.sql import systemcolumns
from ha.sql.constraints import PRIMARY, UNIQUE, constraints
from ha.sql.infer import columns, declaration
from ha.sql.kinds import Kind, Statement
from ha.sql.namespaces import TEMPORARY
from ha.sql.reading import query_of
from ha.sql.statements import with_schema
from ha.sql.tokens import quoted_name
from ha.sql.typenames import narrowed
from ha.sqlite import typeviews
from ha.sqlite.catalog_functions import SYSTEM
from ha.sqlite.catalog_objects import oid_of
from ha.sqlite.catalog_types import spoken_decltype
from ha.sqlite.connection import Connection, Source
from ha.sqlite.guard import CATALOG
from ha.values import Column


def fitted(connection: Connection, statement: Statement) -> Statement:
    """A statement with the words that its columns' types ask for, where it has such: always, where clients made types.

    :raises StatementError: what it says is impossible with these types.
    """
    if not statement.asks and not (statement.may_ask and typeviews.words(connection)):
        return statement
    key: Hashable = (statement.text, statement.given) if statement.given else statement.text
    known = connection.remembered(key, lambda: with_schema(statement, Declared(connection)))
    return known if known.offset == statement.offset else replace(known, offset=statement.offset)


_VIEWS: Final = (
    "SELECT sql FROM temp.sqlite_schema WHERE type = 'view' AND name = ?1 COLLATE NOCASE"
    " UNION ALL SELECT sql FROM main.sqlite_schema WHERE type = 'view' AND name = ?1 COLLATE NOCASE"
)


class Declared:
    """The schema as `connection` sees it.

    :param narrow: INTEGER columns are read as PostgreSQL's, of 32 bits (``ha.integer_oid``).
    """

    def __init__(self, connection: Connection, *, narrow: bool = False) -> None:
        self._connection = connection
        self._narrow = narrow

    def column_type(self, table: str, column: str) -> str | None:
        """The declared type's words; None if there is no such column, "" if it is declared without."""
        found = self._table(table).get(column.lower())
        if found is None:
            kind = systemcolumns.TYPES.get(column.lower())
            return kind if kind is not None and self.row_key(table) else None
        return narrowed(found[1]) if self._narrow else found[1]

    def sources(self, columns: Sequence[Source]) -> Sequence[Source]:
        """A result's columns as they are read, with the words of types that clients made."""
        if self.made_types():
            columns = [replace(one, decltype=self._words(one.decltype)) for one in columns]
        if not self._narrow:
            return columns
        return [replace(one, decltype=one.decltype and narrowed(one.decltype)) for one in columns]

    def columns(self, table: str) -> Sequence[str] | None:
        """A table's columns in their order; None if there is no such table."""
        return tuple(name for name, _ in self._table(table).values()) or None

    def shown(self, table: str) -> Sequence[str] | None:
        """What ``*`` shows of a table in PostgreSQL; None if there is none."""
        with self._connection.guard.trusted():
            rows = self._connection.execute(
                "SELECT name FROM pragma_table_xinfo(?) WHERE hidden <> 1 AND NOT (hidden = 2 AND name IN ('tableoid', 'xmin', 'ctid'))",
                (table,),
            )
            return tuple(str(name) for (name,) in rows) or None

    def default(self, table: str, column: str) -> str | None:
        """The expression of a column's default."""
        with self._connection.guard.trusted():
            return self._connection.execute(  # type: ignore[no-any-return]
                "SELECT dflt_value FROM pragma_table_xinfo(?) WHERE name = ? COLLATE NOCASE", (table, column)
            ).get

    def key(self, table: str, constraint: str) -> Sequence[str] | None:
        """The columns of a constraint that is a unique key, by PostgreSQL's name for it."""
        with self._connection.guard.trusted():
            found = self._connection.execute(
                "SELECT name, sql FROM main.sqlite_schema WHERE type = 'table' AND name = ? COLLATE NOCASE", (table,)
            ).fetchone()
        if found is None:
            return None
        name, sql = found
        for one in constraints(sql):
            if one.kind == PRIMARY:
                own = one.name or f"{name}_pkey"
            elif one.kind == UNIQUE:
                own = one.name or f"{name}_{'_'.join(one.columns)}_key"
            else:
                continue
            if own.lower() == constraint.lower():
                return one.columns
        return None

    def primary_key(self, table: str) -> Sequence[str]:
        """The columns of a table's primary key; none if it has none."""
        with self._connection.guard.trusted():
            rows = self._connection.execute("SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk", (table,))
            return tuple(str(name) for (name,) in rows)

    def row_key(self, table: str) -> Sequence[str]:
        """What names one row of a client's table: the word for its rowid, or the columns of its key; nothing does of a view."""
        with self._connection.guard.trusted():
            found = self._connection.execute(
                "SELECT wr FROM pragma_table_list WHERE name = ? COLLATE NOCASE AND type = 'table' AND schema IN ('main', 'temp')"
                " ORDER BY schema <> 'temp' LIMIT 1",
                (table,),
            ).fetchone()
        if found is None:
            return ()
        if found[0]:
            return self.primary_key(table)
        return tuple(word for word in ("rowid", "_rowid_", "oid") if word not in self._table(table))[:1]

    def number(self, table: str) -> int:
        """The catalog's number of a table."""
        return oid_of("class", f"{TEMPORARY}.{table}" if self._connection.has(table, "temp") else table)

    def made_types(self) -> Mapping[str, str]:
        """The types that clients made here: by name, the words that tell all of each."""
        return typeviews.words(self._connection)

    def _words(self, decltype: str | None) -> str | None:
        """The words of a column's type; of one that a client made, those that tell all of it."""
        spoken = spoken_decltype(decltype)
        return typeviews.words_of(self._connection, spoken) or spoken if spoken else spoken

    def placed(self, columns: Sequence[Column], sources: Sequence[Source]) -> tuple[Column, ...]:
        """A result's columns with the numbers that the catalog gives their tables and themselves."""
        return tuple(
            column if column.origin is None else self._placed(column, source)
            for column, source in zip(columns, sources, strict=True)
        )

    def _placed(self, column: Column, source: Source) -> Column:
        table, names = source.table or "", list(self._table(source.table or ""))
        if (source.origin or "").lower() not in names:
            return column
        if source.database == CATALOG or (CATALOG, table) in SYSTEM:
            schema, _, name = table.rpartition(".")
            oid = SYSTEM.get((schema or CATALOG, name), 0)
        elif self._is_stored(table):
            oid = oid_of("class", f"{TEMPORARY}.{table}" if source.database == "temp" else table)
        else:  # a function's row
            return column
        return replace(column, table_oid=oid, attribute=names.index((source.origin or "").lower()) + 1)

    def _is_stored(self, table: str) -> bool:
        with self._connection.guard.trusted():
            return self._connection.has(table) or self._connection.has(table, "temp")

    def _answered(self, view: str, query: str) -> list[tuple[str, str]]:
        """A view's columns, with the types of its query's."""
        sources = self._connection.facts(f"SELECT * FROM {quoted_name(view)}").columns
        found = columns(Statement(query, 0, Kind.SQL, query, "SELECT"), self.sources(sources), self)
        return [(source.name, declaration(column)) for source, column in zip(sources, found, strict=True)]

    def _table(self, table: str) -> dict[str, tuple[str, str]]:
        return self._connection.remembered(("table", table), lambda: self._read(table))

    def _read(self, table: str) -> dict[str, tuple[str, str]]:
        with self._connection.guard.trusted():
            rows = self._connection.execute(
                "SELECT name, type FROM pragma_table_xinfo(?) WHERE hidden = 0", (table,)
            ).fetchall()
            definition = self._connection.execute(_VIEWS, (table,)).get if rows else None
        if definition is not None:
            rows = [*self._answered(table, query_of(str(definition)))]
        return {str(name).lower(): (str(name), self._words(str(words or "")) or "") for name, words in rows}
