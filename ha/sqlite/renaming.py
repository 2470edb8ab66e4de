"""Other names for what SQLite has no RENAME for: indexes, views, constraints. They are made again under the new one."""

from __future__ import annotations

from ha.errors import Notice, StatementError, pass_over
from ha.sql.declarations import MATERIALIZED_MARK
from ha.sql.kinds import Alteration, AlterTable, Rename
from ha.sql.namespaces import beside, own_name
from ha.sql.tabletext import find_constraint, mentions, taken_apart
from ha.sql.tokens import quoted_name, tokenize
from ha.sqlite import comments, schemas
from ha.sqlite.connection import Connection
from ha.sqlite.rebuild import alter


def of_view(connection: Connection, argument: AlterTable) -> Rename | None:
    """What ALTER TABLE … RENAME TO says of a view, which PostgreSQL takes as ALTER VIEW; None for a table."""
    if [action.action for action in argument.actions] != ["rename to"]:
        return None
    kind, materialized = schemas.kind_of(connection, argument.table)
    if kind != "view":
        return None
    return Rename(
        "materialized view" if materialized else kind,
        argument.table,
        own_name(argument.actions[0].text),
        argument.if_exists,
    )


def renamed(connection: Connection, argument: Rename, notices: list[Notice]) -> list[str]:
    """The texts of ALTER INDEX, ALTER VIEW or ALTER MATERIALIZED VIEW … RENAME TO.

    :raises StatementError: 42P01, 42P07, 42809; 0A000, a view that others name.
    """
    new = beside(argument.name, argument.new)
    with connection.guard.trusted():
        found = connection.execute(
            "SELECT type, name, sql FROM main.sqlite_schema WHERE name = ? COLLATE NOCASE", (argument.name,)
        ).fetchone()
        taken = connection.has(new)
        owner = _owner(connection, argument.name) if found is None and argument.kind == "index" else None
    if owner is not None:  # the index of a key: it is called as the constraint is
        return alter(
            connection, AlterTable(owner, (Alteration("rename constraint", own_name(argument.name), argument.new),))
        )
    if found is None:
        absent = StatementError("42P01", f'relation "{own_name(argument.name)}" does not exist')
        pass_over(absent, notices, allowed=argument.if_exists)
        return []
    kind, name, sql = str(found[0]), str(found[1]), str(found[2])
    actual = "materialized view" if kind == "view" and MATERIALIZED_MARK in sql else kind
    if actual != argument.kind:
        raise StatementError(
            "42809", f'"{own_name(name)}" is not {"an" if argument.kind == "index" else "a"} {argument.kind}'
        )
    if taken:
        raise StatementError("42P07", f'relation "{own_name(new)}" already exists')
    if kind == "view":
        _refuse_named(connection, name)
    texts = [f"DROP {kind.upper()} {quoted_name(name)}", _called(sql, kind.upper(), new)]
    return [*texts, *comments.moved(connection, name, relation=new)]


def _called(sql: str, word: str, new: str) -> str:
    """A CREATE INDEX or CREATE VIEW with another name."""
    tokens = tokenize(sql)
    at = next(at for at, token in enumerate(tokens) if token.key == word) + 1
    if tokens[at].key == "IF":
        at += 3
    return f"{sql[: tokens[at].start]}{quoted_name(new)}{sql[tokens[at].end :]}"


def _owner(connection: Connection, constraint: str) -> str | None:
    """The table that has a key of this name in its own text."""
    for name, sql in connection.execute("SELECT name, sql FROM main.sqlite_schema WHERE type = 'table'").fetchall():
        if str(sql).upper().startswith("CREATE TABLE"):
            found = find_constraint(taken_apart(str(name), str(sql)), own_name(constraint))
            if found is not None and beside(str(name), own_name(constraint)) == constraint:
                return str(name)
    return None


def _refuse_named(connection: Connection, view: str) -> None:
    """
    :raises StatementError: 0A000, another view or a trigger names it, and would not find it.
    """
    with connection.guard.trusted():
        rows = connection.execute(
            "SELECT type, name, sql FROM main.sqlite_schema WHERE type IN ('view', 'trigger') AND name <> ?", (view,)
        ).fetchall()
    for kind, name, sql in rows:
        if mentions(str(sql), view) and not str(name).startswith("comment on "):
            raise StatementError(
                "0A000",
                f'renaming "{own_name(view)}", which {kind} "{own_name(str(name))}" names, is not supported',
                hint=f"Drop the {kind} first, and create it again.",
            )
