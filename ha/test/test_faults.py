"""What clients are told when SQLite refuses."""

from __future__ import annotations

import apsw
from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sqlite.connection import open_reader, open_writer
from ha.sqlite.faults import position, translate

SCHEMA = """
    CREATE TABLE ev (id INT PRIMARY KEY, a TEXT NOT NULL, b INT UNIQUE, c INT CHECK (c > 0), d VARCHAR(3),
                     CONSTRAINT cc CHECK (length(a) < 10), CHECK (b <> c));
    CREATE TABLE ev2 (x INT REFERENCES ev (id));
    CREATE TABLE named (a INT CONSTRAINT first PRIMARY KEY, b, c, CONSTRAINT "both of them" UNIQUE (b, c));
    CREATE TABLE "we, ird.t" (a, b, PRIMARY KEY (a, b)) WITHOUT ROWID;
    CREATE TABLE strict_one (n INT) STRICT;
    CREATE TABLE aliased (id INTEGER PRIMARY KEY);
    CREATE TABLE indexed (a, b);
    CREATE UNIQUE INDEX indexed_a ON indexed (a);
    CREATE UNIQUE INDEX indexed_lower ON indexed (lower(b));
    CREATE TABLE guarded (a);
    CREATE TRIGGER keep BEFORE DELETE ON guarded BEGIN SELECT raise(ABORT, 'we keep everything'); END;
    CREATE TABLE generated (a, b AS (a + 1));
    CREATE VIEW seen AS SELECT a FROM ev;
    CREATE TABLE counted (id INTEGER PRIMARY KEY AUTOINCREMENT, a);
    CREATE TABLE counting (id INTEGER PRIMARY KEY AUTOINCREMENT, a);
    CREATE TRIGGER counts AFTER INSERT ON counting BEGIN INSERT INTO counted (a) VALUES (new.a); END;
    INSERT INTO counted VALUES (9223372036854775807, 'the last');
    INSERT INTO ev VALUES (1, 'a', 1, 5, 'x');
    INSERT INTO ev2 VALUES (1);
    INSERT INTO named VALUES (1, 1, 1);
    INSERT INTO "we, ird.t" VALUES (1, 1);
    INSERT INTO aliased VALUES (1);
    INSERT INTO indexed VALUES (1, 'B');
    INSERT INTO guarded VALUES (1);
"""


class FaultCase(SynchronousTestCase):
    """One database with one of each constraint."""

    def setUp(self) -> None:
        """A schema with one of each constraint."""
        self.path = self.mktemp()
        self.connection = open_writer(self.path, synchronous="NORMAL")
        self.addCleanup(self.connection.close)
        self.connection.execute(SCHEMA)

    def fail_with(self, sql: str, values: object = None) -> StatementError:
        """What the client of `sql` is told."""
        try:
            self.connection.execute(sql, values).fetchall()
        except Exception as error:
            return translate(error, self.connection, sql)
        self.fail(f"{sql}: nothing was wrong")


