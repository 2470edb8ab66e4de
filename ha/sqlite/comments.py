"""COMMENT ON: where PostgreSQL has a catalog table, a view of the file holds each comment.

``COMMENT ON COLUMN users.name IS 'as on the passport'`` is kept as ::

    CREATE VIEW "comment on column users.name" AS
    SELECT 'column' AS kind, 'users' AS "users", 'name' AS part, 'as on the passport' AS comment

so that it travels with the file and through the log as every definition does, needs no table of ours, and is plain to whoever
opens the file with SQLite alone. The relation's name as a column's makes the view one that names the table: it is made again when
:mod:`ha.sqlite.rebuild` makes its table again.

A comment is older than a table of its name only if the table was dropped and created again, and then it is not that table's. What
stays behind is dropped by the next COMMENT ON. When a table or column is renamed by ALTER TABLE through the PostgreSQL door, its comments
follow; by SQLite's own, they stay behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ha.errors import StatementError
from ha.sql.kinds import Comment
from ha.sql.tokens import quoted, quoted_name

if TYPE_CHECKING:
    from ha.sqlite.connection import Connection

#: What the name of a comment's view begins with.
PREFIX: Final = "comment on "

_VIEWS: Final = f"""
    SELECT name, rowid, sql FROM main.sqlite_schema WHERE type = 'view' AND name >= '{PREFIX}' AND name < 'comment on!' ORDER BY rowid
"""
_KINDS: Final = {
    "table": ("table",),
    "view": ("view",),
    "sequence": ("table",),
    "index": ("index",),
    "column": ("table", "view"),
}


class Kept(NamedTuple):
    """One comment.

    :param view: the view that holds it.
    :param kind: ``table``, ``view``, ``sequence``, ``index``, ``column`` or ``constraint``.
    :param relation: what it is about, or whose part.
    :param part: the column or constraint, else None.
    """

    view: str
    kind: str
    relation: str
    part: str | None
    text: str


def comments(connection: Connection) -> list[Kept]:
    """All that are about something that is there. Inside ``connection.guard.trusted()``."""
    rows = connection.execute("SELECT lower(name), rowid FROM main.sqlite_schema")
    objects: dict[Any, Any] = dict(rows.fetchall())  # type: ignore[arg-type]
    return [
        one
        for one, made in _all(connection)
        # An index is made again beneath its comment when its table is.
        if (one.kind == "index" or objects.get(one.relation.lower(), 0) < made) and _is_there(connection, one)
    ]


def is_one(view: str, sql: str) -> bool:
    """Does a view hold a comment, be it of something that is gone?"""
    return view.startswith(PREFIX) and " AS kind, " in sql


def _all(connection: Connection) -> Iterator[tuple[Kept, int]]:
    views: list[Any] = connection.execute(_VIEWS).fetchall()
    for name, rowid, sql in views:
        if is_one(name, sql):
            row: Any = connection.execute(f"SELECT * FROM main.{quoted_name(name)}").fetchone()
            if row is not None and len(row) == 4:
                yield Kept(name, *row), rowid


def _is_there(connection: Connection, one: Kept) -> bool:
    if one.kind == "column":
        return _columns(connection, one.relation, one.part or "")
    return connection.has(one.relation)


def _columns(connection: Connection, table: str, column: str) -> bool:
    sql = "SELECT 1 FROM pragma_table_xinfo(?, 'main') WHERE name = ? COLLATE NOCASE"
    return connection.execute(sql, (table, column)).get is not None


def steps(connection: Connection, argument: Comment) -> list[str]:
    """The texts of one COMMENT ON.

    :raises StatementError: 42P01 or 42703, there is no such relation or column.
    """
    with connection.guard.trusted():
        relation = _relation(connection, argument)
        if argument.kind == "column" and not _columns(connection, relation, argument.part or ""):
            raise StatementError("42703", f'column "{argument.part}" of relation "{relation}" does not exist')
        there = {one.view for one in comments(connection)}
        behind = [one.view for one, _ in _all(connection) if one.view not in there]
    part = f".{argument.part}" if argument.part is not None else ""
    view = f"{PREFIX}{argument.kind} {relation}{part}"
    texts = [f"DROP VIEW {quoted_name(one)}" for one in behind]
    if view in there:
        texts.append(f"DROP VIEW {quoted_name(view)}")
    if argument.text:
        texts.append(_made(argument.kind, relation, argument.part, argument.text))
    return texts


def _made(kind: str, relation: str, part: str | None, text: str) -> str:
    name = f"{PREFIX}{kind} {relation}{'' if part is None else '.' + part}"
    return (
        f"CREATE VIEW {quoted_name(name)} AS SELECT {quoted(kind)} AS kind, {quoted(relation)} AS {quoted_name(relation)},"
        f" {'NULL' if part is None else quoted(part)} AS part, {quoted(text)} AS comment"
    )


def moved(
    connection: Connection, table: str, *, relation: str | None = None, column: tuple[str, str] | None = None
) -> list[str]:
    """The texts by which a table's comments follow when it, or one of its columns, gets another name.

    :param relation: the table's new name, or None.
    :param column: a column's old and new name, or None.
    """
    texts = []
    with connection.guard.trusted():
        for one in comments(connection):
            if one.relation.lower() != table.lower():
                continue
            part = one.part
            if column is not None:
                if one.kind != "column" or part is None or part.lower() != column[0].lower():
                    continue
                part = column[1]
            texts += [f"DROP VIEW {quoted_name(one.view)}", _made(one.kind, relation or one.relation, part, one.text)]
    return texts


def _relation(connection: Connection, argument: Comment) -> str:
    """The relation's name as it was created."""
    rows = connection.execute(
        "SELECT name, type FROM main.sqlite_schema WHERE name = ? COLLATE NOCASE", (argument.relation,)
    ).fetchall()
    kinds = _KINDS.get(argument.kind, ("table",))
    found = next((name for name, kind in rows if kind in kinds), None)
    if found is not None:
        return str(found)
    if argument.kind in ("index", "sequence"):
        # One that SQLite keeps without a name of its own: t_pkey, t_id_seq.
        return argument.relation
    if rows:
        raise StatementError("42809", f'"{argument.relation}" is not a {argument.kind}')
    raise StatementError("42P01", f'relation "{argument.relation}" does not exist')
