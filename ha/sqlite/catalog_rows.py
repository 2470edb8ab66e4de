"""The rows of pg_catalog that a database's own schema makes: one generator function per table.

Each takes the :class:`~ha.sqlite.catalog_objects.Schema` and gives rows of its `columns`; what it does not name has the
default that the table was made with. :data:`TABLES` lists them in no order that matters.
"""

from __future__ import annotations

import json
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from ha.sql.namespaces import TEMPORARY
from ha.sql.spoken import spoken
from ha.sqlite.catalog_objects import FIRST_OID as FIRST_OID
from ha.sqlite.catalog_objects import INT8, PG_CLASS, PG_CONSTRAINT, PG_TYPE, Schema, oid_of
from ha.sqlite.catalog_tables import static_rows
from ha.sqlite.catalog_types import types_by_oid

#: The schemas' numbers, the owner's, and those of the tables that other tables point to.
PG_CATALOG, PUBLIC = 11, 2200
OWNER: Final = 10
PG_ATTRDEF, PG_REWRITE = 2604, 2618
HEAP, BTREE = 2, 403
#: The collation of text that says none.
DEFAULT_COLLATION: Final = 100

Rows = Iterator[tuple[Any, ...]]


class Table(NamedTuple):
    """One table of the catalog, as far as the schema fills it.

    :param key: the columns that tell one row from another.
    :param old: the condition of the rows that the schema made.
    """

    name: str
    columns: str
    rows: Callable[[Schema], Rows]
    key: str
    old: str = "true"


def pg_namespace(schema: Schema) -> Rows:
    for name, oid in schema.namespaces.items():
        yield oid, name, OWNER


def pg_class(schema: Schema) -> Rows:
    checks: dict[int, int] = {}
    with_triggers = set()
    for constraint in schema.constraints.values():
        if constraint.kind == "c":
            checks[constraint.table.oid] = checks.get(constraint.table.oid, 0) + 1
        elif constraint.kind == "f" and constraint.parent is not None:
            with_triggers |= {constraint.table.oid, constraint.parent.oid}
    indexed = {index.table.oid for index in schema.indexes.values()}
    namespaces = schema.namespaces
    for relation in schema.relations.values():
        yield (
            relation.oid,
            relation.own,
            namespaces.get(relation.namespace, PUBLIC),
            relation.row_type,
            OWNER,
            {"r": HEAP, "i": BTREE}.get(relation.kind, 0),
            0 if relation.is_view or relation.kind == "c" else relation.oid,
            0 if relation.is_view or relation.kind in "Sc" else 1,
            1.0 if relation.kind == "S" else 0.0 if relation.is_view or relation.kind == "c" else -1.0,
            relation.oid in indexed,
            relation.kind,
            len(relation.attributes),
            checks.get(relation.oid, 0),
            relation.is_view,
            relation.triggers or relation.oid in with_triggers,
            "d" if relation.kind == "r" else "n",
            "t" if relation.namespace == TEMPORARY else "p",
        )


def pg_attribute(schema: Schema) -> Rows:
    types = _type_rows(schema)
    for relation in schema.relations.values():
        for one in relation.attributes:
            kind = types[one.type_oid]
            yield (
                relation.oid,
                one.name,
                one.type_oid,
                -1,
                kind["typlen"],
                one.number,
                1 if kind["typcategory"] == "A" else 0,
                -1,
                one.modifier,
                kind["typbyval"],
                kind["typalign"],
                kind["typstorage"],
                "",
                one.not_null,
                one.default is not None,
                0,
                one.identity,
                "s" if one.generated else "",
                0,
                1,
                0,
                kind["typcollation"],
            )
        if relation.kind in "rS":
            for number, (name, type_oid) in enumerate(_SYSTEM_COLUMNS):
                kind = types[type_oid]
                yield (
                    *(relation.oid, name, type_oid, 0, kind["typlen"], -1 - number, 0, -1, -1, kind["typbyval"]),
                    *(kind["typalign"], kind["typstorage"], "", True, False, 0, "", "", 0, 1, 0, 0),
                )


