"""The plain values that pass between the doors and the database. [pure]

Statements and parameters go in, answers come out; nothing here holds a connection, a socket or a closure
over a session, because doors and readers are meant to move into processes of their own one day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ha.errors import Notice

#: What SQLite can hold in a column: NULL, INTEGER (64 bits), REAL, TEXT, BLOB.
Value = None | int | float | str | bytes

#: A row of a result, positional to the answer's columns.
Row = tuple[Value, ...]

#: Values for a statement's parameters: positional, or by name without the ``:``, ``@`` or ``$``.
Parameters = Sequence[Value] | dict[str, Value]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a result.

    :param name: as the client shall see it.
    :param decltype: the declared type's words where the column comes from a table (``varchar(20)``), else None.
    :param table: the table it comes from, or None.
    :param origin: that table's column, or None.
    :param expression: what inference says of an expression: a PostgreSQL type name (``int8``, ``bool``) or None.
    :param table_oid: the table's OID as the catalog shows it, or 0.
    :param attribute: the column's attribute number there, from 1, or 0.
    """

    name: str
    decltype: str | None = None
    table: str | None = None
    origin: str | None = None
    expression: str | None = None
    table_oid: int = 0
    attribute: int = 0


@dataclass(frozen=True, slots=True)
class Description:
    """What a statement will want and give, found without running it.

    :param parameters: a PostgreSQL type name for each parameter, or None where nothing is known.
    :param columns: None for a statement that answers no rows.
    :param exact: parameters, from 1, whose values are wanted with all their digits, where they are numerics.
    """

    parameters: tuple[str | None, ...]
    columns: tuple[Column, ...] | None
    exact: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Activity:
    """What one client does: a row of ``pg_stat_activity``. Times are seconds since 1970.

    :param pid: the number it is known by.
    :param state: ``active``, ``idle``, ``idle in transaction`` or ``idle in transaction (aborted)``.
    :param query: its latest statement's text.
    :param transaction_start: None outside a transaction.
    """

    pid: int
    database: str
    user: str
    application: str
    state: str
    query: str
    backend_start: float
    transaction_start: float | None
    query_start: float


@dataclass(frozen=True, slots=True)
class NamedStatement:
    """A statement that a client has prepared under a name: a row of ``pg_prepared_statements``.

    :param types: of its parameters, as ``format_type()`` says them.
    :param made: when, in seconds since 1970.
    :param by_sql: by PREPARE, not by the protocol.
    """

    name: str
    text: str
    types: tuple[str, ...]
    made: float
    by_sql: bool


@dataclass(frozen=True, slots=True)
class Signature:
    """One of PostgreSQL's functions.

    :param arguments: the numbers of its arguments' types.
    :param result: that of its result's.
    """

    name: str
    arguments: tuple[int, ...]
    result: int


@dataclass(frozen=True, slots=True)
class NamedCursor:
    """A cursor or portal that a client has named: a row of ``pg_cursors``.

    :param made: when, in seconds since 1970.
    """

    name: str
    text: str
    holdable: bool
    binary: bool
    scrollable: bool
    made: float


class RowStream(Protocol):
    """The rows after an answer's first batch. It holds a reading connection: close it, always."""

    async def next(self, rows_max: int) -> tuple[list[Row], bool]:
        """The next rows, at most `rows_max`, and whether these were the last.

        :raises ha.errors.StatementError: cancelled, timed out, or SQLite's own.
        """

    def close(self) -> None:
        """Give the connection back. May be called twice."""


@dataclass(slots=True)
class Answer:
    """What one statement answered.

    :param verb: PostgreSQL's command tag without its count: ``SELECT``, ``INSERT``, ``CREATE TABLE``.
    :param columns: None for a statement that answers no rows.
    :param rows: the first batch; all of them when `rest` is None.
    :param affected: rows inserted, updated or deleted; None where the tag carries no count.
    :param last_insert_id: SQLite's ``last_insert_rowid`` after an INSERT of this statement, else None.
    :param rest: the rows that follow, or None.
    """

    verb: str
    columns: tuple[Column, ...] | None = None
    rows: list[Row] = field(default_factory=list)
    affected: int | None = None
    last_insert_id: int | None = None
    rest: RowStream | None = None
    notices: list[Notice] = field(default_factory=list)
