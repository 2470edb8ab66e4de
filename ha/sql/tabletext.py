"""A CREATE TABLE as SQLite stores it, taken apart into its columns and constraints, and edited as ALTER TABLE says. [pure]

The text is what SQLite keeps of a table, so a change that SQLite has no word for is a change of the text;
:mod:`ha.sqlite.rebuild` makes the table anew from it. What is not touched stays as it was written, letter for letter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ha.errors import StatementError
from ha.sql import timeliterals
from ha.sql.declarations import CITEXT_COLLATION, COUNTING, counting
from ha.sql.kinds import Alteration
from ha.sql.namespaces import own_name
from ha.sql.tokens import QUOTED, WORD, Token, quoted_name, tokenize, unquoted
from ha.sql.typenames import read_type

#: What a table that is made anew is called until the old one is gone.
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
    #: SQLite's: ``main``, or ``temp`` for a session's own.
    schema: str = "main"

    def sql(self, name: str) -> str:
        """The CREATE TABLE again, of a table of that name."""
        listed = ",\n  ".join(element.words for element in self.elements)
        kind = "TEMP TABLE" if self.schema == "temp" else "TABLE"
        return f"CREATE {kind} {quoted_name(name)} (\n  {listed}\n){self.tail}"

    def element(self, column: str) -> Element:
        """The column of that name, whatever the letters' case.

        :raises StatementError: 42703, there is none.
        """
        for element in self.elements:
            if element.column is not None and element.column.lower() == column.lower():
                return element
        raise StatementError("42703", f'column "{column}" of relation "{self.name}" does not exist')


def taken_apart(name: str, sql: str, schema: str = "main") -> Table:
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
    return Table(name, elements, sql[tokens[close].end :], set(), [], schema)


_CONSTRAINTS = frozenset("CONSTRAINT PRIMARY UNIQUE CHECK FOREIGN".split())


def _element(sql: str, tokens: list[Token]) -> Element:
    words = sql[tokens[0].start : tokens[-1].end]
    first = tokens[0]
    if first.kind == WORD and first.key in _CONSTRAINTS:
        name = unquoted(sql, tokens[1]) if first.key == "CONSTRAINT" else None
        return Element(words, None, name)
    return Element(words, written_name(sql, first))


def written_name(sql: str, token: Token) -> str:
    """A name as it is written: SQLite folds nothing."""
    return sql[token.start : token.end] if token.kind == WORD else unquoted(sql, token)


def is_in_a_key(table: Table, column: str) -> bool:
    """SQLite does not drop a column that is UNIQUE, a key, or named by a constraint."""
    element = table.element(column)
    if {"UNIQUE", "PRIMARY", "REFERENCES"} & {token.key for token in tokenize(element.words)}:
        return True
    return any(mentions(one.words, column) for one in table.elements if one.column is None)


def mentions(words: str, name: str) -> bool:
    """Is the name, of a column for one, among the words?"""
    return any(
        token.kind in (WORD, QUOTED) and written_name(words, token).lower() == name.lower() for token in tokenize(words)
    )


def constraint_columns(words: str) -> list[str]:
    """The columns in the first parentheses of a constraint."""
    tokens = tokenize(words)
    first = next((at for at, token in enumerate(tokens) if token.key == "("), len(tokens))
    last = next((at for at in range(first, len(tokens)) if tokens[at].key == ")"), len(tokens))
    return [
        unquoted(words, token)
        for token in tokens[first + 1 : last]
        if token.kind in (WORD, QUOTED) and token.key not in ("ASC", "DESC")
    ]


def is_integer(element: Element) -> bool:
    """Would the column, as the key, be the rowid's own name?"""
    keys = [token.key for token in tokenize(element.words)]
    return len(keys) > 1 and keys[1] in ("INTEGER", "INT", "BIGINT", "INT4", "INT8", "SERIAL", "BIGSERIAL")


