"""What clients say. [pure]

The first packets have no tag; :func:`opening` reads them. All others are in :data:`FRONTEND`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from struct import pack, unpack_from
from typing import Any, ClassVar, NamedTuple

from ha.postgres.messages import (
    CANCEL_KEY_BYTES_MAX,
    CANCEL_REQUEST,
    GSSENC_REQUEST,
    INT32,
    SSL_REQUEST,
    STATEMENT_BYTES_MAX,
    UINT16,
    UINT32,
    Bare,
    CopyData,
    CopyDone,
    ProtocolViolation,
    Unreadable,
    ended,
    short,
    string,
    text_of,
    whole,
    zero,
)

# --- from the client, before there are tags -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SSLRequest:
    """Shall we speak TLS? Answered by one byte, ``S`` or ``N``."""

    def encode(self) -> bytes:
        return pack("!iI", 8, SSL_REQUEST)


@dataclass(frozen=True, slots=True)
class GSSENCRequest:
    """Shall we speak GSSAPI? Answered by one byte."""

    def encode(self) -> bytes:
        return pack("!iI", 8, GSSENC_REQUEST)


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """Interrupt what that other connection runs; never answered."""

    process_id: int
    secret_key: bytes

    def encode(self) -> bytes:
        return pack("!iIi", 12 + len(self.secret_key), CANCEL_REQUEST, self.process_id) + self.secret_key


@dataclass(frozen=True, slots=True)
class StartupMessage:
    """Who comes, and to which database.

    :param protocol: major and minor version in one number.
    :param parameters: names to values; ``user`` is required, ``_pq_.*`` are protocol options, the rest are settings.
    """

    protocol: int
    parameters: Mapping[str, str]

    def encode(self) -> bytes:
        body = b"".join(zero(name) + zero(value) for name, value in self.parameters.items()) + b"\0"
        return pack("!iI", len(body) + 8, self.protocol) + body


def opening_of(body: bytes) -> Any:
    """The message in an untagged packet.

    :raises ProtocolViolation: nothing can be said to such a client but good-bye.
    """
    (code,) = UINT32.unpack_from(body)
    if code == SSL_REQUEST:
        return SSLRequest()
    if code == GSSENC_REQUEST:
        return GSSENCRequest()
    if code == CANCEL_REQUEST:
        if not 8 < len(body) <= 8 + CANCEL_KEY_BYTES_MAX:
            raise ProtocolViolation("invalid length of cancel request packet")
        return CancelRequest(INT32.unpack_from(body, 4)[0], body[8:])
    parameters: dict[str, str] = {}
    if code >> 16 == 3:
        try:
            at = 4
            while at < len(body) and body[at]:
                name, at = string(body, at)
                parameters[name], at = string(body, at)
            ended(body, at + 1)
        except Unreadable:
            raise ProtocolViolation("invalid startup packet layout: expected terminator as last byte") from None
    return StartupMessage(code, parameters)


# --- from the client --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AuthenticationAnswer:
    """PasswordMessage, SASLInitialResponse or SASLResponse: which one, the exchange knows."""

    tag: ClassVar[bytes] = b"p"
    body: bytes

    @staticmethod
    def decode(body: bytes) -> AuthenticationAnswer:
        return AuthenticationAnswer(body)

    def encode(self) -> bytes:
        return whole(b"p", self.body)


@dataclass(frozen=True, slots=True)
class Query:
    """Run this text, all of it, and answer in text."""

    tag: ClassVar[bytes] = b"Q"
    query: str

    @staticmethod
    def decode(body: bytes) -> Query:
        size = len(body)
        if not size or body.find(b"\0") != size - 1:
            raise Unreadable("08P01", "invalid string in message")
        if size > STATEMENT_BYTES_MAX:
            raise Unreadable("54000", f"statement is longer than {STATEMENT_BYTES_MAX} bytes")
        return Query(text_of(body[:-1]))

    def encode(self) -> bytes:
        return whole(b"Q", zero(self.query))


@dataclass(frozen=True, slots=True)
class Parse:
    """Prepare one statement under a name; OID 0 leaves a parameter's type to us."""

    tag: ClassVar[bytes] = b"P"
    name: str
    query: str
    parameter_types: tuple[int, ...] = ()

    @staticmethod
    def decode(body: bytes) -> Parse:
        name, at = string(body, 0)
        if len(body) > STATEMENT_BYTES_MAX:
            raise Unreadable("54000", f"statement is longer than {STATEMENT_BYTES_MAX} bytes")
        query, at = string(body, at)
        (count,) = unpack_from("!H", body, at)
        ended(body, at + 2 + 4 * count)
        return Parse(name, query, unpack_from(f"!{count}I", body, at + 2) if count else ())

    def encode(self) -> bytes:
        types = self.parameter_types
        return whole(b"P", zero(self.name) + zero(self.query) + pack(f"!H{len(types)}I", len(types), *types))


