"""The names of what a view or a subquery answers: SQLite would call an unnamed ``count(*)`` by its words. [pure]"""

from __future__ import annotations

from ha.errors import StatementError
from ha.sql.grouping import is_catalogs
from ha.sql.naming import is_column, name_of
from ha.sql.reading import Reading
from ha.sql.rewriting import Rewriting
from ha.sql.singles import is_value
from ha.sql.tokens import quoted_name
from ha.sql.typed import Types


def asks(rewriting: Rewriting) -> bool:
    """Would a ``*`` show what a table of the catalog has besides its columns?"""
    return "*" in rewriting.keys and any(key.startswith(("PG_", "INFORMATION_SCHEMA")) for key in rewriting.keys)


def _without_system_columns(rewriting: Rewriting, types: Types) -> None:
    """``*`` and ``x.*`` of the catalog's tables, whose system columns are ordinary ones here."""
    for item in types.reading.stars:
        scope = types.reading.scopes.get(item.first)
        if scope is None or item.first in rewriting.instead:
            continue
        only = types.reading.plain(item.first).lower() if item.last - item.first > 1 else None
        tables = {alias: table for alias, table in scope.tables.items() if only in (None, alias)}
        if not any(map(is_catalogs, tables.values())) or (only is None and types.starred(item) is None):
            continue
        listed = [
            f"{quoted_name(alias)}.{quoted_name(column)}"
            for alias, table in tables.items()
            for column in types.schema.shown(table) or ()
        ]
        if listed:
            rewriting.forget(item.first, item.last - 1)
            rewriting.instead[item.first] = ", ".join(listed)


def view(rewriting: Rewriting) -> None:
    """Name the columns of a CREATE VIEW that lists no names, as PostgreSQL would.

    :raises StatementError: 42701, two would have one name.
    """
    reading = rewriting.reading
    first = rewriting.clause_end(0, frozenset(("AS",))) + 1
    seen: set[str] = set()
    before = first - 1
    while before > 0 and rewriting.key(before) != "VIEW":
        if rewriting.key(before) == ")" and rewriting.key(rewriting.partners.get(before, 0) - 1) != "WITH":
            first = len(rewriting.tokens)  # they are listed
        before = rewriting.partners.get(before, before) - 1
    for item in reading.items_between(first, len(rewriting.tokens)):
        if item.star or item.number:
            continue
        name = name_of(reading, item)
        if name in seen:
            raise StatementError("42701", f'column "{name}" specified more than once')
        seen.add(name)
        if item.alias is None and not is_column(reading, item):
            rewriting.name(item.last - 1, name)
    _inner(rewriting, reading)


def fit(rewriting: Rewriting, types: Types) -> None:
    """Name the columns of subqueries in FROM and in WITH."""
    if not rewriting.is_stored:
        _inner(rewriting, types.reading)
        if asks(rewriting):
            types.reading.items()
            _without_system_columns(rewriting, types)


def _inner(rewriting: Rewriting, reading: Reading) -> None:
    for at, token in enumerate(rewriting.tokens):
        if token.key != "(" or rewriting.key(at + 1) not in ("SELECT", "WITH", "("):
            continue
        if rewriting.key(at - 1) not in _BEFORE or is_value(rewriting, at) or at not in rewriting.partners:
            continue
        if rewriting.key(at - 1) in ("AS", "MATERIALIZED") and rewriting.key(at - 2) == ")":
            continue  # its names are listed
        close = rewriting.partners[at]
        named = {item.alias for item in reading.items_between(at + 1, close)}
        for item in reading.items_between(at + 1, close):
            name = name_of(reading, item) if item.alias is None and not item.star else "?column?"
            if name != "?column?" and name not in named and not is_column(reading, item):
                named.add(name)
                rewriting.name(item.last - 1, name)


#: What a subquery of FROM or WITH stands behind.
_BEFORE = frozenset(("FROM", "JOIN", ",", "LATERAL", "AS", "MATERIALIZED"))
