"""Intervals, read, computed with and written."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from ha.sqlite import intervals
from ha.test.test_functions import FunctionCase


class IntervalTests(FunctionCase):
    """Intervals times and by numbers."""

    def test_products_and_quotients(self) -> None:
        """Months, days and hours each."""
        self.answers(
            (
                ("interval '1 hour' * 3", "03:00:00"),
                ("interval '1 day' / 2", "12:00:00"),
                ("interval '1 mon' / 4", "7 days 12:00:00"),
            )
        )
        self.refused((("interval '1 day' / 0", "22012"),))

    @settings(max_examples=100, deadline=None)
    @given(st.integers(-5000, 5000), st.integers(-5000, 5000), st.integers(-(10**15), 10**15))
    def test_an_intervals_text_can_be_read(self, months: int, days: int, microseconds: int) -> None:
        """As the same interval."""
        one = intervals.Interval(months, days, microseconds)
        self.assertEqual(intervals.interval(intervals.shown(one)), one)
