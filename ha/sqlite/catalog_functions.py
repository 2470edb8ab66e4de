"""PostgreSQL's functions that look into the catalog: names to OIDs and back, definitions, sizes, privileges.

They see what :meth:`ha.sqlite.catalog.Catalog.refresh` found last, so a statement that calls one of :data:`NAMES` counts as
one that mentions the catalog.
"""

from __future__ import annotations

import json
import re
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from ha.errors import StatementError
from ha.sql.namespaces import BUILT_IN, PUBLIC, TEMPORARY, joined
from ha.sql.spoken import spoken
from ha.sqlite import catalog_texts
from ha.sqlite.catalog_objects import Relation, Schema, oid_of, quoted_if_needed
from ha.sqlite.catalog_rows import OWNER
from ha.sqlite.catalog_tables import relations, static_rows
from ha.sqlite.catalog_types import spoken_type
from ha.sqlite.sequences import state_of
from ha.sqlite.typenumbers import TypeNames, oid_in
from ha.values import Signature

if TYPE_CHECKING:
    from ha.sqlite.connection import Connection

#: Name, how many arguments it takes, what computes it.
Row = tuple[str, int, Callable[..., Any]]

_NAME = r'(?:"(?:[^"]|"")+"|[^\s".(;]+)'
_QUALIFIED = re.compile(rf"\s*(?:(?:({_NAME})\s*\.\s*)?({_NAME})\s*\.\s*)?({_NAME})\s*\Z")

SYSTEM: Final = {(one.schema, one.name): one.oid for one in relations()}
SYSTEM_NAMES: Final = {oid: (schema, name) for (schema, name), oid in SYSTEM.items()}
NAMESPACES: Final = {row["nspname"]: row["oid"] for row in static_rows("pg_namespace")}
_ROLES: Final = {row["oid"]: row["rolname"] for row in static_rows("pg_authid")}
FUNCTION_NAMES: Final = {row["oid"]: row["proname"] for row in static_rows("pg_proc")}
FUNCTION_OIDS: Final = {name: oid for oid, name in reversed(FUNCTION_NAMES.items())}

_ENCODINGS: Final = {0: "SQL_ASCII", 6: "UTF8", 8: "LATIN1"}
_UNITS: Final = ("bytes", "kB", "MB", "GB", "TB", "PB")


def name_parts(text: Any) -> tuple[str | None, str]:
    """Schema (None: not said) and name of ``[database.][schema.]name``.

    :raises StatementError: 42602, it is no name.
    """
    match = _QUALIFIED.match(str(text))
    if match is None:
        raise StatementError("42602", "invalid name syntax")
    schema = match[2]
    return (_plain(schema) if schema is not None else None), _plain(match[3])


def _plain(name: str) -> str:
    return name[1:-1].replace('""', '"') if name[0] == '"' else name.lower()


_PART: Final = re.compile(rf"\s*({_NAME})\s*")


def parse_ident(text: Any, strict: Any = 1) -> str | None:
    """The parts of a qualified name.

    :param strict: false passes over what follows the name.
    :raises StatementError: 22023, it is no name.
    """
    if text is None:
        return None
    words, parts, at = str(text), [], 0
    while (match := _PART.match(words, at)) is not None and not match[1][0].isdigit():
        parts.append(_plain(match[1]))
        at = match.end()
        if words[at : at + 1] != ".":
            break
        at += 1
    if not parts or words[at - 1 : at] == "." or (strict and at < len(words)):
        raise StatementError("22023", f'string is not a valid identifier: "{words}"')
    return json.dumps(parts)


