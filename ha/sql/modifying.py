"""``WITH x AS (INSERT … RETURNING …)``: queries of WITH that write. [pure]

SQLite has no such word. What writes becomes a statement of its own (:class:`ha.sql.kinds.Part`), and in its place stands a query
without rows, which is replaced by the rows that the part gave when the whole is run: see ``ha.writing``.
"""

from __future__ import annotations

from collections.abc import Sequence

from ha.sql.kinds import Part
from ha.sql.naming import name_of
from ha.sql.rewriting import Rewriting
from ha.sql.tokens import NAMES, Token, quoted, quoted_name, tokenize, unquoted
from ha.sql.typed import Types

_WRITES = frozenset(("INSERT", "UPDATE", "DELETE"))


def is_part(rewriting: Rewriting, index: int) -> bool:
    """Does a query of WITH begin at this token?"""
    return rewriting.key(index - 1) == "(" and rewriting.key(index - 2) in ("AS", "MATERIALIZED")


def part(rewriting: Rewriting, index: int) -> None:
    """The INSERT, UPDATE or DELETE of WITH."""
    hint = "Use two statements in a transaction, with RETURNING."
    types = rewriting.needed(index, f"{rewriting.key(index)} in WITH", hint)
    if types is None:
        return
    opening = index - 1
    close = rewriting.partners.get(opening)
    if close is None:
        raise rewriting.error(index)
    name, listed = _named(rewriting, opening)
    if name < 0 or rewriting.key(0) != "WITH":
        raise rewriting.refuse(
            index, f"{rewriting.key(index)} in an inner WITH", "Write it at the statement's beginning."
        )
    columns = _columns(types, opening, close)
    told = unquoted(rewriting.text, rewriting.tokens[name])
    empty = f"SELECT {', '.join(['NULL'] * max(len(columns), 1))} WHERE {quoted(told)} IS NULL"
    rewriting.drop(opening + 1, close - 1)
    rewriting.instead[opening + 1] = empty
    if not listed and columns:
        rewriting.after(name, f"({', '.join(map(quoted_name, columns))})")
    rewriting.acts = True
    rewriting.parts.append(Part(told, len(columns), empty, _text(rewriting, name, index, close)))
    rewriting.skip = close - 1


def _named(rewriting: Rewriting, opening: int) -> tuple[int, bool]:
    """The token that names the query in this bracket, and whether its columns are listed."""
    at = opening - 1
    while rewriting.key(at) in ("MATERIALIZED", "NOT"):
        at -= 1
    at -= 1  # its AS
    listed = rewriting.key(at) == ")" and at in rewriting.partners
    if listed:
        at = rewriting.partners[at] - 1
    return (at if rewriting.kind(at) in NAMES else -1), listed


def _columns(types: Types, opening: int, close: int) -> list[str]:
    """The names of what it returns."""
    found: list[str] = []
    for item in types.reading.items_between(opening + 1, close):
        if not item.star:
            found.append(name_of(types.reading, item))
            continue
        scope = types.reading.scope_at(item.first)
        for table in scope.tables.values():
            found += types.schema.columns(table) or ()
            break
    # Each needs a name of its own.
    return [name if name not in found[:at] else f"{name}_{at}" for at, name in enumerate(found)]


def _text(rewriting: Rewriting, name: int, index: int, close: int) -> str:
    """The statement of its own, with those queries of WITH before it that it may name."""
    own = rewriting.text[rewriting.tokens[index].start : rewriting.tokens[close - 1].end]
    if name <= 1 or not _names_any(rewriting, index, close, rewriting.tokens[1 : name - 1]):
        return own
    before = rewriting.text[rewriting.tokens[0].start : rewriting.tokens[name - 2].end]
    return f"{before} {own}"


def _names_any(rewriting: Rewriting, first: int, last: int, before: Sequence[Token]) -> bool:
    """Is a query that stands before named between two tokens?"""
    named = {token.key for at, token in enumerate(before) if token.kind in NAMES}
    return any(rewriting.kind(at) in NAMES and rewriting.key(at) in named for at in range(first, last))


def named(text: str) -> frozenset[str]:
    """The names that a statement says outside of what its WITH writes, but for the table that it inserts into; lower case.

    Keys of foreign tables are looked at, too, when it runs; here is what it asks itself.
    """
    tokens = tokenize(text)
    found = set()
    at = 0
    while at < len(tokens):
        token = tokens[at]
        if (
            token.key in _WRITES
            and at > 1
            and tokens[at - 1].key == "("
            and tokens[at - 2].key in ("AS", "MATERIALIZED")
        ):
            depth = 1
            while at < len(tokens) and depth:
                depth += (tokens[at].key == "(") - (tokens[at].key == ")")
                at += 1
            continue
        if token.kind in NAMES and tokens[at - 1].key != "INTO":
            found.add(unquoted(text, token).lower())
        at += 1
    return frozenset(found)
