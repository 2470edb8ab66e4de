"""to_char of times and intervals, and its inverses to_date and to_timestamp.

https://www.postgresql.org/docs/15/functions-formatting.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import tzinfo
from typing import Any, NamedTuple

from ha.errors import StatementError
from ha.sql import zones
from ha.sql.calendar import (
    DAY,
    DAY_END,
    DAY_FIRST,
    HOUR,
    JULIAN,
    MINUTE,
    SECOND,
    civil,
    date_kept,
    days_in,
    days_of,
    iso_week,
    weekday,
)
from ha.sql.timetexts import field_out_of_range
from ha.sqlite.intervals import interval
from ha.sqlite.times import WEEKDAYS, Moment, is_moment, moment, written, zone_or_utc, zone_parts

_MONTHS = "January February March April May June July August September October November December".split()
_FIELD = re.compile(
    r'"((?:\\.|[^"\\])*)"?|(FM|TM|FX|fm|tm|fx)|(HH24|HH12|HH|MI|SSSSS|SSSS|SS|MS|US|FF[1-6]|A\.M\.|P\.M\.|A\.D\.|B\.C\.'
    r"|AM|PM|AD|BC|Y,YYY|YYYY|YYY|YY|Y|IYYY|IYY|IY|IDDD|IW|ID|I|Q|MONTH|MON|MM|DAY|DY|DDD|DD|D|WW|W|CC|J|RM"
    r"|TZH|TZM|TZ|OF)(TH|th)?|\\(.)|(.)",
    re.DOTALL | re.IGNORECASE,
)
#: A pattern is read for every row.
_FORMAT_MAX = 1000
_ROMAN = "I II III IV V VI VII VIII IX X XI XII".split()


class _Shown(NamedTuple):
    """What to_char shows of a time or an interval."""

    year: int
    month: int
    day: int
    of_year: int
    clock: int
    days: int | None
    east: int | None = None
    zone: str = ""

    @property
    def era_year(self) -> int:
        """The year as it is counted from its era, which begins with 1."""
        return self.year if self.days is None or self.year > 0 else 1 - self.year


def to_char_time(value: Any, form: str, zone: str | None = None) -> str | None:
    """to_char for times and intervals.

    :param zone: where a time with a zone is shown.
    """
    if not is_moment(value):
        shown = _of_interval(value)
    else:
        found = moment(value)
        if not found.is_finite:
            return None
        shown = _of_moment(found, zone_or_utc(zone) if zone is not None else None)
    parts: list[str] = []
    fill = True
    for quoted, mode, field, ending, escaped, other in _FIELD.findall(form[:_FORMAT_MAX]):
        if mode:
            fill = fill and mode.upper() == "FX"
        elif field:
            text = _field(shown, field, fill)
            parts.append(text + _ending(text, ending) if ending else text)
            fill = True  # FM counts for the one field behind it
        else:
            parts.append(re.sub(r"\\(.)", r"\1", quoted) or escaped or other)
    return "".join(parts)


def _of_moment(found: Moment, zone: tzinfo | None) -> _Shown:
    us, east, name = found.us, found.east, ""
    if east is not None:
        us = found.utc
        east = zones.east_of(us, zone)
        name = zones.name_of(us, zone) or ""
        us += east * SECOND
    days, clock = divmod(us, DAY)
    year, month, day = civil(days)
    return _Shown(year, month, day, days - days_of(year, 1, 1) + 1, clock, days, east, name)


def _of_interval(value: Any) -> _Shown:
    """An interval's parts: hours beyond a day stay hours."""
    months, days, us = interval(value)
    years = months // 12 if months >= 0 else -(-months // 12)
    return _Shown(years, months - years * 12, days, months * 30 + days, us, None)


def _ending(number: str, wanted: str) -> str:
    digits = number.strip()
    if not digits[-1:].isdecimal():
        return ""
    last = int(digits[-2:]) if digits[-2:].isdecimal() else int(digits[-1])
    found = "th" if last in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(last % 10, "th")
    return found.upper() if wanted == "TH" else found


def _padded(number: int, width: int, fill: bool) -> str:
    if not fill:
        return str(number)
    return f"{number:0{width}}" if number >= 0 else f"-{-number:0{width}}"


