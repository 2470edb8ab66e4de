"""Tests of ha.sqlite.typescripts."""

from __future__ import annotations

from ha.errors import Notice, StatementError
from ha.sql.made import Composite, Domain, Enumeration
from ha.sql.statements import split
from ha.sqlite.scripts import steps
from ha.sqlite.typeviews import kept
from ha.test.test_rebuild import RebuildCase


class TypeScriptTests(RebuildCase):
    """CREATE TYPE, ALTER TYPE, DROP TYPE in a file."""

    def setUp(self) -> None:
        """With a type and a table of it."""
        super().setUp()
        self.run_all("create type mood as enum ('sad', 'ok')")
        self.connection.execute("create table t (a mood default 'ok', b mood[], c text)")
        self.connection.execute("""insert into t values ('ok', '["sad","ok"]', 'ok'), ('sad', null, 'sad')""")

    def labels(self, name: str = "mood") -> tuple[str, ...]:
        one = kept(self.connection)[name]
        assert isinstance(one, Enumeration)
        return one.labels

    def refused(self, text: str) -> StatementError:
        return self.assertRaises(StatementError, self.run_all, text)

    def test_labels_are_added_where_they_belong(self) -> None:
        """At the end, or beside another."""
        self.run_all("alter type mood add value 'happy'")
        self.run_all("alter type mood add value 'meh' before 'ok'")
        self.run_all("alter type mood add value 'fine' after 'ok'")
        self.assertEqual(self.labels(), ("sad", "meh", "ok", "fine", "happy"))
        self.assertEqual(self.refused("alter type mood add value 'ok'").sqlstate, "42710")
        self.assertEqual(self.refused("alter type mood add value 'x' after 'y'").sqlstate, "22023")
        self.assertEqual(self.refused("alter type nosuch add value 'x'").sqlstate, "42704")
        notices: list[Notice] = []
        self.assertEqual(steps(self.connection, split("alter type mood add value if not exists 'ok'")[0], notices), [])
        self.assertEqual(notices[0].message, 'enum label "ok" already exists, skipping')

    def test_a_label_is_renamed_in_rows_arrays_and_defaults(self) -> None:
        """Where columns are of the type, and nowhere else."""
        self.run_all("alter type mood rename value 'ok' to 'fine'")
        self.assertEqual(self.labels(), ("sad", "fine"))
        self.connection.execute("insert into t (c) values ('ok')")
        self.assertEqual(
            self.rows("select * from t"),
            [("fine", '["sad","fine"]', "ok"), ("sad", None, "sad"), ("fine", None, "ok")],
        )
        self.assertEqual(self.refused("alter type mood rename value 'x' to 'y'").sqlstate, "22023")
        self.assertEqual(self.refused("alter type mood rename value 'sad' to 'fine'").sqlstate, "42710")

    def test_the_type_is_renamed_in_declarations(self) -> None:
        """To whatever name."""
        self.run_all('alter type mood rename to "A Feeling"')
        self.assertEqual(self.labels("A Feeling"), ("sad", "ok"))
        self.assertEqual(
            self.rows("select type from pragma_table_info('t')"), [("A Feeling",), ("A Feeling[]",), ("TEXT",)]
        )
        self.assertEqual(self.rows("select count(*) from t"), [(2,)])

    def test_what_columns_are_of_stays(self) -> None:
        """Unless they go with it."""
        error = self.refused("drop type mood")
        self.assertEqual(error.sqlstate, "2BP01")
        self.assertEqual(
            error.detail, "column a of table t depends on type mood\ncolumn b of table t depends on type mood"
        )
        self.run_all("drop type mood cascade")
        self.assertEqual(self.rows("select * from t"), [("ok",), ("sad",)])
        self.assertEqual(kept(self.connection), {})
        self.assertEqual(self.refused("drop type mood").sqlstate, "42704")
        self.run_all("drop type if exists mood")

    def test_names_and_labels_that_cannot_be(self) -> None:
        """Each says why."""
        many = ", ".join(f"'l{number}'" for number in range(1001))
        for text, sqlstate in (
            ("create type mood as enum ()", "42710"),
            ('create type "MOOD" as enum ()', "42710"),
            ("create type text as enum ()", "42710"),
            ("create type x as enum ('a', 'a')", "23505"),
            ("create type x as enum ('1e5')", "0A000"),
            ("create type x as enum (' 17 ')", "0A000"),
            (f"create type x as enum ('{'a' * 64}')", "42602"),
            (f"create type x as enum ({many})", "54000"),
        ):
            self.assertEqual(self.refused(text).sqlstate, sqlstate, text[:60])

    def test_texts_become_labels(self) -> None:
        """If each of them is one."""
        self.run_all("alter table t alter column c type mood using c::mood")
        self.run_all("alter table t alter column c type text")
        self.connection.execute("insert into t (c) values ('other')")
        self.assertEqual(self.refused("alter table t alter column c type mood using c::mood").sqlstate, "22P02")

    def test_composite_types(self) -> None:
        """Made of what there is, renamed in each other, and kept while something is of them."""
        self.run_all("create type pt as (x integer, m mood[])")
        self.run_all("create type pair as (a pt, b pt[])")
        self.connection.execute("create table u (p pair)")
        for text, sqlstate in (
            ("create type pt as (x int)", "42710"),
            ("create type u as (x int)", "42P07"),
            ("create type v as (x int, x int)", "42701"),
            ("create type v as (x nosuch)", "42704"),
            ("create type nosuch.v as (x int)", "3F000"),
            ("alter type pt add value 'x'", "42809"),
            ("drop type pt", "2BP01"),
            ("drop type pt cascade", "0A000"),
            ("drop type pair", "2BP01"),
        ):
            self.assertEqual(self.refused(text).sqlstate, sqlstate, text)
        self.run_all("alter type pt rename to point2")
        self.run_all("alter type mood rename to feeling")
        self.run_all("alter type pair rename to two")
        self.assertEqual(
            {name: one for name, one in kept(self.connection).items() if isinstance(one, Composite)},
            {
                "point2": Composite("point2", (("x", "int4"), ("m", '"feeling"[]'))),
                "two": Composite("two", (("a", '"point2"'), ("b", '"point2"[]'))),
            },
        )
        self.assertEqual(self.rows("select type from pragma_table_info('u')"), [("two",)])
        self.run_all("drop table u")
        self.run_all("drop type two, point2")
        self.assertEqual(list(kept(self.connection)), ["feeling"])

    def test_domains(self) -> None:
        """Conditions are kept in SQLite's words, and named."""
        self.run_all("create domain age as int default 1::int check (value ~ '1') check (value > 0)")
        self.assertEqual(
            kept(self.connection)["age"],
            Domain(
                "age",
                "int4",
                False,
                "CAST(1 AS INTEGER)",
                (("age_check", "value REGEXP '1'"), ("age_check1", "value > 0")),
            ),
        )
        self.connection.execute('create table u (p int4 "age")')
        for text, sqlstate in (
            ("create domain age as int", "42710"),
            ("create domain other as nosuch", "42704"),
            ("create domain other as mood", "0A000"),
            ("create domain other as int check (value > (select 1))", "0A000"),
            ("create domain other as int constraint c check (value > 1) constraint c check (value > 2)", "42710"),
            ("create type v as (x age)", "0A000"),
            ("alter table u add column q int, add column b age", "0A000"),
            ("alter table u alter column p type age", "0A000"),
            ("drop domain age", "2BP01"),
            ("drop domain mood", "42809"),
            ("drop type age", "42704"),
        ):
            self.assertEqual(self.refused(text).sqlstate, sqlstate, text)
        self.run_all("drop table u")
        self.run_all("drop domain age")
        self.assertEqual(list(kept(self.connection)), ["mood"])