class Lookups:
    """The functions that need a schema, each a method of the function's name.

    :param schema: asks for the one to look into.
    :param path: asks for the client's search_path.
    """

    def __init__(self, schema: Callable[[], Schema], path: Callable[[], tuple[str, ...]]) -> None:
        self._schema = schema
        self._searched = path

    def _path(self) -> tuple[str, ...]:
        return (TEMPORARY, *(self._searched() or (PUBLIC,)))

    # Names and numbers

    def relation_oid(self, text: Any) -> int | None:
        schema, name = name_parts(text)
        schema = TEMPORARY if schema == "pg_temp" else schema
        for one in self._path() if schema is None else (schema,):
            found = self._schema().relation(joined(one, name)) if one == PUBLIC or one not in BUILT_IN else None
            if found is not None:
                return found.oid
        return SYSTEM.get((schema or "pg_catalog", name))

    def pg_regclass(self, value: Any) -> int | None:
        """``'users'::regclass``: the number.

        :raises StatementError: 42P01, there is no such relation.
        """
        if value is None:
            return None
        number = oid_in(value)
        if number is not None:
            return number
        oid = self.relation_oid(value)
        if oid is None:
            schema, name = name_parts(value)
            raise StatementError("42P01", f'relation "{f"{schema}." if schema else ""}{name}" does not exist')
        return oid

    def to_regclass(self, value: Any) -> str | None:
        oid = None if value is None else self.relation_oid(value)
        return None if oid is None else self.pg_regclass_name(oid)

    def pg_regclass_name(self, value: Any) -> str | None:
        """``oid::regclass``: the name."""
        if value is None:
            return None
        oid = self.pg_regclass(value)
        found = self._schema().relations.get(oid or 0)
        if found is not None:
            # Without a path there is nothing to look in but public, so its relations are known by their own names.
            return quoted_if_needed(found.own) if self._finds(found) else found.qualified
        if oid in SYSTEM_NAMES:
            schema, name = SYSTEM_NAMES[oid]
            return name if schema == "pg_catalog" else f"{schema}.{name}"
        return str(oid) if oid else "-"

    def _finds(self, relation: Relation) -> bool:
        """Is it the one that its name without a schema finds?"""
        for one in self._path():
            found = self._schema().relation(joined(one, relation.own))
            if found is not None:
                return found is relation
        return False

    def relation(self, value: Any) -> Relation | None:
        if value is None:
            return None
        number = oid_in(value)
        return self._schema().relations.get(self.relation_oid(value) or 0 if number is None else number)

    # Definitions

    def pg_get_indexdef(self, oid: Any, column: Any = 0, pretty: Any = 0) -> str | None:
        index = self._schema().indexes.get(oid_in(oid) or 0) if oid is not None else None
        if index is None:
            return None
        if column:
            return catalog_texts.index_column(index, int(column))
        return catalog_texts.index_definition(index, qualified=not pretty)

    def pg_get_constraintdef(self, oid: Any, pretty: Any = 0) -> str | None:
        number = oid_in(oid) or 0 if oid is not None else 0
        found = self._schema().constraints.get(number)
        if found is None:
            conditions = (
                (f"{one.name}.{name}", said) for one in self._schema().types.values() for name, said in one.checks
            )
            return next((f"CHECK ({said})" for key, said in conditions if oid_of("domain check", key) == number), None)
        return catalog_texts.constraint_definition(found, pretty=bool(pretty))

    def pg_get_viewdef(self, oid: Any, pretty: Any = 0) -> str | None:
        found = self.relation(oid)
        return catalog_texts.view_definition(found) if found is not None and found.is_view else None

    def pg_get_ruledef(self, oid: Any, pretty: Any = 0) -> str | None:
        for one in self._schema().relations.values():
            if one.is_view and oid_of("rule", one.name) == oid:
                shown = one.plain
                text = catalog_texts.view_definition(one)
                return f'CREATE RULE "_RETURN" AS\n    ON SELECT TO {shown} DO INSTEAD {text}'
        return None

    def pg_get_triggerdef(self, oid: Any, pretty: Any = 0) -> str | None:
        found = self._schema().triggers.get(oid_in(oid) or 0) if oid is not None else None
        return None if found is None else catalog_texts.trigger_definition(found)

    def pg_get_serial_sequence(self, table: Any, column: Any) -> str | None:
        """The sequence of a column, None if it has none.

        :raises StatementError: 42P01 and 42703, there is no such table or column.
        """
        if table is None or column is None:
            return None
        found = self._schema().relations.get(self.pg_regclass(table) or 0)
        if found is None:
            return None
        if found.attribute(str(column)) is None:
            raise StatementError("42703", f'column "{column}" of relation "{found.name}" does not exist')
        sequence = found.sequence
        if sequence is None or sequence.attribute is None or sequence.attribute.name.lower() != str(column).lower():
            return None
        return sequence.relation.qualified

    # Comments

    def obj_description(self, oid: Any, table: Any = None) -> str | None:
        """The comment on an object; without the catalog table that lists it, on whatever has the number."""
        number = self._number_of(oid)
        if number is None:
            return None
        own = self._schema().comments
        listed = ("pg_class", "pg_constraint") if table is None else (str(table),)
        found = (own.get((number, SYSTEM.get(("pg_catalog", one), 0), 0)) for one in listed)
        return next((text for text in found if text is not None), _DESCRIPTIONS.get((number, str(table))))

    def _number_of(self, oid: Any) -> int | None:
        """An OID, also where a regclass came as the name that is shown for it."""
        number = None if oid is None else oid_in(oid)
        return self.relation_oid(oid) if number is None and isinstance(oid, str) else number

    def col_description(self, oid: Any, number: Any) -> str | None:
        table = self._number_of(oid)
        if table is None or number is None:
            return None
        return self._schema().comments.get((table, SYSTEM["pg_catalog", "pg_class"], int(number)))

    # Existence

    def is_visible(self, oid: Any) -> int | None:
        if oid is None:
            return None
        number = oid_in(oid) or 0
        found = self._schema().relations.get(number)
        if found is not None:
            return int(self._finds(found))
        return int(SYSTEM_NAMES[number][0] == "pg_catalog") if number in SYSTEM_NAMES else None

    # Schemas

    def pg_regnamespace(self, value: Any) -> int | None:
        """``'s'::regnamespace``: the number.

        :raises StatementError: 3F000, there is no such schema.
        """
        if value is None:
            return None
        number = oid_in(value)
        if number is None:
            name = name_parts(value)[1]
            number = self.namespace_oid(name)
            if number is None:
                raise StatementError("3F000", f'schema "{name}" does not exist')
        return number

    def namespace_oid(self, name: Any) -> int | None:
        return NAMESPACES.get(name) or self._schema().namespaces.get(name)

    def pg_regnamespace_name(self, value: Any) -> str | None:
        if value is None:
            return None
        number = self.pg_regnamespace(value)
        known = {**NAMESPACES, **self._schema().namespaces}
        return next((name for name, oid in known.items() if oid == number), str(number) if number else "-")

    def has_table_privilege(self, *arguments: Any) -> int | None:
        """Whoever may enter may do everything; but the table must be there."""
        table = arguments[-2]
        if table is None:
            return None
        self.pg_regclass(table)
        return 1