def _part(total: int, unit: int, modulus: int | None = None) -> int:
    """A part of a clock, with the clock's sign."""
    count = abs(total) // unit
    if modulus is not None:
        count %= modulus
    return -count if total < 0 else count


def _numbers(shown: _Shown, field: str) -> tuple[int, int] | None:
    """A field's number, and how wide it is."""
    year, clock = shown.era_year, shown.clock
    found = {
        "HH24": (_part(clock, HOUR), 2), "HH12": (0, 2), "HH": (0, 2), "MI": (_part(clock, MINUTE, 60), 2),
        "SS": (_part(clock, SECOND, 60), 2), "MS": (_part(clock, 1000, 1000), 3), "US": (_part(clock, 1, SECOND), 6),
        "SSSSS": (_part(clock, SECOND), 1), "SSSS": (_part(clock, SECOND), 1),
        "YYYY": (year, 4), "YYY": (_part(year, 1, 1000), 3), "YY": (_part(year, 1, 100), 2), "Y": (_part(year, 1, 10), 1),
        "MM": (shown.month, 2), "DD": (shown.day, 2), "DDD": (shown.of_year, 3), "Q": (_part(shown.month - 1, 3) + 1, 1),
        "CC": (_century(shown), 2),
    }.get(field)  # fmt: skip
    if field in ("HH12", "HH"):
        hour = _part(clock, HOUR, 12)
        return (hour or 12, 2)
    if found is not None or shown.days is None:
        return found
    iso_year, week = iso_week(shown.days)
    iso_year = iso_year if iso_year > 0 else 1 - iso_year
    from_monday = weekday(shown.days)
    return {
        "IYYY": (iso_year, 4), "IYY": (iso_year % 1000, 3), "IY": (iso_year % 100, 2), "I": (iso_year % 10, 1), "IW": (week, 2),
        "ID": (from_monday + 1, 1), "D": ((from_monday + 1) % 7 + 1, 1), "IDDD": ((week - 1) * 7 + from_monday + 1, 3),
        "WW": ((shown.of_year + 6) // 7, 2), "W": ((shown.day + 6) // 7, 1), "J": (shown.days + JULIAN, 1),
    }.get(field)  # fmt: skip


def _century(shown: _Shown) -> int:
    if shown.days is None:
        return _part(shown.year, 100)
    return (shown.year + 99) // 100 if shown.year > 0 else -(shown.era_year // 100 + 1)


def _field(shown: _Shown, field: str, fill: bool) -> str:
    plain = field.upper()
    if plain == "Q" and not shown.month:
        return ""
    number = _numbers(shown, plain)
    if number is not None:
        if fill and plain in ("DD", "DDD"):
            return f"{number[0]:0{number[1]}}"  # a sign takes a place there
        return _padded(*number, fill)
    if plain[:2] == "FF":
        return f"{abs(shown.clock) % SECOND:06}"[: int(plain[2])]
    if plain == "Y,YYY":
        year = shown.era_year
        return f"{year // 1000},{year % 1000:03}"
    if plain in ("AM", "PM", "A.M.", "P.M."):
        half = "PM" if shown.clock >= 0 and shown.clock % DAY >= 12 * HOUR else "AM"
        return _cased(f"{half[0]}.M." if "." in plain else half, field[0])
    if plain == "RM":
        if not shown.month:
            return "    " if fill else ""
        roman = _ROMAN[(shown.month - 1) % 12]
        return _cased(roman.ljust(4) if fill else roman, field[0])
    if shown.days is None:
        raise StatementError(
            "22007", "invalid format specification for an interval value",
            hint="Intervals are not tied to specific calendar dates.",
        )  # fmt: skip
    if plain in ("AD", "BC", "A.D.", "B.C."):
        era = "AD" if shown.year > 0 else "BC"
        return _cased(f"{era[0]}.{era[1]}." if "." in plain else era, field[0])
    if plain in ("TZ", "OF", "TZH", "TZM"):
        return _zone_field(shown, plain, field)
    name = _MONTHS[shown.month - 1] if plain in ("MONTH", "MON") else WEEKDAYS[weekday(shown.days)]
    name = name[:3] if plain in ("MON", "DY") else name.ljust(9) if fill else name
    return name.upper() if field[:2].isupper() else name.lower() if field[0].islower() else name


def _cased(text: str, like: str) -> str:
    return text if like.isupper() else text.lower()


def _zone_field(shown: _Shown, plain: str, field: str) -> str:
    parts = zone_parts(shown.east or 0)
    hours, minutes = abs(int(parts["timezone_hour"])), abs(int(parts["timezone_minute"]))
    sign = "-" if parts["timezone"] < 0 else "+"
    if plain == "TZH":
        return f"{sign}{hours:02}"
    if plain == "TZM":
        return f"{minutes:02}"
    if plain == "OF":
        return f"{sign}{hours:02}" + (f":{minutes:02}" if minutes else "")
    if shown.east is None:
        return ""
    east = f"{sign}{hours:02}" + (f":{minutes:02}" if minutes else "")
    return _cased(shown.zone or east, field[0])


# Reading

_NUMBER_WIDTHS = {
    "YYYY": 4, "YYY": 3, "YY": 2, "Y": 1, "IYYY": 4, "IYY": 3, "IY": 2, "I": 1, "MM": 2, "DD": 2, "DDD": 3, "IDDD": 3, "D": 1,
    "ID": 1, "WW": 2, "IW": 2, "W": 1, "J": 7, "Q": 1, "CC": 2, "HH24": 2, "HH12": 2, "HH": 2, "MI": 2, "SS": 2, "SSSS": 5,
    "SSSSS": 5, "MS": 3, "US": 6, "FF1": 1, "FF2": 2, "FF3": 3, "FF4": 4, "FF5": 5, "FF6": 6, "TZH": 2, "TZM": 2,
}  # fmt: skip
_SEPARATOR = re.compile(r"[!-/:-@\[-`{-~ \t\n]", re.ASCII)


class _Read:
    """What has been read of a text."""

    def __init__(self) -> None:
        self.values: dict[str, int] = {}
        self.east: int | None = None

    def put(self, name: str, value: int) -> None:
        if self.values.setdefault(name, value) != value:
            raise StatementError(
                "22007", f'conflicting values for "{name}" field in formatting string',
                detail="This value contradicts a previous setting for the same field type.",
            )  # fmt: skip


def _parsed(text: str, form: str) -> _Read:
    """A text, cut by the fields of a form; blanks and separators of both are let pass as PostgreSQL does."""
    read = _Read()
    fields = _FIELD.findall(form[:_FORMAT_MAX])
    at = 0
    text = text[:_FORMAT_MAX]
    exact = False
    for place, (quoted, mode, field, ending, escaped, other) in enumerate(fields):
        if mode:
            exact = exact or mode.upper() == "FX"
            continue
        if not field:
            literal = re.sub(r"\\(.)", r"\1", quoted) or escaped
            if literal or not _SEPARATOR.fullmatch(other):
                at += len(literal or other)
                continue
            if exact:
                at += 1
                continue
            # a separator takes one of the text's, or none
            while at < len(text) and text[at].isspace():
                at += 1
            if at < len(text) and not other.isspace() and _SEPARATOR.fullmatch(text[at]) and text[at] not in "+-":
                at += 1
            elif at < len(text) and _SEPARATOR.fullmatch(text[at]) and not _signed_follows(fields, place):
                at += 1
            continue
        if not exact:
            while at < len(text) and text[at].isspace():
                at += 1
        if at >= len(text):
            break
        at = _take(read, text, at, field.upper(), _is_joined(fields, place))
        if ending:
            at += 2
    return read


def _signed_follows(fields: list[tuple[str, ...]], place: int) -> bool:
    following = next((field for _, _, field, *_ in fields[place + 1 :] if field), "")
    return following.upper() in ("TZH", "YYYY", "YYY", "YY", "Y", "IYYY")


def _is_joined(fields: list[tuple[str, ...]], place: int) -> bool:
    """Does a number's field follow at once, so that this one's width counts?"""
    following = next(
        ((field, other) for _, mode, field, _, _, other in fields[place + 1 : place + 2] if not mode), ("", "")
    )
    return following[0].upper() in _NUMBER_WIDTHS or following[1].isdigit()


def _take(read: _Read, text: str, at: int, field: str, joined: bool) -> int:
    rest = text[at:]
    if field in ("MONTH", "MON", "DAY", "DY"):
        return at + _take_name(read, rest, field)
    if field in ("AM", "PM", "A.M.", "P.M.", "AD", "BC", "A.D.", "B.C."):
        word = rest[: len(field)].upper()
        options = ("AM", "PM") if "M" in field else ("AD", "BC")
        found = next((one for one in options if word in (one, f"{one[0]}.{one[1]}.")), None)
        if found is None:
            raise _mismatch(field, rest)
        read.put("half" if "M" in field else "era", options.index(found))
        return at + len(field)
    if field == "RM":
        roman = next((one for one in reversed(_ROMAN) if rest[:4].upper().startswith(one)), None)
        roman = max((one for one in _ROMAN if rest.upper().startswith(one)), key=len, default=roman)
        if roman is None:
            raise _mismatch(field, rest)
        read.put("MM", _ROMAN.index(roman) + 1)
        return at + len(roman)
    if field in ("TZ", "OF"):
        raise StatementError("0A000", f'formatting field "{field}" is only supported in to_char')
    if field == "Y,YYY":
        match = re.match(r"(\d+),(\d{3})", rest)
        if match is None:
            raise StatementError("22007", 'invalid input string for "Y,YYY"')
        read.put("YYYY", int(match[1]) * 1000 + int(match[2]))
        return at + match.end()
    return at + _take_number(read, rest, field, joined)


def _take_number(read: _Read, rest: str, field: str, joined: bool) -> int:
    width = _NUMBER_WIDTHS[field]
    most = width if joined or field in ("YY", "MS", "US", "FF1", "FF2", "FF3", "FF4", "FF5", "FF6") and joined else 10
    match = re.match(rf"[-+]?\d{{1,{most}}}", rest)
    if match is None:
        shown = rest[:width]
        raise StatementError("22007", f'invalid value "{shown}" for "{field}"', detail="Value must be an integer.")
    digits = match[0]
    value = int(digits)
    if abs(value) >= 1 << 31:
        raise StatementError("22008", f'value for "{field}" in source string is out of range')
    if field in ("MS", "US") or field[:2] == "FF":
        places = {"MS": 3, "US": 6}.get(field) or int(field[2])
        value = round(int(digits) * 10 ** (places - len(digits)) if len(digits) <= places else int(digits[:places]))
        read.put("US", value * 10 ** (6 - places))
    elif field in ("YYY", "YY", "Y") and len(digits.lstrip("+-")) < 4:
        read.put("YYYY", _century_added(value, len(digits.lstrip("+-")) if field != "YYYY" else 4))
    elif field in ("YYYY", "YYY", "YY", "Y"):
        read.put("YYYY", value)
    elif field in ("IYYY", "IYY", "IY", "I"):
        read.put("IYYY", value if field == "IYYY" else _century_added(value, len(digits)))
    elif field == "TZH":
        read.put("TZH", abs(value))
        read.put("TZ", -1 if digits[0] == "-" else 1)
    else:
        read.put({"HH12": "HH", "SSSSS": "SSSS"}.get(field, field), value)
        if field in ("HH12", "HH"):
            read.put("twelve", 1)
    return match.end()


def _century_added(value: int, digits: int) -> int:
    """Of one to three digits: the year that is nearest to 2020, as PostgreSQL counts it."""
    if digits >= 4 or value < 0:
        return value
    if value < 70:
        return value + 2000
    if value < 100:
        return value + 1900
    return value + 2000 if value < 520 else value + 1000


def _take_name(read: _Read, rest: str, field: str) -> int:
    names = _MONTHS if field in ("MONTH", "MON") else WEEKDAYS
    short = field in ("MON", "DY")
    for at, name in enumerate(names):
        word = name[:3] if short else name
        if rest[: len(word)].lower() == word.lower():
            if names is _MONTHS:
                read.put("MM", at + 1)
            return len(word)
    raise _mismatch(field.title() if field.isupper() else field, rest)


def _mismatch(field: str, rest: str) -> StatementError:
    word = re.match(r"\S*", rest)
    return StatementError(
        "22007",
        f'invalid value "{(word[0] if word else rest)[:20]}" for "{field}"',
        detail="The given value did not match any of the allowed values for this field.",
    )


def read_by_form(text: str, form: str) -> tuple[Moment, int | None]:
    """to_timestamp and to_date: what `text` means when it is written as `form` says, and how far east that is, if it says."""
    said = _parsed(str(text), form).values
    if {"IYYY", "IW", "ID", "IDDD"} & said.keys() and {"YYYY", "MM", "DD", "DDD", "WW", "W", "CC"} & said.keys():
        raise StatementError("22007", "invalid combination of date conventions")
    clock = _clock_of(said, text)
    days = _day_of(said, text)
    if not DAY_FIRST <= days < DAY_END:
        raise StatementError("22008", f'date out of range: "{text}"')
    east = None
    if "TZH" in said:
        if said["TZH"] > 15 or said.get("TZM", 0) > 59:
            raise field_out_of_range(text)
        east = said["TZ"] * (said["TZH"] * 3600 + said.get("TZM", 0) * 60)
    return Moment(days * DAY + clock, None), east


def _clock_of(said: dict[str, int], text: str) -> int:
    if "SSSS" in said:
        hour, rest = divmod(said["SSSS"], 3600)
        minute, second = divmod(rest, 60)
    else:
        hour, minute, second = said.get("HH24", said.get("HH", 0)), said.get("MI", 0), said.get("SS", 0)
    if "twelve" in said and "HH24" not in said:
        if not 1 <= said["HH"] <= 12:
            raise StatementError(
                "22007", f'hour "{said["HH"]}" is invalid for the 12-hour clock',
                hint="Use the 24-hour clock, or give an hour between 1 and 12.",
            )  # fmt: skip
        if "half" in said:
            hour = hour % 12 + said["half"] * 12
        elif hour == 12:
            hour = 12
    if (
        not (0 <= hour < 24 or (hour == 24 and not minute and not second))
        or not 0 <= minute < 60
        or not 0 <= second < 60
    ):
        raise field_out_of_range(text)
    return hour * HOUR + minute * MINUTE + second * SECOND + said.get("US", 0)


def _day_of(said: dict[str, int], text: str) -> int:
    if "J" in said:
        return said["J"] - JULIAN
    try:
        if "IYYY" in said or "IW" in said:
            fourth = days_of(said.get("IYYY", 1), 1, 4)
            first = fourth - weekday(fourth)
            if "IDDD" in said:
                return first + said["IDDD"] - 1
            return first + (said.get("IW", 1) - 1) * 7 + said.get("ID", 1) - 1
        year = _year_of(said)
        if "DDD" in said:
            if not 1 <= said["DDD"] <= 365 + (days_in(year, 2) == 29):
                raise field_out_of_range(text)
            return days_of(year, 1, 1) + said["DDD"] - 1
        if "WW" in said and "MM" not in said:
            return days_of(year, 1, 1) + (said["WW"] - 1) * 7 + (said["D"] - 1 if "D" in said else 0)
        month = said.get("MM", 1)
        day = said["DD"] if "DD" in said else (said["W"] - 1) * 7 + 1 if "W" in said else 1
        return days_of(year, month, day)
    except (ValueError, OverflowError):
        raise field_out_of_range(text) from None


def _year_of(said: dict[str, int]) -> int:
    """Astronomical; without a year it is 1 BC's."""
    before = said.get("era") == 1
    if "YYYY" in said:
        year = said["YYYY"]
        if before:
            return 1 - abs(year) if year else 1 - 1
        return year if year > 0 else year + 1 if year < 0 else 0
    if "CC" in said:
        return said["CC"] * 100 if not before else 1 - said["CC"] * 100
    return 0


def to_date(text: Any, form: str) -> str | None:
    if text is None or form is None:
        return None
    return date_kept(read_by_form(text, form)[0].us // DAY)


def to_timestamp(value: Any, form: str | None, zone: tzinfo | None) -> str | None:
    """A text in a form, in a zone if it does not say."""
    if value is None or form is None:
        return None
    found, east = read_by_form(value, form)
    us = zones.from_local(found.us, zone) if east is None else found.us - east * SECOND
    return written(Moment(us, 0))


def of_seconds(value: Any) -> str | None:
    """to_timestamp of seconds since 1970."""
    return None if value is None else written(moment(float(value)))


#: Name, number of arguments, what computes it.
FUNCTIONS: tuple[tuple[str, int, Callable[..., Any]], ...] = (
    ("to_date", 2, to_date),
    ("to_timestamp", 1, of_seconds),
)


def rows(zone: Callable[[], tzinfo | None]) -> list[tuple[str, int, Callable[..., Any]]]:
    """Those that ask where the session is."""
    return [("to_timestamp", 2, lambda text, form: to_timestamp(text, form, zone()))]
