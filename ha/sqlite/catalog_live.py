"""What the catalog shows of this moment and of who asks: settings, roles, databases, sequences' positions.

Each is a generator function, as the functions of :mod:`ha.sqlite.series`; SQLite finds them by their bare name and as
``pg_catalog.NAME`` alike.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from ha.errors import StatementError
from ha.sql.parameters import PARAMETERS
from ha.sqlite import largeobjects, times
from ha.sqlite.arrays import elements
from ha.sqlite.catalog_objects import oid_of
from ha.sqlite.catalog_tables import relations, static_rows
from ha.sqlite.catalog_types import decltype
from ha.sqlite.sequences import state_of
from ha.sqlite.series import Module

if TYPE_CHECKING:
    from ha.sqlite.connection import Connection
    from ha.sqlite.functions import Context

#: The role that owns everything is the one who asks.
OWNER: Final = 10
#: UTF8.
ENCODING: Final = 6

Row = dict[str, Any]


def pg_settings(connection: Connection, context: Context) -> Iterator[Row]:
    """Every parameter as this client has it."""
    for name, setting, unit, category, vartype, kind in context.variables.rows():
        parameter = _PARAMETERS.get(name.lower())
        yield {
            "name": name,
            "setting": setting,
            "unit": unit,
            "category": category,
            "short_desc": "",
            "context": kind,
            "vartype": vartype,
            "source": "default",
            "boot_val": parameter.setting if parameter is not None else None,
            "reset_val": parameter.setting if parameter is not None else None,
            "pending_restart": 0,
        }


_PARAMETERS: Final = {parameter.name.lower(): parameter for parameter in PARAMETERS}


def _roles(context: Context) -> Iterator[Row]:
    yield {
        "oid": OWNER,
        "rolname": context.user,
        "rolsuper": 1,
        "rolinherit": 1,
        "rolcreaterole": 1,
        "rolcreatedb": 1,
        "rolcanlogin": 1,
        "rolreplication": 1,
        "rolbypassrls": 1,
        "rolconnlimit": -1,
    }
    yield from static_rows("pg_authid")


def pg_authid(connection: Connection, context: Context) -> Iterator[Row]:
    yield from _roles(context)


def pg_roles(connection: Connection, context: Context) -> Iterator[Row]:
    for role in _roles(context):
        yield {**role, "rolpassword": "********"}


def pg_user(connection: Connection, context: Context) -> Iterator[Row]:
    yield {
        "usename": context.user,
        "usesysid": OWNER,
        "usecreatedb": 1,
        "usesuper": 1,
        "userepl": 1,
        "usebypassrls": 1,
        "passwd": "********",
    }


def pg_database(connection: Connection, context: Context) -> Iterator[Row]:
    """The databases of this node, the current one among them."""
    for name in sorted({context.database, *context.databases()}):
        yield {
            "oid": oid_of("database", name),
            "datname": name,
            "datdba": OWNER,
            "encoding": ENCODING,
            "datlocprovider": "c",
            "datistemplate": 0,
            "datallowconn": 1,
            "datconnlimit": -1,
            "datfrozenxid": 717,
            "datminmxid": 1,
            "dattablespace": 1663,
            "datcollate": "C.UTF-8",
            "datctype": "C.UTF-8",
        }


def pg_stat_activity(connection: Connection, context: Context) -> Iterator[Row]:
    """The clients of this node."""
    for one in context.company.activities() if context.company is not None else ():
        yield {
            "datid": oid_of("database", one.database),
            "datname": one.database,
            "pid": one.pid,
            "usesysid": OWNER,
            "usename": one.user,
            "application_name": one.application,
            "backend_start": times.stamp(one.backend_start),
            "xact_start": None if one.transaction_start is None else times.stamp(one.transaction_start),
            "query_start": times.stamp(one.query_start),
            "state_change": times.stamp(one.query_start),
            "wait_event_type": None if one.state == "active" else "Client",
            "wait_event": None if one.state == "active" else "ClientRead",
            "state": one.state,
            "query": one.query,
            "backend_type": "client backend",
        }


def pg_prepared_statements(connection: Connection, context: Context) -> Iterator[Row]:
    """What this client has prepared under names."""
    for one in context.named_statements():
        yield {
            "name": one.name,
            "statement": one.text,
            "prepare_time": times.stamp(one.made),
            "parameter_types": json.dumps(one.types),
            "from_sql": int(one.by_sql),
            "generic_plans": 0,
            "custom_plans": 0,
        }


def pg_cursors(connection: Connection, context: Context) -> Iterator[Row]:
    """The cursors that this client has open."""
    for one in context.named_cursors():
        yield {
            "name": one.name,
            "statement": one.text,
            "is_holdable": int(one.holdable),
            "is_binary": int(one.binary),
            "is_scrollable": int(one.scrollable),
            "creation_time": times.stamp(one.made),
        }


def pg_stat_database(connection: Connection, context: Context) -> Iterator[Row]:
    for row in pg_database(connection, context):
        counts = dict.fromkeys(_counts("pg_stat_database"), 0)
        yield {**counts, "datid": row["oid"], "datname": row["datname"], "numbackends": 1}


def _counts(table: str) -> Iterator[str]:
    return (name for name, words in _columns(table) if words in ("int8", "float8"))


def pg_sequences(connection: Connection, context: Context) -> Iterator[Row]:
    """Where each sequence stands now."""
    for one in connection.catalog.schema.sequences:
        last, called = state_of(connection, one.counting)
        start, increment, least, most, cycles = one.manner
        yield {
            "schemaname": one.relation.namespace,
            "sequencename": one.relation.own,
            "sequenceowner": context.user,
            "data_type": "bigint",
            "start_value": start,
            "min_value": least,
            "max_value": most,
            "increment_by": increment,
            "cycle": cycles,
            "cache_size": 1,
            "last_value": last if called else None,
        }


def pg_largeobject(connection: Connection, context: Context) -> Iterator[Row]:
    """The pages of large objects that hold something."""
    for loid, page, data in largeobjects.pages(connection):
        yield {"loid": loid, "pageno": page, "data": data}


def pg_largeobject_metadata(connection: Connection, context: Context) -> Iterator[Row]:
    """The large objects."""
    for loid in largeobjects.numbers(connection):
        yield {"oid": loid, "lomowner": OWNER}


#: Table to what gives its rows; the columns are PostgreSQL's.
TABLES: Final[dict[str, Callable[[Connection, Context], Iterator[Row]]]] = {
    "pg_settings": pg_settings,
    "pg_authid": pg_authid,
    "pg_roles": pg_roles,
    "pg_user": pg_user,
    "pg_shadow": pg_user,
    "pg_database": pg_database,
    "pg_stat_activity": pg_stat_activity,
    "pg_prepared_statements": pg_prepared_statements,
    "pg_cursors": pg_cursors,
    "pg_stat_database": pg_stat_database,
    "pg_sequences": pg_sequences,
    "pg_largeobject": pg_largeobject,
    "pg_largeobject_metadata": pg_largeobject_metadata,
}
#: Functions that give the rows of one of them.
ALIASES: Final = {"pg_show_all_settings": "pg_settings"}
#: Functions with rows of their own.
FUNCTIONS: Final = frozenset(("pg_get_keywords", "pg_partition_ancestors"))


def _columns(table: str) -> tuple[tuple[str, str], ...]:
    return next(one.columns for one in relations() if one.name == table)


def no_ancestors(relation: Any = None) -> Iterator[tuple[int, int]]:
    """pg_partition_ancestors(): no table is a partition of another."""
    return iter(())


def _sequence_state(connection: Connection, name: Any = None) -> Iterator[tuple[int, int, bool]]:
    """What a sequence shows when it is read as a relation."""
    sequence = next((one for one in connection.catalog.schema.sequences if one.relation.name == name), None)
    if sequence is None:
        raise StatementError("42P01", f'relation "{name}" does not exist')
    last, called = state_of(connection, sequence.counting)
    yield last, 0, called


def pg_options_to_table(options: Any = None) -> Iterator[tuple[str, str]]:
    """Each ``name=value`` of an array."""
    for one in elements(options) if options is not None else ():
        name, _, value = str(one).partition("=")
        yield name, value


#: The letters of an aclitem (https://www.postgresql.org/docs/15/ddl-priv.html).
_PRIVILEGES: Final = {
    "a": "INSERT", "r": "SELECT", "w": "UPDATE", "d": "DELETE", "D": "TRUNCATE", "x": "REFERENCES", "t": "TRIGGER", "X": "EXECUTE",
    "U": "USAGE", "C": "CREATE", "T": "TEMPORARY", "c": "CONNECT", "s": "SET", "A": "ALTER SYSTEM",
}  # fmt: skip
_ACL_ITEM: Final = re.compile(r'"?([^"=]*)"?=([A-Za-z*]*)/"?([^"]*)"?\Z')


def aclexplode(acl: Any = None) -> Iterator[tuple[int, int, str, bool]]:
    """Who gave whom which privilege, of an ``aclitem[]``. There is one user; PUBLIC's number is 0."""
    for item in elements(acl) if acl is not None else ():
        match = _ACL_ITEM.match(str(item))
        if match is None:
            raise StatementError("22P02", f'malformed aclitem: "{item}"')
        for letter in re.finditer(r"(\w)(\*?)", match[2]):
            if letter[1] in _PRIVILEGES:
                yield OWNER, OWNER if match[1] else 0, _PRIVILEGES[letter[1]], bool(letter[2])


