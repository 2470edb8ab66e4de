"""The message of one group of transactions, on its way to the log and back. [pure]

The format is a table in `docs/replication.rst`; third-party readers rely on the names at its head, and everything
else is ours and ignored by them. One JSON object, UTF-8:

=================  ==========================================================================================
``node``           name of the node that committed the group
``process_id``     when that process started, Unix ns
``filename``       the database's id
``changes``        rows and commands, in the order they happened
``timestamp_ns``   when the message was made, Unix ns
``group``          its number in this process, from 1; 0 in a message that is not ours
``snapshot_seq``   the log position the group was executed at
``transactions``   one ``{"id", "changes"}`` each, in order: where in ``changes`` each transaction ends
``sequences``      the values of `sqlite_sequence` that the group changed; null where the row went away
``notifications``  ``[channel, payload, pid]`` each; the number of the backend that notified
``kind``           absent for a group of changes, else a word (``marker``)
=================  ==========================================================================================

A change that a third-party replica would spoil (it quotes no names, makes every number a float, knows no BLOB and
no rowid of its own) travels as ``SQL`` with one exact statement, and beside it, in fields that only we read, the
operation and images that the row really had: ``row_operation``, ``old_values``, ``old_types`` and so on. So do the
few updates that it could not apply twice (:mod:`ha.replication.repeats`); where they give the row another key, a DELETE of
the old one goes before, marked ``returns``, which we pass over. What changed the schema stands in ``definition`` where the
``command`` is made for replicas (:mod:`ha.sqlite.retelling`).

Encoding is on the hot path, so it uses orjson: it keeps 64-bit integers and finite floats exact, and what it would
not keep (bytes, infinities) never reaches it. No twisted, no apsw, no nats.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Any

import orjson

from ha.replication.parts import pieces
from ha.replication.repeats import changes_key, find_unrepeatable
from ha.replication.runs import EXACT_INTEGER_MAX, RUN_ROWS_MIN, insertions, runs
from ha.sqlite.rowchange import (
    DELETE,
    INSERT,
    UPDATE,
    Change,
    Changes,
    Command,
    Inserted,
    RawText,
    Record,
    RowChange,
    Shape,
    packed,
    parts_of,
    unpack,
)
from ha.values import Row, Value

__all__ = [
    "Change",
    "Command",
    "Malformed",
    "Message",
    "Record",
    "RowChange",
    "Shape",
    "decode",
    "encode",
    "merge",
    "validate",
]

#: What is parsed at once: some 10 ms in which nobody else runs.
PIECE_BYTES = 1024 * 1024

#: A table's shape, by its name and columns.
ShapeOf = Callable[[str, tuple[str, ...]], Shape | None]

#: Channel, payload, and the number of the backend that notified.
Notification = tuple[str, str, int]

SQL = "SQL"
CHANGES = "changes"
MARKER = "marker"

_ROW_OPERATIONS = frozenset({INSERT, UPDATE, DELETE})


class Malformed(ValueError):
    """A message that breaks the format; the text names the rule."""


@dataclass(frozen=True, slots=True)
class Message:
    """One group of transactions of one node. The fields are those of the table above.

    :param transactions: (id, number of changes) of each.
    :param sequences: table name to value, None where its row went away.
    """

    node: str
    process_id: int
    filename: str
    group: int
    snapshot_seq: int
    timestamp_ns: int
    changes: Sequence[Change]
    transactions: tuple[tuple[str, int], ...] = ()
    sequences: Mapping[str, int | None] = field(default_factory=dict)
    notifications: tuple[Notification, ...] = ()
    kind: str = CHANGES


def encode(message: Message) -> bytes:
    """The message's bytes. Its changes must be valid; nothing is checked here."""
    transactions: Sequence[tuple[str, int]] = message.transactions
    unrepeatable = find_unrepeatable(message.changes)
    if unrepeatable:
        changes = list(message.changes)
        told = [_change_to_json(change) for change in changes]
        transactions = _spread(told, changes, transactions, unrepeatable)
        entries: list[Any] = told
    else:
        entries = _entries(message.changes)
    body: dict[str, Any] = {
        "node": message.node,
        "process_id": message.process_id,
        "filename": message.filename,
        "changes": entries,
        "timestamp_ns": message.timestamp_ns,
        "group": message.group,
        "snapshot_seq": message.snapshot_seq,
        "transactions": [{"id": name, "changes": count} for name, count in transactions],
    }
    if message.sequences:
        body["sequences"] = message.sequences
    if message.notifications:
        body["notifications"] = message.notifications
    if message.kind != CHANGES:
        body["kind"] = message.kind
    return orjson.dumps(body)


