"""CREATE SCHEMA: which schemas there are, and what is in them.

A table of schema `s` is SQLite's table ``"s.t"`` (:mod:`ha.sql.namespaces`), so a schema with something in it shows by itself. That
there is one, also without anything, a view of the file says::

    CREATE VIEW "schema s" AS SELECT 's' AS schema

It travels with the file and through the log as every definition does, needs no table of ours, and is plain to whoever opens the file
with SQLite alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ha.errors import Notice, StatementError, depended_on, pass_over
from ha.sql import statements
from ha.sql.declarations import MATERIALIZED_MARK
from ha.sql.kinds import CreateSchema, Statement
from ha.sql.namespaces import BUILT_IN, PUBLIC, own_name, parted
from ha.sql.tokens import quoted, quoted_name
from ha.sqlite import largeobjects, typeviews

if TYPE_CHECKING:
    from ha.sqlite.connection import Connection

#: What the name of such a view begins with.
PREFIX: Final = "schema "

_VIEWS: Final = (
    f"SELECT name, sql FROM main.sqlite_schema WHERE type = 'view' AND name >= '{PREFIX}' AND name < 'schema!'"
)


def is_one(view: str, sql: str) -> bool:
    """Does a view say that there is a schema?"""
    return view.startswith(PREFIX) and sql.endswith(f" AS SELECT {quoted(view[len(PREFIX) :])} AS schema")


def names(connection: Connection) -> frozenset[str]:
    """The schemas beside public and those that every database has."""
    return connection.remembered("schemas", lambda: _read(connection))


def _read(connection: Connection) -> frozenset[str]:
    with connection.guard.trusted():
        views = connection.execute(_VIEWS).fetchall()
    return frozenset(str(name)[len(PREFIX) :] for name, sql in views if is_one(str(name), str(sql)))


def table_called(connection: Connection, name: str) -> tuple[str, str, str] | None:
    """Name, text and SQLite's schema of the table that a client means: the session's own goes before everybody's."""
    found = connection.execute(
        "SELECT name, sql, 'temp' FROM temp.sqlite_schema WHERE type = 'table' AND name = ?1 COLLATE NOCASE"
        " UNION ALL SELECT name, sql, 'main' FROM main.sqlite_schema WHERE type = 'table' AND name = ?1 COLLATE NOCASE",
        (name,),
    ).fetchone()
    return None if found is None else (str(found[0]), str(found[1]), str(found[2]))


def require(connection: Connection, schema: str) -> None:
    """
    :raises StatementError: 3F000, there is no such schema.
    """
    if schema not in BUILT_IN and schema not in names(connection):
        raise StatementError("3F000", f'schema "{schema}" does not exist')


def contents(connection: Connection, schema: str) -> list[tuple[str, str]]:
    """What is in a schema, as (SQLite's word for it, or ``type``, and its name): types and views, then tables, the latest first. Inside
    ``guard.trusted()``.
    """
    rows = connection.execute(
        "SELECT type, name, sql FROM main.sqlite_schema WHERE type IN ('table', 'view') AND name NOT IN"
        " (SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'shadow') ORDER BY type DESC, rowid DESC"
    ).fetchall()
    known = names(connection)
    found = []
    for kind, name, sql in rows:
        if typeviews.is_one(str(name), str(sql or "")):
            kind, name = "type", str(name)[len(typeviews.PREFIX) :]
        own, _ = parted(str(name))
        home = own if own in known else PUBLIC
        hidden = str(name).lower().startswith(("sqlite_", "ha_"))
        hidden = hidden or any(kept(str(name), str(sql or "")) for kept in (is_one, largeobjects.is_one))
        if home == schema and not hidden:
            found.append((str(kind), str(name)))
    return found


def kind_of(connection: Connection, name: str) -> tuple[str | None, bool]:
    """SQLite's word for what is called so, and whether it is a view that PostgreSQL would keep the rows of."""
    with connection.guard.trusted():
        found = connection.execute(
            "SELECT type, sql FROM main.sqlite_schema WHERE name = ? COLLATE NOCASE AND type <> 'trigger'", (name,)
        ).fetchone()
    return (None, False) if found is None else (str(found[0]), MATERIALIZED_MARK in str(found[1]))


