"""Intervals: what PostgreSQL reads as one, what is computed with it, and how it is written. [pure]

https://www.postgresql.org/docs/15/datatype-datetime.html#DATATYPE-INTERVAL-INPUT
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final, NamedTuple

from ha.errors import StatementError
from ha.sql.calendar import DAY, HOUR, MINUTE, SECOND, clock_text

#: PostgreSQL's bounds on an interval's months and days (32 bits) and its microseconds (64).
_PART_MAX, _CLOCK_MAX = (1 << 31) - 1, (1 << 63) - 1
#: PostgreSQL's bound on the length of such a text, and on its fields.
_TEXT_MAX, _FIELDS_MAX = 256, 25


class Interval(NamedTuple):
    """PostgreSQL keeps the three apart: a month has no fixed number of days, nor a day of hours."""

    months: int = 0
    days: int = 0
    microseconds: int = 0

    def __neg__(self) -> Interval:
        return checked(-self.months, -self.days, -self.microseconds)


def checked(months: int, days: int, microseconds: int) -> Interval:
    """An interval whose parts fit.

    :raises StatementError: 22008.
    """
    if not (
        -_PART_MAX <= months + 1 <= _PART_MAX + 1
        and -_PART_MAX <= days + 1 <= _PART_MAX + 1
        and -_CLOCK_MAX <= microseconds + 1 <= _CLOCK_MAX + 1
    ):
        raise StatementError("22008", "interval out of range")
    return Interval(months, days, microseconds)


class _BadFormat(Exception):
    """The text is none."""


class _OutOfRange(Exception):
    """A field holds too much."""


#: Months, days and microseconds of each unit.
_UNITS: Final = {
    "microsecond": (0, 0, 1),
    "millisecond": (0, 0, 1000),
    "second": (0, 0, SECOND),
    "minute": (0, 0, MINUTE),
    "hour": (0, 0, HOUR),
    "day": (0, 1, 0),
    "week": (0, 7, 0),
    "month": (1, 0, 0),
    "year": (12, 0, 0),
    "decade": (120, 0, 0),
    "century": (1200, 0, 0),
    "millennium": (12000, 0, 0),
}
_SPELLINGS: Final = {
    "microsecond": "microsecon microseconds us usec usecs usecond useconds microsecond",
    "millisecond": "millisecon milliseconds ms msec msecs msecond mseconds millisecond",
    "second": "s sec secs second seconds",
    "minute": "m min mins minute minutes",
    "hour": "h hr hrs hour hours",
    "day": "d day days",
    "week": "w week weeks",
    "month": "mon mons month months",
    "year": "y yr yrs year years",
    "decade": "dec decs decade decades",
    "century": "c cent century centuries",
    "millennium": "mil mils millennia millennium",
}
UNIT_OF: Final = {word: unit for unit, words in _SPELLINGS.items() for word in words.split()}
#: What ``interval day to second`` may say, from the largest to the smallest.
FIELDS: Final = ("year", "month", "day", "hour", "minute", "second")


_FIELD = re.compile(
    r"[ \t\n\r\f\v]*(?:"
    r"(?P<clock>\d+:[\d:.]*)"
    r"|(?P<signed>[-+][ \t\n\r\f\v]*\d[\d:.\-]*)"
    r"|(?P<number>\d+(?:-[\d\-]*|\.\d*)?|\.\d*)"
    # to PostgreSQL, a word with a number behind it begins a date, but for these
    r"|(?P<word>(?:mon|dec|[dhmsy])(?=[+\d])|[A-Za-z]+(?![-+./A-Za-z\d]))"
    r"|(?P<other>[!-*,./:-@\[-`{-~])"
    r")",
    re.ASCII | re.IGNORECASE,
)
_CLOCK = re.compile(r"(\d+):(\d*)(?::(\d*)(?:\.(\d*))?)?", re.ASCII)
_SHORT_CLOCK = re.compile(r"(\d+):(\d+)\.(\d*)", re.ASCII)
_NUMBER = re.compile(r"([-+]?)(\d*)(?:-(\d+)|(\.\d*))?", re.ASCII)


class _Sum:
    """An interval that is being added up."""

    def __init__(self) -> None:
        self.years = self.months = self.days = self.microseconds = 0
        self.seen: set[str] = set()

    def tell(self, *units: str) -> None:
        """Each unit is told once."""
        if not self.seen.isdisjoint(units):
            raise _BadFormat
        self.seen.update(units)

    def add(self, unit: str, whole: int, fraction: float) -> None:
        months, days, microseconds = _UNITS[unit]
        if months >= 12:
            self.years += whole * (months // 12)
        else:
            self.months += whole * months
        self.days += whole * days
        self.microseconds += whole * microseconds
        if fraction:
            if unit == "month":
                self._days(fraction * 30)
            elif months:
                self.months += round(fraction * months)
            elif unit == "week":
                self._days(fraction * 7)
            else:
                self._clock(fraction * (microseconds or DAY))
        self._check()

    def _days(self, days: float) -> None:
        self.days += int(days)
        self._clock((days - int(days)) * DAY)

    def _clock(self, microseconds: float) -> None:
        whole = int(microseconds)
        rest = microseconds - whole
        self.microseconds += whole + (rest > 0.5) - (rest < -0.5)

    def _check(self) -> None:
        if not (
            -_PART_MAX - 1 <= self.years <= _PART_MAX
            and -_PART_MAX - 1 <= self.months <= _PART_MAX
            and -_PART_MAX - 1 <= self.days <= _PART_MAX
            and -_CLOCK_MAX - 1 <= self.microseconds <= _CLOCK_MAX
        ):
            raise _OutOfRange

    def clock(self, text: str, sign: int, *, signed: bool, short: bool) -> None:
        """``3:04:05.6``; two parts are minutes and seconds where the fields say so."""
        match, minutes = _CLOCK.fullmatch(text), _SHORT_CLOCK.fullmatch(text)
        if minutes is not None:
            hour, minute, second, fraction = "0", minutes[1], minutes[2], minutes[3]
        elif match is None:
            raise _BadFormat
        elif short and match[3] is None:
            hour, minute, second, fraction = "0", match[1], match[2], None
        else:
            hour, minute, second, fraction = match[1], match[2], match[3], match[4]
        if int(minute or 0) > 59 or int(second or 0) > 60:
            raise _BadFormat if signed else _OutOfRange
        clock = int(hour) * HOUR + int(minute or 0) * MINUTE + int(second or 0) * SECOND
        self.microseconds += sign * (clock + (round(float("0." + fraction) * SECOND) if fraction else 0))
        self._check()


def fields_of(words: str) -> tuple[str, ...]:
    """The fields of ``day to second``."""
    first, _, last = words.partition(" to ")
    return FIELDS[FIELDS.index(first) : FIELDS.index(last or first) + 1]


def read(text: str, fields: tuple[str, ...] = (), *, standard: bool = False) -> Interval:
    """The interval that a text means: PostgreSQL's spellings, the SQL standard's, ISO 8601's.

    :param fields: those that the type says (``day``, ``second``): what a bare number counts.
    :param standard: IntervalStyle is ``sql_standard``: a sign before all is that of every field.
    :raises StatementError: 22007, it means none; 22015, a part does not fit.
    """
    try:
        try:
            found = _spelled(text, fields, standard)
        except _BadFormat:
            found = _iso(text)
    except _BadFormat:
        raise StatementError("22007", f'invalid input syntax for type interval: "{text}"') from None
    except (_OutOfRange, OverflowError):
        raise StatementError("22015", f'interval field value out of range: "{text}"') from None
    return limited(found, fields)


def _cut(text: str) -> list[tuple[str, str]]:
    if len(text) > _TEXT_MAX:
        raise _BadFormat
    text = text.rstrip(" \t\n\r\f\v")
    found: list[tuple[str, str]] = []
    at = 0
    while at < len(text):
        match = _FIELD.match(text, at)
        if match is None or len(found) >= _FIELDS_MAX:
            raise _BadFormat
        kind, at = match.lastgroup or "", match.end()
        if kind != "other" or match["other"] == "@":
            word = match[kind]
            found.append((kind, word[0] + word[1:].lstrip(" \t\n\r\f\v") if kind == "signed" else word.lower()))
    return found


def _spelled(text: str, fields: tuple[str, ...], standard: bool) -> Interval:
    """From the last field to the first: a unit stands behind its number."""
    total = _Sum()
    unit: str | None = None
    ago = False
    short = fields == ("minute", "second")
    pieces = _cut(text)
    negative = standard and bool(pieces) and pieces[0][1][0] == "-" and not any(
        word[0] in "-+" for kind, word in pieces[1:] if kind == "signed"
    )  # fmt: skip
    for kind, word in reversed(pieces):
        if kind == "word":
            if word == "ago":
                ago = True
                unit = None
                continue
            unit = UNIT_OF.get(word[:10])
            if unit is None:
                raise _BadFormat
        elif kind == "other":
            continue
        elif ":" in word:
            sign = -1 if word[0] == "-" or negative else 1
            total.clock(word.lstrip("+-"), sign, signed=kind == "signed", short=short)
            total.tell("hour", "minute", "second", "millisecond", "microsecond")
            unit = "day"
        else:
            unit = _count(total, word, unit or (fields[-1] if fields else "second"), negative)
    if not total.seen:
        raise _BadFormat
    found = _whole(total)
    return -found if ago else found


def _whole(total: _Sum) -> Interval:
    return checked(total.years * 12 + total.months, total.days, total.microseconds)


def _count(total: _Sum, word: str, unit: str, negative: bool) -> str:
    """One number and its unit; the unit of a number before it that says none."""
    match = _NUMBER.fullmatch(word)
    if match is None or not (match[2] or (match[4] or ".")[1:]):
        raise _BadFormat
    sign = -1 if match[1] == "-" or negative else 1
    whole, fraction = int(match[2] or 0), float("0" + match[4] + "0") if match[4] else 0.0
    if whole > _CLOCK_MAX:
        raise _OutOfRange
    if match[3] is not None:  # years and months
        if int(match[3]) > 11:
            raise _OutOfRange
        unit, whole = "month", whole * 12 + int(match[3])
    total.add(unit, sign * whole, sign * fraction)
    if unit == "second" and fraction:
        total.tell("second", "millisecond", "microsecond")
    else:
        total.tell(unit)
    return "day" if unit == "hour" else unit


_ISO_PART = re.compile(r"(-?)(\d*)(\.\d*)?", re.ASCII)
_ISO_UNITS = {"Y": "year", "M": "month", "W": "week", "D": "day"}, {"H": "hour", "M": "minute", "S": "second"}


def _iso(text: str) -> Interval:
    """``P1Y2M3DT4H5M6.7S``, and the alternative ``P0001-02-03T04:05:06``."""
    if text[:1] != "P" or len(text) < 2 or len(text) > _TEXT_MAX:
        raise _BadFormat
    total, rest, timed = _Sum(), text[1:], False
    plain = re.fullmatch(r"(-?\d+)-(\d+)-(\d+)(?:T(.*))?", rest)
    if plain is not None:
        total.add("year", int(plain[1]), 0)
        total.add("month", int(plain[2]), 0)
        total.add("day", int(plain[3]), 0)
        if plain[4] is None:
            return _whole(total)
        rest, timed = plain[4], True
    while rest:
        if rest[0] == "T":
            rest, timed = rest[1:], True
            continue
        if timed and (clock := re.fullmatch(r"(-?\d+):(\d+)(?::(\d+(?:\.\d*)?))?", rest)):
            sign = -1 if rest[0] == "-" else 1
            total.add("hour", int(clock[1]), 0)
            total.add("minute", sign * int(clock[2]), 0)
            seconds, _, fraction = (clock[3] or "0").partition(".")
            total.add("second", sign * int(seconds), sign * float("0." + (fraction or "0")))
            return _whole(total)
        match = _ISO_PART.match(rest)
        assert match is not None  # it matches nothing, too
        unit = _ISO_UNITS[timed].get(rest[match.end() : match.end() + 1])
        if unit is None or not (match[2] or (match[3] or ".")[1:]):
            raise _BadFormat
        sign = -1 if match[1] == "-" else 1
        total.add(unit, sign * int(match[2] or 0), sign * float("0" + match[3] + "0") if match[3] else 0.0)
        rest = rest[match.end() + 1 :]
    return _whole(total)


def limited(span: Interval, fields: tuple[str, ...] = (), precision: int = 6) -> Interval:
    """What is left of an interval where only some fields are kept: those below the last are cut off."""
    months, days, microseconds = span
    last = fields[-1] if fields else "second"
    if last == "year":
        months = int(months / 12) * 12
    if last in ("year", "month"):
        days = microseconds = 0
    elif last == "day":
        microseconds = 0
    elif last in ("hour", "minute"):
        unit = HOUR if last == "hour" else MINUTE
        microseconds = _toward_zero(microseconds, unit) * unit
    if precision < 6:
        unit = 10 ** (6 - max(precision, 0))
        half = unit // 2 if microseconds >= 0 else -(unit // 2)
        microseconds = _toward_zero(microseconds + half, unit) * unit
    return Interval(months, days, microseconds)


def _toward_zero(amount: int, unit: int) -> int:
    return amount // unit if amount >= 0 else -(-amount // unit)


def text_of(months: int, days: int, us: int) -> str:
    """An interval as PostgreSQL writes it (IntervalStyle postgres): where a part before was negative, a positive one says so."""
    parts = []
    years = _toward_zero(months, 12)
    minus = False
    for count, one, many in ((years, "year", "years"), (months - years * 12, "mon", "mons"), (days, "day", "days")):
        if count:
            parts.append(f"{'+' if minus and count > 0 else ''}{count} {one if count == 1 else many}")
            minus = count < 0
    if us or not parts:
        sign = "-" if us < 0 else "+" if minus else ""
        parts.append(sign + clock_text(abs(us)))
    return " ".join(parts)


def order_of(span: Interval) -> int:
    """What intervals are compared by, in microseconds: a month counts as 30 days, a day as 24 hours."""
    return (span.months * 30 + span.days) * DAY + span.microseconds


def quantity(amount: int, unit: int) -> Decimal | int:
    """An amount in another unit, exactly."""
    return amount // unit if amount % unit == 0 else Decimal(amount) / unit