class _Bound(NamedTuple):
    portal: str
    statement: str
    parameter_formats: tuple[int, ...] = ()
    parameters: tuple[bytes | None, ...] = ()
    result_formats: tuple[int, ...] = ()


class Bind(_Bound):
    """Give a prepared statement its parameters and make a portal of it.

    It brings values, so that no two are equal and each is decoded: a tuple is made in a fifth of the time that a dataclass takes.

    :param parameter_formats: none (all text), one for all, or one each; 0 text, 1 binary.
    :param parameters: raw bytes, or None for NULL.
    :param result_formats: as `parameter_formats`, for the columns.
    """

    __slots__ = ()
    tag: ClassVar[bytes] = b"B"

    @staticmethod
    def decode(body: bytes) -> Bind:
        first = body.find(b"\0")
        second = body.find(b"\0", first + 1)
        if second < 0:
            raise Unreadable("08P01", "invalid string in message")
        # Most have no name, and a conversion for each would cost as much as all the rest.
        portal = text_of(body[:first]) if first else ""
        statement = text_of(body[first + 1 : second]) if second > first + 1 else ""
        parameter_formats, at = _formats(body, second + 1)
        parameters, at = _values(body, at)
        result_formats, at = _formats(body, at)
        if at != len(body):
            ended(body, at)
        return Bind(portal, statement, parameter_formats, parameters, result_formats)

    def encode(self) -> bytes:
        parts = [zero(self.portal), zero(self.statement), _written(self.parameter_formats, self.parameters)]
        parts.append(pack(f"!H{len(self.result_formats)}h", len(self.result_formats), *self.result_formats))
        return whole(b"B", b"".join(parts))


def _formats(body: bytes, at: int) -> tuple[tuple[int, ...], int]:
    """Formats with their count before them, and where they end."""
    (count,) = UINT16.unpack_from(body, at)
    at += 2
    return (unpack_from(f"!{count}h", body, at), at + 2 * count) if count else ((), at)


def _values(body: bytes, at: int) -> tuple[tuple[bytes | None, ...], int]:
    """Values with their count before them, and where they end."""
    (count,) = UINT16.unpack_from(body, at)
    at += 2
    values: list[bytes | None] = []
    for _ in range(count):
        (length,) = INT32.unpack_from(body, at)
        at += 4
        if length == -1:
            values.append(None)
        else:
            if length < 0 or length > len(body) - at:
                raise short()
            values.append(body[at : at + length])
            at += length
    return tuple(values), at


def _written(formats: tuple[int, ...], values: tuple[bytes | None, ...]) -> bytes:
    """Formats and values as :func:`_formats` and :func:`_values` read them."""
    parts = [pack(f"!H{len(formats)}hH", len(formats), *formats, len(values))]
    for value in values:
        parts.append(b"\xff\xff\xff\xff" if value is None else INT32.pack(len(value)) + value)
    return b"".join(parts)