def pg_regproc(value: Any) -> Any:
    """Functions are known by name in the catalog's columns."""
    if value is None:
        return None
    number = oid_in(value)
    if number is not None:
        return FUNCTION_NAMES.get(number, str(number) if number else "-")
    return name_parts(str(value).partition("(")[0])[1]


def to_regproc(value: Any) -> str | None:
    if value is None:
        return None
    name = name_parts(str(value).partition("(")[0])[1]
    return name if name in FUNCTION_OIDS else None


def pg_size_pretty(value: Any) -> str | None:
    """10240 bytes as ``10 kB``: PostgreSQL changes the unit at ten thousand, and rounds half up."""
    if value is None:
        return None
    number, unit = float(value), 0
    while abs(number) >= 10 * 1024 - (0.5 if unit else 0) and unit < len(_UNITS) - 1:
        number /= 1024
        unit += 1
    return f"{int(number + 0.5 if number >= 0 else number - 0.5)} {_UNITS[unit]}"


def pg_get_expr(expression: Any, relation: Any = None, pretty: Any = 0) -> str | None:
    """Expressions are kept as text."""
    if expression is None:
        return None
    text = str(expression)
    return spoken(text, pretty=True) if pretty and text.startswith("(") else text


_DESCRIPTIONS: Final = {
    (row["objoid"], SYSTEM_NAMES[row["classoid"]][1]): row["description"] for row in static_rows("pg_description")
}
_FUNCTIONS: Final = {row["oid"]: row for row in static_rows("pg_proc")}


