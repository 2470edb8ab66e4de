"""Tests of ha.sqlite.catalog_rows."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.sqlite.catalog_rows import TABLES, pg_constraint
from ha.sqlite.catalog_schema import read
from ha.sqlite.connection import open_writer
from ha.sqlite.functions import Context

SCHEMA = """
CREATE TABLE parent (id INTEGER PRIMARY KEY AUTOINCREMENT, name varchar(20) NOT NULL UNIQUE, n int DEFAULT 5 CHECK (n > 0));
CREATE TABLE child (a TEXT, b INTEGER, p INTEGER REFERENCES parent (id) ON DELETE CASCADE, PRIMARY KEY (a, b));
CREATE INDEX child_p ON child (p) WHERE b > 1;
CREATE VIEW named AS SELECT id, name FROM parent;
"""


class RowsTests(SynchronousTestCase):
    """Each table's rows fit its columns."""

    def test_every_row_is_as_wide_as_its_table(self) -> None:
        connection = open_writer(":memory:", synchronous="NORMAL")
        self.addCleanup(connection.close)
        connection.context = Context()
        connection.execute(SCHEMA)
        schema = read(connection)
        for table in TABLES:
            for row in table.rows(schema):
                self.assertEqual(len(row), len(table.columns.split()), table)
        self.assertTrue(list(pg_constraint(schema)))
