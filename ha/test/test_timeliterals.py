"""Literals of times that stay in the schema."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sql.timeliterals import kept
from ha.sql.typenames import TypeName


class KeptTests(SynchronousTestCase):
    """As a column keeps them."""

    def test_each_type(self) -> None:
        """With its modifiers."""
        for text, kind, expected in (
            ("1/2/2003", TypeName("date"), "2003-01-02"),
            ("0044-03-15 BC", TypeName("date"), "/9956 BC 0044-03-15"),
            ("2020-01-01 10:00:00.55", TypeName("timestamp", (1,)), "2020-01-01 10:00:00.6"),
            ("2020-01-01 10:00+02", TypeName("timestamptz"), "2020-01-01 08:00:00+00:00"),
            ("4:05 PM", TypeName("time"), "16:05:00"),
            ("10:00-03:30", TypeName("timetz"), "10:00:00-03:30"),
            ("1 2", TypeName("interval", (), "", "day to hour"), "1 day 02:00:00"),
        ):
            self.assertEqual(kept(text, kind), expected, text)

    def test_what_moves(self) -> None:
        """Is refused: it would be the time of the definition."""
        self.assertEqual(
            self.assertRaises(StatementError, kept, "today 10:00", TypeName("timestamp")).sqlstate, "0A000"
        )
