"""Other spellings of dates and times that PostgreSQL reads, said as ISO 8601 says them. [pure]

``January 8, 1999``, ``8-Jan-1999``, ``1/8/1999``, ``19990108``, ``J2451187``; a clock with AM or PM; a zone by its name.

https://www.postgresql.org/docs/15/datatype-datetime.html
"""

from __future__ import annotations

import re
from datetime import date, timedelta

_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
#: A longer text is no time.
_TEXT_MAX = 100
_PARTED = re.compile(r"(.*?)(?:(?:T|\s+)(\d{1,2}:.*))?", re.IGNORECASE | re.DOTALL)
_DAYS = (
    re.compile(r"(?P<year>\d{4,6})-(?P<month>\d{1,2})-(?P<day>\d{1,2})"),
    re.compile(
        r"(?P<name>[a-z]{3,9})\.?[\s-]+(?P<day>\d{1,2})(?:st|nd|rd|th)?(?:,\s*|[\s-]+)(?P<year>\d{4})", re.IGNORECASE
    ),
    re.compile(r"(?P<day>\d{1,2})[\s-]+(?P<name>[a-z]{3,9})\.?(?:,\s*|[\s-]+)(?P<year>\d{4})", re.IGNORECASE),
    re.compile(r"(?P<year>\d{4})[\s-]+(?P<name>[a-z]{3,9})[\s-]+(?P<day>\d{1,2})", re.IGNORECASE),
    re.compile(r"(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4})"),
    re.compile(r"(?P<year>\d{4})/(?P<month>\d{1,2})/(?P<day>\d{1,2})"),
    re.compile(r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})"),
)
_HALF = re.compile(r"(\d{1,2}):(\d{1,2}(?::\d{1,2}(?:\.\d+)?)?)\s*([AaPp])[Mm]")
_ZONED = re.compile(r"(.*:.*\d)\s*([A-Za-z][A-Za-z_]+(?:/[A-Za-z0-9_+-]+)*)", re.DOTALL)
#: Abbreviations of zones, as ISO 8601 writes their distance.
_ABBREVIATIONS = {
    "est": "-05:00", "edt": "-04:00", "cst": "-06:00", "cdt": "-05:00", "mst": "-07:00", "mdt": "-06:00", "pst": "-08:00",
    "pdt": "-07:00", "cet": "+01:00", "cest": "+02:00", "eet": "+02:00", "eest": "+03:00", "msk": "+03:00", "bst": "+01:00",
    "wet": "+00:00", "west": "+01:00", "jst": "+09:00", "zulu": "+00:00",
}  # fmt: skip
#: The day 0 of Julian days is before Python's first.
JULIAN_FIRST = 1721425


def respelled(text: str) -> tuple[str, str | None] | None:
    """ISO 8601's text for the same, and the name of the zone it is in; None if nothing here reads it.

    Whether there is such a day is not looked at.
    """
    text = text.strip()
    if len(text) > _TEXT_MAX:
        return None
    zone = None
    zoned = _ZONED.fullmatch(text)
    if zoned is not None and zoned.group(2).lower() not in ("am", "pm"):
        text, zone = zoned.group(1), zoned.group(2)
    parted = _PARTED.fullmatch(text)
    assert parted is not None  # it takes everything
    day, clock = _day(parted.group(1)), parted.group(2)
    if day is None:
        return None
    if clock is None:
        return (day, None) if zone is None else None
    half = _HALF.fullmatch(clock)
    if half is not None:
        hour = int(half.group(1)) % 12 + (12 if half.group(3) in "Pp" else 0)
        clock = ":".join(part.zfill(2) for part in f"{hour}:{half.group(2)}".split(":"))
    if zone is not None and zone.lower() in _ABBREVIATIONS:
        return f"{day} {clock}{_ABBREVIATIONS[zone.lower()]}", None
    return f"{day} {clock}", zone


_DAY_FIRST = re.compile(r"\s*(\d{1,2})([/.-])(\d{1,2})\2(\d{4})(?!\d)(.*)", re.DOTALL)


def day_first(text: str) -> str:
    """``2/1/2003`` as ISO 8601 writes it, where the session's DateStyle says that the day comes first; any other text as it is."""
    match = _DAY_FIRST.fullmatch(text) if len(text) <= _TEXT_MAX else None
    return text if match is None else f"{match[4]}-{match[3]}-{match[1]}{match[5]}"


def _day(text: str) -> str | None:
    text = text.strip()
    if re.fullmatch(r"[Jj]\d{7}", text):
        return date.fromordinal(int(text[1:]) - JULIAN_FIRST).isoformat()
    if re.fullmatch(r"\d{4}\.\d{3}", text):
        return (date(int(text[:4]), 1, 1) + timedelta(days=int(text[5:]) - 1)).isoformat()
    for pattern in _DAYS:
        match = pattern.fullmatch(text)
        if match is None:
            continue
        said = match.groupdict()
        month = said.get("month")
        if month is None:
            short = said["name"][:3].lower()
            if short not in _MONTHS:
                return None
            month = str(_MONTHS.index(short) + 1)
        return f"{said['year']}-{month}-{said['day']}"
    return None
