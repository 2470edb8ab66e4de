"""Group commit: who runs, who is answered, and when."""

from __future__ import annotations

from typing import Any

from ha.errors import StatementError
from ha.replication.committer import QUEUE_MAX, RERUN_MAX_S, Work
from ha.sqlite.executor import Cancellation
from ha.test.rig import Nodes


class CommitterTests(Nodes):
    """On two nodes in memory."""

    def test_a_write_is_answered_when_the_log_has_it(self) -> None:
        """And not before."""
        done = self.write(self.a, "INSERT INTO t VALUES (1, 'x', 1)")
        self.turn(self.a)
        self.assertNoResult(done)
        self.settle()
        self.successResultOf(done)
        self.assertEqual(self.rows(self.b), [(1, "x")])

    def test_writes_of_one_turn_are_one_message(self) -> None:
        """Group commit, where they do not come one by one."""
        for number in (6, 7, 8):
            self.write(self.a, f"INSERT INTO t VALUES ({number}, 'x', {number})")
        self.settle()
        before = self.a.replica.committer.groups_stored
        done = [self.write(self.a, f"INSERT INTO t VALUES ({number}, 'x', {number})") for number in range(5)]
        self.settle()
        for one in done:
            self.successResultOf(one)
        self.assertEqual(self.a.replica.committer.groups_stored, before + 1)

    def test_writes_that_come_one_by_one_do_not_wait_for_others(self) -> None:
        """The next one runs at once; what comes meanwhile is one message, and so is what comes in a turn after that."""
        stored = self.a.replica.committer.groups_stored
        self.write(self.a, "INSERT INTO t VALUES (1, 'x', 1)")
        self.settle()
        first = self.write(self.a, "INSERT INTO t VALUES (2, 'x', 2)")
        self.assertEqual(self.a.replica.committer.waiting, 0)
        for number in range(3, 6):
            self.write(self.a, f"INSERT INTO t VALUES ({number}, 'x', {number})")
        self.assertEqual(self.a.replica.committer.waiting, 3)
        self.settle()
        self.successResultOf(first)
        self.assertEqual(self.a.replica.committer.groups_stored, stored + 3)
        self.write(self.a, "INSERT INTO t VALUES (6, 'x', 6)")
        self.assertEqual(self.a.replica.committer.waiting, 1)
        self.settle()

    def test_an_error_is_its_own(self) -> None:
        """Group mates go on."""
        first = self.write(self.a, "INSERT INTO t VALUES (1, 'x', 1)")
        second = self.write(self.a, "INSERT INTO t VALUES (1, 'y', 2)")
        third = self.write(self.a, "INSERT INTO t VALUES (3, 'z', 3)")
        self.settle()
        self.successResultOf(first)
        self.assertEqual(self.sqlstate(second), "23505")
        self.successResultOf(third)

    def test_what_ends_the_whole_transaction_ends_its_own_only(self) -> None:
        """OR ROLLBACK takes the mates with it; they run again."""
        mates = [self.write(self.a, "INSERT INTO t VALUES (1, 'x', 1)")]
        culprit = self.write(self.a, "INSERT OR ROLLBACK INTO t VALUES (1, 'y', 2)")
        mates.append(self.write(self.a, "INSERT INTO t VALUES (3, 'z', 3)"))
        self.settle()
        for mate in mates:
            self.successResultOf(mate)
        self.assertEqual(self.sqlstate(culprit), "23505")
        self.assertEqual(self.rows(self.b), [(1, "x"), (3, "z")])

    def test_who_was_second_runs_again(self) -> None:
        """Increments of two nodes add up."""
        self.write(self.a, "INSERT INTO t VALUES (1, 0, 1)")
        self.settle()
        done = [self.write(node, "UPDATE t SET v = v + 1") for node in (self.a, self.b)]
        self.turn(self.a)
        self.turn(self.b)
        self.settle()
        for one in done:
            self.successResultOf(one)
        self.assertEqual(self.rows(self.a), [(1, 2)])
        self.assertEqual(self.a.replica.turns.refusals + self.b.replica.turns.refusals, 1)

    def test_who_runs_again_too_long_is_told(self) -> None:
        """A work without a deadline gives up after half a minute of refusals."""
        work = self.work(self.a, "INSERT INTO t VALUES (1, 'x', 1)")
        work.give_up_at = self.a.clock.seconds() + RERUN_MAX_S
        self.a.replica.database.turnstile.acquire_now()
        done = self.a.replica.submit(work)
        self.a.clock.pump([0.1] * 310)
        self.assertEqual(self.sqlstate(done), "40001")

    def test_a_deadline_is_kept_while_waiting(self) -> None:
        """Somebody else holds the writer."""
        self.a.replica.database.turnstile.acquire_now()
        done = self.write(self.a, "INSERT INTO t VALUES (1, 'x', 1)", deadline=self.a.clock.seconds() + 1)
        self.a.clock.pump([0.1] * 12)
        self.assertEqual(self.sqlstate(done), "57014")

    def test_what_waits_can_be_cancelled(self) -> None:
        """Without waiting for the writer."""
        self.a.replica.database.turnstile.acquire_now()
        wish = Cancellation()
        done = self.write(self.a, "INSERT INTO t VALUES (1, 'x', 1)", cancellation=wish)
        wish.cancel()
        self.a.clock.pump([0.1] * 3)
        self.assertEqual(self.sqlstate(done), "57014")

    def test_a_bug_is_told_to_its_own_and_the_queue_goes_on(self) -> None:
        """Nobody hangs."""

        def settle(*arguments: Any, **options: Any) -> Any:
            raise ZeroDivisionError

        settlement = self.a.replica.committer._settlement
        settlement.settle = settle  # type: ignore[method-assign]
        first = self.write(self.a, "INSERT INTO t VALUES (1, 'x', 1)")
        self.turn(self.a)
        del settlement.settle
        second = self.write(self.a, "INSERT INTO t VALUES (2, 'x', 2)")
        self.settle()
        self.failureResultOf(first, ZeroDivisionError)
        self.successResultOf(second)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_the_queue_has_an_end(self) -> None:
        """More are refused."""
        self.a.replica.database.turnstile.acquire_now()
        for _ in range(QUEUE_MAX):
            self.a.replica.submit(Work(lambda connection: None)).addErrback(lambda failure: None)
        self.assertEqual(self.sqlstate(self.a.replica.submit(Work(lambda connection: None))), "53400")

    def test_a_node_that_goes_down_takes_none(self) -> None:
        """57P01."""
        self.a.replica.committer.closing = True
        self.assertEqual(self.sqlstate(self.write(self.a, "DELETE FROM t")), "57P01")
        self.successResultOf(self.a.replica.committer.drained())

    def test_while_cut_off_only_those_fail_that_must(self) -> None:
        """DDL in the group is refused; the row beside it is queued."""
        self.a.log.cut()
        row = self.write(self.a, "INSERT INTO t VALUES (1, 'x', 1)")
        table = self.write(self.a, "CREATE TABLE more (x)")
        self.a.clock.pump([0.05] * 60)
        self.successResultOf(row)
        refused = self.failureResultOf(table, StatementError).value
        self.assertEqual(
            (refused.sqlstate, refused.hint), ("25006", "Try again when the node is connected; see /readyz.")
        )
        self.assertEqual(self.a.replica.outbox.count, 1)
