"""A message's changes put into the file, and taken out again exactly.

Three ways to change a file by images, all inside the caller's open transaction:

:func:`apply`
    what the log says, on every node alike. For each stretch between commands: for every key touched, delete that key's
    row; then insert the final images, in order, with REPLACE semantics. Triggers, foreign keys and CHECKs are off,
    because their effects are in the images.
:func:`put_on_top`
    an interactive transaction's images on a state it had not seen, with constraints on: nothing is displaced that it did
    not touch, or 40001.
:func:`undo`
    what one run did to the file, back to the bit, from its record.

Key = the declared primary key if none of its parts is NULL, else the rowid; the rowid too where INTEGER PRIMARY KEY is its
alias. Rows of tables with another key get the rowid of their image back if it is free, else the largest plus one: the
same on every node, because the state is the same, and no key displaces another because of a hidden number.

A stretch is taken in slices of `SLICE_CHANGES`, so that memory stays bounded; the number is part of the rule, because
where states differ from the writer's it shows in the outcome.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Any, Protocol

import apsw

from ha.errors import StatementError
from ha.sqlite import capture as captures
from ha.sqlite import tables as schema
from ha.sqlite.rowchange import Change, Command, RawText, Record, RowChange, has_commands
from ha.sqlite.tables import Table, Tables, quoted
from ha.sqlite.unmerged import forget_dropped
from ha.values import Row, Value

#: Changes of a stretch that are put together: all nodes cut at the same places.
SLICE_CHANGES = 10_000

ROWID_MAX = 2**63 - 1


class Message(Protocol):
    """What :func:`apply` needs of a message."""

    @property
    def changes(self) -> Sequence[Change]:
        """Rows and commands in order."""

    @property
    def sequences(self) -> Mapping[str, int | None]:
        """`sqlite_sequence` values; None where the row went away."""


class CannotPut(Exception):
    """An image does not fit the schema here: its table or a column of it does not exist."""


#: What is said of a row that does not fit the schema; a fault of the disk is none of these.
MISFITS = (CannotPut, apsw.ConstraintError, apsw.MismatchError, apsw.SQLError)


def apply(connection: apsw.Connection, message: Message) -> None:
    """Put a message of the log into the file, as every other node does.

    :raises CannotPut: an image does not fit the schema.
    :raises apsw.Error: a command failed, or the disk did.
    """
    tables = schema.of(connection)
    with schema.trust(connection):
        tables.refresh()
        commands = has_commands(message.changes)
        with in_silence(connection, commands or tables.reactive or tables.has_virtual):
            touched: set[str] = set()
            part: list[RowChange] = []
            for change in message.changes:
                if isinstance(change, RowChange):
                    part.append(change)
                    if len(part) == SLICE_CHANGES:
                        _put_slice(connection, tables, part, touched)
                        part = []
                    continue
                _put_slice(connection, tables, part, touched)
                part = []
                _forget_words(connection, tables, touched)
                touched.clear()
                _run(connection, tables, change)
            _put_slice(connection, tables, part, touched)
            _forget_words(connection, tables, touched)
            _set_sequences(connection, tables, message.sequences)


def undo(connection: apsw.Connection, record: Record) -> None:
    """Take back exactly what one run did, as its record has it. The file must be as that run left it."""
    tables = schema.of(connection)
    with schema.trust(connection):
        tables.refresh()
        slots: dict[tuple[str, Any], tuple[int | None, Row | None]] = {}
        for event in record.events:
            table = tables[event.table]
            for rowid, values, own in (
                (event.old_rowid, event.old_values, event.old_values),
                (event.new_rowid, event.new_values, None),
            ):
                if values is not None:
                    slot = _key_values(table, values) if table.without_rowid else rowid
                    slots.setdefault((event.table, slot), (rowid, own))
        with in_silence(connection, tables.reactive or tables.has_virtual):
            touched = {name for name, _ in slots}
            kept = {name: _sequence(connection, name) for name in touched if tables[name].autoincrement}
            for (name, slot), _ in slots.items():
                table = tables[name]
                _delete(connection, table, slot, slot if table.without_rowid else None)
            for (name, _), (rowid, values) in slots.items():
                if values is not None:
                    _insert(connection, _texts(tables[name]), "ABORT", rowid, values)
            _forget_words(connection, tables, touched)
            _set_sequences(connection, tables, {**kept, **record.sequences})


def put_on_top(
    connection: apsw.Connection, changes: Sequence[Change], sequences: Mapping[str, int | None]
) -> tuple[Sequence[Change], dict[str, int | None]]:
    """Put an interactive transaction's images on a state that it had not seen, or refuse.

    The connection's capture must have begun: what it collects here is what the new message must say. A row that both
    sides changed becomes ours; :func:`overwritten` finds those.

    :returns: the changes really made, and the sequences they moved.
    :raises StatementError: 40001, with the table and the key: a key or a unique value is taken, a foreign key would
        break, a row that the transaction had not touched would change, or a virtual table was written by both.
    """
    capture = captures.of(connection)
    tables = schema.of(connection)
    with schema.trust(connection):
        with _without_triggers(connection, tables):
            connection.execute("PRAGMA defer_foreign_keys = ON")
            for change in changes:
                if type(change) is not RowChange:
                    raise _conflict("another node wrote before this transaction changed the schema", None, None)
                table = tables.get(change.table)
                if table is None or set(table.columns) != set(change.columns):
                    raise _conflict("the table was altered by another node", change.table, None)
                try:
                    _put_on(connection, table, change)
                except MISFITS as error:  # the columns have the old names, but the table may be another
                    raise _conflict(str(error), change.table, _key_text(table, change)) from error
            _raise_sequences(connection, tables, sequences)
            _forget_words(connection, tables, {change.table for change in changes if type(change) is RowChange})
        broken = connection.status(apsw.SQLITE_DBSTATUS_DEFERRED_FKS)[0]
        connection.execute("PRAGMA defer_foreign_keys = OFF")
        if broken:
            raise _conflict("a foreign key has lost its row", changes[0].table if changes else None, None)  # type: ignore[union-attr]
    put, put_sequences = capture.take()
    touched = _touched(tables, changes)
    for change in put:
        assert type(change) is RowChange
        if not _touched(tables, [change]) <= touched:
            table = tables[change.table]
            raise _conflict(
                "a row that the transaction did not touch would change", change.table, _key_text(table, change)
            )
    return put, put_sequences


def overwritten(changes: Sequence[Change], put: Sequence[Change]) -> list[RowChange]:
    """Of what was `put` on top: the changes that overwrote a version of a row that `changes` had not seen.

    The losing image is the change's `old_values`.
    """
    seen: dict[Any, Row | None] = {}
    for change in changes:
        if type(change) is RowChange:
            for rowid, values in ((change.old_rowid, change.old_values), (change.new_rowid, change.new_values)):
                if values is not None:
                    seen.setdefault(_identity(change, rowid, values), change.old_values)
    found = []
    for change in put:
        if type(change) is RowChange and change.old_values is not None:
            identity = _identity(change, change.old_rowid, change.old_values)
            known = seen.get(identity)
            if known is None or not captures.same(known, change.old_values):
                found.append(change)
            seen[identity] = change.new_values
            if change.new_values is not None:
                seen[_identity(change, change.new_rowid, change.new_values)] = change.new_values
        elif type(change) is RowChange:
            seen[_identity(change, change.new_rowid, change.new_values or ())] = change.new_values
    return found


def _identity(change: RowChange, rowid: int | None, values: Row) -> tuple[str, Any]:
    key = tuple([values[change.columns.index(name)] for name in change.pk_columns])
    return change.table, rowid if not key or None in key else key


# On top


def _put_on(connection: apsw.Connection, table: Table, change: RowChange) -> None:
    """One change with constraints on, in place where the row is there, so that no row goes away for a moment."""
    texts = _texts(table)
    place = _places(table, change.columns)
    old = None if change.old_values is None else place(change.old_values)
    new = None if change.new_values is None else place(change.new_values)
    if old is not None:
        where, key = _find(table, change.old_rowid, old)
        if table.kind == "shadow":
            _expect(connection, table, change, where, key, old)
        if new is None:
            connection.execute(f"DELETE FROM main.{quoted(table.name)} WHERE {where}", key)
            return
        names = [quoted(name) for name in table.columns]
        values = list(new)
        if texts.with_rowid and change.new_rowid != change.old_rowid:
            names.append(table.rowid or "")
            values.append(_free_or_own(connection, table, change.new_rowid))
        pairs = ", ".join(f"{name} = {_mark(value)}" for name, value in zip(names, values, strict=True))
        connection.execute(f"UPDATE OR ABORT main.{quoted(table.name)} SET {pairs} WHERE {where}", (*values, *key))
        if connection.changes():
            return
    assert new is not None
    _insert(connection, texts, "ABORT", _free_or_own(connection, table, change.new_rowid), new)


def _free_or_own(connection: apsw.Connection, table: Table, rowid: int | None) -> int | None:
    """A hidden rowid beside another key gives way; one that is the key itself must be free, or the insert fails."""
    if rowid is None or table.keyed_by_rowid:
        return rowid
    return _free_rowid(connection, table, rowid)


def _find(table: Table, rowid: int | None, values: Row) -> tuple[str, tuple[Value, ...]]:
    if table.keyed_by_rowid or None in _key_values(table, values):
        return f"{table.rowid} = ?", (rowid,)
    key = _key_values(table, values)
    return _equals(table, key), key


def _expect(
    connection: apsw.Connection, table: Table, change: RowChange, where: str, key: tuple[Value, ...], old: Row
) -> None:
    """A shadow row must be as it was: its virtual table's other rows were written to fit it."""
    columns = ", ".join(map(quoted, table.columns))
    row = connection.execute(f"SELECT {columns} FROM main.{quoted(table.name)} WHERE {where}", key).fetchone()
    if row is None or not captures.same(row, old):
        raise _conflict(f'another node wrote to "{table.owner}"', table.owner or table.name, None)


