"""A replica on a small file and a log in memory, for tests that step both by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ha.replication.committer import Work
from ha.replication.follower import TOGETHER_S
from ha.replication.groups import Origin
from ha.replication.replica import Replica
from ha.sqlite.connection import Connection
from ha.sqlite.database import Database
from ha.sqlite.executor import Lanes
from ha.sqlite.schema import install
from ha.test.fakes import MemoryLog, Network
from ha.test.steps import SteppedLane

SUBJECT = "s.mydatabase_db"


class HandClock(Clock):
    """A clock that is also where other threads send their calls."""

    def callFromThread(self, function: Any, *arguments: Any) -> None:
        self.callLater(0, function, *arguments)


class Member:
    """One node's replica, with its clock and its log."""

    def __init__(self, name: str, folder: Path, network: Network, **options: Any) -> None:
        self.clock = HandClock()
        self.log: MemoryLog = network.join(name)
        # A budget that no noise of the machine can spend: what these tests look at is not time.
        lanes = Lanes(SteppedLane(at_once=True), 60.0)
        self.database = Database("mydatabase.db", folder / f"{name}.db", SUBJECT, lanes, self.clock)
        install(self.database.writer)
        self.replica = Replica(self.database, self.log, Origin(name, 1), self.clock, epoch=1, timeout_s=5.0, **options)
        self.replica.follower.start()

    def rows(self, sql: str) -> list[Any]:
        """What a reader sees."""
        connection = self.database.borrow()
        assert not isinstance(connection, Deferred)
        try:
            return list(connection.execute(sql).fetchall())
        finally:
            self.database.give_back(connection)

    def write(self, *texts: str) -> Deferred[Any]:
        """Submit one transaction."""

        def run(connection: Connection) -> None:
            for text in texts:
                facts = connection.facts(text)
                connection.execute(text)
                self.database.capture.after_statement(text, may_change_schema=facts.changes_schema)

        return self.replica.submit(Work(run))


class ReplicaCase(SynchronousTestCase):
    """Tests of members over one log."""

    def setUp(self) -> None:
        self.network = Network("s")
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.members: list[Member] = []
        self.addCleanup(self._close)

    def member(self, name: str, **options: Any) -> Member:
        """One more node."""
        made = Member(name, self.folder, self.network, **options)
        if not self.members:
            self.found(made)
        self.members.append(made)
        return made

    def found(self, member: Member) -> None:
        """Make the stream."""
        founding = Deferred.fromCoroutine(member.log.create_stream("cluster", "a"))
        self.network.settle()
        self.successResultOf(founding)

    def settle(self, seconds: float = 0.0) -> None:
        """Let everything happen that needs no more time than this."""
        for _ in range(50):
            for member in self.members:
                member.clock.advance(TOGETHER_S if member.replica.follower.pausing else 0)
            self.network.settle()
        if seconds:
            for member in self.members:
                member.clock.pump([0.1] * round(seconds * 10))
            self.settle()

    def done(self, writing: Deferred[Any], seconds: float = 0.0) -> Any:
        """Let a write happen, within these seconds; its result."""
        self.settle(seconds)
        return self.successResultOf(writing)

    def _close(self) -> None:
        for member in self.members:
            member.replica.follower.stop()
            if not member.database.closed:
                member.database.close()
