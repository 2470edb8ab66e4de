"""Open database files: what their connections promise."""

from __future__ import annotations

import apsw
from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sqlite import connection as module
from ha.sqlite.connection import LIMITS, Connection, open_reader, open_writer


class OpenTests(SynchronousTestCase):
    """How a file is opened."""

    def setUp(self) -> None:
        """A file that does not exist yet."""
        self.path = self.mktemp()

    def writer(self, synchronous: str = "NORMAL") -> Connection:
        """Its writing connection, closed at the end."""
        connection = open_writer(self.path, synchronous=synchronous)
        self.addCleanup(connection.close)
        return connection

    def reader(self) -> Connection:
        """A reading connection, closed at the end."""
        connection = open_reader(self.path)
        self.addCleanup(connection.close)
        return connection

    def pragma(self, connection: Connection, name: str) -> object:
        """What one of SQLite's settings is."""
        with connection.guard.trusted():
            return connection.execute(f"PRAGMA {name}").get

    def test_the_writer_makes_the_file(self) -> None:
        """With a write-ahead log, so that readers and the writer do not wait for each other."""
        self.assertEqual(self.pragma(self.writer(), "journal_mode"), "wal")

    def test_a_reader_needs_a_file(self) -> None:
        """It never makes one."""
        self.assertRaises(apsw.CantOpenError, open_reader, self.path)

    def test_commits_do_not_checkpoint(self) -> None:
        """That is done elsewhere."""
        self.assertEqual(self.pragma(self.writer(), "wal_autocheckpoint"), 0)

    def test_the_operator_chooses_how_safe_a_commit_is(self) -> None:
        """NORMAL is 1 and FULL is 2 in SQLite's numbers."""
        self.assertEqual(self.pragma(self.writer("NORMAL"), "synchronous"), 1)
        self.assertEqual(self.pragma(self.writer("FULL"), "synchronous"), 2)
        self.assertRaises(ValueError, open_writer, self.path, synchronous="OFF")

    def test_foreign_keys_are_enforced(self) -> None:
        """As PostgreSQL does."""
        writer = self.writer()
        writer.execute("CREATE TABLE p (a PRIMARY KEY); CREATE TABLE c (a REFERENCES p)")
        self.assertRaises(apsw.ConstraintError, writer.execute, "INSERT INTO c VALUES (1)")

    def test_double_quotes_are_names(self) -> None:
        """A misspelt column is an error, not a text."""
        self.assertRaises(apsw.SQLError, self.writer().execute, 'SELECT "nmae"')

    def test_a_reader_writes_nothing(self) -> None:
        """Not even a TEMP table, which a read-only file does not prevent."""
        writer, reader = self.writer(), self.reader()
        writer.execute("CREATE TABLE t (a)")
        for sql in ("INSERT INTO t VALUES (1)", "CREATE TEMP TABLE x (a)", "CREATE TABLE x (a)", "ANALYZE"):
            self.assertRaises(apsw.ReadOnlyError, reader.execute, sql)

    def test_a_reader_sees_what_the_writer_committed(self) -> None:
        """At once."""
        writer, reader = self.writer(), self.reader()
        writer.execute("CREATE TABLE t (a); INSERT INTO t VALUES (1)")
        self.assertEqual(reader.execute("SELECT a FROM t").get, 1)

    def test_limits_are_set(self) -> None:
        """Each one; SQLite cuts what is above its own compiled limit."""
        writer = self.writer()
        for limit, value in LIMITS.items():
            self.assertLessEqual(writer.limit(limit), value)
        self.assertEqual(writer.limit(apsw.SQLITE_LIMIT_LENGTH), module.VALUE_BYTES_MAX)

    def test_a_value_cannot_be_larger_than_the_limit(self) -> None:
        """However it comes into being."""
        writer = self.writer()
        for sql in ("SELECT zeroblob(67108865)", "SELECT printf('%67108865d', 1)", "SELECT randomblob(67108865)"):
            self.assertRaises(apsw.TooBigError, lambda sql=sql: writer.execute(sql).get)

    def test_a_failed_open_leaves_nothing_open(self) -> None:
        """The caller gets SQLite's error."""
        with open(self.path, "wb") as file:
            file.write(b"this is a letter, not a database" * 100)
        self.assertRaises(apsw.NotADBError, open_writer, self.path, synchronous="NORMAL")


