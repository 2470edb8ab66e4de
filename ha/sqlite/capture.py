"""The row changes of the writing connection's transactions, in the order they happened.

One :class:`Capture` per writing connection::

    BEGIN IMMEDIATE;  capture.begin()
    SAVEPOINT ...;    mark = capture.mark()
    a statement;      capture.after_statement(sql, may_change_schema=...)
    it failed:        ROLLBACK TO ...;  capture.cut(mark)
    at the end:       capture.settle();  RELEASE ...;  changes, sequences = capture.take()
    COMMIT/ROLLBACK;  capture.discard()

Rows come from SQLite's preupdate hook (https://www.sqlite.org/c3ref/preupdate_blobwrite.html). It sees every row, those
that REPLACE displaces, cascades and triggers included, but not rows of tables with VIRTUAL generated columns, and no text
that is not UTF-8. Such rows are read by SQL instead: inside the hook for what was there before (SQLite lets statements
read there; they must not write), and at the end of the statement for what is there now. A table without rowids gives the
hook no key; then the whole table is read before and after, so a statement costs a pass over such a table.

Promises: what SQLite would leave to COMMIT is done or refused in :meth:`Capture.settle`; a statement that changed the
schema stands in its place among the rows; rows of ``sqlite_%``, ``ha_%`` and TEMP tables are not collected.

The hook stays installed for the connection's life, also while nothing is collected: SQLite compiles a DELETE without
WHERE another way when there is none, and keeps the statement.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary, proxy

import apsw

from ha.errors import StatementError
from ha.sqlite import tables as schema
from ha.sqlite.replacement import Replacement
from ha.sqlite.retelling import retold
from ha.sqlite.rowchange import (
    DELETE,
    INSERT,
    UPDATE,
    Change,
    Changes,
    Command,
    Event,
    Inserted,
    RawText,
    Record,
    RowChange,
    parts_of,
)
from ha.sqlite.tables import Table, is_local, quoted
from ha.sqlite.unmerged import forget_dropped
from ha.sqlite.wholerow import read_all, read_row
from ha.values import Row, Value

#: What a change costs in a message besides its text and blobs: names, numbers, punctuation.
CHANGE_BYTES = 160


class Mark(NamedTuple):
    """A place among the changes to go back to, and the schema's version there."""

    changes: int
    version: int


class _Unread(NamedTuple):
    """In the place of all events that a statement makes in a table from the first one on that the hook could not give.

    :param before: what :mod:`ha.sqlite.wholerow` read: the row or None for each rowid that changes, in a table without
        rowids all rows by key.
    """

    table: str
    before: dict[Any, Row | None]


