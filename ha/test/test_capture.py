"""What is collected of transactions."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import apsw
from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sqlite import capture as captures
from ha.sqlite.capture import Capture
from ha.sqlite.connection import open_writer
from ha.sqlite.rowchange import Command, RawText, RowChange


class CaptureCase(SynchronousTestCase):
    """A writer in memory whose transaction is open."""

    def setUp(self) -> None:
        self.connection = open_writer(":memory:", synchronous="NORMAL")
        self.addCleanup(self.connection.close)
        self.capture = Capture(self.connection)
        self.begin()

    def begin(self) -> None:
        """Open a transaction and collect."""
        self.ours("BEGIN IMMEDIATE")
        self.capture.begin()

    def ours(self, sql: str) -> None:
        """A statement of the house's own."""
        with self.connection.guard.trusted():
            self.connection.execute(sql)

    def run_sql(self, *statements: str) -> None:
        """A client's statements."""
        for sql in statements:
            for _ in self.connection.execute(sql):
                pass
            self.capture.after_statement(sql, may_change_schema=True)

    def taken(self) -> list[tuple[Any, ...]]:
        """The changes so far in short: commands as text, rows as (operation, table, old, new)."""
        return [
            (change.sql,)
            if isinstance(change, Command)
            else (change.operation, change.table, change.old_values, change.new_values)
            for change in self.capture.take()[0]
        ]

    def commit(self) -> None:
        """End the transaction; what was collected is forgotten."""
        self.capture.take()
        self.ours("COMMIT")
        self.capture.discard()

    def opening(self, *statements: str) -> None:
        """Run and commit, and begin anew."""
        self.run_sql(*statements)
        self.commit()
        self.begin()


class RowTests(CaptureCase):
    """Rows, whichever way they changed."""

    def test_images_are_whole(self) -> None:
        """An update has both, with both rowids."""
        self.opening(
            "CREATE TABLE t(id INTEGER PRIMARY KEY, a, g AS (a) STORED, b)", "INSERT INTO t(a, b) VALUES (1, 2)"
        )
        self.run_sql("UPDATE t SET id = 9, b = x'00'")
        (change,), _ = self.capture.take()
        assert isinstance(change, RowChange)
        self.assertEqual((change.columns, change.pk_columns), (("id", "a", "b"), ("id",)))
        self.assertEqual((change.old_rowid, change.new_rowid), (1, 9))
        self.assertEqual((change.old_values, change.new_values), ((1, 1, 2), (9, 1, b"\x00")))

    def test_what_a_statement_sets_off_is_there(self) -> None:
        """Rows displaced by REPLACE, a trigger's work, a cascade, DELETE without WHERE."""
        self.opening(
            "CREATE TABLE p(id PRIMARY KEY, u UNIQUE)",
            "CREATE TABLE c(p REFERENCES p ON DELETE CASCADE)",
            "CREATE TABLE log(x)",
            "CREATE TRIGGER tr AFTER INSERT ON p BEGIN INSERT INTO log VALUES (NEW.id); END",
            "INSERT INTO p VALUES (1, 'a')",
            "INSERT INTO c VALUES (1)",
        )
        self.run_sql("REPLACE INTO p VALUES (2, 'a')", "DELETE FROM log")
        self.assertEqual(
            self.taken(),
            [
                ("DELETE", "p", (1, "a"), None),
                ("DELETE", "c", (1,), None),
                ("INSERT", "p", None, (2, "a")),
                ("INSERT", "log", None, (2,)),
                ("DELETE", "log", (1,), None),
                ("DELETE", "log", (2,), None),
            ],
        )

    def test_an_update_that_changes_nothing_is_no_change(self) -> None:
        """But 1 is not 1.0, and a row that moves has moved."""
        self.opening("CREATE TABLE t(a)", "INSERT INTO t VALUES (1)")
        self.run_sql("UPDATE t SET a = 1", "UPDATE t SET a = 1.0", "UPDATE t SET rowid = 5")
        self.assertEqual(self.taken(), [("UPDATE", "t", (1,), (1.0,)), ("UPDATE", "t", (1.0,), (1.0,))])

    def test_local_tables_stay_here(self) -> None:
        """Ours, SQLite's, and TEMP ones."""
        self.opening("CREATE TABLE t(a)")
        self.ours("CREATE TABLE ha_stats(a)")
        self.ours("INSERT INTO ha_stats VALUES (1)")
        self.ours("CREATE TEMP TABLE scratch(a)")
        self.ours("INSERT INTO scratch VALUES (1)")
        self.run_sql("ANALYZE")
        self.assertEqual(self.taken(), [])

    def test_sequences_are_told_when_they_move(self) -> None:
        """Also when no row is left, and when a client sets them."""
        self.opening("CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT)", "INSERT INTO t VALUES (7)")
        self.run_sql("INSERT INTO t VALUES (NULL)", "DELETE FROM t")
        self.assertEqual(self.capture.take()[1], {"t": 8})
        self.run_sql("DELETE FROM sqlite_sequence")
        self.assertEqual(self.capture.take()[1], {"t": None})

    def test_a_sequence_that_is_no_number_is_refused(self) -> None:
        """And while the row that the hook could not stop is there, nothing is taken."""
        self.opening("CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT)", "INSERT INTO t VALUES (7)")
        mark = self.capture.mark()
        self.ours("SAVEPOINT s")
        error = self.assertRaises(StatementError, self.run_sql, "UPDATE sqlite_sequence SET seq = 'x'")
        self.assertEqual(error.sqlstate, "22023")
        self.assertRaises(StatementError, self.capture.settle)
        self.ours("ROLLBACK TO s")
        self.capture.cut(mark)
        self.capture.settle()


