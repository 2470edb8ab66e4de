"""UPDATE OR REPLACE where a foreign key changes the updated row."""

from __future__ import annotations

import random

import apsw
from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sqlite.capture import Capture
from ha.sqlite.connection import open_writer

SELF = "CREATE TABLE t (c INTEGER PRIMARY KEY, b REFERENCES t(c) ON DELETE SET NULL, a UNIQUE)"
ROWS = "INSERT INTO t VALUES (2, 2, 2), (1, 2, 1), (3, 1, 3)"


class ReplacementTests(SynchronousTestCase):
    """What SQLite would damage is refused, and nothing else."""

    def file(self, *statements: str) -> None:
        """A database, with a transaction open."""
        self.connection = open_writer(":memory:", synchronous="NORMAL")
        self.addCleanup(self.connection.close)
        with self.connection.guard.trusted():
            self.connection.execute("PRAGMA foreign_keys = OFF")
            for sql in statements:
                self.connection.execute(sql)
            self.connection.execute("PRAGMA foreign_keys = ON")
        self.capture = Capture(self.connection)
        self.ours("BEGIN")
        self.capture.begin()

    def ours(self, sql: str) -> list[tuple[object, ...]]:
        """A statement of the house's own."""
        with self.connection.guard.trusted():
            return self.connection.execute(sql).fetchall()

    def attempt(self, sql: str) -> None:
        """A client's statement; if it fails nothing of it stays."""
        mark = self.capture.mark()
        self.ours("SAVEPOINT one")
        try:
            self.connection.execute(sql)
            self.capture.after_statement(sql, may_change_schema=False)
        except BaseException:
            self.ours("ROLLBACK TO one")
            self.capture.cut(mark)
            raise
        finally:
            self.ours("RELEASE one")
        self.assertEqual(self.ours("PRAGMA integrity_check"), [("ok",)], sql)

    def check_refused(self, sql: str) -> None:
        """It is, and the table stays as it was."""
        error = self.assertRaises(StatementError, self.attempt, sql)
        self.assertEqual(error.sqlstate, "0A000")
        self.assertEqual(self.ours("PRAGMA integrity_check"), [("ok",)])

    def test_the_row_that_the_updated_one_refers_to(self) -> None:
        """In its own table, with or without rowids, with VIRTUAL columns or not; or on the way through another."""
        for schema, rows in (
            (SELF, ROWS),
            (SELF.replace("SET NULL", "SET DEFAULT"), ROWS),
            (SELF.replace("a UNIQUE", "a UNIQUE, g AS (a + 1)"), ROWS),
            (SELF.replace("c INTEGER", "c INT") + " WITHOUT ROWID", ROWS),
            (
                "CREATE TABLE t (c INTEGER PRIMARY KEY, b REFERENCES u(d) ON UPDATE CASCADE, a UNIQUE);"
                "CREATE TABLE u (d UNIQUE REFERENCES t(c) ON DELETE SET NULL)",
                "INSERT INTO t VALUES (2, NULL, 2), (1, 2, 1); INSERT INTO u VALUES (2)",
            ),
        ):
            self.file(schema, rows, "CREATE INDEX i ON t(b)")
            self.check_refused("UPDATE OR REPLACE t SET a = 2 WHERE c = 1")

    def test_what_goes_well(self) -> None:
        """Other rows change on their behalf; the row itself does in another statement."""
        self.file(SELF, ROWS, "CREATE INDEX i ON t(b)")
        for sql in (
            "UPDATE OR REPLACE t SET a = 1 WHERE c = 2",
            "DELETE FROM t WHERE c = 2",
            "UPDATE t SET a = 8, b = NULL WHERE c = 3",
            "INSERT INTO t VALUES (1, 3, 1), (2, 1, 2)",
            "DELETE FROM t WHERE c = 1",
            "UPDATE t SET b = 3, a = 7 WHERE c = 2",
            "INSERT OR REPLACE INTO t VALUES (3, 2, 7)",
            "UPDATE t SET c = c + 10",
        ):
            try:
                self.attempt(sql)
            except apsw.ConstraintError:
                pass

    def test_no_statement_damages_a_table(self) -> None:
        """Seeded: keys, actions and statements of all kinds."""
        refused = 0
        for seed in range(400):
            choice = random.Random(seed).choice
            action = choice(("SET NULL", "SET DEFAULT", "CASCADE"))
            key = choice(("INTEGER PRIMARY KEY", "INT PRIMARY KEY", "INTEGER PRIMARY KEY DESC"))
            self.file(
                f"CREATE TABLE t (c {key}, b REFERENCES t(c) ON DELETE {action} ON UPDATE CASCADE, a UNIQUE)",
                "INSERT INTO t VALUES (1, 2, 3), (2, 3, 1), (3, NULL, 2)",
                "CREATE INDEX i ON t(b)",
            )
            for _ in range(4):
                values = [choice((1, 2, 3, 4, 2**63 - 1, -(2**63))) for _ in range(3)]
                try:
                    self.attempt(
                        choice(
                            (
                                "UPDATE OR REPLACE t SET a = {}",
                                "UPDATE OR REPLACE t SET c = {} WHERE a = {}",
                                "UPDATE OR REPLACE t SET b = {}, a = {} WHERE c <> {}",
                                "INSERT OR REPLACE INTO t VALUES ({}, {}, {})",
                                "UPDATE t SET c = c - 1",
                                "DELETE FROM t WHERE c = {}",
                            )
                        ).format(*values)
                    )
                except apsw.Error:
                    pass
                except StatementError:
                    refused += 1
        self.assertGreater(refused, 0)
