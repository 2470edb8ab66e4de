"""What was committed here while the log was out of reach, and how it gets its place in the order later.

The file is then S(k) + pending: the state at the position, and on top of it the messages of the outbox in their order.
When the log is back it is first followed to its end, then the head of the outbox is published, unchecked, one at a
time; it leaves the outbox when it comes back through the log. A foreign message that comes first is
applied to exactly S(k): in one SQLite transaction what is pending is undone, newest first, the foreign messages are applied as every other
node applies them, and what is pending is applied again on top, in order.

What loses its place on the way is kept in ``ha_conflicts``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import orjson
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from ha.errors import StatementError
from ha.replication.change import Message, Record, decode
from ha.replication.conflicts import UNFIT, Lost, losses
from ha.replication.entry import Entry, LogError
from ha.replication.order import Publisher, publish
from ha.sqlite import tables as schema
from ha.sqlite.connection import Connection
from ha.sqlite.database import Database
from ha.sqlite.fitting import put_once, put_what_fits
from ha.sqlite.images import undo
from ha.sqlite.ledger import is_applied, origin_of, write_position
from ha.sqlite.pending import (
    Loss,
    Pending,
    count_pending,
    every_pending,
    find_pending,
    first_pending,
    record_loss,
    remove_pending,
    set_undo,
)
from ha.sqlite.rowchange import packed

#: Between two attempts to publish the outbox's head (seconds).
RETRY_S = 0.5

#: How often the length of a draining outbox is said on the node's own log (messages).
PROGRESS_EVERY = 1_000

#: An outbox of so many bytes, or so many messages, is not put back in the reactor's thread.
INLINE_BYTES = 32 * 1024
INLINE_MESSAGES = 64


class Reached(Protocol):
    """What draining needs of the follower."""

    def reached(self, sequence: int, timeout_s: float) -> Deferred[None]:
        """See :class:`ha.replication.follower.Follower`."""


class Outbox:
    """The outbox of one database.

    :param always: every write goes through it (``--replication async``).
    :param timeout_s: how long one step of draining may take before it begins anew.
    """

    log = Logger()

    def __init__(
        self, database: Database, publisher: Publisher, clock: Any, *, always: bool = False, timeout_s: float = 5.0
    ) -> None:
        self._database = database
        self._publisher = publisher
        self._clock = clock
        self._always = always
        self._timeout_s = timeout_s
        self._draining = False
        self._stopped = True
        self._follower: Reached | None = None
        self.count = 0
        self.size_bytes = 0
        self.conflicts = 0
        #: Why the head could not be published the last time; empty when it could.
        self.trouble = ""

    @property
    def active(self) -> bool:
        """Whether a new write must go to its end."""
        return self._always or self.count > 0

    @property
    def short(self) -> bool:
        """Whether undoing and putting back all of it is a matter of a few milliseconds."""
        return self.count <= INLINE_MESSAGES and self.size_bytes <= INLINE_BYTES

    def start(self, follower: Reached) -> None:
        """Look what an earlier process left. What is not in the file yet (it was restored) is put on top."""
        self._follower = follower
        self._stopped = False
        writer = self._database.writer
        with self._database.own_transaction():
            self.count, self.size_bytes, unapplied = count_pending(writer)
            if unapplied:
                self._undo_all(writer)
                self._put_all(writer)
                self.count, self.size_bytes, _ = count_pending(writer)
        if self.count:
            self.log.info(
                "{count} messages wait in the outbox of {database}", count=self.count, database=self._database.name
            )
            self.drain_soon()

    def stop(self) -> None:
        """Publish nothing more. What waits stays in the file."""
        self._stopped = True

    def added(self, size_bytes: int) -> None:
        """A message was committed into it."""
        self.count += 1
        self.size_bytes += size_bytes
        self.drain_soon()

    # Draining

    def drain_soon(self) -> None:
        """Publish what waits, as soon as the log is in reach. Called when it may have become so."""
        if self.count and not self._draining and not self._stopped:
            self._draining = True
            done = Deferred.fromCoroutine(self._drain())
            done.addErrback(lambda failure: self.log.failure("draining the outbox failed", failure))

    async def _drain(self) -> None:
        followed = False
        try:
            while self.count and not self._stopped:
                try:
                    if not self._publisher.connected:
                        followed = False
                        await self._pause()
                    elif not followed:
                        await self._follow_to_the_end()
                        followed = True
                    else:
                        await self._publish_head()
                        self.trouble = ""
                except (LogError, StatementError) as error:
                    followed = False
                    self.trouble = str(error)
                    await self._pause()
        finally:
            self._draining = False

    async def _follow_to_the_end(self) -> None:
        """Whatever of ours was stored after all is found on the way."""
        last = await self._publisher.last_sequence(self._database.subject)
        assert self._follower is not None
        await self._follower.reached(last, self._timeout_s)

    async def _publish_head(self) -> None:
        # On a reading connection: the writing one may be at work in a thread, for somebody else.
        head = await self._database.read(_head)
        if head is None:
            return
        sequence = await publish(self._publisher, self._database.subject, head.body, head.message_id, None)
        assert self._follower is not None
        await self._follower.reached(sequence, self._timeout_s)
        if self.count % PROGRESS_EVERY == 0:
            self.log.info(
                "{count} messages wait in the outbox of {database}", count=self.count, database=self._database.name
            )

    def _pause(self) -> Deferred[None]:
        pause: Deferred[None] = Deferred()
        self._clock.callLater(RETRY_S, pause.callback, None)
        return pause

    # Applying the log under what is pending

    def apply(self, entries: Sequence[Entry], position: int) -> list[Message]:
        """Apply `entries` to S(`position`) and put what is pending back on top. In one transaction, in whatever thread.

        :returns: the foreign messages that were applied.
        """
        connection = self._database.writer
        with self._database.own_transaction():
            taken = self._take_heads(connection, entries)
            if taken:
                position = entries[taken - 1].sequence
            foreign = self._rebase(connection, entries[taken:], position) if taken < len(entries) else []
            write_position(connection, self._database.subject, entries[-1].sequence)
            count, size_bytes, _ = count_pending(connection)
        self.count, self.size_bytes = count, size_bytes
        return foreign

    def _take_heads(self, connection: Connection, entries: Sequence[Entry]) -> int:
        """Entries that are the outbox's head, one after the other, stand in the file already; how many."""
        for at, entry in enumerate(entries):
            head = first_pending(connection)
            if head is None or head.message_id != entry.message_id:
                return at
            message = decode(entry.body)
            origin_of(connection, message.node, message.process_id, message.group)
            remove_pending(connection, entry.message_id)
            assert head.undo is not None, "what is pending was put on the file when the outbox was begun"
            self._note_losses(connection, message, Record.from_bytes(head.undo), entry.sequence)
        return len(entries)

    def _rebase(self, connection: Connection, entries: Sequence[Entry], position: int) -> list[Message]:
        self._undo_all(connection)
        foreign: list[Message] = []
        for entry in entries:
            message = decode(entry.body)
            if find_pending(connection, entry.message_id):
                self._put_ours(connection, message, entry, position)
            elif put_once(connection, message, position):
                foreign.append(message)
            position = entry.sequence
        self._put_all(connection)
        return foreign

    def _put_ours(self, connection: Connection, message: Message, entry: Entry, position: int) -> None:
        """A message of the outbox has its place in the order now, behind others that came first."""
        remove_pending(connection, entry.message_id)
        capture = self._database.capture
        capture.begin()
        try:
            if put_once(connection, message, position):
                self._note_losses(connection, message, capture.record(), entry.sequence)
        finally:
            capture.discard()

    def _undo_all(self, connection: Connection) -> None:
        for pending in every_pending(connection, newest_first=True):
            if pending.undo is not None:
                undo(connection, Record.from_bytes(pending.undo))

    def _put_all(self, connection: Connection) -> None:
        """Put what is pending on the state of the log, in order, and remember what that did."""
        capture = self._database.capture
        for pending in every_pending(connection):
            message = decode(pending.body)
            if is_applied(connection, message.node, message.process_id, message.group):
                remove_pending(connection, pending.message_id)  # a restored file had it by way of the log
                continue
            capture.begin()
            try:
                put_what_fits(connection, message)
                record = capture.record()
            finally:
                capture.discard()
            set_undo(connection, pending.number, record.to_bytes())

    # What was lost

    def _note_losses(self, connection: Connection, message: Message, record: Record, sequence: int) -> None:
        """Keep every version that `message`, now that it has its place, overwrote or displaced unseen, or that is its own."""
        tables = schema.of(connection)
        tables.refresh()

        def columns_of(name: str) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
            table = tables.get(name)
            if table is None:
                return None
            return table.columns, table.pk_columns

        for lost in losses(message.changes, record.events, columns_of):
            record_loss(connection, loss_of(lost, message.node, sequence))
            self.conflicts += 1


def _head(connection: Connection) -> Pending | None:
    with connection.guard.trusted():
        return first_pending(connection)


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
        node if unfit else None,
        None if unfit else node,
        sequence,
    )
