"""Translation: PostgreSQL's words as SQLite's, and SQLite's own left alone."""

from __future__ import annotations

import apsw
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sql.kinds import Kind
from ha.sql.statements import split

#: What a client writes, and what SQLite is given.
TABLE = (
    ("select $1::int, $1", "select pg_int4(?1), ?1"),
    ("select a.b::text::int4", "select pg_int4(CAST(a.b AS TEXT))"),
    ("select (x+1)::numeric(10,2)", "select pg_numeric((x+1), 10, 2)"),
    ("select -1::int8", "select -pg_int8(1)"),
    ("select count(*)::int", "select pg_int4(count(*))"),
    ("select count(*) filter (where a)::int", "select pg_int4(count(*) filter (where a))"),
    ("select case when a then b end::text", "select CAST(case when a then b end AS TEXT)"),
    ("select true::text, 'x'::varchar(3)", "select 'true', pg_varchar('x', 3)"),
    ("select x::pg_catalog.int4", "select pg_int4(x)"),
    ("select x::timestamp(0) with time zone", "select pg_timestamptz(x, 0)"),
    ("select cast(x as integer), cast('t' as boolean)", "select cast(x as integer), pg_bool('t')"),
    ("select E'a\\'b', $$it's$$, b'1'", "select 'a''b', 'it''s', '1'"),
    ("select 'a' ilike 'A', a ~~ b, a !~~* b", "select 'a' LIKE 'A', a LIKE b, a NOT LIKE b"),
    ("select a ~ 'x', a !~* 'x', ~5", "select a REGEXP 'x', a NOT REGEXP '(?i)' || 'x', ~5"),
    ("select a operator(pg_catalog.~) '^x$'", "select a REGEXP '^x$'"),
    ("select pg_catalog.version(), current_user", "select version(), current_user()"),
    ("select * from public.t join pg_catalog.pg_class c", "select * from t join pg_catalog.pg_class c"),
    ("select date '2026-01-01', date 'x'", "select pg_date('2026-01-01'), date 'x'"),
    ("select now() - interval '1 day'", "select pg_time_subtract(now() , pg_interval('1 day'))"),
    ("select a - b - 1", "select a - b - 1"),
    ("select * from t where id = any($1)", "select * from t where id IN (SELECT pg_element FROM pg_elements(?1))"),
    ("select * from t where id <> all(array[1,2])", "select * from t where id NOT IN (1,2)"),
    ("select 1 < any($1)", "select (SELECT max(1 < pg_element) FROM pg_elements(?1))"),
    ("select 1 = any(select 2)", "select 1 IN (select 2)"),
    ("select array[1,2], (array[1])[1]", "select json_array(1,2), pg_item((json_array(1)),1)"),
    ("select a[1:2], i.indkey[0]", "select pg_slice(a,1,2), pg_vector_item(i.indkey,0)"),
    ("select a #>> '{b}', a @> b", "select pg_at_path(a , '{b}', 1), pg_contains(a , b)"),
    ("select a->'b' ? 'c', ?", "select pg_has_key(a->'b' , 'c'), ?"),
    ("select extract(epoch from x)", "select date_part('epoch' , x)"),
    ("select position('a' in b)", "select pg_position('a' , b)"),
    ("select substring(x from 2 for 3), substring(x, 2)", "select substring(x , 2 , 3), substring(x, 2)"),
    ("select 2^3, |/ 4", "select pow(2,3), sqrt( 4)"),
    ("select a at time zone 'UTC'", "select pg_at_zone(a , 'UTC')"),
    ("select a from t for update skip locked", "select a from t"),
    ("select a from t limit all offset 2", "select a from t limit -1 offset 2"),
    ("select a from t offset 2", "select a from t LIMIT -1 OFFSET 2"),
    ("select a from t offset 2 rows fetch first 3 rows only", "select a from t LIMIT 2 , 3"),
    ("select a from t fetch first row only", "select a from t LIMIT 1"),
    ("select a from t order by a desc, b", "select a from t order by a desc NULLS FIRST, b NULLS LAST"),
    ("select a from t order by a nulls first", "select a from t order by a nulls first"),
    ('select a collate "C" from only t', "select a collate BINARY from t"),
    ("select generate_series(1,3) as n", "select pg_rows1.value as n FROM generate_series(1,3) AS pg_rows1"),
    ("select * from generate_series(1,$1) g", 'select * from (SELECT value AS "g" FROM generate_series(1,?1)) g'),
    ("select x from t, unnest(t.a) as x", 'select "x".value from t, unnest(t.a) as x'),
    (
        "select * from (values (1,2)) as v(a,b)",
        "select * from (WITH v(a,b) AS (values (1,2)) SELECT * FROM v) as v",
    ),
    ("insert into t(a,b) values (default,1),(default,2)", "insert into t(b) values (1),(2)"),
    ("insert into t(a) values (default)", "insert into t DEFAULT VALUES"),
    ("insert into t(a) overriding system value values (1)", "insert into t(a) values (1)"),
    (
        "delete from t using u where t.a=u.a returning t.a",
        "delete from t WHERE rowid IN (SELECT t.rowid FROM t, u where t.a=u.a) returning t.a",
    ),
    ("select a into b from t", "CREATE TABLE b AS select a from t"),
    ("table t", "SELECT * FROM t"),
    ("select a is unknown, row(1,2) = (1,2)", "select a is NULL, (1,2) = (1,2)"),
    ("select jsonb_build_object('a',1)", "select json_object('a',1)"),
    ("select /* a /* b */ c */ 1", "select 1"),
)

