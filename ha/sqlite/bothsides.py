"""Virtual tables that two sides wrote, neither having seen the other: put row by row, so that the index stays one.

The shadow rows of such a table fit together only as their writer left them; the later ones put over the earlier ones would be no index
of anything. Whether a queued message comes upon a state that its writer saw can be told from the message and the state alone: each
shadow row must be there as the message says that it was. An index writes at least one row at every change, so nobody slips by.
Where one is not, the message's shadow rows are left out, and what they did to the virtual table's own rows
(:mod:`ha.sqlite.virtual`) is done to them as SQLite does it. That takes only what the message is long, and is the same on
every node, because the state is. A full-text index whose rows stand in another table is rebuilt from that.

What cannot be done so, because the index keeps nothing of its rows (``content=''``), is left out, and the virtual table is named in
``ha_unmerged`` until it is dropped.

Inside the caller's transaction, among the house's own statements, with triggers and foreign keys off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import apsw

from ha.sqlite.capture import same
from ha.sqlite.connection import Connection
from ha.sqlite.images import MISFITS, CannotPut, apply
from ha.sqlite.rowchange import Change, Event, RawText, RowChange
from ha.sqlite.tables import Tables, quoted
from ha.sqlite.unmerged import name_unmerged
from ha.sqlite.virtual import BY_NOTHING, BY_ROWS, Virtual, event_of, find, told
from ha.sqlite.wholerow import read_row

#: A setting that FTS5 keeps beside the others, and that is its own.
_FTS5_VERSION: Final = "version"


@dataclass(frozen=True, slots=True)
class Images:
    """As :func:`ha.sqlite.images.apply` takes them."""

    changes: Sequence[Change]
    sequences: dict[str, int | None] = field(default_factory=dict)


def split(
    tables: Tables, connection: Connection, changes: Sequence[Change]
) -> tuple[Sequence[Change], list[BothSides]]:
    """The changes that may be put as they are, and the virtual tables that somebody else wrote to, too."""
    if not tables.has_virtual:
        return changes, []
    by_owner: dict[str, list[RowChange]] = {}
    for change in changes:
        if type(change) is RowChange:
            table = tables.get(change.table)
            if table is not None and table.owner is not None:
                by_owner.setdefault(table.owner, []).append(change)
    met = [BothSides(owner, theirs) for owner, theirs in by_owner.items() if not _as_seen(tables, connection, theirs)]
    if not met:
        return changes, []
    apart = {id(change) for one in met for change in one.changes}
    return [change for change in changes if id(change) not in apart], met


def _as_seen(tables: Tables, connection: Connection, changes: Sequence[RowChange]) -> bool:
    """Is each of these shadow rows as it was before the first of the changes?"""
    known: set[tuple[str, Any]] = set()
    for change in changes:
        table = tables[change.table]
        if table.columns != change.columns:
            return False
        for rowid, values, before in (
            (change.old_rowid, change.old_values, change.old_values),
            (change.new_rowid, change.new_values, None),
        ):
            if values is None:
                continue
            key: Any = tuple([values[at] for at in table.shape.key]) if table.without_rowid else rowid
            if (table.name, key) in known:
                continue
            known.add((table.name, key))
            now = read_row(connection, table, key)
            if (now is None) != (before is None) or (now is not None and before is not None and not same(now, before)):
                return False
    return True


@dataclass(frozen=True, slots=True)
class BothSides:
    """One such table.

    :param changes: of its shadow rows, as the message has them.
    """

    owner: str
    changes: Sequence[RowChange]

    def put(self, connection: Connection, tables: Tables) -> None:
        """Do to its rows what the message did to them, or nothing; then it is named."""
        connection.execute("SAVEPOINT ha_both")
        try:
            virtual = find(tables, self.owner)
            if virtual is None or any(tables[one.table].columns != one.columns for one in self.changes):
                raise CannotPut(f'"{self.owner}" is another table by now')
            if virtual.written == BY_NOTHING:
                raise CannotPut("it keeps nothing of its rows, and another node wrote to it, too")
            self._put(connection, tables, virtual)
        except (*MISFITS, apsw.CorruptError) as error:
            connection.execute("ROLLBACK TO ha_both")
            name_unmerged(connection, self.owner, str(error))
        finally:
            connection.execute("RELEASE ha_both")

    def _put(self, connection: Connection, tables: Tables, virtual: Virtual) -> None:
        if virtual.module == "fts5":
            _hear(connection, virtual)
            _set(connection, virtual, self.changes)
        events = [event_of(change) for change in self.changes]
        if virtual.written == BY_ROWS:
            for event in told(virtual, events):
                _put_row(connection, virtual, event)
        else:
            if virtual.source is None:
                apply(connection, Images([one for one in self.changes if one.table == virtual.told_by]))
            word = quoted(virtual.table.name)
            connection.execute(f"INSERT INTO main.{word}({word}) VALUES ('rebuild')")
        # What it keeps in memory goes into the file now: the next message looks there.
        connection.execute("SAVEPOINT ha_flush")
        connection.execute("RELEASE ha_flush")


def _hear(connection: Connection, virtual: Virtual) -> None:
    """Make FTS5 read its settings again where rows were put under it: it keeps them, and their version, which it writes, in memory.

    It looks for another version whenever it reads its index's structure, but 'rebuild' does not read that. A merge of no pages does,
    and nothing else.
    """
    word = quoted(virtual.table.name)
    connection.execute(f"INSERT INTO main.{word}({word}, rank) VALUES ('merge', 0)")


def _set(connection: Connection, virtual: Virtual, changes: Sequence[RowChange]) -> None:
    """Settings of FTS5, which are rows of their own, but which it has to be told of."""
    word = quoted(virtual.table.name)
    for change in changes:
        if change.table == f"{virtual.table.name}_config" and change.new_values is not None:
            name, value = change.new_values
            if name != _FTS5_VERSION:
                connection.execute(f"INSERT INTO main.{word}({word}, rank) VALUES (?, ?)", (name, value))


def _put_row(connection: Connection, virtual: Virtual, event: Event) -> None:
    """One row of the virtual table: the old one goes, the new one comes.

    :raises CannotPut: the message does not say where the new one stands.
    """
    table = virtual.table
    name = f"main.{quoted(table.name)}"
    rowid = event.old_rowid if event.new_rowid is None else event.new_rowid
    connection.execute(f"DELETE FROM {name} WHERE {table.rowid} = ?", (rowid,))
    values = event.new_values
    if values is None:
        return
    if virtual.is_tree and values[1] is None:
        raise CannotPut("the message does not say where a row stands")
    columns = ", ".join(map(quoted, table.columns))
    marks = ", ".join("CAST(? AS TEXT)" if type(value) is RawText else "?" for value in values)
    connection.execute(f"INSERT INTO {name}({table.rowid}, {columns}) VALUES (?, {marks})", (rowid, *values))