def _raise_sequences(connection: apsw.Connection, tables: Tables, sequences: Mapping[str, int | None]) -> None:
    """Sequences only grow here: the other side may have given out numbers that we have not seen."""
    for name, value in sequences.items():
        if value is not None and tables.has_sequences and value > (_sequence(connection, name) or 0):
            _set_sequences(connection, tables, {name: value})


def _touched(tables: Tables, changes: Sequence[Change]) -> set[tuple[str, Any]]:
    touched = set()
    for change in changes:
        assert type(change) is RowChange
        table = tables[change.table]
        place = _places(table, change.columns)
        for rowid, values in ((change.old_rowid, change.old_values), (change.new_rowid, change.new_values)):
            if values is not None:
                touched.add((change.table, rowid if table.keyed_by_rowid else _key(table, rowid, place(values))))
    return touched


def _key_text(table: Table, change: RowChange) -> str:
    values = change.new_values if change.new_values is not None else change.old_values
    rowid = change.new_rowid if change.new_values is not None else change.old_rowid
    assert values is not None
    row = dict(zip(change.columns, values, strict=True))
    if not table.pk_columns:
        return f"Key (rowid)=({rowid})"
    return f"Key ({', '.join(table.pk_columns)})=({', '.join(str(row[name]) for name in table.pk_columns)})"


