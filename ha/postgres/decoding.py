"""From a client's text or binary to the value that SQLite shall keep. [pure]

**Never a silent change.** A parameter that SQLite could not keep (a numeric beyond 15 digits, a JSON number such as ``1.0``) is
refused with 22003.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, tzinfo
from decimal import Decimal
from functools import lru_cache, partial
from math import isfinite, isnan
from struct import Struct
from struct import error as StructError
from typing import Any

from ha.errors import StatementError
from ha.postgres import geometry, rangewire, records
from ha.postgres.encoding import (
    FLOAT8_LAYOUT,
    INT2_LAYOUT,
    INT4_LAYOUT,
    INT8_LAYOUT,
    INTERVAL_LAYOUT,
    PLAIN_STAMP,
    REGISTERED,
    TIMETZ_LAYOUT,
    binary_encoder,
    bool_of,
    is_textual,
    plain_text,
    uuid_of,
)
from ha.postgres.manner import Manner
from ha.postgres.moments import SPOKEN
from ha.postgres.nested import array_from_binary, json_item, list_of
from ha.postgres.numerals import FLOAT4_LAYOUT, decimal_of, float4_text, kept_exactly, numeric_from_binary, numeric_text
from ha.postgres.pgtypes import (
    BINARY,
    BOOL,
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
    TEXT,
    TIME,
    TIMESTAMP,
    TIMESTAMPTZ,
    TIMETZ,
    UUID,
    array_of,
    composite_of,
    is_nested,
    kind_of,
    out_of_range,
    spoken,
    unfit,
)
from ha.sql import addresses, spans, tids, timetexts
from ha.sql.calendar import (
    DAY,
    DAY_EARLY,
    DAY_END,
    DAY_FIRST,
    DAY_LATE,
    EARLY,
    LATE,
    STAMP_END,
    STAMP_FIRST,
    clock_text,
    date_kept,
    east_text,
    moment_kept,
    stamp_kept,
)
from ha.values import Value

#: Readers that are remembered: types in use, in two formats, in some time zones.
READERS_KEPT = 1_024

#: How wide the whole numbers are.
_BITS = {INT8: 64, INT4: 32, INT2: 16}


def _int_from_text(oid: int, bits: int) -> Callable[[str], Value]:
    least, most = -(1 << bits - 1), (1 << bits - 1) - 1

    def read(text: str) -> Value:
        try:
            value = int(text)
        except ValueError:
            raise unfit(oid, text) from None
        if "_" in text:
            raise unfit(oid, text)
        if not least <= value <= most:
            raise out_of_range(oid, text)
        return value

    return read


def _float_from_text(text: str) -> Value:
    try:
        value = float(text)
    except ValueError:
        raise unfit(FLOAT8, text) from None
    if "_" in text:
        raise unfit(FLOAT8, text)
    if value in (float("inf"), float("-inf")) and "inf" not in text.lower():
        raise out_of_range(FLOAT8, text)
    return "NaN" if isnan(value) else value


def _bytea_from_text(text: str) -> Value:
    if text.startswith("\\x"):
        try:
            return bytes.fromhex(text[2:])
        except ValueError:
            raise StatementError("22P02", "invalid hexadecimal data") from None
    return re.sub(rb"\\(\\|[0-3][0-7]{2})", lambda m: b"\\" if m[1] == b"\\" else bytes((int(m[1], 8),)), text.encode())


def _date_from_text(text: str, order: str = "MDY", zone: tzinfo | None = None) -> Value:
    if len(text) == 10 and text[4] == "-" == text[7]:
        try:
            date.fromisoformat(text)
            return text
        except ValueError:
            pass
    return date_kept(timetexts.date_of(text, order, zone))


def _timestamp_from_text(text: str, order: str = "MDY", zone: tzinfo | None = None) -> Value:
    if PLAIN_STAMP(text) is not None:
        try:
            datetime.fromisoformat(text)
            return text
        except ValueError:
            pass
    return stamp_kept(timetexts.checked_stamp(timetexts.read(text, SPOKEN[TIMESTAMP], order, zone)[0], text))


def _timestamptz_from_text(text: str, order: str = "MDY", zone: tzinfo | None = None) -> Value:
    us, east = timetexts.read(text, SPOKEN[TIMESTAMPTZ], order, zone)
    return moment_kept(timetexts.checked_stamp(timetexts.to_utc(us, east, zone), text))


def _time_from_text(text: str, order: str = "MDY", zone: tzinfo | None = None) -> Value:
    return clock_text(timetexts.read_clock(text, SPOKEN[TIME], order, zone)[0])


def _timetz_from_text(text: str, order: str = "MDY", zone: tzinfo | None = None) -> Value:
    return timetexts.timetz_of(text, order, zone)


#: What is read by the session's DateStyle and TimeZone.
_TIMES_FROM_TEXT: dict[int, Callable[..., Value]] = {
    DATE: _date_from_text,
    TIMESTAMP: _timestamp_from_text,
    TIMESTAMPTZ: _timestamptz_from_text,
    TIME: _time_from_text,
    TIMETZ: _timetz_from_text,
}


def _json_from_text(text: str) -> Value:
    stripped = text.strip()
    try:
        # `int` refuses NaN and Infinity, which Python would let pass.
        number = json.loads(stripped, parse_float=Decimal, parse_constant=int)
    except RecursionError:
        raise StatementError(
            "54001", "stack depth limit exceeded", detail="The JSON text is nested too deeply."
        ) from None
    except ValueError:
        raise _refuse_json(text) from None
    if isinstance(number, (int, Decimal)) and not isinstance(number, bool):
        # A column declared JSON has NUMERIC affinity: SQLite would rewrite 1.0 as 1 and 1e5 as 100000.
        kept = kept_exactly(stripped)
        if plain_text(kept).decode() != stripped:
            raise StatementError(
                "22003",
                f"JSON number {stripped[:60]} cannot be kept as it is written",
                hint="Put it into an array or an object.",
            )
        return kept
    return text


def _refuse_json(text: str) -> StatementError:
    return StatementError("22P02", "invalid input syntax for type json", detail=f'Token "{text[:60]}" is invalid.')


def _array_from_text(element: int) -> Callable[[str], Value]:
    one = text_reader(element)

    def read(text: str) -> Value:
        def convert(items: list[Any]) -> list[Any]:
            return [
                None
                if item is None
                else convert(item)
                if isinstance(item, list)
                else json_item(item if one is None else one(item), element)
                for item in items
            ]

        return json.dumps(convert(list_of(text, array_of(element))), ensure_ascii=False)

    return read


def _mac_from_text(oid: int, text: str) -> Value:
    return binary_encoder(oid)(text).hex(":")


_FROM_TEXT: dict[int, Callable[[str], Value]] = {
    BOOL: bool_of,
    **{oid: _int_from_text(oid, bits) for oid, bits in _BITS.items()},
    FLOAT8: _float_from_text,
    FLOAT4: _float_from_text,
    NUMERIC: kept_exactly,
    BYTEA: _bytea_from_text,
    **_TIMES_FROM_TEXT,
    INTERVAL: lambda text: spans.text_of(*spans.read(text)),
    UUID: uuid_of,
    JSON: _json_from_text,
    JSONB: _json_from_text,
    OID: lambda text: int(text) if text.isdigit() else text,
    OIDS["inet"]: addresses.inet,
    OIDS["cidr"]: addresses.cidr,
    OIDS["tid"]: tids.number_of,
    OIDS["macaddr"]: lambda text: _mac_from_text(OIDS["macaddr"], text),
    OIDS["macaddr8"]: lambda text: _mac_from_text(OIDS["macaddr8"], text),
    **{oid: partial(geometry.from_text, oid=oid) for oid in geometry.SIZES},
}


def _bound_reader(kind: str, manner: Manner | None) -> Callable[[str], str]:
    """What makes of a bound's text the one that is kept; a numeric keeps all its digits."""
    if kind == "numeric":
        return lambda text: format(decimal_of(text), "f")
    read = text_reader(OIDS[kind], manner)
    assert read is not None, kind
    return lambda text: str(read(text))


