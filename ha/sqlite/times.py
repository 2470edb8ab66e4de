"""PostgreSQL's functions and operators of dates and times, on the text that is kept (see :mod:`ha.sql.calendar`).

A date, a timestamp, and one with a zone, which is in UTC and ends in ``+00:00``, are told apart by that text. Other texts of times, as
a file may hold them, are read, too; a number counts seconds since 1970.

https://www.postgresql.org/docs/15/functions-datetime.html
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from ha.errors import StatementError
from ha.sql import ranges, timetexts, zones
from ha.sql.calendar import (
    DAY,
    DAY_END,
    DAY_FIRST,
    EARLY,
    HOUR,
    JULIAN,
    LATE,
    MINUTE,
    SECOND,
    STAMP_END,
    STAMP_FIRST,
    UNIX_EPOCH,
    civil,
    clock_text,
    date_kept,
    days_in,
    days_of,
    east_text,
    is_finite,
    iso_week,
    kept_moment,
    moment_kept,
    stamp_kept,
    stamp_shown,
    weekday,
)
from ha.sql.calendar import moved as moved_us
from ha.sql.calendar import shown as shown_kept
from ha.sql.spans import Interval, checked, quantity
from ha.sql.timetexts import MONTHS
from ha.sqlite.intervals import PARTS, interval, interval_part, shown, truncated, unit_named, unsupported

WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()


class Where(NamedTuple):
    """Whose times are read.

    :param zone: the session's; None for UTC.
    :param order: DateStyle's.
    :param now: what ``now`` means, in microseconds since 2000-01-01 in UTC; None for the clock.
    """

    zone: tzinfo | None = None
    order: str = "MDY"
    now: int | None = None


GREENWICH = Where()


class Moment(NamedTuple):
    """A time.

    :param us: what the clock shows, in microseconds since 2000-01-01.
    :param east: how many seconds east that clock is; None for a time without a zone.
    :param clock: false for a date.
    """

    us: int
    east: int | None = None
    clock: bool = True

    @property
    def utc(self) -> int:
        """The moment in UTC; what has no zone is taken to be there."""
        return self.us - self.east * SECOND if self.east and is_finite(self.us) else self.us

    @property
    def is_finite(self) -> bool:
        return is_finite(self.us)


# Reading


def unix_now() -> int:
    """The time now."""
    return UNIX_EPOCH + time.time_ns() // 1000


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _read(text: str, what: str, where: Where) -> tuple[int, int | None]:
    now = where.now
    return timetexts.read(text, what, where.order, where.zone, unix_now if now is None else lambda: now)


def moment(value: Any, what: str = "timestamp", where: Where = GREENWICH) -> Moment:
    """The time that a stored value means.

    :raises StatementError: 22007, it means none; 22008, there is no such day.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return Moment(_of_seconds(value), 0)
    text = _text(value)
    kept = kept_moment(text)
    if kept is not None:
        return Moment(kept[0], 0 if kept[2] else None, kept[1])
    us, east = _read(text, what, where)
    return Moment(us, east, ":" in text)


def _of_seconds(seconds: float) -> int:
    if seconds != seconds:
        raise StatementError("22008", "timestamp cannot be NaN")
    if seconds in (float("inf"), float("-inf")):
        return LATE if seconds > 0 else EARLY
    us = (seconds * SECOND if isinstance(seconds, int) else round(seconds * SECOND)) + UNIX_EPOCH
    if not STAMP_FIRST <= us < STAMP_END:
        raise StatementError("22008", f'timestamp out of range: "{seconds:g}"')
    return us


#: Other texts of times than those that are kept: ``2026-1-2``, ``2026-01-02T03:04:05Z``.
_LIKE_A_MOMENT = re.compile(r"\s*\d{4,7}-\d{1,2}-\d{1,2}(?!\d)", re.ASCII)
_LIKE_A_CLOCK = re.compile(
    r"\s*\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?\s*(?:AM|PM)?\s*(Z|[-+]\d{1,2}(?::?\d{2}){0,2})?\s*", re.I | re.ASCII
)


