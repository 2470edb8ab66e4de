"""Run one statement and take its rows in batches that are bounded in number and in bytes.

Nothing here decides where it runs; the functions are called inside a function handed to a lane.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

import apsw

from ha.errors import StatementError
from ha.sqlite.capture import Capture
from ha.sqlite.connection import Connection, Facts
from ha.sqlite.faults import translate
from ha.values import Parameters, Row

#: Rows taken between two looks at their size.
SLICE_ROWS = 64

#: A batch ends when its text and blobs come to so many bytes; one row may be larger, up to SQLite's own limit.
BATCH_BYTES_MAX = 1024 * 1024


class Cursor:
    """A statement that has begun, and the rows it has not given yet.

    :param connection: runs it; nobody else may use the connection's transaction until the cursor is closed.
    """

    __slots__ = ("_cursor", "_waiting", "connection", "finished", "sql")

    def __init__(self, connection: Connection, sql: str, values: Parameters) -> None:
        self.connection = connection
        self.sql = sql
        self.finished = False
        self._waiting: list[Row] = []
        try:
            self._cursor: Any = connection.execute(sql, values)
        except apsw.Error as error:
            raise translate(error, connection, sql) from error

    def take(self, rows_max: int, bytes_max: int = BATCH_BYTES_MAX) -> list[Row]:
        """The next rows, at most so many, and not many more bytes. `finished` tells whether any are left.

        :raises StatementError: what SQLite found wrong on the way.
        """
        rows = self._waiting
        self._waiting = []
        size = 0
        try:
            while True:
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
                if size > bytes_max:
                    return rows
        except BaseException as error:
            self.close()
            if isinstance(error, apsw.Error):
                raise translate(error, self.connection, self.sql) from error
            raise

    def take_all(self, bytes_max: int) -> list[Row]:
        """Every row that is left.

        :raises StatementError: 54000, they come to more than `bytes_max`.
        """
        rows: list[Row] = []
        size = 0
        while not self.finished:
            more = self.take(1_000)
            size += bytes_of(more) + 64 * len(more)
            if size > bytes_max:
                raise StatementError(
                    "54000",
                    f"the result is larger than {bytes_max} bytes",
                    hint="Ask for it in a statement of its own: its rows are streamed.",
                )
            rows += more
        return rows

    def close(self) -> None:
        """Forget the rows that are left."""
        self.finished = True
        self._cursor.close(True)


def bytes_of(rows: list[Row]) -> int:
    """How many bytes of text and blobs `rows` hold, about."""
    return sum(len(value) for row in rows for value in row if value.__class__ is str or value.__class__ is bytes)


def facts_of(connection: Connection, sql: str) -> Facts:
    """:meth:`Connection.facts`, with SQLite's errors as ours.

    :raises StatementError: SQLite cannot prepare it, or the guard refuses it.
    """
    try:
        return connection.facts(sql)
    except apsw.Error as error:
        raise translate(error, connection, sql) from error


def run_write(
    connection: Connection, capture: Capture, sql: str, values: Parameters, facts: Facts, rows_bytes_max: int
) -> tuple[list[Row], int, int]:
    """Run a statement that writes, to its end, and collect its row changes.

    :returns: the rows of its RETURNING, how many rows it changed, and the last rowid it inserted.
    """
    cursor = Cursor(connection, sql, values)
    rows = cursor.take_all(rows_bytes_max) if facts.columns else []
    capture.after_statement(sql, may_change_schema=facts.changes_schema)
    return rows, connection.changes(), connection.last_insert_rowid()


def insert_rows(
    connection: Connection, capture: Capture, table: str, columns: Sequence[str], rows: Sequence[Row]
) -> int:
    """Insert `rows` into `table`, as COPY does.

    :param columns: empty means the table's own, in its order.
    """
    names = f" ({', '.join(map(quoted, columns))})" if columns else ""
    marks = ", ".join("?" * len(rows[0])) if rows else ""
    sql = f"INSERT INTO {quoted(table)}{names} VALUES ({marks})"
    try:
        connection.cursor().executemany(sql, rows)
    except apsw.Error as error:
        raise translate(error, connection, sql) from error
    capture.after_statement(sql, may_change_schema=False)
    return len(rows)


def quoted(name: str) -> str:
    """`name` as an identifier in SQL."""
    return '"' + name.replace('"', '""') + '"'
