"""Dates, times and intervals in the styles that clients may choose. [pure]

DateStyle: https://www.postgresql.org/docs/15/datatype-datetime.html#DATATYPE-DATETIME-OUTPUT. IntervalStyle:
https://www.postgresql.org/docs/15/datatype-datetime.html#DATATYPE-INTERVAL-OUTPUT.
"""

from __future__ import annotations

from ha.postgres.manner import ISO, Manner
from ha.sql import spans
from ha.sql.calendar import DAY, civil, clock_text, date_shown, east_text, is_finite, stamp_shown, weekday
from ha.sql.timetexts import MONTHS
from ha.sql.zones import east_of, name_of, to_local

_DAYS = "Mon Tue Wed Thu Fri Sat Sun".split()
#: By the style: what stands between a date's parts.
_BETWEEN = {"SQL": "/", "Postgres": "-", "German": "."}


def styled_date(days: int, manner: Manner) -> str:
    """A date, counted in days since 2000-01-01."""
    iso = date_shown(days)
    if manner.dates == ISO or iso.endswith("infinity"):
        return iso
    plain, _, era = iso.partition(" ")
    year, month, day = plain.split("-")
    between = _BETWEEN[manner.dates]
    first, second = (day, month) if manner.dates == "German" or manner.order == "DMY" else (month, day)
    return f"{first}{between}{second}{between}{year}{' ' + era if era else ''}"


def styled_stamp(us: int, manner: Manner, zone: str = "") -> str:
    """A timestamp, in microseconds since 2000-01-01.

    :param zone: what is written behind the clock, or where the style has it.
    """
    if manner.dates == ISO or not is_finite(us):
        return stamp_shown(us, zone)
    days, clock = divmod(us, DAY)
    if manner.dates != "Postgres":
        plain, _, era = styled_date(days, manner).partition(" ")
        return f"{plain} {clock_text(clock)}{zone}{' ' + era if era else ''}"
    year, month, day = civil(days)
    name, named = _DAYS[weekday(days)], MONTHS[month - 1].title()
    first, second = (f"{day:02}", named) if manner.order == "DMY" else (named, f"{day:02}")
    return f"{name} {first} {second} {clock_text(clock)} {year if year > 0 else 1 - year:04}{zone}{'' if year > 0 else ' BC'}"


def styled_moment(us: int, manner: Manner) -> str:
    """A timestamp with a zone, given in UTC, shown in the client's zone."""
    if not is_finite(us):
        return stamp_shown(us)
    east = east_of(us, manner.zone)
    if manner.dates == ISO:
        return stamp_shown(us + east * 1_000_000, east_text(east))
    zone = f" {name_of(us, manner.zone) or east_text(east)}"
    return styled_stamp(to_local(us, manner.zone), manner, zone)


def styled_interval(months: int, days: int, us: int, style: str) -> str:
    """An interval."""
    return _INTERVALS[style](months, days, us)


def _parts(months: int, us: int) -> tuple[int, int, int, int, int, int]:
    """Years, months, hours, minutes, seconds and microseconds, each with the sign of what it is of."""
    sign, clock = (-1 if months < 0 else 1), (-1 if us < 0 else 1)
    years, months = divmod(abs(months), 12)
    seconds, fraction = divmod(abs(us), 1_000_000)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    return sign * years, sign * months, clock * hours, clock * minute, clock * second, clock * fraction


def _seconds(second: int, fraction: int, width: int) -> str:
    text = f"{abs(second):0{width}}"
    return text + f".{abs(fraction):06}".rstrip("0") if fraction else text


def _verbose(months: int, days: int, us: int) -> str:
    """``@ 1 year 2 mons -3 days 4 hours ago``: the first part tells the direction of all."""
    year, month, hour, minute, second, fraction = _parts(months, us)
    sign = next((-1 if one < 0 else 1 for one in (year, month, days, hour, minute, second, fraction) if one), 1)
    words = []
    for count, unit in ((year, "year"), (month, "mon"), (days, "day"), (hour, "hour"), (minute, "min")):
        if count:
            count *= sign
            words.append(f"{count} {unit}{'' if count == 1 else 's'}")
    if second or fraction:
        minus = "-" if (second or fraction) * sign < 0 else ""
        plural = "" if abs(second) == 1 and not fraction else "s"
        words.append(f"{minus}{_seconds(second, fraction, 1)} sec{plural}")
    return f"@ {' '.join(words) or '0'}{' ago' if sign < 0 else ''}"


def _standard(months: int, days: int, us: int) -> str:
    """SQL's: years to months or days to seconds; what is neither, or has two signs, shows all signs."""
    year, month, hour, minute, second, fraction = _parts(months, us)
    signs = {one < 0 for one in (months, days, us) if one}
    if not signs:
        return "0"
    clock = f"{abs(hour)}:{abs(minute):02}:{_seconds(second, fraction, 2)}"
    if len(signs) > 1 or (months and (days or us)):
        marks = ["-" if one < 0 else "+" for one in (months, days, us)]
        return f"{marks[0]}{abs(year)}-{abs(month)} {marks[1]}{abs(days)} {marks[2]}{clock}"
    minus = "-" if True in signs else ""
    if months:
        return f"{minus}{abs(year)}-{abs(month)}"
    return f"{minus}{abs(days)} {clock}" if days else f"{minus}{clock}"


def _iso(months: int, days: int, us: int) -> str:
    year, month, hour, minute, second, fraction = _parts(months, us)
    dated = "".join(f"{count}{unit}" for count, unit in ((year, "Y"), (month, "M"), (days, "D")) if count)
    timed = "".join(f"{count}{unit}" for count, unit in ((hour, "H"), (minute, "M")) if count)
    if second or fraction:
        timed += f"{'-' if us < 0 else ''}{_seconds(second, fraction, 1)}S"
    return f"P{dated}{'T' + timed if timed else ''}" if dated or timed else "PT0S"


_INTERVALS = {"postgres": spans.text_of, "postgres_verbose": _verbose, "sql_standard": _standard, "iso_8601": _iso}
