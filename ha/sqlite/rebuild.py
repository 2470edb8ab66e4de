"""ALTER TABLE where SQLite has no word for it: the table is made anew.

As SQLite's manual tells (https://www.sqlite.org/lang_altertable.html#otheralter): a new table, the rows copied, the old one
dropped, the new one renamed, and what belonged to it made again. :mod:`ha.sqlite.scripts` says when.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ha.errors import StatementError
from ha.sql.declarations import COUNTING, PRIMARY_MARK, UNIQUE_MARK, counting
from ha.sql.kinds import Alteration, AlterTable
from ha.sql.namespaces import beside, joined, own_name
from ha.sql.tokens import QUOTED, WORD, Token, quoted, quoted_name, tokenize, unquoted
from ha.sql.typenames import read_type
from ha.sqlite import comments, schemas
from ha.sqlite.connection import Connection

#: What the new table is called until the old one is gone.
NEW_PREFIX = "_rebuilt_"


@dataclass(slots=True)
class Element:
    """One column or constraint of a CREATE TABLE's list: its words, and what they declare."""

    words: str
    column: str | None = None  # the column's name, None for a table constraint
    constraint: str | None = None  # the constraint's name, where it has one


@dataclass(slots=True)
class Table:
    """A CREATE TABLE taken apart.

    :param tail: what follows the list: ``WITHOUT ROWID``, ``STRICT``.
    """

    name: str
    elements: list[Element]
    tail: str
    #: Columns that had no place in the old table.
    added: set[str]
    #: Unique indexes to make, as (name or None, columns).
    indexes: list[str]

    def sql(self, name: str) -> str:
        listed = ",\n  ".join(element.words for element in self.elements)
        return f"CREATE TABLE {quoted_name(name)} (\n  {listed}\n){self.tail}"

    def element(self, column: str) -> Element:
        for element in self.elements:
            if element.column is not None and element.column.lower() == column.lower():
                return element
        raise StatementError("42703", f'column "{column}" of relation "{self.name}" does not exist')


def alter(connection: Connection, argument: AlterTable) -> list[str]:
    with connection.guard.trusted():
        found = connection.execute(
            "SELECT name, sql FROM main.sqlite_schema WHERE type = 'table' AND name = ? COLLATE NOCASE",
            (argument.table,),
        ).fetchone()
        if found is None:
            if argument.if_exists:
                return []
            raise StatementError("42P01", f'relation "{argument.table}" does not exist')
        name = str(found[0])
        if all(action.action in ("rename column", "rename to") for action in argument.actions):
            return [text for action in argument.actions for text in _renaming(connection, name, action)]
        table = taken_apart(name, str(found[1]))
        old = [element.column for element in table.elements if element.column is not None]
        texts: list[str] = []
        rebuilt = False
        for action in argument.actions:
            own = _without_rebuilding(connection, table, action)
            if own is None:
                _edit(table, action)
                rebuilt = True
            else:
                texts += own
        # SQLite's own steps come last: they name the table, not its old text.
        return [*(_rebuilt(connection, name, table, old) if rebuilt else ()), *texts]


def taken_apart(name: str, sql: str) -> Table:
    """The parts of a CREATE TABLE as SQLite stores it.

    :raises StatementError: 0A000, it is CREATE VIRTUAL TABLE.
    """
    tokens = tokenize(sql)
    opening = next((at for at, token in enumerate(tokens) if token.key == "("), None)
    if opening is None or any(token.key == "VIRTUAL" for token in tokens[:4]):
        raise StatementError("0A000", f'table "{name}" cannot be altered so', hint="It is a virtual table.")
    depth, start, elements = 0, opening + 1, []
    close = opening
    for at in range(opening, len(tokens)):
        key = tokens[at].key
        depth += (key == "(") - (key == ")")
        if (key == "," and depth == 1) or (key == ")" and depth == 0):
            elements.append(_element(sql, tokens[start:at]))
            start = at + 1
        if depth == 0:
            close = at
            break
    return Table(name, elements, sql[tokens[close].end :], set(), [])


_CONSTRAINTS = frozenset("CONSTRAINT PRIMARY UNIQUE CHECK FOREIGN".split())


def _element(sql: str, tokens: list[Token]) -> Element:
    words = sql[tokens[0].start : tokens[-1].end]
    first = tokens[0]
    if first.kind == WORD and first.key in _CONSTRAINTS:
        name = unquoted(sql, tokens[1]) if first.key == "CONSTRAINT" else None
        return Element(words, None, name)
    return Element(words, _written_name(sql, first))


