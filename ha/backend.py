"""One client's conversation with one database; both doors meet here.

What is here is what a client is: its settings, its block, its limits; and how it reads. What a statement is, :mod:`ha.judgement`
finds; what can be answered at once is :mod:`ha.shortcut`, writing :mod:`ha.writing`, commands of the session are
:mod:`ha.instructions`, several commands at once :mod:`ha.batch`, rows that come later :mod:`ha.stream`.

A statement is given to SQLite to judge: what it reads, whether it writes. Reads go to a reading connection, writes to the committer,
blocks to a :class:`~ha.block.Block`. Only plain values pass in and out, because doors and readers are to
move into processes of their own one day: this is the seam.

Runs in the reactor's thread; the functions it hands to the lanes run there or in a deferred thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol, TypeVar

from ha import shortcut
from ha.batch import BATCH_COMMANDS_MAX, BATCHED, only_reads, read_batch, run_all
from ha.block import Block
from ha.company import Company
from ha.errors import StatementError
from ha.instructions import INSTRUCTIONS, shown
from ha.judgement import COUNTED, NARROW, POSTGRESQL, SQLITE, Judgement, judge, known, shape_of
from ha.replication.conflicts import READ_COMMITTED
from ha.replication.replica import Replica
from ha.sql.databasenames import may_begin_with, without_database
from ha.sql.kinds import Begin, Kind, Statement
from ha.sql.lifting import Lifted, lift
from ha.sql.namespaces import path_of
from ha.sql.statements import split
from ha.sql.variables import Variables
from ha.sqlite import advisory, largeobjects, temporary
from ha.sqlite.catalog import mentions
from ha.sqlite.catalog_functions import signature
from ha.sqlite.connection import Connection
from ha.sqlite.database import Private
from ha.sqlite.executor import FOREVER, Cancellation
from ha.sqlite.fetch import Allowance, first_rows, insert_rows
from ha.sqlite.functions import Context
from ha.sqlite.largeobjects import Descriptor
from ha.sqlite.schemas import Path
from ha.stream import BATCH_ROWS, Stream
from ha.values import Activity, Answer, Column, Description, NamedCursor, NamedStatement, Parameters, Row, Signature
from ha.writing import HELD_BYTES_MAX, submit, take_writer, write, write_in_block

#: How long a read waits for the file to be as new as it must be (seconds).
READ_WAIT_MAX_S = 10.0

T = TypeVar("T")

#: What a client's settings are, what it listens to, which large objects it has open.
Standing = tuple[Any, frozenset[str], dict[int, Descriptor]]

#: What a failed block still hears.
ENDINGS = frozenset({Kind.COMMIT, Kind.ROLLBACK, Kind.ROLLBACK_TO})


class Ways(NamedTuple):
    """What a client's settings mean for each of its statements; looked up once between two changes.

    :param dialect: how it reads, see :mod:`ha.judgement`.
    :param consistency: how new the file must be that it reads.
    :param limit_s: how long a statement may take; 0 for ever.
    :param path: the schemas in which names without one are looked for; empty where public is all there is to look in.
    """

    dialect: str
    consistency: str
    limit_s: float
    path: tuple[str, ...] = ()

    def deadline(self) -> float:
        """When a statement that starts now must stop, on ``time.monotonic``'s scale."""
        limit_s = self.limit_s
        return time.monotonic() + limit_s if limit_s > 0 else FOREVER


class Premises(Protocol):
    """The node, where a client may make and drop databases."""

    async def create_database(self, name: str) -> None:
        """Make one, here, and join the cluster with it.

        :raises StatementError: 42P04, 42602, 08006, 58030.
        """

    async def drop_database(self, name: str, *, force: bool, asking: int) -> bool:
        """Empty one and remove it here. False: there is none of that name.

        :param force: send those away who are connected to it.
        :param asking: the number of the client who asks.
        :raises StatementError: 55006, somebody uses it, or it is one that the operator gave; 08006.
        """


def _held(level: str) -> str:
    """The level that a transaction is held to: PostgreSQL, too, gives READ UNCOMMITTED no less than READ COMMITTED."""
    return READ_COMMITTED if level == "read uncommitted" else level


