"""Tests of ha.sql.ranges."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sql import ranges
from ha.sql.ranges import Range


def canonical(text: str, kind: str) -> str:
    """One range, read and written."""
    return ranges.write(ranges.canonical(ranges.read(text, str), kind))


class RangeTests(SynchronousTestCase):
    """One form of all that mean the same."""

    def test_the_form(self) -> None:
        """As PostgreSQL 15 writes it."""
        for text, kind, wanted in (
            ("[1,5]", "int4", "[1,6)"),
            ("(1,5]", "int8", "[2,6)"),
            ("(3,4)", "int4", "empty"),
            ("[3,3]", "int4", "[3,4)"),
            ("[3,3)", "int4", "empty"),
            (" EMPTY ", "int4", "empty"),
            ("(,)", "int4", "(,)"),
            ("[,5]", "int4", "(,6)"),
            ("[1.50,2]", "numeric", "[1.50,2]"),
            ("(2,2.0]", "numeric", "empty"),
            ("[2,2]", "numeric", "[2,2]"),
            ("[9,10]", "numeric", "[9,10]"),
            ("[2026-01-31,2026-02-28]", "date", "[2026-01-31,2026-03-01)"),
            ('["2026-01-01 10:00:00",]', "timestamp", '["2026-01-01 10:00:00",)'),
        ):
            self.assertEqual(canonical(text, kind), wanted, text)

    def test_what_is_none(self) -> None:
        """Each says why."""
        for text, kind, sqlstate in (
            ("", "int4", "22P02"),
            ("1,5", "int4", "22P02"),
            ("[1,5", "int4", "22P02"),
            ("[1]", "int4", "22P02"),
            ("[1,2,3]", "int4", "22P02"),
            ("[(1,2)]", "int4", "22P02"),
            ('["1,2]', "int4", "22P02"),
            ("[5,1]", "int4", "22000"),
            ("[1,2147483647]", "int4", "22003"),
            ("[2026-01-01,Y5874897-12-31]", "date", "22008"),
            ("[NaN,)", "numeric", "0A000"),
        ):
            error = self.assertRaises(StatementError, canonical, text, kind)
            self.assertEqual(error.sqlstate, sqlstate, text)

    @given(
        st.one_of(st.none(), st.text(max_size=8)),
        st.one_of(st.none(), st.text(max_size=8)),
        st.sampled_from(("[)", "(]", "[]", "()")),
    )
    def test_any_bounds_come_back(self, lower: str | None, upper: str | None, bounds: str) -> None:
        """Quoted where they must be."""
        one = Range(lower, upper, bounds)
        self.assertEqual(ranges.read(ranges.write(one), str), one)

    def test_their_order(self) -> None:
        """The empty one first; by lower bound, then by upper."""
        texts = ["empty", "(,1)", "(,)", "[1,2)", "[1,10)", "(1,2)", "[9,10)", "[10,11)"]
        keys = [ranges.key(ranges.read(text, str), "numeric") for text in texts]
        self.assertEqual(keys, sorted(keys))

    def test_what_overlaps(self) -> None:
        """A common end counts where both have it."""
        for left, right, wanted in (
            ("[1,5)", "[4,9)", True),
            ("[1,5)", "[5,9)", False),
            ("[1,5]", "[5,9)", True),
            ("(5,9)", "[1,5]", False),
            ("(,)", "[3,4)", True),
            ("(,)", "empty", False),
        ):
            one, other = ranges.read(left, str), ranges.read(right, str)
            self.assertEqual(ranges.overlap(one, other, "numeric"), wanted, (left, right))
            self.assertEqual(ranges.overlap(other, one, "numeric"), wanted, (right, left))


class MultirangeTests(SynchronousTestCase):
    """Several ranges, in order and apart."""

    def test_the_form(self) -> None:
        """What meets is one."""
        for text, wanted in (
            ("{}", "{}"),
            ("{[7,8), [1,3), [2,5)}", "{[1,5),[7,8)}"),
            ("{[1,2),[2,3)}", "{[1,3)}"),
            ("{[1,2),(2,3)}", "{[1,2),(2,3)}"),
            ("{(,2),[1,)}", "{(,)}"),
            ("{empty}", "{}"),
        ):
            parts = [ranges.canonical(ranges.read(one, str), "numeric") for one in ranges.split(text)]
            self.assertEqual(ranges.write_all(ranges.joined(parts, "numeric")), wanted, text)

    def test_what_is_none(self) -> None:
        """A malformed literal."""
        for text in ("", "{", "[1,2)", "{1,2}", "{[1,2) x}"):
            self.assertEqual(self.assertRaises(StatementError, ranges.split, text).sqlstate, "22P02", text)
