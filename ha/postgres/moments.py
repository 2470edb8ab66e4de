"""Dates, times and intervals: from whatever a column holds, and in PostgreSQL's writing. [pure]

Times are counted as PostgreSQL's binary form counts them, in microseconds since 2000-01-01; an interval is months, days and microseconds.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from functools import lru_cache
from math import isfinite
from zoneinfo import ZoneInfo

from ha.postgres.pgtypes import DATE, INTERVAL, out_of_range, unfit
from ha.values import Value

_EPOCH = date(2000, 1, 1).toordinal()
EPOCH_UTC = datetime(2000, 1, 1, tzinfo=UTC)
#: Whatever the settings take for an offset.
_OFFSET_ZONE = re.compile(r"(<?[A-Za-z]{0,6}>?)([-+]?\d{1,2}(?::?\d{2}){0,2})\Z")
_EAST_MAX = 86_399
DAY_US = 86_400_000_000
INFINITY = {"infinity": (1 << 63) - 1, "+infinity": (1 << 63) - 1, "-infinity": -(1 << 63)}
_STAMP = re.compile(
    r"\s*(\d{4,5})-(\d{1,2})-(\d{1,2})(?:[ T]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?"
    r"\s*(Z|UTC|GMT|[+-]\d{1,2}(?::?\d{2}(?::?\d{2})?)?)?\s*$",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"\s*(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*(Z|UTC|[+-]\d{1,2}(?::?\d{2}(?::?\d{2})?)?)?\s*$",
    re.IGNORECASE,
)


def _fraction(digits: str | None) -> int:
    if not digits:
        return 0
    return round(float("0." + digits) * 1_000_000)


def zone_seconds(text: str | None) -> int | None:
    """Seconds east of Greenwich, None for none."""
    if not text:
        return None
    if text[0] not in "+-":
        return 0
    digits = text[1:].replace(":", "")
    if len(digits) % 2:
        digits = "0" + digits
    hours, minutes, seconds = int(digits[:2]), int(digits[2:4] or 0), int(digits[4:6] or 0)
    east = hours * 3600 + minutes * 60 + seconds
    return -east if text[0] == "-" else east


def stamp_of(value: Value, oid: int) -> tuple[int, int | None]:
    """Microseconds since 2000-01-01 and the zone's seconds, from whatever a column may hold.

    :raises StatementError: 22007, 22008.
    """
    if isinstance(value, str):
        match = _STAMP.match(value)
        if match is None:
            special = INFINITY.get(value.strip().lower())
            if special is not None:
                return special, None
            if value.strip().lower() == "epoch":
                return -946_684_800_000_000, None
            raise unfit(oid, value)
        year, month, day, hour, minute, second, fraction, zone = match.groups()
        try:
            days = date(int(year), int(month), int(day)).toordinal() - _EPOCH
        except ValueError:
            raise out_of_range(oid, value) from None
        h, m, s = int(hour or 0), int(minute or 0), int(second or 0)
        if h > 24 or m > 59 or s > 60 or (h == 24 and (m or s)):
            raise out_of_range(oid, value)
        return days * DAY_US + (h * 3600 + m * 60 + s) * 1_000_000 + _fraction(fraction), zone_seconds(zone)
    if isinstance(value, int):
        # SQLite's second convention for dates: seconds since 1970.
        return (value - 946_684_800) * 1_000_000, 0
    if isinstance(value, float) and isfinite(value):
        # Its third: Julian days.
        return round((value - 2451544.5) * DAY_US), 0
    raise unfit(oid, value)


def date_text(days: int) -> str:
    """A date, counted in days since 2000-01-01."""
    try:
        return date.fromordinal(days + _EPOCH).isoformat()
    except (ValueError, OverflowError):
        raise out_of_range(DATE, days) from None


def clock_text(us: int) -> str:
    """A time of day."""
    seconds, fraction = divmod(us, 1_000_000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    text = f"{hour:02d}:{minute:02d}:{second:02d}"
    return text + f".{fraction:06d}".rstrip("0") if fraction else text


def stamp_text(us: int) -> str:
    """A timestamp without its zone."""
    if us == INFINITY["infinity"]:
        return "infinity"
    if us == INFINITY["-infinity"]:
        return "-infinity"
    days, rest = divmod(us, DAY_US)
    return f"{date_text(days)} {clock_text(rest)}"


def zone_text(east: int) -> str:
    """A zone as PostgreSQL writes it: ``+02``, ``-03:30``."""
    sign, east = ("-", -east) if east < 0 else ("+", east)
    hours, rest = divmod(east, 3600)
    minutes, seconds = divmod(rest, 60)
    return (
        f"{sign}{hours:02d}"
        + (f":{minutes:02d}" if minutes or seconds else "")
        + (f":{seconds:02d}" if seconds else "")
    )


def to_utc(us: int, zone: int | None) -> int:
    """The same moment in UTC; what has no zone is taken to be in UTC."""
    return us - zone * 1_000_000 if zone and abs(us) < (1 << 62) else us


@lru_cache(256)
def zone_of(name: str) -> tzinfo | None:
    """The zone a client calls so in SET TIME ZONE; None for UTC.

    A bare number counts hours east of Greenwich; with a name or minutes it is POSIX's writing, which counts west.
    """
    if name.upper() in ("UTC", "GMT", "UCT"):
        return None
    match = _OFFSET_ZONE.match(name)
    if match is None:
        return ZoneInfo(name)
    abbreviation, offset = match.groups()
    east = zone_seconds(offset if offset[0] in "+-" else "+" + offset) or 0
    east = max(-_EAST_MAX, min(east, _EAST_MAX))
    bare = not abbreviation and len(offset.lstrip("+-")) <= 2
    return timezone(timedelta(seconds=east if bare else -east)) if east else None


def east_of(us: int, zone: tzinfo | None) -> int:
    """How many seconds east of Greenwich a zone is at a moment in UTC."""
    if zone is None or not -62_000_000_000_000_000 < us < 252_000_000_000_000_000:
        return 0
    offset = (EPOCH_UTC + timedelta(microseconds=us)).astimezone(zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())


def from_local(us: int, zone: tzinfo | None) -> int:
    """The moment in UTC at which clocks in a zone show this time."""
    if zone is None or not -62_000_000_000_000_000 < us < 252_000_000_000_000_000:
        return us
    offset = (EPOCH_UTC.replace(tzinfo=zone) + timedelta(microseconds=us)).utcoffset()
    return us if offset is None else us - int(offset.total_seconds()) * 1_000_000


def time_of(value: Value, oid: int) -> tuple[int, int | None]:
    """Microseconds since midnight, and the zone."""
    if isinstance(value, str):
        match = _TIME.match(value)
        if match is None:
            us, zone = stamp_of(value, oid)
            return us % DAY_US, zone
        h, m, s = int(match[1]), int(match[2]), int(match[3] or 0)
        if h > 24 or m > 59 or s > 60 or (h == 24 and (m or s)):
            raise out_of_range(oid, value)
        return (h * 3600 + m * 60 + s) * 1_000_000 + _fraction(match[4]), zone_seconds(match[5])
    if isinstance(value, int) and 0 <= value <= 86400:
        return value * 1_000_000, None
    raise unfit(oid, value)


# --- intervals --------------------------------------------------------------------------------------------------------

_INTERVAL_UNITS = {
    "microsecond": (0, 0, 1), "us": (0, 0, 1), "millisecond": (0, 0, 1000), "ms": (0, 0, 1000), "second": (0, 0, 1_000_000),
    "sec": (0, 0, 1_000_000), "s": (0, 0, 1_000_000), "minute": (0, 0, 60_000_000), "min": (0, 0, 60_000_000),
    "m": (0, 0, 60_000_000), "hour": (0, 0, 3_600_000_000), "hr": (0, 0, 3_600_000_000), "h": (0, 0, 3_600_000_000),
    "day": (0, 1, 0), "d": (0, 1, 0), "week": (0, 7, 0), "w": (0, 7, 0), "month": (1, 0, 0), "mon": (1, 0, 0),
    "year": (12, 0, 0), "yr": (12, 0, 0), "y": (12, 0, 0), "decade": (120, 0, 0), "century": (1200, 0, 0),
    "centurie": (1200, 0, 0), "millennium": (12000, 0, 0),
}  # fmt: skip
_INTERVAL_PART = re.compile(
    r"\s*(?:([+-]?)(\d+):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?|([+-]?\d+(?:\.\d+)?)\s*([A-Za-z]+))"
)
_ISO_INTERVAL = re.compile(
    r"P(?:(-?\d+)Y)?(?:(-?\d+)M)?(?:(-?\d+)W)?(?:(-?\d+)D)?(?:T(?:(-?\d+)H)?(?:(-?\d+)M)?(?:(-?\d+(?:\.\d+)?)S)?)?$",
    re.IGNORECASE,
)


def interval_of(text: str) -> tuple[int, int, int]:
    """Months, days and microseconds of an interval in PostgreSQL's, SQL's or ISO 8601's writing.

    :raises StatementError: 22007.
    """
    stripped = text.strip()
    iso = _ISO_INTERVAL.match(stripped)
    if iso and len(stripped) > 1:
        y, mo, w, d, h, mi, s = (part or 0 for part in iso.groups())
        us = int(h) * 3_600_000_000 + int(mi) * 60_000_000 + int(Decimal(s) * 1_000_000)
        return int(y) * 12 + int(mo), int(w) * 7 + int(d), us
    ago = stripped.lower().endswith(" ago")
    rest = stripped[:-4] if ago else stripped
    rest = rest.lstrip("@").strip()
    months = days = us = at = 0
    while at < len(rest):
        part = _INTERVAL_PART.match(rest, at)
        if part is None:
            raise unfit(INTERVAL, text)
        at = part.end()
        if part[2] is not None:
            clock = (int(part[2]) * 3600 + int(part[3]) * 60 + int(part[4] or 0)) * 1_000_000 + _fraction(part[5])
            us += -clock if part[1] == "-" else clock
            continue
        unit = part[7].lower()
        scale = _INTERVAL_UNITS.get(unit) or _INTERVAL_UNITS.get(unit.rstrip("s"))
        if scale is None:
            raise unfit(INTERVAL, text)
        amount = Decimal(part[6])
        months += int(amount * scale[0])
        part_days = amount * scale[1] + (amount * scale[0] % 1) * 30
        days += int(part_days)
        us += int(amount * scale[2] + part_days % 1 * DAY_US)
    if not rest:
        raise unfit(INTERVAL, text)
    return (-months, -days, -us) if ago else (months, days, us)


def interval_text(months: int, days: int, us: int) -> str:
    """An interval as PostgreSQL writes it (IntervalStyle postgres)."""
    parts = []
    years = abs(months) // 12 * (-1 if months < 0 else 1)
    minus = False
    for count, one, many in ((years, "year", "years"), (months - years * 12, "mon", "mons"), (days, "day", "days")):
        if count:
            parts.append(f"{'+' if minus and count > 0 else ''}{count} {one if count == 1 else many}")
            minus = count < 0
    if us or not parts:
        sign = "-" if us < 0 else "+" if minus else ""
        parts.append(sign + clock_text(abs(us)))
    return " ".join(parts)
