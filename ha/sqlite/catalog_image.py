"""The attached database of the catalog before anything of a schema is in it: PostgreSQL's relations and its own rows.

Use: :func:`bare_image` gives its bytes, the same for every connection and every database. A table of the catalog is an ordinary
table whose columns are declared with PostgreSQL's types (:func:`ha.sqlite.catalog_types.decltype`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

import apsw

from ha.sqlite import catalog_live, catalog_rows, catalog_views
from ha.sqlite.catalog_tables import filled, relations, static_rows
from ha.sqlite.catalog_types import decltype, types_by_name

#: The attached database. Unlike information_schema, its tables are found without their schema's name, as in PostgreSQL.
NAME: Final = "pg_catalog"

#: Small pages: most tables are empty, and each takes one.
_PAGE_BYTES: Final = 1024


@cache
def bare_image() -> bytes:
    """The attached database before anything of a schema is in it."""
    image = apsw.Connection(":memory:")
    image.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
    image.execute("BEGIN")
    for schema, name, oid, kind, columns in relations():
        if name not in catalog_live.TABLES:
            image.execute(f'CREATE TABLE "{table_name(schema, name)}" ({", ".join(_declarations(kind, oid, columns))})')
    image.execute("CREATE TABLE ha_texts (oid INTEGER PRIMARY KEY, text TEXT)")
    image.execute("CREATE TABLE ha_mark (part TEXT PRIMARY KEY, mark TEXT) WITHOUT ROWID")
    for table in filled():
        if table not in catalog_live.FUNCTIONS and table not in catalog_live.TABLES:
            _insert(image, table, static_rows(table))
    _insert(image, "pg_class", _system_classes())
    _insert(image, "pg_attribute", _system_attributes())
    for view, (names, row) in catalog_views.CONSTANT.items():
        _insert(image, view, (dict(zip(names.split(), row, strict=True)),))
    for index in _INDEXES:
        on, _, terms = index.partition(" ")
        image.execute(f"CREATE INDEX ha_{index.replace(' ', '_').replace(',', '')} ON {on} ({terms})")
    image.execute("COMMIT")
    return bytes(image.serialize("main"))


_INDEXES: Final = (
    "pg_class oid",
    "pg_class relname",
    "pg_attribute attrelid, attnum",
    "pg_attrdef adrelid, adnum",
    "pg_type oid",
    "pg_type typname",
    "pg_index indrelid",
    "pg_index indexrelid",
    "pg_constraint conrelid",
    "pg_constraint oid",
    "pg_proc oid",
    "pg_depend objid",
    "pg_depend refobjid",
    "pg_sequence seqrelid",
    "pg_trigger tgrelid",
    "pg_rewrite ev_class",
    "pg_description objoid",
)


def table_name(schema: str, name: str) -> str:
    """What a relation is called in the attached database."""
    return name if schema == NAME else f"{schema}.{name}"


#: What a column of a type holds when nobody says; the others hold NULL, as do all columns of views.
_DEFAULTS: Final = {
    "bool": "0",
    "oid": "0",
    "int2": "0",
    "int4": "0",
    "float4": "0",
    "char": "''",
    "regproc": "'-'",
    "xid": "0",
}
_SPECIAL_DEFAULTS: Final = {
    "relpersistence": "'p'",
    "relispopulated": "1",
    "indisvalid": "1",
    "indisready": "1",
    "indislive": "1",
}


def _declarations(kind: str, oid: int, columns: tuple[tuple[str, str], ...]) -> Iterator[str]:
    for name, words in columns:
        default = _SPECIAL_DEFAULTS.get(name) or _DEFAULTS.get(words) if kind == "r" else None
        yield f'"{name}" {decltype(words)}' + (f" DEFAULT {default}" if default else "")
    if kind == "r":
        # PostgreSQL hides these from `*`; SQLite has no such columns in an ordinary table.
        yield f"tableoid oid AS ({oid})"
        yield "xmin xid AS (2)"
        yield "ctid tid AS ('(0,1)')"


def _insert(image: apsw.Connection, table: str, rows: Any) -> None:
    for row in rows:
        values = [
            json.dumps(value, separators=(",", ":")) if isinstance(value, list) else value for value in row.values()
        ]
        image.execute(f'INSERT INTO "{table}"({", ".join(row)}) VALUES ({", ".join("?" * len(values))})', values)


@cache
def _namespaces() -> Mapping[str, int]:
    return {row["nspname"]: row["oid"] for row in static_rows("pg_namespace")}


def _system_classes() -> Iterator[dict[str, Any]]:
    for schema, name, oid, kind, columns in relations():
        yield {
            "oid": oid,
            "relname": name,
            "relnamespace": _namespaces()[schema],
            "relowner": catalog_rows.OWNER,
            "relam": catalog_rows.HEAP if kind == "r" else 0,
            "relkind": kind,
            "relnatts": len(columns),
            "relhasrules": int(kind == "v"),
            "relreplident": "n",
            "reltuples": -1.0,
        }


def _system_attributes() -> Iterator[dict[str, Any]]:
    for _, _, oid, _, columns in relations():
        for number, (name, words) in enumerate(columns, 1):
            kind = types_by_name().get(words.partition("(")[0]) or types_by_name()["text"]
            yield {
                "attrelid": oid,
                "attname": name,
                "atttypid": kind["oid"],
                "attstattarget": -1,
                "attlen": kind["typlen"],
                "attnum": number,
                "attcacheoff": -1,
                "atttypmod": 7 if words == "varchar(3)" else -1,
                "attbyval": kind["typbyval"],
                "attalign": kind["typalign"],
                "attstorage": kind["typstorage"],
                "attislocal": 1,
                "attcollation": kind["typcollation"],
            }
