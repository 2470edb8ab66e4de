"""Tests of ha.sqlite.catalog_functions."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sqlite.catalog_functions import parse_ident
from ha.sqlite.connection import open_writer
from ha.sqlite.functions import Context

SCHEMA = """
CREATE TABLE parent (id INTEGER PRIMARY KEY AUTOINCREMENT, name varchar(20) NOT NULL UNIQUE, n int DEFAULT 5 CHECK (n > 0));
CREATE TABLE child (a TEXT, b INTEGER, p INTEGER REFERENCES parent (id) ON DELETE CASCADE, PRIMARY KEY (a, b));
CREATE INDEX child_p ON child (p) WHERE b > 1;
CREATE VIEW named AS SELECT id, name FROM parent;
"""


class FunctionTests(SynchronousTestCase):
    """Names to OIDs and back, and definitions as text."""

    def setUp(self) -> None:
        self.connection = open_writer(":memory:", synchronous="NORMAL")
        self.addCleanup(self.connection.close)
        self.connection.context = Context()
        self.connection.execute(SCHEMA)

    def ask(self, sql: str) -> object:
        self.connection.facts(sql)
        return self.connection.execute(sql).get

    def test_types_by_number(self) -> None:
        self.assertEqual(self.ask("SELECT format_type(20, NULL)"), "bigint")
        self.assertEqual(self.ask("SELECT format_type(1043, 24)"), "character varying(20)")

    def test_privileges_that_nobody_said(self) -> None:
        self.assertEqual(self.ask("SELECT acldefault('r', 10)"), '["ha=arwdDxt/ha"]')
        self.assertEqual(self.ask("SELECT acldefault('f', 10)"), '["=X/ha", "ha=X/ha"]')

    def test_names_taken_apart(self) -> None:
        self.assertEqual(parse_ident('Public."A b"'), '["public", "A b"]')
        self.assertEqual(parse_ident("t(x)", 0), '["t"]')
        for text in ("t(x)", "a.", "1a", ""):
            with self.assertRaises(StatementError):
                parse_ident(text)

    def test_functions_by_number(self) -> None:
        self.assertEqual(self.ask("SELECT pg_regproc_oid('now')"), 1299)
        self.assertEqual(self.ask("SELECT pg_regproc_oid('-')"), 0)
        self.assertEqual(self.ask("SELECT to_regtype_oid('int4')"), 23)
        self.assertIsNone(self.ask("SELECT to_regclass_oid('nosuch')"))

    def test_definitions(self) -> None:
        sql = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'child_p_fkey'"
        self.assertEqual(self.ask(sql), "FOREIGN KEY (p) REFERENCES parent(id) ON DELETE CASCADE")
        sql = "SELECT pg_get_indexdef(oid) FROM pg_class WHERE relname = 'child_p'"
        self.assertIn("CREATE INDEX child_p ON public.child USING btree (p)", str(self.ask(sql)))