def _bound_from_binary(kind: str) -> Callable[[bytes], str]:
    if kind == "numeric":
        return numeric_from_binary
    return lambda raw: str(decode(OIDS[kind], raw, BINARY))


def text_reader(oid: int, manner: Manner | None = None) -> Callable[[str], Value] | None:
    """What :func:`decode` does with texts of one type; None where they stay as they are. To be found once for many."""
    if manner is not None:
        read_time = _TIMES_FROM_TEXT.get(oid)
        if read_time is not None:
            return partial(read_time, order=manner.order, zone=manner.zone)
        if oid == INTERVAL and manner.intervals == "sql_standard":
            return lambda text: spans.text_of(*spans.read(text, standard=True))
    part = rangewire.BOUNDS.get(oid)
    if part is not None:
        bound = _bound_reader(part, manner)
        return lambda text: rangewire.from_text(text, oid, bound)
    one = composite_of(oid)
    if one is not None:
        types = records.types_of(one)
        readers = [text_reader(each, manner) for each, _ in types]
        return lambda text: records.from_text(text, one, types, readers)
    read = _FROM_TEXT.get(oid)
    kind = kind_of(oid)
    if read is None and kind is not None and kind.element:
        return _array_from_text(kind.element)
    return read


def texts_reader(oid: int, manner: Manner | None = None) -> Callable[[Sequence[str | None]], Sequence[Value]] | None:
    """The same for a whole column, with None for NULL. Numbers are looked at together, and one by one only if one is none."""
    read = text_reader(oid, manner)
    if read is None:
        return None
    bits = _BITS.get(oid)

    def each(texts: Sequence[str | None]) -> Sequence[Value]:
        return [None if text is None else read(text) for text in texts]

    if bits is None:
        return each
    most = (1 << bits - 1) - 1

    def numbers(texts: Sequence[str | None]) -> Sequence[Value]:
        try:
            values = list(map(int, texts))  # type: ignore[arg-type]
        except (TypeError, ValueError):
            return each(texts)
        whole = values and -most <= min(values) and max(values) <= most and "_" not in "".join(texts)  # type: ignore[arg-type]
        return values if whole else each(texts)

    return numbers


