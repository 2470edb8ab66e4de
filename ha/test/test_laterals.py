"""LATERAL subqueries of one row."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sql.statements import split
from ha.test.spoken import Spoken, types


class LateralTests(SynchronousTestCase):
    """As query builders write them, with the rows that PostgreSQL gives."""

    def setUp(self) -> None:
        """Users and their posts."""
        self.spoken = Spoken(self)
        self.spoken.query(
            "create table users (id int primary key, name text);"
            "create table posts (id int primary key, author int, title varchar(20), at timestamp);"
            "insert into users values (1, 'ann'), (2, 'bob');"
            "insert into posts values (1, 1, 'x', '2026-01-01'), (2, 1, 'y', '2026-01-02')"
        )

    def test_rows(self) -> None:
        """Aggregates, the newest, one in another."""
        for text, rows in (
            (
                'select "users"."id", "p"."data" as "posts" from "users" left join lateral (select coalesce('
                'json_agg(json_build_array("posts"."id", "posts"."title") order by id), \'[]\'::json) as "data" '
                'from "posts" where "posts"."author" = "users"."id") "p" on true order by 1',
                [("1", '[[1, "x"], [2, "y"]]'), ("2", "[]")],
            ),
            (
                "select u.name, l.title, l.at from users u left join lateral (select p.title, p.at from posts p "
                "where p.author = u.id order by p.at desc limit 1) as l on true order by u.id",
                [("ann", "y", "2026-01-02 00:00:00"), ("bob", None, None)],
            ),
            (
                "select u.id from users u cross join lateral (select count(*) as n from posts where author = u.id) l "
                "where l.n = 0",
                [("2",)],
            ),
            (
                "select u.id, a.data from users u left join lateral (select count(b.n) as data from posts p left join lateral "
                "(select max(q.id) as n from posts q where q.id < p.id) b on true where p.author = u.id) a on true order by 1",
                [("1", "1"), ("2", "0")],
            ),
        ):
            self.assertEqual(self.spoken.rows(text), rows, text)

    def test_types(self) -> None:
        """Of the subquery's own columns."""
        heard = self.spoken.query(
            "select l.n, l.day from users u, lateral (select count(*) n, max(at) as day from posts where author = u.id) l"
        )
        self.assertEqual(types(heard), [("n", 20), ("day", 1114)])

    def test_several_rows_are_gathered(self) -> None:
        """Or what may be several, or none: :mod:`ha.sql.neighbours` has them. SQLite's own door has no such word."""
        for text, count in (
            ("select l.id from users u, lateral (select p.id from posts p where p.author = u.id) l", 2),
            ("select l.n from users u left join lateral (select count(*) n from posts group by author) l on true", 2),
            ("select l.n from users u left join lateral (select count(*) n from posts) l on l.n > 2", 2),
            ("select l.n from users u left join lateral (select count(*) over () n from posts) l on true", 4),
        ):
            self.assertEqual(len(self.spoken.rows(text)), count, text)
        error = self.assertRaises(StatementError, split, "select * from t, lateral (select 1) l", sqlite_order=True)
        self.assertEqual(error.sqlstate, "0A000")