def is_moment(value: Any) -> bool:
    return isinstance(value, str) and (kept_moment(value) is not None or _LIKE_A_MOMENT.match(value) is not None)


def _is_date(value: Any) -> bool:
    return isinstance(value, str) and is_moment(value) and not moment(value).clock


def clock_and_offset(value: str) -> tuple[int, int]:
    """A timetz: the time of the day, and how far east it is, both in microseconds.

    :raises StatementError: 22007, it is none.
    """
    us, east = timetexts.read_clock(value, "time with time zone")
    return us, (east or 0) * SECOND


# Writing


def written(value: Moment) -> str:
    """A timestamp's text; with ``+00:00`` if it has a zone.

    :raises StatementError: 22008.
    """
    us = value.utc
    if not STAMP_FIRST <= us < STAMP_END and is_finite(us):
        raise StatementError("22008", "timestamp out of range")
    return stamp_kept(us) if value.east is None else moment_kept(us)


def local_text(value: Moment, zone: tzinfo | None) -> str:
    """A time with a zone as PostgreSQL shows it in another."""
    if not value.is_finite:
        return stamp_shown(value.us)
    us = value.utc
    east = zones.east_of(us, zone)
    return stamp_shown(us + east * SECOND, east_text(east))


def json_text(value: Moment, zone: tzinfo | None) -> str:
    """The same in JSON: ``2026-01-02T03:04:05+02:00``."""
    if not value.is_finite or value.east is None:
        return stamp_shown(value.us, between="T")
    us = value.utc
    east = zones.east_of(us, zone)
    text = east_text(east)
    return stamp_shown(us + east * SECOND, text if len(text) > 3 else text + ":00", "T")


def ranges_shown(text: str, zone: tzinfo | None, *, zoned: bool) -> str:
    """A range or multirange of times as PostgreSQL shows it."""

    def bound(kept: str) -> str:
        return local_text(moment(kept), zone) if zoned else shown_kept(kept)

    if text[:1] == "{":
        return ranges.write_all([ranges.read(one, str) for one in ranges.split(text)], bound)
    return ranges.write(ranges.read(text, str), bound)


def stamp(seconds: float) -> str:
    """The text of a time counted from 1970, with its zone."""
    return moment_kept(_of_seconds(seconds))


def clock() -> str:
    """The time now, which goes on within a statement."""
    return moment_kept(unix_now())


def timeofday(zone: tzinfo | None) -> str:
    """The time now as ``Wed Nov 28 10:20:30.123456 2026 CET``."""
    us = unix_now()
    east = zones.east_of(us, zone)
    days, clock = divmod(us + east * SECOND, DAY)
    year, month, day = civil(days)
    seconds, fraction = divmod(clock, SECOND)
    hour, minute, second = seconds // 3600, seconds // 60 % 60, seconds % 60
    named = f"{WEEKDAYS[weekday(days)][:3]} {MONTHS[month - 1].title()} {day:02}"
    return (
        f"{named} {hour:02}:{minute:02}:{second:02}.{fraction:06} {year} {zones.name_of(us, zone) or east_text(east)}"
    )


# Casts


def pg_date(value: Any, where: Where = GREENWICH) -> str | None:
    if value is None:
        return None
    if isinstance(value, (int, float)):
        return date_kept(timetexts.checked_date(_of_seconds(value), value))
    text = _text(value)
    kept = kept_moment(text)
    us = kept[0] if kept is not None else _read(text, "date", where)[0]
    return date_kept(timetexts.checked_date(us, text))


def pg_timestamp(value: Any, precision: int = 6, where: Where = GREENWICH) -> str | None:
    """Without its zone."""
    if value is None:
        return None
    found = moment(value, "timestamp", where)
    return stamp_kept(timetexts.checked_stamp(timetexts.rounded(found.us, precision), value))


def pg_timestamptz(value: Any, precision: int = 6, where: Where = GREENWICH) -> str | None:
    """In UTC."""
    if value is None:
        return None
    found = moment(value, timetexts.SPOKEN["timestamptz"], where)
    us = timetexts.to_utc(found.us, found.east, where.zone)
    return moment_kept(timetexts.checked_stamp(timetexts.rounded(us, precision), value))