class Capture:
    """Collects what one connection's transactions do. Used by whoever holds the writer, in whatever thread.

    :param connection: its preupdate hook is this object's from now on.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = proxy(connection)  # which is the key of this object: it could never go otherwise
        self._trusted = schema.trust(connection)
        self.tables = schema.of(connection)
        #: Events of the running statement, as the hook gave them.
        self._pending: list[tuple[Any, ...]] = []
        self._unread: dict[str, _Unread] = {}
        #: What the hook raised: until it is cut away, there is no true list of changes.
        self._failed: BaseException | None = None
        self._changes: list[Change | Inserted] = []
        self._taken = 0
        self._recorded = 0
        self._sequences: dict[str, int | None] = {}
        self._sequences_recorded: dict[str, int | None] = {}
        #: Facts by table, filled as tables change; None for those whose rows are not collected.
        self._plans: dict[str, Table | None] = {}
        self._generation = self.tables.generation
        self._replacement = Replacement()
        _captures[connection] = self
        connection.preupdate_hook(_ignore)

    # A transaction's course

    def begin(self) -> None:
        """A writing transaction was opened: collect from here."""
        self._clear()
        self.tables.refresh()
        if self._generation != self.tables.generation:
            self._forget_plans()
        self.tables.schema()  # what was there before a statement makes the difference clear after it
        self._sequences = self._read_sequences()
        self._sequences_recorded = self._sequences
        self._connection.preupdate_hook(self._see)

    def mark(self) -> Mark:
        """A place to :meth:`cut` back to: before a statement, or where a savepoint was set."""
        self._resolve()
        return Mark(len(self._changes), self.tables.seen_version)

    def cut(self, mark: Mark) -> None:
        """Forget what came after `mark`: SQLite has undone it."""
        self._replacement.forget()
        self._pending.clear()
        self._unread.clear()
        self._failed = None
        del self._changes[mark.changes :]
        self._taken = min(self._taken, mark.changes)
        self._recorded = min(self._recorded, mark.changes)
        if self.tables.seen_version != mark.version:
            self.tables.changed()
            self._forget_plans()
            self.tables.schema()

    def after_statement(self, sql: str, *, may_change_schema: bool) -> None:
        """A client's statement ran to its end. Its rows get their columns' names now, while they are these.

        :raises StatementError: it made something that cannot be replicated (0A000).
        """
        if may_change_schema and self.tables.version() != self.tables.seen_version:
            self._after_schema_change(sql)
            self._write_words()
        else:
            self._resolve()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """The hook is not asked in here: whoever inserts rows knows what they are, and tells :meth:`inserted_rows`."""
        self._resolve()
        self._connection.preupdate_hook(_ignore)
        try:
            yield
        finally:
            self._connection.preupdate_hook(self._see)

    def inserted_rows(self, table: Table, rowids: Sequence[int | None], rows: Sequence[Row]) -> None:
        """These rows were inserted into the table, in this order, and nothing else was done; they are as SQLite stored them."""
        self._changes.append(
            Inserted(table.name, INSERT, table.columns, table.pk_columns, rowids, rows, time.time_ns(), table.shape)
        )

    def settle(self) -> None:
        """Do now what SQLite would leave to COMMIT, where it must neither fail nor write any more.

        Full-text indexes keep words in memory until a savepoint or COMMIT; deferred foreign keys are checked by COMMIT.

        :raises StatementError: 23503, a deferred foreign key is violated.
        """
        self._write_words()
        self._resolve()
        if self._connection.status(apsw.SQLITE_DBSTATUS_DEFERRED_FKS)[0]:
            raise StatementError("23503", "the transaction violates a deferred foreign key constraint")

    def _write_words(self) -> None:
        """Make full-text indexes write what they keep in memory.

        After CREATE VIRTUAL TABLE too: only from its first savepoint on does a new table hear of a ROLLBACK TO; without, its
        words outlive it, and COMMIT fails on them.
        """
        if self.tables.has_virtual:
            with self._trusted:
                self._connection.execute("SAVEPOINT ha_words")
                self._connection.execute("RELEASE ha_words")

    @property
    def count(self) -> int:
        """A number that tells whether changes were collected since, as of the end of the last statement."""
        return len(self._changes)

    def changed_schema(self, mark: Mark) -> bool:
        """Whether a statement since `mark` did."""
        return any(type(change) is Command for change in self._changes[mark.changes :])

    def inserted(self, rowid: int, since: int) -> bool:
        """Whether a row with this rowid was inserted since there were `since` changes."""
        return any(
            type(change) is RowChange and change.operation == INSERT and change.new_rowid == rowid
            for change in Changes(self._changes[since:])
        )

    def take(self) -> tuple[Sequence[Change], dict[str, int | None]]:
        """One transaction's changes, and the sequences it moved: since :meth:`begin`, or since the last call."""
        self._resolve()
        parts = self._changes[self._taken :] if self._taken else self._changes.copy()
        kinds = set(map(type, parts))
        self._taken = len(self._changes)
        now = self._read_sequences()
        before, self._sequences = self._sequences, now
        sequences = moved(before, now) if now != before else {}
        if Command in kinds:
            sequences = {**self._missing_sequences(now), **now, **sequences}
        return Changes(parts) if Inserted in kinds else parts, sequences  # type: ignore[return-value]

    def record(self) -> Record:
        """What was done to the file since :meth:`begin`, or since the last call, so that it can be undone exactly."""
        self._resolve()
        events = []
        for change in Changes(self._changes[self._recorded :]):
            assert isinstance(change, RowChange), "a change of the schema cannot be undone from a record"
            events.append(Event(change.table, change.old_rowid, change.new_rowid, change.old_values, change.new_values))
        self._recorded = len(self._changes)
        now = self._read_sequences()
        before, self._sequences_recorded = self._sequences_recorded, now
        return Record(tuple(events), moved(now, before))

    def discard(self) -> None:
        """The transaction has ended, either way: collect no more."""
        self._connection.preupdate_hook(_ignore)
        self._clear()

    def size_of(self, changes: Sequence[Change]) -> int:
        """About how many bytes of a message these come to."""
        size = CHANGE_BYTES * len(changes)
        for change in parts_of(changes):
            if type(change) is RowChange:
                for image in (change.old_values, change.new_values):
                    if image is not None:
                        size += bytes_of((image,))
            elif type(change) is Inserted:
                size += bytes_of(change.rows)
            else:
                assert type(change) is Command
                size += len(change.sql)
        return size

    def _clear(self) -> None:
        self._replacement.forget()
        self._pending.clear()
        self._unread.clear()
        self._failed = None
        self._changes.clear()
        self._taken = self._recorded = 0

    def _forget_plans(self) -> None:
        self._plans.clear()
        self._generation = self.tables.generation

    # Rows

    def _see(self, update: apsw.PreUpdate) -> None:
        """SQLite's hook. An exception from here reaches the client, but SQLite goes on and changes the row."""
        if update.database_name != "main":
            return
        try:
            opcode = update.opcode
            if opcode == _DELETE and update.blob_write >= 0:  # not a DELETE: FTS5 rewrites a part of a row in place
                self._read_now(update)
                return
            name = update.table_name
            if name == "sqlite_sequence":  # read as a whole at the transaction's end
                _check_sequence(update)
                return
            if name not in self._plans:
                self._plan(name)
            plan = self._plans[name]
            if plan is not None and plan.acted_on:
                self._replacement.see(update, plan.without_rowid)
            if name in self._unread:
                self._read_now(update)
                return
            try:
                if opcode == _INSERT:
                    self._pending.append((name, opcode, None, update.rowid_new, None, update.new))
                else:
                    self._pending.append((name, opcode, update.rowid, update.rowid_new, update.old, update.new))
            except (apsw.RangeError, UnicodeDecodeError):
                self._read_now(update)
        except BaseException as error:
            self._failed = error
            raise

    def _plan(self, name: str) -> Table | None:
        """The table's facts as they are while it changes: a statement that drops or renames it comes to an end later."""
        table = self._plans[name] = None if is_local(name) else self.tables.get(name)
        return table

    def _read_now(self, update: apsw.PreUpdate) -> None:
        name = update.table_name
        table = self._plans[name] if name in self._plans else self._plan(name)
        if table is None:
            return
        gone = self._just_deleted(table)
        unread = self._unread.get(name)
        if unread is None:
            before: dict[Any, Row | None] = {}
            if table.without_rowid:
                with self._trusted:
                    before.update(read_all(self._connection, table))
                for key in gone:
                    before.pop(key, None)
            unread = self._unread[name] = _Unread(name, before)
            self._pending.append(unread)
        if not table.without_rowid:
            for rowid in (update.rowid, update.rowid_new):
                if rowid not in unread.before:
                    with self._trusted:
                        row = None if rowid in gone else read_row(self._connection, table, rowid)
                    unread.before[rowid] = row

    def _just_deleted(self, table: Table) -> set[Any]:
        """Rows whose DELETE we have just been told: REPLACE leaves such a row where it is, to overwrite it."""
        gone: set[Any] = set()
        for event in reversed(self._pending):
            if type(event) is _Unread or event[0] != table.name or event[1] != _DELETE:
                break
            old = event[4] if table.stored is None else [event[4][at] for at in table.stored]
            gone.add(tuple([old[at] for at in table.shape.key]) if table.without_rowid else event[2])
        return gone

    def _resolve(self) -> None:
        """Turn the hook's events into changes, while the tables are what they were."""
        if self._failed is not None:
            raise self._failed
        self._replacement.forget()
        if not self._pending:
            return
        self._put(self._pending)
        self._pending.clear()
        self._unread.clear()

    def _put(self, events: Sequence[tuple[Any, ...]]) -> None:
        now = time.time_ns()
        changes = self._changes
        plans = self._plans
        for event in events:
            if type(event) is _Unread:
                self._put_unread(event, now)
                continue
            name, opcode, rowid, new_rowid, old, new = event
            table = plans[name]
            if table is None:
                continue
            if table.stored is not None:
                old = old and tuple([old[at] for at in table.stored])
                new = new and tuple([new[at] for at in table.stored])
            if table.without_rowid:
                rowid = new_rowid = None
            columns, pk_columns, shape = table.columns, table.pk_columns, table.shape
            if opcode == _INSERT:
                change = _row_change((name, INSERT, columns, pk_columns, None, new_rowid, None, new, now, shape))
            elif opcode == _DELETE:
                change = _row_change((name, DELETE, columns, pk_columns, rowid, None, old, None, now, shape))
            elif rowid != new_rowid or not same(old, new):
                change = _row_change((name, UPDATE, columns, pk_columns, rowid, new_rowid, old, new, now, shape))
            else:
                continue
            changes.append(change)

    def _put_unread(self, event: _Unread, now: int) -> None:
        """What became of the rows, each by its place.

        Rows that changed their key go before any comes back, and so do all where several changed that must be unique: taken
        one by one, a row could be in the way of the next.
        """
        table = self.tables.get(event.table)
        if table is None:
            return
        before = event.before
        with self._trusted:
            if table.without_rowid:
                after: dict[Any, Row | None] = dict(read_all(self._connection, table))
            else:
                after = {rowid: read_row(self._connection, table, rowid) for rowid in before}
        changed = [
            (None if table.without_rowid else place, before.get(place), after.get(place))
            for place in before | after
            if not _unchanged(before.get(place), after.get(place))
        ]
        apart = bool(table.uniques) and len(changed) > 1
        back: list[tuple[int | None, Row | None, Row | None]] = []
        for rowid, old, new in changed:
            if old is not None and (new is None or apart or _key(table, old) != _key(table, new)):
                self._put_slot(table, rowid, old, None, now)
                old = None
            if new is not None:
                back.append((rowid, old, new))
        for rowid, old, new in back:
            self._put_slot(table, rowid, old, new, now)

    def _put_slot(self, table: Table, rowid: int | None, before: Row | None, after: Row | None, now: int) -> None:
        operation = INSERT if before is None else DELETE if after is None else UPDATE
        self._changes.append(
            RowChange(
                table.name,
                operation,
                table.columns,
                table.pk_columns,
                None if before is None else rowid,
                None if after is None else rowid,
                before,
                after,
                now,
                table.shape,
            )
        )

    # The schema

    def _after_schema_change(self, sql: str) -> None:
        """Rows of tables that were there stand before the command, rows of tables that it made after it."""
        before = self.tables.schema()
        self.tables.changed()
        after = self.tables.schema()
        old: list[tuple[Any, ...]] = []
        new: list[tuple[Any, ...]] = []
        for event in self._pending:
            (old if ("table", event[0]) in before else new).append(event)
        self._put(old)
        self._forget_plans()
        for event in new:
            self._plan(event[0])
        made = []
        if all(entry in after for entry in before if entry[0] == "table"):  # else it dropped or renamed one
            made = [name for kind, name in after if kind == "table" and (kind, name) not in before]
        if before != after:
            command = self._command(sql, made, after)
            self._changes.append(Command(command, time.time_ns(), retold(before, after)))
            forget_dropped(self._connection)
            for kind, name in after:
                if kind == "table" and before.get((kind, name)) != after[kind, name]:
                    self._refuse_unkeyed(name)
            for name in made:
                if not any(event[0] == name for event in new):
                    self._put_silent_rows(name)
        self._put(new)
        self._pending.clear()
        self._unread.clear()

    def _command(self, sql: str, made: Sequence[str], after: dict[tuple[str, str], str | None]) -> str:
        """What makes the same schema elsewhere: the client's words, but for CREATE TABLE AS, whose rows travel as rows."""
        if len(made) != 1 or self.tables[made[0]].kind != "table":
            return sql
        kept = after["table", made[0]] or ""
        definition = kept.removeprefix("CREATE TABLE ")
        return sql if sql.rstrip(" \t\r\n;").endswith(definition) else kept

    def _put_silent_rows(self, name: str) -> None:
        """Rows of CREATE TABLE AS: the hook does not see them."""
        table = self.tables[name]
        if table.kind != "table":
            return
        with self._trusted:
            rowids = (
                self._connection.execute(f"SELECT {table.rowid} FROM main.{quoted(name)}").get if table.rowid else None
            )
        if rowids is None:
            return
        now = time.time_ns()
        for rowid in rowids if isinstance(rowids, list) else [rowids]:
            with self._trusted:
                row = read_row(self._connection, table, rowid)
            self._put_slot(table, rowid, None, row, now)

    def _refuse_unkeyed(self, name: str) -> None:
        table = self.tables[name]
        if table.kind == "table" and not table.without_rowid and table.rowid is None and not table.pk_columns:
            raise StatementError(
                "0A000",
                f'table "{name}" cannot be replicated: its columns hide every name of the rowid',
                hint="Name its columns otherwise than rowid, _rowid_ and oid, or declare an INTEGER PRIMARY KEY.",
                table=name,
            )

    # Sequences

    def _read_sequences(self) -> dict[str, int | None]:
        if not self.tables.has_sequences:
            return {}
        with self._trusted:
            rows = dict(self._connection.execute("SELECT name, seq FROM main.sqlite_sequence"))
        return rows

    def _missing_sequences(self, now: dict[str, int | None]) -> dict[str, int | None]:
        """Tables that could have a sequence and have none: a command elsewhere may have moved one there (RENAME)."""
        return {
            name: None
            for (kind, name), sql in self.tables.schema().items()
            if kind == "table" and name not in now and "AUTOINCREMENT" in (sql or "").upper()
        }


