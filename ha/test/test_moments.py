"""Dates and times of whatever a column holds."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.postgres.moments import date_of, moment_of, stamp_of, time_of
from ha.postgres.pgtypes import TIME, TIMETZ
from ha.sql.calendar import DAY, DAY_LATE, EARLY, days_of


class MomentTests(SynchronousTestCase):
    """Counted from 2000-01-01."""

    def test_texts(self) -> None:
        """In the kept form, or any that can be read."""
        for text, us in (
            ("2000-01-01", 0), ("2000-01-01 00:00:01Z", 1_000_000), ("2000-01-01 02:00+02", 0),
            ("2000-01-01T00:00:00.5-0330", 12_600_500_000), ("2000-01-02 00:00:00+05:30:15", 66_585_000_000), ("-infinity", EARLY),
        ):  # fmt: skip
            self.assertEqual(moment_of(text), us, text)
        self.assertEqual(stamp_of("2000-01-01 02:00+02"), 7_200_000_000)
        self.assertEqual(
            [date_of(text) for text in ("2000-01-02", "infinity", "/9956 BC 0044-03-15")],
            [1, DAY_LATE, days_of(-43, 3, 15)],
        )
        self.assertEqual(time_of("24:00:00", TIME), (DAY, None))
        self.assertEqual(time_of("01:00:00+02", TIMETZ), (3_600_000_000, 7200))

    def test_sqlites_other_conventions(self) -> None:
        """Seconds since 1970, and Julian days."""
        self.assertEqual((date_of(946_684_800), date_of(2451545.0)), (0, 0))
        self.assertEqual(self.assertRaises(StatementError, stamp_of, b"x").sqlstate, "22007")
        self.assertEqual(self.assertRaises(StatementError, date_of, "x").sqlstate, "22007")
