"""Dates and times as PostgreSQL computes them, on the text that is stored.

A date is ``YYYY-MM-DD``, a timestamp ``YYYY-MM-DD HH:MM:SS[.ffffff]``, one with a zone the same in UTC with ``+00:00``
after it, as parameters are kept and as SQLite's own functions read it: the order of the texts is the order of the
times. Intervals are :mod:`ha.sqlite.intervals`.
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
from typing import Any

from ha.errors import StatementError
from ha.sqlite.intervals import (
    DAY,
    HOUR,
    SECOND,
    Interval,
    interval,
    interval_part,
    invalid,
    out_of_range,
    quantity,
    shown,
    truncated,
)
from ha.sqlite.spellings import JULIAN_FIRST, respelled

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


# Reading


def moment(value: Any, what: str = "timestamp") -> datetime:
    """The time that a stored value means; it has a zone if the text has one.

    :raises StatementError: 22007, it means none; 22008, there is no such day.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            return _EPOCH + timedelta(seconds=value)
        except (OverflowError, ValueError):
            raise out_of_range(value) from None
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    match = _MOMENT.match(text)
    if match is None:
        spelled = respelled(text)
        if spelled is not None and spelled[0] != text:
            found = moment(spelled[0], what)
            return found if spelled[1] is None else found.replace(tzinfo=zone_named(spelled[1]))
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
            0,
            None if zone is None else offset(zone),
        ) + timedelta(microseconds=_fraction(fraction))
    except (ValueError, OverflowError):
        raise out_of_range(value) from None
    return found + timedelta(seconds=1) if second == "60" else found


def _fraction(digits: str | None) -> int:
    """Microseconds, rounded."""
    padded = (digits or "0").ljust(7, "0")
    return int(padded[:6]) + (padded[6] >= "5")


def offset(zone: str) -> tzinfo:
    """A zone given as ``Z`` or ``+02:30``."""
    if zone[0] not in "+-":
        return UTC
    digits = zone[1:].replace(":", "")
    hours, minutes = int(digits[:2] if len(digits) != 3 else digits[:1]), int(digits[-2:] if len(digits) > 2 else 0)
    delta = timedelta(hours=hours, minutes=minutes)
    return timezone(-delta if zone[0] == "-" else delta)


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


# Writing


def written(value: datetime) -> str:
    """A timestamp's text; with ``+00:00`` if it has a zone."""
    if value.tzinfo is not None:
        value = value.astimezone(UTC)
    text = f"{value.year:04}-{value.month:02}-{value.day:02} {value.hour:02}:{value.minute:02}:{value.second:02}"
    if value.microsecond:
        text += f".{value.microsecond:06}".rstrip("0")
    return text if value.tzinfo is None else text + "+00:00"


def local_text(value: datetime, zone: tzinfo, between: str = " ", *, seconds: bool = False) -> str:
    """A time with a zone as it is in another, with how far east that is.

    :param seconds: the offset in full (``+02:00``), as in JSON.
    """
    found = value.replace(tzinfo=UTC) if value.tzinfo is None else value
    try:
        found = found.astimezone(zone)
    except OverflowError:
        raise out_of_range(value) from None
    text = written(found.replace(tzinfo=None))
    east = (found.utcoffset() or timedelta()) // timedelta(seconds=1)
    sign, east = ("-", -east) if east < 0 else ("+", east)
    shift = f"{east // 3600:02}"
    if seconds or east % 3600:
        shift += f":{east // 60 % 60:02}"
    if east % 60:
        shift += f":{east % 60:02}"
    return f"{text[:10]}{between}{text[11:]}{sign}{shift}"


def stamp(seconds: float) -> str:
    """The text of a time counted from 1970, with its zone."""
    return written(_EPOCH + timedelta(microseconds=round(seconds * SECOND)))


def clock() -> str:
    """The time now, which goes on within a statement."""
    return stamp(time.time())


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
        raise out_of_range(value) from None


def pg_time(value: Any, precision: int = 6) -> str | None:
    if value is None:
        return None
    if isinstance(value, str) and re.fullmatch(r"\d{6}", value):
        value = f"{value[:2]}:{value[2:4]}:{value[4:]}"
    match = _CLOCK.match(str(value))
    if match is None:
        if isinstance(value, str) and not is_moment(value) and respelled(value) is None:
            return _clock_moved("00:00:00", interval(value))
        return written(_rounded(moment(value, "time").replace(tzinfo=None), precision))[11:]
    hour, minute, second, fraction, half, _ = match.groups()
    hours = int(hour) % 12 + (12 if half.upper() == "PM" else 0) if half else int(hour)
    if hours > 24 or int(minute) > 59 or int(second or 0) > 60:
        raise out_of_range(value)
    digits = (fraction or "").ljust(6, "0")[:6].rstrip("0")[:precision]
    return f"{hours:02}:{minute}:{second or '00'}" + (f".{digits}" if digits else "")