def from_text(oid: int, text: str) -> Value:
    """The value SQLite shall hold for a parameter or COPY field written in text.

    :raises StatementError: 22P02, 22003, 22007, 22008.
    """
    read = text_reader(oid)
    return text if read is None else read(text)


def _element(oid: int, raw: bytes) -> Value:
    return decode(oid, raw, BINARY)


def _exact(oid: int, layout: Struct) -> Callable[[bytes], Any]:
    def read(raw: bytes) -> Any:
        if len(raw) != layout.size:
            raise StatementError("22P03", f"incorrect binary data format for type {spoken(oid)}")
        found = layout.unpack(raw)
        return found[0] if len(found) == 1 else found

    return read


_read_q, _read_i = _exact(INT8, INT8_LAYOUT), _exact(INT4, INT4_LAYOUT)
_read_h, _read_d = _exact(INT2, INT2_LAYOUT), _exact(FLOAT8, FLOAT8_LAYOUT)
_read_f, _read_u = _exact(FLOAT4, FLOAT4_LAYOUT), _exact(OID, Struct("!I"))
_read_interval, _read_timetz = _exact(INTERVAL, INTERVAL_LAYOUT), _exact(TIMETZ, TIMETZ_LAYOUT)


def _float4_value(raw: bytes) -> Value:
    value = _read_f(raw)
    return "NaN" if isnan(value) else float(float4_text(value)) if isfinite(value) else value


def _date_from_binary(raw: bytes) -> Value:
    days = _read_i(raw)
    if not DAY_FIRST <= days < DAY_END and days not in (DAY_EARLY, DAY_LATE):
        raise StatementError("22008", "date out of range")
    return date_kept(days)


