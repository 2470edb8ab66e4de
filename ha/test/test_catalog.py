"""Tests of ha.sqlite.catalog."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.sqlite import catalog_rows
from ha.sqlite.catalog import mentions
from ha.sqlite.connection import open_writer
from ha.sqlite.functions import Context

SCHEMA = """
CREATE TABLE parent (id INTEGER PRIMARY KEY AUTOINCREMENT, name varchar(20) NOT NULL UNIQUE, n int DEFAULT 5 CHECK (n > 0));
CREATE TABLE child (a TEXT, b INTEGER, p INTEGER REFERENCES parent (id) ON DELETE CASCADE, PRIMARY KEY (a, b));
CREATE INDEX child_p ON child (p) WHERE b > 1;
CREATE VIEW named AS SELECT id, name FROM parent;
"""


class CatalogTests(SynchronousTestCase):
    """What a client finds in pg_catalog and information_schema."""

    def setUp(self) -> None:
        self.connection = open_writer(":memory:", synchronous="NORMAL")
        self.addCleanup(self.connection.close)
        self.connection.context = Context()
        self.connection.execute(SCHEMA)

    def ask(self, sql: str) -> list[object]:
        self.connection.facts(sql)
        return list(self.connection.execute(sql).fetchall())

    def test_only_statements_that_mention_it_pay_for_it(self) -> None:
        self.assertTrue(mentions("SELECT relname FROM pg_class"))
        self.assertFalse(mentions("SELECT name FROM parent"))

    def test_relations(self) -> None:
        found = self.ask(
            "SELECT relname, relkind FROM pg_class WHERE relnamespace = 2200 AND relkind IN ('r', 'v') ORDER BY 1"
        )
        self.assertEqual(found, [("child", "r"), ("named", "v"), ("parent", "r")])

    def test_a_new_table_is_there_at_once(self) -> None:
        self.ask("SELECT 1 FROM pg_class LIMIT 1")
        self.connection.execute("CREATE TABLE fresh (a)")
        self.assertEqual(self.ask("SELECT count(*) FROM pg_class WHERE relname = 'fresh'"), [(1,)])

    def test_what_a_step_of_a_migration_writes_is_what_a_new_schema_would(self) -> None:
        """Only rows that differ are written: after each change the tables hold what the schema makes, and no more."""
        for change in (
            "ALTER TABLE child ADD COLUMN c numeric(10,2)",
            "CREATE TABLE other (id INTEGER PRIMARY KEY AUTOINCREMENT, p INTEGER REFERENCES parent (id), CHECK (p > 0))",
            "DROP INDEX child_p",
            "CREATE TRIGGER t AFTER INSERT ON other BEGIN SELECT 1; END",
            "DROP TABLE other",
            "ALTER TABLE parent RENAME COLUMN name TO called",
            "BEGIN; CREATE TABLE undone (a)",
            "SAVEPOINT s; DROP TABLE child",
            "ROLLBACK TO s",
            "CREATE TABLE kept (a)",
            "COMMIT",
            "BEGIN; CREATE TABLE undone_too (a)",
            "ROLLBACK",
        ):
            with self.connection.guard.trusted():
                self.connection.execute(change)
            self.ask("SELECT 1 FROM pg_class LIMIT 1")
            for table in catalog_rows.TABLES:
                names = ", ".join(table.columns.split())
                found = self.connection.execute(f"SELECT {names} FROM pg_catalog.{table.name} WHERE {table.old}")
                self.assertCountEqual(
                    found.fetchall(), table.rows(self.connection.catalog.schema), (change, table.name)
                )

    def test_a_view_follows_the_schema(self) -> None:
        count = "SELECT count(*) FROM \"information_schema.columns\" WHERE table_name = 'child'"
        self.assertEqual(self.ask(count), [(3,)])
        self.connection.execute("ALTER TABLE child ADD COLUMN c")
        self.ask("SELECT 1 FROM pg_class LIMIT 1")
        self.assertEqual(self.ask(count), [(4,)])

    def test_another_connection_sees_the_same(self) -> None:
        self.ask("SELECT 1 FROM pg_class LIMIT 1")
        other = open_writer(":memory:", synchronous="NORMAL")
        self.addCleanup(other.close)
        other.context = Context()
        other.execute(SCHEMA)
        sql = "SELECT oid, relname FROM pg_class ORDER BY 1"
        other.facts(sql)
        self.assertEqual(other.execute(sql).fetchall(), self.ask(sql))

    def test_columns_by_the_standards_words(self) -> None:
        found = self.ask(
            "SELECT column_name, is_nullable FROM \"information_schema.columns\" WHERE table_name = 'parent' ORDER BY ordinal_position"
        )
        self.assertEqual(found, [("id", "NO"), ("name", "NO"), ("n", "YES")])

    def test_our_own_tables_are_hidden(self) -> None:
        self.assertEqual(
            self.ask("SELECT count(*) FROM pg_class WHERE relname LIKE 'ha_%' OR relname LIKE 'sqlite_%'"), [(0,)]
        )
