"""to_char, to_date and to_timestamp."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sqlite.timeforms import to_char_time, to_date


class FormTests(SynchronousTestCase):
    """As PostgreSQL writes and reads them."""

    def test_written(self) -> None:
        """Every kind of field."""
        time = "2026-01-05 21:02:03.5"
        for form, expected in (
            ("YYYY-MM-DD HH24:MI:SS.MS", "2026-01-05 21:02:03.500"),
            ("FMDay, DDth TMMonth a.m. BC", "Monday, 05th January p.m. AD"),
            ("IYYY-IW RM FF3 SSSS", "2026-02 I    500 75723"),
        ):
            self.assertEqual(to_char_time(time, form), expected)
        self.assertEqual(to_char_time("2026-07-01 10:00:00+00:00", "HH24 TZ OF", "Europe/Berlin"), "12 CEST +02")
        self.assertEqual(to_char_time("100:02:03", "HH24:MI:SS"), "100:02:03")

    def test_read(self) -> None:
        """In the same fields."""
        for text, form, expected in (
            ("05 Dec 2000", "DD Mon YYYY", "2000-12-05"),
            ("2026 45", "YYYY DDD", "2026-02-14"),
            ("03/04/26", "MM/DD/YY", "2026-03-04"),
            ("99", "YY", "1999-01-01"),
        ):
            self.assertEqual(to_date(text, form), expected)
        self.assertRaises(StatementError, to_date, "2026-13-01", "YYYY-MM-DD")
