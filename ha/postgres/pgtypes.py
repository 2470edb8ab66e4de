"""PostgreSQL's types over SQLite's five: OIDs, and each value to text or binary and back. [pure]

**What a value is in the file.** SQLite holds NULL, INTEGER, REAL, TEXT and BLOB; the words of the declared type say what was
meant (``decltype``), so nothing is stored beside the rows. The forms kept are those which sort rightly and which SQLite's own
functions read: booleans 1 and 0, numbers as numbers, dates and times as ISO text (with a zone: UTC, ``+00:00``), UUIDs with
dashes, JSON as text, arrays as JSON text, intervals as PostgreSQL writes them, ``NaN`` as text (SQLite turns a NaN into NULL).

**What was announced wins.** A value is encoded to the type that the RowDescription named. In binary a value that does not fit is
an error (22P02, 22003, 22008), never other bytes; in text it is sent as its own text, which every client can show.

**Never a silent change.** A parameter that SQLite could not keep (a numeric beyond 15 digits, a JSON number such as ``1.0``) is
refused with 22003.

Whole rows are written by :mod:`ha.postgres.shapes`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from math import isfinite, isnan
from struct import Struct, unpack_from
from struct import error as StructError
from typing import Any

from ha.errors import StatementError
from ha.values import Column, Value

TEXT, BINARY = 0, 1


@dataclass(frozen=True, slots=True)
class Type:
    """One of PostgreSQL's types.

    :param size: bytes, negative when it varies (pg_type.typlen).
    :param array: the OID of its array type, 0 without.
    :param element: for an array the OID of its elements, else 0.
    """

    oid: int
    name: str
    size: int
    array: int = 0
    element: int = 0


# name, OID, typlen, OID of the array type: pg_type.dat of PostgreSQL 15.
_BASE = (
    ("bool", 16, 1, 1000), ("bytea", 17, -1, 1001), ("char", 18, 1, 1002), ("name", 19, 64, 1003), ("int8", 20, 8, 1016),
    ("int2", 21, 2, 1005), ("int2vector", 22, -1, 1006), ("int4", 23, 4, 1007), ("regproc", 24, 4, 1008), ("text", 25, -1, 1009),
    ("oid", 26, 4, 1028), ("tid", 27, 6, 1010), ("xid", 28, 4, 1011), ("cid", 29, 4, 1012), ("oidvector", 30, -1, 1013),
    ("json", 114, -1, 199), ("xml", 142, -1, 143), ("pg_node_tree", 194, -1, 0), ("float4", 700, 4, 1021),
    ("float8", 701, 8, 1022), ("unknown", 705, -2, 0), ("money", 790, 8, 791), ("macaddr", 829, 6, 1040),
    ("inet", 869, -1, 1041), ("cidr", 650, -1, 651), ("aclitem", 1033, 12, 1034), ("bpchar", 1042, -1, 1014),
    ("varchar", 1043, -1, 1015), ("date", 1082, 4, 1182), ("time", 1083, 8, 1183), ("timestamp", 1114, 8, 1115),
    ("timestamptz", 1184, 8, 1185), ("interval", 1186, 16, 1187), ("timetz", 1266, 12, 1270), ("bit", 1560, -1, 1561),
    ("varbit", 1562, -1, 1563), ("numeric", 1700, -1, 1231), ("refcursor", 1790, -1, 2201), ("regprocedure", 2202, 4, 2207),
    ("regoper", 2203, 4, 2208), ("regclass", 2205, 4, 2210), ("regtype", 2206, 4, 2211), ("record", 2249, -1, 2287),
    ("void", 2278, 4, 0), ("uuid", 2950, 16, 2951), ("jsonb", 3802, -1, 3807), ("jsonpath", 4072, -1, 4073),
    ("regrole", 4096, 4, 4097), ("regnamespace", 4089, 4, 4090), ("xid8", 5069, 8, 271), ("anyarray", 2277, -1, 0),
)  # fmt: skip

TYPES: dict[int, Type] = {}
OIDS: dict[str, int] = {}
for _name, _oid, _size, _array in _BASE:
    TYPES[_oid] = Type(_oid, _name, _size, _array)
    OIDS[_name] = _oid
    if _array:
        TYPES[_array] = Type(_array, "_" + _name, -1, 0, _oid)
        OIDS["_" + _name] = OIDS[_name + "[]"] = _array

BOOL, BYTEA, INT8, INT2, INT4, TEXT_OID, OID = 16, 17, 20, 21, 23, 25, 26
FLOAT4, FLOAT8, NUMERIC, UNKNOWN = 700, 701, 1700, 705
BPCHAR, VARCHAR, DATE, TIME, TIMESTAMP, TIMESTAMPTZ, INTERVAL, TIMETZ = 1042, 1043, 1082, 1083, 1114, 1184, 1186, 1266
UUID, JSON, JSONB = 2950, 114, 3802

#: Declared words, upper case and without lengths, to a type name.
_WORDS = {
    "INTEGER": "int8", "INT": "int8", "BIGINT": "int8", "INT8": "int8", "BIGSERIAL": "int8", "SERIAL8": "int8",
    "UNSIGNED BIG INT": "int8", "INT4": "int4", "MEDIUMINT": "int4", "SERIAL": "int4", "SERIAL4": "int4",
    "SMALLINT": "int2", "INT2": "int2", "TINYINT": "int2", "SMALLSERIAL": "int2", "SERIAL2": "int2",
    "REAL": "float8", "DOUBLE": "float8", "DOUBLE PRECISION": "float8", "FLOAT": "float8", "FLOAT8": "float8", "FLOAT4": "float8",
    "NUMERIC": "numeric", "DECIMAL": "numeric", "DEC": "numeric", "BOOLEAN": "bool", "BOOL": "bool",
    "TEXT": "text", "CLOB": "text", "VARCHAR": "varchar", "CHARACTER VARYING": "varchar", "NVARCHAR": "varchar",
    "VARYING CHARACTER": "varchar", "CHAR": "bpchar", "CHARACTER": "bpchar", "NCHAR": "bpchar", "BPCHAR": "bpchar",
    "NATIVE CHARACTER": "bpchar", "BLOB": "bytea", "BYTEA": "bytea", "VARBINARY": "bytea", "BINARY": "bytea",
    "DATE": "date", "TIMESTAMP": "timestamp", "DATETIME": "timestamp", "TIMESTAMP WITHOUT TIME ZONE": "timestamp",
    "TIMESTAMPTZ": "timestamptz", "TIMESTAMP WITH TIME ZONE": "timestamptz", "TIME": "time", "TIME WITHOUT TIME ZONE": "time",
    "TIMETZ": "timetz", "TIME WITH TIME ZONE": "timetz", "INTERVAL": "interval", "UUID": "uuid", "JSON": "json", "JSONB": "jsonb",
    "NAME": "name", "OID": "oid", "XML": "xml", "INET": "inet", "CIDR": "cidr", "MACADDR": "macaddr", "MONEY": "money",
    "BIT": "bit", "BIT VARYING": "varbit", "VARBIT": "varbit", "\"CHAR\"": "char", "REGCLASS": "regclass",
    "REGTYPE": "regtype", "REGPROC": "regproc", "XID": "xid", "INT2VECTOR": "int2vector", "OIDVECTOR": "oidvector",
    "PG_NODE_TREE": "pg_node_tree", "ACLITEM": "aclitem", "VOID": "void", "RECORD": "record", "ANYARRAY": "anyarray",
}  # fmt: skip

_DECLTYPE = re.compile(
    r"\s*([A-Za-z_\"][\w\" ]*?)\s*(?:\(\s*(-?\d+)\s*(?:,\s*(-?\d+)\s*)?\)\s*([A-Za-z ]*?)\s*)?((?:\[\d*\]\s*)*)\Z"
)


@lru_cache(4096)
def of_decltype(decltype: str) -> tuple[int, int] | None:
    """The OID and type modifier that declared words mean; None where they say nothing about a type."""
    match = _DECLTYPE.match(decltype)
    if match is None:
        return None
    word, first, second, after, brackets = match.groups()
    word = " ".join(f"{word} {after or ''}".upper().split())
    if word.endswith(" ARRAY"):
        word, brackets = word[:-6], "[]"
    if word.startswith("_") and word[1:] in _WORDS:
        word, brackets = word[1:], "[]"
    name = _WORDS.get(word)
    if name is None:
        return _by_affinity(word, bool(brackets))
    typmod = -1
    if first is not None:
        if name == "numeric":
            typmod = ((int(first) << 16) | (int(second or 0) & 0x7FF)) + 4
        elif name in ("varchar", "bpchar"):
            typmod = int(first) + 4
        elif name in ("timestamp", "timestamptz", "time", "timetz", "bit", "varbit"):
            typmod = int(first)
    elif name == "bpchar" and word != "BPCHAR":
        typmod = 5
    if brackets:
        return (1016 if word == "INTEGER" or word == "INT" else TYPES[OIDS[name]].array), typmod
    return OIDS[name], typmod


def _by_affinity(word: str, array: bool) -> tuple[int, int] | None:
    """What SQLite's rules make of words PostgreSQL does not know (https://www.sqlite.org/datatype3.html#determination_of_column_affinity)."""
    if array:
        return TYPES[TEXT_OID].array, -1
    if "INT" in word:
        return INT8, -1
    if "CHAR" in word or "CLOB" in word or "TEXT" in word:
        return TEXT_OID, -1
    if "BLOB" in word:
        return BYTEA, -1
    if "REAL" in word or "FLOA" in word or "DOUB" in word:
        return FLOAT8, -1
    return None


