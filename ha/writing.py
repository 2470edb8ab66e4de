"""Statements that write: to the committer, into the client's block, or with the session's own connection.

Every function works on a :class:`~ha.backend.Backend`. :func:`write` and :func:`write_script` run in whatever thread their transaction
does, the others in the reactor's.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from ha.block import Block, read_only
from ha.errors import Notice, StatementError
from ha.judgement import COUNTED, Judgement, judge, shape_of
from ha.replication.change import Notification
from ha.replication.committer import Work
from ha.replication.conflicts import READ_COMMITTED, SERIALIZABLE
from ha.replication.transaction import OpenTransaction
from ha.sql.insertions import plain_insertion
from ha.sql.kinds import (
    CreateLike,
    CreateMaterialized,
    CreateTableAs,
    Kind,
    Merge,
    Notify,
    OnCommit,
    SetConstraints,
    Statement,
)
from ha.sql.modifying import named
from ha.sql.statements import split
from ha.sql.tokens import quoted_name
from ha.sql.typenames import SPOKEN, declared
from ha.sqlite import largeobjects, schemas, temporary
from ha.sqlite.casts import pg_fit_numeric
from ha.sqlite.connection import Connection, Facts
from ha.sqlite.deferral import set_constraints
from ha.sqlite.executor import FOREVER, timed_out
from ha.sqlite.fetch import Allowance, Cursor, facts_of, one_of, run_write
from ha.sqlite.insertion import foresee, insert_foreseen
from ha.sqlite.merging import run_merge
from ha.sqlite.plans import is_bounded
from ha.sqlite.scripts import already_there, conditions, steps
from ha.sqlite.sequences import inserted
from ha.values import Answer, Column, Parameters, Row

if TYPE_CHECKING:
    from ha.backend import Backend

#: Bytes of rows that are held at once where they cannot be streamed: RETURNING, and statements of a batch.
HELD_BYTES_MAX = 64 * 1024 * 1024


def write(
    backend: Backend,
    connection: Connection,
    said: list[Notification] | None,
    statement: Statement,
    values: Parameters,
    allowance: Allowance,
    given: dict[str, list[Row]] | None = None,
) -> Answer:
    """Run one statement to its end, in whatever thread it is.

    :param allowance: for its rows.
    :param given: the rows that queries of its WITH have given already, by name.
    """
    if statement.kind in (Kind.EMPTY, Kind.NOTHING):
        return Answer(statement.verb)
    if statement.kind is Kind.NOTIFY:
        assert said is not None and isinstance(statement.argument, Notify)
        said.append((statement.argument.channel, statement.argument.payload, backend.pid))
        return Answer("NOTIFY")
    if statement.kind is not Kind.SQL:
        return write_script(backend, connection, statement)
    judged = judge(backend, connection, statement)
    judged.check(statement, values)
    fitting, facts = judged.statement, judged.facts
    merge = fitting.argument if isinstance(fitting.argument, Merge) else None
    columns = _columns_of(backend, connection, judged)
    backend.context.said.clear()
    if fitting.parts:
        fitting, values = _with_rows(backend, connection, said, judged, values, given if given is not None else {})
        if merge is None:
            facts = facts_of(connection, fitting.sql)
    if fitting.objects and fitting.acts and not largeobjects.is_there(connection):
        table = largeobjects.DEFINITION
        run_write(connection, backend.replica.database.capture, table, (), facts_of(connection, table), allowance)
    try:
        if facts.readonly:
            rows = Cursor(connection, fitting.sql, values).take_all(allowance)
            _say(backend, said)
            if statement.acts:
                backend.replica.database.capture.after_statement(fitting.sql, may_change_schema=False)
            return Answer(statement.verb, columns, rows, len(rows))
        if facts.makes_temp and not connection.guard.private:
            raise TemporaryTable()
        notices = already_there(connection, statement) if statement.verb.startswith("CREATE") else []
        promise = _promise(connection, statement)
        capture = backend.replica.database.capture
        rows, inserting = [], fitting.sql
        if merge is None:
            rows, changed, last = run_write(connection, capture, fitting.sql, values, facts, allowance)
        else:
            changed, merged = run_merge(connection, capture, fitting.sql, values, merge, allowance)
            inserting, last = merged or ("", None)
        if rows and columns and not backend.sqlite_order:
            _check_widths(columns, rows)
    except StatementError as error:
        raise judged.placed(error, statement) from error
    if promise is not None:
        with connection.guard.trusted():
            temporary.promise(connection, promise.table, promise.at_commit)
    _say(backend, said)
    counted = statement.verb in COUNTED
    if last is not None and statement.verb in ("INSERT", "MERGE") and not backend.sqlite_order:
        inserted(backend.context, inserting, facts.tables_written, last)
    return Answer(
        statement.verb,
        columns,
        rows,
        changed if counted else None,
        last if statement.verb == "INSERT" else None,
        notices=notices,
    )


def _check_widths(columns: tuple[Column, ...], rows: Sequence[Row]) -> None:
    """What RETURNING gives must fit what is announced, while the row can still be undone.

    :raises StatementError: 22003.
    """
    for at, bits, spoken in _narrow(columns):
        for row in rows:
            value = row[at]
            if value.__class__ is int and not -(1 << bits - 1) <= value < 1 << bits - 1:  # type: ignore[operator]
                raise StatementError("22003", f'value "{value}" is out of range for type {spoken}')


@lru_cache(maxsize=1024)
def _narrow(columns: tuple[Column, ...]) -> tuple[tuple[int, int, str], ...]:
    """The columns that are announced as integers of less than SQLite's 64 bits: where they are, their bits, their type."""
    found = []
    for at, column in enumerate(columns):
        # A column that says INTEGER has 64 bits, an expression of that type 32.
        name = declared(column.decltype) if column.decltype else column.expression
        bits = {"int2": 16, "int4": 32}.get(name or "")
        if bits is not None:
            found.append((at, bits, SPOKEN[name or ""]))
    return tuple(found)


