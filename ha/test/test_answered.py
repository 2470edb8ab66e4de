"""The names of what views and subqueries answer."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.test.spoken import Spoken, types


class NameTests(SynchronousTestCase):
    """As PostgreSQL calls them."""

    def setUp(self) -> None:
        """One table."""
        self.spoken = Spoken(self)
        self.spoken.query(
            "create table t (a int4, b text, c boolean); insert into t values (1, 'x', true), (2, 'y', null)"
        )

    def test_a_views_columns(self) -> None:
        """With their types, which other views have from it."""
        self.spoken.query(
            "create view v as select count(*), upper(b), c is not null as known, b like 'x\\_', q.count as n "
            "from t, (select count(*) from t) q group by b, c, q.count"
        )
        wanted = [("count", 20), ("upper", 25), ("known", 16), ("?column?", 16), ("n", 20)]
        self.assertEqual(types(self.spoken.query("select * from v")), wanted)
        self.spoken.query("create view w as select known, not known as unknown from v limit 1")
        heard = self.spoken.query("select * from w")
        self.assertEqual(types(heard), [("known", 16), ("unknown", 16)])
        self.assertEqual(self.spoken.rows("select * from w"), [("t", "f")])
        self.spoken.query("create view listed (x, y) as select a + 1, a + 2 from t")
        self.assertEqual(self.spoken.rows("select y from listed order by x limit 1"), [("3",)])

    def test_two_of_one_name(self) -> None:
        """Make no view."""
        self.assertEqual(self.spoken.error("create view v as select count(*), count(a) from t").sqlstate, "42701")

    def test_a_subquerys_columns(self) -> None:
        """In FROM and in WITH; what has a name keeps it."""
        for text, rows in (
            ("select max(count) from (select count(*) from t group by b) q", [("1",)]),
            ("with q as (select upper(b), a from t) select upper from q order by a limit 1", [("X",)]),
            ("select x.upper, x.n from (select upper(b), 1 as n from t where a = 1) as x", [("X", "1")]),
            ("select (select max(a) from t), lower from (select lower('Q')) l", [("2", "q")]),
        ):
            self.assertEqual(self.spoken.rows(text), rows, text)

    def test_a_star_of_the_catalog(self) -> None:
        """Shows no system columns; a star of what is generated shows that."""
        for text in (
            "select * from pg_am",
            "select a.* from pg_am a",
            "select * from (select * from pg_catalog.pg_am) q",
        ):
            names = [name for name, _ in types(self.spoken.query(text))]
            self.assertEqual(names, ["oid", "amname", "amhandler", "amtype"], text)
        heard = self.spoken.query("select a.tableoid, *, a.xmin from pg_am a join pg_namespace n on true limit 1")
        self.assertEqual(len(types(heard)), 1 + 4 + 4 + 1)
        self.spoken.query("create table g (a int, b int generated always as (a * 2) stored); insert into g values (1)")
        self.assertEqual(self.spoken.rows("select distinct on (a) * from g"), [("1", "2")])
