"""From a value to what is announced: text and binary. [pure]

**What was announced wins.** A value is encoded to the type that the RowDescription named. In binary a value that does not fit is
an error (22P02, 22003, 22008), never other bytes; in text it is sent as its own text, which every client can show.

Whole rows are written by :mod:`ha.postgres.shapes`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache, partial
from struct import Struct
from struct import error as StructError

from ha.errors import StatementError
from ha.postgres import geometry, rangewire, records, styles
from ha.postgres.manner import HEX, ISO, POSTGRES, Charset, Manner
from ha.postgres.moments import date_of, moment_of, stamp_of, time_of
from ha.postgres.nested import array_binary, array_text, record_binary, vector_binary
from ha.postgres.numerals import FLOAT4_LAYOUT, decimal_of, float4_text, float_text, numeric_binary, numeric_text
from ha.postgres.pgtypes import (
    BOOL,
    BPCHAR,
    BYTEA,
    DATE,
    FLOAT4,
    FLOAT8,
    INT2,
    INT4,
    INT8,
    INTERVAL,
    JSON,
    JSONB,
    NUMERIC,
    OID,
    OIDS,
    TIME,
    TIMESTAMP,
    TIMESTAMPTZ,
    TIMETZ,
    TYPES,
    UUID,
    composite_of,
    is_nested,
    kind_of,
    out_of_range,
    spoken,
    unfit,
)
from ha.sql import spans, tids
from ha.sql.calendar import clock_text, date_shown, east_text, stamp_shown
from ha.values import Value

# --- value to text ----------------------------------------------------------------------------------------------------


def plain_text(value: Value) -> bytes:
    """A value whose type nothing is known of, or that does not fit the type announced, as a person would write it."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass") if not value.isascii() else value.encode()
    if isinstance(value, int):
        return b"%d" % value
    if isinstance(value, float):
        return float_text(value).encode()
    return b"\\x" + (value or b"").hex().encode()


def _text_bool(value: Value) -> bytes:
    if isinstance(value, int):
        return b"t" if value else b"f"
    try:
        return b"t" if bool_of(value) else b"f"
    except StatementError:
        return plain_text(value)


def _text_int(oid: int, bits: int) -> Callable[[Value], bytes]:
    limit = 1 << bits - 1

    def encode(value: Value) -> bytes:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        # Clients put these into numbers of their own of that size: what is wider would become another there.
        if isinstance(value, int) and not -limit <= value < limit:
            raise out_of_range(oid, value)
        return plain_text(value)

    return encode


def _text_bytea(value: Value) -> bytes:
    return b"\\x" + (value if isinstance(value, bytes) else plain_text(value)).hex().encode()


#: Kept as it is shown.
_PLAIN_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII).fullmatch
PLAIN_STAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{0,5}[1-9])?", re.ASCII).fullmatch
_PLAIN_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{0,5}[1-9])?\+00):00", re.ASCII).fullmatch


def _text_date(value: Value) -> bytes:
    if value.__class__ is str and _PLAIN_DATE(value):  # type: ignore[arg-type]
        return value.encode()  # type: ignore[union-attr]
    return date_shown(date_of(value)).encode()


def _text_timestamp(value: Value) -> bytes:
    if value.__class__ is str and PLAIN_STAMP(value):  # type: ignore[arg-type]
        return value.encode()  # type: ignore[union-attr]
    return stamp_shown(stamp_of(value)).encode()


def _text_timestamptz(value: Value) -> bytes:
    match = _PLAIN_MOMENT(value) if value.__class__ is str else None  # type: ignore[arg-type]
    return (stamp_shown(moment_of(value), "+00") if match is None else match[1]).encode()


def _text_time(value: Value) -> bytes:
    return clock_text(time_of(value, TIME)[0]).encode()


def text_timetz(value: Value) -> bytes:
    """A time of day with its zone."""
    us, zone = time_of(value, TIMETZ)
    return (clock_text(us) + east_text(zone or 0)).encode()


def _text_interval(value: Value) -> bytes:
    return spans.text_of(*spans.read(str(value))).encode()


def _text_uuid(value: Value) -> bytes:
    return uuid_of(value).encode()


def _text_json(value: Value) -> bytes:
    return value if isinstance(value, bytes) else plain_text(value)


def _text_float(value: Value) -> bytes:
    return float_text(float(value)).encode() if isinstance(value, (int, float)) else plain_text(value)


def _lenient(encode: Callable[[Value], bytes]) -> Callable[[Value], bytes]:
    """In text, what does not fit is sent as it is."""

    def encoder(value: Value) -> bytes:
        try:
            return encode(value)
        except (StatementError, ValueError, OverflowError):
            return plain_text(value)

    return encoder


