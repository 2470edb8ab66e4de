"""LATERAL subqueries of any number of rows."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.test.spoken import Spoken, types


class NeighbourTests(SynchronousTestCase):
    """As PostgreSQL 15 answers."""

    def setUp(self) -> None:
        """Customers, and what they ordered."""
        self.spoken = Spoken(self)
        self.spoken.query(
            "create table c (id int4 primary key, name text);"
            "create table o (id int4 primary key, cid int4, n int4, d date, paid bool, raw bytea, f float8, tags text[]);"
            "insert into c values (1, 'Ann'), (2, 'bob'), (3, 'dan');"
            "insert into o values (1, 1, 10, '2026-01-01', true, '\\x00ff', 0.1, '{a,b}'), (2, 1, 20, '2026-01-02', false, null, 1e300, null),"
            "(3, 2, 5, '2026-02-01', true, '\\x', null, '{}')"
        )

    def test_rows(self) -> None:
        """In each way to join, of several rows or none, named in each way, one beside or in another."""
        for text, rows in (
            (
                "select name, n from c, lateral (select n from o where cid = c.id) x order by n",
                [("bob", "5"), ("Ann", "10"), ("Ann", "20")],
            ),
            (
                "select name, x.n from c left join lateral (select n from o where cid = c.id order by n desc limit 2) x on x.n > 9 order by 1, 2",
                [("Ann", "10"), ("Ann", "20"), ("bob", None), ("dan", None)],
            ),
            (
                "select * from generate_series(1, 3) g(x), lateral (select x * 2 as y) l where y > 2",
                [("2", "4"), ("3", "6")],
            ),
            (
                "select * from c cross join lateral (select id, n / 3 from o where cid = c.id) x where x.id > 2",
                [("2", "bob", "3", "1")],
            ),
            (
                "select x.*, c.id from c inner join lateral (select d, not paid as due from o where cid = c.id) x on due",
                [("2026-01-02", "t", "1")],
            ),
            (
                "select name, k, v from c, lateral (values ('n', name), ('i', id::text)) u(k, v) where id = 1 order by k",
                [("Ann", "i", "1"), ("Ann", "n", "Ann")],
            ),
            (
                "select id, z from c, lateral (select n as a from o where cid = c.id) x, lateral (select x.a * 2 as z where a > 6) y order by z",
                [("1", "20"), ("1", "40")],
            ),
            (
                "select c.id, y.a from c, lateral (select q.a from o, lateral (select o.n + c.id as a) q where cid = c.id) y order by a",
                [("2", "7"), ("1", "11"), ("1", "21")],
            ),
            (
                "select a.id, b.id from c a, lateral (select id from c where id > a.id) b order by 1, 2",
                [("1", "2"), ("1", "3"), ("2", "3")],
            ),
            (
                "select name from c where exists (select from lateral (select n from o where cid = c.id) w where w.n > 9)",
                [("Ann",)],
            ),
            (
                "select n as n, count(*) from c, lateral (select n from o where cid = c.id) x group by x.n order by n desc limit 1",
                [("20", "1")],
            ),
            (
                "select v.* from c, lateral (select c.id, name union all select -c.id, upper(name)) v order by 1 limit 1",
                [("-3", "DAN")],
            ),
            (
                "with q as (select x.n from c, lateral (select * from o where cid = c.id) x) select sum(n) from q",
                [("35",)],
            ),
            (
                "select n from c, lateral (select count(*) as n from o where cid = c.id) x order by n",
                [("0",), ("1",), ("2",)],
            ),
        ):
            self.assertEqual(self.spoken.rows(text), rows, text)

    def test_values_stay_what_they_are(self) -> None:
        """Of every type; sums of them are those of their types."""
        columns = "n, d, paid, raw, f, tags"
        kept = self.spoken.query(f"select {columns} from o order by id")
        text = f"select x.* from c, lateral (select {columns} from o where cid = c.id order by o.id) x order by c.id, n"
        gone = self.spoken.query(text)
        self.assertEqual(types(gone), types(kept))
        self.assertEqual(self.spoken.rows(text), self.spoken.rows(f"select {columns} from o order by id"))
        text = "select d + 1, n / 4, paid and true, f * 2 from c, lateral (select * from o where cid = c.id) x where x.id = 1"
        self.assertEqual(self.spoken.rows(text), [("2026-01-02", "2", "t", "0.2")])

    def test_a_name_that_two_have_is_neithers(self) -> None:
        """SQLite tells."""
        self.assertEqual(
            self.spoken.error("select id from c, lateral (select o.id from o where cid = c.id) x").sqlstate, "42702"
        )

    def test_what_is_not_seen_through_is_refused(self) -> None:
        """A star where columns would be one."""
        error = self.spoken.error(
            "select * from c join o using (id), lateral (select c.id as x from o where cid = c.id) x"
        )
        self.assertEqual(error.sqlstate, "0A000")