#: The columns that every table has before its first, backwards.
_SYSTEM_COLUMNS: Final = (("ctid", 27), ("xmin", 28), ("cmin", 29), ("xmax", 28), ("cmax", 29), ("tableoid", 26))


def _type_rows(schema: Schema) -> Mapping[int, Mapping[str, Any]]:
    """pg_type, with the types that clients made."""
    return ChainMap({oid: one.row for oid, one in schema.types.items()}, types_by_oid())  # type: ignore[arg-type]


def pg_type(schema: Schema) -> Rows:
    for one in schema.types.values():
        yield tuple(one.row.values())


_LANGUAGES: Final = {row["lanname"]: row["oid"] for row in static_rows("pg_language")}


def pg_proc(schema: Schema) -> Rows:
    for oid, one in schema.functions.items():
        arguments = one.function.arguments
        names = json.dumps([argument.name for argument in arguments])
        yield (
            oid,
            one.function.name,
            PUBLIC,
            OWNER,
            _LANGUAGES[one.function.language],
            100.0,
            0.0,
            0,
            "-",
            "f",
            0,
            0,
            int(one.function.strict),
            0,
            one.function.volatility,
            "u",
            len(arguments),
            len(arguments) - one.function.least,
            one.result,
            " ".join(map(str, one.types)),
            names if any(argument.name for argument in arguments) else None,
            one.function.source,
        )


def pg_enum(schema: Schema) -> Rows:
    for oid, one in schema.types.items():
        for place, label in enumerate(one.labels, 1):
            yield oid_of("label", f"{one.name}.{label}"), oid, float(place), label


def pg_attrdef(schema: Schema) -> Rows:
    for relation in schema.relations.values():
        for one in relation.attributes:
            if one.default is not None:
                yield oid_of("default", f"{relation.name}.{one.name}"), relation.oid, one.number, one.default


def pg_index(schema: Schema) -> Rows:
    types = _type_rows(schema)
    deferrable = {id(one.index) for one in schema.constraints.values() if one.deferrable and one.kind in "pu"}
    for oid, index in schema.indexes.items():
        attributes = index.relation.attributes
        yield (
            oid,
            index.table.oid,
            len(index.keys),
            len(index.keys),
            index.unique,
            index.primary,
            id(index) not in deferrable,
            " ".join(map(str, index.keys)),
            " ".join(str(types[one.type_oid]["typcollation"]) for one in attributes),
            " ".join(str(_OPCLASSES.get(one.type_oid, 0)) for one in attributes),
            " ".join("3" if down else "0" for down in index.descending),
            "; ".join(term for term, key in zip(index.terms, index.keys, strict=True) if not key) or None,
            spoken(index.where) if index.where else None,
        )


#: The operator class of btree for a type: pg_opclass with opcdefault.
_OPCLASSES: Final = {
    16: 424, 17: 428, 18: 429, 19: 1986, 20: 3124, 21: 1979, 23: 1978, 25: 3126, 26: 1981, 700: 1970, 701: 3123, 1042: 426,
    1043: 3126, 1082: 3122, 1083: 3127, 1114: 3128, 1184: 3127, 1186: 3119, 1266: 2000, 1700: 3125, 2950: 2968, 3802: 4033,
}  # fmt: skip


