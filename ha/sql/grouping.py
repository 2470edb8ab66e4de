"""What a grouped query may name: PostgreSQL's 42803, of which SQLite knows nothing. [pure]

SQLite takes any row's value for a column that is neither grouped nor aggregated. PostgreSQL refuses it, unless the column's table is
grouped by its primary key. Refused is only what is certain: a column of a table that the schema knows, in a query whose tables are all
known, outside of aggregates and of subqueries.
"""

from __future__ import annotations

from collections.abc import Sequence

from ha.errors import StatementError
from ha.sql.reading import Item, Scope
from ha.sql.rewriting import AFTER_FROM, NOT_CALLED, Rewriting
from ha.sql.tokens import COMPOUNDS, NAMES, NUMBER, PARAMETER, TEXTS, WORD, unquoted
from ha.sql.typed import Types

#: Functions that make one value of many rows.
AGGREGATES = frozenset(
    """
    COUNT SUM AVG MIN MAX TOTAL GROUP_CONCAT STRING_AGG ARRAY_AGG JSON_AGG JSONB_AGG JSON_OBJECT_AGG JSONB_OBJECT_AGG BOOL_AND BOOL_OR
    EVERY BIT_AND BIT_OR BIT_XOR STDDEV STDDEV_POP STDDEV_SAMP VARIANCE VAR_POP VAR_SAMP CORR COVAR_POP COVAR_SAMP REGR_SLOPE
    REGR_INTERCEPT REGR_COUNT REGR_R2 REGR_AVGX REGR_AVGY REGR_SXX REGR_SXY REGR_SYY MODE PERCENTILE_CONT PERCENTILE_DISC
    JSON_GROUP_ARRAY JSON_GROUP_OBJECT MEDIAN
    """.split()
)
#: Words that are no column in an expression.
_WORDS = NOT_CALLED | frozenset(
    """
    NULL TRUE FALSE END ASC DESC NULLS FIRST LAST ISNULL NOTNULL COLLATE ESCAPE SIMILAR TO AT TIME ZONE ROW ARRAY INTERVAL DATE TIMESTAMP
    TIMESTAMPTZ CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP LOCALTIME LOCALTIMESTAMP CURRENT_USER SESSION_USER USER UNKNOWN CURRENT_ROLE
    CURRENT_CATALOG CURRENT_SCHEMA SYMMETRIC WITHIN
    """.split()
)
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
    listed = _Grouped(rewriting, types, scope)
    for item in items:
        listed.term(item.first, item.last, ())
    names = {item.alias for item in items if item.alias}
    for start, end in types.reading.parts(order + 2, rewriting.clause_end(order + 2, _BODY_END - {"ORDER"})):
        table, column, after = listed.column(start)
        if table is None or (table, column) in listed.columns or _text(rewriting, start) in names:
            continue
        if after == end or rewriting.key(after) in ("ASC", "DESC", "NULLS"):
            raise StatementError(
                "42P10",
                "for SELECT DISTINCT, ORDER BY expressions must appear in select list",
                position=rewriting.tokens[start].start + 1,
            )


