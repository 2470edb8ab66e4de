"""PostgreSQL's functions on text, numbers and JSON that SQLite does not have.

Regular expressions are RE2's (google-re2), which takes time linear in the text whatever the pattern; what it cannot do
(back references, look-around) is refused. PostgreSQL's own spellings ``\\m``, ``\\M``, ``\\y`` are translated.

https://www.postgresql.org/docs/15/functions-string.html
"""

from __future__ import annotations

import functools
import json
import math
import re
import unicodedata
import uuid
from collections.abc import Callable
from typing import Any, Final

import re2

from ha.errors import StatementError
from ha.sql.operators import globbed
from ha.sqlite import timeforms
from ha.sqlite.casts import text_of
from ha.sqlite.collations import COLLATIONS

#: Bytes of a result; SQLite would refuse a longer one, but only after it was made. As connection.VALUE_BYTES_MAX.
RESULT_MAX: Final = 64 * 1024 * 1024
#: Bytes of a regular expression, and of the automata RE2 may build for it.
PATTERN_MAX: Final = 8 * 1024
PATTERN_MEMORY_MAX: Final = 4 * 1024 * 1024
#: Expressions kept compiled.
PATTERNS_KEPT: Final = 256
#: Matches that one call gives at most.
MATCHES_MAX: Final = 100_000


