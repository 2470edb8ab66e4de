"""Who holds the writer, who waits: first come, first served, each for a bounded time.

Runs in the reactor's thread only.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from twisted.internet.defer import Deferred, succeed

from ha.errors import StatementError


class Turnstile:
    """A lock with a queue.

    :param clock: an ``IReactorTime``; times the waiting.
    """

    def __init__(self, clock: Any) -> None:
        self._clock = clock
        self._waiting: deque[Deferred[None]] = deque()
        self.held = False

    @property
    def waiting(self) -> int:
        """How many stand in the queue."""
        return len(self._waiting)

    def acquire_now(self) -> bool:
        """Take it if it is free and nobody waits."""
        if self.held or self._waiting:
            return False
        self.held = True
        return True

    def acquire(self, timeout_s: float | None = None, *, first: bool = False) -> Deferred[None]:
        """Fires when the caller holds it.

        :param timeout_s: None waits for ever (the house's own work); else the Deferred fails with 55P03.
        :param first: go before the others that wait: for the log, which everybody else waits for anyway.
        """
        if self.acquire_now():
            return succeed(None)
        turn: Deferred[None] = Deferred(self._left)
        if first:
            self._waiting.appendleft(turn)
        else:
            self._waiting.append(turn)
        if timeout_s is not None:
            call = self._clock.callLater(timeout_s, self._timed_out, turn)

            def stop_clock(result: Any) -> Any:
                if call.active():
                    call.cancel()
                return result

            turn.addBoth(stop_clock)
        return turn

    def release(self) -> None:
        """Hand it to the next who waits."""
        assert self.held, "released a turnstile that nobody holds"
        if self._waiting:
            self._waiting.popleft().callback(None)
        else:
            self.held = False

    def _left(self, turn: Deferred[None]) -> None:
        if turn in self._waiting:
            self._waiting.remove(turn)

    def _timed_out(self, turn: Deferred[None]) -> None:
        if turn in self._waiting:
            self._waiting.remove(turn)
            turn.errback(StatementError("55P03", "canceling statement due to lock timeout"))
