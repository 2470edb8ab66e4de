"""Several commands as one transaction: read from one snapshot where they only read, else written together.

Every function works on a :class:`~ha.backend.Backend`. Runs in the reactor's thread, :func:`run_all` in whatever thread.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from ha.errors import StatementError
from ha.judgement import COUNTED, judge
from ha.replication.change import Notification
from ha.sql.kinds import Kind, Statement
from ha.sql.lifting import lift, put_back
from ha.sql.statements import split
from ha.sqlite.connection import Connection
from ha.sqlite.database import one_state
from ha.sqlite.fetch import Allowance
from ha.values import Answer, Parameters
from ha.writing import HELD_BYTES_MAX, write, write_each

if TYPE_CHECKING:
    from ha.backend import Backend

#: Commands of one batch.
BATCH_COMMANDS_MAX = 100_000

#: What may be one.
BATCHED = frozenset({Kind.SQL, Kind.SCRIPT, Kind.EMPTY, Kind.NOTHING, Kind.NOTIFY})


async def only_reads(backend: Backend, commands: Sequence[tuple[Statement, Parameters]]) -> bool:
    if not COUNTED.isdisjoint([statement.verb for statement, _ in commands]):
        return False
    connection, borrowed = await backend.reader()
    try:
        return all(
            statement.kind in (Kind.EMPTY, Kind.NOTHING)
            or (statement.kind is Kind.SQL and not statement.acts and judge(backend, connection, statement).reads)
            for statement, _ in commands
        )
    except StatementError:
        return False  # perhaps an earlier command makes what this one misses; else the error comes again
    finally:
        if borrowed:
            backend.replica.database.give_back(connection)


async def read_batch(backend: Backend, commands: Sequence[tuple[Statement, Parameters]]) -> list[Answer]:
    """All commands read: from one snapshot, without the writer."""

    def read(connection: Connection) -> list[Answer]:
        backend.context.now = time.time()
        connection.context = backend.context
        with one_state(connection):
            return run_all(backend, connection, None, commands)

    connection, borrowed = await backend.reader()
    try:
        return await backend.replica.database.run(
            connection,
            read,
            key=tuple(statement.sql for statement, _ in commands[:16]),
            deadline=backend.deadline(),
            cancellation=backend.cancellation,
        )
    finally:
        if borrowed:
            backend.replica.database.give_back(connection)


def run_all(
    backend: Backend,
    connection: Connection,
    said: list[Notification] | None,
    commands: Sequence[tuple[Statement, Parameters]],
) -> list[Answer]:
    """Run a batch's commands, in whatever thread; an error says which it was."""
    allowance = Allowance(HELD_BYTES_MAX)
    answers: list[Answer] = []
    for one, run in groupby(_shared(commands), itemgetter(0)):
        at = len(answers)
        rows = [values for _, values in run]
        end = at + len(rows)
        try:
            told = write_each(backend, connection, one, rows) if len(rows) > 1 else None
            if told is not None:
                answers += told
                continue
            for command in commands[at:end]:
                answers.append(write(backend, connection, said, *command, allowance))
        except StatementError as error:
            if error.index is None:
                error.index = len(answers)
            else:
                error.index += at
                statement, _ = commands[error.index]
                if statement is not one:
                    put_back(error, statement.text)
            raise
    return answers


def _shared(commands: Sequence[tuple[Statement, Parameters]]) -> list[tuple[Statement, Parameters]]:
    """INSERTs with their values in their texts, as the statements that they share with others like them; the rest as it is."""
    # Most batches say the same again and again.
    texts = {id(statement): statement for statement, values in commands if not values}
    known = {key: _lifted(statement) for key, statement in texts.items() if statement.verb == "INSERT"}
    if not known:
        return list(commands)
    return [command if command[1] else known.get(id(command[0]), command) for command in commands]


def _lifted(statement: Statement) -> tuple[Statement, Parameters]:
    lifted = lift(statement.text)
    if lifted is None or split(statement.text)[0].sql != statement.sql:
        return statement, ()
    return lifted.statement, lifted.values
