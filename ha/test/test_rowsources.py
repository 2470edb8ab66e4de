"""What gives rows in FROM."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.sql.statements import split
from ha.test.spoken import Spoken, texts, types
from ha.test.translated import RuleTests

TABLE = (
    ("select unnest((select a from u)) from t", "select pg_rows1.value  from t, unnest((select a from u)) AS pg_rows1"),
    (
        "select unnest from t, unnest(t.a) where unnest > 1",
        'select "unnest".value from t, unnest(t.a) AS "unnest" where "unnest".value > 1',
    ),
    (
        "select name from pg_available_extensions() group by name",
        "select name from pg_available_extensions group by name",
    ),
    ("select * from now()", 'select * from (SELECT now() AS "now") AS "now"'),
    (
        "select s from t, pg_catalog.string_to_array('a', ',') as s",
        "select s from t, (SELECT string_to_array('a', ',') AS \"s\") as s",
    ),
    ("select a is distinct from lower(b)", "select a is distinct from lower(b)"),
    ("select f(a, lower(b)) from t", "select f(a, lower(b)) from t"),
    ('select last_value, is_called from public."A b"', "select last_value, is_called from pg_sequence_state('A b')"),
    ("select last_value from t_id_seq", "select last_value from pg_sequence_state('t_id_seq')"),
    ("select last_value from readings", "select last_value from readings"),
    (
        "select (d).grantee from (select aclexplode(a) as d from t) q",
        "select json_extract((d), '$.\"grantee\"') from (select json_object('grantor', pg_rows1.grantor, 'grantee', pg_rows1.grantee, "
        "'privilege_type', pg_rows1.privilege_type, 'is_grantable', pg_rows1.is_grantable) as d from t, aclexplode(a) AS pg_rows1) q",
    ),
    (
        "select (pg_catalog.aclexplode(a)).grantee from t",
        "select json_extract((json_object('grantor', pg_rows1.grantor, 'grantee', pg_rows1.grantee, 'privilege_type', "
        "pg_rows1.privilege_type, 'is_grantable', pg_rows1.is_grantable)), '$.\"grantee\"') from t, aclexplode(a) AS pg_rows1",
    ),
    ("select * from aclexplode($1) d", "select * from aclexplode(?1) d"),
    ("select pg_listening_channels()", "select pg_rows1.value FROM pg_listening_channels() AS pg_rows1"),
    ("select generate_series(1,3) as n", "select pg_rows1.value as n FROM generate_series(1,3) AS pg_rows1"),
    (
        "select * from o, lateral generate_series(1, o.id) n(k), p",
        'select "o".*, "n".value AS "k", "p".* from o,  generate_series(1, o.id) n, p',
    ),
    (
        "select * from (select 1 as i) q join o on o.i = q.i, unnest(o.a) with ordinality t(x, y), generate_series(1, t.x)",
        'select "q".*, "o".*, "t".value AS "x", "t".ordinality AS "y", "generate_series".value AS "generate_series" '
        "from (select 1 as i) q join o on o.i = q.i, unnest(o.a)   t, "
        'generate_series(1, t.value) AS "generate_series"',
    ),
    ("select * from generate_series(1,$1) g", 'select * from (SELECT value AS "g" FROM generate_series(1,?1)) g'),
    ("select x from t, unnest(t.a) as x", 'select "x".value from t, unnest(t.a) as x'),
    ("select * from (values (1,2)) as v(a,b)", "select * from (WITH v(a,b) AS (values (1,2)) SELECT * FROM v) as v"),
    ("select * from lower($1) as l(x) where true", """select * from (SELECT lower(?1) AS "x") as l where true"""),
    (
        "select * from current_schema()",
        'select * from (SELECT current_schema() AS "current_schema") AS "current_schema"',
    ),
    ("select current_schema, current_schema()", "select current_schema(), current_schema()"),
)


class RowSourceTests(RuleTests):
    """Each rule by its example."""

    table = TABLE
    typed = (
        (
            "select generate_series('2026-01-01'::date, '2026-01-03'::date, '1 day')::date d",
            "select pg_date(pg_local(pg_rows1.value )) d"
            " FROM generate_series(pg_date('2026-01-01'), pg_date('2026-01-03'), '1 day') AS pg_rows1",
        ),
    )


class PairTests(SynchronousTestCase):
    """Functions whose rows are a key and its value."""

    def test_names_and_types(self) -> None:
        """Behind an alias, beside a table, numbered."""
        spoken = Spoken(self)
        spoken.query('create table d (doc jsonb); insert into d values (\'{"a": 1, "b": [2]}\')')
        for text, rows, columns in (
            ('select * from jsonb_each(\'{"a": "x"}\') t(k, v)', [("a", '"x"')], [("k", 25), ("v", 3802)]),
            ("select k, v from d, jsonb_each(doc) as t(k, v)", [("a", "1"), ("b", "[2]")], [("k", 25), ("v", 3802)]),
            ("select * from json_each_text('{\"a\": 1}') with ordinality", [("a", "1", "1")], None),
            ("select n, w from jsonb_each('{\"a\": 1}') with ordinality as t(k, w, n)", [("1", "1")], None),
            ("select value from d, jsonb_each(d.doc) where key = 'b'", [("[2]",)], [("value", 3802)]),
        ):
            heard = spoken.query(text)
            self.assertEqual(texts(heard), rows, text)
            if columns is not None:
                self.assertEqual(types(heard), columns, text)

    def test_an_array_of_arrays(self) -> None:
        """Is all its elements, to unnest and to ANY."""
        spoken = Spoken(self)
        self.assertEqual(spoken.rows("select unnest('{{1,2},{3,4}}'::int[])"), [("1",), ("2",), ("3",), ("4",)])
        self.assertEqual(spoken.rows("select 3 = any('{{1,2},{3,4}}'::int[]), 5 <> all('{{5}}'::int[])"), [("t", "f")])

    def test_parameters_in_a_select_list(self) -> None:
        """Have the type that they are cast to there, too: drivers write them by it."""
        (statement,) = split("select unnest($1::bigint[]), generate_series($2::int, $3::int)")
        self.assertEqual(statement.casts, ((1, "_int8"), (2, "int4"), (3, "int4")))

    def test_rows_that_are_cast_to_a_columns_type(self) -> None:
        """FROM stands behind the cast."""
        spoken = Spoken(self)
        spoken.query("create table w (x varchar(2)); insert into w select unnest(string_to_array('a,b', ','))")
        self.assertEqual(spoken.rows("select x from w order by x"), [("a",), ("b",)])

    def test_arrays_within_an_array(self) -> None:
        """By a cast or as they stand, not as texts."""
        spoken = Spoken(self)
        text = "select array['{1,2}'::int[], array[3,4]::int[]], array[array[5]], array[null::int[], '{6}'::int[]]"
        self.assertEqual(spoken.rows(text), [("{{1,2},{3,4}}", "{{5}}", "{NULL,{6}}")])

    def test_a_documents_subscript(self) -> None:
        """Is what stands at that path; an array's must be a number."""
        spoken = Spoken(self)
        text = "select ('{\"a\": {\"b\": [1, 2]}}'::jsonb)['a']['b'][1], ('[7]'::jsonb)['0'], ('{\"1\": 5}'::jsonb)[1]"
        self.assertEqual(spoken.rows(text), [("2", "7", "5")])
        self.assertEqual(spoken.error("select ('{1}'::int[])['x'] from (select 1) q").sqlstate, "22P02")

    def test_an_order_before_on_conflict(self) -> None:
        """As SQLAlchemy inserts many rows at once."""
        spoken = Spoken(self)
        spoken.query("create table u (id serial primary key, a text unique, n int)")
        for text, rows in (
            (
                "insert into u (a, n) select p0::text, c from (values ('x', 0), ('y', 1)) as s(p0, c) order by c "
                "on conflict (a) do update set n = excluded.n returning a, n",
                [("x", "0"), ("y", "1")],
            ),
            ("insert into u (a) select 'x' order by 1 on conflict do nothing returning a", []),
        ):
            self.assertEqual(spoken.rows(text), rows, text)
