"""What a client is told when a statement cannot be done."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError


class StatementErrorTests(SynchronousTestCase):
    """An error that carries what both doors print."""

    def test_it_reads_as_a_sentence(self) -> None:
        """With its code, for whoever searches the log."""
        self.assertEqual(
            str(StatementError("42P01", 'relation "t" does not exist')), 'relation "t" does not exist (42P01)'
        )

    def test_what_is_not_known_is_none(self) -> None:
        """A door leaves out what is None."""
        error = StatementError("23505", "duplicate key", table="t", index=2)
        self.assertEqual((error.table, error.index, error.detail, error.position), ("t", 2, None, None))
