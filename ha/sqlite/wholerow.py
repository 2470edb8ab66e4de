"""Rows read by SQL, to the bit, where SQLite's hook cannot give them.

The stored columns only; text that is not UTF-8 comes as :class:`ha.sqlite.rowchange.RawText`. May run inside the
preupdate hook: it only reads, and never from an index, which at that moment may hold the row that is on its way.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import apsw

from ha.sqlite.rowchange import RawText
from ha.sqlite.tables import Table, quoted
from ha.values import Row, Value


def read_row(connection: apsw.Connection, table: Table, key: Any) -> Row | None:
    """The row with that rowid, in tables without rowids with that whole primary key; or None."""
    if table.rowid is None:
        where, bound = " AND ".join(f"{quoted(name)} IS ?" for name in table.pk_columns), key
    else:
        where, bound = f"{table.rowid} = ?", (key,)
    row = connection.execute(
        f"SELECT {_columns(table)} FROM main.{quoted(table.name)} {_itself(table)} WHERE {where}", bound
    ).fetchone()
    return None if row is None else _whole(row)


def read_all(connection: apsw.Connection, table: Table) -> dict[Any, Row]:
    """All rows of a table: by rowid, or without rowids by their primary keys."""
    first = "NULL" if table.rowid is None else table.rowid
    rows: Iterable[Any] = connection.execute(
        f"SELECT {first}, {_columns(table)} FROM main.{quoted(table.name)} {_itself(table)}"
    )
    if table.rowid is not None:
        return {rowid: _whole(row) for rowid, *row in rows}
    key = table.shape.key
    return {tuple([row[at] for at in key]): row for row in (_whole(row) for _, *row in rows)}


def _itself(table: Table) -> str:
    return "NOT INDEXED" if table.pk_index is None else f"INDEXED BY {quoted(table.pk_index)}"


def _columns(table: Table) -> str:
    # Text is asked for as bytes: apsw would decode it, and the decoding is what fails.
    return ", ".join(
        f"CASE typeof({name}) WHEN 'text' THEN CAST({name} AS BLOB) ELSE {name} END, typeof({name})"
        for name in map(quoted, table.columns)
    )


def _whole(row: Sequence[Any]) -> Row:
    values: list[Value] = []
    for value, kind in zip(row[::2], row[1::2], strict=True):
        if kind == "text":
            try:
                values.append(value.decode())
            except UnicodeDecodeError:
                values.append(RawText(value))
        else:
            values.append(value)
    return tuple(values)
