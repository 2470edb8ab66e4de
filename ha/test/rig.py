"""Two nodes over one log in memory, for tests of one part: the simulation's nodes, without its chance."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.replication.committer import Work
from ha.sqlite.connection import Connection
from ha.test.machine import Machine
from ha.test.quiet import quiet_ends, shared_memory
from ha.test.simulation import Simulation
from ha.test.workload import execute


class Nodes(SynchronousTestCase):
    """A test case with the nodes `a` and `b`, one table, and every step in the test's hand."""

    policy = "queue"

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(dir=shared_memory())
        self.addCleanup(folder.cleanup)
        ends = quiet_ends()
        ends.__enter__()
        self.addCleanup(ends.__exit__, None, None, None)
        inner = Path(folder.name) / "files"
        inner.mkdir()
        self.simulation = Simulation(1, inner, opening=())
        self.simulation.policy = self.policy
        self.simulation.long_outboxes = False
        self.addCleanup(self.simulation.close)
        self.network = self.simulation.network
        self.a = self.simulation.start("a")
        self.b = self.simulation.start("b")
        self.write(self.a, "CREATE TABLE t (id INTEGER PRIMARY KEY, v, u UNIQUE)")
        self.settle()

    def work(self, machine: Machine, *texts: str, **options: Any) -> Work:
        """A transaction, not submitted yet."""
        capture = machine.replica.database.capture

        def run(connection: Connection) -> None:
            for text in texts:
                execute(connection, capture, text)

        return Work(run, **options)

    def write(self, machine: Machine, *texts: str, **options: Any) -> Deferred[Any]:
        """Submit a transaction."""
        return machine.replica.submit(self.work(machine, *texts, **options))  # type: ignore[no-any-return]

    def settle(self) -> None:
        """Let everything that can happen, happen."""
        self.simulation.rest()

    def turn(self, machine: Machine) -> None:
        """One turn of the node's reactor, and nothing on the network."""
        machine.clock.advance(0)

    def rows(self, machine: Machine, sql: str = "SELECT id, v FROM t ORDER BY id") -> list[Any]:
        """What the node's writing connection sees."""
        connection = machine.replica.database.writer
        with connection.guard.trusted():
            return list(connection.execute(sql))

    def sqlstate(self, done: Deferred[Any]) -> str:
        """What a client was told."""
        return self.failureResultOf(done, StatementError).value.sqlstate  # type: ignore[no-any-return]

    def queue_on(self, machine: Machine, *texts: str) -> None:
        """Write while the node is cut off."""
        machine.log.cut()
        done = self.write(machine, *texts)
        for _ in range(100):
            machine.clock.advance(0.05)
        self.successResultOf(done)
