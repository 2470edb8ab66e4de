"""The log to the database, in order: the owner of the position.

Entries arrive from the log's feed into a bounded queue. Whoever holds the writer applies them: the follower itself
when it is free, or the committer when its group was overtaken. What is already applied (our own groups, which
commit with their sequence) is dropped by one comparison, undecoded.

Rows and position move in one SQLite transaction, always. An entry that cannot be applied stops the follower in a named
state: reads go on, the position stays, nothing is skipped.

Runs in the reactor's thread; long stretches are applied in a deferred thread while the caller holds the writer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import Logger

from ha.errors import NotReached, StatementError
from ha.replication.change import Message, decode
from ha.replication.entry import Entry, Unanswered
from ha.replication.outbox import Choice, Outbox
from ha.replication.pace import Pace
from ha.replication.turns import Turns
from ha.sqlite.database import Database
from ha.sqlite.fitting import put_in_order
from ha.sqlite.ledger import read_position, write_position

#: Bytes of entries that wait to be applied; beyond, the feed is stopped and begun again behind the last one.
WAITING_BYTES_MAX = 32 * 1024 * 1024

#: Bytes of entries applied in one go in the reactor's thread: about 2 ms of rows.
INLINE_BYTES = 32 * 1024

#: Bytes of entries applied in one SQLite transaction in a thread.
BATCH_BYTES = 4 * 1024 * 1024

#: Before an entry that could not be applied for lack of room is tried again.
RETRY_S = 2.0

#: Entries that follow one another closely are applied together, as a transaction costs ten times what a row in it does: those behind
#: one that was just applied wait for others so long (seconds), or until there are so many bytes of them. Nobody waits who waits for
#: a position, nor who writes.
TOGETHER_S = 0.005
TOGETHER_BYTES = INLINE_BYTES // 2

#: While somebody else holds the writer: how soon to look again (seconds).
HELD_S = 0.05

#: How a command begins in a message of ours: rows have a table between these two. Elsewhere it costs a thread, no more.
COMMAND = b'"database":"main","operation":"SQL"'

#: What the world may mend by itself: a full disk, an error of the disk, a lock of another process.
PASSING = frozenset({"53100", "58030", "55P03"})


class Feed(Protocol):
    """A running delivery of entries."""

    def stop(self) -> None: ...


class Source(Protocol):
    """What the follower needs of the log."""

    def follow(
        self, subject: str, start: int, deliver: Callable[[Entry], None], lost: Callable[[Exception], None]
    ) -> Feed: ...


class CannotApply(Exception):
    """The log holds an entry that this database cannot take: the follower stands still before it."""

    def __init__(self, sequence: int, reason: str) -> None:
        super().__init__(f"log position {sequence}: {reason}")
        self.sequence = sequence
        self.reason = reason


class Follower:
    """Applies one database's subject.

    :param applied: called with the messages of others, after the COMMIT that applied them.
    """

    log = Logger()

    def __init__(
        self,
        database: Database,
        source: Source,
        clock: Any,
        outbox: Outbox,
        turns: Turns,
        applied: Callable[[Sequence[Message]], None],
    ) -> None:
        self._database = database
        self._source = source
        self._clock = clock
        self._outbox = outbox
        self._turns = turns
        self._applied = applied
        self._arrived: deque[Entry] = deque()
        self._arrived_bytes = 0
        self._feed: Feed | None = None
        self._received = 0
        self._asked: list[Deferred[Entry]] = []
        self._positioned: list[tuple[int, Deferred[None]]] = []
        self._applying = False
        self._poke: Any = None
        #: After a batch that failed: entries are applied one by one until the culprit is found.
        self._singly = False
        #: How much a pass under a long outbox takes.
        self._pace = Pace(INLINE_BYTES, BATCH_BYTES)
        #: A pass under a long outbox took long: writers have their turn behind it, and the next one waits until then.
        self._rest_until = 0.0
        #: When entries were applied last, on the clock's scale.
        self._put_at = -TOGETHER_S
        #: Those that have arrived wait for others.
        self.pausing = False
        self._stopped = True
        self.position = 0
        self.failed: CannotApply | None = None
        #: Why the log cannot be followed from the position any more; :meth:`start` begins anew.
        self.lost: Exception | None = None
        self.on_lost: Callable[[Exception], None] = lambda reason: None
        self.applied_count = 0

    @property
    def database(self) -> Database:
        """Whose log this is."""
        return self._database

    @property
    def waiting(self) -> int:
        """Entries that arrived and are not applied yet."""
        return len(self._arrived)

    @property
    def received(self) -> int:
        """The newest sequence the feed has brought."""
        return max(self._received, self.position)

    # Life

    def start(self) -> None:
        """Read the position from the file and follow the log from there."""
        self.position = read_position(self._database.writer, self._database.subject)
        self._received = self.position
        self._stopped = False
        self.failed = self.lost = None
        self._outbox.start(self)
        self._turns.start()
        self._follow()

    def stop(self) -> None:
        """Ask the log for nothing more; forget what has arrived (the log keeps it)."""
        self._stopped = True
        self._outbox.stop()
        self._turns.stop()
        self._stop_looking()
        if self._feed is not None:
            self._feed.stop()
            self._feed = None
        self._arrived.clear()
        self._arrived_bytes = 0
        asked, self._asked = self._asked, []
        for waiter in asked:
            waiter.errback(Unanswered("the follower has stopped"))
        positioned, self._positioned = self._positioned, []
        for _, reached in positioned:
            reached.errback(StatementError("57P01", "the node is going down"))

    def forget_arrived(self) -> None:
        """The log is out of sight, and may come back without what it has sent: what is not applied yet is asked for again."""
        self._arrived.clear()
        self._arrived_bytes = 0
        self._received = self.position
        self._outbox.forget_published()
        if self._feed is not None:
            self._feed.stop()
            self._follow()

    def _follow(self) -> None:
        self._feed = self._source.follow(self._database.subject, self._received + 1, self._arrive, self._lost)

    def _lost(self, reason: Exception) -> None:
        """Following from here on makes no sense any more; what does is for our owner to say."""
        if not self._stopped:
            self.log.warn("the feed of {subject} was lost: {reason}", subject=self._database.subject, reason=reason)
            self.lost = reason
            self._feed = None
            self.on_lost(reason)

    # Arriving

    def _arrive(self, entry: Entry) -> None:
        if entry.sequence <= self._received:
            return
        self._received = entry.sequence
        if entry.sequence <= self.position:
            return
        self._arrived.append(entry)
        self._arrived_bytes += len(entry.body)
        if self._arrived_bytes > WAITING_BYTES_MAX and self._feed is not None:
            self._feed.stop()
            self._feed = None
        self._turns.arrived(entry)
        if self._asked:
            self._answer_asked()
        if self._applying:
            return
        if self._poke is None:
            # Entries come in bursts: what arrives in this turn of the reactor is applied together, in the next.
            pause_s = HELD_S if self._database.turnstile.held else self._pause_s()
            self.pausing = pause_s <= TOGETHER_S
            self._look_again_in(pause_s)
        elif self.pausing and (self._positioned or self._arrived_bytes > TOGETHER_BYTES):
            self._stop_looking()
            self._look_again_in(0.0)

    def _pause_s(self) -> float:
        """How long those that have arrived wait for others to be applied with (seconds)."""
        if self._positioned or self._arrived_bytes > TOGETHER_BYTES:
            return 0.0
        return min(max(self._put_at + TOGETHER_S - self._clock.seconds(), 0.0), TOGETHER_S)

    def _look_again_in(self, seconds: float) -> None:
        """Whoever holds the writer applies what has arrived, or says that it is free; but not everybody knows of us."""

        def look() -> None:
            self._poke = None
            self.pausing = False
            self.apply_soon()

        if self._poke is None:
            self._poke = self._clock.callLater(seconds, look)

    def _stop_looking(self) -> None:
        self.pausing = False
        if self._poke is not None:
            self._poke.cancel()
            self._poke = None

    def _drop_applied(self) -> None:
        arrived = self._arrived
        while arrived and arrived[0].sequence <= self.position:
            self._arrived_bytes -= len(arrived.popleft().body)
        room = self._arrived_bytes < WAITING_BYTES_MAX // 2
        if self._feed is None and room and not self._stopped and self.lost is None:
            self._follow()

    def next_entry(self, timeout_s: float) -> Deferred[Entry]:
        """The first entry behind the position, when it has come; it stays in the queue.

        The Deferred fails with :class:`~ha.replication.log.Unanswered` when nothing came in time.
        """
        self._drop_applied()
        if self._arrived:
            return succeed(self._arrived[0])
        if self._stopped:
            return fail(Unanswered("the follower has stopped"))
        asked: Deferred[Entry] = Deferred()
        self._asked.append(asked)

        def give_up() -> None:
            self._asked.remove(asked)
            asked.errback(Unanswered(f"nothing arrived on {self._database.subject} within {timeout_s:g} s"))

        call = self._clock.callLater(timeout_s, give_up)

        def stop_clock(result: Any) -> Any:
            if call.active():
                call.cancel()
            return result

        return asked.addBoth(stop_clock)

    def _answer_asked(self) -> None:
        self._drop_applied()
        if self._arrived:
            asked, self._asked = self._asked, []
            for waiter in asked:
                waiter.callback(self._arrived[0])

    # Applying

    def apply_soon(self) -> None:
        """Apply what has arrived as soon as the writer is free. Called when it may have become so."""
        self._drop_applied()
        if self._arrived and not self._applying and self.failed is None and not self._stopped and not self._rests():
            self._applying = True
            done = Deferred.fromCoroutine(self._apply_when_free())
            done.addErrback(lambda failure: self.log.failure("following the log failed", failure))

    def _rests(self) -> bool:
        """Whether the writers have their time now; then it is looked at again when that is over."""
        wait_s = self._rest_until - self._clock.seconds() if self._outbox.count else 0.0
        if wait_s <= 0.0:
            return False
        self._look_again_in(wait_s)
        return True

    async def _apply_when_free(self) -> None:
        try:
            if self._outbox.count and not self._outbox.short:
                await self._pass()
            else:
                await self._database.turnstile.acquire(first=True)
                try:
                    await self.apply_arrived()
                finally:
                    self._database.turnstile.release()
        except CannotApply:
            return  # said once by apply_arrived; it shows in `failed`
        except StatementError:
            return  # said by apply_arrived, which looks again
        finally:
            self._applying = False
        self.apply_soon()

    async def _pass(self) -> None:
        """Apply some of what has arrived under a long outbox: the writer is held only while that is put.

        :raises CannotApply: as StatementError, see :meth:`apply_arrived`.
        """
        outbox = self._outbox
        await outbox.changing.acquire()
        try:
            self._drop_applied()
            if not self._arrived:
                return
            entries = self._take(0 if self._singly else self._pace.bytes)
            choice = None if self._singly else await outbox.select(entries)
            await self._database.turnstile.acquire(first=True)
            try:
                if self._stopped or not self._arrived or self._arrived[0] is not entries[0]:
                    return
                if choice is not None and not outbox.is_good(choice):
                    return
                if choice is not None and not choice.complete:
                    await self._database.lanes.defer(lambda: outbox.note_found(choice))
                    return
                began = self._clock.seconds()
                await self._put(entries, inline=False, choice=choice)
                took = self._clock.seconds() - began
                if self._pace.took(sum(len(entry.body) for entry in entries), len(entries), took):
                    self._rest_until = began + 2 * took
            finally:
                self._database.turnstile.release()
        finally:
            outbox.changing.release()

    async def apply_arrived(self, done: list[Message] | None = None) -> None:
        """Apply every entry that has arrived. The caller holds the writer, with no transaction open.

        Not while much waits in the outbox: then the follower takes its own turns, and what is written goes to the outbox's end.

        :param done: takes the messages that were applied, for the caller's conflict rules.
        :raises CannotApply: and the position stands before the entry that could not be applied.
        :raises StatementError: 53100, 58030, 55P03, for now; it is tried again by itself.
        """
        if self.failed is not None:
            raise self.failed
        while True:
            self._drop_applied()
            if not self._arrived or self._stopped or (self._outbox.count and not self._outbox.short):
                return
            inline = self._arrived_bytes <= INLINE_BYTES
            batch = INLINE_BYTES if inline else BATCH_BYTES
            entries = self._take(0 if self._singly else batch)
            messages = await self._put(entries, inline=inline and not self._is_long(entries))
            if done is not None:
                done.extend(messages)

    async def _put(self, entries: list[Entry], *, inline: bool, choice: Choice | None = None) -> list[Message]:
        """Apply `entries`, the first that have arrived.

        :returns: what others wrote; nothing, where it could not be applied at once, and is to be tried one by one.
        """
        try:
            if inline:
                messages = self._apply(entries, choice)
            else:
                messages = await self._database.lanes.defer(lambda: self._apply(entries, choice))
        except Exception as error:
            if isinstance(error, StatementError) and error.sqlstate in PASSING:
                self.log.warn(
                    "cannot apply position {sequence} now: {error}", sequence=entries[0].sequence, error=error
                )
                self._look_again_in(RETRY_S)
                raise
            if len(entries) == 1 and choice is None:
                self._stand_still(entries[0].sequence, error)
            self._singly = True
            return []
        self._singly = False
        self._put_at = self._clock.seconds()
        self.advanced(entries[-1].sequence)
        self.applied_count += len(messages)
        self._applied(messages)
        return messages

    @staticmethod
    def _is_long(entries: Sequence[Entry]) -> bool:
        """Whether they may hold a command: few bytes of it may mean an index over a large table."""
        return any(COMMAND in entry.body for entry in entries)

    def _take(self, bytes_max: int) -> list[Entry]:
        taken: list[Entry] = []
        size = 0
        for entry in self._arrived:
            size += len(entry.body)
            if taken and size > bytes_max:
                break
            taken.append(entry)
        return taken

    def _apply(self, entries: list[Entry], choice: Choice | None = None) -> list[Message]:
        """One SQLite transaction: the rows of `entries`, and the position behind the last of them."""
        if self._outbox.count:
            foreign = self._outbox.apply(entries, self.position, choice)
            self._database.wrote_anything()
            return foreign
        messages = [(entry.sequence, decode(entry.body)) for entry in entries]
        with self._database.own_transaction():
            fresh = put_in_order(self._database.writer, messages, self.position)
            write_position(self._database.writer, self._database.subject, entries[-1].sequence)
        self._database.wrote([change for message in fresh for change in message.changes], foreign=True)
        return fresh

    def _stand_still(self, sequence: int, error: Exception) -> None:
        self.failed = CannotApply(sequence, str(error))
        self.log.failure(
            "cannot apply log position {sequence} of {subject}", sequence=sequence, subject=self._database.subject
        )
        raise self.failed from error

    # Position

    def advanced(self, sequence: int) -> None:
        """The file is now at `sequence`: its COMMIT has returned. Called by whoever committed."""
        self.position = sequence
        if self._positioned:
            reached = [waiter for wanted, waiter in self._positioned if wanted <= sequence]
            self._positioned = [(wanted, waiter) for wanted, waiter in self._positioned if wanted > sequence]
            for waiter in reached:
                waiter.callback(None)

    def reached(self, sequence: int, timeout_s: float) -> Deferred[None]:
        """Fires when the file is at `sequence` or behind it; fails with :class:`~ha.errors.NotReached` when it is not in time."""
        if self.position >= sequence:
            return succeed(None)
        waiter: Deferred[None] = Deferred()
        self._positioned.append((sequence, waiter))
        self.apply_soon()

        def give_up() -> None:
            self._positioned.remove((sequence, waiter))
            waiter.errback(NotReached(sequence, self.position, timeout_s))

        call = self._clock.callLater(timeout_s, give_up)

        def stop_clock(result: Any) -> Any:
            if call.active():
                call.cancel()
            return result

        return waiter.addBoth(stop_clock)
