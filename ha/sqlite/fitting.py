"""Messages of the log put into the file: each once, and as far as it fits.

A message that was ordered before it was committed was executed on exactly the state that it now meets, so it fits or
something is wrong. One that was committed first, while the log was out of reach, may meet another schema: a table or a column is
gone, a column is new, a NULL is not allowed any more. Then what fits is put and the rest is left out, by a rule that depends on
the message and the state alone, so that every node leaves out the same. And it may meet a virtual table that others wrote to
(:mod:`ha.sqlite.bothsides`).

Runs inside the caller's transaction, in whatever thread holds the writer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from ha.sqlite import tables as schema
from ha.sqlite.bothsides import split
from ha.sqlite.connection import Connection
from ha.sqlite.images import MISFITS, SLICE_CHANGES, apply, in_silence
from ha.sqlite.ledger import Origins, origin_of
from ha.sqlite.rowchange import Change, RowChange, has_commands
from ha.sqlite.tables import Table, Tables
from ha.values import Value

#: A default that is the same whenever and wherever it is evaluated.
LITERAL = re.compile(r"[+-]?\s*[0-9.][0-9a-z.+-]*|x?'(?:[^']|'')*'|null|true|false", re.IGNORECASE)


class Message(Protocol):
    """What is asked of a message."""

    @property
    def node(self) -> str:
        """Whose it is."""

    @property
    def process_id(self) -> int:
        """Of which of its processes."""

    @property
    def group(self) -> int:
        """Its number there; 0 in a message that is not of this program."""

    @property
    def snapshot_seq(self) -> int:
        """The position it was executed at."""

    @property
    def changes(self) -> Sequence[Change]:
        """Rows and commands in order."""

    @property
    def sequences(self) -> Mapping[str, int | None]:
        """`sqlite_sequence` values."""


M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True)
class Images:
    """A message's changes, or some of them."""

    changes: Sequence[Change]
    sequences: Mapping[str, int | None]


def put_once(connection: Connection, message: Message, position: int) -> bool:
    """Apply `message` to the state at `position`, unless it was applied before.

    :param position: of the entry before it on its subject.
    :returns: False when the log has stored it twice, and this is the second time.
    :raises CannotPut: it was executed on this very state and does not fit it: the file is not what it should be.
    :raises apsw.Error: likewise, or the disk failed.
    """
    if not origin_of(connection, message.node, message.process_id, message.group):
        return False
    _put(connection, message, exact=message.snapshot_seq == position or has_commands(message.changes))
    return True


def put_in_order(connection: Connection, messages: Sequence[tuple[int, M]], position: int) -> list[M]:
    """:func:`put_once` for a stretch of the log, each message with its own position.

    Messages that were each executed on the state before them are put as one: their final images are the same state, for a
    fraction of the statements.

    :param position: of the entry before the first.
    :returns: those that were not applied before.
    """
    origins = Origins(connection)
    fresh: list[M] = []
    exact = _Exact(connection)
    for own_position, message in messages:
        if origins.note(message.node, message.process_id, message.group):
            fresh.append(message)
            commands = has_commands(message.changes)
            if message.snapshot_seq == position and not commands:
                exact.add(message)
            else:
                exact.put()
                _put(connection, message, exact=commands)
        position = own_position
    exact.put()
    origins.write()
    return fresh


class _Exact:
    """Messages that follow one another, each executed on the state before it: put as one slice at most.

    A message that alone is longer is cut where every node cuts it, see :data:`ha.sqlite.images.SLICE_CHANGES`.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._changes: list[Change] = []
        self._sequences: dict[str, int | None] = {}

    def add(self, message: Message) -> None:
        """The next one."""
        if len(self._changes) + len(message.changes) > SLICE_CHANGES:
            self.put()
        self._changes += message.changes
        self._sequences.update(message.sequences)

    def put(self) -> None:
        """Put what was added."""
        if self._changes or self._sequences:
            apply(self._connection, Images(self._changes, self._sequences))
            self._changes, self._sequences = [], {}


def _put(connection: Connection, message: Message, *, exact: bool) -> None:
    """As it is, where it was executed on this very state or changes the schema; else what fits of it."""
    if exact:
        apply(connection, message)
    else:
        put_what_fits(connection, message)


def put_what_fits(connection: Connection, message: Message) -> None:
    """Apply `message`; leave out the rows that the schema does not take any more."""
    with schema.trust(connection):
        tables = schema.of(connection)
        tables.refresh()
        changes = [_completed(connection, tables, change) for change in message.changes]
        apart, both = split(tables, connection, changes)
        _put_fitting(connection, tables, Images(apart, message.sequences))
        for virtual in both:
            with in_silence(connection, needed=True):
                virtual.put(connection, tables)


def _put_fitting(connection: Connection, tables: Tables, whole: Images) -> None:
    """Put all of it, or else row by row what can be put."""
    if _fits(connection, whole):
        return
    for change in whole.changes:
        _fits(connection, Images((change,), {}))
    kept = {
        name: value
        for name, value in whole.sequences.items()
        if (table := tables.get(name)) is not None and table.autoincrement
    }
    _fits(connection, Images((), kept))


def _fits(connection: Connection, images: Images) -> bool:
    """Put them, or leave the file as it was."""
    connection.execute("SAVEPOINT ha_fit")
    try:
        apply(connection, images)
    except MISFITS:
        connection.execute("ROLLBACK TO ha_fit")
        return False
    finally:
        connection.execute("RELEASE ha_fit")
    return True


def _completed(connection: Connection, tables: Tables, change: Change) -> Change:
    """A row from before columns were added gets their defaults."""
    if type(change) is not RowChange:
        return change
    table = tables.get(change.table)
    if table is None or table.columns == change.columns or not set(change.columns) < set(table.columns):
        return change
    added = [name for name in table.columns if name not in change.columns]
    values = tuple([_default(connection, table, name) for name in added])
    return change._replace(
        columns=(*change.columns, *added),
        old_values=None if change.old_values is None else (*change.old_values, *values),
        new_values=None if change.new_values is None else (*change.new_values, *values),
    )


def _default(connection: Connection, table: Table, column: str) -> Value:
    text: Any = connection.execute(
        "SELECT dflt_value FROM pragma_table_xinfo(?, 'main') WHERE name = ?", (table.name, column)
    ).get
    if text is None or not LITERAL.fullmatch(text.strip()):
        return None
    return connection.execute(f"SELECT {text}").get  # type: ignore[no-any-return]
