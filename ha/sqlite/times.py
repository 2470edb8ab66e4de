"""Dates, times and intervals as PostgreSQL computes them, on the text that is stored.

A date is ``YYYY-MM-DD``, a timestamp ``YYYY-MM-DD HH:MM:SS[.ffffff]``, one with a zone the same in UTC with ``+00:00``
after it, as parameters are kept and as SQLite's own functions read it: the order of the texts is the order of the
times. An interval is PostgreSQL's text (``1 mon 2 days 03:04:05``).
A number where a time is expected counts seconds since 1970.

https://www.postgresql.org/docs/15/functions-datetime.html
"""

from __future__ import annotations

import re
import time
import zoneinfo
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Any, NamedTuple

from ha.errors import StatementError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOMENT = re.compile(
    r"\s*(\d{4,6})-(\d{1,2})-(\d{1,2})(?:[T ]\s*(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?"
    r"\s*(Z|UTC|GMT|[-+]\d{1,2}(?::?\d{2}(?::?\d{2})?)?)?\s*\Z",
    re.IGNORECASE,
)
_CLOCK = re.compile(
    r"\s*(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?\s*(AM|PM)?\s*(Z|[-+]\d{1,2}(?::?\d{2})?)?\s*\Z", re.I
)
_ENDLESS = ("infinity", "-infinity")
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


# Reading


def moment(value: Any, what: str = "timestamp") -> datetime:
    """The time that a stored value means; it has a zone if the text has one.

    :raises StatementError: 22007, it means none; 22008, there is no such day.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            return _EPOCH + timedelta(seconds=value)
        except (OverflowError, ValueError):
            raise _range(value) from None
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    match = _MOMENT.match(text)
    if match is None:
        word = text.strip().lower()
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        named = {"now": datetime.now(UTC), "today": today, "epoch": _EPOCH}
        named |= {"tomorrow": today + timedelta(1), "yesterday": today - timedelta(1)}
        if word in named:
            return named[word]
        raise invalid(what, value)
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        found = datetime(
            int(year),
            int(month),
            int(day),
            int(hour or 0),
            int(minute or 0),
            min(int(second or 0), 59),
            int((fraction or "0").ljust(6, "0")[:6]),
            None if zone is None else offset(zone),
        )
    except (ValueError, OverflowError):
        raise _range(value) from None
    return found + timedelta(seconds=1) if second == "60" else found


def offset(zone: str) -> tzinfo:
    """A zone given as ``Z`` or ``+02:30``."""
    if zone[0] not in "+-":
        return UTC
    digits = zone[1:].replace(":", "")
    hours, minutes = int(digits[:2] if len(digits) != 3 else digits[:1]), int(digits[-2:] if len(digits) > 2 else 0)
    delta = timedelta(hours=hours, minutes=minutes)
    return timezone(-delta if zone[0] == "-" else delta)


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
    at, negative, words = 0, False, text.lower().strip("@ ")
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
            size = _UNITS.get("century" if name in ("centurie", "century") else name)
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


def clock_and_offset(value: str) -> tuple[int, int]:
    """A timetz: the time of the day, and how far east it is, both in microseconds.

    :raises StatementError: 22007, it is none.
    """
    match = _CLOCK.match(value)
    if match is None:
        raise invalid("time with time zone", value)
    hour, minute, second, fraction, _, zone = match.groups()
    clock = int(hour) * HOUR + int(minute) * 60 * SECOND + int(second or 0) * SECOND
    clock += int((fraction or "0").ljust(6, "0")[:6])
    east = offset(zone).utcoffset(None) if zone else timedelta()
    return clock, (east or timedelta()) // timedelta(microseconds=1)


def invalid(what: str, value: Any) -> StatementError:
    return StatementError("22007", f'invalid input syntax for type {what}: "{value}"')


def _range(value: Any) -> StatementError:
    return StatementError(
        "22008",
        f'date/time field value out of range: "{value}"',
        hint='Perhaps you need a different "datestyle" setting.',
    )


# Writing


def written(value: datetime) -> str:
    """A timestamp's text; with ``+00:00`` if it has a zone."""
    if value.tzinfo is not None:
        value = value.astimezone(UTC)
    text = f"{value.year:04}-{value.month:02}-{value.day:02} {value.hour:02}:{value.minute:02}:{value.second:02}"
    if value.microsecond:
        text += f".{value.microsecond:06}".rstrip("0")
    return text if value.tzinfo is None else text + "+00:00"


