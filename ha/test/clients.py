"""Clients of one database on the log in memory: a Backend each, no reactor, threads stepped or run at once.

::

    served = Served(case)                      # a database, its replica, a clock, a network that answers by itself
    client = Client(case, served)
    client.run("BEGIN; INSERT INTO t VALUES (1)")
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ha.backend import Backend
from ha.errors import StatementError
from ha.replication.follower import TOGETHER_S
from ha.replication.groups import Origin
from ha.replication.replica import Replica
from ha.sqlite.database import Database
from ha.sqlite.executor import Lanes
from ha.sqlite.schema import install
from ha.test.fakes import Network
from ha.test.steps import SteppedLane
from ha.values import Answer, Parameters, Row

SUBJECT = "s.mydatabase_db"


class ThreadlessClock(Clock):
    """A clock that is also where other threads send their calls."""

    def callFromThread(self, function: Any, *arguments: Any) -> None:
        self.callLater(0, function, *arguments)


class Served:
    """One node's database and replica.

    :param network: shared with other nodes; its own by default.
    :param budget_s: of the fast lane; 0 sends all to the lane that the test steps.
    """

    def __init__(
        self,
        case: SynchronousTestCase,
        name: str = "near",
        network: Network | None = None,
        *,
        at_once: bool = True,
        budget_s: float = 10.0,
    ) -> None:
        self.case = case
        self.clock = ThreadlessClock()
        self.lane = SteppedLane(at_once=at_once)
        folder = Path(case.mktemp())
        folder.mkdir()
        self.database = Database(
            "mydatabase.db", folder / "mydatabase.db", SUBJECT, Lanes(self.lane, budget_s), self.clock
        )
        install(self.database.writer)
        if network is None:
            network = Network()
            network.create("cluster", name, 1, 1)
        self.network = network
        self.log = network.join(name)
        self.replica = Replica(self.database, self.log, Origin(name, 1), self.clock, epoch=1, timeout_s=2.0)
        self.replica.follower.start()
        self.settle()
        case.addCleanup(self.stop)

    def settle(self) -> None:
        """Let happen what happens without waiting: the log answers, the reactor turns, what arrived together is applied."""
        for _ in range(6):
            self.network.settle()
            self.clock.advance(TOGETHER_S if self.replica.follower.pausing else 0)

    def pass_time(self, seconds: float) -> None:
        """Let time pass, and what it brings happen."""
        self.clock.advance(seconds)
        self.settle()

    def stop(self) -> None:
        """Nothing is left open."""
        self.replica.follower.stop()
        if not self.database.closed:
            self.database.close()


class Client:
    """One client: runs texts as the PostgreSQL door does, a message at a time."""

    def __init__(self, case: SynchronousTestCase, served: Served, **options: Any) -> None:
        self.case = case
        self.served = served
        told: dict[str, Any] = {"user": "ha", "pid": 7, "statement_timeout_s": 0.0, "idle_timeout_s": 30.0}
        self.backend = Backend(served.replica, clock=served.clock, **(told | options))
        self.heard: list[tuple[int, str, str]] = []
        self.backend.on_notification = lambda *one: self.heard.append(one)
        case.addCleanup(self.close)

    def wait(self, coroutine: Any) -> Any:
        """The coroutine's result, which must come without waiting for time to pass."""
        doing = Deferred.fromCoroutine(coroutine)
        self.served.settle()
        return self.case.successResultOf(doing)

    def start(self, coroutine: Any) -> Deferred[Any]:
        """Begin something that will have to wait."""
        doing = Deferred.fromCoroutine(coroutine)
        self.served.settle()
        return doing

    def fails(self, coroutine: Any) -> StatementError:
        """The error that the coroutine ends with."""
        doing = Deferred.fromCoroutine(coroutine)
        self.served.settle()
        error: StatementError = self.case.failureResultOf(doing, StatementError).value  # type: ignore[assignment]
        return error

    async def message(self, text: str, values: Parameters = (), rows_max: int = 0) -> list[Answer]:
        """What one message of the simple protocol does."""
        statements = self.backend.parse(text)
        alone = len(statements) == 1
        answers = []
        try:
            for statement in statements:
                answer = self.backend.execute_at_once(statement, values, rows_max=rows_max) if alone else None
                if answer is None:
                    answer = await self.backend.execute(statement, values, alone=alone, rows_max=rows_max)
                answers.append(answer)
            await self.backend.finish()
        except StatementError:
            await self.backend.fail()
            raise
        return answers

    def run(self, text: str, *values: Any, rows_max: int = 0) -> Answer:
        """The last answer to a message."""
        answer: Answer = self.wait(self.message(text, values, rows_max))[-1]
        return answer

    def rows(self, text: str, *values: Any) -> list[Row]:
        """The rows of a query that fit one batch."""
        return self.run(text, *values).rows

    def refused(self, text: str, *values: Any) -> str:
        """The SQLSTATE that a message ends with."""
        return self.fails(self.message(text, values)).sqlstate

    def batch(self, *commands: str | tuple[str, Parameters], **options: Any) -> list[Answer]:
        """One HTTP request's commands."""
        answers: list[Answer] = self.wait(self.backend.execute_batch(self.commands(*commands), **options))
        return answers

    def commands(self, *commands: str | tuple[str, Parameters]) -> Sequence[Any]:
        """As the HTTP door gives them."""
        pairs = [(one, ()) if isinstance(one, str) else one for one in commands]
        return [(self.backend.parse(text)[0], values) for text, values in pairs]

    @property
    def status(self) -> str:
        """``I``, ``T`` or ``E``."""
        return self.backend.status

    def close(self) -> None:
        """The client leaves."""
        self.wait(self.backend.close())


class BackendCase(SynchronousTestCase):
    """A node with one client and a table."""

    def setUp(self) -> None:
        self.served = Served(self)
        self.client = Client(self, self.served)
        self.client.run("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT UNIQUE)")

    def another(self, **options: object) -> Client:
        return Client(self, self.served, **options)
