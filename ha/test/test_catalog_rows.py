"""Tests of ha.sqlite.catalog_rows."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.sql.made import number_of
from ha.sqlite.catalog_rows import TABLES, pg_constraint, pg_depend, pg_enum, pg_type
from ha.sqlite.catalog_schema import read
from ha.sqlite.catalog_types import types_by_oid
from ha.sqlite.connection import open_writer
from ha.sqlite.functions import Context

SCHEMA = """
CREATE TABLE parent (id INTEGER PRIMARY KEY AUTOINCREMENT, name varchar(20) NOT NULL UNIQUE, n int DEFAULT 5 CHECK (n > 0));
CREATE TABLE child (a TEXT, b INTEGER, p INTEGER REFERENCES parent (id) ON DELETE CASCADE, PRIMARY KEY (a, b));
CREATE INDEX child_p ON child (p) WHERE b > 1;
CREATE VIEW named AS SELECT id, name FROM parent;
CREATE VIEW "type mood" (place, label) AS VALUES (1, 'sad'), (2, 'ok');
CREATE TABLE people (mood mood DEFAULT 'ok', moods mood[]);
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

    def test_types_that_clients_made(self) -> None:
        """With their labels in order, their arrays, and the columns that are of them."""
        connection = open_writer(":memory:", synchronous="NORMAL")
        self.addCleanup(connection.close)
        connection.context = Context()
        connection.execute(SCHEMA)
        schema = read(connection)
        oid = number_of("mood")
        by_name = {row[1]: dict(zip(types_by_oid()[23], row, strict=True)) for row in pg_type(schema)}
        self.assertEqual(
            [(name, row["oid"], row["typtype"], row["typcategory"]) for name, row in by_name.items()],
            [("mood", oid, "e", "E"), ("_mood", oid + 1, "b", "A")],
        )
        self.assertEqual((by_name["mood"]["typarray"], by_name["_mood"]["typelem"]), (oid + 1, oid))
        self.assertEqual([row[1:] for row in pg_enum(schema)], [(oid, 1.0, "sad"), (oid, 2.0, "ok")])
        people = schema.named["people"]
        self.assertEqual([one.type_oid for one in people.attributes], [oid, oid + 1])
        self.assertEqual(people.attributes[0].default, "'ok'::mood")
        self.assertEqual(
            [row for row in pg_depend(schema) if row[3] == 1247],
            [
                (1259, people.oid, 1, 1247, oid, 0, "n"),
                (1259, people.oid, 2, 1247, oid + 1, 0, "n"),
                (1247, oid + 1, 0, 1247, oid, 0, "i"),
            ],
        )
        self.assertNotIn("type mood", schema.named)

    def test_composite_types(self) -> None:
        """They have a relation that lists their fields, and lie in a schema."""
        connection = open_writer(":memory:", synchronous="NORMAL")
        self.addCleanup(connection.close)
        connection.context = Context()
        for view in ("schema s", "type s.pt"):
            rows = "SELECT 's' AS schema" if view == "schema s" else "VALUES (1, 'x', 'int4'), (2, 'y', 'varchar(5)[]')"
            connection.execute(f'CREATE VIEW "{view}"{" (place, field, type)" * (view != "schema s")} AS {rows}')
        schema = read(connection)
        oid = number_of("s.pt")
        row = dict(zip(types_by_oid()[23], next(iter(pg_type(schema))), strict=True))
        relation = schema.named["s.pt"]
        self.assertEqual((row["oid"], row["typname"], row["typtype"], row["typrelid"]), (oid, "pt", "c", relation.oid))
        self.assertEqual(row["typnamespace"], schema.namespaces["s"])
        self.assertEqual(schema.types[oid + 1].spoken, "s.pt[]")
        self.assertEqual((relation.kind, relation.own, relation.row_type), ("c", "pt", oid))
        self.assertEqual(
            [(one.name, one.type_oid, one.modifier) for one in relation.attributes], [("x", 23, -1), ("y", 1015, 9)]
        )
        self.assertIn((1259, relation.oid, 0, 1247, oid, 0, "i"), list(pg_depend(schema)))
