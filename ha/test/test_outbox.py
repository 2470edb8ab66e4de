"""What was committed while the log was out of reach gets its place later, and its losses are kept."""

from __future__ import annotations

import orjson

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

    def settle_b(self) -> None:
        """The other node, and the log, come to rest; the one that is cut off does not move."""
        for _ in range(200):
            self.b.clock.advance(0)
            while self.b.lane.waiting:
                self.b.lane.step()
            if not self.network.step() and not self.b.clock.is_due:
                return
