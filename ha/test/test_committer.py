"""Tests of ha.replication.committer: group commit."""

from __future__ import annotations

from typing import Any

from ha.errors import StatementError
from ha.replication.committer import Work
from ha.sqlite.connection import Connection
from ha.test.replicas import ReplicaCase


class GroupTests(ReplicaCase):
    """Transactions of one turn share one message, and keep to themselves."""

    def setUp(self) -> None:
        super().setUp()
        self.near = self.member("a")
        self.done(self.near.write("CREATE TABLE t (id INTEGER PRIMARY KEY, a)"))

    def test_those_of_one_turn_are_one_message(self) -> None:
        before = self.near.replica.committer.groups_stored
        writing = [self.near.write(f"INSERT INTO t VALUES ({number}, 'x')") for number in range(5)]
        self.settle()
        for one in writing:
            self.successResultOf(one)
        self.assertEqual(self.near.replica.committer.groups_stored, before + 1)
        self.assertEqual(self.near.replica.committer.transactions_stored, 6)

    def test_a_failing_one_fails_alone(self) -> None:
        good = self.near.write("INSERT INTO t VALUES (1, 'x')")
        bad = self.near.write("INSERT INTO t VALUES (2, 'undone')", "INSERT INTO t VALUES (1, 'again')")
        also = self.near.write("INSERT INTO t VALUES (3, 'y')")
        self.settle()
        self.successResultOf(good)
        self.successResultOf(also)
        self.assertIsNotNone(self.failureResultOf(bad))
        self.assertEqual(self.near.rows("SELECT id FROM t"), [(1,), (3,)])

    def test_one_that_ends_the_whole_transaction_takes_nobody_along(self) -> None:
        good = self.near.write("INSERT INTO t VALUES (1, 'x')")
        bad = self.near.write("INSERT OR ROLLBACK INTO t VALUES (1, 'again')")
        also = self.near.write("INSERT INTO t VALUES (3, 'y')")
        self.settle()
        self.successResultOf(good)
        self.successResultOf(also)
        self.failureResultOf(bad)
        self.assertEqual(self.near.rows("SELECT id FROM t"), [(1,), (3,)])

    def test_nothing_is_answered_before_the_log_has_it(self) -> None:
        writing = self.near.write("INSERT INTO t VALUES (1, 'x')")
        self.near.clock.advance(0)
        self.assertNoResult(writing)
        self.assertEqual(self.near.rows("SELECT count(*) FROM t"), [(0,)])
        self.done(writing)

    def test_what_changes_nothing_needs_no_log(self) -> None:
        before = self.near.replica.follower.position
        self.done(self.near.write("DELETE FROM t WHERE id = 99"))
        self.assertEqual(self.near.replica.follower.position, before)

    def test_a_bug_fails_its_own_work_and_the_next_one_runs(self) -> None:
        def broken(connection: Connection) -> Any:
            raise ZeroDivisionError("a bug")

        bad = self.near.replica.submit(Work(broken))
        good = self.near.write("INSERT INTO t VALUES (1, 'x')")
        self.settle()
        self.failureResultOf(bad, ZeroDivisionError)
        self.successResultOf(good)

    def test_a_closing_node_takes_no_more(self) -> None:
        self.near.replica.committer.closing = True
        failure = self.failureResultOf(self.near.write("INSERT INTO t VALUES (1, 'x')"), StatementError)
        self.assertEqual(failure.value.sqlstate, "57P01")

    def test_drained_fires_when_nothing_is_under_way(self) -> None:
        writing = self.near.write("INSERT INTO t VALUES (1, 'x')")
        drained = self.near.replica.committer.drained()
        self.assertNoResult(drained)
        self.done(writing)
        self.successResultOf(drained)