@lru_cache(4096)
def of_name(name: str) -> tuple[int, int]:
    """The OID and type modifier of a PostgreSQL type name (``int4``, ``numeric(10,2)``, ``text[]``); text when unknown."""
    oid = OIDS.get(name)
    if oid is not None:
        return oid, -1
    # PostgreSQL's own `integer` is int4; a *declared* INTEGER is SQLite's 64 bits.
    plain = {"integer": INT4, "int": INT4, "integer[]": 1007, "int[]": 1007, "real": FLOAT4}.get(name.lower())
    return (plain, -1) if plain else (of_decltype(name) or (TEXT_OID, -1))


def size_of(oid: int) -> int:
    """pg_type.typlen."""
    kind = TYPES.get(oid)
    return kind.size if kind else -1


def of_values(values: Sequence[Value]) -> int:
    """The type that fits all these values of one untyped column; text where nothing else does."""
    kinds = {value.__class__ for value in values}
    kinds.discard(type(None))
    if kinds == {int}:
        return INT8
    if kinds and kinds <= {int, float}:
        return FLOAT8
    return BYTEA if kinds == {bytes} else TEXT_OID


def of_column(column: Column) -> tuple[int, int] | None:
    """What is known of a column without looking at values: the declared type, else what inference says, else None."""
    if column.decltype:
        known = of_decltype(column.decltype)
        if known is not None:
            return known
    return of_name(column.expression) if column.expression else None


# --- failing ----------------------------------------------------------------------------------------------------------

_SPOKEN = {
    "bool": "boolean", "int8": "bigint", "int4": "integer", "int2": "smallint", "float8": "double precision", "float4": "real",
    "bpchar": "character", "varchar": "character varying", "timestamptz": "timestamp with time zone",
    "timestamp": "timestamp without time zone", "time": "time without time zone", "timetz": "time with time zone", "varbit": "bit varying",
}  # fmt: skip


def spoken(oid: int) -> str:
    """The type as format_type() would name it."""
    kind = TYPES.get(oid)
    if kind is None:
        return "text"
    if kind.element:
        return spoken(kind.element) + "[]"
    return _SPOKEN.get(kind.name, kind.name)


def _unfit(oid: int, value: object) -> StatementError:
    shown = value if isinstance(value, str) else repr(value)
    if len(shown) > 200:
        shown = shown[:200] + "..."
    if oid in (DATE, TIME, TIMETZ, TIMESTAMP, TIMESTAMPTZ, INTERVAL):
        return StatementError(
            "22007",
            f'invalid input syntax for type {_SPOKEN.get(TYPES[oid].name, TYPES[oid].name).split(" with")[0]}: "{shown}"',
        )
    return StatementError("22P02", f'invalid input syntax for type {spoken(oid)}: "{shown}"')


def _out_of_range(oid: int, value: object) -> StatementError:
    if oid in (DATE, TIME, TIMETZ, TIMESTAMP, TIMESTAMPTZ):
        return StatementError("22008", f'date/time field value out of range: "{value}"')
    return StatementError("22003", f'value "{value}" is out of range for type {spoken(oid)}')


# --- dates and times --------------------------------------------------------------------------------------------------