def pg_listening_channels(connection: Connection) -> Iterator[tuple[str]]:
    """What this client has said LISTEN for."""
    for channel in sorted(connection.context.channels()) if connection.context is not None else ():
        yield (channel,)


def pg_get_keywords() -> Iterator[tuple[Any, ...]]:
    """PostgreSQL's key words."""
    return (tuple(row.values()) for row in static_rows("pg_get_keywords"))


@cache
def _modules() -> dict[str, Module]:
    keywords = ("word text", 'catcode "char"', "barelabel bool", "catdesc text", "baredesc text")
    return {
        "pg_partition_ancestors": Module(("relid oid", "depth int8"), no_ancestors),
        "aclexplode": Module(("grantor oid", "grantee oid", "privilege_type text", "is_grantable bool"), aclexplode),
        "pg_listening_channels": Module(("value text",), pg_listening_channels, asks=True),
        "pg_sequence_state": Module(("last_value int8", "log_cnt int8", "is_called bool"), _sequence_state, asks=True),
        "pg_options_to_table": Module(("option_name text", "option_value text"), pg_options_to_table),
        "pg_get_keywords": Module(keywords, pg_get_keywords),
        **{name: _module(source) for name, source in {**{name: name for name in TABLES}, **ALIASES}.items()},
    }


def _module(table: str) -> Module:
    columns = _columns(table)

    def rows(connection: Connection) -> Iterator[tuple[Any, ...]]:
        if connection.context is not None:
            for row in TABLES[table](connection, connection.context):
                yield tuple(row.get(name) for name, _ in columns)

    return Module(tuple(f'"{name}" {decltype(words)}' for name, words in columns), rows, asks=True)


def register(connection: Connection) -> None:
    """Give a connection these tables."""
    for name, module in _modules().items():
        module.register(connection, name)
