"""The rule for what stands between SELECTs: INTERSECT first, and ALL, which counts equal rows. [pure]

PostgreSQL takes INTERSECT before UNION and EXCEPT, SQLite takes all of them from left to right: so what INTERSECT joins on the right
of another becomes a subquery. INTERSECT ALL and EXCEPT ALL are those of rows that are numbered: the second of three equal rows
meets the second of the other side's.
"""

from __future__ import annotations

from typing import NamedTuple

from ha.sql.naming import name_of
from ha.sql.reading import Item
from ha.sql.rewriting import Rewriting
from ha.sql.tokens import COMPOUNDS, WORD, quoted_name

_HINT = "Name the columns, or number the equal rows with row_number()."
#: What follows the last of the SELECTs.
_AFTER = COMPOUNDS | frozenset("ORDER LIMIT OFFSET FETCH FOR ON RETURNING ;".split())
#: Of those that may stand for something else, what follows them there.
_BEGINNINGS = {"FOR": frozenset(("UPDATE", "SHARE", "NO", "KEY")), "ON": frozenset(("CONFLICT",))}


class _Operand(NamedTuple):
    """One SELECT, or several that were joined: first and last token, and how many operators stand in it unbracketed."""

    first: int
    last: int
    joined: int = 0


def compound(rewriting: Rewriting, index: int) -> None:
    """A UNION, INTERSECT or EXCEPT: the whole level is looked at when its first operator comes."""
    if (
        rewriting.kind(index) != WORD
        or index in rewriting.joins
        or rewriting.sqlite_order
        or rewriting.verb == "CREATE TRIGGER"
    ):
        return
    operands, operators = _level(rewriting, index)
    rewriting.joins.update(operators)
    last = operands[-1]
    if rewriting.key(last.first) == "VALUES" and rewriting.key(last.last + 1) in _AFTER:  # SQLite's takes no ORDER BY
        rewriting.first(last.first, "SELECT * FROM (")
        rewriting.last(last.last, ")")
    # First what INTERSECT joins, then the rest from left to right.
    chain, between = [operands[0]], []
    for at, operand in zip(operators, operands[1:], strict=True):
        if rewriting.key(at) == "INTERSECT":
            chain[-1] = _join(rewriting, chain[-1], at, operand)
        else:
            chain.append(operand)
            between.append(at)
    left = chain[0]
    for at, operand in zip(between, chain[1:], strict=True):
        if operand.joined:
            rewriting.first(operand.first, "SELECT * FROM (")
            rewriting.last(operand.last, ")")
        left = _join(rewriting, left, at, operand)


def _level(rewriting: Rewriting, index: int) -> tuple[list[_Operand], list[int]]:
    """The SELECTs of the level that an operator stands on, and the operators between them."""
    first = beginning(rewriting, index)
    operands: list[_Operand] = []
    operators: list[int] = []
    while True:
        end = rewriting.clause_end(first, _AFTER)
        while rewriting.key(end) in _BEGINNINGS and rewriting.key(end + 1) not in _BEGINNINGS[rewriting.key(end)]:
            end = rewriting.clause_end(end + 1, _AFTER)  # a join's, or substring's
        operands.append(_Operand(first, end - 1))
        if rewriting.key(end) not in COMPOUNDS:
            return operands, operators
        operators.append(end)
        first = end + 1 + (rewriting.key(end + 1) in ("ALL", "DISTINCT"))
        if first >= len(rewriting.tokens):
            raise rewriting.error(first)


def beginning(rewriting: Rewriting, index: int) -> int:
    """The first token of the first SELECT of the level that a token stands on."""
    at = index - 1
    while at >= 0 and rewriting.key(at) not in ("(", "["):
        partner = rewriting.partners.get(at, len(rewriting.tokens))
        at = partner - 1 if partner < at else at - 1
    at += 1
    while at < index:
        key, close = rewriting.key(at), rewriting.partners.get(at, -1)
        if key in ("SELECT", "VALUES") and rewriting.kind(at) == WORD:
            return at
        if key == "(" and rewriting.key(close + 1) in COMPOUNDS:
            return at
        at = close + 1 if close > at else at + 1
    raise rewriting.error(index)


def _join(rewriting: Rewriting, left: _Operand, at: int, right: _Operand) -> _Operand:
    word = rewriting.key(at)
    if rewriting.key(at + 1) == "DISTINCT":
        rewriting.instead[at + 1] = ""
    if rewriting.key(at + 1) != "ALL" or word == "UNION":
        return _Operand(left.first, right.last, left.joined + 1)
    items = _items(rewriting, at, left.first, right.last)
    if items is not None:
        names = ", ".join(f"ha_{number}" for number in range(1, len(items) + 1))
        shown = ", ".join(f"ha_{number} AS {quoted_name(name)}" for number, name in enumerate(items, 1))
        # Materialized, so that the order of our window is not what a LIMIT of theirs goes by.
        rows = f"SELECT *, row_number() OVER (PARTITION BY {names}) FROM"
        rewriting.first(left.first, f"SELECT * FROM (WITH ha_left({names}) AS MATERIALIZED (")
        rewriting.instead[at] = f"), ha_right({names}) AS MATERIALIZED ("
        rewriting.instead[at + 1] = ""
        rewriting.last(right.last, f") SELECT {shown} FROM ({rows} ha_left {word} {rows} ha_right))")
    return _Operand(left.first, right.last)


def _items(rewriting: Rewriting, at: int, first: int, last: int) -> list[str] | None:
    """The names of the columns; None: the statement is translated again with the schema.

    :raises StatementError: 0A000, their number is not known.
    """
    what = f"{rewriting.key(at)} ALL of *"
    types, reading = rewriting.types, rewriting.reading
    listed: list[Item] = reading.items_between(first, last + 1)
    if types is None and any(item.star for item in listed):
        rewriting.needed(at, what, _HINT)
        return None
    names: list[str] = []
    for item in listed:
        if not item.star:
            names.append(name_of(reading, item))
            continue
        assert types is not None
        columns = types.starred(item)
        if columns is None:
            raise rewriting.refuse(at, what, _HINT)
        names += columns
    if not names:
        raise rewriting.refuse(at, what, _HINT)
    return names
