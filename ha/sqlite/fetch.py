"""Run one statement and take its rows in batches that are bounded in number and in bytes.

Nothing here decides where it runs; the functions are called inside a function handed to a lane.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

import apsw

from ha.errors import StatementError
from ha.sql.assignments import fitting_mark
from ha.sql.carried import BOUND_MAX
from ha.sql.systemcolumns import INSERTED
from ha.sqlite import capture as captures
from ha.sqlite.capture import Capture, bytes_of
from ha.sqlite.connection import Connection, Facts
from ha.sqlite.declared import Declared
from ha.sqlite.faults import translate
from ha.sqlite.insertion import insert_each
from ha.values import Parameters, Row

#: Rows taken between two looks at their size.
SLICE_ROWS = 64

#: What a row costs besides its text and blobs: a tuple and its numbers, about.
ROW_BYTES = 64

#: A client's mistakes, as apsw raises them: values that SQLite cannot hold are Python's own errors.
MISTAKES = (apsw.Error, OverflowError, UnicodeError, MemoryError)

#: A rowid that no row of a client's has.
NO_ROWID = -(1 << 63)

#: A batch ends when its text and blobs come to so many bytes; one row may be larger, up to SQLite's own limit.
BATCH_BYTES_MAX = 1024 * 1024


def bound(values: Parameters) -> Parameters:
    """What SQLite binds of them: themselves, or what :mod:`ha.sql.carried` has it ask for each."""
    if len(values) <= BOUND_MAX or isinstance(values, dict):
        return values
    return (apsw.pyobject(tuple(values)),)  # type: ignore[return-value]


def first_rows(connection: Connection, sql: str, values: Parameters, rows_max: int) -> tuple[list[Row], Cursor | None]:
    """Run a statement and take its first rows, at most so many.

    :returns: them, and what is left; None, if these were all: most results are short.
    :raises StatementError: what SQLite found wrong.
    """
    running: Any = None
    wanted = SLICE_ROWS if rows_max >= SLICE_ROWS else rows_max + 1
    try:
        if len(values) > BOUND_MAX:
            values = bound(values)
        running = connection.take_cursor()
        rows = list(islice(running.execute(sql, values), wanted))
    except BaseException as error:
        if running is not None:
            running.close(True)
        if isinstance(error, MISTAKES):
            raise translate(error, connection, sql, values) from error
        raise
    if len(rows) < wanted:
        connection.cursor_at_rest = running
        return rows, None
    cursor = Cursor(connection, sql, values, running, rows)
    rows = cursor.take(rows_max)
    return rows, None if cursor.finished else cursor


class Cursor:
    """A statement that has begun, and the rows it has not given yet.

    :param connection: runs it; nobody else may use the connection's transaction until the cursor is closed.
    :param running: SQLite's cursor of it; without, it begins here.
    :param waiting: rows that were taken from that.
    """

    __slots__ = ("_cursor", "_waiting", "connection", "finished", "sql", "values")

    def __init__(
        self, connection: Connection, sql: str, values: Parameters, running: Any = None, waiting: Sequence[Row] = ()
    ) -> None:
        self.connection = connection
        self.sql = sql
        self.values = values = bound(values)
        self.finished = False
        self._waiting = list(waiting)
        try:
            self._cursor: Any = running or connection.execute(sql, values)
        except MISTAKES as error:
            raise translate(error, connection, sql, values) from error

    def take(self, rows_max: int, bytes_max: int = BATCH_BYTES_MAX) -> list[Row]:
        """The next rows, at most so many, and not many more bytes. `finished` tells whether any are left.

        :raises StatementError: what SQLite found wrong on the way.
        """
        rows = self._waiting
        self._waiting = []
        size = bytes_of(rows)
        try:
            while size <= bytes_max:
                more = list(islice(self._cursor, min(SLICE_ROWS, rows_max + 1 - len(rows))))
                rows += more
                if len(rows) > rows_max:
                    self._waiting = rows[rows_max:]
                    del rows[rows_max:]
                    return rows
                if len(more) < SLICE_ROWS:
                    self.finished = True
                    return rows
                size += bytes_of(more)
            return rows
        except BaseException as error:
            self.close()
            if isinstance(error, MISTAKES):
                raise translate(error, self.connection, self.sql, self.values) from error
            raise

    def take_all(self, allowance: Allowance) -> list[Row]:
        """Every row that is left.

        :raises StatementError: 54000, they come to more than is allowed.
        """
        rows: list[Row] = []
        try:
            while not self.finished:
                more = self.take(1_000)
                allowance.spend(more)
                rows += more
        finally:
            self.close()
        return rows

    def close(self) -> None:
        """Forget the rows that are left."""
        self.finished = True
        self._cursor.close(True)


class Allowance:
    """How much may be held at once of results that cannot be streamed: RETURNING, and statements of a batch.

    :param bytes_max: of all results that share it.
    """

    __slots__ = ("_bytes_max", "_left")

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = self._left = bytes_max

    def spend(self, rows: list[Row]) -> None:
        """These are held now.

        :raises StatementError: 54000, they are too much.
        """
        self._left -= bytes_of(rows) + ROW_BYTES * len(rows)
        if self._left < 0:
            raise StatementError(
                "54000",
                f"results of more than {self._bytes_max} bytes cannot be held at once",
                hint="Ask for fewer rows, or read them with a SELECT of its own: its rows are streamed.",
            )


def facts_of(connection: Connection, sql: str) -> Facts:
    """:meth:`Connection.facts`, with SQLite's errors as ours.

    :raises StatementError: SQLite cannot prepare it, or the guard refuses it.
    """
    try:
        return connection.facts(sql)
    except apsw.Error as error:
        raise translate(error, connection, sql) from error


def run_write(
    connection: Connection, capture: Capture, sql: str, values: Parameters, facts: Facts, allowance: Allowance
) -> tuple[list[Row], int, int | None]:
    """Run a statement that writes, to its end, and collect its row changes.

    :returns: the rows of its RETURNING, how many rows it changed, and the last rowid it inserted, if it did.
    """
    before, since = connection.last_insert_rowid(), capture.count
    asks = INSERTED in sql
    if asks:  # whether each row was inserted: no earlier statement's may count
        connection.set_last_insert_rowid(NO_ROWID)
    try:
        cursor = Cursor(connection, sql, values)
        rows = cursor.take_all(allowance) if facts.columns else []
    finally:
        if asks and connection.last_insert_rowid() == NO_ROWID:
            connection.set_last_insert_rowid(before)
    capture.after_statement(sql, may_change_schema=facts.changes_schema)
    # SQLite keeps the rowid of an earlier statement's INSERT, and two tables may give the same one.
    last = connection.last_insert_rowid()
    return rows, connection.changes(), last if last != before or capture.inserted(last, since) else None


def check_parameters(names: Sequence[str | None], values: Parameters) -> None:
    """Whether there is one value for each parameter. SQLite would take NULL for those without.

    :param names: the statement's parameters, as :class:`ha.sqlite.connection.Facts` has them.
    :raises StatementError: 42P02, a value is missing; 07001, there are too many.
    """
    if isinstance(values, dict):
        wanted = set(names)
        for name in names:
            if name is None:
                raise StatementError("07001", "the statement's parameters have no names", hint="Give a list of values.")
            if name not in values:
                raise StatementError("42P02", f'there is no value for parameter "{name}"')
        for name in values:
            if name not in wanted:
                raise StatementError("07001", f'there is no parameter "{name}" for the value given')
    elif len(values) < len(names):
        missing = f"${len(values) + 1}"
        if values:
            raise StatementError(
                "42P02", f"the statement has {len(names)} parameter(s), but {len(values)} value(s) were given"
            )
        raise StatementError("42P02", f"there is no parameter {missing}")
    elif len(values) > len(names):
        raise StatementError(
            "07001", f"the statement has {len(names)} parameter(s), but {len(values)} value(s) were given"
        )


def insert_rows(connection: Connection, table: str, columns: Sequence[str], rows: Sequence[Row]) -> int:
    """Insert `rows` into `table`, as COPY does.

    :param columns: empty means the table's own, in its order.
    :param rows: values of the columns' types; lengths and scales are seen to here.
    """
    names = f" ({', '.join(map(quoted, columns))})" if columns else ""
    declared = Declared(connection)
    own = columns or declared.columns(table) or ()
    marks = [
        fitting_mark(declared.column_type(table, own[at]) if at < len(own) else None)
        for at in range(len(rows[0]) if rows else 0)
    ]
    sql = f"INSERT INTO {quoted(table)}{names} VALUES ({', '.join(marks)})"
    if any(mark != "?" for mark in marks):
        with one_of(connection, sql, rows):
            connection.cursor().executemany(sql, rows)
        captures.of(connection).after_statement(sql, may_change_schema=False)
    else:
        with one_of(connection, sql, rows):
            insert_each(connection, sql, table, columns, rows)
    return len(rows)


@contextmanager
def one_of(connection: Connection, sql: str, rows: Sequence[Any]) -> Iterator[None]:
    """In here `sql` is run once for each of `rows`: an error is one row's fault, and its `index` says which.

    :raises StatementError: what SQLite found wrong.
    """
    before = connection.total_changes()
    try:
        yield
    except MISTAKES as error:
        # As many were inserted before the one that failed, unless triggers wrote as well.
        at = min(connection.total_changes() - before, len(rows) - 1)
        told = translate(error, connection, sql, rows[at])
        told.index = at
        raise told from error


def quoted(name: str) -> str:
    """`name` as an identifier in SQL."""
    return '"' + name.replace('"', '""') + '"'
