"""The outbox and the conflicts, as rows."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ha.sqlite.connection import open_writer
from ha.sqlite.pending import (
    ROWS_AT_ONCE,
    Loss,
    add_pending,
    count_pending,
    every_pending,
    find_pending,
    first_pending,
    record_loss,
    remove_pending,
    set_undo,
)
from ha.sqlite.schema import install


class PendingTests(SynchronousTestCase):
    """In a database of its own."""

    def setUp(self) -> None:
        self.connection = open_writer(str(Path(self.mktemp())), synchronous="NORMAL")
        self.addCleanup(self.connection.close)
        install(self.connection)
        trusted = self.connection.guard.trusted()
        trusted.__enter__()
        self.addCleanup(trusted.__exit__, None, None, None)

    def test_first_in_first_out(self) -> None:
        """And none is there twice."""
        for name in ("n:1:1", "n:1:2"):
            add_pending(self.connection, name, b"body", b"undo", sent=False)
        self.assertEqual(count_pending(self.connection), (2, 8, False))
        head = first_pending(self.connection)
        assert head is not None
        self.assertEqual((head.message_id, head.body, head.undo), ("n:1:1", b"body", b"undo"))
        self.assertTrue(find_pending(self.connection, "n:1:2"))
        self.assertTrue(remove_pending(self.connection, "n:1:1"))
        self.assertFalse(remove_pending(self.connection, "n:1:1"))

    def test_all_of_a_long_one_in_either_direction(self) -> None:
        """While its rows are being changed."""
        names = [f"n:1:{number}" for number in range(ROWS_AT_ONCE * 2 + 3)]
        for name in names:
            add_pending(self.connection, name, b"", b"", sent=True)
        seen = []
        for pending in every_pending(self.connection):
            set_undo(self.connection, pending.number, b"new")
            seen.append(pending.message_id)
        self.assertEqual(seen, names)
        newest = list(every_pending(self.connection, newest_first=True))
        self.assertEqual([pending.message_id for pending in newest], names[::-1])
        self.assertEqual({pending.undo for pending in newest}, {b"new"})

    def test_one_without_undo_is_noticed(self) -> None:
        """It came with a restored file."""
        add_pending(self.connection, "n:1:1", b"", b"", sent=False)
        self.connection.execute("UPDATE ha_outbox SET undo = NULL")
        self.assertEqual(count_pending(self.connection), (1, 0, True))

    def test_a_loss_is_kept_whole(self) -> None:
        """With or without a winner."""
        record_loss(self.connection, Loss("unfit", "t", "{}", "INSERT", "[]", "n", None, 7))
        self.assertEqual(
            self.connection.execute(
                'SELECT reason, "table", loser_node, winner_node, winner_seq FROM ha_conflicts'
            ).get,
            ("unfit", "t", "n", None, 7),
        )
