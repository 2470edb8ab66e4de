"""PostgreSQL's casts: a value as another type, or an error, never a silent change.

Each is a function ``pg_TYPE(value[, modifiers])`` that the translation puts where a client wrote ``value::TYPE``.
"""

from __future__ import annotations

import json
import math
import re
import uuid
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any

from ha.errors import StatementError
from ha.sql import addresses

_INTEGER = re.compile(r"\s*[-+]?\d+\s*\Z")
_NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*\Z")
_TRUE = frozenset(("t", "tr", "tru", "true", "y", "ye", "yes", "on", "1"))
_FALSE = frozenset(("f", "fa", "fal", "fals", "false", "n", "no", "of", "off", "0"))
_UUID = re.compile(r"\{?([0-9a-fA-F]{4}-?){7}[0-9a-fA-F]{4}\}?\Z")
_WIDE = Context(prec=200, rounding=ROUND_HALF_UP)


def invalid(type_name: str, value: Any) -> StatementError:
    shown = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    return StatementError("22P02", f'invalid input syntax for type {type_name}: "{shown}"')


def _integer(type_name: str, bits: int) -> Callable[[Any], int | None]:
    least, most = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1

    def cast(value: Any) -> int | None:
        if value is None:
            return None
        if isinstance(value, float):
            if not math.isfinite(value):
                raise StatementError("22003", f"{type_name} out of range")
            number = round(value)
        elif isinstance(value, int):
            number = value
        elif isinstance(value, str) and len(value) < 100 and _INTEGER.match(value):
            number = int(value)
            if not least <= number <= most:
                raise StatementError("22003", f'value "{value}" is out of range for type {type_name}')
        else:
            raise invalid(type_name, value)
        if not least <= number <= most:
            raise StatementError("22003", f"{type_name} out of range")
        return number

    return cast


pg_int2 = _integer("smallint", 16)
pg_int4 = _integer("integer", 32)
pg_int8 = _integer("bigint", 64)
pg_integer = _integer("integer", 64)  # a column declared INTEGER, which is as wide as SQLite makes it


def pg_float8(value: Any) -> float | None:
    if value is None or isinstance(value, float):
        return value
    if isinstance(value, int):
        return float(value)
    if isinstance(value, str):
        word = value.strip().lower()
        if word in ("infinity", "inf", "+infinity", "-infinity", "-inf"):
            return -math.inf if word[0] == "-" else math.inf
        if word == "nan":
            raise StatementError("0A000", "NaN cannot be stored: SQLite has none", hint="Use NULL.")
        if _NUMBER.match(value):
            return float(value)
    raise invalid("double precision", value)


def pg_float_or_nan(value: Any) -> Any:
    """The same where the result is only shown: NaN is a text, which SQLite's REAL cannot be."""
    return "NaN" if isinstance(value, str) and value.strip().lower() == "nan" else pg_float8(value)


def pg_numeric(value: Any, precision: int | None = None, scale: int = 0) -> Any:
    """A number, exact to fifteen digits; more come back as text, which keeps them."""
    if value is None:
        return None
    try:
        # Of a float fifteen digits count, as in PostgreSQL: the rest is what computing in binary has left.
        number = Decimal(f"{value:.15g}" if isinstance(value, float) else str(value).strip())
    except InvalidOperation:
        raise invalid("numeric", value) from None
    if not number.is_finite():
        raise StatementError("0A000", "numeric NaN and Infinity cannot be stored", hint="Use NULL or double precision.")
    if len(number.as_tuple().digits) > 200 or abs(number.adjusted()) > 150:
        raise StatementError("22003", "value overflows numeric format")
    if precision is not None:
        number = number.quantize(Decimal(1).scaleb(-scale), context=_WIDE)
        if number and number.adjusted() >= precision - scale:
            raise StatementError(
                "22003",
                "numeric field overflow",
                detail=f"A field with precision {precision}, scale {scale} must round to an absolute value less than "
                f"10^{precision - scale}.",
            )
    if len(number.as_tuple().digits) > 15:
        if number == number.to_integral_value() and abs(number) < 2**63:
            return int(number)
        return format(number, "f")
    return int(number) if number == number.to_integral_value() and abs(number) < 2**63 else float(number)


