"""``CREATE TABLE t (LIKE other INCLUDING ALL)``: what of a table's text another one takes over. [pure]

Names, types and NOT NULL always; defaults, conditions, keys as the options say; foreign keys never. The words are SQLite's, as the other
table's text has them, and a client's CREATE TABLE may hold such.
"""

from __future__ import annotations

from collections.abc import Sequence

from ha.sql.kinds import CreateLike, OnCommit
from ha.sql.reader import Reader
from ha.sql.tabletext import COUNTS, Element, Table, constraint_columns, is_not_null, mentions
from ha.sql.tokens import Token, quoted_name, tokenize

#: What can be included and excluded; ALL is every one of them.
OPTIONS = frozenset(
    "COMMENTS COMPRESSION CONSTRAINTS DEFAULTS GENERATED IDENTITY INDEXES STATISTICS STORAGE ALL".split()
)
#: Words that begin a part of a column's definition behind its type.
_PARTS = frozenset("CONSTRAINT PRIMARY NOT NULL UNIQUE CHECK DEFAULT COLLATE REFERENCES GENERATED AS".split())


def create_like(reader: Reader, promise: OnCommit | None) -> CreateLike | None:
    """What a CREATE TABLE, from behind its first word, takes over of others; None where it is like none."""
    start = reader.at
    reader.one_of("GLOBAL", "LOCAL", "UNLOGGED")
    temporary = bool(reader.one_of("TEMP", "TEMPORARY"))
    if not reader.take("TABLE"):
        reader.at = start
        return None
    exists = reader.take("IF", "NOT", "EXISTS")
    name = reader.qualified()
    likes: list[tuple[int, int, str, frozenset[str]]] = []
    end = 0
    if reader.take("("):
        end = reader.closing()
        while reader.at < end:
            first = reader.at
            if reader.take("LIKE"):
                source = reader.qualified()
                options: set[str] = set()
                while (word := reader.one_of("INCLUDING", "EXCLUDING")) != "":
                    if reader.key not in OPTIONS:
                        raise reader.error()
                    named = OPTIONS if reader.key == "ALL" else {reader.key}
                    options = options | named if word == "INCLUDING" else options - named
                    reader.at += 1
                likes.append((first, reader.at, source, frozenset(options)))
            _to_comma(reader, end)
    reader.at = start
    if not likes:
        return None
    begin = reader.tokens[0].start
    spans = tuple(
        (reader.tokens[first].start - begin, reader.tokens[last - 1].end - begin, source, options)
        for first, last, source, options in likes
    )
    at_commit = promise.at_commit if promise is not None else None
    return CreateLike(name, spans, reader.tokens[end].start - begin, exists, temporary, at_commit)


def _to_comma(reader: Reader, end: int) -> None:
    """Step behind the comma that ends an element, or to the list's end."""
    depth = 0
    while reader.at < end:
        depth += (reader.key in "([") - (reader.key in ")]")
        reader.at += 1
        if depth == 0 and reader.tokens[reader.at - 1].key == ",":
            return


def elements_like(table: Table, options: frozenset[str], own: str) -> tuple[list[str], list[str]]:
    """The columns and the constraints of a table's text that another takes over.

    :param own: what the table is called in its schema: constraints without a name keep the one that PostgreSQL gave them.
    """
    columns: list[str] = []
    found: list[str] = []
    for element in table.elements:
        if element.column is not None:
            columns.append(_column(element, table, options, own))
            continue
        words = tokenize(element.words)
        kind = words[2].key if words[0].key == "CONSTRAINT" else words[0].key
        if kind == "CHECK" and "CONSTRAINTS" in options:
            found.append(element.words if element.constraint is not None else _named_check(element, table, own))
        elif kind in ("PRIMARY", "UNIQUE") and "INDEXES" in options:
            # Its index is called after the new table.
            found.append(element.words[words[2].start :] if words[0].key == "CONSTRAINT" else element.words)
    return columns, found


def _named_check(element: Element, table: Table, own: str) -> str:
    """A condition with the name that PostgreSQL gave it."""
    columns = [one.column for one in table.elements if one.column is not None and mentions(element.words, one.column)]
    name = "_".join([own, *(columns if len(columns) == 1 else ()), "check"])
    return f"CONSTRAINT {quoted_name(name)} {element.words}"


def _column(element: Element, table: Table, options: frozenset[str], own: str) -> str:
    text, tokens = element.words, tokenize(element.words)
    counts = COUNTS.search(text)
    is_key = any(token.key == "PRIMARY" for token in tokens) or _is_in_primary_key(table, element.column or "")
    if counts is not None and not ("INDEXES" in options and options & {"DEFAULTS", "IDENTITY"}):
        return f"{text[: tokens[0].end]} {counts[1] or 'int4'} NOT NULL"
    said = []
    for part in _parts(tokens):
        kind = part[2].key if part[0].key == "CONSTRAINT" else part[0].key
        words = text[part[0].start : part[-1].end]
        if kind == "PRIMARY" or kind == "UNIQUE":
            wanted = "INDEXES" in options
            words = text[part[2 if part[0].key == "CONSTRAINT" else 0].start : part[-1].end]
        elif kind == "CHECK":
            wanted = "CONSTRAINTS" in options
            if part[0].key != "CONSTRAINT":
                words = f"CONSTRAINT {quoted_name(f'{own}_{element.column}_check')} {words}"
        elif kind == "DEFAULT":
            wanted = "DEFAULTS" in options
        elif kind in ("GENERATED", "AS"):
            wanted = "GENERATED" in options
        else:
            wanted = kind != "REFERENCES"
        if wanted:
            said.append(words)
    type_end = next((at for at in range(1, len(tokens)) if tokens[at].key in _PARTS), len(tokens))
    head = text[: counts.end() if counts is not None else tokens[type_end - 1].end]
    if is_key and "INDEXES" not in options and not is_not_null(element):
        said.append("NOT NULL")
    return " ".join([head, *said])


def _is_in_primary_key(table: Table, column: str) -> bool:
    return any(
        element.column is None
        and "PRIMARY" in {token.key for token in tokenize(element.words)[:3]}
        and column.lower() in {one.lower() for one in constraint_columns(element.words)}
        for element in table.elements
    )


def _parts(tokens: Sequence[Token]) -> list[list[Token]]:
    """What a column's definition says behind its type: NOT NULL, DEFAULT …, CHECK (…), each with its words."""
    found: list[list[Token]] = []
    depth = 0
    for at, token in enumerate(tokens):
        begins = depth == 0 and at > 0 and token.key in _PARTS
        before = tokens[at - 1].key if at else ""
        if begins and not (
            (token.key == "NULL" and before in ("NOT", "SET", "DEFAULT"))
            or (token.key == "DEFAULT" and before in ("SET", "BY"))
            or (token.key == "AS" and before in ("ALWAYS", "DEFAULT"))
            or before == "CONSTRAINT"
            or (at > 1 and tokens[at - 2].key == "CONSTRAINT")
        ):
            found.append([])
        if found:
            found[-1].append(token)
        depth += (token.key == "(") - (token.key == ")")
    return found
