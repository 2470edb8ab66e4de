"""Every message of PostgreSQL's protocol 3: its fields, its bytes, and the decoder that cuts a stream into messages. [pure]

Field names follow the manual (https://www.postgresql.org/docs/15/protocol-message-formats.html). A message knows how to
``encode()`` itself whole (tag, length, body) and to ``decode()`` itself from a body; both directions are here for both
sides, because the scripted client of the tests speaks in the same messages.

:class:`Decoder` has never heard of a socket: bytes are fed in as they come, messages or ``None`` come out. Two ways of
failing: :class:`ProtocolViolation` when the stream cannot be cut any further (the connection must end), and a
:class:`Malformed` *message* when the boundary is known but the body makes no sense (the conversation goes on as after any
error, in order).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from struct import Struct, pack, unpack_from
from struct import error as StructError
from typing import Any, ClassVar

#: Protocol versions as the start-up packet writes them: major in the high half, minor in the low one.
PROTOCOL_3_0 = 3 << 16
MINOR_MAX = 0
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
#: A cancel key of protocol 3.2 (3.0 has four bytes).
CANCEL_KEY_BYTES_MAX = 256

_INT32 = Struct("!i")
_UINT32 = Struct("!I")
_HEAD = Struct("!BI")


class ProtocolViolation(Exception):
    """The stream cannot be read any further: tell the client (08P01) and hang up."""


class _Unreadable(Exception):
    """A body that breaks its own format; becomes :class:`Malformed`."""

    def __init__(self, sqlstate: str, message: str) -> None:
        super().__init__(sqlstate, message)
        self.sqlstate = sqlstate
        self.message = message


def _short() -> _Unreadable:
    return _Unreadable("08P01", "insufficient data left in message")


def _string(body: bytes, at: int) -> tuple[str, int]:
    """The zero-terminated text at `at`, and where the next field starts."""
    end = body.find(b"\0", at)
    if end < 0:
        raise _Unreadable("08P01", "invalid string in message")
    return _text(body[at:end]), end + 1


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        wrong = " ".join(f"0x{byte:02x}" for byte in raw[error.start : error.start + 4])
        raise _Unreadable("22021", f'invalid byte sequence for encoding "UTF8": {wrong}') from None


def _ended(body: bytes, at: int) -> None:
    if at != len(body):
        raise _Unreadable("08P01", "invalid message format")


def _zero(text: str) -> bytes:
    return text.encode() + b"\0"


def _whole(tag: bytes, body: bytes) -> bytes:
    return tag + _INT32.pack(len(body) + 4) + body


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
        body = b"".join(_zero(name) + _zero(value) for name, value in self.parameters.items()) + b"\0"
        return pack("!iI", len(body) + 8, self.protocol) + body


def _opening(body: bytes) -> Any:
    """The message in an untagged packet.

    :raises ProtocolViolation: nothing can be said to such a client but good-bye.
    """
    (code,) = _UINT32.unpack_from(body)
    if code == SSL_REQUEST:
        return SSLRequest()
    if code == GSSENC_REQUEST:
        return GSSENCRequest()
    if code == CANCEL_REQUEST:
        if not 8 < len(body) <= 8 + CANCEL_KEY_BYTES_MAX:
            raise ProtocolViolation("invalid length of cancel request packet")
        return CancelRequest(_INT32.unpack_from(body, 4)[0], body[8:])
    parameters: dict[str, str] = {}
    if code >> 16 == 3:
        try:
            at = 4
            while at < len(body) and body[at]:
                name, at = _string(body, at)
                parameters[name], at = _string(body, at)
            _ended(body, at + 1)
        except _Unreadable:
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
        return _whole(b"p", self.body)


@dataclass(frozen=True, slots=True)
class Query:
    """Run this text, all of it, and answer in text."""

    tag: ClassVar[bytes] = b"Q"
    query: str

    @staticmethod
    def decode(body: bytes) -> Query:
        if body[-1:] != b"\0" or body.find(b"\0") != len(body) - 1:
            raise _Unreadable("08P01", "invalid string in message")
        if len(body) > STATEMENT_BYTES_MAX:
            raise _Unreadable("54000", f"statement is longer than {STATEMENT_BYTES_MAX} bytes")
        return Query(_text(body[:-1]))

    def encode(self) -> bytes:
        return _whole(b"Q", _zero(self.query))


@dataclass(frozen=True, slots=True)
class Parse:
    """Prepare one statement under a name; OID 0 leaves a parameter's type to us."""

    tag: ClassVar[bytes] = b"P"
    name: str
    query: str
    parameter_types: tuple[int, ...] = ()

    @staticmethod
    def decode(body: bytes) -> Parse:
        name, at = _string(body, 0)
        if len(body) > STATEMENT_BYTES_MAX:
            raise _Unreadable("54000", f"statement is longer than {STATEMENT_BYTES_MAX} bytes")
        query, at = _string(body, at)
        (count,) = unpack_from("!H", body, at)
        _ended(body, at + 2 + 4 * count)
        return Parse(name, query, unpack_from(f"!{count}I", body, at + 2) if count else ())

    def encode(self) -> bytes:
        types = self.parameter_types
        return _whole(b"P", _zero(self.name) + _zero(self.query) + pack(f"!H{len(types)}I", len(types), *types))


