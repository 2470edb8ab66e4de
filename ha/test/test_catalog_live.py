"""Tests of ha.sqlite.catalog_live."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.sqlite.catalog_live import pg_database, pg_settings
from ha.sqlite.connection import open_writer
from ha.sqlite.functions import Context

SCHEMA = """
CREATE TABLE parent (id INTEGER PRIMARY KEY AUTOINCREMENT, name varchar(20) NOT NULL UNIQUE, n int DEFAULT 5 CHECK (n > 0));
CREATE TABLE child (a TEXT, b INTEGER, p INTEGER REFERENCES parent (id) ON DELETE CASCADE, PRIMARY KEY (a, b));
CREATE INDEX child_p ON child (p) WHERE b > 1;
CREATE VIEW named AS SELECT id, name FROM parent;
"""


class LiveTests(SynchronousTestCase):
    """What depends on who asks."""

    def setUp(self) -> None:
        self.connection = open_writer(":memory:", synchronous="NORMAL")
        self.addCleanup(self.connection.close)
        self.connection.context = Context(user="somebody", database="mydatabase.db")
        self.connection.execute(SCHEMA)

    def ask(self, sql: str) -> list[object]:
        self.connection.facts(sql)
        return list(self.connection.execute(sql).fetchall())

    def test_a_sequence_read_as_a_relation(self) -> None:
        sql = "SELECT last_value, is_called FROM pg_sequence_state('parent_id_seq')"
        self.assertEqual(self.ask(sql), [(1, 0)])
        self.connection.execute("INSERT INTO parent (id, name) VALUES (5, 'x')")
        self.assertEqual(self.ask(sql), [(5, 1)])

    def test_options(self) -> None:
        self.assertEqual(self.ask("SELECT * FROM pg_options_to_table('{a=1,b=x=y}')"), [("a", "1"), ("b", "x=y")])

    def test_the_database_and_the_settings(self) -> None:
        context = self.connection.context
        assert context is not None
        self.assertIn("mydatabase.db", str(list(pg_database(self.connection, context))))
        self.assertIn("server_version", str(list(pg_settings(self.connection, context))))
