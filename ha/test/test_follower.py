"""The log goes into the file, in order and once."""

from __future__ import annotations

from typing import Any

from ha.errors import StatementError
from ha.replication.change import RowChange, decode, encode
from ha.replication.follower import RETRY_S, TOGETHER_BYTES, TOGETHER_S, CannotApply
from ha.test.machine import SUBJECT
from ha.test.rig import Nodes


class FollowerTests(Nodes):
    """On two nodes in memory."""

    def store(self, body: bytes, message_id: str) -> None:
        """Somebody publishes."""
        self.a.log.publish(SUBJECT, body, message_id, None)

    def test_what_is_stored_twice_is_applied_once(self) -> None:
        """The log's window of ids has passed."""
        self.write(self.a, "INSERT INTO t VALUES (1, 'x', 1)")
        self.settle()
        entry = self.network.stream.entries(SUBJECT)[-1]
        self.write(self.a, "UPDATE t SET v = 'y'")
        self.settle()
        self.network.forget_ids()
        self.store(entry.body, entry.message_id)
        self.settle()
        self.assertEqual((self.rows(self.a), self.rows(self.b)), ([(1, "y")], [(1, "y")]))

    def test_what_cannot_be_applied_stops_it(self) -> None:
        """Nothing is skipped, reads go on, writes are refused, and the position stays."""
        position = self.b.replica.follower.position
        self.store(b"what is this", "x:1:1")
        refused = self.write(self.a, "INSERT INTO t VALUES (1, 'x', 1)")
        for _ in range(50):
            self.network.step()
            self.b.clock.advance(TOGETHER_S)
        self.assertEqual(self.sqlstate(refused), "57P03")
        failed = self.b.replica.follower.failed
        assert isinstance(failed, CannotApply)
        self.assertEqual((failed.sequence, self.b.replica.follower.position), (position + 1, position))
        done = self.write(self.b, "DELETE FROM t")
        self.b.clock.advance(0)
        self.assertEqual(self.sqlstate(done), "57P03")
        self.assertGreaterEqual(len(self.flushLoggedErrors()), 1)

    def test_a_row_that_should_fit_and_does_not_stops_it(self) -> None:
        """It was executed on this very state: the file is not what it should be."""
        self.write(self.a, "INSERT INTO t VALUES (1, 'x', 1)")
        self.settle()
        message = decode(self.network.stream.entries(SUBJECT)[-1].body)
        (change,) = message.changes
        assert isinstance(change, RowChange)
        strange = message.__class__(
            "x", 1, "a.db", 1, self.b.replica.follower.position, 0, [change._replace(table="nowhere")]
        )
        self.store(encode(strange), "x:1:1")
        for _ in range(50):
            self.network.step()
            self.b.clock.advance(TOGETHER_S)
        self.assertIsNotNone(self.b.replica.follower.failed)
        self.assertGreaterEqual(len(self.flushLoggedErrors()), 1)

    def test_what_is_not_applied_when_the_log_goes_is_asked_for_again(self) -> None:
        """The log may come back without it, and with something else in its place."""
        follower, turnstile = self.b.replica.follower, self.b.replica.database.turnstile
        self.successResultOf(turnstile.acquire())
        self.write(self.a, "INSERT INTO t VALUES (1, 'x', 1)")
        self.settle_a()
        self.assertEqual(follower.waiting, 1)
        follower.forget_arrived()
        self.assertEqual((follower.waiting, follower.received), (0, follower.position))
        turnstile.release()
        self.settle()
        self.assertEqual(self.rows(self.b), [(1, "x")])

    def long_outbox(self) -> list[int]:
        """On the second node; each pass takes three seconds. How many entries each took."""
        self.queue_on(self.b, "INSERT INTO t VALUES (5, 'b', 5)")
        outbox, follower, clock = self.b.replica.outbox, self.b.replica.follower, self.b.clock
        outbox._stopped = True
        outbox.inline_messages = 0
        apply = follower._apply
        taken: list[int] = []

        def slowly(entries: Any, choice: Any) -> Any:
            clock.rightNow += 3
            taken.append(len(entries))
            return apply(entries, choice)

        follower._apply = slowly  # type: ignore[method-assign]
        return taken

    def go_on(self) -> None:
        """Everything but clocks."""
        for _ in range(50):
            self.a.clock.advance(0)
            self.network.step()
            self.b.clock.advance(TOGETHER_S)
            while self.b.lane.waiting:
                self.b.lane.step()

    def test_a_pass_that_took_long_is_followed_by_a_rest(self) -> None:
        """As long as itself; then what has arrived meanwhile is applied."""
        self.long_outbox()
        self.b.log.mend()
        for number in (1, 2):
            self.write(self.a, f"INSERT INTO t VALUES ({number}, 'a', {number})")
            self.go_on()
        self.assertEqual(self.rows(self.b), [(1, "a"), (5, "b")])
        self.b.clock.advance(3)
        self.go_on()
        self.assertEqual(self.rows(self.b), [(1, "a"), (2, "a"), (5, "b")])

    def test_a_pass_takes_as_much_as_it_can_in_its_time(self) -> None:
        """Less after one that took long; a writer's turn is between any two."""
        taken = self.long_outbox()
        for number in range(4):
            self.write(self.a, f"INSERT INTO t VALUES ({number}, '{'x' * 5_000}', {number})")
            self.settle_a()
        self.b.log.mend()
        for _ in range(3):
            self.settle_a()
        self.assertEqual(self.b.replica.follower.waiting, 4)
        for _ in range(4):
            self.go_on()
            self.b.clock.advance(3)
        self.assertEqual(taken, [3, 1])  # 32 KiB, and then half of that
        self.assertEqual(self.rows(self.b, "SELECT count(*) FROM t"), [(5,)])

    def settle_a(self) -> None:
        """What the first node writes is stored."""
        for _ in range(20):
            self.a.clock.advance(0)
            self.network.step()

    def test_a_full_disk_passes(self) -> None:
        """It is tried again by itself."""
        follower = self.b.replica.follower
        apply, full = follower._apply, [True]

        def fail_once(entries: Any, choice: Any) -> Any:
            if full:
                full.pop()
                raise StatementError("53100", "disk full")
            return apply(entries, choice)

        follower._apply = fail_once  # type: ignore[method-assign]
        self.write(self.a, "INSERT INTO t VALUES (1, 'x', 1)")
        self.settle()
        self.b.clock.advance(RETRY_S)
        self.assertEqual(self.rows(self.b), [(1, "x")])
        self.assertIsNone(self.b.replica.follower.failed)

    def test_what_comes_while_the_writer_is_held_is_applied_after(self) -> None:
        """Even when whoever held it does not know of us."""
        self.b.replica.database.turnstile.acquire_now()
        self.write(self.a, "INSERT INTO t VALUES (1, 'x', 1)")
        for _ in range(50):
            self.network.step()
            self.a.clock.advance(0)
        self.assertEqual(self.rows(self.b), [])
        self.b.replica.database.turnstile.release()
        self.b.clock.advance(0.1)
        self.assertEqual(self.rows(self.b), [(1, "x")])

    def two_close_behind(self, value: str = "x") -> int:
        """Something was just applied, and two messages arrive; at which version the file is."""
        for number in (1, 2):
            self.write(self.a, f"INSERT INTO t VALUES ({number}, '{value}', {number})")
            self.settle_a()
        self.turn(self.b)
        return self.b.replica.database.version

    def test_those_that_follow_closely_are_applied_together(self) -> None:
        """One that comes alone does not wait."""
        version = self.two_close_behind()
        self.assertEqual(self.rows(self.b), [])
        self.b.clock.advance(TOGETHER_S)
        self.assertEqual((self.rows(self.b), self.b.replica.database.version), ([(1, "x"), (2, "x")], version + 1))
        self.b.clock.advance(TOGETHER_S)
        self.write(self.a, "DELETE FROM t")
        self.settle_a()
        self.turn(self.b)
        self.assertEqual(self.rows(self.b), [])

    def test_who_waits_for_a_position_does_not_wait_for_others(self) -> None:
        """Whether what it waits for has arrived already, or comes after it asked."""
        follower = self.b.replica.follower
        self.two_close_behind()
        self.assertNoResult(later := follower.reached(follower.position + 3, 5))
        self.assertEqual(self.rows(self.b), [(1, "x"), (2, "x")])
        self.write(self.a, "DELETE FROM t")
        self.settle_a()
        self.turn(self.b)
        self.successResultOf(later)

    def test_many_bytes_do_not_wait(self) -> None:
        self.two_close_behind("x" * (TOGETHER_BYTES // 3))
        self.assertEqual(self.rows(self.b, "SELECT count(*) FROM t"), [(2,)])

    def test_waiting_for_a_position(self) -> None:
        """It comes, or the time passes."""
        follower = self.b.replica.follower
        soon = follower.reached(follower.position + 1, 5)
        never = follower.reached(follower.position + 100, 5)
        self.write(self.a, "INSERT INTO t VALUES (1, 'x', 1)")
        self.settle()
        self.successResultOf(soon)
        self.b.clock.advance(5)
        self.assertEqual(self.sqlstate(never), "57014")

    def test_commands_are_run_in_a_thread(self) -> None:
        """A few bytes may mean an index over a large table."""
        ran = self.b.lane.ran
        self.write(self.a, "CREATE INDEX i ON t (v)")
        self.settle()
        self.assertEqual(self.b.lane.ran, ran + 1)
