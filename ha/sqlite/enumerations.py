"""CREATE TYPE … AS ENUM: where PostgreSQL has catalog rows, a view of the file holds each type.

``CREATE TYPE mood AS ENUM ('sad', 'ok')`` is kept as ::

    CREATE VIEW "type mood" (place, label) AS VALUES (1, 'sad'), (2, 'ok')

so that it travels with the file and through the log as every definition does, as comments do (:mod:`ha.sqlite.comments`), and is plain
to whoever opens the file with SQLite alone. A column declared ``mood`` keeps its labels as texts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ha.sql.made import Enumeration
from ha.sql.tokens import literal, quoted, quoted_name, tokenize

if TYPE_CHECKING:
    from ha.sqlite.connection import Connection

#: What the name of a type's view begins with.
PREFIX: Final = "type "
_HEAD: Final = " (place, label) AS VALUES "
_VIEWS: Final = f"""
    SELECT name, sql FROM main.sqlite_schema WHERE type = 'view' AND name >= '{PREFIX}' AND name < 'type!' ORDER BY rowid
"""
_COLUMNS: Final = """
    SELECT s.name, c.name, c.type, c.dflt_value FROM main.sqlite_schema AS s, pragma_table_xinfo(s.name, 'main') AS c
     WHERE s.type = 'table' ORDER BY s.rowid, c.cid
"""


class Use(NamedTuple):
    """A column of a type, or of its arrays."""

    table: str
    column: str
    array: bool
    default: str | None


def is_one(view: str, sql: str) -> bool:
    """Does a view hold a type?"""
    return view.startswith(PREFIX) and _HEAD in sql


def words(connection: Connection) -> Mapping[str, str]:
    """By each type's name the words that tell all of it (:mod:`ha.sql.made`). Kept while the schema stands."""
    return connection.remembered((PREFIX,), lambda: {name: one.words for name, one in enumerations(connection).items()})


def words_of(connection: Connection, decltype: str) -> str | None:
    """Of a declared type that a client made, or an array of one, the words that tell all of it; None for any other."""
    types = words(connection)
    if not types:
        return None
    name, array = named_in(decltype)
    found = types.get(name) or next((one for other, one in types.items() if other.lower() == name.lower()), None)
    return found if found is None or not array else "_" + found


def enumerations(connection: Connection) -> dict[str, Enumeration]:
    """All of them, by their names."""
    with connection.guard.trusted():
        rows: list[Any] = connection.execute(_VIEWS).fetchall()
    return {one.name: one for name, sql in rows if is_one(name, sql) for one in (_read(name, sql),)}


def _read(view: str, sql: str) -> Enumeration:
    """From the view's text; a view may not be asked while another statement defines one."""
    _, _, values = sql.partition(_HEAD)
    labels = [literal(values, token) for token in tokenize(values)]
    return Enumeration(view.removeprefix(PREFIX), tuple(label for label in labels if label is not None))


def texts(one: Enumeration, *, instead: str | None = None) -> list[str]:
    """What keeps a type.

    :param instead: the name of the type that it takes the place of.
    """
    # VALUES without rows is none.
    rows = ", ".join(f"({at}, {quoted(label)})" for at, label in enumerate(one.labels, 1)) or "(NULL, NULL)"
    made_ = f"CREATE VIEW {quoted_name(PREFIX + one.name)}{_HEAD}{rows}"
    return [made_] if instead is None else [drop(instead), made_]


def drop(name: str) -> str:
    """What takes a type away."""
    return f"DROP VIEW {quoted_name(PREFIX + name)}"


def uses(connection: Connection, name: str) -> list[Use]:
    """The columns of tables that are declared of a type, or of its arrays."""
    with connection.guard.trusted():
        rows: list[Any] = connection.execute(_COLUMNS).fetchall()
    found = []
    for table, column, decltype, default in rows:
        told, array = named_in(decltype or "")
        if told.lower() == name.lower():
            found.append(Use(table, column, array, default))
    return found


_ARRAY: Final = re.compile(r"(?:\s*\[\d*\])+\Z|\s+ARRAY(?:\s*\[\d*\])?\Z", re.ASCII | re.IGNORECASE)


def named_in(decltype: str) -> tuple[str, bool]:
    """The type that a declaration names, and whether it is an array. SQLite keeps the name without its quotes."""
    bare = _ARRAY.sub("", decltype)
    name = bare.strip()
    if name[:1] == '"' == name[-1:] and len(name) > 2:
        name = name[1:-1].replace('""', '"')
    return name, len(bare) < len(decltype)