def _conflict(reason: str, table: str | None, key: str | None) -> StatementError:
    where = f'Table "{table}"' if table is not None else ""
    detail = ", ".join(part for part in (where, key) if part)
    return StatementError(
        "40001",
        "could not serialize access due to concurrent update",
        detail=f"{detail}: {reason}." if detail else f"{reason}.",
        hint="The transaction might succeed if retried.",
        table=table,
    )


# One slice of a stretch


def _put_slice(connection: apsw.Connection, tables: Tables, part: Sequence[RowChange], touched: set[str]) -> None:
    """Put the slice's images, and add to `touched` the tables that they were put into."""
    if not part:
        return
    by_table: dict[str, list[RowChange]] = {}
    for change in part:
        try:
            by_table[change.table].append(change)
        except KeyError:
            by_table[change.table] = [change]
    kept: dict[str, int | None] = {}
    for name, changes in by_table.items():
        table = tables.get(name)
        if table is None:
            raise CannotPut(f'there is no table "{name}"')
        if table.autoincrement:
            kept[name] = _sequence(connection, name)
        _put_table(connection, table, changes)
    # Rows that we insert move their table's sequence; only the message's own values may.
    if kept:
        _set_sequences(connection, tables, kept)
    touched.update(by_table)


def _put_table(connection: apsw.Connection, table: Table, changes: Sequence[RowChange]) -> None:
    """Delete the rows of all keys touched, then insert the final image of each, in the order of their last change."""
    texts = _texts(table)
    columns = changes[0].columns
    by_rowid = table.keyed_by_rowid
    finals: dict[Any, tuple[int | None, Row] | None] = {}
    for change in changes:
        old, new = change.old_values, change.new_values
        if change.columns is not columns and change.columns != columns:
            raise CannotPut(f'the columns of table "{table.name}" change within a message')
        if old is not None:
            key = change.old_rowid if by_rowid else _key(table, change.old_rowid, old)
            finals.pop(key, None)
            finals[key] = None
        if new is not None:
            key = change.new_rowid if by_rowid else _key(table, change.new_rowid, new)
            finals.pop(key, None)
            finals[key] = (change.new_rowid, new)
    if columns != table.columns:
        place = _places(table, columns)
        finals = {key: final and (final[0], place(final[1])) for key, final in finals.items()}
    if by_rowid:
        connection.executemany(texts.delete, [(key,) for key in finals])
    else:
        whole = [key for key in finals if type(key) is tuple]
        raw = [key for key in whole if RawText in map(type, key)]
        if raw:
            whole = [key for key in whole if RawText not in map(type, key)]
            for key in raw:
                _delete(connection, table, None, key)
        if whole:
            connection.executemany(texts.delete, whole)
        if len(whole) + len(raw) != len(finals):
            connection.executemany(texts.delete_unkeyed, [(key,) for key in finals if type(key) is not tuple])
    rows = [final for final in finals.values() if final is not None]
    if rows:
        _insert_all(connection, table, texts, rows)


