"""Tests of ha.sqlite.catalog_texts."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.sqlite.catalog_schema import read
from ha.sqlite.catalog_texts import constraint_definition, index_definition, view_definition
from ha.sqlite.connection import open_writer
from ha.sqlite.functions import Context

SCHEMA = """
CREATE TABLE parent (id INTEGER PRIMARY KEY AUTOINCREMENT, name varchar(20) NOT NULL UNIQUE, n int DEFAULT 5 CHECK (n > 0));
CREATE TABLE child (a TEXT, b INTEGER, p INTEGER REFERENCES parent (id) ON DELETE CASCADE, PRIMARY KEY (a, b));
CREATE INDEX child_p ON child (p) WHERE b > 1;
CREATE VIEW named AS SELECT id, name FROM parent;
"""


class TextTests(SynchronousTestCase):
    """Definitions in the author's words and PostgreSQL's frame."""

    def setUp(self) -> None:
        connection = open_writer(":memory:", synchronous="NORMAL")
        self.addCleanup(connection.close)
        connection.context = Context()
        connection.execute(SCHEMA)
        self.schema = read(connection)

    def test_constraints(self) -> None:
        texts = {one.name: constraint_definition(one) for one in self.schema.constraints.values()}
        self.assertEqual(texts["child_pkey"], "PRIMARY KEY (a, b)")
        self.assertEqual(texts["parent_name_key"], "UNIQUE (name)")
        self.assertIn("n > 0", texts["parent_n_check"])

    def test_indexes_and_views(self) -> None:
        texts = [index_definition(one) for one in self.schema.indexes.values()]
        (partial,) = [text for text in texts if "child_p" in text and "WHERE" in text]
        self.assertIn("b > 1", partial)
        (view,) = [one for one in self.schema.relations.values() if one.name == "named"]
        self.assertIn("SELECT id, name FROM parent", view_definition(view))
