"""What was committed here while the log was out of reach, and how it gets its place in the order later.

The file is then S(k) + pending: the state at the position, and on top of it the messages of the outbox in their order.
When the log is back it is first followed to its end: whatever of ours was stored after all is found on the way. Then the
outbox is published, one message at a time, each as soon as the log has acknowledged the one before;
what was never sent is merged into large messages. Each is checked: it is stored only behind what is applied here, or behind the one
before it. If somebody came between it is refused, and published again after a pass; where a pass takes too long for that, the rest
of the outbox goes unchecked. A message leaves the outbox when it comes back
through the log (:mod:`~ha.replication.rebase`), which takes all that has arrived in one pass.

While the outbox is not empty, new writes go to its end. So that it comes to its end, writers wait for a moment when all of it is
published and nearly all is back.

State: how much waits, and how far it is published, in memory; the file knows the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from twisted.internet.defer import Deferred, DeferredLock
from twisted.logger import Logger

from ha.errors import NotReached, StatementError
from ha.replication.change import Malformed, Message
from ha.replication.entry import Entry, LogError, Refused
from ha.replication.order import Publisher, publish
from ha.replication.rebase import NotDisjoint, Rebase
from ha.replication.selection import CannotSelect, Selection, select
from ha.replication.turns import Turns
from ha.sqlite.connection import Connection
from ha.sqlite.database import Database
from ha.sqlite.ledger import write_position
from ha.sqlite.pending import Pending, count_pending, next_pending

#: Between two attempts to publish the outbox's head (seconds).
RETRY_S = 0.5

#: How long a message that was refused may wait for passes before it is stored (seconds). Beyond, all of the outbox is undone for each
#: message of others, and they write faster than that: it would never be first.
CHECKED_S = 1.0

#: How long what is published may take to come back before the log is asked where it ends (seconds): a pass over a long
#: outbox takes its time.
RETURN_S = 60.0

#: How often the length of a draining outbox is said on the node's own log (seconds).
PROGRESS_S = 5.0

#: An outbox of so many bytes, or so many messages, is not put back in the reactor's thread.
INLINE_BYTES = 32 * 1024
INLINE_MESSAGES = 64

#: When so many messages are all that waits, and they are published, new writes wait for them, but not longer than this
#: (seconds): else an outbox that somebody always writes to would never be empty.
LAST_MESSAGES = 8
LAST_WAIT_S = 0.5

#: What may wait, unless the node is told otherwise (bytes): more is refused with 53400, because the disk is nobody's.
WAITING_BYTES_MAX = 1024 * 1024 * 1024


class Reached(Protocol):
    """What draining needs of the follower."""

    position: int

    def reached(self, sequence: int, timeout_s: float) -> Deferred[None]:
        """See :class:`ha.replication.follower.Follower`."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What a pass is to undo.

    :param generation: of the outbox that it was chosen in.
    :param selection: None: all of it.
    """

    generation: int
    selection: Selection | None

    @property
    def complete(self) -> bool:
        """False: so much was not known that it is to be written down first."""
        return self.selection is None or self.selection.complete


def _select(connection: Connection, entries: Sequence[Entry]) -> Selection | None:
    with connection.guard.trusted():
        connection.execute("BEGIN")
        try:
            return select(connection, entries)
        except (CannotSelect, Malformed):
            return None
        finally:
            connection.execute("COMMIT")


class Outbox:
    """The outbox of one database.

    :param turns: nodes that were refused because of what we publish have theirs.
    :ivar always: every write goes through it (``--replication async``).
    :param bytes_max: what may wait.
    """

    log = Logger()

    #: What a pass is; tests break its rules.
    rebase: type[Rebase] = Rebase

    #: See :data:`INLINE_MESSAGES`; tests make every outbox a long one.
    inline_messages = INLINE_MESSAGES

    def __init__(
        self,
        database: Database,
        publisher: Publisher,
        clock: Any,
        turns: Turns,
        *,
        always: bool = False,
        bytes_max: int = WAITING_BYTES_MAX,
    ) -> None:
        self._database = database
        self._publisher = publisher
        self._clock = clock
        self._turns = turns
        self.always = always
        self._bytes_max = bytes_max
        self._draining = False
        self._stopped = True
        self._follower: Reached | None = None
        #: We have followed the log to its end since it came in reach, and may publish.
        self._followed = False
        #: The place of the last message that the log has acknowledged since then, and its sequence.
        self._published = 0
        self._stored_at = 0
        #: When the head was refused, because somebody was first; None: it was not. Until we gave up to have it checked.
        self._refused_at: float | None = None
        self._checks = True
        #: What was refused waits for what came between.
        self._behind = False
        #: All of it is published, and is waited for.
        self._returning = False
        self._holding: list[Deferred[None]] = []
        self._said_at = 0.0
        #: Counts how often the outbox was changed otherwise than at its end: a selection is good for one number only.
        self._generation = 0
        #: Held while something is selected and applied, or made final: the other one would be in vain.
        self.changing = DeferredLock()
        self.count = 0
        self.size_bytes = 0
        self.conflicts = 0
        #: Why the head could not be published the last time; empty when it could.
        self.trouble = ""

    @property
    def active(self) -> bool:
        """Whether a new write must go to its end."""
        return self.always or self.count > 0

    @property
    def short(self) -> bool:
        """Whether undoing and putting back all of it is a matter of a few milliseconds."""
        return self.count <= self.inline_messages and self.size_bytes <= INLINE_BYTES

    @property
    def sends_at_once(self) -> bool:
        """Whether a new message is published as it is, in a moment: there is nothing to merge it with."""
        return self._publisher.connected and self.short

    def check_room(self, size_bytes: int) -> None:
        """:raises StatementError: 53400, a message of that size is too much."""
        if self.size_bytes + size_bytes > self._bytes_max:
            raise StatementError(
                "53400",
                "the outbox is full: too much waits for the replication log",
                detail=f"{self.size_bytes} bytes wait, and {self._bytes_max} may.",
                hint="Writes are taken again when the node is connected and has caught up; see /readyz.",
            )

    def start(self, follower: Reached) -> None:
        """Look what an earlier process left. What is not in the file yet (it was restored) is put on top."""
        self._follower = follower
        self._stopped = False
        with self._database.own_transaction():
            rebase = self.rebase(self._database)
            self.count, self.size_bytes, unapplied = count_pending(self._database.writer)
            if unapplied:
                rebase.put_back()
        self._take_over(rebase)
        if self.count:
            self._say()
            self.drain_soon()

    def stop(self) -> None:
        """Publish nothing more. What waits stays in the file."""
        self._stopped = True
        self._let_go()

    def forget_published(self) -> None:
        """The log is out of sight, and may come back without what it has acknowledged: what has not returned is published again."""
        self._followed = False

    def added(self, size_bytes: int) -> None:
        """A message was committed into it."""
        self.count += 1
        self.size_bytes += size_bytes
        self.drain_soon()

    def _take_over(self, rebase: Rebase) -> None:
        """What it did to the outbox is committed. Called by whoever holds the writer, so nothing is added meanwhile."""
        self._generation += 1
        self.count += rebase.count
        self.size_bytes += rebase.size_bytes
        self.conflicts += rebase.losses

    def _say(self) -> None:
        self._said_at = self._clock.seconds()
        self.log.info(
            "{count} messages ({size_bytes} bytes) wait in the outbox of {database}",
            count=self.count,
            size_bytes=self.size_bytes,
            database=self._database.name,
        )

    # The end of it

    def hold(self) -> Deferred[None] | None:
        """None when a write may go to its end now, else what fires when it is empty, or when that takes too long."""
        if not self._returning or self.always or not 0 < self.count <= LAST_MESSAGES:
            return None
        held: Deferred[None] = Deferred()
        self._holding.append(held)
        call = self._clock.callLater(LAST_WAIT_S, self._let_go)
        return held.addBoth(lambda result: (call.cancel() if call.active() else None, result)[1])

    def _let_go(self) -> None:
        self._returning = False
        holding, self._holding = self._holding, []
        for held in holding:
            held.callback(None)

    # Draining

    def drain_soon(self) -> None:
        """Publish what waits, as soon as the log is in reach. Called when it may have become so."""
        if self.count and not self._draining and not self._stopped:
            self._draining = True
            done = Deferred.fromCoroutine(self._drain())
            done.addErrback(lambda failure: self.log.failure("draining the outbox failed", failure))

    async def _drain(self) -> None:
        self._followed = False
        try:
            while self.count and not self._stopped:
                try:
                    if not self._publisher.connected:
                        self._followed = False
                        await self._pause()
                    elif not self._followed:
                        await self._follow()
                    elif self._behind:
                        await self._catch_up()
                    else:
                        await self._publish_all()
                except (LogError, StatementError) as error:
                    if self._checks and isinstance(error, Refused):
                        self._behind = True
                        continue
                    self._followed = False
                    self.trouble = str(error)
                    await self._pause()
        finally:
            self._draining = False
            self._refused_at, self._checks = None, True
            self._let_go()

    async def _follow(self) -> None:
        """Wait until all that the log holds is in the file; then what still waits is not in the log."""
        self._published = self._stored_at = 0
        self._behind = False
        self._followed = True  # until somebody says otherwise
        await self._reached_end(RETURN_S)

    async def _catch_up(self) -> None:
        """Apply what came before a message that was refused, so that it can be published behind that."""
        now = self._clock.seconds()
        self._refused_at = now if self._refused_at is None else self._refused_at
        left_s = max(self._refused_at + CHECKED_S - now, 0.0)  # the log may have been out of reach since
        try:
            await self._reached_end(left_s)
            # Not before: the others hold for a moment only, which is to be enough for what came during the pass.
            self._turns.refused()
            await self._reached_end(left_s)
        except NotReached:
            pass  # it goes unchecked, if that was the last of its time
        self._checks = self._clock.seconds() < self._refused_at + CHECKED_S
        self._behind = False

    async def _reached_end(self, timeout_s: float) -> None:
        assert self._follower is not None
        await self._follower.reached(await self._publisher.last_sequence(self._database.subject), timeout_s)

    async def _publish_all(self) -> None:
        """Publish what waits behind what is published, and wait until all of it has come back."""
        sequence = 0
        while not self._stopped:
            while (turn := self._turns.hold()) is not None:
                await turn
            # Before the message is read: what a pass makes of it later is refused here, as it belongs behind that pass.
            expected = self._last_known if self._checks else None
            message = await self._next()
            if message is None:
                break
            if not self._followed:
                return
            sequence = await publish(
                self._publisher, self._database.subject, message.body, message.message_id, expected
            )
            self._published, self._stored_at = message.number, sequence
            self._turns.stored()
            self._refused_at = None
            self.trouble = ""
            if self._clock.seconds() - self._said_at >= PROGRESS_S:
                self._say()
        if sequence:
            self._returning = True
            try:
                assert self._follower is not None
                await self._follower.reached(sequence, RETURN_S)
            finally:
                self._let_go()

    @property
    def _last_known(self) -> int:
        """Up to where the log holds nothing but what is applied here, and what we published behind that."""
        assert self._follower is not None
        return max(self._follower.position, self._stored_at)

    async def _next(self) -> Pending | None:
        """The next message to be published, and final."""
        message = await self._database.read(self._look)
        if message is None or message.final:
            return message
        await self.changing.acquire()
        try:
            await self._database.turnstile.acquire(first=True)
            try:
                if self.short:
                    self._make_final()
                else:
                    await self._database.lanes.defer(self._make_final)
            finally:
                self._database.turnstile.release()
        finally:
            self.changing.release()
        return await self._database.read(self._look)

    def _look(self, connection: Connection) -> Pending | None:
        # On a reading connection: the writing one may be at work in a thread, for somebody else.
        with connection.guard.trusted():
            return next_pending(connection, self._published)

    def _make_final(self) -> None:
        with self._database.own_transaction():
            rebase = self.rebase(self._database)
            rebase.make_final(self._published)
        self._take_over(rebase)

    def _pause(self) -> Deferred[None]:
        pause: Deferred[None] = Deferred()
        self._clock.callLater(RETRY_S, pause.callback, None)
        return pause

    # Applying the log under what is pending

    async def select(self, entries: Sequence[Entry]) -> Choice:
        """Find out which messages have to be undone for `entries`, on a reading connection, in a thread."""
        generation = self._generation
        connection = self._database.borrow()
        if isinstance(connection, Deferred):
            connection = await connection
        try:
            selection = await self._database.lanes.defer(partial(_select, connection, entries))
        finally:
            self._database.give_back(connection)
        return Choice(generation, selection)

    def is_good(self, choice: Choice) -> bool:
        """Whether the outbox was not changed since, but at its end. Asked by whoever holds the writer."""
        return choice.generation == self._generation

    def note_found(self, choice: Choice) -> None:
        """Keep what was found by an incomplete choice. In whatever thread holds the writer."""
        assert choice.selection is not None
        with self._database.own_transaction():
            self.rebase(self._database).note_found(choice.selection)

    def apply(self, entries: Sequence[Entry], position: int, choice: Choice | None = None) -> list[Message]:
        """Apply `entries` to S(`position`), under what is pending. In one transaction, in whatever thread.

        :param choice: what has to be undone; without one, or if it turns out to be wrong, all of it.
        :returns: what others wrote, without its changes.
        """
        selection = None if choice is None else choice.selection
        if selection is not None:
            try:
                return self._apply(entries, lambda rebase: rebase.apply_selected(entries, position, selection))
            except (NotDisjoint, CannotSelect) as reason:
                self.log.debug("all of the outbox is undone: {reason}", reason=reason)
        return self._apply(entries, lambda rebase: rebase.apply(entries, position))

    def _apply(self, entries: Sequence[Entry], put: Callable[[Rebase], list[Message]]) -> list[Message]:
        with self._database.own_transaction():
            rebase = self.rebase(self._database)
            foreign = put(rebase)
            write_position(self._database.writer, self._database.subject, entries[-1].sequence)
        self._take_over(rebase)
        return foreign
