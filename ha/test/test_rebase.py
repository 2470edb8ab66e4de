"""One pass of the log under what is pending: exact, merged, and its losses named."""

from __future__ import annotations

import orjson

from ha.replication.change import decode
from ha.replication.misfits import NOTHING
from ha.replication.outbox import Outbox
from ha.test.machine import SUBJECT
from ha.test.rig import Nodes

CONFLICTS = "SELECT reason, operation, image, loser_node, winner_node, winner_seq FROM ha_conflicts ORDER BY id"


class RebaseTests(Nodes):
    """On two nodes in memory; the first one is cut off, and writes."""

    def bring(self) -> None:
        """Connected again; what has arrived is applied, but nothing is published."""
        self.a.replica.outbox._stopped = True
        self.a.log.mend()
        for _ in range(200):
            self.network.step()
            for machine in (self.a, self.b):
                machine.clock.advance(0)
                while machine.lane.waiting:
                    machine.lane.step()

    def drain(self) -> None:
        """And now it is published."""
        self.a.replica.outbox._stopped = False
        self.a.log.mend()
        self.a.replica.outbox.drain_soon()
        self.settle()
        self.assertEqual(self.a.replica.outbox.count, 0)
        everything = "SELECT rowid, * FROM t ORDER BY rowid"
        self.assertEqual(self.rows(self.a, everything), self.rows(self.b, everything))

    def counts(self) -> list[int]:
        """How many transactions each message of ours in the log has."""
        entries = [entry for entry in self.network.stream.entries(SUBJECT) if entry.message_id.startswith("a:")]
        return [len(decode(entry.body).transactions) for entry in entries[1:]]

    def theirs(self, *texts: str) -> None:
        """The other node writes meanwhile."""
        self.write(self.b, *texts)
        for _ in range(50):
            self.b.clock.advance(0)
            self.network.step()

    # Merging

    def test_what_was_never_sent_is_sent_as_one(self) -> None:
        """With the boundaries of its transactions, and what they did."""
        for number in range(5):
            self.queue_on(self.a, f"INSERT INTO t VALUES ({number}, 'x', {number})")
        self.queue_on(self.a, "UPDATE t SET v = 'y' WHERE id = 3", "DELETE FROM t WHERE id = 4")
        self.drain()
        self.assertEqual(self.counts(), [6])
        self.assertEqual(self.rows(self.b), [(0, "x"), (1, "x"), (2, "x"), (3, "y")])
        self.assertEqual(self.rows(self.a, CONFLICTS), [])

    def test_what_others_wrote_first_is_below_what_was_merged(self) -> None:
        """In one pass, and what comes later goes on top of it, in a message of its own."""
        self.queue_on(self.a, "INSERT INTO t VALUES (1, 'mine', 7)")
        self.queue_on(self.a, "INSERT INTO t VALUES (2, 'mine', 8)")
        self.theirs("INSERT INTO t VALUES (3, 'theirs', 9)")
        self.bring()
        self.assertEqual(self.rows(self.a), [(1, "mine"), (2, "mine"), (3, "theirs")])
        self.assertEqual(self.a.replica.outbox.count, 1)
        self.queue_on(self.a, "DELETE FROM t WHERE id = 3")
        self.drain()
        self.assertEqual(self.counts(), [2, 1])
        self.assertEqual(self.rows(self.b), [(1, "mine"), (2, "mine")])

    def test_what_stands_on_another_state_is_merged_no_more(self) -> None:
        """It displaced a row there, which one message that says the same would not do."""
        self.queue_on(self.a, "INSERT INTO t VALUES (1, 'mine', 7)")
        self.theirs("INSERT INTO t VALUES (2, 'theirs', 7)")
        self.bring()
        self.queue_on(self.a, "UPDATE t SET u = 8")
        self.drain()
        self.assertEqual(self.rows(self.b, "SELECT id, u FROM t"), [(1, 8)])
        self.assertEqual(self.counts(), [1, 1])

    def test_rows_whose_table_is_gone(self) -> None:
        """Are in the message, but a third-party replica has nothing to do for them: it would stand before them for good."""
        self.queue_on(self.a, "INSERT INTO t VALUES (1, 'mine', 7)")
        self.theirs("DROP TABLE t")
        self.a.log.mend()
        self.a.replica.outbox.drain_soon()
        self.settle()
        self.assertEqual(self.a.replica.outbox.count, 0)
        (*_, ours) = [one for one in self.network.stream.entries(SUBJECT) if one.message_id.startswith("a:")]
        self.assertEqual([change["command"] for change in orjson.loads(ours.body)["changes"]], [NOTHING])
        self.assertEqual([row[0] for row in self.rows(self.a, CONFLICTS)], ["unfit"])

    def test_a_merged_message_outlives_a_crash(self) -> None:
        """Made final, perhaps sent, and then killed: it is sent again as it is."""
        for number in range(3):
            self.queue_on(self.a, f"INSERT INTO t VALUES ({number}, 'x', {number})")
        self.a.replica.outbox._make_final()
        self.assertEqual((self.a.replica.outbox.count, self.counts()), (1, []))
        self.simulation.kill("a")
        self.a = self.simulation.start("a")
        self.write(self.a, "INSERT INTO t VALUES (9, 'x', 9)")
        self.drain()
        self.assertEqual(self.counts(), [3, 1])
        self.assertEqual(len(self.rows(self.b)), 4)

    def test_a_merging_that_a_power_cut_undid(self) -> None:
        """The log has the message, the file has its parts: they are recognised by their numbers."""
        for number in range(3):
            self.queue_on(self.a, f"INSERT INTO t VALUES ({number}, 'x', {number})")
        parts = self.rows(self.a, "SELECT message_id, body, undo, created_ns FROM ha_outbox")
        self.a.replica.outbox._make_final()
        ((message_id, body),) = self.rows(self.a, "SELECT message_id, body FROM ha_outbox")
        self.b.log.publish(SUBJECT, body, message_id, None)
        writer = self.a.replica.database.writer
        with self.a.replica.database.own_transaction():
            writer.execute("DELETE FROM ha_outbox")
            writer.executemany("INSERT INTO ha_outbox (message_id, body, undo, created_ns) VALUES (?, ?, ?, ?)", parts)
        self.simulation.kill("a")
        self.a = self.simulation.start("a")
        self.drain()
        self.assertEqual(self.counts(), [3])
        self.assertEqual(len(self.rows(self.b)), 3)

    # Losses

    def lost(self) -> list[tuple[object, ...]]:
        """Reason, operation, the image's values, loser, winner."""
        return [
            (reason, operation, tuple(orjson.loads(image)["values"]), loser, winner)
            for reason, operation, image, loser, winner, _ in self.rows(self.a, CONFLICTS)
        ]

    def test_the_loser_is_named(self) -> None:
        """Who it was and what it had done, however many passes there were on the way."""
        self.write(self.a, "INSERT INTO t VALUES (5, 'old', 5), (6, 'old', 6)")
        self.settle()
        self.queue_on(self.a, "INSERT INTO t VALUES (1, 'mine', 1)")
        self.queue_on(self.a, "UPDATE t SET v = 'mine' WHERE id IN (5, 6)")
        self.queue_on(self.a, "INSERT INTO t VALUES (7, 'mine', 70)")
        self.theirs("INSERT INTO t VALUES (1, 'theirs', 2)")
        self.theirs("UPDATE t SET v = 'theirs' WHERE id = 5")
        self.bring()
        self.theirs("DELETE FROM t WHERE id = 6")
        self.theirs("INSERT INTO t VALUES (8, 'theirs', 70)")
        self.theirs("UPDATE t SET v = 'changed' WHERE id = 1")
        self.bring()
        self.drain()
        self.assertEqual(
            sorted(self.lost(), key=lambda one: one[2]),
            [
                ("overwritten", "INSERT", (1, "changed", 2), "b", "a"),
                ("overwritten", "UPDATE", (5, "theirs", 5), "b", "a"),
                ("overwritten", "DELETE", (6, "old", 6), "b", "a"),
                ("displaced", "INSERT", (8, "theirs", 70), "b", "a"),
            ],
        )

    def family(self) -> None:
        """Two tables, one of which refers to the other."""
        self.write(
            self.a,
            "CREATE TABLE parent (id INTEGER PRIMARY KEY, v)",
            "CREATE TABLE child (id INTEGER PRIMARY KEY, p REFERENCES parent ON DELETE CASCADE)",
            "INSERT INTO parent VALUES (1, 'x'), (2, 'x')",
        )
        self.settle()

    def test_a_child_whose_parent_another_node_deleted(self) -> None:
        """Stays, and is named."""
        self.family()
        self.queue_on(self.a, "INSERT INTO child VALUES (10, 1)")
        self.theirs("DELETE FROM parent WHERE id = 1")
        self.drain()
        self.assertEqual(self.rows(self.b, "SELECT * FROM child"), [(10, 1)])
        self.assertEqual(self.lost(), [("orphaned", "INSERT", (10, 1), "a", "b")])

    def test_a_child_of_another_node_whose_parent_we_deleted(self) -> None:
        """Likewise, on the node that queued the DELETE."""
        self.family()
        self.queue_on(self.a, "DELETE FROM parent WHERE id = 1")
        self.theirs("INSERT INTO child VALUES (10, 1), (11, 2)")
        self.bring()
        self.drain()
        self.assertEqual(self.lost(), [("orphaned", "INSERT", (10, 1), "b", "a")])

    def test_a_family_that_was_queued_whole(self) -> None:
        """Is none to be named, though somebody else wrote meanwhile."""
        self.family()
        self.queue_on(self.a, "INSERT INTO child VALUES (10, 1)")
        self.queue_on(self.a, "DELETE FROM parent WHERE id = 1")
        self.theirs("INSERT INTO parent VALUES (3, 'y')")
        self.drain()
        self.assertEqual((self.lost(), self.rows(self.b, "SELECT * FROM child")), ([], []))


class SelectedRebaseTests(RebaseTests):
    """The same with every outbox a long one: only what is met is undone."""

    def setUp(self) -> None:
        super().setUp()
        self.patch(Outbox, "inline_messages", 0)

    def test_what_others_wrote_first_is_below_what_was_merged(self) -> None:
        """Nothing of it is met, so it stands, and is merged when it is sent."""
        self.queue_on(self.a, "INSERT INTO t VALUES (1, 'mine', 7)")
        self.queue_on(self.a, "INSERT INTO t VALUES (2, 'mine', 8)")
        self.theirs("INSERT INTO t VALUES (3, 'theirs', 9)")
        undone = self.rows(self.a, "SELECT id, undo, sent FROM ha_outbox")
        self.bring()
        self.assertEqual(self.rows(self.a), [(1, "mine"), (2, "mine"), (3, "theirs")])
        self.assertEqual(self.rows(self.a, "SELECT id, undo, sent FROM ha_outbox"), undone)
        self.drain()
        self.assertEqual(self.counts(), [2])
        self.assertEqual(self.rows(self.b), [(1, "mine"), (2, "mine"), (3, "theirs")])