@dataclass(frozen=True, slots=True)
class Bind:
    """Give a prepared statement its parameters and make a portal of it.

    :param parameter_formats: none (all text), one for all, or one each; 0 text, 1 binary.
    :param parameters: raw bytes, or None for NULL.
    :param result_formats: as `parameter_formats`, for the columns.
    """

    tag: ClassVar[bytes] = b"B"
    portal: str
    statement: str
    parameter_formats: tuple[int, ...] = ()
    parameters: tuple[bytes | None, ...] = ()
    result_formats: tuple[int, ...] = ()

    @staticmethod
    def decode(body: bytes) -> Bind:
        portal, at = _string(body, 0)
        statement, at = _string(body, at)
        (count,) = unpack_from("!H", body, at)
        at += 2
        parameter_formats = unpack_from(f"!{count}h", body, at) if count else ()
        at += 2 * count
        (count,) = unpack_from("!H", body, at)
        at += 2
        parameters: list[bytes | None] = []
        for _ in range(count):
            (length,) = _INT32.unpack_from(body, at)
            at += 4
            if length == -1:
                parameters.append(None)
            else:
                if length < 0 or length > len(body) - at:
                    raise _short()
                parameters.append(body[at : at + length])
                at += length
        (count,) = unpack_from("!H", body, at)
        at += 2
        result_formats = unpack_from(f"!{count}h", body, at) if count else ()
        _ended(body, at + 2 * count)
        return Bind(portal, statement, parameter_formats, tuple(parameters), result_formats)

    def encode(self) -> bytes:
        parts = [_zero(self.portal), _zero(self.statement)]
        parts.append(pack(f"!H{len(self.parameter_formats)}h", len(self.parameter_formats), *self.parameter_formats))
        parts.append(pack("!H", len(self.parameters)))
        for value in self.parameters:
            parts.append(b"\xff\xff\xff\xff" if value is None else _INT32.pack(len(value)) + value)
        parts.append(pack(f"!H{len(self.result_formats)}h", len(self.result_formats), *self.result_formats))
        return _whole(b"B", b"".join(parts))


def _target(body: bytes) -> tuple[str, str]:
    """What Describe and Close speak of: ``S`` or ``P``, and a name."""
    if body[:1] not in (b"S", b"P"):
        raise _Unreadable("08P01", f"invalid message subtype {body[0] if body else 0}")
    name, at = _string(body, 1)
    _ended(body, at)
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
        return _whole(b"D", self.kind.encode() + _zero(self.name))


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
        return _whole(b"C", self.kind.encode() + _zero(self.name))


@dataclass(frozen=True, slots=True)
class Execute:
    """Run a portal, or go on with it; `max_rows` 0 means all."""

    tag: ClassVar[bytes] = b"E"
    portal: str
    max_rows: int = 0

    @staticmethod
    def decode(body: bytes) -> Execute:
        portal, at = _string(body, 0)
        (max_rows,) = _INT32.unpack_from(body, at)
        _ended(body, at + 4)
        return Execute(portal, max(max_rows, 0))

    def encode(self) -> bytes:
        return _whole(b"E", _zero(self.portal) + _INT32.pack(self.max_rows))