def write_each(
    backend: Backend, connection: Connection, statement: Statement, commands: Sequence[Parameters]
) -> list[Answer] | None:
    """Run one INSERT once for each of many rows. None: it is not of the kind that can be; then nothing was done.

    :raises StatementError: with `index`, which row it was.
    """
    if statement.verb != "INSERT" or statement.kind is not Kind.SQL:
        return None
    judged = judge(backend, connection, statement)
    sql, facts = judged.statement.sql, judged.facts
    form = plain_insertion(sql)
    if form is None or facts.columns or facts.makes_temp:
        return None
    if dict in set(map(type, commands)) or set(map(len, commands)) != {form.width}:
        return None
    rows: list[Row] = list(map(tuple, commands))
    foreseen = foresee(connection, form.table, form.columns, rows)
    if foreseen is None:
        return None
    try:
        with one_of(connection, sql, rows):
            insert_foreseen(connection, sql, rows, foreseen)
    except StatementError as error:
        raise judged.placed(error, statement) from error
    rowids = foreseen.rowids
    if rowids[-1] is not None and not backend.sqlite_order:
        inserted(backend.context, sql, facts.tables_written, rowids[-1])
    verb, nothing = statement.verb, Answer(statement.verb)
    return [Answer(verb, None, nothing.rows, 1, rowid, None, nothing.notices) for rowid in rowids]


#: Values that the queries of WITH may give one another: each is a parameter of the next, of which SQLite takes 32,766.
GIVEN_MAX: Final = 30_000


def _with_rows(
    backend: Backend,
    connection: Connection,
    said: list[Notification] | None,
    judged: Judgement,
    values: Parameters,
    given: dict[str, list[Row]],
) -> tuple[Statement, Parameters]:
    """Run what a statement's WITH writes; the statement with the rows of that in its place, and its values.

    In PostgreSQL none of them sees what another wrote but by these rows. So one that would see it is refused before any is run.
    """
    fitting, changed = judged.statement, set[str]()
    parts = [(part, split(part.text)[0]) for part in fitting.parts if part.name not in given]
    for _, statement in parts:
        facts = judge(backend, connection, statement).facts
        _refuse_to_see(connection, statement.text, facts.tables_read & changed)
        changed |= facts.tables_written
    _refuse_to_see(connection, fitting.text, judged.facts.tables_read & changed)
    values = list(values)
    for part, statement in parts:
        own = judge(backend, connection, statement)
        count = len(own.facts.parameters)
        answer = write(backend, connection, said, statement, values[:count], Allowance(HELD_BYTES_MAX), given)
        given[part.name] = _kept(answer) if part.columns else []
    sql, number = fitting.sql, len(values)
    for part in fitting.parts:
        rows = given[part.name]
        if not rows:
            continue
        if number + len(rows) * part.columns > GIVEN_MAX:
            raise StatementError(
                "54000", f'"{part.name}" gives too many rows to go on with', hint="Use a temporary table."
            )
        listed = []
        for row in rows:
            listed.append(f"({', '.join(f'?{number + at}' for at in range(1, part.columns + 1))})")
            number += part.columns
            values += row
        sql = sql.replace(part.place, f"VALUES {', '.join(listed)}", 1)
    return replace(fitting, sql=sql), tuple(values)


