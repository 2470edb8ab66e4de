"""Tests of ha.replication.outbox: written while the log was out of reach, ordered later."""

from __future__ import annotations

from ha.errors import StatementError
from ha.test.replicas import ReplicaCase

#: The log counts as out of reach after 5 s.
PATIENCE_S = 8.0


class OutboxTests(ReplicaCase):
    """Available while cut off, equal again afterwards."""

    def setUp(self) -> None:
        super().setUp()
        self.near, self.far = self.member("a"), self.member("b")
        self.done(self.near.write("CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, a UNIQUE)"))

    def heal(self) -> None:
        self.far.log.mend()
        self.far.replica.outbox.drain_soon()
        self.settle(5.0)

    def test_a_node_that_is_cut_off_goes_on(self) -> None:
        self.far.log.cut()
        self.done(self.far.write("INSERT INTO t (a) VALUES ('alone')"), PATIENCE_S)
        self.assertEqual(self.far.rows("SELECT a FROM t"), [("alone",)])
        self.assertEqual(self.far.replica.outbox.count, 1)
        self.assertEqual(self.near.rows("SELECT a FROM t"), [])

    def test_what_was_queued_arrives(self) -> None:
        self.far.log.cut()
        for word in ("one", "two", "three"):
            self.done(self.far.write(f"INSERT INTO t (a) VALUES ('{word}')"), PATIENCE_S)
        self.heal()
        self.assertEqual(self.far.replica.outbox.count, 0)
        self.assertEqual(self.near.rows("SELECT * FROM t"), [(1, "one"), (2, "two"), (3, "three")])
        self.assertEqual(self.near.rows("SELECT * FROM t"), self.far.rows("SELECT * FROM t"))

    def test_the_loser_of_a_key_is_kept(self) -> None:
        """Both sides took id 1: the later one in the log wins, and the other one can be put back."""
        self.far.log.cut()
        self.done(self.far.write("INSERT INTO t (a) VALUES ('far')"), PATIENCE_S)
        self.done(self.near.write("INSERT INTO t (a) VALUES ('near')"))
        self.heal()
        self.assertEqual(self.near.rows("SELECT * FROM t"), self.far.rows("SELECT * FROM t"))
        self.assertEqual(self.near.rows("SELECT * FROM t"), [(1, "far")])
        ((table, image),) = self.far.rows('SELECT "table", image FROM ha_conflicts')
        self.assertEqual(table, "t")
        self.assertIn("near", image)

    def test_the_schema_waits_for_the_log(self) -> None:
        self.far.log.cut()
        writing = self.far.write("CREATE TABLE u (a)")
        self.settle(PATIENCE_S)
        self.assertEqual(self.failureResultOf(writing, StatementError).value.sqlstate, "25006")
        self.assertEqual(self.far.rows("SELECT count(*) FROM sqlite_schema WHERE name = 'u'"), [(0,)])

    def test_what_waits_survives_the_process(self) -> None:
        self.far.log.cut()
        self.done(self.far.write("INSERT INTO t (a) VALUES ('kept')"), PATIENCE_S)
        self.far.replica.follower.stop()
        self.far.database.close()
        self.far.log.mend()
        again = self.member("b")
        self.assertEqual(again.replica.outbox.count, 1)
        again.replica.outbox.drain_soon()
        self.settle(5.0)
        self.assertEqual(self.near.rows("SELECT a FROM t"), [("kept",)])


class RefusingTests(ReplicaCase):
    """``--when-disconnected refuse``."""

    def test_writes_are_refused_and_change_nothing(self) -> None:
        near = self.member("a", queues=False)
        self.done(near.write("CREATE TABLE t (a)"))
        near.log.cut()
        writing = near.write("INSERT INTO t VALUES (1)")
        self.settle(PATIENCE_S)
        self.assertIn(self.failureResultOf(writing, StatementError).value.sqlstate, ("25006", "08006"))
        self.assertEqual(near.rows("SELECT count(*) FROM t"), [(0,)])


class AsynchronousTests(ReplicaCase):
    """``--replication async``: answered after the local commit, ordered later."""

    def test_the_answer_does_not_wait_for_the_log(self) -> None:
        near = self.member("a")
        self.done(near.write("CREATE TABLE t (a)"))
        far = self.member("b", asynchronous=True)
        self.settle()
        writing = far.write("INSERT INTO t VALUES (1)")
        far.clock.advance(0)
        self.successResultOf(writing)
        self.settle(3.0)
        self.assertEqual(near.rows("SELECT * FROM t"), [(1,)])
