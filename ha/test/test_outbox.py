"""What was committed while the log was out of reach gets its place later, and its losses are kept."""

from __future__ import annotations

import orjson
from twisted.internet.defer import Deferred, succeed

from ha.replication.outbox import CHECKED_S, LAST_WAIT_S, RETRY_S
from ha.test.machine import SUBJECT
from ha.test.replica_model import Replica
from ha.test.rig import Nodes

CONFLICTS = 'SELECT reason, "table", operation, image, winner_node FROM ha_conflicts ORDER BY id'


class OutboxTests(Nodes):
    """On two nodes in memory."""

    def heal(self) -> None:
        """Connected again, and drained."""
        self.a.log.mend()
        self.settle()
        self.assertEqual(self.rows(self.a), self.rows(self.b))
        self.assertEqual(self.a.replica.outbox.count, 0)

    def test_what_was_queued_arrives(self) -> None:
        """In its order."""
        self.queue_on(self.a, "INSERT INTO t VALUES (1, 'x', 1)")
        self.queue_on(self.a, "UPDATE t SET v = 'y'")
        self.assertEqual(self.a.replica.outbox.count, 2)
        self.heal()
        self.assertEqual(self.rows(self.b), [(1, "y")])
        self.assertEqual(self.rows(self.a, CONFLICTS), [])

    def test_it_outlives_a_crash(self) -> None:
        """The message commits with the rows."""
        self.queue_on(self.a, "INSERT INTO t VALUES (1, 'x', 1)")
        self.simulation.kill("a")
        self.a = self.simulation.start("a")
        self.settle()
        self.assertEqual(self.rows(self.b), [(1, "x")])

    def test_the_overwritten_version_is_kept(self) -> None:
        """The later message wins, and the loser's image is complete."""
        self.queue_on(self.a, "INSERT INTO t VALUES (1, 'mine', 1)")
        self.write(self.b, "INSERT INTO t VALUES (1, 'theirs', 2)")
        self.settle_b()
        self.heal()
        self.assertEqual(self.rows(self.b), [(1, "mine")])
        ((reason, table, _, image, winner),) = self.rows(self.a, CONFLICTS)
        self.assertEqual((reason, table, winner), ("overwritten", "t", "a"))
        self.assertEqual(orjson.loads(image)["values"], [1, "theirs", 2])

    def test_the_displaced_row_is_kept(self) -> None:
        """It lost its place to another row's unique value."""
        self.queue_on(self.a, "INSERT INTO t VALUES (1, 'mine', 7)")
        self.write(self.b, "INSERT INTO t VALUES (2, 'theirs', 7)")
        self.settle_b()
        self.heal()
        self.assertEqual([row[:1] for row in self.rows(self.a, CONFLICTS)], [("displaced",)])

    def test_a_row_whose_table_went_away_is_kept(self) -> None:
        """And the node goes on."""
        self.queue_on(self.a, "INSERT INTO t VALUES (1, 'mine', 7)")
        self.write(self.b, "DROP TABLE t")
        self.settle_b()
        self.a.log.mend()
        self.settle()
        ((reason, table, operation, image, _),) = self.rows(self.a, CONFLICTS)
        self.assertEqual((reason, table, operation), ("unfit", "t", "INSERT"))
        self.assertEqual(orjson.loads(image)["values"], [1, "mine", 7])
        self.assertIsNone(self.b.replica.follower.failed)

    def test_a_new_column_takes_its_default(self) -> None:
        """Images are put by name."""
        self.queue_on(self.a, "INSERT INTO t VALUES (1, 'mine', 7)")
        self.write(self.b, "ALTER TABLE t ADD COLUMN w DEFAULT 5")
        self.settle_b()
        self.heal()
        self.assertEqual(self.rows(self.b, "SELECT * FROM t"), [(1, "mine", 7, 5)])
        self.assertEqual(self.rows(self.a, CONFLICTS), [])

    def until_on_its_way(self) -> None:
        """The message of the outbox was sent, and has not arrived."""
        self.a.log.mend()
        self.a.clock.advance(RETRY_S)
        for _ in range(200):
            if any("expects" in flight.text for flight in self.network.flights):
                return
            self.network.step()
            self.a.clock.advance(0)
        self.fail("it was not sent")

    def test_a_table_that_goes_while_the_message_is_on_its_way(self) -> None:
        """It is refused, and told anew behind that: who reads the log by the letter goes on."""
        self.queue_on(self.a, "INSERT INTO t VALUES (1, 'mine', 7)")
        self.until_on_its_way()
        (flight,) = self.network.flights
        self.network.flights.clear()
        self.write(self.b, "DROP TABLE t")
        self.settle_b()
        self.network.flights.append(flight)
        self.settle()
        reader = Replica()
        for entry in self.network.stream.entries(SUBJECT):
            reader.apply(entry.body)
        self.assertEqual([row[:2] for row in self.rows(self.a, CONFLICTS)], [("unfit", "t")])
        self.assertEqual(self.a.replica.turns.refusals, 1)

    def test_a_refusal_of_long_ago(self) -> None:
        """The log was out of reach since: nobody is told to wait for less than no time, which a reactor does not take."""
        outbox, waits = self.a.replica.outbox, []

        class Told:
            position = 0

            def reached(self, sequence: int, timeout_s: float) -> Deferred[None]:
                waits.append(timeout_s)
                return succeed(None)

        outbox._follower = Told()
        outbox._refused_at = self.a.clock.seconds() - 9
        done = Deferred.fromCoroutine(outbox._catch_up())
        self.settle()
        self.successResultOf(done)
        self.assertEqual((waits, outbox._checks), ([0.0, 0.0], False))

    def test_what_comes_too_fast_does_not_keep_it_back(self) -> None:
        """It is stored without waiting for a pass that takes too long."""
        self.queue_on(self.a, "INSERT INTO t VALUES (1, 'mine', 7)")
        self.until_on_its_way()
        (flight,) = self.network.flights
        self.network.flights.clear()
        self.write(self.b, "INSERT INTO t VALUES (2, 'theirs', 8)")
        self.settle_b()
        self.network.flights.append(flight)
        held = self.a.replica.database.turnstile.acquire()  # no pass can be made
        for _ in range(20):
            while self.network.step():
                pass
            self.a.clock.advance(CHECKED_S / 10)
        self.assertEqual([entry.message_id[0] for entry in self.network.stream.entries(SUBJECT)][-2:], ["b", "a"])
        self.assertIsNone(self.successResultOf(held) if held is not None else None)
        self.a.replica.database.turnstile.release()
        self.settle()
        self.assertEqual(self.rows(self.b), [(1, "mine"), (2, "theirs")])
        self.assertEqual(self.rows(self.a), self.rows(self.b))

    def test_what_a_restored_file_has_not_is_put_on_top(self) -> None:
        """Its outbox came along without its undo."""
        self.queue_on(self.a, "INSERT INTO t VALUES (1, 'mine', 7)")
        writer = self.a.replica.database.writer
        with self.a.replica.database.own_transaction():
            writer.execute("DELETE FROM t")
            writer.execute("UPDATE ha_outbox SET undo = NULL")
        self.simulation.kill("a")
        self.a = self.simulation.start("a")
        self.assertEqual(self.rows(self.a), [(1, "mine")])
        self.settle()
        self.assertEqual(self.rows(self.b), [(1, "mine")])

    def test_what_a_restored_file_has_by_the_log_is_not_sent_again(self) -> None:
        """It was stored after all, before the snapshot was made."""
        self.queue_on(self.a, "INSERT INTO t VALUES (1, 'mine', 7)")
        (row,) = self.rows(self.a, "SELECT message_id, body, created_ns FROM ha_outbox")
        self.heal()
        with self.a.replica.database.own_transaction():
            self.a.replica.database.writer.execute(
                "INSERT INTO ha_outbox (message_id, body, created_ns) VALUES (?, ?, ?)", row
            )
        stored = len(self.network.stream.stored)
        self.simulation.kill("a")
        self.a = self.simulation.start("a")
        self.settle()
        self.assertEqual((self.a.replica.outbox.count, len(self.network.stream.stored)), (0, stored))

    def test_a_long_wait_for_the_connection_is_no_recursion(self) -> None:
        """A day without it."""
        self.queue_on(self.a, "INSERT INTO t VALUES (1, 'x', 1)")
        for _ in range(5_000):
            self.a.clock.advance(0.5)
        self.heal()

    def until_published(self) -> None:
        """The log has all of it, and nothing has come back."""
        self.a.clock.advance(RETRY_S)
        for _ in range(200):
            if self.a.replica.outbox._returning:
                return
            self.network.step()
            self.a.clock.advance(0)
        self.fail("it was not published")

    def test_writers_wait_for_its_end(self) -> None:
        """For a moment, when all of it is published: else it would never come to one."""
        self.queue_on(self.a, "INSERT INTO t VALUES (1, 'x', 1)")
        self.assertIsNone(self.a.replica.outbox.hold())
        self.a.log.mend()
        self.until_published()
        done = self.write(self.a, "ALTER TABLE t ADD COLUMN w")
        self.a.clock.advance(0)
        self.assertNoResult(done)
        self.settle()
        self.successResultOf(done)

    def test_but_not_for_long(self) -> None:
        """What does not come back now may come later."""
        self.queue_on(self.a, "INSERT INTO t VALUES (1, 'x', 1)")
        self.a.log.mend()
        self.until_published()
        done = self.write(self.a, "INSERT INTO t VALUES (2, 'y', 2)")
        self.a.clock.advance(0)
        self.assertNoResult(done)
        self.a.clock.advance(LAST_WAIT_S)
        self.successResultOf(done)
        self.assertEqual(self.a.replica.outbox.count, 2)
        self.heal()

    def test_it_has_a_bound(self) -> None:
        """Beyond it nothing is written, and later it is again."""
        self.queue_on(self.a, "INSERT INTO t VALUES (1, 'x', 1)")
        outbox = self.a.replica.outbox
        outbox._bytes_max = outbox.size_bytes + 10
        done = self.write(self.a, "INSERT INTO t VALUES (2, 'y', 2)")
        self.a.clock.advance(0)
        self.assertEqual(self.sqlstate(done), "53400")
        self.assertEqual(self.rows(self.a), [(1, "x")])
        self.heal()
        done = self.write(self.a, "INSERT INTO t VALUES (2, 'y', 2)")
        self.settle()
        self.successResultOf(done)

    def test_the_next_message_does_not_wait_for_the_last_to_come_back(self) -> None:
        """What cannot be merged any more is published one after the other."""
        for number in range(3):
            self.queue_on(self.a, f"INSERT INTO t VALUES ({number}, 'x', {number})")
            with self.a.replica.database.own_transaction():
                self.a.replica.database.writer.execute("UPDATE ha_outbox SET sent = 1")
        self.a.log.mend()
        self.until_published()
        self.assertEqual(self.a.replica.outbox.count, 3)
        self.heal()
        self.assertEqual(len(self.rows(self.b)), 3)

    def settle_b(self) -> None:
        """The other node, and the log, come to rest; the one that is cut off does not move."""
        for _ in range(200):
            self.b.clock.advance(0)
            while self.b.lane.waiting:
                self.b.lane.step()
            if not self.network.step() and not self.b.clock.is_due:
                return
