"""The SQL functions that PostgreSQL's clients expect, on every connection.

Use: ``register(connection)`` once, and ``connection.context = Context(…)`` before a client's statement.

Nothing here is needed to read the file: what reaches the file is a value, computed on the node that wrote it. So a
function need only be steady within its statement; :attr:`Context.now` is the same for a whole transaction.

Promises: every function is bounded in time and in memory (a result is at most VALUE_BYTES_MAX long, a regular
expression takes time linear in its text); a mistake of the client's is a :class:`StatementError`; the names here do not
replace any of SQLite's own. The connection's guard lets clients call what is registered here, and nothing else.
"""

from __future__ import annotations

import json
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import TYPE_CHECKING, Any, Final, Protocol

import apsw

from ha.errors import StatementError
from ha.sql import tids, zones
from ha.sql.calendar import UNIX_EPOCH, kept_moment
from ha.sql.namespaces import PUBLIC, path_of
from ha.sql.variables import SERVER_VERSION, Variables
from ha.sqlite import (
    advisory,
    aggregates,
    arrays,
    bytestrings,
    casts,
    catalog_functions,
    catalog_live,
    collations,
    composites,
    decimals,
    intervals,
    jsontexts,
    labels,
    largeobjects,
    mathematics,
    outputs,
    packing,
    patterns,
    rangevalues,
    sampling,
    schemas,
    sequences,
    series,
    sleep,
    texts,
    timeforms,
    times,
    uuids,
)
from ha.sqlite.advisory import Claims
from ha.sqlite.largeobjects import Descriptor
from ha.sqlite.times import GREENWICH, Where
from ha.sqlite.typenumbers import TypeNames
from ha.values import Activity, NamedCursor, NamedStatement

if TYPE_CHECKING:
    from ha.sqlite.connection import Connection


class Company(Protocol):
    """The clients of a node, as far as SQL may see and stop them."""

    def activities(self) -> Iterable[Activity]: ...
    def cancel(self, pid: int) -> bool: ...
    def terminate(self, pid: int) -> bool: ...


@dataclass(slots=True)
class Context:
    """Who asks, when, and with which settings: what a function cannot see in its arguments.

    :param now: when the transaction began, in seconds since 1970.
    :param pid: the number a client knows this backend by.
    :param last_values: counting table to what its sequence last gave this client.
    :param last_sequence: which of them gave last.
    :param inserts: see :func:`ha.sqlite.sequences.inserted`.
    :param claims: the advisory locks that the client holds.
    :param said: channel and payload of each ``pg_notify`` of the statement that runs.
    :param databases: says which databases the node has.
    :param company: the node's clients.
    :param named_statements: says what the client has prepared under names.
    :param named_cursors: says which cursors it has.
    :param channels: says what the client listens to.
    :param objects: the large objects that the client's transaction has open.
    :param types_asked: what each ``pg_typeof`` of the statement that runs answers, where it is not for the value to say.
    """

    user: str = "ha"
    database: str = "ha"
    variables: Variables = field(default_factory=Variables)
    pid: int = 0
    now: float = 0.0
    last_values: dict[str, int] = field(default_factory=dict)
    last_sequence: str | None = None
    inserts: dict[frozenset[str], tuple[str, int]] = field(default_factory=dict)
    claims: Claims = field(default_factory=Claims)
    said: list[tuple[str, str]] = field(default_factory=list)
    databases: Callable[[], Iterable[str]] = tuple
    company: Company | None = None
    named_statements: Callable[[], Iterable[NamedStatement]] = tuple
    named_cursors: Callable[[], Iterable[NamedCursor]] = tuple
    channels: Callable[[], Iterable[str]] = tuple
    types_asked: tuple[str | None, ...] = ()
    objects: dict[int, Descriptor] = field(default_factory=dict)

    @property
    def path(self) -> tuple[str, ...]:
        """See :func:`ha.sql.namespaces.path_of`."""
        return path_of(self.variables.get("search_path"))


#: A function's name, how many arguments it takes (-1: any number), what computes it, and its flags.
Row = tuple[str, int, Callable[..., Any], int]

#: May stand in views, triggers, CHECK constraints; the planner may compute it once.
STEADY: Final = apsw.SQLITE_INNOCUOUS | apsw.SQLITE_DETERMINISTIC
#: May stand there, too, but asks the context.
ASKING: Final = apsw.SQLITE_INNOCUOUS
#: Only in a client's own statement, because it does something.
ACTING: Final = apsw.SQLITE_DIRECTONLY

