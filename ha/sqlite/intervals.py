"""PostgreSQL's functions and operators of intervals, on the text that is kept (``1 mon 2 days 03:04:05``).

What is read and written is :mod:`ha.sql.spans`'. A number where an interval is expected counts seconds.

https://www.postgresql.org/docs/15/functions-datetime.html
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from ha.errors import StatementError
from ha.sql import spans
from ha.sql.calendar import DAY, HOUR, MINUTE, SECOND
from ha.sql.spans import Interval, checked, quantity


def interval(value: Any) -> Interval:
    """The interval that a value means.

    :raises StatementError: 22007, it means none; 22015, it is too long.
    """
    if isinstance(value, (int, float)):
        return Interval(microseconds=round(value * SECOND))
    return spans.read(_text(value))


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def shown(value: Interval) -> str:
    """The text that is kept."""
    return spans.text_of(*value)


def pg_interval(value: Any, *modifiers: Any, standard: bool = False) -> str | None:
    """A cast to ``interval``, ``interval(3)`` or ``interval day to second(3)``: what is smaller is cut off or rounded.

    :param modifiers: the words of the fields, a precision, both or none.
    :param standard: IntervalStyle is ``sql_standard``.
    """
    if value is None:
        return None
    fields = spans.fields_of(modifiers[0]) if modifiers and isinstance(modifiers[0], str) else ()
    precision = modifiers[-1] if modifiers and not isinstance(modifiers[-1], str) else 6
    found = interval(value) if isinstance(value, (int, float)) else spans.read(_text(value), fields, standard=standard)
    return shown(spans.limited(found, fields, precision))


def pg_interval_multiply(left: Any, right: Any) -> str | None:
    """``interval * number``, either way around."""
    if left is None or right is None:
        return None
    if isinstance(left, (int, float)):
        left, right = right, left
    span = interval(left)
    try:
        factor = float(right)
    except ValueError:
        raise StatementError("42883", "operator does not exist: interval * interval") from None
    return shown(_scaled(span, lambda part: part * factor))


def pg_interval_divide(left: Any, right: Any) -> str | None:
    """``interval / number``."""
    if left is None or right is None:
        return None
    divisor = float(right)
    if not divisor:
        raise StatementError("22012", "division by zero")
    return shown(_scaled(interval(left), lambda part: part / divisor))


def _scaled(span: Interval, scale: Callable[[int], float]) -> Interval:
    """Fractions go down: of a month as 30 days, of a day as 24 hours."""
    try:
        months, days = scale(span.months), scale(span.days)
        from_months = round((months - int(months)) * 30, 6)
        seconds = round((days - int(days) + from_months - int(from_months)) * 86_400, 6)
        more = int(seconds / 86_400)
        return checked(
            int(months),
            int(days) + more + int(from_months),
            round(scale(span.microseconds) + (seconds - more * 86_400) * SECOND),
        )
    except (OverflowError, ValueError):
        raise StatementError("22008", "interval out of range") from None


def justify_hours(value: Any) -> str | None:
    """24 hours are a day."""
    if value is None:
        return None
    found = interval(value)
    more = _toward_zero(found.microseconds, DAY)
    return shown(_signed(found.months, found.days + more, found.microseconds - more * DAY))


def _toward_zero(amount: int, unit: int) -> int:
    return amount // unit if amount >= 0 else -(-amount // unit)


def _signed(months: int, days: int, microseconds: int) -> Interval:
    """Days and hours of one sign."""
    if days > 0 > microseconds:
        days, microseconds = days - 1, microseconds + DAY
    elif days < 0 < microseconds:
        days, microseconds = days + 1, microseconds - DAY
    return checked(months, days, microseconds)


def justify_days(value: Any) -> str | None:
    """30 days are a month."""
    if value is None:
        return None
    found = interval(value)
    more = _toward_zero(found.days, 30)
    months, days = found.months + more, found.days - more * 30
    if months > 0 > days:
        months, days = months - 1, days + 30
    elif months < 0 < days:
        months, days = months + 1, days - 30
    return shown(checked(months, days, found.microseconds))


def justify_interval(value: Any) -> str | None:
    """Both, and all parts of one sign."""
    if value is None:
        return None
    found = interval(value)
    of_hours = _toward_zero(found.microseconds, DAY)
    days, rest = found.days + of_hours, found.microseconds - of_hours * DAY
    of_days = _toward_zero(days, 30)
    months, days = found.months + of_days, days - of_days * 30
    if months > 0 and (days < 0 or (days == 0 and rest < 0)):
        months, days = months - 1, days + 30
    elif months < 0 and (days > 0 or (days == 0 and rest > 0)):
        months, days = months + 1, days - 30
    return shown(_signed(months, days, rest))


def truncated(unit: str, span: Interval) -> str:
    """date_trunc of an interval.

    :param unit: in full: ``quarter``.
    """
    months, days, microseconds = span
    smallest = {"hour": HOUR, "minute": MINUTE, "second": SECOND, "millisecond": 1000, "microsecond": 1}.get(unit)
    if smallest is not None:
        return shown(Interval(months, days, _toward_zero(microseconds, smallest) * smallest))
    if unit == "day":
        return shown(Interval(months, days))
    count = {"month": 1, "quarter": 3, "year": 12, "decade": 120, "century": 1200, "millennium": 12_000}.get(unit)
    if count is None:
        raise unsupported(unit, "interval")
    return shown(Interval(_toward_zero(months, count) * count))


#: What EXTRACT knows besides the units of intervals.
PARTS = frozenset("dow isodow doy isoyear epoch julian quarter timezone timezone_hour timezone_minute".split())
_PART_SPELLINGS = {
    "qtr": "quarter",
    "j": "julian",
    "jd": "julian",
    "timezone_h": "timezone_hour",
    "timezone_m": "timezone_minute",
}


def unit_named(field: str, kind: str, but: frozenset[str] = frozenset()) -> str:
    """A unit of EXTRACT or date_trunc, in full.

    :param but: what is none here.

    :raises StatementError: 22023, there is none.
    """
    word = field.lower()
    unit = spans.UNIT_OF.get(word[:10]) or _PART_SPELLINGS.get(word) or (word if word in PARTS else None)
    if unit is None or (unit in but and unit != "quarter"):
        raise StatementError("22023", f'unit "{word}" not recognized for type {kind}')
    return unit


def unsupported(unit: str, kind: str) -> StatementError:
    return StatementError("0A000", f'unit "{unit}" not supported for type {kind}')


def interval_part(unit: str, span: Interval) -> Decimal | int:
    """EXTRACT of an interval.

    :param unit: in full.
    """
    years = _toward_zero(span.months, 12)
    months = span.months - years * 12
    minutes = _toward_zero(span.microseconds, MINUTE)
    within = span.microseconds - minutes * MINUTE
    hours = _toward_zero(span.microseconds, HOUR)
    if unit in ("second", "millisecond", "microsecond"):
        return quantity(within, {"second": SECOND, "millisecond": 1000}.get(unit, 1))
    if unit == "epoch":
        days = years * 1461 + (months * 30 + span.days) * 4  # in quarters: a year has 365.25
        return quantity(days * (DAY // 4) + span.microseconds, SECOND)
    parts = {
        "minute": minutes - hours * 60,
        "hour": hours,
        "day": span.days,
        "month": months,
        "quarter": _toward_zero(months, 3) + 1,
        "year": years,
        "decade": _toward_zero(years, 10),
        "century": _toward_zero(years, 100),
        "millennium": _toward_zero(years, 1000),
    }
    if unit not in parts:
        raise unsupported(unit, "interval")
    return parts[unit]


def make_named_interval(*pairs: Any) -> str | None:
    """make_interval with its parts by number: place, value, place, value …"""
    parts = [0.0] * 7
    for place, value in zip(pairs[::2], pairs[1::2], strict=True):
        parts[int(place)] = value
    return make_interval(*parts)


def make_interval(*parts: Any) -> str | None:
    """From years, months, weeks, days, hours, minutes and seconds."""
    if None in parts:
        return None
    years, months, weeks, days, hours, minutes, seconds = (*parts, 0, 0, 0, 0, 0, 0, 0)[:7]
    try:
        clock = int(hours) * HOUR + int(minutes) * MINUTE + round(float(seconds) * SECOND)
    except (OverflowError, ValueError):
        raise StatementError("22008", "interval out of range") from None
    return shown(checked(int(years) * 12 + int(months), int(weeks) * 7 + int(days), clock))


FUNCTIONS: tuple[tuple[str, int, Callable[..., Any]], ...] = (
    ("pg_interval_multiply", 2, pg_interval_multiply),
    ("pg_interval_divide", 2, pg_interval_divide),
    ("justify_hours", 1, justify_hours),
    ("justify_days", 1, justify_days),
    ("justify_interval", 1, justify_interval),
    ("pg_make_interval", -1, make_named_interval),
    ("make_interval", -1, make_interval),
)
