"""What a grouped query may name: PostgreSQL's 42803, of which SQLite knows nothing. [pure]

SQLite takes any row's value for a column that is neither grouped nor aggregated. PostgreSQL refuses it, unless the column's table is
grouped by its primary key. Refused is only what is certain: a column of a table that the schema knows, in a query whose tables are all
known, outside of aggregates and of subqueries.
"""

from __future__ import annotations

from ha.errors import StatementError
from ha.sql.groupedby import AGGREGATES, Grouped, aggregates, call_end, clause, is_aggregate, is_subquery, sets
from ha.sql.reading import Item
from ha.sql.rewriting import AFTER_FROM, Rewriting
from ha.sql.tokens import COMPOUNDS, NAMES, NUMBER, PARAMETER, TEXTS, WORD, unquoted
from ha.sql.typed import Types

_BODY_END = AFTER_FROM | {"INTO"}


def check(rewriting: Rewriting, types: Types) -> None:
    """Look at every SELECT of the statement.

    :raises StatementError: 42803.
    """
    keys = rewriting.keys
    if rewriting.is_stored or ("GROUP" not in keys and "DISTINCT" not in keys and AGGREGATES.isdisjoint(keys)):
        return
    for at, token in enumerate(rewriting.tokens):
        if token.key == "SELECT" and token.kind == WORD:
            _select(rewriting, types, at)
            if rewriting.key(at + 1) == "DISTINCT" and rewriting.key(at + 2) != "ON":
                _distinct(rewriting, types, at)


def _distinct(rewriting: Rewriting, types: Types, select: int) -> None:
    """``SELECT DISTINCT a … ORDER BY b``: which of the rows that became one would tell?

    :raises StatementError: 42P10.
    """
    order = rewriting.clause_end(select + 1, COMPOUNDS | {"ORDER", ";"})
    if rewriting.key(order) != "ORDER":
        return
    items = types.reading.items_between(select, rewriting.clause_end(select + 1, frozenset((";",))))
    scope = types.reading.scope_at(select + 1)
    if not items or any(item.star for item in items) or not scope.tables or scope.derived or scope.called:
        return
    listed = Grouped(rewriting, types, scope)
    for item in items:
        listed.expression(item.first, item.last)
    names = {item.alias for item in items if item.alias}
    for start, end in types.reading.parts(order + 2, rewriting.clause_end(order + 2, _BODY_END - {"ORDER"})):
        table, column, after = listed.column(start)
        if (
            table is None
            or (table, column) in listed.columns
            or unquoted(rewriting.text, rewriting.tokens[start]) in names
        ):
            continue
        if after == end or rewriting.key(after) in ("ASC", "DESC", "NULLS"):
            raise StatementError(
                "42P10",
                "for SELECT DISTINCT, ORDER BY expressions must appear in select list",
                position=rewriting.tokens[start].start + 1,
            )


def _select(rewriting: Rewriting, types: Types, select: int) -> None:
    body_end = rewriting.clause_end(select + 1, COMPOUNDS | {";"})
    group = clause(rewriting, select, body_end, "GROUP")
    having = clause(rewriting, select, body_end, "HAVING")
    items = types.reading.items_between(select, body_end)
    if not items:
        return
    if group < 0 and having < 0 and not any(aggregates(rewriting, item.first, item.last) for item in items):
        return
    scope = types.reading.scope_at(select + 1)
    if not scope.tables or scope.derived or scope.called:
        return
    if any(is_catalogs(table) or types.schema.columns(table) is None for table in scope.tables.values()):
        return
    grouped = Grouped(rewriting, types, scope)
    if group >= 0:
        first, last = group + 2, rewriting.clause_end(group + 2, _BODY_END)
        first += rewriting.key(first) in ("ALL", "DISTINCT")
        numbers = [[grouped.term(*term, items) for term in one] for one in sets(rewriting, first, last)]
        if any(number is None for one in numbers for number in one):
            return  # no column of these tables: SQLite will tell
        grouped.complete(set.intersection(*({number for number in one if number is not None} for one in numbers)))
    for item in items:
        if item.star:
            _star(rewriting, grouped, item)
        else:
            _expression(grouped, item.first, item.last)
    if having >= 0:
        _expression(grouped, having + 1, rewriting.clause_end(having + 1, _BODY_END))
    order = clause(rewriting, select, body_end, "ORDER")
    if order >= 0 and body_end == rewriting.clause_end(order, frozenset((";",))):
        names = {item.alias for item in items if item.alias}
        for start, end in types.reading.parts(order + 2, rewriting.clause_end(order + 2, _BODY_END - {"ORDER"})):
            if rewriting.kind(start) in NAMES and unquoted(rewriting.text, rewriting.tokens[start]) in names:
                continue
            _expression(grouped, start, end)


def is_catalogs(table: str) -> bool:
    """Its tables' keys are known to PostgreSQL, not to SQLite."""
    return table.lower().startswith(("pg_", "information_schema.", "sqlite_"))


def _star(rewriting: Rewriting, grouped: Grouped, item: Item) -> None:
    only = unquoted(rewriting.text, rewriting.tokens[item.first]).lower() if item.last - item.first > 1 else None
    for alias, table in grouped.scope.tables.items():
        if only not in (None, alias) or alias in grouped.whole:
            continue
        for column in grouped.types.schema.columns(table) or ():
            if (alias, column.lower()) not in grouped.columns:
                raise StatementError(
                    "42803",
                    f'column "{alias}.{column}" must appear in the GROUP BY clause or be used in an aggregate function',
                    position=rewriting.tokens[item.first].start + 1,
                )


def _expression(grouped: Grouped, first: int, last: int) -> None:
    """Look at an expression of a grouped query.

    :raises StatementError: 42803.
    """
    rewriting = grouped.rewriting
    at = first
    while at < last:
        _, end = grouped.found(at, last)
        if end > at:
            at = end
            continue
        if is_subquery(rewriting, at):
            at = rewriting.partners.get(at, at) + 1
            continue
        if is_aggregate(rewriting, at):
            at = call_end(rewriting, at)
            continue
        if rewriting.kind(at) in TEXTS or rewriting.kind(at) in (NUMBER, PARAMETER):
            at += 1
            continue
        table, column, end = grouped.column(at)
        if table is not None and (table, column) not in grouped.columns and table not in grouped.whole:
            raise StatementError(
                "42803",
                f'column "{table}.{column}" must appear in the GROUP BY clause or be used in an aggregate function',
                position=rewriting.tokens[at].start + 1,
            )
        at = end
