"""What PostgreSQL says in one statement and SQLite in several: which texts, in which order.

What they are, and what is worth saying about them, the schema tells: who refers to a table that is emptied or dropped, whether what
shall be dropped or created is there. ALTER TABLE is :mod:`ha.sqlite.rebuild`.

Use, inside one transaction on the writing connection::

    with conditions(connection, statement):
        for sql in steps(connection, statement, notices):
            ...  # run it as the client's
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import apsw

from ha.errors import Notice, StatementError, depended_on, pass_over
from ha.sql import made
from ha.sql.constraints import FOREIGN, constraints
from ha.sql.declarations import NO_COLUMN
from ha.sql.domains import altered
from ha.sql.kinds import (
    Alteration,
    AlterComposite,
    AlterDomain,
    AlterEnum,
    AlterTable,
    Comment,
    CreateComposite,
    CreateDomain,
    CreateEnum,
    CreateFunction,
    CreateLike,
    CreateMaterialized,
    CreateSchema,
    CreateTableAs,
    Drop,
    DropFunction,
    DropSchema,
    DropType,
    Refresh,
    Rename,
    Script,
    Statement,
    Truncate,
)
from ha.sql.namespaces import PUBLIC, own_name, parted
from ha.sql.statements import with_schema
from ha.sql.tabletext import constraint_columns
from ha.sql.tokens import quoted, quoted_name, tokenize
from ha.sqlite import (
    comments,
    functionscripts,
    queried,
    renaming,
    schemas,
    temporary,
    typechanges,
    typescripts,
    typeviews,
)
from ha.sqlite.breaches import bare, check_keys, key_name
from ha.sqlite.connection import Connection
from ha.sqlite.declared import Declared
from ha.sqlite.rebuild import alter, has_sequences


def steps(connection: Connection, statement: Statement, notices: list[Notice]) -> list[str]:
    """SQLite's texts for a statement of kind SCRIPT. Looks at the schema; changes nothing.

    To be run one after another, as the client's, in one transaction.

    :param notices: what is worth saying is added here.
    :raises StatementError: an object does not exist, or another depends on it.
    """
    argument = statement.argument
    if isinstance(argument, Script):
        if statement.verb == "CREATE VIEW":
            with_schema(statement, Declared(connection))
        return list(argument.texts)
    if isinstance(argument, CreateTableAs):
        return queried.steps(connection, argument, notices)
    if isinstance(argument, AlterTable):
        argument = renaming.of_view(connection, argument) or argument
    if isinstance(argument, Rename):
        return renaming.renamed(connection, argument, notices)
    if isinstance(argument, CreateMaterialized):
        return _materialized(connection, statement, argument, notices)
    if isinstance(argument, Refresh):
        return _refreshed(connection, argument)
    if isinstance(argument, CreateLike):
        return queried.likened(connection, statement, argument, notices)
    if isinstance(argument, AlterDomain):
        return typechanges.alter_domain(connection, argument, notices)
    if isinstance(argument, AlterComposite):
        return typechanges.alter_composite(connection, argument, notices)
    if isinstance(argument, (CreateEnum, CreateComposite, CreateDomain, AlterEnum, DropType)):
        return typescripts.steps(connection, argument, notices)
    if isinstance(argument, CreateFunction):
        return functionscripts.create(connection, argument)
    if isinstance(argument, DropFunction):
        return functionscripts.drop(connection, argument, notices)
    if isinstance(argument, Comment):
        return comments.steps(connection, argument)
    if isinstance(argument, Truncate):
        return _truncate(connection, argument, notices)
    if isinstance(argument, Drop):
        return _drop(connection, argument, notices)
    if isinstance(argument, CreateSchema):
        return schemas.create(connection, argument, notices)
    if isinstance(argument, DropSchema):
        return _drop_schemas(connection, argument, notices)
    if isinstance(argument, AlterTable):
        return [
            *_labels_checked(connection, argument),
            *alter(connection, argument),
            *_in_its_place(connection, argument),
        ]
    raise AssertionError(f"{argument!r} is no script")


def _materialized(
    connection: Connection, statement: Statement, argument: CreateMaterialized, notices: list[Notice]
) -> list[str]:
    """
    :raises StatementError: 42P07, there is something of that name.
    """
    with_schema(statement, Declared(connection))
    with connection.guard.trusted():
        if not connection.has(argument.name):
            return [argument.text]
    message = f'relation "{own_name(argument.name)}" already exists'
    pass_over(StatementError("42P07", message), notices, allowed=argument.if_not_exists, told="42P07")
    return []


def _refreshed(connection: Connection, argument: Refresh) -> list[str]:
    """
    :raises StatementError: 42P01, 0A000, there is no such view.
    """
    own = own_name(argument.name)
    kind, materialized = schemas.kind_of(connection, argument.name)
    if kind is None:
        raise StatementError("42P01", f'relation "{own}" does not exist')
    if kind == "table":
        raise StatementError("0A000", f'"{own}" is not a materialized view')
    if not materialized:
        raise StatementError("42809", f'"{own}" is not a table or materialized view')
    return []


def _labels_checked(connection: Connection, argument: AlterTable) -> Iterator[str]:
    """Queries that refuse a column's texts, where it becomes an enumeration's, if they are no labels.

    :raises StatementError: 0A000, a column becomes a domain's.
    """
    for action in argument.actions:
        if action.action in ("type", "add column"):
            behind = 0 if action.action == "type" else tokenize(action.text)[0].end
            one = typeviews.domain_of(connection, action.text[behind:].strip())
            if one is not None:
                raise altered(one.name)
        words = typeviews.words_of(connection, action.text) if action.action == "type" else None
        if words is not None and action.name is not None:
            before, after = made.call(words)
            yield f"SELECT count({before}{quoted_name(action.name)}{after}) FROM {quoted_name(argument.table)}"


def _in_its_place(connection: Connection, argument: AlterTable) -> list[str]:
    """A table without columns gets one: what stood for none goes."""
    if not any(action.action == "add column" for action in argument.actions):
        return []
    with connection.guard.trusted():
        asked = "SELECT name FROM pragma_table_info(?, 'main')"
        if connection.execute(asked, (argument.table,)).fetchall() != [(NO_COLUMN,)]:
            return []
    return [f"ALTER TABLE {quoted_name(argument.table)} DROP COLUMN {NO_COLUMN}"]


#: SQLSTATE of what is not there, by its kind.
_ABSENT = {"TABLE": "42P01", "VIEW": "42P01", "INDEX": "42704", "TRIGGER": "42704"}


_IF_NOT_EXISTS = re.compile(
    r"""\s*CREATE\s+(?:TEMP\w*\s+|UNIQUE\s+|UNLOGGED\s+)*(?:TABLE|INDEX(?:\s+CONCURRENTLY)?|VIEW|SEQUENCE)\s+IF\s+NOT\s+EXISTS\s+"""
    r"""(?:public\.)?("(?:[^"]|"")+"|\w+)""",
    re.IGNORECASE,
)