def pg_time(value: Any, precision: int = 6, where: Where = GREENWICH) -> str | None:
    if value is None or _is_endless(value):
        return None
    return clock_text(timetexts.rounded(_clock(value, "time", where)[0], precision))


def _is_endless(value: Any) -> bool:
    """An infinity has no time of day."""
    return isinstance(value, str) and value.endswith("infinity") and kept_moment(value) is not None


def pg_timetz(value: Any, precision: int = 6, where: Where = GREENWICH) -> str | None:
    if value is None or _is_endless(value):
        return None
    us, east = _clock(value, "time with time zone", where)
    if east is None:
        east = zones.east_of(unix_now() if where.now is None else where.now, where.zone)
    return clock_text(timetexts.rounded(us, precision)) + east_text(east)


def _clock(value: Any, what: str, where: Where) -> tuple[int, int | None]:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _of_seconds(value) % DAY, 0
    text = _text(value)
    kept = kept_moment(text)
    if kept is not None and kept[1] and is_finite(kept[0]):
        return kept[0] % DAY, 0 if kept[2] else None
    now = where.now
    return timetexts.read_clock(text, what, where.order, where.zone, unix_now if now is None else lambda: now)


# Arithmetic


def moved(value: Moment, by: Interval) -> Moment:
    """A time later by an interval: months first, then days, then the rest."""
    return value._replace(us=moved_us(value.us, *by), clock=True)


def _moved_in(value: Moment, by: Interval, zone: tzinfo | None) -> str:
    """A time with a zone, moved by the calendar and the clock of a place: a day is not always 24 hours."""
    us = value.utc
    if by.months or by.days:
        us = zones.from_local(moved_us(zones.to_local(us, zone), by.months, by.days, 0), zone)
    return written(Moment(us + by.microseconds if is_finite(us) else us, 0))


def _clock_moved(value: str, by: Interval) -> str:
    """A time of the day, later by an interval; it begins anew at midnight."""
    us, east = timetexts.read_clock(value, "time")
    return clock_text((us + by.microseconds) % DAY) + ("" if east is None else east_text(east))


def _days_later(value: Any, days: int) -> str:
    found = moment(value).us
    if not is_finite(found):
        return date_kept(timetexts.checked_date(found, value))
    count = found // DAY + days
    if not DAY_FIRST <= count < DAY_END:
        raise StatementError("22008", "date out of range")
    return date_kept(count)


def pg_time_add(left: Any, right: Any, zone: str | None = None) -> Any:
    """``left + right`` where one of the two is a date, a time or an interval.

    :param zone: where days and months are counted, for times with a zone.
    """
    if left is None or right is None:
        return None
    if is_moment(right) and not is_moment(left):
        left, right = right, left
    if not is_moment(left):
        return shown(checked(*(a + b for a, b in zip(interval(left), interval(right), strict=True))))
    found = moment(left)
    if isinstance(right, int) and not (found.clock and found.is_finite):
        return _days_later(left, right)
    if isinstance(right, str) and not found.clock:
        clock = _LIKE_A_CLOCK.fullmatch(right)
        if clock is not None and clock.group(1):  # a date and a timetz
            us, east = timetexts.read_clock(right, "time with time zone")
            return written(Moment(found.us + us if found.is_finite else found.us, east))
    by = right if isinstance(right, Interval) else interval(right)
    if zone is not None and found.east is not None:
        return _moved_in(found, by, zone_or_utc(zone))
    return written(moved(found, by))


def pg_time_subtract(left: Any, right: Any, zone: str | None = None) -> Any:
    """``left - right`` where one of the two is a date, a time or an interval."""
    if left is None or right is None:
        return None
    if is_moment(right):
        return _difference(moment(left), moment(right))
    if not is_moment(left):
        return shown(checked(*(a - b for a, b in zip(interval(left), interval(right), strict=True))))
    if isinstance(right, int):
        return pg_time_add(left, -right)
    return pg_time_add(left, -interval(right), zone)


