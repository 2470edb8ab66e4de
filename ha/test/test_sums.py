"""Sums with times and intervals, and division."""

from __future__ import annotations

from ha.test.translated import RuleTests

TABLE = (
    ("select now() - interval '1 day'", "select pg_time_subtract(now() , pg_interval('1 day'))"),
    ("select a - b - 1", "select a - b - 1"),
)

TYPED = (
    ("select created - created from users", "select pg_time_subtract(created , created) from users"),
    ("select u.created + $1 from users u", "select pg_time_add(u.created , ?1) from users u"),
    ("select day + 1 from orders", "select pg_time_add(day , 1) from orders"),
    ("select id + 1 from users", "select id + 1 from users"),
    ("select f(amount / 2) from orders", "select f(CAST(amount AS REAL) / 2) from orders"),
    ("select f(id % amount / 3) from orders", "select f(id % CAST(pg_divisor(amount) AS REAL) / 3) from orders"),
    ("select id / amount::int from orders", "select id / pg_divisor(pg_int4(dec_integer(amount))) from orders"),
    ("select id / 2 from users", "select id / 2 from users"),
    ("select f(id / amount) from orders", "select f(CAST(id AS REAL) / pg_divisor(amount)) from orders"),
    (
        "select (select amount / id from users) from orders",
        "select (SELECT pg_single(ha_single) FROM (select CAST(amount AS REAL) / pg_divisor(id) AS ha_single from users)) from orders",
    ),
    (
        "select sum(amount) / count(*) from orders",
        "select dec_div(dec_units(sum(CAST(round(amount * 1e2) AS INTEGER)), 2) , count(*)) from orders",
    ),
    (
        "with q as (select amount as m from orders) select m / 2 from q",
        "with q as (select amount as m from orders) select dec_div(m , 2) from q",
    ),
)


class SumTests(RuleTests):
    """Each rule by its example."""

    table = TABLE
    typed = TYPED
