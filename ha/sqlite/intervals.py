"""Intervals: PostgreSQL's text (``1 mon 2 days 03:04:05``), read in each of its spellings, computed with, and written.

https://www.postgresql.org/docs/15/datatype-datetime.html#DATATYPE-INTERVAL-INPUT
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from ha.errors import StatementError

SECOND = 1_000_000
HOUR = 3600 * SECOND
DAY = 24 * HOUR


class Interval(NamedTuple):
    """PostgreSQL keeps the three apart: a month has no fixed number of days, nor a day of hours."""

    months: int = 0
    days: int = 0
    microseconds: int = 0

    def __neg__(self) -> Interval:
        return Interval(-self.months, -self.days, -self.microseconds)


_UNITS = {
    "microsecond": (0, 0, 1),
    "millisecond": (0, 0, 1000),
    "second": (0, 0, SECOND),
    "minute": (0, 0, 60 * SECOND),
    "hour": (0, 0, HOUR),
    "day": (0, 1, 0),
    "week": (0, 7, 0),
    "month": (1, 0, 0),
    "year": (12, 0, 0),
    "decade": (120, 0, 0),
    "century": (1200, 0, 0),
    "millennium": (12000, 0, 0),
}
_SHORT = {
    "us": "microsecond", "usec": "microsecond", "ms": "millisecond", "msec": "millisecond", "s": "second", "sec": "second",
    "m": "minute", "min": "minute", "h": "hour", "hr": "hour", "d": "day", "w": "week", "mon": "month", "y": "year",
    "yr": "year", "c": "century", "cent": "century", "centurie": "century", "dec": "decade", "mil": "millennium",
    "millennia": "millennium",
}  # fmt: skip
_PART = re.compile(
    r"([-+]?)(\d+):(\d{1,2})(?::(\d{1,2}(?:\.\d{1,9})?))?|([-+]?\d+(?:\.\d*)?|[-+]?\.\d+)\s*([a-z]*)", re.I
)
_ISO = re.compile(r"P(?=.)((?:[-+]?[\d.]+[YMWD])*)(?:T((?:[-+]?[\d.]+[HMS])+))?\Z", re.I)
_ISO_PART = re.compile(r"([-+]?[\d.]+)([YMWDHS])", re.I)
#: PostgreSQL's own bound on an interval's months and days.
_PARTS_MAX = 2**31 - 1


def interval(value: Any) -> Interval:
    """The interval that a text means: PostgreSQL's spellings, ISO 8601, ``02:30``.

    :raises StatementError: 22007, it means none; 22015, it is too long.
    """
    if isinstance(value, (int, float)):
        return Interval(microseconds=round(value * SECOND))
    text = str(value).strip()
    try:
        found = _iso_interval(text) if text[:1] in "Pp" and text else _spelled_interval(text)
    except (ValueError, OverflowError):
        found = None
    if found is None or len(text) > 200:
        raise invalid("interval", value)
    if max(abs(found.months), abs(found.days)) > _PARTS_MAX or abs(found.microseconds) >= 2**63:
        raise StatementError("22015", f'interval field value out of range: "{value}"')
    return found


def _spelled_interval(text: str) -> Interval | None:
    months = days = 0.0
    microseconds = 0
    at, negative, words = 0, False, _sql_interval(text.lower().strip("@ "))
    if words.endswith(" ago"):
        negative, words = True, words[:-4].rstrip()
    if not words:
        return None
    while at < len(words):
        match = _PART.match(words, at)
        if match is None:
            return None
        sign, hours, minutes, seconds, number, unit = match.groups()
        if hours is not None:
            amount = int(hours) * HOUR + int(minutes) * 60 * SECOND + round(float(seconds or 0) * SECOND)
            microseconds += -amount if sign == "-" else amount
        else:
            name = _SHORT.get(unit) or _SHORT.get(unit.rstrip("s")) or unit.rstrip("s") or "second"
            size = _UNITS.get(name)
            if size is None:
                return None
            months += float(number) * size[0]
            days += float(number) * size[1]
            microseconds += round(float(number) * size[2])
        at = match.end()
        while at < len(words) and words[at] in " ,":
            at += 1
    found = _whole(months, days, microseconds)
    return -found if negative else found


_YEARS_MONTHS = re.compile(r"([-+]?)(\d+)-(\d{1,2})(?=\s|\Z)")
_DAYS_CLOCK = re.compile(r"(?<![:\d.a-z])([-+]?\d+)\s+(?=[-+]?\d+:)")


def _sql_interval(words: str) -> str:
    """The SQL standard's spellings in PostgreSQL's: ``1-2`` is years and months, ``3 4:05`` days and hours."""

    def spelled(match: re.Match[str]) -> str:
        sign, years, months = match.groups()
        return f"{sign}{years} years {sign}{months} mons"

    return _DAYS_CLOCK.sub(r"\1 days ", _YEARS_MONTHS.sub(spelled, words))


def pg_interval_of(value: Any, first: str, last: str) -> str | None:
    """``INTERVAL 'value' first TO last``: a bare number counts the last field; what is smaller is cut off."""
    if value is None:
        return None
    text = str(value).strip()
    if re.fullmatch(r"[-+]?\d+(\.\d+)?", text):
        found = interval(f"{text} {last}")
    elif (first, last) == ("minute", "second") and re.fullmatch(r"[-+]?\d+:\d+(\.\d+)?", text):
        found = interval(f"00:{text}")
    else:
        found = interval(text)
    return shown(found) if last == "second" else truncated(last, found)


def _iso_interval(text: str) -> Interval | None:
    match = _ISO.match(text)
    if match is None:
        return None
    months = days = 0.0
    microseconds = 0
    for number, unit in _ISO_PART.findall(match.group(1)):
        size = _UNITS[{"Y": "year", "M": "month", "W": "week", "D": "day"}[unit.upper()]]
        months, days = months + float(number) * size[0], days + float(number) * size[1]
    for number, unit in re.findall(r"([-+]?[\d.]+)([HMS])", match.group(2) or "", re.I):
        microseconds += round(float(number) * _UNITS[{"H": "hour", "M": "minute", "S": "second"}[unit.upper()]][2])
    return _whole(months, days, microseconds)


def _whole(months: float, days: float, microseconds: int) -> Interval:
    """Fractions go down: of a month as 30 days, of a day as 24 hours."""
    days += (months - int(months)) * 30
    microseconds += round((days - int(days)) * DAY)
    return Interval(int(months), int(days), microseconds)


def span(value: Interval) -> int:
    """What intervals are compared by, in microseconds: a month counts as 30 days, a day as 24 hours."""
    return (value.months * 30 + value.days) * DAY + value.microseconds


def invalid(what: str, value: Any) -> StatementError:
    return StatementError("22007", f'invalid input syntax for type {what}: "{value}"')


def out_of_range(value: Any) -> StatementError:
    return StatementError(
        "22008",
        f'date/time field value out of range: "{value}"',
        hint='Perhaps you need a different "datestyle" setting.',
    )


def shown(value: Interval) -> str:
    """An interval's text in PostgreSQL's style: where a part before was negative, a positive one says so."""
    parts = []
    negative = value.months < 0
    years, months = divmod(abs(value.months), 12)
    sign = "-" if value.months < 0 else ""
    if years:
        parts.append(f"{sign}{years} year{'' if years == 1 and not sign else 's'}")
    if months:
        parts.append(f"{sign}{months} mon{'' if months == 1 and not sign else 's'}")
    if value.days:
        parts.append(f"{'+' if negative and value.days > 0 else ''}{value.days} day{'' if value.days == 1 else 's'}")
        negative = value.days < 0
    if value.microseconds or not parts:
        seconds, fraction = divmod(abs(value.microseconds), SECOND)
        sign = "-" if value.microseconds < 0 else "+" if negative and value.microseconds else ""
        text = f"{sign}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        parts.append(text + (f".{fraction:06}".rstrip("0") if fraction else ""))
    return " ".join(parts)


def pg_interval(value: Any, *_: int) -> str | None:
    return None if value is None else shown(interval(value))


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
    return shown(_whole(span.months * factor, span.days * factor, round(span.microseconds * factor)))


def pg_interval_divide(left: Any, right: Any) -> str | None:
    """``interval / number``."""
    if left is None or right is None:
        return None
    if not float(right):
        raise StatementError("22012", "division by zero")
    return pg_interval_multiply(left, 1 / float(right))


def justify_hours(value: Any) -> str | None:
    """24 hours are a day."""
    if value is None:
        return None
    found = interval(value)
    days = int(found.microseconds / DAY)
    return shown(_signed(found.months, found.days + days, found.microseconds - days * DAY))


def _signed(months: int, days: int, microseconds: int) -> Interval:
    """Days and hours of one sign."""
    if days > 0 > microseconds:
        days, microseconds = days - 1, microseconds + DAY
    elif days < 0 < microseconds:
        days, microseconds = days + 1, microseconds - DAY
    return Interval(months, days, microseconds)


def justify_days(value: Any) -> str | None:
    """30 days are a month."""
    if value is None:
        return None
    found = interval(value)
    return shown(_monthly(found))


def _monthly(found: Interval) -> Interval:
    more = int(found.days / 30)
    months, days = found.months + more, found.days - more * 30
    if months > 0 > days:
        months, days = months - 1, days + 30
    elif months < 0 < days:
        months, days = months + 1, days - 30
    return Interval(months, days, found.microseconds)


def justify_interval(value: Any) -> str | None:
    """Both, and all parts of one sign."""
    if value is None:
        return None
    found = interval(value)
    days = int(found.microseconds / DAY)
    found = Interval(found.months, found.days + days, found.microseconds - days * DAY)
    more = int(found.days / 30)
    months, days, rest = found.months + more, found.days - more * 30, found.microseconds
    if months > 0 and (days < 0 or (days == 0 and rest < 0)):
        months, days = months - 1, days + 30
    elif months < 0 and (days > 0 or (days == 0 and rest > 0)):
        months, days = months + 1, days - 30
    return shown(_signed(months, days, rest))


def truncated(field: str, span: Interval) -> str:
    units = {"second": SECOND, "minute": 60 * SECOND, "hour": HOUR}
    if field in units:
        return shown(span._replace(microseconds=int(span.microseconds / units[field]) * units[field]))
    if field == "day":
        return shown(span._replace(microseconds=0))
    if field in ("month", "year"):
        whole = 12 if field == "year" else 1
        return shown(Interval(int(span.months / whole) * whole))
    raise StatementError("22023", f'unit "{field}" not recognized for type interval')


def quantity(amount: int, unit: int) -> float | int:
    return amount // unit if amount % unit == 0 else amount / unit


def interval_part(field: str, span: Interval) -> float | int:
    sign = -1 if span.microseconds < 0 else 1
    seconds, fraction = divmod(abs(span.microseconds), SECOND)
    within = seconds % 60 * SECOND + fraction
    days = (span.months // 12) * 365.25 + (span.months % 12) * 30 + span.days
    parts: dict[str, float | int] = {
        "year": int(span.months / 12), "month": span.months - int(span.months / 12) * 12, "day": span.days,
        "hour": sign * (seconds // 3600), "minute": sign * (seconds // 60 % 60), "second": sign * quantity(within, SECOND),
        "milliseconds": sign * quantity(within, 1000), "microseconds": sign * within,
        "epoch": quantity(round(days * DAY) + span.microseconds, SECOND), "quarter": span.months % 12 // 3 + 1,
        "decade": int(span.months / 120), "century": int(span.months / 1200), "millennium": int(span.months / 12000),
    }  # fmt: skip
    if field not in parts:
        raise StatementError("22023", f'unit "{field}" not recognized for type interval')
    return parts[field]


def make_named_interval(*pairs: Any) -> str:
    """make_interval with its parts by number: place, value, place, value …"""
    parts = [0.0] * 7
    for place, value in zip(pairs[::2], pairs[1::2], strict=True):
        parts[int(place)] = value
    return make_interval(*parts)


def make_interval(*parts: float) -> str:
    years, months, weeks, days, hours, minutes, seconds = (*parts, 0, 0, 0, 0, 0, 0, 0)[:7]
    return shown(_whole(years * 12 + months, weeks * 7 + days, round((hours * 3600 + minutes * 60 + seconds) * SECOND)))


FUNCTIONS: tuple[tuple[str, int, Callable[..., Any]], ...] = (
    ("pg_interval", -1, pg_interval),
    ("pg_interval_multiply", 2, pg_interval_multiply),
    ("pg_interval_divide", 2, pg_interval_divide),
    ("justify_hours", 1, justify_hours),
    ("justify_days", 1, justify_days),
    ("justify_interval", 1, justify_interval),
    ("pg_interval_of", 3, pg_interval_of),
    ("pg_make_interval", -1, make_named_interval),
    ("make_interval", -1, make_interval),
)
