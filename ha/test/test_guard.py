"""What clients may not do in a database, and what they may."""

from __future__ import annotations

import apsw
from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sqlite.connection import Connection, open_writer
from ha.sqlite.guard import OUR_TABLES


class GuardTests(SynchronousTestCase):
    """One database, and a client's statements."""

    def setUp(self) -> None:
        """With one of our tables, and one of everybody's."""
        self.path = self.mktemp()
        self.connection: Connection = open_writer(self.path, synchronous="NORMAL")
        self.addCleanup(self.connection.close)
        with self.connection.guard.trusted():
            self.connection.execute("CREATE TABLE ha_stats (subject, received_seq)")
        self.connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT)")

    def refused(self, sql: str) -> str:
        """The sentence with which it is refused."""
        error = self.assertRaises(StatementError, lambda: self.connection.execute(sql).fetchall())
        self.assertEqual(error.sqlstate, "42501", sql)
        return str(error.message)


class RefusalTests(GuardTests):
    """42501, and a sentence that names the thing."""

    def test_other_files(self) -> None:
        """A client reaches this database and nothing else on the machine."""
        self.assertIn("ATTACH", self.refused("ATTACH 'other.db' AS other"))
        self.assertIn("ATTACH", self.refused("ATTACH ':memory:' AS other"))
        self.assertIn("VACUUM INTO", self.refused("VACUUM INTO 'stolen.db'"))
        self.assertIn("DETACH", self.refused("DETACH main"))
        self.assertIn("load_extension", self.refused("SELECT load_extension('evil')"))

    def test_vacuum(self) -> None:
        """It rewrites the file under everybody; the house does it when it is due."""
        self.assertIn("VACUUM", self.refused("VACUUM"))

    def test_transaction_control(self) -> None:
        """A client's BEGIN is the house's to do: the writer is shared."""
        for sql in ("BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT s", "RELEASE s", "ROLLBACK TO s"):
            self.refused(sql)

    def test_our_tables(self) -> None:
        """Everybody may read them, nobody write, change, drop or put triggers on them."""
        self.connection.execute("SELECT * FROM ha_stats").fetchall()
        for sql in (
            "INSERT INTO ha_stats VALUES ('s', 1)",
            "UPDATE ha_stats SET received_seq = 9",
            "DELETE FROM HA_STATS",
            "DROP TABLE ha_stats",
            "ALTER TABLE ha_stats ADD COLUMN x",
            "ALTER TABLE ha_stats RENAME TO mine",
            "CREATE INDEX mine ON ha_stats (subject)",
            "CREATE TRIGGER mine AFTER INSERT ON ha_stats BEGIN SELECT 1; END",
        ):
            self.assertIn("belong to the server", self.refused(sql))

    def test_our_tables_through_a_trigger(self) -> None:
        """SQLite asks about what a trigger would do as well."""
        self.connection.execute("CREATE TRIGGER r AFTER INSERT ON t BEGIN DELETE FROM ha_stats; END")
        self.refused("INSERT INTO t (name) VALUES ('x')")

    def test_names_like_ours(self) -> None:
        """So that no later version of ours meets a table of somebody's."""
        for sql in (
            "CREATE TABLE ha_mine (a)",
            "CREATE TABLE Ha_Mine AS SELECT 1",
            "CREATE VIEW ha_mine AS SELECT 1",
            "CREATE INDEX ha_mine ON t (name)",
            "CREATE TRIGGER ha_mine AFTER INSERT ON t BEGIN SELECT 1; END",
            "CREATE VIRTUAL TABLE ha_mine USING fts5(a)",
            "CREATE TEMP TABLE ha_stats (a)",
        ):
            self.assertIn("belong to the server", self.refused(sql))

    def test_a_name_like_ours_by_renaming(self) -> None:
        """SQLite does not tell the new name beforehand; the caller undoes what raised."""
        with self.connection.guard.trusted():
            self.connection.execute("SAVEPOINT s")
        self.assertIn("ha_mine", self.refused("ALTER TABLE t RENAME TO ha_mine"))
        with self.connection.guard.trusted():
            self.connection.execute("ROLLBACK TO s; RELEASE s")
        self.connection.execute("ALTER TABLE t RENAME TO mine")

    def test_a_failed_change_leaves_no_suspicion(self) -> None:
        """The next statement is not judged by it."""
        self.assertRaises(apsw.SQLError, self.connection.execute, "ALTER TABLE t DROP COLUMN id")
        self.assertFalse(self.connection.guard.due)

    def test_names_of_sqlite(self) -> None:
        """SQLite's own rule."""
        self.assertRaises(apsw.SQLError, self.connection.execute, "CREATE TABLE sqlite_mine (a)")

    def test_the_schema_table(self) -> None:
        """Defensive mode keeps it, and nothing can switch that off."""
        self.assertRaises(apsw.SQLError, self.connection.execute, "UPDATE sqlite_schema SET sql = ''")
        self.assertRaises(apsw.SQLError, self.connection.execute, "DELETE FROM sqlite_master")
        self.refused("PRAGMA writable_schema = ON")

    def test_shadow_tables(self) -> None:
        """They belong to their virtual table, whose own work goes on."""
        self.connection.execute("CREATE VIRTUAL TABLE f USING fts5(a)")
        self.connection.execute("INSERT INTO f VALUES ('word')")
        self.assertRaises(apsw.SQLError, self.connection.execute, "DELETE FROM f_data")
        self.assertRaises(apsw.SQLError, self.connection.execute, "DROP TABLE f_data")

    def test_foreign_keys_onto_shadow_tables(self) -> None:
        """SQLite can crash when they are followed; refused whichever comes first."""
        self.connection.execute("CREATE VIRTUAL TABLE f USING fts5(a)")
        for sql in ("CREATE TABLE c (a REFERENCES F_Data)", "ALTER TABLE t ADD COLUMN c REFERENCES f_content (id)"):
            with self.connection.guard.trusted():
                self.connection.execute("SAVEPOINT s")
            error = self.assertRaises(StatementError, self.connection.execute, sql)
            self.assertEqual(error.sqlstate, "0A000")
            with self.connection.guard.trusted():
                self.connection.execute("ROLLBACK TO s; RELEASE s")
        self.connection.execute("CREATE TABLE c (a REFERENCES g_data)")
        error = self.assertRaises(StatementError, self.connection.execute, "CREATE VIRTUAL TABLE g USING fts5(a)")
        self.assertEqual((error.sqlstate, error.table), ("0A000", "c"))

    def test_pragmas_that_set(self) -> None:
        """A client's settings are the house's, and the file's are everybody's."""
        for sql in (
            "PRAGMA journal_mode = DELETE",
            "PRAGMA foreign_keys = OFF",
            "PRAGMA synchronous = OFF",
            "PRAGMA user_version = 3",
            "PRAGMA encoding = 'UTF-16'",
            "PRAGMA defer_foreign_keys = ON",
            "PRAGMA recursive_triggers = OFF",
            "PRAGMA trusted_schema = ON",
            "PRAGMA temp_store_directory = '/tmp'",
            "PRAGMA wal_checkpoint",
            "PRAGMA incremental_vacuum",
            "PRAGMA optimize",
            "PRAGMA nonsense",
        ):
            self.assertIn("PRAGMA", self.refused(sql))

    def test_pragmas_as_tables(self) -> None:
        """The same list holds for the table-valued form."""
        self.connection.execute("SELECT * FROM pragma_table_info('t')").fetchall()
        self.assertIn("optimize", self.refused("SELECT * FROM pragma_optimize"))

    def test_functions_that_are_not_on_the_list(self) -> None:
        """Also in a view."""
        self.refused("SELECT fts3_tokenizer('simple')")
        self.connection.execute("CREATE VIEW v AS SELECT load_extension('x')")
        self.assertRaises(apsw.SQLError, self.connection.execute, "SELECT * FROM v")

    def test_modules_that_are_not_on_the_list(self) -> None:
        """A virtual table may read anything its module can."""
        self.assertIn("dbstat", self.refused("CREATE VIRTUAL TABLE d USING dbstat"))

    def test_temp_triggers(self) -> None:
        """They would act on everybody's tables. Tables and views are for who asks to judge, by what the statement would make."""
        self.refused("CREATE TEMP TRIGGER r AFTER INSERT ON t BEGIN SELECT 1; END")
        for sql in ("CREATE TEMP VIEW v AS SELECT 1", "CREATE TEMP TABLE q (a)"):
            self.assertTrue(self.connection.facts(sql).makes_temp, sql)


