"""One statement of PostgreSQL's as several of SQLite's."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sql.statements import split
from ha.sqlite.connection import open_writer
from ha.sqlite.scripts import conditions, steps

SCHEMA = """
    create table p(k integer primary key, x text);
    create table b(bid int, v text default 'q', w int unique, constraint positive check (bid > 0));
    create table c(b int references p(k) on delete cascade);
    create index by_v on b(v);
    create view vb as select * from b;
    create view vv as select v from vb;
    create trigger after_p after insert on p begin update b set v = 'z'; end;
    insert into p values (1, 'a'), (2, 'b');
    insert into b values (1, 'x', 5), (2, 'y', 6);
    insert into c values (1), (2);
"""


class RebuildCase(SynchronousTestCase):
    """A schema in which everything depends on everything."""

    def setUp(self) -> None:
        """On a writing connection."""
        self.connection = open_writer(str(Path(self.mktemp()).absolute()), synchronous="NORMAL")
        self.addCleanup(self.connection.close)
        self.connection.execute(SCHEMA)

    def run_all(self, text: str) -> list[str]:
        """As the backend does: all steps, in one transaction."""
        (statement,) = split(text)
        self.ours("BEGIN")
        try:
            with conditions(self.connection, statement):
                texts = steps(self.connection, statement, [])
                for sql in texts:
                    self.connection.execute(sql)
        except BaseException:
            self.ours("ROLLBACK")
            raise
        self.ours("COMMIT")
        return texts

    def ours(self, sql: str) -> None:
        """Transactions are ours alone."""
        with self.connection.guard.trusted():
            self.connection.execute(sql)

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        """What a query gives."""
        return self.connection.execute(sql).fetchall()

    def schema_of(self, name: str) -> str:
        """The stored text."""
        return " ".join(str(self.rows(f"select sql from sqlite_schema where name = '{name}'")[0][0]).split())


class AlterTests(RebuildCase):
    """ALTER TABLE."""

    def test_every_row_and_every_dependent_stays(self) -> None:
        """Views on views, triggers elsewhere, indexes, children's rows."""
        for text in (
            "alter table b add primary key (bid)",
            "alter table b alter column v type varchar(10)",
            "alter table b alter v set default 'new', alter column w drop default",
            "alter table b add column made timestamp default now()",
            "alter table b add constraint fk foreign key (bid) references p(k)",
            "alter table b drop constraint positive",
            "alter table b drop constraint b_w_key",
            "alter table p alter column x type varchar(5)",
        ):
            self.run_all(text)
        self.assertEqual(self.rows("select bid, v, w from vb"), [(1, "x", 5), (2, "y", 6)])
        self.assertEqual(self.rows("select v from vv"), [("x",), ("y",)])
        self.assertEqual(self.rows("select * from c"), [(1,), (2,)])
        self.assertIn(
            "bid INTEGER PRIMARY KEY, v varchar(10) DEFAULT 'new', w int,",
            self.schema_of("b").replace("default", "DEFAULT"),
        )
        self.connection.execute("insert into p values (3, 'c')")
        self.assertEqual(self.rows("select distinct v from b"), [("z",)])
        self.assertEqual(len(self.rows("select 1 from sqlite_schema where name = 'by_v'")), 1)
        self.assertEqual(self.rows("pragma foreign_key_check"), [])

    def test_foreign_keys_act_again_afterwards(self) -> None:
        """And a new one must hold."""
        self.run_all("alter table p alter column x type varchar(5)")
        self.connection.execute("delete from p where k = 1")
        self.assertEqual(self.rows("select * from c"), [(2,)])
        self.connection.execute("insert into b values (9, 'n', 9)")
        error = self.assertRaises(StatementError, self.run_all, "alter table b add foreign key (bid) references p(k)")
        self.assertEqual(error.sqlstate, "23503")
        self.assertNotIn("references", self.schema_of("b"))

    def test_indexes_go_with_their_columns(self) -> None:
        """Whether SQLite drops the column or the table is made anew: also indexes of expressions, and partial ones."""
        self.connection.execute("drop view vv; drop view vb; drop trigger after_p")
        self.connection.execute("create index upper_v on b(upper(v)); create index some on b(bid) where v > 'a'")
        self.run_all("alter table b drop column v cascade")
        self.assertEqual(self.rows("select name from sqlite_schema where type = 'index' and sql is not null"), [])
        self.connection.execute("create index by_w on b(bid, w); create index by_bid on b(bid)")
        self.run_all("alter table b drop column w")
        self.assertEqual(
            self.rows("select name from sqlite_schema where type = 'index' and sql is not null"), [("by_bid",)]
        )

    def test_a_key_that_counts_changes_its_width(self) -> None:
        """To SQLite it stays INTEGER, or it would not count any more; the catalog reads the comment."""
        for made, wanted, kept in (
            ("id serial primary key", "bigint", "id INTEGER /* bigint */ primary key AUTOINCREMENT"),
            (
                "id bigint generated always as identity primary key",
                "int",
                "id INTEGER /* identity */ primary key AUTOINCREMENT",
            ),
            ("id bigserial primary key", "integer", "id INTEGER primary key AUTOINCREMENT"),
        ):
            self.connection.execute("drop table if exists counting")
            self.connection.execute(split(f"create table counting ({made}, a text)")[0].sql)
            self.connection.execute("insert into counting (a) values ('x')")
            self.run_all(f"alter table counting alter column id type {wanted} using id::{wanted}")
            self.assertIn(kept + ",", self.schema_of("counting"))
            self.connection.execute("insert into counting (a) values ('y')")
            self.assertEqual(self.rows("select id, a from counting"), [(1, "x"), (2, "y")])
        error = self.assertRaises(StatementError, self.run_all, "alter table counting alter column id type text")
        self.assertEqual(error.sqlstate, "0A000")

    def test_rowids_stay(self) -> None:
        """They are what replicas know rows without a key by."""
        self.connection.execute("delete from c where b = 1")
        before = self.rows("select rowid, * from c")
        self.run_all("alter table c add foreign key (b) references p(k)")
        self.assertEqual(self.rows("select rowid, * from c"), before)

    def test_unique_and_text_keys_are_indexes(self) -> None:
        """Named as PostgreSQL names them, and dropped by that name."""
        self.assertEqual(
            self.run_all("alter table b add unique (v, w)"),
            ['CREATE UNIQUE INDEX "b_v_w_key" /* unique constraint */ ON "b" ("v", "w")'],
        )
        # Sequelize adds the same again at every sync({alter: true}).
        self.assertIn('"b_v_w_key1"', self.run_all("alter table b add unique (v, w)")[0])
        self.run_all("alter table b add constraint key_of_b primary key (v)")
        self.assertIn("v text default 'q' NOT NULL", self.schema_of("b"))
        self.assertEqual(self.run_all("alter table b drop constraint key_of_b"), ['DROP INDEX "key_of_b"'])

    def test_what_is_there_or_not(self) -> None:
        """IF EXISTS passes over it; without, it is an error."""
        self.assertEqual(self.run_all("alter table if exists nosuch add unique (a)"), [])
        self.assertEqual(self.run_all("alter table b drop column if exists nosuch"), [])
        self.assertEqual(self.run_all("alter table b add column if not exists v int"), [])
        for text, sqlstate in (
            ("alter table nosuch add unique (a)", "42P01"),
            ("alter table b alter column nosuch type int", "42703"),
            ("alter table b drop constraint nosuch", "42704"),
            ("alter table p add primary key (x)", "42P16"),
        ):
            self.assertEqual(self.assertRaises(StatementError, self.run_all, text).sqlstate, sqlstate, text)