def create(connection: Connection, argument: CreateSchema, notices: list[Notice]) -> list[str]:
    """The texts of one CREATE SCHEMA.

    :raises StatementError: 42P06, there is one; 0A000, tables of public would be in it.
    """
    name = argument.name
    if name in names(connection):
        there = StatementError("42P06", f'schema "{name}" already exists')
        pass_over(there, notices, allowed=argument.if_not_exists, told="42P06")
        return []
    with connection.guard.trusted():
        inside = connection.execute(
            "SELECT name FROM main.sqlite_schema WHERE substr(name, 1, ?) = ? AND type IN ('table', 'view')",
            (len(name) + 1, f"{name}."),
        ).get
    if inside is not None:
        raise StatementError(
            "0A000", f'schema "{name}" cannot be created', detail=f'Table "{inside}" of public would be in it.'
        )
    return [f"CREATE VIEW {quoted_name(PREFIX + name)} AS SELECT {quoted(name)} AS schema"]


def gone(connection: Connection, name: str, *, if_exists: bool, notices: list[Notice]) -> bool:
    """Is a schema that shall be dropped not there?

    :raises StatementError: 3F000, and it should be; 2BP01, it is the system's.
    """
    if name == PUBLIC or name in names(connection):
        return False
    if name in BUILT_IN:
        raise StatementError("2BP01", f"cannot drop schema {name} because it is required by the database system")
    pass_over(StatementError("3F000", f'schema "{name}" does not exist'), notices, allowed=if_exists)
    return True


def not_empty(schema: str, inside: list[tuple[str, str]]) -> StatementError:
    """Without CASCADE a schema stays while something is in it."""
    lines = [f"{kind} {shown(schema, name)} depends on schema {schema}" for kind, name in reversed(inside)]
    return depended_on(f"schema {schema}", "\n".join(lines))


def shown(schema: str, name: str) -> str:
    """How messages call a relation: a name without its schema would find another one, or none."""
    return name if schema == PUBLIC else f"{schema}.{own_name(name)}"


def in_path(connection: Connection, statement: Statement, path: tuple[str, ...]) -> Statement:
    """The statement as a search_path makes it.

    :param path: see :func:`ha.sql.namespaces.path_of`; empty for most clients, and then there is nothing to do.
    :raises StatementError: 3F000, it makes something and no schema of the path is there.
    """
    if not path:
        return statement
    key = ("path", path, statement.words, statement.offset, statement.given)
    return connection.remembered(key, lambda: statements.in_path(statement, Path(connection, path)))


def in_its_schema(connection: Connection, statement: Statement, path: tuple[str, ...]) -> Statement:
    """As :func:`in_path`; and the schema in which it makes something is there.

    :raises StatementError: 3F000, it is not.
    """
    statement = in_path(connection, statement, path)
    if statement.schema is not None:
        require(connection, statement.schema)
    return statement


class Path:
    """What a search_path finds in the schema that a connection sees.

    :param path: see :func:`ha.sql.namespaces.path_of`.
    """

    def __init__(self, connection: Connection, path: tuple[str, ...]) -> None:
        self._connection = connection
        self._path = path

    def of(self, name: str) -> str:
        """SQLite's name of the relation or index that `name` finds; `name` itself if none does.

        One that only public has is not found by a path without public: it is given the name of a table that is not there.
        """
        if self._is_there("temp", name):
            return name
        for schema in self._path:
            found = name if schema == PUBLIC else f"{schema}.{name}"
            if self._is_there("main", found):
                return found
        if PUBLIC in self._path or not self._is_there("main", name):
            return name
        return f"{self._path[0]}.{name}"

    def new(self) -> str | None:
        """Where things are made: the first schema that is there.

        :raises StatementError: 3F000, there is none.
        """
        known = names(self._connection)
        for schema in self._path:
            if schema == PUBLIC:
                return None
            if schema in known:
                return schema
        raise StatementError("3F000", "no schema has been selected to create in")

    def _is_there(self, database: str, name: str) -> bool:
        with self._connection.guard.trusted():
            return self._connection.has(name, database)


def searched(connection: Connection, path: tuple[str, ...]) -> list[str]:
    """Those schemas of a path that are there."""
    known = names(connection)
    return [schema for schema in path or (PUBLIC,) if schema == PUBLIC or schema in known]
