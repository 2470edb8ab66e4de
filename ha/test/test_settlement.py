"""COMMIT follows the order; queue and refuse."""

from __future__ import annotations

from typing import Any

from ha.errors import StatementError
from ha.test.rig import Nodes


class SettlementTests(Nodes):
    """With the policy to queue."""

    def cut_off(self) -> None:
        """And long enough that everybody knows."""
        self.queue_on(self.a, "INSERT INTO t VALUES (9, 'first', 9)")

    def test_a_row_is_queued_while_the_log_is_out_of_reach(self) -> None:
        """And seen here."""
        self.cut_off()
        self.assertEqual(self.rows(self.a), [(9, "first")])
        self.assertEqual(self.rows(self.b), [])

    def test_the_schema_is_not_changed_meanwhile(self) -> None:
        """25006."""
        self.cut_off()
        done = self.write(self.a, "CREATE TABLE x (y)")
        self.turn(self.a)
        self.assertEqual(self.sqlstate(done), "25006")

    def test_higher_levels_are_refused_meanwhile(self) -> None:
        """They promise what only the log can keep."""
        self.cut_off()
        done = self.write(self.a, "DELETE FROM t", may_queue=False)
        self.turn(self.a)
        self.assertEqual(self.sqlstate(done), "25006")

    def test_a_commit_that_fails_after_its_message_was_stored(self) -> None:
        """The client hears that nobody knows; the follower applies it when there is room again."""
        database = self.a.replica.database
        commit, full = database.commit, [True]

        def fail_once(*arguments: Any) -> None:
            if full.pop() if full else False:
                database.rollback()
                raise StatementError("53100", "disk full")
            commit(*arguments)

        database.commit = fail_once  # type: ignore[method-assign]
        done = self.write(self.a, "INSERT INTO t VALUES (1, 'x', 1)")
        self.settle()
        self.assertEqual(self.sqlstate(done), "40003")
        self.assertEqual(self.rows(self.a), [(1, "x")])
        self.assertEqual(self.rows(self.b), [(1, "x")])


class RefusingTests(Nodes):
    """With the policy to refuse."""

    policy = "refuse"

    def test_nothing_is_changed_while_the_log_is_out_of_reach(self) -> None:
        """25006 for everybody."""
        self.a.log.cut()
        done = self.write(self.a, "INSERT INTO t VALUES (1, 'x', 1)")
        self.a.clock.pump([0.05] * 60)
        self.assertEqual(self.sqlstate(done), "25006")
        self.a.log.mend()
        self.settle()
        self.assertEqual(self.rows(self.a), [])


class AsynchronousTests(Nodes):
    """Every write by the outbox."""

    policy = "async"

    def setUp(self) -> None:
        self.policy = "queue"
        super().setUp()
        self.a.replica.outbox.always = True

    def test_a_node_that_always_queues_says_so(self) -> None:
        """To try DDL again there would never help."""
        refused = self.failureResultOf(self.write(self.a, "CREATE TABLE more (x)"), StatementError).value
        self.assertEqual(refused.sqlstate, "25006")
        self.assertIn("--replication async", refused.message)

    def test_the_answer_does_not_wait_for_the_log(self) -> None:
        """It gets there later."""
        done = self.write(self.a, "INSERT INTO t VALUES (1, 'x', 1)")
        self.turn(self.a)
        self.successResultOf(done)
        self.assertEqual(self.rows(self.b), [])
        self.settle()
        self.assertEqual(self.rows(self.b), [(1, "x")])
