"""One client's conversation with one database; both doors meet here.

A statement is given to SQLite to judge: what it reads, whether it writes. Reads go to a reading connection, writes to the committer,
blocks to a :class:`~ha.block.Block`. Only plain values pass in and out, because doors and readers are to
move into processes of their own one day: this is the seam.

Runs in the reactor's thread; the functions it hands to the lanes run there or in a deferred thread.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred

from ha.block import Block, read_only
from ha.company import Company
from ha.errors import Notice, StatementError
from ha.replication.committer import Work
from ha.replication.conflicts import READ_COMMITTED, SERIALIZABLE
from ha.replication.replica import Replica
from ha.replication.transaction import OpenTransaction
from ha.sql.infer import columns, parameters
from ha.sql.kinds import Begin, End, Kind, Name, Notify, SetVariable, Statement
from ha.sql.statements import client_position, literal_position, split
from ha.sql.variables import Variables, spelled
from ha.sqlite import advisory
from ha.sqlite.catalog import mentions
from ha.sqlite.connection import Connection, Facts
from ha.sqlite.database import Private
from ha.sqlite.declared import Declared, fitted
from ha.sqlite.executor import FOREVER, Cancellation, timed_out
from ha.sqlite.fetch import Allowance, Cursor, check_parameters, facts_of, insert_rows, run_write
from ha.sqlite.functions import Context
from ha.sqlite.plans import is_bounded
from ha.sqlite.scripts import already_there, conditions, steps
from ha.sqlite.sequences import inserted
from ha.values import Activity, Answer, Column, Description, NamedStatement, Parameters, Row

#: Rows of a result's first batch, where the client did not say.
FIRST_BATCH_ROWS = 256

#: Bytes of rows that are held at once where they cannot be streamed: RETURNING, and statements of a batch.
HELD_BYTES_MAX = 64 * 1024 * 1024

#: How long a read waits for the file to be as new as it must be (seconds).
READ_WAIT_MAX_S = 10.0

#: Commands of one batch.
BATCH_COMMANDS_MAX = 100_000

#: Statements whose plans are remembered as bounded or not, and whose shapes are remembered, per database.
PLANS_KEPT = 4_000
SHAPES_KEPT = 4_000

#: The verbs whose tag carries a count of changed rows.
COUNTED = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE"})

#: What a failed block still hears.
ENDINGS = frozenset({Kind.COMMIT, Kind.ROLLBACK, Kind.ROLLBACK_TO})


@dataclass(frozen=True, slots=True)
class Shape:
    """What inference made of a statement, and the facts that it made it of."""

    facts: Facts
    columns: tuple[Column, ...] | None
    parameters: tuple[str | None, ...]


class Stream:
    """The rows after an answer's first batch, from a connection that is ours until the stream is closed."""

    def __init__(self, backend: Backend, cursor: Cursor, borrowed: bool, block: Block | None) -> None:
        self._backend = backend
        self._cursor = cursor
        self._borrowed = borrowed
        self._block = block
        self._running = False
        self.closed = False
        if block is not None:
            block.streams.add(self)

    async def next(self, rows_max: int) -> tuple[list[Row], bool]:
        """See :class:`ha.values.RowStream`."""
        if self.closed:
            raise StatementError("34000", "the rows of this result are gone: its transaction has ended")
        cursor, backend = self._cursor, self._backend
        self._running = True
        backend.stop_idling()
        try:
            rows = await backend.replica.database.lanes.long(
                cursor.connection,
                lambda connection: cursor.take(rows_max or FIRST_BATCH_ROWS),
                deadline=backend.deadline(),
                cancellation=backend.fresh_cancellation(),
            )
        except BaseException:
            self._running = False
            self.close()
            raise
        finally:
            backend.idle()
        self._running = False
        if self.closed or cursor.finished:
            self._end()
        return rows, cursor.finished

    def close(self) -> None:
        """Give the connection back; when rows are being fetched, as soon as they are."""
        if not self.closed:
            self.closed = True
            self._backend.cancel()
            if not self._running:
                self._end()

    def _end(self) -> None:
        self.closed = True
        self._cursor.close()
        if self._block is not None:
            self._block.streams.discard(self)
        if self._borrowed:
            self._borrowed = False
            self._backend.replica.database.give_back(self._cursor.connection)


def _held(level: str) -> str:
    """The level that a transaction is held to: PostgreSQL, too, gives READ UNCOMMITTED no less than READ COMMITTED."""
    return READ_COMMITTED if level == "read uncommitted" else level


_IDLE = {"I": "idle", "T": "idle in transaction", "E": "idle in transaction (aborted)"}


