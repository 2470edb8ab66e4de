"""to_char of times and intervals, and its inverses to_date and to_timestamp.

https://www.postgresql.org/docs/15/functions-formatting.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from ha.errors import StatementError
from ha.sqlite.intervals import SECOND, Interval, interval, out_of_range
from ha.sqlite.spellings import JULIAN_FIRST
from ha.sqlite.times import (
    is_moment,
    moment,
    pg_date,
    written,
    zone_or_utc,
    zone_parts,
    zoned,
)

_MONTHS = "January February March April May June July August September October November December".split()
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_FIELD = re.compile(
    r'"([^"]*)"|(FM|TM|FX)|(HH24|HH12|HH|MI|SSSSS|SSSS|SS|MS|US|FF[1-6]|AM|PM|A\.M\.|P\.M\.|a\.m\.|p\.m\.|AD|BC|A\.D\.|B\.C\.|ad|bc'
    r"|Y,YYY|YYYY|YYY|YY|Y|IYYY|IYY|IY|IDDD|IW|ID|Q|MONTH|Month|month|MON|Mon|mon|MM|DAY|Day|day|DY|Dy|dy|DDD|DD|D|WW|W|CC|J|RM|rm"
    r"|TZH|TZM|TZ|tz|OF|am|pm|th|TH)|(.)",
    re.DOTALL,
)
#: A pattern is read for every row.
_FORMAT_MAX = 1000


def to_char_time(value: Any, form: str, zone: str | None = None) -> str:
    """to_char for times and intervals.

    :param zone: where a time with a zone is shown.
    """
    if not is_moment(value):
        return _interval_char(interval(value), form)
    found = moment(value)
    if zone is not None and found.tzinfo is not None:
        found = found.astimezone(zone_or_utc(zone))
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


def _interval_char(span: Interval, form: str) -> str:
    """An interval's parts: hours beyond a day stay hours."""
    seconds, fraction = divmod(abs(span.microseconds), SECOND)
    sign = "-" if span.microseconds < 0 else ""
    numbers = {
        "HH24": (seconds // 3600, 2), "HH12": (seconds // 3600 % 12 or 12, 2), "HH": (seconds // 3600 % 12 or 12, 2),
        "MI": (seconds // 60 % 60, 2), "SS": (seconds % 60, 2), "MS": (fraction // 1000, 3), "US": (fraction, 6),
        "YYYY": (span.months // 12, 4), "MM": (span.months % 12, 2), "DD": (span.days, 2), "DDD": (span.months * 30 + span.days, 3),
        "SSSS": (seconds, 1), "SSSSS": (seconds, 1), "Y": (span.months // 12 % 10, 1), "YY": (span.months // 12 % 100, 2),
    }  # fmt: skip
    parts: list[str] = []
    fill = True
    for quoted, mode, field, other in _FIELD.findall(form[:_FORMAT_MAX]):
        if mode:
            fill = fill and mode != "FM"
            continue
        known = numbers.get(field.upper()) if field else None
        if field and known is None:
            raise StatementError("22007", "invalid format specification for an interval value")
        if known is not None:
            number, width = known
            parts.append((sign if field.startswith("HH") else "") + (f"{number:0{width}}" if fill else str(number)))
        else:
            parts.append(quoted or other)
        fill = True
    return "".join(parts)


_ROMAN = "I II III IV V VI VII VIII IX X XI XII".split()


def _field(found: datetime, field: str, fill: bool, before: list[str]) -> str:
    plain = field.upper()
    if plain == "TH":
        number = int(before[-1]) if before and before[-1].isdecimal() else 0
        ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
        return ending.upper() if field == "TH" else ending
    of_day = found.hour * 3600 + found.minute * 60 + found.second
    numbers = {
        "HH24": (found.hour, 2), "HH12": (found.hour % 12 or 12, 2), "HH": (found.hour % 12 or 12, 2), "MI": (found.minute, 2),
        "SS": (found.second, 2), "MS": (found.microsecond // 1000, 3), "US": (found.microsecond, 6), "YYYY": (found.year, 4),
        "YYY": (found.year % 1000, 3), "YY": (found.year % 100, 2), "Y": (found.year % 10, 1), "IYYY": (found.isocalendar()[0], 4),
        "IW": (found.isocalendar()[1], 2), "ID": (found.isoweekday(), 1), "Q": ((found.month + 2) // 3, 1), "MM": (found.month, 2),
        "DDD": (found.timetuple().tm_yday, 3), "DD": (found.day, 2), "D": (found.isoweekday() % 7 + 1, 1),
        "WW": ((found.timetuple().tm_yday + 6) // 7, 2), "W": ((found.day + 6) // 7, 1), "CC": ((found.year + 99) // 100, 2),
        "J": (found.toordinal() + JULIAN_FIRST, 1), "IYY": (found.isocalendar()[0] % 1000, 3), "IY": (found.isocalendar()[0] % 100, 2),
        "IDDD": ((found.isocalendar()[1] - 1) * 7 + found.isoweekday(), 3),
        "SSSSS": (of_day, 1), "SSSS": (of_day, 1),
    }  # fmt: skip
    if plain in numbers:
        number, width = numbers[plain]
        return f"{number:0{width}}" if fill else str(number)
    if plain[:2] == "FF":
        return f"{found.microsecond:06}"[: int(plain[2])]
    if plain in ("AD", "BC", "A.D.", "B.C."):
        era = "A.D." if "." in plain else "AD"
        return era if field[0].isupper() else era.lower()
    if plain == "RM":
        roman = _ROMAN[found.month - 1].ljust(4) if fill else _ROMAN[found.month - 1]
        return roman if field == "RM" else roman.lower()
    if plain in ("AM", "PM", "A.M.", "P.M."):
        half = "PM" if found.hour >= 12 else "AM"
        half = f"{half[0]}.M." if "." in plain else half
        return half if field[0].isupper() else half.lower()
    if plain == "Y,YYY":
        return f"{found.year:,}"
    if plain in ("TZ", "OF", "TZH", "TZM"):
        return _zone_field(found, plain, field)
    name = _MONTHS[found.month - 1] if plain in ("MONTH", "MON") else _DAYS[found.weekday()]
    short = plain in ("MON", "DY")
    name = name[:3] if short else name.ljust(9) if fill else name
    return name.upper() if field.isupper() else name.lower() if field.islower() else name


def _zone_field(found: datetime, plain: str, field: str) -> str:
    parts = zone_parts(found)
    hours, minutes = abs(int(parts["timezone_hour"])), abs(int(parts["timezone_minute"]))
    sign = "-" if parts["timezone"] < 0 else "+"
    if plain == "TZH":
        return f"{sign}{hours:02}"
    if plain == "TZM":
        return f"{minutes:02}"
    east = f"{sign}{hours:02}" + (f":{minutes:02}" if minutes else "")
    if plain == "OF":
        return east
    if found.tzinfo is None:
        return ""
    name = found.tzname() or east
    name = east if name.startswith("UTC") and name != "UTC" else name
    return name if field.isupper() else name.lower()


_HALF_OF_DAY = r"(?P<half>[AaPp]\.?[Mm]\.?)"
_READ = {
    "YYYY": r"(?P<year>\d{4})", "Y,YYY": r"(?P<year>\d,\d{3})", "YY": r"(?P<short_year>\d{2})", "MM": r"(?P<month>\d{1,2})",
    "DD": r"(?P<day>\d{1,2})", "DDD": r"(?P<of_year>\d{1,3})", "J": r"(?P<julian>\d{1,7})", "HH24": r"(?P<hour>\d{1,2})",
    "HH12": r"(?P<hour>\d{1,2})", "HH": r"(?P<hour>\d{1,2})", "MI": r"(?P<minute>\d{1,2})", "SS": r"(?P<second>\d{1,2})",
    "SSSS": r"(?P<of_day>\d{1,5})", "MS": r"(?P<ms>\d{1,3})", "US": r"(?P<us>\d{1,6})", "MON": r"(?P<name>[A-Za-z]{3})",
    "MONTH": r"(?P<name>[A-Za-z]{3,9})\s*", "DAY": r"[A-Za-z]{3,9}\s*", "DY": r"[A-Za-z]{3}",
    **dict.fromkeys(("AM", "PM", "A.M.", "P.M."), _HALF_OF_DAY),
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
    if said.get("julian"):
        return datetime.fromordinal(int(said["julian"]) - JULIAN_FIRST)
    said["year"] = (said.get("year") or "").replace(",", "")
    year = int(
        said.get("year")
        or (
            2000 + int(said["short_year"]) - (100 if int(said["short_year"]) >= 70 else 0)
            if said.get("short_year")
            else 1
        )
    )
    month = int(said.get("month") or 1)
    if said.get("name"):
        month = next((at + 1 for at, name in enumerate(_MONTHS) if name[:3].lower() == said["name"][:3].lower()), 0)
    hour = int(said.get("hour") or 0)
    if said.get("half"):
        hour = hour % 12 + (12 if said["half"][0] in "Pp" else 0)
    fraction = int((said.get("ms") or "0").ljust(3, "0")) * 1000 + int((said.get("us") or "0").ljust(6, "0"))
    more = timedelta(days=int(said.get("of_year") or 1) - 1, seconds=int(said.get("of_day") or 0))
    try:
        # What a client wrote without a zone has none.
        return more + datetime(  # noqa: DTZ001
            year,
            month,
            int(said.get("day") or 1),
            hour,
            int(said.get("minute") or 0),
            int(said.get("second") or 0),
            fraction,
        )
    except ValueError:
        raise out_of_range(text) from None


def to_date(text: Any, form: str) -> str | None:
    return None if text is None or form is None else pg_date(written(read_by_form(text, form)))


def to_timestamp(value: Any, form: str | None = None) -> str | None:
    if value is None:
        return None
    if form is None:
        return written(zoned(moment(float(value))))
    return written(zoned(read_by_form(value, form)))


#: Name, number of arguments, what computes it.
FUNCTIONS: tuple[tuple[str, int, Callable[..., Any]], ...] = (
    ("to_date", 2, to_date),
    ("to_timestamp", 1, to_timestamp),
    ("to_timestamp", 2, to_timestamp),
)
