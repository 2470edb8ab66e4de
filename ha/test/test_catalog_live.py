"""Tests of ha.sqlite.catalog_live."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
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

    def test_privileges(self) -> None:
        """pgAdmin asks for them with every object; psql shows the texts."""
        self.assertEqual(
            self.ask(
                'SELECT grantor, grantee, privilege_type, is_grantable FROM aclexplode(\'["=T/somebody", "a b=r*w/c"]\')'
            ),
            [(10, 0, "TEMPORARY", 0), (10, 10, "SELECT", 1), (10, 10, "UPDATE", 0)],
        )
        self.assertEqual(self.ask("SELECT 1 FROM aclexplode(NULL)"), [])
        self.assertEqual(len(self.ask("SELECT 1 FROM aclexplode(acldefault('d', 10))")), 5)
        with self.assertRaises(StatementError):
            self.ask("SELECT 1 FROM aclexplode('[\"nonsense\"]')")

    def test_channels(self) -> None:
        """Those that this client listens to."""
        context = self.connection.context
        assert context is not None
        context.channels = lambda: frozenset("ba")
        self.assertEqual(self.ask("SELECT value FROM pg_listening_channels()"), [("a",), ("b",)])

    def test_the_types_of_a_function(self) -> None:
        """In a row, as PostgreSQL names them."""
        self.assertEqual(
            self.ask("SELECT oidvectortypes('23 25'), host('10.0.0.1/24')"), [("integer, text", "10.0.0.1")]
        )

    def test_the_database_and_the_settings(self) -> None:
        context = self.connection.context
        assert context is not None
        self.assertIn("mydatabase.db", str(list(pg_database(self.connection, context))))
        self.assertIn("server_version", str(list(pg_settings(self.connection, context))))