def _select(rewriting: Rewriting, types: Types, select: int) -> None:
    body_end = rewriting.clause_end(select + 1, COMPOUNDS | {";"})
    group = _clause(rewriting, select, body_end, "GROUP")
    having = _clause(rewriting, select, body_end, "HAVING")
    items = types.reading.items_between(select, body_end)
    if not items:
        return
    if group < 0 and having < 0 and not any(aggregates(rewriting, item.first, item.last) for item in items):
        return
    scope = types.reading.scope_at(select + 1)
    if not scope.tables or scope.derived or scope.called:
        return
    if any(_is_the_catalogs(table) or types.schema.columns(table) is None for table in scope.tables.values()):
        return
    grouped = _Grouped(rewriting, types, scope)
    if group >= 0:
        first, last = group + 2, rewriting.clause_end(group + 2, _BODY_END)
        if rewriting.key(first) in ("ROLLUP", "CUBE", "GROUPING") or rewriting.key(first) == "(":
            return
        for start, end in types.reading.parts(first, last):
            if not grouped.term(start, end, items):
                return  # no column of these tables: SQLite will tell
    for item in items:
        if item.star:
            _star(rewriting, grouped, item)
        else:
            grouped.expression(item.first, item.last)
    if having >= 0:
        grouped.expression(having + 1, rewriting.clause_end(having + 1, _BODY_END))
    order = _clause(rewriting, select, body_end, "ORDER")
    if order >= 0 and body_end == rewriting.clause_end(order, frozenset((";",))):
        names = {item.alias for item in items if item.alias}
        for start, end in types.reading.parts(order + 2, rewriting.clause_end(order + 2, _BODY_END - {"ORDER"})):
            if rewriting.kind(start) in NAMES and _text(rewriting, start) in names:
                continue
            grouped.expression(start, end)


def _is_the_catalogs(table: str) -> bool:
    """Its tables' keys are known to PostgreSQL, not to SQLite."""
    return table.lower().startswith(("pg_", "information_schema.", "sqlite_"))


def _clause(rewriting: Rewriting, select: int, end: int, word: str) -> int:
    """Where a clause of this SELECT begins; -1 if it has none."""
    at = rewriting.clause_end(select + 1, frozenset((word,)))
    return at if at < end and rewriting.key(at) == word else -1


def _text(rewriting: Rewriting, at: int) -> str:
    return unquoted(rewriting.text, rewriting.tokens[at])


def aggregates(rewriting: Rewriting, first: int, last: int) -> bool:
    """Is an aggregate called in the range, outside of subqueries and not over a window?"""
    at = first
    while at < last:
        if rewriting.key(at) == "(" and rewriting.key(at + 1) in ("SELECT", "WITH", "VALUES"):
            at = rewriting.partners.get(at, at) + 1
            continue
        if is_aggregate(rewriting, at):
            return True
        at += 1
    return False


def is_aggregate(rewriting: Rewriting, at: int) -> bool:
    """Is it the call of an aggregate, not over a window?"""
    if rewriting.key(at) not in AGGREGATES or rewriting.key(at + 1) != "(" or at + 1 not in rewriting.partners:
        return False
    close = rewriting.partners[at + 1]
    if rewriting.key(at) in ("MIN", "MAX") and rewriting.clause_end(at + 2, frozenset((",",))) < close:
        return False
    after = close + 1
    while rewriting.key(after) in ("FILTER", "WITHIN"):
        opening = after + 1 + (rewriting.key(after) == "WITHIN")
        after = rewriting.partners.get(opening, opening) + 1
    return rewriting.key(after) != "OVER"


