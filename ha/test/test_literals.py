"""Literals that take their neighbour's type."""

from __future__ import annotations

from ha.test.translated import RuleTests

TYPED = (
    ("select * from users where active = 'true'", "select * from users where active = 1"),
    ("select * from users where id in ('1', 'x')", "select * from users where id in (1, pg_int8('x'))"),
    ("select * from users where name = '1'", "select * from users where name = '1'"),
    (
        "select * from users where created > '2026-01-01' and created < '2026-02-01 00:00:00'",
        "select * from users where created > pg_timestamp('2026-01-01') and created < '2026-02-01 00:00:00'",
    ),
    (
        "select * from orders where day between '2026-01-01' and '2026-1-2'",
        "select * from orders where day between '2026-01-01' and pg_date('2026-1-2')",
    ),
    ("select * from orders where day = '2026-01-01'::date", "select * from orders where day = pg_date('2026-01-01')"),
    ("select * from orders where '1.50' < amount", "select * from orders where 1.50 < amount"),
    (
        "select 1 from users where exists (select 1 from orders where active = 'f')",
        "select 1 from users where exists (select 1 from orders where active = 0)",
    ),
    ("select 1 from users where active = 'f'and id = 1", "select 1 from users where active = 0 and id = 1"),
    ("select coalesce(active, 'f') from users", "select coalesce(active, 0) from users"),
    ("select * from nosuch where a = '1'", "select * from nosuch where a = '1'"),
    ("delete from users where active = 'nonsense'", "delete from users where active = pg_bool('nonsense')"),
)


class LiteralTests(RuleTests):
    """Each rule by its example."""

    typed = TYPED