def _insert_all(
    connection: apsw.Connection, table: Table, texts: _Texts, rows: Sequence[tuple[int | None, Row]]
) -> None:
    """Insert with REPLACE semantics; a hidden rowid that is taken gives way, instead of displacing its row.

    Where nothing is in the way, which is nearly always, this is one pass of SQLite over all rows.
    """
    if texts.with_rowid:
        bindings: list[Any] = [(rowid, *values) for rowid, values in rows]
    else:
        bindings = [values for _, values in rows]
    hidden = texts.with_rowid and not table.keyed_by_rowid
    at = 0
    while at < len(bindings):
        if any(type(value) is RawText for value in bindings[at]):
            rowid, values = rows[at]
            if hidden:
                rowid = _free_rowid(connection, table, rowid)
            _insert(connection, texts, "REPLACE", rowid, values)
            at += 1
            continue
        taken = _Taken(bindings, at)
        try:
            connection.executemany(texts.insert_or_abort if hidden else texts.insert_or_replace, taken)
            at = taken.at
        except apsw.ConstraintError:
            if not hidden:
                raise
            at = taken.at - 1
            rowid, values = rows[at]
            _insert(connection, texts, "REPLACE", _free_rowid(connection, table, rowid), values)
            at += 1


class _Taken:
    """Bindings given out one by one, so that it is known which one failed."""

    __slots__ = ("_bindings", "at")

    def __init__(self, bindings: Sequence[Any], at: int) -> None:
        self._bindings = bindings
        self.at = at

    def __iter__(self) -> Iterator[Any]:
        for at in range(self.at, len(self._bindings)):
            row = self._bindings[at]
            if RawText in map(type, row):
                return
            self.at = at + 1
            yield row