@dataclass(frozen=True, slots=True)
class CopyFail:
    """The client gives its COPY up."""

    tag: ClassVar[bytes] = b"f"
    message: str

    @staticmethod
    def decode(body: bytes) -> CopyFail:
        message, at = _string(body, 0)
        _ended(body, at)
        return CopyFail(message)

    def encode(self) -> bytes:
        return _whole(b"f", _zero(self.message))


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """The fast path of large objects; we only need to know that it came."""

    tag: ClassVar[bytes] = b"F"
    body: bytes

    @staticmethod
    def decode(body: bytes) -> FunctionCall:
        return FunctionCall(body)

    def encode(self) -> bytes:
        return _whole(b"F", self.body)


@dataclass(frozen=True, slots=True)
class _Bare:
    """A message that is its tag."""

    tag: ClassVar[bytes]

    @classmethod
    def decode(cls, body: bytes) -> Any:
        _ended(body, 0)
        return cls()

    def encode(self) -> bytes:
        return _whole(self.tag, b"")


@dataclass(frozen=True, slots=True)
class Sync(_Bare):
    """End of a batch: commit or roll back the implicit transaction, then ReadyForQuery."""

    tag: ClassVar[bytes] = b"S"


@dataclass(frozen=True, slots=True)
class Flush(_Bare):
    """Send what you hold back."""

    tag: ClassVar[bytes] = b"H"


@dataclass(frozen=True, slots=True)
class Terminate(_Bare):
    """Good-bye."""

    tag: ClassVar[bytes] = b"X"


@dataclass(frozen=True, slots=True)
class Malformed:
    """A message whose boundary is known and whose body is not: the conversation's to answer.

    :param kind: the class it claims to be.
    """

    kind: type
    sqlstate: str
    message: str


# --- both ways --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CopyData:
    """A piece of COPY's stream; pieces need not be rows when the client sends them."""

    tag: ClassVar[bytes] = b"d"
    data: bytes

    @staticmethod
    def decode(body: bytes) -> CopyData:
        return CopyData(body)

    def encode(self) -> bytes:
        return _whole(b"d", self.data)


@dataclass(frozen=True, slots=True)
class CopyDone(_Bare):
    """The stream of COPY is complete."""

    tag: ClassVar[bytes] = b"c"


# --- from the server --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Authentication:
    """One step of the login.

    :param code: 0 welcome, 3 cleartext password, 10 SASL mechanisms, 11 SASL challenge, 12 SASL outcome.
    :param body: what follows the code.
    """

    tag: ClassVar[bytes] = b"R"
    code: int
    body: bytes = b""

    @staticmethod
    def decode(body: bytes) -> Authentication:
        return Authentication(_INT32.unpack_from(body)[0], body[4:])

    def encode(self) -> bytes:
        return _whole(b"R", _INT32.pack(self.code) + self.body)


@dataclass(frozen=True, slots=True)
class NegotiateProtocolVersion:
    """We speak an older minor version, and these options we do not know."""

    tag: ClassVar[bytes] = b"v"
    newest_minor: int
    unknown: tuple[str, ...]

    @staticmethod
    def decode(body: bytes) -> NegotiateProtocolVersion:
        newest, count = unpack_from("!ii", body)
        names, at = [], 8
        for _ in range(count):
            name, at = _string(body, at)
            names.append(name)
        return NegotiateProtocolVersion(newest, tuple(names))

    def encode(self) -> bytes:
        return _whole(b"v", pack("!ii", self.newest_minor, len(self.unknown)) + b"".join(map(_zero, self.unknown)))


@dataclass(frozen=True, slots=True)
class ParameterStatus:
    """A setting the client library wants to follow."""

    tag: ClassVar[bytes] = b"S"
    name: str
    value: str

    @staticmethod
    def decode(body: bytes) -> ParameterStatus:
        name, at = _string(body, 0)
        return ParameterStatus(name, _string(body, at)[0])

    def encode(self) -> bytes:
        return _whole(b"S", _zero(self.name) + _zero(self.value))


