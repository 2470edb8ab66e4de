"""INSERT, UPDATE and DELETE."""

from __future__ import annotations

from ha.test.translated import RuleTests

TABLE = (
    ("insert into t(a,b) values (default,1),(default,2)", "insert into t(b) values (1),(2)"),
    ("insert into t(a) values (default)", "insert into t DEFAULT VALUES"),
    ("insert into t(a) overriding system value values (1)", "insert into t(a) values (1)"),
    (
        "delete from t using u where t.a=u.a returning t.a",
        "delete from t WHERE rowid IN (SELECT t.rowid FROM t, u where t.a=u.a) returning t.a",
    ),
)

REFUSED = (
    "with x as (insert into t values (1) returning *) select * from x",
    "update t set a = default",
    "insert into t values (default, 1)",
    "insert into t(a) values (1) on conflict on constraint x do update set a=1",
)


class WriteTests(RuleTests):
    """Each rule by its example."""

    table = TABLE
    refused = REFUSED
