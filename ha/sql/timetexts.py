"""What PostgreSQL reads as a date, a time or a timestamp. [pure]

A text is cut into fields (digits, a clock, a day with its separators, a word, a signed number); each says what it is by its look, by
what is missing still, and by the order that DateStyle tells. ``January 8, 99 BC``, ``19990108T040506Z``, ``J2451187``, ``8.1.1999
04:05 PM America/New_York`` and ``tomorrow`` are all read by this one walk.

What is read here, from a literal, a parameter or a field of COPY, is kept as :mod:`ha.sql.calendar` says.

https://www.postgresql.org/docs/15/datetime-input-rules.html
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import Final

from ha.errors import StatementError
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
    days_in,
    days_of,
    east_text,
    is_finite,
    kept_moment,
)
from ha.sql.zones import ABBREVIATIONS, east_of, from_local, to_local, zone_named

#: PostgreSQL's bound on the length of such a text, and on its fields.
_TEXT_MAX: Final = 128
_FIELDS_MAX: Final = 25
#: A larger number is beyond every field.
_NUMBER_MAX: Final = (1 << 31) - 1
MONTHS: Final = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_MONTH_WORDS: Final = {name: at % 12 + 1 for at, name in enumerate(MONTHS)} | {
    name: at + 1
    for at, name in enumerate(
        "january february march april may june july august september october november december".split()
    )
} | {"sept": 9}  # fmt: skip
_WEEKDAYS: Final = frozenset(
    "mon monday tue tues tuesday wed weds wednesday thu thur thurs thursday fri friday sat saturday sun sunday".split()
)
_IGNORED: Final = frozenset(("at", "on"))
_JULIAN: Final = frozenset(("j", "jd", "julian"))
_HALVES: Final = {"am": 0, "pm": 12}
_ERAS: Final = {"ad": False, "bc": True}
_RESERVED: Final = frozenset("now today tomorrow yesterday epoch infinity -infinity allballs".split())
#: A word before a digit or a plus that does not begin the name of a zone.
_KEYWORDS: Final = {*_MONTH_WORDS, *_WEEKDAYS, *_IGNORED, *_JULIAN, *_HALVES, *_ERAS, *_RESERVED, "t"}
_FIELD = re.compile(
    r"[ \t\n\r\f\v]*(?:"
    r"(?P<clock>\d+:[\d:.]*)"
    r"|(?P<date>\d+(?P<by>[-/])(?:\d+(?:(?P=by)(?:\d|(?P=by))*)?|(?:[A-Za-z0-9]|(?P=by))*)"
    r"|\d+\.\d+\.[\d.]*|\d+\.[A-Za-z][A-Za-z0-9.]*)"
    r"|(?P<number>\d+(?:\.\d*)?|\.\d*)"
    r"|(?P<word>[A-Za-z]+)"
    r"|(?P<signed>[-+][ \t\n\r\f\v]*(?:\d[\d:.\-]*|[A-Za-z]+))"
    r"|(?P<other>[!-*,./:-@\[-`{-~])"
    r")",
    re.ASCII,
)
_ZONE_REST = re.compile(r"[-+/_.:A-Za-z0-9]*", re.ASCII)
_CLOCK = re.compile(r"(\d+):(\d*)(?::(\d*)(?:\.(\d*))?)?", re.ASCII)
_OFFSET = re.compile(r"[-+](\d+)(?::(\d*)(?::(\d*))?)?", re.ASCII)


class _BadFormat(Exception):
    """The text is none."""


class _OutOfRange(Exception):
    """A field holds too much; with true, another order of the fields might do."""


class _TooFarEast(Exception):
    """No zone is there."""


def _now() -> int:
    return UNIX_EPOCH + time.time_ns() // 1000


def invalid(what: str, value: object) -> StatementError:
    return StatementError("22007", f'invalid input syntax for type {what}: "{value}"')


def field_out_of_range(value: object, *, hint: bool = False) -> StatementError:
    return StatementError(
        "22008",
        f'date/time field value out of range: "{value}"',
        hint='Perhaps you need a different "datestyle" setting.' if hint else None,
    )


def out_of_range(what: str, value: object) -> StatementError:
    return StatementError("22008", f'{what} out of range: "{value}"')


def read(
    text: str, what: str, order: str = "MDY", zone: tzinfo | None = None, now: Callable[[], int] = _now
) -> tuple[int, int | None]:
    """A date or timestamp: what the clock shows, in microseconds since 2000-01-01, and how many seconds east that clock is, if told.

    :param what: the type's name, for errors.
    :param order: ``MDY``, ``DMY`` or ``YMD``: how ``1/2/3`` is meant.
    :param zone: the session's, in which ``now`` and ``today`` are.
    :param now: the moment in UTC.
    :raises StatementError: 22007, 22008, 22009, 22023.
    """
    if _ISO.fullmatch(text) is not None:  # nearly all are such
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            pass  # the walk says what is wrong
        else:
            offset = found.utcoffset()
            span = found.replace(tzinfo=None) - _MILLENNIUM
            us = (span.days * 86_400 + span.seconds) * SECOND + span.microseconds
            return us, None if offset is None else offset.days * 86_400 + offset.seconds
    kept = kept_moment(text)
    if kept is not None:
        return kept[0], 0 if kept[2] else None
    return _guarded(text, what, lambda: _Reading(text, order, zone, now).stamp(only_day=what == "date"))


def read_clock(
    text: str, what: str, order: str = "MDY", zone: tzinfo | None = None, now: Callable[[], int] = _now
) -> tuple[int, int | None]:
    """A time of day, in microseconds since midnight, and how many seconds east it is, if told; a date before it is let pass."""
    return _guarded(text, what, lambda: _Reading(text, order, zone, now, only_clock=True).clock())


def _guarded(text: str, what: str, reading: Callable[[], tuple[int, int | None]]) -> tuple[int, int | None]:
    try:
        return reading()
    except _BadFormat:
        raise invalid(what, text) from None
    except _OutOfRange as error:
        raise field_out_of_range(text, hint=bool(error.args)) from None
    except _TooFarEast:
        raise StatementError("22009", f'time zone displacement out of range: "{text}"') from None


def to_utc(us: int, east: int | None, zone: tzinfo | None) -> int:
    """The moment in UTC of what :func:`read` gave, which is the session's time where it does not say."""
    return (
        from_local(us, zone) if east is None else us - east * SECOND if STAMP_FIRST - DAY < us < STAMP_END + DAY else us
    )