_EPOCH = date(2000, 1, 1).toordinal()
_DAY_US = 86_400_000_000
_INFINITY = {"infinity": (1 << 63) - 1, "+infinity": (1 << 63) - 1, "-infinity": -(1 << 63)}
_STAMP = re.compile(
    r"\s*(\d{4,5})-(\d{1,2})-(\d{1,2})(?:[ T]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?"
    r"\s*(Z|UTC|GMT|[+-]\d{1,2}(?::?\d{2}(?::?\d{2})?)?)?\s*$",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"\s*(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*(Z|UTC|[+-]\d{1,2}(?::?\d{2}(?::?\d{2})?)?)?\s*$",
    re.IGNORECASE,
)


def _fraction(digits: str | None) -> int:
    if not digits:
        return 0
    return round(float("0." + digits) * 1_000_000)


def _zone(text: str | None) -> int | None:
    """Seconds east of Greenwich, None for none."""
    if not text:
        return None
    if text[0] not in "+-":
        return 0
    digits = text[1:].replace(":", "")
    if len(digits) % 2:
        digits = "0" + digits
    hours, minutes, seconds = int(digits[:2]), int(digits[2:4] or 0), int(digits[4:6] or 0)
    east = hours * 3600 + minutes * 60 + seconds
    return -east if text[0] == "-" else east


def _stamp_of(value: Value, oid: int) -> tuple[int, int | None]:
    """Microseconds since 2000-01-01 and the zone's seconds, from whatever a column may hold.

    :raises StatementError: 22007, 22008.
    """
    if isinstance(value, str):
        match = _STAMP.match(value)
        if match is None:
            special = _INFINITY.get(value.strip().lower())
            if special is not None:
                return special, None
            if value.strip().lower() == "epoch":
                return -946_684_800_000_000, None
            raise _unfit(oid, value)
        year, month, day, hour, minute, second, fraction, zone = match.groups()
        try:
            days = date(int(year), int(month), int(day)).toordinal() - _EPOCH
        except ValueError:
            raise _out_of_range(oid, value) from None
        h, m, s = int(hour or 0), int(minute or 0), int(second or 0)
        if h > 24 or m > 59 or s > 60 or (h == 24 and (m or s)):
            raise _out_of_range(oid, value)
        return days * _DAY_US + (h * 3600 + m * 60 + s) * 1_000_000 + _fraction(fraction), _zone(zone)
    if isinstance(value, int):
        # SQLite's second convention for dates: seconds since 1970.
        return (value - 946_684_800) * 1_000_000, 0
    if isinstance(value, float) and isfinite(value):
        # Its third: Julian days.
        return round((value - 2451544.5) * _DAY_US), 0
    raise _unfit(oid, value)


def _date_text(days: int) -> str:
    try:
        return date.fromordinal(days + _EPOCH).isoformat()
    except (ValueError, OverflowError):
        raise _out_of_range(DATE, days) from None


