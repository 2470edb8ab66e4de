"""Values of composite types: what is cast or assigned becomes a JSON object of the type's fields, each a value of its own type.

The type comes as the words that tell all of it (:mod:`ha.sql.made`), so these functions ask nobody but for the session's time zone.
One form for equal values, so that ``=``, DISTINCT and unique keys compare texts.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import tzinfo
from typing import Any, Final

from ha.errors import StatementError
from ha.sql import made, recordtexts
from ha.sql.made import Composite
from ha.sql.ranges import MULTIRANGES, RANGES
from ha.sql.typenames import TypeName, declared_type
from ha.sqlite import casts, intervals, labels, rangevalues, times
from ha.sqlite.arrays import dumped, elements
from ha.sqlite.casts import text_of
from ha.sqlite.times import Where

Zone = Callable[[], tzinfo | None]
RANGE_TYPES: Final = frozenset((*RANGES, *MULTIRANGES))


def rows(zone: Zone) -> list[tuple[str, int, Callable[..., Any]]]:
    """Name, number of arguments, what computes it.

    :param zone: the session's.
    """
    return [
        ("pg_composite", 2, lambda value, words: pg_composite(value, words, zone)),
        ("pg_row", -1, pg_row),
    ]


def pg_composite(value: Any, words: str, zone: Zone) -> str | None:
    """A value of a composite type; by the words of its arrays, an array of them.

    :param value: what is kept of any record, or PostgreSQL's writing.
    :raises StatementError: 22P02, it is none; whatever the fields' casts raise.
    """
    if value is None:
        return None
    found = _fitted(value, words, zone)
    return dumped(found)


def pg_row(words: str, *values: Any) -> str:
    """``ROW(…)``: what is kept of a record without a type.

    :param words: see :func:`ha.sql.made.composite`.
    """
    one = made.composite(words)
    assert one is not None
    items = [_item(value, _type(kind)) for value, (_, kind) in zip(values, one.fields, strict=True)]
    return dumped(dict(zip((name for name, _ in one.fields), items, strict=True)))


def _fitted(value: Any, words: str, zone: Zone) -> Any:
    """A value that is not NULL, as JSON holds it."""
    if words[0] == "_":
        return _each(value if isinstance(value, list) else elements(value), words[1:], zone)
    if made.enumeration(words) is not None:
        return labels.pg_enum(value, words)
    one = made.composite(words)
    if one is not None:
        items = _given(value, one)
        names = [name for name, _ in one.fields]
        fitted = [
            None if item is None else _fitted(item, kind, zone)
            for item, (_, kind) in zip(items, one.fields, strict=True)
        ]
        return dict(zip(names, fitted, strict=True))
    kind = _type(words)
    if kind.name.startswith("_"):
        return _each(value if isinstance(value, list) else elements(value), words.removesuffix("[]"), zone)
    return _item(_cast(value, kind, zone), kind)


def _each(items: list[Any], words: str, zone: Zone) -> list[Any]:
    return [
        None if item is None else _each(item, words, zone) if isinstance(item, list) else _fitted(item, words, zone)
        for item in items
    ]


def _given(value: Any, one: Composite) -> list[Any]:
    """The fields of a record, however it is written."""
    if not isinstance(value, dict):
        text = text_of(value)
        if text[:1] != "{":
            return list(recordtexts.fitting(text, len(one.fields)))
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            raise recordtexts.malformed(text, "Missing left parenthesis.") from None
    if len(value) != len(one.fields):
        raise StatementError(
            "42846",
            f"cannot cast type record to {one.name}",
            detail=f"Input has too {'few' if len(value) < len(one.fields) else 'many'} columns.",
        )
    return list(value.values())


def _type(words: str) -> TypeName:
    return declared_type(words) or TypeName("text")


def _cast(value: Any, kind: TypeName, zone: Zone) -> Any:
    if isinstance(value, (dict, list)):
        value = dumped(value)
    if value is True or value is False:
        value = int(value)
    if kind.name == "timestamptz":
        return times.pg_timestamptz(value, kind.modifiers[0] if kind.modifiers else 6, Where(zone()))
    if kind.name in RANGE_TYPES:
        return rangevalues.cast(value, kind.name, zone())
    cast = _CASTS.get(kind.name)
    return text_of(value) if cast is None else cast(value, *kind.modifiers)


def _item(value: Any, kind: TypeName) -> Any:
    """A value of a type that has no fields, as JSON holds it."""
    name = kind.name
    if value is None:
        return None
    if name == "bool":
        return bool(value)
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    if name in ("json", "jsonb"):
        return text_of(value)  # what is a string in it could not be told from what is none
    if isinstance(value, float) and value != value or value in (float("inf"), float("-inf")):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    return value


_FUNCTIONS: Final = {
    name: function
    for table in (casts.FUNCTIONS, times.FUNCTIONS, intervals.FUNCTIONS, rangevalues.FUNCTIONS)
    for name, _, function in table
}
#: By a type's name, what makes its values of others.
_CASTS: Final[dict[str, Callable[..., Any]]] = {
    name.removeprefix("pg_fit_").removeprefix("pg_"): function
    for name, function in sorted(_FUNCTIONS.items(), key=lambda pair: pair[0].startswith("pg_fit_"))
    if name.startswith("pg_")
} | {
    "date": times.pg_date,
    "timestamp": times.pg_timestamp,
    "time": times.pg_time,
    "timetz": times.pg_timetz,
    "interval": intervals.pg_interval,
}