def _written_name(sql: str, token: Token) -> str:
    """A name as it is written: SQLite folds nothing."""
    return sql[token.start : token.end] if token.kind == WORD else unquoted(sql, token)


def _without_rebuilding(connection: Connection, table: Table, action: Alteration) -> list[str] | None:
    """SQLite's own statements for an action, None if the table must be made anew."""
    shown = quoted_name(table.name)
    columns = {element.column.lower() for element in table.elements if element.column is not None}
    name = action.name or ""
    if action.action == "add column":
        if name.lower() in columns:
            if action.if_exists:
                return []
            raise StatementError("42701", f'column "{name}" of relation "{table.name}" already exists')
        keys = {token.key for token in tokenize(action.text)}
        if keys.isdisjoint(
            ("PRIMARY", "UNIQUE", "CURRENT_TIMESTAMP", "CURRENT_DATE", "CURRENT_TIME", "STORED")
        ) and not _calls(action):
            return [f"ALTER TABLE {shown} ADD COLUMN {action.text}"]
        return None
    if action.action == "drop column" and name.lower() not in columns:
        if action.if_exists:
            return []
        raise StatementError("42703", f'column "{name}" of relation "{table.name}" does not exist')
    if action.action == "set schema":
        return _moved(connection, table.name, action.text)
    if action.action == "add constraint":
        return _added_constraint(connection, table, action)
    if action.action == "drop constraint":
        return _dropped_constraint(connection, table, action)
    texts = {
        "drop column": f"ALTER TABLE {shown} DROP COLUMN {quoted_name(name)}",
        "set not null": f"ALTER TABLE {shown} ALTER COLUMN {quoted_name(name)} SET NOT NULL",
        "drop not null": f"ALTER TABLE {shown} ALTER COLUMN {quoted_name(name)} DROP NOT NULL",
    }
    if action.action == "drop column":
        if _is_in_a_key(table, name):
            return None
        # As in PostgreSQL, an index goes with any of its columns.
        dropped = [f"DROP INDEX {quoted_name(index)}" for index in _indexes_of(connection, table.name, {name.lower()})]
        return [*dropped, texts["drop column"]]
    if action.action in ("rename column", "rename to"):
        return _renaming(connection, table.name, action)
    return [texts[action.action]] if action.action in texts else None


def _moved(connection: Connection, table: str, schema: str) -> list[str]:
    """A table in another schema, and its indexes with it.

    :raises StatementError: 3F000, there is no such schema; 42P07, it has one of that name.
    """
    schemas.require(connection, schema)
    there = joined(schema, own_name(table))
    if there == table:
        return []
    texts = [f"ALTER TABLE {quoted_name(table)} RENAME TO {quoted_name(there)}"]
    rows = connection.execute(
        "SELECT name, sql FROM main.sqlite_schema WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = ?", (table,)
    ).fetchall()
    for name, _ in ((table, ""), *rows):
        if connection.has(joined(schema, own_name(str(name)))):
            raise StatementError("42P07", f'relation "{own_name(str(name))}" already exists in schema "{schema}"')
    for name, sql in rows:
        texts += (
            f"DROP INDEX {quoted_name(str(name))}",
            _index_on(str(sql), joined(schema, own_name(str(name))), there),
        )
    return texts


def _index_on(sql: str, name: str, table: str) -> str:
    """A CREATE INDEX with another name and table."""
    tokens = tokenize(sql)
    on = next(at for at, token in enumerate(tokens) if token.key == "ON" and at > 2)
    words = sql[: tokens[on - 1].start] + quoted_name(name) + sql[tokens[on - 1].end : tokens[on + 1].start]
    return words + quoted_name(table) + sql[tokens[on + 1].end :]


def _renaming(connection: Connection, table: str, action: Alteration) -> list[str]:
    """SQLite's own statement, and the comments, which follow."""
    shown, new = quoted_name(table), action.text
    if action.action == "rename to":
        return [f"ALTER TABLE {shown} RENAME TO {quoted_name(new)}", *comments.moved(connection, table, relation=new)]
    column = action.name or ""
    return [
        f"ALTER TABLE {shown} RENAME COLUMN {quoted_name(column)} TO {quoted_name(new)}",
        *comments.moved(connection, table, column=(column, new)),
    ]


