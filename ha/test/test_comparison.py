"""Nodes compare what they hold."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from twisted.internet.defer import execute, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ha.replication.comparison import Comparison
from ha.sqlite.connection import open_writer
from ha.sqlite.content import SLICE_ROWS, Place
from ha.sqlite.database import Database
from ha.sqlite.executor import Lanes
from ha.sqlite.ledger import write_position
from ha.sqlite.schema import install
from ha.test.fakes import Network

SUBJECT = "s.my_db"


class ComparisonTests(SynchronousTestCase):
    """Two nodes at position 7, with a row each."""

    def setUp(self) -> None:
        """They hear each other."""
        self.network = Network()
        self.clock = Clock()
        self.near, self.far = self.node("near"), self.node("far")

    def node(self, name: str, row: int = 1, position: int = 7) -> Comparison:
        """A node's comparison."""
        path = self.mktemp()
        connection = open_writer(path, synchronous="NORMAL")
        install(connection)
        connection.execute("CREATE TABLE t (a)")
        connection.execute("INSERT INTO t VALUES (?)", (row,))
        with connection.guard.trusted():
            write_position(connection, SUBJECT, position)
        connection.close()
        database: Any = Database("my.db", path, SUBJECT, Lanes(execute, 0.1), self.clock)  # type: ignore[arg-type]
        self.addCleanup(database.close)
        follower = SimpleNamespace(position=position, failed=None, reached=lambda wanted, timeout_s: succeed(None))
        replica: Any = SimpleNamespace(
            name="my.db", database=database, follower=follower, outbox=SimpleNamespace(count=0)
        )
        made = Comparison(replica, self.network.join(name), name, self.clock, 600.0)
        self.addCleanup(made.stop)
        return made

    def ask(self) -> None:
        """The near node asks, and everything is heard."""
        self.near.start()
        self.clock.advance(600)
        self.network.settle()

    def test_equal(self) -> None:
        """Both have compared, and there is nothing to say."""
        self.ask()
        self.assertEqual((self.near.differences, self.far.differences), ({}, {}))
        self.assertEqual((self.near.compared, self.far.compared), (1, 1))

    def test_different(self) -> None:
        """Both say where and in what."""
        self.far._replica.database.writer.execute("UPDATE t SET a = 2")
        self.ask()
        self.assertEqual(self.near.differences, {"far": "my.db differs from node far at position 7: t"})
        self.assertEqual(self.far.differences, {"near": "my.db differs from node near at position 7: t"})

    def test_equal_again(self) -> None:
        """The slice that differed is asked for until it is taken back, while the walk goes on beside."""
        self.near._walk = Place("t", (1,))
        self.far._replica.database.writer.execute("UPDATE t SET a = 2")
        for place in (Place(), Place("t", (1,))):
            self.near._answer((7, place))
            self.far._answer((7, place))
        self.network.settle()
        self.assertEqual(len(self.near.differences), 1)
        self.far._replica.database.writer.execute("UPDATE t SET a = 1")
        self.ask()
        self.clock.advance(600)
        self.network.settle()
        self.assertEqual((self.near.differences, self.far.differences), ({}, {}))

    def test_a_walk_goes_on_when_it_was_compared(self) -> None:
        """With somebody; alone it stays where it is."""
        for comparison in (self.near, self.far):
            writer = comparison._replica.database.writer
            writer.execute("CREATE TABLE u (a)")
            with comparison._replica.database.own_transaction():
                writer.executemany("INSERT INTO u VALUES (?)", [(None,)] * (SLICE_ROWS + 1))
        self.far.stop()
        self.ask()
        self.assertEqual(self.near._walk, Place())
        self.far._listening = self.far._wire.subscribe_core(self.far._subject, self.far._heard)
        places = []
        for _ in range(3):
            self.clock.advance(600)
            self.network.settle()
            places.append(self.near._walk)
        self.assertEqual(places, [Place("u", (SLICE_ROWS - 1,)), Place(), Place("u", (SLICE_ROWS - 1,))])
        self.assertEqual((self.near.walks, self.near.differences), (1, {}))

    def test_elsewhere(self) -> None:
        """States of different positions are not compared, nor what is pending."""
        other = self.node("other", row=2, position=8)
        pending = self.node("pending", row=3)
        pending._replica.outbox.count = 1
        self.ask()
        self.assertEqual((other.compared, pending.compared, sorted(self.near.differences)), (0, 0, []))

    def test_nonsense(self) -> None:
        """Whoever says it."""
        for body in (b"", b"{}", b'{"node": 1, "position": "x"}', b"[]"):
            self.far._wire.publish_core("_ha.content.s.my_db", body)
        self.network.settle()
        self.assertEqual(self.near.compared, 0)
