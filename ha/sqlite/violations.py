"""Which constraint refused a row, as PostgreSQL tells it: SQLSTATE, the constraint's name, the table, the key in question.

Names follow PostgreSQL's rule (``<table>_pkey``, ``<table>_<columns>_key``) unless the table declares one. SQLite does not keep the
row that failed; :mod:`ha.sqlite.culprits` finds it again for DETAIL, where that can be done.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import apsw

from ha.errors import StatementError, depended_on
from ha.sql import domains
from ha.sql.constraints import PRIMARY, UNIQUE, constraints
from ha.sql.namespaces import TEMPORARY, parted
from ha.sql.tabletext import NEW_PREFIX
from ha.sqlite import culprits, schemas, temporary
from ha.sqlite.breaches import NAME, bare, breach, of_rebuilding
from ha.sqlite.connection import Connection
from ha.sqlite.labels import violated
from ha.values import Parameters


def violation(
    error: apsw.ConstraintError, connection: Connection, sql: str, values: Parameters
) -> StatementError | None:
    """What a constraint of the schema refused, None if it was none of the four kinds that PostgreSQL has, too.

    Called where it happened: the transaction must still be as the statement found it.
    """
    found = breach(error, connection, sql) or _found(error, connection, sql, values)
    if found is not None and (found.table or "").startswith(NEW_PREFIX):
        found = of_rebuilding(found)
    return None if found is None else _in_its_schema(found, connection)


def _found(error: apsw.ConstraintError, connection: Connection, sql: str, values: Parameters) -> StatementError | None:
    kind, _, what = str(error).partition(" constraint failed")
    what = what.removeprefix(": ")
    if kind == "UNIQUE":
        return _duplicate(what, connection, sql, values)
    if kind == "NOT NULL":
        table, _, column = what.rpartition(".")
        new = culprits.written(connection, sql, values, table)
        return StatementError(
            "23502",
            f'null value in column "{column}" of relation "{table}" violates not-null constraint',
            detail=culprits.null(new, column) if new is not None else None,
            table=table,
            column=column,
        )
    if kind == "CHECK":
        return _check(what, connection, sql, values)
    if kind == "FOREIGN KEY":
        return _foreign_key(connection, sql, values)
    return None


def _in_its_schema(error: StatementError, connection: Connection) -> StatementError:
    """PostgreSQL names a table without its schema here, and says that in a field of its own."""
    with connection.guard.trusted():
        if error.table and temporary.is_there(connection, error.table):
            error.schema = TEMPORARY
            return error
    known = schemas.names(connection)
    if not known:
        return error
    if error.detail:
        error.detail = _OF_SCHEMA.sub(
            lambda found: f'table "{found[2]}"' if found[1] in known else found[0], error.detail
        )
    schema, own = parted(error.table or "")
    if schema is None or schema not in known:
        return error
    error.message = error.message.replace(f'"{error.table}"', f'"{own}"').replace(f'"{schema}.', '"')
    error.constraint = error.constraint.removeprefix(f"{schema}.") if error.constraint else None
    error.schema, error.table = schema, own
    return error


_OF_SCHEMA = re.compile(r'table "([^".]+)\.([^"]+)"')


def _duplicate(what: str, connection: Connection, sql: str, values: Parameters) -> StatementError:
    """`what` is ``table.column, table.column`` or ``index 'name'`` (an index on expressions)."""
    if what.startswith("index '"):
        name = what[len("index '") : -1]
        with connection.guard.trusted():
            table = connection.execute("SELECT tbl_name FROM main.sqlite_schema WHERE name = ?", (name,)).get
        columns: tuple[str, ...] = ()
    else:
        # A table's name may hold a dot or a comma; all the terms begin with the same name.
        table, columns = _table_and_columns(what, connection)
        name = _unique_name(table, columns, connection)
    new = culprits.written(connection, sql, values, table) if columns else None
    detail = culprits.duplicate(connection, new, columns) if new is not None else None
    return StatementError(
        "23505",
        f'duplicate key value violates unique constraint "{name}"',
        detail=detail or (f"Key ({', '.join(columns)}) already exists." if columns else None),
        table=table,
        constraint=name,
    )


def _table_and_columns(what: str, connection: Connection) -> tuple[str, tuple[str, ...]]:
    with connection.guard.trusted():
        tables = [name for (name,) in connection.execute("SELECT name FROM pragma_table_list WHERE schema <> 'temp'")]
    for table in sorted(tables, key=len, reverse=True):
        if what.startswith(table + "."):
            terms = what.split(f", {table}.")
            return table, (terms[0][len(table) + 1 :], *terms[1:])
    table, _, column = what.partition(".")
    return table, (column,)


def _unique_name(table: str, columns: tuple[str, ...], connection: Connection) -> str:
    key = tuple(column.lower() for column in columns)
    for one in constraints(_text(table, connection)):
        if one.kind in (PRIMARY, UNIQUE) and one.name is not None and tuple(map(str.lower, one.columns)) == key:
            return one.name
    with connection.guard.trusted():
        indexes = connection.execute(
            'SELECT name, origin FROM pragma_index_list(?) WHERE "unique"', (table,)
        ).fetchall()
        for index, origin in indexes:
            found = tuple(
                (column or "").lower()
                for (column,) in connection.execute("SELECT name FROM pragma_index_info(?) ORDER BY seqno", (index,))
            )
            if found == key and origin == "u":
                return f"{table}_{'_'.join(columns)}_key"
            if found == key and origin == "c":
                return str(index)
    return f"{table}_pkey"  # the rowid's alias and a WITHOUT ROWID table's key have no index of their own


_DECLARED = re.compile(
    rf"\bCONSTRAINT\s+({NAME})\s+(PRIMARY\s+KEY|UNIQUE|CHECK|FOREIGN\s+KEY)\s*(?:\(([^()]*)\))?", re.IGNORECASE
)


def _declared(table: str, connection: Connection) -> list[tuple[str, str, tuple[str, ...]]]:
    """The constraints that the table's author named: name, words, columns. A guess at best, used for a name only."""
    return [
        (
            bare(name),
            " ".join(words.upper().split()),
            tuple(bare(column.split()[0]).lower() for column in (columns or "").split(",") if column.split()),
        )
        for name, words, columns in _DECLARED.findall(_text(table, connection))
    ]