def _target(body: bytes) -> tuple[str, str]:
    """What Describe and Close speak of: ``S`` or ``P``, and a name."""
    if body[:1] not in (b"S", b"P"):
        raise Unreadable("08P01", f"invalid message subtype {body[0] if body else 0}")
    name, at = string(body, 1)
    ended(body, at)
    return chr(body[0]), name


@dataclass(frozen=True, slots=True)
class Describe:
    """What does this statement (``S``) or portal (``P``) want and give?"""

    tag: ClassVar[bytes] = b"D"
    kind: str
    name: str

    @staticmethod
    def decode(body: bytes) -> Describe:
        return Describe(*_target(body))

    def encode(self) -> bytes:
        return whole(b"D", self.kind.encode() + zero(self.name))


@dataclass(frozen=True, slots=True)
class Close:
    """Forget a statement (``S``) or portal (``P``); never an error."""

    tag: ClassVar[bytes] = b"C"
    kind: str
    name: str

    @staticmethod
    def decode(body: bytes) -> Close:
        return Close(*_target(body))

    def encode(self) -> bytes:
        return whole(b"C", self.kind.encode() + zero(self.name))


@dataclass(frozen=True, slots=True)
class Execute:
    """Run a portal, or go on with it; `max_rows` 0 means all."""

    tag: ClassVar[bytes] = b"E"
    portal: str
    max_rows: int = 0

    @staticmethod
    def decode(body: bytes) -> Execute:
        portal, at = string(body, 0)
        (max_rows,) = INT32.unpack_from(body, at)
        ended(body, at + 4)
        return Execute(portal, max(max_rows, 0))

    def encode(self) -> bytes:
        return whole(b"E", zero(self.portal) + INT32.pack(self.max_rows))


@dataclass(frozen=True, slots=True)
class CopyFail:
    """The client gives its COPY up."""

    tag: ClassVar[bytes] = b"f"
    message: str

    @staticmethod
    def decode(body: bytes) -> CopyFail:
        message, at = string(body, 0)
        ended(body, at)
        return CopyFail(message)

    def encode(self) -> bytes:
        return whole(b"f", zero(self.message))


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """Call a function by its number: the fast path, by which clients work with large objects.

    :param argument_formats: none (all text), one for all, or one each; 0 text, 1 binary.
    :param arguments: raw bytes, or None for NULL.
    :param result_format: of the result.
    """

    tag: ClassVar[bytes] = b"F"
    function: int
    argument_formats: tuple[int, ...] = ()
    arguments: tuple[bytes | None, ...] = ()
    result_format: int = 0

    @staticmethod
    def decode(body: bytes) -> FunctionCall:
        (function,) = UINT32.unpack_from(body, 0)
        formats, at = _formats(body, 4)
        arguments, at = _values(body, at)
        (result_format,) = unpack_from("!h", body, at)
        ended(body, at + 2)
        return FunctionCall(function, formats, arguments, result_format)

    def encode(self) -> bytes:
        body = UINT32.pack(self.function) + _written(self.argument_formats, self.arguments)
        return whole(b"F", body + pack("!h", self.result_format))


@dataclass(frozen=True, slots=True)
class Sync(Bare):
    """End of a batch: commit or roll back the implicit transaction, then ReadyForQuery."""

    tag: ClassVar[bytes] = b"S"


@dataclass(frozen=True, slots=True)
class Flush(Bare):
    """Send what you hold back."""

    tag: ClassVar[bytes] = b"H"


@dataclass(frozen=True, slots=True)
class Terminate(Bare):
    """Good-bye."""

    tag: ClassVar[bytes] = b"X"


FRONTEND = (
    AuthenticationAnswer, Bind, Close, CopyData, CopyDone, CopyFail, Describe, Execute, Flush, FunctionCall, Parse, Query,
    Sync, Terminate,
)  # fmt: skip
