"""pg_catalog and information_schema: an attached database in memory, filled from the schema when a statement asks for it.

Use: :func:`mentions` says whether a statement needs it, and ``connection.catalog.refresh()`` then makes it true for this
connection, in whatever transaction it is: tables that the client's own transaction made are there.

A table of the catalog is an ordinary table, so SQLite joins and sorts it as any other, and its columns announce PostgreSQL's
types. What every database has (208 relations, the types, operators …) is an image of 400 KB that is loaded as a whole; what
the schema makes (:mod:`ha.sqlite.catalog_rows`, :mod:`ha.sqlite.catalog_views`) is written into it and replaced when the
schema is another. What depends on who asks is no table but a function (:mod:`ha.sqlite.catalog_live`).

The mark of what was written stands in the attached database itself, so a ROLLBACK takes both back.
"""

from __future__ import annotations

import json
import re
import weakref
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

import apsw

from ha.sqlite import catalog_functions, catalog_live, catalog_rows, catalog_schema, catalog_views
from ha.sqlite.catalog_schema import FIRST_OID, Schema
from ha.sqlite.catalog_tables import filled, relations, static_rows
from ha.sqlite.catalog_types import decltype, types_by_name

if TYPE_CHECKING:
    from ha.sqlite.connection import Connection

#: The attached database. Unlike information_schema, its tables are found without their schema's name, as in PostgreSQL.
NAME: Final = "pg_catalog"

#: Longer texts are not remembered: they are data.
_TEXT_MAX: Final = 4096
#: Schemas, and images of half a megabyte and more, that are kept for the next connection.
_KEPT: Final = 8
#: Small pages: most tables are empty, and each takes one.
_PAGE_BYTES: Final = 1024

_MOST: Final = 2**32 - 1

_QUICK: Final = ("pg_", "information_schema", "format_type", "_description", "to_reg", "_privilege", "row_security")
_WORD: Final = re.compile(r"\w+")


def mentions(sql: str) -> bool:
    """Does a statement name something of the catalog's, a table or a function?"""
    return _mentions(sql) if len(sql) <= _TEXT_MAX else _looks(sql)


@lru_cache(maxsize=4096)
def _mentions(sql: str) -> bool:
    return _looks(sql)


def _looks(sql: str) -> bool:
    low = sql.lower()
    return any(word in low for word in _QUICK) and not _names().isdisjoint(_WORD.findall(low))


@cache
def _names() -> frozenset[str]:
    return frozenset(
        (
            NAME,
            "information_schema",
            *(one.name for one in relations() if one.schema == NAME),
            *catalog_functions.NAMES,
        )
    )


class Catalog:
    """The catalog of one connection."""

    def __init__(self, connection: Connection) -> None:
        self._found = weakref.ref(connection)
        self._attached = False
        self._version = -1
        self._mark = ""
        #: What the functions look into.
        self.schema = Schema()

    @property
    def is_fresh(self) -> bool:
        """Is there nothing to do for :meth:`refresh`?"""
        connection = self._found()
        assert connection is not None
        with connection.guard.trusted():
            version = connection.execute("PRAGMA main.schema_version").get
        return version == self._version and not _may_be_undone(connection)

    def refresh(self) -> None:
        """Make the catalog what the connection's transaction sees. Cheap when it is."""
        if self.is_fresh:
            return
        connection = self._found()
        assert connection is not None
        with connection.guard.trusted():
            rowid = connection.last_insert_rowid()
            try:
                self._fill(connection)
            finally:
                connection.set_last_insert_rowid(rowid)
            self._version = connection.execute("PRAGMA main.schema_version").get

    def _fill(self, connection: Connection) -> None:
        mark = _mark(connection)
        if mark != self._mark:
            self.schema = _schema(connection, mark)
            self._mark = mark
        database = connection.context.database if connection.context is not None else ""
        with _writable(connection):
            if not self._attached or not connection.in_transaction:
                self._load(connection, database, mark)
            if connection.execute(f"SELECT mark FROM {NAME}.ha_mark").get != mark:
                with _together(connection):
                    _fill(connection, self.schema, database)
                    connection.execute(f"UPDATE {NAME}.ha_mark SET mark = ?", (mark,))
                _keep(connection, (database, mark))

    def _load(self, connection: Connection, database: str, mark: str) -> None:
        """Attach the newest image there is, or put it in the place of an older one."""
        known = _images.get((database, mark)) or _images.get((database, None))
        image = known or _bare_image()
        if not self._attached:
            connection.execute(f"ATTACH ':memory:' AS {NAME}")
        connection.deserialize(NAME, image)
        self._attached = True
        if known is None:
            with _together(connection):
                _fill_views(connection, database, 0, FIRST_OID - 1)
            _keep(connection, (database, None))


