"""What all messages of PostgreSQL's protocol 3 are made of: their limits, their fields, and those that go both ways. [pure]

Field names follow the manual (https://www.postgresql.org/docs/15/protocol-message-formats.html). A message knows how to
``encode()`` itself whole (tag, length, body) and to ``decode()`` itself from a body; both directions are here for both
sides, because the scripted client of the tests speaks in the same messages. What a client says is in
:mod:`ha.postgres.questions`, what a server says in :mod:`ha.postgres.answers`; :mod:`ha.postgres.decoder` cuts the stream.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import Any, ClassVar

#: Protocol versions as the start-up packet writes them: major in the high half, minor in the low one.
PROTOCOL_3_0 = 3 << 16
#: 3.2 gives cancel keys any length; there is no 3.1.
MINOR_MAX = 2
PROTOCOL_3_2 = PROTOCOL_3_0 | 2
SSL_REQUEST = (1234 << 16) | 5679
GSSENC_REQUEST = (1234 << 16) | 5680
CANCEL_REQUEST = (1234 << 16) | 5678

#: One message, its length word included (PostgreSQL's own limit is 1 GiB).
MESSAGE_BYTES_MAX = 128 * 1024 * 1024
#: A start-up packet (PostgreSQL's MAX_STARTUP_PACKET_LENGTH).
STARTUP_BYTES_MAX = 10_000
#: Any message of a client that has not logged in yet.
LOGIN_BYTES_MAX = 16 * 1024
#: The text of one Query or Parse.
STATEMENT_BYTES_MAX = 16 * 1024 * 1024
#: Parameters of one statement: a 16-bit count.
PARAMETERS_MAX = 65_535
#: Messages that come again and again (Sync, the same Parse, the same Query) are decoded once: how many, and how long they may be.
REMEMBERED_MAX = 1_024
REMEMBERED_BYTES_MAX = 1_024
#: A cancel key that a client may send, and what it is given: four bytes before protocol 3.2, since then as PostgreSQL 18 does.
CANCEL_KEY_BYTES_MAX = 256
CANCEL_KEY_BYTES, LONG_CANCEL_KEY_BYTES = 4, 32

INT32 = Struct("!i")
UINT16 = Struct("!H")
UINT32 = Struct("!I")


class ProtocolViolation(Exception):
    """The stream cannot be read any further: tell the client (08P01) and hang up."""


class NoPacket(ProtocolViolation):
    """What came first is no start-up packet: who sent it speaks another protocol, or has left already, and would not read an answer."""


class Unreadable(Exception):
    """A body that breaks its own format; becomes :class:`Malformed`."""

    def __init__(self, sqlstate: str, message: str) -> None:
        super().__init__(sqlstate, message)
        self.sqlstate = sqlstate
        self.message = message


def short() -> Unreadable:
    return Unreadable("08P01", "insufficient data left in message")


def string(body: bytes, at: int) -> tuple[str, int]:
    """The zero-terminated text at `at`, and where the next field starts."""
    end = body.find(b"\0", at)
    if end < 0:
        raise Unreadable("08P01", "invalid string in message")
    return text_of(body[at:end]), end + 1


def text_of(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        wrong = " ".join(f"0x{byte:02x}" for byte in raw[error.start : error.start + 4])
        raise Unreadable("22021", f'invalid byte sequence for encoding "UTF8": {wrong}') from None


def ended(body: bytes, at: int) -> None:
    if at != len(body):
        raise Unreadable("08P01", "invalid message format")


def zero(text: str) -> bytes:
    return text.encode() + b"\0"


def whole(tag: bytes, body: bytes) -> bytes:
    return tag + INT32.pack(len(body) + 4) + body


@dataclass(frozen=True, slots=True)
class Bare:
    """A message that is its tag."""

    tag: ClassVar[bytes]

    @classmethod
    def decode(cls, body: bytes) -> Any:
        ended(body, 0)
        return cls()

    def encode(self) -> bytes:
        return whole(self.tag, b"")


@dataclass(frozen=True, slots=True)
class CopyData:
    """A piece of COPY's stream; pieces need not be rows when the client sends them."""

    tag: ClassVar[bytes] = b"d"
    data: bytes

    @staticmethod
    def decode(body: bytes) -> CopyData:
        return CopyData(body)

    def encode(self) -> bytes:
        return whole(b"d", self.data)


@dataclass(frozen=True, slots=True)
class CopyDone(Bare):
    """The stream of COPY is complete."""

    tag: ClassVar[bytes] = b"c"