def signature(oid: int) -> Signature | None:
    """One of PostgreSQL's functions by its number; None: there is none that can be called here.

    :raises StatementError: 0A000, it is none that gives one value.
    """
    row = _FUNCTIONS.get(oid)
    if row is None:
        return None
    if row["prokind"] != "f" or row["proretset"]:
        raise StatementError("0A000", f'cannot call function "{row["proname"]}" via fastpath interface')
    return Signature(row["proname"], tuple(map(int, row["proargtypes"].split())), row["prorettype"])


def _signature(schema: Schema, oid: Any, *, defaults: bool = True) -> tuple[str | None, str | None]:
    """The arguments and the result of a function, PostgreSQL's or a client's."""
    stored = schema.functions.get(oid)
    if stored is not None:
        return catalog_texts.function_signature(stored, schema, defaults=defaults)
    row = _FUNCTIONS.get(oid)
    if row is None:
        return None, None
    result = spoken_type(row["prorettype"])
    return ", ".join(spoken_type(int(one)) for one in row["proargtypes"].split()), (
        f"SETOF {result}" if row["proretset"] else result
    )


def rows(connection: Connection) -> list[Row]:
    """Every function with its name and number of arguments, for :mod:`ha.sqlite.functions`."""
    found = weakref.ref(connection)

    def schema() -> Schema:
        asked = found()
        assert asked is not None
        return asked.catalog.schema

    def user() -> str:
        asked = found()
        return asked.context.user if asked is not None and asked.context is not None else "ha"

    def pg_get_userbyid(oid: Any) -> str | None:
        return None if oid is None else user() if oid == OWNER else _ROLES.get(oid, f"unknown (OID={oid})")

    def role(value: Any) -> Any:
        number = None if value is None else oid_in(value)
        return number if value is None or number is not None else OWNER

    def size(oid: Any, *_: Any) -> int | None:
        """SQLite does not tell the size of one table cheaply: its share is shown as a page. A view has none."""
        if oid is None:
            return None
        relation = look.relation(oid)
        return 0 if relation is not None and relation.is_view else 8192

    def database_size(*_: Any) -> int:
        asked = found()
        assert asked is not None
        with asked.guard.trusted():
            pages = asked.execute("PRAGMA main.page_count").get
            return int(pages * asked.execute("PRAGMA main.page_size").get)

    def acldefault(kind: Any, owner: Any) -> str | None:
        """The privileges of an object for which nobody said any, as JSON."""
        name = pg_get_userbyid(owner)
        if name is None or kind is None:
            return None
        own, everybody = _PRIVILEGES.get(str(kind), ("", ""))
        return json.dumps([*([f"={everybody}/{name}"] if everybody else []), f"{name}={own}/{name}"])

    def path() -> tuple[str, ...]:
        asked = found()
        return asked.context.path if asked is not None and asked.context is not None else ()

    look = Lookups(schema, path)
    types = TypeNames(connection)
    made: list[Row] = [
        ("pg_my_temp_schema", 0, lambda: look.namespace_oid(TEMPORARY) or 0),
        ("pg_regnamespace", 1, look.pg_regnamespace),
        ("pg_regnamespace_name", 1, look.pg_regnamespace_name),
        ("to_regnamespace", 1, lambda value: None if look.namespace_oid(value) is None else str(value)),
        ("to_regnamespace_oid", 1, look.namespace_oid),
        ("pg_regclass", 1, look.pg_regclass),
        ("pg_regclass_name", 1, look.pg_regclass_name),
        ("to_regclass", 1, look.to_regclass),
        ("to_regclass_oid", 1, lambda value: None if value is None else look.relation_oid(value)),
        ("to_regrole_oid", 1, role),
        ("pg_regrole", 1, role),
        ("pg_regrole_name", 1, lambda value: None if value is None else pg_get_userbyid(role(value))),
        ("format_type", 1, types.format_type),
        ("oidvectortypes", 1, types.vector),
        ("format_type", 2, types.format_type),
        ("pg_regtype", 1, types.pg_regtype),
        ("pg_regtype_name", 1, types.pg_regtype_name),
        ("pg_regtypes", 1, types.pg_regtypes),
        ("to_regtype", 1, types.to_regtype),
        ("to_regtype_oid", 1, types.to_regtype_oid),
        ("pg_get_indexdef", 1, look.pg_get_indexdef),
        ("pg_get_indexdef", 3, look.pg_get_indexdef),
        ("pg_get_constraintdef", 1, look.pg_get_constraintdef),
        ("pg_get_constraintdef", 2, look.pg_get_constraintdef),
        ("pg_get_viewdef", 1, look.pg_get_viewdef),
        ("pg_get_viewdef", 2, look.pg_get_viewdef),
        ("pg_get_ruledef", 1, look.pg_get_ruledef),
        ("pg_get_ruledef", 2, look.pg_get_ruledef),
        ("pg_get_triggerdef", 1, look.pg_get_triggerdef),
        ("pg_get_triggerdef", 2, look.pg_get_triggerdef),
        ("pg_get_serial_sequence", 2, look.pg_get_serial_sequence),
        ("obj_description", 1, look.obj_description),
        ("obj_description", 2, look.obj_description),
        ("col_description", 2, look.col_description),
        ("pg_get_userbyid", 1, pg_get_userbyid),
        ("acldefault", 2, acldefault),
        ("pg_table_is_visible", 1, look.is_visible),
        ("pg_relation_size", 1, size),
        ("pg_relation_size", 2, size),
        ("pg_table_size", 1, size),
        ("pg_indexes_size", 1, size),
        ("pg_total_relation_size", 1, size),
        ("pg_database_size", 1, database_size),
        ("pg_sequence_last_value", 1, lambda oid: _last_value(found(), oid)),
        ("pg_get_function_result", 1, lambda oid: _signature(schema(), oid)[1]),
        ("pg_get_function_arguments", 1, lambda oid: _signature(schema(), oid)[0]),
        ("pg_get_function_identity_arguments", 1, lambda oid: _signature(schema(), oid, defaults=False)[0]),
        ("pg_get_functiondef", 1, lambda oid: catalog_texts.function_definition(schema(), oid)),
    ]
    made += [
        (f"has_{what}_privilege", count, look.has_table_privilege) for what in ("table", "sequence") for count in (2, 3)
    ]
    return made


