"""A client's transaction block: what it has done so far, and how it ends.

An explicit block begins with BEGIN; an implicit one is what PostgreSQL makes of several statements in one message or between two
Syncs. A block holds nothing until it needs it: the writer from its first write on, a snapshot from its first read at the
levels that promise one.

Runs in the reactor's thread.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred

from ha.errors import StatementError
from ha.replication.change import Notification
from ha.replication.conflicts import READ_COMMITTED, serialization_failure
from ha.replication.replica import Replica
from ha.replication.transaction import OpenTransaction
from ha.sqlite.connection import Connection
from ha.sqlite.database import Private
from ha.sqlite.executor import Cancellation

if TYPE_CHECKING:
    from ha.stream import Stream


@dataclass(slots=True)
class Savepoint:
    """A savepoint of the client's.

    :param settings: how the client's settings stood; whatever the backend gave.
    :param mark: where the collected changes stood, once there is a writer.
    :param notifications: how many there were.
    """

    name: str
    settings: Any
    mark: Any = None
    notifications: int = 0


@dataclass(slots=True)
class Block:
    """One transaction of one client.

    :param explicit: begun by BEGIN, ended by COMMIT or ROLLBACK only.
    :param private: the session's own connection, if it has one: all is read and written with it.
    :param failed: a statement failed: only ROLLBACK, COMMIT and ROLLBACK TO are heard.
    :param snapshot: at the higher levels, the connection whose read transaction all reads see before the first write.
    :param snapshot_version: the database's version when it was taken.
    :param tables: what was read or written so far, by name.
    """

    replica: Replica
    explicit: bool
    isolation: str = READ_COMMITTED
    read_only: bool = False
    failed: bool = False
    used: bool = False
    private: Private | None = None
    opened: OpenTransaction | None = None
    snapshot: Connection | None = None
    snapshot_version: int = 0
    tables: set[str] = field(default_factory=set)
    savepoints: list[Savepoint] = field(default_factory=list)
    streams: set[Stream] = field(default_factory=set)
    notifications: list[Notification] = field(default_factory=list)

    async def write_transaction(
        self, what: str, lock_timeout_s: float | None, cancellation: Cancellation
    ) -> OpenTransaction:
        """The transaction that holds the writer; taken now if it was not before.

        :param what: is about to be done.
        :raises StatementError: 25006 in a read-only block; 55P03 when others hold the writer too long.
        """
        if self.read_only:
            raise read_only(what)
        if self.opened is None:
            if self.private is not None and self.private.connection is self.snapshot:
                end_reading(self.snapshot)
            opened = await self.replica.transaction(lock_timeout_s, self.isolation, cancellation, self.private)
            if self.snapshot is not None:
                self._move_on(opened)
            for depth, savepoint in enumerate(self.savepoints):
                savepoint.mark = opened.savepoint(name_at(depth))
            self.opened = opened
        elif self.opened.lost:
            raise ended_by_sqlite()
        return self.opened

    def _move_on(self, opened: OpenTransaction) -> None:
        """From here on the block reads what it writes on: the newest state, where nothing differs that it has read.

        So it is as if its snapshot had been taken now.

        :raises StatementError: 40001, something does.
        """
        overtaken = self.replica.database.overtaken(self.snapshot_version, self.tables)
        if overtaken is None:
            return
        opened.rollback()
        if overtaken.foreign:
            self.replica.turns.refused()
        what = f'Table "{overtaken.table}"' if overtaken.table else "The schema, or more than is known,"
        raise serialization_failure(f"{what} was written after this transaction's snapshot was taken.")

    async def reader(self) -> Connection | None:
        """The connection that this block's reads must use, or None when any will do."""
        if self.opened is not None:
            if self.opened.lost:
                raise ended_by_sqlite()
            return self.opened.connection
        if self.isolation == READ_COMMITTED:
            return self.private.connection if self.private is not None else None
        if self.snapshot is None:
            connection = self.replica.database.borrow() if self.private is None else self.private.connection
            if isinstance(connection, Deferred):
                connection = await connection
            version = self.replica.database.version  # a thread may commit at any moment: never later than the snapshot
            with connection.guard.trusted():
                connection.execute("BEGIN")
                connection.execute("SELECT 1 FROM main.sqlite_schema").close()
            self.snapshot = connection
            self.snapshot_version = version
        return self.snapshot

    # Savepoints

    def set_savepoint(self, name: str, settings: Any) -> None:
        """SAVEPOINT."""
        if self.opened is not None and self.opened.lost:
            raise ended_by_sqlite()
        mark = self.opened.savepoint(name_at(len(self.savepoints))) if self.opened is not None else None
        self.savepoints.append(Savepoint(name, settings, mark, len(self.notifications)))

    def release(self, name: str) -> None:
        """RELEASE SAVEPOINT, and those set after it."""
        at = self._find(name)
        if self.opened is not None:
            if self.opened.lost:
                raise ended_by_sqlite()
            self.opened.release(name_at(at))
        del self.savepoints[at:]

    def roll_back_to(self, name: str) -> Any:
        """ROLLBACK TO SAVEPOINT: the block goes on from there, even if it had failed.

        :returns: the settings of that moment.
        """
        at = self._find(name)
        if self.opened is not None:
            if self.opened.lost:
                raise ended_by_sqlite()
            self.close_streams()
            self.opened.rollback_to(name_at(at), self.savepoints[at].mark)
        del self.savepoints[at + 1 :]
        del self.notifications[self.savepoints[at].notifications :]
        self.failed = False
        return self.savepoints[at].settings

    def _find(self, name: str) -> int:
        for at in range(len(self.savepoints) - 1, -1, -1):
            if self.savepoints[at].name == name:
                return at
        raise StatementError("3B001", f'savepoint "{name}" does not exist')

    # The end

    def fail(self) -> None:
        """A statement failed. Without a savepoint to go back to nothing of the block can stand, so the writer is freed at once."""
        self.failed = True
        self.close_streams()
        if self.opened is not None and not self.savepoints:
            self.opened.rollback()

    async def commit(self) -> None:
        """Make what it did everybody's.

        :raises StatementError: see :meth:`ha.replication.transaction.OpenTransaction.commit`.
        """
        self.close_streams()
        try:
            if self.opened is not None:
                self.opened.notifications += self.notifications
                self.opened.tables |= self.tables
                await self.opened.commit()
        finally:
            self.roll_back()

    def roll_back(self) -> None:
        """Leave no trace, and give everything back. May be called twice."""
        self.close_streams()
        if self.opened is not None:
            self.opened.rollback()
        if self.snapshot is not None:
            snapshot, self.snapshot = self.snapshot, None
            if self.private is not None and self.private.connection is snapshot:
                end_reading(snapshot)
            else:
                self.replica.database.give_back(snapshot)

    def close_streams(self) -> None:
        """End the results that are still being fetched."""
        for stream in tuple(self.streams):
            stream.close()


def end_reading(connection: Connection) -> None:
    """End the transaction that kept a snapshot, if it is still open."""
    if connection.in_transaction:
        with connection.guard.trusted():
            connection.execute("ROLLBACK").close()


def name_at(depth: int) -> str:
    """A savepoint's name for SQLite, which takes ``"A"`` and ``a`` for the same."""
    return f"s{depth}"


def read_only(what: str) -> StatementError:
    """The transaction was declared to read only."""
    return StatementError("25006", f"cannot execute {what} in a read-only transaction")


def ended_by_sqlite() -> StatementError:
    """An interrupted write, OR ROLLBACK or a full disk ended more than its statement."""
    return StatementError(
        "40000", "the transaction was rolled back by an earlier error", hint="Begin it again: nothing of it was kept."
    )
