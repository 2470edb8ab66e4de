"""Was anything written that a snapshot's reader has read?"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.sqlite.rowchange import Change, Command, RowChange
from ha.sqlite.written import Overtaken, Written


def rows(*tables: str) -> list[Change]:
    """A row in each."""
    return [RowChange(table, "INSERT", (), (), None, 1, None, (), 0) for table in tables]


class WrittenTests(SynchronousTestCase):
    """A database at version 5, and what comes then."""

    def setUp(self) -> None:
        self.written = Written()
        self.written.everything(5)

    def test_what_was_written_since(self) -> None:
        """By whom, whatever its letters' case; not what was written before."""
        self.written.tell(6, rows("a"))
        self.written.tell(7, rows("b"), foreign=True)
        self.assertEqual(self.written.since(5, ["A", "c"], 7), Overtaken("a", False))
        self.assertEqual(self.written.since(6, ["a", "B"], 7), Overtaken("b", True))
        self.assertIsNone(self.written.since(6, ["a", "c"], 7))
        self.assertIsNone(self.written.since(5, [], 7))

    def test_the_schema_is_everything(self) -> None:
        """Whoever read anything has read it."""
        self.written.tell(6, [*rows("a"), Command("DROP TABLE x", 0)], foreign=True)
        self.assertEqual(self.written.since(5, [], 6), Overtaken("", True))
        self.assertIsNone(self.written.since(6, ["a"], 6))

    def test_a_commit_that_nobody_told_of(self) -> None:
        """May have written everything."""
        self.assertEqual(self.written.since(5, ["a"], 6), Overtaken("", False))
        self.written.tell(7, rows("b"))
        self.assertEqual(self.written.since(5, ["a"], 7), Overtaken("", False))
        self.written.tell(8, rows("b"))
        self.assertIsNone(self.written.since(7, ["a"], 8))

    def test_a_file_that_was_replaced(self) -> None:
        """Is another one."""
        self.written.tell(6, rows("a"))
        self.written.everything(7)
        self.assertEqual(self.written.since(6, ["c"], 7), Overtaken("", False))