def _last_value(connection: Connection | None, oid: Any) -> int | None:
    assert connection is not None
    for one in connection.catalog.schema.sequences:
        if one.relation.oid == oid_in(oid):
            last, called = state_of(connection, one.counting)
            return last if called else None
    return None


#: By the letter of acldefault(): what the owner may do, and everybody.
_PRIVILEGES: Final = {
    "r": ("arwdDxt", ""), "s": ("rwU", ""), "d": ("CTc", "Tc"), "f": ("X", "X"), "l": ("U", "U"), "n": ("UC", ""), "T": ("U", "U"),
    "t": ("C", ""),
}  # fmt: skip


def _always(value: Any) -> Callable[..., Any]:
    """The same for every argument but NULL."""
    return lambda *arguments: None if None in arguments[:1] else value


def _nothing(*_: Any) -> None:
    """There is no such thing here."""
    return None


#: Functions that need nothing but their arguments.
FUNCTIONS: Final[tuple[Row, ...]] = (
    ("parse_ident", 1, parse_ident),
    ("parse_ident", 2, parse_ident),
    ("pg_regproc", 1, pg_regproc),
    ("pg_regproc_name", 1, pg_regproc),
    ("pg_regproc_oid", 1, lambda value: None if value is None else FUNCTION_OIDS.get(value, oid_in(value) or 0)),
    ("pg_regprocedure", 1, pg_regproc),
    ("pg_regprocedure_name", 1, pg_regproc),
    ("to_regproc", 1, to_regproc),
    ("to_regproc_oid", 1, lambda value: FUNCTION_OIDS.get(to_regproc(value) or "")),
    ("to_regprocedure", 1, to_regproc),
    ("to_regrole", 1, lambda value: value),
    ("pg_get_expr", 2, pg_get_expr),
    ("pg_get_expr", 3, pg_get_expr),
    ("pg_size_pretty", 1, pg_size_pretty),
    ("pg_encoding_to_char", 1, lambda number: None if number is None else _ENCODINGS.get(number, "")),
    ("pg_char_to_encoding", 1, lambda name: {"UTF8": 6, "UNICODE": 6, "SQL_ASCII": 0}.get(str(name).upper(), -1)),
    *((f"pg_{what}_is_visible", 1, _always(1)) for what in (
        "type", "function", "operator", "opclass", "opfamily", "collation", "conversion", "statistics_obj", "ts_config", "ts_dict",
        "ts_parser", "ts_template",
    )),
    *((f"has_{what}_privilege", count, _always(1)) for count in (2, 3) for what in (
        "database", "schema", "function", "language", "type", "tablespace", "server", "foreign_data_wrapper", "any_column", "parameter",
    )),
    *(("has_column_privilege", count, _always(1)) for count in (3, 4)),
    ("pg_has_role", 2, _always(1)),
    ("pg_has_role", 3, _always(1)),
    ("row_security_active", 1, _always(0)),
    ("pg_relation_is_publishable", 1, _always(1)),
    ("pg_relation_filenode", 1, lambda oid: oid),
    ("pg_relation_is_updatable", 2, _always(28)),
    ("pg_column_is_updatable", 3, _always(1)),
    ("pg_is_other_temp_schema", 1, _always(0)),
    ("pg_partition_ancestors", 1, _nothing),
    ("pg_stat_get_numscans", 1, _always(0)),
    ("pg_tablespace_location", 1, _always("")),
    *((name, count, _nothing) for name, count in (
        ("shobj_description", 2), ("pg_get_partkeydef", 1),
        ("pg_get_function_arg_default", 2), ("pg_get_function_sqlbody", 1), ("pg_get_statisticsobjdef", 1),
        ("pg_get_statisticsobjdef_columns", 1), ("pg_get_statisticsobjdef_expressions", 1), ("pg_get_replica_identity_index", 1),
        ("pg_describe_object", 3), ("pg_identify_object_as_address", 3), ("pg_get_partition_constraintdef", 1),
        ("pg_tablespace_databases", 1), ("pg_xact_commit_timestamp", 1), ("pg_current_wal_lsn", 0), ("pg_last_wal_receive_lsn", 0),
        ("pg_last_wal_replay_lsn", 0), ("pg_last_xact_replay_timestamp", 0),
    )),
    ("getdatabaseencoding", 0, lambda: "UTF8"),
    ("pg_wal_lsn_diff", 2, lambda left, right: None),
    ("pg_is_wal_replay_paused", 0, lambda: 0),
    ("pg_reload_conf", 0, lambda: 1),
    ("pg_collation_for", 1, lambda value: None),
)  # fmt: skip

#: What a statement must mention for the schema to be looked at.
NAMES: Final = frozenset(
    """
    pg_regclass pg_regclass_name to_regclass to_regclass_oid pg_get_indexdef pg_get_constraintdef pg_get_viewdef pg_get_ruledef
    pg_get_triggerdef pg_regnamespace pg_regnamespace_name to_regnamespace to_regnamespace_oid pg_my_temp_schema
    pg_get_serial_sequence obj_description col_description pg_table_is_visible pg_sequence_last_value pg_sequence_state
    has_table_privilege
    has_sequence_privilege pg_get_function_result pg_get_function_arguments pg_get_function_identity_arguments pg_get_functiondef
    """.split()
)
