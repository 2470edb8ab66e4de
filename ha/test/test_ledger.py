"""Tests of ha.sqlite.ledger."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.sqlite.connection import open_writer
from ha.sqlite.ledger import is_applied, origin_of, read_position, write_position
from ha.sqlite.schema import install


class LedgerTests(SynchronousTestCase):
    """The position, and which groups were applied."""

    def setUp(self) -> None:
        self.connection = open_writer(":memory:", synchronous="NORMAL")
        self.addCleanup(self.connection.close)
        install(self.connection)
        self.trust = self.connection.guard.trusted()
        self.trust.__enter__()

    def test_the_position_of_each_subject(self) -> None:
        self.assertEqual(read_position(self.connection, "s.a"), 0)
        write_position(self.connection, "s.a", 5)
        write_position(self.connection, "s.b", 7)
        write_position(self.connection, "s.a", 6)
        self.assertEqual((read_position(self.connection, "s.a"), read_position(self.connection, "s.b")), (6, 7))

    def test_a_group_counts_once(self) -> None:
        self.assertTrue(origin_of(self.connection, "n", 1, 3))
        self.assertFalse(origin_of(self.connection, "n", 1, 3))
        self.assertFalse(origin_of(self.connection, "n", 1, 2))
        self.assertTrue(origin_of(self.connection, "n", 1, 4))
        self.assertTrue(origin_of(self.connection, "n", 2, 1))

    def test_asking_notes_nothing(self) -> None:
        self.assertFalse(is_applied(self.connection, "n", 1, 3))
        origin_of(self.connection, "n", 1, 3)
        self.assertTrue(is_applied(self.connection, "n", 1, 3))

    def test_messages_of_other_programs_have_no_number(self) -> None:
        self.assertTrue(origin_of(self.connection, "", 0, 0))
        self.assertTrue(origin_of(self.connection, "", 0, 0))
