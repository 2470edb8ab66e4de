"""What is read as an interval."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sql.spans import (
    Interval,
    checked,
    fields_of,
    limited,
    order_of,
    quantity,
    read,
    text_of,
)


class SpanTests(SynchronousTestCase):
    """As PostgreSQL 15 reads them, asked beside it."""

    def test_spellings(self) -> None:
        """PostgreSQL's, the standard's, ISO 8601's."""
        for text, expected in (
            ("1 year 2 mons 3 days 04:05:06", (14, 3, 14_706_000_000)), ("@ 1 day 2 hours ago", (0, -1, -7_200_000_000)),
            ("1-2 3 -4:05", (14, 3, -14_700_000_000)), ("1.5 months", (1, 15, 0)), ("1.5 years", (18, 0, 0)), ("5", (0, 0, 5_000_000)),
            ("1.5 weeks", (0, 10, 43_200_000_000)), ("P1Y2M3DT4H5M6.5S", (14, 3, 14_706_500_000)), ("P0001-02-03T04:05:06", (14, 3, 14_706_000_000)),
            ("-0.5 day", (0, 0, -43_200_000_000)), ("1 c 2 mil 3 dec", (25560, 0, 0)),
        ):  # fmt: skip
            self.assertEqual(read(text), expected, text)

    def test_fields(self) -> None:
        """What a bare number counts, and what is cut off."""
        for text, fields, expected in (
            ("1", ("day",), (0, 1, 0)), ("1 2:03", ("day", "hour"), (0, 1, 7_200_000_000)), ("2:03", ("minute", "second"), (0, 0, 123_000_000)),
            ("1-2", ("year", "month"), (14, 0, 0)), ("14 mons", ("year",), (12, 0, 0)),
        ):  # fmt: skip
            self.assertEqual(read(text, fields), expected, text)
        self.assertEqual(
            [fields_of(words) for words in ("day", "day to minute")], [("day",), ("day", "hour", "minute")]
        )
        self.assertEqual(limited(Interval(0, 0, -1_500_000), (), 0), (0, 0, -2_000_000))
        self.assertEqual(read("-1 2:03", standard=True), (0, -1, -7_380_000_000))

    def test_what_is_refused(self) -> None:
        """With PostgreSQL's code."""
        for text, sqlstate in (
            ("", "22007"), ("infinity", "22007"), ("1 day 2 days", "22007"), ("1 parsec", "22007"), ("P", "22007"), ("1:61", "22015"),
            ("99999999999 years", "22015"), ("2147483647 years", "22008"), ("1-13", "22015"), ("+1 day3", "22007"),
        ):  # fmt: skip
            self.assertEqual(self.assertRaises(StatementError, read, text).sqlstate, sqlstate, text)
        self.assertEqual(self.assertRaises(StatementError, checked, 1 << 31, 0, 0).sqlstate, "22008")

    @given(st.integers(-(10**5), 10**5), st.integers(-(10**5), 10**5), st.integers(-(10**15), 10**15))
    def test_written_and_read(self, months: int, days: int, us: int) -> None:
        """As the same interval."""
        self.assertEqual(read(text_of(months, days, us)), (months, days, us))

    def test_texts(self) -> None:
        """A part that is positive again says so."""
        self.assertEqual(text_of(-14, 3, -1_500_000), "-1 years -2 mons +3 days -00:00:01.5")
        self.assertEqual(text_of(0, 0, 0), "00:00:00")

    def test_their_order(self) -> None:
        """A month counts as 30 days."""
        self.assertEqual(order_of(read("1 mon")), order_of(read("30 days")))
        self.assertEqual((quantity(6, 3), str(quantity(1, 4))), (2, "0.25"))

    @settings(max_examples=300, deadline=None)
    @given(st.text(max_size=30) | st.text("0123456789-:. PTYMDdays", max_size=30))
    def test_garbage_is_refused(self, text: str) -> None:
        """And nothing but refused."""
        try:
            read(text)
        except StatementError:
            pass
