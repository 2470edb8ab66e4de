"""Dates and times of whatever a column holds, counted as PostgreSQL's binary form counts them. [pure]

How they are kept and written is :mod:`ha.sql.calendar`'s, what texts of them are read :mod:`ha.sql.timetexts`'.
"""

from __future__ import annotations

from datetime import date
from math import isfinite

from ha.postgres.pgtypes import DATE, OIDS, TIMESTAMP, TIMESTAMPTZ, unfit
from ha.sql import timetexts
from ha.sql.calendar import DAY, EPOCH, SECOND, UNIX_EPOCH, kept_moment
from ha.values import Value

#: As messages call them.
SPOKEN = {OIDS[name]: words for name, words in timetexts.SPOKEN.items()}


def _counted(value: Value, oid: int) -> tuple[int, int | None]:
    if isinstance(value, str):
        return timetexts.read(value, SPOKEN[oid])
    if isinstance(value, int):
        # SQLite's second convention for dates: seconds since 1970.
        return value * SECOND + UNIX_EPOCH, 0
    if isinstance(value, float) and isfinite(value):
        # Its third: Julian days.
        return round((value - 2451544.5) * DAY), 0
    raise unfit(oid, value)


def date_of(value: Value) -> int:
    """Days since 2000-01-01.

    :raises StatementError: 22007, 22008.
    """
    if value.__class__ is str and len(value) == 10:  # type: ignore[arg-type]
        try:
            return date.fromisoformat(value).toordinal() - EPOCH  # type: ignore[arg-type]
        except ValueError:
            pass
    return timetexts.checked_date(_counted(value, DATE)[0], value)


def stamp_of(value: Value) -> int:
    """A timestamp's microseconds since 2000-01-01.

    :raises StatementError: 22007, 22008.
    """
    if value.__class__ is str:
        found = kept_moment(value)  # type: ignore[arg-type]
        if found is not None:
            return found[0]
    return timetexts.checked_stamp(_counted(value, TIMESTAMP)[0], value)


def moment_of(value: Value) -> int:
    """The same in UTC, of a timestamp with a zone; what has no zone is taken to be in UTC."""
    if value.__class__ is str:
        found = kept_moment(value)  # type: ignore[arg-type]
        if found is not None:
            return found[0]
    return timetexts.checked_stamp(timetexts.to_utc(*_counted(value, TIMESTAMPTZ), None), value)


def time_of(value: Value, oid: int) -> tuple[int, int | None]:
    """Microseconds since midnight, and the zone."""
    if isinstance(value, str):
        return timetexts.read_clock(value, SPOKEN[oid])
    if isinstance(value, int) and 0 <= value <= 86400:
        return value * SECOND, None
    raise unfit(oid, value)
