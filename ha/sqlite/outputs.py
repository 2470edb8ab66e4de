"""Values as PostgreSQL writes them in a text, by their types: ``x::text``, ``'a' || x``, ``concat(x)``.

What SQLite would print is the stored value: a boolean as 1, an array as JSON, a time with a zone in UTC.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import tzinfo
from typing import Any

from ha.sql import calendar, made, ranges, recordtexts
from ha.sql.made import Composite
from ha.sql.typenames import declared
from ha.sqlite import arrays, decimals, jsontexts, times
from ha.sqlite.casts import pg_bytea, text_of


def shown(value: Any, kind: str, zone: tzinfo | None) -> str | None:
    """The text that a cast to text gives.

    :param kind: the value's type.
    """
    if value is None:
        return None
    if kind == "bool":
        return "true" if value else "false"
    if kind == "bpchar":
        return text_of(value).rstrip(" ")
    return put(value, kind, zone)


def put(value: Any, kind: str, zone: tzinfo | None) -> str | None:
    """The text that a type's output function gives, in which a boolean is a letter."""
    if value is None:
        return None
    if kind.startswith("_"):
        elements, inner = arrays.elements(value), made.composite(kind[1:])
        if kind in _ARRAYS_OF_TIMES:
            elements = arrays.each(elements, lambda one: one if one is None else put(one, kind[1:], zone))
        return braces(elements if inner is None else _records(elements, inner, zone), kind == "_bool")
    one = made.composite(kind)
    if one is not None:
        return _record(json.loads(text_of(value)), one, zone)
    output = _OUTPUTS.get(kind)
    if output is not None:
        return output(value)
    if kind in ranges.RANGES_OF_TIMES:
        return times.ranges_shown(text_of(value), zone, zoned=ranges.RANGES_OF_TIMES[kind] == "timestamptz")
    return local(value, zone) if kind == "timestamptz" else text_of(value)


#: Whose values are not shown as they are kept.
_ARRAYS_OF_TIMES = frozenset(("_date", "_timestamp", "_timestamptz"))


def _records(elements: list[Any], one: Composite, zone: tzinfo | None) -> list[Any]:
    """An array's elements as texts."""
    return [
        _records(item, one, zone) if isinstance(item, list) else None if item is None else _record(item, one, zone)
        for item in elements
    ]


def _record(fields: dict[str, Any], one: Composite, zone: tzinfo | None) -> str:
    """``(1,"a b",)``, from what JSON holds."""
    texts = []
    for name, words in one.fields:
        item = fields.get(name)
        kept = arrays.dumped(item) if isinstance(item, (dict, list)) else item
        texts.append(put(kept, declared(words) or "text", zone))
    return recordtexts.write(texts)


def float_text(value: Any) -> str:
    """The shortest text that reads back as the same number, as PostgreSQL writes it."""
    text = repr(float(value))
    mantissa, e, exponent = text.partition("e")
    if e or "n" in text:  # inf and nan
        return {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}.get(text, text)
    whole, _, fraction = mantissa.removesuffix(".0").partition(".")
    digits = whole.lstrip("-")
    if len(digits) > 15:  # Python changes to an exponent at 1e16, PostgreSQL at 1e15
        figures = (digits + fraction).rstrip("0")
        sign = "-" if whole[0] == "-" else ""
        return f"{sign}{figures[0]}{'.' + figures[1:] if len(figures) > 1 else ''}e+{len(digits) - 1:02d}"
    return whole + ("." + fraction if fraction else "")


_OUTPUTS: dict[str, Callable[[Any], str | None]] = {
    "bool": lambda value: "t" if value else "f",
    "date": lambda value: calendar.shown(text_of(value)),
    "timestamp": lambda value: calendar.shown(text_of(value)),
    "float4": float_text,
    "float8": float_text,
    "numeric": decimals.dec_of,
    "jsonb": jsontexts.normal,
    "bytea": lambda value: "\\x" + pg_bytea(value).hex(),
}


def local(value: Any, zone: tzinfo | None) -> str:
    """A time with a zone as it is where the session is."""
    if not isinstance(value, str) or value in ("infinity", "-infinity"):
        return text_of(value)
    return times.local_text(times.moment(value), zone)


def braces(elements: list[Any], is_bool: bool = False) -> str:
    """An array as PostgreSQL writes it."""
    parts = []
    for one in elements:
        if isinstance(one, list):
            parts.append(braces(one, is_bool))
        elif one is None:
            parts.append("NULL")
        elif isinstance(one, bool) or (is_bool and isinstance(one, int)):
            parts.append("t" if one else "f")
        else:
            text = float_text(one) if isinstance(one, float) else text_of(one)
            plain = text and not any(letter in _QUOTED for letter in text) and text.upper() != "NULL"
            escaped = text.replace("\\", "\\\\").replace('"', '\\"')
            parts.append(text if plain else f'"{escaped}"')
    return "{" + ",".join(parts) + "}"


_QUOTED = frozenset('{},"\\ \t\n\r\v\f')