def pg_fit_numeric(value: Any, precision: int | None = None, scale: int = 0) -> Any:
    """A number as a numeric column keeps it: exactly, or not at all.

    SQLite makes a number of a text in such a column, silently with fifteen digits.
    """
    kept = pg_numeric(value, precision, scale)
    if isinstance(kept, str):
        raise StatementError(
            "22003",
            "numeric value has more digits than can be kept exactly",
            detail=f'"{kept[:60]}" has more than 15 digits.',
            hint="Use a column of type text for longer numbers.",
        )
    return kept


def pg_bool(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, (int, float)):
        return int(value != 0)
    word = str(value).strip().lower()
    if word in _TRUE:
        return 1
    if word in _FALSE:
        return 0
    raise invalid("boolean", value)


def pg_uuid(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bytes) and len(value) == 16:
        return str(uuid.UUID(bytes=value))
    text = str(value).strip()
    if not _UUID.match(text):
        raise invalid("uuid", value)
    return str(uuid.UUID(text.strip("{}").replace("-", "")))


def pg_inet(value: Any) -> str | None:
    return None if value is None else addresses.inet(text_of(value))


def pg_cidr(value: Any) -> str | None:
    return None if value is None else addresses.cidr(text_of(value))


def pg_json(value: Any) -> str | None:
    """The same text, if it is JSON."""
    if value is None:
        return None
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    _loaded(text)
    return text


def pg_jsonb(value: Any) -> str | None:
    """JSON without what jsonb forgets: white space, the keys' order, all but the last of equal keys."""
    if value is None:
        return None
    loaded = _loaded(value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value))
    return json_text(loaded, ordered=True)


def _loaded(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant, parse_float=Decimal)
    except (ValueError, RecursionError):
        detail = "The input string ended unexpectedly." if not text.strip() else f'Token "{text[:60]}" is invalid.'
        raise StatementError("22P02", "invalid input syntax for type json", detail=detail) from None


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def key_order(key: str) -> tuple[int, bytes]:
    """How jsonb sorts its keys: shorter ones first."""
    return len(key.encode()), key.encode()


def json_plain(value: Any, *, ordered: bool = False) -> str | None:
    """A value of a document as text: a string is itself, null is NULL."""
    return value if value is None or isinstance(value, str) else json_text(value, ordered=ordered)


def json_text(value: Any, *, ordered: bool = False) -> str:
    """JSON as jsonb writes it; numbers that were read as decimals keep their digits.

    :param ordered: an object's keys in jsonb's order: by length, then by bytes.
    """
    if isinstance(value, dict):
        keys = sorted(value, key=key_order) if ordered else value
        return "{" + ", ".join(f"{_string(key)}: {json_text(value[key], ordered=ordered)}" for key in keys) + "}"
    if isinstance(value, list):
        return "[" + ", ".join([json_text(one, ordered=ordered) for one in value]) + "]"
    if isinstance(value, Decimal):
        return format(value, "f") if abs(value.adjusted()) < 1000 else str(value)
    return _string(value)