class PermissionTests(GuardTests):
    """What must go on working."""

    def test_every_kind_of_alter(self) -> None:
        """SQLite does them with functions of its own."""
        for sql in (
            "ALTER TABLE t RENAME COLUMN name TO title",
            "ALTER TABLE t ADD COLUMN n INT NOT NULL DEFAULT 3 CHECK (n > 0)",
            "CREATE INDEX i ON t (title)",
            "CREATE VIEW v AS SELECT title FROM t",
            "ALTER TABLE t RENAME TO u",
            "ALTER TABLE u DROP COLUMN n",
            "REINDEX",
            "ANALYZE",
            "DROP VIEW v",
            "DROP TABLE u",
        ):
            self.connection.execute(sql).fetchall()

    def test_virtual_tables(self) -> None:
        """With everything they do inside."""
        for sql in (
            "CREATE VIRTUAL TABLE f5 USING fts5(a, b)",
            "INSERT INTO f5 VALUES ('one two', 'three')",
            "INSERT INTO f5 (f5) VALUES ('optimize')",
            "SELECT highlight(f5, 0, '<', '>'), bm25(f5) FROM f5 ('two')",
            "CREATE VIRTUAL TABLE f4 USING fts4(a)",
            "INSERT INTO f4 VALUES ('one two')",
            "INSERT INTO f4 (f4) VALUES ('optimize')",
            "SELECT snippet(f4) FROM f4 WHERE a MATCH 'two'",
            "CREATE VIRTUAL TABLE r USING rtree(id, x0, x1)",
            "INSERT INTO r VALUES (1, 2, 3)",
            "SELECT * FROM r WHERE x0 > 1",
            "DROP TABLE f5",
            "DROP TABLE f4",
            "DROP TABLE r",
        ):
            self.connection.execute(sql).fetchall()

    def test_counters(self) -> None:
        """Dumps and test suites set them."""
        self.connection.execute("INSERT INTO t (name) VALUES ('x')")
        self.connection.execute("UPDATE sqlite_sequence SET seq = 41 WHERE name = 't'")
        self.assertEqual(self.connection.execute("INSERT INTO t (name) VALUES ('y') RETURNING id").get, 42)

    def test_pragmas_that_tell(self) -> None:
        """Drivers and tools ask them."""
        self.assertEqual(len(self.connection.execute("PRAGMA table_info(t)").fetchall()), 2)
        self.assertEqual(self.connection.execute("PRAGMA user_version").get, 0)
        self.assertEqual(self.connection.execute("PRAGMA integrity_check").get, "ok")

    def test_a_function_that_the_house_registered(self) -> None:
        """It is allowed when it is registered."""
        self.connection.create_scalar_function("Twice", lambda value: value * 2, 1)
        self.assertRaises(StatementError, self.connection.execute, "SELECT twice(20)")
        self.connection.guard.allow(["Twice"])
        self.assertEqual(self.connection.execute("SELECT twice(21)").get, 42)

    def test_names_that_were_there_before(self) -> None:
        """Another application's file may have had ha_* tables of its own: everything else in it goes on."""
        with self.connection.guard.trusted():
            self.connection.execute("CREATE TABLE ha_lights (a)")
        again = open_writer(self.path, synchronous="NORMAL")
        self.addCleanup(again.close)
        again.execute("ALTER TABLE t RENAME TO u")
        error = self.assertRaises(StatementError, again.execute, "ALTER TABLE u RENAME TO ha_lamps")
        self.assertIn("ha_lamps", error.message)


