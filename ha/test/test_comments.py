"""Tests of ha.sqlite.comments."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sql.statements import split
from ha.sqlite import comments
from ha.sqlite.connection import open_writer
from ha.sqlite.functions import Context
from ha.sqlite.scripts import conditions, steps


class CommentTests(SynchronousTestCase):
    """COMMENT ON is kept in the file, and shown where PostgreSQL shows it."""

    def setUp(self) -> None:
        self.connection = open_writer(":memory:", synchronous="NORMAL")
        self.addCleanup(self.connection.close)
        self.connection.context = Context()
        self.connection.execute(
            "CREATE TABLE users (id INTEGER PRIMARY KEY, name varchar(20), CONSTRAINT positive CHECK (id > 0))"
        )

    def say(self, *texts: str) -> None:
        for text in texts:
            (statement,) = split(text)
            with conditions(self.connection, statement):
                for sql in steps(self.connection, statement, []):
                    self.connection.execute(sql)

    def kept(self) -> list[tuple[str, str, str | None, str]]:
        with self.connection.guard.trusted():
            return [tuple(one[1:]) for one in comments.comments(self.connection)]  # type: ignore[misc]

    def ask(self, sql: str) -> object:
        self.connection.facts(sql)
        return self.connection.execute(sql).get

    def test_each_object_has_its_own(self) -> None:
        self.say("comment on table users is 'people'", "comment on column users.name is 'it''s theirs'")
        self.assertEqual(self.kept(), [("table", "users", None, "people"), ("column", "users", "name", "it's theirs")])

    def test_the_last_one_counts(self) -> None:
        self.say("comment on table users is 'a'", "comment on table users is 'b'")
        self.assertEqual(self.kept(), [("table", "users", None, "b")])
        self.say("comment on table users is null")
        self.assertEqual(self.kept(), [])

    def test_the_catalog_shows_them(self) -> None:
        self.say(
            "comment on table users is 'people'",
            "comment on column users.name is 'called'",
            "comment on constraint positive on users is 'never 0'",
        )
        self.assertEqual(self.ask("SELECT obj_description(pg_regclass('users'), 'pg_class')"), "people")
        self.assertEqual(self.ask("SELECT col_description(pg_regclass('users'), 2)"), "called")
        self.assertEqual(
            self.ask(
                "SELECT description FROM pg_description d JOIN pg_constraint c ON c.oid = d.objoid AND d.classoid = 2606"
            ),
            "never 0",
        )
        self.assertEqual(self.ask("SELECT count(*) FROM pg_class WHERE relkind = 'v' AND relnamespace = 2200"), 0)

    def test_they_stay_when_the_table_is_made_anew(self) -> None:
        self.say("comment on column users.name is 'called'", "alter table users alter column name type text")
        self.assertEqual(self.kept(), [("column", "users", "name", "called")])

    def test_they_follow_when_it_is_renamed(self) -> None:
        """The table's, and a column's."""
        self.say("COMMENT ON TABLE users IS 'all'", "COMMENT ON COLUMN users.name IS 'as on the passport'")
        self.say("ALTER TABLE users RENAME name TO label", "ALTER TABLE users RENAME TO people")
        self.assertEqual(
            sorted(self.kept(), key=str),
            [("column", "people", "label", "as on the passport"), ("table", "people", None, "all")],
        )

    def test_another_table_of_that_name_has_none(self) -> None:
        self.say("comment on table users is 'people'")
        self.connection.execute("DROP TABLE users")
        self.assertEqual(self.kept(), [])
        self.connection.execute("CREATE TABLE users (a)")
        self.assertEqual(self.kept(), [])
        self.say("comment on column users.a is 'x'")
        self.assertEqual(self.kept(), [("column", "users", "a", "x")])
        self.assertEqual(self.connection.execute("SELECT count(*) FROM sqlite_schema WHERE type = 'view'").get, 1)

    def test_what_is_not_there_has_none(self) -> None:
        for text, sqlstate in (
            ("comment on table nosuch is 'x'", "42P01"),
            ("comment on column users.nosuch is 'x'", "42703"),
            ("comment on view users is 'x'", "42809"),
        ):
            with self.assertRaises(StatementError) as caught:
                self.say(text)
            self.assertEqual(caught.exception.sqlstate, sqlstate, text)
