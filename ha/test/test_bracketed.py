"""Brackets around the query of an INSERT or a view."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.sql.bracketed import without_brackets
from ha.sql.tokens import tokenize
from ha.test.spoken import Spoken


class BracketTests(SynchronousTestCase):
    """Which go, and which stay."""

    def test_by_example(self) -> None:
        for text, expected in (
            ("insert into t (select 1)", "insert into t  select 1 "),
            ("insert into s.t as x (a, b) ((select 1, 2)) returning a", "insert into s.t as x (a, b)   select 1, 2   returning a"),
            ("insert into t (a) (values (1), (2)) on conflict do nothing", "insert into t (a)  values (1), (2)  on conflict do nothing"),
            ("create or replace view v as (select (1))", "create or replace view v as  select (1) "),
            ("insert into t (a) (select 1) union (select 2)", None),
            ("insert into t (a) values (1)", None),
            ("insert into t (a) select (1)", None),
            ("create table t as (select 1)", None),
            ("insert into t (select 1", None),
        ):  # fmt: skip
            self.assertEqual(without_brackets(text, tokenize(text)), expected, text)

    def test_rows_are_cast_as_ever(self) -> None:
        """What comes from the query is held to the columns' types."""
        spoken = Spoken(self)
        spoken.query("create table t (a varchar(2), b int); insert into t (a, b) (select 'x', 1)")
        spoken.query("create view v as ( with q as (select a, b from t) select * from q )")
        self.assertEqual(spoken.rows("select a, b from v"), [("x", "1")])
        self.assertEqual(spoken.error("insert into t (a) (select 'long')").sqlstate, "22001")