def stamp(seconds: float) -> str:
    """The text of a time counted from 1970, with its zone."""
    return written(_EPOCH + timedelta(microseconds=round(seconds * SECOND)))


def clock() -> str:
    """The time now, which goes on within a statement."""
    return stamp(time.time())


def shown(value: Interval) -> str:
    """An interval's text in PostgreSQL's style."""
    parts = []
    years, months = divmod(abs(value.months), 12)
    sign = "-" if value.months < 0 else ""
    if years:
        parts.append(f"{sign}{years} year{'' if years == 1 and not sign else 's'}")
    if months:
        parts.append(f"{sign}{months} mon{'' if months == 1 and not sign else 's'}")
    if value.days:
        parts.append(f"{value.days} day{'' if value.days == 1 else 's'}")
    if value.microseconds or not parts:
        seconds, fraction = divmod(abs(value.microseconds), SECOND)
        sign = "-" if value.microseconds < 0 else ""
        text = f"{sign}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        parts.append(text + (f".{fraction:06}".rstrip("0") if fraction else ""))
    return " ".join(parts)


# Casts


def pg_date(value: Any) -> str | None:
    if value is None:
        return None
    if str(value).strip().lower() in _ENDLESS:
        return str(value).strip().lower()
    return moment(value, "date").strftime("%Y-%m-%d").rjust(10, "0")


def pg_timestamp(value: Any, precision: int = 6) -> str | None:
    if value is None or str(value).strip().lower() in _ENDLESS:
        return value if value is None else str(value).strip().lower()
    return written(_rounded(moment(value).replace(tzinfo=None), precision))


def pg_timestamptz(value: Any, precision: int = 6, zone: tzinfo = UTC) -> str | None:
    """In UTC.

    :param zone: where a time is that does not say.
    """
    if value is None or str(value).strip().lower() in _ENDLESS:
        return value if value is None else str(value).strip().lower()
    found = moment(value, "timestamp with time zone")
    if found.tzinfo is None:
        found = found.replace(tzinfo=zone)
    try:
        return written(_rounded(found.astimezone(UTC), precision))
    except OverflowError:
        raise _range(value) from None


def pg_time(value: Any, precision: int = 6) -> str | None:
    if value is None:
        return None
    match = _CLOCK.match(str(value))
    if match is None:
        return written(_rounded(moment(value, "time"), precision))[11:].removesuffix("+00:00")
    hour, minute, second, fraction, half, _ = match.groups()
    hours = int(hour) % 12 + (12 if half.upper() == "PM" else 0) if half else int(hour)
    if hours > 24 or int(minute) > 59 or int(second or 0) > 60:
        raise _range(value)
    digits = (fraction or "").ljust(6, "0")[:6].rstrip("0")[:precision]
    return f"{hours:02}:{minute}:{second or '00'}" + (f".{digits}" if digits else "")


def pg_timetz(value: Any, precision: int = 6) -> str | None:
    if value is None:
        return None
    match = _CLOCK.match(str(value))
    zone = match.group(6) if match is not None else None
    return f"{pg_time(value, precision)}{'+00' if zone in (None, 'Z', 'z') else zone}"


def pg_interval(value: Any, *_: int) -> str | None:
    return None if value is None else shown(interval(value))