@dataclass(frozen=True, slots=True)
class BackendKeyData:
    """What a CancelRequest for this connection must carry."""

    tag: ClassVar[bytes] = b"K"
    process_id: int
    secret_key: bytes

    @staticmethod
    def decode(body: bytes) -> BackendKeyData:
        return BackendKeyData(_INT32.unpack_from(body)[0], body[4:])

    def encode(self) -> bytes:
        return _whole(b"K", _INT32.pack(self.process_id) + self.secret_key)


@dataclass(frozen=True, slots=True)
class ReadyForQuery:
    """Your turn. `status`: ``I`` no block, ``T`` in a block, ``E`` in a failed block."""

    tag: ClassVar[bytes] = b"Z"
    status: str

    @staticmethod
    def decode(body: bytes) -> ReadyForQuery:
        return ReadyForQuery(body.decode())

    def encode(self) -> bytes:
        return _whole(b"Z", self.status.encode())


@dataclass(frozen=True, slots=True)
class ParameterDescription:
    """The OIDs of a statement's parameters."""

    tag: ClassVar[bytes] = b"t"
    types: tuple[int, ...]

    @staticmethod
    def decode(body: bytes) -> ParameterDescription:
        (count,) = unpack_from("!H", body)
        return ParameterDescription(unpack_from(f"!{count}I", body, 2))

    def encode(self) -> bytes:
        return _whole(b"t", pack(f"!H{len(self.types)}I", len(self.types), *self.types))


@dataclass(frozen=True, slots=True)
class FieldDescription:
    """One column of a RowDescription; `size` is the type's length in bytes, negative for variable."""

    name: str
    table_oid: int
    attribute: int
    type_oid: int
    size: int
    typmod: int
    format: int


@dataclass(frozen=True, slots=True)
class RowDescription:
    """The columns of the rows that follow."""

    tag: ClassVar[bytes] = b"T"
    columns: tuple[FieldDescription, ...]

    @staticmethod
    def decode(body: bytes) -> RowDescription:
        (count,) = unpack_from("!H", body)
        columns, at = [], 2
        for _ in range(count):
            name, at = _string(body, at)
            columns.append(FieldDescription(name, *unpack_from("!IhIhih", body, at)))
            at += 18
        return RowDescription(tuple(columns))

    def encode(self) -> bytes:
        parts = [pack("!H", len(self.columns))]
        for c in self.columns:
            parts.append(_zero(c.name))
            parts.append(pack("!IhIhih", c.table_oid, c.attribute, c.type_oid, c.size, c.typmod, c.format))
        return _whole(b"T", b"".join(parts))


@dataclass(frozen=True, slots=True)
class DataRow:
    """One row. The server's rows are written by pgtypes' generated encoders; this is for whoever reads them."""

    tag: ClassVar[bytes] = b"D"
    values: tuple[bytes | None, ...]

    @staticmethod
    def decode(body: bytes) -> DataRow:
        (count,) = unpack_from("!H", body)
        values: list[bytes | None] = []
        at = 2
        for _ in range(count):
            (length,) = _INT32.unpack_from(body, at)
            at += 4
            values.append(None if length < 0 else body[at : at + length])
            at += max(length, 0)
        _ended(body, at)
        return DataRow(tuple(values))

    def encode(self) -> bytes:
        parts = [pack("!H", len(self.values))]
        for value in self.values:
            parts.append(b"\xff\xff\xff\xff" if value is None else _INT32.pack(len(value)) + value)
        return _whole(b"D", b"".join(parts))


@dataclass(frozen=True, slots=True)
class CommandComplete:
    """One statement is done; `command_tag` says what it did."""

    tag: ClassVar[bytes] = b"C"
    command_tag: str

    @staticmethod
    def decode(body: bytes) -> CommandComplete:
        return CommandComplete(_string(body, 0)[0])

    def encode(self) -> bytes:
        return _whole(b"C", _zero(self.command_tag))