class TranslationTests(FaultCase):
    """Statements that cannot be done."""

    def check(self, *rows: tuple[str, str, str]) -> None:
        """Statement, SQLSTATE and sentence."""
        for sql, sqlstate, message in rows:
            error = self.fail_with(sql)
            self.assertEqual((error.sqlstate, error.message), (sqlstate, message), sql)

    def test_types(self) -> None:
        """A STRICT table, and the rowid's alias."""
        error = self.fail_with("INSERT INTO strict_one VALUES ('x')")
        self.assertEqual((error.sqlstate, error.table, error.column), ("42804", "strict_one", "n"))
        self.assertEqual(self.fail_with("INSERT INTO aliased VALUES ('x')").sqlstate, "22P02")

    def test_a_triggers_own_words(self) -> None:
        """They are for the client."""
        self.check(("DELETE FROM guarded", "P0001", "we keep everything"))

    def test_what_does_not_exist(self) -> None:
        """PostgreSQL's sentences, by which drivers and frameworks know them."""
        self.check(
            ("SELECT * FROM nosuch", "42P01", 'relation "nosuch" does not exist'),
            ("SELECT nosuch FROM ev", "42703", 'column "nosuch" does not exist'),
            ('SELECT "nosuch" FROM ev', "42703", 'column "nosuch" does not exist'),
            ("SELECT e.nosuch FROM ev e", "42703", "column e.nosuch does not exist"),
            ("INSERT INTO ev (nosuch) VALUES (1)", "42703", 'column "nosuch" of relation "ev" does not exist'),
            ("SELECT nosuch()", "42883", "function nosuch() does not exist"),
            ("DROP INDEX nosuch", "42704", 'index "nosuch" does not exist'),
            ("DROP TRIGGER nosuch", "42704", 'trigger "nosuch" does not exist'),
            ("SELECT 'a' COLLATE nosuch ORDER BY 1", "42704", 'collation "nosuch" does not exist'),
            ("CREATE INDEX i ON nosuch (a)", "42P01", 'relation "nosuch" does not exist'),
        )

    def test_what_exists_already(self) -> None:
        """Migrations ask for it."""
        self.check(
            ("CREATE TABLE ev (a)", "42P07", 'relation "ev" already exists'),
            ("CREATE VIEW seen AS SELECT 1", "42P07", 'relation "seen" already exists'),
            ("CREATE INDEX indexed_a ON ev (a)", "42P07", 'relation "indexed_a" already exists'),
            ("CREATE TABLE indexed_a (a)", "42P07", 'relation "indexed_a" already exists'),
            ("CREATE INDEX ev ON ev (a)", "42P07", 'relation "ev" already exists'),
            ("CREATE TRIGGER keep AFTER DELETE ON ev BEGIN SELECT 1; END", "42710", 'trigger "keep" already exists'),
            ("ALTER TABLE ev ADD COLUMN a", "42701", 'column "a" of relation "ev" already exists'),
            ("ALTER TABLE ev DROP COLUMN nosuch", "42703", 'column "nosuch" of relation "ev" does not exist'),
            ("CREATE TABLE twice (a, a)", "42701", 'column "a" specified more than once'),
        )

    def test_syntax(self) -> None:
        """42601 and where."""
        self.check(
            ("SELEC 1", "42601", 'syntax error at or near "SELEC"'),
            ("SELECT 1 +", "42601", "syntax error at end of input"),
            ("SELECT 'abc", "42601", 'unterminated quoted string at or near "\'abc"'),
            ("SELECT (SELECT 1, 2)", "42601", "subquery must return only one column"),
            ("SELECT 1 UNION SELECT 1, 2", "42601", "each UNION query must have the same number of columns"),
            ("INSERT INTO ev2 VALUES (1, 2)", "42601", "INSERT has more expressions than target columns"),
            ("INSERT INTO ev VALUES (1, 2)", "42601", "INSERT has more target columns than expressions"),
            ("VALUES (1), (1, 2)", "42601", "VALUES lists must all be the same length"),
        )

    def test_meaning(self) -> None:
        """What parses and still makes no sense."""
        self.check(
            ("SELECT max(sum(id)) FROM ev", "42803", "misuse of aggregate function sum()"),
            ("SELECT row_number()", "42P20", "window function row_number() requires an OVER clause"),
            ("SELECT id FROM ev JOIN aliased", "42702", 'column reference "id" is ambiguous'),
            ("SELECT id FROM ev ORDER BY 2", "42P10", "ORDER BY position is not in select list"),
            ("INSERT INTO generated (b) VALUES (1)", "428C9", 'cannot INSERT into generated column "b"'),
            ("INSERT INTO seen VALUES (1)", "55000", 'view "seen" cannot be written to'),
            ("DROP VIEW ev", "42809", '"ev" is not a view'),
            ("DROP TABLE seen", "42809", '"seen" is not a table'),
            (
                "CREATE TABLE t (a PRIMARY KEY, b PRIMARY KEY)",
                "42P16",
                'multiple primary keys for table "t" are not allowed',
            ),
            ("CREATE TABLE sqlite_t (a)", "42939", 'the name "sqlite_t" is reserved'),
            ("UPDATE sqlite_schema SET sql = ''", "42501", 'table "sqlite_master" may not be modified'),
        )
        self.assertEqual(self.fail_with("INSERT INTO ev2 VALUES (1) ON CONFLICT (x) DO NOTHING").sqlstate, "42P10")

    def test_values(self) -> None:
        """Too large, malformed, or the wrong number of them."""
        self.check(
            ("SELECT abs(-9223372036854775808)", "22003", "bigint out of range"),
            ("SELECT json('{')", "22P02", "invalid input syntax for type json"),
            ("SELECT zeroblob(1000000000)", "54000", "the value or the statement is too large"),
        )
        self.assertEqual(self.fail_with("SELECT ?", (2**63,)).sqlstate, "22003")
        self.assertEqual(self.fail_with("SELECT ?", ("\ud800",)).sqlstate, "22021")
        self.assertEqual(self.fail_with("SELECT ?", (1, 2)).sqlstate, "08P01")
        self.assertEqual(self.fail_with("SELECT ?").sqlstate, "08P01")
        self.assertEqual(self.fail_with("SELECT :a", {}).message, 'there is no value for parameter "a"')

    def test_limits(self) -> None:
        """54000, for what is too much."""
        for sql in (
            "SELECT " + "(" * 5000 + "1" + ")" * 5000,
            "SELECT " + ", ".join(["1"] * 2001),
            " UNION ALL ".join(["SELECT 1"] * 501),
            "SELECT ?40000",
        ):
            self.assertEqual(self.fail_with(sql).sqlstate, "54000", sql[:40])

    def test_the_place_in_the_text(self) -> None:
        """In characters, from 1; where SQLite is silent, the name's only place."""
        for sql, where in (
            ("SELECT nosuch FROM ev", 8),
            ("SELECT 'é', nosuch", 13),
            ("SELECT * FROM nosuch", 15),
            ("SELECT 1 +", 11),
            ("SELECT * FROM nosuch JOIN nosuch AS n", None),
        ):
            self.assertEqual(self.fail_with(sql).position, where, sql)
        self.assertEqual(position("aé𝄞b", 7), 4)
        self.assertIsNone(position("abc", -1))

    def test_a_reader_cannot_write(self) -> None:
        """25006."""
        reader = open_reader(self.path)
        self.addCleanup(reader.close)
        sql = "DELETE FROM ev2"
        error = self.assertRaises(apsw.ReadOnlyError, reader.execute, sql)
        self.assertEqual(translate(error, reader, sql).sqlstate, "25006")

    def test_an_interrupted_statement(self) -> None:
        """57014."""
        self.connection.set_progress_handler(lambda: True, 1)
        error = self.fail_with("SELECT count(*) FROM ev, ev, ev")
        self.connection.set_progress_handler(None)
        self.assertEqual(error.sqlstate, "57014")

    def test_a_locked_file(self) -> None:
        """55P03; and 40001 for a snapshot that was overtaken."""
        other = apsw.Connection(self.path)
        self.addCleanup(other.close)
        with self.connection.guard.trusted():
            other.execute("BEGIN IMMEDIATE")
            self.assertEqual(self.fail_with("BEGIN IMMEDIATE").sqlstate, "55P03")
            other.execute("COMMIT")
            self.connection.execute("BEGIN; SELECT * FROM ev")
            other.execute("INSERT INTO guarded VALUES (2)")
            self.assertEqual(self.fail_with("INSERT INTO guarded VALUES (3)").sqlstate, "40001")

    def test_a_key_that_has_counted_to_its_end(self) -> None:
        """No full disk: SQLite has one word for both."""
        for sql in (
            "INSERT INTO counted (a) VALUES ('one more')",
            "INSERT INTO counting (a) VALUES ('a trigger counts, too')",
        ):
            told = self.fail_with(sql)
            self.assertEqual(told.sqlstate, "2200H", sql)
            self.assertIn('"counted_id_seq"', told.message)

    def test_a_refusal_passes_as_it_is(self) -> None:
        """The guard has said it already."""
        self.assertEqual(self.fail_with("ATTACH 'x' AS y").sqlstate, "42501")

    def test_a_bug_of_ours_is_not_dressed_up(self) -> None:
        """It goes on to whoever logs it."""
        bug = TypeError("ours")
        self.assertRaises(TypeError, translate, bug, self.connection, "SELECT 1")


class CodeTests(SynchronousTestCase):
    """What the disk and the machine do, by result code alone."""

    def test_codes(self) -> None:
        """Sentences of ours, SQLite's as detail."""
        connection = open_writer(self.mktemp(), synchronous="NORMAL")
        self.addCleanup(connection.close)
        for code, sqlstate in (
            (apsw.SQLITE_FULL, "53100"),
            (apsw.SQLITE_IOERR_READ, "58030"),
            (apsw.SQLITE_IOERR_NOMEM, "53200"),
            (apsw.SQLITE_CORRUPT_INDEX, "XX001"),
            (apsw.SQLITE_NOTADB, "58030"),
            (apsw.SQLITE_CANTOPEN, "58030"),
            (apsw.SQLITE_NOMEM, "53200"),
            (apsw.SQLITE_LOCKED, "55006"),
        ):
            error = apsw.exception_for(code)
            self.assertEqual(translate(error, connection, "SELECT 1").sqlstate, sqlstate)
