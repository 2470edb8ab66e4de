"""Ranges in SQL: casts, constructors, and what is asked of them.

A range is kept as PostgreSQL's text in its one form (:mod:`ha.sql.ranges`), with bounds as columns of their type keep them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import tzinfo
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any, Final

from ha.errors import StatementError
from ha.sql import ranges
from ha.sql.ranges import BOUNDS, MULTIRANGES, RANGES, Range
from ha.sqlite import casts, times
from ha.sqlite.arrays import dumped, each, elements

#: Name, number of arguments, what computes it.
Row = tuple[str, int, Callable[..., Any]]


def _numeric(value: Any) -> str:
    """All digits stay as they are written."""
    text = casts.text_of(value).strip()
    try:
        return format(Decimal(text), "f")
    except InvalidOperation:
        raise casts.invalid("numeric", value) from None


_BOUNDS: Final[dict[str, Callable[[Any], Any]]] = {
    "int4": casts.pg_int4,
    "int8": casts.pg_int8,
    "numeric": _numeric,
    "date": times.pg_date,
    "timestamp": times.pg_timestamp,
}


def _bound(kind: str, zone: tzinfo | None = None) -> Callable[[Any], str]:
    """What makes of anything a bound as it is kept."""
    if kind == "timestamptz":
        return lambda value: str(times.pg_timestamptz(value, 6, times.Where(zone)))
    cast = _BOUNDS[kind]
    return lambda value: str(cast(value))


def _read(value: Any, name: str, zone: tzinfo | None = None) -> list[Range]:
    """The ranges of a range (one) or multirange."""
    kind = BOUNDS[name]
    text = casts.text_of(value)
    if name in RANGES:
        return [ranges.canonical(ranges.read(text, _bound(kind, zone)), kind)]
    return ranges.joined(
        (ranges.canonical(ranges.read(one, _bound(kind, zone)), kind) for one in ranges.split(text)), kind
    )


def _written(found: list[Range], name: str) -> str:
    return ranges.write(found[0]) if name in RANGES else ranges.write_all(found)


def cast(value: Any, name: str, zone: tzinfo | None = None) -> str | None:
    """Anything as a range or multirange of this name.

    :param zone: where a time is that does not say.
    :raises StatementError: 22P02, 22000, and what the bounds' type says.
    """
    return None if value is None else _written(_read(value, name, zone), name)


def cast_each(value: Any, name: str, zone: tzinfo | None = None) -> str | None:
    """An array of them."""
    if value is None:
        return None
    return dumped(each(elements(value), lambda one: cast(one, name, zone)))


def make(name: str, zone: Callable[[], tzinfo | None], lower: Any, upper: Any, bounds: Any = "[)") -> str:
    """``int4range(lower, upper, '[)')``."""
    if bounds not in ("[)", "[]", "()", "(]"):
        raise StatementError(
            "22000" if bounds is None else "42601",
            "range constructor flags argument must not be null" if bounds is None else "invalid range bound flags",
            hint='Valid values are "[]", "[)", "(]", and "()".',
        )
    kind = RANGES[name][0]
    bound = _bound(kind, zone())
    one = Range(None if lower is None else bound(lower), None if upper is None else bound(upper), bounds)
    return ranges.write(ranges.canonical(one, kind))


def make_many(name: str, *parts: Any) -> str | None:
    """``int4multirange(range, …)``."""
    if None in parts:
        return None
    kind = RANGES[MULTIRANGES[name]][0]
    return ranges.write_all(ranges.joined((_read(one, MULTIRANGES[name])[0] for one in parts), kind))


# What is asked of them


def _either(value: Any, name: str) -> list[Range]:
    """A range, a multirange, or a value alone, as ranges."""
    text = casts.text_of(value).strip()
    single = MULTIRANGES.get(name, name)
    if text[:1] == "{":
        return _read(text, RANGES[single][1])
    if text[:1] in ("[", "(") or text == "empty":
        return _read(text, single)
    bound = _bound(RANGES[single][0])(value)
    return [Range(bound, bound, "[]")]


def contains(left: Any, right: Any, name: str) -> int | None:
    """``left @> right``."""
    if left is None or right is None:
        return None
    kind = BOUNDS[name]
    outer = ranges.joined(_either(left, name), kind)
    return int(
        all(any(_within(inner, one, kind) for one in outer) for inner in _either(right, name) if not inner.empty)
    )


def _within(inner: Range, outer: Range, kind: str) -> bool:
    return ranges.joined([inner, outer], kind) == [outer]


def overlaps(left: Any, right: Any, name: str) -> int | None:
    """``left && right``."""
    if left is None or right is None:
        return None
    kind = BOUNDS[name]
    return int(any(ranges.overlap(one, other, kind) for one in _either(left, name) for other in _either(right, name)))


def _ends(value: Any, name: str) -> tuple[Range, Range] | None:
    found = [one for one in _either(value, name) if not one.empty] if value is not None else []
    return (found[0], found[-1]) if found else None


def _stored(bound: str | None, name: str) -> Any:
    kind = BOUNDS[name]
    return (
        None
        if bound is None
        else int(bound)
        if kind in ("int4", "int8")
        else casts.pg_numeric(bound)
        if kind == "numeric"
        else bound
    )


def lower(value: Any, name: str) -> Any:
    """The lower bound; NULL where there is none."""
    ends = _ends(value, name)
    return None if ends is None else _stored(ends[0].lower, name)


def upper(value: Any, name: str) -> Any:
    """The upper bound."""
    ends = _ends(value, name)
    return None if ends is None else _stored(ends[1].upper, name)


def _asked(question: Callable[[str], bool]) -> Callable[[Any], int | None]:
    """A question to the text itself, whatever the bounds are."""
    return lambda value: None if value is None else int(question(casts.text_of(value).strip("{}")))


FUNCTIONS: Final[tuple[Row, ...]] = (
    ("pg_range_contains", 3, contains),
    ("pg_range_contained", 3, lambda left, right, name: contains(right, left, name)),
    ("pg_range_overlaps", 3, overlaps),
    ("pg_range_lower", 2, lower),
    ("pg_range_upper", 2, upper),
    ("isempty", 1, _asked(lambda text: text in ("", "empty"))),
    ("lower_inc", 1, _asked(lambda text: text[:1] == "[")),
    ("upper_inc", 1, _asked(lambda text: text[-1:] == "]")),
    ("lower_inf", 1, _asked(lambda text: text[:2] == "(,")),
    ("upper_inf", 1, _asked(lambda text: text[-2:] == ",)")),
    *((name, -1, partial(make_many, name)) for name in MULTIRANGES),
)


def rows(zone: Callable[[], tzinfo | None]) -> Iterator[Row]:
    """The functions that may ask where the session is.

    :param zone: of the session.
    """
    for name in (*RANGES, *MULTIRANGES):
        yield f"pg_{name}", 1, lambda value, name=name: cast(value, name, zone())
        yield f"pg__{name}", 1, lambda value, name=name: cast_each(value, name, zone())
    for name in RANGES:
        yield name, 2, partial(make, name, zone)
        yield name, 3, partial(make, name, zone)
