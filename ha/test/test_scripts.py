"""One statement of PostgreSQL's as several of SQLite's, and what is said of it."""

from __future__ import annotations

from ha.errors import Notice, StatementError
from ha.sql.statements import split
from ha.sqlite.scripts import already_there, steps
from ha.test.test_rebuild import RebuildCase


class TruncateTests(RebuildCase):
    """TRUNCATE."""

    def test_tables_that_refer_are_asked_about(self) -> None:
        """Named, or reached by CASCADE, children first."""
        error = self.assertRaises(StatementError, self.run_all, "truncate p")
        self.assertEqual(error.sqlstate, "0A000")
        self.assertEqual(self.run_all("truncate p cascade"), ['DELETE FROM "c"', 'DELETE FROM "p"'])
        self.assertEqual(self.rows("select * from c"), [])

    def test_counting_starts_again_on_demand(self) -> None:
        """RESTART IDENTITY."""
        self.connection.execute("create table s(id integer primary key autoincrement); insert into s values (9)")
        self.run_all("truncate s restart identity")
        self.connection.execute("insert into s default values")
        self.assertEqual(self.rows("select id from s"), [(1,)])


class DropTests(RebuildCase):
    """DROP."""

    def test_what_others_refer_to_stays(self) -> None:
        """Unless they are dropped with it, or CASCADE takes the reference away."""
        error = self.assertRaises(StatementError, self.run_all, "drop table p")
        self.assertEqual((error.sqlstate, error.detail), ("2BP01", "constraint c_b_fkey on table c depends on table p"))
        (statement,) = split("drop table p cascade")
        notices: list[Notice] = []
        steps(self.connection, statement, notices)
        self.assertEqual([notice.message for notice in notices], ["drop cascades to constraint c_b_fkey on table c"])
        self.run_all("drop table p cascade")
        self.connection.execute("insert into c values (77)")
        self.assertEqual(self.rows("select * from c"), [(1,), (2,), (77,)])
        self.run_all("drop table c, b")

    def test_both_at_once(self) -> None:
        """In any order."""
        self.run_all("drop table c, p")
        self.assertEqual(self.rows("select 1 from sqlite_schema where name in ('c', 'p')"), [])

    def test_what_is_not_there(self) -> None:
        """Is an error of its kind, or a notice."""
        for text, sqlstate, message in (
            ("drop table nosuch", "42P01", 'table "nosuch" does not exist'),
            ("drop index nosuch", "42704", 'index "nosuch" does not exist'),
            ("drop view public.nosuch", "42P01", 'view "nosuch" does not exist'),
        ):
            error = self.assertRaises(StatementError, self.run_all, text)
            self.assertEqual((error.sqlstate, error.message), (sqlstate, message))
        (statement,) = split("drop table if exists nosuch, c")
        notices: list[Notice] = []
        self.assertEqual(steps(self.connection, statement, notices), ["DROP TABLE c"])
        self.assertEqual([notice.message for notice in notices], ['table "nosuch" does not exist, skipping'])

    def test_creating_what_is_there(self) -> None:
        """Is worth a notice."""
        for text, found in (
            ("create table if not exists b(a)", 1),
            ('create unique index if not exists "by_v" on b(v)', 1),
            ("create table if not exists fresh(a)", 0),
            ("create table b(a)", 0),
        ):
            (statement,) = split(text)
            self.assertEqual(len(already_there(self.connection, statement)), found, text)
