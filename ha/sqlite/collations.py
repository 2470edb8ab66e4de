"""Orders of values that are kept as texts, where the texts' own order is another.

The translation of a PostgreSQL client's statement puts ``COLLATE`` behind what is compared, sorted or grouped (see
:mod:`ha.sql.comparisons`); the schema never names these, so that every program can read the file. An index over such a column
is one of texts, and is not used then.

Promises: a text that is no value of the type is compared as a text, after all values: a collation cannot refuse.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from ha.errors import StatementError
from ha.sql import ranges, spans
from ha.sqlite import arrays, decimals, intervals, times
from ha.sqlite.casts import key_order

if TYPE_CHECKING:
    from ha.sqlite.connection import Connection

#: Keys kept: a sort asks for each value's several times.
KEYS_KEPT: Final = 4096

#: What a value is sorted by; what is no value of the type comes after those that are.
Key = tuple[Any, ...]


def _interval(text: str) -> Key:
    return (0, spans.order_of(intervals.interval(text)))


def _timetz(text: str) -> Key:
    """The moment in UTC; of equal ones, those further east first."""
    clock, offset = times.clock_and_offset(text)
    return (0, clock - offset, -offset)


def _jsonb(text: str) -> Key:
    return (0, json_key(json.loads(text, parse_float=Decimal)))


def json_key(value: Any) -> Key:
    """PostgreSQL's order of jsonb: object > array > boolean > number > string > null, but an empty array least of all."""
    if isinstance(value, dict):
        pairs = sorted(value.items(), key=lambda pair: key_order(pair[0]))
        return (5, len(pairs), tuple((name.encode(), json_key(one)) for name, one in pairs))
    if isinstance(value, list):
        return (4, len(value), tuple(map(json_key, value))) if value else (-1,)
    if isinstance(value, bool):
        return (3, value)
    if isinstance(value, (int, Decimal)):
        return (2, value)
    return (0,) if value is None else (1, value.encode())


def _array(text: str) -> Key:
    return _dimensioned(arrays.elements(text), _element)


def _text_array(text: str) -> Key:
    return _dimensioned(arrays.elements(text), lambda one: (1,) if one is None else (0, arrays.word(one)))


def _dimensioned(elements: list[Any], key: Callable[[Any], Key]) -> Key:
    """First come all elements, in their order, then how many dimensions there are, then how long each is."""
    lengths = [len(elements)]
    while any(isinstance(one, list) for one in elements):
        elements = [inner for one in elements for inner in (one if isinstance(one, list) else [one])]
        lengths.append(len(elements))
    return (0, tuple(map(key, elements)), len(lengths), tuple(lengths))


def _element(value: Any) -> Key:
    """NULL comes last; elements of one type are compared as what they are."""
    return (3,) if value is None else (0, value) if isinstance(value, (int, float)) else (1, value)


def _range(kind: str) -> Callable[[str], Key]:
    """Of ranges, and of multiranges, which are compared range by range."""

    def key(text: str) -> Key:
        parts = ranges.split(text) if text[:1] == "{" else [text]
        return (0, tuple(ranges.key(ranges.read(one, str), kind) for one in parts))

    return key


def _ranges(kind: str) -> Callable[[str], Key]:
    """Of arrays of them."""
    one = _range(kind)
    return lambda text: (0, tuple((1,) if part is None else one(part) for part in arrays.elements(text)))


def _comparison(key: Callable[[str], Key]) -> Callable[[str, str], int]:
    @lru_cache(KEYS_KEPT)
    def key_of(text: str) -> Key:
        try:
            return key(text)
        except (StatementError, ValueError, RecursionError):
            return (1, text)

    def compare(left: str, right: str) -> int:
        if left == right:
            return 0
        first, second = key_of(left), key_of(right)
        return (first > second) - (first < second)

    return compare


#: By the name that COLLATE says.
COLLATIONS: Final[dict[str, Callable[[str, str], int]]] = {
    "pg_interval": _comparison(_interval),
    "pg_timetz": _comparison(_timetz),
    "pg_jsonb": _comparison(_jsonb),
    "pg_number_range": _comparison(_range("numeric")),
    "pg_text_range": _comparison(_range("text")),
    "pg_number_ranges": _comparison(_ranges("numeric")),
    "pg_text_ranges": _comparison(_ranges("text")),
    "pg_numeric": decimals.compare,
    "pg_array": _comparison(_array),
    "pg_text_array": _comparison(_text_array),
}


def register(connection: Connection) -> None:
    """Give a connection every collation of this module."""
    for name, compare in COLLATIONS.items():
        connection.create_collation(name, compare)
