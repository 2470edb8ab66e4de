"""Tests of ha.sqlite.plans."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.sqlite.connection import open_writer
from ha.sqlite.plans import is_bounded

SCHEMA = """
CREATE TABLE t (id INTEGER PRIMARY KEY, a UNIQUE, b, c, UNIQUE (b, c));
CREATE INDEX t_c ON t (c);
CREATE TABLE w (k TEXT PRIMARY KEY, v) WITHOUT ROWID;
CREATE TABLE parent (id INTEGER PRIMARY KEY);
CREATE TABLE child (id INTEGER PRIMARY KEY, p REFERENCES parent ON DELETE CASCADE);
CREATE TABLE noisy (id INTEGER PRIMARY KEY, a);
CREATE TRIGGER loud AFTER UPDATE ON noisy BEGIN DELETE FROM t; END;
"""


class BoundedTests(SynchronousTestCase):
    """Only what is short whatever the tables hold counts as bounded."""

    def setUp(self) -> None:
        self.connection = open_writer(":memory:", synchronous="NORMAL")
        self.addCleanup(self.connection.close)
        self.connection.execute(SCHEMA)

    def bounded(self, sql: str) -> bool:
        return is_bounded(self.connection, sql, self.connection.facts(sql).tables_written)

    def test_single_rows_by_a_unique_key(self) -> None:
        for sql in (
            "INSERT INTO t VALUES (1, 2, 3, 4)",
            "UPDATE t SET c = 1 WHERE id = ?",
            "DELETE FROM t WHERE a = ?",
            "UPDATE t SET a = 1 WHERE b = ? AND c = ?",
        ):
            self.assertTrue(self.bounded(sql), sql)

    def test_what_may_touch_many_rows(self) -> None:
        for sql in (
            "UPDATE t SET a = 1",
            "DELETE FROM t WHERE c = 1",
            "DELETE FROM t WHERE b = 1",
            "DELETE FROM t WHERE id > 5",
            "INSERT INTO t SELECT * FROM t",
            "DELETE FROM t",
        ):
            self.assertFalse(self.bounded(sql), sql)

    def test_triggers_and_cascades(self) -> None:
        self.assertFalse(self.bounded("UPDATE noisy SET a = 1 WHERE id = 1"))
        self.assertFalse(self.bounded("DELETE FROM parent WHERE id = 1"))
        self.assertTrue(self.bounded("DELETE FROM child WHERE id = 1"))
