"""Group commit: execute, publish, then commit; the clients are answered in that turn of the reactor.

The queue holds works: functions that run one transaction's statements on the writing connection, any number of times. A
turn takes a group of them, runs each in a savepoint of one SQLite transaction, publishes the group as one checked
message, and commits when the log has it. When somebody came between, the group is rolled back, the log is applied, and the same works run
again on the new state, unseen by their clients, within their deadlines.

Errors of statements wait with the group too: a duplicate key may be the fault of a group mate that the log then refuses.

Runs in the reactor's thread; a work that is long runs alone, in a deferred thread.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from ha.errors import StatementError
from ha.replication.change import Change, Notification
from ha.replication.follower import CannotApply, Follower
from ha.replication.groups import GROUP_BYTES_MAX, GROUP_TRANSACTIONS_MAX, Groups
from ha.replication.settlement import CannotQueue, Settlement
from ha.replication.turns import Turns
from ha.sqlite.connection import Connection
from ha.sqlite.database import Database
from ha.sqlite.executor import FOREVER, BudgetSpent, Cancellation, cancelled, timed_out
from ha.sqlite.rowchange import has_commands

#: A group ends, too, when its execution has held the reactor's thread for so long (seconds).
GROUP_TIME_MAX_S = 0.004

#: Works that may wait; more are refused with 53400, because their memory is nobody's.
QUEUE_MAX = 10_000

#: A work runs again on newer state for so long, unless its own deadline comes first (seconds).
RERUN_MAX_S = 30.0

#: How often works that wait are looked at: cancelled, or past their deadlines (seconds).
WATCH_S = 0.1


class Work:
    """One transaction whose statements we hold, to be run as often as it takes.

    :param run: runs it on the writing connection and returns the answer; raises StatementError.
    :param key: what tells it from others, to remember that it was long.
    :param deadline: on ``time.monotonic``'s scale.
    :param alone: it runs in a group of its own, in a thread: it is long, or ends transactions.
    :param may_queue: it may be ordered later when the log is out of reach (READ COMMITTED).
    :param notifications: where `run` puts what goes out with the transaction. It knows the list and not the work: the rows of a large
        transaction in a circle of references would stay until Python looks for such.
    """

    __slots__ = (
        "alone",
        "cancellation",
        "changes",
        "deadline",
        "done",
        "error",
        "give_up_at",
        "key",
        "may_queue",
        "notifications",
        "result",
        "run",
        "sequences",
        "size",
    )

    def __init__(
        self,
        run: Callable[[Connection], Any],
        *,
        key: Hashable = None,
        deadline: float = FOREVER,
        cancellation: Cancellation | None = None,
        alone: bool = False,
        may_queue: bool = True,
        notifications: list[Notification] | None = None,
    ) -> None:
        self.run = run
        self.key = key
        self.deadline = deadline
        #: Set when it was refused for the first time: it runs again until then.
        self.give_up_at = FOREVER
        self.cancellation = cancellation
        self.alone = alone
        self.may_queue = may_queue
        self.done: Deferred[Any] = Deferred()
        self.notifications: list[Notification] = [] if notifications is None else notifications
        self.forget()

    @property
    def changes_schema(self) -> bool:
        """Whether its last run did."""
        return has_commands(self.changes)

    def forget(self) -> None:
        """Nothing of an earlier run counts."""
        self.result: Any = None
        self.error: Exception | None = None
        self.changes: Sequence[Change] = ()
        self.sequences: dict[str, int | None] = {}
        self.size = 0
        self.notifications.clear()


class Committer:
    """The queue of one database's writes.

    :param clock: an ``IReactorTime``.
    :param now: the scale of works' deadlines.
    """

    log = Logger()

    def __init__(
        self,
        database: Database,
        follower: Follower,
        settlement: Settlement,
        groups: Groups,
        turns: Turns,
        clock: Any,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._follower = follower
        self._settlement = settlement
        self._groups = groups
        self._turns = turns
        self._clock = clock
        self._now = now
        self._queue: deque[Work] = deque()
        #: Those of the group under way: neither in the queue nor answered.
        self._group: list[Work] = []
        self._draining = False
        #: Writes have come one by one of late: the next one does not wait for what else this turn of the reactor brings.
        self._one_by_one = False
        self._watch: Any = None
        self._idle: list[Deferred[None]] = []
        self.refusals = 0
        self.groups_stored = 0
        self.transactions_stored = 0
        self.closing = False

    @property
    def waiting(self) -> int:
        """Works in the queue."""
        return len(self._queue)

    def submit(self, work: Work) -> Deferred[Any]:
        """Queue `work`; its Deferred fires with its result when the log has it and the file too.

        It fails with StatementError: the work's own; 40001 where it ran again until it had to stop; 57014 where it was cancelled
        or its deadline passed before it could run; 40003 where the outcome is unknown; 25006 where the log is out of reach;
        53400 where too many wait; 57P01 when the node goes down.
        """
        if self.closing:
            work.done.errback(StatementError("57P01", "the node is going down"))
        elif len(self._queue) >= QUEUE_MAX:
            work.done.errback(StatementError("53400", f"more than {QUEUE_MAX} writes are waiting on this node"))
        else:
            self._queue.append(work)
            if not self._draining:
                self._draining = True
                if self._one_by_one:
                    self._start()
                else:
                    self._clock.callLater(0, self._start)
            if self._watch is None:
                self._watch = self._clock.callLater(WATCH_S, self._look)
        return work.done

    def drained(self) -> Deferred[None]:
        """Fires when nothing waits and nothing is under way."""
        idle: Deferred[None] = Deferred()
        if self._draining:
            self._idle.append(idle)
        else:
            self._rest()
            idle.callback(None)
        return idle

    def _start(self) -> None:
        done = Deferred.fromCoroutine(self._drain())
        done.addErrback(lambda failure: self.log.failure("the committer failed", failure, database=self._database.name))

    async def _drain(self) -> None:
        turnstile = self._database.turnstile
        try:
            while self._queue:
                held = self._settlement.hold()
                if held is not None:
                    await held
                if not turnstile.acquire_now():
                    await turnstile.acquire()
                try:
                    await self._commit_group()
                finally:
                    turnstile.release()
                    self._follower.apply_soon()
        finally:
            self._draining = False
            if self._idle:
                self._rest()
                idle, self._idle = self._idle, []
                for waiter in idle:
                    waiter.callback(None)

    def _rest(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    async def _commit_group(self) -> None:
        """One turn. Whatever goes wrong is told to the works it went wrong with, and the next turn can come."""
        try:
            if self._follower.waiting or self._follower.failed is not None:
                await self._follower.apply_arrived()
            await self._execute_group()
            await self._store()
        except CannotQueue as error:
            self._without_culprits(error)
        except CannotApply as error:
            self._fail(standing_still(error))
        except StatementError as error:
            self._fail(error)
        except Exception as error:
            self.log.failure("a group could not be committed", database=self._database.name)
            self._fail(error)

    def _without_culprits(self, error: CannotQueue) -> None:
        """Those that must not be queued hear so; the others run again without them."""
        group, self._group = self._group, []
        self._database.rollback()
        culprits = [work for work in group if not work.may_queue or work.changes_schema]
        if not culprits:
            culprits, group = group, []
        self._queue.extendleft(reversed([work for work in group if work not in culprits]))
        for work in culprits:
            work.done.errback(error)

    def _fail(self, error: Exception) -> None:
        """The group under way fails; before there is one, the first that waits, so that the queue moves on."""
        group, self._group = self._group, []
        if not group and self._queue:
            group = [self._queue.popleft()]
        try:
            self._database.rollback()
        finally:
            for work in group:
                work.done.errback(error)

    # Waiting

    def _look(self) -> None:
        """Give up the works that were cancelled, or whose deadline passed, while they waited."""
        self._watch = None
        if self._queue:
            self._expire()
        if self._queue or self._draining:
            self._watch = self._clock.callLater(WATCH_S, self._look)

    def _expire(self) -> None:
        now = self._now()
        kept: deque[Work] = deque()
        for work in self._queue:
            error = self._over(work, now)
            if error is None:
                kept.append(work)
            else:
                work.done.errback(error)
        self._queue = kept

    @staticmethod
    def _over(work: Work, now: float) -> StatementError | None:
        if work.cancellation is not None and work.cancellation.wanted:
            return cancelled()
        if work.give_up_at <= now:
            return StatementError("40001", "could not serialize access: the statement ran again until its deadline")
        if work.deadline <= now:
            return timed_out()
        return None

    # Executing

    async def _execute_group(self) -> None:
        """Open a transaction and run the works at the queue's head in it: they become the group."""
        self._expire()
        while self._queue:
            first = self._queue[0]
            self._database.begin()
            if first.alone or self._database.lanes.is_long(first.key):
                first.alone = True
                self._group = [self._queue.popleft()]
                lane = partial(self._database.lanes.alone, key=first.key)
                await self._database.lanes.defer(partial(self._run_one, first, lane))
            else:
                self._run_short()
            if not self._database.writer.in_transaction:
                self._lost()
            elif self._group:
                return
            else:
                self._database.rollback()

    def _run_short(self) -> None:
        """Run works here and now until the group is full, or one needs to be alone (it stays in the queue)."""
        ran = self._group = []
        database, queue = self._database, self._queue
        lanes = database.lanes
        stop_at = self._now() + GROUP_TIME_MAX_S
        size = 0
        while queue and len(ran) < GROUP_TRANSACTIONS_MAX and size < GROUP_BYTES_MAX:
            work = queue[0]
            if work.alone or lanes.is_long(work.key) or self._now() > stop_at:
                break
            try:
                self._run_one(work, lanes.short)
            except BudgetSpent:
                work.alone = True
                break
            if not database.writer.in_transaction:
                work.alone = True
                break
            ran.append(queue.popleft())
            size += work.size

    def _lost(self) -> None:
        """SQLite ended the whole transaction (an interrupt, OR ROLLBACK, a full disk): nobody's work of it stands.

        A work that was alone has its own error to tell; those that ran beside a culprit run again without it.
        """
        ran, self._group = self._group, []
        self._database.rollback()
        if len(ran) == 1 and ran[0].alone:
            ran[0].done.errback(ran[0].error or StatementError("40000", "SQLite ended the transaction"))
        else:
            self._queue.extendleft(reversed(ran))

    def _run_one(self, work: Work, lane: Callable[..., Any]) -> None:
        """Run `work` in a savepoint; its error is kept beside it. Raises BudgetSpent only."""
        work.forget()
        try:
            work.result, work.changes, work.sequences, work.size = lane(
                self._database.writer,
                lambda _: self._database.attempt(work.run),
                deadline=work.deadline,
                cancellation=work.cancellation,
            )
        except BudgetSpent:
            raise
        except Exception as error:
            work.error = error

    # Storing

    async def _store(self) -> None:
        """Give the group its place in the log and commit it, or put it back into the queue."""
        group = self._group
        parts = [
            (work.changes, work.sequences, work.notifications)
            for work in group
            if work.error is None and (work.changes or work.sequences or work.notifications)
        ]
        if not parts:
            self._database.rollback()
            self._answer()
            return
        message = self._groups.message(self._follower.position, parts)
        may_queue = all(work.may_queue for work in group)
        if not await self._settlement.settle(message, long=group[0].alone, may_queue=may_queue):
            self.refusals += 1
            self._again()
            await self._follower.apply_arrived()
            return
        self._one_by_one = len(parts) == 1
        self.groups_stored += 1
        self.transactions_stored += len(parts)
        self._answer()

    def _again(self) -> None:
        """Somebody came between: the group goes back to the queue's head."""
        group, self._group = self._group, []
        until = self._now() + RERUN_MAX_S
        for work in group:
            work.give_up_at = min(work.give_up_at, until, work.deadline)
        self._queue.extendleft(reversed(group))

    def _answer(self) -> None:
        group, self._group = self._group, []
        for work in group:
            if work.error is not None:
                work.done.errback(work.error)
            else:
                work.done.callback(work.result)


def standing_still(error: CannotApply) -> StatementError:
    """What a writer is told while the node cannot follow the log."""
    return StatementError(
        "57P03",
        "this node cannot follow the replication log and takes no writes",
        detail=str(error),
        hint="Reads go on; see /readyz.",
    )