def _stamp_in_range(raw: bytes) -> int:
    us: int = _read_q(raw)
    if not STAMP_FIRST <= us < STAMP_END and us not in (EARLY, LATE):
        raise StatementError("22008", "timestamp out of range")
    return us


def _time_from_binary(raw: bytes) -> Value:
    us = _read_q(raw)
    if not 0 <= us <= DAY:
        raise StatementError("22008", "time out of range")
    return clock_text(us)


def _float8_value(raw: bytes) -> Value:
    value = _read_d(raw)
    return "NaN" if value != value else value


def _timetz_from_binary(raw: bytes) -> Value:
    us, west = _read_timetz(raw)
    if not 0 <= us <= DAY:
        raise StatementError("22008", "time out of range")
    if abs(west) >= timetexts.EAST_END:
        raise StatementError("22009", "time zone displacement out of range")
    return clock_text(us) + east_text(-west)


def _interval_from_binary(raw: bytes) -> Value:
    us, days, months = _read_interval(raw)
    return spans.text_of(months, days, us)


def _utf8(raw: bytes) -> str:
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        wrong = " ".join(f"0x{byte:02x}" for byte in raw[error.start : error.start + 4])
        raise StatementError("22021", f'invalid byte sequence for encoding "UTF8": {wrong}') from None
    if "\0" in text:
        raise StatementError("22021", 'invalid byte sequence for encoding "UTF8": 0x00')
    return text


def _versioned(raw: bytes) -> Value:
    if raw[:1] != b"\1":
        raise StatementError("22P03", "unsupported jsonb version number")
    return _json_from_text(_utf8(raw[1:]))


def _bit_from_binary(raw: bytes) -> Value:
    length = INT4_LAYOUT.unpack_from(raw)[0]
    if not 0 <= length <= (len(raw) - 4) * 8:
        raise StatementError("22P03", "invalid length in external bit string")
    return "".join(f"{byte:08b}" for byte in raw[4:])[:length]


def _inet_from_binary(raw: bytes) -> Value:
    from ipaddress import ip_address

    try:
        address = ip_address(raw[4:])
    except ValueError:
        raise StatementError("22P03", "invalid address in external inet value") from None
    text = f"{address}/{raw[1]}"
    return addresses.cidr(text) if raw[2] else addresses.inet(text)


def _mac_from_binary(oid: int, size: int) -> Callable[[bytes], Value]:
    def read(raw: bytes) -> Value:
        if len(raw) != size:
            raise StatementError("22P03", f"incorrect binary data format for type {spoken(oid)}")
        return raw.hex(":")

    return read


_FROM_BINARY: dict[int, Callable[[bytes], Value]] = {
    BOOL: lambda raw: 1 if raw != b"\0" else 0,
    INT8: _read_q,
    INT4: _read_i,
    INT2: _read_h,
    OIDS["xid8"]: _read_q,
    FLOAT8: _float8_value,
    FLOAT4: _float4_value,
    NUMERIC: lambda raw: kept_exactly(numeric_from_binary(raw)),
    BYTEA: lambda raw: raw,
    DATE: _date_from_binary,
    TIMESTAMP: lambda raw: stamp_kept(_stamp_in_range(raw)),
    TIMESTAMPTZ: lambda raw: moment_kept(_stamp_in_range(raw)),
    TIME: _time_from_binary,
    TIMETZ: _timetz_from_binary,
    INTERVAL: _interval_from_binary,
    UUID: lambda raw: uuid_of(raw),
    JSON: lambda raw: _json_from_text(_utf8(raw)),
    JSONB: _versioned,
    OIDS["jsonpath"]: lambda raw: _utf8(raw[1:]),
    OIDS["int2vector"]: lambda raw: " ".join(map(str, array_from_binary(raw, _element))),
    OIDS["oidvector"]: lambda raw: " ".join(map(str, array_from_binary(raw, _element))),
    OIDS["bit"]: _bit_from_binary,
    OIDS["varbit"]: _bit_from_binary,
    OIDS["money"]: lambda raw: f"${_read_q(raw) / 100:,.2f}",
    OIDS["inet"]: _inet_from_binary,
    OIDS["cidr"]: _inet_from_binary,
    OIDS["macaddr"]: _mac_from_binary(OIDS["macaddr"], 6),
    OIDS["macaddr8"]: _mac_from_binary(OIDS["macaddr8"], 8),
    OIDS["tid"]: lambda raw: int.from_bytes(raw, "big"),
    OIDS["void"]: lambda raw: "",
    **{oid: partial(geometry.from_binary, oid=oid) for oid in geometry.SIZES},
    **{
        oid: partial(rangewire.from_binary, oid=oid, bound=_bound_from_binary(part))
        for oid, part in rangewire.BOUNDS.items()
    },
    **{OIDS[name]: _read_u for name in ("oid", "xid", "cid", *sorted(REGISTERED))},
}


