"""SET, SHOW and RESET: one client's configuration parameters. [pure]

The names and defaults are PostgreSQL's (:mod:`ha.sql.parameters`) and a few of ours, which begin with ``ha.``. Most are kept
and shown but change nothing here; those that do are asked for by whoever acts on them.

https://www.postgresql.org/docs/15/runtime-config.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import ha
from ha.errors import StatementError
from ha.sql import zones
from ha.sql.encodings import encoding_of
from ha.sql.parameters import PARAMETERS, Parameter

#: What we answer as server_version. Drivers read the number before the space, and choose what they ask by it.
SERVER_VERSION = f"15.18 (ha {ha.__version__})"

_OURS = (
    # How columns declared INTEGER are announced: as what SQLite holds in them, or as PostgreSQL's, where a wider value is 22003.
    Parameter("ha.integer_oid", "int8", None, "ha", "enum", "user"),
    # Reads see everything acknowledged before (linearizable), this client's own writes (session), or what is here (local).
    Parameter("ha.read_consistency", "local", None, "ha", "enum", "user"),
    # SHOW tells a position that holds all that this client wrote or saw; SET it on another node to read no older state there.
    Parameter("ha.seq", "", None, "ha", "string", "user"),
    Parameter("role", "none", None, "ha", "string", "user"),
    Parameter("is_superuser", "on", None, "Preset Options", "bool", "internal"),
    Parameter("session_authorization", "", None, "ha", "string", "user"),
    Parameter("seed", "unavailable", None, "ha", "string", "user"),
)
_TABLE: dict[str, Parameter] = {parameter.name.lower(): parameter for parameter in (*PARAMETERS, *_OURS)}
_DEFAULTS = {name: parameter.setting for name, parameter in _TABLE.items()} | {
    "server_version": SERVER_VERSION,
    "server_version_num": "150018",
    "server_encoding": "UTF8",
    "client_encoding": "UTF8",
    "datestyle": "ISO, MDY",
    "timezone": "UTC",
    "application_name": "",
    "standard_conforming_strings": "on",
    "lc_collate": "C",
    "lc_ctype": "C",
    "cluster_name": "",
}

#: Names whose changes a client is told of (ParameterStatus), as PostgreSQL spells them.
REPORTED = (
    "application_name",
    "client_encoding",
    "DateStyle",
    "default_transaction_read_only",
    "in_hot_standby",
    "integer_datetimes",
    "IntervalStyle",
    "is_superuser",
    "server_encoding",
    "server_version",
    "session_authorization",
    "standard_conforming_strings",
    "TimeZone",
)

_ISOLATIONS = ("serializable", "repeatable read", "read committed", "read uncommitted")
_CHOICES = {
    "bytea_output": ("hex", "escape"),
    "client_min_messages": ("debug5", "debug4", "debug3", "debug2", "debug1", "log", "notice", "warning", "error"),
    "default_transaction_isolation": _ISOLATIONS,
    "ha.integer_oid": ("int8", "int4"),
    "ha.read_consistency": ("linearizable", "session", "local"),
    "intervalstyle": ("postgres", "postgres_verbose", "sql_standard", "iso_8601"),
    "session_replication_role": ("origin", "replica", "local"),
    "synchronous_commit": ("local", "remote_write", "remote_apply", "on", "off"),
    "transaction_isolation": _ISOLATIONS,
}
_TRUE = frozenset(("on", "true", "t", "tr", "tru", "yes", "y", "ye", "1"))
_FALSE = frozenset(("off", "of", "false", "f", "fa", "fal", "fals", "no", "n", "0"))
#: How many of the base unit a written unit is.
_TIME = {"us": 0.001, "ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
_SPACE = {"B": 1, "kB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}
_QUANTITY = re.compile(r"\s*([-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?)\s*([A-Za-z]*)\s*\Z")
#: Bytes of one value; a client's memory is not to be spent on names for settings.
VALUE_LENGTH_MAX = 64 * 1024
#: Settings whose values are remembered between changes; those that statements ask for are fewer.
FOUND_MAX = 100
#: Names of a client's own (``my.custom``).
CUSTOM_MAX = 1000


def spelled(name: str) -> str:
    """A parameter's name as PostgreSQL writes it: ``TimeZone``."""
    known = _TABLE.get(name.lower())
    return name if known is None else known.name


class Mark(NamedTuple):
    """What :meth:`Variables.mark` remembers."""

    session: dict[str, str]
    local: dict[str, str]


