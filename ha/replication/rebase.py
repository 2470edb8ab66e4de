"""One pass of the log under what is pending: the file is S(k) + pending before it, and S(k') + pending after it.

Inside one SQLite transaction what is pending is undone, newest first, to the bit; what has arrived is applied to exactly
S(k) as every other node applies it; and what is pending is applied again on top, in order, and captured anew. Readers never
see the in-between. A pass costs the outbox's length, whatever has arrived; so everything that has arrived is taken in one.

Entries that are the outbox's head, one after the other, stand in the file already and cost nothing of the kind.

**Merging.** Messages that were never sent become one, up to the size of a group: the log stores it faster than it stores
many, and every node applies it faster. Two messages and one that says the same do the same to the state that they were executed
on; on another state they may not (a row that is inserted with another's unique value, and then changed, displaces it or not). So
messages are merged either while they stand as they were executed, or while none of them stands in the file, here. Both
makes them final.

What lost its place on the way is kept in ``ha_conflicts``: once, when the message that won has its own place.

Runs in whatever thread holds the writer, inside its transaction; memory holds what has arrived, and of the outbox one message.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import orjson

from ha.replication.change import Message, Record, decode, merge
from ha.replication.conflicts import ORPHANED, UNFIT, Authors, Lost, losses, met
from ha.replication.entry import Entry
from ha.sqlite import tables as schema
from ha.sqlite.database import Database
from ha.sqlite.fitting import put_once, put_what_fits
from ha.sqlite.images import undo
from ha.sqlite.ledger import last_group, origin_of
from ha.sqlite.orphans import Orphan, orphans
from ha.sqlite.pending import (
    Loss,
    Pending,
    find_pending,
    next_pending,
    record_loss,
    remove_pending,
    replace_pending,
    stretch,
    undo_newest_first,
)
from ha.sqlite.rowchange import INSERT, UPDATE, Author, Shape, packed

#: After so many bytes of messages the thread steps aside for a moment (seconds): Python's rows hold the interpreter.
BYTES_PER_TURN: Final = 64 * 1024
ASIDE_S: Final = 0.001


class Rebase:
    """One pass over the outbox of a database, in the transaction that is open.

    :ivar count: by how many messages the outbox grew, a negative number; it counts when the transaction does.
    :ivar size_bytes: by how many bytes.
    :ivar losses: how many versions lost their places.
    """

    def __init__(self, database: Database) -> None:
        self._connection = database.writer
        self._capture = database.capture
        self._since_aside = 0
        self._tables = schema.of(self._connection)
        self.count = 0
        self.size_bytes = 0
        self.losses = 0

    def apply(self, entries: Sequence[Entry], position: int) -> list[Message]:
        """Apply `entries` to S(`position`), under what is pending.

        :returns: what others wrote, without its changes: there may be much of it.
        """
        taken = self._take_heads(entries)
        if taken == len(entries):
            return []
        if taken:
            position = entries[taken - 1].sequence
        self._undo_all()
        foreign: list[Message] = []
        authors = Authors()
        for entry in entries[taken:]:
            message = decode(entry.body)
            pending = find_pending(self._connection, entry.message_id)
            if pending is not None:
                self._put_ours(pending, message, entry.sequence, position, authors)
            elif put_once(self._connection, message, position):
                authors.tell(message)
                foreign.append(replace(message, changes=(), transactions=()))
            position = entry.sequence
            self._step_aside(len(entry.body))
        self._put_all(authors)
        return foreign

    def put_back(self) -> None:
        """Put on top what is pending and not in the file, which was restored."""
        self._undo_all()
        self._put_all(Authors())

    def make_final(self, after: int) -> None:
        """Make one message of those behind the place `after` that were never sent, and never send another in its place."""
        self._tables.refresh()
        taken = stretch(self._connection, after)
        if taken and not taken[0].final:
            records = [Record.from_bytes(pending.undo) for pending in taken if pending.undo is not None]
            self._replace(taken, merge([pending.body for pending in taken], self._shape_of), Record.joined(records))

    # Entries of ours

    def _take_heads(self, entries: Sequence[Entry]) -> int:
        """How many of the entries are the outbox's head, one after the other."""
        for at, entry in enumerate(entries):
            head = next_pending(self._connection)
            if head is None or head.message_id != entry.message_id or head.body != entry.body:
                return at
            message = decode(entry.body)
            origin_of(self._connection, message.node, message.process_id, message.group)
            assert head.undo is not None, "what is pending was put on the file when the outbox was begun"
            self._remove(head)
            self._note_losses(message, Record.from_bytes(head.undo), entry.sequence)
            self._step_aside(len(entry.body))
        return len(entries)

    def _put_ours(self, pending: Pending, message: Message, sequence: int, position: int, authors: Authors) -> None:
        """A message of the outbox has its place in the order now, behind others that came first."""
        self._remove(pending)
        self._capture.begin()
        try:
            if put_once(self._connection, message, position):
                record = self._record(_authors(pending), authors)
                self._note_losses(message, record, sequence)
        finally:
            self._capture.discard()

    # What is pending

    def _undo_all(self) -> None:
        for few in undo_newest_first(self._connection):
            undo(self._connection, Record.joined([Record.from_bytes(body) for body in few]))
            self._step_aside(sum(map(len, few)))

    def _put_all(self, authors: Authors) -> None:
        """Put what is pending on the state of the log, in order, and remember what that did."""
        self._tables.refresh()
        after = 0
        while taken := stretch(self._connection, after):
            after = taken[-1].number
            waiting = []
            last = self._last_group(taken[0])
            for pending in taken:
                if pending.group > last:
                    waiting.append(pending)
                else:
                    self._remove(pending)  # a restored file had it by way of the log
            if not waiting:
                continue
            body = merge([pending.body for pending in waiting], self._shape_of)
            earlier = Authors([author for pending in waiting for author in _authors(pending).all()])
            self._capture.begin()
            try:
                put_what_fits(self._connection, decode(body))
                record = self._record(earlier, authors)
            finally:
                self._capture.discard()
            self._replace(waiting, body, record)
            self._step_aside(len(body))

    def _last_group(self, pending: Pending) -> int:
        """The last message of its process that the file has by way of the log."""
        node, _, process_id = pending.process.rpartition(":")
        return last_group(self._connection, node, int(process_id))

    def _record(self, earlier: Authors, authors: Authors) -> Record:
        """What has just been put, and whose the versions were that it met, or left without parents."""
        record = self._capture.record()
        found = list(met(record.events, self._columns_of, earlier, authors))
        for orphan in orphans(self._connection, record.events):
            author = culprit(orphan, authors) or culprit(orphan, earlier)
            if author is not None:
                found.append(author)
        return replace(record, authors=tuple(found), unseen=True)

    def _remove(self, pending: Pending) -> None:
        remove_pending(self._connection, pending)
        self.count -= 1
        self.size_bytes -= len(pending.body)

    def _replace(self, merged: Sequence[Pending], body: bytes, record: Record) -> None:
        replace_pending(self._connection, merged, body, record.to_bytes(), merged[-1].message_id)
        self.count -= len(merged) - 1
        self.size_bytes += len(body) - sum(len(pending.body) for pending in merged)

    def _step_aside(self, size_bytes: int) -> None:
        self._since_aside += size_bytes
        if self._since_aside >= BYTES_PER_TURN:
            self._since_aside = 0
            time.sleep(ASIDE_S)

    def _shape_of(self, name: str, columns: tuple[str, ...]) -> Shape | None:
        table = self._tables.get(name)
        return table.shape if table is not None and table.columns == columns else None

    # What was lost

    def _columns_of(self, name: str) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
        table = self._tables.get(name)
        return None if table is None else (table.columns, table.pk_columns)

    def _note_losses(self, message: Message, record: Record, sequence: int) -> None:
        """Keep every version that `message`, now that it has its place, overwrote or displaced unseen, or that is its own."""
        self._tables.refresh()
        for lost in losses(message.changes, record.events, self._columns_of, record.authors):
            self._keep(loss_of(lost, message.node, sequence))
        if record.unseen:  # else foreign keys were enforced
            known = Authors(record.authors)
            for orphan in orphans(self._connection, record.events):
                self._keep(loss_of_orphan(orphan, known, message.node, sequence))

    def _keep(self, loss: Loss) -> None:
        record_loss(self._connection, loss)
        self.losses += 1