def _kept(answer: Answer) -> list[Row]:
    """Its rows with numbers for exact numerics: the statement that goes on with them takes them for a table's."""
    numerics = [at for at, one in enumerate(answer.columns or ()) if (one.expression or "").startswith("numeric")]
    if not numerics:
        return answer.rows
    rows = [list(row) for row in answer.rows]
    for row in rows:
        for at in numerics:
            row[at] = pg_fit_numeric(row[at])
    return [tuple(row) for row in rows]


def _refuse_to_see(connection: Connection, text: str, seen: Collection[str]) -> None:
    """Refuse a statement that reads these tables; one that only looks for its foreign keys there may."""
    if not seen:
        return
    said = named(text)
    with connection.guard.trusted():
        views: list[Any] = connection.execute(
            "SELECT lower(name) FROM main.sqlite_schema WHERE type = 'view'"
        ).fetchall()
    for table in seen:
        if table.lower() in said or any(view in said for (view,) in views):
            raise StatementError(
                "0A000",
                f'table "{table}" is read beside a query of WITH that changes it',
                hint="Read what RETURNING gives, or use two statements in a transaction.",
            )


def _promise(connection: Connection, statement: Statement) -> OnCommit | None:
    """What a TEMP table that is not there yet shall lose at COMMIT. Asked before it is made."""
    if not isinstance(statement.argument, OnCommit):
        return None
    with connection.guard.trusted():
        return None if temporary.is_there(connection, statement.argument.table) else statement.argument


def _columns_of(backend: Backend, connection: Connection, judged: Judgement) -> tuple[Column, ...] | None:
    """The columns of what a statement answers, if it answers rows; what it asks of types is answered from here on."""
    if not judged.facts.columns and not judged.statement.asks_types:
        return None
    shape = judged.shape or shape_of(backend, connection, judged.statement, judged.facts)
    backend.context.types_asked = shape.asked
    return shape.columns


def _say(backend: Backend, said: list[Notification] | None) -> None:
    """What the statement said by ``pg_notify`` goes out with its transaction."""
    if said is None and backend.block is not None:
        said = backend.block.notifications
    if said is not None:
        said += [(channel, payload, backend.pid) for channel, payload in backend.context.said]


def write_script(backend: Backend, connection: Connection, statement: Statement) -> Answer:
    """What PostgreSQL says in one statement and SQLite in several."""
    capture = backend.replica.database.capture
    answer = Answer(statement.verb)
    if isinstance(statement.argument, SetConstraints):
        if backend.block is None:
            answer.notices.append(Notice("WARNING", "25P01", "SET CONSTRAINTS can only be used in transaction blocks"))
        set_constraints(connection, deferred=statement.argument.deferred)
        return answer
    statement = schemas.in_its_schema(connection, statement, backend.ways.path)
    with conditions(connection, statement):
        for sql in steps(connection, statement, answer.notices):
            facts = facts_of(connection, sql)
            if facts.makes_temp and not connection.guard.private:
                raise TemporaryTable()
            changed = run_write(connection, capture, sql, (), facts, Allowance(HELD_BYTES_MAX))[1]
            if isinstance(statement.argument, CreateTableAs):
                _queried(connection, statement.argument, answer, None if sql.startswith("CREATE ") else changed)
    if isinstance(statement.argument, CreateMaterialized):
        _counted(connection, statement.argument, answer)
    if isinstance(statement.argument, CreateLike) and temporary.is_there(connection, statement.argument.name):
        _promised(connection, statement.argument)
    return answer


def _queried(connection: Connection, argument: CreateTableAs, answer: Answer, filled: int | None) -> None:
    """A table was made of a query, or filled with so many rows, which PostgreSQL's tag counts."""
    if filled is not None:
        answer.verb, answer.affected = "SELECT", filled
    else:
        _promised(connection, argument)


def _counted(connection: Connection, argument: CreateMaterialized, answer: Answer) -> None:
    """PostgreSQL's tag tells how many rows it keeps of a new view."""
    answer.verb = "CREATE MATERIALIZED VIEW"
    if argument.filled and not answer.notices:
        with connection.guard.trusted():
            (count,) = connection.execute(f"SELECT count(*) FROM {quoted_name(argument.name)}").fetchone()  # type: ignore[misc]
        answer.verb, answer.affected = "SELECT", int(count)  # type: ignore[arg-type]