def _difference(left: Moment, right: Moment) -> Any:
    of_dates = not (left.clock and left.is_finite) and not (right.clock and right.is_finite)
    if not left.is_finite or not right.is_finite:
        raise StatementError(
            "22008", f"cannot subtract infinite {'dates' if of_dates and left.clock != right.clock else 'timestamps'}"
        )
    if of_dates:
        return (left.us - right.us) // DAY
    span = left.utc - right.utc
    days = span // DAY if span >= 0 else -(-span // DAY)
    return shown(Interval(0, days, span - days * DAY))


def age(later: Any, earlier: Any) -> str | None:
    """The time between two, in years, months and days."""
    if later is None or earlier is None:
        return None
    first, second = moment(later), moment(earlier)
    if not first.is_finite or not second.is_finite:
        raise StatementError("22008", "timestamp out of range")
    if first.us < second.us:
        return shown(-_age(second.us, first.us))
    return shown(_age(first.us, second.us))


def _age(later: int, earlier: int) -> Interval:
    (year, month, day), clock = civil(later // DAY), later % DAY
    (year_before, month_before, day_before), clock_before = civil(earlier // DAY), earlier % DAY
    months, days, us = (year - year_before) * 12 + month - month_before, day - day_before, clock - clock_before
    if us < 0:
        us, days = us + DAY, days - 1
    if days < 0:  # as many as the earlier one's month has
        days, months = days + days_in(year_before, month_before), months - 1
    return Interval(months, days, us)


def isfinite(value: Any) -> int | None:
    """Is it a time at all? An interval always is."""
    return None if value is None else int(str(value).strip().lower() not in ("infinity", "-infinity"))


def periods_overlap(*ends: Any) -> int | None:
    """``(a, b) OVERLAPS (c, d)``: the second of each may be an interval. What is NULL is not known."""
    if len(ends) != 4:
        raise StatementError("42883", "OVERLAPS takes two pairs")
    first, second = _period(*ends[:2]), _period(*ends[2:])
    if first is None or second is None:
        return None
    if first[0] == second[0]:
        return None if first[1] is None or second[1] is None else 1
    if first[0] > second[0]:
        first, second = second, first
    # the first begins earlier: does it last until the second begins?
    if first[1] is None:
        return None
    if second[0] < first[1]:
        return 1
    return None if second[1] is None else 0


def _period(start: Any, end: Any) -> tuple[int, int | None] | None:
    """A period's ends, the earlier one first; None for one that is not known."""
    by_span = (
        isinstance(end, str) and start is not None and not (is_moment(end) or (not is_moment(start) and _is_point(end)))
    )
    if by_span:
        end_us: int | None = _point(start)
        by = interval(end)
        end_us = moved_us(end_us or 0, *by) if is_moment(start) else ((end_us or 0) + by.microseconds) % DAY
    else:
        end_us = None if end is None else _point(end)
    start_us = None if start is None else _point(start)
    if start_us is None:
        start_us, end_us = end_us, None
    if start_us is None:
        return None
    return (start_us, end_us) if end_us is None else (min(start_us, end_us), max(start_us, end_us))


def _is_point(value: str) -> bool:
    return is_moment(value) or _LIKE_A_CLOCK.fullmatch(value) is not None


def _point(value: Any) -> int:
    if isinstance(value, str) and not is_moment(value):
        clock, east = clock_and_offset(value)
        return clock - east
    return moment(value).utc


# Parts


#: The names of types in messages.
_WITHOUT, _WITH = "timestamp without time zone", "timestamp with time zone"
#: What a number of years begins with, and how it counts before Christ.
_SPANS_OF_YEARS = {"century": 100, "millennium": 1000}
_OF_CLOCK = {"hour": HOUR, "minute": MINUTE, "second": SECOND, "millisecond": 1000, "microsecond": 1}


def date_trunc(field: str, value: Any, zone: str | None = None) -> str | None:
    """A time with everything below a field cut off.

    :param zone: where, as AT TIME ZONE names it.
    """
    if value is None or field is None:
        return None
    return _truncated_in(field, value, zones.zone_named(zone) if zone is not None else None)


def pg_date_trunc(field: str, value: Any, zone: str) -> str | None:
    """The same where the session is."""
    if value is None or field is None:
        return None
    return _truncated_in(field, value, zone_or_utc(zone))


def _truncated_in(field: str, value: Any, zone: tzinfo | None) -> str:
    if not is_moment(value) and not isinstance(value, (int, float)):
        return truncated(unit_named(field, "interval", PARTS), interval(value))
    found = moment(value)
    kind = _WITHOUT if found.east is None else _WITH
    if not found.is_finite:
        return stamp_kept(found.us)
    unit = unit_named(field, kind, PARTS)
    if found.east is None:
        return written(Moment(_cut(found.us, unit, kind)))
    utc = found.utc
    local = zones.to_local(utc, zone)
    cut = _cut(local, unit, kind)
    # Parts of a day keep the distance from Greenwich, so that an hour that comes twice stays which it is.
    return written(Moment(cut - (local - utc) if unit in _OF_CLOCK else zones.from_local(cut, zone), 0))


def _cut(us: int, unit: str, kind: str) -> int:
    if unit in _OF_CLOCK:
        return us // _OF_CLOCK[unit] * _OF_CLOCK[unit]
    days = us // DAY
    if unit == "day":
        return days * DAY
    if unit == "week":
        return (days - weekday(days)) * DAY
    year, month, _ = civil(days)
    if unit == "month":
        return days_of(year, month, 1) * DAY
    if unit == "quarter":
        return days_of(year, (month - 1) // 3 * 3 + 1, 1) * DAY
    if unit in _SPANS_OF_YEARS:
        count = _SPANS_OF_YEARS[unit]
        year = (year - 1) // count * count + 1
    elif unit == "decade":
        year = year // 10 * 10
    elif unit != "year":
        raise unsupported(unit, kind)
    return days_of(year, 1, 1) * DAY


def date_part(field: str, value: Any) -> float | int | None:
    """A part of a time or an interval."""
    found = exact_part(field, value)
    return float(found) if isinstance(found, Decimal) else found


def extracted(field: str, value: Any) -> str | None:
    """EXTRACT(field FROM value), with the digits that PostgreSQL gives it."""
    found = exact_part(field, value)
    if found is None:
        return None
    if isinstance(found, float):
        return "Infinity" if found > 0 else "-Infinity"
    unit = unit_named(field, "")
    if unit == "julian":
        return str(int(found))  # the day; its fraction is a quotient of numerics
    places = {"second": 6, "epoch": 6, "millisecond": 3}.get(unit, 0)
    if not places or (unit == "epoch" and is_moment(value) and not moment(value).clock):
        return str(found)
    return f"{found:.{places}f}"


def exact_part(field: str, value: Any) -> Decimal | float | int | None:
    """The part; a float is an infinity."""
    if value is None or field is None:
        return None
    if isinstance(value, str) and not is_moment(value):
        match = _LIKE_A_CLOCK.fullmatch(value)
        if match is None or value > "24:00:00":
            return interval_part(unit_named(field, "interval"), interval(value))
        return _clock_part(field, value, bool(match.group(1)))
    found = moment(value)
    kind = (_WITHOUT if found.clock else "date") if found.east is None else _WITH
    unit = unit_named(field, kind)
    if not found.is_finite:
        return _part_of_infinity(unit, found.us)
    if unit.startswith("timezone"):
        if found.east is None:
            raise unsupported(unit, kind)
        return zone_parts(found.east)[unit]
    return _moment_part(unit, found)


def _clock_part(field: str, value: str, zoned: bool) -> Decimal | int:
    kind = "time with time zone" if zoned else "time without time zone"
    unit = unit_named(field, kind)
    if not zoned and unit in _BEYOND_CLOCKS:
        return interval_part(unit, interval(value))  # an interval of less than a day
    clock, east = clock_and_offset(value)
    if unit.startswith("timezone") and zoned:
        return zone_parts(east // SECOND)[unit]
    if unit not in ("hour", "minute", "second", "millisecond", "microsecond", "epoch"):
        raise unsupported(unit, kind)
    return interval_part(unit, Interval(microseconds=clock - (east if unit == "epoch" else 0)))


_BEYOND_CLOCKS = frozenset("day month quarter year decade century millennium".split())
_ENDLESS_PARTS = frozenset("year decade century millennium julian isoyear epoch".split())


def _part_of_infinity(unit: str, us: int) -> float | None:
    """What goes on without end is endless, too; what repeats is not known."""
    return (float("inf") if us > 0 else float("-inf")) if unit in _ENDLESS_PARTS else None


def _moment_part(unit: str, found: Moment) -> Decimal | int:
    days, clock = divmod(found.us, DAY)
    if unit in _OF_CLOCK or unit == "epoch":
        if unit == "epoch":
            return quantity(found.utc - UNIX_EPOCH, SECOND)
        return interval_part(unit, Interval(microseconds=clock))
    if unit == "julian":
        return quantity((days + JULIAN) * DAY + clock, DAY)
    if unit in ("dow", "isodow"):
        from_monday = weekday(days)
        return from_monday + 1 if unit == "isodow" else (from_monday + 1) % 7
    if unit in ("week", "isoyear"):
        year, week = iso_week(days)
        return week if unit == "week" else year if year > 0 else year - 1
    year, month, day = civil(days)
    if unit == "doy":
        return days - days_of(year, 1, 1) + 1
    if unit in _SPANS_OF_YEARS:
        count = _SPANS_OF_YEARS[unit]
        number = (year - 1) // count + 1
        return number if number > 0 else number - 1
    return {
        "year": year if year > 0 else year - 1,  # there is no year 0
        "decade": year // 10,
        "quarter": (month + 2) // 3,
        "month": month,
        "day": day,
    }[unit]


def zone_parts(east: int) -> dict[str, int]:
    """EXTRACT's parts of a distance from Greenwich, in seconds east."""
    sign = -1 if east < 0 else 1
    return {
        "timezone": east,
        "timezone_hour": sign * (abs(east) // 3600),
        "timezone_minute": sign * (abs(east) // 60 % 60),
    }


def at_time_zone(zone: Any, value: Any) -> str | None:
    """``value AT TIME ZONE zone``: a time with a zone becomes one without, and the other way around."""
    if value is None or zone is None:
        return None
    where = _zone_at(str(zone))
    if isinstance(value, str) and not is_moment(value) and _LIKE_A_CLOCK.fullmatch(value):
        us, offset = clock_and_offset(value)
        there = zones.east_of(unix_now(), where)
        return clock_text((us - offset + there * SECOND) % DAY) + east_text(there)
    found = moment(value)
    if not found.is_finite:
        return stamp_kept(found.us)
    if found.east is None:
        return written(Moment(zones.from_local(found.us, where), 0))
    return written(Moment(zones.to_local(found.utc, where)))


def _zone_at(zone: str) -> tzinfo | None:
    """A zone by name, or by the interval that it is east of Greenwich."""
    if re.fullmatch(r"[-+]?\d{1,2}:\d{2}:\d{2}(?:\.\d+)?", zone, re.ASCII):
        found = interval(zone)
        return zones.east_by(found.microseconds // SECOND)
    return zones.zone_named(zone)


@lru_cache(64)
def zone_or_utc(name: str) -> tzinfo | None:
    """The zone of a setting, None for UTC; one that is not known here counts as UTC."""
    try:
        return zones.zone_of(name)
    except StatementError:
        return None


# Making


def _day_made(year: Any, month: Any, day: Any) -> int:
    try:
        if not year:
            raise ValueError
        days = days_of(int(year) if year > 0 else int(year) + 1, int(month), int(day))
    except (ValueError, OverflowError):
        raise StatementError("22008", f"date field value out of range: {year}-{int(month):02}-{int(day):02}") from None
    if not DAY_FIRST <= days < DAY_END:
        raise StatementError("22008", f"date out of range: {year}-{int(month):02}-{int(day):02}")
    return days


def make_date(year: Any, month: Any, day: Any) -> str | None:
    """A negative year is before Christ."""
    return None if None in (year, month, day) else date_kept(_day_made(year, month, day))


def _clock_made(hour: Any, minute: Any, second: Any) -> int:
    seconds = float(second)
    us = int(hour) * HOUR + int(minute) * MINUTE + (round(seconds * SECOND) if 0 <= seconds <= 60 else 0)
    if not (0 <= int(hour) and 0 <= int(minute) <= 59 and 0 <= seconds <= 60 and us <= DAY):
        raise StatementError("22008", f"time field value out of range: {int(hour)}:{int(minute):02}:{seconds:02g}")
    return us


def make_time(hour: Any, minute: Any, second: Any) -> str | None:
    return None if None in (hour, minute, second) else clock_text(_clock_made(hour, minute, second))


def make_timestamp(*parts: Any) -> str | None:
    """From year, month, day, hour, minute and second."""
    return None if None in parts else written(Moment(_day_made(*parts[:3]) * DAY + _clock_made(*parts[3:])))


def make_timestamptz_in(zone: tzinfo | None, *parts: Any) -> str | None:
    """The same, of a zone."""
    if None in parts:
        return None
    return written(Moment(zones.from_local(_day_made(*parts[:3]) * DAY + _clock_made(*parts[3:]), zone), 0))


def make_timestamptz(*parts: Any) -> str | None:
    """The same, and the name of a zone."""
    if None in parts:
        return None
    us = _day_made(*parts[:3]) * DAY + _clock_made(*parts[3:6])
    zone = parts[6]
    text = str(zone)
    # Here a number counts eastward.
    place = zones.east_by(zones.seconds_of(text)) if text[:1] in ("+", "-") else zones.zone_named(text)
    return written(Moment(zones.from_local(us, place), 0))


def date_bin(stride: Any, value: Any, origin: Any) -> str | None:
    """The start of the stretch of time that a time is in; they are counted from an origin."""
    if stride is None or value is None or origin is None:
        return None
    span = interval(stride)
    found, first = moment(value), moment(origin)
    if not found.is_finite:
        return stamp_kept(found.us)
    if not first.is_finite:
        raise StatementError("22008", "origin out of range")
    if span.months:
        raise StatementError("0A000", "timestamps cannot be binned into intervals containing months or years")
    width = span.days * DAY + span.microseconds
    if width <= 0:
        raise StatementError("22008", "stride must be greater than zero")
    us = first.utc + (found.utc - first.utc) // width * width
    return written(Moment(us, found.east if found.east is None else 0))


#: Name, number of arguments, what computes it.
FUNCTIONS: tuple[tuple[str, int, Callable[..., Any]], ...] = (
    ("pg_time_add", 2, pg_time_add),
    ("pg_time_add_in", 3, lambda zone, left, right: pg_time_add(left, right, zone)),
    ("pg_clock_add", 2, lambda clock, by: None if clock is None or by is None else _clock_moved(clock, interval(by))),
    (
        "pg_clock_subtract",
        2,
        lambda clock, by: None if clock is None or by is None else _clock_moved(clock, -interval(by)),
    ),
    ("pg_time_subtract", 2, pg_time_subtract),
    ("pg_time_subtract_in", 3, lambda zone, left, right: pg_time_subtract(left, right, zone)),
    ("age", 2, age),
    ("isfinite", 1, isfinite),
    ("pg_periods_overlap", -1, periods_overlap),
    ("make_time", 3, make_time),
    ("make_timestamptz", 7, make_timestamptz),
    ("date_trunc", 2, date_trunc),
    ("date_trunc", 3, date_trunc),
    ("pg_date_trunc", 3, pg_date_trunc),
    ("date_part", 2, date_part),
    ("date_bin", 3, date_bin),
    ("timezone", 2, at_time_zone),
    ("pg_at_zone", 2, lambda value, zone: at_time_zone(zone, value)),
    ("make_date", 3, make_date),
    ("make_timestamp", 6, make_timestamp),
)