#: By the database's name, which stands in the rows, and the schema's mark; None where only the system's part is filled.
_images: dict[tuple[str, str | None], bytes] = {}
_schemas: dict[str, Schema] = {}


def _keep(connection: Connection, key: tuple[str, str | None]) -> None:
    """Let other connections load what this one has filled, unless its transaction could take it back."""
    if not connection.in_transaction:
        while len(_images) >= _KEPT:
            del _images[next(iter(_images))]
        _images[key] = bytes(connection.serialize(NAME))


def _may_be_undone(connection: Connection) -> bool:
    """A schema that a transaction made gives its version's number back when it is rolled back."""
    return connection.in_transaction and not connection.readonly("main")


def _mark(connection: Connection) -> str:
    """What tells one schema from another."""
    digest = blake2b(digest_size=16)
    for row in connection.execute("SELECT type, name, tbl_name, sql FROM main.sqlite_schema"):
        digest.update(repr(row).encode())
    return digest.hexdigest()


def _schema(connection: Connection, mark: str) -> Schema:
    found = _schemas.get(mark)
    if found is None:
        found = catalog_schema.read(connection)
        if len(_schemas) >= _KEPT:
            _schemas.clear()
        _schemas[mark] = found
    return found


class _writable:
    """A reading connection may write here for a moment; its file stays what it was opened as."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._query_only = False

    def __enter__(self) -> None:
        self._query_only = bool(self._connection.execute("PRAGMA query_only").get)
        if self._query_only:
            self._connection.execute("PRAGMA query_only = OFF")

    def __exit__(self, *_: object) -> None:
        if self._query_only:
            self._connection.execute("PRAGMA query_only = ON")


class _together:
    """One savepoint: all is written or nothing, and quickly."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("SAVEPOINT ha_catalog")

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            self._connection.execute("ROLLBACK TO ha_catalog")
        self._connection.execute("RELEASE ha_catalog")


def _fill(connection: Connection, schema: Schema, database: str) -> None:
    for table in catalog_rows.TABLES:
        connection.execute(f"DELETE FROM {NAME}.{table.name} WHERE {table.old}")
        names = table.columns.split()
        connection.executemany(
            f"INSERT INTO {NAME}.{table.name}({', '.join(names)}) VALUES ({', '.join('?' * len(names))})",
            table.rows(schema),
        )
    for view in catalog_views.VIEWS:
        connection.execute(f'DELETE FROM {NAME}."{view}" WHERE {catalog_views.OLD.get(view, "true")}')
    _fill_views(connection, database, FIRST_OID, _MOST)


def _fill_views(connection: Connection, database: str, least: int, most: int) -> None:
    known = {"database": database, "least": least, "most": most}
    for view, (columns, query) in catalog_views.VIEWS.items():
        if least == 0 and view not in catalog_views.OLD:
            continue
        sql = f'INSERT INTO {NAME}."{view}"({columns.replace(" ", ", ")}) {_qualified(query)}'
        connection.execute(sql, {name: value for name, value in known.items() if f":{name}" in sql})


_TABLE: Final = re.compile(r"\b(FROM|JOIN) (?=pg_|ha_texts)")


@cache
def _qualified(query: str) -> str:
    """A client's table may have the name of one of ours."""
    return _TABLE.sub(rf"\1 {NAME}.", query)


# The image


@cache
def _bare_image() -> bytes:
    """The attached database before anything of a schema is in it."""
    image = apsw.Connection(":memory:")
    image.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
    image.execute("BEGIN")
    for schema, name, oid, kind, columns in relations():
        if name not in catalog_live.TABLES:
            image.execute(f'CREATE TABLE "{table_name(schema, name)}" ({", ".join(_declarations(kind, oid, columns))})')
    image.execute("CREATE TABLE ha_texts (oid INTEGER PRIMARY KEY, text TEXT)")
    image.execute("CREATE TABLE ha_mark (mark TEXT)")
    image.execute("INSERT INTO ha_mark VALUES (NULL)")
    for table in filled():
        if table not in catalog_live.FUNCTIONS and table not in catalog_live.TABLES:
            _insert(image, table, static_rows(table))
    _insert(image, "pg_class", _system_classes())
    _insert(image, "pg_attribute", _system_attributes())
    for table, (names, row) in catalog_views.CONSTANT.items():
        _insert(image, table, (dict(zip(names.split(), row, strict=True)),))
    for index in _INDEXES:
        table, _, columns = index.partition(" ")
        image.execute(f"CREATE INDEX ha_{index.replace(' ', '_').replace(',', '')} ON {table} ({columns})")
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
