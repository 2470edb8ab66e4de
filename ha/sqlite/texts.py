"""PostgreSQL's functions on text, numbers and JSON that SQLite does not have.

Those that search by patterns are :mod:`ha.sqlite.patterns`.

https://www.postgresql.org/docs/15/functions-string.html
"""

from __future__ import annotations

import functools
import math
import re
import unicodedata
from collections.abc import Callable
from typing import Any, Final

from ha.errors import StatementError
from ha.sqlite import timeforms
from ha.sqlite.casts import text_of
from ha.sqlite.collations import COLLATIONS

#: Bytes of a result; SQLite would refuse a longer one, but only after it was made. As connection.VALUE_BYTES_MAX.
RESULT_MAX: Final = 64 * 1024 * 1024


def bounded(length: int) -> None:
    """Nothing so long is made.

    :raises StatementError: 54000.
    """
    if length > RESULT_MAX:
        raise StatementError("54000", "requested length too large")


def strict(function: Callable[..., Any]) -> Callable[..., Any]:
    """Like most of PostgreSQL's functions: NULL in, NULL out."""

    @functools.wraps(function)
    def strict(*values: Any) -> Any:
        return None if None in values else function(*values)

    return strict


# Text


def left(value: Any, count: int) -> str:
    return text_of(value)[: int(count)]


def right(value: Any, count: int) -> str:
    text, count = text_of(value), int(count)
    if count >= 0:
        return text[-count:] if count else ""
    return text[-count:]