def has_named_rowid(table: Table) -> bool:
    """Is a column the rowid's own name? It is where the key is one column of type INTEGER, by that very word."""
    for element in table.elements:
        keys = [token.key for token in tokenize(element.words)]
        if element.column is not None:
            if "PRIMARY" in keys and keys[1:2] == ["INTEGER"]:
                return True
        elif keys[0] == "PRIMARY":
            columns = constraint_columns(element.words)
            if len(columns) == 1 and [one.key for one in tokenize(table.element(columns[0]).words)][1:2] == ["INTEGER"]:
                return True
    return False


def is_not_null(element: Element) -> bool:
    """Does the column say so itself?"""
    keys = [token.key for token in tokenize(element.words)]
    return any(keys[at : at + 2] == ["NOT", "NULL"] for at in range(len(keys)))


def find_constraint(table: Table, name: str) -> Element | None:
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
    columns = [] if ending in ("pkey", "check") else constraint_columns(element.words)
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


def edit(table: Table, action: Alteration) -> None:
    """Change the table's parts as one action says.

    :raises StatementError: 42703, 22023; 0A000, there is no such action, or not for such a column.
    """
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
            if one is not gone and not (one.column is None and mentions(one.words, action.name))
        ]
    elif action.action == "retold":
        table.element(action.name or "").words = action.text
    elif action.action == "add constraint":
        _add_to_text(table, action)
    elif action.action == "drop constraint":
        _drop_from_text(table, action.name or "")
    elif action.action == "rename constraint":
        _rename_in_text(table, action.name or "", action.text)
    elif action.action in ("type", "set default", "drop default", "counts"):
        _edit_column(table, action)
    else:
        raise StatementError("0A000", f"ALTER TABLE … {action.action.upper()} is not supported")


def _add_to_text(table: Table, action: Alteration) -> None:
    columns = constraint_columns(action.text)
    if tokenize(action.text)[0].key == "PRIMARY":
        element = table.element(columns[0])
        tokens = tokenize(element.words)
        # SQLite knows the rowid's alias by this one word only.
        counts = COUNTS.search(element.words)
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
    element = find_constraint(table, name)
    assert element is not None
    if element.column is None:
        table.elements.remove(element)
        return
    span = _inline_constraint(table, element, name)
    assert span is not None
    element.words = element.words[: span[0]].rstrip() + element.words[span[1] :]


def _rename_in_text(table: Table, name: str, new: str) -> None:
    element = find_constraint(table, name)
    assert element is not None
    span = (0, len(element.words)) if element.column is None else _inline_constraint(table, element, name)
    assert span is not None
    words = element.words[span[0] : span[1]]
    tokens = tokenize(words)
    rest = words[tokens[2].start :] if tokens[0].key == "CONSTRAINT" else words
    said = f"CONSTRAINT {quoted_name(new)} {rest}"
    element.words = element.words[: span[0]] + said + element.words[span[1] :]
    if element.column is None:
        element.constraint = new


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
        rest = element.words[end_of_type:].removeprefix(CITEXT_COLLATION)
        if action.text.lower() == "citext" and "COLLATE" not in {token.key for token in tokens[after:]}:
            rest = CITEXT_COLLATION + rest
        element.words = f"{element.words[: tokens[0].end]} {action.text}{rest}"
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
        words = timeliterals.default(action.text, element.words[tokens[0].end : end_of_type])
        element.words = f"{element.words[:end_of_type]} {words}{element.words[end_of_type:]}"


#: The mark of a column that shall count by itself once it is the primary key: a dump says so before.
COUNTS = re.compile(rf"{COUNTING.pattern}|INTEGER /\* \*/")


_INTEGERS = {
    **dict.fromkeys(("integer", "int", "int4"), "int4"),
    **dict.fromkeys(("bigint", "int8"), "int8"),
    **dict.fromkeys(("smallint", "int2"), "int2"),
}


def _let_count(element: Element, end_of_type: int, identity: bool) -> None:
    """SERIAL or IDENTITY for a column that is there."""
    tokens = tokenize(element.words)
    found = COUNTS.search(element.words)
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