def _text(table: str, connection: Connection) -> str:
    """What the table was made with: the session's own goes before everybody's. Empty where there is none."""
    with connection.guard.trusted():
        found = schemas.table_called(connection, table)
    return "" if found is None else found[1]


def _check(what: str, connection: Connection, sql: str, values: Parameters) -> StatementError:
    """`what` is the constraint's name, or its expression where it has none. SQLite does not say of which table."""
    if what.startswith(domains.PREFIX):
        name, _, check = what[len(domains.PREFIX) :].rpartition(" ")
        return violated(name, check)
    tables = written_by(connection, sql)
    for table in tables:
        if any(name == what for name, words, _ in _declared(table, connection) if words == "CHECK"):
            return _check_failed(table, what, connection, sql, values)
    for table in tables:
        with connection.guard.trusted():
            columns = [name for (name,) in connection.execute("SELECT name FROM pragma_table_info(?)", (table,))]
        used = [name for name in columns if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", what, re.IGNORECASE)]
        if used:
            # PostgreSQL's rule: the column's name is part of it if it is the only one.
            name = f"{table}_{used[0]}_check" if len(used) == 1 else f"{table}_check"
            return _check_failed(table, name, connection, sql, values, what)
    return StatementError("23514", f"new row violates check constraint: {what}")


def _check_failed(
    table: str, name: str, connection: Connection, sql: str, values: Parameters, expression: str | None = None
) -> StatementError:
    if expression is None:
        text = _text(table, connection)
        expression = next((one.expression for one in constraints(text) if one.name == name), "NULL")
    new = culprits.written(connection, sql, values, table)
    return StatementError(
        "23514",
        f'new row for relation "{table}" violates check constraint "{name}"',
        detail=culprits.against(connection, new, expression) if new is not None else None,
        table=table,
        constraint=name,
    )


def _foreign_key(connection: Connection, sql: str, values: Parameters) -> StatementError:
    """SQLite does not say which key failed: found by the rows that were written, or named where only one can have."""
    tables = written_by(connection, sql)
    if len(tables) == 1 and (table := tables[0]):
        keys = _foreign_keys(table, connection)
        own = [key for key in keys if key.child.lower() == table.lower()]
        onto = [key for key in keys if key.parent.lower() == table.lower()]
        if connection.facts(sql).changes_schema:
            line = f"constraint {onto[0].name} on table {onto[0].child} depends on table {table}" if onto else None
            return depended_on(f"table {table}", line)
        new = culprits.written(connection, sql, values, table) if own else None
        for key in own:
            detail = new and culprits.orphan(connection, new, key.columns, key.parent, key.onto)
            if detail or (len(own) == 1 and not onto):
                return StatementError(
                    "23503",
                    f'insert or update on table "{key.child}" violates foreign key constraint "{key.name}"',
                    detail=detail or f'Key ({", ".join(key.columns)}) is not present in table "{key.parent}".',
                    table=key.child,
                    constraint=key.name,
                )
        for key in onto:
            gone = culprits.deleted(connection, sql, values, table, key.onto)
            detail = culprits.referenced(connection, gone, key.onto, key.child, key.columns)
            if detail or (len(onto) == 1 and not own):
                return StatementError(
                    "23503",
                    f'update or delete on table "{key.parent}" violates foreign key constraint "{key.name}" '
                    f'on table "{key.child}"',
                    detail=detail or f'Key is still referenced from table "{key.child}".',
                    table=key.child,
                    constraint=key.name,
                )
    return StatementError(
        "23503", "a foreign key constraint is violated", table=tables[0] if len(tables) == 1 else None
    )


class _ForeignKey(NamedTuple):
    """One foreign key: columns of `child` onto columns of `parent`."""

    child: str
    columns: tuple[str, ...]
    parent: str
    onto: tuple[str, ...]

    @property
    def name(self) -> str:
        """PostgreSQL's for one that was not named."""
        return f"{self.child}_{'_'.join(self.columns)}_fkey"


def _foreign_keys(table: str, connection: Connection) -> list[_ForeignKey]:
    """The keys of `table` and the keys onto it."""
    keys: dict[tuple[str, int], tuple[str, list[tuple[str, str | None]]]] = {}
    with connection.guard.trusted():
        for child, number, parent, column, onto in connection.execute(
            'SELECT list.name, key.id, key."table", key."from", key."to" FROM pragma_table_list AS list,'
            " pragma_foreign_key_list(list.name) AS key"
            " WHERE list.schema = 'main' AND list.type = 'table'"
            ' AND (list.name = ?1 COLLATE NOCASE OR key."table" = ?1 COLLATE NOCASE) ORDER BY 1, 2, key.seq',
            (table,),
        ).fetchall():
            keys.setdefault((str(child), int(number)), (str(parent), []))[1].append((str(column), onto))  # type: ignore[arg-type]
        found = []
        for (child, _), (parent, pairs) in keys.items():
            onto = tuple(other for _, other in pairs if other is not None)
            if len(onto) < len(pairs):  # REFERENCES parent: its primary key
                onto = tuple(
                    name
                    for (name,) in connection.execute(
                        "SELECT name FROM pragma_table_info(?) WHERE pk ORDER BY pk", (parent,)
                    )
                )
            found.append(_ForeignKey(child, tuple(column for column, _ in pairs), parent, onto))
    return found


def written_by(connection: Connection, sql: str) -> list[str]:
    """The tables that `sql` writes; none if it cannot be asked any more (the schema moved on)."""
    try:
        return sorted(connection.facts(sql).tables_written)
    except (apsw.Error, StatementError):
        return []
