"""Orders of values that are kept as texts."""

from __future__ import annotations

from functools import cmp_to_key

from twisted.trial.unittest import SynchronousTestCase

from ha.sqlite.collations import COLLATIONS
from ha.test.spoken import Spoken


class OrderTests(SynchronousTestCase):
    """Each type's own."""

    def assertOrder(self, name: str, *texts: str) -> None:
        """These come in this order, however they are given."""
        backwards = texts[::-1]
        self.assertEqual(sorted(backwards, key=cmp_to_key(COLLATIONS[name])), list(texts))

    def assertSame(self, name: str, left: str, right: str) -> None:
        """These are one value."""
        self.assertEqual(COLLATIONS[name](left, right), 0)

    def test_intervals(self) -> None:
        """By their length, a month being thirty days; what is no interval comes last."""
        self.assertOrder("pg_interval", "-1 days", "02:00:00", "9 days", "10 days", "1 mon", "1 year", "no interval")
        self.assertSame("pg_interval", "1 day", "24:00:00")
        self.assertSame("pg_interval", "1 mon", "30 days")

    def test_times_with_a_zone(self) -> None:
        """By the moment; of equal moments, the one further east is the smaller."""
        self.assertOrder("pg_timetz", "10:00:00+02", "09:00:00+01", "10:00:00+01", "08:00:00-05:30")
        self.assertSame("pg_timetz", "10:00:00+00", "10:00:00+00:00")

    def test_jsonb(self) -> None:
        """PostgreSQL's order of kinds; white space and the keys' order mean nothing."""
        self.assertOrder(
            "pg_jsonb", "[]", "null", '"a"', '"b"', "2", "10", "false", "true", "[1]", "[1, 2]", "{}", '{"a": 1}'
        )
        self.assertSame("pg_jsonb", '{"a":1,"b":2}', '{"b": 2, "a": 1.0}')

    def test_arrays(self) -> None:
        """Element by element, in either spelling; NULL is the greatest."""
        self.assertOrder("pg_array", "{}", "{9}", "[9,1]", "{10}", "{NULL}")
        self.assertOrder("pg_text_array", "{10}", '["9"]', "{a}", "{NULL}")
        self.assertSame("pg_array", "{1,2}", "[1,2]")


class DimensionTests(SynchronousTestCase):
    """Arrays of arrays, beside those of fewer dimensions."""

    def test_they_are_compared(self) -> None:
        """All elements first, then their number, then the dimensions."""
        spoken = Spoken(self)
        spoken.query(
            "create table na (id int, f int[]);"
            "insert into na values (1, '{{1,2},{3,4}}'), (2, '{1,2,3,4}'), (3, null), (4, '{1,2}'), (5, '{2,NULL}')"
        )
        for text, rows in (
            ("select id from na where f = '{{1,2},{3,4}}'", [("1",)]),
            ("select id from na order by f", [("4",), ("2",), ("1",), ("5",), ("3",)]),
            ("select f[1][2], f[2][1], f[1], f[3][1] from na where id = 1", [("2", "3", None, None)]),
            ("select id from na where id < 3 order by f[1], id", [("2",), ("1",)]),
        ):
            self.assertEqual(spoken.rows(text), rows, text)
        self.assertEqual(spoken.error("select f[1:1][2] from na").sqlstate, "0A000")
