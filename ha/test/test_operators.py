"""Operators that SQLite lacks or spells otherwise."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.test.spoken import Spoken
from ha.test.translated import RuleTests

TABLE = (
    ("select t.typname[0] = '_'", "select substr(t.typname, 1 + 0, 1) = '_'"),
    (
        "select o || array(select 1)",
        "select array_cat(o , (WITH pg_rows(pg_element) AS (select 1) SELECT json_group_array(pg_element) FROM pg_rows))",
    ),
    ("select 'a' ilike 'A', a ~~ b, a !~~* b", "select 'a' LIKE 'A', a GLOB pg_glob(b), a NOT LIKE b"),
    ("select a like 'x%', a not like '_*?[' from t", "select a GLOB 'x*', a not GLOB '?[*][?][[]' from t"),
    ("select a like 'x\\_%'", "select a GLOB 'x_*'"),
    ("select a like 'x!%%' escape '!', a like $1 || '%'", "select a GLOB 'x%*', a GLOB pg_glob(?1 || '%')"),
    ("select a like $1::text || '%' escape '/'", "select a GLOB pg_glob(CAST(?1 AS TEXT) || '%', '/')"),
    ("select a like E'x\\\\_%'", "select a GLOB 'x_*'"),
    ("select a like $1 escape $2, b", "select a GLOB pg_glob(?1 , ?2), b"),
    (
        "select a like any($1)",
        "select (SELECT CASE WHEN max(ha_met) THEN 1 WHEN count(ha_met) < count(*) THEN NULL ELSE 0 END FROM "
        "(SELECT a GLOB pg_glob(pg_element) AS ha_met FROM pg_elements(?1)))",
    ),
    ("create view v as select a like 'x\\_'", "create view v as select a like 'x\\_' ESCAPE '\\' AS \"?column?\""),
    ("select a ~ 'x', a !~* 'x', ~5", "select a REGEXP 'x', a NOT REGEXP '(?i)' || 'x', ~5"),
    ("select a operator(pg_catalog.~) '^x$'", "select a REGEXP '^x$'"),
    (
        "select a OPERATOR(pg_catalog.=) b, a operator ( ~~* ) 'x%', 1 OPERATOR(pg_catalog.+)2 from t",
        "select a = b, a LIKE 'x%', 1 +2 from t",
    ),
    ("select a OPERATOR(pg_catalog.~~) 'x%' from t", "select a GLOB 'x*' from t"),
    ("select * from t where id <> all(array[1,2])", "select * from t where id NOT IN (1,2)"),
    (
        "select 1 < any($1)",
        "select (SELECT CASE WHEN max(ha_met) THEN 1 WHEN count(ha_met) < count(*) THEN NULL ELSE 0 END FROM "
        "(SELECT 1 < pg_element AS ha_met FROM pg_elements(?1)))",
    ),
    ("select 1 = any(select 2)", "select 1 IN (select 2)"),
    ("select t.a=any(select 2) from t", "select t.a IN(select 2) from t"),
    ("select array[1,2], (array[1])[1]", "select json_array(1,2), pg_item((json_array(1)),1)"),
    ("select a[1:2], i.indkey[0]", "select pg_slice(a,1,2), pg_vector_item(i.indkey,0)"),
    ("select a #>> '{b}', a @> b", "select pg_at_path(a , '{b}', 1), pg_contains(a , b)"),
    ("select a->'b' ? 'c', ?", "select pg_has_key(a->'b' , 'c'), ?"),
    ("select 2^3, |/ 4", "select pg_power(2,3), sqrt( 4)"),
    ("select a at time zone 'UTC'", "select pg_at_zone(a , 'UTC')"),
    ('select a collate "C" from only t', "select a collate BINARY from t"),
    ("select a + 1 || 'x', 'x' || 2 * b - c || d from t", "select (a + 1) || 'x', 'x' || (2 * b - c) || d from t"),
    ("select -1 || 'x', 'x' || -a, a * -1 || 'x' from t", "select -1 || 'x', 'x' || -a, (a * -1) || 'x' from t"),
    ("select a is unknown, row(1,2) = (1,2)", "select a is NULL, (1,2) = (1,2)"),
    ("select * from t where id = any($1)", "select * from t where id IN (SELECT pg_element FROM pg_elements(?1))"),
)


class OperatorTests(RuleTests):
    """Each rule by its example."""

    table = TABLE


class QuantifierTests(SynchronousTestCase):
    """Comparisons with ANY and ALL, of arrays and of subqueries."""

    def test_what_is_not_known(self) -> None:
        """Is neither true nor false: NULL among the elements, or instead of them."""
        spoken = Spoken(self)
        spoken.query("create table n (id int, a int); insert into n values (1, 1), (2, null), (3, 3)")
        for text, rows in (
            ("select 1 = any(null::int[]), 3 = any('{1,null}'), 1 <> all('{}'::int[])", [(None, None, "t")]),
            (
                "select 1 < any('{}'::int[]), 3 < any('{1,null}'), 0 < all('{1,null}'), 2 < all('{1,null}')",
                [("f", None, None, "f")],
            ),
            ("select id from n where not (a < any(select 2)) order by id", [("3",)]),
            (
                "select id, a > all(select a from n m where m.id < n.id) from n order by id",
                [("1", "t"), ("2", None), ("3", None)],
            ),
            (
                "select 3 > all(values (1), (2)), 'x' not like all(array['a%', 'b%']), 'a' !~ all(array['a'])",
                [("t", "t", "f")],
            ),
        ):
            self.assertEqual(spoken.rows(text), rows, text)
        self.assertEqual(spoken.error("select count(*) > all(select 2) from n").sqlstate, "0A000")


class RowTests(SynchronousTestCase):
    """Rows that are asked whether they are NULL."""

    def test_all_of_it_is_asked(self) -> None:
        """One that is partly NULL is neither."""
        spoken = Spoken(self)
        spoken.query("create table t (a int, b text); insert into t values (1, 'x'), (2, null), (null, null)")
        for text, rows in (
            (
                "select (null, null) is null, (1, null) is null, (1, null) is not null, (1, 2) is not null",
                [("t", "f", "f", "t")],
            ),
            ("select row(1, null) is null, row(null) is null, row(1) is not null", [("f", "t", "t")]),
            ("select a from t where not (a + 1, b) is null order by a", [("1",), ("2",)]),
            (
                "select a in (1, 2) is null, coalesce(a, null) is null, (a) is null from t where a is null",
                [("t", "t", "t")],
            ),
        ):
            self.assertEqual(spoken.rows(text), rows, text)