def pg_constraint(schema: Schema) -> Rows:
    for oid, one in schema.constraints.items():
        foreign = one.kind == "f"
        yield (
            oid,
            one.name,
            schema.namespaces.get(one.table.namespace, PUBLIC),
            one.kind,
            one.deferrable,
            one.deferred,
            1,
            one.table.oid,
            one.index.relation.oid if one.index is not None else 0,
            one.parent.oid if one.parent is not None else 0,
            one.on_update if foreign else " ",
            one.on_delete if foreign else " ",
            "s" if foreign else " ",
            1,
            not foreign and one.kind != "c",
            _vector(one.keys),
            _vector(one.parent_keys) if foreign else None,
            spoken(one.expression) if one.expression else None,
            0,
        )
    for oid, made in schema.types.items():
        for name, condition in made.checks:
            yield (
                *(
                    oid_of("domain check", f"{made.name}.{name}"),
                    name,
                    made.row["typnamespace"],
                    "c",
                    False,
                    False,
                    1,
                    0,
                    0,
                    0,
                ),
                *(" ", " ", " ", 1, False, None, None, condition, oid),
            )


def _vector(keys: tuple[int, ...]) -> str:
    return f"[{','.join(map(str, keys))}]"


def pg_sequence(schema: Schema) -> Rows:
    for one in schema.sequences:
        kind = one.attribute.type_oid if one.attribute is not None else INT8
        start, increment, least, most, cycles = one.manner
        yield one.relation.oid, kind, start, increment, _LARGEST.get(kind, most), least, 1, bool(cycles)


#: The last number of a sequence of int2 or int4.
_LARGEST: Final = {21: 2**15 - 1, 23: 2**31 - 1}


def pg_rewrite(schema: Schema) -> Rows:
    for relation in schema.relations.values():
        if relation.is_view:
            yield oid_of("rule", relation.name), "_RETURN", relation.oid, "1", "O", True


def pg_trigger(schema: Schema) -> Rows:
    for one in schema.triggers.values():
        yield one.oid, one.table.oid, one.name, 0, _trigger_type(one.sql), "O", False


def _trigger_type(sql: str) -> int:
    """pg_trigger.tgtype: the bits of ROW, BEFORE, INSERT, DELETE, UPDATE, INSTEAD."""
    head = sql.upper().partition(" ON ")[0]
    bits = {"BEFORE": 2, "INSERT": 4, "DELETE": 8, "UPDATE": 16, "INSTEAD": 64}
    return 1 | sum(bit for word, bit in bits.items() if word in head)


def pg_depend(schema: Schema) -> Rows:
    for relation in schema.relations.values():
        for attribute in relation.attributes:
            if attribute.type_oid in schema.types and relation.kind in "rc":
                yield PG_CLASS, relation.oid, attribute.number, PG_TYPE, attribute.type_oid, 0, "n"
        if relation.kind == "c":
            yield PG_CLASS, relation.oid, 0, PG_TYPE, relation.row_type, 0, "i"
    for oid, made in schema.types.items():
        for name, _ in made.checks:
            yield PG_CONSTRAINT, oid_of("domain check", f"{made.name}.{name}"), 0, PG_TYPE, oid, 0, "a"
        if made.row["typelem"]:
            yield PG_TYPE, oid, 0, PG_TYPE, made.row["typelem"], 0, "i"
    for sequence in schema.sequences:
        if sequence.table is not None and sequence.attribute is not None:
            kind = "i" if sequence.attribute.identity else "a"
            yield PG_CLASS, sequence.relation.oid, 0, PG_CLASS, sequence.table.oid, sequence.attribute.number, kind
            if sequence.attribute.identity:
                continue
            default = oid_of("default", f"{sequence.table.name}.{sequence.attribute.name}")
            yield PG_ATTRDEF, default, 0, PG_CLASS, sequence.relation.oid, 0, "n"
    owners = {id(one.index): one for one in schema.constraints.values() if one.kind in "pu"}
    for oid, index in schema.indexes.items():
        constraint = owners.get(id(index))
        if constraint is not None:
            yield PG_CLASS, oid, 0, PG_CONSTRAINT, constraint.oid, 0, "i"
        else:
            yield PG_CLASS, oid, 0, PG_CLASS, index.table.oid, 0, "a"
    for oid, one in schema.constraints.items():
        for key in one.keys:
            yield PG_CONSTRAINT, oid, 0, PG_CLASS, one.table.oid, key, "a"
    for relation in schema.relations.values():
        if relation.is_view:
            yield PG_REWRITE, oid_of("rule", relation.name), 0, PG_CLASS, relation.oid, 0, "i"