class PreparedTests(SynchronousTestCase):
    """A client's statements and ours are never the same prepared statement."""

    def setUp(self) -> None:
        """A database with one of our tables."""
        self.connection = open_writer(self.mktemp(), synchronous="NORMAL")
        self.addCleanup(self.connection.close)
        with self.connection.guard.trusted():
            self.connection.execute("CREATE TABLE ha_outbox (a)")

    def test_a_client_cannot_reuse_what_we_prepared(self) -> None:
        """Though the text is the same, and in the cache."""
        sql = "INSERT INTO ha_outbox VALUES (1)"
        for _ in range(3):
            with self.connection.guard.trusted():
                self.connection.execute(sql)
            self.assertRaises(StatementError, self.connection.execute, sql)
        self.assertEqual(self.connection.execute("SELECT count(*) FROM ha_outbox").get, 3)

    def test_nor_through_a_cursor_or_executemany(self) -> None:
        """There is no way around the guard."""
        sql = "INSERT INTO ha_outbox VALUES (?)"
        with self.connection.guard.trusted():
            self.connection.executemany(sql, [(1,), (2,)])
            self.connection.cursor().execute(sql, (3,))
        self.assertRaises(StatementError, self.connection.executemany, sql, [(1,)])
        self.assertRaises(StatementError, self.connection.cursor().execute, sql, (1,))
        self.assertRaises(StatementError, self.connection.cursor().executemany, sql, [(1,)])

    def test_both_are_kept_for_the_next_time(self) -> None:
        """Two entries of one text in the cache."""
        for _ in range(3):
            self.connection.execute("SELECT 1").get  # noqa: B018
            with self.connection.guard.trusted():
                self.connection.execute("SELECT 1").get  # noqa: B018
        entries = [e for e in self.connection.cache_stats(True)["entries"] if e["query"] == "SELECT 1"]
        self.assertEqual([entry["uses"] for entry in entries], [3, 3])