@dataclass(frozen=True, slots=True)
class _CopyResponse:
    """COPY begins: 0 text or 1 binary, overall and for each column."""

    tag: ClassVar[bytes]
    format: int
    column_formats: tuple[int, ...]

    @classmethod
    def decode(cls, body: bytes) -> Any:
        overall, count = unpack_from("!bH", body)
        return cls(overall, unpack_from(f"!{count}h", body, 3))

    def encode(self) -> bytes:
        return _whole(
            self.tag,
            pack(f"!bH{len(self.column_formats)}h", self.format, len(self.column_formats), *self.column_formats),
        )


@dataclass(frozen=True, slots=True)
class CopyInResponse(_CopyResponse):
    """Send your rows."""

    tag: ClassVar[bytes] = b"G"


@dataclass(frozen=True, slots=True)
class CopyOutResponse(_CopyResponse):
    """Here come rows."""

    tag: ClassVar[bytes] = b"H"


@dataclass(frozen=True, slots=True)
class NotificationResponse:
    """Somebody said NOTIFY on a channel this client listens to."""

    tag: ClassVar[bytes] = b"A"
    process_id: int
    channel: str
    payload: str

    @staticmethod
    def decode(body: bytes) -> NotificationResponse:
        channel, at = _string(body, 4)
        return NotificationResponse(_INT32.unpack_from(body)[0], channel, _string(body, at)[0])

    def encode(self) -> bytes:
        return _whole(b"A", _INT32.pack(self.process_id) + _zero(self.channel) + _zero(self.payload))


@dataclass(frozen=True, slots=True)
class _Report:
    """An error or a notice: https://www.postgresql.org/docs/15/protocol-error-fields.html"""

    tag: ClassVar[bytes]
    severity: str
    sqlstate: str
    message: str
    detail: str | None = None
    hint: str | None = None
    position: int | None = None
    schema: str | None = None
    table: str | None = None
    column: str | None = None
    data_type: str | None = None
    constraint: str | None = None

    @classmethod
    def decode(cls, body: bytes) -> Any:
        found: dict[str, Any] = {}
        at = 0
        while at < len(body) and body[at]:
            name = _REPORT_NAMES.get(body[at : at + 1])
            value, at = _string(body, at + 1)
            if name is not None:
                found[name] = int(value) if name == "position" else value
        return cls(**found)

    def encode(self) -> bytes:
        parts = [b"S", _zero(self.severity), b"V", _zero(self.severity)]
        for letter, name in _REPORT_NAMES.items():
            value = getattr(self, name)
            if value is not None and name != "severity":
                # A report is for reading: what cannot stand in a zero-terminated string is left out of it.
                parts += letter, str(value).replace("\0", "").encode("utf-8", "replace"), b"\0"
        return _whole(self.tag, b"".join(parts) + b"\0")


_REPORT_NAMES = {
    b"V": "severity",
    b"C": "sqlstate",
    b"M": "message",
    b"D": "detail",
    b"H": "hint",
    b"P": "position",
    b"s": "schema",
    b"t": "table",
    b"c": "column",
    b"d": "data_type",
    b"n": "constraint",
}


@dataclass(frozen=True, slots=True)
class ErrorResponse(_Report):
    """It could not be done. Severity ``FATAL`` ends the connection."""

    tag: ClassVar[bytes] = b"E"


@dataclass(frozen=True, slots=True)
class NoticeResponse(_Report):
    """It was done, and there is something to say about it."""

    tag: ClassVar[bytes] = b"N"


@dataclass(frozen=True, slots=True)
class ParseComplete(_Bare):
    """The statement is prepared."""

    tag: ClassVar[bytes] = b"1"


@dataclass(frozen=True, slots=True)
class BindComplete(_Bare):
    """The portal is made."""

    tag: ClassVar[bytes] = b"2"


@dataclass(frozen=True, slots=True)
class CloseComplete(_Bare):
    """It is forgotten, if it was ever there."""

    tag: ClassVar[bytes] = b"3"


