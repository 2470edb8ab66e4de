"""Cuts a stream of bytes into messages. [pure]

:class:`Decoder` has never heard of a socket: bytes are fed in as they come, messages or ``None`` come out. Two ways of
failing: :class:`ProtocolViolation` when the stream cannot be cut any further (the connection must end), and a
:class:`Malformed` *message* when the boundary is known but the body makes no sense (the conversation goes on as after any
error, in order).
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from struct import error as StructError
from typing import Any

from ha.postgres.manner import Charset
from ha.postgres.messages import (
    LOGIN_BYTES_MAX,
    REMEMBERED_BYTES_MAX,
    REMEMBERED_MAX,
    STARTUP_BYTES_MAX,
    UINT32,
    NoPacket,
    ProtocolViolation,
    Unreadable,
)
from ha.postgres.questions import (
    FRONTEND,
    Bind,
    CancelRequest,
    Close,
    Describe,
    Execute,
    Flush,
    GSSENCRequest,
    Parse,
    Query,
    SSLRequest,
    StartupMessage,
    Sync,
    opening_of,
)
from ha.postgres.recoding import heard

_HEAD = Struct("!BI")


@dataclass(frozen=True, slots=True)
class Malformed:
    """A message whose boundary is known and whose body is not: the conversation's to answer.

    :param kind: the class it claims to be.
    """

    kind: type
    sqlstate: str
    message: str


# Decoded messages by their bytes: they are frozen, so that all sessions may share them. Never a password, and never values.
_remembered: dict[bytes, Any] = {}
_REMEMBERED = frozenset((Query, Parse, Describe, Execute, Close, Sync, Flush))


class Decoder:
    """Cuts a byte stream into messages.

    :param kinds: the messages the other side may send, :data:`FRONTEND` or :data:`BACKEND`.

    The first packets of a client have no tag: ask :meth:`opening` for them and :meth:`next` for all others. `bytes_max`
    limits a message, `charset` is what its texts are written in (None for UTF-8); both may be changed between two of them.
    """

    __slots__ = ("bytes_max", "charset", "_kinds", "_buffer", "_at")

    def __init__(self, kinds: tuple[type, ...] = FRONTEND) -> None:
        self.bytes_max = LOGIN_BYTES_MAX
        self.charset: Charset | None = None
        self._kinds: dict[int, Any] = {kind.tag[0]: kind for kind in kinds}  # type: ignore[attr-defined]
        self._buffer: bytes | bytearray = b""
        self._at = 0

    @property
    def buffered(self) -> int:
        """How many bytes are held that have not become a message."""
        return len(self._buffer) - self._at

    def feed(self, data: bytes) -> None:
        """Take what arrived."""
        if self._at == len(self._buffer):
            self._buffer, self._at = data, 0
            return
        if isinstance(self._buffer, bytes):
            self._buffer, self._at = bytearray(memoryview(self._buffer)[self._at :]), 0
        elif self._at > 65536:
            del self._buffer[: self._at]
            self._at = 0
        self._buffer += data

    def opening(self) -> SSLRequest | GSSENCRequest | CancelRequest | StartupMessage | None:
        """The next untagged packet, or None while it is incomplete.

        :raises NoPacket: it is none.
        :raises ProtocolViolation: it makes no sense.
        """
        if self.buffered < 4:
            return None
        (length,) = UINT32.unpack_from(self._buffer, self._at)
        if not 8 <= length <= STARTUP_BYTES_MAX:
            raise NoPacket("invalid length of startup packet")
        if self.buffered < length:
            return None
        body = bytes(self._buffer[self._at + 4 : self._at + length])
        self._at += length
        message: SSLRequest | GSSENCRequest | CancelRequest | StartupMessage = opening_of(body)
        return message

    def next(self) -> Any:
        """The next message, or None while it is incomplete.

        :raises ProtocolViolation: an unknown tag or an impossible length.
        """
        buffer, at = self._buffer, self._at
        size = len(buffer)
        if size - at < 5:
            return None
        tag, length = _HEAD.unpack_from(buffer, at)
        kind = self._kinds.get(tag)
        if kind is None:
            raise ProtocolViolation(f"invalid frontend message type {tag}")
        if not 4 <= length <= self.bytes_max:
            raise ProtocolViolation(f"invalid message length {length}")
        end = at + 1 + length
        if end > size:
            return None
        packet = buffer[at:end]
        if packet.__class__ is not bytes:
            packet = bytes(packet)
        if end == size:
            self._buffer, self._at = b"", 0
        else:
            self._at = end
        charset = self.charset
        if length < REMEMBERED_BYTES_MAX and charset is None:
            message = _remembered.get(packet)
            if message is not None and message.__class__ is kind:
                return message
        try:
            message = kind.decode(packet[5:] if charset is None else heard(kind, packet[5:], charset))
        except Unreadable as error:
            return Malformed(kind, error.sqlstate, error.message)
        except StructError:
            return Malformed(kind, "08P01", "insufficient data left in message")
        if (
            length < REMEMBERED_BYTES_MAX
            and charset is None
            and (kind in _REMEMBERED or (kind is Bind and not message.parameters))
        ):
            if len(_remembered) >= REMEMBERED_MAX:
                _remembered.clear()
            _remembered[packet] = message
        return message

    def continues(self, messages: bytes) -> bool:
        """Are these whole messages what comes next?"""
        return self._buffer.startswith(messages, self._at)

    def skip(self, size: int) -> None:
        """Pass over so many bytes, of messages that were seen by :meth:`continues`."""
        self._at += size
        if self._at == len(self._buffer):
            self._buffer, self._at = b"", 0

    def waiting(self, tags: bytes) -> bool:
        """Do messages with these tags come next, one after the other? Those of Flush in between do not count.

        The last one need not be complete: its tag is enough.
        """
        buffer, at = self._buffer, self._at
        for tag in tags:
            while buffer[at : at + 5] == b"H\0\0\0\4":
                at += 5
            if len(buffer) - at < 5 or buffer[at] != tag:
                return False
            at += 1 + UINT32.unpack_from(buffer, at + 1)[0]
        return True