def _array_text(element: int, encode: Callable[[Value], bytes]) -> Callable[[Value], bytes]:
    def encoder(value: Value) -> bytes:
        try:
            return array_text(value, element, encode).encode()
        except ValueError:
            return plain_text(value)
        except StatementError as error:
            if error.sqlstate == "22003":
                raise
            return plain_text(value)

    return encoder


_TEXT_ENCODERS: dict[int, Callable[[Value], bytes]] = {
    BOOL: _text_bool,
    INT8: _text_int(INT8, 64),
    INT4: _text_int(INT4, 32),
    INT2: _text_int(INT2, 16),
    BYTEA: _text_bytea,
    FLOAT8: _text_float,
    FLOAT4: _lenient(lambda value: float4_text(float(value)).encode()),  # type: ignore[arg-type]
    DATE: _lenient(_text_date),
    TIMESTAMP: _lenient(_text_timestamp),
    TIMESTAMPTZ: _lenient(_text_timestamptz),
    TIME: _lenient(_text_time),
    TIMETZ: _lenient(text_timetz),
    INTERVAL: _lenient(_text_interval),
    UUID: _lenient(_text_uuid),
    JSON: _text_json,
    JSONB: _text_json,
    OIDS["tid"]: lambda value: (tids.shown(value) if isinstance(value, int) else str(value)).encode(),
    **{oid: _lenient(partial(geometry.to_text, oid=oid)) for oid in geometry.SIZES},
}


def _escaped(value: Value) -> bytes:
    raw = value if isinstance(value, bytes) else plain_text(value)
    return _NOT_SHOWN.sub(lambda found: b"\\\\" if found[0] == b"\\" else b"\\%03o" % found[0][0], raw)


#: What bytea_output = escape does not write as it is.
_NOT_SHOWN = re.compile(rb"[^\x20-\x7e]|\\")


def _styled(oid: int, manner: Manner) -> Callable[[Value], bytes] | None:
    """What writes a value whose text depends on the client's settings; None where it does not."""
    if oid == TIMESTAMPTZ and (manner.zone is not None or manner.dates != ISO):
        return lambda value: styles.styled_moment(moment_of(value), manner).encode()
    if oid == BYTEA and manner.bytes != HEX:
        return _escaped
    if oid == TIMESTAMP and manner.dates != ISO:
        return lambda value: styles.styled_stamp(stamp_of(value), manner).encode()
    if oid == DATE and manner.dates != ISO:
        return lambda value: styles.styled_date(date_of(value), manner).encode()
    if oid == INTERVAL and manner.intervals != POSTGRES:
        return lambda value: styles.styled_interval(*spans.read(str(value)), manner.intervals).encode()
    return None


def _in_charset(encode: Callable[[Value], bytes], charset: Charset) -> Callable[[Value], bytes]:
    return lambda value: charset.encode(encode(value))


@lru_cache(4096)
def text_encoder(oid: int, typmod: int = -1, manner: Manner | None = None) -> Callable[[Value], bytes]:
    """The function that writes a value (never None) of this type in text.

    It raises 22003 for an integer that is too wide, 22P05 for a character that the client's encoding lacks, and nothing else.

    :param manner: the session's, see :mod:`ha.postgres.manner`.
    """
    if manner is not None:
        if manner.charset is not None:
            # An array's elements are converted with it.
            return _in_charset(text_encoder(oid, typmod, manner._replace(charset=None)), manner.charset)
        styled = _styled(oid, manner)
        if styled is not None:
            return _lenient(styled)
    found = _TEXT_ENCODERS.get(oid)
    if found is not None:
        return found
    if oid == NUMERIC:
        return _lenient(lambda value: numeric_text(value, typmod).encode())
    if oid == BPCHAR and typmod > 4:
        return lambda value: plain_text(value.ljust(typmod - 4) if isinstance(value, str) else value)
    part = rangewire.BOUNDS.get(oid)
    if part is not None:
        shown = text_encoder(OIDS[part], -1, manner)
        return _lenient(lambda value: rangewire.to_text(value, oid, lambda bound: shown(bound).decode()).encode())
    one = composite_of(oid)
    if one is not None:
        types = records.types_of(one)
        encoders = [text_encoder(*each, manner) for each in types]
        return _lenient(lambda value: records.to_text(value, one, types, encoders))
    kind = kind_of(oid)
    if kind is not None and kind.element:
        return _array_text(kind.element, text_encoder(kind.element, typmod, manner))
    return plain_text


# --- value to binary --------------------------------------------------------------------------------------------------

INT8_LAYOUT, INT4_LAYOUT, INT2_LAYOUT, FLOAT8_LAYOUT = Struct("!q"), Struct("!i"), Struct("!h"), Struct("!d")
INTERVAL_LAYOUT = Struct("!qii")
TIMETZ_LAYOUT = Struct("!qi")


def _whole_number(value: Value, oid: int) -> int:
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            pass
    raise unfit(oid, value)


