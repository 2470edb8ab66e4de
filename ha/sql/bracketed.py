"""``INSERT INTO t (SELECT …)`` and ``CREATE VIEW v AS (SELECT …)``: SQLite takes the query there without brackets. [pure]

They are blanked before anything else reads the statement, so that every place in the text stays where it was.
"""

from __future__ import annotations

from collections.abc import Sequence

from ha.sql.tokens import Token

_QUERIES = frozenset(("SELECT", "WITH", "VALUES", "("))
#: What may follow the bracket: the statement's own clauses, and no other part of the query.
_FOLLOWING = frozenset(("ON", "RETURNING", "WITH", ""))


def without_brackets(text: str, tokens: Sequence[Token]) -> str | None:
    """`text` without the brackets around the statement's query; None where there are none."""
    at = _query_at(tokens)
    made = None
    while at is not None and _key(tokens, at) == "(" and _key(tokens, at + 1) in _QUERIES:
        close = _closing(tokens, at)
        if close is None or _key(tokens, close + 1) not in _FOLLOWING | ({")"} if made is not None else frozenset()):
            return made
        made = made or text
        for bracket in (tokens[at], tokens[close]):
            made = f"{made[: bracket.start]} {made[bracket.end :]}"
        at += 1
    return made


def _query_at(tokens: Sequence[Token]) -> int | None:
    """Where the query of an INSERT or a CREATE VIEW begins."""
    if tokens[0].key == "INSERT":
        at = next((at for at in range(1, min(4, len(tokens))) if tokens[at].key == "INTO"), None)
        if at is None:
            return None
        at += 2
        while _key(tokens, at) == ".":
            at += 2
        at += 2 * (_key(tokens, at) == "AS")
        if _key(tokens, at) == "(" and _key(tokens, at + 1) not in _QUERIES:
            close = _closing(tokens, at)
            at = len(tokens) if close is None else close + 1
        return at
    head = [token.key for token in tokens[:6]]
    if head[0] != "CREATE" or "VIEW" not in head:
        return None
    found = next((at for at in range(len(tokens)) if tokens[at].key == "AS"), None)
    return None if found is None else found + 1


def _closing(tokens: Sequence[Token], opening: int) -> int | None:
    depth = 0
    for at in range(opening, len(tokens)):
        depth += (tokens[at].key == "(") - (tokens[at].key == ")")
        if depth == 0:
            return at
    return None


def _key(tokens: Sequence[Token], at: int) -> str:
    return tokens[at].key if at < len(tokens) else ""
