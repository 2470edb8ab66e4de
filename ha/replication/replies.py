"""Answers matched to questions: one inbox, a counter in each reply subject, one timer for all that wait.

This is the hot path of every write: a table lookup per acknowledgement and no timer per question. All questions of
one table have the same time-out, so the oldest is always the first to give up, and one delayed call is enough.

Runs in the reactor's thread. Answers fire their Deferreds directly, in the turn in which they arrive.
"""

from __future__ import annotations

from collections.abc import Mapping
from secrets import token_hex
from typing import Any, Protocol

from twisted.internet.defer import Deferred, fail

from ha.replication.entry import LogError, Unanswered, Unreachable


class Incoming(Protocol):
    """A message as the wire brings it."""

    @property
    def subject(self) -> str: ...

    @property
    def reply(self) -> str: ...

    @property
    def data(self) -> bytes: ...

    @property
    def headers(self) -> Mapping[str, str] | None: ...


class Wire(Protocol):
    """What is needed of a connection."""

    connected: bool

    def publish(self, subject: str, body: bytes, reply: str = "", headers: dict[str, str] | None = None) -> None: ...

    def subscribe(self, subject: str, receive: Any) -> Any: ...


class Replies:
    """Questions on their way, oldest first.

    :param clock: an ``IReactorTime``.
    :param timeout_s: how long an answer may take.
    """

    def __init__(self, wire: Wire, clock: Any, timeout_s: float) -> None:
        self._wire = wire
        self._clock = clock
        self._timeout_s = timeout_s
        self._inbox = f"_INBOX.{token_hex(11)}"
        self._number = 0
        self._waiting: dict[str, tuple[float, Deferred[Incoming]]] = {}
        self._timer: Any = None
        self._subscription = wire.subscribe(f"{self._inbox}.*", self._answered)

    @property
    def waiting(self) -> int:
        """How many questions have no answer yet."""
        return len(self._waiting)

    def ask(self, subject: str, body: bytes, headers: dict[str, str] | None = None) -> Deferred[Incoming]:
        """Send, and fire with the answer.

        The Deferred fails with :class:`Unreachable` (nothing was sent) or :class:`Unanswered`.
        """
        self._number += 1
        reply = f"{self._inbox}.{self._number}"
        try:
            self._wire.publish(subject, body, reply, headers)
        except LogError as error:
            return fail(error)
        answer: Deferred[Incoming] = Deferred()
        self._waiting[reply] = (self._clock.seconds() + self._timeout_s, answer)
        if self._timer is None:
            self._timer = self._clock.callLater(self._timeout_s, self._expire)
        return answer

    def _answered(self, message: Incoming) -> None:
        found = self._waiting.pop(message.subject, None)
        if found is None:
            return  # it had been given up
        headers = message.headers
        if headers and not message.data and headers.get("Status") == "503":
            found[1].errback(Unreachable("nobody answers there: no such stream, or it has no leader now"))
        else:
            found[1].callback(message)

    def _expire(self) -> None:
        self._timer = None
        now = self._clock.seconds()
        while self._waiting:
            reply, (deadline, answer) = next(iter(self._waiting.items()))
            if deadline > now:
                self._timer = self._clock.callLater(deadline - now, self._expire)
                return
            del self._waiting[reply]
            answer.errback(Unanswered(f"no answer within {self._timeout_s:g} s"))

    def give_up(self, reason: str) -> None:
        """Fail every waiting question: the connection that would have brought the answers is gone."""
        waiting, self._waiting = self._waiting, {}
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for _, answer in waiting.values():
            answer.errback(Unanswered(reason))

    def stop(self) -> None:
        """Fail what waits and listen no more."""
        self.give_up("the log was closed")
        self._subscription.stop()
