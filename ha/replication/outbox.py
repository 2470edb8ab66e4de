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
from ha.replication.change import Message, Record, RowChange, decode
from ha.replication.conflicts import Key, key_of, keys
from ha.replication.entry import Entry, LogError
from ha.sqlite.connection import Connection
from ha.sqlite.database import Database
from ha.sqlite.images import apply, undo
from ha.sqlite.ledger import origin_of, write_position
from ha.sqlite.pending import (
    Loss,
    count_pending,
    every_pending,
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


class Publisher(Protocol):
    """What draining needs of the log."""

    connected: bool

    def publish(self, subject: str, body: bytes, message_id: str, expected: int | None) -> Deferred[int]: ...

    async def last_sequence(self, subject: str) -> int: ...


class Reached(Protocol):
    """What draining needs of the follower."""

    def reached(self, sequence: int, timeout_s: float) -> Deferred[None]: ...


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
        self.conflicts = 0

    @property
    def active(self) -> bool:
        """Whether a new write must go to its end."""
        return self._always or self.count > 0

    def start(self, follower: Reached) -> None:
        """Look what an earlier process left."""
        self._follower = follower
        self._stopped = False
        with self._database.writer.guard.trusted():
            self.count = count_pending(self._database.writer)
        if self.count:
            self.log.info("{count} messages wait in the outbox of {database}", count=self.count, database=self._database.name)
            self.drain_soon()

    def stop(self) -> None:
        """Publish nothing more. What waits stays in the file."""
        self._stopped = True

    def added(self) -> None:
        """A message was committed into it."""
        self.count += 1
        self.drain_soon()

    # Draining

    def drain_soon(self) -> None:
        """Publish what waits, as soon as the log is in reach. Called when it may have become so."""
        if self.count and not self._draining and not self._stopped:
            self._draining = True
            done = Deferred.fromCoroutine(self._drain())
            done.addErrback(lambda failure: self.log.failure("draining the outbox failed", failure))

    async def _drain(self) -> None:
        try:
            follow_first = True
            while self.count and not self._stopped:
                try:
                    if follow_first:
                        await self._follow_to_the_end()
                        follow_first = False
                    if self.count:
                        await self._publish_head()
                except (LogError, StatementError):
                    follow_first = True
                    await self._pause()
        finally:
            self._draining = False

    async def _follow_to_the_end(self) -> None:
        """Whatever of ours was stored after all is found on the way."""
        if not self._publisher.connected:
            await self._pause()
            return await self._follow_to_the_end() if not self._stopped else None
        last = await self._publisher.last_sequence(self._database.subject)
        assert self._follower is not None
        await self._follower.reached(last, self._timeout_s)

    async def _publish_head(self) -> None:
        with self._database.writer.guard.trusted():
            head = first_pending(self._database.writer)
        if head is None:
            return
        sequence = await self._publisher.publish(self._database.subject, head.body, head.message_id, None)
        assert self._follower is not None
        await self._follower.reached(sequence, self._timeout_s)
        if self.count % PROGRESS_EVERY == 0:
            self.log.info("{count} messages wait in the outbox of {database}", count=self.count, database=self._database.name)

    def _pause(self) -> Deferred[None]:
        pause: Deferred[None] = Deferred()
        self._clock.callLater(RETRY_S, pause.callback, None)
        return pause

    # Applying the log under what is pending

    def apply(self, entries: Sequence[Entry]) -> list[Message]:
        """Apply `entries` to S(k) and put what is pending back on top. In one transaction, in whatever thread.

        :returns: the foreign messages that were applied.
        """
        connection = self._database.writer
        with self._database.own_transaction():
            rest = self._take_heads(connection, entries)
            foreign = self._rebase(connection, rest) if rest else []
            write_position(connection, self._database.subject, entries[-1].sequence)
            count = count_pending(connection)
        self.count = count
        return foreign

    def _take_heads(self, connection: Connection, entries: Sequence[Entry]) -> Sequence[Entry]:
        """Entries that are the outbox's head, one after the other: they stand in the file already."""
        for at, entry in enumerate(entries):
            head = first_pending(connection)
            if head is None or head.message_id != entry.message_id:
                return entries[at:]
            message = decode(entry.body)
            origin_of(connection, message.node, message.process_id, message.group)
            remove_pending(connection, entry.message_id)
        return ()

    def _rebase(self, connection: Connection, entries: Sequence[Entry]) -> list[Message]:
        for pending in every_pending(connection, newest_first=True):
            undo(connection, Record.from_bytes(pending.undo))
        foreign: list[Message] = []
        touched: dict[Key, tuple[Message, RowChange, int]] = {}
        for entry in entries:
            message = decode(entry.body)
            ours = remove_pending(connection, entry.message_id)
            if not origin_of(connection, message.node, message.process_id, message.group):
                continue
            apply(connection, message)
            if not ours:
                foreign.append(message)
                for change in message.changes:
                    if isinstance(change, RowChange):
                        for key in keys(change):
                            touched[key] = (message, change, entry.sequence)
        capture = self._database.capture
        for pending in every_pending(connection):
            message = decode(pending.body)
            capture.begin()
            try:
                apply(connection, message)
                record = capture.record()
            finally:
                capture.discard()
            set_undo(connection, pending.number, record.to_bytes())
            self._note_losses(connection, message, record, touched)
        return foreign

    def _note_losses(
        self,
        connection: Connection,
        message: Message,
        record: Record,
        touched: dict[Key, tuple[Message, RowChange, int]],
    ) -> None:
        """Keep every version that our pending message has just overwritten or displaced, once."""
        own: set[Key] = set()
        for change in message.changes:
            if isinstance(change, RowChange):
                own.update(keys(change))
        for key in own & touched.keys():
            theirs, change, _ = touched.pop(key)
            image = change.new_values if change.new_values is not None else change.old_values
            record_loss(connection, loss_of("overwritten", change, image, theirs.node, message.node))
            self.conflicts += 1


def loss_of(reason: str, change: RowChange, image: Any, loser: str, winner: str) -> Loss:
    """The losing image, complete enough to put back: columns, values, types and rowid."""
    rowid = change.new_rowid if change.new_values is not None else change.old_rowid
    values, types = packed(image)
    key, key_types = packed(key_of(change, rowid, image))
    return Loss(
        reason,
        change.table,
        orjson.dumps({"values": key, "types": key_types}).decode(),
        change.operation,
        orjson.dumps({"columns": change.columns, "values": values, "types": types, "rowid": rowid}).decode(),
        loser,
        winner,
        None,
    )


