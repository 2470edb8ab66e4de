"""pg_catalog and information_schema: an attached database in memory, filled from the schema when a statement asks for it.

Use: :func:`mentions` says whether a statement needs it, and ``connection.catalog.refresh(sql)`` then makes it true for this
connection, in whatever transaction it is: tables that the client's own transaction made are there.

A table of the catalog is an ordinary table, so SQLite joins and sorts it as any other, and its columns announce PostgreSQL's
types. What every database has (208 relations, the types, operators …) is an image of 400 KB that is loaded as a whole
(:mod:`ha.sqlite.catalog_image`). What the schema makes is written into it: the tables (:mod:`ha.sqlite.catalog_rows`) when the
schema is another, and then only the rows that differ; a view (:mod:`ha.sqlite.catalog_views`) when a statement names it. What
depends on who asks is no table but a function (:mod:`ha.sqlite.catalog_live`).

What one connection filled, the next one loads. The marks of what was written stand in the attached database itself, so a
ROLLBACK takes both back.
"""

from __future__ import annotations

import re
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from ha.sqlite import catalog_functions, catalog_rows, catalog_schema, catalog_views, temporary
from ha.sqlite.catalog_image import NAME, bare_image
from ha.sqlite.catalog_objects import FIRST_OID, Schema
from ha.sqlite.catalog_tables import relations

if TYPE_CHECKING:
    from ha.sqlite.connection import Connection

#: Longer texts are not remembered: they are data.
_TEXT_MAX: Final = 4096
#: Images that are kept for the next connection, and schemas with their rows: in bytes of images, half a megabyte each and more,
#: but always the newest. Eight schemas are a node's databases and the last step of a migration in one of them.
_IMAGE_BYTES_KEPT: Final = 32 * 1024 * 1024
_SCHEMAS_KEPT: Final = 8
#: Rows of the catalog that are kept to be compared: a schema of 500 tables makes 25,000. Beyond, tables are written anew.
_ROWS_KEPT: Final = 100_000

_MOST: Final = 2**32 - 1
#: The part of the catalog that is no view.
_TABLES: Final = ""

_QUICK: Final = ("pg_", "information_schema", "format_type", "_description", "to_reg", "_privilege", "row_security")
_WORD: Final = re.compile(r"\w+")


def mentions(sql: str) -> bool:
    """Does a statement name something of the catalog's, a table or a function?"""
    return _parts(sql) is not None


def _parts(sql: str) -> frozenset[str] | None:
    """The views that a statement names, None if it names nothing of the catalog's at all."""
    return _known_parts(sql) if len(sql) <= _TEXT_MAX else _find_parts(sql)


@lru_cache(maxsize=4096)
def _known_parts(sql: str) -> frozenset[str] | None:
    return _find_parts(sql)


def _find_parts(sql: str) -> frozenset[str] | None:
    low = sql.lower()
    if not any(word in low for word in _QUICK):
        return None
    words = frozenset(_WORD.findall(low))
    if _names().isdisjoint(words):
        return None
    return frozenset(view for view in catalog_views.VIEWS if view.rpartition(".")[2] in words)


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
        self._version = (-1, -1)
        self._mark = ""
        self._views: frozenset[str] = frozenset()
        #: What the functions look into.
        self.schema = Schema()

    def is_fresh(self, sql: str) -> bool:
        """Is there nothing to do for :meth:`refresh`?"""
        connection = self._connection
        with connection.guard.trusted():
            version = _version(connection)
        return (
            version == self._version and (_parts(sql) or frozenset()) <= self._views and not _may_be_undone(connection)
        )

    def refresh(self, sql: str) -> None:
        """Make the catalog what the connection's transaction sees, as far as `sql` asks for it. Cheap when it is."""
        if self.is_fresh(sql):
            return
        connection = self._connection
        with connection.guard.trusted():
            rowid = connection.last_insert_rowid()
            try:
                self._fill(connection, _parts(sql) or frozenset())
            finally:
                connection.set_last_insert_rowid(rowid)
            self._version = _version(connection)

    @property
    def _connection(self) -> Connection:
        connection = self._found()
        assert connection is not None
        return connection

    def _fill(self, connection: Connection, views: Iterable[str]) -> None:
        mark = _mark(connection)
        if mark != self._mark:
            self._views = frozenset()
            self.schema = _schema(connection, mark)
            self._mark = mark
        database = connection.context.database if connection.context is not None else ""
        with _writable(connection):
            if not self._attached or not (connection.in_transaction or _marks(connection).get(_TABLES) == mark):
                self._load(connection, database, mark)
            marks = _marks(connection)
            late = [view for view in views if marks.get(view) != mark]
            if marks.get(_TABLES) != mark or late:
                with _together(connection):
                    if marks.get(_TABLES) != mark:
                        _write_tables(connection, marks.get(_TABLES), mark, self.schema)
                    for view in late:
                        _write_view(connection, view, database)
                    _note(connection, mark, (_TABLES, *late))
                _keep(connection, (database, mark))
        if not connection.in_transaction:
            self._views = frozenset(part for part, known in _marks(connection).items() if known == mark)

    def _load(self, connection: Connection, database: str, mark: str) -> None:
        """Attach the best image there is, or put it in the place of an older one."""
        own = _images.get((database, mark))
        image = own or _images.get((database, None))
        if not self._attached:
            connection.execute(f"ATTACH ':memory:' AS {NAME}")
        elif own is None:
            return  # what is there differs in a few rows
        connection.deserialize(NAME, image or bare_image())
        self._attached = True
        if image is None:
            with _together(connection):
                for view in catalog_views.OLD:
                    _fill_view(connection, view, database, 0, FIRST_OID - 1)
            _keep(connection, (database, None))