def already_there(connection: Connection, statement: Statement) -> list[Notice]:
    """What PostgreSQL says when ``CREATE … IF NOT EXISTS`` has nothing to do. Asked before it is run."""
    match = _IF_NOT_EXISTS.match(statement.text)
    if match is None:
        return []
    name = match[1][1:-1].replace('""', '"') if match[1][0] == '"' else match[1].lower()
    with connection.guard.trusted():
        if not connection.has(name):
            return []
    shown = own_name(name) if statement.schema is not None else name
    return [Notice("NOTICE", "42P07", f'relation "{shown}" already exists, skipping')]


_INDEXED = re.compile(r"""\bON\s+("(?:[^"]|"")+"|\w+)\s*\(""", re.IGNORECASE)


def is_of_view(connection: Connection, sql: str) -> bool:
    """Is a CREATE INDEX one of a materialized view?"""
    match = _INDEXED.search(sql)
    if match is None:
        return False
    kind, materialized = schemas.kind_of(connection, bare(match[1]))
    return kind == "view" and materialized


def _drop(connection: Connection, argument: Drop, notices: list[Notice]) -> list[str]:
    """What is there is dropped; foreign keys onto it keep it, or go with CASCADE, as in PostgreSQL."""
    what = argument.what.lower()
    texts = []
    cut: dict[str, list[Alteration]] = {}
    leaving = {name.lower() for name, _ in argument.names}
    with connection.guard.trusted():
        for name, words in argument.names:
            found = connection.execute(
                "SELECT type FROM main.sqlite_schema WHERE name = ?1 COLLATE NOCASE"
                " UNION ALL SELECT type FROM temp.sqlite_schema WHERE name = ?1 COLLATE NOCASE",
                (name,),
            ).fetchall()
            kinds = {str(kind) for (kind,) in found}
            if what not in kinds and (not kinds or what in ("index", "trigger")):
                if not argument.if_exists:
                    schema, name = parted(name)
                    if schema is not None:
                        schemas.require(connection, schema)
                absent = StatementError(_ABSENT[argument.what], f'{what} "{name}" does not exist')
                pass_over(absent, notices, allowed=argument.if_exists)
                continue
            _refuse_other(connection, argument, name)
            if what == "table":
                for child, constraint in _keys_onto(connection, name):
                    if child.lower() in leaving:
                        continue
                    if not argument.cascade:
                        detail = f"constraint {constraint} on table {child} depends on table {name}"
                        raise depended_on(f"table {name}", detail)
                    notices.append(
                        Notice("NOTICE", "00000", f"drop cascades to constraint {constraint} on table {child}")
                    )
                    cut.setdefault(child, []).append(Alteration("drop constraint", constraint))
            texts.append(f"DROP {argument.what} {words}")
    # First, while whatever views name is still there: making a table anew reads them.
    return [
        *(text for child, keys in cut.items() for text in alter(connection, AlterTable(child, tuple(keys)))),
        *texts,
    ]


