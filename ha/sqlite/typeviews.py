"""CREATE TYPE: where PostgreSQL has catalog rows, a view of the file holds each type.

``CREATE TYPE mood AS ENUM ('sad', 'ok')`` and ``CREATE TYPE point AS (x int, y int)`` are kept as ::

    CREATE VIEW "type mood" (place, label) AS VALUES (1, 'sad'), (2, 'ok')
    CREATE VIEW "type point" (place, field, type) AS VALUES (1, 'x', 'int4'), (2, 'y', 'int4')
    CREATE VIEW "type age" (part, name, said) AS VALUES ('type', '', 'int4'), ('check', 'age_check', 'VALUE > 0')

so that it travels with the file and through the log as every definition does, as comments do (:mod:`ha.sqlite.comments`), and is plain
to whoever opens the file with SQLite alone. A column declared ``mood`` keeps its labels as texts, one declared
``point`` JSON objects, and one of the domain ``age`` what its type keeps.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ha.errors import StatementError
from ha.sql.made import Composite, Domain, Enumeration, domain, is_made
from ha.sql.tokens import NAMES, literal, quoted, quoted_name, tokenize, unquoted

if TYPE_CHECKING:
    from ha.sqlite.connection import Connection

#: What the name of a type's view begins with.
PREFIX: Final = "type "
_HEAD: Final = " (place, label) AS VALUES "
_FIELDS_HEAD: Final = " (place, field, type) AS VALUES "
_DOMAIN_HEAD: Final = " (part, name, said) AS VALUES "
_HEADS: Final = (_HEAD, _FIELDS_HEAD, _DOMAIN_HEAD)
#: A type whose fields are of types whose fields are of types …: deeper ones are not looked into.
DEPTH_MAX: Final = 16
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
    return view.startswith(PREFIX) and any(head in sql for head in _HEADS)


Made = Enumeration | Composite | Domain


def words(connection: Connection) -> Mapping[str, str]:
    """By each type's name the words that tell all of it (:mod:`ha.sql.made`). Kept while the schema stands."""
    return connection.remembered((PREFIX,), lambda: {name: one.words for name, one in types(connection).items()})


def words_of(connection: Connection, decltype: str) -> str | None:
    """Of a declared type that a client made, or an array of one, the words that tell all of it; None for any other.

    Of a domain, those of its type.
    """
    types = words(connection)
    if not types:
        return None
    name, array = named_in(decltype)
    one = domain_of(connection, decltype)
    if one is not None:
        return words_of(connection, one.words_of_type) or one.words_of_type
    found = types.get(name) or next((one for other, one in types.items() if other.lower() == name.lower()), None)
    return found if found is None or not array else "_" + found


def domain_of(connection: Connection, decltype: str) -> Domain | None:
    """The domain that a column is declared of: its name alone, or behind its type."""
    known = words(connection)
    if not known or not decltype or is_made(decltype):
        return None
    try:
        tokens = tokenize(decltype)
    except StatementError:
        return None  # SQLite takes words that are no SQL
    names = [token for token in tokens if token.kind in NAMES and token.key != "[]"]
    one = domain(known.get(unquoted(decltype, names[-1])) or "") if names else None
    if one is None or (len(names) > 1 and decltype.lower() != one.declaration.lower()):
        return None
    return one


def kept(connection: Connection) -> dict[str, Made]:
    """All of them as they are kept, by their names: a field of a type that a client made has that type's name."""
    with connection.guard.trusted():
        rows: list[Any] = connection.execute(_VIEWS).fetchall()
    return {one.name: one for name, sql in rows if is_one(name, sql) for one in (_read(name, sql),)}


def types(connection: Connection) -> dict[str, Made]:
    """All of them, by their names, whole: fields have the words of their types."""
    found = kept(connection)
    return {name: whole(one, found) for name, one in found.items()}


def whole(one: Made, known: Mapping[str, Made], depth: int = 0) -> Made:
    """With the words of its fields' types instead of their names."""
    if not isinstance(one, Composite) or depth > DEPTH_MAX:
        return one
    return one._replace(fields=tuple((field, _told(kind, known, depth)) for field, kind in one.fields))


def _told(kind: str, known: Mapping[str, Made], depth: int) -> str:
    name, array = named_in(kind)
    one = known.get(name)
    return kind if one is None else "_" * array + whole(one, known, depth + 1).words


def _read(view: str, sql: str) -> Made:
    """From the view's text; a view may not be asked while another statement defines one."""
    head = min((one for one in _HEADS if one in sql), key=sql.index)
    _, _, values = sql.partition(head)
    said = [one for one in (literal(values, token) for token in tokenize(values)) if one is not None]
    name = view.removeprefix(PREFIX)
    if head is _HEAD:
        return Enumeration(name, tuple(said))
    if head is _DOMAIN_HEAD:
        return _domain(name, [(said[at], said[at + 1], said[at + 2]) for at in range(0, len(said), 3)])
    return Composite(name, tuple(zip(said[::2], said[1::2], strict=True)))


def _domain(name: str, parts: list[tuple[str, str, str]]) -> Domain:
    said = {part: text for part, _, text in parts}
    checks = tuple((called, text) for part, called, text in parts if part == "check")
    return Domain(name, said["type"], "not null" in said, said.get("default"), checks)


def texts(one: Made, *, instead: str | None = None) -> list[str]:
    """What keeps a type.

    :param one: as :func:`kept` has it.
    :param instead: the name of the type that it takes the place of.
    """
    # VALUES without rows is none.
    if isinstance(one, Enumeration):
        head = _HEAD
        rows = ", ".join(f"({at}, {quoted(label)})" for at, label in enumerate(one.labels, 1)) or "(NULL, NULL)"
    elif isinstance(one, Domain):
        head = _DOMAIN_HEAD
        parts = [("type", "", one.words_of_type)]
        parts += [("not null", "", "")] if one.not_null else []
        parts += [("default", "", one.default)] if one.default is not None else []
        parts += [("check", name, condition) for name, condition in one.checks]
        rows = ", ".join(f"({', '.join(map(quoted, part))})" for part in parts)
    else:
        head = _FIELDS_HEAD
        listed = [f"({at}, {quoted(field)}, {quoted(kind)})" for at, (field, kind) in enumerate(one.fields, 1)]
        rows = ", ".join(listed) or "(NULL, NULL, NULL)"
    made_ = f"CREATE VIEW {quoted_name(PREFIX + one.name)}{head}{rows}"
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
        one = domain_of(connection, decltype or "")
        if name.lower() in (told.lower(), one.name.lower() if one is not None else None):
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
