"""What PostgreSQL has once for each type; each answer is PostgreSQL 15's own."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.test.spoken import Spoken, texts, types


class OverloadCase(SynchronousTestCase):
    """With a row of every type."""

    def setUp(self) -> None:
        """One row."""
        self.spoken = Spoken(self)
        self.spoken.query(
            "CREATE TABLE t (id int PRIMARY KEY, x text, b bool, d date, tz timestamptz, ti time, i interval, f float8, c char(5),"
            " jb jsonb, ar int[])"
        )
        self.spoken.query(
            "INSERT INTO t VALUES (1, 'x', true, '2026-01-15', '2026-01-15 10:20:30+00', '23:00', '1 day', 2.5, 'ab',"
            ' \'{"b": [1, {"c": null}], "a": "x", "t": true, "f": 1.50}\', \'{1,2}\')'
        )

    def answers(self, *pairs: tuple[str, str | None]) -> None:
        """Each expression has this text."""
        for expression, expected in pairs:
            self.assertEqual(self.spoken.rows(f"SELECT {expression} FROM t"), [(expected,)], expression)

    def refused(self, *pairs: tuple[str, str]) -> None:
        """Each expression has this SQLSTATE."""
        for expression, sqlstate in pairs:
            self.assertEqual(self.spoken.error(f"SELECT {expression} FROM t").sqlstate, sqlstate, expression)


class AggregateTests(OverloadCase):
    """sum, avg, min, max."""

    def test_of_intervals(self) -> None:
        """They are added part by part, in windows, too."""
        self.spoken.query("INSERT INTO t(id, i) VALUES (2, '36:00:00'), (3, NULL)")
        self.assertEqual(self.spoken.rows("SELECT sum(i), avg(i) FROM t"), [("1 day 36:00:00", "30:00:00")])
        self.assertEqual(
            self.spoken.rows("SELECT sum(i) OVER (ORDER BY id ROWS 1 PRECEDING) FROM t ORDER BY id"),
            [("1 day",), ("1 day 36:00:00",), ("36:00:00",)],
        )
        self.assertEqual(self.spoken.rows("SELECT sum(ti) FROM t"), [("23:00:00",)])

    def test_what_cannot_be_added(self) -> None:
        """SQLite would count a text as 0."""
        self.refused(("sum(x)", "42883"), ("avg(d)", "42883"), ("min(jb)", "42883"))
        self.answers(("sum(b)", "1"), ("sum(b = b)", "1"))

    def test_greatest(self) -> None:
        """Of intervals the longest, not the last in the alphabet."""
        self.answers(("greatest(i, interval '9 hours')", "1 day"), ("least(i, interval '9 hours')", "09:00:00"))


class TextTests(OverloadCase):
    """A value's text is PostgreSQL's."""

    def test_casts_and_joins(self) -> None:
        """By ``::text``, CAST, ``||``."""
        self.answers(
            ("b::text", "true"),
            ("cast(b AS text)", "true"),
            ("x || b", "xtrue"),
            ("b || x", "truex"),
            ("x || true || 1", "xtrue1"),
            ("(f * 4)::text", "10"),
            ("ar::text", "{1,2}"),
            ("array[true,false]::text", "{t,f}"),
            ("c || '|'", "ab|"),
            ("1 + 2 || x", "3x"),
            ("2 ^ 3 || x", "8x"),
            ("'a' || date '2020-01-02' + 1 || 'b'", "a2020-01-03b"),
            ("date '2020-01-02' + 1 || 'b'", "2020-01-03b"),
            ("x || date '2020-01-02' - date '2020-01-01'", "x1"),
            ("x || f * 4 || 'y'", "x10y"),
            ("length(c)", "2"),
            ("date '0044-03-15 BC'::text", "0044-03-15 BC"),
            ("x || timestamp '12345-01-02'", "x12345-01-02 00:00:00"),
            ("'{0044-03-15 BC,infinity}'::date[]::text", '{"0044-03-15 BC",infinity}'),
            ("daterange('0044-03-15 BC', '12345-01-01')::text", '["0044-03-15 BC",12345-01-01)'),
        )

    def test_concat_and_format(self) -> None:
        """A boolean is a letter there."""
        self.answers(("concat(b, x, f)", "tx2.5"), ("format('%s', b)", "t"), ("concat_ws('-', x, b)", "x-t"))

    def test_unary_minus(self) -> None:
        """Of an interval."""
        self.answers(("-i", "-1 days"), ("- interval '2 hours'", "-02:00:00"))


class ZoneTests(OverloadCase):
    """Times with a zone are told where the session is."""

    def test_by_the_sessions_clock(self) -> None:
        """Text, casts, parts, truncation, sums."""
        self.spoken.query("SET TimeZone TO 'Europe/Berlin'")
        self.answers(
            ("tz::text", "2026-01-15 11:20:30+01"),
            ("tz::date", "2026-01-15"),
            ("tz::timestamp", "2026-01-15 11:20:30"),
            ("tz::time", "11:20:30"),
            ("extract(hour from tz)", "11"),
            ("extract(timezone from tz)", "3600"),
            ("to_char(tz, 'HH24:MI TZ')", "11:20 CET"),
            ("date_trunc('day', tz)", "2026-01-15 00:00:00+01"),
            ("date_trunc('month', tz, 'UTC')", "2026-01-01 01:00:00+01"),
            ("date_trunc('month', d)", "2026-01-01 00:00:00+01"),
            ("timestamptz '2026-03-28 12:00' + interval '1 day'", "2026-03-29 12:00:00+02"),
            ("timestamptz '2026-03-28 12:00' + interval '24 hours'", "2026-03-29 13:00:00+02"),
            ("to_jsonb(tz)", '"2026-01-15T11:20:30+01:00"'),
            ("to_char(d, 'OF')", "+01"),
            ("age(timestamptz '2026-07-01 00:00+00', timestamptz '2026-01-01 00:00+00')", "6 mons 01:00:00"),
            ("tz + 2 * interval '1 hour'", "2026-01-15 13:20:30+01"),
            ("tz - interval '1 hour' * 2 + interval '1 day' / 2", "2026-01-15 21:20:30+01"),
            ("extract(second from tz)", "30.000000"),
            ("extract(epoch from tz)", "1768472430.000000"),
            ("extract(epoch from d)", "1768435200"),
            ("extract(milliseconds from interval '1.5 sec')", "1500.000"),
            ("extract(julian from timestamp '2020-01-01 12:00')", "2458850.50000000000000000000"),
            ("extract(year from timestamp 'infinity')", "Infinity"),
            ("(tz, interval '1 hour') overlaps (tz + interval '30 minutes', tz + interval '2 hours')", "t"),
            ("(ti, interval '30 minutes') overlaps (time '23:10', time '23:20')", "t"),
            ("(ti, interval '30 minutes') overlaps (time '01:00', time '02:00')", "f"),
            ("timezone('UTC', tz)", "2026-01-15 10:20:30"),
            ("date_bin('1 hour', tz, timestamptz '2026-01-01 00:00+00')", "2026-01-15 11:00:00+01"),
        )
        for asked in ("extract(hour from d)", "extract(day from ti)", "date_part('year', ti)"):
            self.assertEqual(self.spoken.error(f"SELECT {asked} FROM t").sqlstate, "0A000", asked)
        self.assertEqual(
            self.spoken.rows("SELECT generate_series(timestamptz '2026-03-28 12:00', '2026-03-29 12:00', '1 day')"),
            [("2026-03-28 12:00:00+01",), ("2026-03-29 12:00:00+02",)],
        )

    def test_times_of_day_begin_anew(self) -> None:
        """At midnight."""
        self.answers(
            ("ti + interval '2 hours'", "01:00:00"),
            ("ti - interval '24 hours'", "23:00:00"),
            ("d + ti", "2026-01-15 23:00:00"),
        )


class NumberTests(OverloadCase):
    """Rounding, and what has no value."""

    def test_rounding(self) -> None:
        """Floats to the even number, numerics away from zero."""
        self.answers(
            ("round(f)", "2"),
            ("round(2.5)", "3"),
            ("round(1.005, 2)", "1.01"),
            ("round(1234.567, -2)", "1200"),
            ("trunc(1.999, 2)", "1.99"),
            ("cast(123.456 AS numeric(5,2))", "123.46"),
            ("cast(12345 AS varchar(3))", "123"),
            ("random() BETWEEN 0 AND 1", "t"),
            ("substring('hello', -1, 4)", "he"),
        )

    def test_refused(self) -> None:
        """Where SQLite says NULL."""
        self.refused(
            ("sqrt(-1)", "2201F"),
            ("ln(0)", "2201E"),
            ("power(0, -1)", "2201F"),
            ("mod(5, 0)", "22012"),
            ("exp(1000)", "22003"),
            ("acos(2)", "22003"),
            ("substring('abc' from 2 for -1)", "22011"),
        )


class DocumentTests(OverloadCase):
    """jsonb's operators."""

    def test_operators(self) -> None:
        """Members, texts, joining, taking away."""
        self.answers(
            ("jb -> 'b' -> 1", '{"c": null}'),
            ("jb ->> 't'", "true"),
            ("jb ->> 'f'", "1.50"),
            ("jb ->> 'a' = 'x'", "t"),
            ("('{\"a\": 5}'::jsonb ->> 'a') = '5'", "t"),
            ("jb || '{\"z\": 1}' ->> 'z'", "1"),
            ("'[1]'::jsonb || '2'", "[1, 2]"),
            ("'{\"a\":1,\"b\":2}'::jsonb - 'a'", '{"b": 2}'),
            ("'[1,2,3]'::jsonb - 1", "[1, 3]"),
            ("ar || 3", "{1,2,3}"),
            ("ar || 3 + 4", "{1,2,7}"),
            ("2 - 1 || ar", "{1,1,2}"),
            ("0 || ar", "{0,1,2}"),
            ("ar || array[9]", "{1,2,9}"),
        )

    def test_it_is_kept_in_its_own_writing(self) -> None:
        """By what is assigned."""
        self.answers(("jb", '{"a": "x", "b": [1, {"c": null}], "f": 1.50, "t": true}'))


