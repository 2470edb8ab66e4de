"""Dates, times and intervals, counted and written."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ha.postgres.moments import east_of, interval_of, interval_text, stamp_of, stamp_text, to_utc, zone_of, zone_text
from ha.postgres.pgtypes import TIMESTAMP, TIMESTAMPTZ


class MomentTests(SynchronousTestCase):
    """Written as PostgreSQL writes them."""

    @given(st.integers(-100_000, 100_000), st.integers(-100_000, 100_000), st.integers(-(10**15), 10**15))
    def test_intervals(self, months: int, days: int, us: int) -> None:
        """Written and read again."""
        self.assertEqual(interval_of(interval_text(months, days, us)), (months, days, us))

    def test_zones(self) -> None:
        """Read in any writing, moved to UTC."""
        for text, us, zone in (
            ("2000-01-01", 0, None), ("2000-01-01 00:00:01Z", 1_000_000, 0), ("2000-01-01 02:00+02", 7_200_000_000, 7200),
            ("2000-01-01T00:00:00.5-0330", 500_000, -12600), ("2000-01-02 00:00:00+05:30:15", 86_400_000_000, 19815),
        ):  # fmt: skip
            self.assertEqual(stamp_of(text, TIMESTAMPTZ), (us, zone), text)
        self.assertEqual(to_utc(7_200_000_000, 7200), 0)
        self.assertEqual([zone_text(east) for east in (0, 7200, -12600, 19815)], ["+00", "+02", "-03:30", "+05:30:15"])

    def test_ends_of_time(self) -> None:
        """They are no numbers."""
        for word in ("infinity", "-infinity"):
            self.assertEqual(stamp_text(stamp_of(word, TIMESTAMP)[0]), word)

    def test_offsets_that_are_settings(self) -> None:
        """Hours east when bare, POSIX's west otherwise; none is too far."""
        for name, east in (
            ("-3", -10800), ("+02", 7200), ("24", 86399), ("-99", -86399), ("UTC+3", -10800), ("<x>-2", 7200),
            ("+02:00", -7200), ("+0530", -19800), ("99:99:99", -86399),
        ):  # fmt: skip
            self.assertEqual(east_of(0, zone_of(name)), east, name)
        self.assertIsNone(zone_of("UTC"))
        self.assertEqual(east_of(0, zone_of("Europe/Berlin")), 3600)