def _zoned(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value


def _rounded(value: datetime, precision: int) -> datetime:
    if precision >= 6:
        return value
    unit = 10 ** (6 - max(precision, 0))
    return value.replace(microsecond=0) + timedelta(microseconds=(value.microsecond + unit // 2) // unit * unit)


# Arithmetic


def _is_moment(value: Any) -> bool:
    return isinstance(value, str) and _MOMENT.match(value) is not None


def _is_date(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= 10 and _is_moment(value)


def moved(value: datetime, by: Interval) -> datetime:
    """A time later by an interval: months first, then days, then the rest."""
    try:
        if by.months:
            years, month = divmod(value.year * 12 + value.month - 1 + by.months, 12)
            day = min(value.day, _days_in(years, month + 1))
            value = value.replace(year=years, month=month + 1, day=day)
        return value + timedelta(days=by.days, microseconds=by.microseconds)
    except (OverflowError, ValueError):
        raise StatementError("22008", "timestamp out of range") from None


def _days_in(year: int, month: int) -> int:
    following = date(year + month // 12, month % 12 + 1, 1)
    return (following - timedelta(days=1)).day


def pg_time_add(left: Any, right: Any) -> Any:
    """``left + right`` where one of the two is a date, a time or an interval."""
    if left is None or right is None:
        return None
    if _is_moment(right) and not _is_moment(left):
        left, right = right, left
    if _is_date(left) and isinstance(right, int):
        return pg_date(written(moved(moment(left), Interval(days=right))))
    if _is_moment(left):
        if isinstance(right, str) and _CLOCK.match(right) and len(left) <= 10:
            right = Interval(microseconds=interval(right).microseconds)
        return written(moved(moment(left), right if isinstance(right, Interval) else interval(right)))
    first, second = interval(left), interval(right)
    return shown(Interval(*(a + b for a, b in zip(first, second, strict=True))))


def pg_time_subtract(left: Any, right: Any) -> Any:
    """``left - right`` where one of the two is a date, a time or an interval."""
    if left is None or right is None:
        return None
    if _is_moment(right):
        if _is_date(left) and _is_date(right):
            return (moment(left) - moment(right)).days
        return shown(_between(_zoned(moment(left)) - _zoned(moment(right))))
    if isinstance(right, int) and _is_date(left):
        return pg_time_add(left, -right)
    if _is_moment(left):
        return written(moved(moment(left), -interval(right)))
    return shown(Interval(*(a - b for a, b in zip(interval(left), interval(right), strict=True))))


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


def _between(span: timedelta) -> Interval:
    microseconds = span // timedelta(microseconds=1)
    sign = -1 if microseconds < 0 else 1
    days, rest = divmod(abs(microseconds), DAY)
    return Interval(0, sign * days, sign * rest)


def age(later: Any, earlier: Any) -> str | None:
    """The time between two, in years, months and days."""
    if later is None or earlier is None:
        return None
    first, second = _zoned(moment(later)), _zoned(moment(earlier))
    if first < second:
        return shown(-interval(age(earlier, later)))
    months = (first.year - second.year) * 12 + first.month - second.month
    while months and moved(second, Interval(months)) > first:
        months -= 1
    rest = _between(first - moved(second, Interval(months)))
    return shown(Interval(months, rest.days, rest.microseconds))


# Parts


def date_trunc(field: str, value: Any, zone: str | None = None) -> str | None:
    """A time with everything below a field cut off."""
    if value is None or field is None:
        return None
    field = field.lower().rstrip("s") if field.lower() not in ("century", "centuries") else "century"
    if not _is_moment(value) and not isinstance(value, (int, float)):
        return _trunc_interval(field, interval(value))
    found = moment(value)
    if zone is not None and found.tzinfo is not None:
        found = found.astimezone(_zone(zone))
    if field == "week":
        found = found - timedelta(days=found.weekday())
        field = "day"
    if field == "quarter":
        found = found.replace(month=(found.month - 1) // 3 * 3 + 1)
        field = "month"
    years = {"decade": 10, "century": 100, "millennium": 1000}.get(field)
    if years is not None:
        first = 0 if field == "decade" else 1
        found = found.replace(year=max((found.year - first) // years * years + first, 1))
        field = "year"
    zeros: dict[str, int] = {}
    for name, least in (("month", 1), ("day", 1), ("hour", 0), ("minute", 0), ("second", 0), ("microsecond", 0)):
        zeros[name] = least
    names = ["year", *zeros]
    if field == "millisecond":
        return written(found.replace(microsecond=found.microsecond // 1000 * 1000))
    if field not in names:
        raise StatementError("22023", f'unit "{field}" not recognized for type timestamp without time zone')
    return written(found.replace(**{name: zeros[name] for name in names[names.index(field) + 1 :]}))  # type: ignore[arg-type]


def _trunc_interval(field: str, span: Interval) -> str:
    units = {"second": SECOND, "minute": 60 * SECOND, "hour": HOUR}
    if field in units:
        return shown(span._replace(microseconds=int(span.microseconds / units[field]) * units[field]))
    if field == "day":
        return shown(span._replace(microseconds=0))
    if field in ("month", "year"):
        whole = 12 if field == "year" else 1
        return shown(Interval(int(span.months / whole) * whole))
    raise StatementError("22023", f'unit "{field}" not recognized for type interval')


def date_part(field: str, value: Any) -> float | int | None:
    """EXTRACT(field FROM value)."""
    if value is None or field is None:
        return None
    field = field.lower()
    if isinstance(value, str) and not _is_moment(value):
        match = _CLOCK.match(value)
        span = interval(value) if match is None else Interval(microseconds=interval(value.split("+")[0]).microseconds)
        return _interval_part(field, span)
    found = moment(value)
    seconds = found.second * SECOND + found.microsecond
    week = found.isocalendar()
    parts: dict[str, float | int] = {
        "year": found.year, "month": found.month, "day": found.day, "hour": found.hour, "minute": found.minute,
        "second": _number(seconds, SECOND), "milliseconds": _number(seconds, 1000), "microseconds": seconds,
        "dow": found.isoweekday() % 7, "isodow": found.isoweekday(), "doy": found.timetuple().tm_yday, "week": week[1],
        "isoyear": week[0], "quarter": (found.month + 2) // 3, "decade": found.year // 10,
        "century": (found.year + 99) // 100, "millennium": (found.year + 999) // 1000,
        "epoch": _number((_zoned(found) - _EPOCH) // timedelta(microseconds=1), SECOND),
        "timezone": 0, "timezone_hour": 0, "timezone_minute": 0, "julian": found.toordinal() + 1721425,
    }  # fmt: skip
    if field not in parts:
        raise StatementError("22023", f'unit "{field}" not recognized for type timestamp without time zone')
    return parts[field]


def _number(amount: int, unit: int) -> float | int:
    return amount // unit if amount % unit == 0 else amount / unit


def _interval_part(field: str, span: Interval) -> float | int:
    sign = -1 if span.microseconds < 0 else 1
    seconds, fraction = divmod(abs(span.microseconds), SECOND)
    within = seconds % 60 * SECOND + fraction
    days = (span.months // 12) * 365.25 + (span.months % 12) * 30 + span.days
    parts: dict[str, float | int] = {
        "year": int(span.months / 12), "month": span.months - int(span.months / 12) * 12, "day": span.days,
        "hour": sign * (seconds // 3600), "minute": sign * (seconds // 60 % 60), "second": sign * _number(within, SECOND),
        "milliseconds": sign * _number(within, 1000), "microseconds": sign * within,
        "epoch": _number(round(days * DAY) + span.microseconds, SECOND), "quarter": span.months % 12 // 3 + 1,
        "decade": int(span.months / 120), "century": int(span.months / 1200), "millennium": int(span.months / 12000),
    }  # fmt: skip
    if field not in parts:
        raise StatementError("22023", f'unit "{field}" not recognized for type interval')
    return parts[field]


def at_time_zone(zone: Any, value: Any) -> str | None:
    """``value AT TIME ZONE zone``: a time with a zone becomes one without, and the other way around."""
    if value is None or zone is None:
        return None
    found = moment(value)
    where = _zone(str(zone))
    if found.tzinfo is None:
        return written(found.replace(tzinfo=where))
    return written(found.astimezone(where).replace(tzinfo=None))


def _zone(name: str) -> tzinfo:
    if name.upper() in ("UTC", "GMT", "Z"):
        return UTC
    if re.fullmatch(r"[-+]\d{1,2}(:?\d{2})?", name):
        return offset(name)
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise StatementError("22023", f'time zone "{name}" not recognized') from None


@lru_cache(64)
def zone_or_utc(name: str) -> tzinfo:
    """The zone of a setting; one that is not known here counts as UTC."""
    try:
        return _zone(name)
    except StatementError:
        return UTC


def make_date(year: int, month: int, day: int) -> str:
    return pg_date(f"{year:04}-{month:02}-{day:02}") or ""


def make_timestamp(year: int, month: int, day: int, hour: int, minute: int, second: float) -> str:
    return written(
        moved(
            moment(make_date(year, month, day)),
            Interval(0, 0, hour * HOUR + minute * 60 * SECOND + round(second * SECOND)),
        )
    )


def make_interval(*parts: float) -> str:
    years, months, weeks, days, hours, minutes, seconds = (*parts, 0, 0, 0, 0, 0, 0, 0)[:7]
    return shown(_whole(years * 12 + months, weeks * 7 + days, round((hours * 3600 + minutes * 60 + seconds) * SECOND)))


def date_bin(stride: Any, value: Any, origin: Any) -> str | None:
    if stride is None or value is None or origin is None:
        return None
    span = interval(stride)
    width = span.days * DAY + span.microseconds
    if span.months or width <= 0:
        raise StatementError("22008", "stride must be greater than zero, and in days or less")
    found, first = moment(value), moment(origin)
    steps = ((_zoned(found) - _zoned(first)) // timedelta(microseconds=1)) // width
    return written(moved(first, Interval(0, 0, steps * width)))


# to_char and its inverse

_MONTHS = "January February March April May June July August September October November December".split()
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_FIELD = re.compile(
    r'"([^"]*)"|(FM)|(HH24|HH12|HH|MI|SSSS|SS|MS|US|AM|PM|A\.M\.|P\.M\.|Y,YYY|YYYY|YYY|YY|Y|IYYY|IW|ID|Q|MONTH|Month|month'
    r"|MON|Mon|mon|MM|DAY|Day|day|DY|Dy|dy|DDD|DD|D|WW|W|CC|J|TZH|TZM|TZ|OF|am|pm|th|TH)|(.)",
    re.DOTALL,
)
#: A pattern is read for every row.
_FORMAT_MAX = 1000


def to_char_time(value: Any, form: str) -> str:
    """to_char for times and intervals."""
    found = (
        moment(value)
        if _is_moment(value)
        else _EPOCH.replace(tzinfo=None) + timedelta(microseconds=interval(value).microseconds)
    )
    parts: list[str] = []
    fill = True
    for quoted, fill_mode, field, other in _FIELD.findall(form[:_FORMAT_MAX]):
        if fill_mode:
            fill = False
        elif field:
            text = _field(found, field, fill, parts)
            parts.append(text)
            fill = True
        else:
            parts.append(quoted or other)
    return "".join(parts)


def _field(found: datetime, field: str, fill: bool, before: list[str]) -> str:
    plain = field.upper()
    if plain == "TH":
        number = int(before[-1]) if before and before[-1].isdecimal() else 0
        ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
        return ending.upper() if field == "TH" else ending
    numbers = {
        "HH24": (found.hour, 2), "HH12": (found.hour % 12 or 12, 2), "HH": (found.hour % 12 or 12, 2), "MI": (found.minute, 2),
        "SS": (found.second, 2), "MS": (found.microsecond // 1000, 3), "US": (found.microsecond, 6), "YYYY": (found.year, 4),
        "YYY": (found.year % 1000, 3), "YY": (found.year % 100, 2), "Y": (found.year % 10, 1), "IYYY": (found.isocalendar()[0], 4),
        "IW": (found.isocalendar()[1], 2), "ID": (found.isoweekday(), 1), "Q": ((found.month + 2) // 3, 1), "MM": (found.month, 2),
        "DDD": (found.timetuple().tm_yday, 3), "DD": (found.day, 2), "D": (found.isoweekday() % 7 + 1, 1),
        "WW": ((found.timetuple().tm_yday + 6) // 7, 2), "W": ((found.day + 6) // 7, 1), "CC": ((found.year + 99) // 100, 2),
        "J": (found.toordinal() + 1721425, 1), "TZH": (0, 2), "TZM": (0, 2),
        "SSSS": (found.hour * 3600 + found.minute * 60 + found.second, 1),
    }  # fmt: skip
    if plain in numbers:
        number, width = numbers[plain]
        text = f"{number:0{width}}" if fill else str(number)
        return "+" + text if plain == "TZH" else text
    if plain in ("AM", "PM", "A.M.", "P.M."):
        half = "PM" if found.hour >= 12 else "AM"
        half = f"{half[0]}.M." if "." in plain else half
        return half if field[0].isupper() else half.lower()
    if plain == "Y,YYY":
        return f"{found.year:,}"
    if plain in ("TZ", "OF"):
        return "+00" if plain == "OF" else "UTC" if found.tzinfo is not None else ""
    name = _MONTHS[found.month - 1] if plain in ("MONTH", "MON") else _DAYS[found.weekday()]
    short = plain in ("MON", "DY")
    name = name[:3] if short else name.ljust(9) if fill else name
    return name.upper() if field.isupper() else name.lower() if field.islower() else name


_READ = {
    "YYYY": r"(?P<year>\d{4})", "YY": r"(?P<short_year>\d{2})", "MM": r"(?P<month>\d{1,2})", "DD": r"(?P<day>\d{1,2})",
    "HH24": r"(?P<hour>\d{1,2})", "HH12": r"(?P<hour>\d{1,2})", "HH": r"(?P<hour>\d{1,2})", "MI": r"(?P<minute>\d{1,2})",
    "SS": r"(?P<second>\d{1,2})", "MS": r"(?P<ms>\d{1,3})", "US": r"(?P<us>\d{1,6})", "MON": r"(?P<name>[A-Za-z]{3})",
    "MONTH": r"(?P<name>[A-Za-z]{3,9})\s*", "AM": r"(?P<half>[AaPp]\.?[Mm]\.?)", "PM": r"(?P<half>[AaPp]\.?[Mm]\.?)",
}  # fmt: skip


def read_by_form(text: str, form: str) -> datetime:
    """to_timestamp and to_date: what `text` means when it is written as `form` says."""
    pattern = []
    for quoted, fill_mode, field, other in _FIELD.findall(form[:_FORMAT_MAX]):
        if field:
            known = _READ.get(field.upper())
            if known is None or known in pattern:
                raise StatementError("0A000", f'to_timestamp pattern "{field}" is not supported')
            pattern.append(known)
        elif not fill_mode:
            pattern.append(re.escape(quoted or other) if (quoted or other).isalnum() else r"\W?")
    match = re.match(r"\s*" + "".join(pattern), str(text)[:_FORMAT_MAX])
    if match is None:
        raise StatementError("22007", f'invalid value "{text}" for "{form}"')
    said = match.groupdict()
    year = int(said.get("year") or (2000 + int(said["short_year"]) if said.get("short_year") else 1))
    month = int(said.get("month") or 1)
    if said.get("name"):
        month = next((at + 1 for at, name in enumerate(_MONTHS) if name[:3].lower() == said["name"][:3].lower()), 0)
    hour = int(said.get("hour") or 0)
    if said.get("half"):
        hour = hour % 12 + (12 if said["half"][0] in "Pp" else 0)
    fraction = int((said.get("ms") or "0").ljust(3, "0")) * 1000 + int((said.get("us") or "0").ljust(6, "0"))
    try:
        # What a client wrote without a zone has none.
        return datetime(  # noqa: DTZ001
            year,
            month,
            int(said.get("day") or 1),
            hour,
            int(said.get("minute") or 0),
            int(said.get("second") or 0),
            fraction,
        )
    except ValueError:
        raise _range(text) from None


def to_date(text: Any, form: str) -> str | None:
    return None if text is None or form is None else pg_date(written(read_by_form(text, form)))


def to_timestamp(value: Any, form: str | None = None) -> str | None:
    if value is None:
        return None
    if form is None:
        return written(_zoned(moment(float(value))))
    return written(_zoned(read_by_form(value, form)))


#: Name, number of arguments, what computes it.
FUNCTIONS: tuple[tuple[str, int, Callable[..., Any]], ...] = (
    ("pg_date", 1, pg_date),
    ("pg_timestamp", 1, pg_timestamp),
    ("pg_timestamp", 2, pg_timestamp),
    ("pg_time", 1, pg_time),
    ("pg_time", 2, pg_time),
    ("pg_timetz", 1, pg_timetz),
    ("pg_timetz", 2, pg_timetz),
    ("pg_interval", -1, pg_interval),
    ("pg_time_add", 2, pg_time_add),
    ("pg_time_subtract", 2, pg_time_subtract),
    ("pg_interval_multiply", 2, pg_interval_multiply),
    ("pg_interval_divide", 2, pg_interval_divide),
    ("age", 2, age),
    ("date_trunc", 2, date_trunc),
    ("date_trunc", 3, date_trunc),
    ("date_part", 2, date_part),
    ("date_bin", 3, date_bin),
    ("timezone", 2, at_time_zone),
    ("pg_at_zone", 2, lambda value, zone: at_time_zone(zone, value)),
    ("make_date", 3, make_date),
    ("make_timestamp", 6, make_timestamp),
    ("make_interval", -1, make_interval),
    ("to_date", 2, to_date),
    ("to_timestamp", 1, to_timestamp),
    ("to_timestamp", 2, to_timestamp),
)