class Variables:
    """One client's settings. Values are text as SHOW prints them.

    SET counts from now on, but is undone when its transaction is rolled back; SET LOCAL ends with its transaction.

    :param user: what session_user answers.
    :param database: the name the client connected to.
    :param defaults: settings the client asked for when it connected; RESET goes back to them.
    """

    def __init__(self, user: str = "", database: str = "", defaults: Mapping[str, str] | None = None) -> None:
        self.user = user
        self.database = database
        self._defaults: dict[str, str] = {"session_authorization": user}
        self._session: dict[str, str] = {}
        self._local: dict[str, str] = {}
        self._before: dict[str, str] | None = None
        #: What :meth:`get` found since something changed: statements ask for the same few settings each time.
        self._found: dict[str, str] = {}
        #: Counts the changes: what was made of the settings counts until the next one.
        self.changes = 0
        for name, value in (defaults or {}).items():
            # At the start quotes may stand around a value (asyncpg sends client_encoding='utf-8' with them).
            self._defaults[name.lower()] = self._accepted(name.lower(), value.strip("'"))

    def get(self, name: str) -> str:
        """The value as SHOW prints it.

        :raises StatementError: 42704 for an unknown name.
        """
        value = self._found.get(name)
        if value is None:
            value = self._value(name.lower())
            if value is None:
                raise _unknown(name)
            if len(self._found) < FOUND_MAX:
                self._found[name] = value
        return value

    def _value(self, key: str) -> str | None:
        for settings in (self._local, self._session, self._defaults):
            if key in settings:
                return settings[key]
        if key in ("transaction_isolation", "transaction_read_only", "transaction_deferrable"):
            return self._value("default_" + key)
        return _SHOWN.get(key)

    def _changed(self) -> None:
        self._found.clear()
        self.changes += 1

    def set(self, name: str, value: str | None, *, local: bool = False) -> None:
        """Set one; None sets it back to its default.

        :raises StatementError: 42704 for an unknown name, 22023 for a bad value, 55P02 for one that cannot be changed.
        """
        if value is None:
            self.reset(name)
            return
        key = name.lower()
        accepted = self._accepted(key, value)
        self._changed()
        if local:
            self._local[key] = accepted
        else:
            self._session[key] = accepted
            self._local.pop(key, None)

    def start(self, name: str, value: str) -> None:
        """What a client asked for when it connected: RESET goes back to it.

        :raises StatementError: see :meth:`set`.
        """
        self._defaults[name.lower()] = self._accepted(name.lower(), value)
        self._changed()

    def reset(self, name: str | None) -> None:
        """Back to the default; None means all."""
        self._changed()
        if name is None:
            for key in [key for key in self._session if key not in ("role", "session_authorization")]:
                del self._session[key]
            self._local.clear()
            return
        key = name.lower()
        if self._value(key) is None and "." not in key:
            raise _unknown(name)
        self._session.pop(key, None)
        self._local.pop(key, None)

    # Transactions

    def begin(self) -> None:
        """A transaction has begun."""
        self._before = dict(self._session)

    def commit(self) -> None:
        """It was committed: SET LOCAL ends."""
        self._before = None
        self._local.clear()
        self._changed()

    def rollback(self) -> None:
        """It was rolled back: SET, too, is undone."""
        if self._before is not None:
            self._session = self._before
        self._before = None
        self._local.clear()
        self._changed()

    def mark(self) -> Mark:
        """How things stand at a savepoint."""
        return Mark(dict(self._session), dict(self._local))

    def cut(self, mark: Mark) -> None:
        """Back to how things stood at a savepoint."""
        self._session, self._local = dict(mark.session), dict(mark.local)
        self._changed()

    # Answers

    def reported(self) -> dict[str, str]:
        """What ParameterStatus tells a client: at the start all, then what changed before each ReadyForQuery."""
        return {name: self.get(name) for name in REPORTED}

    def all(self) -> list[tuple[str, str, str]]:
        """SHOW ALL: name, setting, description."""
        own = {
            key for settings in (self._local, self._session, self._defaults) for key in settings if key not in _TABLE
        }
        names = [(parameter.name, key) for key, parameter in _TABLE.items()] + [(key, key) for key in own]
        return [(name, self.get(key), "") for name, key in sorted(names, key=lambda pair: pair[1])]

    def rows(self) -> list[tuple[str, str, str | None, str, str, str]]:
        """pg_settings: name, setting in its base unit, unit, category, type, context."""
        found = []
        for key, parameter in sorted(_TABLE.items()):
            value = self.get(key)
            if parameter.vartype in ("integer", "real") and parameter.unit:
                value = _plain(_quantity(parameter, value))
            found.append(
                (parameter.name, value, parameter.unit, parameter.category, parameter.vartype, parameter.context)
            )
        return found

    def duration_s(self, name: str) -> float:
        """A time setting in seconds; 0 where there is none."""
        return _seconds(name, self.get(name))

    def flag(self, name: str) -> bool:
        """Is a setting on?"""
        return self.get(name) in _TRUE

    # What is accepted

    def _accepted(self, key: str, value: str) -> str:
        parameter = _TABLE.get(key)
        if len(value) > VALUE_LENGTH_MAX or "\0" in value:
            raise _invalid(key, value[:60])
        if parameter is None:
            if "." not in key or key.startswith("ha."):
                raise _unknown(key)
            if key not in self._session and len(self._session) >= CUSTOM_MAX:
                raise StatementError("53400", "too many settings")
            return value
        if parameter.context == "internal":
            raise StatementError("55P02", f'parameter "{parameter.name}" cannot be changed')
        if parameter.context == "postmaster":
            raise StatementError(
                "55P02", f'parameter "{parameter.name}" cannot be changed without restarting the server'
            )
        if parameter.context == "sighup":
            raise StatementError("55P02", f'parameter "{parameter.name}" cannot be changed now')
        special = _SPECIAL.get(key)
        if special is not None:
            return special(parameter.name, value, self._value(key) or "")
        if key in _CHOICES:
            if value.lower() not in _CHOICES[key]:
                raise _invalid(parameter.name, value, f"Available values: {', '.join(_CHOICES[key])}.")
            return value.lower()
        if parameter.vartype == "bool":
            if value.lower() in _TRUE:
                return "on"
            if value.lower() in _FALSE:
                return "off"
            raise StatementError("22023", f'parameter "{parameter.name}" requires a Boolean value')
        if parameter.vartype in ("integer", "real"):
            number = _quantity(parameter, value)
            if number is None:
                raise _invalid(parameter.name, value)
            return _shown(parameter, _plain(number))
        return value