def _insert(connection: apsw.Connection, texts: _Texts, conflict: str, rowid: int | None, values: Row) -> None:
    """One row, text that is not UTF-8 included."""
    bindings = (rowid, *values) if texts.with_rowid else values
    marks = ", ".join(map(_mark, bindings))
    connection.execute(f"INSERT OR {conflict} INTO {texts.target} VALUES ({marks})", bindings)


def _delete(connection: apsw.Connection, table: Table, rowid: int | None, key: tuple[Value, ...] | None) -> None:
    """One row, by its rowid or its whole primary key, text that is not UTF-8 included."""
    where = f"{table.rowid} = ?" if key is None else _equals(table, key)
    connection.execute(f"DELETE FROM main.{quoted(table.name)} WHERE {where}", (rowid,) if key is None else key)


def _equals(table: Table, key: tuple[Value, ...]) -> str:
    return " AND ".join(f"{quoted(name)} = {_mark(value)}" for name, value in zip(table.pk_columns, key, strict=True))


def _mark(value: Value) -> str:
    return "CAST(? AS TEXT)" if type(value) is RawText else "?"


def _free_rowid(connection: apsw.Connection, table: Table, rowid: int | None) -> int:
    """`rowid` if no row has it, else the largest plus one, or at the end of the numbers the largest that is free."""
    name = quoted(table.name)
    find = f"SELECT 1 FROM main.{name} WHERE {table.rowid} = ?"
    if rowid is not None and connection.execute(find, (rowid,)).get is None:
        return rowid
    largest = connection.execute(f"SELECT max({table.rowid}) FROM main.{name}").get
    if largest is None:
        return 1
    if largest < ROWID_MAX:
        return max(largest + 1, 1)
    while connection.execute(find, (largest,)).get is not None:
        largest -= 1
    return largest  # type: ignore[no-any-return]


# Keys and texts


def _key(table: Table, rowid: int | None, values: Row) -> Any:
    """A tuple for a whole primary key, the rowid for one with a NULL in it."""
    key = _key_values(table, values)
    return rowid if None in key else key


def _key_values(table: Table, values: Row) -> tuple[Value, ...]:
    return tuple([values[at] for at in table.shape.key])


def _places(table: Table, columns: Sequence[str]) -> Any:
    """A function that puts an image's values in the table's order of columns, by name."""
    if set(columns) != set(table.columns):
        raise CannotPut(f'the columns of table "{table.name}" are {table.columns}, of its image {tuple(columns)}')
    order = [columns.index(name) for name in table.columns]
    return lambda values: tuple([values[at] for at in order])


class _Texts:
    """The SQL that puts rows into one table, and takes them out."""

    __slots__ = ("delete", "delete_unkeyed", "insert_or_abort", "insert_or_replace", "target", "with_rowid")

    def __init__(self, table: Table) -> None:
        name = f"main.{quoted(table.name)}"
        columns = [quoted(column) for column in table.columns]
        self.with_rowid = table.shape.alias is None and table.rowid is not None
        if self.with_rowid:
            columns.insert(0, table.rowid or "")
        self.target = f"{name}({', '.join(columns)})"
        marks = ", ".join("?" * len(columns))
        # An explicit OR outranks what the table's own constraints say of conflicts.
        self.insert_or_replace = f"INSERT OR REPLACE INTO {self.target} VALUES ({marks})"
        self.insert_or_abort = f"INSERT OR ABORT INTO {self.target} VALUES ({marks})"
        key = [quoted(column) for column in table.pk_columns]
        if table.keyed_by_rowid:
            self.delete = f"DELETE FROM {name} WHERE {table.rowid} = ?"
        else:
            self.delete = f"DELETE FROM {name} WHERE {' AND '.join(f'{column} = ?' for column in key)}"
        unkeyed = " OR ".join(f"{column} IS NULL" for column in key) or "1"
        self.delete_unkeyed = f"DELETE FROM {name} WHERE {table.rowid} = ? AND ({unkeyed})"


