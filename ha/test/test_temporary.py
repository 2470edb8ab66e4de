"""Tests of ha.sqlite.temporary."""

from __future__ import annotations

from ha.sql.kinds import DELETE_ROWS, DROP
from ha.sqlite import temporary
from ha.test.indatabase import InDatabase


class PromiseTests(InDatabase):
    """What TEMP tables are to lose at COMMIT."""

    def setUp(self) -> None:
        super().setUp()
        self.connection.execute('CREATE TEMP TABLE going AS SELECT 1 AS a; CREATE TEMP TABLE "emp""tied" (a)')

    def test_rows_or_all(self) -> None:
        """Each as it was said, and any number of them."""
        self.assertEqual(temporary.promised(self.connection), [])
        temporary.promise(self.connection, "going", DROP)
        temporary.promise(self.connection, 'emp"tied', DELETE_ROWS)
        self.assertEqual(
            sorted(temporary.promised(self.connection)), ['DELETE FROM temp."emp""tied"', 'DROP TABLE temp."going"']
        )

    def test_it_follows_its_table(self) -> None:
        """Under a new name, and away; one that is made later has promised nothing."""
        temporary.promise(self.connection, "going", DROP)
        self.connection.execute("ALTER TABLE going RENAME TO gone")
        self.assertEqual(temporary.promised(self.connection), ['DROP TABLE temp."gone"'])
        self.connection.execute("DROP TABLE gone; CREATE TEMP TABLE gone (a)")
        self.assertEqual(temporary.promised(self.connection), [])

    def test_what_is_there(self) -> None:
        self.assertTrue(temporary.is_there(self.connection, "GOING"))
        self.assertFalse(temporary.is_there(self.connection, "other"))
        self.connection.execute("CREATE TABLE other (a)")
        self.assertFalse(temporary.is_there(self.connection, "other"))

    def test_when_the_last_one_is_gone(self) -> None:
        self.assertTrue(temporary.has_any(self.connection))
        self.connection.execute('DROP TABLE going; DROP TABLE "emp""tied"')
        self.assertFalse(temporary.has_any(self.connection))
