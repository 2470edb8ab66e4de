"""The name that INSERT, UPDATE and DELETE give the table they write. [pure]

PostgreSQL lets a statement call its table otherwise, with AS or without, and name it so in RETURNING. SQLite wants the AS, and knows in
RETURNING only the table itself: its columns are written there without a qualifier.
"""

from __future__ import annotations

from ha.sql.groupedby import is_subquery
from ha.sql.rewriting import Rewriting
from ha.sql.tokens import NAMES, WORD, unquoted

#: What may follow the table, and is no name for it.
_FOLLOWING = frozenset(
    "SET WHERE USING FROM RETURNING AS INDEXED NOT VALUES SELECT WITH DEFAULT OVERRIDING ON ORDER LIMIT".split()
)
_ENDS = frozenset(("RETURNING", ";"))


def alias(rewriting: Rewriting, index: int) -> None:
    """Read the name behind the table of the INSERT, UPDATE or DELETE at `index`.

    :raises StatementError: 0A000, RETURNING asks for another table's columns.
    """
    table = table_of(rewriting, index)
    if table < 0:
        return
    named = table + 1
    if rewriting.key(named) == "AS":
        named += 1
    elif _is_name(rewriting, named):
        rewriting.first(named, "AS ")
    else:
        named = table
    returning = rewriting.clause_end(table + 1, _ENDS)
    if rewriting.key(returning) != "RETURNING":
        return
    others = rewriting.key(rewriting.clause_end(table + 1, frozenset(("FROM", "USING", *_ENDS)))) in ("FROM", "USING")
    _returning(rewriting, returning + 1, {_text(rewriting, table), _text(rewriting, named)}, others)


def table_of(rewriting: Rewriting, index: int) -> int:
    """The last token of the name of the table that the INSERT, UPDATE or DELETE at `index` writes; -1 if none stands there."""
    at = index + 1
    if rewriting.key(at) == "OR":
        at += 2
    if rewriting.key(index) != "UPDATE":
        if rewriting.key(at) not in ("INTO", "FROM"):
            return -1
        at += 1
    if rewriting.key(at) == "ONLY" and rewriting.kind(at + 1) in NAMES and rewriting.key(at + 1) not in _FOLLOWING:
        at += 1
    while rewriting.key(at + 1) == ".":
        at += 2
    return at if rewriting.kind(at) in NAMES else -1


def _is_name(rewriting: Rewriting, at: int) -> bool:
    kind = rewriting.kind(at)
    return kind in NAMES and not (kind == WORD and rewriting.key(at) in _FOLLOWING)


def _text(rewriting: Rewriting, at: int) -> str:
    return unquoted(rewriting.text, rewriting.tokens[at]).lower()


def _returning(rewriting: Rewriting, at: int, own: set[str], others: bool) -> None:
    """Take the qualifiers away; a subquery knows the table by its outer name, and keeps them."""
    while at < len(rewriting.tokens) and rewriting.key(at) not in (";", ")"):
        if is_subquery(rewriting, at):
            at = rewriting.partners.get(at, at) + 1
            continue
        if rewriting.key(at) == "(":
            _returning(rewriting, at + 1, own, others)
            at = rewriting.partners.get(at, at) + 1
            continue
        first = at
        while rewriting.kind(at) in NAMES and rewriting.key(at + 1) == ".":
            at += 2
        if at > first and rewriting.key(at + 1) != "(":
            if _text(rewriting, at - 2) in own:
                rewriting.drop(first, at - 1)
            elif others:
                hint = "SQLite returns only columns of the table that is written."
                raise rewriting.refuse(first, "RETURNING of another table's column", hint)
        at += 1
