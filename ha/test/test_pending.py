"""Tests of ha.sqlite.pending."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.sqlite.connection import open_writer
from ha.sqlite.pending import (
    ROWS_AT_ONCE,
    Loss,
    add_pending,
    every_pending,
    find_pending,
    first_pending,
    record_loss,
    remove_pending,
    set_undo,
)
from ha.sqlite.schema import install


class PendingTests(SynchronousTestCase):
    """The outbox keeps its order, however long it is."""

    def setUp(self) -> None:
        self.connection = open_writer(":memory:", synchronous="NORMAL")
        self.addCleanup(self.connection.close)
        install(self.connection)
        self.connection.guard.trusted().__enter__()

    def fill(self, count: int) -> list[str]:
        names = [f"n:1:{number}" for number in range(count)]
        for name in names:
            add_pending(self.connection, name, b"{}", b"undo", sent=False)
        return names

    def test_first_in_first_out(self) -> None:
        names = self.fill(3)
        head = first_pending(self.connection)
        assert head is not None
        self.assertEqual((head.message_id, head.body, head.undo), (names[0], b"{}", b"undo"))
        self.assertTrue(remove_pending(self.connection, names[0]))
        self.assertFalse(remove_pending(self.connection, names[0]))
        head = first_pending(self.connection)
        assert head is not None
        self.assertEqual(head.message_id, names[1])

    def test_both_ways_through_more_than_is_read_at_once(self) -> None:
        names = self.fill(2 * ROWS_AT_ONCE + 1)
        self.assertEqual([one.message_id for one in every_pending(self.connection)], names)
        self.assertEqual([one.message_id for one in every_pending(self.connection, newest_first=True)], names[::-1])

    def test_rows_may_be_changed_on_the_way(self) -> None:
        self.fill(ROWS_AT_ONCE + 5)
        for one in every_pending(self.connection):
            set_undo(self.connection, one.number, b"again")
        self.assertEqual({one.undo for one in every_pending(self.connection)}, {b"again"})

    def test_an_empty_outbox(self) -> None:
        self.assertIsNone(first_pending(self.connection))
        self.assertFalse(find_pending(self.connection, "n:1:1"))

    def test_a_loss_is_kept_whole(self) -> None:
        record_loss(self.connection, Loss("overwritten", "t", "[1]", "UPDATE", "{}", "n", "m", 5))
        found = self.connection.execute(
            'SELECT reason, "table", key, operation, image, loser_node, winner_node, winner_seq FROM ha_conflicts'
        ).fetchall()
        self.assertEqual(found, [("overwritten", "t", "[1]", "UPDATE", "{}", "n", "m", 5)])
