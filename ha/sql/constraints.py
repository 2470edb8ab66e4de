"""What a CREATE TABLE or CREATE INDEX declares that SQLite's pragmas do not tell, read from its text. [pure]

The text is SQLite's own copy, so it is known to be well formed; what is not seen through is passed over.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ha.errors import StatementError
from ha.sql.tokens import NAMES, STRING, WORD, Token, tokenize, unquoted

#: Kinds, as pg_constraint calls them.
PRIMARY, UNIQUE, CHECK, FOREIGN = "p", "u", "c", "f"

_FIRST = {"PRIMARY": PRIMARY, "UNIQUE": UNIQUE, "CHECK": CHECK, "FOREIGN": FOREIGN, "REFERENCES": FOREIGN}
_TABLE_WORDS = frozenset(("CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"))


@dataclass(frozen=True, slots=True)
class Constraint:
    """One constraint of a table.

    :param name: as its author named it, else None.
    :param columns: of a key, as they are written; of a CHECK, those it names; a constraint that stands with its column has that one.
    :param expression: of a CHECK, without its parentheses.
    """

    kind: str
    name: str | None
    columns: tuple[str, ...]
    expression: str = ""
    deferrable: bool = False
    deferred: bool = False


@dataclass(frozen=True, slots=True)
class Term:
    """One column or expression of an index."""

    text: str
    descending: bool


@lru_cache(maxsize=1024)
def constraints(sql: str) -> tuple[Constraint, ...]:
    """The constraints of a CREATE TABLE, in the order of its text; none of a CREATE VIRTUAL TABLE or CREATE TABLE AS."""
    tokens = _tokens(sql)
    opening = _first(tokens, "(")
    if any(token.key in ("VIRTUAL", "AS") for token in tokens[:opening]):
        return ()
    elements = list(_elements(tokens, opening))
    columns = {_name(sql, one[0]).lower() for one in elements if not _is_constraint(one)}
    found: list[Constraint] = []
    for element in elements:
        own = None if _is_constraint(element) else _name(sql, element[0])
        found += _of_element(sql, element, own, columns)
    return tuple(found)


def generated(sql: str) -> dict[str, str]:
    """The generated columns of a CREATE TABLE, lower case, and their expressions."""
    tokens = _tokens(sql)
    found = {}
    for element in _elements(tokens, _first(tokens, "(")):
        for at, token in enumerate(element):
            if (
                token.key == "AS"
                and at + 1 < len(element)
                and element[at + 1].key == "("
                and not _is_constraint(element)
            ):
                found[_name(sql, element[0]).lower()] = _inside(sql, element, at + 1)
                break
    return found


@lru_cache(maxsize=1024)
def index_terms(sql: str) -> tuple[tuple[Term, ...], str | None]:
    """The terms of a CREATE INDEX, and the condition of a partial one."""
    tokens = _tokens(sql)
    opening = _first(tokens, "(")
    terms = []
    for element in _elements(tokens, opening):
        last = len(element)
        descending = element[-1].key == "DESC"
        if element[-1].key in ("ASC", "DESC") and last > 1:
            last -= 1
        if last > 2 and element[last - 2].key == "COLLATE":
            last -= 2
        terms.append(Term(sql[element[0].start : element[last - 1].end], descending))
    close = _close(tokens, opening)
    where = None
    if close + 1 < len(tokens) and tokens[close + 1].key == "WHERE":
        where = sql[tokens[close + 2].start : tokens[-1].end]
    return tuple(terms), where


def query_of(sql: str) -> str:
    """The SELECT of a CREATE VIEW."""
    tokens = _tokens(sql)
    depth = 0
    for at, token in enumerate(tokens):
        depth += (token.key == "(") - (token.key == ")")
        if token.key == "AS" and depth == 0 and at + 1 < len(tokens):
            return sql[tokens[at + 1].start :].rstrip().rstrip(";").rstrip()
    return ""


def names_in(text: str) -> frozenset[str]:
    """Every name in an expression, lower case."""
    return frozenset(_name(text, token).lower() for token in _tokens(text) if token.kind in NAMES)


def _tokens(sql: str) -> list[Token]:
    try:
        return tokenize(sql)
    except StatementError:  # SQLite reads on where a comment does not end
        return []


def _first(tokens: Sequence[Token], key: str) -> int:
    return next((at for at, token in enumerate(tokens) if token.key == key), len(tokens))


def _elements(tokens: Sequence[Token], opening: int) -> Iterator[Sequence[Token]]:
    """What stands between the commas of a bracket."""
    depth, start = 0, opening + 1
    for at in range(opening, len(tokens)):
        key = tokens[at].key
        depth += (key == "(") - (key == ")")
        if (key == "," and depth == 1) or (key == ")" and depth == 0):
            if at > start:
                yield tokens[start:at]
            start = at + 1
        if depth == 0:
            return


def _is_constraint(element: Sequence[Token]) -> bool:
    return element[0].kind == WORD and element[0].key in _TABLE_WORDS


def _close(tokens: Sequence[Token], opening: int) -> int:
    depth = 0
    for at in range(opening, len(tokens)):
        depth += (tokens[at].key == "(") - (tokens[at].key == ")")
        if depth == 0:
            return at
    return len(tokens) - 1


def _inside(sql: str, tokens: Sequence[Token], opening: int) -> str:
    """The words of a bracket, without it."""
    close = _close(tokens, opening)
    return sql[tokens[opening].end : tokens[close].start].strip()


def _name(sql: str, token: Token) -> str:
    """A name as it is written: SQLite folds nothing."""
    if token.kind == STRING:
        return sql[token.start + 1 : token.end - 1].replace("''", "'")
    return sql[token.start : token.end] if token.kind == WORD else unquoted(sql, token)


def _of_element(sql: str, tokens: Sequence[Token], own: str | None, columns: set[str]) -> Iterator[Constraint]:
    at, name = (0 if own is None else 1), None
    while at < len(tokens):
        key = tokens[at].key
        if key == "CONSTRAINT" and at + 1 < len(tokens):
            name, at = _name(sql, tokens[at + 1]), at + 2
            continue
        if key == "(":
            at = _close(tokens, at) + 1
            continue
        kind = _FIRST.get(key) if tokens[at].kind == WORD else None
        if kind is None:
            if key in ("NOT", "DEFAULT", "COLLATE", "GENERATED"):
                name = None
            at += 1
            continue
        end = _end(tokens, at + 1)
        yield _constraint(sql, kind, name, tokens[at:end], own, columns)
        at, name = end, None


def _end(tokens: Sequence[Token], at: int) -> int:
    """Where the constraint's words end: before the next one of the same column."""
    foreign = tokens[at - 1].key in ("FOREIGN", "REFERENCES")
    while at < len(tokens):
        key = tokens[at].key
        if key == "(":
            at = _close(tokens, at)
        elif tokens[at].kind == WORD and (
            key in ("CONSTRAINT", "CHECK", "UNIQUE", "COLLATE", "GENERATED", "PRIMARY")
            or (key == "REFERENCES" and not foreign)
            or (key == "NOT" and tokens[at + 1 : at + 2] and tokens[at + 1].key == "NULL")
            or (key == "DEFAULT" and tokens[at - 1].key != "SET")
        ):
            return at
        at += 1
    return at


def _constraint(
    sql: str, kind: str, name: str | None, tokens: Sequence[Token], own: str | None, columns: set[str]
) -> Constraint:
    opening = _first(tokens, "(")
    if kind == CHECK:
        expression = _inside(sql, tokens, opening)
        used = tuple(one for one in _used(expression) if one.lower() in columns)
        return Constraint(kind, name, (own,) if own is not None else used, expression)
    if own is not None:
        listed: tuple[str, ...] = (own,)
    else:
        listed = tuple(_name(sql, element[0]) for element in _elements(tokens, opening))
    words = [token.key for token in tokens]
    at = words.index("DEFERRABLE") if "DEFERRABLE" in words else -1
    deferrable = at >= 0 and words[at - 1] != "NOT"
    return Constraint(kind, name, listed, "", deferrable, deferrable and "DEFERRED" in words)


def _used(expression: str) -> list[str]:
    """The names in an expression, each once, in their order."""
    found: dict[str, str] = {}
    for token in _tokens(expression):
        if token.kind in NAMES:
            name = _name(expression, token)
            found.setdefault(name.lower(), name)
    return list(found.values())