def _entries(changes: Sequence[Change]) -> list[Any]:
    """The changes for orjson; of rows inserted one behind the other as many together as can be, unless all are but a few."""
    if len(changes) < RUN_ROWS_MIN and type(changes) is not Changes:
        return list(map(_change_to_json, changes))
    entries: list[Any] = []
    for (_, operation), changed in groupby(parts_of(changes), itemgetter(0, 1)):  # a row's table and operation
        if operation != INSERT:
            entries += map(_change_to_json, changed)  # type: ignore[arg-type]
            continue
        inserted: Iterator[RowChange | Inserted] = changed  # type: ignore[assignment]
        for run in runs(inserted):
            told = insertions(run)
            entries += map(_change_to_json, run.each()) if told is None else (orjson.Fragment(told),)
    return entries


def merge(bodies: Sequence[bytes], shape_of: ShapeOf) -> bytes:
    """The bytes of one message that says what these say one after the other.

    Changes are passed on as they are told: an exact statement for other readers stays what it was. Only what cannot be applied
    twice is found anew, for it depends on the message's other changes.

    :param bodies: as :func:`encode` made them, in their order, all of one process; of row changes only.
    :param shape_of: the shape of a table with these columns; None where it has others by now.
    """
    if len(bodies) == 1:
        return bodies[0]
    plain = [orjson.loads(body) for body in bodies]
    entries: list[dict[str, Any]] = []
    transactions: list[tuple[str, int]] = []
    for one in plain:
        told, counts = _told(one)
        entries += told
        transactions += counts
    changes: list[Change] = []
    known: dict[Any, Any] = {}
    for entry in entries:
        change = _change_from_json(entry, known)
        assert isinstance(change, RowChange), "what changes the schema is never queued"
        changes.append(change._replace(shape=shape_of(change.table, change.columns)))
    unrepeatable = find_unrepeatable(changes)
    if unrepeatable:
        transactions = _spread(entries, changes, transactions, unrepeatable)
    # Executed on the state that the first one met; numbered as the last one, behind which comes the next.
    merged: dict[str, Any] = plain[-1] | {"changes": entries, "snapshot_seq": plain[0]["snapshot_seq"]}
    merged["transactions"] = [{"id": name, "changes": count} for name, count in transactions]
    sequences = {name: value for one in plain for name, value in one.get("sequences", {}).items()}
    if sequences:
        merged["sequences"] = sequences
    notifications = [entry for one in plain for entry in one.get("notifications", ())]
    if notifications:
        merged["notifications"] = notifications
    return orjson.dumps(merged)


def _told(plain: dict[str, Any]) -> tuple[list[dict[str, Any]], list[tuple[str, int]]]:
    """A message's changes and transactions without what is there for other readers only."""
    entries = plain.get("changes") or ()
    transactions = [(entry["id"], entry["changes"]) for entry in plain.get("transactions") or ()]
    returns = [at for at, entry in enumerate(entries) if "returns" in entry]
    if returns:
        transactions = _counted(transactions, returns, -1)
        entries = [entry for entry in entries if "returns" not in entry]
    return list(entries), transactions


def decode(body: bytes) -> Message:
    """The message in `body`, checked.

    A large one is read piece by piece: a thread that parses all of it at once keeps the interpreter from all others.

    :raises Malformed: it is none; the text names the broken rule.
    """
    if len(body) <= PIECE_BYTES:
        return _decoded((_object(body),))
    # Nothing that is made here is part of a cycle, and all of it stays: the collector would look at it in vain, again and
    # again, which is a third of the time for a large message.
    collects = gc.isenabled()
    gc.disable()
    try:
        return _decoded(map(_object, pieces(body, PIECE_BYTES)))  # each is gone when it was read
    finally:
        if collects:
            gc.enable()


