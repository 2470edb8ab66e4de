"""What becomes of the open SQLite transaction: its message gets its place in the log, and then it commits.

The committer and the interactive transactions both end here. While the log is in reach, order comes first and COMMIT second.
While it is out of reach, and the policy lets writes queue, the transaction commits together with its message in the
outbox, and gets its place in the order later.

Runs in the reactor's thread; the caller holds the writer, with the transaction open.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ha.errors import StatementError
from ha.replication.change import Command, Message, encode
from ha.replication.follower import Follower
from ha.replication.groups import message_id
from ha.replication.order import NothingSent, Order, OutcomeUnknown, Placed
from ha.replication.outbox import Outbox
from ha.sqlite.database import Database


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
        committed: Callable[[Message], None],
        *,
        queues: bool,
    ) -> None:
        self._database = database
        self._follower = follower
        self._order = order
        self._outbox = outbox
        self._committed = committed
        self._queues = queues

    async def settle(self, message: Message, *, long: bool, may_queue: bool) -> bool:
        """Commit the open transaction with `message` in the log, or in the outbox.

        :param long: the COMMIT writes much: in a thread.
        :param may_queue: its isolation level lets it be ordered later.
        :returns: False when somebody came between: the transaction is rolled back and the log not applied yet.
        :raises StatementError: 08006, 25006, 40003; the transaction may still be open then.
        """
        if self._outbox.active:
            self._check_queueable(message, may_queue)
            await self._queue(message, long=long, sent=False)
            return True
        body, name = encode(message), message_id(message)
        try:
            place = await self._order.place(body, name)
        except NothingSent:
            if not self._queues:
                raise
            self._check_queueable(message, may_queue)
            await self._queue(message, long=long, sent=False)
            return True
        except OutcomeUnknown:
            if not self._queues or not may_queue or changes_schema(message):
                raise
            await self._queue(message, long=long, sent=True)
            return True
        if not isinstance(place, Placed):
            self._database.rollback()
            return False
        try:
            await self._in_lane(long, lambda: self._database.commit(place.sequence, origin(message)))
        except StatementError as error:
            raise StatementError(
                "40003",
                "the transaction is in the replication log, but this node could not write it yet",
                detail=error.message,
            ) from error
        self._follower.advanced(place.sequence)
        self._committed(message)
        return True

    def _check_queueable(self, message: Message, may_queue: bool) -> None:
        if changes_schema(message):
            raise unreachable("the schema cannot be changed")
        if not may_queue:
            raise unreachable("only READ COMMITTED transactions can be queued")

    async def _queue(self, message: Message, *, long: bool, sent: bool) -> None:
        database = self._database
        await self._in_lane(long, lambda: database.commit_queued(message_id(message), encode(message), sent=sent))
        self._outbox.added()
        self._committed(message)

    async def _in_lane(self, long: bool, work: Callable[[], Any]) -> None:
        if long:
            await self._database.lanes.defer(work)
        else:
            work()


def origin(message: Message) -> tuple[str, int, int]:
    """What tells a message stored twice from a new one."""
    return message.node, message.process_id, message.group


def changes_schema(message: Message) -> bool:
    """Whether `message` holds DDL."""
    return any(isinstance(change, Command) for change in message.changes)


def unreachable(why: str) -> StatementError:
    """The log is out of reach and this write cannot wait for it."""
    return StatementError(
        "25006",
        f"the replication log is out of reach: {why}",
        hint="Try again when the node is connected; see /readyz.",
    )