#: How what is called so is dropped, by its kind.
_DROPPED_AS = {"table": "DROP TABLE to remove a table", "view": "DROP VIEW to remove a view"}


def _refuse_other(connection: Connection, argument: Drop, name: str) -> None:
    """
    :raises StatementError: 42809, a view is meant where PostgreSQL would keep the rows, or the other way round, or a table.
    """
    kind, materialized = schemas.kind_of(connection, name)
    if kind is None or argument.what not in ("VIEW", "TABLE") or kind not in _DROPPED_AS:
        return
    wanted = "materialized view" if argument.materialized else argument.what.lower()
    there = "materialized view" if materialized else kind
    if there != wanted:
        hint = _DROPPED_AS.get(there, "DROP MATERIALIZED VIEW to remove a materialized view")
        raise StatementError("42809", f'"{own_name(name)}" is not a {wanted}', hint=f"Use {hint}.")


def _drop_schemas(connection: Connection, argument: DropSchema, notices: list[Notice]) -> list[str]:
    """What is in them goes first, with CASCADE; public stays, empty."""
    texts: list[str] = []
    for schema in argument.names:
        if schemas.gone(connection, schema, if_exists=argument.if_exists, notices=notices):
            continue
        with connection.guard.trusted():
            inside = schemas.contents(connection, schema)
        if inside and not argument.cascade:
            raise schemas.not_empty(schema, inside)
        tables = [(name, quoted_name(name)) for kind, name in inside if kind == "table"]
        dropped = _drop(connection, Drop("TABLE", tuple(tables), if_exists=True, cascade=True), [])
        texts += dropped[: len(dropped) - len(tables)]  # the keys of others onto them
        texts += [f"DROP VIEW {quoted_name(name)}" for kind, name in inside if kind == "view"]
        texts += dropped[len(dropped) - len(tables) :]
        for name in (name for kind, name in inside if kind == "type"):
            _used_outside(connection, name, {table.lower() for table, _ in tables})
            texts.append(typeviews.drop(name))
        if len(inside) == 1:
            notices.append(
                Notice("NOTICE", "00000", f"drop cascades to {inside[0][0]} {schemas.shown(schema, inside[0][1])}")
            )
        elif inside:
            detail = "\n".join(f"drop cascades to {kind} {schemas.shown(schema, name)}" for kind, name in inside)
            notices.append(Notice("NOTICE", "00000", f"drop cascades to {len(inside)} other objects", detail=detail))
        if schema != PUBLIC:
            texts.append(f"DROP VIEW {quoted_name(schemas.PREFIX + schema)}")
    return texts


def _used_outside(connection: Connection, name: str, leaving: set[str]) -> None:
    """
    :raises StatementError: 0A000, a table that stays has columns of a type that goes.
    """
    for use in typeviews.uses(connection, name):
        if use.table.lower() not in leaving:
            raise StatementError(
                "0A000",
                f"dropping column {use.column} of table {use.table} with a schema is not supported",
                hint=f"DROP TYPE {name} CASCADE first.",
            )