VERSION: Final = f"PostgreSQL {SERVER_VERSION} on SQLite {apsw.sqlite_lib_version()}, 64-bit"


def register(connection: Connection) -> None:
    """Give a connection every function, aggregate and table-valued function of this package, and let clients call them.

    What every connection opened costs is mostly this: what can be made once is made once.
    """
    scalars = (*_STEADY_ROWS, *_asking(connection))
    for name, count, function, flags in scalars:
        connection.create_scalar_function(name, function, count, flags=flags)
    aggregated = (*_STEADY_AGGREGATES, *((*row, ASKING) for row in _gathering(connection)))
    for name, count, factory, flags in aggregated:
        connection.create_aggregate_function(name, factory, count, flags=flags)
    for name, count, kind in _WINDOWED:
        connection.create_window_function(name, kind, count, flags=STEADY)
    connection.guard.allow([row[0] for row in (*scalars, *aggregated, *_WINDOWED)])
    collations.register(connection)
    series.register(connection)
    catalog_live.register(connection)


def _asking(connection: Connection) -> list[Row]:
    """The functions that need the connection or its context."""
    # A function held by the connection must not hold the connection.
    found = weakref.ref(connection)
    types = TypeNames(connection)

    def context() -> Context:
        asked = found()
        assert asked is not None
        return asked.context or _NOBODY

    def set_config(name: str, value: str | None, local: int) -> str:
        variables = context().variables
        variables.set(name, value, local=bool(local))
        return variables.get(name)

    def current_setting(name: str, missing_ok: int = 0) -> str | None:
        try:
            return context().variables.get(name)
        except StatementError:
            if missing_ok:
                return None
            raise

    def current_schemas(implicit: int | None) -> str | None:
        if implicit is None:
            return None
        asked = found()
        assert asked is not None
        return json.dumps([*(("pg_catalog",) if implicit else ()), *schemas.searched(asked, context().path)])

    def current_schema() -> str | None:
        asked = found()
        assert asked is not None
        path = context().path
        return next(iter(schemas.searched(asked, path)), None) if path else PUBLIC

    def wait() -> Callable[[], bool]:
        return advisory.patience(found(), context().variables.duration_s("lock_timeout"))

    def notify(channel: str | None, payload: str | None) -> str:
        if not channel:
            raise StatementError("22023", "channel name cannot be empty")
        if len(channel.encode()) > 63:
            raise StatementError("22023", "channel name too long")
        if len((payload or "").encode()) >= 8000:
            raise StatementError("22023", "payload string too long")
        context().said.append((channel, payload or ""))
        return ""

    def zone() -> tzinfo | None:
        return times.zone_or_utc(context().variables.get("TimeZone"))

    def where() -> Where:
        asked = context()
        now = round(asked.now * 1_000_000) + UNIX_EPOCH
        return Where(zone(), asked.variables.get("DateStyle").rpartition(" ")[2], now)

    def reads(cast: Callable[[Any, Where], str | None], value: Any) -> str | None:
        # What is kept already asks for no settings.
        return cast(value, GREENWICH if value.__class__ is str and kept_moment(value) is not None else where())

    def to_date(value: Any) -> str | None:
        return reads(times.pg_date, value)

    def to_time(value: Any, precision: int = 6) -> str | None:
        return times.pg_time(value, precision, where())

    def to_timetz(value: Any, precision: int = 6) -> str | None:
        return times.pg_timetz(value, precision, where())

    def to_timestamp(value: Any, precision: int = 6) -> str | None:
        return reads(lambda given, here: times.pg_timestamp(given, precision, here), value)

    def to_timestamptz(value: Any, precision: int = 6) -> str | None:
        return times.pg_timestamptz(value, precision, where())

    def to_interval(value: Any, *modifiers: Any) -> str | None:
        standard = context().variables.get("IntervalStyle") == "sql_standard"
        return intervals.pg_interval(value, *modifiers, standard=standard)

    def timeofday() -> str:
        return times.timeofday(zone())

    def stopped(pid: int | str | None, *, end: bool) -> int | None:
        company, number = context().company, casts.pg_int4(pid)
        if number is None or company is None:
            return None
        if end and number == context().pid:
            raise StatementError("57P01", "terminating connection due to administrator command")
        return int(company.terminate(number) if end else company.cancel(number))

    def pg_typeof(value: Any, number: int) -> str | None:
        asked = context().types_asked
        name = asked[number] if number < len(asked) else None
        return types.pg_regtype_name(name or VALUE_TYPES[type(value)])

    def now() -> str:
        return times.stamp(context().now)

    def local_now() -> str:
        return times.written(times.Moment(zones.to_local(times.moment(now()).us, zone())))

    def current_time() -> str:
        return outputs.local(now(), zone()).partition(" ")[2]

    rows: list[Row] = [
        ("version", 0, lambda: VERSION, STEADY),
        ("current_database", 0, lambda: context().database, ASKING),
        ("current_catalog", 0, lambda: context().database, ASKING),
        ("current_schema", 0, current_schema, ASKING),
        ("current_schemas", 1, current_schemas, ASKING),
        ("current_query", 0, lambda: None, ASKING),
        ("current_user", 0, lambda: context().user, ASKING),
        ("current_role", 0, lambda: context().user, ASKING),
        ("session_user", 0, lambda: context().user, ASKING),
        ("user", 0, lambda: context().user, ASKING),
        ("pg_backend_pid", 0, lambda: context().pid, ASKING),
        ("current_setting", 1, current_setting, ASKING),
        ("current_setting", 2, current_setting, ASKING),
        ("set_config", 3, set_config, ACTING),
        ("now", 0, now, ASKING),
        ("pg_date", 1, to_date, ASKING),
        ("pg_time", 1, to_time, ASKING),
        ("pg_time", 2, to_time, ASKING),
        ("pg_timetz", 1, to_timetz, ASKING),
        ("pg_timetz", 2, to_timetz, ASKING),
        ("pg_timestamp", 1, to_timestamp, ASKING),
        ("pg_timestamp", 2, to_timestamp, ASKING),
        ("pg_interval", -1, to_interval, ASKING),
        ("pg_timestamptz", 1, to_timestamptz, ASKING),
        ("pg_timestamptz", 2, to_timestamptz, ASKING),
        *(
            (f"pg__{name}", 1, lambda value, cast=cast: arrays.pg_array_of(value, cast), ASKING)
            for name, cast in (
                ("date", to_date),
                ("time", to_time),
                ("timetz", to_timetz),
                ("timestamp", to_timestamp),
                ("timestamptz", to_timestamptz),
                ("interval", to_interval),
                ("bool", casts.pg_bool),
                ("uuid", casts.pg_uuid),
                ("inet", casts.pg_inet),
                ("cidr", casts.pg_cidr),
                ("bytea", bytestrings.item),
                ("json", lambda one: casts.pg_json(arrays.stored(one))),
                ("jsonb", lambda one: casts.pg_jsonb(arrays.stored(one))),
            )
        ),
        ("make_timestamptz", 6, lambda *parts: times.make_timestamptz_in(zone(), *parts), ASKING),
        ("transaction_timestamp", 0, now, ASKING),
        ("statement_timestamp", 0, now, ASKING),
        ("localtimestamp", 0, local_now, ASKING),
        ("localtime", 0, lambda: local_now()[11:], ASKING),
        ("pg_current_date", 0, lambda: times.pg_date(local_now()), ASKING),
        ("pg_current_time", 0, current_time, ASKING),
        ("clock_timestamp", 0, times.clock, ASKING),
        ("timeofday", 0, timeofday, ASKING),
        ("age", 1, lambda value: _age(context(), value), ASKING),
        ("pg_notify", 2, notify, ACTING),
        ("pg_sleep", 1, lambda seconds: sleep.pg_sleep(found(), seconds), ACTING),
        ("pg_cancel_backend", 1, lambda pid: stopped(pid, end=False), ACTING),
        ("pg_terminate_backend", 1, lambda pid: stopped(pid, end=True), ACTING),
        ("pg_terminate_backend", 2, lambda pid, timeout: stopped(pid, end=True), ACTING),
        ("pg_typeof", 2, pg_typeof, ASKING),
        ("pg_is_in_recovery", 0, lambda: 0, STEADY),
        ("pg_random", 0, mathematics.random_, ASKING),
        ("pg_tid", 1, _tid, STEADY),
        ("pg_tid_text", 1, lambda rowid: None if rowid is None else tids.shown(rowid), STEADY),
        ("pg_sampled", -1, sampling.sampled, ASKING),
        ("gen_random_bytes", 1, bytestrings.gen_random_bytes, ASKING),
        ("inet_server_addr", 0, lambda: None, STEADY),
        ("inet_client_addr", 0, lambda: None, STEADY),
        ("inet_server_port", 0, lambda: None, STEADY),
        ("inet_client_port", 0, lambda: None, STEADY),
        ("pg_postmaster_start_time", 0, lambda: _STARTED, STEADY),
        ("pg_conf_load_time", 0, lambda: _STARTED, STEADY),
        ("txid_current", 0, lambda: int(context().now * 1_000_000), ASKING),
    ]
    rows += [(*row, ASKING) for row in uuids.DRAWN]
    rows += [(*row, ASKING) for row in rangevalues.rows(zone)]
    rows += [(*row, ASKING) for row in composites.rows(zone)]
    rows += [(*row, ASKING) for row in timeforms.rows(zone)]
    rows += [(*row, ACTING) for row in sequences.rows(lambda: sequences.Sequences(found(), context()))]  # type: ignore[arg-type]
    rows += [(*row, ACTING) for row in largeobjects.rows(lambda: largeobjects.LargeObjects(found(), context()))]  # type: ignore[arg-type]
    rows += [(*row, ACTING) for row in advisory.rows(lambda: context().claims, wait)]
    rows += [(*row, ASKING) for row in catalog_functions.rows(connection)]
    rows += [
        ("pg_zone", 0, lambda: context().variables.get("TimeZone"), ASKING),
        ("pg_local", 1, lambda value: None if value is None else outputs.local(value, zone()), ASKING),
        ("pg_shown", 2, lambda value, kind: outputs.shown(value, kind, zone()), ASKING),
        ("pg_put", 2, lambda value, kind: outputs.put(value, kind, zone()), ASKING),
    ]
    rows += [(*row, ASKING) for row in jsontexts.builders(zone)]
    rows.append(("pg_parameter", 2, _parameter, apsw.SQLITE_DIRECTONLY | apsw.SQLITE_DETERMINISTIC))
    return rows


