"""Two lanes for SQLite work: short work here and now under a budget, long work in deferred threads.

A round trip to a thread costs 130-230 microseconds, and a writer thread beside a busy reactor starves for the
GIL whatever the switch interval (measured; see ``docs/performance.rst``). So a function on a connection runs at once in
the reactor's thread, and a progress handler stops it when its budget is spent; it then runs again, from its
start, in a thread. Work whose key was long a moment ago goes to a thread at once. What counts, for the budget and for
what is long, is the time on the processor: on a crowded machine short work stands still for milliseconds, and what was sent to
threads for that would run twice, and there one by one. Time on the wall counts where there is much of it: a cold disk.

Threads: everything here is called in the reactor's thread, but for the function itself in the slow lane and
for :meth:`Gauge.__call__`, which SQLite calls wherever the statement runs.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

import apsw
from twisted.internet.defer import CancelledError, Deferred

from ha.errors import StatementError
from ha.sql.kept import LONG_TEXT

T = TypeVar("T")

#: SQLite calls the gauge once in so many virtual machine steps: about 20-50 microseconds apart.
STEPS_PER_TICK = 1000

#: How many keys of long work are remembered, and for how long.
LONG_KEYS_MAX = 2_000
LONG_REMEMBERED_S = 30.0

#: Work is long when it takes this share of the budget on the processor, or so many budgets by the clock (a cold disk).
LONG_SHARE = 0.5
LONG_WAITS = 10.0

#: How many budgets may pass by the clock while work under one has not had it on the processor: a turn or two of another
#: program's, or one wait for a disk. The reactor stands still meanwhile.
HURRY_WAITS = 5.0

FOREVER = float("inf")


class BudgetSpent(Exception):
    """Work in the fast lane was stopped because its budget was spent: run it again in the slow lane."""


class Cancellation:
    """One client's wish to stop what it runs now. A late wish does nothing: each statement gets a new one."""

    # Values of the class: each statement makes one, and hardly any is touched.
    wanted = False
    gauge: Gauge | None = None
    _awaited: Deferred[Any] | None = None

    def cancel(self) -> None:
        """Stop the work that carries this, now or when it starts."""
        self.wanted = True
        if self.gauge is not None:
            self.gauge.cancelled = True
        if self._awaited is not None:
            self._awaited.cancel()

    async def wait(self, turn: Deferred[T]) -> T:
        """What `turn` fires with; it is given up when the client wishes.

        :raises StatementError: 57014.
        """
        if turn.called:
            return await turn
        self._awaited = turn
        try:
            return await turn
        except CancelledError:
            raise cancelled() from None
        finally:
            self._awaited = None


class Gauge:
    """The progress handler of one connection: says whether its statement must stop now.

    :param clock: time on the wall.
    :param processor: the processor's time in this thread, which costs five times as much to ask for.
    :ivar stop_at: on `clock`.
    :ivar hurried: its work runs under the budget, in the reactor's thread: nothing may wait there.
    :ivar budget_s: what that may take on the processor.
    :ivar latest: when it must stop at the latest, on `clock`, however little it had of the processor.
    """

    __slots__ = ("_clock", "_from", "_processor", "budget_s", "cancelled", "hurried", "latest", "stop_at")

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, processor: Callable[[], float] = time.thread_time
    ) -> None:
        self._clock = clock
        self._processor = processor
        self._from: float | None = None
        self.stop_at = self.latest = FOREVER
        self.budget_s = 0.0
        self.cancelled = False
        self.hurried = False

    def hurry(self, budget_s: float, deadline: float) -> None:
        """What begins now has so much of the processor, and some more by the clock."""
        now = self._clock()
        self.stop_at, self.latest = now + budget_s, now + budget_s * HURRY_WAITS
        self.hurried = self.stop_at < deadline
        if self.latest > deadline:
            self.stop_at, self.latest = min(self.stop_at, deadline), deadline
        self.budget_s = budget_s
        self._from = None

    def __call__(self) -> bool:
        if self.cancelled:
            return True
        now = self._clock()
        if self.hurried:
            if self._from is None:
                # The first tick, well within the budget: most work is over before it.
                self._from = self._processor()
            if self.stop_at <= now < self.latest:
                left_s = self.budget_s - (self._processor() - self._from)
                if left_s > 0:
                    self.stop_at = min(now + left_s, self.latest)
        return now >= self.stop_at

    @contextmanager
    def ignored(self) -> Iterator[None]:
        """Nothing stops in here: for statements that end a savepoint.

        SQLite asks its progress handler once more when a statement is done, counting the steps of all its runs. So a
        RELEASE can be interrupted after the savepoint is released.
        """
        stop_at, self.stop_at = self.stop_at, FOREVER
        cancelled, self.cancelled = self.cancelled, False
        try:
            yield
        finally:
            self.stop_at, self.cancelled = stop_at, cancelled or self.cancelled


class Gauged(Protocol):
    """What a lane asks of a connection: an apsw connection with a gauge as its progress handler."""

    gauge: Gauge


def fit_gauge(connection: Any) -> Gauge:
    """Give `connection` a gauge, as its attribute and as SQLite's progress handler."""
    gauge = Gauge()
    connection.set_progress_handler(gauge, STEPS_PER_TICK)
    connection.gauge = gauge
    return gauge


def spent() -> tuple[float, float]:
    """The processor's time in this thread, and that on the wall, since some moment (seconds)."""
    return time.thread_time(), time.monotonic()


