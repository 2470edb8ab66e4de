"""What gives rows in FROM."""

from __future__ import annotations

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
    ("select generate_series(1,3) as n", "select pg_rows1.value as n FROM generate_series(1,3) AS pg_rows1"),
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