class UnreadableRowTests(CaptureCase):
    """Rows that SQLite's hook cannot give."""

    def test_virtual_generated_columns(self) -> None:
        """With rowids and without; what REPLACE displaced is there too."""
        for ending in ("", " WITHOUT ROWID"):
            self.opening("DROP TABLE IF EXISTS t", "CREATE TABLE t(k PRIMARY KEY, g AS (k), v UNIQUE)" + ending)
            self.run_sql("INSERT INTO t(k, v) VALUES (1, 'a'), (2, 'b')")
            self.assertEqual(self.taken(), [("INSERT", "t", None, (1, "a")), ("INSERT", "t", None, (2, "b"))])
            self.run_sql("REPLACE INTO t(k, v) VALUES (3, 'a')", "UPDATE t SET v = 'z' WHERE k = 2", "DELETE FROM t")
            self.assertEqual(
                self.taken(),
                [
                    ("DELETE", "t", (1, "a"), None),
                    ("INSERT", "t", None, (3, "a")),
                    ("UPDATE", "t", (2, "b"), (2, "z")),
                    ("DELETE", "t", (2, "z"), None),
                    ("DELETE", "t", (3, "a"), None),
                ],
                ending,
            )

    def test_text_that_is_not_utf_8(self) -> None:
        """As bytes that say they are text."""
        self.opening("CREATE TABLE t(a)")
        self.run_sql(
            "INSERT INTO t VALUES (CAST(x'ff' AS TEXT))",
            "UPDATE t SET a = 1",
            "UPDATE t SET a = CAST(x'fe' AS TEXT)",
            "DELETE FROM t",
        )
        self.assertEqual(
            self.taken(),
            [
                ("INSERT", "t", None, (RawText(b"\xff"),)),
                ("UPDATE", "t", (RawText(b"\xff"),), (1,)),
                ("UPDATE", "t", (1,), (RawText(b"\xfe"),)),
                ("DELETE", "t", (RawText(b"\xfe"),), None),
            ],
        )

    def test_a_row_that_replace_overwrites(self) -> None:
        """It was told as deleted, and is still there when the hook is asked about the new one."""
        for ending in ("", " WITHOUT ROWID"):
            self.opening(
                "DROP TABLE IF EXISTS t",
                "CREATE TABLE t(k INTEGER PRIMARY KEY, v)" + ending,
                "INSERT INTO t VALUES (1, 2)",
            )
            self.run_sql("REPLACE INTO t VALUES (1, CAST(x'ff' AS TEXT))")
            self.assertEqual(
                self.taken(), [("DELETE", "t", (1, 2), None), ("INSERT", "t", None, (1, RawText(b"\xff")))], ending
            )

    def test_what_fts5_rewrites_in_place(self) -> None:
        """A setting changes a part of a row, which looks like a DELETE."""
        self.opening("CREATE VIRTUAL TABLE ft USING fts5(x)")
        self.run_sql("INSERT INTO ft(ft, rank) VALUES ('automerge', 8)")
        self.assertEqual([change[:2] for change in self.taken()], [("INSERT", "ft_config"), ("UPDATE", "ft_data")])


