"""One client's interactive transaction: it holds the writer from its first write to its end.

Its answers have been seen, so it cannot simply run again. At COMMIT its changes are published, checked; when somebody came
between, it is rolled back, the log is applied, and its images are put on top of the new state with constraints enforced. What
does not fit is 40001, and the client runs it again.

Runs in the reactor's thread.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ha.errors import StatementError
from ha.replication.change import Message, Notification
from ha.replication.committer import standing_still
from ha.replication.conflicts import READ_COMMITTED, Authors, Lost, judge, serialization_failure, unseen_versions
from ha.replication.follower import CannotApply, Follower
from ha.replication.groups import Groups
from ha.replication.settlement import Settlement
from ha.replication.turns import Turns
from ha.sqlite import tables as schema
from ha.sqlite.connection import Connection
from ha.sqlite.database import Database, Private
from ha.sqlite.executor import FOREVER, BudgetSpent, Cancellation
from ha.sqlite.images import overwritten, put_on_top
from ha.sqlite.temporary import promised

T = TypeVar("T")

#: How often a transaction is put on top of newer state before it gives up with 40001.
REBASES_MAX = 50

#: Changes beyond which a COMMIT is made in a thread.
LONG_CHANGES = 1_000

#: Bytes of changes beyond which likewise.
LONG_BYTES = 256 * 1024


class OpenTransaction:
    """Made by :meth:`begin`; ended by :meth:`commit` or :meth:`rollback`, exactly once.

    :param level: its isolation level, which is its conflict policy.
    :param private: the connection it writes with, where its session has one of its own.
    """

    def __init__(
        self,
        database: Database,
        follower: Follower,
        settlement: Settlement,
        groups: Groups,
        turns: Turns,
        level: str,
        private: Private | None = None,
    ) -> None:
        self._database = database
        self._follower = follower
        self._settlement = settlement
        self._groups = groups
        self._turns = turns
        self._level = level
        self._private = private
        self._holds = False
        self.notifications: list[Notification] = []
        #: What it read or wrote, by name; the backend adds to it.
        self.tables: set[str] = set()

    async def begin(self, lock_timeout_s: float | None, cancellation: Cancellation | None = None) -> None:
        """Take the writer and open the transaction.

        :raises StatementError: 55P03, others held the writer too long; 57014, cancelled; 57P03, this node takes no writes.
        """
        held = self._settlement.hold()
        if held is not None:
            await held
        turn = self._database.turnstile.acquire(lock_timeout_s)
        await (turn if cancellation is None else cancellation.wait(turn))
        self._holds = True
        try:
            await self._follower.apply_arrived()
            self._database.write_with(self._private)
            self._database.begin()
        except BaseException as error:
            self._release()
            if isinstance(error, CannotApply):
                raise standing_still(error) from error
            raise

    @property
    def connection(self) -> Connection:
        """The writing connection: sees what this transaction wrote."""
        return self._database.writer

    @property
    def lost(self) -> bool:
        """Whether SQLite ended the transaction by itself: an interrupted write, OR ROLLBACK, a full disk."""
        return not self._holds or not self._database.writer.in_transaction

    async def run(
        self,
        work: Callable[[Connection], T],
        *,
        writes: bool,
        bounded: bool = False,
        key: Any = None,
        deadline: float = FOREVER,
        cancellation: Cancellation | None = None,
    ) -> T:
        """Run one statement.

        An interrupted write would end the whole transaction, so a write runs in the reactor's thread only when it is
        known to be short.

        :param bounded: it touches a few rows by their keys and nothing else: short whatever the tables hold.
        """
        connection, lanes = self._database.writer, self._database.lanes
        mark = self._database.capture.mark()
        try:
            if writes:
                if bounded and lanes.budget_s > 0:
                    return lanes.here(connection, work, deadline=deadline, cancellation=cancellation)
                return await lanes.long(connection, work, deadline=deadline, cancellation=cancellation)
            return await self._database.run(connection, work, key=key, deadline=deadline, cancellation=cancellation)
        except BudgetSpent:
            raise AssertionError("work without a budget spent it") from None
        except BaseException as error:
            self._database.heed(error)
            if not self.lost:
                self._database.capture.cut(mark)
            raise

    def keep_connection(self) -> Private:
        """The connection that it writes with is its session's own from now on, so that there may be TEMP tables.

        :raises StatementError: 53300, too many sessions have one.
        """
        if self._private is None:
            self._private = self._database.give_away()
        return self._private

    # Savepoints

    def savepoint(self, name: str) -> Any:
        """SAVEPOINT; returns what :meth:`rollback_to` wants back."""
        self._command(f"SAVEPOINT {quoted(name)}")
        return self._database.capture.mark()

    def release(self, name: str) -> None:
        """RELEASE SAVEPOINT."""
        self._command(f"RELEASE {quoted(name)}")

    def rollback_to(self, name: str, mark: Any) -> None:
        """ROLLBACK TO SAVEPOINT."""
        self._command(f"ROLLBACK TO {quoted(name)}")
        self._database.capture.cut(mark)

    def _command(self, sql: str) -> None:
        with self._database.writer.guard.trusted():
            self._database.writer.execute(sql)

    # The end

    def rollback(self) -> None:
        """End it without a trace. May be called twice."""
        if self._holds:
            try:
                self._database.rollback()
            finally:
                self._release()

    async def commit(self) -> None:
        """Give it its place in the log, and commit.

        :raises StatementError: 40001, it does not fit on what came between; 23503, a deferred key; 40003; 08006; 57P03.
            It is rolled back then, except that 40003 may still take effect.
        """
        assert self._holds, "this transaction has ended"
        try:
            await self._commit()
        except CannotApply as error:
            raise standing_still(error) from error
        finally:
            self.rollback()

    async def _commit(self) -> None:
        database = self._database
        if self.lost:
            raise StatementError("40000", "the transaction was rolled back by an earlier error")
        if self._private is not None:
            await self._keep_promises()
        database.capture.settle()
        ours, sequences = database.capture.take()
        if not ours and not sequences and not self.notifications:
            if self._private is not None:
                database.commit_privately()
            return
        long = len(ours) > LONG_CHANGES or database.capture.size_of(ours) > LONG_BYTES
        changes, moved = ours, sequences
        unseen: list[Lost] = []
        authors = Authors()
        for _ in range(REBASES_MAX):
            held = self._turns.hold()
            if held is not None:
                await held
            message = self._groups.message(self._follower.position, [(changes, moved, self.notifications)])
            may_queue = self._level == READ_COMMITTED
            if await self._settlement.settle(message, long=long, may_queue=may_queue, unseen=unseen):
                return
            if self._private is not None:  # what it did to TEMP tables cannot be put on top of anything
                raise serialization_failure("Another node wrote first, and this session has temporary tables.")
            theirs: list[Message] = []
            await self._follower.apply_arrived(theirs)
            for one in theirs:
                authors.tell(one)
            conflict = judge(self._level, ours, schema.of(database.writer).with_shadows(self.tables), theirs)
            if conflict is not None:
                raise conflict
            database.begin()
            if long:
                changes, moved = await database.lanes.defer(lambda: put_on_top(database.writer, ours, sequences))
            else:
                changes, moved = put_on_top(database.writer, ours, sequences)
            unseen = list(unseen_versions(overwritten(ours, changes), authors))
        raise StatementError("40001", "could not serialize access: other nodes kept writing first")

    async def _keep_promises(self) -> None:
        """ON COMMIT DROP and DELETE ROWS, of the session's TEMP tables."""

        def run(connection: Connection) -> None:
            with connection.guard.trusted():
                for sql in texts:
                    connection.execute(sql)

        writer = self._database.writer
        with writer.guard.trusted():
            texts = promised(writer)
        if texts:
            await self._database.lanes.long(writer, run)

    def _release(self) -> None:
        self._holds = False
        self._database.write_with(None)
        self._database.turnstile.release()
        self._follower.apply_soon()


def quoted(name: str) -> str:
    """`name` as an identifier in SQL."""
    return '"' + name.replace('"', '""') + '"'
