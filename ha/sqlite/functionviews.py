"""CREATE FUNCTION: where PostgreSQL has a row of pg_proc, a view of the file holds each function.

``CREATE FUNCTION twice(x int) RETURNS int LANGUAGE sql AS 'SELECT x * 2'`` is kept as ::

    CREATE VIEW "function twice(int4)" (part, name, type, said) AS VALUES
        ('argument', 'x', 'int4', ''), ('result', '', 'int4', 'v'), ('query', '', 'sql', 'SELECT x * 2')

so that it travels with the file and through the log as every definition does, as types do (:mod:`ha.sqlite.typeviews`). What a call
becomes, :mod:`ha.sql.storedfunctions` says; a view, which keeps its text with the calls written out, keeps a function as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from ha.sql.storedfunctions import Argument, Function
from ha.sql.tokens import literal, quoted, quoted_name, tokenize

if TYPE_CHECKING:
    from ha.sqlite.connection import Connection

#: What the name of a function's view begins with.
PREFIX: Final = "function "
_HEAD: Final = " (part, name, type, said) AS VALUES "
_VIEWS: Final = f"SELECT name, sql FROM main.sqlite_schema WHERE type = 'view' AND name >= '{PREFIX}' AND name < 'function!' ORDER BY rowid"
_STRICT: Final = "strict"


def is_one(view: str, sql: str) -> bool:
    """Does a view hold a function?"""
    return view.startswith(PREFIX) and _HEAD in sql


def kept(connection: Connection) -> Mapping[str, tuple[Function, ...]]:
    """All of them, by their names. Remembered while the schema stands."""
    return connection.remembered((PREFIX,), lambda: _by_name(connection))


def _by_name(connection: Connection) -> dict[str, tuple[Function, ...]]:
    with connection.guard.trusted():
        rows: list[Any] = connection.execute(_VIEWS).fetchall()
    found: dict[str, tuple[Function, ...]] = {}
    for name, sql in rows:
        if is_one(name, sql):
            one = _read(name, sql)
            found[one.name] = (*found.get(one.name, ()), one)
    return found


def _read(view: str, sql: str) -> Function:
    """From the view's text; a view may not be asked while another statement defines one."""
    _, _, values = sql.partition(_HEAD)
    said = [one for one in (literal(values, token) for token in tokenize(values)) if one is not None]
    arguments, result, query, source = [], ("", "", ""), ("", ""), ("sql", "")
    for part, name, kind, text in zip(said[::4], said[1::4], said[2::4], said[3::4], strict=True):
        if part == "argument":
            arguments.append(Argument(name, kind, text or None))
        elif part == "result":
            result = (name, kind, text)
        elif part == "query":
            query = (kind, text)
        else:
            source = (kind, text)
    name = view.removeprefix(PREFIX).partition("(")[0]
    return Function(name, tuple(arguments), result[1], query[1], result[0] == _STRICT, result[2], source[0], source[1])


def text(one: Function) -> str:
    """What keeps a function."""
    parts = [("argument", argument.name, argument.words, argument.default or "") for argument in one.arguments]
    parts.append(("result", _STRICT if one.strict else "", one.result, one.volatility))
    parts += [("query", "", "sql", one.query), ("source", "", one.language, one.source)]
    rows = ", ".join(f"({', '.join(map(quoted, part))})" for part in parts)
    return f"CREATE VIEW {quoted_name(PREFIX + one.signature)}{_HEAD}{rows}"


def gone(one: Function) -> str:
    """What takes it away."""
    return f"DROP VIEW {quoted_name(PREFIX + one.signature)}"