class CountingTests(RebuildCase):
    """SERIAL and IDENTITY of a table that is there, as a dump says them: before the key."""

    def text(self, table: str) -> str:
        """The table as the file keeps it."""
        return " ".join(str(self.rows(f"select sql from sqlite_schema where name = '{table}'")[0][0]).split())

    def test_a_default_that_counts(self) -> None:
        self.connection.execute("create table s(id integer not null, x text)")
        self.run_all("alter table only s alter column id set default nextval('public.s_id_seq'::regclass)")
        self.connection.execute("insert into s values (7, 'a')")
        self.run_all("alter table only s add constraint s_pkey primary key (id)")
        self.assertIn("id INTEGER /* */ PRIMARY KEY AUTOINCREMENT not null", self.text("s"))
        self.connection.execute("insert into s(x) values ('b')")
        self.assertEqual(self.rows("select max(id) from s"), [(8,)])

    def test_an_identity(self) -> None:
        self.connection.execute("create table s(id bigint not null, x text)")
        self.run_all(
            "alter table s alter id add generated by default as identity (sequence name public.s_id_seq start with 1)"
        )
        self.run_all("alter table only s add primary key (id)")
        self.assertIn("id INTEGER /* bigint identity */ PRIMARY KEY AUTOINCREMENT not null", self.text("s"))

    def test_an_identity_of_a_key(self) -> None:
        self.connection.execute("create table s(id integer primary key, x text)")
        self.run_all("alter table s alter id add generated always as identity")
        self.assertIn("id INTEGER /* identity */ primary key AUTOINCREMENT", self.text("s"))

    def test_a_key_that_does_not_count_keeps_its_width(self) -> None:
        self.connection.execute("create table s(id bigint not null, x text)")
        self.run_all("alter table only s add primary key (id)")
        self.assertIn("id INTEGER /* bigint */ PRIMARY KEY not null", self.text("s"))

    def test_only_integers_count(self) -> None:
        error = self.assertRaises(
            StatementError, self.run_all, "alter table b alter v add generated always as identity"
        )
        self.assertEqual(error.sqlstate, "22023")

    def test_numbers_that_were_given_out_are_not_given_again(self) -> None:
        self.connection.execute("create table s(id integer primary key autoincrement, x varchar(3))")
        self.connection.execute("insert into s(id) values (40); delete from s")
        self.run_all("alter table s alter x type text")
        self.connection.execute("insert into s default values")
        self.assertEqual(self.rows("select id from s"), [(41,)])

    def test_a_foreign_key_onto_no_key(self) -> None:
        error = self.assertRaises(StatementError, self.run_all, "alter table c add foreign key (b) references b(bid)")
        self.assertEqual(error.sqlstate, "42830")
