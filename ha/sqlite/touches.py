"""What a message touches, as numbers: two that have none in common may be put in either order.

Putting images depends on, and changes, nothing but the rows that are found by their keys, their unique values and their
rowids, by which they are displaced, too (:mod:`ha.sqlite.images`). Each of those places is hashed to one number. A message
**writes** the places of all its images, and of the rows it really met; it **refers** to the rows that its foreign keys
name, and to each of its tables as a whole, which only they write whose outcome depends on more than such places: a table with a
partial unique index, the index of a virtual table, a row that had to take another rowid than its own.

Two messages meet if one writes what the other one writes or refers to. Numbers are equal wherever SQLite could take two
values for equal (by collation, or 5 for '5'), and by chance: who meets nobody is proven to, who meets somebody need not.

Inside the caller's transaction, among the house's own statements.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

from ha.sqlite import tables as schema
from ha.sqlite.connection import Connection
from ha.sqlite.orphans import references
from ha.sqlite.rowchange import Change, Event, RawText, RowChange, row_key
from ha.sqlite.tables import Table, Tables
from ha.sqlite.virtual import find
from ha.values import Row, Value

#: A number is so many bytes: by chance, two of a million places meet once in ten million outboxes.
NUMBER_BYTES: Final = 8

#: How text begins that SQLite may take for a number.
_NUMERIC: Final = frozenset("+-.0123456789 \t\n\v\f\r")


@dataclass(slots=True)
class Touches:
    """The places that something writes, and those that it refers to."""

    writes: set[int] = field(default_factory=set)
    refers: set[int] = field(default_factory=set)

    def meet(self, writes: Iterable[int], refers: Iterable[int]) -> bool:
        """Whether what touches these must keep its order with us."""
        return not (
            self.writes.isdisjoint(writes) and self.writes.isdisjoint(refers) and self.refers.isdisjoint(writes)
        )

    def add(self, other: Touches) -> None:
        """These are touched, too."""
        self.writes |= other.writes
        self.refers |= other.refers

    def beyond(self, other: Touches) -> Touches:
        """Those of ours that `other` does not have."""
        return Touches(self.writes - other.writes, self.refers - other.refers)


def packed(numbers: Iterable[int]) -> bytes:
    """A set of numbers, to be kept."""
    kept = tuple(numbers)
    return struct.pack(f"<{len(kept)}q", *kept)


def unpacked(kept: bytes) -> tuple[int, ...]:
    """What :func:`packed` made."""
    return struct.unpack(f"<{len(kept) // NUMBER_BYTES}q", kept)


def touches_of(
    connection: Connection, changes: Sequence[Change], events: Sequence[Event], sequences: Iterable[str]
) -> Touches | None:
    """What putting `changes` touches, which did `events` to this file where it was done already.

    :param changes: the images; empty where the events are all that there is to them, of a run that was executed here.
    :param sequences: the names of those that move.
    :returns: None where that cannot be told: the schema changes.
    """
    tables = schema.of(connection)
    found = Touches()
    homes: dict[tuple[str, Row], int | None] = {}
    for name in sequences:
        found.writes.add(_number(name, "sequence"))
    for change in changes:
        if type(change) is not RowChange:
            return None
        table = _places(connection, tables, change.table, change.columns)
        if table is not None:
            table.add(found, change.old_rowid, change.old_values)
            table.add(found, change.new_rowid, change.new_values)
            if table.hides_rowid and change.new_values is not None:
                homes[table.name, table.key(change.new_rowid, change.new_values)] = change.new_rowid
    moved: dict[tuple[str, Row], int | None] = {}
    for event in events:
        table = _places(connection, tables, event.table, None)
        if table is not None:
            table.add(found, event.old_rowid, event.old_values)
            table.add(found, event.new_rowid, event.new_values)
            if changes and table.hides_rowid and event.new_values is not None:
                moved[table.name, table.key(event.new_rowid, event.new_values)] = event.new_rowid
    for (name, key), rowid in moved.items():
        if homes.get((name, key)) != rowid:
            found.writes.add(_number(name, "whole"))
    return found


class _TablePlaces:
    """How the images of one table, with these columns, are hashed."""

    __slots__ = ("_keys", "_parents", "_rowid", "_source", "_whole", "_writes_whole", "hides_rowid", "key_at", "name")

    def __init__(self, connection: Connection, table: Table, columns: tuple[str, ...]) -> None:
        at = {column: place for place, column in enumerate(columns)}
        self.name = (table.owner or table.name).lower()
        self.hides_rowid = table.rowid is not None and not table.keyed_by_rowid
        known = set(table.columns) <= at.keys()
        uniques = [unique.columns for unique in table.uniques]
        #: Its outcome depends on more than its places.
        self._writes_whole = not known or None in uniques or table.kind != "table"
        self._whole = _number(self.name, "whole")
        #: An index of another table may be rebuilt, of all that it finds there.
        virtual = None if table.owner is None else find(schema.of(connection), table.owner)
        self._source = None if virtual is None or virtual.source is None else _number(virtual.source, "whole")
        self._rowid = _prefix(self.name, "rowid") if table.rowid is not None and table.shape.alias is None else None
        self._keys: list[tuple[bytes, tuple[int, ...]]] = []
        self._parents: list[tuple[bytes, tuple[int, ...]]] = []
        self.key_at: tuple[int, ...] = ()
        if known:
            named = [tuple(table.columns[place] for place in places) for places in uniques if places is not None]
            self.key_at = tuple([at[column] for column in table.pk_columns])
            for names in {tuple(sorted(names)) for names in [table.pk_columns, *named] if names}:
                self._keys.append((_prefix(self.name, *names), tuple([at[column] for column in names])))
            for reference in references(connection, {table.name.lower()}):
                if reference.child.name == table.name:
                    parent = reference.parent
                    pairs = sorted(
                        (parent.columns[there], at[table.columns[here]])
                        for here, there in zip(reference.child_places, reference.parent_places, strict=True)
                    )
                    prefix = _prefix(parent.name.lower(), *[column for column, _ in pairs])
                    self._parents.append((prefix, tuple([place for _, place in pairs])))

    def key(self, rowid: int | None, values: Row) -> Row:
        """Which row it is: by its key, or by its rowid where a part of that is NULL."""
        return row_key(tuple([values[place] for place in self.key_at]), rowid)

    def add(self, found: Touches, rowid: int | None, values: Row | None) -> None:
        """The places of one image."""
        if values is None:
            return
        writes = found.writes
        found.refers.add(self._whole)
        if self._writes_whole or RawText in map(type, values):
            writes.add(self._whole)
        if self._source is not None:
            writes.add(self._source)
        if self._rowid is not None and rowid is not None:
            writes.add(_hashed(self._rowid + b"%d" % rowid))
        for prefix, places in self._keys:
            picked = [values[place] for place in places]
            if None not in picked:
                writes.add(_hashed(prefix + _folded(picked)))
        for prefix, places in self._parents:
            picked = [values[place] for place in places]
            if None not in picked:
                found.refers.add(_hashed(prefix + _folded(picked)))


def _places(connection: Connection, tables: Tables, name: str, columns: tuple[str, ...] | None) -> _TablePlaces | None:
    """The table's, for images with these columns, or its own; None: it is gone, and nothing of it can be put."""
    try:
        return tables.places[name, columns]  # type: ignore[no-any-return]
    except KeyError:
        table = tables.get(name)
        made = None if table is None else _TablePlaces(connection, table, columns or table.columns)
        tables.places[name, columns] = made
        return made


def _prefix(table: str, *columns: str) -> bytes:
    return "\0".join((table.lower(), *columns, "")).encode()


def _number(table: str, what: str) -> int:
    return _hashed(_prefix(table, "", what))


def _hashed(place: bytes) -> int:
    return int.from_bytes(blake2b(place, digest_size=NUMBER_BYTES).digest(), "little", signed=True)


def _folded(values: Sequence[Value]) -> bytes:
    """The same for values that are equal by any collation or affinity of SQLite's."""
    return b"\0".join([b"%d" % value if type(value) is int else _fold(value) for value in values])


def _fold(value: Value) -> bytes:
    if isinstance(value, bytes):
        return b"" if type(value) is RawText else b"x" + value  # the former: its table is written as a whole
    if isinstance(value, str):
        if value[:1] in _NUMERIC:
            try:
                return _fold(int(value))
            except ValueError:
                try:
                    return _fold(float(value))
                except ValueError:
                    pass
        # NOCASE folds ASCII and ends at the first NUL, RTRIM drops blanks.
        return b"'" + value.partition("\0")[0].rstrip(" ").lower().encode()
    if isinstance(value, float):
        return b"%d" % int(value) if value.is_integer() else repr(value).encode()
    return b"%d" % value if value is not None else b""