@dataclass(frozen=True, slots=True)
class NoData(_Bare):
    """In place of a RowDescription: no rows will come."""

    tag: ClassVar[bytes] = b"n"


@dataclass(frozen=True, slots=True)
class PortalSuspended(_Bare):
    """The row limit of Execute was reached; the portal can go on."""

    tag: ClassVar[bytes] = b"s"


@dataclass(frozen=True, slots=True)
class EmptyQueryResponse(_Bare):
    """In place of CommandComplete, for a text without a statement."""

    tag: ClassVar[bytes] = b"I"


FRONTEND = (
    AuthenticationAnswer, Bind, Close, CopyData, CopyDone, CopyFail, Describe, Execute, Flush, FunctionCall, Parse, Query,
    Sync, Terminate,
)  # fmt: skip
BACKEND = (
    Authentication, BackendKeyData, BindComplete, CloseComplete, CommandComplete, CopyData, CopyDone, CopyInResponse,
    CopyOutResponse, DataRow, EmptyQueryResponse, ErrorResponse, NegotiateProtocolVersion, NoData, NoticeResponse,
    NotificationResponse, ParameterDescription, ParameterStatus, ParseComplete, PortalSuspended, ReadyForQuery, RowDescription,
)  # fmt: skip


# Decoded messages by their bytes: they are frozen, so that all sessions may share them. Never a password, and never values.
_remembered: dict[bytes, Any] = {}
_REMEMBERED = frozenset((Query, Parse, Describe, Execute, Close, Sync, Flush))


class Decoder:
    """Cuts a byte stream into messages.

    :param kinds: the messages the other side may send, :data:`FRONTEND` or :data:`BACKEND`.

    The first packets of a client have no tag: ask :meth:`opening` for them and :meth:`next` for all others. `bytes_max`
    limits a message and may be changed between two of them.
    """

    __slots__ = ("bytes_max", "_kinds", "_buffer", "_at")

    def __init__(self, kinds: tuple[type, ...] = FRONTEND) -> None:
        self.bytes_max = LOGIN_BYTES_MAX
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

        :raises ProtocolViolation: it is none.
        """
        if self.buffered < 4:
            return None
        (length,) = _UINT32.unpack_from(self._buffer, self._at)
        if not 8 <= length <= STARTUP_BYTES_MAX:
            raise ProtocolViolation("invalid length of startup packet")
        if self.buffered < length:
            return None
        body = bytes(self._buffer[self._at + 4 : self._at + length])
        self._at += length
        message: SSLRequest | GSSENCRequest | CancelRequest | StartupMessage = _opening(body)
        return message

    def next(self) -> Any:
        """The next message, or None while it is incomplete.

        :raises ProtocolViolation: an unknown tag or an impossible length.
        """
        buffer, at = self._buffer, self._at
        if len(buffer) - at < 5:
            return None
        tag, length = _HEAD.unpack_from(buffer, at)
        kind = self._kinds.get(tag)
        if kind is None:
            raise ProtocolViolation(f"invalid frontend message type {tag}")
        if not 4 <= length <= self.bytes_max:
            raise ProtocolViolation(f"invalid message length {length}")
        end = at + 1 + length
        if end > len(buffer):
            return None
        whole = buffer[at:end]
        if whole.__class__ is not bytes:
            whole = bytes(whole)
        if end == len(buffer):
            self._buffer, self._at = b"", 0
        else:
            self._at = end
        if length < REMEMBERED_BYTES_MAX:
            message = _remembered.get(whole)
            if message is not None and message.__class__ is kind:
                return message
        try:
            message = kind.decode(whole[5:])
        except _Unreadable as error:
            return Malformed(kind, error.sqlstate, error.message)
        except StructError:
            return Malformed(kind, "08P01", "insufficient data left in message")
        if length < REMEMBERED_BYTES_MAX and (kind in _REMEMBERED or (kind is Bind and not message.parameters)):
            if len(_remembered) >= REMEMBERED_MAX:
                _remembered.clear()
            _remembered[whole] = message
        return message

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
            at += 1 + _UINT32.unpack_from(buffer, at + 1)[0]
        return True
