"""What PostgreSQL calls the columns of a result: ``count``, ``int4``, ``case``, ``?column?``. [pure]"""

from __future__ import annotations

from ha.sql.reading import Item, Reading, call_end
from ha.sql.tokens import QUOTED, UNICODE_NAME, WORD
from ha.sql.typenames import read_literal, read_type

#: PostgreSQL's names for calls and words that are spelled otherwise.
_NAMES = {"CURRENT_CATALOG": "current_catalog", "USER": "user", "TRIM": "btrim", "CEILING": "ceil"}


def name_of(reading: Reading, item: Item) -> str:
    """What PostgreSQL calls an item."""
    return item.alias if item.alias is not None else _figured(reading, item.first, item.last) or "?column?"


def is_column(reading: Reading, item: Item) -> bool:
    """Is it ``c``, ``t.c`` or ``s.t.c``?"""
    return (item.last - item.first) % 2 == 1 and all(
        reading.is_name(at) if (at - item.first) % 2 == 0 else reading.key(at) == "."
        for at in range(item.first, item.last)
    )


def _figured(reading: Reading, first: int, last: int) -> str | None:
    if first >= last:
        return None
    while reading.key(first) == "(" and reading.partners.get(first) == last - 1:
        inner = first + 1
        if reading.key(inner) in ("SELECT", "WITH", "VALUES"):
            items = reading.items_between(inner, last - 1)
            return name_of(reading, items[0]) if items and not items[0].star else None
        first, last = inner, last - 1
    cast = reading.cast_at_end(first, last)
    if cast is not None:
        cast_name, operand = cast
        earlier = reading.cast_at_end(first, operand)
        while earlier is not None:  # of several casts the last one counts
            operand = earlier[1]
            earlier = reading.cast_at_end(first, operand)
        if _is_typed_literal(reading, first, operand):
            return cast_name
        return _figured(reading, first, operand) or cast_name
    if reading.key(last - 2) == "COLLATE":
        return _figured(reading, first, last - 2)
    key = reading.key(first)
    if reading.key(last - 1) == "]" and last - 1 in reading.partners:
        opening = reading.partners[last - 1]
        return "array" if reading.key(opening - 1) == "ARRAY" else _figured(reading, first, opening)
    if key == "CASE" and reading.partners.get(first) == last - 1:
        return _of_else(reading, first, last) or "case"
    if key == "CAST" and reading.partners.get(first + 1) == last - 1:
        return _cast_call_name(reading, first, last)
    if key == "(" and reading.partners.get(first) == last - 3 and reading.key(last - 2) == ".":
        return reading.plain(last - 1)  # (x).field
    if last - first == 1:
        return _single(reading, first)
    if _is_typed_literal(reading, first, last):
        return read_type(reading.text, reading.tokens, first)[0].name  # type: ignore[union-attr]
    if (reading.key(first), reading.key(last - 1)) == ("(", ")") and _of_overlaps(reading, first, last):
        return "overlaps"
    if _of_zone(reading, first, last):
        return "timezone"
    return _path(reading, first, last)


def _is_typed_literal(reading: Reading, first: int, last: int) -> bool:
    """``DATE '2026-01-01'``, in brackets or not."""
    while reading.key(first) == "(" and reading.partners.get(first) == last - 1:
        first, last = first + 1, last - 1
    literal = read_literal(reading.text, reading.tokens, first) if reading.kind(first) == WORD else None
    return literal is not None and literal[2] == last


def _of_overlaps(reading: Reading, first: int, last: int) -> bool:
    """``(a, b) OVERLAPS (c, d)``, and nothing beside it."""
    middle = reading.partners.get(first, last) + 1
    return reading.key(middle) == "OVERLAPS" and reading.partners.get(middle + 1) == last - 1


def _of_zone(reading: Reading, first: int, last: int) -> bool:
    """``x AT TIME ZONE y`` of two operands."""
    at = next((one for one in reading.level(first, last) if reading.key(one) == "AT"), last)
    if (reading.key(at + 1), reading.key(at + 2)) != ("TIME", "ZONE"):
        return False
    return reading.is_primary(first, at) and reading.is_primary(at + 3, last)


def _of_else(reading: Reading, first: int, last: int) -> str | None:
    """A CASE is called after its ELSE, if that is a column or a call, cast or not."""
    start = next((at + 1 for at in reading.level(first + 1, last - 1) if reading.key(at) == "ELSE"), None)
    if start is None:
        return None
    cast = reading.cast_at_end(start, last - 1)
    return _figured(reading, start, cast[1] if cast is not None else last - 1)


def _cast_call_name(reading: Reading, first: int, last: int) -> str | None:
    for at in reading.level(first + 2, last - 1):
        if reading.key(at) == "AS":
            type_name, _ = read_type(reading.text, reading.tokens, at + 1)
            inner = None if _is_typed_literal(reading, first + 2, at) else _figured(reading, first + 2, at)
            return inner or (type_name.name if type_name else None)
    return None


def _single(reading: Reading, at: int) -> str | None:
    kind, key = reading.kind(at), reading.key(at)
    if kind in (QUOTED, UNICODE_NAME):
        return reading.plain(at)
    if kind != WORD or key in ("NULL", "TRUE", "FALSE"):
        return None
    return _NAMES.get(key) or reading.plain(at)


def _path(reading: Reading, first: int, last: int) -> str | None:
    """``a.b.c``, ``f(…)``, ``s.f(…) OVER (…)``."""
    at = first
    if not reading.is_name(at) or reading.key(at) in ("NOT", "CASE", "NULL"):
        return None
    while reading.key(at + 1) == "." and reading.is_name(at + 2):
        at += 2
    if at == last - 1:
        return reading.plain(at)
    if reading.key(at + 1) != "(" or at + 1 not in reading.partners:
        return None
    if call_end(reading.key, reading.partners, at + 1, ("FILTER", "OVER", "WITHIN")) != last:
        return None
    return _NAMES.get(reading.key(at)) or reading.plain(at)
