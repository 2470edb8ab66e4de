"""Scalar subqueries: PostgreSQL refuses a second row (21000), SQLite takes the first and says nothing. [pure]

Where it is not certain that there is only one (an aggregate, LIMIT 1, a primary key that is given), an aggregate of ours takes what the
subquery gives, and refuses the second.
"""

from __future__ import annotations

from ha.sql.groupedby import aggregates
from ha.sql.rewriting import AFTER_FROM, NOT_CALLED, Rewriting
from ha.sql.tokens import COMPOUNDS, NAMES, NUMBER, PARAMETER, TEXTS, WORD, quoted_name, unquoted
from ha.sql.typed import Types

#: What an expression stands behind.
_BEFORE = frozenset(
    "= <> != < > <= >= + - * / % || SELECT THEN ELSE WHEN AND OR NOT BETWEEN RETURNING WHERE HAVING LIKE ILIKE DISTINCT -> ->>".split()
)
_MANY = frozenset(("GROUP", "HAVING", *COMPOUNDS))


def fit(rewriting: Rewriting, types: Types) -> None:
    """Watch over each subquery that stands where a value stands."""
    if rewriting.is_stored:
        return
    for at, token in enumerate(rewriting.tokens):
        if token.key == "(" and rewriting.key(at + 1) in ("SELECT", "WITH") and at in rewriting.partners:
            if is_value(rewriting, at):
                _watch(rewriting, types, at, rewriting.partners[at])


def is_value(rewriting: Rewriting, opening: int) -> bool:
    """Does the subquery in this bracket stand where a value stands?"""
    before = rewriting.key(opening - 1)
    if before in _BEFORE:
        return True
    if before == "(":
        called = opening - 2
        return rewriting.kind(called) == WORD and rewriting.key(called) not in NOT_CALLED | {
            "ARRAY",
            "ANY",
            "ALL",
            "SOME",
            "LATERAL",
        }
    return before == "," and _lists_values(rewriting, opening - 1)


def _lists_values(rewriting: Rewriting, comma: int) -> bool:
    """Is it a comma of a select list, a call or VALUES, not of FROM?"""
    at, found = comma - 1, False
    while at >= 0:
        key = rewriting.key(at)
        if at in rewriting.values:
            found = rewriting.values[at]
            break
        if key in ("SELECT", "RETURNING", "VALUES", "SET", "FROM", "JOIN", "USING", "BY", "WITH"):
            found = key in ("SELECT", "RETURNING", "VALUES", "SET")
            break
        if key == "(":
            word = rewriting.key(at - 1)
            found = (rewriting.kind(at - 1) == WORD and word not in NOT_CALLED) or word == "VALUES"
            break
        partner = rewriting.partners.get(at, len(rewriting.tokens))
        at = partner - 1 if partner < at else at - 1
    rewriting.values[comma] = found
    return found


def _watch(rewriting: Rewriting, types: Types, opening: int, close: int) -> None:
    items = types.reading.items_between(opening + 1, close)
    if len(items) != 1 or items[0].star or any(rewriting.instead.get(at) == "" for at in (opening, close)):
        return
    item = items[0]
    if _is_single(rewriting, types, item.first, item.last, opening, close):
        return
    if item.alias is None:
        name = "ha_single"
        rewriting.last(item.last - 1, f" AS {name}")
    else:
        name = quoted_name(item.alias)
    rewriting.after(opening, f"SELECT pg_single({name}) FROM (")
    rewriting.before(close, ")")


def _is_single(rewriting: Rewriting, types: Types, first: int, last: int, opening: int, close: int) -> bool:
    """Can it give one row at most?"""
    select = opening + 1
    if rewriting.key(select) == "SELECT" and rewriting.clause_end(select + 1, _MANY) >= close:
        if aggregates(rewriting, first, last):
            return True
        from_ = rewriting.clause_end(select + 1, frozenset(("FROM",)))
        if from_ >= close:
            return True
        if _is_keyed(rewriting, types, from_):
            return True
    limit = rewriting.clause_end(select, frozenset(("LIMIT", "FETCH")))
    if limit < close:
        if rewriting.key(limit) == "FETCH":
            return rewriting.key(limit + 2) in ("1", "ROW", "ROWS")
        return rewriting.key(limit + 1) in ("0", "1")
    return False


def _is_keyed(rewriting: Rewriting, types: Types, from_: int) -> bool:
    """``FROM t WHERE t.key = x``: is its primary key given?"""
    where = rewriting.clause_end(from_ + 1, AFTER_FROM)
    scope = types.reading.scope_at(from_)
    if rewriting.key(where) != "WHERE" or len(scope.tables) != 1 or scope.derived or scope.called:
        return False
    alias, table = next(iter(scope.tables.items()))
    key = types.schema.primary_key(table)
    end = rewriting.clause_end(where + 1, AFTER_FROM)
    if len(key) != 1 or rewriting.clause_end(where + 1, frozenset(("OR",))) < end:
        return False
    for at in types.reading.level(where + 1, end):
        if rewriting.key(at) == "=" and (
            (_is_own(rewriting, at - 1, alias, key[0]) and _is_foreign(rewriting, at + 1, alias))
            or (
                _is_own(rewriting, at + 1 + 2 * (rewriting.key(at + 2) == "."), alias, key[0])
                and _is_foreign_before(rewriting, at, alias)
            )
        ):
            return True
    return False


def _is_own(rewriting: Rewriting, at: int, alias: str, column: str) -> bool:
    if rewriting.kind(at) not in NAMES or unquoted(rewriting.text, rewriting.tokens[at]).lower() != column.lower():
        return False
    return rewriting.key(at - 1) != "." or unquoted(rewriting.text, rewriting.tokens[at - 2]).lower() == alias


def _is_foreign(rewriting: Rewriting, at: int, alias: str) -> bool:
    """A literal, a parameter, or a column that says it is another table's."""
    if rewriting.kind(at) in TEXTS or rewriting.kind(at) in (NUMBER, PARAMETER):
        return True
    named = rewriting.kind(at) in NAMES and rewriting.key(at + 1) == "."
    return named and unquoted(rewriting.text, rewriting.tokens[at]).lower() != alias


def _is_foreign_before(rewriting: Rewriting, at: int, alias: str) -> bool:
    if rewriting.key(at - 2) == ".":
        return _is_foreign(rewriting, at - 3, alias)
    return rewriting.kind(at - 1) in TEXTS or rewriting.kind(at - 1) in (NUMBER, PARAMETER)