def pg_description(schema: Schema) -> Rows:
    for (oid, table, number), text in schema.comments.items():
        yield oid, table, number, text


def ha_texts(schema: Schema) -> Rows:
    """Not PostgreSQL's: the definitions that the views show."""
    from ha.sqlite.catalog_texts import index_definition, view_definition

    for oid, index in schema.indexes.items():
        yield oid, index_definition(index)
    for relation in schema.relations.values():
        if relation.is_view:
            yield relation.oid, view_definition(relation)


TABLES: Final = (
    Table("pg_namespace", "oid nspname nspowner", pg_namespace, "oid", f"oid >= {FIRST_OID}"),
    Table(
        "pg_class",
        "oid relname relnamespace reltype relowner relam relfilenode relpages reltuples relhasindex relkind relnatts relchecks relhasrules"
        " relhastriggers relreplident relpersistence",
        pg_class,
        "oid",
        f"oid >= {FIRST_OID}",
    ),
    Table(
        "pg_attribute",
        "attrelid attname atttypid attstattarget attlen attnum attndims attcacheoff atttypmod attbyval attalign attstorage"
        " attcompression attnotnull atthasdef atthasmissing attidentity attgenerated attisdropped attislocal attinhcount attcollation",
        pg_attribute,
        "attrelid attnum",
        f"attrelid >= {FIRST_OID}",
    ),
    Table("pg_type", " ".join(types_by_oid()[INT8]), pg_type, "oid", f"oid >= {FIRST_OID}"),
    Table(
        "pg_proc",
        "oid proname pronamespace proowner prolang procost prorows provariadic prosupport prokind prosecdef proleakproof proisstrict"
        " proretset provolatile proparallel pronargs pronargdefaults prorettype proargtypes proargnames prosrc",
        pg_proc,
        "oid",
        f"oid >= {FIRST_OID}",
    ),
    Table("pg_enum", "oid enumtypid enumsortorder enumlabel", pg_enum, "oid"),
    Table("pg_attrdef", "oid adrelid adnum adbin", pg_attrdef, "adrelid adnum"),
    Table(
        "pg_index",
        "indexrelid indrelid indnatts indnkeyatts indisunique indisprimary indimmediate indkey indcollation indclass indoption"
        " indexprs indpred",
        pg_index,
        "indexrelid",
    ),
    Table(
        "pg_constraint",
        "oid conname connamespace contype condeferrable condeferred convalidated conrelid conindid confrelid confupdtype"
        " confdeltype confmatchtype conislocal connoinherit conkey confkey conbin contypid",
        pg_constraint,
        "oid",
    ),
    Table(
        "pg_sequence",
        "seqrelid seqtypid seqstart seqincrement seqmax seqmin seqcache seqcycle",
        pg_sequence,
        "seqrelid",
    ),
    Table("pg_rewrite", "oid rulename ev_class ev_type ev_enabled is_instead", pg_rewrite, "ev_class oid"),
    Table("pg_trigger", "oid tgrelid tgname tgfoid tgtype tgenabled tgisinternal", pg_trigger, "tgrelid oid"),
    Table(
        "pg_depend",
        "classid objid objsubid refclassid refobjid refobjsubid deptype",
        pg_depend,
        "objid classid objsubid refclassid refobjid refobjsubid deptype",
    ),
    Table(
        "pg_description",
        "objoid classoid objsubid description",
        pg_description,
        "objoid classoid objsubid",
        f"objoid >= {FIRST_OID}",
    ),
    Table("ha_texts", "oid text", ha_texts, "oid"),
)
