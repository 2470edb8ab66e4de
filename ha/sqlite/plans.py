"""Whether a write is short whatever its tables hold: asked of SQLite's own plan.

An interrupted write ends its whole transaction, so inside a client's transaction a write must not be tried under a
budget. It runs in the reactor's thread only if its plan touches single rows by a unique key, and its table has
no triggers and no children that it could cascade to; everything else goes to a thread.
"""

from __future__ import annotations

import re
from typing import Any

import apsw

from ha.sqlite.connection import Connection

#: A step of EXPLAIN QUERY PLAN that finds at most one row.
_BY_ROWID = re.compile(r"SEARCH \S.* USING INTEGER PRIMARY KEY \(rowid=\?\)$")
_BY_INDEX = re.compile(r"SEARCH \S.* USING (?:COVERING )?INDEX (.+) \((.*)\)$")

#: The instruction of DELETE without WHERE, which empties a table without a step in the plan.
_EMPTIES = "Clear"


def is_bounded(connection: Connection, sql: str, tables: frozenset[str] | set[str]) -> bool:
    """Whether `sql`, a write, touches a few rows by their keys and nothing else.

    :param tables: what it writes to, as the authorizer saw it: one table, or its triggers write too.
    """
    if len(tables) != 1:
        return False
    (table,) = tables
    with connection.guard.trusted():
        try:
            steps = [row[3] for row in _explained(connection, "EXPLAIN QUERY PLAN ", sql)]
            if not steps and any(row[1] == _EMPTIES for row in _explained(connection, "EXPLAIN ", sql)):
                return False
            return all(_finds_one(connection, step) for step in steps) and not _has_consequences(connection, table)
        except apsw.Error:
            return False


def _explained(connection: Connection, prefix: str, sql: str) -> list[Any]:
    unbound: Any = getattr(apsw, "_null_bindings")  # noqa: B009  its type stubs leave it out
    return connection.execute(prefix + sql, unbound, can_cache=False).fetchall()


def _finds_one(connection: Connection, step: str) -> bool:
    if _BY_ROWID.match(step):
        return True
    match = _BY_INDEX.match(step)
    if match is None:
        return False
    name, terms = match[1], match[2]
    if any(not term.endswith("=?") for term in terms.split(" AND ")):
        return False
    columns = connection.execute("SELECT count(*) FROM pragma_index_info(?)", (name,)).fetchone()
    unique = connection.execute(
        "SELECT l.[unique] FROM sqlite_schema s, pragma_index_list(s.tbl_name) l WHERE s.name = ?1 AND l.name = ?1",
        (name,),
    ).fetchone()
    return bool(unique and unique[0] and columns and columns[0] == len(terms.split(" AND ")))


def _has_consequences(connection: Connection, table: str) -> bool:
    """Whether writing to `table` runs triggers or reaches the children of foreign keys."""
    found = connection.execute(
        "SELECT 1 FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ?1 COLLATE NOCASE"
        " UNION ALL SELECT 1 FROM sqlite_schema s, pragma_foreign_key_list(s.name) f"
        " WHERE s.type = 'table' AND f.[table] = ?1 COLLATE NOCASE LIMIT 1",
        (table,),
    ).fetchone()
    return found is not None
