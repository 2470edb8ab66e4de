"""What is read as a date, a time or a timestamp."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sql.calendar import DAY, HOUR, days_of, stamp_shown
from ha.sql.timetexts import checked_date, checked_stamp, date_of, read, read_clock, timetz_of, to_utc
from ha.sql.zones import zone_of

NOON = days_of(2026, 7, 1) * DAY + 12 * HOUR


class ReadTests(SynchronousTestCase):
    """As PostgreSQL 15 reads them, asked beside it."""

    def test_days(self) -> None:
        """One day in its spellings."""
        for text in (
            "1999-01-08", "January 8, 1999", "8-Jan-1999", "Jan-08-1999", "1999-Jan-08", "1/8/1999", "1999/1/8", "19990108",
            "990108", "1999.008", "J2451187", "08-Jan-99", "Jan 8 1999 AD", "jan 8 1999", "Fri Jan 8 1999", "1999-01-08 24:00",
        ):  # fmt: skip
            self.assertEqual(date_of(text), days_of(1999, 1, 8), text)

    def test_the_order_of_numbers(self) -> None:
        """DateStyle says it, where the text does not."""
        for order, year, month, day in (("MDY", 2003, 1, 2), ("DMY", 2003, 2, 1), ("YMD", 2001, 2, 3)):
            self.assertEqual(date_of("01-02-03", order), days_of(year, month, day), order)

    def test_before_christ_and_after_9999(self) -> None:
        """Years that Python's dates lack."""
        for text, year, month, day in (
            ("0044-03-15 BC", -43, 3, 15), ("Mar 15, 44 BC", -43, 3, 15), ("4714-11-24 BC", -4713, 11, 24),
            ("12345-06-07", 12345, 6, 7), ("5874897-12-31", 5874897, 12, 31), ("/9956 BC 0044-03-15", -43, 3, 15),
        ):  # fmt: skip
            self.assertEqual(date_of(text), days_of(year, month, day), text)

    def test_clocks_and_zones(self) -> None:
        """In one text with a day."""
        for text, expected in (
            ("2026-07-01T12:00:00.25Z", ("2026-07-01 12:00:00.25", 0)),
            ("2026-07-01 1:02 PM EST", ("2026-07-01 13:02:00", -18000)),
            ("2026-07-01 120000+05:30:10", ("2026-07-01 12:00:00", 19810)),
            ("2026-07-01 12:00 Europe/Berlin", ("2026-07-01 12:00:00", 7200)),
            ("Jul 1 12:00:60.5 2026 PST BC", ("2026-07-01 12:01:00.5 BC", -28800)),
            ("20260701T120000", ("2026-07-01 12:00:00", None)),
        ):
            us, east = read(text, "timestamp")
            self.assertEqual((stamp_shown(us), east), expected, text)

    def test_words(self) -> None:
        """What they mean depends on where the session is."""
        tokyo = zone_of("Asia/Tokyo")
        for word, expected in (
            ("now", ("2026-07-01 21:00:00", 32400)), ("today", ("2026-07-01 00:00:00", None)),
            ("tomorrow", ("2026-07-02 00:00:00", None)), ("yesterday 04:05", ("2026-06-30 04:05:00", None)),
            ("epoch", ("1970-01-01 00:00:00", 0)), ("infinity", ("infinity", None)), ("-infinity", ("-infinity", None)),
        ):  # fmt: skip
            us, east = read(word, "timestamp", "MDY", tokyo, lambda: NOON)
            self.assertEqual((stamp_shown(us), east), expected, word)

    def test_times_of_day(self) -> None:
        """With a zone, or where the session is."""
        for text, expected in (
            ("24:00", (DAY, None)), ("040506", (14_706_000_000, None)), ("T04:05", (14_700_000_000, None)),
            ("4:05 pm +02", (57_900_000_000, 7200)), ("allballs", (0, 0)), ("2026-07-01 04:05:06 Europe/Berlin", (14_706_000_000, 7200)),
        ):  # fmt: skip
            self.assertEqual(read_clock(text, "time"), expected, text)
        self.assertEqual(timetz_of("04:05", "MDY", zone_of("Asia/Tokyo")), "04:05:00+09")

    def test_what_is_refused(self) -> None:
        """With PostgreSQL's code."""
        for text, sqlstate in (
            ("", "22007"), ("x", "22007"), ("2026-13-01", "22008"), ("2026-02-29", "22008"), ("0000-01-01", "22008"),
            ("2026-01-01 25:00", "22008"), ("2026-01-01 10:00 nosuch/zone", "22023"), ("2026-01-01 10:00+16", "22009"),
            ("+infinity", "22007"), ("2026-01-01 2026-01-02", "22007"), ("04:05", "22007"), ("1" * 200, "22007"),
        ):  # fmt: skip
            error = self.assertRaises(StatementError, read, text, "timestamp")
            self.assertEqual(error.sqlstate, sqlstate, text)
        for check, text in (
            (checked_date, "5874898-01-01"),
            (checked_date, "4714-11-23 BC"),
            (checked_stamp, "294277-01-01"),
        ):
            us, _ = read(text, "timestamp")
            self.assertEqual(self.assertRaises(StatementError, check, us, text).sqlstate, "22008", text)

    def test_in_utc(self) -> None:
        """By what the text says, or by the session's zone."""
        berlin = zone_of("Europe/Berlin")
        self.assertEqual(to_utc(NOON, None, berlin), NOON - 2 * HOUR)
        self.assertEqual(to_utc(NOON, 3600, berlin), NOON - HOUR)

    @settings(max_examples=300, deadline=None)
    @given(st.text(max_size=30) | st.text("0123456789-/:. TZBCamp+", max_size=30))
    def test_garbage_is_refused(self, text: str) -> None:
        """And nothing but refused."""
        for reading in (read, read_clock):
            try:
                reading(text, "timestamp")
            except StatementError:
                pass
