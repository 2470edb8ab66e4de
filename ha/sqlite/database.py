"""One database at rest: its writing connection, its reading ones, and who may use them when.

Reads run on connections of a pool, each read in the lane it deserves. A read that leaves its cursor open (more rows to
come) keeps its connection until the cursor is closed. The one writing connection belongs to whoever holds the
turnstile: the committer with a group, the follower with what arrived, or one client's transaction.

Checkpoints run in a thread on a connection of their own, because a COMMIT in the reactor's thread must not copy
a write-ahead log (``wal_autocheckpoint=0``).

Threads: called in the reactor's thread; the functions handed in run there or in a deferred thread.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import apsw
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from ha.errors import StatementError
from ha.sqlite import functions
from ha.sqlite import tables as schema
from ha.sqlite.capture import Capture
from ha.sqlite.connection import Connection, Register, open_reader, open_writer
from ha.sqlite.executor import FOREVER, BudgetSpent, Cancellation, Gauge, Lanes, fit_gauge
from ha.sqlite.faults import translate
from ha.sqlite.ledger import origin_of, write_position
from ha.sqlite.pending import add_pending
from ha.sqlite.rowchange import Change
from ha.sqlite.touches import touches_of
from ha.sqlite.turnstile import Turnstile
from ha.sqlite.written import Overtaken, Written

T = TypeVar("T")

#: Reading connections at most: one for each result that is still being fetched, and a few.
READERS_MAX = 128

#: Idle reading connections that are kept; each may hold 2 MiB of page cache.
IDLE_READERS_MAX = 4

#: Pages in the write-ahead log after which a checkpoint is made in a thread (4 MiB at 4 KiB pages).
CHECKPOINT_PAGES = 1_000

#: Pages after which the checkpoint waits for the writer, so that the log begins anew (16 MiB at 4 KiB pages): while
#: somebody always writes, a checkpoint beside him is never complete and the log would only grow.
RESTART_PAGES = 4_000

#: Pages after which the writer itself makes one right after its COMMIT (32 MiB at 4 KiB pages): it may go on for long without
#: leaving its place, while it catches up with the log or drains its outbox.
FORCED_PAGES = 8_000

#: Pages after which the log's file is cut, too (64 MiB at 4 KiB pages).
TRUNCATE_PAGES = 16_000

#: How often a full disk makes us cut it (seconds).
ROOM_INTERVAL_S = 1.0

#: Connections that belong to one session each, at most: each may hold 2 MiB of page cache, and its TEMP tables.
PRIVATES_MAX = 64


@dataclass(frozen=True, slots=True, eq=False)
class Private:
    """A connection that belongs to one session, for what must be nobody else's: its TEMP tables.

    The session reads with it, and writes with it while it holds the turnstile, see :meth:`Database.write_with`.
    """

    connection: Connection
    capture: Capture


class Database:
    """One open database.

    :param name: its id in the cluster, the base name of its file.
    :param subject: its subject on the log.
    :param clock: an ``IReactorTime``.
    :param synchronous: ``NORMAL`` or ``FULL``.
    :param register: gives each connection its functions; where nobody calls any, opening a file takes half as long without.
    """

    log = Logger()

    def __init__(
        self,
        name: str,
        path: Path,
        subject: str,
        lanes: Lanes,
        clock: Any,
        *,
        synchronous: str = "NORMAL",
        register: Register = functions.register,
    ):
        self.name = name
        self.path = path
        self.subject = subject
        self.lanes = lanes
        self.clock = clock
        self.synchronous = synchronous
        self._register = register
        self.turnstile = Turnstile(clock)
        self._idle: list[Connection] = []
        self._readers: set[Connection] = set()
        self._privates: set[Private] = set()
        self._waiting: deque[Deferred[Connection]] = deque()
        self._checkpointing = False
        self._checkpoint_at = CHECKPOINT_PAGES
        self._forced_at = FORCED_PAGES
        self._room_made_at = -ROOM_INTERVAL_S
        self._pages = 0
        #: Counts the transactions committed here; two equal readings mean that nothing changed between them.
        self.version = 0
        self.written = Written()
        self.closed = False
        self.open()

    def open(self) -> None:
        """Open the writing connection. Also after the file was replaced; see :meth:`close`."""
        self.writer, self.capture = self._own = self._open_writer()
        self.version += 1
        self.written.everything(self.version)
        self.closed = False
        self._idle.append(self._open_reader())  # so that reads go on when the process runs out of descriptors

    def _open_reader(self) -> Connection:
        connection = open_reader(str(self.path), register=self._register)
        try:
            with connection.guard.trusted():  # SQLite opens the file and its log at the first read
                connection.execute("SELECT 1 FROM main.sqlite_schema LIMIT 1").close()
        except BaseException:
            connection.close(True)
            raise
        fit_gauge(connection)
        self._readers.add(connection)
        return connection

    def _open_writer(self) -> tuple[Connection, Capture]:
        writer = open_writer(str(self.path), synchronous=self.synchronous, register=self._register)
        fit_gauge(writer)
        writer.set_wal_hook(self._committed)
        return writer, Capture(writer)

    # What belongs to one session

    def open_private(self) -> Private:
        """A connection for one session alone; end it with :meth:`close_private`.

        :raises StatementError: 53300, there are too many; 57P03, the file is being replaced.
        """
        if self.closed:
            raise self._replaced()
        self._room_for_private()
        private = Private(*self._open_writer())
        private.connection.lags = private.connection.guard.private = True
        self._privates.add(private)
        return private

    def give_away(self) -> Private:
        """The common writing connection, transaction and all, becomes one session's own; everybody else gets a new one.

        For who holds the turnstile and writes with the common connection.

        :raises StatementError: 53300, there are too many.
        """
        assert self.writer is self._own[0], "only the common connection can be given away"
        self._room_for_private()
        private = Private(*self._own)
        self._own = self._open_writer()
        private.connection.lags = private.connection.guard.private = True
        self._privates.add(private)
        return private

    def _room_for_private(self) -> None:
        if len(self._privates) >= PRIVATES_MAX:
            raise StatementError("53300", f"more than {PRIVATES_MAX} sessions have temporary tables")

    def close_private(self, private: Private) -> None:
        """The session has ended. May be called twice."""
        self._privates.discard(private)
        private.connection.close(True)

    def write_with(self, private: Private | None) -> None:
        """Whoever holds the turnstile writes with this connection from now on; None stands for the common one."""
        self.writer, self.capture = self._own if private is None else (private.connection, private.capture)

    # Reading

    def borrow(self, deadline: float = FOREVER) -> Deferred[Connection] | Connection:
        """A reading connection; give it back with :meth:`give_back`. A Deferred only when all are lent.

        :raises StatementError: 57P03, the file is being replaced.
        """
        if self.closed:
            raise self._replaced()
        if self._idle:
            return self._idle.pop()
        if len(self._readers) < READERS_MAX:
            try:
                return self._open_reader()
            except apsw.CantOpenError:  # no descriptors are left: wait for a connection that is open already
                if not self._readers:
                    raise StatementError("53000", "the node has no file descriptors left") from None
        turn: Deferred[Connection] = Deferred(self._waiting.remove)
        self._waiting.append(turn)
        return turn

    def idle_reader(self) -> Connection | None:
        """A reading connection that waits for work; None: there is none just now, :meth:`borrow` one. Give it back as one that was."""
        return self._idle.pop() if self._idle and not self.closed else None

    def _replaced(self) -> StatementError:
        return StatementError("57P03", f"{self.name} is being restored from a snapshot", hint="Try again soon.")

    def give_back(self, connection: Connection) -> None:
        """The borrowed connection is free again: no cursor open, no transaction."""
        if connection not in self._readers:
            connection.close(True)  # of a file that was closed meanwhile, and may be another now
            return
        if connection.in_transaction:
            with connection.guard.trusted():
                connection.execute("ROLLBACK").close()
        if self._waiting:
            self._waiting.popleft().callback(connection)
        elif self.closed or len(self._idle) >= IDLE_READERS_MAX:
            self._readers.discard(connection)
            connection.close(True)
        else:
            self._idle.append(connection)

    async def read(
        self,
        work: Callable[[Connection], T],
        *,
        key: Hashable = None,
        deadline: float = FOREVER,
        cancellation: Cancellation | None = None,
    ) -> T:
        """Run `work` on a reading connection and give the connection back.

        :param work: must leave no cursor open; may run twice, the first time cut short.
        :param key: what tells this work from others, to remember that it was long.
        """
        connection = self.borrow()
        if not isinstance(connection, Connection):
            connection = await connection
        try:
            return await self.run(connection, work, key=key, deadline=deadline, cancellation=cancellation)
        finally:
            self.give_back(connection)

    async def run(
        self,
        connection: Connection,
        work: Callable[[Connection], T],
        *,
        key: Hashable = None,
        deadline: float = FOREVER,
        cancellation: Cancellation | None = None,
    ) -> T:
        """Run reading `work` on `connection`, which the caller has, in the lane it deserves."""
        lanes = self.lanes
        if not lanes.is_long(key):
            try:
                return lanes.short(connection, work, deadline=deadline, cancellation=cancellation)
            except BudgetSpent:
                pass
        return await lanes.long(connection, work, key=key, deadline=deadline, cancellation=cancellation)

    # Writing: by whoever holds the turnstile

    def begin(self) -> None:
        """Open a writing transaction and begin to collect its row changes."""
        with self.writer.guard.trusted():
            try:
                self.writer.execute("BEGIN IMMEDIATE")
            except apsw.Error as error:
                raise self._told(error, "BEGIN IMMEDIATE") from error
        self.capture.begin()

    def attempt(self, run: Callable[[Connection], T]) -> tuple[T, Sequence[Change], dict[str, int | None], int]:
        """Run one transaction in a savepoint of the open one.

        :returns: its result, its row changes, the sequences it moved, and about how many bytes it changed.
        :raises StatementError: and the savepoint is undone, unless SQLite ended the whole transaction
            (``writer.in_transaction`` tells).
        """
        writer, capture = self.writer, self.capture
        with writer.guard.trusted():
            writer.execute("SAVEPOINT ha_transaction")
        mark = capture.mark()
        gauge: Gauge = cast(Any, writer).gauge
        try:
            result = run(writer)
            capture.settle()
        except BaseException as error:
            self.heed(error)
            if writer.in_transaction:
                with writer.guard.trusted(), gauge.ignored():
                    writer.execute("ROLLBACK TO ha_transaction")
                    writer.execute("RELEASE ha_transaction")
                    capture.cut(mark)
            raise
        # From here on it counts: an interrupt now would leave its rows in the file and its changes out of the message.
        with writer.guard.trusted(), gauge.ignored():
            writer.execute("RELEASE ha_transaction")
            changes, sequences = capture.take()
        return result, changes, sequences, capture.size_of(changes)

    def commit(self, sequence: int, origin: tuple[str, int, int]) -> None:
        """Write the position into the open transaction and end it.

        :param sequence: where its message stands in the log.
        :param origin: node, process and group of the message.
        """
        with self.writer.guard.trusted():
            try:
                origin_of(self.writer, *origin)
                write_position(self.writer, self.subject, sequence)
                self.writer.execute("COMMIT")
            except apsw.Error as error:
                raise self._told(error, "COMMIT") from error
            finally:
                self.capture.discard()

    def commit_queued(self, message_id: str, body: bytes, *, sent: bool) -> None:
        """Put the transaction's message into the outbox and end it; the position stays.

        :param sent: a copy of the message may be on its way to the log already.
        """
        with self.writer.guard.trusted():
            try:
                record = self.capture.record()
                # What is sent at once is soon gone.
                touches = None if sent else touches_of(self.writer, (), record.events, record.sequences)
                add_pending(self.writer, message_id, body, record.to_bytes(), sent=sent, touches=touches)
                self.writer.execute("COMMIT")
            except apsw.Error as error:
                raise self._told(error, "COMMIT") from error
            finally:
                self.capture.discard()

    def commit_privately(self) -> None:
        """End the open transaction of a private connection, which changed nothing but TEMP tables."""
        with self.writer.guard.trusted():
            self.writer.execute("COMMIT")
        self.capture.discard()

    def rollback(self) -> None:
        """Undo the open transaction, if it still is open, and what was collected of it."""
        if self.writer.in_transaction:
            with self.writer.guard.trusted():
                self.writer.execute("ROLLBACK")
        self.capture.discard()

    def heed(self, error: BaseException) -> None:
        """See to what a statement's failure says of the file.

        If SQLite took it for damaged, the transaction ends: a COMMIT would fail on it (seen), after the publish. If the disk
        is full, the write-ahead log may be what fills it; without a commit nobody would ask for a checkpoint any more.
        """
        if isinstance(error, StatementError):
            if error.sqlstate == "XX001":
                self.rollback()
            elif error.sqlstate == "53100":
                self._make_room()

    def _told(self, error: apsw.Error, sql: str) -> StatementError:
        told = translate(error, self.writer, sql)
        self.heed(told)
        return told

    @contextmanager
    def own_transaction(self) -> Iterator[None]:
        """A transaction of the house's own, not collected: what comes from the log, or the ledger's tables."""
        writer = self.writer
        with writer.guard.trusted():
            try:
                writer.execute("BEGIN IMMEDIATE")
                yield
                writer.execute("COMMIT")
            except apsw.Error as error:
                raise self._told(error, "") from error
            finally:
                if writer.in_transaction:
                    writer.execute("ROLLBACK")

    def wrote(self, changes: Sequence[Change], *, foreign: bool = False) -> None:
        """What was just committed changed these rows. Called after each COMMIT, by whoever holds the turnstile still."""
        self.written.tell(self.version, changes, foreign=foreign)

    def wrote_anything(self) -> None:
        """What was just committed came from other nodes, and changed nobody knows what."""
        self.written.everything(self.version, foreign=True)

    def overtaken(self, version: int, tables: Iterable[str]) -> Overtaken | None:
        """What of `tables` was written after `version`; None: nothing. The caller holds the turnstile."""
        return self.written.since(version, schema.of(self.writer).with_shadows(tables), self.version)

    # Checkpoints

    def _committed(self, connection: apsw.Connection, name: str, pages: int) -> int:
        """SQLite's WAL hook: called after each COMMIT of the writer, in whatever thread it ran."""
        self.version += 1
        if self.writer.guard.changed:
            self.writer.guard.changed = False
            own, _ = self._own
            if connection is not own:
                own.forget()
            for reader in (*self._readers, *(one.connection for one in self._privates)):
                reader.forget()
        if pages < self._pages:  # the log was begun anew
            self._checkpoint_at, self._forced_at = CHECKPOINT_PAGES, FORCED_PAGES
        self._pages = pages
        if pages >= self._forced_at and name == "main":
            self._forced_at = pages + CHECKPOINT_PAGES
            with suppress(apsw.Error):  # a thread is just at it, or the disk is full: later, then
                connection.wal_checkpoint("main", apsw.SQLITE_CHECKPOINT_PASSIVE)
        if pages >= self._checkpoint_at and not self._checkpointing and name == "main":
            self._checkpointing = True
            self._checkpoint_at = pages + CHECKPOINT_PAGES
            self.clock.callFromThread(self._checkpoint, pages)
        return apsw.SQLITE_OK

    def _make_room(self) -> None:
        """Cut the write-ahead log, if its pages find room in the file. May be called in any thread."""
        now = self.clock.seconds()
        if not self._checkpointing and now >= self._room_made_at + ROOM_INTERVAL_S:
            self._checkpointing, self._room_made_at = True, now
            self.clock.callFromThread(self._checkpoint, TRUNCATE_PAGES)

    def _checkpoint(self, pages: int) -> None:
        done = Deferred.fromCoroutine(self._checkpoint_in_thread(pages))
        done.addErrback(self._checkpoint_failed)

    def _checkpoint_failed(self, failure: Failure) -> None:
        # A full disk, most likely. What is in the write-ahead log stays there, and the next commits ask again.
        if isinstance(failure.value, (apsw.FullError, apsw.IOError, apsw.BusyError)):
            self.log.warn("{database}: checkpoint put off: {reason}", database=self.name, reason=str(failure.value))
        else:
            self.log.failure("checkpoint failed", failure, database=self.name)

    async def _checkpoint_in_thread(self, pages: int) -> None:
        """Copy the write-ahead log into the file. A reader in the way only makes it do less this time."""
        try:
            await self._checkpoint_once(apsw.SQLITE_CHECKPOINT_PASSIVE)
            if pages >= RESTART_PAGES:  # nearly all is copied: the writer is needed for a moment only
                await self.turnstile.acquire()
                try:
                    cut = pages >= TRUNCATE_PAGES
                    await self._checkpoint_once(
                        apsw.SQLITE_CHECKPOINT_TRUNCATE if cut else apsw.SQLITE_CHECKPOINT_RESTART
                    )
                finally:
                    self.turnstile.release()
        finally:
            self._checkpointing = False

    async def _checkpoint_once(self, mode: int) -> None:
        if not self.closed:
            await self.lanes.defer(lambda: checkpoint(str(self.path), mode))

    def close(self) -> None:
        """Close every connection that is not lent; what runs on the others is interrupted: :meth:`cut_readers`."""
        self.closed = True
        while self._idle:
            connection = self._idle.pop()
            self._readers.discard(connection)
            connection.close(True)
        for private in tuple(self._privates):
            self.close_private(private)
        # Last, because only who may write leaves a file without a write-ahead log behind, which can be copied as it lies there.
        own, _ = self._own
        own.set_wal_hook(None)
        own.close(True)
        while self._waiting:
            self._waiting.popleft().errback(StatementError("57P01", "the database is being closed"))
        for connection in self._readers:
            connection.interrupt()

    @property
    def lent(self) -> int:
        """Reading connections that are in use, or hold an open cursor."""
        return len(self._readers) - len(self._idle)

    def cut_readers(self) -> None:
        """Close the connections that did not come back after :meth:`close`: somebody holds a cursor and does not read."""
        for connection in self._readers:
            connection.close(True)
        self._readers.clear()


def checkpoint(path: str, mode: int) -> None:
    """Checkpoint the database at `path` on a connection of its own. Runs in a deferred thread."""
    connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        connection.execute("PRAGMA schema_version").close()  # until it has read, it does not know that there is a log
        connection.wal_checkpoint("main", mode)
    except apsw.BusyError:
        pass  # a reader holds an old snapshot: the next COMMIT beyond the mark asks again
    finally:
        connection.close()


@contextmanager
def one_state(connection: Connection) -> Iterator[None]:
    """All that is read in here is of one moment.

    Nothing stops its beginning and its end, though what is read may be stopped: SQLite counts the steps of all runs of a
    statement, so that one ROLLBACK in some hundreds meets the progress handler, and would leave the transaction open.
    """
    gauge: Gauge = cast(Any, connection).gauge
    with connection.guard.trusted(), gauge.ignored():
        connection.execute("BEGIN")
    try:
        yield
    finally:
        if connection.in_transaction:  # else SQLite has ended it: the disk failed
            with connection.guard.trusted(), gauge.ignored():
                connection.execute("ROLLBACK")
