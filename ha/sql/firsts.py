"""The rule for ``SELECT DISTINCT ON (a) … ORDER BY a, b``: the first row of each group. [pure]

SQLite has no such word; its window functions number the rows of each group, and those that are the first are kept. The items
get names of ours inside, and their own again outside.
"""

from __future__ import annotations

from ha.errors import StatementError
from ha.sql.naming import name_of
from ha.sql.reading import Item, term_end
from ha.sql.rewriting import AFTER_FROM, Rewriting, elements
from ha.sql.tokens import COMPOUNDS, NUMBER, quoted_name, unquoted
from ha.sql.typed import Types

_BODY_END = frozenset("ORDER LIMIT OFFSET FETCH FOR UNION INTERSECT EXCEPT ;".split())
_ORDER_END = frozenset("LIMIT OFFSET FETCH FOR UNION INTERSECT EXCEPT ;".split())
_HINT = "Use row_number() OVER (PARTITION BY …) in a subquery, and keep the rows numbered 1."


def distinct(rewriting: Rewriting, index: int) -> None:
    """The DISTINCT of a SELECT."""
    if rewriting.key(index + 1) != "ON" or rewriting.key(index - 1) != "SELECT" or rewriting.key(index + 2) != "(":
        return
    types = rewriting.needed(index, "SELECT DISTINCT ON", _HINT)
    if types is None:
        return
    select, opening = index - 1, index + 2
    first = rewriting.partners.get(opening, index) + 1
    items_end = rewriting.clause_end(first, AFTER_FROM | {"FROM"})
    body_end = rewriting.clause_end(items_end, _BODY_END)
    order_end = rewriting.clause_end(body_end, _ORDER_END)
    items = types.reading.items_between(select, order_end)
    if rewriting.key(order_end) in COMPOUNDS or not items:
        raise rewriting.refuse(index, "SELECT DISTINCT ON here", _HINT)
    names = _name_items(rewriting, types, select, items)
    keys = ", ".join(_term(rewriting, items, at, last) for at, last in elements(rewriting, opening))
    order = _order(rewriting, items, body_end, order_end)
    _check_order(rewriting, items, opening, body_end, order_end)
    rewriting.before(select, f"SELECT {', '.join(names)} FROM (")
    rewriting.drop(index, first - 1)
    rewriting.drop(body_end, order_end - 1)
    place = f", row_number() OVER ({order}) AS ha_place" if order else ""
    rewriting.last(
        items_end - 1, f", row_number() OVER (PARTITION BY {keys}{' ' + order if order else ''}) AS ha_row{place}"
    )
    rewriting.last(body_end - 1, ") WHERE ha_row = 1" + (" ORDER BY ha_place" if order else ""))


def _check_order(rewriting: Rewriting, items: list[Item], opening: int, at: int, end: int) -> None:
    """Rows come by what makes their groups, first of all.

    :raises StatementError: 42P10.
    """
    if rewriting.key(at) != "ORDER":
        return
    on = {_term(rewriting, items, first, last) for first, last in elements(rewriting, opening)}
    start = at + 2
    for _ in range(len(on)):
        comma = min(rewriting.clause_end(start, frozenset((",",))), end)
        last = term_end(rewriting.key, start, comma) - 1
        if _term(rewriting, items, start, last) not in on:
            raise StatementError(
                "42P10",
                "SELECT DISTINCT ON expressions must match initial ORDER BY expressions",
                position=rewriting.tokens[opening + 1].start + 1,
            )
        start = comma + 1
        if start >= end:
            return


def _name_items(rewriting: Rewriting, types: Types, select: int, items: list[Item]) -> list[str]:
    """Give each item a name inside; the list that names them as PostgreSQL does outside."""
    shown: list[str] = []
    for item in items:
        if item.star:
            _expand(rewriting, types, select, item, shown)
            continue
        mark = f"ha_{len(shown)}"
        shown.append(f"{mark} AS {quoted_name(name_of(types.reading, item) or '?column?')}")
        if item.alias is None:
            rewriting.last(item.last - 1, f" AS {mark}")
        else:
            at = item.last + (rewriting.key(item.last) == "AS")
            rewriting.instead[at] = mark if at > item.last else f"AS {mark}"
    return shown


def _expand(rewriting: Rewriting, types: Types, select: int, item: Item, shown: list[str]) -> None:
    """``*`` and ``t.*`` by the tables' columns."""
    scope = types.reading.scope_at(select + 1)
    only = unquoted(rewriting.text, rewriting.tokens[item.first]).lower() if item.last - item.first > 1 else None
    if (scope.derived or scope.called) and only not in scope.tables:
        raise rewriting.refuse(select + 1, "SELECT DISTINCT ON with * of a subquery", "Name the columns.")
    words = []
    for alias, table in scope.tables.items():
        if only not in (None, alias):
            continue
        columns = types.schema.shown(table)
        if columns is None:
            raise rewriting.refuse(select + 1, "SELECT DISTINCT ON with * of what is no table", "Name the columns.")
        for column in columns:
            words.append(f"{quoted_name(alias)}.{quoted_name(column)} AS ha_{len(shown)}")
            shown.append(f"ha_{len(shown)} AS {quoted_name(column)}")
    rewriting.drop(item.first, item.last - 1)
    rewriting.instead[item.last - 1] = ", ".join(words)


def _term(rewriting: Rewriting, items: list[Item], first: int, last: int) -> str:
    """A term of ON or ORDER BY in SQLite's words; a number or an alias means an item."""
    if first == last:
        key = rewriting.key(first)
        if rewriting.kind(first) == NUMBER and key.isdecimal() and 0 < int(key[:9]) <= len(items):
            item = items[int(key[:9]) - 1]
            return _words(rewriting, item.first, item.last - 1)
        if rewriting.is_operand(first):
            name = unquoted(rewriting.text, rewriting.tokens[first])
            item = next((one for one in items if one.alias == name), items[0])
            if item.alias == name:
                return _words(rewriting, item.first, item.last - 1)
    return _words(rewriting, first, last)


def _order(rewriting: Rewriting, items: list[Item], at: int, end: int) -> str:
    """``ORDER BY …``, or nothing."""
    if rewriting.key(at) != "ORDER":
        return ""
    terms = []
    start = at + 2
    while start < end:
        comma = min(rewriting.clause_end(start, frozenset((",",))), end)
        last = term_end(rewriting.key, start, comma) - 1
        rest = [rewriting.key(one) for one in range(last + 1, comma)]
        if "NULLS" not in rest:
            rest += ["NULLS", "FIRST" if "DESC" in rest else "LAST"]
        terms.append(" ".join([_term(rewriting, items, start, last), *rest]))
        start = comma + 1
    return "ORDER BY " + ", ".join(terms)


def _words(rewriting: Rewriting, first: int, last: int) -> str:
    tokens = rewriting.tokens[first : last + 1]
    made = rewriting.translate(rewriting.text, tokens, tokens[0].start, tokens[-1].end, verb="SELECT")
    return made.sql
