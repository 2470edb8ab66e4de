"""ORDER BY, LIMIT, FETCH, FOR UPDATE, names with a schema."""

from __future__ import annotations

from ha.test.translated import RuleTests

TABLE = (
    ("select a as table, b as default from t", 'select a as "table", b as "default" from t'),
    ("with x as (select 1) select * from x", "with x as (select 1) select * from x"),
    ("create table t as select 1", "create table t as select 1"),
    ("select x::pg_catalog.int4", "select pg_int4(x)"),
    ("select pg_catalog.version(), current_user", "select version(), current_user()"),
    ("select * from public.t join pg_catalog.pg_class c", "select * from t join pg_catalog.pg_class c"),
    ("select a from t for update skip locked", "select a from t"),
    ("select a from t limit all offset 2", "select a from t limit -1 offset 2"),
    ("select a from t offset 2", "select a from t LIMIT -1 OFFSET 2"),
    ("select a from t order by a desc offset 2", "select a from t order by a desc NULLS FIRST LIMIT -1 OFFSET 2"),
    ("select a from t offset 2 rows fetch first 3 rows only", "select a from t LIMIT 2 , 3"),
    ("select a from t fetch first row only", "select a from t LIMIT 1"),
    ("select a from t order by a desc, b", "select a from t order by a desc NULLS FIRST, b NULLS LAST"),
    ("select a from t order by a nulls first", "select a from t order by a nulls first"),
    ("select a into b from t", "CREATE TABLE b AS select a from t"),
    ("table t", "SELECT * FROM t"),
    ("values (2), (1) order by 1", "SELECT * FROM (values (2), (1)) order by 1 NULLS LAST"),
    ("select exists(select from t)", "select exists(select 1 from t)"),
    ("select from t", "select NULL AS ha_nothing from t"),
    ("(select 1) union (select 2)", "SELECT * FROM (select 1) union SELECT * FROM (select 2)"),
    (
        "(select 1 limit 1) union all (select 2) limit 1",
        "SELECT * FROM (select 1 limit 1) union all SELECT * FROM (select 2) limit 1",
    ),
    (
        "select * from ((select 1) except (select 2)) t",
        "select * from (SELECT * FROM (select 1) except SELECT * FROM (select 2)) t",
    ),
    ("select 1 where 1 in (select 2) union select 3", "select 1 where 1 in (select 2) union select 3"),
    ("(select 1)", "SELECT * FROM (select 1)"),
    ("select (select 1), exists (select 2)", "select (select 1), exists (select 2)"),
)


class ClauseTests(RuleTests):
    """Each rule by its example."""

    table = TABLE
    refused = (
        "create view v as select a from t group by a, cube (a, b)",
        "create view v as select a from t order by a fetch first 1 row with ties",
        "select a from (select from t)",
    )
