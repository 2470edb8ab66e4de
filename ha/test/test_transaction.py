"""Interactive transactions: their level is their conflict policy."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from ha.replication.conflicts import READ_COMMITTED, REPEATABLE_READ, SERIALIZABLE
from ha.replication.transaction import OpenTransaction
from ha.test.rig import Nodes
from ha.test.workload import execute


class TransactionTests(Nodes):
    """One on `a`, with `b` coming between."""

    def setUp(self) -> None:
        super().setUp()
        self.write(self.a, "INSERT INTO t VALUES (1, 'old', 1), (2, 'old', 2)", "CREATE TABLE other (x)")
        self.settle()

    def begin(self, level: str, *texts: str) -> OpenTransaction:
        """Begun, its statements run."""
        opened = self.successResultOf(Deferred.fromCoroutine(self.a.replica.transaction(None, level)))
        capture = self.a.replica.database.capture
        for text in texts:
            done = opened.run(
                lambda connection, text=text: execute(connection, capture, text), writes=True, bounded=True
            )
            self.successResultOf(Deferred.fromCoroutine(done))
        return opened  # type: ignore[no-any-return]

    def commit(self, opened: OpenTransaction) -> Deferred[Any]:
        """COMMIT, to its end."""
        done = Deferred.fromCoroutine(opened.commit())
        self.settle()
        return done

    def between(self, level: str, ours: str, theirs: str) -> Deferred[Any]:
        """Ours has run when theirs is stored; then ours commits."""
        opened = self.begin(level, ours)
        other = self.write(self.b, theirs)
        self.b.clock.advance(0)
        while not other.called and self.network.step():
            pass
        return self.commit(opened)

    def test_nobody_between(self) -> None:
        """It is stored."""
        self.successResultOf(self.commit(self.begin(SERIALIZABLE, "UPDATE t SET v = 'new' WHERE id = 1")))
        self.assertEqual(self.rows(self.b), [(1, "new"), (2, "old")])

    def test_read_committed_goes_on_top(self) -> None:
        """The last writer wins, and what its client had not seen is kept."""
        ours, theirs = "UPDATE t SET v = 'ours' WHERE id = 1", "UPDATE t SET v = 'theirs' WHERE id = 1"
        self.successResultOf(self.between(READ_COMMITTED, ours, theirs))
        self.assertEqual(self.rows(self.b)[0], (1, "ours"))
        ((reason, image, winner),) = self.rows(self.a, "SELECT reason, image, winner_seq FROM ha_conflicts")
        self.assertEqual((reason, winner), ("overwritten", self.a.replica.follower.position))
        self.assertIn("theirs", image)

    def test_plain_inserts_never_overwrite_one_another(self) -> None:
        """At no level."""
        for level in (READ_COMMITTED, REPEATABLE_READ, SERIALIZABLE):
            done = self.between(level, "INSERT INTO t VALUES (5, 'ours', 5)", "INSERT INTO t VALUES (5, 'theirs', 6)")
            self.assertEqual(self.sqlstate(done), "40001")
            self.assertEqual(self.rows(self.a)[-1], (5, "theirs"))
            self.write(self.a, "DELETE FROM t WHERE id = 5")
            self.settle()

    def test_repeatable_read_loses_no_update(self) -> None:
        """The same row is a conflict, another one is none."""
        ours = "UPDATE t SET v = 'ours' WHERE id = 1"
        self.assertEqual(
            self.sqlstate(self.between(REPEATABLE_READ, ours, "UPDATE t SET v = 'x' WHERE id = 1")), "40001"
        )
        self.successResultOf(self.between(REPEATABLE_READ, ours, "UPDATE t SET v = 'x' WHERE id = 2"))

    def test_serializable_minds_the_table(self) -> None:
        """Another table is no conflict."""
        ours = "UPDATE t SET v = 'ours' WHERE id = 1"
        self.assertEqual(self.sqlstate(self.between(SERIALIZABLE, ours, "UPDATE t SET v = 'x' WHERE id = 2")), "40001")
        self.successResultOf(self.between(SERIALIZABLE, ours, "INSERT INTO other VALUES (1)"))

    def test_ddl_is_not_put_on_top(self) -> None:
        """40001."""
        done = self.between(READ_COMMITTED, "CREATE TABLE more (x)", "INSERT INTO other VALUES (1)")
        self.assertEqual(self.sqlstate(done), "40001")

    def test_what_sqlite_has_ended_is_not_published(self) -> None:
        """Its changes are gone."""
        opened = self.begin(READ_COMMITTED, "UPDATE t SET v = 'ours' WHERE id = 1")
        with self.a.replica.database.writer.guard.trusted():
            self.a.replica.database.writer.execute("ROLLBACK")
        self.assertEqual(self.sqlstate(self.commit(opened)), "40000")
        self.assertEqual(self.rows(self.b)[0], (1, "old"))

    def test_who_waits_for_the_writer_waits_no_longer_than_it_wants(self) -> None:
        """55P03."""
        self.begin(READ_COMMITTED)
        done = Deferred.fromCoroutine(self.a.replica.transaction(1.0, READ_COMMITTED))
        self.a.clock.advance(1)
        self.assertEqual(self.sqlstate(done), "55P03")

    def test_rolling_back_lets_the_log_go_on(self) -> None:
        """What came meanwhile is applied."""
        opened = self.begin(READ_COMMITTED, "UPDATE t SET v = 'ours' WHERE id = 1")
        self.write(self.b, "UPDATE t SET v = 'theirs' WHERE id = 2")
        self.settle_quietly()
        opened.rollback()
        self.assertEqual(self.rows(self.a), [(1, "old"), (2, "theirs")])

    def settle_quietly(self) -> None:
        """The network and `b` only."""
        for _ in range(60):
            self.network.step()
            self.b.clock.advance(0)