def _calls(action: Alteration) -> bool:
    """Does the new column have a default that is computed? SQLite adds only constant ones."""
    tokens = tokenize(action.text)
    return any(token.key == "DEFAULT" and tokens[at + 1].key == "(" for at, token in enumerate(tokens[:-1]))


def _indexes_of(connection: Connection, table: str, columns: set[str]) -> list[str]:
    """The indexes, made by CREATE INDEX, whose text names one of these columns (lower case)."""
    rows = connection.execute(
        "SELECT name, sql FROM main.sqlite_schema WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = ? COLLATE NOCASE",
        (table,),
    )
    return [str(name) for name, sql in rows if any(_names(str(sql), column) for column in columns)]


def _is_in_a_key(table: Table, column: str) -> bool:
    """SQLite does not drop a column that is UNIQUE, a key, or named by a constraint."""
    element = table.element(column)
    if {"UNIQUE", "PRIMARY", "REFERENCES"} & {token.key for token in tokenize(element.words)}:
        return True
    return any(_names(one.words, column) for one in table.elements if one.column is None)


def _names(words: str, name: str) -> bool:
    return any(
        token.kind in (WORD, QUOTED) and _written_name(words, token).lower() == name.lower()
        for token in tokenize(words)
    )


def _constraint_columns(words: str) -> list[str]:
    """The columns in the first parentheses of a constraint."""
    tokens = tokenize(words)
    first = next((at for at, token in enumerate(tokens) if token.key == "("), len(tokens))
    last = next((at for at in range(first, len(tokens)) if tokens[at].key == ")"), len(tokens))
    return [
        unquoted(words, token)
        for token in tokens[first + 1 : last]
        if token.kind in (WORD, QUOTED) and token.key not in ("ASC", "DESC")
    ]


def _added_constraint(connection: Connection, table: Table, action: Alteration) -> list[str] | None:
    word = tokenize(action.text)[0].key
    columns = _constraint_columns(action.text)
    shown = quoted_name(table.name)
    listed = ", ".join(map(quoted_name, columns))
    if word == "CHECK":
        name = action.name or _free_name(connection, table, f"{own_name(table.name)}_check")
        return [f"ALTER TABLE {shown} ADD CONSTRAINT {quoted_name(name)} {action.text}"]
    for column in columns:
        table.element(column)
    if word == "UNIQUE":
        name = _index_name(table, action) or _free_name(connection, table, "_".join([table.name, *columns, "key"]))
        return [f"CREATE UNIQUE INDEX {quoted_name(name)} {UNIQUE_MARK} ON {shown} ({listed})"]
    if word == "PRIMARY":
        if any("PRIMARY" in {token.key for token in tokenize(element.words)} for element in table.elements):
            raise StatementError("42P16", f'multiple primary keys for table "{table.name}" are not allowed')
        if len(columns) == 1 and _is_integer(table.element(columns[0])):
            return None  # the rowid's own name: the table is made anew, and needs no index
        name = _index_name(table, action) or f"{table.name}_pkey"
        texts = [
            f"ALTER TABLE {shown} ALTER COLUMN {quoted_name(column)} SET NOT NULL"
            for column in columns
            if not _is_not_null(table.element(column))
        ]
        return [*texts, f"CREATE UNIQUE INDEX {quoted_name(name)} {PRIMARY_MARK} ON {shown} ({listed})"]
    return None


def _index_name(table: Table, action: Alteration) -> str | None:
    """What the index of a constraint that the client named is called."""
    return None if action.name is None else beside(table.name, action.name)


def _is_integer(element: Element) -> bool:
    keys = [token.key for token in tokenize(element.words)]
    return len(keys) > 1 and keys[1] in ("INTEGER", "INT", "BIGINT", "INT4", "INT8", "SERIAL", "BIGSERIAL")


def _is_not_null(element: Element) -> bool:
    keys = [token.key for token in tokenize(element.words)]
    return any(keys[at : at + 2] == ["NOT", "NULL"] for at in range(len(keys)))


def _free_name(connection: Connection, table: Table, wanted: str) -> str:
    """As PostgreSQL names what a client did not: with the first number that makes it another's name no more."""

    def taken(name: str) -> bool:
        return connection.has(name) or _find_constraint(table, own_name(name)) is not None

    names = (wanted, *(f"{wanted}{number}" for number in range(1, 1000)))
    return next(name for name in names if not taken(name))


