"""What a database holds, as hashes: equal on all nodes at one position of the log.

A walk over all tables, in slices: each takes up where the one before ended and reads so many rows and no more, so that a
comparison costs the same whatever the tables hold. The schema and the sequences are in every slice. A value counts with its type.

Blocks while it reads a slice: for a deferred thread, inside the caller's read transaction.
"""

from __future__ import annotations

import hashlib
import time
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from ha.sqlite import tables as schema
from ha.sqlite.connection import Connection
from ha.sqlite.tables import Table, quoted
from ha.values import Row

#: Under which names the schema's hash and the sequences' stand.
SCHEMA: Final = "sqlite_schema"
SEQUENCES: Final = "sqlite_sequence"

#: A slice ends behind so many rows, or so many bytes of them: some 0.2 s of a thread.
SLICE_ROWS: Final = 50_000
SLICE_BYTES: Final = 16 * 1024 * 1024

#: After so many rows the thread steps aside for a moment (seconds): Python's rows hold the interpreter.
ROWS_PER_TURN: Final = 500
ASIDE_S: Final = 0.001


@dataclass(frozen=True, slots=True)
class Place:
    """Where a slice begins: behind the row of this key, in this table. The empty one is the beginning of all.

    :param key: empty: with the table's first row.
    """

    table: str = ""
    key: Row = ()


@dataclass(frozen=True, slots=True)
class Slice:
    """One slice's hashes by table, and where the next one begins; after the last one comes the beginning."""

    hashes: dict[str, str]
    next: Place


def hash_slice(
    connection: Connection, place: Place = Place(), rows_max: int = SLICE_ROWS, bytes_max: int = SLICE_BYTES
) -> Slice:
    """The slice that begins at `place`: the same on all nodes that hold the same."""
    with connection.guard.trusted():
        tables = schema.of(connection)
        tables.refresh()
        hashes = {
            SCHEMA: _hash_all(
                connection,
                "SELECT type, name, tbl_name, sql FROM main.sqlite_schema"
                " WHERE name NOT LIKE 'ha\\_%' ESCAPE '\\' AND tbl_name NOT LIKE 'ha\\_%' ESCAPE '\\'"
                " AND name NOT LIKE 'sqlite\\_stat%' ESCAPE '\\' ORDER BY type, name",
            )
        }
        if tables.has_sequences:
            hashes[SEQUENCES] = _hash_all(
                connection, "SELECT * FROM main.sqlite_sequence WHERE name NOT LIKE 'ha\\_%' ESCAPE '\\' ORDER BY name"
            )
        budget = _Budget(rows_max, bytes_max)
        for name in sorted(tables.names()):
            table = tables[name]
            if name < place.table or table.kind == "virtual":
                continue
            if budget.is_spent:
                return Slice(hashes, Place(name))
            after = place.key if name == place.table else ()
            hashes[name], last = _hash_table(connection, table, after, budget)
            if last:
                return Slice(hashes, Place(name, last))
    return Slice(hashes, Place())


class _Budget:
    """How much a slice may still read."""

    def __init__(self, rows: int, size_bytes: int) -> None:
        self._rows = rows
        self._bytes = size_bytes

    @property
    def is_spent(self) -> bool:
        """Whether the slice ends here."""
        return self._rows <= 0 or self._bytes <= 0

    def spend(self, size_bytes: int) -> None:
        """A row of that size was read."""
        self._rows -= 1
        self._bytes -= size_bytes
        if self._rows % ROWS_PER_TURN == 0:
            time.sleep(ASIDE_S)


def _hash_table(connection: Connection, table: Table, after: Row, budget: _Budget) -> tuple[str, Row]:
    """The hash of the table's next rows, and the key of the last one if there may be more."""
    try:
        return _hash_rows(connection, table, after, budget, "*")
    except UnicodeDecodeError:  # text that is not UTF-8: as bytes then, on every node that holds the same
        exact = ", ".join(f"typeof({name}), CAST({name} AS BLOB)" for name in map(quoted, table.columns))
        return _hash_rows(connection, table, after, budget, exact)


def _hash_rows(connection: Connection, table: Table, after: Row, budget: _Budget, columns: str) -> tuple[str, Row]:
    summing = hashlib.blake2b(digest_size=16)
    keys = _keys(connection, table)
    # Without a rowid the key is among the columns, and in bytes it would be no place to go on from.
    sliced = bool(keys) and (table.rowid is not None or columns == "*")
    sql = f"SELECT {', '.join([*(keys if sliced else ()), columns])} FROM main.{quoted(table.name)}"
    if after and len(after) == len(keys):
        sql += f" WHERE ({', '.join(keys)}) > ({', '.join('?' * len(keys))})"
    else:
        after = ()
    sql += " ORDER BY " + ", ".join(keys or map(quoted, table.columns))
    with closing(connection.cursor()) as cursor:
        for row in cursor.execute(sql, after):
            # repr tells 1 from 1.0 from '1' from b'1', and writes each float as itself.
            body = repr(row).encode("utf-8", "surrogatepass")
            summing.update(body)
            budget.spend(len(body))
            if sliced and budget.is_spent:
                return summing.hexdigest(), row[: len(keys)]
    return summing.hexdigest(), ()


def _keys(connection: Connection, table: Table) -> list[str]:
    """What orders the table's rows and is never NULL; nothing where there is none: then it is read whole."""
    if table.rowid is not None:
        return [table.rowid]
    if not table.without_rowid:
        return []
    found = connection.execute("SELECT name FROM pragma_table_info(?, 'main') WHERE pk ORDER BY pk", (table.name,))
    return [quoted(str(name)) for (name,) in found.fetchall()]


def _hash_all(connection: Connection, sql: str) -> str:
    summing = hashlib.blake2b(digest_size=16)
    for row in connection.execute(sql):
        summing.update(repr(row).encode("utf-8", "surrogatepass"))
    return summing.hexdigest()
