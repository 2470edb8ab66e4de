"""What happened to the rows of a database, as plain values. [pure]

:class:`RowChange` is one row's change with its full images, :class:`Command` one statement that changed the
schema; :class:`Record` is everything that one run did to a file, enough to undo it exactly. They are made by
`ha.sqlite.capture`, used by `ha.sqlite.images`, and travel inside `ha.replication.change`'s messages.

Values are SQLite's own five: None, int (64 bits), float, str, bytes. JSON knows only three of them, so
:func:`pack` and :func:`unpack` say how a row of them becomes JSON and comes back bit for bit; orjson writes it,
because it is exact where the standard library is exact and ten times as fast.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from ha.values import Row, Value

INSERT = "INSERT"
UPDATE = "UPDATE"
DELETE = "DELETE"

#: How :func:`pack` marks a value that JSON cannot hold: bytes in base64, text that is not UTF-8 likewise, and the
#: infinities by name.
BLOB = "blob"
TEXT = "text"
REAL = "real"

_INFINITIES = {"Infinity": float("inf"), "-Infinity": float("-inf")}
_PLAIN_TYPES = frozenset({int, str, type(None)})


class RawText(bytes):
    """TEXT that is not valid UTF-8: SQLite keeps any bytes as text, Python's str does not."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        """Never equal to a BLOB of the same bytes."""
        return isinstance(other, RawText) and bytes.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = bytes.__hash__


@dataclass(frozen=True, slots=True)
class Shape:
    """What the schema says of a table, as far as a reader of its changes must know it.

    :param plain: neither the table's name nor a column's needs quoting in SQL.
    :param rowid: a name by which statements reach the hidden rowid, or None (WITHOUT ROWID, or all names taken).
    :param alias: where in the columns the alias of the rowid (INTEGER PRIMARY KEY) stands, or None.
    :param key: where in the columns the primary key's columns stand, in table order; empty without one.
    :param loose: where the columns stand that keep a number as it was given, so that 5 and 5.0 differ.
    :param unique: where the columns stand that are in unique indexes besides the key; None where such an index is
        partial, or on an expression or a generated column.
    """

    plain: bool
    rowid: str | None
    alias: int | None
    key: tuple[int, ...]
    loose: tuple[int, ...]
    unique: tuple[int, ...] | None = ()


class RowChange(NamedTuple):
    """One row inserted, updated or deleted.

    :param columns: all stored columns in table order; the images are positional to it.
    :param pk_columns: the declared primary key's columns in table order; empty without one.
    :param old_rowid: None in tables without rowids, and where there was no row before.
    :param new_rowid: None in tables without rowids, and where there is no row after.
    :param old_values: the row before, or None.
    :param new_values: the row after, or None.
    :param ts_ns: when it was captured, Unix ns.
    :param shape: known where the change was captured, None where it was read from the log.
    """

    table: str
    operation: str
    columns: tuple[str, ...]
    pk_columns: tuple[str, ...]
    old_rowid: int | None
    new_rowid: int | None
    old_values: Row | None
    new_values: Row | None
    ts_ns: int
    shape: Shape | None = None


class Command(NamedTuple):
    """A statement that changed the schema, in its place among the row changes.

    :param retold: what a third-party replica runs instead (:mod:`ha.sqlite.retelling`), or None.
    """

    sql: str
    ts_ns: int
    retold: str | None = None


Change = RowChange | Command


class Inserted(NamedTuple):
    """Many rows that one statement inserted into one table, in their order: the fields of :class:`RowChange` that they share.

    :param rowids: one for each row; None in tables without rowids.
    """

    table: str
    operation: str
    columns: tuple[str, ...]
    pk_columns: tuple[str, ...]
    rowids: Sequence[int | None]
    rows: Sequence[Row]
    ts_ns: int
    shape: Shape

    def each(self) -> Iterator[RowChange]:
        """The rows as changes of their own."""
        table, operation, columns, pk_columns, rowids, rows, ts_ns, shape = self
        for rowid, row in zip(rowids, rows, strict=True):
            yield RowChange(table, operation, columns, pk_columns, None, rowid, None, row, ts_ns, shape)


class Changes(Sequence[Change]):
    """Changes in their order, of which some are kept together; who goes through them need not know. Never changed.

    A change of its own costs more than a row: the collector looks at each again and again, for as long as its transaction lasts.

    :param parts: changes, and :class:`Inserted`.
    """

    __slots__ = ("_count", "parts")

    def __init__(self, parts: Sequence[Change | Inserted]) -> None:
        self.parts = parts
        self._count = sum([len(part.rows) if type(part) is Inserted else 1 for part in parts])

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Change]:
        for part in self.parts:
            if type(part) is Inserted:
                yield from part.each()
            else:
                yield part  # type: ignore[misc]

    def __getitem__(self, at: Any) -> Any:
        return tuple(self)[at]


def parts_of(changes: Sequence[Change]) -> Sequence[Change | Inserted]:
    """`changes` with those together that are kept together."""
    return changes.parts if type(changes) is Changes else changes


def has_commands(changes: Sequence[Change]) -> bool:
    """Whether there is DDL among them."""
    return any(type(change) is Command for change in parts_of(changes))