def _dropped_constraint(connection: Connection, table: Table, action: Alteration) -> list[str] | None:
    name = action.name or ""
    index = beside(table.name, name)
    owner = connection.execute(
        "SELECT tbl_name FROM main.sqlite_schema WHERE type = 'index' AND name = ? COLLATE NOCASE", (index,)
    ).get
    if owner is not None and str(owner).lower() == table.name.lower():
        return [f"DROP INDEX {quoted_name(index)}"]
    if _find_constraint(table, name) is not None:
        return None
    if action.if_exists:
        return []
    raise StatementError("42704", f'constraint "{name}" of relation "{table.name}" does not exist')


def _find_constraint(table: Table, name: str) -> Element | None:
    """By its own name, or by the one that PostgreSQL would have given it."""
    for element in table.elements:
        if element.constraint is not None and element.constraint.lower() == name.lower():
            return element
    for element in table.elements:
        if element.column is None and _given_name(table, element).lower() == name.lower():
            return element
        if element.column is not None and _inline_constraint(table, element, name) is not None:
            return element
    return None


def _given_name(table: Table, element: Element) -> str:
    words = tokenize(element.words)[0].key
    ending = {"PRIMARY": "pkey", "UNIQUE": "key", "FOREIGN": "fkey", "CHECK": "check"}.get(words, "")
    columns = [] if ending in ("pkey", "check") else _constraint_columns(element.words)
    return "_".join([own_name(table.name), *columns, ending])


_INLINE = {"UNIQUE": "key", "REFERENCES": "fkey", "CHECK": "check"}


def _inline_constraint(table: Table, element: Element, name: str) -> tuple[int, int] | None:
    """The characters of a column's own constraint of this name, in the column's words."""
    tokens = tokenize(element.words)
    for at, token in enumerate(tokens):
        ending = _INLINE.get(token.key) if token.kind == WORD else None
        if ending is None or at == 0:
            continue
        start, own = at, f"{own_name(table.name)}_{element.column}_{ending}"
        if tokens[at - 2].key == "CONSTRAINT":
            start, own = at - 2, unquoted(element.words, tokens[at - 1])
        if own.lower() == name.lower():
            return tokens[start].start, tokens[_inline_end(tokens, at)].end
    return None


def _inline_end(tokens: list[Token], at: int) -> int:
    """The last token of a column constraint that begins at `at`."""
    end, depth = at, 0
    while end + 1 < len(tokens):
        following = tokens[end + 1].key
        if depth == 0 and following in (
            "NOT",
            "NULL",
            "DEFAULT",
            "CHECK",
            "UNIQUE",
            "PRIMARY",
            "COLLATE",
            "REFERENCES",
            "CONSTRAINT",
            "GENERATED",
        ):
            if not (following == "NULL" and tokens[end].key in ("SET", "NOT")) and not (
                following == "DEFAULT" and tokens[end].key == "SET"
            ):
                break
        depth += (following == "(") - (following == ")")
        end += 1
    return end


# Editing a table's text


def _edit(table: Table, action: Alteration) -> None:
    """Change the table's parts as one action says."""
    if action.action == "add column":
        assert action.name is not None
        last = max(at for at, element in enumerate(table.elements) if element.column is not None)
        table.elements.insert(last + 1, Element(action.text, action.name))
        table.added.add(action.name.lower())
    elif action.action == "drop column":
        assert action.name is not None
        gone = table.element(action.name)
        table.elements = [
            one
            for one in table.elements
            if one is not gone and not (one.column is None and _names(one.words, action.name))
        ]
    elif action.action == "add constraint":
        _add_to_text(table, action)
    elif action.action == "drop constraint":
        _drop_from_text(table, action.name or "")
    elif action.action in ("type", "set default", "drop default", "counts"):
        _edit_column(table, action)
    else:
        raise StatementError("0A000", f"ALTER TABLE … {action.action.upper()} is not supported")


def _add_to_text(table: Table, action: Alteration) -> None:
    columns = _constraint_columns(action.text)
    if tokenize(action.text)[0].key == "PRIMARY":
        element = table.element(columns[0])
        tokens = tokenize(element.words)
        # SQLite knows the rowid's alias by this one word only.
        counts = _COUNTS.search(element.words)
        if counts is not None:
            rest = element.words[counts.end() :]
            element.words = f"{element.words[: tokens[0].end]} {counts[0]} PRIMARY KEY AUTOINCREMENT{rest}"
            return
        rest = element.words[tokens[1].end :]
        word = counting(_INTEGERS.get(element.words[tokens[1].start : tokens[1].end].lower(), ""), identity=False)
        element.words = f"{element.words[: tokens[0].end]} {word} PRIMARY KEY{rest}"
        return
    name = f"CONSTRAINT {quoted_name(action.name)} " if action.name else ""
    table.elements.append(Element(name + action.text, None, action.name))


