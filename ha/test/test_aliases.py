"""A written table's other name."""

from __future__ import annotations

from ha.test.translated import RuleTests


class AliasTests(RuleTests):
    """As SQLite takes it."""

    table = (
        ("update t x set v = 1", "update t AS x set v = 1"),
        ("update or replace t x set v = 1", "update or replace t AS x set v = 1"),
        ("update only t x set v = 1 where x.v = 2", "update t AS x set v = 1 where x.v = 2"),
        (
            'update t "X" set v = u.v from u where u.id = "X".id',
            'update t AS "X" set v = u.v from u where u.id = "X".id',
        ),
        ("update t set v = 1", "update t set v = 1"),
        ("update t indexed by i set v = 1", "update t indexed by i set v = 1"),
        ("delete from t x where x.v = 1", "delete from t AS x where x.v = 1"),
        ("delete from t", "delete from t"),
        ("delete from t not indexed where v", "delete from t not indexed where v"),
        (
            "update t x set v = 1 returning x.v, x.*, upper(x.v), v",
            "update t AS x set v = 1 returning v, *, upper(v), v",
        ),
        ("update t set v = 1 returning t.v, t.*", "update t set v = 1 returning v, *"),
        ("delete from t as x returning x.v as y", "delete from t as x returning v as y"),
        ("insert into t as x values (1) returning x.v", "insert into t as x values (1) returning v"),
        ("insert into t(a) values (1) returning t.a", "insert into t(a) values (1) returning a"),
        (
            "insert into t values (1) returning (select t.v from u where u.id = t.id), t.v",
            "insert into t values (1) returning (select t.v from u where u.id = t.id), v",
        ),
    )
    refused = (
        "update t set v = u.v from u where u.id = t.id returning u.w",
        "delete from t using u where u.id = t.id returning t.a, u.w",
    )
