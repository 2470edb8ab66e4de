"""What servers say. [pure]"""

from __future__ import annotations

from dataclasses import dataclass
from struct import pack, unpack_from
from typing import Any, ClassVar

from ha.postgres.messages import INT32, Bare, CopyData, CopyDone, ended, string, whole, zero


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
        return Authentication(INT32.unpack_from(body)[0], body[4:])

    def encode(self) -> bytes:
        return whole(b"R", INT32.pack(self.code) + self.body)


@dataclass(frozen=True, slots=True)
class NegotiateProtocolVersion:
    """We speak an older minor version, and these options we do not know.

    :param protocol: what will be spoken, major and minor version in one number: the manual speaks of the minor alone, PostgreSQL
        sends both, and libpq refuses what is below 3.0.
    """

    tag: ClassVar[bytes] = b"v"
    protocol: int
    unknown: tuple[str, ...]

    @staticmethod
    def decode(body: bytes) -> NegotiateProtocolVersion:
        protocol, count = unpack_from("!ii", body)
        names, at = [], 8
        for _ in range(count):
            name, at = string(body, at)
            names.append(name)
        return NegotiateProtocolVersion(protocol, tuple(names))

    def encode(self) -> bytes:
        return whole(b"v", pack("!ii", self.protocol, len(self.unknown)) + b"".join(map(zero, self.unknown)))


@dataclass(frozen=True, slots=True)
class ParameterStatus:
    """A setting the client library wants to follow."""

    tag: ClassVar[bytes] = b"S"
    name: str
    value: str

    @staticmethod
    def decode(body: bytes) -> ParameterStatus:
        name, at = string(body, 0)
        return ParameterStatus(name, string(body, at)[0])

    def encode(self) -> bytes:
        return whole(b"S", zero(self.name) + zero(self.value))


@dataclass(frozen=True, slots=True)
class BackendKeyData:
    """What a CancelRequest for this connection must carry."""

    tag: ClassVar[bytes] = b"K"
    process_id: int
    secret_key: bytes

    @staticmethod
    def decode(body: bytes) -> BackendKeyData:
        return BackendKeyData(INT32.unpack_from(body)[0], body[4:])

    def encode(self) -> bytes:
        return whole(b"K", INT32.pack(self.process_id) + self.secret_key)


@dataclass(frozen=True, slots=True)
class ReadyForQuery:
    """Your turn. `status`: ``I`` no block, ``T`` in a block, ``E`` in a failed block."""

    tag: ClassVar[bytes] = b"Z"
    status: str

    @staticmethod
    def decode(body: bytes) -> ReadyForQuery:
        return ReadyForQuery(body.decode())

    def encode(self) -> bytes:
        return whole(b"Z", self.status.encode())


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
        return whole(b"t", pack(f"!H{len(self.types)}I", len(self.types), *self.types))


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
            name, at = string(body, at)
            columns.append(FieldDescription(name, *unpack_from("!IhIhih", body, at)))
            at += 18
        return RowDescription(tuple(columns))

    def encode(self) -> bytes:
        parts = [pack("!H", len(self.columns))]
        for c in self.columns:
            parts.append(zero(c.name))
            parts.append(pack("!IhIhih", c.table_oid, c.attribute, c.type_oid, c.size, c.typmod, c.format))
        return whole(b"T", b"".join(parts))


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
            (length,) = INT32.unpack_from(body, at)
            at += 4
            values.append(None if length < 0 else body[at : at + length])
            at += max(length, 0)
        ended(body, at)
        return DataRow(tuple(values))

    def encode(self) -> bytes:
        parts = [pack("!H", len(self.values))]
        for value in self.values:
            parts.append(b"\xff\xff\xff\xff" if value is None else INT32.pack(len(value)) + value)
        return whole(b"D", b"".join(parts))


@dataclass(frozen=True, slots=True)
class CommandComplete:
    """One statement is done; `command_tag` says what it did."""

    tag: ClassVar[bytes] = b"C"
    command_tag: str

    @staticmethod
    def decode(body: bytes) -> CommandComplete:
        return CommandComplete(string(body, 0)[0])

    def encode(self) -> bytes:
        return whole(b"C", zero(self.command_tag))


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
        return whole(
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
        channel, at = string(body, 4)
        return NotificationResponse(INT32.unpack_from(body)[0], channel, string(body, at)[0])

    def encode(self) -> bytes:
        return whole(b"A", INT32.pack(self.process_id) + zero(self.channel) + zero(self.payload))


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
    routine: str | None = None

    @classmethod
    def decode(cls, body: bytes) -> Any:
        found: dict[str, Any] = {}
        at = 0
        while at < len(body) and body[at]:
            name = _REPORT_NAMES.get(body[at : at + 1])
            value, at = string(body, at + 1)
            if name is not None:
                found[name] = int(value) if name == "position" else value
        return cls(**found)

    def encode(self) -> bytes:
        parts = [b"S", zero(self.severity), b"V", zero(self.severity)]
        for letter, name in _REPORT_NAMES.items():
            value = getattr(self, name)
            if value is not None and name != "severity":
                # A report is for reading: what cannot stand in a zero-terminated string is left out of it.
                parts += letter, str(value).replace("\0", "").encode("utf-8", "replace"), b"\0"
        return whole(self.tag, b"".join(parts) + b"\0")


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
    b"R": "routine",
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
class ParseComplete(Bare):
    """The statement is prepared."""

    tag: ClassVar[bytes] = b"1"


@dataclass(frozen=True, slots=True)
class BindComplete(Bare):
    """The portal is made."""

    tag: ClassVar[bytes] = b"2"


@dataclass(frozen=True, slots=True)
class CloseComplete(Bare):
    """It is forgotten, if it was ever there."""

    tag: ClassVar[bytes] = b"3"


@dataclass(frozen=True, slots=True)
class FunctionCallResponse:
    """What a FunctionCall gave.

    :param value: raw bytes, or None for NULL.
    """

    tag: ClassVar[bytes] = b"V"
    value: bytes | None

    @staticmethod
    def decode(body: bytes) -> FunctionCallResponse:
        (length,) = INT32.unpack_from(body, 0)
        ended(body, 4 + max(length, 0))
        return FunctionCallResponse(None if length < 0 else body[4:])

    def encode(self) -> bytes:
        return whole(b"V", INT32.pack(-1) if self.value is None else INT32.pack(len(self.value)) + self.value)


@dataclass(frozen=True, slots=True)
class NoData(Bare):
    """In place of a RowDescription: no rows will come."""

    tag: ClassVar[bytes] = b"n"


@dataclass(frozen=True, slots=True)
class PortalSuspended(Bare):
    """The row limit of Execute was reached; the portal can go on."""

    tag: ClassVar[bytes] = b"s"


@dataclass(frozen=True, slots=True)
class EmptyQueryResponse(Bare):
    """In place of CommandComplete, for a text without a statement."""

    tag: ClassVar[bytes] = b"I"


BACKEND = (
    Authentication, BackendKeyData, BindComplete, CloseComplete, CommandComplete, CopyData, CopyDone, CopyInResponse,
    CopyOutResponse, DataRow, EmptyQueryResponse, ErrorResponse, FunctionCallResponse, NegotiateProtocolVersion, NoData, NoticeResponse,
    NotificationResponse, ParameterDescription, ParameterStatus, ParseComplete, PortalSuspended, ReadyForQuery, RowDescription,
)  # fmt: skip
