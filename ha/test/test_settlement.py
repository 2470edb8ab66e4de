"""Tests of ha.replication.settlement, and of what it makes of an order that does not answer."""

from __future__ import annotations

from ha.errors import StatementError
from ha.replication.change import Command, Message
from ha.replication.settlement import changes_schema, origin
from ha.test.fakes import Flight
from ha.test.replicas import ReplicaCase


class AmbiguityTests(ReplicaCase):
    """An acknowledgement that does not come is resolved by reading the log."""

    def setUp(self) -> None:
        super().setUp()
        self.near = self.member("a")
        self.done(self.near.write("CREATE TABLE t (id INTEGER PRIMARY KEY, a)"))

    def flight(self) -> Flight:
        """The publish that is on its way."""
        self.near.clock.advance(0)
        return next(step for step in self.network.steps() if isinstance(step, Flight))

    def test_a_lost_acknowledgement_is_found_in_the_log(self) -> None:
        writing = self.near.write("INSERT INTO t VALUES (1, 'x')")
        self.flight().lose()
        self.settle(8.0)
        self.successResultOf(writing)
        self.assertEqual(self.near.rows("SELECT * FROM t"), [(1, "x")])
        self.assertEqual(len(self.network.stream.entries("s.mydatabase_db")), 2)  # type: ignore[union-attr]

    def test_a_publish_that_timed_out_and_lands_late_counts_once(self) -> None:
        writing = self.near.write("INSERT INTO t VALUES (1, 'x')")
        self.flight().time_out()
        self.settle(8.0)
        self.successResultOf(writing)
        self.assertEqual(self.near.rows("SELECT count(*) FROM t"), [(1,)])


class UnknownTests(ReplicaCase):
    """Where nobody can tell, the client is not told a lie."""

    def test_the_outcome_is_unknown(self) -> None:
        near = self.member("a", queues=False)
        self.done(near.write("CREATE TABLE t (a)"))
        writing = near.write("INSERT INTO t VALUES (1)")
        near.clock.advance(0)
        near.log.cut()
        near.clock.pump([0.1] * 120)
        self.assertIn(self.failureResultOf(writing, StatementError).value.sqlstate, ("40003", "25006", "08006"))


class MessageTests(ReplicaCase):
    """What is asked of a message."""

    def test_who_made_it_and_whether_it_holds_ddl(self) -> None:
        plain = Message("n", 1, "f", 2, 0, 0, ())
        self.assertEqual(origin(plain), ("n", 1, 2))
        self.assertFalse(changes_schema(plain))
        self.assertTrue(changes_schema(Message("n", 1, "f", 2, 0, 0, (Command("CREATE TABLE t (a)", 0),))))