def joined(lists: Sequence[Sequence[Change]]) -> Sequence[Change]:
    """One behind the other."""
    if any(type(changes) is Changes for changes in lists):
        return Changes([part for changes in lists for part in parts_of(changes)])
    return tuple([change for changes in lists for change in changes])


class Event(NamedTuple):
    """One row as SQLite's hook saw it change; rowids are None in tables without them."""

    table: str
    old_rowid: int | None
    new_rowid: int | None
    old_values: Row | None
    new_values: Row | None


class Author(NamedTuple):
    """Whose a version of a row is that somebody else wrote: known by the row's table and key."""

    table: str
    key: Row
    node: str
    operation: str


@dataclass(frozen=True, slots=True)
class Record:
    """What a run did to the file, in order, and what it moved the sequences from.

    It holds rows only: a run that changed the schema has no record.

    :param sequences: the values that `sqlite_sequence` had before, of those that moved; None for no row.
    :param authors: of versions that the run met and its writer had not seen, as far as they are known.
    :param unseen: the run met a state that its writer had not seen.
    """

    events: tuple[Event, ...]
    sequences: dict[str, int | None] = field(default_factory=dict)
    authors: tuple[Author, ...] = ()
    unseen: bool = False

    @classmethod
    def joined(cls, records: Sequence[Record]) -> Record:
        """What these runs did together, one after the other."""
        if len(records) == 1:
            return records[0]
        sequences: dict[str, int | None] = {}
        for record in reversed(records):  # the first one knows what was there before all
            sequences.update(record.sequences)
        events = tuple([event for record in records for event in record.events])
        authors = tuple([author for record in records for author in record.authors])
        return cls(events, sequences, authors, any(record.unseen for record in records))

    def to_bytes(self) -> bytes:
        """JSON, to be kept in the outbox beside the message."""
        events = [
            [event.table, event.old_rowid, event.new_rowid, *packed(event.old_values), *packed(event.new_values)]
            for event in self.events
        ]
        body: dict[str, Any] = {"events": events, "sequences": self.sequences}
        if self.unseen:
            body["unseen"] = [[one.table, *packed(one.key), one.node, one.operation] for one in self.authors]
        return orjson.dumps(body)

    @classmethod
    def from_bytes(cls, body: bytes) -> Record:
        """:raises ValueError: not what :meth:`to_bytes` wrote."""
        try:
            plain = orjson.loads(body)
            events = tuple(
                Event(table, old_rowid, new_rowid, unpack(old, old_types), unpack(new, new_types))
                for table, old_rowid, new_rowid, old, old_types, new, new_types in plain["events"]
            )
            authors = tuple(
                Author(table, unpack(key, types) or (), node, operation)
                for table, key, types, node, operation in plain.get("unseen", ())
            )
            return cls(events, dict(plain["sequences"]), authors, "unseen" in plain)
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a record: {error!r}") from error


def row_key(declared: Row, rowid: Value) -> Row:
    """By what a row is known in its table: the values of its primary key, where it is declared and whole, else its rowid.

    A NULL before the rowid keeps it apart from the keys of the same table's other rows: 4 by name is another row than 4 by place.
    """
    if not declared:
        return (rowid,)
    return (None, rowid) if None in declared else declared


def pack(values: Sequence[Value]) -> tuple[list[Any], list[str | None]]:
    """A row as JSON values, and for each value how to read it: None where JSON's own type says it."""
    packed_values: list[Any] = []
    types: list[str | None] = []
    for value in values:
        if isinstance(value, bytes):
            packed_values.append(b64encode(value).decode("ascii"))
            types.append(TEXT if type(value) is RawText else BLOB)
        elif isinstance(value, float) and value - value != 0.0:
            packed_values.append(None if value != value else "Infinity" if value > 0 else "-Infinity")
            types.append(None if value != value else REAL)
        else:
            packed_values.append(value)
            types.append(None)
    return packed_values, types


def packed(values: Row | None) -> tuple[Sequence[Any] | None, list[str | None] | None]:
    """:func:`pack`, with None for the types where none is needed; the plain row costs almost nothing."""
    if values is None or _PLAIN_TYPES.issuperset(map(type, values)):
        return values, None
    packed_values, types = pack(values)
    return packed_values, types if any(types) else None


def unpack(values: Sequence[Any] | None, types: Sequence[str | None] | None) -> Row | None:
    """What :func:`packed` made, as the row it was.

    :raises ValueError: an unknown type, a length that differs, or a value that is not of its type.
    """
    if values is None:
        return None
    if types is None:
        return tuple(values)
    if len(values) != len(types):
        raise ValueError(f"{len(values)} values with {len(types)} types")
    row = list(values)
    for position, kind in enumerate(types):
        if kind is None:
            continue
        if kind == BLOB:
            row[position] = b64decode(row[position], validate=True)
        elif kind == TEXT:
            row[position] = RawText(b64decode(row[position], validate=True))
        elif kind == REAL:
            try:
                row[position] = _INFINITIES[row[position]]
            except (KeyError, TypeError):
                raise ValueError(f"{row[position]!r} is not an infinity") from None
        else:
            raise ValueError(f"unknown type {kind!r}")
    return tuple(row)