class FactsTests(SynchronousTestCase):
    """What is known of a statement before it runs."""

    def setUp(self) -> None:
        """A small schema, and a reader beside the writer."""
        path = self.mktemp()
        self.writer = open_writer(path, synchronous="NORMAL")
        self.addCleanup(self.writer.close)
        self.writer.execute(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, name VARCHAR(20)); CREATE TABLE log (a);"
            "CREATE VIEW v AS SELECT name FROM t; CREATE TRIGGER r AFTER DELETE ON t BEGIN INSERT INTO log VALUES (1); END"
        )
        self.reader = open_reader(path)
        self.addCleanup(self.reader.close)

    def test_columns_with_their_origin(self) -> None:
        """An expression has none."""
        found = self.reader.facts("SELECT name AS n, id + 1 AS next FROM t").columns
        self.assertEqual(
            (found[0].name, found[0].decltype, found[0].table, found[0].origin), ("n", "VARCHAR(20)", "t", "name")
        )
        self.assertEqual((found[1].name, found[1].decltype, found[1].table), ("next", None, None))

    def test_where_the_columns_of_a_view_come_from(self) -> None:
        with self.writer.guard.trusted():
            (found,) = self.writer.columns_of("v")
            self.assertEqual((found.name, found.table, found.origin), ("name", "t", "name"))
            self.writer.execute("CREATE VIEW broken AS SELECT * FROM nosuch")
            self.assertEqual(self.writer.columns_of("broken"), ())

    def test_parameters(self) -> None:
        """By name where they have one."""
        self.assertEqual(self.reader.facts("SELECT :a, ?, $2, :a").parameters, ("a", None, "2"))

    def test_nothing_runs(self) -> None:
        """Not the statement, nor what it would fire."""
        self.writer.execute("INSERT INTO t VALUES (1, 'x')")
        facts = self.writer.facts("DELETE FROM t RETURNING id")
        self.assertEqual((facts.readonly, [column.name for column in facts.columns]), (False, ["id"]))
        self.assertEqual(self.writer.execute("SELECT count(*) FROM t").get, 1)

    def test_a_reader_knows_writing_statements_too(self) -> None:
        """So it can be asked where a statement belongs."""
        facts = self.reader.facts("INSERT INTO t (name) VALUES ($1)")
        self.assertFalse(facts.readonly)
        self.assertEqual(facts.tables_written, {"t"})

    def test_tables_through_views_and_triggers(self) -> None:
        """Also those that the text does not name."""
        self.assertEqual(self.reader.facts("SELECT * FROM v").tables_read, {"v", "t"})
        self.assertEqual(self.reader.facts("DELETE FROM t WHERE id = 3").tables_written, {"t", "log"})

    def test_a_schema_change(self) -> None:
        """And TEMP objects, which are none."""
        self.assertTrue(self.writer.facts("CREATE INDEX i ON t (name)").changes_schema)
        self.assertTrue(self.writer.facts("ALTER TABLE t ADD COLUMN x").changes_schema)
        self.assertTrue(self.writer.facts("DROP VIEW v").changes_schema)
        self.assertFalse(self.writer.facts("INSERT INTO log VALUES (1)").changes_schema)
        temporary = self.writer.facts("CREATE TEMP TABLE q AS SELECT * FROM t")
        self.assertEqual((temporary.changes_schema, temporary.makes_temp), (False, True))

    def test_a_comment_is_empty(self) -> None:
        """An EXPLAIN is not."""
        self.assertTrue(self.reader.facts("-- nothing").empty)
        self.assertTrue(self.reader.facts("").empty)
        explained = self.reader.facts("EXPLAIN DELETE FROM t")
        self.assertEqual((explained.empty, explained.is_explain, explained.readonly), (False, True, True))

    def test_a_refused_statement_has_none(self) -> None:
        """The guard is asked before anything is prepared."""
        self.assertRaises(StatementError, self.reader.facts, "ATTACH 'x' AS y")

    def test_a_second_asking_prepares_nothing(self) -> None:
        """The same object comes back."""
        self.assertIs(self.reader.facts("SELECT 1"), self.reader.facts("SELECT 1"))

    def test_a_statement_that_ran_before_still_has_its_tables(self) -> None:
        """Though SQLite does not ask the guard about a statement in the cache."""
        self.reader.execute("SELECT name FROM t").fetchall()
        self.assertEqual(self.reader.facts("SELECT name FROM t").tables_read, {"t"})

    def test_a_schema_change_here_is_noticed(self) -> None:
        """Before the next answer."""
        before = self.writer.facts("SELECT * FROM t")
        self.writer.execute("ALTER TABLE t ADD COLUMN x")
        self.assertEqual(len(self.writer.facts("SELECT * FROM t").columns), len(before.columns) + 1)

    def test_a_schema_change_elsewhere_is_noticed_when_a_statement_meets_it(self) -> None:
        """Or at once by whoever is told."""
        self.reader.facts("SELECT * FROM t")
        self.writer.execute("ALTER TABLE t ADD COLUMN x")
        self.reader.execute("SELECT * FROM t").fetchall()
        self.assertEqual(len(self.reader.facts("SELECT * FROM t").columns), 3)
        self.writer.execute("ALTER TABLE t ADD COLUMN y")
        self.reader.forget()
        self.assertEqual(len(self.reader.facts("SELECT * FROM t").columns), 4)

    def test_a_readers_old_snapshot_does_not_outlive_it(self) -> None:
        """What was true inside a transaction is looked at again after it."""
        with self.reader.guard.trusted():
            self.reader.execute("BEGIN; SELECT * FROM t")
        self.writer.execute("ALTER TABLE t ADD COLUMN x")
        self.reader.forget()
        for _ in range(3):
            self.assertEqual(len(self.reader.facts("SELECT * FROM t").columns), 2)
        with self.reader.guard.trusted():
            self.reader.execute("COMMIT")
        self.assertEqual(len(self.reader.facts("SELECT * FROM t").columns), 3)

    def test_a_schema_change_that_is_undone(self) -> None:
        """SQLite counts the schema's version back, and then up to the same number with another schema."""
        for undo in ("ROLLBACK", "ROLLBACK TO s; RELEASE s; COMMIT"):
            with self.writer.guard.trusted():
                self.writer.execute("BEGIN; SAVEPOINT s")
            self.writer.execute("ALTER TABLE t ADD COLUMN x")
            self.assertEqual(len(self.writer.facts("SELECT * FROM t").columns), 3)
            with self.writer.guard.trusted():
                self.writer.execute(undo)
            self.assertEqual(len(self.writer.facts("SELECT * FROM t").columns), 2)
            self.writer.execute(f"CREATE VIEW v{len(undo)} AS SELECT 1")
            self.assertEqual(len(self.writer.facts("SELECT * FROM t").columns), 2)

    def test_they_are_not_kept_for_ever(self) -> None:
        """Texts that come once must not fill the memory."""
        for number in range(module.FACTS_KEPT + 1):
            self.reader.facts(f"SELECT {number}")
        self.assertLessEqual(len(self.reader._facts), module.FACTS_KEPT)
