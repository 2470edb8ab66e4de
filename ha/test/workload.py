"""What the clients of simulated nodes do, and what they are told.

A client's transaction is one of: a single statement or a batch, whose text the node holds; an interactive block at each isolation
level, with pauses in which anything may happen. Each writes its own token into the table `journal`, so that at the end one can see
whether it was executed; some count, some insert what nobody may overwrite, most stir up tables with every kind of key and constraint.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, Final

import apsw
from twisted.internet.defer import Deferred

from ha.block import Block
from ha.errors import StatementError
from ha.replication.committer import Work
from ha.replication.conflicts import READ_COMMITTED, REPEATABLE_READ, SERIALIZABLE
from ha.sqlite.connection import Connection
from ha.sqlite.executor import Cancellation
from ha.sqlite.faults import translate
from ha.test.machine import Machine

#: The tables that are there before anything happens.
OPENING: Final = (
    "CREATE TABLE journal (token TEXT PRIMARY KEY, node TEXT)",
    "CREATE TABLE counter (id INTEGER PRIMARY KEY, n INTEGER NOT NULL)",
    "INSERT INTO counter VALUES (1, 0), (2, 0), (3, 0)",
    "CREATE TABLE item (id INTEGER PRIMARY KEY, token TEXT NOT NULL, u INTEGER UNIQUE)",
    "CREATE TABLE serial (id INTEGER PRIMARY KEY AUTOINCREMENT, token TEXT)",
    "CREATE TABLE pair (a TEXT, b INTEGER, c INTEGER UNIQUE, d TEXT, PRIMARY KEY (a, b), UNIQUE (d, b)) WITHOUT ROWID",
    "CREATE TABLE loose (x, y)",
    "CREATE TABLE keyed (k TEXT PRIMARY KEY, u INTEGER UNIQUE, v)",
    "CREATE TABLE extra (a, b UNIQUE)",
)

#: Counters: by transactions that run again by themselves; by interactive ones that must not lose any; by others.
BY_ITSELF, CAREFUL, CARELESS = 1, 2, 3


@dataclass(slots=True)
class Outcome:
    """What became of one client's transaction."""

    token: str
    node: str
    kind: str
    counter: int = 0
    inserted: bool = False
    state: str = "running"  # acknowledged, refused, unknown
    sqlstate: str = ""
    error: str = ""


