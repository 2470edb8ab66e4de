"""Tests of ha.sqlite.catalog_schema."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.sqlite.catalog_schema import read
from ha.sqlite.connection import open_writer
from ha.sqlite.functions import Context

SCHEMA = """
CREATE TABLE parent (id INTEGER PRIMARY KEY AUTOINCREMENT, name varchar(20) NOT NULL UNIQUE, n int DEFAULT 5 CHECK (n > 0));
CREATE TABLE child (a TEXT, b INTEGER, p INTEGER REFERENCES parent (id) ON DELETE CASCADE, PRIMARY KEY (a, b));
CREATE INDEX child_p ON child (p) WHERE b > 1;
CREATE VIEW named AS SELECT id, name FROM parent;
"""


class SchemaTests(SynchronousTestCase):
    """The main schema in PostgreSQL's words."""

    def setUp(self) -> None:
        self.connection = open_writer(":memory:", synchronous="NORMAL")
        self.addCleanup(self.connection.close)
        self.connection.context = Context()
        self.connection.execute(SCHEMA)
        self.schema = read(self.connection)

    def test_constraints_have_postgresqls_names(self) -> None:
        names = {one.name for one in self.schema.constraints.values()}
        self.assertLessEqual({"parent_pkey", "parent_name_key", "parent_n_check", "child_pkey", "child_p_fkey"}, names)

    def test_a_views_columns_are_its_tables(self) -> None:
        (view,) = (one for one in self.schema.relations.values() if one.kind == "v")
        self.assertEqual(
            [(one.name, one.type_oid, one.modifier) for one in view.attributes], [("id", 23, -1), ("name", 1043, 24)]
        )

    def test_a_views_expressions_have_types(self) -> None:
        self.connection.execute("CREATE VIEW counted AS SELECT p, count(*) AS n, max(b) FROM child GROUP BY p")
        view = read(self.connection).named["counted"]
        self.assertEqual([one.type_oid for one in view.attributes], [23, 20, 20])

    def test_constraints_in_postgresqls_order(self) -> None:
        """CHECK comes with the table, then its primary key; foreign keys follow."""
        found = [(one.table.name, one.kind) for one in self.schema.constraints.values()]
        self.assertEqual([kind for table, kind in found if table == "parent"], ["c", "p", "u"])
        self.assertEqual([kind for table, kind in found if table == "child"], ["p", "f"])

    def test_what_was_added_as_a_constraint_is_one(self) -> None:
        """Whatever its name is; an index of such a name is none."""
        self.connection.execute(
            "CREATE UNIQUE INDEX looks_key ON child (a);"
            "CREATE UNIQUE INDEX anything /* unique constraint */ ON child (b);"
            "CREATE TABLE late (a, b);"
            "CREATE UNIQUE INDEX late_pk /* primary key */ ON late (a, b)"
        )
        found = {one.name: one.kind for one in read(self.connection).constraints.values()}
        self.assertEqual((found.get("looks_key"), found.get("anything"), found.get("late_pk")), (None, "u", "p"))

    def test_which_columns_count(self) -> None:
        """Those that were told to; an integer key alone is not, though SQLite would fill it."""
        self.connection.execute(
            "CREATE TABLE plain (id integer NOT NULL, PRIMARY KEY (id)); CREATE TABLE told (id INTEGER /* identity */ PRIMARY KEY AUTOINCREMENT)"
        )
        self.connection.execute("CREATE TABLE wide (id INTEGER /* bigint */ PRIMARY KEY)")
        named = read(self.connection).named
        self.assertEqual(named["wide"].attributes[0].type_oid, 20)
        found = {
            name: (one.default, one.identity)
            for name in ("plain", "told", "parent")
            for one in named[name].attributes[:1]
        }
        self.assertEqual(
            found, {"plain": (None, ""), "told": (None, "d"), "parent": ("nextval('parent_id_seq'::regclass)", "")}
        )

    def test_oids_are_the_same_everywhere(self) -> None:
        again = read(self.connection)
        self.assertEqual(
            [one.oid for one in self.schema.relations.values()], [one.oid for one in again.relations.values()]
        )
