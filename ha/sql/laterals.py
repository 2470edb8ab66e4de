"""The rule for LATERAL subqueries that give one row: each of their columns is a scalar subquery where it is named. [pure]

``LEFT JOIN LATERAL (SELECT json_agg(…) AS data FROM … WHERE … = t.id) x ON true`` is how relational query builders ask for what belongs
to a row; SQLite's subqueries in FROM see no neighbours, but scalar subqueries do. It must be certain that there is one row: an
aggregate without GROUP BY, or, on the right of a LEFT JOIN, LIMIT 1. All else is refused.
"""

from __future__ import annotations

from collections.abc import Sequence

from ha.sql.groupedby import aggregates
from ha.sql.naming import name_of
from ha.sql.reading import Item
from ha.sql.rewriting import AFTER_FROM, Rewriting
from ha.sql.tokens import NAMES, Token, tokenize, unquoted
from ha.sql.typed import Types

_HINT = "Write the subquery into the select list, or join with a condition."


def one_row(rewriting: Rewriting, index: int) -> None:
    """The LATERAL of a subquery.

    :raises StatementError: 0A000, it is none of those that can be said.
    """
    types = rewriting.needed(index, "LATERAL", _HINT)
    if types is None:
        return
    opening = index + 1
    close = rewriting.partners.get(opening, -1)
    alias = close + 1 + (rewriting.key(close + 1) == "AS")
    first, end, _ = _joined(rewriting, index, alias)
    items = types.reading.items_between(opening + 1, close)
    if end < 0 or not items or rewriting.kind(alias) not in NAMES or any(item.star for item in items):
        raise rewriting.refuse(index, "LATERAL here", _HINT)
    if not is_one_row(rewriting, items, index):
        raise rewriting.refuse(index, "LATERAL of a subquery that may give several rows", _HINT)
    values = _values(rewriting, types, items, opening, close)
    rewriting.forget(first, end)
    _replace(rewriting, unquoted(rewriting.text, rewriting.tokens[alias]).lower(), values, first, end)


def is_one_row(rewriting: Rewriting, items: list[Item], lateral: int) -> bool:
    """Is the LATERAL subquery joined so that it gives a row, and one only?"""
    opening = lateral + 1
    close = rewriting.partners[opening]
    alias = close + 1 + (rewriting.key(close + 1) == "AS")
    _, end, left = _joined(rewriting, lateral, alias)
    return end >= 0 and (_is_aggregate(rewriting, items, opening, close) or (left and _is_one(rewriting, close)))


def _joined(rewriting: Rewriting, index: int, alias: int) -> tuple[int, int, bool]:
    """The first and last token of the join, -1 where it is none of ours; is it a LEFT JOIN?"""
    before = rewriting.key(index - 1)
    if before == ",":
        return index - 1, alias, False
    if before != "JOIN":
        return index, -1, False
    first = index - 2
    if rewriting.key(first) == "CROSS":
        return first, alias, False
    on_true = rewriting.key(alias + 1) == "ON" and rewriting.key(alias + 2) == "TRUE"
    end = alias + 2 if on_true and rewriting.key(alias + 3) not in ("AND", "OR", "=", "IS") else -1
    if rewriting.key(first) == "OUTER":
        first -= 1
    if rewriting.key(first) == "LEFT":
        return first, end, True
    return (first if rewriting.key(first) == "INNER" else index - 1), end, False


def _is_aggregate(rewriting: Rewriting, items: list[Item], opening: int, close: int) -> bool:
    """Does it aggregate all of its rows into one?"""
    stop = rewriting.clause_end(
        opening + 2, frozenset(("GROUP", "HAVING", "LIMIT", "OFFSET", "FETCH", "UNION", "EXCEPT", "INTERSECT"))
    )
    if stop < close:
        return False
    return any(aggregates(rewriting, item.first, item.last) for item in items)


def _is_one(rewriting: Rewriting, close: int) -> bool:
    return rewriting.key(close - 2) == "LIMIT" and rewriting.key(close - 1) == "1"


def _values(rewriting: Rewriting, types: Types, items: list[Item], opening: int, close: int) -> dict[str, str]:
    """By column, lower case: the scalar subquery that gives it."""
    rest = rewriting.clause_end(items[0].first, AFTER_FROM | {"FROM"})
    found = {}
    for item in items:
        name = name_of(types.reading, item) or "?column?"
        tokens = [
            rewriting.tokens[opening + 1],
            *rewriting.tokens[item.first : item.last],
            *rewriting.tokens[rest:close],
        ]
        found[name.lower()] = f"({_translated(rewriting, types, tokens)})"
    return found


def _translated(rewriting: Rewriting, types: Types, tokens: Sequence[Token]) -> str:
    """These tokens' words as a statement of their own, for SQLite."""
    text = " ".join(rewriting.text[token.start : token.end] for token in tokens)
    own = tokenize(text)
    return rewriting.translate(text, own, 0, len(text), types=Types(text, own, types.schema)).sql


def _replace(rewriting: Rewriting, alias: str, values: dict[str, str], first: int, end: int) -> None:
    """Put the subqueries where their columns are named."""
    start, stop = rewriting.level_of(first)
    for item in rewriting.types.reading.items_between(start, stop) if rewriting.types else ():
        if item.star:
            raise rewriting.refuse(item.first, "* beside LATERAL", "Name the columns.")
    for at in range(start, stop):
        if first <= at <= end or rewriting.kind(at) not in NAMES or rewriting.key(at + 1) != ".":
            continue
        if rewriting.key(at - 1) == "." or unquoted(rewriting.text, rewriting.tokens[at]).lower() != alias:
            continue
        value = values.get(unquoted(rewriting.text, rewriting.tokens[at + 2]).lower())
        if value is not None:
            rewriting.instead[at] = value
            rewriting.instead[at + 1] = rewriting.instead[at + 2] = ""