class Backend:
    """What one client says to one database.

    :param pid: the number by which the client knows this backend, and cancels it.
    :param statement_timeout_s: the operator's limit; 0 for none. A client may set a shorter one.
    :param databases: says which databases the node has, for the catalog.
    :param company: the node's other clients, which it sees and may stop.
    :param dialect: ``postgresql``, or ``sqlite`` where NULLs sort as SQLite sorts them.
    """

    def __init__(
        self,
        replica: Replica,
        *,
        user: str,
        pid: int,
        clock: Any,
        statement_timeout_s: float,
        idle_timeout_s: float,
        dialect: str = "postgresql",
        databases: Callable[[], Iterable[str]] = tuple,
        company: Company | None = None,
    ) -> None:
        self.replica = replica
        self.pid = pid
        self._clock = clock
        self._statement_timeout_s = statement_timeout_s
        self._idle_timeout_s = idle_timeout_s
        self._sqlite_order = dialect == "sqlite"
        self.variables = Variables(user=user, database=replica.name)
        self._claims = advisory.Claims(advisory.of(replica.database))
        self.context = Context(
            user=user,
            database=replica.name,
            variables=self.variables,
            pid=pid,
            claims=self._claims,
            databases=databases,
            company=company,
            named_statements=lambda: self.named_statements(),
        )
        self._company = company
        self._query = ""
        self._running = False
        self._started = self._query_started = time.time()
        self._block: Block | None = None
        self._private: Private | None = None
        self._cancellation = Cancellation()
        self._idle_call: Any = None
        self._expired: StatementError | None = None
        self._channels: frozenset[str] = frozenset()
        self._channels_before = self._channels
        #: The door's: what the client has prepared under names.
        self.named_statements: Callable[[], Iterable[NamedStatement]] = tuple
        self.on_notification: Callable[[int, str, str], None] | None = None
        self.on_expired: Callable[[StatementError], None] | None = None
        if company is not None:
            company.enter(self)

    # What the doors ask

    @property
    def status(self) -> str:
        """``I`` idle, ``T`` in a block, ``E`` in a failed block."""
        if self._block is None or not self._block.explicit:
            return "I"
        return "E" if self._block.failed else "T"

    @property
    def activity(self) -> Activity:
        """What the others see of this client."""
        status, block = self.status, self._block
        return Activity(
            pid=self.pid,
            database=self.replica.name,
            user=self.context.user,
            application=self.variables.get("application_name"),
            state="active" if self._running else _IDLE[status],
            query=self._query,
            backend_start=self._started,
            transaction_start=self.context.now if block is not None or self._running else None,
            query_start=self._query_started,
        )

    def parse(self, text: str) -> tuple[Statement, ...]:
        """Cut a client's text into statements.

        :raises StatementError: 42601, where a literal or comment does not end.
        """
        return split(text, sqlite_order=self._sqlite_order)

    async def describe(self, statement: Statement) -> Description:
        """What `statement` wants and gives. Prepares it; never runs it."""
        if statement.kind is Kind.SHOW:
            return Description((), (Column(_shown(statement) or "name", expression="text"),))
        if statement.kind is not Kind.SQL:
            return Description((None,) * statement.parameters, None)
        connection, borrowed = await self._reader()
        try:
            await self._fill_catalog(connection, statement)
            statement = self._fitted(connection, statement)
            facts = self._facts(connection, statement)
            shape = self._shape_of(connection, statement, facts)
            unknown = max(statement.parameters, len(facts.parameters)) - len(shape.parameters)
            return Description(shape.parameters + (None,) * unknown, shape.columns)
        finally:
            if borrowed:
                self.replica.database.give_back(connection)

    async def execute(
        self, statement: Statement, values: Parameters = (), *, alone: bool = True, rows_max: int = 0, **options: Any
    ) -> Answer:
        """Run one statement.

        :param alone: outside a block it is a transaction of its own; else it begins the implicit block, which
            :meth:`finish` commits and :meth:`fail` rolls back.
        :param rows_max: rows of the first batch at most; 0 leaves it to us.
        :param options: what a request says of itself, see :meth:`configure`.
        :raises StatementError: and inside a block, the block has failed.
        """
        if self._expired is not None:
            raise self._expired
        if options:
            self.configure(**options)
        self.fresh_cancellation()
        self._query, self._query_started, self._running = statement.text, time.time(), True
        block = self._block
        if block is not None:
            self.stop_idling()
            if block.failed and statement.kind not in ENDINGS:
                self._running = False
                raise StatementError(
                    "25P02", "current transaction is aborted, commands ignored until end of transaction block"
                )
        try:
            if statement.kind is Kind.SQL:
                return await self._run_sql(statement, values, alone, rows_max or FIRST_BATCH_ROWS)
            command = COMMANDS.get(statement.kind)
            assert command is not None, f"{statement.kind} is the session's own"
            return await command(self, statement, alone)
        except BaseException:
            if self._block is not None:
                self._block.fail()
            raise
        finally:
            self._running = False
            self.idle()
            if self._block is None:
                self._claims.end_transaction()

    async def execute_batch(self, commands: Sequence[tuple[Statement, Parameters]], **options: Any) -> list[Answer]:
        """Run commands as one transaction, all or nothing; they run again by themselves when another node comes between.

        :param options: see :meth:`configure`.
        :raises StatementError: with `index`, which command it was.
        """
        if len(commands) > BATCH_COMMANDS_MAX:
            raise StatementError("54000", f"a batch holds at most {BATCH_COMMANDS_MAX} commands")
        for index, (statement, _) in enumerate(commands):
            if statement.kind not in (Kind.SQL, Kind.SCRIPT, Kind.EMPTY, Kind.NOTHING, Kind.NOTIFY):
                raise StatementError("0A000", f"{statement.verb} is not possible in a batch", index=index)
        self.configure(**options)
        self.fresh_cancellation()
        await self._catch_up(self.variables.get("ha.read_consistency"))
        if await self._only_reads(commands):
            return await self._read_batch(commands)
        return await self._submit(
            "a batch that writes",
            lambda connection, work: self._run_all(connection, work, commands),
            key=tuple(statement.sql for statement, _ in commands[:16]),
        )

    def configure(
        self,
        *,
        isolation: str | None = None,
        consistency: str | None = None,
        seq: str | None = None,
        timeout_s: float | None = None,
    ) -> None:
        """Settings that a request brings with it, as SET would make them.

        :param seq: ``<epoch>:<sequence>``, the newest position the client knows.
        """
        if isolation is not None:
            self.variables.set("default_transaction_isolation", isolation)
        if consistency is not None:
            self.variables.set("ha.read_consistency", consistency)
        if seq is not None:
            self.variables.set("ha.seq", seq)
        if timeout_s is not None:
            self.variables.set("statement_timeout", f"{max(1, round(timeout_s * 1000))}ms")

    @property
    def seq(self) -> str | None:
        """``<epoch>:<sequence>``: where this node's file is; no older than what this client wrote or saw."""
        return f"{self.replica.epoch}:{self.replica.follower.position}"

    async def finish(self) -> None:
        """The end of a message or a Sync: commit the implicit block, if there is one."""
        block = self._block
        if block is not None and not block.explicit:
            try:
                if block.failed:
                    self._end_block()
                else:
                    await self._commit()
            finally:
                self._claims.end_transaction()

    async def fail(self) -> None:
        """Something went wrong at the door: an implicit block is rolled back, an explicit one has failed."""
        if self._block is not None:
            if self._block.explicit:
                self._block.fail()
            else:
                self._end_block()

    def cancel(self) -> None:
        """Stop what runs now (57014). Does nothing when nothing runs."""
        self._cancellation.cancel()

    def terminate(self) -> None:
        """Another client ends this one's session (57P01)."""
        self.cancel()
        self._expired = StatementError("57P01", "terminating connection due to administrator command")
        if self.on_expired is not None:
            self.on_expired(self._expired)

    async def close(self) -> None:
        """The client is gone: roll back, release everything."""
        if self._company is not None:
            self._company.leave(self)
        self.cancel()
        self._end_block()
        self._drop_temporary()
        self._claims.end_transaction()
        self._claims.release_all()
        self.replica.listeners.discard(self._notified)

    # Limits

    def deadline(self) -> float:
        """When a statement that starts now must stop, on ``time.monotonic``'s scale."""
        own = self.variables.duration_s("statement_timeout")
        limits = [limit for limit in (own, self._statement_timeout_s) if limit > 0]
        return time.monotonic() + min(limits) if limits else FOREVER

    def fresh_cancellation(self) -> Cancellation:
        """The one that :meth:`cancel` means from now on."""
        self._cancellation = Cancellation()
        return self._cancellation

    def idle(self) -> None:
        """The block, if there is one, waits for its client: not for ever, because it may keep others from writing."""
        if self._block is None or self._idle_call is not None:
            return
        limits = [self._idle_timeout_s, self.variables.duration_s("idle_in_transaction_session_timeout")]
        limits = [limit for limit in limits if limit > 0]
        if limits:
            self._idle_call = self._clock.callLater(min(limits), self._expire)

    def stop_idling(self) -> None:
        """The client is heard again."""
        if self._idle_call is not None:
            if self._idle_call.active():
                self._idle_call.cancel()
            self._idle_call = None

    def _expire(self) -> None:
        self._idle_call = None
        self._end_block()
        self._expired = StatementError("25P03", "terminating connection due to idle-in-transaction timeout")
        if self.on_expired is not None:
            self.on_expired(self._expired)

    async def _catch_up(self, level: str) -> None:
        """Wait until the file is as new as a read of `level` asks for.

        :raises StatementError: 57014 with what was waited for; 08006 where the log must be asked and is out of reach.
        """
        wait_s = min(READ_WAIT_MAX_S, self.deadline() - time.monotonic())
        if level == "session":
            await self.replica.reach(self.variables.get("ha.seq"), wait_s)
        elif level == "linearizable":
            await self.replica.reach_end(wait_s)

    # Statements that SQLite judges

    async def _reader(self) -> tuple[Connection, bool]:
        """The connection to read with, and whether it was borrowed."""
        if self._block is not None:
            connection = await self._block.reader()
            if connection is not None:
                return connection, False
        if self._private is not None:
            return self._private.connection, False
        borrowed = self.replica.database.borrow()
        if isinstance(borrowed, Deferred):
            borrowed = await self._cancellation.wait(borrowed)
        return borrowed, True

    async def _fill_catalog(self, connection: Connection, statement: Statement) -> None:
        """A statement about the catalog may find it empty: filling it takes too long for the reactor's thread."""
        if mentions(statement.sql) and not connection.catalog.is_fresh(statement.sql):
            connection.context = self.context
            await self.replica.database.lanes.long(
                connection, lambda connection: connection.catalog.refresh(statement.sql)
            )

    @staticmethod
    def _fitted(connection: Connection, statement: Statement) -> Statement:
        """The statement as the types of its columns want it. The catalog's own need nothing."""
        if statement.asks and not mentions(statement.sql):
            return fitted(connection, statement)
        return statement

    def _facts(self, connection: Connection, statement: Statement) -> Facts:
        connection.context = self.context
        try:
            return facts_of(connection, statement.sql)
        except StatementError as error:
            raise placed(error, statement) from error

    @staticmethod
    def _check(statement: Statement, facts: Facts, values: Parameters) -> None:
        """Is there a value for each parameter?"""
        try:
            check_parameters(facts.parameters, values)
        except StatementError as error:
            raise placed(error, statement) from None

    def _columns(self, connection: Connection, statement: Statement, facts: Facts) -> tuple[Column, ...] | None:
        return self._shape_of(connection, statement, facts).columns if facts.columns else None

    def _shape_of(self, connection: Connection, statement: Statement, facts: Facts) -> Shape:
        """Names and types, inferred once per text and schema. SQLite's own clients get SQLite's own names."""
        if self._sqlite_order:
            return Shape(facts, tuple(Column(one.name, one.decltype) for one in facts.columns) or None, ())
        shapes = self.replica.shapes
        key = (statement.text, statement.given) if statement.given else statement.text
        known = shapes.get(key)
        if known is None or (known.facts is not facts and known.facts != facts):
            schema = Declared(connection)
            known = Shape(
                facts,
                schema.placed(columns(statement, facts.columns, schema), facts.columns) if facts.columns else None,
                parameters(statement, schema),
            )
            if len(shapes) >= SHAPES_KEPT:
                shapes.clear()
            shapes[key] = known
        return known

    async def _run_sql(self, statement: Statement, values: Parameters, alone: bool, rows_max: int) -> Answer:
        if not alone:
            self._implicit_block()
        level = self.variables.get("ha.read_consistency")
        if level != "local" and (self._block is None or self._block.opened is None):
            await self._catch_up(level)
        connection, borrowed = await self._reader()
        keep = False
        try:
            await self._fill_catalog(connection, statement)
            fitting = self._fitted(connection, statement)
            facts = self._facts(connection, fitting)
            self._check(statement, facts, values)
            if facts.makes_temp:
                self._move_in()
            if facts.readonly and not fitting.acts:
                answer = await self._select(connection, borrowed, facts, fitting, values, rows_max)
                keep = answer.rest is not None
                return answer
        finally:
            if borrowed and not keep:
                self.replica.database.give_back(connection)
        if self._block is None:
            return await self._submit(
                statement.verb,
                lambda connection, work: self._write(connection, work, statement, values, Allowance(HELD_BYTES_MAX)),
                key=statement.sql,
            )
        return await self._write_in_block(self._block, statement, values)

    async def _select(
        self,
        connection: Connection,
        borrowed: bool,
        facts: Facts,
        statement: Statement,
        values: Parameters,
        rows_max: int,
    ) -> Answer:
        """Read with `connection`. The answer's rest, if there is one, keeps it."""
        context = self.context
        if self._block is None or not self._block.used:
            context.now = time.time()
        if self._block is not None:
            self._block.used = True
            self._block.tables |= facts.tables_read
        sql = statement.sql

        def begin(connection: Connection) -> tuple[Cursor, list[Row]]:
            connection.context = context
            cursor = Cursor(connection, sql, values)
            return cursor, cursor.take(rows_max)

        try:
            cursor, rows = await self.replica.database.run(
                connection, begin, key=sql, deadline=self.deadline(), cancellation=self._cancellation
            )
        except StatementError as error:
            raise placed(error, statement) from error
        rest = None if cursor.finished else Stream(self, cursor, borrowed, self._block)
        return Answer(statement.verb, self._columns(connection, statement, facts), rows, len(rows), None, rest)

    def _write(
        self,
        connection: Connection,
        work: Work | None,
        statement: Statement,
        values: Parameters,
        allowance: Allowance,
    ) -> Answer:
        """Run one statement to its end, in whatever thread it is.

        :param allowance: for its rows.
        """
        if statement.kind in (Kind.EMPTY, Kind.NOTHING):
            return Answer(statement.verb)
        if statement.kind is Kind.NOTIFY:
            assert work is not None and isinstance(statement.argument, Notify)
            work.notifications.append((statement.argument.channel, statement.argument.payload, self.pid))
            return Answer("NOTIFY")
        if statement.kind is not Kind.SQL:
            return self._write_script(connection, statement)
        statement = self._fitted(connection, statement)
        facts = self._facts(connection, statement)
        self._check(statement, facts, values)
        self.context.said.clear()
        try:
            if facts.readonly:
                rows = Cursor(connection, statement.sql, values).take_all(allowance)
                self._say(work)
                if statement.acts:
                    self.replica.database.capture.after_statement(statement.sql, may_change_schema=False)
                return Answer(statement.verb, self._columns(connection, statement, facts), rows, len(rows))
            if facts.makes_temp and not connection.guard.private:
                raise TemporaryTable()
            notices = already_there(connection, statement) if statement.verb.startswith("CREATE") else []
            capture = self.replica.database.capture
            rows, changed, last = run_write(connection, capture, statement.sql, values, facts, allowance)
        except StatementError as error:
            raise placed(error, statement) from error
        self._say(work)
        counted = statement.verb in COUNTED
        if last is not None and statement.verb == "INSERT" and not self._sqlite_order:
            inserted(self.context, statement.sql, facts.tables_written, last)
        return Answer(
            statement.verb,
            self._columns(connection, statement, facts),
            rows,
            changed if counted else None,
            last if statement.verb == "INSERT" else None,
            notices=notices,
        )

    def _say(self, work: Work | None) -> None:
        """What the statement said by ``pg_notify`` goes out with its transaction."""
        said = [(channel, payload, self.pid) for channel, payload in self.context.said]
        if work is not None:
            work.notifications += said
        elif self._block is not None:
            self._block.notifications += said

    def _write_script(self, connection: Connection, statement: Statement) -> Answer:
        """What PostgreSQL says in one statement and SQLite in several."""
        capture = self.replica.database.capture
        answer = Answer(statement.verb)
        with conditions(connection, statement):
            for sql in steps(connection, statement, answer.notices):
                facts = facts_of(connection, sql)
                if facts.makes_temp and not connection.guard.private:
                    raise TemporaryTable()
                run_write(connection, capture, sql, (), facts, Allowance(HELD_BYTES_MAX))
        return answer

    async def _submit(self, what: str, run: Callable[[Connection, Work], Any], *, key: Any) -> Any:
        """One transaction whose text we hold: to the committer.

        :param what: names it to a client whose transactions are read-only.
        """
        if self.variables.flag("default_transaction_read_only"):
            raise read_only(what)
        context = self.context
        work: Work

        def begin(connection: Connection) -> Any:
            context.now = time.time()
            connection.context = context
            return run(connection, work)

        work = Work(
            begin,
            key=key,
            deadline=self.deadline(),
            cancellation=self._cancellation,
            may_queue=self._default_isolation() == READ_COMMITTED,
        )
        if self._private is None:
            try:
                return await self.replica.submit(work)
            except TemporaryTable:
                self._move_in()
        return await self._submit_privately(work)

    async def _submit_privately(self, work: Work) -> Any:
        """A transaction of a session that has TEMP tables: alone, with the session's own connection."""
        while True:
            opened = await self._open(READ_COMMITTED if work.may_queue else SERIALIZABLE)
            work.forget()
            try:
                answer = await opened.run(
                    work.run, writes=True, deadline=work.deadline, cancellation=self._cancellation
                )
                opened.notifications += work.notifications
                await opened.commit()
                return answer
            except StatementError as error:
                if error.sqlstate != "40001" or time.monotonic() >= work.deadline:
                    raise
            finally:
                opened.rollback()

    def _move_in(self) -> None:
        """The session has TEMP tables from now on, so it gets a connection of its own.

        :raises StatementError: 0A000, its transaction reads or writes with another one already.
        """
        if self._private is None:
            block = self._block
            if block is not None and (block.opened is not None or block.snapshot is not None):
                raise TemporaryTable()
            self._private = self.replica.database.open_private()
            if block is not None:
                block.private = self._private

    def _drop_temporary(self) -> None:
        """The session's TEMP tables go, and its connection with them."""
        private, self._private = self._private, None
        if private is not None:
            self.replica.database.close_private(private)

    async def _write_in_block(self, block: Block, statement: Statement, values: Parameters) -> Answer:
        opened = await self._opened(block, statement.verb)
        if not block.used:
            self.context.now = time.time()
            block.used = True
        facts = self._facts(opened.connection, statement)
        block.tables |= facts.tables_read | facts.tables_written
        return await opened.run(
            lambda connection: self._write(connection, None, statement, values, Allowance(HELD_BYTES_MAX)),
            writes=True,
            bounded=self._bounded(opened, statement, facts),
            deadline=self.deadline(),
            cancellation=self._cancellation,
        )

    async def _opened(self, block: Block, what: str) -> OpenTransaction:
        """The block's writing transaction."""
        return await self._in_time(lambda timeout_s: block.write_transaction(what, timeout_s, self._cancellation))

    async def _open(self, level: str) -> OpenTransaction:
        """A writing transaction of the session's own connection, outside a block."""
        return await self._in_time(
            lambda timeout_s: self.replica.transaction(timeout_s, level, self._cancellation, self._private)
        )

    async def _in_time(self, take: Callable[[float | None], Awaitable[OpenTransaction]]) -> OpenTransaction:
        """Take the writer: no later than the client's two time-outs say.

        :raises StatementError: 55P03 or 57014, whichever came first.
        """
        lock_timeout_s = self.variables.duration_s("lock_timeout") or FOREVER
        statement_timeout_s = self.deadline() - time.monotonic()
        shortest = min(lock_timeout_s, statement_timeout_s)
        try:
            return await take(None if shortest == FOREVER else shortest)
        except StatementError as error:
            if error.sqlstate == "55P03" and statement_timeout_s < lock_timeout_s:
                raise timed_out() from error
            raise

    def _bounded(self, opened: OpenTransaction, statement: Statement, facts: Facts) -> bool:
        if facts.changes_schema:
            return False
        plans = self.replica.plans
        known = plans.get(statement.sql)
        if known is None or known[0] is not facts:
            if len(plans) >= PLANS_KEPT:
                plans.clear()
            known = (facts, is_bounded(opened.connection, statement.sql, facts.tables_written))
            plans[statement.sql] = known
        return known[1]

    # Batches

    async def _only_reads(self, commands: Sequence[tuple[Statement, Parameters]]) -> bool:
        connection, borrowed = await self._reader()
        try:
            return all(
                statement.kind in (Kind.EMPTY, Kind.NOTHING)
                or (
                    statement.kind is Kind.SQL
                    and not statement.acts
                    and self._facts(connection, self._fitted(connection, statement)).readonly
                )
                for statement, _ in commands
            )
        except StatementError:
            return False  # perhaps an earlier command makes what this one misses; else the error comes again
        finally:
            if borrowed:
                self.replica.database.give_back(connection)

    async def _read_batch(self, commands: Sequence[tuple[Statement, Parameters]]) -> list[Answer]:
        """All commands read: from one snapshot, without the writer."""

        def read(connection: Connection) -> list[Answer]:
            self.context.now = time.time()
            connection.context = self.context
            with connection.guard.trusted():
                connection.execute("BEGIN")
            try:
                return self._run_all(connection, None, commands)
            finally:
                with connection.guard.trusted():
                    connection.execute("ROLLBACK")

        connection, borrowed = await self._reader()
        try:
            return await self.replica.database.run(
                connection,
                read,
                key=tuple(statement.sql for statement, _ in commands[:16]),
                deadline=self.deadline(),
                cancellation=self._cancellation,
            )
        finally:
            if borrowed:
                self.replica.database.give_back(connection)

    def _run_all(
        self, connection: Connection, work: Work | None, commands: Sequence[tuple[Statement, Parameters]]
    ) -> list[Answer]:
        """Run a batch's commands, in whatever thread; an error says which it was."""
        allowance = Allowance(HELD_BYTES_MAX)
        answers = []
        for index, (statement, values) in enumerate(commands):
            try:
                answers.append(self._write(connection, work, statement, values, allowance))
            except StatementError as error:
                error.index = index
                raise
        return answers

    async def copy_in(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> int:
        """Insert `rows` in the block that is open; an implicit one is begun where there is none.

        :returns: how many.
        """
        if self._expired is not None:
            raise self._expired
        self.fresh_cancellation()
        self.stop_idling()
        block = self._implicit_block()
        capture = self.replica.database.capture

        def insert(connection: Connection) -> int:
            connection.context = self.context
            return insert_rows(connection, capture, table, columns, rows)

        try:
            opened = await self._opened(block, "COPY FROM")
            return await opened.run(insert, writes=True, deadline=self.deadline(), cancellation=self._cancellation)
        except BaseException:
            block.fail()
            raise
        finally:
            self.idle()

    # Blocks

    def _implicit_block(self) -> Block:
        """The block that is open; where there is none, one that :meth:`finish` commits."""
        if self._block is None:
            self._block = Block(self.replica, explicit=False, private=self._private)
            self._shape(self._block, Begin())
            self._channels_before = self._channels
            self.variables.begin()
        return self._block

    def _end_block(self) -> None:
        block, self._block = self._block, None
        self.stop_idling()
        if block is not None:
            block.roll_back()
            self._undo()

    def _undo(self) -> None:
        """A block was rolled back: so are the settings and the channels."""
        self.variables.rollback()
        self._listen_to(self._channels_before)

    async def _commit(self) -> None:
        block, self._block = self._block, None
        self.stop_idling()
        assert block is not None
        try:
            if block.notifications and block.opened is None:
                said = block.notifications
                await self._submit("NOTIFY", lambda _, work: work.notifications.extend(said), key=None)
            await block.commit()
        except BaseException:
            block.roll_back()
            self._undo()
            raise
        self.variables.commit()

    async def _begin(self, statement: Statement, alone: bool) -> Answer:
        begin = statement.argument
        assert isinstance(begin, Begin)
        answer = Answer(statement.verb)
        if self._block is not None and self._block.explicit:
            answer.notices.append(Notice("WARNING", "25001", "there is already a transaction in progress"))
            return answer
        block = self._implicit_block()
        block.explicit = True
        self._shape(block, begin)
        return answer

    def _shape(self, block: Block, begin: Begin) -> None:
        """The level and access mode of a block: what it says, else what the session's defaults say."""
        self._set_isolation(block, begin.isolation or self.variables.get("default_transaction_isolation"))
        default = self.variables.flag("default_transaction_read_only")
        self._set_read_only(block, default if begin.read_only is None else begin.read_only)

    def _set_isolation(self, block: Block, level: str) -> None:
        block.isolation = _held(level)
        self.variables.set("transaction_isolation", level, local=True)

    def _set_read_only(self, block: Block, read_only: bool) -> None:
        block.read_only = read_only
        self.variables.set("transaction_read_only", "on" if read_only else "off", local=True)

    def _default_isolation(self) -> str:
        return _held(self.variables.get("default_transaction_isolation"))

    async def _set_transaction(self, statement: Statement, alone: bool) -> Answer:
        begin = statement.argument
        assert isinstance(begin, Begin)
        answer = Answer(statement.verb)
        if self._block is None:
            answer.notices.append(Notice("WARNING", "25P01", "SET TRANSACTION can only be used in transaction blocks"))
        elif begin.isolation is not None and self._block.used:
            raise StatementError("25001", "SET TRANSACTION ISOLATION LEVEL must be called before any query")
        else:
            if begin.isolation is not None:
                self._set_isolation(self._block, begin.isolation)
            if begin.read_only is not None:
                self._set_read_only(self._block, begin.read_only)
        return answer

    async def _commit_command(self, statement: Statement, alone: bool) -> Answer:
        answer = Answer("COMMIT")
        block = self._block
        if block is None or not block.explicit:
            answer.notices.append(Notice("WARNING", "25P01", "there is no transaction in progress"))
            await self.finish()
        elif block.failed:
            self._end_block()
            answer.verb = "ROLLBACK"
        else:
            await self._commit()
        self._chain(statement, block)
        return answer

    async def _rollback_command(self, statement: Statement, alone: bool) -> Answer:
        answer = Answer("ROLLBACK")
        block = self._block
        if block is None or not block.explicit:
            answer.notices.append(Notice("WARNING", "25P01", "there is no transaction in progress"))
        self._end_block()
        self._chain(statement, block)
        return answer

    def _chain(self, statement: Statement, ended: Block | None) -> None:
        """AND CHAIN: the next block has the ways of the one that ended."""
        if isinstance(statement.argument, End) and statement.argument.chain and ended is not None:
            block = self._implicit_block()
            block.explicit = True
            self._set_isolation(block, ended.isolation)
            self._set_read_only(block, ended.read_only)

    def _explicit_block(self, command: str) -> Block:
        if self._block is None or not self._block.explicit:
            raise StatementError("25P01", f"{command} can only be used in transaction blocks")
        return self._block

    async def _savepoint(self, statement: Statement, alone: bool) -> Answer:
        self._explicit_block("SAVEPOINT").set_savepoint(_name(statement), (self.variables.mark(), self._channels))
        return Answer(statement.verb)

    async def _release(self, statement: Statement, alone: bool) -> Answer:
        self._explicit_block("RELEASE SAVEPOINT").release(_name(statement))
        return Answer(statement.verb)

    async def _roll_back_to(self, statement: Statement, alone: bool) -> Answer:
        settings, channels = self._explicit_block("ROLLBACK TO SAVEPOINT").roll_back_to(_name(statement))
        self.variables.cut(settings)
        self._listen_to(channels)
        return Answer(statement.verb)

    # Settings, notifications, and what has no meaning here

    async def _set(self, statement: Statement, alone: bool) -> Answer:
        change = statement.argument
        assert isinstance(change, SetVariable)
        answer = Answer(statement.verb)
        if not alone:
            self._implicit_block()
        if change.name is None:
            self.variables.reset(None)
        elif change.local and self._block is None:
            answer.notices.append(Notice("WARNING", "25P01", "SET LOCAL can only be used in transaction blocks"))
        else:
            self.variables.set(change.name, change.value, local=change.local)
        return answer

    async def _show(self, statement: Statement, alone: bool) -> Answer:
        name = _shown(statement)
        if name is not None:
            rows: list[Row] = [(self.variables.get(name),)]
            return Answer("SHOW", (Column(name, expression="text"),), rows, 1)
        columns = tuple(Column(name, expression="text") for name in ("name", "setting", "description"))
        rows = [(name, setting, description) for name, setting, description in self.variables.all()]
        return Answer("SHOW", columns, rows, len(rows))

    async def _discard(self, statement: Statement, alone: bool) -> Answer:
        what = _name(statement).upper() or "ALL"
        if what == "ALL":
            if self.status != "I":
                raise StatementError("25001", "DISCARD ALL cannot run inside a transaction block")
            self.variables.reset(None)
            self._listen_to(frozenset())
            self._claims.release_all()
        if what in ("ALL", "TEMP", "TEMPORARY"):
            if self._block is not None and self._private is not None:
                raise StatementError("0A000", "temporary tables cannot be discarded inside a transaction block")
            self._drop_temporary()
        if what in ("ALL", "SEQUENCES"):
            self.context.last_values.clear()
            self.context.inserts.clear()
            self.context.last_sequence = None
        return Answer(statement.verb)

    async def _listen(self, statement: Statement, alone: bool) -> Answer:
        self._listen_to(self._channels | {_name(statement)})
        return Answer(statement.verb)

    async def _unlisten(self, statement: Statement, alone: bool) -> Answer:
        assert isinstance(statement.argument, Name)
        name = statement.argument.name
        self._listen_to(frozenset() if name is None else self._channels - {name})
        return Answer(statement.verb)

    def _listen_to(self, channels: frozenset[str]) -> None:
        self._channels = channels
        if channels:
            self.replica.listeners.add(self._notified)
        else:
            self.replica.listeners.discard(self._notified)

    def _notified(self, channel: str, payload: str, pid: int) -> None:
        if channel in self._channels and self.on_notification is not None:
            self.on_notification(pid, channel, payload)

    async def _notify(self, statement: Statement, alone: bool) -> Answer:
        notify = statement.argument
        assert isinstance(notify, Notify)
        if not alone:
            self._implicit_block()
        if self._block is None:
            said = (notify.channel, notify.payload, self.pid)
            await self._submit("NOTIFY", lambda _, work: work.notifications.append(said), key=None)
            return Answer(statement.verb)
        self._block.notifications.append((notify.channel, notify.payload, self.pid))
        return Answer(statement.verb)

    async def _script(self, statement: Statement, alone: bool) -> Answer:
        if not alone:
            self._implicit_block()
        if self._block is None:
            return await self._submit(
                statement.verb, lambda connection, _: self._write_script(connection, statement), key=statement.text
            )
        opened = await self._opened(self._block, statement.verb)
        self._block.used = True
        return await opened.run(
            lambda connection: self._write_script(connection, statement),
            writes=True,
            deadline=self.deadline(),
            cancellation=self._cancellation,
        )

    async def _nothing(self, statement: Statement, alone: bool) -> Answer:
        if statement.verb == "LOCK TABLE":
            self._explicit_block("LOCK TABLE")
        return Answer(statement.verb)

    async def _refused(self, statement: Statement, alone: bool) -> Answer:
        assert isinstance(statement.argument, tuple)
        sqlstate, message, hint = statement.argument
        raise StatementError(sqlstate, message, hint=hint)


COMMANDS: dict[Kind, Callable[[Backend, Statement, bool], Awaitable[Answer]]] = {
    Kind.EMPTY: Backend._nothing,
    Kind.BEGIN: Backend._begin,
    Kind.COMMIT: Backend._commit_command,
    Kind.ROLLBACK: Backend._rollback_command,
    Kind.SAVEPOINT: Backend._savepoint,
    Kind.RELEASE: Backend._release,
    Kind.ROLLBACK_TO: Backend._roll_back_to,
    Kind.SET: Backend._set,
    Kind.RESET: Backend._set,
    Kind.SHOW: Backend._show,
    Kind.SET_TRANSACTION: Backend._set_transaction,
    Kind.DISCARD: Backend._discard,
    Kind.LISTEN: Backend._listen,
    Kind.UNLISTEN: Backend._unlisten,
    Kind.NOTIFY: Backend._notify,
    Kind.SCRIPT: Backend._script,
    Kind.NOTHING: Backend._nothing,
    Kind.REFUSED: Backend._refused,
}


def placed(error: StatementError, statement: Statement) -> StatementError:
    """`error` with its position, found in SQLite's text, as one in the client's; PostgreSQL tells none for what defines."""
    if error.position is not None:
        defines = statement.verb not in COUNTED and statement.verb not in ("SELECT", "CREATE VIEW", "EXPLAIN")
        error.position = (
            None if defines and error.sqlstate != "42601" else client_position(statement, error.position - 1) + 1
        )
    elif error.sqlstate in LITERALS_FAULTS:
        error.position = literal_position(statement, error.message)
    return error


#: What is wrong with a literal, or with a parameter's number.
LITERALS_FAULTS = frozenset(("22P02", "22007", "22008", "22003", "42P02"))


class TemporaryTable(StatementError):
    """A TEMP table is wanted on a connection that serves everybody."""

    def __init__(self) -> None:
        super().__init__(
            "0A000",
            "a session's first temporary table cannot be made in the middle of a transaction",
            hint="Make it before the transaction, or before the first write in it.",
        )


def _name(statement: Statement) -> str:
    assert isinstance(statement.argument, Name)
    return statement.argument.name or ""


def _shown(statement: Statement) -> str | None:
    """What SHOW calls its column: the parameter as PostgreSQL spells it."""
    return spelled(statement.argument.name or "") or None if isinstance(statement.argument, Name) else None