_captures: WeakKeyDictionary[apsw.Connection, Capture] = WeakKeyDictionary()

_SIZED = frozenset((str, bytes, RawText))


def bytes_of(rows: Iterable[Row]) -> int:
    """How many bytes of text and blobs `rows` hold, about."""
    return sum([len(value) for row in rows for value in row if type(value) in _SIZED])  # type: ignore[arg-type]


#: A RowChange of all its fields: half the price of a call by its names.
_row_change: Callable[[tuple[Any, ...]], RowChange] = partial(tuple.__new__, RowChange)  # type: ignore[assignment]

_INSERT = apsw.SQLITE_INSERT
_DELETE = apsw.SQLITE_DELETE


def of(connection: apsw.Connection) -> Capture:
    """The capture of a writing connection.

    :raises KeyError: nothing captures there.
    """
    return _captures[connection]


def moved(before: dict[str, int | None], after: dict[str, int | None]) -> dict[str, int | None]:
    """The values in `after` that differ from `before`; None for those that went away."""
    changed: dict[str, int | None] = {name: value for name, value in after.items() if before.get(name) != value}
    changed.update({name: None for name in before if name not in after})
    return changed


def _key(table: Table, row: Row) -> list[Value]:
    """The parts of its primary key; empty where rows are known by rowid."""
    return [] if table.shape.alias is not None else [row[at] for at in table.shape.key]


def _unchanged(old: Row | None, new: Row | None) -> bool:
    return old is None and new is None if old is None or new is None else same(old, new)


def same(old: Row, new: Row) -> bool:
    """To the bit: 1 is not 1.0 and 0.0 is not -0.0, though they are equal."""
    return old == new and repr(old) == repr(new)


def _check_sequence(update: apsw.PreUpdate) -> None:
    """Sequences travel by name, as integers.

    :raises StatementError: 22023, a client set one to something else.
    """
    new = update.new
    if new is not None and not (isinstance(new[0], str) and isinstance(new[1], int)):
        raise StatementError("22023", "a sequence's name is a text and its value an integer", table="sqlite_sequence")


def _ignore(_: apsw.PreUpdate) -> None:
    """Nothing is being collected."""