def pg_timetz(value: Any, precision: int = 6) -> str | None:
    if value is None:
        return None
    match = _CLOCK.match(str(value))
    zone = match.group(6) if match is not None else None
    if zone is None and match is None:
        found = moment(value, "time with time zone")
        zone = local_text(found, found.tzinfo)[19:].lstrip(".0123456789") if found.tzinfo is not None else None
    return f"{pg_time(value, precision)}{_short(zone)}"


def _short(zone: str | None) -> str:
    """How far east, as PostgreSQL writes it: ``+02``, ``-05:30``."""
    if zone in (None, "Z", "z", ""):
        return "+00"
    east = (offset(zone or "").utcoffset(None) or timedelta()) // timedelta(seconds=1)
    sign, east = ("-", -east) if east < 0 else ("+", east)
    return f"{sign}{east // 3600:02}" + (f":{east // 60 % 60:02}" if east % 3600 else "")


def zoned(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value


def _rounded(value: datetime, precision: int) -> datetime:
    if precision >= 6:
        return value
    unit = 10 ** (6 - max(precision, 0))
    return value.replace(microsecond=0) + timedelta(microseconds=(value.microsecond + unit // 2) // unit * unit)


# Arithmetic


def is_moment(value: Any) -> bool:
    return isinstance(value, str) and _MOMENT.match(value) is not None


def _is_date(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= 10 and is_moment(value)


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


def _moved_in(value: datetime, by: Interval, zone: str) -> str:
    """A time with a zone, moved by the calendar and the clock of a place: a day is not always 24 hours."""
    where = zone_or_utc(zone)
    found = moved(zoned(value).astimezone(where).replace(tzinfo=None), Interval(by.months, by.days)).replace(
        tzinfo=where
    )
    return written(moved(found.astimezone(UTC), Interval(microseconds=by.microseconds)))


#: What a column of type time or timetz holds.
_PLAIN_CLOCK = re.compile(r"\d\d:\d\d:\d\d(?:\.\d+)?([-+]\d\d(?::\d\d)?)?", re.ASCII)


def _clock_moved(value: str, by: Interval) -> str:
    """A time of the day, later by an interval; it begins anew at midnight."""
    clock, _ = clock_and_offset(value)
    match = _PLAIN_CLOCK.fullmatch(value)
    zone = match.group(1) if match is not None else None
    moment_ = _EPOCH.replace(tzinfo=None) + timedelta(microseconds=(clock + by.microseconds) % DAY)
    return written(moment_)[11:] + (zone or "")


def pg_time_add(left: Any, right: Any, zone: str | None = None) -> Any:
    """``left + right`` where one of the two is a date, a time or an interval.

    :param zone: where days and months are counted, for times with a zone.
    """
    if left is None or right is None:
        return None
    if is_moment(right) and not is_moment(left):
        left, right = right, left
    if zone is not None and is_moment(left) and not is_moment(right):
        return _moved_in(moment(left), interval(right), zone)
    if _is_date(left) and isinstance(right, int):
        return pg_date(written(moved(moment(left), Interval(days=right))))
    if is_moment(left):
        return written(moved(moment(left), right if isinstance(right, Interval) else interval(right)))
    first, second = interval(left), interval(right)
    return shown(Interval(*(a + b for a, b in zip(first, second, strict=True))))


def pg_time_subtract(left: Any, right: Any, zone: str | None = None) -> Any:
    """``left - right`` where one of the two is a date, a time or an interval."""
    if left is None or right is None:
        return None
    if zone is not None and is_moment(left) and not is_moment(right):
        return _moved_in(moment(left), -interval(right), zone)
    if is_moment(right):
        if _is_date(left) and _is_date(right):
            return (moment(left) - moment(right)).days
        return shown(_between(zoned(moment(left)) - zoned(moment(right))))
    if isinstance(right, int) and _is_date(left):
        return pg_time_add(left, -right)
    if is_moment(left):
        return written(moved(moment(left), -interval(right)))
    return shown(Interval(*(a - b for a, b in zip(interval(left), interval(right), strict=True))))


def _between(span: timedelta) -> Interval:
    microseconds = span // timedelta(microseconds=1)
    sign = -1 if microseconds < 0 else 1
    days, rest = divmod(abs(microseconds), DAY)
    return Interval(0, sign * days, sign * rest)


def age(later: Any, earlier: Any) -> str | None:
    """The time between two, in years, months and days."""
    if later is None or earlier is None:
        return None
    first, second = zoned(moment(later)), zoned(moment(earlier))
    if first < second:
        return shown(-interval(age(earlier, later)))
    months = (first.year - second.year) * 12 + first.month - second.month
    days = first.day - second.day
    microseconds = _of_day(first) - _of_day(second)
    if microseconds < 0:
        microseconds, days = microseconds + DAY, days - 1
    if days < 0:  # as many as the earlier one's month has
        days, months = days + _days_in(second.year, second.month), months - 1
    return shown(Interval(months, days, microseconds))


def _of_day(value: datetime) -> int:
    return (value.hour * 3600 + value.minute * 60 + value.second) * SECOND + value.microsecond


def isfinite(value: Any) -> int | None:
    """Is it a time at all?"""
    return None if value is None else int(str(value).strip().lower() not in _ENDLESS)


def periods_overlap(*ends: Any) -> int | None:
    """``(a, b) OVERLAPS (c, d)``: the second of each may be an interval."""
    if len(ends) != 4:
        raise StatementError("42883", "OVERLAPS takes two pairs")
    if None in ends:
        return None
    periods = []
    for start, end in (ends[:2], ends[2:]):
        first = zoned(moment(start))
        last = zoned(moment(end)) if is_moment(end) else moved(first, interval(end))
        periods.append((min(first, last), max(first, last)))
    (a, b), (c, d) = periods
    return int(a == c or (a < d and c < b))


# Parts


def date_trunc(field: str, value: Any, zone: str | None = None) -> str | None:
    """A time with everything below a field cut off."""
    if value is None or field is None:
        return None
    field = field.lower().rstrip("s") if field.lower() not in ("century", "centuries") else "century"
    if not is_moment(value) and not isinstance(value, (int, float)):
        return truncated(field, interval(value))
    found = moment(value)
    if zone is not None and found.tzinfo is not None:
        found = found.astimezone(zone_named(zone))
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


def date_part(field: str, value: Any) -> float | int | None:
    """EXTRACT(field FROM value)."""
    if value is None or field is None:
        return None
    field = field.lower()
    if isinstance(value, str) and not is_moment(value):
        match = _CLOCK.match(value)
        if match is None:
            return interval_part(field, interval(value))
        clock, east = clock_and_offset(value)
        if match.group(6) and field.startswith("timezone"):
            seconds = east // SECOND
            sign = -1 if seconds < 0 else 1
            return {"timezone": seconds, "timezone_hour": sign * (abs(seconds) // 3600)}.get(
                field, sign * (abs(seconds) // 60 % 60)
            )
        return interval_part(field, Interval(microseconds=clock - (east if field == "epoch" else 0)))
    found = moment(value)
    seconds = found.second * SECOND + found.microsecond
    week = found.isocalendar()
    parts: dict[str, float | int] = {
        "year": found.year, "month": found.month, "day": found.day, "hour": found.hour, "minute": found.minute,
        "second": quantity(seconds, SECOND), "milliseconds": quantity(seconds, 1000), "microseconds": seconds,
        "dow": found.isoweekday() % 7, "isodow": found.isoweekday(), "doy": found.timetuple().tm_yday, "week": week[1],
        "isoyear": week[0], "quarter": (found.month + 2) // 3, "decade": found.year // 10,
        "century": (found.year + 99) // 100, "millennium": (found.year + 999) // 1000,
        "epoch": quantity((zoned(found) - _EPOCH) // timedelta(microseconds=1), SECOND),
        **zone_parts(found), "julian": found.toordinal() + JULIAN_FIRST,
    }  # fmt: skip
    if field not in parts:
        raise StatementError("22023", f'unit "{field}" not recognized for type timestamp without time zone')
    return parts[field]


def zone_parts(found: datetime) -> dict[str, float | int]:
    seconds = (found.utcoffset() or timedelta()) // timedelta(seconds=1)
    sign = -1 if seconds < 0 else 1
    return {
        "timezone": seconds,
        "timezone_hour": sign * (abs(seconds) // 3600),
        "timezone_minute": sign * (abs(seconds) // 60 % 60),
    }


def at_time_zone(zone: Any, value: Any) -> str | None:
    """``value AT TIME ZONE zone``: a time with a zone becomes one without, and the other way around."""
    if value is None or zone is None:
        return None
    where = zone_named(str(zone))
    if isinstance(value, str) and not is_moment(value) and _CLOCK.match(value):
        clock, east = clock_and_offset(value)
        there = datetime.now(UTC).astimezone(where).utcoffset() or timedelta()
        shift = there // timedelta(microseconds=1)
        shifted = (_EPOCH + timedelta(microseconds=(clock - east + shift) % DAY)).replace(tzinfo=timezone(there))
        return written(shifted.replace(tzinfo=None))[11:] + _short(
            local_text(shifted, timezone(there), seconds=True)[-6:]
        )
    found = moment(value)
    if found.tzinfo is None:
        return written(found.replace(tzinfo=where))
    return written(found.astimezone(where).replace(tzinfo=None))


def zone_named(name: str) -> tzinfo:
    if name.upper() in ("UTC", "GMT", "Z"):
        return UTC
    if re.fullmatch(r"[-+]\d{1,2}(:?\d{2})?", name):
        return timezone(-(offset(name).utcoffset(None) or timedelta()))  # POSIX counts westward
    posix = re.fullmatch(r"[A-Za-z]{3,}([-+]\d{1,2}(?::\d{2})?)", name)
    if posix is not None:
        return timezone(-(offset(posix[1]).utcoffset(None) or timedelta()))
    if re.fullmatch(r"-?\d{1,2}:\d{2}:\d{2}", name):  # an interval
        return timezone(timedelta(microseconds=interval(name).microseconds))
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise StatementError("22023", f'time zone "{name}" not recognized') from None


@lru_cache(64)
def zone_or_utc(name: str) -> tzinfo:
    """The zone of a setting; one that is not known here counts as UTC."""
    try:
        if re.fullmatch(r"[-+]?\d{1,2}", name):  # a bare number counts eastward
            return offset(name if name[0] in "+-" else "+" + name)
        return zone_named(name)
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


def make_time(hour: int, minute: int, second: float) -> str | None:
    return pg_time(f"{int(hour):02}:{int(minute):02}:{second:09.6f}")


def make_timestamptz(year: int, month: int, day: int, hour: int, minute: int, second: float, zone: str) -> str:
    found = moment(make_timestamp(year, month, day, hour, minute, second))
    return written(found.replace(tzinfo=zone_named(zone)))


def date_bin(stride: Any, value: Any, origin: Any) -> str | None:
    if stride is None or value is None or origin is None:
        return None
    span = interval(stride)
    width = span.days * DAY + span.microseconds
    if span.months or width <= 0:
        raise StatementError("22008", "stride must be greater than zero, and in days or less")
    found, first = moment(value), moment(origin)
    steps = ((zoned(found) - zoned(first)) // timedelta(microseconds=1)) // width
    return written(moved(first, Interval(0, 0, steps * width)))


#: Name, number of arguments, what computes it.
FUNCTIONS: tuple[tuple[str, int, Callable[..., Any]], ...] = (
    ("pg_time", 1, pg_time),
    ("pg_time", 2, pg_time),
    ("pg_timetz", 1, pg_timetz),
    ("pg_timetz", 2, pg_timetz),
    ("pg_time_add", 2, pg_time_add),
    ("pg_time_add", 3, pg_time_add),
    ("pg_clock_add", 2, lambda clock, by: None if clock is None or by is None else _clock_moved(clock, interval(by))),
    (
        "pg_clock_subtract",
        2,
        lambda clock, by: None if clock is None or by is None else _clock_moved(clock, -interval(by)),
    ),
    ("pg_time_subtract", 2, pg_time_subtract),
    ("pg_time_subtract", 3, pg_time_subtract),
    ("age", 2, age),
    ("isfinite", 1, isfinite),
    ("pg_periods_overlap", -1, periods_overlap),
    ("make_time", 3, make_time),
    ("make_timestamptz", 7, make_timestamptz),
    ("date_trunc", 2, date_trunc),
    ("date_trunc", 3, date_trunc),
    ("date_part", 2, date_part),
    ("date_bin", 3, date_bin),
    ("timezone", 2, at_time_zone),
    ("pg_at_zone", 2, lambda value, zone: at_time_zone(zone, value)),
    ("make_date", 3, make_date),
    ("make_timestamp", 6, make_timestamp),
)