@lru_cache(maxsize=1_000)
def _texts(table: Table) -> _Texts:
    return _Texts(table)


# Around the rows


def _run(connection: apsw.Connection, tables: Tables, command: Command) -> None:
    for _ in connection.execute(command.sql):
        pass
    tables.changed()
    forget_dropped(connection)


@contextmanager
def _without_triggers(connection: apsw.Connection, tables: Tables) -> Iterator[None]:
    """Triggers and the guard of shadow tables off; foreign keys and CHECKs stay."""
    switches = [apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, apsw.SQLITE_DBCONFIG_DEFENSIVE]
    changed = [switch for switch in switches if connection.config(switch, -1)]
    for switch in changed:
        connection.config(switch, 0)
    try:
        yield
    finally:
        for switch in changed:
            connection.config(switch, 1)


@contextmanager
def in_silence(connection: apsw.Connection, needed: bool) -> Iterator[None]:
    """Triggers, foreign keys, CHECKs and the guard of shadow tables off, where the schema has any.

    Each switch makes SQLite compile all statements anew, so none is touched without need. The pragma for foreign keys
    does nothing inside a transaction; this does.
    """
    if not needed:
        yield
        return
    changed = [switch for switch in _SWITCHES if connection.config(switch, -1)]
    for switch in changed:
        connection.config(switch, 0)
    checks = not connection.execute("PRAGMA ignore_check_constraints").get
    if checks:
        connection.execute("PRAGMA ignore_check_constraints = ON")
    try:
        yield
    finally:
        for switch in changed:
            connection.config(switch, 1)
        if checks:
            connection.execute("PRAGMA ignore_check_constraints = OFF")


_SWITCHES = (
    apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER,
    apsw.SQLITE_DBCONFIG_ENABLE_FKEY,
    apsw.SQLITE_DBCONFIG_DEFENSIVE,
)


def _forget_words(connection: apsw.Connection, tables: Tables, touched: set[str]) -> None:
    """Make full-text indexes whose own tables were written read them anew.

    FTS5 keeps the structure of its index in memory and looks for changes by other connections only; a savepoint that is
    rolled back under it makes it forget.
    """
    owners = {table.owner for name in touched if (table := tables.get(name)) is not None and table.owner is not None}
    if not owners:
        return
    connection.execute("SAVEPOINT ha_forget")
    for owner in sorted(owners):
        # One that cannot be opened has nothing in memory; its rows may be on their way still.
        with suppress(apsw.SQLError, apsw.CorruptError):
            connection.execute(f"DELETE FROM main.{quoted(owner)} WHERE 0")
    connection.execute("ROLLBACK TO ha_forget")
    connection.execute("RELEASE ha_forget")


def _sequence(connection: apsw.Connection, name: str) -> int | None:
    return connection.execute("SELECT seq FROM main.sqlite_sequence WHERE name = ?", (name,)).get  # type: ignore[no-any-return]


def _set_sequences(connection: apsw.Connection, tables: Tables, sequences: Mapping[str, int | None]) -> None:
    if not sequences or not tables.has_sequences:
        return
    for name, value in sequences.items():
        if value is None:
            connection.execute("DELETE FROM main.sqlite_sequence WHERE name = ?", (name,))
        elif connection.execute("SELECT 1 FROM main.sqlite_sequence WHERE name = ?", (name,)).get is None:
            connection.execute("INSERT INTO main.sqlite_sequence(name, seq) VALUES (?, ?)", (name, value))
        else:
            connection.execute("UPDATE main.sqlite_sequence SET seq = ? WHERE name = ?", (value, name))
