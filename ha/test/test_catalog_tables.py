"""Tests of ha.sqlite.catalog_tables."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.sqlite.catalog_tables import filled, relations, static_rows


class TableTests(SynchronousTestCase):
    """The generated files are whole."""

    def test_every_line_is_a_relation(self) -> None:
        self.assertGreater(len(relations()), 200)
        for one in relations():
            self.assertIn(one.schema, ("pg_catalog", "information_schema"), one.name)
            self.assertIn(one.kind, "rv", one.name)
            self.assertTrue(all(name and words for name, words in one.columns), one.name)

    def test_rows_have_columns_of_their_table(self) -> None:
        columns = {one.name: {name for name, _ in one.columns} for one in relations()}
        for table in filled():
            if table in columns:  # the others are functions
                for row in static_rows(table):
                    self.assertLessEqual(row.keys(), columns[table], table)
        self.assertGreater(len(static_rows("pg_type")), 150)

    def test_a_table_without_rows(self) -> None:
        self.assertEqual(static_rows("pg_trigger"), ())
