"""Tests of ha.sqlite.catalog_image."""

from __future__ import annotations

import apsw
from twisted.trial.unittest import SynchronousTestCase

from ha.sqlite.catalog_image import bare_image


class ImageTests(SynchronousTestCase):
    """What every database has."""

    def setUp(self) -> None:
        self.connection = apsw.Connection(":memory:")
        self.addCleanup(self.connection.close)
        self.connection.deserialize("main", bare_image())

    def ask(self, sql: str) -> object:
        return self.connection.execute(sql).get

    def test_it_is_small(self) -> None:
        """Each connection that asks for the catalog holds one."""
        self.assertLess(len(bare_image()), 1024 * 1024)

    def test_postgresqls_own_rows(self) -> None:
        self.assertEqual(self.ask("SELECT typname FROM pg_type WHERE oid = 23"), "int4")
        self.assertEqual(self.ask("SELECT relkind FROM pg_class WHERE relname = 'pg_class'"), "r")
        self.assertEqual(
            self.ask("SELECT count(*) FROM pg_attribute WHERE attrelid = 1259 AND attnum > 0"),
            self.ask("SELECT relnatts FROM pg_class WHERE oid = 1259"),
        )

    def test_columns_are_declared_as_postgresqls_types(self) -> None:
        self.assertEqual(self.ask("SELECT type FROM pragma_table_info('pg_class') WHERE name = 'oid'"), "oid")

    def test_what_nobody_says_has_a_default(self) -> None:
        self.connection.execute("INSERT INTO pg_class (oid, relname) VALUES (1, 'x')")
        self.assertEqual(self.ask("SELECT relpersistence FROM pg_class WHERE oid = 1"), "p")
