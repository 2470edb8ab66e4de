"""Tests of ha.sqlite.catalog_tables."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.sqlite.catalog_tables import RELATIONS


class TableTests(SynchronousTestCase):
    """The generated relations are whole."""

    def test_every_line_is_a_relation(self) -> None:
        lines = [line.split() for line in RELATIONS.splitlines() if line]
        self.assertGreater(len(lines), 200)
        for schema, name, oid, kind, *columns in lines:
            self.assertIn(schema, ("pg_catalog", "information_schema"), name)
            self.assertTrue(oid.isdigit() and kind in "rvmi", name)
            self.assertTrue(all(":" in column for column in columns), name)