def _drop_from_text(table: Table, name: str) -> None:
    element = _find_constraint(table, name)
    assert element is not None
    if element.column is None:
        table.elements.remove(element)
        return
    span = _inline_constraint(table, element, name)
    assert span is not None
    element.words = element.words[: span[0]].rstrip() + element.words[span[1] :]


#: Where a column's type ends.
_AFTER_TYPE = frozenset("CONSTRAINT PRIMARY NOT NULL UNIQUE CHECK DEFAULT COLLATE REFERENCES GENERATED AS".split())


def _edit_column(table: Table, action: Alteration) -> None:
    assert action.name is not None
    element = table.element(action.name)
    tokens = tokenize(element.words)
    after = next((at for at in range(1, len(tokens)) if tokens[at].key in _AFTER_TYPE), len(tokens))
    end_of_type = tokens[after - 1].end
    if action.action == "type":
        if "PRIMARY" in {token.key for token in tokens} and "AUTOINCREMENT" in {token.key for token in tokens}:
            element.words = _counting_words(element.words, tokens, action.text)
            return
        element.words = f"{element.words[: tokens[0].end]} {action.text}{element.words[end_of_type:]}"
        return
    if action.action == "counts":
        _let_count(element, end_of_type, action.text == "identity")
        return
    default = next(
        (at for at in range(1, len(tokens)) if tokens[at].key == "DEFAULT" and tokens[at - 1].key != "SET"), None
    )
    if default is not None:
        last = _default_end(tokens, default)
        element.words = element.words[: tokens[default].start].rstrip() + element.words[tokens[last].end :]
    if action.action == "set default":
        element.words = f"{element.words[:end_of_type]} {action.text}{element.words[end_of_type:]}"


#: The mark of a column that shall count by itself once it is the primary key: a dump says so before.
_COUNTS = re.compile(rf"{COUNTING.pattern}|INTEGER /\* \*/")


_INTEGERS = {
    **dict.fromkeys(("integer", "int", "int4"), "int4"),
    **dict.fromkeys(("bigint", "int8"), "int8"),
    **dict.fromkeys(("smallint", "int2"), "int2"),
}


def _let_count(element: Element, end_of_type: int, identity: bool) -> None:
    """SERIAL or IDENTITY for a column that is there."""
    tokens = tokenize(element.words)
    found = _COUNTS.search(element.words)
    words = element.words[tokens[0].end : end_of_type].strip()
    name = _INTEGERS.get((found[1] or "int4") if found is not None else words.lower())
    if name is None:
        raise StatementError("22023", "identity column type must be smallint, integer, or bigint")
    rest = element.words[found.end() if found is not None else end_of_type :]
    key = re.search(r"\bPRIMARY\s+KEY\b(?!\s+AUTOINCREMENT)", rest, re.IGNORECASE)
    if key is not None:
        rest = f"{rest[: key.end()]} AUTOINCREMENT{rest[key.end() :]}"
    mark = counting(name, identity)
    element.words = f"{element.words[: tokens[0].end]} {mark if '/*' in mark else 'INTEGER /* */'}{rest}"


def _counting_words(words: str, tokens: list[Token], wanted: str) -> str:
    """A key that counts by itself, with another width: INTEGER for SQLite, the width in a comment.

    :raises StatementError: 0A000, it would not be an integer any more.
    """
    read, _ = read_type(wanted, tokenize(wanted), 0)
    name = read.name if read is not None else ""
    if name not in ("int2", "int4", "int8"):
        raise StatementError("0A000", "the type of a key that counts by itself cannot be altered")
    rest = words[tokens[1].end :]
    comment, closing, after = rest.lstrip().partition("*/")
    known = bool(closing) and comment.startswith("/*")
    return f"{words[: tokens[0].end]} {counting(name, known and 'identity' in comment)}{' ' + after.lstrip() if known else rest}"


