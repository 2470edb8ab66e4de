"""The short way of a statement: reads that nothing must be waited for, answered without a coroutine. Most are.

Both functions are methods of :class:`~ha.backend.Backend`, and answer None where its long way must be gone, which finds out what is
not known yet: what the statement is, where the file is not new enough, or the read was long. Then nothing was done.

Run in the reactor's thread.
"""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING

from ha.errors import StatementError
from ha.judgement import COUNTED, known
from ha.sql.kinds import Kind, Statement
from ha.sqlite.fetch import first_rows
from ha.stream import BATCH_ROWS, Stream
from ha.values import Answer, Description, Parameters

if TYPE_CHECKING:
    from ha.backend import Backend


def describe(backend: Backend, statement: Statement) -> Description | None:
    """What :meth:`Backend.describe <ha.backend.Backend.describe>` says, if it is known already."""
    if statement.kind is not Kind.SQL or backend.block is not None or backend.private is not None:
        return None
    database = backend.replica.database
    connection = database.idle_reader()
    if connection is None:
        return None
    try:
        judged = known(backend, connection, statement, backend.ways)
        return None if judged is None or judged.shape is None else judged.shape.describes(statement)
    finally:
        database.give_back(connection)


def execute(backend: Backend, statement: Statement, values: Parameters = (), *, rows_max: int = 0) -> Answer | None:
    """Run one statement, if it is a read that this node knows, outside a block, and short as far as anybody knows.

    :param rows_max: see :meth:`Backend.execute <ha.backend.Backend.execute>`.
    :raises StatementError: its own.
    """
    ways, database = backend.ways, backend.replica.database
    settled = (
        backend.block is None and backend.private is None and backend.expired is None and ways.consistency == "local"
    )
    if not settled or statement.kind is not Kind.SQL or statement.verb in COUNTED:
        return None
    connection = database.idle_reader()
    if connection is None:
        return None
    rest = None
    try:
        judged = known(backend, connection, statement, ways)
        if judged is None or not judged.reads or judged.facts.makes_temp:
            return None
        judged.check(statement, values)
        shape, sql = judged.shape, judged.statement.sql
        assert shape is not None
        backend.asked, backend.query_started, backend.running = statement, time(), True
        context = backend.context
        context.now, context.types_asked = backend.query_started, shape.asked
        try:
            found = database.lanes.attempt(
                connection, first_rows, sql, values, rows_max or BATCH_ROWS, key=sql, deadline=ways.deadline()
            )
        except StatementError as error:
            raise judged.placed(error, statement) from error
        if found is None:
            return None
        rows, cursor = found
        if cursor is not None:
            rest = Stream(backend, cursor, True, None)
        return Answer(statement.verb, shape.columns, rows, len(rows), None, rest)
    finally:
        backend.running = False
        if backend.claims.transaction:
            backend.claims.end_transaction()
        if backend.context.objects:
            backend.context.objects = {}
        if rest is None:
            database.give_back(connection)
