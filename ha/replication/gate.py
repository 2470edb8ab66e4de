"""One database's way to the log: shut until somebody has looked whether it still is the right log.

A follower and an outbox would go on by themselves whenever a connection comes back. But the stream may have been made
again meanwhile, have lost its tail, or begin behind our position. So they are given a gate in place of the log: while it
is shut the log counts as out of reach, and feeds wait; who opens it has compared cluster, epoch and position.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.python.failure import Failure

from ha.replication.entry import Entry, Refused, Unreachable


class GatedFeed:
    """A delivery that begins when the gate opens, and begins again behind its last entry each time it does."""

    def __init__(
        self, gate: Gate, subject: str, start: int, deliver: Callable[[Entry], None], lost: Callable[[Exception], None]
    ) -> None:
        self._gate = gate
        self._subject = subject
        self._next = start
        self._deliver = deliver
        self._lost = lost
        self._inner: Any = None

    def begin(self) -> None:
        """The gate is open."""
        if self._inner is None:
            self._inner = self._gate.log.follow(self._subject, self._next, self._pass_on, self._give_up)

    def pause(self) -> None:
        """The gate is shut."""
        inner, self._inner = self._inner, None
        if inner is not None:
            inner.stop()

    def stop(self) -> None:
        """Deliver nothing more."""
        self.pause()
        self._gate.forget(self)

    def _pass_on(self, entry: Entry) -> None:
        self._next = entry.sequence + 1
        self._deliver(entry)

    def _give_up(self, reason: Exception) -> None:
        self.stop()
        self._lost(reason)


class Gate:
    """What a replica is given as its log.

    :param log: see :class:`ha.replication.log.Log`; what is not asked here is passed on to it.
    :param doubted: called when the log refused a message: perhaps it is not the log that we followed.
    """

    def __init__(self, log: Any, doubted: Callable[[], None]) -> None:
        self.log = log
        self._doubted = doubted
        self._feeds: list[GatedFeed] = []
        self.is_open = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.log, name)

    @property
    def connected(self) -> bool:
        """Whether the right log is in reach."""
        return self.is_open and bool(self.log.connected)

    def open(self) -> None:
        """It is the right log, and holds what comes next."""
        self.is_open = True
        for feed in list(self._feeds):
            feed.begin()

    def shut(self) -> None:
        """Nobody knows which log it is."""
        self.is_open = False
        for feed in self._feeds:
            feed.pause()

    def forget(self, feed: GatedFeed) -> None:
        """It has stopped."""
        if feed in self._feeds:
            self._feeds.remove(feed)

    def follow(
        self, subject: str, start: int, deliver: Callable[[Entry], None], lost: Callable[[Exception], None]
    ) -> GatedFeed:
        """As :meth:`ha.replication.log.Log.follow`, when the gate is open."""
        feed = GatedFeed(self, subject, start, deliver, lost)
        self._feeds.append(feed)
        if self.is_open:
            feed.begin()
        return feed

    def publish(self, subject: str, body: bytes, message_id: str, expected: int | None) -> Deferred[int]:
        """As :meth:`ha.replication.log.Log.publish`; fails with Unreachable while the gate is shut."""
        if not self.is_open:
            return fail(Unreachable("the log has not been looked at since the connection came back"))
        return self.log.publish(subject, body, message_id, expected).addErrback(self._refused)

    async def publish_large(self, subject: str, body: bytes, message_id: str, expected: int | None) -> int:
        """The same for a body of any size."""
        if not self.is_open:
            raise Unreachable("the log has not been looked at since the connection came back")
        sequence: int = await self.log.publish_large(subject, body, message_id, expected)
        return sequence

    def _refused(self, failure: Failure) -> Failure:
        if failure.check(Refused):
            self._doubted()
        return failure