class _Grouped:
    """What one SELECT is grouped by."""

    def __init__(self, rewriting: Rewriting, types: Types, scope: Scope) -> None:
        self.rewriting = rewriting
        self.types = types
        self.scope = scope
        self.columns: set[tuple[str, str]] = set()
        self.expressions: set[tuple[str, ...]] = set()
        #: Tables that are grouped by their keys.
        self.whole: set[str] = set()

    def term(self, first: int, last: int, items: Sequence[Item]) -> bool:
        """A term of GROUP BY; False if it is a name that nothing here has."""
        if last - first == 1 and self.rewriting.kind(first) == NUMBER and self.rewriting.key(first).isdecimal():
            place = int(self.rewriting.key(first)[:9])
            if not 0 < place <= len(items) or any(item.star for item in items):
                return False
            first, last = items[place - 1].first, items[place - 1].last
        elif last - first == 1 and self.rewriting.kind(first) in NAMES and self.column(first)[0] is None:
            name = _text(self.rewriting, first)
            item = next((item for item in items if item.alias == name), None)
            if item is None and self.rewriting.key(first) not in _WORDS:
                return False
            if item is not None:
                first, last = item.first, item.last
        while self.rewriting.key(first) == "(" and self.rewriting.partners.get(first) == last - 1:
            first, last = first + 1, last - 1
        self.expressions.add(self._words(first, last))
        table, column, end = self.column(first)
        if table is not None and end == last:
            self.columns.add((table, column))
            self._complete(table)
        return True

    def _complete(self, alias: str) -> None:
        table = self.scope.tables[alias]
        key = self.types.schema.primary_key(table)
        if key and all((alias, column.lower()) in self.columns for column in key):
            self.whole.add(alias)

    def _words(self, first: int, last: int) -> tuple[str, ...]:
        """An expression's words, by which equal ones are known; a column's table counts where it is said."""
        words = []
        at = first
        while at < last:
            table, column, end = self.column(at)
            if table is not None:
                words.append(f"{table}.{column}")
                at = end
            else:
                words.append(self.rewriting.key(at))
                at += 1
        return tuple(words)

    def column(self, at: int) -> tuple[str | None, str, int]:
        """The column that is named at a token: its table's alias, its name, the token after it; None if it is none that is certain."""
        rewriting = self.rewriting
        if rewriting.kind(at) not in NAMES or (rewriting.kind(at) == WORD and rewriting.key(at) in _WORDS):
            return None, "", at + 1
        if rewriting.key(at - 1) in (".", "::", "AS") or rewriting.key(at + 1) == "(":
            return None, "", at + 1
        name = _text(rewriting, at).lower()
        if rewriting.key(at + 1) == ".":
            column = _text(rewriting, at + 2).lower() if rewriting.kind(at + 2) in NAMES else ""
            table = self.scope.tables.get(name)
            if rewriting.key(at + 3) in (".", "(") or table is None or not self._has(table, column):
                return None, "", at + 1
            return name, column, at + 3
        owners = [alias for alias, table in self.scope.tables.items() if self._has(table, name)]
        return (owners[0], name, at + 1) if len(owners) == 1 else (None, "", at + 1)

    def _has(self, table: str, column: str) -> bool:
        return self.types.schema.column_type(table, column) is not None

    def expression(self, first: int, last: int) -> None:
        """Look at an expression of a grouped query.

        :raises StatementError: 42803.
        """
        rewriting = self.rewriting
        at = first
        while at < last:
            end = self._grouped_from(at, last)
            if end > at:
                at = end
                continue
            if rewriting.key(at) == "(" and rewriting.key(at + 1) in ("SELECT", "WITH", "VALUES"):
                at = rewriting.partners.get(at, at) + 1
                continue
            if is_aggregate(rewriting, at):
                at = rewriting.partners[at + 1] + 1
                while rewriting.key(at) in ("FILTER", "WITHIN"):
                    opening = at + 1 + (rewriting.key(at) == "WITHIN")
                    at = rewriting.partners.get(opening, opening) + 1
                continue
            if rewriting.kind(at) in TEXTS or rewriting.kind(at) in (NUMBER, PARAMETER):
                at += 1
                continue
            table, column, end = self.column(at)
            if table is not None and (table, column) not in self.columns and table not in self.whole:
                raise StatementError(
                    "42803",
                    f'column "{table}.{column}" must appear in the GROUP BY clause or be used in an aggregate function',
                    position=rewriting.tokens[at].start + 1,
                )
            at = end

    def _grouped_from(self, at: int, last: int) -> int:
        """The end of a grouped expression that begins here; `at` if none does."""
        for words in filter(None, self.expressions):
            if self.rewriting.key(at) != words[0].rpartition(".")[2].upper() and len(words) == 1:
                continue
            end = at
            found: list[str] = []
            while end < last and len(found) < len(words):
                table, column, after = self.column(end)
                found.append(f"{table}.{column}" if table is not None else self.rewriting.key(end))
                end = after if table is not None else end + 1
            if tuple(found) == words:
                return end
        return at


def _star(rewriting: Rewriting, grouped: _Grouped, item: Item) -> None:
    only = _text(rewriting, item.first).lower() if item.last - item.first > 1 else None
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