#: By the database's name, which stands in the rows, and the schema's mark; None where only the system's part is filled.
_images: dict[tuple[str, str | None], bytes] = {}
_schemas: dict[str, Schema] = {}
#: By the schema's mark and the table.
_rows: dict[str, dict[str, dict[tuple[Any, ...], None]]] = {}


def _keep(connection: Connection, key: tuple[str, str | None]) -> None:
    """Let other connections load what this one has filled, unless its transaction could take it back."""
    if not connection.in_transaction and not (connection.guard.private and temporary.has_any(connection)):
        _images.pop(key, None)
        _images[key] = bytes(connection.serialize(NAME))
        while len(_images) > 1 and sum(map(len, _images.values())) > _IMAGE_BYTES_KEPT:
            del _images[next(iter(_images))]


def _may_be_undone(connection: Connection) -> bool:
    """A schema that a transaction made gives its version's number back when it is rolled back."""
    return connection.in_transaction and not connection.readonly("main")


_OBJECTS: Final = """
    SELECT group_concat(concat_ws(char(1), type, name, tbl_name, sql), char(2)) FROM (SELECT * FROM {}.sqlite_schema ORDER BY rowid)
"""


def _version(connection: Connection) -> tuple[int, int]:
    """SQLite's numbers for what the connection sees; TEMP tables are there in a session's own only."""
    version: int = connection.execute("PRAGMA main.schema_version").get
    return version, connection.execute("PRAGMA temp.schema_version").get if connection.guard.private else 0


def _mark(connection: Connection) -> str:
    """What tells one schema from another."""
    objects: str = connection.execute(_OBJECTS.format("main")).get or ""
    if connection.guard.private:
        own = connection.execute(_OBJECTS.format("temp")).get
        objects += f"\x03{own}" if own else ""
    return blake2b(objects.encode(), digest_size=16).hexdigest()


def _schema(connection: Connection, mark: str) -> Schema:
    found = _schemas.pop(mark, None) or catalog_schema.read(connection)
    _schemas[mark] = found
    while len(_schemas) > _SCHEMAS_KEPT:
        del _schemas[next(iter(_schemas))]
    return found


def _rows_of(mark: str, schema: Schema) -> dict[str, dict[tuple[Any, ...], None]]:
    found = _rows.pop(mark, None)
    if found is None:
        found = {table.name: dict.fromkeys(table.rows(schema)) for table in catalog_rows.TABLES}
    _rows[mark] = found
    while len(_rows) > 1 and sum(len(rows) for one in _rows.values() for rows in one.values()) > _ROWS_KEPT:
        del _rows[next(iter(_rows))]
    return found


@contextmanager
def _writable(connection: Connection) -> Iterator[None]:
    """A reading connection may write here for a moment; its file stays what it was opened as."""
    query_only = bool(connection.execute("PRAGMA query_only").get)
    if query_only:
        connection.execute("PRAGMA query_only = OFF")
    try:
        yield
    finally:
        if query_only:
            connection.execute("PRAGMA query_only = ON")


@contextmanager
def _together(connection: Connection) -> Iterator[None]:
    """One savepoint: all is written or nothing, and quickly."""
    connection.execute("SAVEPOINT ha_catalog")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK TO ha_catalog")
        raise
    finally:
        connection.execute("RELEASE ha_catalog")


# What stands there


def _marks(connection: Connection) -> dict[str, str]:
    return dict(connection.execute(f"SELECT part, mark FROM {NAME}.ha_mark").fetchall())


def _note(connection: Connection, mark: str, parts: Iterable[str]) -> None:
    connection.executemany(f"REPLACE INTO {NAME}.ha_mark VALUES (?, ?)", [(part, mark) for part in parts])


def _write_tables(connection: Connection, before: str | None, mark: str, schema: Schema) -> None:
    """Make the tables show `schema`, where `before` is the mark of what they show."""
    old = _rows.get(before or "")
    new = _rows_of(mark, schema)
    for table in catalog_rows.TABLES:
        names = table.columns.split()
        rows = new[table.name]  # in the order in which PostgreSQL would have made them
        if old is None:
            connection.execute(f"DELETE FROM {NAME}.{table.name} WHERE {table.old}")
            added = list(rows)
        else:
            known = old[table.name]
            gone, added = known.keys() - rows.keys(), [row for row in rows if row not in known]
            places = [names.index(key) for key in table.key.split()]
            connection.executemany(
                f"DELETE FROM {NAME}.{table.name} WHERE {' AND '.join(f'{names[at]} = ?' for at in places)}",
                [tuple(row[at] for at in places) for row in gone],
            )
        connection.executemany(
            f"INSERT INTO {NAME}.{table.name}({', '.join(names)}) VALUES ({', '.join('?' * len(names))})", added
        )


def _write_view(connection: Connection, view: str, database: str) -> None:
    connection.execute(f'DELETE FROM {NAME}."{view}" WHERE {catalog_views.OLD.get(view, "true")}')
    _fill_view(connection, view, database, FIRST_OID, _MOST)


def _fill_view(connection: Connection, view: str, database: str, least: int, most: int) -> None:
    known = {"database": database, "least": least, "most": most}
    columns, query = catalog_views.VIEWS[view]
    sql = f'INSERT INTO {NAME}."{view}"({columns.replace(" ", ", ")}) {_qualified(query)}'
    connection.execute(sql, {name: value for name, value in known.items() if f":{name}" in sql})


_TABLE: Final = re.compile(r"\b(FROM|JOIN) (?=pg_|ha_texts)")


@cache
def _qualified(query: str) -> str:
    """A client's table may have the name of one of ours."""
    return _TABLE.sub(rf"\1 {NAME}.", query)