class OrderedSetTests(OverloadCase):
    """Aggregates of an order."""

    def test_percentiles_and_mode(self) -> None:
        """With DESC, several shares at once, FILTER."""
        for expression, expected in (
            ("percentile_cont(0.5) WITHIN GROUP (ORDER BY x)", "3"),
            ("percentile_cont(array[0.25, 0.5]) WITHIN GROUP (ORDER BY x)", "{1.75,3}"),
            ("percentile_disc(0.5) WITHIN GROUP (ORDER BY x)", "2"),
            ("percentile_disc(0.25) WITHIN GROUP (ORDER BY x DESC)", "8"),
            ("mode() WITHIN GROUP (ORDER BY x % 2)", "0"),
            ("percentile_disc(1) WITHIN GROUP (ORDER BY x) FILTER (WHERE x < 5)", "4"),
            ("string_agg(DISTINCT (x % 2)::text, ',' ORDER BY (x % 2)::text)", "0,1"),
        ):
            self.assertEqual(
                self.spoken.rows(f"SELECT {expression} FROM (VALUES (1),(2),(4),(8)) v(x)"), [(expected,)], expression
            )

    def test_between_symmetric(self) -> None:
        """Whichever is the smaller."""
        self.answers(
            ("5 BETWEEN SYMMETRIC 10 AND 1", "t"),
            ("5 NOT BETWEEN SYMMETRIC 10 AND 1", "f"),
            ("@ -5", "5"),
            ("'abc' ^@ 'ab'", "t"),
        )

    def test_rows_of_documents(self) -> None:
        """json_each gives documents, not SQLite's eight columns."""
        self.assertEqual(self.spoken.rows('SELECT * FROM json_each(\'{"a":1,"b":"x"}\')'), [("a", "1"), ("b", '"x"')])
        self.assertEqual(
            self.spoken.rows('SELECT key, value FROM jsonb_each(\'{"b":1,"a":[1,2]}\')'), [("a", "[1, 2]"), ("b", "1")]
        )


