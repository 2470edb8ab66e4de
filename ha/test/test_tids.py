"""Where a row lies."""

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sql import tids


class TidTests(SynchronousTestCase):
    """A rowid as two numbers."""

    def test_there_and_back(self) -> None:
        """Every rowid of 48 bits."""
        for rowid, text in (
            (1, "(0,1)"),
            (65_535, "(0,65535)"),
            (65_536, "(1,0)"),
            ((1 << 48) - 1, "(4294967295,65535)"),
        ):
            self.assertEqual((tids.shown(rowid), tids.number_of(text)), (text, rowid))
            self.assertEqual(int.from_bytes(tids.to_binary(rowid), "big"), rowid)
        self.assertEqual(tids.number_of(" ( 2 , 3 ) "), 2 << 16 | 3)

    def test_what_has_none(self) -> None:
        """And texts that are none."""
        for rowid in (-1, 1 << 48):
            self.assertEqual(self.assertRaises(StatementError, tids.shown, rowid).sqlstate, "22003")
        for text in ("", "x", "(1)", "(0,65536)", "(4294967296,1)"):
            self.assertEqual(self.assertRaises(StatementError, tids.number_of, text).sqlstate, "22P02", text)
