"""Getting one message its place in the order: publish it, checked, and read in the log what became of it.

An acknowledgement that says "stored" is the truth. Everything else, a refusal included, is only a reason to read the
log: a refusal can also mean that an earlier copy of the same bytes was stored, and silence means nothing
at all, because a publish that timed out may be sent and stored later. So the message is published again, the
same bytes under the same id and check, until the log shows what stands behind our position.

Runs in the reactor's thread; the caller holds the writer, so the position cannot move meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from twisted.internet.defer import Deferred

from ha.errors import StatementError
from ha.replication.entry import Entry, LogError, Refused, Rejected, TooLarge, Unanswered, Unreachable

#: Between two looks at a log that does not answer (seconds): long enough not to spin, short beside any time-out.
PAUSE_S = 0.05

#: JetStream's codes for "there is no room": of the server, of the account, of the stream.
NO_ROOM = frozenset({10023, 10028, 10047, 10077, 10122})


@dataclass(frozen=True, slots=True)
class Placed:
    """Our message is in the log at this sequence, and is the next one after our position."""

    sequence: int


@dataclass(frozen=True, slots=True)
class Overtaken:
    """Another message took the place; ours can never be stored any more."""

    by: Entry


class OutcomeUnknown(StatementError):
    """The log could not be read in time: the message may be stored, now or later, or never."""

    def __init__(self, message_id: str) -> None:
        super().__init__(
            "40003",
            "the outcome of the transaction is unknown: the replication log did not answer",
            detail=f"It is message {message_id}: it takes effect if the log has stored it.",
        )


class NothingSent(StatementError):
    """The log was out of reach before anything was sent: the message is certainly not stored."""

    def __init__(self) -> None:
        super().__init__("08006", "the replication log cannot be reached; nothing was changed", hint="Try again later.")


class Publisher(Protocol):
    """What ordering needs of the log."""

    connected: bool

    @property
    def max_payload(self) -> int:
        """The largest body that `publish` takes."""

    def publish(self, subject: str, body: bytes, message_id: str, expected: int | None) -> Deferred[int]:
        """See :class:`ha.replication.log.Log`."""

    async def publish_large(self, subject: str, body: bytes, message_id: str, expected: int | None) -> int:
        """Likewise."""

    async def last_sequence(self, subject: str) -> int:
        """Likewise."""


class Reader(Protocol):
    """What ordering needs of the follower."""

    position: int

    def next_entry(self, timeout_s: float) -> Deferred[Entry]:
        """See :class:`ha.replication.follower.Follower`."""


class Order:
    """Places messages on one subject, one at a time.

    :param timeout_s: how long silence is borne before the outcome is called unknown, and a lost connection before the
        log is called out of reach.
    """

    def __init__(self, log: Publisher, reader: Reader, subject: str, clock: Any, timeout_s: float) -> None:
        self._log = log
        self._reader = reader
        self._subject = subject
        self._clock = clock
        self._timeout_s = timeout_s
        #: When the connection was first missed; None while it is there.
        self._missed_at: float | None = None

    async def place(self, body: bytes, message_id: str) -> Placed | Overtaken:
        """Publish `body` behind our position and say what became of it.

        :raises NothingSent: the log is out of reach and nothing left this process.
        :raises OutcomeUnknown: the log did not tell within the time-out.
        :raises StatementError: 53100, 54000, 58030: the log does not take it; it is certainly not stored.
        """
        expected = self._reader.position
        if not self._log.connected:
            await self._reconnected()
        self._missed_at = None
        give_up_at = self._clock.seconds() + self._timeout_s
        sent = False
        while True:
            try:
                return Placed(await publish(self._log, self._subject, body, message_id, expected))
            except Refused:
                sent = True
            except (Unanswered, Unreachable) as error:
                sent = sent or isinstance(error, Unanswered)
                if self._clock.seconds() >= give_up_at:
                    raise OutcomeUnknown(message_id) if sent else NothingSent() from None
                if not sent or not await self._moved_beyond(expected):
                    await self._pause()
                    continue
            except LogError as error:
                # This copy is not stored. An earlier one, whose answer was lost, still may be.
                if sent:
                    raise OutcomeUnknown(message_id) from error
                raise not_taken(error) from error
            return await self._read_next(message_id, max(give_up_at - self._clock.seconds(), PAUSE_S))

    async def _reconnected(self) -> None:
        """Wait for the connection. Whoever comes later does not wait as long again for the same loss."""
        if self._missed_at is None:
            self._missed_at = self._clock.seconds()
        while not self._log.connected:
            if self._clock.seconds() >= self._missed_at + self._timeout_s:
                raise NothingSent()
            await self._pause()

    async def _moved_beyond(self, expected: int) -> bool:
        try:
            return await self._log.last_sequence(self._subject) > expected
        except LogError:
            return False

    async def _read_next(self, message_id: str, timeout_s: float) -> Placed | Overtaken:
        try:
            entry = await self._reader.next_entry(timeout_s)
        except (Unanswered, Unreachable):
            raise OutcomeUnknown(message_id) from None
        return Placed(entry.sequence) if entry.message_id == message_id else Overtaken(entry)

    def _pause(self) -> Deferred[None]:
        pause: Deferred[None] = Deferred()
        self._clock.callLater(PAUSE_S, pause.callback, None)
        return pause


def publish(log: Publisher, subject: str, body: bytes, message_id: str, expected: int | None) -> Any:
    """Publish `body` as one message, or in parts where it is too large for one; awaitable, the sequence."""
    if len(body) > log.max_payload:
        return log.publish_large(subject, body, message_id, expected)
    return log.publish(subject, body, message_id, expected)


def not_taken(error: LogError) -> StatementError:
    """What a client is told when the log refuses to store its transaction for reasons other than the order."""
    if isinstance(error, TooLarge):
        return StatementError("54000", "the transaction is too large for the replication log", detail=str(error))
    if isinstance(error, Rejected) and error.code in NO_ROOM:
        return StatementError(
            "53100", "the replication log has no room left", detail=str(error), hint="Make room on the log's disk."
        )
    return StatementError("58030", "the replication log did not take the transaction", detail=str(error))