class SchemaTests(CaptureCase):
    """Commands and their place among the rows."""

    def test_a_command_stands_where_it_ran(self) -> None:
        """Rows before it have the columns of before."""
        self.run_sql("CREATE TABLE t(a)", "INSERT INTO t VALUES (1)", "ALTER TABLE t RENAME COLUMN a TO b")
        self.run_sql("INSERT INTO t VALUES (2)")
        changes, _ = self.capture.take()
        self.assertEqual(
            [change.sql if isinstance(change, Command) else change.columns for change in changes],
            ["CREATE TABLE t(a)", ("a",), "ALTER TABLE t RENAME COLUMN a TO b", ("b",)],
        )

    def test_create_table_as_travels_as_definition_and_rows(self) -> None:
        """The rows are those of this node, whatever the query would say elsewhere."""
        self.run_sql("CREATE TABLE IF NOT EXISTS t AS SELECT 1 AS a UNION ALL SELECT 2")
        self.assertEqual(
            self.taken(), [("CREATE TABLE t(a)",), ("INSERT", "t", None, (1,)), ("INSERT", "t", None, (2,))]
        )

    def test_rows_that_drop_table_sets_off_stand_before_it(self) -> None:
        """Its implicit deletes reach the children."""
        self.opening(
            "CREATE TABLE p(id PRIMARY KEY)",
            "CREATE TABLE c(p REFERENCES p ON DELETE SET NULL)",
            "INSERT INTO p VALUES (1)",
            "INSERT INTO c VALUES (1)",
        )
        self.run_sql("DROP TABLE p")
        self.assertEqual(self.taken(), [("DELETE", "p", (1,), None), ("UPDATE", "c", (1,), (None,)), ("DROP TABLE p",)])

    def test_what_changes_nothing_is_not_told(self) -> None:
        """IF NOT EXISTS, and statistics."""
        self.opening("CREATE TABLE t(a)", "INSERT INTO t VALUES (1)", "CREATE INDEX i ON t(a)")
        self.run_sql("CREATE TABLE IF NOT EXISTS t(b)", "ANALYZE", "REINDEX")
        self.assertEqual(self.taken(), [])

    def test_a_table_whose_rows_have_no_name_is_refused(self) -> None:
        """No statement could reach a row by its rowid."""
        sql = "CREATE TABLE t(rowid, _rowid_, oid)"
        self.assertEqual(self.assertRaises(StatementError, self.run_sql, sql).sqlstate, "0A000")

    def test_a_sequence_that_a_rename_moved_is_told(self) -> None:
        """A command elsewhere moves the row that this node has deleted since."""
        self.opening("CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT)", "INSERT INTO t VALUES (1)")
        self.run_sql("ALTER TABLE t RENAME TO u", "DELETE FROM sqlite_sequence")
        self.assertEqual(self.capture.take()[1], {"t": None, "u": None})


