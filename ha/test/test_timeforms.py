"""to_char, to_date and to_timestamp."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sqlite.timeforms import to_char_time, to_date, to_timestamp


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
        self.assertEqual(to_char_time("-7 mons 18:57:14", "YY:Q:MM:AM:CC"), "00:-1:-07:PM:00")
        self.assertEqual(to_char_time("/9956 BC 0044-03-15", "Y,YYY IYYY CC BC"), "0,044 0044 -01 BC")
        self.assertEqual(to_char_time("-1 mons -6 days", "MM DD DDD"), "-01 -6 -36")
        self.assertIsNone(to_char_time("infinity", "YYYY"))

    def test_read(self) -> None:
        """In the same fields."""
        for text, form, expected in (
            ("05 Dec 2000", "DD Mon YYYY", "2000-12-05"),
            ("2026 45", "YYYY DDD", "2026-02-14"),
            ("03/04/26", "MM/DD/YY", "2026-03-04"),
            ("99", "YY", "1999-01-01"),
        ):
            self.assertEqual(to_date(text, form), expected)
        for text, form, expected in (
            ("2020-W53-5", 'IYYY-"W"IW-ID', "2021-01-01"),
            ("2458850", "J", "2020-01-01"),
            ("1,234-05-06", "Y,YYY-MM-DD", "1234-05-06"),
            ("IV 2020", "RM YYYY", "2020-04-01"),
            ("21 Jan 44 BC", "DD Mon YYYY BC", "/9956 BC 0044-01-21"),
            ("Wednesday 1 January 2020", "Day DD Month YYYY", "2020-01-01"),
        ):
            self.assertEqual(to_date(text, form), expected)
        self.assertEqual(
            to_timestamp("2020-01-02 03:04 +05:30", "YYYY-MM-DD HH24:MI TZH:TZM", None), "2020-01-01 21:34:00+00:00"
        )
        for text, form, sqlstate in (
            ("2026-13-01", "YYYY-MM-DD", "22008"), ("xx", "YYYY", "22007"), ("2020 13 PM", "YYYY HH12 PM", "22007"),
            ("2020-01", "IYYY-MM", "22007"), ("1 2", "MM MM", "22007"),
        ):  # fmt: skip
            self.assertEqual(self.assertRaises(StatementError, to_date, text, form).sqlstate, sqlstate, text)
