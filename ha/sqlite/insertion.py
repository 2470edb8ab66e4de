"""One INSERT for each of many rows, whose images are known before it runs.

SQLite's hook costs more than the insert itself. Where a table does nothing on its own (``Table.simple``) and each value is of its
column's own type, the row that is stored is the row that was given, and its rowid follows from SQLite's rule for rowids
(https://www.sqlite.org/autoinc.html). So the hook is not asked; that as many rows changed as were given, and that the last rowid is
the one foreseen, is looked at behind.

Runs in whatever thread has the writing connection.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ha.sqlite import capture as captures
from ha.sqlite.connection import Connection
from ha.sqlite.tables import Table, is_local, quoted
from ha.values import Row, Value

#: Rowids beyond are chosen at random.
ROWID_MAX = 2**63 - 1

#: What a column keeps as it is given, by its affinity.
_NULL = type(None)
_KEPT = {
    "TEXT": frozenset((str, bytes, _NULL)),
    "INTEGER": frozenset((int, bytes, _NULL)),
    "NUMERIC": frozenset((int, bytes, _NULL)),
    "REAL": frozenset((float, bytes, _NULL)),
    "BLOB": frozenset((int, float, str, bytes, _NULL)),
}


class Foreseen(NamedTuple):
    """What an INSERT for each of many rows will do.

    :param table: which does nothing else.
    :param rows: as they will be stored.
    :param rowids: theirs; None in a table without.
    :param last: the rowid that the last one must get, where SQLite chooses.
    """

    table: Table
    rows: Sequence[Row]
    rowids: Sequence[int | None]
    last: int | None


def insert_each(connection: Connection, sql: str, name: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Run `sql` once for each of `rows`, and collect what it does, foreseen or not.

    The parameters and exceptions are those of :func:`foresee` and :func:`insert_foreseen`.
    """
    foreseen = foresee(connection, name, columns, rows)
    if foreseen is not None:
        insert_foreseen(connection, sql, rows, foreseen)
        return
    connection.cursor().executemany(sql, rows)
    captures.of(connection).after_statement(sql, may_change_schema=False)


def insert_foreseen(connection: Connection, sql: str, rows: Sequence[Row], foreseen: Foreseen) -> None:
    """Run `sql` once for each of `rows`; what it does is known.

    :param sql: an INSERT of one row, whose values are its parameters and nothing else.
    :raises apsw.Error: of the first row that could not be inserted. Those before it are in the file, and were not collected:
        the caller goes back to where it was.
    """
    capture = captures.of(connection)
    before = connection.total_changes()
    with capture.aside():
        connection.cursor().executemany(sql, rows)
    name = foreseen.table.name
    assert connection.total_changes() - before == len(rows), f"an INSERT into {name} did more than was foreseen"
    if foreseen.last is not None:
        assert connection.last_insert_rowid() == foreseen.last, f"rows of {name} have other rowids than were foreseen"
    capture.inserted_rows(foreseen.table, foreseen.rowids, foreseen.rows)


def foresee(connection: Connection, name: str, columns: Sequence[str], rows: Sequence[Row]) -> Foreseen | None:
    """What becomes of `rows` when each is inserted; None where that cannot be said.

    :param name: the table.
    :param columns: those that the rows are for; empty: the table's own, in its order.
    """
    if connection.guard.private or is_local(name) or not rows:  # a TEMP table may have the name
        return None
    tables = captures.of(connection).tables
    table = tables.get(name)
    if table is None or not table.simple:
        return None
    lower = [column.lower() for column in columns or table.columns]
    given = dict(zip(lower, zip(*rows, strict=True), strict=False))
    if len(given) != len(rows[0]):
        return None
    alias = table.shape.alias
    stored: list[Sequence[Value]] = []
    chosen = alias is None
    for at, column in enumerate(table.columns):
        values = given.pop(column.lower(), None)
        if values is None:
            if at in table.defaults:
                return None
            values = (None,) * len(rows)
        kinds = set(map(type, values))
        if at == alias:
            chosen = kinds == {_NULL}
            if not chosen and kinds != {int}:
                return None
        elif not kinds <= _KEPT[table.affinities[at]] or (float in kinds and _has_special(values)):
            return None
        stored.append(values)
    if given:
        return None
    rowids: Sequence[int | None] = (None,) * len(rows)
    last = None
    if not table.without_rowid:
        if chosen:
            if table.rowid is None:
                return None
            first = 1 + _largest_rowid(connection, table, counts=table.autoincrement and tables.has_sequences)
            last = first + len(rows) - 1
            if last > ROWID_MAX:
                return None
            rowids = range(first, last + 1)
            if alias is not None:
                stored[alias] = rowids
        else:
            rowids = stored[alias or 0]  # type: ignore[assignment]
    as_given = (
        len(rows[0]) == len(table.columns) and last is None and tuple(lower) == tuple(map(str.lower, table.columns))
    )
    return Foreseen(table, rows if as_given else list(zip(*stored, strict=True)), rowids, last)


def _has_special(values: Sequence[Value]) -> bool:
    """Zeros may lose their sign, and what is no number becomes NULL."""
    return any(value == 0.0 or value != value for value in values if type(value) is float)


def _largest_rowid(connection: Connection, table: Table, *, counts: bool) -> int:
    """The number after which SQLite goes on counting; 0 where there is none."""
    with connection.guard.trusted():
        largest = connection.execute(f"SELECT max({table.rowid}) FROM main.{quoted(table.name)}").get or 0
        if counts:
            counted = connection.execute("SELECT seq FROM main.sqlite_sequence WHERE name = ?", (table.name,)).get
            return max(largest, counted or 0)
    return largest  # type: ignore[no-any-return]