def _authors(pending: Pending) -> Authors:
    """What its last application met."""
    if pending.undo is None or not pending.final:
        return Authors()
    return Authors(Record.from_bytes(pending.undo).authors)


def culprit(orphan: Orphan, authors: Authors) -> Author | None:
    """Who deleted the parent of a row that came, or wrote the row whose parent went."""
    if orphan.came:
        return authors.of(orphan.parent) if orphan.parent is not None else None
    return authors.of((orphan.table.lower(), orphan.key))


def loss_of_orphan(orphan: Orphan, authors: Authors, node: str, sequence: int) -> Loss:
    """A row without its parent, as it is kept.

    :param node: whose message it was, at position `sequence`, that brought the row, or took the parent away.
    """
    author = culprit(orphan, authors)
    other, operation = (None, UPDATE) if author is None else (author.node, author.operation)
    if orphan.came:
        lost = Lost(ORPHANED, orphan.table, INSERT, orphan.columns, orphan.key, orphan.rowid, orphan.values, node)
        return replace(loss_of(lost, node, sequence), winner_node=other, winner_seq=None)
    lost = Lost(ORPHANED, orphan.table, operation, orphan.columns, orphan.key, orphan.rowid, orphan.values, other)
    return loss_of(lost, node, sequence)


def loss_of(lost: Lost, node: str, sequence: int | None) -> Loss:
    """A lost version as it is kept: columns, values, types and rowid.

    :param node: whose message it met; the loser of an unfit row, the winner over any other.
    :param sequence: the position of that message.
    """
    values, types = packed(lost.values)
    key, key_types = packed(lost.key)
    unfit = lost.reason == UNFIT
    return Loss(
        lost.reason,
        lost.table,
        orjson.dumps({"values": key, "types": key_types}).decode(),
        lost.operation,
        orjson.dumps({"columns": lost.columns, "values": values, "types": types, "rowid": lost.rowid}).decode(),
        node if unfit else lost.node,
        None if unfit else node,
        sequence,
    )