def _string(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def pg_bytea(value: Any) -> bytes | None:
    if value is None or isinstance(value, bytes):
        return value
    text = str(value)
    if text.startswith("\\x"):
        try:
            return bytes.fromhex(text[2:])
        except ValueError:
            raise StatementError("22023", "invalid hexadecimal data") from None
    if "\\" not in text:
        return text.encode()
    return _unescaped(text)


_BYTE = re.compile(rb"\\(?:\\|([0-3][0-7]{2}))")


def _unescaped(text: str) -> bytes:
    raw = text.encode()
    if _BYTE.sub(b"", raw).count(b"\\"):
        raise invalid("bytea", text)
    return _BYTE.sub(lambda match: bytes((int(match.group(1), 8),)) if match.group(1) else b"\\", raw)


def pg_varchar(value: Any, length: int | None = None) -> str | None:
    if value is None:
        return None
    return text_of(value)[:length]


def pg_bpchar(value: Any, length: int = 1) -> str | None:
    return None if value is None else text_of(value)[:length].ljust(length)


def pg_fit_varchar(value: Any, length: int) -> Any:
    """A text that is no longer than its column; blanks beyond that are cut off, as the SQL standard wants it."""
    if value is None:
        return None
    text = value if isinstance(value, str) else text_of(value)
    if len(text) > length:
        if text[length:].strip(" "):
            raise StatementError("22001", f"value too long for type character varying({length})")
        return text[:length]
    return value


def pg_fit_bpchar(value: Any, length: int = 1) -> Any:
    """The same for ``char(n)``, whose blanks at the end mean nothing: they are not kept, and shown again."""
    if value is None:
        return None
    text = text_of(value).rstrip(" ")
    if len(text) > length:
        raise StatementError("22001", f"value too long for type character({length})")
    return text


def pg_fit_json(value: Any) -> Any:
    """JSON that its column keeps as it is written: SQLite would make another number of ``1.0`` or ``1e5``."""
    text = pg_json(value)
    if text is None:
        return None
    stripped = text.strip()
    if stripped[:1] not in '{["tfn' and not _KEPT_NUMBER.fullmatch(stripped):
        raise StatementError(
            "22003",
            f"JSON number {stripped[:60]} cannot be kept as it is written",
            hint="Put it into an array or an object.",
        )
    return text


def pg_fit_jsonb(value: Any) -> Any:
    """The same, in jsonb's writing."""
    return pg_fit_json(pg_jsonb(value))


#: JSON numbers that a column of NUMERIC affinity gives back as they were.
_KEPT_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,14})|(?=-?[\d.]{3,16}\Z)-?(?:0|[1-9]\d*)\.\d*[1-9]", re.ASCII)


def pg_char(value: Any) -> str | None:
    """PostgreSQL's ``"char"``: one byte."""
    return None if value is None else text_of(value)[:1]


def pg_oid(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, str) and not _INTEGER.match(value):
        raise invalid("oid", value)
    return int(value)


def pg_divisor(value: Any) -> Any:
    """The same value, if it can be divided by."""
    if value == 0:
        raise StatementError("22012", "division by zero")
    return value


def text_of(value: Any) -> str:
    """A value as SQLite would print it."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, float):
        return repr(value)
    return str(value)


#: Name, number of arguments, what computes it.
FUNCTIONS: tuple[tuple[str, int, Callable[..., Any]], ...] = (
    ("pg_int2", 1, pg_int2),
    ("pg_int4", 1, pg_int4),
    ("pg_int8", 1, pg_int8),
    ("pg_integer", 1, pg_integer),
    ("pg_fit_numeric", -1, pg_fit_numeric),
    ("pg_fit_varchar", 2, pg_fit_varchar),
    ("pg_fit_bpchar", 1, pg_fit_bpchar),
    ("pg_fit_bpchar", 2, pg_fit_bpchar),
    ("pg_fit_json", 1, pg_fit_json),
    ("pg_fit_jsonb", 1, pg_fit_jsonb),
    ("pg_float4", -1, lambda value, *_: pg_float8(value)),
    ("pg_float8", -1, lambda value, *_: pg_float8(value)),
    ("pg_float_or_nan", 1, pg_float_or_nan),
    ("pg_numeric", -1, pg_numeric),
    ("pg_bool", 1, pg_bool),
    ("pg_uuid", 1, pg_uuid),
    ("pg_inet", 1, pg_inet),
    ("host", 1, lambda address: None if address is None else str(pg_inet(address)).partition("/")[0]),
    ("pg_cidr", 1, pg_cidr),
    ("pg_json", 1, pg_json),
    ("pg_jsonb", 1, pg_jsonb),
    ("pg_bytea", 1, pg_bytea),
    ("pg_varchar", 1, pg_varchar),
    ("pg_varchar", 2, pg_varchar),
    ("pg_bpchar", 1, pg_bpchar),
    ("pg_bpchar", 2, pg_bpchar),
    ("pg_char", 1, pg_char),
    ("pg_oid", 1, pg_oid),
    ("pg_divisor", 1, pg_divisor),
)