def _decoded(pieces: Iterable[dict[str, Any]]) -> Message:
    """:param pieces: objects, each with its share of the changes."""
    plain: dict[str, Any] = {}
    changes: list[Change] = []
    returns: list[int] = []
    known: dict[Any, Any] = {}
    at = 0
    try:
        for piece in pieces:
            for entry in piece.pop("changes", None) or ():
                if "returns" in entry:
                    returns.append(at)
                else:
                    changes.append(_change_from_json(entry, known))
                at += 1
            plain |= piece
        transactions = [(entry["id"], entry["changes"]) for entry in plain.get("transactions") or ()]
        if returns:
            transactions = _counted(transactions, returns, -1)
        message = Message(
            node=plain.get("node", ""),
            process_id=plain.get("process_id", 0),
            filename=plain.get("filename", ""),
            group=plain.get("group", 0),
            snapshot_seq=plain.get("snapshot_seq", 0),
            timestamp_ns=plain.get("timestamp_ns", 0),
            changes=changes,
            transactions=tuple(transactions),
            sequences=plain.get("sequences") or {},
            notifications=tuple(
                [(channel, payload, pid) for channel, payload, pid in plain.get("notifications") or ()]
            ),
            kind=plain.get("kind", CHANGES),
        )
    except Malformed:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Malformed(f"a field is missing or of the wrong type: {error!r}") from error
    validate(message)
    return message


def _object(text: bytes) -> dict[str, Any]:
    try:
        plain = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"not JSON: {error}") from error
    if not isinstance(plain, dict):
        raise Malformed("not a JSON object")
    return plain


def validate(message: Message) -> None:
    """Check the rules that a reader of the message relies on.

    :raises Malformed: naming the first broken rule.
    """
    for name in _INTEGERS:
        if type(getattr(message, name)) is not int:
            raise Malformed(f"{name} is not an integer")
    for name in _STRINGS:
        if type(getattr(message, name)) is not str:
            raise Malformed(f"{name} is not a string")
    if not isinstance(message.sequences, Mapping):
        raise Malformed("sequences is not an object")
    for table, value in message.sequences.items():
        if value is not None and type(value) is not int:
            raise Malformed(f"sequences of {table!r} is not an integer")
    if message.transactions:
        total = 0
        for _, count in message.transactions:
            if type(count) is not int or count < 0:
                raise Malformed("transactions has a number of changes that is none")
            total += count
        if total != len(message.changes):
            raise Malformed(f"transactions name {total} changes of {len(message.changes)}")
    for change in message.changes:
        if type(change) is RowChange:
            _validate_row(change)
        elif not isinstance(change.sql, str):  # type: ignore[union-attr]
            raise Malformed("command is not a string")


_INTEGERS = "process_id", "group", "snapshot_seq", "timestamp_ns"
_STRINGS = "node", "filename", "kind"


def _validate_row(change: RowChange) -> None:
    width = len(change.columns)
    operation = change.operation
    old, new = change.old_values, change.new_values
    if type(change.table) is not str or not change.table:
        raise Malformed("table is not a name")
    if operation not in _ROW_OPERATIONS:
        raise Malformed(f"operation {operation!r} is unknown")
    if (old is None) != (operation == INSERT):
        raise Malformed(f"{operation} of {change.table}: old_values {'missing' if old is None else 'not expected'}")
    if (new is None) != (operation == DELETE):
        raise Malformed(f"{operation} of {change.table}: new_values {'missing' if new is None else 'not expected'}")
    if (old is not None and len(old) != width) or (new is not None and len(new) != width):
        raise Malformed(f"{operation} of {change.table}: the image has not as many values as there are columns")
    for rowid in (change.old_rowid, change.new_rowid):
        if rowid is not None and type(rowid) is not int:
            raise Malformed(f"{operation} of {change.table}: a rowid is not an integer")