def _default_end(tokens: list[Token], default: int) -> int:
    at, depth = default + 1, 0
    if tokens[at].key in ("-", "+"):
        return at + 1
    if tokens[at].key != "(":
        return at
    while at < len(tokens):
        depth += (tokens[at].key == "(") - (tokens[at].key == ")")
        if depth == 0:
            return at
        at += 1
    return len(tokens) - 1


# Making a table anew


def _rebuilt(connection: Connection, name: str, table: Table, old: list[str]) -> list[str]:
    new = NEW_PREFIX + name
    kept = [column for column in old if any(one.column == column for one in table.elements)]
    stored = {
        str(row[0])
        for row in connection.execute("SELECT name FROM pragma_table_xinfo(?) WHERE hidden IN (2, 3)", (name,))
    }
    columns = ", ".join(quoted_name(column) for column in kept if column not in stored)
    rowid = _rowid(connection, name, table)
    targets, sources = f"{rowid}{columns}", f"{rowid}{columns}"
    dropped = {column.lower() for column in old} - {(one.column or "").lower() for one in table.elements}
    gone = _indexes_of(connection, name, dropped)
    dependents = [one for one in _dependents(connection, name) if one[1] not in gone]
    texts = [
        f"DROP {kind} {quoted_name(other)}" for kind, other, _ in reversed(dependents) if kind in ("VIEW", "TRIGGER")
    ]
    texts.append(table.sql(new))
    texts.append(f"INSERT INTO {quoted_name(new)} ({targets}) SELECT {sources} FROM {quoted_name(name)}")
    texts.append(f"DROP TABLE {quoted_name(name)}")
    texts.append(f"ALTER TABLE {quoted_name(new)} RENAME TO {quoted_name(name)}")
    return [*texts, *_counted_on(connection, name, table), *(sql for _, _, sql in dependents)]


def _counted_on(connection: Connection, name: str, table: Table) -> list[str]:
    """Numbers that were given out are not given again, even where their rows are gone."""
    if not any("AUTOINCREMENT" in element.words.upper() for element in table.elements) or not has_sequences(connection):
        return []
    last = connection.execute("SELECT max(seq) FROM main.sqlite_sequence WHERE name = ?", (name,)).get
    if last is None:
        return []
    return [
        f"DELETE FROM sqlite_sequence WHERE name = {quoted(name)}",
        f"INSERT INTO sqlite_sequence (name, seq) VALUES ({quoted(name)}, {last})",
    ]


def _rowid(connection: Connection, name: str, table: Table) -> str:
    """``rowid, `` where the rows have one that is no column's, so that it stays."""
    if "WITHOUT" in table.tail.upper():
        return ""
    names = {(element.column or "").lower() for element in table.elements}
    free = next((one for one in ("rowid", "_rowid_", "oid") if one not in names), None)
    if free is None:
        return ""
    alias = any(
        "PRIMARY" in (keys := [token.key for token in tokenize(element.words)]) and keys[1:2] == ["INTEGER"]
        for element in table.elements
        if element.column is not None
    ) or any(
        element.column is None
        and tokenize(element.words)[0].key == "PRIMARY"
        and len(_constraint_columns(element.words)) == 1
        and [token.key for token in tokenize(table.element(_constraint_columns(element.words)[0]).words)][1:2]
        == ["INTEGER"]
        for element in table.elements
    )
    return "" if alias else f"{free}, "


def _dependents(connection: Connection, name: str) -> list[tuple[str, str, str]]:
    """What must be dropped before and made again after: (kind, name, text), in the order to make them.

    The table's own indexes and triggers go with it; views and other tables' triggers that name it would be in the way.
    """
    rows = list(
        connection.execute(
            "SELECT upper(type), name, tbl_name, sql FROM main.sqlite_schema WHERE sql IS NOT NULL AND type != 'table' ORDER BY rowid"
        )
    )
    touched = {name.lower()}
    found: list[tuple[str, str, str]] = []
    for kind, other, owner, sql in rows:
        own = str(owner).lower() == name.lower()
        if kind == "INDEX":
            if own:
                found.append((kind, other, sql))
            continue
        named = own or any(
            token.kind in (WORD, QUOTED) and _written_name(sql, token).lower() in touched for token in tokenize(sql)
        )
        if named:
            found.append((kind, other, sql))
            if kind == "VIEW":
                touched.add(str(other).lower())
    return found


def has_sequences(connection: Connection) -> bool:
    """Is there a table that counts by itself, or was there one?"""
    return connection.execute("SELECT 1 FROM main.sqlite_schema WHERE name = 'sqlite_sequence'").get is not None
