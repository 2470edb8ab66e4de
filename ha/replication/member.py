"""One database's life in the cluster: it joins, follows, is cut off, joins again, or stands still.

:mod:`~ha.replication.joining` brings the file to where it can follow; here is who calls it: at the start, whenever the
connection comes back, when the feed says that following makes no sense any more, and when the log goes on refusing. Until it has
said yes the :class:`~ha.replication.gate.Gate` is shut, and the log counts as out of reach.

A file that already belongs to a cluster can be opened without the log (:meth:`Member.open_cut_off`): reads are served,
and writes wait in the outbox if the policy lets them. A file that is open is replaced while its readers are told to come again and its
writers wait.

State: what the database is doing, as a sentence for ``/readyz``. Runs in the reactor's thread.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, DeferredLock
from twisted.logger import Logger

from ha.errors import StatementError
from ha.replication.change import Malformed, decode
from ha.replication.entry import LogError, StreamMissing, StreamReplaced, StreamShortened, StreamTrimmed
from ha.replication.follower import CannotApply
from ha.replication.gate import Gate
from ha.replication.joining import CannotJoin, Joining
from ha.replication.replica import Replica
from ha.sqlite.connection import Connection
from ha.sqlite.database import Database
from ha.sqlite.ledger import origin_of, write_position
from ha.sqlite.losses import quarantine
from ha.sqlite.restore import BadSnapshot
from ha.sqlite.visit import Visit, glance, visit

#: Between two attempts to join while the log does not answer (seconds).
RETRY_S = 0.5

#: While it stands still: how often it looks whether the log has become one that it can follow, or another sentence is due (seconds).
STANDING_S = 3.0

#: How long readers have to end before the file under them is replaced (seconds).
READERS_S = 3.0

#: Refusals are common when nodes compete; whether it is still the same log is asked at most so often (seconds).
DOUBT_S = 2.0


class Member:
    """A database of this node.

    :param make: opens the file and puts it on the log that it is given, with the epoch.
    """

    log = Logger()

    def __init__(
        self,
        name: str,
        subject: str,
        path: Path,
        log: Any,
        joining: Joining,
        make: Callable[[Member, int], Replica],
        clock: Any,
        in_thread: Callable[[Callable[[], Any]], Deferred[Any]],
    ) -> None:
        self.name = name
        self.subject = subject
        self.path = path
        self.gate = Gate(log, self._doubt)
        self._log = log
        self._joining = joining
        self._make = make
        self._clock = clock
        self._in_thread = in_thread
        self._joining_turn = DeferredLock()
        self._looking = False
        self._again = False
        self._stopped = False
        self._asked_at = float("-inf")
        self.replica: Replica | None = None
        #: What keeps it from following the log, in a sentence; empty when nothing does.
        self.waiting_for = f"{name} has not joined the cluster yet"
        #: Called each time it has joined.
        self.joined: Callable[[], None] = lambda: None

    # Beginning

    async def join(self) -> None:
        """Return when the file follows the log.

        :raises CannotJoin: the operator must decide.
        :raises LogError: the log is out of reach.
        """
        await self._joining_turn.acquire()
        try:
            await self._join()
        finally:
            self._joining_turn.release()

    async def _join(self) -> None:
        self._shut()
        while True:
            before = self._position
            info = await self._joining.join(self.name, self.subject, self)
            if self._position == before:
                break  # else what was on its way into the file came there meanwhile, and was not looked at
        if self.replica is None:
            self._open(info.epoch)
        replica = self.replica
        assert replica is not None
        replica.epoch = info.epoch
        if replica.follower.lost is not None or replica.follower.failed is not None:
            replica.follower.stop()
            replica.follower.start()
        self.waiting_for = ""
        self.gate.open()
        replica.follower.apply_soon()
        replica.outbox.drain_soon()
        self.joined()

    @property
    def _position(self) -> int:
        return self.replica.follower.position if self.replica is not None else 0

    def _shut(self) -> None:
        """Nobody knows which log it is: nothing goes out, and nothing that came in is applied any more."""
        self.gate.shut()
        if self.replica is not None:
            self.replica.follower.forget_arrived()

    async def open_cut_off(self) -> bool:
        """Open the file without the log. False: it belongs to no cluster yet, so there is nothing to be served."""
        seen = await self.seen()
        if seen.cluster_id is None or seen.epoch is None:
            return False
        self.waiting_for = f"{self.name}: cut off from the replication log since the start"
        self._open(seen.epoch)
        return True

    def stop(self) -> None:
        """Follow and look no more. The database stays open."""
        self._stopped = True
        self.gate.shut()
        if self.replica is not None:
            self.replica.follower.stop()

    def _open(self, epoch: int) -> None:
        self.replica = self._make(self, epoch)
        self.replica.follower.on_lost = self._lost
        self.replica.follower.start()

    # Looking again

    def connection_changed(self, connected: bool) -> None:
        """The log's connection came or went."""
        self._shut()
        if connected and self.replica is not None:
            self.look_again()

    def look_again(self) -> None:
        """Join once more, in the background, until that is done."""
        self._again = True
        if not self._looking and not self._stopped:
            self._looking = True
            looked = Deferred.fromCoroutine(self._look())
            looked.addErrback(
                lambda failure: self.log.failure("looking at the log failed", failure, database=self.name)
            )

    async def _look(self) -> None:
        try:
            while self._again and self._log.connected and not self._stopped:
                self._again = False
                try:
                    await self.join()
                except CannotJoin as error:
                    self._stand_still(str(error))
                    self._again = True  # what was decided may be done elsewhere, and no connection changes with it
                    await self._pause(STANDING_S)
                except (LogError, BadSnapshot, StatementError) as error:
                    self.log.info("{name}: cannot join yet: {error}", name=self.name, error=error)
                    self._again = True
                    await self._pause(RETRY_S)
        finally:
            self._looking = False

    def _lost(self, reason: Exception) -> None:
        if isinstance(reason, StreamMissing | StreamReplaced | StreamShortened | StreamTrimmed):
            self._shut()
            self.waiting_for = f"{self.name}: {reason}"
            self.look_again()

    def _doubt(self) -> None:
        now = self._clock.seconds()
        if now - self._asked_at >= DOUBT_S:
            self._asked_at = now
            asked = Deferred.fromCoroutine(self._ask())
            asked.addErrback(lambda failure: failure.trap(LogError))

    async def _ask(self) -> None:
        """Whether the log that refuses is the one we follow, and not shorter than we are."""
        assert self.replica is not None
        position = self.replica.follower.position  # as it is now: while the answer is on its way we go on
        info = await self._log.stream_info()
        if info.epoch != self.replica.epoch or info.last_sequence < position:
            self._lost(StreamReplaced(f"the log is at epoch {info.epoch} and ends at {info.last_sequence}"))

    def _stand_still(self, sentence: str) -> None:
        """Reads go on; nothing is written until the operator has decided, here or on another node."""
        assert self.replica is not None
        if sentence != self.waiting_for:
            self.log.critical("{sentence}. Until then this node takes no writes to it", sentence=sentence)
        self.waiting_for = sentence
        follower = self.replica.follower
        follower.failed = CannotApply(follower.position, sentence)

    async def skip(self, sequence: int) -> None:
        """Pass over the message that cannot be applied, keeping it in ``ha_quarantine``. The operator's decision.

        :raises StatementError: 55000, that is not the message this database stands before; 08006, the log does not tell it.
        """
        if (
            self.waiting_for
        ):  # the log itself is what it cannot go on with; no message of another one is to be passed over
            raise StatementError("55000", f"{self.name} stands before no message: {self.waiting_for}")
        replica = self.replica
        failed = replica.follower.failed if replica is not None else None
        if replica is None or failed is None or failed.sequence != sequence:
            before = f"before position {failed.sequence}" if failed is not None else "before nothing"
            raise StatementError("55000", f"{self.name} stands still {before}, not before position {sequence}")
        follower, database = replica.follower, replica.database
        entry = await self._joining.read(self.subject, sequence)
        if entry is None or entry.sequence != sequence:
            raise StatementError("08006", f"the replication log does not tell message {sequence}")
        await database.turnstile.acquire(first=True)
        try:
            with database.own_transaction():
                quarantine(database.writer, sequence, failed.reason, entry.message_id, entry.body)
                note_passed(database.writer, entry.body)
                write_position(database.writer, self.subject, sequence)
            follower.failed = None
            follower.advanced(sequence)
        finally:
            database.turnstile.release()
        self.log.critical("{database}: message {sequence} was passed over", database=self.name, sequence=sequence)
        follower.apply_soon()

    # What joining asks of the file

    async def seen(self) -> Visit:
        """What the file says of itself."""
        look = visit if self.replica is None else glance
        found: Visit = await self._in_thread(lambda: look(self.path, self.subject))
        return found

    @asynccontextmanager
    async def exclusively(self) -> AsyncIterator[None]:
        """Nobody else uses the file within."""
        if self.replica is None:
            yield
            return
        replica, database = self.replica, self.replica.database
        await database.turnstile.acquire()
        try:
            replica.follower.stop()
            await self._close(database)
            try:
                yield
            finally:
                database.open()
                replica.plans.clear()
                replica.shapes.clear()
                replica.follower.start()
        finally:
            database.turnstile.release()

    async def _close(self, database: Database) -> None:
        database.close()
        give_up_at = self._clock.seconds() + READERS_S
        while database.lent and self._clock.seconds() < give_up_at:
            await self._pause(0.05)
        database.cut_readers()

    def _pause(self, seconds: float) -> Deferred[None]:
        pause: Deferred[None] = Deferred()
        self._clock.callLater(seconds, pause.callback, None)
        return pause


def note_passed(connection: Connection, body: bytes) -> None:
    """A message is passed over, so its process has come so far: by that it is known again, see ``Joining._at``."""
    try:
        message = decode(body)
    except Malformed:
        return
    origin_of(connection, message.node, message.process_id, message.group)
