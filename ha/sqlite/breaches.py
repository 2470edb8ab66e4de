"""What a row that is there breaks of a constraint that a definition would add: ALTER TABLE, CREATE UNIQUE INDEX.

SQLite says of all of them that a constraint failed, or nothing at all; PostgreSQL says which, of what, and which key stands twice.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

import apsw

from ha.errors import StatementError
from ha.sql.constraints import FOREIGN, Constraint, constraints, index_terms
from ha.sql.namespaces import own_name, parted
from ha.sql.tabletext import NEW_PREFIX
from ha.sql.tokens import quoted_name
from ha.sql.typenames import declared_type
from ha.sqlite import schemas
from ha.sqlite.connection import Connection
from ha.sqlite.culprits import key_shown

#: A name in SQL's text, quoted in any of SQLite's ways or not.
NAME: Final = r'(?:"(?:[^"]|"")+"|`[^`]+`|\[[^\]]+\]|\w+)'

_ALTER = rf"\s*ALTER\s+TABLE\s+(?:(?:main|public)\.)?(?P<table>{NAME})\s+"
_SET_NOT_NULL = re.compile(rf"{_ALTER}ALTER\s+(?:COLUMN\s+)?(?P<column>{NAME})\s+SET\s+NOT\s+NULL", re.IGNORECASE)
_ADD_CHECK = re.compile(rf"{_ALTER}ADD\s+CONSTRAINT\s+(?P<name>{NAME})\s+CHECK\b", re.IGNORECASE)
_ADD_COLUMN = re.compile(rf"{_ALTER}ADD\s+(?:COLUMN\s+)?(?P<column>{NAME})", re.IGNORECASE)
_INLINE_CHECK = re.compile(rf"\bCONSTRAINT\s+(?P<name>{NAME})\s+CHECK\b", re.IGNORECASE)
_UNIQUE_INDEX = re.compile(
    rf"\s*CREATE\s+UNIQUE\s+INDEX\s+(?:IF\s+NOT\s+EXISTS\s+)?(?:main\.)?(?P<name>{NAME})\s.*?\bON\s+(?P<table>{NAME})",
    re.IGNORECASE | re.DOTALL,
)


def bare(name: str) -> str:
    """A name without its quotes, of any of SQLite's kinds."""
    return name[1:-1].replace('""', '"') if name[0] in '"`[' else name


def breach(error: apsw.Error, connection: Connection, sql: str) -> StatementError | None:
    """What `sql` says of the rows that are there; None if it was no such definition, or it failed for something else.

    Called where it happened: the transaction must still be as the statement found it.
    """
    message = str(error)
    if (found := _SET_NOT_NULL.match(sql)) is not None:
        return nulls(bare(found["table"]), bare(found["column"])) if "constraint failed" in message else None
    if (found := _ADD_CHECK.match(sql)) is not None:
        return _unchecked(bare(found["table"]), bare(found["name"])) if "constraint failed" in message else None
    if (found := _ADD_COLUMN.match(sql)) is not None:
        table, column = bare(found["table"]), bare(found["column"])
        if message.startswith("CHECK constraint failed"):
            named = _INLINE_CHECK.search(sql)
            return _unchecked(table, bare(named["name"]) if named is not None else f"{own_name(table)}_{column}_check")
        return nulls(table, column) if "NOT NULL" in message else None
    if (found := _UNIQUE_INDEX.match(sql)) is not None:
        if not message.startswith("UNIQUE constraint failed"):
            return None
        return _doubles(connection, bare(found["table"]), bare(found["name"]), sql)
    return None


def of_rebuilding(error: StatementError) -> StatementError:
    """What a row would break in a table that is made anew, as of the table that it becomes."""
    table = (error.table or "").removeprefix(NEW_PREFIX)
    name = (error.constraint or "").replace(NEW_PREFIX, "", 1)
    if error.sqlstate == "23502" and error.column is not None:
        return nulls(table, error.column)
    if error.sqlstate == "23514":
        return _unchecked(table, name)
    if error.sqlstate == "23505":
        detail = error.detail and error.detail.replace("already exists", "is duplicated")
        return _not_unique(table, name, detail)
    return error


def nulls(table: str, column: str) -> StatementError:
    """The error for rows that have NULL where a column shall have none."""
    return StatementError(
        "23502", f'column "{column}" of relation "{parted(table)[1]}" contains null values', table=table, column=column
    )


