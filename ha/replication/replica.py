"""One database as a member of the cluster: its file, its place on the log, its queue of writes.

Assembles what stands in this package for one database, and is what the backend of a client is given.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from twisted.logger import Logger

from ha.errors import StatementError
from ha.replication.change import Message
from ha.replication.committer import Committer, Work
from ha.replication.entry import LogError
from ha.replication.follower import Follower
from ha.replication.groups import Groups, Origin
from ha.replication.order import Order
from ha.replication.outbox import WAITING_BYTES_MAX, Outbox
from ha.replication.settlement import Settlement
from ha.replication.transaction import OpenTransaction
from ha.replication.turns import Turns
from ha.sql.kept import Kept
from ha.sqlite.database import Database, Private
from ha.sqlite.executor import Cancellation

#: Statements of which it is remembered what their texts do not say, per database.
STATEMENTS_KEPT = 4_000

#: Called with a channel, its payload and the notifying backend's number, for every NOTIFY that was committed, on every
#: node.
Listener = Callable[[str, str, int], None]


@dataclass(frozen=True, slots=True)
class Parts:
    """What a replica is made of, where that may be another thing than usual: tests break the rules one by one."""

    groups: Callable[..., Groups] = Groups
    outbox: Callable[..., Outbox] = Outbox
    follower: Callable[..., Follower] = Follower
    order: Callable[..., Order] = Order


class Replica:
    """One database, connected to its log.

    :param log: see the protocols that :mod:`order <ha.replication.order>` and
        :mod:`follower <ha.replication.follower>` declare.
    :param clock: an ``IReactorTime``.
    :param queues: whether writes are taken while the log is out of reach.
    :param asynchronous: whether they always go by the outbox.
    :param outbox_bytes_max: what may wait there.
    :param now: the scale of deadlines.
    """

    log = Logger()

    def __init__(
        self,
        database: Database,
        log: Any,
        origin: Origin,
        clock: Any,
        *,
        epoch: int,
        timeout_s: float,
        queues: bool = True,
        asynchronous: bool = False,
        outbox_bytes_max: int = WAITING_BYTES_MAX,
        parts: Parts = Parts(),
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.database = database
        self.epoch = epoch
        self._log = log
        self._groups = parts.groups(origin, database.name)
        self.turns = Turns(log, database.subject, origin.node, clock)
        self.outbox = parts.outbox(database, log, clock, self.turns, always=asynchronous, bytes_max=outbox_bytes_max)
        self.follower = parts.follower(database, log, clock, self.outbox, self.turns, self._arrived)
        self._order = parts.order(log, self.follower, database.subject, clock, timeout_s)
        self._settlement = Settlement(
            database, self.follower, self._order, self.outbox, self.turns, self._committed, queues=queues
        )
        self.committer = Committer(database, self.follower, self._settlement, self._groups, self.turns, clock, now)
        self.listeners: set[Listener] = set()
        #: Statements whose plan was asked whether it is bounded; kept by :mod:`ha.writing`.
        self.plans: Kept[str, tuple[Any, bool]] = Kept(STATEMENTS_KEPT)
        #: Statements whose columns and parameters were inferred; kept by :mod:`ha.backend`.
        self.shapes: Kept[Any, Any] = Kept(STATEMENTS_KEPT)

    @property
    def name(self) -> str:
        """The database's id."""
        return self.database.name

    def submit(self, work: Work) -> Any:
        """Queue one transaction whose text is held; see :meth:`Committer.submit`."""
        return self.committer.submit(work)

    async def transaction(
        self,
        lock_timeout_s: float | None,
        level: str,
        cancellation: Cancellation | None = None,
        private: Private | None = None,
    ) -> OpenTransaction:
        """An interactive transaction: the caller holds the writer until it ends it.

        :param cancellation: ends the wait for the writer.
        :param private: the session's own connection to write with, if it has one.
        """
        if self.committer.closing:
            raise StatementError("57P01", "the node is going down")
        opened = OpenTransaction(
            self.database, self.follower, self._settlement, self._groups, self.turns, level, private
        )
        await opened.begin(lock_timeout_s, cancellation)
        return opened

    async def reach(self, seq: str, timeout_s: float) -> None:
        """Wait until the file is at `seq`, ``<epoch>:<sequence>``, or behind it; empty asks for nothing.

        :raises StatementError: 57014, not in time; 22023, it is of another epoch.
        """
        if not seq:
            return
        epoch, _, sequence = seq.partition(":")
        if not (epoch.isdigit() and sequence.isdigit()) or int(epoch) != self.epoch:
            raise StatementError("22023", f'position "{seq}" is not of this log, which is at epoch {self.epoch}')
        await self.follower.reached(int(sequence), timeout_s)

    async def reach_end(self, timeout_s: float) -> None:
        """Wait until the file holds what the log held when this was called.

        :raises StatementError: 57014, not in time; 08006, the log does not tell.
        """
        try:
            last = await self._log.last_sequence(self.database.subject)
        except LogError as error:
            raise StatementError("08006", f"the replication log does not answer: {error}") from error
        await self.follower.reached(last, timeout_s)

    def status(self) -> dict[str, Any]:
        """Figures for a person, as plain values."""
        follower, committer = self.follower, self.committer
        return {
            "position": follower.position,
            "received": follower.received,
            "waiting_to_apply": follower.waiting,
            "applied": follower.applied_count,
            "failed": str(follower.failed) if follower.failed is not None else None,
            "groups_stored": committer.groups_stored,
            "transactions_stored": committer.transactions_stored,
            "refusals": self.turns.refusals,
            "turns_asked": self.turns.asked,
            "turns_given": self.turns.given,
            "waiting_for_turns": self.turns.holding,
            "waited_for_turns_s": round(self.turns.held_s, 3),
            "waiting_to_commit": committer.waiting,
            "outbox": self.outbox.count,
            "outbox_bytes": self.outbox.size_bytes,
            "outbox_trouble": self.outbox.trouble or None,
            "conflicts": self.outbox.conflicts,
            "writer_held": self.database.turnstile.held,
            "waiting_for_writer": self.database.turnstile.waiting,
        }

    def _arrived(self, messages: Sequence[Message]) -> None:
        for message in messages:
            self._committed(message)

    def _committed(self, message: Message) -> None:
        for channel, payload, pid in message.notifications:
            for listener in tuple(self.listeners):
                try:
                    listener(channel, payload, pid)
                except Exception:
                    self.log.failure("a notification could not be passed on", channel=channel)