class IntegerTests(OverloadCase):
    """A result's integers are within their type."""

    def test_bounds(self) -> None:
        """SQLite would go on with more bits, and then with a float."""
        self.refused(
            ("2147483647 + 1", "22003"), ("9223372036854775807 + 1", "22003"), ("id::int4 - 2147483647 - 5", "22003")
        )
        self.answers(("2147483647::int8 + 1", "2147483648"), ("(id + 1) * 3", "6"), ("sum(id) + 1", "2"))


class CastTests(SynchronousTestCase):
    """Casts to texts, in each way to write them."""

    def test_a_value_is_written_as_its_type_is(self) -> None:
        """Booleans, floats, bytes, documents."""
        spoken = Spoken(self)
        spoken.query("create table c (b bool, f float8, y bytea); insert into c values (false, 3, '\\xff00')")
        for text, row in (
            (
                "select cast(b as varchar), cast(b as text), b::varchar, cast(not b as varchar) from c",
                ("false",) * 3 + ("true",),
            ),
            ("select cast(f as varchar), f::text, cast(f + 1 as varchar) from c", ("3", "3", "4")),
            ("select cast(y as varchar), y::text || '!', length(y::text) from c", ("\\xff00", "\\xff00!", "6")),
        ):
            self.assertEqual(spoken.rows(text), [row], text)

    def test_an_aggregates_order_tells_no_type(self) -> None:
        """Several terms are none of its arguments."""
        spoken = Spoken(self)
        spoken.query("create table c (b bool, t text); insert into c values (true, 'x'), (false, 'y')")
        heard = spoken.query("select array_agg(t order by b, t desc) from c")
        self.assertEqual((texts(heard), types(heard)), ([("{y,x}",)], [("array_agg", 1009)]))