class Workload:
    """The clients of one history.

    :param random: what they do comes from there.
    :param tell: is told what becomes of it.
    :ivar outcomes: every transaction there was.
    :ivar errors: what no client may ever be told.
    """

    def __init__(self, random: Random, tell: Callable[[str], None]) -> None:
        self.random = random
        self.tell = tell
        self.outcomes: list[Outcome] = []
        self.errors: list[str] = []

    def run(self, machine: Machine, outcome: Outcome, coroutine: Any) -> None:
        """Start a client's transaction, and note what became of it."""
        self.outcomes.append(outcome)
        machine.running[outcome.token] = outcome

        def answered(result: Any) -> None:
            machine.running.pop(outcome.token, None)
            if machine.alive:
                outcome.state = "acknowledged"
                self.tell(f"{machine.name} acknowledged {outcome.token}")

        def failed(failure: Any) -> None:
            machine.running.pop(outcome.token, None)
            if not machine.alive:
                return
            error = failure.value
            outcome.error = str(error)
            if not isinstance(error, StatementError):
                self.errors.append(f"{outcome.token}: {failure.getTraceback()}")
            outcome.sqlstate = getattr(error, "sqlstate", "")
            outcome.state = "unknown" if outcome.sqlstate == "40003" else "refused"
            self.tell(f"{machine.name} {outcome.state} {outcome.token}: {error}")

        Deferred.fromCoroutine(coroutine).addCallbacks(answered, failed)

    def client(self, machine: Machine) -> None:
        """A client does something."""
        random = self.random
        token = f"t{len(self.outcomes)}"
        outcome = Outcome(token, machine.name, "")
        journal = f"INSERT INTO journal VALUES ('{token}', '{machine.name}')"
        roll = random.random()
        if roll < 0.06:
            outcome.kind = "definition"
            self.run(machine, outcome, self.autocommit(machine, [journal, self.definition()]))
        elif roll < 0.22:
            outcome.kind, outcome.counter = "increment", BY_ITSELF
            texts = [journal, f"UPDATE counter SET n = n + 1 WHERE id = {BY_ITSELF}"]
            self.run(machine, outcome, self.autocommit(machine, texts))
        elif roll < 0.40:
            outcome.kind, outcome.inserted = "insert", True
            self.run(machine, outcome, self.autocommit(machine, [journal, self.insert(token)]))
        elif roll < 0.72:
            outcome.kind = "batch"
            texts = [journal, *(self.churn() for _ in range(random.randint(1, 4)))]
            self.run(machine, outcome, self.autocommit(machine, texts))
        else:
            level = random.choice((READ_COMMITTED, READ_COMMITTED, REPEATABLE_READ, SERIALIZABLE))
            outcome.kind = level
            outcome.inserted = random.random() < 0.3
            texts = [journal, *(self.churn() for _ in range(random.randint(0, 3)))]
            if random.random() < 0.05:
                texts.append(self.definition())
            if outcome.inserted:
                texts.append(self.insert(token))
            random.shuffle(texts)
            if level != READ_COMMITTED and random.random() < 0.5:
                outcome.counter = CAREFUL
            self.run(machine, outcome, self.interactive(machine, outcome, level, texts))

    async def autocommit(self, machine: Machine, texts: list[str]) -> None:
        """Statements whose text is held: they run as often as it takes."""
        capture = machine.replica.database.capture

        def run(connection: Connection) -> None:
            for text in texts:
                execute(connection, capture, text)

        await machine.replica.submit(Work(run, alone=self.random.random() < 0.1))

    async def interactive(self, machine: Machine, outcome: Outcome, level: str, texts: list[str]) -> None:
        """A block, with pauses in which anything may happen."""
        replica, random = machine.replica, self.random
        block = Block(replica, explicit=True, isolation=level)
        try:
            if outcome.counter:
                n = await self._read(block, f"SELECT n FROM counter WHERE id = {CAREFUL}")
                texts = [*texts, f"UPDATE counter SET n = {n + 1} WHERE id = {CAREFUL}"]
            for text in texts:
                await self.think(machine)
                opened = await block.write_transaction("write", random.choice((None, 1.0)), Cancellation())
                await opened.run(
                    lambda connection, text=text: execute(connection, replica.database.capture, text),
                    writes=True,
                    bounded=random.random() < 0.8,
                )
            await self.think(machine)
            if random.random() < 0.08:
                raise StatementError("40000", "the client has changed its mind")
            await block.commit()
        finally:
            if machine.alive:
                block.roll_back()

    async def _read(self, block: Block, sql: str) -> Any:
        reader = await block.reader()
        assert reader is not None
        block.tables.add("counter")
        return reader.execute(sql).get

    def think(self, machine: Machine) -> Deferred[None]:
        """A client's pause."""
        pause: Deferred[None] = Deferred()
        machine.thinking.append(pause)
        return pause

    def insert(self, token: str) -> str:
        """A plain INSERT: no other may ever overwrite it, or only knowingly."""
        random = self.random
        if random.random() < 0.3:
            return f"INSERT INTO serial (token) VALUES ('{token}')"
        return f"INSERT INTO item VALUES ({random.randint(1, 40)}, '{token}', {random.choice(('NULL', random.randint(1, 30)))})"

    def churn(self) -> str:
        """Anything but plain INSERTs into the tables that are watched."""
        random = self.random
        small = [random.randint(1, 6) for _ in range(5)]
        a, b, c, d, e = small
        word = random.choice(("'x'", "'y'", "'z'", "NULL", "7", "1.5", "x'00'"))
        return random.choice(
            (
                f"INSERT INTO pair (a, b, c, d) VALUES ('{a}', {b}, {c}, '{d}')",
                f"REPLACE INTO pair (a, b, c, d) VALUES ('{a}', {b}, {c}, '{d}')",
                f"INSERT INTO pair (a, b, c, d) VALUES ('{a}', {b}, {c}, '{d}') ON CONFLICT DO NOTHING",
                f"UPDATE OR REPLACE pair SET c = {c}, b = {b} WHERE a = '{a}'",
                f"UPDATE pair SET d = '{d}' WHERE b = {b}",
                f"DELETE FROM pair WHERE c > {c}",
                f"INSERT INTO loose (x, y) VALUES ({a}, {word})",
                f"INSERT INTO loose (x, y) VALUES ({a}, {word})",
                f"UPDATE loose SET y = {word} WHERE x = {b}",
                f"DELETE FROM loose WHERE x = {c}",
                f"INSERT INTO keyed (k, u, v) VALUES ('{a}', {b}, {word})",
                f"INSERT OR REPLACE INTO keyed (k, u, v) VALUES ('{a}', {b}, {word})",
                f"INSERT INTO keyed (k, u, v) VALUES ('{a}', {b}, {c}) ON CONFLICT (k) DO UPDATE SET v = v + {d}",
                f"INSERT INTO keyed (k, u, v) VALUES (NULL, {b}, {c})",
                f"UPDATE keyed SET k = '{c}' WHERE u = {d}",
                f"UPDATE OR IGNORE keyed SET u = u + 1 WHERE k > '{a}'",
                f"DELETE FROM keyed WHERE k = '{e}'",
                "DELETE FROM keyed WHERE k IS NULL",
                f"INSERT INTO extra VALUES ({a}, {b})",
                f"REPLACE INTO extra (a, b) VALUES ({a}, {b})",
                f"UPDATE extra SET a = {a} WHERE b = {b}",
                f"DELETE FROM extra WHERE a = {c}",
                f"UPDATE counter SET n = n + 1 WHERE id = {CARELESS}",
                f"UPDATE OR ROLLBACK keyed SET u = {b}",
                f"INSERT OR ROLLBACK INTO keyed (k, u) VALUES ('{c}', {d})",
            )
        )

    def definition(self) -> str:
        """DDL; which one succeeds depends on what was there."""
        random = self.random
        serial = random.randint(1, 3)
        return random.choice(
            (
                f"ALTER TABLE loose ADD COLUMN e{serial} DEFAULT {serial}",
                f"ALTER TABLE keyed ADD COLUMN e{serial} NOT NULL DEFAULT 'e'",
                f"ALTER TABLE pair ADD COLUMN e{serial}",
                "DROP TABLE extra",
                "CREATE TABLE extra (a, b UNIQUE)",
                "CREATE TABLE extra (a PRIMARY KEY, b NOT NULL)",
                "CREATE TABLE extra (b INTEGER PRIMARY KEY, a UNIQUE, z DEFAULT (1 + 1))",
                "CREATE TABLE extra (a TEXT, b INTEGER, PRIMARY KEY (b, a)) STRICT",
                "ALTER TABLE extra RENAME COLUMN a TO z",
                "ALTER TABLE extra DROP COLUMN a",
                f"CREATE UNIQUE INDEX extra_i{serial} ON extra (a)",
                f"CREATE INDEX loose_i{serial} ON loose (x)",
                f"DROP INDEX loose_i{serial}",
                "CREATE TRIGGER keyed_t AFTER DELETE ON keyed BEGIN INSERT INTO loose (x, y) VALUES (old.u, old.v); END",
                "DROP TRIGGER keyed_t",
            )
        )


def execute(connection: Connection, capture: Any, text: str) -> None:
    """One statement of a client, as the backend runs it.

    :raises StatementError: SQLite's own.
    """
    try:
        for _ in connection.execute(text):
            pass
    except apsw.Error as error:
        raise translate(error, connection, text) from error
    capture.after_statement(text, may_change_schema=not text.startswith(("INSERT", "UPDATE", "DELETE", "REPLACE")))