_IDLE = {"I": "idle", "T": "idle in transaction", "E": "idle in transaction (aborted)"}


class Backend:
    """What one client says to one database.

    :param pid: the number by which the client knows this backend, and cancels it.
    :param statement_timeout_s: the operator's limit; 0 for none. A client may set a shorter one.
    :param name: what SQL calls the database; the replica's name if None.
    :param databases: says which databases the node has, as SQL calls them, for the catalog.
    :param company: the node's other clients, which it sees and may stop.
    :param premises: the node, if its databases may come and go.
    :param when_spare: called after :meth:`release` when the client has left nothing behind: :meth:`renew` makes it another's.
    :param defaults: settings that the operator chose.
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
        name: str | None = None,
        databases: Callable[[], Iterable[str]] = tuple,
        company: Company | None = None,
        premises: Premises | None = None,
        when_spare: Callable[[Backend], None] | None = None,
        defaults: Mapping[str, str] | None = None,
    ) -> None:
        self.replica = replica
        self.pid = pid
        self._clock = clock
        self._statement_timeout_s = statement_timeout_s
        self._idle_timeout_s = idle_timeout_s
        self.sqlite_order = dialect == "sqlite"
        limits = {"statement_timeout": statement_timeout_s, "idle_in_transaction_session_timeout": idle_timeout_s}
        shown = {limit: f"{round(seconds * 1000)}ms" for limit, seconds in limits.items()}
        self.variables = Variables(user=user, database=name or replica.name, defaults={**shown, **(defaults or {})})
        self.claims = advisory.Claims(advisory.of(replica.database))
        self.context = Context(
            user=user,
            database=name or replica.name,
            variables=self.variables,
            pid=pid,
            claims=self.claims,
            databases=databases,
            company=company,
            named_statements=lambda: self.named_statements(),
            named_cursors=lambda: self.named_cursors(),
            channels=lambda: self.channels,
        )
        self._company = company
        self.premises = premises
        self._dialect = SQLITE if self.sqlite_order else POSTGRESQL
        self._ways = Ways(self._dialect, "local", 0.0)
        self._ways_of = -1
        self.asked: Statement | None = None
        self.running = False
        self._started = self.query_started = time.time()
        self.block: Block | None = None
        self.private: Private | None = None
        self.cancellation = Cancellation()
        self._idle_call: Any = None
        self.expired: StatementError | None = None
        self._when_spare = when_spare
        self._released = False
        #: Something failed on its way, and nobody knows what still refers to this client.
        self._spoiled = False
        self.channels: frozenset[str] = frozenset()
        self.channels_before = self.channels
        #: The door's: what the client has prepared under names.
        self.named_statements: Callable[[], Iterable[NamedStatement]] = tuple
        self.named_cursors: Callable[[], Iterable[NamedCursor]] = tuple
        self.on_notification: Callable[[int, str, str], None] | None = None
        self.on_expired: Callable[[StatementError], None] | None = None
        if company is not None:
            company.enter(self)

    # What the doors ask

    @property
    def status(self) -> str:
        """``I`` idle, ``T`` in a block, ``E`` in a failed block."""
        if self.block is None or not self.block.explicit:
            return "I"
        return "E" if self.block.failed else "T"

    @property
    def ways(self) -> Ways:
        """What the settings mean now."""
        variables = self.variables
        if self._ways_of != variables.changes:
            limit_s = variables.duration_s("statement_timeout")
            if not 0 < limit_s < self._statement_timeout_s:
                limit_s = self._statement_timeout_s or limit_s
            narrow = not self.sqlite_order and variables.get("ha.integer_oid") == NARROW
            path = () if self.sqlite_order else path_of(variables.get("search_path"))
            self._ways = Ways(NARROW if narrow else self._dialect, variables.get("ha.read_consistency"), limit_s, path)
            self._ways_of = variables.changes
        return self._ways

    @property
    def activity(self) -> Activity:
        """What the others see of this client."""
        status, block = self.status, self.block
        return Activity(
            pid=self.pid,
            database=self.context.database,
            user=self.context.user,
            application=self.variables.get("application_name"),
            state="active" if self.running else _IDLE[status],
            query="" if self.asked is None else self.asked.words,
            backend_start=self._started,
            transaction_start=self.context.now if block is not None or self.running else None,
            query_start=self.query_started,
        )

    def parse(self, text: str) -> tuple[Statement, ...]:
        """Cut a client's text into statements.

        :raises StatementError: 42601, where a literal or comment does not end.
        """
        if not self.sqlite_order and may_begin_with(text, self.context.database):
            text = without_database(text, self.context.database)
        return split(text, sqlite_order=self.sqlite_order)

    def function(self, number: int) -> Signature | None:
        """The function that a client calls by its number.

        :raises StatementError: 0A000, it is none that gives one value.
        """
        return signature(number)

    def lift(self, text: str) -> Lifted | None:
        """`text` as a statement that it shares with others and the values that stood in it, if that can be said of it.

        Errors of the statement have positions in its own text: :func:`ha.sql.lifting.put_back`.
        """
        # SQLite's own clients get columns named by their text.
        return None if self.sqlite_order or may_begin_with(text, self.context.database) else lift(text)

    describe_at_once = shortcut.describe
    execute_at_once = shortcut.execute

    async def describe(self, statement: Statement) -> Description:
        """What `statement` wants and gives. Prepares it; never runs it."""
        if statement.kind is Kind.SHOW:
            return Description((), (Column(shown(statement) or "name", expression="text"),))
        if statement.kind is not Kind.SQL:
            return Description((None,) * statement.parameters, None)
        connection, borrowed = await self.reader()
        try:
            judged = known(self, connection, statement, self.ways) or await self._judged(connection, statement)
            shape = judged.shape or shape_of(self, connection, judged.statement, judged.facts)
            return shape.describes(statement)
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
        if self.expired is not None:
            raise self.expired
        if options:
            self.configure(**options)
        self.cancellation = Cancellation()
        self.asked, self.query_started, self.running = statement, time.time(), True
        block = self.block
        if block is not None:
            self.stop_idling()
            if block.failed and statement.kind not in ENDINGS:
                self.running = False
                raise StatementError(
                    "25P02", "current transaction is aborted, commands ignored until end of transaction block"
                )
        try:
            if statement.kind is Kind.SQL:
                return await self._run_sql(statement, values, alone, rows_max or BATCH_ROWS)
            command = INSTRUCTIONS.get(statement.kind)
            assert command is not None, f"{statement.kind} is the session's own"
            return await command(self, statement, alone)
        except BaseException:
            self._spoiled = True
            if self.block is not None:
                self.block.fail()
            raise
        finally:
            self.running = False
            if self.block is not None:
                self.idle()
            else:
                if self.claims.transaction:
                    self.claims.end_transaction()
                self.context.objects = {}

    async def execute_batch(self, commands: Sequence[tuple[Statement, Parameters]], **options: Any) -> list[Answer]:
        """Run commands as one transaction, all or nothing; they run again by themselves when another node comes between.

        :param options: see :meth:`configure`.
        :raises StatementError: with `index`, which command it was.
        """
        if len(commands) > BATCH_COMMANDS_MAX:
            raise StatementError("54000", f"a batch holds at most {BATCH_COMMANDS_MAX} commands")
        for statement in {
            id(statement): statement for statement, _ in commands
        }.values():  # most stand there many times
            if statement.kind not in BATCHED:
                index = next(at for at, command in enumerate(commands) if command[0] is statement)
                raise StatementError("0A000", f"{statement.verb} is not possible in a batch", index=index)
        self.configure(**options)
        self.fresh_cancellation()
        try:
            await self.catch_up(self.variables.get("ha.read_consistency"))
            if await only_reads(self, commands):
                return await read_batch(self, commands)
            return await submit(
                self,
                "a batch that writes",
                lambda connection, said: run_all(self, connection, said, commands),
                key=tuple(statement.sql for statement, _ in commands[:16]),
            )
        except BaseException:
            self._spoiled = True
            raise

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

    def newest_seq(self, known: str) -> str:
        """The newest position that this client may know of, for it to take along to another node: ours, or what it had said."""
        epoch, _, sequence = known.partition(":")
        here = self.replica.follower.position
        ahead = epoch == str(self.replica.epoch) and sequence.isdigit() and int(sequence) > here
        return known if ahead else f"{self.replica.epoch}:{here}"

    async def finish(self) -> None:
        """The end of a message or a Sync: commit the implicit block, if there is one."""
        block = self.block
        if block is not None and not block.explicit:
            try:
                if block.failed:
                    self.end_block()
                else:
                    await self.commit_block()
            finally:
                self.claims.end_transaction()

    async def fail(self) -> None:
        """Something went wrong at the door: an implicit block is rolled back, an explicit one has failed."""
        if self.block is not None:
            if self.block.explicit:
                self.block.fail()
            else:
                self.end_block()

    def cancel(self) -> None:
        """Stop what runs now (57014). Does nothing when nothing runs."""
        self.cancellation.cancel()

    def terminate(self) -> None:
        """Another client ends this one's session (57P01)."""
        self.cancel()
        self.expired = StatementError("57P01", "terminating connection due to administrator command")
        if self.on_expired is not None:
            self.on_expired(self.expired)

    async def close(self) -> None:
        """See :meth:`release`."""
        self.release()

    def release(self) -> None:
        """The client is gone: roll back, release everything. May be called twice."""
        if self._released:
            return
        self._released = True
        if self._company is not None:
            self._company.leave(self)
        self.cancel()
        if self.block is not None:
            self.end_block()
        if self.private is not None:
            self.drop_temporary()
        if self.claims.transaction or self.claims.session:
            self.claims.end_transaction()
            self.claims.release_all()
        self.replica.listeners.discard(self._notified)
        if self._when_spare is not None and self._is_as_made():
            self._when_spare(self)

    def _is_as_made(self) -> bool:
        """Did the client leave nothing that another could notice? Doubt means no."""
        context = self.context
        return not (
            self._spoiled
            or self.expired is not None
            or self.variables.changes
            or self.channels
            or context.last_values
            or context.inserts
        )

    def renew(self, pid: int) -> None:
        """Serve another client, as one that was made for him would.

        :param pid: the number by which he knows it.
        """
        self.pid = self.context.pid = pid
        self.context.said.clear()
        self.context.types_asked = ()
        self.cancellation = Cancellation()
        self.asked = None
        self._started = self.query_started = time.time()
        self._released = False
        if self._company is not None:
            self._company.enter(self)

    # Limits

    def deadline(self) -> float:
        """See :meth:`Ways.deadline`."""
        return self.ways.deadline()

    def fresh_cancellation(self) -> Cancellation:
        """The one that :meth:`cancel` means from now on."""
        self.cancellation = Cancellation()
        return self.cancellation

    def idle(self) -> None:
        """The block, if there is one, waits for its client: not for ever, because it may keep others from writing."""
        if self.block is None or self._idle_call is not None:
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
        self.end_block()
        self.expired = StatementError("25P03", "terminating connection due to idle-in-transaction timeout")
        if self.on_expired is not None:
            self.on_expired(self.expired)

    async def catch_up(self, level: str) -> None:
        """Wait until the file is as new as a read of `level` asks for.

        :raises StatementError: 57014 with what was waited for; 08006 where the log must be asked and is out of reach.
        """
        wait_s = min(READ_WAIT_MAX_S, self.deadline() - time.monotonic())
        if level == "session":
            await self.replica.reach(self.variables.get("ha.seq"), wait_s)
        elif level == "linearizable":
            await self.replica.reach_end(wait_s)

    # Statements that SQLite judges

    async def reader(self) -> tuple[Connection, bool]:
        """The connection to read with, and whether it was borrowed."""
        if self.block is not None:
            connection = await self.block.reader()
            if connection is not None:
                return connection, False
        if self.private is not None:
            return self.private.connection, False
        borrowed = self.replica.database.borrow()
        if not isinstance(borrowed, Connection):
            borrowed = await self.cancellation.wait(borrowed)
        return borrowed, True

    async def _fill_catalog(self, connection: Connection, sql: str) -> None:
        """A statement about the catalog may find it empty: filling it takes too long for the reactor's thread."""
        if not connection.catalog.is_fresh(sql):
            connection.context = self.context
            await self.replica.database.lanes.long(connection, lambda connection: connection.catalog.refresh(sql))

    async def _judged(self, connection: Connection, statement: Statement) -> Judgement:
        """What this connection makes of a statement, which it can run then."""
        if mentions(statement.sql):
            await self._fill_catalog(connection, statement.sql)
        return judge(self, connection, statement)

    async def _run_sql(self, statement: Statement, values: Parameters, alone: bool, rows_max: int) -> Answer:
        if not alone:
            self.implicit_block()
        ways, block = self.ways, self.block
        level = ways.consistency
        if level != "local" and (block is None or block.opened is None):
            await self.catch_up(level)
        if block is None and statement.verb in COUNTED:
            return await self._submit(statement, values)
        connection, borrowed = await self.reader()
        try:
            judged = known(self, connection, statement, ways) or await self._judged(connection, statement)
            judged.check(statement, values)
            if judged.facts.makes_temp:
                await self.move_in(statement.verb)
            if judged.reads:
                answer = await self._read(connection, borrowed, judged, statement, values, rows_max)
                borrowed = borrowed and answer.rest is None
                return answer
        finally:
            if borrowed:
                self.replica.database.give_back(connection)
        if block is None:
            return await self._submit(statement, values)
        return await write_in_block(self, block, statement, values)

    async def _submit(self, statement: Statement, values: Parameters) -> Answer:
        """A transaction of its own that writes."""
        answer: Answer = await submit(
            self,
            statement.verb,
            lambda connection, said: write(self, connection, said, statement, values, Allowance(HELD_BYTES_MAX)),
            key=statement.sql,
        )
        return answer

    async def _read(
        self,
        connection: Connection,
        borrowed: bool,
        judged: Judgement,
        said: Statement,
        values: Parameters,
        rows_max: int,
    ) -> Answer:
        """Read with `connection`. The answer's rest, if there is one, keeps it."""
        context, block, shape = self.context, self.block, judged.shape
        assert shape is not None
        if block is None or not block.used:
            context.now = self.query_started
        context.types_asked = shape.asked
        if block is not None:
            block.used = True
            block.tables |= judged.facts.tables_read
        sql = judged.statement.sql
        work = partial(first_rows, sql=sql, values=values, rows_max=rows_max)
        try:
            rows, cursor = await self.replica.database.run(
                connection,
                self.with_objects(work) if judged.statement.objects else work,
                key=sql,
                deadline=self.deadline(),
                cancellation=self.cancellation,
            )
        except StatementError as error:
            raise judged.placed(error, said) from error
        rest = None if cursor is None else Stream(self, cursor, borrowed, block)
        return Answer(said.verb, shape.columns, rows, len(rows), None, rest)

    def with_objects(self, work: Callable[[Connection], T]) -> Callable[[Connection], T]:
        """`work` that opens large objects or moves in them: it may have to run again, and begins each time with what is open now."""
        context, before = self.context, self.context.objects
        if self.block is not None:
            self.block.tables.add(largeobjects.TABLE)

        def run(connection: Connection) -> T:
            context.objects = before.copy()
            return work(connection)

        return run

    async def move_in(self, what: str) -> None:
        """The session has TEMP tables from now on, so it gets a connection of its own: the one that its transaction writes with
        already, or a new one.

        :param what: is about to be done.
        :raises StatementError: 53300, too many sessions have one; and what taking the writer raises.
        """
        if self.private is not None:
            return
        block = self.block
        if block is None or (block.opened is None and block.snapshot is None):
            self.private = self.replica.database.open_private()
        else:
            self.private = (await take_writer(self, block, what)).keep_connection()
        if block is not None:
            block.private = self.private

    def move_out(self) -> None:
        """A transaction ended: a session without TEMP tables writes together with the others again."""
        if self.private is not None and self.block is None:
            with self.private.connection.guard.trusted():
                needed = temporary.has_any(self.private.connection)
            if not needed:
                self.drop_temporary()

    def drop_temporary(self) -> None:
        """The session's TEMP tables go, and its connection with them."""
        private, self.private = self.private, None
        if private is not None:
            self.replica.database.close_private(private)

    async def copy_in(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> int:
        """Insert `rows` in the block that is open; an implicit one is begun where there is none.

        :returns: how many.
        """
        if self.expired is not None:
            raise self.expired
        self.fresh_cancellation()
        self.stop_idling()
        block = self.implicit_block()
        path = self.ways.path

        def insert(connection: Connection) -> int:
            connection.context = self.context
            where = Path(connection, path).of(table) if path else table
            return insert_rows(connection, where, columns, rows)

        try:
            opened = await take_writer(self, block, "COPY FROM")
            return await opened.run(insert, writes=True, deadline=self.deadline(), cancellation=self.cancellation)
        except BaseException:
            block.fail()
            raise
        finally:
            self.idle()

    # Blocks

    def implicit_block(self) -> Block:
        """The block that is open; where there is none, one that :meth:`finish` commits."""
        if self.block is None:
            self.block = Block(self.replica, explicit=False, private=self.private)
            self.shape_block(self.block, Begin())
            self.channels_before = self.channels
            self.variables.begin()
        return self.block

    def end_block(self) -> None:
        block, self.block = self.block, None
        self.stop_idling()
        self.context.objects = {}
        if block is not None:
            block.roll_back()
            self._undo()
            self.move_out()

    def _undo(self) -> None:
        """A block was rolled back: so are the settings and the channels."""
        self.variables.rollback()
        self.listen_to(self.channels_before)

    async def commit_block(self) -> None:
        block, self.block = self.block, None
        self.stop_idling()
        self.context.objects = {}
        assert block is not None
        try:
            if block.notifications and block.opened is None:
                said = block.notifications
                await submit(self, "NOTIFY", lambda _, going_out: going_out.extend(said), key=None)
            await block.commit()
        except BaseException:
            block.roll_back()
            self._undo()
            raise
        finally:
            self.move_out()
        self.variables.commit()

    def standing(self) -> Standing:
        """What a savepoint remembers of the client."""
        return self.variables.mark(), self.channels, self.context.objects

    def go_back(self, standing: Standing) -> None:
        """The block was rolled back to a savepoint: so is the client."""
        settings, channels, self.context.objects = standing
        self.variables.cut(settings)
        self.listen_to(channels)

    def shape_block(self, block: Block, begin: Begin) -> None:
        """The level and access mode of a block: what it says, else what the session's defaults say."""
        self.set_isolation(block, begin.isolation or self.variables.get("default_transaction_isolation"))
        default = self.variables.flag("default_transaction_read_only")
        self.set_read_only(block, default if begin.read_only is None else begin.read_only)
        if begin.deferrable is not None:
            self.set_deferrable(begin.deferrable)

    def set_isolation(self, block: Block, level: str) -> None:
        block.isolation = _held(level)
        self.variables.set("transaction_isolation", level, local=True)

    def set_read_only(self, block: Block, read_only: bool) -> None:
        block.read_only = read_only
        self.variables.set("transaction_read_only", "on" if read_only else "off", local=True)

    def set_deferrable(self, deferrable: bool) -> None:
        self.variables.set("transaction_deferrable", "on" if deferrable else "off", local=True)

    def default_isolation(self) -> str:
        return _held(self.variables.get("default_transaction_isolation"))

    def listen_to(self, channels: frozenset[str]) -> None:
        self.channels = channels
        if channels:
            self.replica.listeners.add(self._notified)
        else:
            self.replica.listeners.discard(self._notified)

    def _notified(self, channel: str, payload: str, pid: int) -> None:
        if channel in self.channels and self.on_notification is not None:
            self.on_notification(pid, channel, payload)
