"""What PostgreSQL calls a result's columns."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.sql.naming import name_of
from ha.sql.reading import Reading


class NameTests(SynchronousTestCase):
    """An item's alias, else what its words say."""

    def test_names(self) -> None:
        """Aliases of every kind; unquoted ones are folded."""
        for text, names in (
            ('select 1 as Foo, 2 "Bar", 3 baz, a.b, t."C", x::int, f(x)', ["foo", "Bar", "baz", "b", "C", "x", "f"]),
            ("select 1::double precision, 'x'::text || 'y', (a), ((select 1 as z))", ["float8", "?column?", "a", "z"]),
            ("insert into t values (1) returning id, upper(name)", ["id", "upper"]),
            ("with q as (select 1) select count(*) over (), a[1] from q", ["count", "a"]),
            (
                "select lag(v) over w, sum(v) over w as x, row_number() over w y from t window w as (order by v)",
                ["lag", "x", "y"],
            ),
            ("select mode() within group (order by v), count(*) filter (where v > 1) n from t", ["mode", "n"]),
            ("values (1, 2)", ["column1", "column2"]),
            ("select a is null b, not a c from t", ["b", "c"]),
            (
                "select case when a then 1 end, cast(a as text), array[1], date '2026-01-01'",
                ["case", "a", "array", "date"],
            ),
            (
                "select interval '1' day, interval '1-2' year to month x, (timestamp(0) '2026-01-01')::date, a at time zone 'UTC', "
                "(a, b) overlaps (c, d), a::interval day to second",
                ["interval", "x", "date", "timezone", "overlaps", "a"],
            ),
        ):
            reading = Reading(text)
            self.assertEqual([name_of(reading, item) for item in reading.items()], names, text)