class Lanes:
    """Runs functions on connections, in the lane each deserves.

    :param defer: runs a function of no arguments in a thread and fires with its result.
    :param budget_s: how long a function may hold the reactor's thread; 0 sends everything to threads.
    :param spent: what work is judged by, see :func:`spent`.
    """

    def __init__(
        self,
        defer: Callable[[Callable[[], Any]], Deferred[Any]],
        budget_s: float,
        spent: Callable[[], tuple[float, float]] = spent,
    ) -> None:
        self.defer = defer
        self.budget_s = budget_s
        self._spent = spent
        #: By the key's hash: keys are texts of up to megabytes, and two that share one share no more than the way to a thread.
        self._long: OrderedDict[int, float] = OrderedDict()

    def is_long(self, key: Hashable) -> bool:
        """Whether work of this key was long within the last :data:`LONG_REMEMBERED_S`, or is sure to be: preparing a statement of
        that length takes longer than any budget, and cannot be cut short.
        """
        if self.budget_s <= 0 or (key.__class__ is str and len(key) > LONG_TEXT):  # type: ignore[arg-type]
            return True
        if not self._long:
            return False
        until = self._long.get(hash(key))
        if until is None:
            return False
        if until < time.monotonic():
            self._long.pop(hash(key), None)
            return False
        return True

    def remember_long(self, key: Hashable) -> None:
        """Send work of this key to a thread from now on, for a while."""
        self._long[hash(key)] = time.monotonic() + LONG_REMEMBERED_S
        self._long.move_to_end(hash(key))
        if len(self._long) > LONG_KEYS_MAX:
            self._long.popitem(last=False)

    def _judge(self, key: Hashable, processor_s: float, wall_s: float) -> None:
        """Remember or forget work by what it took outside the reactor's thread. Called wherever it ran."""
        if processor_s > self.budget_s * LONG_SHARE or wall_s > self.budget_s * LONG_WAITS:
            self.remember_long(key)
        else:
            self._long.pop(hash(key), None)

    def short(
        self,
        connection: Any,
        work: Callable[[Any], T],
        *,
        deadline: float = FOREVER,
        cancellation: Cancellation | None = None,
    ) -> T:
        """Run `work` here and now, under the budget.

        :param deadline: on ``time.monotonic``'s scale.
        :raises BudgetSpent: the budget was spent first.
        :raises StatementError: 57014, cancelled or past its deadline.
        """
        return self._run(connection, work, self.budget_s, deadline, cancellation)

    def attempt(
        self, connection: Any, work: Callable[..., T], *arguments: Any, key: Hashable, deadline: float = FOREVER
    ) -> T | None:
        """Run `work` here and now, as :meth:`short` does, if it is short as far as anybody knows.

        :param arguments: what `work` is given besides the connection.

        None: it is not, and was not run, or not to its end; :meth:`is_long` says so from now on.
        """
        if self.is_long(key):
            return None
        try:
            return self._run(connection, work, self.budget_s, deadline, None, *arguments)
        except BudgetSpent:
            self.remember_long(key)
            return None

    def long(
        self,
        connection: Any,
        work: Callable[[Any], T],
        *,
        key: Hashable = None,
        deadline: float = FOREVER,
        cancellation: Cancellation | None = None,
    ) -> Deferred[T]:
        """Run `work` in a thread, until its deadline. The connection is its own until the Deferred fires.

        :param key: what tells this work from others, to remember whether it is long.
        """
        return self.defer(lambda: self.alone(connection, work, key=key, deadline=deadline, cancellation=cancellation))

    def alone(
        self,
        connection: Any,
        work: Callable[[Any], T],
        *,
        key: Hashable = None,
        deadline: float = FOREVER,
        cancellation: Cancellation | None = None,
    ) -> T:
        """Run `work` until its deadline, in the thread of the caller, which is not the reactor's. See :meth:`long`."""
        processor, wall = self._spent()
        try:
            return self._run(connection, work, 0.0, deadline, cancellation)
        finally:
            if key is not None:
                now = self._spent()
                self._judge(key, now[0] - processor, now[1] - wall)

    def here(
        self,
        connection: Any,
        work: Callable[[Any], T],
        *,
        deadline: float = FOREVER,
        cancellation: Cancellation | None = None,
    ) -> T:
        """Run `work` here and now without a budget: only for work that is known to be bounded."""
        return self._run(connection, work, 0.0, deadline, cancellation)

    def _run(
        self,
        connection: Any,
        work: Callable[..., T],
        budget_s: float,
        deadline: float,
        cancellation: Cancellation | None,
        *arguments: Any,
    ) -> T:
        """:param budget_s: 0 for none."""
        gauge: Gauge = connection.gauge
        gauge.cancelled = False
        if budget_s:
            gauge.hurry(budget_s, deadline)
        else:
            gauge.stop_at = deadline
        if cancellation is not None:
            cancellation.gauge = gauge
            gauge.cancelled = cancellation.wanted
            if cancellation.wanted:
                raise cancelled()
        try:
            return work(connection, *arguments)
        except apsw.InterruptError as interrupt:
            raise self._stopped(gauge, deadline) from interrupt
        except StatementError as error:
            if error.sqlstate == "57014":
                # A function that waits was told to stop, and does not know why.
                raise self._stopped(gauge, deadline) from error
            raise
        finally:
            # What comes next on this connection may be a COMMIT of others.
            gauge.stop_at, gauge.cancelled, gauge.hurried = FOREVER, False, False
            if cancellation is not None:
                cancellation.gauge = None

    @staticmethod
    def _stopped(gauge: Gauge, deadline: float) -> Exception:
        if gauge.cancelled:
            return cancelled()
        if gauge.hurried and time.monotonic() < deadline:
            return BudgetSpent()
        return timed_out()


def cancelled() -> StatementError:
    """The client asked for the statement to stop."""
    return StatementError("57014", "canceling statement due to user request")


def timed_out() -> StatementError:
    """The statement's own time-out passed."""
    return StatementError("57014", "canceling statement due to statement timeout")