def _keys_onto(connection: Connection, table: str) -> list[tuple[str, str]]:
    """The foreign keys of other tables onto `table`: whose, and their names."""
    found = []
    for child in _children(connection, table):
        if child.lower() == table.lower():
            continue
        sql = connection.execute("SELECT sql FROM main.sqlite_schema WHERE name = ?", (child,)).get
        keys: dict[int, list[str]] = {}
        for number, column in connection.execute(
            'SELECT id, "from" FROM pragma_foreign_key_list(?) WHERE "table" = ? COLLATE NOCASE ORDER BY id, seq',
            (child, table),
        ).fetchall():
            keys.setdefault(int(str(number)), []).append(str(column))
        named = {
            tuple(column.lower() for column in one.columns): one.name for one in constraints(sql) if one.kind == FOREIGN
        }
        for columns in keys.values():
            name = named.get(tuple(column.lower() for column in columns))
            found.append((child, name or f"{own_name(child)}_{'_'.join(columns)}_fkey"))
    return found


def _truncate(connection: Connection, argument: Truncate, notices: list[Notice]) -> list[str]:
    with connection.guard.trusted():
        tables = [_table(connection, name) for name in argument.tables]
        private = {table for table in tables if temporary.is_there(connection, table)}
        for table in tables:  # grows while it is walked: those that refer to one that refers
            for child in _children(connection, table) if table not in private else ():
                if child in tables:
                    continue
                if not argument.cascade:
                    raise StatementError(
                        "0A000",
                        "cannot truncate a table referenced in a foreign key constraint",
                        detail=f'Table "{child}" references "{table}".',
                        hint=f'Truncate table "{child}" at the same time, or use TRUNCATE ... CASCADE.',
                    )
                notices.append(Notice("NOTICE", "00000", f'truncate cascades to table "{child}"'))
                tables.append(child)
        counted = {
            schema for schema in ("main", "temp") if argument.restart_identity and has_sequences(connection, schema)
        }
    texts = [f"DELETE FROM {quoted_name(table)}" for table in reversed(tables)]
    for table in tables:
        schema = "temp" if table in private else "main"
        if schema in counted:
            texts.append(f"DELETE FROM {schema}.sqlite_sequence WHERE name = {quoted(table)}")
    return texts


def _table(connection: Connection, name: str) -> str:
    found = schemas.table_called(connection, name)
    if found is None:
        raise StatementError("42P01", f'relation "{name}" does not exist')
    return found[0]


def _children(connection: Connection, table: str) -> list[str]:
    rows = connection.execute(
        "SELECT DISTINCT s.name FROM main.sqlite_schema s, pragma_foreign_key_list(s.name) f"
        " WHERE s.type = 'table' AND f.[table] = ? COLLATE NOCASE",
        (table,),
    )
    return [str(name) for (name,) in rows]


@contextmanager
def conditions(connection: Connection, statement: Statement) -> Iterator[None]:
    """Around the steps: while a table is made anew its foreign keys must not act; afterwards they must hold.

    :raises StatementError: 23503, a new foreign key does not hold.
    """
    argument = statement.argument
    if not isinstance(argument, (AlterTable, AlterEnum, AlterDomain)) and not (
        isinstance(argument, (Drop, DropSchema, DropType)) and argument.cascade
    ):
        yield
        return
    enforced = connection.config(apsw.SQLITE_DBCONFIG_ENABLE_FKEY, -1)
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_FKEY, 0)
    try:
        yield
    finally:
        connection.config(apsw.SQLITE_DBCONFIG_ENABLE_FKEY, enforced)
    if isinstance(argument, AlterTable):
        wanted = _keys_to_check(connection, argument)
        if wanted:
            check_keys(connection, argument.table, wanted)


def _keys_to_check(connection: Connection, argument: AlterTable) -> set[str]:
    """The names of the foreign keys that are new, or to be validated."""
    found = set()
    for action in argument.actions:
        tokens = tokenize(action.text)
        if action.action == "validate constraint":
            found.add(action.name or "")
        elif action.action == "add column" and any(token.key == "REFERENCES" for token in tokens):
            found.add(key_name(argument.table, [action.name or ""], constraints(f"CREATE TABLE x ({action.text})")))
        elif action.action == "add constraint" and tokens[0].key == "FOREIGN" and action.valid:
            found.add(action.name or key_name(argument.table, constraint_columns(action.text), ()))
    return found