REFUSED = (
    "select distinct on (a) * from t",
    "with x as (insert into t values (1) returning *) select * from x",
    "select * from t, lateral (select 1) l",
    "update t set a = default",
    "insert into t values (default, 1)",
    "insert into t(a) values (1) on conflict on constraint x do update set a=1",
    "create table t(id serial)",
    "create table t(a int) partition by range (a)",
    "create table t(a int, exclude using gist (a with =))",
)


def plain(text: str) -> str:
    """With white space made one blank, where it does not matter."""
    return " ".join(text.split()).replace("( ", "(").replace(" )", ")").replace(" ,", ",")


class TableTests(SynchronousTestCase):
    """Each rule by its example."""

    def test_each_rule(self) -> None:
        """The words SQLite is given."""
        for text, wanted in TABLE:
            (statement,) = split(text)
            self.assertEqual(plain(statement.sql), plain(wanted), text)

    def test_what_cannot_be_said_is_refused(self) -> None:
        """With 0A000 and, nearly always, a hint."""
        for text in REFUSED:
            error = self.assertRaises(StatementError, split, text)
            self.assertEqual(error.sqlstate, "0A000", text)

    def test_sqlites_order_on_demand(self) -> None:
        """For the door that speaks SQLite."""
        self.assertEqual(split("select a from t order by a", sqlite_order=True)[0].sql, "select a from t order by a")


#: Pieces of SQLite's dialect that no rule of PostgreSQL's touches.
_VALUES = (
    "1",
    "'it''s'",
    "x'00'",
    ":name",
    "?",
    "?2",
    "@a",
    "$b",
    "a",
    "t.b",
    "[a]",
    "`b`",
    '"a"',
    "null",
    "true",
    "rowid",
    "~1",
    "-a",
    "abs(a)",
    "count(*) over ()",
    "cast(a as text)",
    "case a when 1 then 2 else 3 end",
    "(select max(a) from t)",
    "json_array(1,2)",
    "date('now')",
    "strftime('%Y', b)",
    "a -> '$.x'",
    "b ->> 'y'",
    "random()",
    "typeof(a)",
)
_OPERATORS = (
    "+",
    "-",
    "*",
    "||",
    "=",
    "==",
    "<>",
    "is",
    "is not",
    "like",
    "glob",
    "and",
    "or",
    "<<",
    "&",
    "in",
)


@st.composite
def statements(draw: st.DrawFn) -> str:
    """A statement that SQLite prepares."""
    values = st.sampled_from(_VALUES)

    def expression() -> str:
        parts = [draw(values)]
        for _ in range(draw(st.integers(0, 2))):
            operator = draw(st.sampled_from(_OPERATORS))
            parts += [operator, f"({draw(values)})" if operator == "in" else draw(values)]
        return " ".join(parts)

    listed = ", ".join(expression() for _ in range(draw(st.integers(1, 3))))
    tail = draw(
        st.sampled_from(("", " where a > 1", " limit 3 offset 1", " limit 1, 2", " group by a", " -- x", " /* y */"))
    )
    shape = draw(st.integers(0, 4))
    if shape == 0:
        return f"select {listed} from t{tail}"
    if shape == 1:
        return f"insert or ignore into t select 1, {expression()} from t"
    if shape == 2:
        return f"update t set a = {expression()} where b = {draw(values)}".replace("count(*) over ()", "1")
    if shape == 3:
        return f"with x as (select a, b from t) select {listed} from x as t{tail}".replace("rowid", "a")
    return f"delete from t where {expression()}".replace("count(*) over ()", "1")


class PassingTests(SynchronousTestCase):
    """SQLite's own dialect."""

    @settings(max_examples=300, deadline=None)
    @given(statements())
    def test_sqlites_statements_pass_byte_for_byte(self, text: str) -> None:
        """Whatever SQLite accepts and no rule of PostgreSQL's names."""
        connection = apsw.Connection(":memory:")
        connection.execute("create table t(a, b)")
        connection.exec_trace = lambda *_: False
        try:
            connection.execute(text, apsw._null_bindings)
        except apsw.ExecTraceAbort:
            pass
        except apsw.SQLError:
            return
        (statement,) = split(text)
        self.assertEqual(statement.kind, Kind.SQL)
        self.assertEqual(statement.sql, text)
        self.assertEqual(statement.edits, ())

    def test_sqlites_ddl_passes(self) -> None:
        """Words that both know, meaning SQLite's."""
        for text in (
            "CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT)",
            "create table if not exists t(a int default 1, b text default 'x' not null, c as (a+1) stored, primary key (a, b)) without rowid",
            "create table t(a timestamp default current_timestamp, b datetime default (datetime('now')), check (a > 1)) strict",
            "create virtual table f using fts5(a, b, tokenize='porter')",
            "create trigger x after update of a on t when new.a > 1 begin insert into t values (1); delete from t; end",
            "create index i on t(a desc, b collate nocase) where a is not null",
            "create view v(a) as select a from t order by a limit 1",
            "alter table t add column z int",
            "alter table t rename column a to b",
            "alter table t drop column a",
            "insert into t values (1) on conflict(a) do update set b = excluded.b where a > 1 returning *",
            "explain query plan select 1",
            "pragma foreign_key_list('t')",
            "vacuum",
            "reindex t",
            "analyze t",
            "drop table if exists t",
        ):
            (statement,) = split(text)
            self.assertEqual(statement.sql, text)