def _binary_int(oid: int, layout: Struct) -> Callable[[Value], bytes]:
    def encode(value: Value) -> bytes:
        try:
            return layout.pack(value)
        except StructError:
            pass
        try:
            return layout.pack(_whole_number(value, oid))
        except StructError:
            raise out_of_range(oid, value) from None

    return encode


def _binary_float(oid: int, layout: Struct) -> Callable[[Value], bytes]:
    def encode(value: Value) -> bytes:
        try:
            return layout.pack(float(value))  # type: ignore[arg-type]
        except OverflowError:
            raise out_of_range(oid, value) from None
        except (TypeError, ValueError, StructError):
            raise unfit(oid, value) from None

    return encode


def bool_of(value: Value) -> int:
    """1 or 0, from anything PostgreSQL takes for a boolean.

    :raises StatementError: 22P02.
    """
    if isinstance(value, (int, float)):
        return 1 if value else 0
    if isinstance(value, str):
        word = value.strip().lower()
        if word and ("true".startswith(word) or "yes".startswith(word) or word in ("on", "1")):
            return 1
        if word and ("false".startswith(word) or "no".startswith(word) or word in ("off", "of", "0")):
            return 0
    raise unfit(BOOL, value)


def uuid_of(value: Value) -> str:
    """A UUID with dashes, in lower case.

    :raises StatementError: 22P02.
    """
    if isinstance(value, bytes) and len(value) == 16:
        digits = value.hex()
    elif isinstance(value, str):
        digits = value.strip().strip("{}").replace("-", "").lower()
    else:
        raise unfit(UUID, value)
    if len(digits) != 32 or re.fullmatch("[0-9a-f]{32}", digits) is None:
        raise unfit(UUID, value)
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _binary_text(value: Value) -> bytes:
    return plain_text(value)


def _binary_bytea(value: Value) -> bytes:
    return value if isinstance(value, bytes) else plain_text(value)


def _binary_timetz(value: Value) -> bytes:
    us, zone = time_of(value, TIMETZ)
    return TIMETZ_LAYOUT.pack(us, -(zone or 0))


def _binary_interval(value: Value) -> bytes:
    months, days, us = spans.read(str(value))
    return INTERVAL_LAYOUT.pack(us, days, months)


