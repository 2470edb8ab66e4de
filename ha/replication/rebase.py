"""One pass of the log under what is pending: the file is S(k) + pending before it, and S(k') + pending after it.

Inside one SQLite transaction what is pending is undone, newest first, to the bit; what has arrived is applied to exactly
S(k) as every other node applies it; and what is pending is applied again on top, in order, and captured anew. Readers never
see the in-between. Such a pass costs the outbox's length, whatever has arrived; so everything that has arrived is taken in one.

While the outbox is long, only those of its messages are undone that what arrived meets, and those that were built upon them
(:mod:`~ha.replication.selection`); the others touch nothing that changes, and stand as they would after a whole pass. If it turns
out on the way that one of them is met all the same, because a row gave way that nobody had named, the pass begins anew as a whole.

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
from ha.replication.misfits import has_misfits, retell
from ha.replication.selection import CannotSelect, Outcome, Selection, touches_done
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
    stretches,
    touches_after,
    touches_between,
    undo_newest_first,
    undo_of,
    write_touches,
)
from ha.sqlite.rowchange import INSERT, UPDATE, Author, Shape, packed
from ha.sqlite.touches import Touches
from ha.sqlite.virtual import changes_of, rows_of

#: After so many bytes of messages the thread steps aside for a moment (seconds): Python's rows hold the interpreter.
BYTES_PER_TURN: Final = 64 * 1024
ASIDE_S: Final = 0.001


class NotDisjoint(Exception):
    """What was applied met a message that stands: the transaction is to be rolled back, and all of the outbox undone."""


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
        #: The place of the last message of ours that has its place in the log now.
        self._last_taken = 0
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
                self._tell(authors, message)
                foreign.append(replace(message, changes=(), transactions=()))
            position = entry.sequence
            self._step_aside(len(entry.body))
        self._put_all(authors)
        return foreign

    def apply_selected(self, entries: Sequence[Entry], position: int, selection: Selection) -> list[Message]:
        """:meth:`apply`, but only what is selected is undone.

        :raises NotDisjoint: or CannotSelect, and nothing counts.
        """
        connection = self._connection
        self._tables.refresh()
        self.note_found(selection)
        selection.extend(connection)
        if not selection.complete:
            raise CannotSelect("more came meanwhile than can be looked at while the writer is held")
        undone = selection.undone
        for number in sorted(undone, reverse=True):
            self._undo([undo_of(connection, number)])
        foreign: list[Message] = []
        authors = Authors()
        outcome = Outcome()
        for at, entry in enumerate(entries):
            message = selection.messages.get(at)
            if message is None:
                self._take_ours(entry, position, undone, authors, outcome)
            elif find_pending(connection, entry.message_id) is not None:
                raise NotDisjoint("a message of ours was taken for another's")
            elif self._put_theirs(message, position, selection.arrived, outcome):
                self._tell(authors, message)
                foreign.append(replace(message, changes=(), transactions=()))
            position = entry.sequence
            self._step_aside(len(entry.body))
        for run in selection.runs:
            for taken in stretches(connection, [number for number in run if number > self._last_taken]):
                self._put(taken, authors, outcome)
        self._check_standing(outcome, undone)
        return foreign

    def note_found(self, selection: Selection) -> None:
        """Keep what was found on the way."""
        for number, touches in selection.found.items():
            write_touches(self._connection, number, touches)

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
            touches = touches_between(self._connection, taken[0].number, taken[-1].number)
            body = retell(merge([pending.body for pending in taken], self._shape_of), self._stored_columns_of)
            self._replace(taken, body, Record.joined(records), touches)

    # Entries, one by one

    def _take_heads(self, entries: Sequence[Entry]) -> int:
        """How many of the entries are the outbox's head, one after the other."""
        for at, entry in enumerate(entries):
            head = self._head(entry)
            if head is None:
                return at
            self._take_standing(head, entry)
            self._step_aside(len(entry.body))
        return len(entries)

    def _head(self, entry: Entry) -> Pending | None:
        """The outbox's head, if the entry is that."""
        head = next_pending(self._connection)
        return head if head is not None and (head.message_id, head.body) == (entry.message_id, entry.body) else None

    def _take_standing(self, head: Pending, entry: Entry) -> None:
        """It stands in the file as it would be put there."""
        message = decode(entry.body)
        origin_of(self._connection, message.node, message.process_id, message.group)
        assert head.undo is not None, "what is pending was put on the file when the outbox was begun"
        self._remove(head)
        self._note_losses(message, Record.from_bytes(head.undo), entry.sequence)

    def _take_ours(
        self, entry: Entry, position: int, undone: frozenset[int], authors: Authors, outcome: Outcome
    ) -> None:
        head = self._head(entry)
        if head is None:
            raise NotDisjoint("a message of ours is not the outbox's head")
        self._last_taken = head.number
        if head.number in undone:
            self._put_ours(head, decode(entry.body), entry.sequence, position, authors, outcome)
        else:
            self._check_met(head, outcome)
            self._take_standing(head, entry)

    def _put_ours(
        self,
        pending: Pending,
        message: Message,
        sequence: int,
        position: int,
        authors: Authors,
        outcome: Outcome | None = None,
    ) -> None:
        """A message of the outbox has its place in the order now, behind others that came first."""
        named = touches_between(self._connection, pending.number, pending.number) if outcome is not None else None
        self._remove(pending)
        self._capture.begin()
        try:
            if put_once(self._connection, message, position):
                record = self._record(_authors(pending), authors)
                if outcome is not None:
                    outcome.add(pending.number, self._touches_of(message, record), named)
                self._note_losses(message, record, sequence)
        finally:
            self._capture.discard()

    def _put_theirs(self, message: Message, position: int, named: Touches, outcome: Outcome) -> bool:
        """A message of others, and what it really touches, beside what they had `named`."""
        self._capture.begin()
        try:
            if not put_once(self._connection, message, position):
                return False
            outcome.add(0, self._touches_of(message, self._capture.record()), named)
            return True
        finally:
            self._capture.discard()

    # What is pending

    def _undo_all(self) -> None:
        for few in undo_newest_first(self._connection):
            self._undo(few)

    def _undo(self, few: Sequence[bytes]) -> None:
        undo(self._connection, Record.joined([Record.from_bytes(body) for body in few]))
        self._step_aside(sum(map(len, few)))

    def _put_all(self, authors: Authors) -> None:
        """Put what is pending on the state of the log, in order."""
        self._tables.refresh()
        after = 0
        while taken := stretch(self._connection, after):
            after = taken[-1].number
            self._put(taken, authors)

    def _put(self, taken: Sequence[Pending], authors: Authors, outcome: Outcome | None = None) -> None:
        """Put one stretch, and remember what that did."""
        waiting = []
        last = self._last_group(taken[0])
        for pending in taken:
            if pending.group > last:
                waiting.append(pending)
            else:
                self._remove(pending)  # a restored file had it by way of the log
        if not waiting:
            return
        body = merge([pending.body for pending in waiting], self._shape_of)  # of a final one it is that one
        earlier = Authors([author for pending in waiting for author in _authors(pending).all()])
        message = decode(body)
        # Of one that was sent, too: its copies are checked, and something else is behind their place now.
        if has_misfits(message.changes, self._stored_columns_of):
            body = retell(body, self._stored_columns_of)
        self._capture.begin()
        try:
            put_what_fits(self._connection, message)
            record = self._record(earlier, authors)
        finally:
            self._capture.discard()
        touches = None  # a whole pass does not ask
        if outcome is not None:
            touches = self._touches_of(message, record)
            named = touches_between(self._connection, waiting[0].number, waiting[-1].number)
            outcome.add(waiting[-1].number, touches, named)
        self._replace(waiting, body, record, touches)
        self._step_aside(len(body))

    def _touches_of(self, message: Message, record: Record) -> Touches:
        """What the message touches, as it turned out."""
        touches = touches_done(self._connection, message, record)
        assert touches is not None, "what changes the schema is never selected"
        return touches

    def _check_met(self, head: Pending, outcome: Outcome) -> None:
        """:raises NotDisjoint: it stands, and touches what was put under it without having been named."""
        if not outcome.surprising:
            return
        touches = touches_between(self._connection, head.number, head.number)
        if touches is None or outcome.meet(touches.writes, touches.refers):
            raise NotDisjoint("a row gave way to one that was put before this one")

    def _check_standing(self, outcome: Outcome, undone: frozenset[int]) -> None:
        """:raises NotDisjoint: a message that stands touches what was put under it without having been named."""
        standing = (one for one in touches_after(self._connection, 0) if one[0] not in undone)
        if outcome.surprising and outcome.met(standing):
            raise NotDisjoint("a row gave way to one that was put")

    def _last_group(self, pending: Pending) -> int:
        """The last message of its process that the file has by way of the log."""
        node, _, process_id = pending.process.rpartition(":")
        return last_group(self._connection, node, int(process_id))

    def _record(self, earlier: Authors, authors: Authors) -> Record:
        """What has just been put, and whose the versions were that it met, or left without parents."""
        record = self._capture.record()
        found = list(met(rows_of(self._tables, record.events), self._columns_of, earlier, authors))
        for orphan in orphans(self._connection, record.events):
            author = culprit(orphan, authors) or culprit(orphan, earlier)
            if author is not None:
                found.append(author)
        return replace(record, authors=tuple(found), unseen=True)

    def _remove(self, pending: Pending) -> None:
        remove_pending(self._connection, pending)
        self.count -= 1
        self.size_bytes -= len(pending.body)

    def _replace(self, merged: Sequence[Pending], body: bytes, record: Record, touches: Touches | None) -> None:
        replace_pending(self._connection, merged, body, record.to_bytes(), merged[-1].message_id, touches)
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

    def _stored_columns_of(self, name: str) -> tuple[str, ...] | None:
        table = self._tables.get(name)
        return None if table is None else table.columns

    def _columns_of(self, name: str) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
        table = self._tables.get(name)
        return None if table is None else (table.columns, table.pk_columns)

    def _note_losses(self, message: Message, record: Record, sequence: int) -> None:
        """Keep every version that `message`, now that it has its place, overwrote or displaced unseen, or that is its own."""
        self._tables.refresh()
        changes, events = changes_of(self._tables, message.changes), rows_of(self._tables, record.events)
        for lost in losses(changes, events, self._columns_of, record.authors):
            self._keep(loss_of(lost, message.node, sequence))
        if record.unseen:  # else foreign keys were enforced
            known = Authors(record.authors)
            for orphan in orphans(self._connection, record.events):
                self._keep(loss_of_orphan(orphan, known, message.node, sequence))

    def _tell(self, authors: Authors, message: Message) -> None:
        authors.tell(replace(message, changes=changes_of(self._tables, message.changes), transactions=()))

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