_ISO = re.compile(
    r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[-+](?:0\d|1[0-5])(?::?\d\d)?)?)?", re.ASCII
)
_MILLENNIUM = datetime(2000, 1, 1)  # noqa: DTZ001

#: No zone is so many seconds from Greenwich.
EAST_END: Final = 16 * 3600


def timetz_of(text: str, order: str = "MDY", zone: tzinfo | None = None, now: Callable[[], int] = _now) -> str:
    """A time of day with its zone, as a column keeps it: in the session's zone of today where it does not say."""
    us, east = read_clock(text, "time with time zone", order, zone, now)
    return clock_text(us) + east_text(east_of(now(), zone) if east is None else east)


def date_of(text: str, order: str = "MDY", zone: tzinfo | None = None, now: Callable[[], int] = _now) -> int:
    """A date's days since 2000-01-01."""
    us, _ = read(text, "date", order, zone, now)
    return checked_date(us, text)


#: As messages call the types.
SPOKEN: Final = {
    "date": "date",
    "timestamp": "timestamp",
    "timestamptz": "timestamp with time zone",
    "time": "time",
    "timetz": "time with time zone",
}


def rounded(us: int, precision: int) -> int:
    """To so many digits of a second, halves away from zero."""
    if precision >= 6 or not is_finite(us):
        return us
    unit = 10 ** (6 - max(precision, 0))
    return (us + unit // 2) // unit * unit if us >= 0 else -((-us + unit // 2) // unit * unit)


def checked_date(us: int, text: object) -> int:
    """The day of a moment, if there is one in the range of dates; an infinity is that day's."""
    if us == LATE:
        return (1 << 31) - 1
    if us == EARLY:
        return -(1 << 31)
    days = us // DAY
    if not DAY_FIRST <= days < DAY_END:
        raise out_of_range("date", text)
    return days


def checked_stamp(us: int, text: object) -> int:
    """The same moment, if it is in the range of timestamps or an infinity."""
    if not STAMP_FIRST <= us < STAMP_END and us not in (EARLY, LATE):
        raise out_of_range("timestamp", text)
    return us


def _number(digits: str) -> int:
    value = int(digits or "0")
    if value > _NUMBER_MAX:
        raise _OutOfRange
    return value


def _fraction(digits: str | None) -> int:
    return round(float("0." + digits) * SECOND) if digits else 0


class _Reading:
    """One text under way: the fields, and what they have told so far."""

    def __init__(
        self, text: str, order: str, zone: tzinfo | None, now: Callable[[], int], *, only_clock: bool = False
    ) -> None:
        self.order, self.session, self.now, self.only_clock = order, zone, now, only_clock
        self.year = self.month = self.day = self.of_year = None  # type: int | None
        self.us: int | None = None
        self.east: int | None = None
        self.zone: tzinfo | None = None
        self.zoned = self.bc = self.two_digits = self.month_by_name = self.is_julian = False
        self.half: int | None = None
        self.ends: int | None = None
        self.label = ""
        self.last_zone_was_word = False
        self.seen: set[str] = set()
        self.fields = self._fields(text)

    @staticmethod
    def _fields(text: str) -> list[tuple[str, str]]:
        if len(text) > _TEXT_MAX:
            raise _BadFormat
        found: list[tuple[str, str]] = []
        text = text.rstrip(" \t\n\r\f\v")
        at = 0
        while at < len(text):
            match = _FIELD.match(text, at)
            if match is None or len(found) >= _FIELDS_MAX:
                raise _BadFormat
            kind = match.lastgroup or ""
            kind = "date" if kind == "by" else kind
            word, at = match[kind], match.end()
            if kind == "word":
                follows = text[at : at + 1]
                if follows in ("-", "/", ".") or (
                    (follows == "+" or follows.isdigit()) and word.lower() not in _KEYWORDS
                ):
                    rest = _ZONE_REST.match(text, at)
                    assert rest is not None
                    word, at, kind = word + rest[0], rest.end(), "date"
            elif kind == "signed":
                word = word[0] + word[1:].lstrip(" \t\n\r\f\v")
                kind = "word" if word[1].isalpha() else "signed"
            if kind != "other":
                found.append((kind, word))
        return found

    def _tell(self, *names: str) -> None:
        """Each part is told once."""
        for name in names:
            if name in self.seen:
                raise _BadFormat
        self.seen.update(names)

    @property
    def dated(self) -> bool:
        return {"year", "month", "day"} <= self.seen

    def _walk(self) -> None:
        for at, (kind, word) in enumerate(self.fields):
            if kind == "clock":
                if self.label == "j":
                    raise _BadFormat
                self.label = ""
                self._clock(word)
            elif kind == "signed":
                self._signed(word)
            elif kind == "date":
                self._dated_field(at, word)
            elif kind == "number":
                self._number_field(at, word)
            else:
                self._word(at, word.lower())
            self.last_zone_was_word = kind == "word" and "zone" in self.seen
        if self.label:
            raise _BadFormat

    def stamp(self, *, only_day: bool) -> tuple[int, int | None]:
        self._walk()
        if self.ends is not None:
            return self.ends, 0
        self._validate()
        if not self.dated:
            raise _BadFormat
        days = self._days()
        clock = self._clock_of_half()
        us = days * DAY if only_day else days * DAY + clock
        return us, self._east(us)

    def clock(self) -> tuple[int, int | None]:
        self._walk()
        if self.ends is not None:
            raise _BadFormat
        if self.dated:
            self._validate()
        us = self._clock_of_half()
        if us > DAY:
            raise _OutOfRange
        if self.us is None:
            raise _BadFormat
        if not self.dated and self.zone is not None and "named" in self.seen:
            raise _BadFormat  # which half of the year is it?
        local = self._days() * DAY + us if self.dated else to_local(self.now(), self.session) // DAY * DAY + us
        east = self._east(local)
        if east is None and "zone" not in self.seen and self.dated:
            east = (local - from_local(local, self.session)) // SECOND
        return us, east

    def _east(self, us: int) -> int | None:
        if not self.zoned:
            return None
        return self.east if self.zone is None else (us - from_local(us, self.zone)) // SECOND

    def _clock_of_half(self) -> int:
        us = self.us or 0
        if self.half is not None:
            hour = us // HOUR
            if hour > 12:
                raise _OutOfRange
            us = us % (12 * HOUR) + self.half * HOUR if hour == 12 else us + self.half * HOUR
        return us

    def _days(self) -> int:
        assert self.year is not None and self.month is not None and self.day is not None
        return days_of(self.year, self.month, self.day)

    def _validate(self) -> None:
        """Is there such a day?"""
        if "year" in self.seen:
            assert self.year is not None
            if self.is_julian:
                pass
            elif self.bc:
                if self.year <= 0:
                    raise _OutOfRange
                self.year = 1 - self.year
            elif self.two_digits:
                if self.year < 0:
                    raise _OutOfRange
                self.year += 2000 if self.year < 70 else 1900 if self.year < 100 else 0
            elif self.year <= 0:
                raise _OutOfRange
        if self.of_year is not None:
            assert self.year is not None
            if not 1 <= self.of_year <= 365 + (days_in(self.year, 2) == 29):
                raise _OutOfRange
            month, day = 1, self.of_year
            while day > days_in(self.year, month):
                month, day = month + 1, day - days_in(self.year, month)
            self.month, self.day = month, day
            return
        if self.month is not None and not 1 <= self.month <= 12:
            raise _OutOfRange(True)
        if self.day is not None and not 1 <= self.day <= 31:
            raise _OutOfRange(True)
        if self.dated and (self.day or 0) > days_in(self.year or 0, self.month or 1):
            raise _OutOfRange

    # Fields

    def _clock(self, word: str) -> None:
        match = _CLOCK.fullmatch(word)
        if match is None:
            short = re.fullmatch(r"(\d+):(\d+)\.(\d*)", word, re.ASCII)  # minutes and seconds
            if short is None:
                raise _BadFormat
            hour, minute, second, fraction = "0", short[1], short[2], short[3]
        else:
            hour, minute, second, fraction = match[1], match[2], match[3] or "0", match[4]
        if _number(minute) > 59 or _number(second) > 60:
            raise _OutOfRange
        self._set_clock(_number(hour), _number(minute), _number(second), _fraction(fraction))
        if (self.us or 0) > DAY:
            raise _OutOfRange
        self._tell("clock")

    def _set_clock(self, hour: int, minute: int, second: int, fraction: int) -> None:
        if self.only_clock and (minute > 59 or second > 60):
            raise _OutOfRange
        self.us = hour * HOUR + minute * MINUTE + second * SECOND + fraction

    def _offset(self, word: str) -> int:
        match = _OFFSET.fullmatch(word)
        if match is None:
            raise _BadFormat
        hour, minute, second = _number(match[1]), _number(match[2] or "0"), _number(match[3] or "0")
        if match[2] is None and len(match[1]) > 2:
            hour, minute = divmod(hour, 100)
        if hour > 15 or minute > 59 or second > 59:
            raise _TooFarEast
        east = hour * 3600 + minute * 60 + second
        return -east if word[0] == "-" else east

    def _signed(self, word: str) -> None:
        east = self._offset(word)
        if self.last_zone_was_word and "zone" in self.seen and self.east is not None:
            self.east -= east  # GMT +3 is POSIX's
            return
        self._tell("zone")
        self.zoned, self.east = True, east

    def _named_zone(self, name: str) -> None:
        self._tell("zone")
        self.zoned, self.zone = True, zone_named(name)
        if self.zone is None:
            self.east = 0
        elif self.zone.utcoffset(None) is None:
            self.seen.add("named")

    def _dated_field(self, at: int, word: str) -> None:
        if self.label == "j":
            self.label = ""
            digits, minus, rest = word.partition("-")
            self._julian_day(digits)
            self.east = self._offset(minus + rest)
            self._tell("clock", "zone")
            self.us, self.zoned = 0, True
            return
        clock_follows = self.only_clock and not (
            at == 0 and len(self.fields) >= 2 and (self.fields[-1][0] == "date" or self.fields[1][0] == "clock")
        )
        # "Jan 8 040506-08 1999" has a clock there, and its zone
        if {"month", "day"} <= self.seen or self.label or clock_follows:
            self.label = ""
            if not word[0].isdigit():
                self._named_zone(word)
                return
            digits, minus, rest = word.partition("-")
            if not minus:
                raise _BadFormat
            self.zoned, self.east = True, self._offset("-" + rest)
            self._tell("zone")
            self._run_together(digits, dated=True)
            return
        self._date(word)

    def _date(self, word: str) -> None:
        # Whatever letter stands behind a part goes with it.
        parts = re.findall(r"(\d+|[A-Za-z]+).?", word)
        if not parts or not self.seen <= {"year", "month", "day", "zone"}:
            raise _BadFormat
        numbers = []
        for part in parts:
            if part.isdigit():
                numbers.append(part)
                continue
            month = _MONTH_WORDS.get(part.lower())
            if month is None:
                if part.lower() in _IGNORED:
                    continue
                raise _BadFormat
            self._tell("month")
            self.month, self.month_by_name = month, True
        for part in numbers:
            if self.dated:
                raise _BadFormat
            self._part(part)
        if "year" not in self.seen or not (self.dated or self.of_year is not None):
            raise _BadFormat

    def _part(self, digits: str) -> None:
        """One number of a date, by what is known already."""
        value, length = _number(digits), len(digits)
        known = self.seen & {"year", "month", "day"}
        is_year = length >= 3 or self.order == "YMD"
        if length == 3 and known == {"year"} and 1 <= value <= 366:
            self._tell("month", "day")
            self.of_year = value
        elif not known:
            if is_year:
                self._set_year(value, length)
            elif self.order == "DMY":
                self._set("day", value)
            else:
                self._set("month", value)
        elif known == {"year"} or known == {"day"}:
            self._set("month", value)
        elif known == {"month"}:
            if self.month_by_name and is_year:
                self._set_year(value, length)
            else:
                self._set("day", value)
        elif known == {"year", "month"}:
            if self.month_by_name and length >= 3 and self.two_digits:
                self._tell("day")
                self.day, self.two_digits = self.year, False
                self.year = value
            else:
                self._set("day", value)
        elif known == {"month", "day"}:
            self._set_year(value, length)
        elif known == {"year", "day"}:
            raise _BadFormat
        else:
            self._run_together(digits)

    def _set(self, name: str, value: int) -> None:
        self._tell(name)
        setattr(self, name, value)

    def _set_year(self, value: int, length: int) -> None:
        self._tell("year")
        self.year, self.two_digits = value, length <= 2

    def _run_together(self, digits: str, *, dated: bool = False) -> None:
        """``19990108`` or ``040506.789``."""
        whole, dot, fraction = digits.partition(".")
        if dot and not fraction:
            raise _BadFormat
        if not dot and not (dated or self.dated) and len(whole) >= 6:
            self._tell("year", "month", "day")
            self.year, self.month, self.day = _number(whole[:-4]), int(whole[-4:-2]), int(whole[-2:])
            self.two_digits = len(whole) == 6
            return
        if "clock" in self.seen or len(whole) not in (4, 6):
            raise _BadFormat
        self._tell("clock")
        self._set_clock(int(whole[:2]), int(whole[2:4]), int(whole[4:6] or 0), _fraction(fraction))

    def _number_field(self, at: int, word: str) -> None:
        if self.label == "j":
            self.label = ""
            self._julian_day(word)
            return
        if self.label:
            self.label = ""
            self._run_together(word, dated=True)
            return
        whole, dot, _ = word.partition(".")
        if self.only_clock:
            if len(whole) <= 2 or (not dot and len(whole) <= 4 and "clock" in self.seen):
                raise _BadFormat
            self._run_together(word, dated=True)
        elif dot and self.seen.isdisjoint(("year", "month", "day")):
            self._date(word)
        elif dot or len(whole) >= 6 and not (self.dated and "clock" in self.seen):
            self._run_together(word)
        else:
            self._part(whole)

    def _julian_day(self, word: str) -> None:
        whole, dot, fraction = word.partition(".")
        days = _number(whole or "0") - JULIAN
        self._tell("year", "month", "day")
        self.year, self.month, self.day = civil(days)
        self.is_julian = True
        if dot:
            self._tell("clock")
            self.us = int(float("0" + dot + (fraction or "0")) * DAY)

    def _word(self, at: int, word: str) -> None:
        east = ABBREVIATIONS.get(word)
        if east is not None:
            self._tell("zone")
            self.zoned, self.east = True, east
        elif word in _RESERVED:
            self._reserved(word)
        elif word in _MONTH_WORDS:
            self._month_word(_MONTH_WORDS[word])
        elif word in _HALVES:
            self._tell("half")
            self.half = _HALVES[word]
        elif word in _ERAS:
            self._tell("era")
            self.bc = _ERAS[word]
        elif word in _JULIAN:
            self.label = "j"
        elif word == "t":
            follows = self.fields[at + 1 : at + 2]
            if not (self.dated or self.only_clock) or not follows or follows[0][0] not in ("number", "clock", "date"):
                raise _BadFormat
            self.label = "t"
        elif word in _WEEKDAYS:
            self._tell("weekday")
        elif word not in _IGNORED:
            if word[0] == "-":
                raise _BadFormat
            try:
                self._named_zone(word)
            except StatementError:
                raise _BadFormat from None

    def _month_word(self, month: int) -> None:
        """A month by its name; a number that was taken for the month is the day then."""
        if "month" in self.seen and not self.month_by_name and "day" not in self.seen and 1 <= (self.month or 0) <= 31:
            self._tell("day")
            self.day = self.month
        else:
            self._tell("month")
        self.month, self.month_by_name = month, True

    def _reserved(self, word: str) -> None:
        if word == "allballs":
            self._tell("clock", "zone")
            self.us, self.zoned, self.east = 0, True, 0
            return
        if word in ("epoch", "infinity", "-infinity"):
            self._tell("year", "month", "day", "clock", "zone")
            self.ends = {"epoch": UNIX_EPOCH, "infinity": LATE, "-infinity": EARLY}[word]
            return
        local = to_local(self.now(), self.session)
        days, clock = divmod(local, DAY)
        if word == "now":
            self._tell("clock", "zone")
            self.us, self.zoned, self.east = clock, True, east_of(self.now(), self.session)
        days += {"tomorrow": 1, "yesterday": -1}.get(word, 0)
        self._tell("year", "month", "day")
        self.year, self.month, self.day = civil(days)
        self.is_julian = True