def _spread(
    entries: list[dict[str, Any]],
    changes: Sequence[Change],
    transactions: Sequence[tuple[str, int]],
    places: Sequence[int],
) -> list[tuple[str, int]]:
    """Tell the updates at these places so that a reader may apply them twice; the transactions, counted anew."""
    moved = []
    for at in reversed(places):
        change = changes[at]
        assert type(change) is RowChange
        entry = entries[at]
        entry |= {"operation": SQL, "command": exact_statement(change._replace(operation=INSERT)), "args": ()}
        entry["row_operation"] = UPDATE
        if changes_key(change):
            departure = change._replace(operation=DELETE, new_rowid=None, new_values=None)
            entries.insert(at, _change_to_json(departure) | {"returns": True})
            moved.append(at)
    return _counted(transactions, moved, +1)


def _counted(transactions: Sequence[tuple[str, int]], places: Sequence[int], step: int) -> list[tuple[str, int]]:
    """The transactions, each with `step` more changes for each of these places among its own."""
    counted = []
    begin = 0
    for name, count in transactions:
        counted.append((name, count + step * sum(begin <= at < begin + count for at in places)))
        begin += count
    return counted


def _change_to_json(change: Change) -> dict[str, Any]:
    if isinstance(change, Command):
        command = {"database": "main", "operation": SQL, "command": change.sql, "args": (), "ts_ns": change.ts_ns}
        if change.retold is not None:
            command |= {"command": change.retold, "definition": change.sql}
        return command
    table, operation, columns, pk_columns, old_rowid, new_rowid, old, new, ts_ns, shape = change
    entry: dict[str, Any] = {"database": "main", "table": table, "columns": columns}
    if pk_columns:
        entry["pk_columns"] = pk_columns
    old_plain = old is None or (_replica_keeps(old, shape) and _key_is_whole(old, shape))
    new_plain = new is None or (_replica_keeps(new, shape) and _key_is_whole(new, shape))
    if shape is None or (
        shape.plain and old_plain and new_plain and (pk_columns or _found_by_rowid(operation, old_rowid, shape))
    ):
        entry["operation"] = operation
    else:
        entry["operation"] = SQL
        entry["command"] = exact_statement(change)
        entry["args"] = ()
        entry["row_operation"] = operation
    if old_rowid is not None:
        entry["old_rowid"] = old_rowid
    if new_rowid is not None:
        entry["new_rowid"] = new_rowid
    if old is not None:
        entry["old_values"] = old
        if not old_plain:
            entry["old_values"], types = packed(old)
            if types:
                entry["old_types"] = types
    if new is not None:
        entry["new_values"] = new
        if not new_plain:
            entry["new_values"], types = packed(new)
            if types:
                entry["new_types"] = types
    entry["ts_ns"] = ts_ns
    return entry


def _found_by_rowid(operation: str, rowid: int | None, shape: Shape) -> bool:
    """Without a primary key a reader deletes by rowid, which is one more number to it; it cannot insert by rowid."""
    return (
        operation == DELETE
        and shape.rowid == "rowid"
        and rowid is not None
        and -EXACT_INTEGER_MAX <= rowid <= EXACT_INTEGER_MAX
    )


def _replica_keeps(values: Row, shape: Shape | None) -> bool:
    """Does a reader that makes every number a float and knows no BLOB store the same row?

    Without a shape only what JSON itself can hold is asked.
    """
    for value in values:
        kind = type(value)
        if kind is int:
            if not -EXACT_INTEGER_MAX <= value <= EXACT_INTEGER_MAX:  # type: ignore[operator]
                return False
        elif kind is float:
            if value - value != 0.0:  # type: ignore[operator]
                return False
        elif kind is bytes or kind is RawText:
            return False
    return shape is None or not shape.loose or not any(type(values[position]) is int for position in shape.loose)


def _key_is_whole(values: Row, shape: Shape | None) -> bool:
    """No part of the primary key is NULL (SQLite allows that in tables with rowids)."""
    if shape is not None:
        for position in shape.key:
            if values[position] is None:
                return False
    return True