def _promised(connection: Connection, argument: CreateTableAs | CreateLike) -> None:
    """A TEMP table was made that may lose something at COMMIT."""
    if argument.at_commit is not None:
        with connection.guard.trusted():
            temporary.promise(connection, argument.name, argument.at_commit)


async def submit(backend: Backend, what: str, run: Callable[[Connection, list[Notification]], Any], *, key: Any) -> Any:
    """One transaction whose text we hold: to the committer.

    :param what: names it to a client whose transactions are read-only.
    """
    if backend.variables.flag("default_transaction_read_only"):
        raise read_only(what)
    context = backend.context
    said: list[Notification] = []

    def begin(connection: Connection) -> Any:
        context.now = time.time()
        context.objects = {}
        connection.context = context
        return run(connection, said)

    work = Work(
        begin,
        key=key,
        deadline=backend.deadline(),
        cancellation=backend.cancellation,
        may_queue=backend.default_isolation() == READ_COMMITTED,
        notifications=said,
    )
    if backend.private is None:
        if backend.replica.database.turnstile.held and backend.variables.duration_s("lock_timeout"):
            # The queue behind a client's open transaction knows of no lock_timeout: such a session sees that one end first.
            (await _open(backend, READ_COMMITTED)).rollback()
        try:
            return await backend.replica.submit(work)
        except TemporaryTable:
            await backend.move_in(what)
    try:
        return await _submit_privately(backend, work)
    finally:
        backend.move_out()


async def _submit_privately(backend: Backend, work: Work) -> Any:
    """A transaction of a session that has TEMP tables: alone, with the session's own connection."""
    while True:
        opened = await _open(backend, READ_COMMITTED if work.may_queue else SERIALIZABLE)
        work.forget()
        try:
            answer = await opened.run(work.run, writes=True, deadline=work.deadline, cancellation=backend.cancellation)
            opened.notifications += work.notifications
            await opened.commit()
            return answer
        except StatementError as error:
            if error.sqlstate != "40001" or time.monotonic() >= work.deadline:
                raise
        finally:
            opened.rollback()


async def write_in_block(backend: Backend, block: Block, statement: Statement, values: Parameters) -> Answer:
    opened = await take_writer(backend, block, statement.verb)
    if not block.used:
        backend.context.now = time.time()
        block.used = True
    judged = judge(backend, opened.connection, statement)
    block.tables |= judged.facts.tables_read | judged.facts.tables_written

    def work(connection: Connection) -> Answer:
        return write(backend, connection, None, statement, values, Allowance(HELD_BYTES_MAX))

    return await opened.run(
        backend.with_objects(work) if judged.statement.objects else work,
        writes=True,
        bounded=_bounded(backend, opened, judged.statement, judged.facts),
        deadline=backend.deadline(),
        cancellation=backend.cancellation,
    )


async def take_writer(backend: Backend, block: Block, what: str) -> OpenTransaction:
    """The block's writing transaction."""
    return await _in_time(backend, lambda timeout_s: block.write_transaction(what, timeout_s, backend.cancellation))


async def _open(backend: Backend, level: str) -> OpenTransaction:
    """A writing transaction of the session's own connection, outside a block."""
    return await _in_time(
        backend, lambda timeout_s: backend.replica.transaction(timeout_s, level, backend.cancellation, backend.private)
    )


async def _in_time(backend: Backend, take: Callable[[float | None], Awaitable[OpenTransaction]]) -> OpenTransaction:
    """Take the writer: no later than the client's two time-outs say.

    :raises StatementError: 55P03 or 57014, whichever came first.
    """
    lock_timeout_s = backend.variables.duration_s("lock_timeout") or FOREVER
    statement_timeout_s = backend.deadline() - time.monotonic()
    shortest = min(lock_timeout_s, statement_timeout_s)
    try:
        return await take(None if shortest == FOREVER else shortest)
    except StatementError as error:
        if error.sqlstate == "55P03" and statement_timeout_s < lock_timeout_s:
            raise timed_out() from error
        raise


def _bounded(backend: Backend, opened: OpenTransaction, statement: Statement, facts: Facts) -> bool:
    if facts.changes_schema or statement.objects:
        return False
    plans = backend.replica.plans
    known = plans.get(statement.sql)
    if known is None or known[0] is not facts:
        known = (facts, is_bounded(opened.connection, statement.sql, facts.tables_written))
        plans.keep(statement.sql, known)
    return known[1]


class TemporaryTable(StatementError):
    """A TEMP table is wanted on a connection that serves everybody: the session is to have one of its own first."""

    def __init__(self) -> None:
        super().__init__("0A000", "a temporary table cannot be made here")