def _binary_bit(value: Value) -> bytes:
    digits = str(value)
    if set(digits) - {"0", "1"}:
        raise unfit(OIDS["bit"], value)
    padded = digits + "0" * (-len(digits) % 8)
    return len(digits).to_bytes(4, "big") + (int(padded, 2).to_bytes(len(padded) // 8, "big") if padded else b"")


def _binary_money(value: Value) -> bytes:
    text = str(value).replace("$", "").replace(",", "")
    return INT8_LAYOUT.pack(int(decimal_of(text) * 100))


def _binary_inet(value: Value, cidr: int) -> bytes:
    from ipaddress import ip_interface

    try:
        found = ip_interface(str(value))
    except ValueError:
        raise unfit(OIDS["inet"], value) from None
    return bytes((2 if found.version == 4 else 3, found.network.prefixlen, cidr, len(found.packed))) + found.packed


def _binary_mac(value: Value, oid: int, size: int) -> bytes:
    digits = re.sub(r"[:.\s-]", "", str(value))
    if re.fullmatch(f"[0-9a-fA-F]{{{2 * size}}}", digits) is None:
        raise unfit(oid, value)
    return bytes.fromhex(digits)


REGISTERED = {"regclass", "regtype", "regproc", "regprocedure", "regoper", "regrole", "regnamespace"}


def _binary_reg(value: Value, oid: int) -> bytes:
    """A name of a catalog object travels as its OID; only built-in types can be looked up here."""
    if isinstance(value, str) and not value.isdigit():
        found = _SPOKEN_OIDS.get(value) if oid == OIDS["regtype"] else _CATALOG_OIDS.get(value)
        if found is None:
            raise unfit(oid, value)
        value = found
    return _unsigned(value, oid)


def _unsigned(value: Value, oid: int) -> bytes:
    number = _whole_number(value, oid)
    if not 0 <= number < 1 << 32:
        raise out_of_range(oid, value)
    return number.to_bytes(4, "big")


_SPOKEN_OIDS = {spoken(oid): oid for oid in TYPES} | OIDS
_CATALOG_OIDS = {"pg_type": 1247, "pg_attribute": 1249, "pg_proc": 1255, "pg_class": 1259, "-": 0}

_BINARY_ENCODERS: dict[int, Callable[[Value], bytes]] = {
    BOOL: lambda value: b"\1" if bool_of(value) else b"\0",
    INT8: _binary_int(INT8, INT8_LAYOUT),
    INT4: _binary_int(INT4, INT4_LAYOUT),
    INT2: _binary_int(INT2, INT2_LAYOUT),
    OIDS["xid8"]: _binary_int(INT8, INT8_LAYOUT),
    FLOAT8: _binary_float(FLOAT8, FLOAT8_LAYOUT),
    FLOAT4: _binary_float(FLOAT4, FLOAT4_LAYOUT),
    BYTEA: _binary_bytea,
    DATE: lambda value: INT4_LAYOUT.pack(date_of(value)),
    TIMESTAMP: lambda value: INT8_LAYOUT.pack(stamp_of(value)),
    TIMESTAMPTZ: lambda value: INT8_LAYOUT.pack(moment_of(value)),
    TIME: lambda value: INT8_LAYOUT.pack(time_of(value, TIME)[0]),
    TIMETZ: _binary_timetz,
    INTERVAL: _binary_interval,
    UUID: lambda value: bytes.fromhex(uuid_of(value).replace("-", "")),
    JSON: _text_json,
    JSONB: lambda value: b"\1" + _text_json(value),
    OIDS["jsonpath"]: lambda value: b"\1" + _text_json(value),
    OIDS["int2vector"]: lambda value: vector_binary(value, OIDS["int2vector"], INT2, _BINARY_ENCODERS[INT2]),
    OIDS["oidvector"]: lambda value: vector_binary(value, OIDS["oidvector"], OID, _BINARY_ENCODERS[OID]),
    OIDS["bit"]: _binary_bit,
    OIDS["varbit"]: _binary_bit,
    OIDS["money"]: _binary_money,
    OIDS["inet"]: lambda value: _binary_inet(value, 0),
    OIDS["cidr"]: lambda value: _binary_inet(value, 1),
    OIDS["macaddr"]: lambda value: _binary_mac(value, OIDS["macaddr"], 6),
    OIDS["macaddr8"]: lambda value: _binary_mac(value, OIDS["macaddr8"], 8),
    OIDS["record"]: record_binary,
    OIDS["tid"]: lambda value: tids.to_binary(value if isinstance(value, int) else tids.number_of(str(value))),
    **{oid: partial(geometry.to_binary, oid=oid) for oid in geometry.SIZES},
    OIDS["void"]: lambda value: b"",
    **{OIDS[name]: (lambda oid: lambda value: _unsigned(value, oid))(OIDS[name]) for name in ("oid", "xid", "cid")},
    **{OIDS[name]: (lambda oid: lambda value: _binary_reg(value, oid))(OIDS[name]) for name in REGISTERED},
}


def is_textual(oid: int) -> bool:
    """Is a value of this type a text in binary, too, in the client's encoding?"""
    if oid in (JSON, JSONB, BPCHAR, OIDS["jsonpath"]):
        return True
    return kind_of(oid) is None or not (
        is_nested(oid) or oid in _BINARY_ENCODERS or oid == NUMERIC or oid in rangewire.BOUNDS
    )


#: Kinds whose fields SQLite's values may overflow.
_BOUNDED = frozenset((DATE, TIMESTAMP, TIMESTAMPTZ, TIME, TIMETZ, INTERVAL, OIDS["money"]))


def _bounded(oid: int, encode: Callable[[Value], bytes]) -> Callable[[Value], bytes]:
    """What is larger than the type's fields is out of its range."""

    def encoder(value: Value) -> bytes:
        try:
            return encode(value)
        except (StructError, OverflowError):
            raise out_of_range(oid, value) from None

    return encoder


@lru_cache(4096)
def binary_encoder(oid: int, typmod: int = -1, manner: Manner | None = None) -> Callable[[Value], bytes]:
    """The function that writes a value (never None) of this type in binary.

    It raises :class:`StatementError` (22P02, 22003, 22007, 22008, 22P05) for a value that is none of this type.

    :param manner: the session's; here only its encoding counts.
    """
    if manner is not None and manner.charset is not None and is_textual(oid):
        return _in_charset(binary_encoder(oid, typmod), manner.charset)
    found = _BINARY_ENCODERS.get(oid)
    if found is not None:
        return _bounded(oid, found) if oid in _BOUNDED else found
    if oid == NUMERIC:
        return lambda value: numeric_binary(value, typmod)
    if oid == BPCHAR:
        return text_encoder(oid, typmod)
    part = rangewire.BOUNDS.get(oid)
    if part is not None:
        bound = binary_encoder(OIDS[part])
        return lambda value: rangewire.to_binary(value, oid, bound)
    one = composite_of(oid)
    if one is not None:
        types = records.types_of(one)
        encoders = [binary_encoder(*each, manner) for each in types]
        return lambda value: records.to_binary(value, one, types, encoders)
    kind = kind_of(oid)
    if kind is not None and kind.element:
        element = binary_encoder(kind.element, typmod, manner)
        return lambda value: array_binary(value, kind.element, element)
    return _binary_text