def _change_from_json(entry: dict[str, Any], known: dict[Any, Any]) -> Change:
    """:param known: names that were read before. A row of a large message is mostly these; so all rows share them."""
    operation = entry["operation"]
    if operation == SQL:
        if "row_operation" not in entry:
            command = entry["command"]
            definition = entry.get("definition")
            return Command(definition or command, entry.get("ts_ns", 0), command if definition else None)
        operation = entry["row_operation"]
    old, new = entry.get("old_values"), entry.get("new_values")
    columns, pk_columns = _columns(entry["columns"]), _columns(entry.get("pk_columns") or ())
    return RowChange(
        known.setdefault(entry["table"], entry["table"]),
        known.setdefault(operation, operation),
        known.setdefault(columns, columns),
        known.setdefault(pk_columns, pk_columns),
        entry.get("old_rowid"),
        entry.get("new_rowid"),
        unpack(old, entry.get("old_types")),
        unpack(new, entry.get("new_types")),
        entry.get("ts_ns", 0),
    )


def _columns(names: Sequence[str]) -> tuple[str, ...]:
    if type(names) is not list and names != ():
        raise Malformed("columns is not a list")
    return tuple(names)


# The exact statement: for a reader that knows only SQL.


def exact_statement(change: RowChange) -> str:
    """One SQL statement that does to a replica's row what `change` says, to the bit.

    It needs the change's shape. Rows are found by key; where a part of the key is NULL by the whole old image;
    in tables without a key by rowid.
    """
    table = quoted(change.table)
    if change.operation == INSERT:
        names, values = _assigned(change)
        return f"REPLACE INTO {table}({', '.join(names)}) VALUES ({', '.join(values)})"
    where = _where(change)
    if change.operation == DELETE:
        return f"DELETE FROM {table} WHERE {where}"
    pairs = ", ".join(f"{name} = {value}" for name, value in zip(*_assigned(change), strict=True))
    return f"UPDATE OR REPLACE {table} SET {pairs} WHERE {where}"


def _assigned(change: RowChange) -> tuple[list[str], list[str]]:
    assert change.new_values is not None
    names = [quoted(name) for name in change.columns]
    values = [literal(value) for value in change.new_values]
    shape = change.shape
    if shape is not None and not change.pk_columns and shape.rowid is not None and change.new_rowid is not None:
        names.insert(0, shape.rowid)
        values.insert(0, str(change.new_rowid))
    return names, values


def _where(change: RowChange) -> str:
    old, shape = change.old_values, change.shape
    assert old is not None and shape is not None
    if not shape.key:
        return f"{shape.rowid} = {change.old_rowid}"
    if all(old[position] is not None for position in shape.key):
        return " AND ".join(f"{quoted(change.columns[at])} = {literal(old[at])}" for at in shape.key)
    same = " AND ".join(f"{quoted(name)} IS {literal(value)}" for name, value in zip(change.columns, old, strict=True))
    return f"{shape.rowid} = (SELECT {shape.rowid} FROM {quoted(change.table)} WHERE {same} LIMIT 1)"


def quoted(name: str) -> str:
    """An identifier as SQL text."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: Value) -> str:
    """A value as SQL text that SQLite reads as exactly this value."""
    return _LITERALS[type(value)](value)


def _real(value: float) -> str:
    if value - value != 0.0:
        return "NULL" if value != value else "9e999" if value > 0 else "-9e999"
    return repr(value)


def _text(value: str) -> str:
    if "\x00" in value:  # a statement ends at its first NUL
        return f"CAST(x'{value.encode().hex()}' AS TEXT)"
    return "'" + value.replace("'", "''") + "'"


_LITERALS: dict[type, Callable[[Any], str]] = {
    type(None): lambda value: "NULL",
    int: str,
    float: _real,
    str: _text,
    bytes: lambda value: f"x'{value.hex()}'",
    RawText: lambda value: f"CAST(x'{value.hex()}' AS TEXT)",
}
