"""Rules for the columns that every table of PostgreSQL's has: ``ctid``, ``tableoid``, ``xmax``. [pure]

A row's place is its rowid (:mod:`ha.sql.tids`), its table's number the catalog's. ``xmax`` is 0, as of every row that nobody changes:
in what INSERT … ON CONFLICT DO UPDATE returns, where programs ask by it which rows were inserted, it is 0 for those, and a number for the
others. ``xmin``, by which programs ask whether a row was changed since they read it, is refused: SQLite's rows do not know.
"""

from __future__ import annotations

from typing import Final

from ha.sql.aliases import table_of
from ha.sql.groupedby import is_subquery
from ha.sql.reading import Scope
from ha.sql.rewriting import Rewriting
from ha.sql.tokens import WORD, quoted_name
from ha.sql.typed import Types

#: Their types.
TYPES: Final = {"ctid": "tid", "tableoid": "oid", "xmax": "xid", "xmin": "xid", "cmin": "cid", "cmax": "cid"}
#: What a statement asks of the rowid that was inserted last, see :func:`ha.sqlite.fetch.run_write`.
INSERTED: Final = "last_insert_rowid() ="

_LISTS = frozenset(("SELECT", ",", "DISTINCT", "ALL", "RETURNING"))
_ENDS = frozenset((",", "FROM", ")", "", "AS", ";", "WHERE", "INTO"))
#: Before a name that is defined here, or no column's.
_NO_COLUMN = frozenset(("AS", "TABLE", "COLUMN", "INDEX", "FROM", "JOIN", "INTO"))


def column(rewriting: Rewriting, index: int) -> None:
    """One of these words, where it is a column of a client's table that has none of that name itself.

    :raises StatementError: 0A000, nothing here can tell it.
    """
    if rewriting.key(index + 1) in (".", "(") or rewriting.key(index - 1) in _NO_COLUMN or rewriting.is_stored:
        return
    if rewriting.verb not in ("SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "") or not rewriting.ask():
        return
    types = rewriting.types
    assert types is not None
    first = index
    if rewriting.key(index - 1) == ".":
        first -= 2
    table, alias, alone = _table(rewriting, types, first if first < index else -1, index)
    name = rewriting.key(index).lower()
    if table is None or TYPES.get(name) is None or name in {one.lower() for one in types.schema.columns(table) or ()}:
        return
    key = types.schema.row_key(table)
    if not key:
        return  # a view's, and there is none
    listed = rewriting.key(first - 1) in _LISTS and rewriting.key(index + 1) in _ENDS
    if name in ("xmin", "cmin", "cmax"):
        raise rewriting.refuse(index, name, "Keep a number in the row that every UPDATE counts up.")
    if name == "tableoid":
        said = str(types.schema.number(table))
    elif name == "xmax" and not _may_have_updated(rewriting, index):
        said = "0"
    elif len(key) > 1 or key[0] not in ("rowid", "_rowid_", "oid"):
        raise rewriting.refuse(index, f"{name} of a table WITHOUT ROWID", "Name the columns of its key.")
    elif name == "xmax":
        said = f"({INSERTED} {key[0]}) IS NOT 1"
    else:
        # An expression, not the column that the rowid may be: of another type.
        said = f"{'+' if listed else ''}{'' if alone else quoted_name(alias) + '.'}{key[0]}"
    rewriting.drop(first, index)
    rewriting.instead[index] = f"({said})" if name == "xmax" and said != "0" else said
    if listed and rewriting.key(index + 1) != "AS":
        rewriting.after(index, f" AS {name}")


def _table(rewriting: Rewriting, types: Types, qualifier: int, index: int) -> tuple[str | None, str, bool]:
    """The table whose row is meant, what it is called, and whether its columns need not be told from others'."""
    written = _inserted(rewriting, types, index)
    if written is not None:
        own = qualifier < 0 or types.reading.plain(qualifier).lower() == written[1]
        return (*written, True) if own else (None, "", False)
    scope: Scope | None = types.reading.scope_at(index)
    if qualifier >= 0:
        alias = types.reading.plain(qualifier).lower()
        inner = scope
        while scope is not None and alias not in scope.tables:
            if alias in scope.derived or alias in scope.called:
                return None, "", False
            scope = scope.outer
        table = scope.tables[alias] if scope is not None else None
        return table, alias, scope is inner and scope is not None and _sources(scope) == 1
    assert scope is not None
    if _sources(scope) == 1 and scope.tables:
        ((alias, table),) = scope.tables.items()
        return table, alias, True
    return None, "", False  # among several it is ambiguous, and of a query its own


def _sources(scope: Scope) -> int:
    return len(scope.tables) + len(scope.derived) + len(scope.called)


def _inserted(rewriting: Rewriting, types: Types, index: int) -> tuple[str, str] | None:
    """The table of the INSERT in whose RETURNING the word stands, and what it is called; None where it stands elsewhere."""
    if rewriting.verb != "INSERT":
        return None
    insert = next(at for at in range(len(rewriting.tokens)) if rewriting.key(at) == "INSERT")
    returning = rewriting.clause_end(insert, frozenset(("RETURNING",)))
    opening = types.reading.around(index)
    while opening > returning:
        if is_subquery(rewriting, opening):
            return None
        opening = types.reading.around(opening)
    if not insert < returning < index:
        return None
    at = table_of(rewriting, insert)
    table = types.reading.plain(at)
    return table, types.reading.plain(at + 2).lower() if rewriting.key(at + 1) == "AS" else table.lower()


def _may_have_updated(rewriting: Rewriting, index: int) -> bool:
    """Does the word stand in the RETURNING of an INSERT that may have updated instead?"""
    keys = [token.key for token in rewriting.tokens]
    if rewriting.verb != "INSERT" or "RETURNING" not in keys[:index]:
        return False
    return any(keys[at : at + 2] == ["DO", "UPDATE"] and rewriting.tokens[at].kind == WORD for at in range(index))


#: The rule for each of these words.
RULES: Final = {name.upper(): column for name in TYPES}
