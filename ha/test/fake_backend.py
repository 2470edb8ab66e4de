"""A backend for tests of the PostgreSQL door: plain SQLite in memory behind the interface that a session asks for.

It keeps the real one's contract as far as sessions can see it (transaction states, batches and streams of rows, what is refused
in a failed block) and writes down what was asked of it in `said`, so that a test can look at the order of things.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import apsw
import apsw.ext

from ha.errors import Notice, StatementError
from ha.sql.kinds import Kind, Name, Notify, SetVariable, Statement
from ha.sql.lifting import Lifted, lift
from ha.sql.statements import client_position, split
from ha.sql.variables import Variables
from ha.sqlite.catalog_functions import signature
from ha.sqlite.functions import Context, register
from ha.sqlite.guard import Guard
from ha.values import Answer, Column, Description, Parameters, Row, Signature

#: Rows of a first batch, few, so that tests meet streams.
ROWS_PER_BATCH = 50

_SQLSTATES = (
    ("UNIQUE constraint failed", "23505"),
    ("NOT NULL constraint failed", "23502"),
    ("CHECK constraint failed", "23514"),
    ("FOREIGN KEY constraint failed", "23503"),
    ("no such table", "42P01"),
    ("no such column", "42703"),
    ("no such function", "42883"),
    ("already exists", "42P07"),
    ("syntax error", "42601"),
    ("incomplete input", "42601"),
    ("nterrupt", "57014"),
)
_ENDINGS = frozenset({Kind.COMMIT, Kind.ROLLBACK, Kind.ROLLBACK_TO})


def translated(error: apsw.Error, statement: Statement | None = None) -> StatementError:
    """SQLite's error with a SQLSTATE, and where in the client's text it is."""
    message = str(error)
    offset = getattr(error, "error_offset", -1)
    return StatementError(
        next((code for part, code in _SQLSTATES if part in message), "58000"),
        message,
        position=client_position(statement, offset) + 1 if statement is not None and offset >= 0 else None,
    )


class FakeStream:
    """Rows after the first batch; whether it was closed is what tests want to know."""

    def __init__(self, backend: FakeBackend, cursor: Any, held: list[Row]) -> None:
        self._backend = backend
        self._cursor = cursor
        self._held = held
        self.closed = False
        backend.streams.append(self)

    async def next(self, rows_max: int) -> tuple[list[Row], bool]:
        self._backend.said.append(("next", rows_max))
        if self.closed:
            raise StatementError("34000", "the stream is closed")
        if self._backend.waiting is not None:
            await self._backend.waiting()
        rows, more = some(self._cursor, self._held, rows_max or ROWS_PER_BATCH)
        self._held = more
        if not more:
            self.close()
        return rows, not more

    def close(self) -> None:
        self.closed = True


def some(cursor: Any, held: list[Row], rows_max: int) -> tuple[list[Row], list[Row]]:
    """At most `rows_max` rows, and one more in hand if there is one."""
    rows = list(held)
    for row in cursor:
        rows.append(row)
        if len(rows) > rows_max:
            break
    return rows[:rows_max], rows[rows_max:]


class MemoryConnection(apsw.Connection):
    """A database in memory that knows our SQL functions."""

    def __init__(self) -> None:
        super().__init__(":memory:")
        self.context: Context | None = None
        self.guard = Guard()
        register(self)  # type: ignore[arg-type]


class FakeBackend:
    """One client of one in-memory database.

    :param connection: to share a database between clients; a fresh one by default.
    :ivar waiting: when set, called and awaited before every statement and batch of rows.
    :ivar at_once: how many statements were answered without a coroutine.
    :ivar lifts: whether texts share statements; without, tests see in `said` what they sent.
    """

    def __init__(
        self, user: str = "ha", database: str = "test", connection: MemoryConnection | None = None, pid: int = 4711
    ) -> None:
        self.connection = connection or MemoryConnection()
        self.pid = pid
        self.variables = Variables(user=user, database=database)
        self.connection.context = Context(user=user, database=database, variables=self.variables, pid=pid)
        self.named_statements: Any = tuple
        self.on_notification: Any = None
        self.on_expired: Any = None
        self.said: list[Any] = []
        self.described: list[Statement] = []
        self.streams: list[FakeStream] = []
        self.waiting: Any = None
        self.lifts = False
        self.at_once = 0
        self.closed = False
        self.cancelled = 0
        self.explicit = False
        self.implicit = False
        self.failed = False
        self._channels: set[str] = set()
        self._notifications: list[tuple[str, str]] = []

    @property
    def status(self) -> str:
        return "I" if not self.explicit else "E" if self.failed else "T"

    def parse(self, text: str) -> tuple[Statement, ...]:
        return split(text)

    def lift(self, text: str) -> Lifted | None:
        return lift(text) if self.lifts else None

    def function(self, number: int) -> Signature | None:
        return signature(number)

    def describe_at_once(self, statement: Statement) -> Description | None:
        return None

    async def describe(self, statement: Statement) -> Description:
        self.described.append(statement)
        if statement.kind is Kind.SHOW:
            return Description((), (Column(str(statement.argument.name), expression="text"),))  # type: ignore[union-attr]
        if statement.kind is not Kind.SQL:
            return Description((), None)
        try:
            details = apsw.ext.query_info(self.connection, statement.sql)
        except apsw.Error as error:
            raise translated(error) from None
        return Description((None,) * details.bindings_count, self._columns(statement))

    def _columns(self, statement: Statement) -> tuple[Column, ...] | None:
        described = apsw.ext.query_info(self.connection, statement.sql).description_full
        found = []
        for name, decltype, _, table, origin in described or ():
            # A cast has become a call of our function: the least of inference, enough for tests.
            cast = re.match(r"pg_(int8|int4|float8|text|bool)\(", name)
            found.append(Column(name, decltype, table, origin, cast[1] if cast else None))
        return tuple(found) or None

    def execute_at_once(self, statement: Statement, values: Parameters = (), *, rows_max: int = 0) -> Answer | None:
        idle = self.waiting is None and not self.explicit and not self.implicit
        if not idle or statement.kind is not Kind.SQL or statement.verb != "SELECT":
            return None
        self.said.append((statement.text, tuple(values), True))
        self.at_once += 1
        try:
            return self._sql(statement, values, True, rows_max)
        except apsw.Error as error:
            raise translated(error, statement) from None

    async def execute(
        self, statement: Statement, values: Parameters = (), *, alone: bool = True, rows_max: int = 0
    ) -> Answer:
        self.said.append((statement.text, tuple(values), alone))
        if self.waiting is not None:
            await self.waiting()
        if self.failed and statement.kind not in _ENDINGS:
            raise StatementError(
                "25P02", "current transaction is aborted, commands ignored until end of transaction block"
            )
        try:
            if statement.kind is Kind.SQL:
                return self._sql(statement, values, alone, rows_max)
            return self._command(statement, alone)
        except apsw.Error as error:
            self.failed = self.explicit
            raise translated(error, statement) from None
        except StatementError:
            self.failed = self.explicit
            raise

    def _sql(self, statement: Statement, values: Parameters, alone: bool, rows_max: int) -> Answer:
        if not alone:
            self._begin_implicit()
        sql = statement.sql
        before = self.connection.total_changes()
        columns = self._columns(statement)
        cursor = self.connection.cursor()
        cursor.execute(sql, tuple(values))
        if columns is None:
            counted = statement.verb in ("INSERT", "UPDATE", "DELETE")
            return Answer(statement.verb, affected=self.connection.total_changes() - before if counted else None)
        changing = statement.verb != "SELECT"
        rows, more = some(cursor, [], 1_000_000 if changing else rows_max or ROWS_PER_BATCH)
        rest = FakeStream(self, cursor, more) if more else None
        affected = self.connection.total_changes() - before if changing else None
        return Answer(statement.verb, columns, rows, affected, None, rest)

    def _begin_implicit(self) -> None:
        if not self.explicit and not self.implicit:
            self.connection.execute("BEGIN")
            self.implicit = True

    def _command(self, statement: Statement, alone: bool) -> Answer:
        kind, argument = statement.kind, statement.argument
        answer = Answer(statement.verb)
        if kind is Kind.BEGIN:
            if self.explicit:
                answer.notices.append(Notice("WARNING", "25001", "there is already a transaction in progress"))
            elif not self.implicit:
                self.connection.execute("BEGIN")
            self.explicit, self.implicit = True, False
            self.variables.begin()
        elif kind in (Kind.COMMIT, Kind.ROLLBACK):
            if not self.explicit:
                answer.notices.append(Notice("WARNING", "25P01", "there is no transaction in progress"))
            commits = kind is Kind.COMMIT and not self.failed
            answer.verb = "COMMIT" if commits else "ROLLBACK"
            self._end(commits)
        elif kind in (Kind.SAVEPOINT, Kind.RELEASE, Kind.ROLLBACK_TO):
            if not self.explicit:
                raise StatementError("25P01", f"{statement.verb} can only be used in transaction blocks")
            self.connection.execute(statement.sql)
            self.failed = self.failed and kind is not Kind.ROLLBACK_TO
        elif kind in (Kind.SET, Kind.RESET):
            assert isinstance(argument, SetVariable)
            if argument.name is None:
                self.variables.reset(None)
            else:
                self.variables.set(argument.name, argument.value, local=argument.local)
        elif kind is Kind.SHOW:
            assert isinstance(argument, Name)
            return Answer(
                "SHOW", (Column(str(argument.name), expression="text"),), [(self.variables.get(str(argument.name)),)], 1
            )
        elif kind is Kind.LISTEN:
            assert isinstance(argument, Name)
            self._channels.add(str(argument.name))
        elif kind is Kind.UNLISTEN:
            self._channels.clear()
        elif kind is Kind.NOTIFY:
            assert isinstance(argument, Notify)
            self._notifications.append((argument.channel, argument.payload))
            if alone and not self.explicit:
                self._notify()
        elif kind is Kind.REFUSED:
            raise StatementError(argument[0], argument[1], hint=argument[2])  # type: ignore[index]
        return answer

    def _notify(self) -> None:
        said, self._notifications = self._notifications, []
        for channel, payload in said:
            if channel in self._channels and self.on_notification is not None:
                self.on_notification(self.pid, channel, payload)

    def _end(self, commits: bool) -> None:
        for stream in self.streams:
            stream.close()
        if self.connection.in_transaction:
            self.connection.execute("COMMIT" if commits else "ROLLBACK")
        self.explicit = self.implicit = self.failed = False
        if commits:
            self.variables.commit()
            self._notify()
        else:
            self.variables.rollback()
            self._notifications.clear()

    async def finish(self) -> None:
        self.said.append("finish")
        if self.implicit:
            try:
                self._end(True)
            except apsw.Error as error:
                self._end(False)
                raise translated(error) from None

    async def fail(self) -> None:
        self.said.append("fail")
        if self.explicit:
            self.failed = True
        else:
            self._end(False)

    async def copy_in(self, table: str, columns: Sequence[str], rows: list[Row]) -> int:
        self.said.append(("copy_in", table, len(rows)))
        self._begin_implicit()
        names = ", ".join(f'"{name}"' for name in columns)
        marks = ", ".join("?" * len(columns))
        try:
            self.connection.executemany(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', rows)
        except apsw.Error as error:
            raise translated(error) from None
        return len(rows)

    def cancel(self) -> None:
        self.cancelled += 1
        self.connection.interrupt()

    async def close(self) -> None:
        self.said.append("close")
        self._end(False)
        self.closed = True
