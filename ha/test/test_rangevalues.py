"""Tests of ha.sqlite.rangevalues."""

from __future__ import annotations

from datetime import UTC
from zoneinfo import ZoneInfo

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sqlite import rangevalues


class RangeValueTests(SynchronousTestCase):
    """Ranges in SQL."""

    def test_casts(self) -> None:
        """Bounds as columns of their type keep them."""
        for value, name, wanted in (
            ("[ 1 ,5]", "int4range", "[1,6)"),
            ("[2026-1-2,2026-01-03)", "daterange", "[2026-01-02,2026-01-03)"),
            ("[1.10,2)", "numrange", "[1.10,2)"),
            ("{[1,3),[2,5]}", "int8multirange", "{[1,6)}"),
            (None, "int4range", None),
        ):
            self.assertEqual(rangevalues.cast(value, name), wanted)
        for value, sqlstate in (("[x,5]", "22P02"), ("[1,99999999999]", "22003"), ("5", "22P02")):
            error = self.assertRaises(StatementError, rangevalues.cast, value, "int4range")
            self.assertEqual(error.sqlstate, sqlstate, value)
        self.assertEqual(rangevalues.cast_each('{"[1,2]",NULL}', "int4range"), '["[1,3)",null]')

    def test_times_are_where_the_session_is(self) -> None:
        """And kept in UTC."""
        self.assertEqual(
            rangevalues.cast("[2026-01-02 09:00,)", "tstzrange", ZoneInfo("Asia/Tokyo")),
            '["2026-01-02 00:00:00+00:00",)',
        )

    def test_constructors(self) -> None:
        """With and without flags."""
        self.assertEqual(rangevalues.make("int4range", lambda: UTC, 1, None), "[1,)")
        self.assertEqual(rangevalues.make("int4range", lambda: UTC, 1, 3, "(]"), "[2,4)")
        self.assertEqual(rangevalues.make_many("int4multirange", "[1,2)", "[2,4)"), "{[1,4)}")
        self.assertIsNone(rangevalues.make_many("int4multirange", None))
        self.assertEqual(
            self.assertRaises(StatementError, rangevalues.make, "int4range", lambda: UTC, 1, 3, "x").sqlstate, "42601"
        )

    def test_what_is_asked(self) -> None:
        """Of ranges, multiranges and single values."""
        for left, right, name, contains, overlaps in (
            ("[1,5)", 4, "int4range", 1, 1),
            ("[1,5)", 5, "int4range", 0, 0),
            ("[1,5)", "[2,9)", "int4range", 0, 1),
            ("[1,5)", "empty", "int4range", 1, 0),
            ("{[1,3),[5,9)}", "[6,7)", "int4multirange", 1, 1),
            ("{[1,3),[5,9)}", "[2,6)", "int4multirange", 0, 1),
            ("[2026-01-01,)", "2026-05-05", "daterange", 1, 1),
            (None, 1, "int4range", None, None),
        ):
            self.assertEqual(rangevalues.contains(left, right, name), contains, (left, right))
            self.assertEqual(rangevalues.overlaps(left, right, name), overlaps, (left, right))
        self.assertEqual(
            (rangevalues.lower("[1,5)", "int4range"), rangevalues.upper("[1.5,2.5]", "numrange")), (1, 2.5)
        )
        self.assertEqual(rangevalues.upper("{[1,3),[5,9)}", "int4multirange"), 9)
        self.assertIsNone(rangevalues.lower("empty", "int4range"))