def _bounded(length: int) -> None:
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
    _bounded(length)
    missing = length - len(text)
    if missing <= 0 or not filling:
        return text[:length]
    return (filling * (missing // len(filling) + 1))[:missing] + text


def rpad(value: Any, length: int, fill: Any = " ") -> str:
    text, length, filling = text_of(value), max(int(length), 0), text_of(fill)
    _bounded(length)
    missing = length - len(text)
    if missing <= 0 or not filling:
        return text[:length]
    return text + (filling * (missing // len(filling) + 1))[:missing]


def repeat(value: Any, count: int) -> str:
    text, count = text_of(value), max(int(count), 0)
    _bounded(len(text) * count)
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
        _bounded(size)
    return "".join(parts)


_FORMAT = re.compile(r"([^%]+)|%(?:(\d{1,3})\$)?-?\d{0,3}([sIL%])", re.DOTALL)


def random_uuid() -> str:
    return str(uuid.uuid4())


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


def to_char(value: Any, form: str, zone: str | None = None) -> str:
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


# Regular expressions


@functools.lru_cache(maxsize=PATTERNS_KEPT)
def compiled(pattern: str, flags: str = "") -> Any:
    """A regular expression of PostgreSQL's, ready to search with.

    :raises StatementError: 2201B, it is none, or one that takes more than linear time.
    """
    if len(pattern) > PATTERN_MAX:
        raise StatementError("2201B", "invalid regular expression: too long")
    options = re2.Options()
    options.max_mem = PATTERN_MEMORY_MAX
    options.log_errors = False
    options.never_nl = False
    options.one_line = False
    while pattern.startswith(("(?i)", "***:", "***=")):
        if pattern.startswith("***="):
            pattern = re2.escape(pattern[4:])
            break
        flags += "i" * (pattern[1] == "?")
        pattern = pattern[4:]
    if "q" in flags:
        pattern = re2.escape(pattern)
    options.case_sensitive = "i" not in flags
    options.dot_nl = "n" not in flags and "p" not in flags
    pattern = re.sub(r"\\([mMyYAZ])", _own_escape, pattern)
    if "n" in flags or "w" in flags:
        pattern = f"(?m){pattern}"
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        raise StatementError(
            "2201B",
            f"invalid regular expression: {_said(error)}",
            hint="Back references and look-around are not supported.",
        ) from None


def _said(error: Exception) -> str:
    said = error.args[0] if error.args else error
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)


def _own_escape(match: re.Match[str]) -> str:
    return {"m": r"\b", "M": r"\b", "y": r"\b", "Y": r"\B", "A": r"\A", "Z": r"\z"}[match.group(1)]


def regexp(pattern: Any, value: Any) -> int | None:
    """``value REGEXP pattern``: SQLite calls it the other way around."""
    if pattern is None or value is None:
        return None
    return int(compiled(text_of(pattern)).search(text_of(value)) is not None)


def regexp_replace(value: Any, pattern: Any, new: Any, flags: str = "") -> str:
    return regexp_replace_nth(value, pattern, new, 1, 0 if "g" in flags else 1, flags)


def _expanded(new: str, match: Any) -> str:
    def one(found: re.Match[str]) -> str:
        which = found.group(1)
        if which == "&":
            return str(match.group(0))
        if which.isdecimal():
            return (match.group(int(which)) or "") if int(which) <= len(match.groups()) else ""
        return which

    return re.sub(r"\\(.)", one, new) if "\\" in new else new


def regexp_match(value: Any, pattern: Any, flags: str = "") -> str | None:
    match = compiled(text_of(pattern), flags).search(text_of(value))
    if match is None:
        return None
    return json.dumps(list(match.groups()) or [match.group(0)], ensure_ascii=False)


def regexp_count(value: Any, pattern: Any, start: int = 1, flags: str = "") -> int:
    return sum(1 for _ in compiled(text_of(pattern), flags).finditer(text_of(value)[int(start) - 1 :]))


def regexp_like(value: Any, pattern: Any, flags: str = "") -> int:
    return int(compiled(text_of(pattern), flags).search(text_of(value)) is not None)


def _nth(value: Any, pattern: Any, start: int, number: int, flags: str) -> Any:
    """The n-th match from a place on, counted from 1."""
    if int(start) < 1 or int(number) < 1:
        raise StatementError("22023", 'invalid value for parameter "start" or "N"')
    found = compiled(text_of(pattern), flags).finditer(text_of(value), int(start) - 1)
    return next((match for place, match in enumerate(found, 1) if place == int(number)), None)


def regexp_substr(
    value: Any, pattern: Any, start: int = 1, number: int = 1, flags: str = "", part: int = 0
) -> str | None:
    match = _nth(value, pattern, start, number, flags)
    if match is None or int(part) > len(match.groups()):
        return None
    found = match.group(int(part))
    return None if found is None else str(found)


def regexp_instr(
    value: Any, pattern: Any, start: int = 1, number: int = 1, end: int = 0, flags: str = "", part: int = 0
) -> int:
    match = _nth(value, pattern, start, number, flags)
    if match is None or int(part) > len(match.groups()):
        return 0
    return int(match.end(int(part)) if end else match.start(int(part))) + 1


def regexp_replace_nth(value: Any, pattern: Any, new: Any, start: int, number: int = 0, flags: str = "") -> str:
    """regexp_replace from a place on: the n-th match, or all of them if that is 0."""
    expression = compiled(text_of(pattern), flags.replace("g", ""))
    text, new = text_of(value), text_of(new)
    parts, at, size = [], 0, 0
    for place, match in enumerate(expression.finditer(text, int(start) - 1), 1):
        if number and place != number:
            continue
        piece = text[at : match.start()] + _expanded(new, match)
        parts.append(piece)
        size += len(piece)
        _bounded(size)
        at = match.end()
        if number:
            break
    return "".join(parts) + text[at:]


def normalize(value: Any, form: str = "NFC") -> str:
    if str(form).upper() not in ("NFC", "NFD", "NFKC", "NFKD"):
        raise StatementError("22023", f"invalid normalization form: {form}")
    return unicodedata.normalize(str(form).upper(), text_of(value))  # type: ignore[arg-type]


def regexp_split_to_array(value: Any, pattern: Any, flags: str = "") -> str:
    return json.dumps(split_by(text_of(value), text_of(pattern), flags), ensure_ascii=False)


def split_by(text: str, pattern: str, flags: str = "") -> list[str]:
    """The parts of `text` between the matches; an empty match splits between letters."""
    parts, at = [], 0
    for match in compiled(pattern, flags).finditer(text):
        if match.end() == match.start() and (match.start() == at or match.start() == len(text)):
            continue
        parts.append(text[at : match.start()])
        at = match.end()
        if len(parts) > MATCHES_MAX:
            raise StatementError("54000", "too many matches")
    return [*parts, text[at:]]


def substring_regexp(value: Any, pattern: Any) -> str | None:
    """``substring(value from pattern)``: the first group, or the whole match."""
    match = compiled(text_of(pattern)).search(text_of(value))
    if match is None:
        return None
    return str(match.group(0)) if not match.groups() else match.group(1)


def similar(pattern: Any) -> str:
    """The regular expression for the pattern of ``value SIMILAR TO pattern``."""
    parts, at, text = [], 0, text_of(pattern)
    while at < len(text):
        letter = text[at]
        if letter == "\\" and at + 1 < len(text):
            parts.append(re2.escape(text[at + 1]))
            at += 1
        else:
            parts.append({"%": ".*", "_": ".", ".": r"\.", "^": r"\^", "$": r"\$"}.get(letter, letter))
        at += 1
    return f"^(?:{''.join(parts)})$"


#: Name, number of arguments, what computes it.
def pg_glob(pattern: Any, escape: Any = "\\") -> str | None:
    """A LIKE pattern as GLOB's, which tells upper from lower case."""
    return None if pattern is None or escape is None else globbed(text_of(pattern), text_of(escape))


FUNCTIONS: tuple[tuple[str, int, Callable[..., Any]], ...] = (
    ("regexp", 2, regexp),
    ("pg_glob", 1, pg_glob),
    ("pg_glob", 2, pg_glob),
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
            ("regexp_replace", 3, regexp_replace),
            ("regexp_replace", 4, regexp_replace),
            ("regexp_match", 2, regexp_match),
            ("regexp_match", 3, regexp_match),
            ("regexp_count", 2, regexp_count),
            ("regexp_count", 3, regexp_count),
            ("regexp_count", 4, regexp_count),
            ("regexp_like", 2, regexp_like),
            ("regexp_like", 3, regexp_like),
            ("regexp_substr", 2, regexp_substr),
            ("regexp_substr", 3, regexp_substr),
            ("regexp_substr", 4, regexp_substr),
            ("regexp_substr", 5, regexp_substr),
            ("regexp_substr", 6, regexp_substr),
            ("regexp_instr", 2, regexp_instr),
            ("regexp_instr", 3, regexp_instr),
            ("regexp_instr", 4, regexp_instr),
            ("regexp_instr", 5, regexp_instr),
            ("regexp_instr", 6, regexp_instr),
            ("regexp_instr", 7, regexp_instr),
            ("regexp_replace", 5, regexp_replace_nth),
            ("regexp_replace", 6, regexp_replace_nth),
            ("normalize", 1, normalize),
            ("normalize", 2, normalize),
            ("regexp_split_to_array", 2, regexp_split_to_array),
            ("regexp_split_to_array", 3, regexp_split_to_array),
            ("pg_substring", 2, substring_regexp),
            ("pg_similar", 1, similar),
            ("pg_position", 2, lambda part, value: strpos(value, part)),
            ("pg_trim", 2, lambda letters, value: text_of(value).strip(text_of(letters))),
            ("pg_ltrim", 2, lambda letters, value: text_of(value).lstrip(text_of(letters))),
            ("pg_rtrim", 2, lambda letters, value: text_of(value).rstrip(text_of(letters))),
        )
    ),
)
