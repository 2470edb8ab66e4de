"""What becomes of the open SQLite transaction: its message gets its place in the log, and then it commits.

The committer and the interactive transactions both end here. While the log is in reach, order comes first and COMMIT second.
While it is out of reach, and the policy lets writes queue, the transaction commits together with its message in the
outbox, and gets its place in the order later.

Runs in the reactor's thread; the caller holds the writer, with the transaction open.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from twisted.internet.defer import Deferred

from ha.errors import StatementError
from ha.replication.change import Message, encode
from ha.replication.conflicts import Lost
from ha.replication.follower import Follower
from ha.replication.groups import message_id
from ha.replication.order import NothingSent, Order, OutcomeUnknown, Placed
from ha.replication.outbox import Outbox
from ha.replication.rebase import loss_of
from ha.replication.turns import Turns
from ha.sqlite.database import Database
from ha.sqlite.pending import record_loss
from ha.sqlite.rowchange import has_commands

T = TypeVar("T")


class CannotQueue(StatementError):
    """The log is out of reach, and what this transaction does, or promises, needs it. Nothing was sent."""

    def __init__(self, why: str, *, always: bool) -> None:
        """:param always: this node queues what it writes though the log is in reach (``--replication async``)."""
        if always:
            reason = "this node answers before the log does (--replication async)"
            hint = "Have it done by a node that waits for the log."
        else:
            reason = "the replication log is out of reach"
            hint = "Try again when the node is connected; see /readyz."
        super().__init__("25006", f"{reason}: {why}", hint=hint)


class Settlement:
    """Settles one database's transactions.

    :param committed: called with each message of ours after its COMMIT.
    :param queues: whether writes are taken while the log is out of reach.
    """

    def __init__(
        self,
        database: Database,
        follower: Follower,
        order: Order,
        outbox: Outbox,
        turns: Turns,
        committed: Callable[[Message], None],
        *,
        queues: bool,
    ) -> None:
        self._database = database
        self._follower = follower
        self._order = order
        self._outbox = outbox
        self._turns = turns
        self._committed = committed
        self._queues = queues

    def hold(self) -> Deferred[None] | None:
        """None when the next transaction may be made now; else fires when it may: another node has its turn, or the outbox is
        about to be empty. The caller does not hold the writer."""
        return self._turns.hold() or self._outbox.hold()

    async def settle(self, message: Message, *, long: bool, may_queue: bool, unseen: Sequence[Lost] = ()) -> bool:
        """Commit the open transaction with `message` in the log, or in the outbox.

        :param long: there is much to write: in a thread.
        :param may_queue: its isolation level lets it be ordered later.
        :param unseen: versions that it overwrites and its client had not seen; kept when it commits.
        :returns: False when somebody came between: the transaction is rolled back and the log not applied yet.
        :raises StatementError: 25006, 40003, 53100, 53400, 54000; the transaction may still be open then.
        :raises CannotApply: this node stands still, and what it wrote could never be ordered.
        """
        if self._follower.failed is not None:
            raise self._follower.failed
        if self._outbox.active:
            self._check_queueable(message, may_queue)
            body = await self._encoded(message, long)
            self._outbox.check_room(len(body))
            await self._queue(message, body, unseen, long=long, sent=self._outbox.sends_at_once)
            return True
        body, name = await self._encoded(message, long), message_id(message)
        try:
            place = await self._order.place(body, name)
        except NothingSent:
            self._check_queueable(message, may_queue)
            self._outbox.check_room(len(body))
            await self._queue(message, body, unseen, long=long, sent=False)
            return True
        except OutcomeUnknown as unknown:
            if not self._queues or not may_queue or changes_schema(message):
                raise
            try:
                self._outbox.check_room(len(body))
            except StatementError:
                raise unknown from None
            await self._queue(message, body, unseen, long=long, sent=True)
            return True
        if not isinstance(place, Placed):
            self._turns.refused()
            self._database.rollback()
            return False
        self._turns.stored()
        try:
            await self._in_lane(long, lambda: self._commit(message, place.sequence, unseen))
        except StatementError as error:
            # The follower meets the message in the log like any other, and applies it when there is room again.
            raise StatementError(
                "40003",
                "the transaction is in the replication log, but this node could not write it yet",
                detail=error.message,
            ) from error
        self._follower.advanced(place.sequence)
        self._database.wrote(message.changes)
        self._committed(message)
        return True

    def _check_queueable(self, message: Message, may_queue: bool) -> None:
        if not self._queues:
            why = "nothing was changed"
        elif changes_schema(message):
            why = "the schema cannot be changed"
        elif not may_queue:
            why = "only READ COMMITTED transactions can be queued"
        else:
            return
        raise CannotQueue(why, always=self._outbox.always)

    def _commit(self, message: Message, sequence: int, unseen: Sequence[Lost]) -> None:
        self._note(message, unseen, sequence)
        self._database.commit(sequence, origin(message))

    async def _queue(self, message: Message, body: bytes, unseen: Sequence[Lost], *, long: bool, sent: bool) -> None:
        def commit() -> None:
            self._note(message, unseen, None)
            self._database.commit_queued(message_id(message), body, sent=sent)

        await self._in_lane(long, commit)
        self._outbox.added(len(body))
        self._database.wrote(message.changes)
        self._committed(message)

    def _note(self, message: Message, unseen: Sequence[Lost], sequence: int | None) -> None:
        if unseen:
            with self._database.writer.guard.trusted():
                for lost in unseen:
                    record_loss(self._database.writer, loss_of(lost, message.node, sequence))

    async def _encoded(self, message: Message, long: bool) -> bytes:
        return await self._in_lane(long, lambda: encode(message))

    async def _in_lane(self, long: bool, work: Callable[[], T]) -> T:
        if long:
            return await self._database.lanes.defer(work)
        return work()


def origin(message: Message) -> tuple[str, int, int]:
    """What tells a message stored twice from a new one."""
    return message.node, message.process_id, message.group


def changes_schema(message: Message) -> bool:
    """Whether `message` holds DDL."""
    return has_commands(message.changes)
