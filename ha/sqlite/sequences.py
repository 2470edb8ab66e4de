"""Sequences: nextval and its relatives, counted where SQLite counts already, in ``sqlite_sequence``.

A column declared SERIAL, IDENTITY or AUTOINCREMENT has the sequence ``<table>_<column>_seq``, as in PostgreSQL. CREATE
SEQUENCE makes an empty table whose key counts by itself, so that its position is a row of ``sqlite_sequence`` too, and
travels to the other nodes with the transaction that moved it. Unlike PostgreSQL's, a sequence goes back when its
transaction does: the file is one state, and no number is lost.

nextval and setval write, so a statement that calls them needs the writing connection though SQLite calls it a read
(``Statement.acts``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

import apsw

from ha.errors import StatementError
from ha.sql.namespaces import PUBLIC, joined
from ha.sql.sequencedefinitions import Counting, counting_of

if TYPE_CHECKING:
    from ha.sqlite.connection import Connection
    from ha.sqlite.functions import Context

VALUE_MAX: Final = 2**63 - 1

_NAME = r'(?:"(?:[^"]|"")+"|[^\s".(;]+)'
_PARTS = re.compile(rf"\s*(?:({_NAME})\s*\.\s*)?({_NAME})\s*\Z")
_TARGET = re.compile(rf"\bINTO\s+(?:{_NAME}\s*\.\s*)?({_NAME})", re.IGNORECASE)

#: The tables that count by themselves, each with its key's column.
_COUNTING: Final = (
    "SELECT s.name, i.name FROM main.sqlite_schema AS s, pragma_table_info(s.name) AS i"
    " WHERE s.type = 'table' AND s.sql LIKE '%AUTOINCREMENT%' AND i.pk"
)
_OF_SEQUENCE: Final = (
    f"{_COUNTING} AND (s.name || '_' || i.name || '_seq' = ?1 COLLATE NOCASE"
    " OR (s.name = ?1 COLLATE NOCASE AND i.name = 'last_value')) ORDER BY i.name = 'last_value'"
)
_NAMED_SO: Final = (
    "SELECT 1 FROM main.sqlite_schema AS s, pragma_table_info(s.name) AS i"
    " WHERE s.type = 'table' AND s.name || '_' || i.name || '_seq' = ?1 COLLATE NOCASE"
)
_OF_TABLE: Final = f"{_COUNTING} AND s.name = ?1 COLLATE NOCASE"
_ENDED: Final = (
    f"{_COUNTING} AND s.name = ?1 AND ?2 = coalesce((SELECT max(seq) FROM main.sqlite_sequence WHERE name = ?1), 0)"
)


class Sequences:
    """The functions, for one connection.

    :param connection: asked and moved; whose `context` remembers what its client was given.
    """

    def __init__(self, connection: Connection, context: Context) -> None:
        self._connection = connection
        self._context = context

    def nextval(self, name: Any) -> int:
        """Count one further.

        :raises StatementError: 42P01, there is no such sequence; 2200H, it is at its end; 25006, nothing may be written.
        """
        table = self._find(name)
        counting = counting_in(self._connection, table)
        value = counting.next(self._position(table, counting))
        if value is None:
            raise _no_more(_shown(name), counting)
        self._move(table, value, "nextval")
        self._remember(table, value)
        return value

    def setval(self, name: Any, value: Any, called: Any = 1) -> int | None:
        """Count on from `value`; with `called` false the next one is `value` itself."""
        if name is None or value is None:
            return None
        try:
            table = self._find(name)
        except StatementError:
            if self._is_column(name):
                return value  # type: ignore[no-any-return]
            raise
        counting = counting_in(self._connection, table)
        if not isinstance(value, int) or not counting.least <= value <= counting.most:
            raise StatementError(
                "22003",
                f'setval: value {value} is out of bounds for sequence "{_shown(name)}" ({counting.least}..{counting.most})',
            )
        self._move(table, value if called else value - counting.increment, "setval")
        if called:
            self._context.last_values[table] = value
        return value

    def currval(self, name: Any) -> int:
        """What this client was given last from the sequence, by nextval or by an INSERT."""
        self._settle()
        table = self._find(name)
        value = self._context.last_values.get(table)
        if value is None:
            raise StatementError("55000", f'currval of sequence "{_shown(name)}" is not yet defined in this session')
        return value

    def lastval(self) -> int:
        """What this client was given last from any sequence."""
        self._settle()
        last = self._context.last_sequence
        if last is None:
            raise StatementError("55000", "lastval is not yet defined in this session")
        return self._context.last_values[last]

    def _find(self, name: Any) -> str:
        """The counting table behind a sequence's name."""
        match = _PARTS.match(str(name))
        if match is None:
            raise StatementError("42602", "invalid name syntax")
        with self._connection.guard.trusted():
            for wanted in self._wanted(match):
                table = self._connection.execute(_OF_SEQUENCE, (wanted,)).fetchone()
                if table is not None:
                    return str(table[0])
        raise StatementError("42P01", f'relation "{name}" does not exist')

    def _wanted(self, match: re.Match[str]) -> list[str]:
        """SQLite's names for a name with or without a schema, as the client's search_path has them."""
        own = _plain(match[2])
        if match[1] is not None:
            return [joined(_plain(match[1]), own)]
        return [joined(schema, own) for schema in self._context.path or (PUBLIC,)]

    def _is_column(self, name: Any) -> bool:
        """Is it named after a column that does not count yet? A dump adds the key last, and counting starts at its rows."""
        match = _PARTS.match(str(name))
        if match is None:
            return False
        with self._connection.guard.trusted():
            return any(self._connection.execute(_NAMED_SO, (one,)).fetchone() for one in self._wanted(match))

    def _position(self, table: str, counting: Counting) -> int:
        found = position(self._connection, table)
        return counting.start - counting.increment if found is None else found

    def _move(self, table: str, value: int, function: str) -> None:
        connection = self._connection
        try:
            with connection.guard.trusted():
                rows = connection.execute(
                    "UPDATE main.sqlite_sequence SET seq = ? WHERE name = ? RETURNING 1", (value, table)
                ).fetchall()
                if not rows:
                    connection.execute("INSERT INTO main.sqlite_sequence VALUES (?, ?)", (table, value))
        except apsw.ReadOnlyError:
            raise StatementError("25006", f"cannot execute {function}() in a read-only transaction") from None

    def _remember(self, table: str, value: int) -> None:
        self._settle()
        self._context.last_values[table] = value
        self._context.last_sequence = table

    def _settle(self) -> None:
        """Look at the INSERTs since the last call: which of them took a number?"""
        context = self._context
        for sql, rowid in context.inserts.values():
            match = _TARGET.search(sql)
            if match is not None:
                with self._connection.guard.trusted():
                    table = self._connection.execute(_OF_TABLE, (_plain(match[1]),)).fetchone()
                if table is not None:
                    context.last_values[table[0]] = rowid
                    context.last_sequence = table[0]
        context.inserts.clear()


