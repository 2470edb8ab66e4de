"""Time zones: by name, abbreviation or distance; where their clocks stand at any moment PostgreSQL knows. [pure]

Python's zones end with the year 9999 and begin with 1. Before that a zone is where it was first; after it its rules go on, and are
those of a year with the same calendar, 400 years or some of them earlier.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from ha.errors import StatementError
from ha.sql.calendar import DAY, SECOND, east_text, is_finite

EPOCH_UTC: Final = datetime(2000, 1, 1, tzinfo=UTC)
#: Of moments that datetime can show in every zone.
_FIRST_US: Final = (datetime(1, 1, 3, tzinfo=UTC) - EPOCH_UTC) // timedelta(microseconds=1)
_END_US: Final = (datetime(9999, 12, 29, tzinfo=UTC) - EPOCH_UTC) // timedelta(microseconds=1)
_CYCLE_US: Final = 146_097 * DAY
#: No zone is further from Greenwich.
_EAST_MAX: Final = 86_399
#: PostgreSQL's bound on a setting that is a number.
_SETTING_HOURS_MAX: Final = 167

#: PostgreSQL 15's abbreviations, by how many minutes east they are (its timezonesets/Default).
_ABBREVIATED: Final = """
-660 nut;-600 ckt hst taht;-570 mart;-540 akst gamt;-480 akdt pst;-420 mst pdt;-360 cst galt mdt;-300 act cdt cot easst east est
pet;-240 amt ast bot edt gyt vet;-210 nft nst;-180 adt arst art bra brt clst clt fkst fkt gft pmst pyst pyt uyt wgt;-150 ndt;-120
brst fnt pmdt uyst wgst;-60 azot egt fnst;0 azost egst gmt uct ut utc wet z zulu;60 bst cet met mez wat wetdst;120 bdst cest cetdst
eet ist mest mesz metdst sast;180 eat eest eetdst fet idt msk volt;210 irt;240 amst azst azt gest get msd mut ret sct;270 aft;300
mawt must mvt pkt tft tjt tmt uzt yekt;330 lkt;345 npt;360 almt bdt btt iot kgst kgt omsst omst pkst uzst xjt yekst;390 mmt;420
almst cxt davt ict krast krat novst novt wast;480 awst bnt bort cct hkt irkst irkt myt pht sgt ulat wadt;525 acwst;540 awsst jayt
jst kst pwt ulast wdt yakst yakt;570 acst cast;600 aest chut ddut kdt ligt mpt pgt trut vlast vlat yapt;630 acdt acsst cadt lhst
sadt;660 aedt aesst kost lhdt magst magt pont vut;720 anast anat fjt gilt mht nzst nzt petst pett tvt wakt wft;765 chast;780 fjst
nzdt tkt tot;825 chadt;840 lint
"""
#: By name in lower case, in seconds east.
ABBREVIATIONS: Final = {
    name: int(minutes) * 60
    for minutes, *names in map(str.split, _ABBREVIATED.replace("\n", " ").split(";"))
    for name in names
}

_DISTANCE = re.compile(r"[-+]?\d{1,2}(?::?\d{2}){0,2}", re.ASCII)
_ANGLED = re.compile(r"<[^<>]+>([-+]?\d{1,3}(?::\d{2}){0,2})", re.ASCII)
_POSIX = re.compile(r"([A-Za-z]+)([-+]?\d{1,2}(?::\d{2}){0,2})", re.ASCII)


def seconds_of(text: str) -> int:
    """``+02``, ``-0330``, ``5:30:10``: how many seconds."""
    digits = text.lstrip("+-").replace(":", "")
    digits = digits.zfill(len(digits) + len(digits) % 2)
    found = int(digits[:2]) * 3600 + int(digits[2:4] or 0) * 60 + int(digits[4:6] or 0)
    return -found if text[0] == "-" else found


def east_by(east: int) -> tzinfo | None:
    """The zone that is so many seconds east; None for UTC."""
    return timezone(timedelta(seconds=max(-_EAST_MAX, min(east, _EAST_MAX)))) if east else None


def posix_name(east: int) -> str:
    """What SHOW calls a zone that was given as a number or an interval: POSIX's name, whose distance counts west."""
    west = east_text(-east) if east else "-00"
    return f"<{east_text(east)}>{west}"


