"""How days and moments are counted, kept and shown."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ha.sql.calendar import (
    DAY,
    DAY_EARLY,
    DAY_END,
    DAY_FIRST,
    DAY_LATE,
    EARLY,
    EPOCH,
    LATE,
    STAMP_END,
    STAMP_FIRST,
    civil,
    date_kept,
    date_shown,
    days_in,
    days_of,
    iso_week,
    kept_moment,
    moment_kept,
    moved,
    shown,
    stamp_kept,
    stamp_shown,
    weekday,
)

DAYS = st.integers(DAY_FIRST, DAY_END - 1) | st.integers(-800_000, -690_000) | st.sampled_from((DAY_EARLY, DAY_LATE))
STAMPS = (
    st.integers(STAMP_FIRST, STAMP_END - 1) | st.integers(-64 * 10**15, -62 * 10**15) | st.sampled_from((EARLY, LATE))
)


class DayTests(SynchronousTestCase):
    """The calendar goes on before and after Python's."""

    @given(st.integers(DAY_FIRST, DAY_END))
    def test_counted(self, days: int) -> None:
        """There and back."""
        year, month, day = civil(days)
        self.assertEqual(days_of(year, month, day), days)
        self.assertLessEqual(day, days_in(year, month))

    def test_like_postgresql(self) -> None:
        """The ends of its range, and days around them."""
        self.assertEqual(civil(DAY_FIRST), (-4713, 11, 24))
        self.assertEqual(civil(DAY_END - 1), (5874897, 12, 31))
        self.assertEqual(civil(STAMP_END // DAY), (294277, 1, 1))
        self.assertEqual(civil(days_of(0, 12, 31) + 1), (1, 1, 1))
        self.assertRaises(ValueError, days_of, -1, 2, 29)
        self.assertEqual(days_in(-4, 2), 29)

    @given(st.dates())
    def test_weeks(self, day: date) -> None:
        """As Python counts them, and the same 400 years earlier or later."""
        for cycles in (0, -15, 30):
            days = day.toordinal() - EPOCH + cycles * 146_097
            year, week, number = day.isocalendar()
            self.assertEqual((*iso_week(days), weekday(days) + 1), (year + cycles * 400, week, number))

    def test_moved(self) -> None:
        """By months into the year before Christ; an infinity stays."""
        self.assertEqual(stamp_shown(moved(days_of(1, 3, 31) * DAY, -13, 1, 5)), "0001-03-01 00:00:00.000005 BC")
        self.assertEqual(moved(LATE, 1, 1, 1), LATE)


class KeptTests(SynchronousTestCase):
    """Texts that sort as what they mean."""

    @given(DAYS, DAYS)
    def test_dates_sort(self, one: int, other: int) -> None:
        """By their bytes."""
        self.assertEqual(one < other, date_kept(one).encode() < date_kept(other).encode())

    @given(STAMPS, STAMPS)
    def test_timestamps_sort(self, one: int, other: int) -> None:
        """With and without a zone."""
        self.assertEqual(one < other, stamp_kept(one).encode() < stamp_kept(other).encode())
        self.assertEqual(one < other, moment_kept(one).encode() < moment_kept(other).encode())

    @given(STAMPS)
    def test_they_can_be_read(self, us: int) -> None:
        """As what was kept."""
        self.assertEqual((kept_moment(stamp_kept(us)) or ())[0], us)
        self.assertEqual((kept_moment(moment_kept(us)) or ())[0], us)

    def test_the_forms(self) -> None:
        """As the table of the module says; the usual years are SQLite's own."""
        for (year, month, day), kept, seen in (
            ((-43, 3, 15), "/9956 BC 0044-03-15", "0044-03-15 BC"),
            ((0, 12, 31), "/9999 BC 0001-12-31", "0001-12-31 BC"),
            ((1, 1, 1), "0001-01-01", "0001-01-01"),
            ((9999, 12, 31), "9999-12-31", "9999-12-31"),
            ((12345, 1, 2), "Y0012345-01-02", "12345-01-02"),
        ):
            days = days_of(year, month, day)
            self.assertEqual((date_kept(days), date_shown(days), shown(kept)), (kept, seen, seen))
            self.assertEqual(kept_moment(kept), (days * DAY, False, False))
        self.assertEqual([date_kept(one) for one in (DAY_EARLY, DAY_LATE)], ["-infinity", "infinity"])
        self.assertEqual(stamp_shown(days_of(-43, 3, 15) * DAY + 1, "+00"), "0044-03-15 00:00:00.000001+00 BC")

    def test_other_texts(self) -> None:
        """Are none."""
        for text in (
            "2026-02-30",
            "0000-01-01",
            "2026-01-01 24:00:00",
            "2026-01-01 00:00:00+01:00",
            "/9956 BC 0044-02-30",
            "",
        ):
            self.assertIsNone(kept_moment(text), text)
        self.assertEqual(shown("Yes"), "Yes")