class SavepointTests(CaptureCase):
    """Going back."""

    def test_what_was_undone_is_forgotten(self) -> None:
        """Rows and schema."""
        self.opening("CREATE TABLE t(a)")
        self.run_sql("INSERT INTO t VALUES (1)")
        self.ours("SAVEPOINT s")
        mark = self.capture.mark()
        self.run_sql("INSERT INTO t VALUES (2)", "ALTER TABLE t ADD COLUMN b")
        self.ours("ROLLBACK TO s")
        self.capture.cut(mark)
        self.run_sql("INSERT INTO t VALUES (3)")
        self.assertEqual(self.taken(), [("INSERT", "t", None, (1,)), ("INSERT", "t", None, (3,))])

    def test_each_transaction_takes_its_own(self) -> None:
        """A group has one message, with every transaction's part in it."""
        self.opening("CREATE TABLE t(a)")
        self.run_sql("INSERT INTO t VALUES (1)")
        self.assertEqual(len(self.taken()), 1)
        self.run_sql("INSERT INTO t VALUES (2)")
        self.assertEqual(self.taken(), [("INSERT", "t", None, (2,))])
        self.assertEqual(len(self.capture.record().events), 2)

    def test_nothing_is_collected_outside(self) -> None:
        """What comes from the log is nobody's transaction here."""
        self.opening("CREATE TABLE t(a)")
        self.commit()
        self.connection.execute("INSERT INTO t VALUES (1)")
        self.begin()
        self.assertEqual(self.taken(), [])


class SettlingTests(CaptureCase):
    """What SQLite would leave to COMMIT."""

    def test_a_deferred_key_is_judged_now(self) -> None:
        """COMMIT comes after the publish, and must not fail."""
        self.opening("CREATE TABLE p(id PRIMARY KEY)", "CREATE TABLE c(p REFERENCES p DEFERRABLE INITIALLY DEFERRED)")
        self.run_sql("INSERT INTO c VALUES (1)")
        self.assertEqual(self.assertRaises(StatementError, self.capture.settle).sqlstate, "23503")
        self.run_sql("INSERT INTO p VALUES (1)")
        self.capture.settle()

    def test_full_text_is_written_now(self) -> None:
        """Its index rows are part of the message, and COMMIT adds none."""
        self.opening("CREATE VIRTUAL TABLE ft USING fts5(x)")
        self.run_sql("INSERT INTO ft VALUES ('word')")
        self.capture.settle()
        self.assertIn("ft_idx", [change[1] for change in self.taken()])
        self.ours("COMMIT")
        self.assertEqual(self.taken(), [])

    def test_a_full_text_table_that_was_undone_leaves_no_words(self) -> None:
        """Seen: they stayed in memory, and COMMIT failed on them."""
        self.ours("SAVEPOINT s")
        mark = self.capture.mark()
        self.run_sql("CREATE VIRTUAL TABLE ft USING fts5(x)", "INSERT INTO ft VALUES ('word')")
        self.ours("ROLLBACK TO s")
        self.capture.cut(mark)
        self.ours("COMMIT")


class HookTests(SynchronousTestCase):
    """SQLite's ways that this rests on: seen, not documented."""

    def test_a_statement_goes_on_after_the_hook_raised(self) -> None:
        """So nothing is taken until the caller has gone back."""
        connection = apsw.Connection(":memory:")
        connection.execute("CREATE TABLE t(a); INSERT INTO t VALUES (1), (2)")

        def fail(_: apsw.PreUpdate) -> None:
            raise ValueError("no")

        connection.preupdate_hook(fail)
        self.assertRaises(ValueError, connection.execute, "UPDATE t SET a = a + 10")
        self.assertEqual(connection.execute("SELECT a FROM t").get, [11, 12])

    def test_a_connection_knows_its_capture(self) -> None:
        """There is one per writing connection."""
        connection = apsw.Connection(":memory:")
        capture = Capture(connection)
        self.assertIs(captures.of(connection), capture)


class EndTests(SynchronousTestCase):
    """A connection that has been closed."""

    def test_nothing_is_kept_of_it(self) -> None:
        """A node that makes and drops databases, or sessions with temporary tables, does not grow."""
        connection = open_writer(":memory:", synchronous="NORMAL")
        capture = Capture(connection)
        connection.execute("CREATE TABLE t (a)")
        self.assertIsNotNone(capture.tables["t"])
        gone = weakref.ref(connection)
        connection.close()
        del connection, capture
        gc.collect()
        self.assertIsNone(gone())