def decode(oid: int, raw: bytes, format: int, manner: Manner | None = None) -> Value:
    """The value SQLite shall hold for one parameter or COPY field, see :func:`reader`."""
    return reader(oid, format, manner)(raw)


@lru_cache(READERS_KEPT)
def reader(oid: int, format: int, manner: Manner | None = None) -> Callable[[bytes], Value]:
    """What makes the values that SQLite shall hold of parameters or COPY fields of one type. To be found once for many.

    :param format: 0 text, 1 binary.
    :param manner: how the client writes them: where a time without a zone is meant, in which encoding texts are.

    What is returned raises :class:`StatementError`: 22P02, 22P03, 22003, 22007, 22008, 22021.
    """
    charset = manner.charset if manner is not None else None
    if charset is not None and (format == TEXT or is_textual(oid)):
        plain = reader(oid, format, manner._replace(charset=None) if manner is not None else None)
        return lambda raw: plain(charset.decode(raw))
    if format == TEXT:
        read = text_reader(oid, manner)
        if read is None:
            return _utf8
        return _int_from_bytes(read, _BITS[oid]) if oid in _BITS else lambda raw: read(_utf8(raw))
    found = _FROM_BINARY.get(oid)
    one = composite_of(oid)
    if found is None and not is_nested(oid):
        return _utf8
    if one is not None:
        types = records.types_of(one)
        readers = [reader(each, BINARY, manner) for each, _ in types]
        take: Callable[[bytes], Value] = partial(records.from_binary, one=one, types=types, readers=readers)
    else:
        kind = kind_of(oid)
        take = found or partial(_array_from_binary, element=kind.element if kind is not None else 0, manner=manner)

    def from_binary(raw: bytes) -> Value:
        try:
            return take(raw)
        except (StructError, IndexError, KeyError):
            raise StatementError("22P03", f"incorrect binary data format for type {spoken(oid)}") from None

    return from_binary


def exact_reader(format: int) -> Callable[[bytes], Value]:
    """What makes texts of numerics that keep all their digits, where a statement wants those."""
    if format == TEXT:
        return lambda raw: numeric_text(_utf8(raw), -1)

    def read(raw: bytes) -> Value:
        try:
            return numeric_from_binary(raw)
        except (StructError, KeyError):
            raise StatementError("22P03", f"incorrect binary data format for type {spoken(NUMERIC)}") from None

    return read


def _int_from_bytes(read: Callable[[str], Value], bits: int) -> Callable[[bytes], Value]:
    """Digits without a detour; `read` says what is wrong with all else."""
    least, most = -(1 << bits - 1), (1 << bits - 1) - 1

    def from_bytes(raw: bytes) -> Value:
        try:
            value = int(raw)
        except ValueError:
            return read(_utf8(raw))
        return value if least <= value <= most and b"_" not in raw else read(_utf8(raw))

    return from_bytes


def _array_from_binary(raw: bytes, element: int, manner: Manner | None) -> Value:
    found = array_from_binary(raw, lambda oid, one: decode(oid, one, BINARY, manner), element)
    return json.dumps(found, ensure_ascii=False)
