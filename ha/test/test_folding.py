"""Names without quotes."""

from __future__ import annotations

from ha.test.spoken import Spoken
from ha.test.translated import RuleTests


class FoldingTests(RuleTests):
    """In small letters, where they are given; what only says them again is left alone."""

    table = (
        (
            'create table FooT (Bar int, "Baz" text, N int references Ot(Id), CONSTRAINT CkX check (Bar > 0), UNIQUE (Bar, N))',
            'create table foot (bar int, "Baz" text, n int references ot(id), CONSTRAINT ckx check (Bar > 0), UNIQUE (bar, n))',
        ),
        (
            "create table if not exists T (A int, foreign key (A) references U (X))",
            "create table if not exists t (a int, foreign key (a) references u (x))",
        ),
        ("create unique index IxA on FooT (Bar)", "create unique index ixa on FooT (Bar)"),
        ("create view V (A) as select Bar from FooT", "create view v (a) as select Bar from FooT"),
    )

    def test_the_catalog_has_them_so(self) -> None:
        """And so have results; a name in quotes stays as it is."""
        spoken = Spoken(self)
        spoken.query('create table FooT (BarA int, "BazB" text); insert into FOOT (bara) values (1)')
        spoken.query("alter table FooT add column NewC int")
        self.assertEqual(spoken.rows("select relname from pg_class where oid = 'foot'::regclass"), [("foot",)])
        columns = "select attname from pg_attribute where attrelid = 'foot'::regclass and attnum > 0 order by attnum"
        self.assertEqual(spoken.rows(columns), [("bara",), ("BazB",), ("newc",)])