class TrustTests(GuardTests):
    """Our own statements."""

    def test_nothing_is_refused(self) -> None:
        """Inside the block."""
        with self.connection.guard.trusted():
            self.connection.execute("BEGIN; INSERT INTO ha_stats VALUES ('s', 1); COMMIT; PRAGMA user_version = 3")
        self.refused("BEGIN")

    def test_blocks_may_be_nested(self) -> None:
        """The inner one's end does not end the outer."""
        guard = self.connection.guard
        with guard.trusted():
            with guard.trusted():
                self.connection.execute("PRAGMA user_version = 1")
            self.connection.execute("PRAGMA user_version = 2")
        self.refused("PRAGMA user_version = 3")

    def test_an_error_ends_the_block(self) -> None:
        """As any other end."""
        with self.assertRaises(ZeroDivisionError), self.connection.guard.trusted():
            raise ZeroDivisionError
        self.refused("BEGIN")


class HostileFileTests(SynchronousTestCase):
    """Views and triggers in somebody's file are hostile input."""

    def setUp(self) -> None:
        """A file made elsewhere, by plain SQLite."""
        self.path = self.mktemp()
        self.made = apsw.Connection(self.path)

    def open(self) -> Connection:
        """As we open it."""
        self.made.close()
        connection = open_writer(self.path, synchronous="NORMAL")
        self.addCleanup(connection.close)
        return connection

    def test_a_view_cannot_do_more_than_a_client(self) -> None:
        """Nor a trigger."""
        self.made.execute("CREATE VIEW v AS SELECT load_extension('evil')")
        self.made.execute("CREATE TABLE t (a); CREATE TABLE ha_stats (a)")
        self.made.execute("CREATE TRIGGER r AFTER INSERT ON t BEGIN INSERT INTO ha_stats VALUES (1); END")
        connection = self.open()
        self.assertRaises(apsw.SQLError, connection.execute, "SELECT * FROM v")
        self.assertRaises(StatementError, connection.execute, "INSERT INTO t VALUES (1)")
        with connection.guard.trusted():
            self.assertRaises(StatementError, connection.execute, "INSERT INTO t VALUES (1)")

    def test_a_function_that_acts_is_not_for_views(self) -> None:
        """Only what is registered as harmless may stand in a schema."""
        self.made.execute("CREATE VIEW v AS SELECT act(); CREATE VIEW w AS SELECT tell()")
        connection = self.open()
        connection.create_scalar_function("act", lambda: 1, 0, flags=apsw.SQLITE_DIRECTONLY)
        connection.create_scalar_function("tell", lambda: 1, 0, flags=apsw.SQLITE_INNOCUOUS)
        connection.guard.allow(["act", "tell"])
        self.assertEqual(connection.execute("SELECT act()").get, 1)
        self.assertEqual(connection.execute("SELECT * FROM w").get, 1)
        self.assertRaises(apsw.SQLError, connection.execute, "SELECT * FROM v")


class NameTests(SynchronousTestCase):
    """The guard and the schema know the same tables."""

    def test_our_tables_all_begin_alike(self) -> None:
        """``is_ours`` is a prefix."""
        self.assertTrue(all(name.startswith("ha_") for name in OUR_TABLES))