def position(connection: Connection, table: str) -> int | None:
    """What a counting table gave last; None if it never counted."""
    with connection.guard.trusted():
        return connection.execute("SELECT max(seq) FROM main.sqlite_sequence WHERE name = ?", (table,)).get  # type: ignore[no-any-return]


def counting_in(connection: Connection, table: str) -> Counting:
    """How a counting table counts."""

    def find() -> Counting:
        with connection.guard.trusted():
            return counting_of(dict(connection.execute("SELECT name, dflt_value FROM pragma_table_info(?)", (table,))))

    return connection.remembered(("counting", table), find)


def state_of(connection: Connection, table: str) -> tuple[int, bool]:
    """A sequence's ``last_value`` and ``is_called``."""
    counting, last = counting_in(connection, table), position(connection, table)
    if last is None or last == counting.start - counting.increment:
        return counting.start, False
    return last, True


def inserted(context: Context, sql: str, tables: frozenset[str], rowid: int) -> None:
    """An INSERT ended. What it means for currval and lastval is only found out if somebody asks.

    :param tables: what it wrote to; one entry is kept for each such set.
    """
    inserts = context.inserts
    inserts.pop(tables, None)  # the latest stands last
    inserts[tables] = (sql[:1000], rowid)


def at_end(connection: Connection, tables: Iterable[str]) -> StatementError | None:
    """2200H where one of these tables has counted to its end. SQLite says of it what it says of a full disk."""
    with connection.guard.trusted():
        for table in tables:
            found = connection.execute(_ENDED, (table, VALUE_MAX)).fetchone()
            if found is not None:
                return _no_more(f"{found[0]}_{found[1]}_seq", Counting())
    return None


def _no_more(name: str, counting: Counting) -> StatementError:
    what, value = ("maximum", counting.most) if counting.increment > 0 else ("minimum", counting.least)
    return StatementError("2200H", f'nextval: reached {what} value of sequence "{name}" ({value})')


def rows(sequences: Callable[[], Sequences]) -> list[tuple[str, int, Callable[..., Any]]]:
    """Name, number of arguments and function, as :mod:`ha.sqlite.functions` registers them."""
    return [
        ("nextval", 1, lambda name: None if name is None else sequences().nextval(name)),
        ("currval", 1, lambda name: None if name is None else sequences().currval(name)),
        ("lastval", 0, lambda: sequences().lastval()),
        ("setval", 2, lambda name, value: sequences().setval(name, value)),
        ("setval", 3, lambda name, value, called: sequences().setval(name, value, called)),
    ]


def _plain(name: str) -> str:
    return name[1:-1].replace('""', '"') if name[0] == '"' else name.lower()


def _shown(name: Any) -> str:
    match = _PARTS.match(str(name))
    return _plain(match[2]) if match else str(name)