def _unchecked(table: str, name: str) -> StatementError:
    return StatementError(
        "23514",
        f'check constraint "{name}" of relation "{parted(table)[1]}" is violated by some row',
        table=table,
        constraint=name,
    )


def _not_unique(table: str, name: str, detail: str | None) -> StatementError:
    message = f'could not create unique index "{parted(name)[1]}"'
    return StatementError("23505", message, detail=detail, table=table, constraint=name)


def _doubles(connection: Connection, table: str, name: str, sql: str) -> StatementError:
    """The first key that stands twice."""
    terms, where = index_terms(sql)
    texts = [term.text for term in terms]
    listed = ", ".join(texts)
    conditions = " AND ".join([*(f"({text}) IS NOT NULL" for text in texts), *([f"({where})"] if where else ())])
    with connection.guard.trusted():
        row = connection.execute(
            f"SELECT {listed} FROM {quoted_name(table)} WHERE {conditions} GROUP BY {listed}"
            f" HAVING count(*) > 1 ORDER BY {listed} LIMIT 1"
        ).fetchone()
        types = {
            str(column).lower(): declared_type(str(words or ""))
            for column, words in connection.execute("SELECT name, type FROM pragma_table_xinfo(?)", (table,))
        }
    if row is None:
        return _not_unique(table, name, None)
    shown = [bare(text) if re.fullmatch(NAME, text) else text for text in texts]
    detail = key_shown(shown, row, [types.get(one.lower()) for one in shown])
    return _not_unique(table, name, f"{detail} is duplicated.")


def check_keys(connection: Connection, table: str, wanted: Collection[str]) -> None:
    """Do some foreign keys of a table hold for all its rows?

    :param wanted: their names.
    :raises StatementError: 23503; 42830, what one refers to is no key; 42P01, or is not there.
    """
    with connection.guard.trusted():
        called = schemas.table_called(connection, table)
        if called is None:
            return
        _, sql, schema = called
        keys: dict[int, tuple[str, list[str]]] = {}
        rows = connection.execute(
            'SELECT id, "table", "from" FROM pragma_foreign_key_list(?) ORDER BY id, seq', (table,)
        ).fetchall()
        for number, parent, column in rows:
            keys.setdefault(int(number), (str(parent), []))[1].append(str(column))  # type: ignore[arg-type]
        names = {number: key_name(table, columns, constraints(sql)) for number, (_, columns) in keys.items()}
        for number, (parent, _) in keys.items():
            if names[number] in wanted and schemas.table_called(connection, parent) is None:
                raise StatementError("42P01", f'relation "{parted(parent)[1]}" does not exist')
        try:
            broken = connection.execute(f"PRAGMA {schema}.foreign_key_check({quoted_name(table)})")
            first = next(((row[1], int(row[3])) for row in broken if names[int(row[3])] in wanted), None)  # type: ignore[arg-type]
            broken.close(True)
        except apsw.SQLError as error:
            if "foreign key mismatch" not in str(error):
                raise
            message = "there is no unique constraint matching given keys for referenced table"
            raise StatementError("42830", message, table=table) from error
        if first is None:
            return
        rowid, number = first
        parent, columns = keys[number]
        listed = ", ".join(map(quoted_name, columns))
        row = (
            rowid
            and connection.execute(f"SELECT {listed} FROM {quoted_name(table)} WHERE rowid = ?", (rowid,)).fetchone()
        )
        types = {
            str(column).lower(): declared_type(str(words or ""))
            for column, words in connection.execute("SELECT name, type FROM pragma_table_xinfo(?)", (table,))
        }
    key = key_shown(columns, row, [types.get(one.lower()) for one in columns]) if row else "A row's key"
    raise StatementError(
        "23503",
        f'insert or update on table "{parted(table)[1]}" violates foreign key constraint "{names[number]}"',
        detail=f'{key} is not present in table "{parted(parent)[1]}".',
        table=table,
        constraint=names[number],
    )


def key_name(table: str, columns: Collection[str], declared: Collection[Constraint]) -> str:
    """What a foreign key of these columns is called."""
    low = [column.lower() for column in columns]
    for one in declared:
        if one.kind == FOREIGN and one.name is not None and [column.lower() for column in one.columns] == low:
            return one.name
    return f"{own_name(table)}_{'_'.join(columns)}_fkey"