def _clock_text(us: int) -> str:
    seconds, fraction = divmod(us, 1_000_000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    text = f"{hour:02d}:{minute:02d}:{second:02d}"
    return text + f".{fraction:06d}".rstrip("0") if fraction else text


def _stamp_text(us: int) -> str:
    if us == _INFINITY["infinity"]:
        return "infinity"
    if us == _INFINITY["-infinity"]:
        return "-infinity"
    days, rest = divmod(us, _DAY_US)
    return f"{_date_text(days)} {_clock_text(rest)}"


def _zone_text(east: int) -> str:
    sign, east = ("-", -east) if east < 0 else ("+", east)
    hours, rest = divmod(east, 3600)
    minutes, seconds = divmod(rest, 60)
    return (
        f"{sign}{hours:02d}"
        + (f":{minutes:02d}" if minutes or seconds else "")
        + (f":{seconds:02d}" if seconds else "")
    )


def _utc(us: int, zone: int | None) -> int:
    return us - zone * 1_000_000 if zone and abs(us) < (1 << 62) else us


def _time_of(value: Value, oid: int) -> tuple[int, int | None]:
    """Microseconds since midnight, and the zone."""
    if isinstance(value, str):
        match = _TIME.match(value)
        if match is None:
            us, zone = _stamp_of(value, oid)
            return us % _DAY_US, zone
        h, m, s = int(match[1]), int(match[2]), int(match[3] or 0)
        if h > 24 or m > 59 or s > 60 or (h == 24 and (m or s)):
            raise _out_of_range(oid, value)
        return (h * 3600 + m * 60 + s) * 1_000_000 + _fraction(match[4]), _zone(match[5])
    if isinstance(value, int) and 0 <= value <= 86400:
        return value * 1_000_000, None
    raise _unfit(oid, value)


# --- intervals --------------------------------------------------------------------------------------------------------

_INTERVAL_UNITS = {
    "microsecond": (0, 0, 1), "us": (0, 0, 1), "millisecond": (0, 0, 1000), "ms": (0, 0, 1000), "second": (0, 0, 1_000_000),
    "sec": (0, 0, 1_000_000), "s": (0, 0, 1_000_000), "minute": (0, 0, 60_000_000), "min": (0, 0, 60_000_000),
    "m": (0, 0, 60_000_000), "hour": (0, 0, 3_600_000_000), "hr": (0, 0, 3_600_000_000), "h": (0, 0, 3_600_000_000),
    "day": (0, 1, 0), "d": (0, 1, 0), "week": (0, 7, 0), "w": (0, 7, 0), "month": (1, 0, 0), "mon": (1, 0, 0),
    "year": (12, 0, 0), "yr": (12, 0, 0), "y": (12, 0, 0), "decade": (120, 0, 0), "century": (1200, 0, 0),
    "centurie": (1200, 0, 0), "millennium": (12000, 0, 0),
}  # fmt: skip
_INTERVAL_PART = re.compile(
    r"\s*(?:([+-]?)(\d+):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?|([+-]?\d+(?:\.\d+)?)\s*([A-Za-z]+))"
)
_ISO_INTERVAL = re.compile(
    r"P(?:(-?\d+)Y)?(?:(-?\d+)M)?(?:(-?\d+)W)?(?:(-?\d+)D)?(?:T(?:(-?\d+)H)?(?:(-?\d+)M)?(?:(-?\d+(?:\.\d+)?)S)?)?$",
    re.IGNORECASE,
)


def interval_of(text: str) -> tuple[int, int, int]:
    """Months, days and microseconds of an interval in PostgreSQL's, SQL's or ISO 8601's writing.

    :raises StatementError: 22007.
    """
    stripped = text.strip()
    iso = _ISO_INTERVAL.match(stripped)
    if iso and len(stripped) > 1:
        y, mo, w, d, h, mi, s = (part or 0 for part in iso.groups())
        us = int(h) * 3_600_000_000 + int(mi) * 60_000_000 + int(Decimal(s) * 1_000_000)
        return int(y) * 12 + int(mo), int(w) * 7 + int(d), us
    ago = stripped.lower().endswith(" ago")
    rest = stripped[:-4] if ago else stripped
    rest = rest.lstrip("@").strip()
    months = days = us = at = 0
    while at < len(rest):
        part = _INTERVAL_PART.match(rest, at)
        if part is None:
            raise _unfit(INTERVAL, text)
        at = part.end()
        if part[2] is not None:
            clock = (int(part[2]) * 3600 + int(part[3]) * 60 + int(part[4] or 0)) * 1_000_000 + _fraction(part[5])
            us += -clock if part[1] == "-" else clock
            continue
        unit = part[7].lower()
        scale = _INTERVAL_UNITS.get(unit) or _INTERVAL_UNITS.get(unit.rstrip("s"))
        if scale is None:
            raise _unfit(INTERVAL, text)
        amount = Decimal(part[6])
        months += int(amount * scale[0])
        part_days = amount * scale[1] + (amount * scale[0] % 1) * 30
        days += int(part_days)
        us += int(amount * scale[2] + part_days % 1 * _DAY_US)
    if not rest:
        raise _unfit(INTERVAL, text)
    return (-months, -days, -us) if ago else (months, days, us)


def interval_text(months: int, days: int, us: int) -> str:
    """An interval as PostgreSQL writes it (IntervalStyle postgres)."""
    parts = []
    years = abs(months) // 12 * (-1 if months < 0 else 1)
    minus = False
    for count, one, many in ((years, "year", "years"), (months - years * 12, "mon", "mons"), (days, "day", "days")):
        if count:
            parts.append(f"{'+' if minus and count > 0 else ''}{count} {one if count == 1 else many}")
            minus = count < 0
    if us or not parts:
        sign = "-" if us < 0 else "+" if minus else ""
        parts.append(sign + _clock_text(abs(us)))
    return " ".join(parts)


# --- numbers ----------------------------------------------------------------------------------------------------------


def float_text(value: float) -> str:
    """The shortest text that reads back as the same number, in PostgreSQL's writing (``3``, ``1e+15``, ``-0``)."""
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    text = repr(value)
    if text.endswith(".0"):
        text = text[:-2]
    mantissa, e, exponent = text.partition("e")
    if e:
        return text
    # Python changes to an exponent at 1e16, PostgreSQL at 1e15.
    digits = mantissa.lstrip("-")
    if len(digits.partition(".")[0]) > 15:
        sign = "-" if value < 0 else ""
        whole, _, fraction = digits.partition(".")
        figures = (whole + fraction).rstrip("0")
        return f"{sign}{figures[0]}{'.' + figures[1:] if len(figures) > 1 else ''}e+{len(whole) - 1:02d}"
    return text


_FLOAT4 = Struct("!f")


def _float4_text(value: float) -> str:
    """The shortest text that reads back as the same 32-bit number."""
    if not isfinite(value) or value == 0:
        return float_text(value)
    try:
        narrow = _FLOAT4.unpack(_FLOAT4.pack(value))[0]
    except OverflowError:
        raise _out_of_range(FLOAT4, value) from None
    for digits in range(1, 10):
        text = f"{value:.{digits}g}"
        if _FLOAT4.unpack(_FLOAT4.pack(float(text)))[0] == narrow:
            break
    return float_text(float(text))


def _decimal_of(value: Value) -> Decimal:
    """An exact decimal of what a column holds.

    :raises StatementError: 22P02.
    """
    if isinstance(value, float):
        return Decimal(repr(value))
    try:
        return Decimal(value.strip() if isinstance(value, str) else value)  # type: ignore[arg-type]
    except (InvalidOperation, TypeError, ValueError):
        raise _unfit(NUMERIC, value) from None


def _numeric_text(value: Value, typmod: int) -> str:
    number = _decimal_of(value)
    if not number.is_finite():
        return "NaN" if number.is_nan() else "Infinity" if number > 0 else "-Infinity"
    if typmod >= 4:
        scale = (typmod - 4) & 0x7FF
        number = round(number, scale) if scale else number.to_integral_value()
    return f"{number:f}"


_NUMERIC_HEAD = Struct("!hhHh")


def _numeric_binary(value: Value, typmod: int) -> bytes:
    """Digits in base 10,000 (src/backend/utils/adt/numeric.c, numeric_send)."""
    text = _numeric_text(value, typmod)
    if text in ("NaN", "Infinity", "-Infinity"):
        return _NUMERIC_HEAD.pack(0, 0, {"NaN": 0xC000, "Infinity": 0xD000, "-Infinity": 0xF000}[text], 0)
    sign = 0x4000 if text[0] == "-" else 0
    whole, _, fraction = text.lstrip("-").partition(".")
    scale = len(fraction)
    whole = whole.lstrip("0")
    whole = "0" * (-len(whole) % 4) + whole
    fraction += "0" * (-len(fraction) % 4)
    digits = [int((whole + fraction)[at : at + 4]) for at in range(0, len(whole) + len(fraction), 4)]
    weight = len(whole) // 4 - 1
    while digits and digits[0] == 0:
        del digits[0]
        weight -= 1
    while digits and digits[-1] == 0:
        del digits[-1]
    if not digits:
        weight = sign = 0
    if len(digits) > 32767 or scale > 16383:
        raise _out_of_range(NUMERIC, text[:40])
    return _NUMERIC_HEAD.pack(len(digits), weight, sign, scale) + b"".join(d.to_bytes(2, "big") for d in digits)


def _numeric_from_binary(raw: bytes) -> str:
    count, weight, sign, scale = _NUMERIC_HEAD.unpack_from(raw)
    if sign >= 0xC000:
        return {0xC000: "NaN", 0xD000: "Infinity", 0xF000: "-Infinity"}[sign]
    digits = unpack_from(f"!{count}H", raw, 8)
    figures = "".join(f"{d:04d}" for d in digits)
    point = (weight + 1) * 4
    if point <= 0:
        whole, fraction = "0", "0" * -point + figures
    else:
        figures = figures.ljust(point, "0")
        whole, fraction = figures[:point], figures[point:]
    text = whole.lstrip("0") or "0"
    if scale:
        text += "." + fraction[:scale].ljust(scale, "0")
    return ("-" if sign == 0x4000 else "") + text


def _kept_exactly(text: str) -> Value:
    """A decimal as the number SQLite would make of it, if that is the same number.

    :raises StatementError: 22P02 no number; 22003 more digits than can be kept.
    """
    number = _decimal_of(text)
    if not number.is_finite():
        return _numeric_text(text, -1)
    if number == number.to_integral_value() and -(1 << 63) <= number < 1 << 63:
        return int(number)
    nearest = float(number)
    if isfinite(nearest) and Decimal(repr(nearest)) == number:
        return nearest
    raise StatementError(
        "22003",
        "numeric value has more digits than can be kept exactly",
        detail=f'"{text[:60]}" cannot be stored as a 64-bit integer or floating-point number without a change.',
        hint="Use a column of type text for longer numbers.",
    )


# --- arrays and records -----------------------------------------------------------------------------------------------


def array_literal(text: str) -> list[Any]:
    """Nested lists of strings and None, from an array in PostgreSQL's writing.

    :raises StatementError: 22P02.
    """

    def malformed() -> StatementError:
        return StatementError("22P02", f'malformed array literal: "{text[:200]}"')

    at = text.find("{")
    if at < 0 or text[:at].strip(" []0123456789:=-"):
        raise malformed()
    stack: list[list[Any]] = []
    token: list[str] = []
    quoted = begun = False
    end = len(text)
    while at < end:
        char = text[at]
        if char == "{":
            if begun or len(stack) >= 6:
                raise malformed()
            stack.append([])
        elif char in ",}":
            if begun:
                word = "".join(token) if quoted else "".join(token).strip()
                stack[-1].append(None if not quoted and word.upper() == "NULL" else word)
            elif char == "," and not stack[-1]:
                raise malformed()
            token, quoted, begun = [], False, False
            if char == "}":
                inner = stack.pop()
                if not stack:
                    if text[at + 1 :].strip():
                        raise malformed()
                    return inner
                stack[-1].append(inner)
        elif char == '"':
            quoted = begun = True
            at += 1
            while at < end and text[at] != '"':
                at += text[at] == "\\"
                if at < end:
                    token.append(text[at])
                at += 1
        elif char == "\\":
            at += 1
            token.append(text[at : at + 1])
            begun = True
        elif begun or not char.isspace():
            token.append(char)
            begun = True
        at += 1
    raise malformed()


def _list_of(value: Value, oid: int) -> list[Any]:
    """The elements of an array however it is kept: JSON text, or PostgreSQL's writing."""
    if isinstance(value, str):
        if value.lstrip()[:1] == "[" and "={" not in value:
            try:
                found = json.loads(value)
                if isinstance(found, list):
                    return found
            except (ValueError, RecursionError):
                pass
        return array_literal(value)
    raise _unfit(oid, value)


_PLAIN_ELEMENT = re.compile(r'[^\s{}",\\]+')


def _array_text(value: Value, element: int, typmod: int) -> str:
    one = text_encoder(element, typmod)

    def write(items: list[Any]) -> str:
        parts = []
        for item in items:
            if item is None:
                parts.append("NULL")
            elif isinstance(item, list):
                parts.append(write(item))
            else:
                text = one(_element(item)).decode()
                if _PLAIN_ELEMENT.fullmatch(text) is None or text.upper() == "NULL":
                    text = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
                parts.append(text)
        return "{" + ",".join(parts) + "}"

    return write(_list_of(value, TYPES[element].array))


def _element(item: Any) -> Value:
    """A JSON value as SQLite would hold it."""
    if item is True or item is False:
        return int(item)
    return json.dumps(item) if isinstance(item, dict) else item


_ARRAY_HEAD = Struct("!iiI")
_DIMENSION = Struct("!ii")


def _array_binary(value: Value, element: int, typmod: int, lower: int = 1) -> bytes:
    one = binary_encoder(element, typmod)
    items = _list_of(value, TYPES[element].array)
    sizes = []
    level: Any = items
    while isinstance(level, list) and level:
        sizes.append(len(level))
        level = level[0]
    flat: list[Any] = items
    for size in sizes[1:]:
        if any(not isinstance(inner, list) or len(inner) != size for inner in flat):
            raise StatementError("22P02", "multidimensional arrays must have sub-arrays with matching dimensions")
        flat = [item for inner in flat for item in inner]
    parts = [_ARRAY_HEAD.pack(len(sizes), int(any(item is None for item in flat)), element)]
    parts += [_DIMENSION.pack(size, lower) for size in sizes]
    for item in flat:
        if item is None:
            parts.append(b"\xff\xff\xff\xff")
        else:
            raw = one(_element(item))
            parts.append(len(raw).to_bytes(4, "big") + raw)
    return b"".join(parts)


def _array_from_binary(raw: bytes) -> list[Any]:
    dimensions, _, element = _ARRAY_HEAD.unpack_from(raw)
    if not 0 <= dimensions <= 6:
        raise StatementError("22P03", f"invalid number of dimensions: {dimensions}")
    at = 12
    sizes = []
    total = 1
    for _ in range(dimensions):
        size, _lower = _DIMENSION.unpack_from(raw, at)
        at += 8
        sizes.append(size)
        total *= size
    if min(sizes, default=0) < 0 or (dimensions and total * 4 > len(raw) - at):
        raise StatementError("22P03", "insufficient data left in message")
    items: list[Any] = []
    for _ in range(total if dimensions else 0):
        length = int.from_bytes(raw[at : at + 4], "big", signed=True)
        at += 4
        if length < 0:
            items.append(None)
            continue
        if length > len(raw) - at:
            raise StatementError("22P03", "insufficient data left in message")
        items.append(_json_item(decode(element, raw[at : at + length], BINARY), element))
        at += length
    for size in reversed(sizes[1:]):
        items = [items[start : start + size] for start in range(0, len(items), size)]
    return items


def _json_item(value: Value, element: int) -> Any:
    """An array's element as JSON keeps it."""
    if element == BOOL and value is not None:
        return bool(value)
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    if isinstance(value, float) and not isfinite(value):
        return float_text(value)
    if element in (JSON, JSONB) and isinstance(value, str):
        return json.loads(value)
    return value


def _vector_binary(value: Value, oid: int) -> bytes:
    element = INT2 if oid == OIDS["int2vector"] else OID
    try:
        numbers = (
            [int(word) for word in str(value).split()] if not str(value).startswith("[") else json.loads(str(value))
        )
    except ValueError:
        raise _unfit(oid, value) from None
    if not numbers:
        return _ARRAY_HEAD.pack(1, 0, element) + _DIMENSION.pack(0, 0)
    return _array_binary(json.dumps(numbers), element, -1, 0)


def _record_binary(value: Value) -> bytes:
    """A record has no types in the file: what looks like an int4 is one, the rest is `unknown`."""
    text = str(value)
    fields = array_literal("{" + text[1:-1] + "}") if text.startswith("(") and text != "()" else []
    parts = [len(fields).to_bytes(4, "big")]
    for item in fields:
        oid = INT4 if item is not None and re.fullmatch(r"-?\d{1,9}", item) else UNKNOWN
        raw = b"" if item is None else int(item).to_bytes(4, "big", signed=True) if oid == INT4 else item.encode()
        parts.append(
            oid.to_bytes(4, "big") + (b"\xff\xff\xff\xff" if item is None else len(raw).to_bytes(4, "big") + raw)
        )
    return b"".join(parts)


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


def _text_int(value: Value) -> bytes:
    if isinstance(value, float) and value.is_integer():
        return b"%d" % int(value)
    return plain_text(value)


def _text_bytea(value: Value) -> bytes:
    return b"\\x" + (value if isinstance(value, bytes) else plain_text(value)).hex().encode()


def _text_date(value: Value) -> bytes:
    us, _ = _stamp_of(value, DATE)
    return (_stamp_text(us) if abs(us) > (1 << 62) else _date_text(us // _DAY_US)).encode()


def _text_timestamp(value: Value) -> bytes:
    return _stamp_text(_stamp_of(value, TIMESTAMP)[0]).encode()


def _text_timestamptz(value: Value) -> bytes:
    us, zone = _stamp_of(value, TIMESTAMPTZ)
    text = _stamp_text(_utc(us, zone))
    return (text if text.endswith("infinity") else text + "+00").encode()


def _text_time(value: Value) -> bytes:
    return _clock_text(_time_of(value, TIME)[0]).encode()


def _text_timetz(value: Value) -> bytes:
    us, zone = _time_of(value, TIMETZ)
    return (_clock_text(us) + _zone_text(zone or 0)).encode()


def _text_interval(value: Value) -> bytes:
    return interval_text(*interval_of(str(value))).encode()


def _text_uuid(value: Value) -> bytes:
    return _uuid_of(value).encode()


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


_TEXT_ENCODERS: dict[int, Callable[[Value], bytes]] = {
    BOOL: _text_bool,
    INT8: _text_int,
    INT4: _text_int,
    INT2: _text_int,
    BYTEA: _text_bytea,
    FLOAT8: _text_float,
    FLOAT4: _lenient(lambda value: _float4_text(float(value)).encode()),  # type: ignore[arg-type]
    DATE: _lenient(_text_date),
    TIMESTAMP: _lenient(_text_timestamp),
    TIMESTAMPTZ: _lenient(_text_timestamptz),
    TIME: _lenient(_text_time),
    TIMETZ: _lenient(_text_timetz),
    INTERVAL: _lenient(_text_interval),
    UUID: _lenient(_text_uuid),
    JSON: _text_json,
    JSONB: _text_json,
}


@lru_cache(4096)
def text_encoder(oid: int, typmod: int = -1) -> Callable[[Value], bytes]:
    """The function that writes a value (never None) of this type in text. It does not raise."""
    found = _TEXT_ENCODERS.get(oid)
    if found is not None:
        return found
    if oid == NUMERIC:
        return _lenient(lambda value: _numeric_text(value, typmod).encode())
    if oid == BPCHAR and typmod > 4:
        return lambda value: plain_text(value.ljust(typmod - 4) if isinstance(value, str) else value)
    kind = TYPES.get(oid)
    if kind is not None and kind.element:
        return _lenient(lambda value: _array_text(value, kind.element, typmod).encode())
    return plain_text


# --- value to binary --------------------------------------------------------------------------------------------------

_Q, _I, _H, _D = Struct("!q"), Struct("!i"), Struct("!h"), Struct("!d")
_INTERVAL_LAYOUT = Struct("!qii")
_TIMETZ_LAYOUT = Struct("!qi")


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
    raise _unfit(oid, value)


def _binary_int(oid: int, layout: Struct) -> Callable[[Value], bytes]:
    def encode(value: Value) -> bytes:
        try:
            return layout.pack(value)
        except StructError:
            pass
        try:
            return layout.pack(_whole_number(value, oid))
        except StructError:
            raise _out_of_range(oid, value) from None

    return encode


def _binary_float(oid: int, layout: Struct) -> Callable[[Value], bytes]:
    def encode(value: Value) -> bytes:
        try:
            return layout.pack(float(value))  # type: ignore[arg-type]
        except OverflowError:
            raise _out_of_range(oid, value) from None
        except (TypeError, ValueError, StructError):
            raise _unfit(oid, value) from None

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
    raise _unfit(BOOL, value)


def _uuid_of(value: Value) -> str:
    """A UUID with dashes, in lower case.

    :raises StatementError: 22P02.
    """
    if isinstance(value, bytes) and len(value) == 16:
        digits = value.hex()
    elif isinstance(value, str):
        digits = value.strip().strip("{}").replace("-", "").lower()
    else:
        raise _unfit(UUID, value)
    if len(digits) != 32 or re.fullmatch("[0-9a-f]{32}", digits) is None:
        raise _unfit(UUID, value)
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _binary_text(value: Value) -> bytes:
    return plain_text(value)


def _binary_bytea(value: Value) -> bytes:
    return value if isinstance(value, bytes) else plain_text(value)


def _binary_date(value: Value) -> bytes:
    us, _ = _stamp_of(value, DATE)
    if us in (_INFINITY["infinity"], _INFINITY["-infinity"]):
        return _I.pack((1 << 31) - 1 if us > 0 else -(1 << 31))
    return _I.pack(us // _DAY_US)


def _binary_timestamptz(value: Value) -> bytes:
    return _Q.pack(_utc(*_stamp_of(value, TIMESTAMPTZ)))


def _binary_timetz(value: Value) -> bytes:
    us, zone = _time_of(value, TIMETZ)
    return _TIMETZ_LAYOUT.pack(us, -(zone or 0))


def _binary_interval(value: Value) -> bytes:
    months, days, us = interval_of(str(value))
    return _INTERVAL_LAYOUT.pack(us, days, months)


def _binary_bit(value: Value) -> bytes:
    digits = str(value)
    if set(digits) - {"0", "1"}:
        raise _unfit(OIDS["bit"], value)
    padded = digits + "0" * (-len(digits) % 8)
    return len(digits).to_bytes(4, "big") + (int(padded, 2).to_bytes(len(padded) // 8, "big") if padded else b"")


def _binary_money(value: Value) -> bytes:
    text = str(value).replace("$", "").replace(",", "")
    return _Q.pack(int(_decimal_of(text) * 100))


def _binary_inet(value: Value, cidr: int) -> bytes:
    from ipaddress import ip_interface

    try:
        found = ip_interface(str(value))
    except ValueError:
        raise _unfit(OIDS["inet"], value) from None
    return bytes((2 if found.version == 4 else 3, found.network.prefixlen, cidr, len(found.packed))) + found.packed


_REG = {"regclass", "regtype", "regproc", "regprocedure", "regoper", "regrole", "regnamespace"}


def _binary_reg(value: Value, oid: int) -> bytes:
    """A name of a catalog object travels as its OID; only built-in types can be looked up here."""
    if isinstance(value, str) and not value.isdigit():
        found = _SPOKEN_OIDS.get(value) if oid == OIDS["regtype"] else _CATALOG_OIDS.get(value)
        if found is None:
            raise _unfit(oid, value)
        value = found
    return _unsigned(value, oid)


def _unsigned(value: Value, oid: int) -> bytes:
    number = _whole_number(value, oid)
    if not 0 <= number < 1 << 32:
        raise _out_of_range(oid, value)
    return number.to_bytes(4, "big")


_SPOKEN_OIDS = {spoken(oid): oid for oid in TYPES} | OIDS
_CATALOG_OIDS = {"pg_type": 1247, "pg_attribute": 1249, "pg_proc": 1255, "pg_class": 1259, "-": 0}

_BINARY_ENCODERS: dict[int, Callable[[Value], bytes]] = {
    BOOL: lambda value: b"\1" if bool_of(value) else b"\0",
    INT8: _binary_int(INT8, _Q),
    INT4: _binary_int(INT4, _I),
    INT2: _binary_int(INT2, _H),
    OIDS["xid8"]: _binary_int(INT8, _Q),
    FLOAT8: _binary_float(FLOAT8, _D),
    FLOAT4: _binary_float(FLOAT4, _FLOAT4),
    BYTEA: _binary_bytea,
    DATE: _binary_date,
    TIMESTAMP: lambda value: _Q.pack(_stamp_of(value, TIMESTAMP)[0]),
    TIMESTAMPTZ: _binary_timestamptz,
    TIME: lambda value: _Q.pack(_time_of(value, TIME)[0]),
    TIMETZ: _binary_timetz,
    INTERVAL: _binary_interval,
    UUID: lambda value: bytes.fromhex(_uuid_of(value).replace("-", "")),
    JSON: _text_json,
    JSONB: lambda value: b"\1" + _text_json(value),
    OIDS["jsonpath"]: lambda value: b"\1" + _text_json(value),
    OIDS["int2vector"]: lambda value: _vector_binary(value, OIDS["int2vector"]),
    OIDS["oidvector"]: lambda value: _vector_binary(value, OIDS["oidvector"]),
    OIDS["bit"]: _binary_bit,
    OIDS["varbit"]: _binary_bit,
    OIDS["money"]: _binary_money,
    OIDS["inet"]: lambda value: _binary_inet(value, 0),
    OIDS["cidr"]: lambda value: _binary_inet(value, 1),
    OIDS["record"]: _record_binary,
    OIDS["void"]: lambda value: b"",
    **{OIDS[name]: (lambda oid: lambda value: _unsigned(value, oid))(OIDS[name]) for name in ("oid", "xid", "cid")},
    **{OIDS[name]: (lambda oid: lambda value: _binary_reg(value, oid))(OIDS[name]) for name in _REG},
}


@lru_cache(4096)
def binary_encoder(oid: int, typmod: int = -1) -> Callable[[Value], bytes]:
    """The function that writes a value (never None) of this type in binary.

    It raises :class:`StatementError` (22P02, 22003, 22007, 22008) for a value that is none of this type.
    """
    found = _BINARY_ENCODERS.get(oid)
    if found is not None:
        return found
    if oid == NUMERIC:
        return lambda value: _numeric_binary(value, typmod)
    if oid == BPCHAR:
        return text_encoder(oid, typmod)
    kind = TYPES.get(oid)
    if kind is not None and kind.element:
        return lambda value: _array_binary(value, kind.element, typmod)
    return _binary_text


# --- text and binary to value -----------------------------------------------------------------------------------------


def _int_from_text(oid: int, bits: int) -> Callable[[str], Value]:
    least, most = -(1 << bits - 1), (1 << bits - 1) - 1

    def read(text: str) -> Value:
        try:
            value = int(text)
        except ValueError:
            raise _unfit(oid, text) from None
        if "_" in text:
            raise _unfit(oid, text)
        if not least <= value <= most:
            raise _out_of_range(oid, text)
        return value

    return read


def _float_from_text(text: str) -> Value:
    try:
        value = float(text)
    except ValueError:
        raise _unfit(FLOAT8, text) from None
    if "_" in text:
        raise _unfit(FLOAT8, text)
    if value in (float("inf"), float("-inf")) and "inf" not in text.lower():
        raise _out_of_range(FLOAT8, text)
    return "NaN" if isnan(value) else value


def _bytea_from_text(text: str) -> Value:
    if text.startswith("\\x"):
        try:
            return bytes.fromhex(text[2:])
        except ValueError:
            raise StatementError("22P02", "invalid hexadecimal data") from None
    return re.sub(rb"\\(\\|[0-3][0-7]{2})", lambda m: b"\\" if m[1] == b"\\" else bytes((int(m[1], 8),)), text.encode())


def _date_from_text(text: str) -> Value:
    us, _ = _stamp_of(text, DATE)
    return _stamp_text(us) if abs(us) > 1 << 62 else _date_text(us // _DAY_US)


def _timestamptz_kept(us: int) -> str:
    text = _stamp_text(us)
    return text if text.endswith("infinity") else text + "+00:00"


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
        kept = _kept_exactly(stripped)
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
    def read(text: str) -> Value:
        def convert(items: list[Any]) -> list[Any]:
            return [
                None
                if item is None
                else convert(item)
                if isinstance(item, list)
                else _json_item(from_text(element, item), element)
                for item in items
            ]

        return json.dumps(convert(_list_of(text, TYPES[element].array)), ensure_ascii=False)

    return read


_FROM_TEXT: dict[int, Callable[[str], Value]] = {
    BOOL: bool_of,
    INT8: _int_from_text(INT8, 64),
    INT4: _int_from_text(INT4, 32),
    INT2: _int_from_text(INT2, 16),
    FLOAT8: _float_from_text,
    FLOAT4: _float_from_text,
    NUMERIC: _kept_exactly,
    BYTEA: _bytea_from_text,
    DATE: _date_from_text,
    TIMESTAMP: lambda text: _stamp_text(_stamp_of(text, TIMESTAMP)[0]),
    TIMESTAMPTZ: lambda text: _timestamptz_kept(_utc(*_stamp_of(text, TIMESTAMPTZ))),
    TIME: lambda text: _clock_text(_time_of(text, TIME)[0]),
    TIMETZ: lambda text: _text_timetz(text).decode(),
    INTERVAL: lambda text: interval_text(*interval_of(text)),
    UUID: _uuid_of,
    JSON: _json_from_text,
    JSONB: _json_from_text,
    OID: lambda text: int(text) if text.isdigit() else text,
}


def from_text(oid: int, text: str) -> Value:
    """The value SQLite shall hold for a parameter or COPY field written in text.

    :raises StatementError: 22P02, 22003, 22007, 22008.
    """
    read = _FROM_TEXT.get(oid)
    if read is not None:
        return read(text)
    kind = TYPES.get(oid)
    if kind is not None and kind.element:
        return _array_from_text(kind.element)(text)
    return text


def _exact(oid: int, layout: Struct) -> Callable[[bytes], Any]:
    def read(raw: bytes) -> Any:
        if len(raw) != layout.size:
            raise StatementError("22P03", f"incorrect binary data format for type {spoken(oid)}")
        found = layout.unpack(raw)
        return found[0] if len(found) == 1 else found

    return read


_read_q, _read_i, _read_h, _read_d = _exact(INT8, _Q), _exact(INT4, _I), _exact(INT2, _H), _exact(FLOAT8, _D)
_read_f, _read_u = _exact(FLOAT4, _FLOAT4), _exact(OID, Struct("!I"))
_read_interval, _read_timetz = _exact(INTERVAL, _INTERVAL_LAYOUT), _exact(TIMETZ, _TIMETZ_LAYOUT)


def _float4_value(raw: bytes) -> Value:
    value = _read_f(raw)
    return "NaN" if isnan(value) else float(_float4_text(value)) if isfinite(value) else value


def _date_from_binary(raw: bytes) -> Value:
    days = _read_i(raw)
    if days == (1 << 31) - 1:
        return "infinity"
    return "-infinity" if days == -(1 << 31) else _date_text(days)


def _float8_value(raw: bytes) -> Value:
    value = _read_d(raw)
    return "NaN" if value != value else value


def _timetz_from_binary(raw: bytes) -> Value:
    us, west = _read_timetz(raw)
    return _clock_text(us) + _zone_text(-west)


def _interval_from_binary(raw: bytes) -> Value:
    us, days, months = _read_interval(raw)
    return interval_text(months, days, us)


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
    length = _I.unpack_from(raw)[0]
    if not 0 <= length <= (len(raw) - 4) * 8:
        raise StatementError("22P03", "invalid length in external bit string")
    return "".join(f"{byte:08b}" for byte in raw[4:])[:length]


def _inet_from_binary(raw: bytes) -> Value:
    from ipaddress import ip_address

    try:
        address = ip_address(raw[4:])
    except ValueError:
        raise StatementError("22P03", "invalid address in external inet value") from None
    return str(address) if raw[1] == address.max_prefixlen and not raw[2] else f"{address}/{raw[1]}"


_FROM_BINARY: dict[int, Callable[[bytes], Value]] = {
    BOOL: lambda raw: 1 if raw != b"\0" else 0,
    INT8: _read_q,
    INT4: _read_i,
    INT2: _read_h,
    OIDS["xid8"]: _read_q,
    FLOAT8: _float8_value,
    FLOAT4: _float4_value,
    NUMERIC: lambda raw: _kept_exactly(_numeric_from_binary(raw)),
    BYTEA: lambda raw: raw,
    DATE: _date_from_binary,
    TIMESTAMP: lambda raw: _stamp_text(_read_q(raw)),
    TIMESTAMPTZ: lambda raw: _timestamptz_kept(_read_q(raw)),
    TIME: lambda raw: _clock_text(_read_q(raw)),
    TIMETZ: _timetz_from_binary,
    INTERVAL: _interval_from_binary,
    UUID: lambda raw: _uuid_of(raw),
    JSON: lambda raw: _json_from_text(_utf8(raw)),
    JSONB: _versioned,
    OIDS["jsonpath"]: lambda raw: _utf8(raw[1:]),
    OIDS["int2vector"]: lambda raw: " ".join(map(str, _array_from_binary(raw))),
    OIDS["oidvector"]: lambda raw: " ".join(map(str, _array_from_binary(raw))),
    OIDS["bit"]: _bit_from_binary,
    OIDS["varbit"]: _bit_from_binary,
    OIDS["money"]: lambda raw: f"${_read_q(raw) / 100:,.2f}",
    OIDS["inet"]: _inet_from_binary,
    OIDS["cidr"]: _inet_from_binary,
    OIDS["void"]: lambda raw: "",
    **{OIDS[name]: _read_u for name in ("oid", "xid", "cid", *sorted(_REG))},
}


def decode(oid: int, raw: bytes, format: int) -> Value:
    """The value SQLite shall hold for one parameter or COPY field.

    :param format: 0 text, 1 binary.
    :raises StatementError: 22P02, 22P03, 22003, 22007, 22008, 22021.
    """
    if format == TEXT:
        text = _utf8(raw)
        read = _FROM_TEXT.get(oid)
        if read is not None:
            return read(text)
        return from_text(oid, text)
    found = _FROM_BINARY.get(oid)
    try:
        if found is not None:
            return found(raw)
        kind = TYPES.get(oid)
        if kind is not None and kind.element:
            return json.dumps(_array_from_binary(raw), ensure_ascii=False)
    except (StructError, IndexError, KeyError):
        raise StatementError("22P03", f"incorrect binary data format for type {spoken(oid)}") from None
    return _utf8(raw)
