"""Rows that a message of the log left without the row that they refer to.

The log is applied with foreign keys off, because their effects are in the images. So where two nodes wrote without having seen
one another, one may have deleted what the other refers to. Nothing is mended; who noticed is told.

Runs inside the caller's transaction, in whatever thread holds the writer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from ha.sqlite import tables as schema
from ha.sqlite.connection import Connection
from ha.sqlite.rowchange import Event, row_key
from ha.sqlite.tables import ForeignKeyPart, Table, quoted
from ha.values import Row, Value

#: Rows that are told of one parent that went away: who has lost more than that looks for himself.
CHILDREN_MAX: Final = 100


class Orphan(NamedTuple):
    """A row whose parent is not there.

    :param parent: the table and the key of the row that it refers to, by the parent's primary key; None: by other columns.
    :param came: the row itself came with the message; else it was there, and its parent went.
    """

    table: str
    key: Row
    rowid: int | None
    columns: tuple[str, ...]
    values: Row
    parent: tuple[str, Row] | None
    came: bool


class Reference(NamedTuple):
    """One foreign key: which columns of the child name which ones of the parent."""

    child: Table
    child_places: tuple[int, ...]
    parent: Table
    parent_places: tuple[int, ...]


def orphans(connection: Connection, events: Sequence[Event]) -> Iterator[Orphan]:
    """The rows that refer to nothing because of `events`, which were done to the file."""
    tables = schema.of(connection)
    if not tables.reactive:
        return
    touched = {event.table.lower() for event in events}
    for reference in references(connection, touched):
        child, parent = reference.child, reference.parent
        if child.name.lower() in touched:
            for rowid, values in _last(events, child):
                wanted = _picked(values, reference.child_places)
                if None not in wanted and not _is_there(connection, parent, reference.parent_places, wanted):
                    yield _orphan(reference, rowid, values, wanted, came=True)
        if parent.name.lower() in touched:
            for gone in _gone(events, parent, reference.parent_places):
                if None in gone or _is_there(connection, parent, reference.parent_places, gone):
                    continue
                for row in _rows(connection, child, reference.child_places, gone):
                    number, held = (None, row) if child.rowid is None else (row[0], row[1:])
                    yield _orphan(reference, number, held, gone, came=False)


def references(connection: Connection, touched: set[str]) -> Iterator[Reference]:
    """The foreign keys of, or to, the tables that were touched."""
    tables = schema.of(connection)
    found: dict[tuple[str, int], list[ForeignKeyPart]] = {}
    for part in tables.foreign_keys():
        if part.child.lower() in touched or part.parent.lower() in touched:
            found.setdefault((part.child, part.number), []).append(part)
    for (name, _), parts in found.items():
        child_table, parent_table = tables.get(name), tables.get(parts[0].parent)
        if child_table is None or parent_table is None:
            continue
        names: list[Any] = [part.key for part in parts]
        if None in names:  # the primary key, in its own order
            declared = "SELECT name FROM pragma_table_info(?, 'main') WHERE pk ORDER BY pk"
            names = [column for (column,) in connection.execute(declared, (parent_table.name,)).fetchall()]
        places = _places(child_table, [part.column for part in parts]), _places(parent_table, names)
        if places[0] is not None and places[1] is not None and len(places[0]) == len(places[1]):
            yield Reference(child_table, places[0], parent_table, places[1])


def _places(table: Table, names: Sequence[str]) -> tuple[int, ...] | None:
    """Where those columns stand; None when one is not stored."""
    at = {column.lower(): place for place, column in enumerate(table.columns)}
    if any(name.lower() not in at for name in names):
        return None
    return tuple([at[name.lower()] for name in names])


def _last(events: Sequence[Event], table: Table) -> list[tuple[int | None, Row]]:
    """The rows of the table that are there after `events`, of those that these wrote."""
    rows: dict[Row, tuple[int | None, Row]] = {}
    for event in events:
        if event.table == table.name:
            if event.old_values is not None:
                rows.pop(_slot(table, event.old_rowid, event.old_values), None)
            if event.new_values is not None:
                rows[_slot(table, event.new_rowid, event.new_values)] = event.new_rowid, event.new_values
    return list(rows.values())


def _gone(events: Sequence[Event], table: Table, places: tuple[int, ...]) -> set[Row]:
    """What could be referred to before `events`, of the rows that these wrote."""
    return {
        _picked(event.old_values, places)
        for event in events
        if event.table == table.name and event.old_values is not None
    }


def _slot(table: Table, rowid: int | None, values: Row) -> Row:
    return _picked(values, table.shape.key) if table.without_rowid else (rowid,)


def _picked(values: Row, places: tuple[int, ...]) -> Row:
    return tuple([values[place] for place in places])


def _where(table: Table, places: tuple[int, ...]) -> str:
    return " AND ".join(f"{quoted(table.columns[place])} = ?" for place in places)


def _is_there(connection: Connection, table: Table, places: tuple[int, ...], values: Row) -> bool:
    sql = f"SELECT 1 FROM main.{quoted(table.name)} WHERE {_where(table, places)} LIMIT 1"
    return connection.execute(sql, values).get is not None


def _rows(connection: Connection, table: Table, places: tuple[int, ...], values: Row) -> list[tuple[Value, ...]]:
    columns = [quoted(column) for column in table.columns]
    if table.rowid is not None:
        columns.insert(0, table.rowid)
    sql = f"SELECT {', '.join(columns)} FROM main.{quoted(table.name)} WHERE {_where(table, places)} LIMIT ?"
    return connection.execute(sql, (*values, CHILDREN_MAX)).fetchall()


def _orphan(reference: Reference, rowid: Value, values: Row, wanted: Row, *, came: bool) -> Orphan:
    child, parent = reference.child, reference.parent
    key = row_key(_picked(values, child.shape.key), rowid)
    by_key = sorted(reference.parent_places) == sorted(parent.shape.key)
    if by_key:
        value_at = dict(zip(reference.parent_places, wanted, strict=True))
        known = parent.name.lower(), tuple([value_at[place] for place in parent.shape.key])
    return Orphan(
        child.name,
        key,
        rowid if isinstance(rowid, int) else None,
        child.columns,
        values,
        known if by_key else None,
        came,
    )
