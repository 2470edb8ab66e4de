"""ROLLUP, CUBE, GROUPING SETS."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.test.spoken import Spoken, types


class SetTests(SynchronousTestCase):
    """As PostgreSQL 15 answers."""

    def setUp(self) -> None:
        """Sales, of which one has no place; and a table without rows."""
        self.spoken = Spoken(self)
        self.spoken.query(
            "create table s (id int primary key, a text, b text, c int4, n numeric(8,2), d date, i interval);"
            "insert into s values (1, 'x', 'p', 1, 1.5, '2026-01-01', '1 day'), (2, 'x', 'q', 2, 2, '2026-01-02', '24 hours'),"
            "(3, 'y', 'p', 2, null, '2026-02-01', '2 days'), (4, null, 'p', 3, 7.25, null, null);"
            "create table e (a text, n int4)"
        )

    def test_rows(self) -> None:
        """What a set leaves out is NULL, and GROUPING tells it from a NULL that was there."""
        for text, rows in (
            (
                "select a, count(*), grouping(a) from s group by rollup(a) order by 3, 1",
                [("x", "2", "0"), ("y", "1", "0"), (None, "1", "0"), (None, "4", "1")],
            ),
            (
                "select s.a, b, count(*) from s group by grouping sets ((a), (s.b)) order by 1, 2",
                [("x", None, "2"), ("y", None, "1"), (None, "p", "3"), (None, "q", "1"), (None, None, "1")],
            ),
            (
                "select grouping(a, b) as g, count(*) from s group by cube(a, b) having count(*) > 1 order by g, 2",
                [("1", "2"), ("2", "3"), ("3", "4")],
            ),
            ("select a || '!', upper(a) from s group by rollup(1, upper(a)) order by 1, 2 limit 1", [("x!", "X")]),
            (
                "select sum(c) / 2, sum(n) / 2, d + 1 from s group by rollup(d) having d > '2026-01-01' or grouping(d) = 1 order by d",
                [
                    ("1", "1.00000000000000000000", "2026-01-03"),
                    ("1", None, "2026-02-02"),
                    ("4", "5.3750000000000000", None),
                ],
            ),
            (
                "select i, count(*) from s group by rollup(i) order by grouping(i), i",
                [("1 day", "2"), ("2 days", "1"), (None, "1"), (None, "4")],
            ),
            (
                "select a, sum(count(*)) over (), count(*) filter (where c > 1) from s group by a, rollup(b) order by a, b limit 1",
                [("x", "8", "0")],
            ),
            (
                "select sum(n), count(*) from (select a, n from (select b as a, count(*) as n from s group by rollup(b)) q group by cube(a, n)) r",
                [("16", "10")],
            ),
            ("select a from s group by rollup(a) union select 'zz' order by a desc limit 2", [(None,), ("zz",)]),
            ("select count(*) from s group by distinct rollup(a), rollup(a) order by 1 desc limit 1", [("4",)]),
            (
                "select mode() within group (order by b) from s group by rollup(a) order by grouping(a) desc limit 1",
                [("p",)],
            ),
            ("select a, b, count(*) from s group by (a, b) order by a, b limit 1", [("x", "p", "1")]),
            ("select grouping(a), a from s group by a order by a limit 1", [("0", "x")]),
        ):
            self.assertEqual(self.spoken.rows(text), rows, text)

    def test_the_empty_set_has_a_group_without_rows(self) -> None:
        """The others have none; aggregates are those of no rows."""
        for text, rows in (
            (
                "select a, count(*), count(1), sum(1), array_agg(n) from e group by rollup(a)",
                [(None, "0", "0", None, None)],
            ),
            ("select count(*) from s where false group by grouping sets ((), (a), ())", [("0",), ("0",)]),
            ("select count(*) from s where c > 100 group by grouping sets ((a), (b))", []),
            ("select 1 from s where false group by ()", [("1",)]),
            ("select 1 from s group by ()", [("1",)]),
        ):
            self.assertEqual(self.spoken.rows(text), rows, text)

    def test_names_and_types(self) -> None:
        """Are those of the client's words."""
        heard = self.spoken.query("select a, d, grouping(a), count(*), n as x from s group by cube(a, d, n)")
        self.assertEqual(types(heard), [("a", 25), ("d", 1082), ("grouping", 23), ("count", 20), ("x", 1700)])

    def test_parameters(self) -> None:
        """Keep their numbers where a term is said several times."""
        heard = self.spoken.extended(
            "select c + $1, count(*) from s group by rollup(c + $1) order by 1 limit 1", b"5", types=(23,)
        )
        self.assertIn((b"6", b"1"), [getattr(one, "values", None) for one in heard])

    def test_what_is_wrong_or_not_seen_through(self) -> None:
        """Is told with PostgreSQL's code, or refused."""
        for text, sqlstate, position in (
            ("select b from s group by rollup(a)", "42803", 8),
            ("select grouping(c) from s group by rollup(a)", "42803", 17),
            ("select grouping(a) from s", "42803", 17),
            ("select a from s group by rollup(a,)", "42601", 35),
            ("select a from s group by cube(" + ", ".join(f"c + {one}" for one in range(13)) + ")", "54001", None),
            ("select a, nosuch from s group by rollup(a)", "42703", 11),
            ("select (select max(n) from e where e.a = s.a) from s group by rollup(a)", "0A000", 8),
            ("select a from (select a from s) q group by rollup(q.a)", "0A000", 8),
            ("select * from e group by rollup(a, n)", "0A000", 17),
            ("create view v as select a from s group by rollup(a)", "0A000", None),
        ):
            error = self.spoken.error(text)
            self.assertEqual((error.sqlstate, error.position if position else None), (sqlstate, position), text)