_HOURS = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+))\s*", re.ASCII)


def canonical(name: str) -> str:
    """A zone as SHOW prints it.

    :raises StatementError: 22023, there is none.
    """
    if name.upper() in _GREENWICH:
        return "UTC" if name.upper() in ("Z", "ZULU") else name.upper()
    hours = _HOURS.fullmatch(name)
    if hours is not None and abs(float(hours[1])) <= _SETTING_HOURS_MAX:
        return posix_name(round(float(hours[1]) * 3600))
    zone = zone_of(name)
    return zone.key if isinstance(zone, ZoneInfo) else name


_GREENWICH = frozenset(("UTC", "GMT", "UCT", "Z", "ZULU"))


@lru_cache(256)
def zone_of(name: str) -> tzinfo | None:
    """The zone that SET TIME ZONE calls so; None for UTC.

    A bare number counts hours east of Greenwich; with a name or minutes it is POSIX's writing, which counts west.

    :raises StatementError: 22023, there is none.
    """
    if name.upper() in _GREENWICH:
        return None
    angled = _ANGLED.fullmatch(name)
    if angled is not None:
        return east_by(-seconds_of(angled[1]))
    if _DISTANCE.fullmatch(name) is not None:
        east = seconds_of(name)
        return east_by(east if len(name.lstrip("+-")) <= 2 else -east)
    posix = _POSIX.fullmatch(name)
    if posix is not None:
        return east_by(-seconds_of(posix[2]))
    return _region(name)


def _region(name: str) -> tzinfo:
    for spelled in (name, name.upper(), "/".join(part.title() for part in name.split("/"))):
        try:
            return ZoneInfo(spelled)
        except (LookupError, ValueError, OSError):
            continue
    raise StatementError("22023", f'time zone "{name}" not recognized')


@lru_cache(256)
def zone_named(name: str) -> tzinfo | None:
    """What AT TIME ZONE, or a text of a time, calls so: abbreviations, too, and every distance is POSIX's; None for UTC.

    :raises StatementError: 22023, there is none.
    """
    east = ABBREVIATIONS.get(name.lower())
    if east is not None:
        return east_by(east)
    if _DISTANCE.fullmatch(name) is not None:
        return east_by(-seconds_of(name))
    return zone_of(name)


def east_of(us: int, zone: tzinfo | None) -> int:
    """How many seconds east of Greenwich a zone is at a moment in UTC."""
    if zone is None or not is_finite(us):
        return 0
    offset = (EPOCH_UTC + timedelta(microseconds=_within(us))).astimezone(zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())


def _within(us: int) -> int:
    """A moment that datetime can show, at which every zone is where it is at this one."""
    if us < _FIRST_US:
        return _FIRST_US
    return us if us < _END_US else us - ((us - _END_US) // _CYCLE_US + 1) * _CYCLE_US


def to_local(us: int, zone: tzinfo | None) -> int:
    """What clocks in a zone show at a moment in UTC."""
    return us if zone is None else us + east_of(us, zone) * SECOND


def from_local(us: int, zone: tzinfo | None) -> int:
    """The moment in UTC at which clocks in a zone show this time.

    Of two such moments it is that in winter; a time that is skipped is counted on from the time before.
    """
    if zone is None or not is_finite(us):
        return us
    local = EPOCH_UTC.replace(tzinfo=zone) + timedelta(microseconds=_within(us))
    first, second = local.utcoffset(), local.replace(fold=1).utcoffset()
    if first is None or second is None:
        return us
    return us - int(min(first, second).total_seconds()) * SECOND


def name_of(us: int, zone: tzinfo | None) -> str | None:
    """What a zone is called at a moment in UTC; None where it has no name."""
    if zone is None:
        return "UTC"
    if not is_finite(us):
        return None
    name = (EPOCH_UTC + timedelta(microseconds=_within(us))).astimezone(zone).tzname()
    return name if name is not None and name.isalpha() else None
