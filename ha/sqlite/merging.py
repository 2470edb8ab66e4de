"""MERGE at work: what :mod:`ha.sql.merge` made of it is found, and then done row by row, in the order in which it was found.

SQLite runs it as several statements, but nothing of it can be seen half done: it is part of one transaction, which fails as a whole.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ha.errors import StatementError
from ha.sql.kinds import Merge
from ha.sqlite.capture import Capture
from ha.sqlite.connection import Connection, Facts
from ha.sqlite.faults import translate
from ha.sqlite.fetch import MISTAKES, Allowance, Cursor, facts_of
from ha.sqlite.packing import unpacked
from ha.values import Parameters


def merging_facts(connection: Connection, sql: str, merge: Merge) -> Facts:
    """What the statement is as a whole.

    :raises StatementError: SQLite cannot prepare it, or the guard refuses it.
    """
    found = facts_of(connection, sql)
    done = [facts_of(connection, action.sql) for action in merge.actions if action.sql]
    return replace(
        found,
        readonly=False,
        columns=(),
        tables_read=found.tables_read.union(*(one.tables_read for one in done)),
        tables_written=found.tables_written.union(*(one.tables_written for one in done)),
    )


def run_merge(
    connection: Connection, capture: Capture, sql: str, values: Parameters, merge: Merge, allowance: Allowance
) -> tuple[int, tuple[str, int] | None]:
    """Do what a MERGE says.

    :param allowance: for the values of all rows, which are held at once.
    :returns: how many rows it changed, and what inserted the last row and under which rowid, if anything did.
    :raises StatementError: 21000, two of its rows would change the same one.
    """
    rows = Cursor(connection, sql, values).take_all(allowance)
    met: set[tuple[Any, ...]] = set()
    changed = 0
    last: tuple[str, int] | None = None
    run = connection.cursor().execute
    for (row,) in rows:
        if row is None:
            continue
        number, *given = unpacked(row)  # type: ignore[arg-type]
        action = merge.actions[number]
        if action.matched:
            name = tuple(given[: merge.key])
            if name in met:
                raise StatementError(
                    "21000",
                    "MERGE command cannot affect row a second time",
                    hint="Ensure that not more than one source row matches any one target row.",
                )
            met.add(name)
        try:
            run(action.sql, given)
        except MISTAKES as error:
            raise translate(error, connection, action.sql, tuple(given)) from error
        changed += connection.changes()
        if not action.matched:
            last = action.sql, connection.last_insert_rowid()
    capture.after_statement(sql, may_change_schema=False)
    return changed, last
