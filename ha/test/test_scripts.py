"""One statement of PostgreSQL's as several of SQLite's, and what is said of it."""

from __future__ import annotations

from ha.errors import Notice, StatementError
from ha.sql.kinds import DELETE_ROWS
from ha.sql.statements import split
from ha.sqlite.scripts import already_there, steps
from ha.sqlite.temporary import promise
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


class OwnTests(RebuildCase):
    """A session's own tables go before everybody's."""

    def setUp(self) -> None:
        super().setUp()
        self.connection.execute("create temp table c (id integer primary key autoincrement, n text, m int)")
        self.connection.execute("create index ci on c (n); insert into c (n, m) values ('1', 2), ('x', 3)")

    def test_altered(self) -> None:
        """By SQLite's own words, or made anew; the other table of that name is as it was."""
        before = self.rows("select * from main.c"), self.rows("select sql from main.sqlite_schema")
        self.run_all("alter table c drop column n")
        self.run_all("alter table c alter column m type text, add column k timestamp default now()")
        self.run_all("alter table c rename column m to mm")
        self.assertEqual(self.rows("select id, mm, k is null from temp.c"), [(1, "2", 0), (2, "3", 0)])
        self.assertEqual(self.rows("select name from temp.sqlite_schema where type = 'index'"), [])
        self.run_all("alter table c rename to d")
        self.connection.execute("insert into d (mm) values ('y')")
        self.assertEqual(self.rows("select max(id) from d"), [(3,)])
        self.assertEqual((self.rows("select * from main.c"), self.rows("select sql from main.sqlite_schema")), before)

    def test_emptied(self) -> None:
        """And counted from the beginning again."""
        before = self.rows("select * from main.c")
        self.run_all("truncate c restart identity")
        self.connection.execute("insert into temp.c (n) values ('z')")
        self.assertEqual(self.rows("select id, n from temp.c"), [(1, "z")])
        self.assertEqual(self.rows("select * from main.c"), before)

    def test_with_a_promise(self) -> None:
        """ON COMMIT would be forgotten."""
        with self.connection.guard.trusted():
            promise(self.connection, "c", DELETE_ROWS)
        error = self.assertRaises(StatementError, self.run_all, "alter table c alter column m type text")
        self.assertEqual(error.sqlstate, "0A000")


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
