"""Tests of ha.replication.follower: the log to the database, in order."""

from __future__ import annotations

from ha.errors import StatementError
from ha.replication.entry import Unanswered
from ha.test.replicas import SUBJECT, ReplicaCase


class FollowerTests(ReplicaCase):
    """Rows and position move together, and nothing is skipped."""

    def setUp(self) -> None:
        super().setUp()
        self.near, self.far = self.member("a"), self.member("b")
        self.done(self.near.write("CREATE TABLE t (id INTEGER PRIMARY KEY, a)"))

    def test_the_position_is_kept_in_the_file(self) -> None:
        position = self.far.replica.follower.position
        self.assertEqual(self.far.rows("SELECT received_seq FROM ha_stats"), [(position,)])

    def test_our_own_messages_are_not_applied_again(self) -> None:
        self.assertEqual(self.near.replica.follower.applied_count, 0)
        self.assertEqual(self.far.replica.follower.applied_count, 1)

    def test_what_cannot_be_applied_stops_it_in_place(self) -> None:
        """Reads go on, the position stays, and writers are told."""
        poison = self.near.log.publish(SUBJECT, b"not a message", "strange", None)
        self.done(poison)
        follower = self.far.replica.follower
        self.assertIsNotNone(follower.failed)
        self.flushLoggedErrors()
        self.assertEqual(self.far.rows("SELECT count(*) FROM t"), [(0,)])
        writing = self.far.write("INSERT INTO t VALUES (1, 'x')")
        self.settle()
        self.assertEqual(self.failureResultOf(writing, StatementError).value.sqlstate, "57P03")
        self.flushLoggedErrors()

    def test_waiting_for_a_position_has_an_end(self) -> None:
        waiting = self.far.replica.follower.reached(99, 1.0)
        self.far.clock.advance(1.1)
        self.assertEqual(self.failureResultOf(waiting, StatementError).value.sqlstate, "57014")

    def test_the_next_entry_is_shown_and_stays(self) -> None:
        self.far.database.turnstile.acquire_now()
        asked = self.far.replica.follower.next_entry(5.0)
        self.done(self.near.write("INSERT INTO t VALUES (1, 'x')"))
        self.assertEqual(self.successResultOf(asked).sequence, self.near.replica.follower.position)
        self.assertEqual(self.far.rows("SELECT count(*) FROM t"), [(0,)])
        self.far.database.turnstile.release()
        self.far.replica.follower.apply_soon()
        self.settle()
        self.assertEqual(self.far.rows("SELECT count(*) FROM t"), [(1,)])

    def test_no_entry_in_time(self) -> None:
        asked = self.far.replica.follower.next_entry(1.0)
        self.far.clock.advance(1.1)
        self.failureResultOf(asked, Unanswered)

    def test_stopping_ends_those_who_wait(self) -> None:
        asked = self.far.replica.follower.next_entry(5.0)
        reached = self.far.replica.follower.reached(99, 5.0)
        self.far.replica.follower.stop()
        self.failureResultOf(asked, Unanswered)
        self.failureResultOf(reached, StatementError)