def lpad(value: Any, length: int, fill: Any = " ") -> str:
    text, length, filling = text_of(value), max(int(length), 0), text_of(fill)
    bounded(length)
    missing = length - len(text)
    if missing <= 0 or not filling:
        return text[:length]
    return (filling * (missing // len(filling) + 1))[:missing] + text


def rpad(value: Any, length: int, fill: Any = " ") -> str:
    text, length, filling = text_of(value), max(int(length), 0), text_of(fill)
    bounded(length)
    missing = length - len(text)
    if missing <= 0 or not filling:
        return text[:length]
    return text + (filling * (missing // len(filling) + 1))[:missing]


def repeat(value: Any, count: int) -> str:
    text, count = text_of(value), max(int(count), 0)
    bounded(len(text) * count)
    return text * count


def split_part(value: Any, delimiter: Any, number: int) -> str:
    text, delimiter, number = text_of(value), text_of(delimiter), int(number)
    if number == 0:
        raise StatementError("22023", "field position must not be zero")
    parts = text.split(delimiter) if delimiter else [text]
    index = number - 1 if number > 0 else len(parts) + number
    return parts[index] if 0 <= index < len(parts) else ""


def initcap(value: Any) -> str:
    return re.sub(r"[^\W_]+", lambda word: word.group().capitalize(), text_of(value))


def translate(value: Any, old: Any, new: Any) -> str:
    table: dict[int, str | None] = {}
    old, new = text_of(old), text_of(new)
    for at, letter in enumerate(old):
        table.setdefault(ord(letter), new[at] if at < len(new) else None)
    return text_of(value).translate(table)


def substr(value: Any, start: int, count: int | None = None) -> Any:
    """The part from the place `start` on, counted from 1; places before the first are empty."""
    source = value if isinstance(value, bytes) else text_of(value)
    first = int(start) - 1
    if count is not None and int(count) < 0:
        raise StatementError("22011", "negative substring length not allowed")
    last = len(source) if count is None else first + int(count)
    return source[max(first, 0) : max(last, 0)]


def strpos(value: Any, part: Any) -> int:
    return text_of(value).find(text_of(part)) + 1


def ascii_(value: Any) -> int:
    text = text_of(value)
    return ord(text[0]) if text else 0


def chr_(code: int) -> str:
    if not 0 < int(code) <= 0x10FFFF or 0xD800 <= int(code) < 0xE000:
        raise StatementError("54000", f"requested character too large for encoding: {code}")
    return chr(int(code))


def overlay(value: Any, new: Any, start: int, count: int | None = None) -> str:
    text, placed, start = text_of(value), text_of(new), int(start)
    count = len(placed) if count is None else int(count)
    if start < 1:
        raise StatementError("22011", "negative substring length not allowed")
    return text[: start - 1] + placed + text[start - 1 + max(count, 0) :]


def starts_with(value: Any, prefix: Any) -> int:
    return int(text_of(value).startswith(text_of(prefix)))


def btrim(value: Any, letters: Any = " ") -> str:
    return text_of(value).strip(text_of(letters))


def reverse(value: Any) -> str:
    return text_of(value)[::-1]


def quote_ident(value: Any) -> str:
    text = text_of(value)
    if re.fullmatch(r"[a-z_][a-z0-9_$]*", text) and text.upper() not in _RESERVED:
        return text
    return '"' + text.replace('"', '""') + '"'


def quote_literal(value: Any) -> str:
    text = text_of(value).replace("'", "''")
    return "E'" + text.replace("\\", "\\\\") + "'" if "\\" in text else f"'{text}'"


def quote_nullable(value: Any) -> str:
    return "NULL" if value is None else quote_literal(value)


_RESERVED = frozenset(
    "ALL ANALYSE ANALYZE AND ANY ARRAY AS ASC ASYMMETRIC BOTH CASE CAST CHECK COLLATE COLUMN CONSTRAINT CREATE CURRENT_CATALOG "
    "CURRENT_DATE CURRENT_ROLE CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER DEFAULT DEFERRABLE DESC DISTINCT DO ELSE END EXCEPT FALSE "
    "FETCH FOR FOREIGN FROM GRANT GROUP HAVING IN INITIALLY INTERSECT INTO LATERAL LEADING LIMIT LOCALTIME LOCALTIMESTAMP NOT NULL "
    "OFFSET ON ONLY OR ORDER PLACING PRIMARY REFERENCES RETURNING SELECT SESSION_USER SOME SYMMETRIC TABLE THEN TO TRAILING TRUE UNION "
    "UNIQUE USER USING VARIADIC WHEN WHERE WINDOW WITH".split()
)


def format_(form: Any, *values: Any) -> str:
    """PostgreSQL's format(), which is not SQLite's: ``%s``, ``%I``, ``%L``, with positions."""
    parts, at, size = [], 0, 0
    for match in _FORMAT.finditer(text_of(form)):
        plain, position, kind = match.groups()
        if plain:
            parts.append(plain)
        elif kind == "%":
            parts.append("%")
        else:
            at = int(position) if position else at + 1
            if not 0 < at <= len(values):
                raise StatementError("22023", "too few arguments for format()")
            value = values[at - 1]
            if kind == "I" and value is None:
                raise StatementError("22004", "null values cannot be formatted as an SQL identifier")
            parts.append(
                {"s": lambda v: "" if v is None else text_of(v), "I": quote_ident, "L": quote_nullable}[kind](value)
            )
        size += len(parts[-1])
        bounded(size)
    return "".join(parts)


_FORMAT = re.compile(r"([^%]+)|%(?:(\d{1,3})\$)?-?\d{0,3}([sIL%])", re.DOTALL)


# Numbers


def greatest(*values: Any) -> Any:
    known = [value for value in values if value is not None]
    return max(known, key=_order) if known else None


def least(*values: Any) -> Any:
    known = [value for value in values if value is not None]
    return min(known, key=_order) if known else None


def _order(value: Any) -> tuple[int, Any]:
    # SQLite's order of kinds: numbers, text, blobs.
    return (0, value) if isinstance(value, (int, float)) else (1, value) if isinstance(value, str) else (2, value)


def most(collation: str, *values: Any) -> Any:
    """greatest() of values that are kept as texts."""
    known = [value for value in values if value is not None]
    return max(known, key=functools.cmp_to_key(_compare(collation))) if known else None


def fewest(collation: str, *values: Any) -> Any:
    """least() of values that are kept as texts."""
    known = [value for value in values if value is not None]
    return min(known, key=functools.cmp_to_key(_compare(collation))) if known else None


def _compare(collation: str) -> Callable[[Any, Any], int]:
    return COLLATIONS.get(collation) or (lambda left, right: (left > right) - (left < right))


def div(left: Any, right: Any) -> Any:
    if right == 0:
        raise StatementError("22012", "division by zero")
    if isinstance(left, int) and isinstance(right, int):
        return int(math.copysign(1, left) * math.copysign(1, right)) * (abs(left) // abs(right))
    return float(math.trunc(left / right))


def cbrt(value: float) -> float:
    return math.copysign(abs(value) ** (1 / 3), value)


def factorial(value: int) -> Any:
    if not 0 <= value <= 20:
        raise StatementError("22003", "bigint out of range")
    return math.factorial(value)


def gcd(left: int, right: int) -> int:
    return math.gcd(left, right)


def lcm(left: int, right: int) -> int:
    found = math.lcm(left, right)
    if found >= 2**63:
        raise StatementError("22003", "bigint out of range")
    return found


def width_bucket(value: float, low: float, high: float, count: int) -> int:
    if count <= 0 or low == high:
        raise StatementError("2201G", "count must be greater than zero, and the bounds must differ")
    share = (value - low) / (high - low)
    return 0 if share < 0 else count + 1 if share >= 1 else int(share * count) + 1


def to_hex(value: int) -> str:
    return f"{value & 0xFFFFFFFFFFFFFFFF if value < 0 else value:x}"


def to_char(value: Any, form: str, zone: str | None = None) -> str | None:
    """to_char for whatever it is given."""
    if isinstance(value, (int, float)):
        return _number(value, text_of(form)[:100])
    return timeforms.to_char_time(value, text_of(form), zone)


def _number(value: float, form: str) -> str:
    fill = not form.upper().startswith("FM")
    plain = form if fill else form[2:]
    upper = plain.upper().replace("D", ".").replace("G", ",")
    whole, _, fraction = upper.partition(".")
    digits = sum(fraction.count(mark) for mark in "09")
    text = f"{abs(value):.{digits}f}"
    integer, _, decimals = text.partition(".")
    places = [mark for mark in whole if mark in "09,"]
    least = len("".join(places).replace(",", "").lstrip("9"))
    integer = integer.lstrip("0").rjust(least, "0") if least else integer.lstrip("0")
    width = sum(mark in "09" for mark in places)
    if len(integer) > width:
        return " " * fill + "#" * len(places) + ("." + "#" * digits if digits else "")
    out: list[str] = []
    source = list(integer)
    for mark in reversed(places):
        if mark == ",":
            out.append("," if source else " ")
        else:
            out.append(source.pop() if source else " ")
    body = "".join(reversed(out))
    if not fill:
        body = body.lstrip()
        decimals = (
            decimals[: len(decimals) - (len(decimals) - len(decimals.rstrip("0")))] if "0" not in fraction else decimals
        )
    sign = "-" if value < 0 else " "
    stripped = body.lstrip()
    body = " " * (len(body) - len(stripped)) + sign + stripped
    result = body + ("." + decimals if "." in upper and (decimals or fill) else "")
    return result if fill else result.strip()


def to_number(value: Any, form: str) -> Any:
    digits = re.sub(r"[^\d.\-]", "", text_of(value))
    if not re.fullmatch(r"-?(\d+\.?\d*|\.\d+)", digits):
        raise StatementError("22P02", f'invalid input syntax for type numeric: "{value}"')
    return float(digits) if "." in digits else int(digits[:18])


def normalize(value: Any, form: str = "NFC") -> str:
    if str(form).upper() not in ("NFC", "NFD", "NFKC", "NFKD"):
        raise StatementError("22023", f"invalid normalization form: {form}")
    return unicodedata.normalize(str(form).upper(), text_of(value))  # type: ignore[arg-type]


#: Name, number of arguments, what computes it.
FUNCTIONS: tuple[tuple[str, int, Callable[..., Any]], ...] = (
    ("greatest", -1, greatest),
    ("least", -1, least),
    ("pg_most", -1, most),
    ("pg_least", -1, fewest),
    ("pg_format", -1, format_),
    ("quote_nullable", 1, quote_nullable),
    *(
        (name, count, strict(function))
        for name, count, function in (
            ("left", 2, left),
            ("right", 2, right),
            ("lpad", 2, lpad),
            ("lpad", 3, lpad),
            ("rpad", 2, rpad),
            ("rpad", 3, rpad),
            ("repeat", 2, repeat),
            ("split_part", 3, split_part),
            ("initcap", 1, initcap),
            ("translate", 3, translate),
            ("strpos", 2, strpos),
            ("pg_substr", 2, substr),
            ("pg_substr", 3, substr),
            ("ascii", 1, ascii_),
            ("chr", 1, chr_),
            ("overlay", 3, overlay),
            ("overlay", 4, overlay),
            ("starts_with", 2, starts_with),
            ("btrim", 1, btrim),
            ("btrim", 2, btrim),
            ("reverse", 1, reverse),
            ("char_length", 1, lambda value: len(text_of(value))),
            ("character_length", 1, lambda value: len(text_of(value))),
            ("quote_ident", 1, quote_ident),
            ("quote_literal", 1, quote_literal),
            ("nameconcatoid", 2, lambda name, oid: f"{text_of(name)}_{text_of(oid)}"),
            ("div", 2, div),
            ("cbrt", 1, cbrt),
            ("factorial", 1, factorial),
            ("gcd", 2, gcd),
            ("lcm", 2, lcm),
            ("width_bucket", 4, width_bucket),
            ("to_hex", 1, to_hex),
            ("to_char", 2, to_char),
            ("to_char", 3, to_char),
            ("to_number", 2, to_number),
            ("normalize", 1, normalize),
            ("normalize", 2, normalize),
            ("pg_position", 2, lambda part, value: strpos(value, part)),
            ("pg_trim", 2, lambda letters, value: text_of(value).strip(text_of(letters))),
            ("pg_ltrim", 2, lambda letters, value: text_of(value).lstrip(text_of(letters))),
            ("pg_rtrim", 2, lambda letters, value: text_of(value).rstrip(text_of(letters))),
        )
    ),
)