def _gathering(connection: Connection) -> list[tuple[str, int, Callable[[], aggregates.Parts]]]:
    """The aggregates that ask where the session is."""
    found = weakref.ref(connection)

    def zone() -> tzinfo | None:
        asked = found()
        assert asked is not None
        return times.zone_or_utc((asked.context or _NOBODY).variables.get("TimeZone"))

    return jsontexts.gatherers(zone)


#: The types of what nothing else is known of.
VALUE_TYPES: Final = {int: "int8", float: "float8", str: "text", bytes: "bytea", type(None): "unknown"}

_NOBODY: Final = Context()
_STARTED: Final = times.clock()

_STEADY_ROWS: Final[tuple[Row, ...]] = tuple(
    (name, count, function, STEADY)
    for table in (
        casts.FUNCTIONS,
        labels.FUNCTIONS,
        rangevalues.FUNCTIONS,
        texts.FUNCTIONS,
        patterns.FUNCTIONS,
        times.FUNCTIONS,
        intervals.FUNCTIONS,
        timeforms.FUNCTIONS,
        arrays.FUNCTIONS,
        bytestrings.FUNCTIONS,
        uuids.FUNCTIONS,
        catalog_functions.FUNCTIONS,
        jsontexts.FUNCTIONS,
        mathematics.FUNCTIONS,
        packing.FUNCTIONS,
        decimals.FUNCTIONS,
    )
    for name, count, function in table
)

_WINDOWED: Final = (*aggregates.WINDOWED, *decimals.WINDOWED)
_STEADY_AGGREGATES: Final = tuple((*row, STEADY) for row in aggregates.AGGREGATES)


def _parameter(values: Any, number: int) -> Any:
    """One of a statement's values, see :mod:`ha.sql.carried`."""
    if not isinstance(values, tuple):
        raise StatementError("42883", "function pg_parameter is not to be called by name")
    return values[number - 1]


def _tid(value: Any) -> int | None:
    return value if value is None or isinstance(value, int) else tids.number_of(casts.text_of(value))


def _age(asking: Context, value: Any) -> Any:
    """age() of a time; of a transaction's number, which a catalog's ``xmin`` is, nothing is older than now."""
    if isinstance(value, int) or (isinstance(value, str) and value.isdecimal()):
        return 0
    here = Where(times.zone_or_utc(asking.variables.get("TimeZone")), now=round(asking.now * 1_000_000) + UNIX_EPOCH)
    return times.age(times.pg_date("today", here), value)
