"""Days and moments in all of PostgreSQL's years, 4714 BC to 5874897: how they are counted, kept and shown. [pure]

Days are counted from 2000-01-01, moments in microseconds from its midnight, as PostgreSQL's binary form does; a year here is
astronomical: 0 is 1 BC.

What is kept is a text whose order is that of time under SQLite's plain comparison, so that indexes, ORDER BY, min and max need
no collation, and every program can open the file:

==================== ============================================ ========================================
years                kept                                         why it sorts there
==================== ============================================ ========================================
-infinity            ``-infinity``                                ``-`` comes before ``/``
BC                   ``/9956 BC 0044-03-15``, with 10000 - 44     ``/`` comes before ``0``
1 to 9999            ``2026-01-02``, as SQLite writes it
10000 and later      ``Y0012345-01-02``, seven digits             ``Y`` comes after ``9``
infinity             ``infinity``                                 ``i`` comes after ``Y``
==================== ============================================ ========================================

A timestamp has a clock behind that, ``03:04:05[.ffffff]``, and ``+00:00`` behind the clock if it has a zone. The price: to SQLite's
own date functions what lies outside of 1 to 9999 is no date (they give NULL).

https://www.postgresql.org/docs/15/datatype-datetime.html
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Final

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
#: 2000-01-01 as Python counts days.
EPOCH: Final = date(2000, 1, 1).toordinal()
#: Midnight of 1970-01-01.
UNIX_EPOCH: Final = -946_684_800 * SECOND
#: The Julian day of 2000-01-01.
JULIAN: Final = 2_451_545
#: The first day, and the one after the last; of timestamps, in microseconds.
DAY_FIRST, DAY_END = -JULIAN, 2_145_031_949
STAMP_FIRST, STAMP_END = DAY_FIRST * DAY, 106_751_983 * DAY
#: -infinity and infinity, as PostgreSQL's binary form has them.
DAY_EARLY, DAY_LATE = -(1 << 31), (1 << 31) - 1
EARLY, LATE = -(1 << 63), (1 << 63) - 1
#: What is kept with one of these before it is not shown as it is kept.
OTHERWISE_SHOWN: Final = ("/", "Y")
_MILLENNIUM: Final = datetime(2000, 1, 1)  # noqa: DTZ001
_WORDS: Final = {EARLY: "-infinity", LATE: "infinity"}
_ENDS: Final = {word: us for us, word in _WORDS.items()}

#: The calendar repeats itself.
_CYCLE_YEARS, _CYCLE_DAYS = 400, 146_097
_DAYS_OF_PYTHON: Final = date.max.toordinal()


def civil(days: int) -> tuple[int, int, int]:
    """Year, month and day."""
    ordinal = days + EPOCH
    if 0 < ordinal <= _DAYS_OF_PYTHON:
        found = date.fromordinal(ordinal)
        return found.year, found.month, found.day
    cycles, rest = divmod(ordinal - 1, _CYCLE_DAYS)
    found = date.fromordinal(rest + 1)
    return found.year + cycles * _CYCLE_YEARS, found.month, found.day


def days_of(year: int, month: int, day: int) -> int:
    """The inverse; whether PostgreSQL's range holds it is not looked at.

    :raises ValueError: there is no such day.
    """
    if 0 < year <= 9999:
        return date(year, month, day).toordinal() - EPOCH
    cycles, rest = divmod(year - 1, _CYCLE_YEARS)
    return date(rest + 1, month, day).toordinal() - EPOCH + cycles * _CYCLE_DAYS


def days_in(year: int, month: int) -> int:
    """How many days a month has."""
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


def weekday(days: int) -> int:
    """0 for Monday."""
    return (days + 5) % 7


def iso_week(days: int) -> tuple[int, int]:
    """The year and the number of the ISO 8601 week."""
    cycles, rest = divmod(days + EPOCH - 1, _CYCLE_DAYS)
    year, week, _ = date.fromordinal(rest + 1 + _CYCLE_DAYS).isocalendar()
    return year + (cycles - 1) * _CYCLE_YEARS, week


def is_finite(us: int) -> bool:
    return us not in _WORDS


# Texts


def clock_text(us: int) -> str:
    """A time of day, 24:00:00 too."""
    seconds, fraction = divmod(us, SECOND)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    text = f"{hour:02d}:{minute:02d}:{second:02d}"
    return text + f".{fraction:06d}".rstrip("0") if fraction else text


def _plain(days: int) -> str | None:
    """A day of the years 1 to 9999, or none that is finite: kept and shown alike; None of all others."""
    ordinal = days + EPOCH
    if 0 < ordinal <= _DAYS_OF_PYTHON:
        return date.fromordinal(ordinal).isoformat()
    if days in (DAY_EARLY, DAY_LATE):
        return _WORDS[EARLY if days < 0 else LATE]
    return None


def date_kept(days: int) -> str:
    """A day as a column keeps it."""
    plain = _plain(days)
    if plain is not None:
        return plain
    year, month, day = civil(days)
    if year > 0:
        return f"Y{year:07d}-{month:02d}-{day:02d}"
    return f"/{9999 + year:04d} BC {1 - year:04d}-{month:02d}-{day:02d}"


def stamp_kept(us: int) -> str:
    """A timestamp without a zone as a column keeps it."""
    if us in _WORDS:
        return _WORDS[us]
    days, clock = divmod(us, DAY)
    return f"{date_kept(days)} {clock_text(clock)}"


def moment_kept(us: int) -> str:
    """A timestamp with a zone, counted in UTC, as a column keeps it."""
    return _WORDS.get(us) or stamp_kept(us) + "+00:00"


def date_shown(days: int) -> str:
    """A day as PostgreSQL writes it: ``0044-03-15 BC``."""
    plain = _plain(days)
    if plain is not None:
        return plain
    year, month, day = civil(days)
    return f"{year:04d}-{month:02d}-{day:02d}" if year > 0 else f"{1 - year:04d}-{month:02d}-{day:02d} BC"


def stamp_shown(us: int, zone: str = "", between: str = " ") -> str:
    """A timestamp as PostgreSQL writes it.

    :param zone: what is written behind the clock.
    """
    if us in _WORDS:
        return _WORDS[us]
    days, clock = divmod(us, DAY)
    day, _, era = date_shown(days).partition(" ")
    return f"{day}{between}{clock_text(clock)}{zone}{' ' + era if era else ''}"


def east_text(east: int) -> str:
    """How many seconds east of Greenwich, as PostgreSQL writes it: ``+02``, ``-03:30``."""
    sign, east = ("-", -east) if east < 0 else ("+", east)
    hours, rest = divmod(east, 3600)
    minutes, seconds = divmod(rest, 60)
    text = f"{sign}{hours:02d}"
    if rest:
        text += f":{minutes:02d}"
    return text + f":{seconds:02d}" if seconds else text


def shown(text: str) -> str:
    """What PostgreSQL writes for a kept date or timestamp without a zone; any other text as it is."""
    found = kept_moment(text) if text[:1] in OTHERWISE_SHOWN else None
    if found is None:
        return text
    return stamp_shown(found[0]) if found[1] else date_shown(found[0] // DAY)


_KEPT = re.compile(
    r"(?:(\d{4})|/\d{4} BC (\d{4})|Y(\d{7}))-(\d\d)-(\d\d)(?: (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(\+00:00)?)?",
    re.ASCII,
)


def kept_moment(text: str) -> tuple[int, bool, bool] | None:
    """What a kept text means: microseconds, has it a clock, has it a zone; None if it is in none of the kept forms.

    For an infinity nobody knows the last two; they are true and false.
    """
    length = len(text)
    if length > 18 and text[10] == " " and text[13] == ":" and text[4] == "-":  # nearly all are such
        zoned = text[-6] == "+"
        if length < (33 if zoned else 27) and (not zoned or text.endswith("+00:00")):
            try:
                span = datetime.fromisoformat(text[:-6] if zoned else text) - _MILLENNIUM
            except (ValueError, TypeError):
                pass
            else:
                return (span.days * 86_400 + span.seconds) * SECOND + span.microseconds, True, zoned
    match = _KEPT.fullmatch(text)
    if match is None:
        us = _ENDS.get(text)
        return None if us is None else (us, True, False)
    plain, before, later, month, day, hour, minute, second, fraction, zone = match.groups()
    year = int(plain or later) if before is None else 1 - int(before)
    if hour is None:
        clock = 0
    elif hour > "23" or minute > "59" or second > "59":
        return None
    else:
        clock = int(hour) * HOUR + int(minute) * MINUTE + int(second) * SECOND
        if fraction is not None:
            clock += int(fraction.ljust(6, "0"))
    if plain == "0000":
        return None
    try:
        return days_of(year, int(month), int(day)) * DAY + clock, hour is not None, zone is not None
    except ValueError:
        return None


def moved(us: int, months: int, days: int, microseconds: int) -> int:
    """Later by an interval: months first, then days, then the rest. Whether the range holds it is not looked at."""
    if us in _WORDS:
        return us
    if months:
        day_count, clock = divmod(us, DAY)
        year, month, day = civil(day_count)
        years, month = divmod(year * 12 + month - 1 + months, 12)
        us = days_of(years, month + 1, min(day, days_in(years, month + 1))) * DAY + clock
    return us + days * DAY + microseconds