def _quantity(parameter: Parameter, value: str) -> float | None:
    """The number in the parameter's base unit, from ``30s``, ``5min``, ``500``, ``16MB``."""
    match = _QUANTITY.match(value)
    if match is None:
        return None
    number, unit = float(match.group(1)), match.group(2)
    if unit:
        scale = _TIME if unit in _TIME else _SPACE
        base = 8192 if parameter.unit == "8kB" else scale.get(parameter.unit or "")
        if unit not in scale or base is None:
            return None
        number *= scale[unit] / base
    if abs(number) > 2**31 - 1 and parameter.vartype == "integer":
        return None
    return float(round(number)) if parameter.vartype == "integer" else number


@lru_cache(maxsize=256)
def _seconds(name: str, value: str) -> float:
    # Every statement asks for its time-outs, and they seldom change.
    parameter = _TABLE[name.lower()]
    return (_quantity(parameter, value) or 0) * _TIME[parameter.unit or "ms"] / 1000


def _plain(number: float | None) -> str:
    return "" if number is None else f"{number:.15g}"


def _shown(parameter: Parameter | None, value: str) -> str:
    """A number with the largest unit that leaves it whole, as SHOW prints it."""
    if parameter is None or parameter.vartype != "integer" or not parameter.unit:
        return value
    number = _quantity(parameter, value)
    if number is None or number <= 0:
        return value
    scale = _TIME if parameter.unit in _TIME else _SPACE
    amount = number * (8192 if parameter.unit == "8kB" else scale.get(parameter.unit, 1))
    for unit, size in reversed(scale.items()):
        if amount % size == 0:
            return f"{amount / size:.0f}{unit}"
    return value


_DATE_STYLES = {"iso": "ISO", "sql": "SQL", "postgres": "Postgres", "german": "German"}
_DATE_ORDERS = {
    **dict.fromkeys(("mdy", "us", "noneuro", "noneuropean"), "MDY"),
    **dict.fromkeys(("dmy", "euro", "european"), "DMY"),
    "ymd": "YMD",
}


def _date_style(name: str, value: str, now: str) -> str:
    """A style, an order of day and month, or both; what is not said stays as it is."""
    style, order = now.split(", ")
    said: dict[str, str] = {}
    for word in value.lower().replace(",", " ").split():
        if word == "default":
            style, order = str(_DEFAULTS["datestyle"]).split(", ")
        elif word in _DATE_STYLES or word.startswith("postgres"):
            said.setdefault("style", style := _DATE_STYLES.get(word, "Postgres"))
        elif word in _DATE_ORDERS:
            said.setdefault("order", order := _DATE_ORDERS[word])
        else:
            raise _invalid(name, value)
        if said.get("style", style) != style or said.get("order", order) != order:
            raise _invalid(name, value, 'Conflicting "datestyle" specifications.')
    if said.get("style") == "German" and "order" not in said:
        order = "DMY"
    return f"{style}, {order}"


def _encoding(name: str, value: str, now: str) -> str:
    found = encoding_of(value)
    if found is None:
        raise _invalid(name, value)
    return found


def _zone(name: str, value: str, now: str) -> str:
    try:
        return zones.canonical(value)
    except StatementError:
        raise _invalid(name, value) from None


def _always_on(name: str, value: str, now: str) -> str:
    if value.lower() not in _TRUE:
        raise StatementError("0A000", f'parameter "{name}" cannot be off here')
    return "on"


_SPECIAL = {
    "datestyle": _date_style,
    "client_encoding": _encoding,
    "timezone": _zone,
    "standard_conforming_strings": _always_on,
}


def _unknown(name: str) -> StatementError:
    return StatementError("42704", f'unrecognized configuration parameter "{name}"')


def _invalid(name: str, value: str, hint: str | None = None) -> StatementError:
    return StatementError("22023", f'invalid value for parameter "{name}": "{value}"', hint=hint)


#: The defaults as SHOW prints them.
_SHOWN = {name: _shown(_TABLE.get(name), value) for name, value in _DEFAULTS.items()}
