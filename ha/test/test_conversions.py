"""Casts and literals, as SQLite is given them."""

from __future__ import annotations

from ha.errors import StatementError
from ha.sql.statements import split, with_schema
from ha.test.translated import RuleTests
from ha.test.two_tables import Schema

TABLE = (
    ("select int '1', text 'x', jsonb '{}' as j", "select pg_int4('1'), CAST('x' AS TEXT), pg_jsonb('{}') as j"),
    ("select text 'x' = point '(1,2)'", "select CAST('x' AS TEXT) = ('(1,2)')"),
    ("select t.text 'alias', a text, json -> 'x' from t", "select t.text 'alias', a text, json -> 'x' from t"),
    ("create table t (a text default 'x')", "create table t (a text default 'x')"),
    ("select cast($1 as int[]), cast(a as int)", "select pg_array(?1), pg_int4(a)"),
    ("select cast(a ->> 'b' as int)", "select pg_int4((pg_json_text(a , 'b') ))"),
    ("select $1::int, $1", "select pg_int4(?1), ?1"),
    ("select a.b::text::int4", "select pg_int4(CAST(a.b AS TEXT))"),
    ("select case when a then b end::text", "select CAST(case when a then b end AS TEXT)"),
    ("select true::text, 'x'::varchar(3)", "select 'true', pg_varchar('x', 3)"),
    ("select x::timestamp(0) with time zone", "select pg_timestamptz(x, 0)"),
    ("select cast(x as integer), cast('t' as boolean)", "select pg_int4(x), pg_bool('t')"),
    ("select E'a\\'b', $$it's$$, b'1'", "select 'a''b', 'it''s', '1'"),
    ("select date '2026-01-01', date 'x'", "select pg_date('2026-01-01'), pg_date('x')"),
    ("select (x+1)::numeric(10,2)", "select pg_numeric((x+1), 10, 2)"),
    ("select -1::int8", "select -pg_int8(1)"),
    ("select to_regclass('t'), o = to_regclass('t')", "select to_regclass('t'), o = to_regclass_oid('t')"),
    ("select oprcode::oid, oprname", "select pg_regproc_oid(oprcode), oprname"),
    ("select count(*)::int", "select pg_int4(count(*))"),
    ("select count(*) filter (where a)::int", "select pg_int4(count(*) filter (where a))"),
)


class ConversionTests(RuleTests):
    """Each rule by its example."""

    table = TABLE

    def test_numbers_that_sqlite_would_round(self) -> None:
        """Kept as they are written where nothing is computed, refused where something is; in time, never silently."""
        for text, wanted in (
            ("select f(12345678901234567.5::numeric)", "select f(pg_numeric('12345678901234567.5'))"),
            ("select f(9223372036854775807 + 1, 1.50000000000000000)", None),
            ("select f(123456789012345.000000)", None),
            ("select 1 where cos(2) > -12345678901234567.5", None),
        ):
            self.assertEqual(with_schema(split(text)[0], Schema()).sql, wanted or text)
        (statement,) = split("select 1, f(12345678901234567.5 + 1)")
        error = self.assertRaises(StatementError, with_schema, statement, Schema())
        self.assertEqual((error.sqlstate, error.position), ("22003", 13))
        self.assertEqual(split("select 12345678901234567.5 + 1", sqlite_order=True)[0].edits, ())
