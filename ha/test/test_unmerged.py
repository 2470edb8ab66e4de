"""Virtual tables that something was left out of are named, until they are dropped."""

from __future__ import annotations

import apsw

from ha.sqlite.unmerged import forget_dropped, list_unmerged, name_unmerged
from ha.test.indatabase import InDatabase


class UnmergedTests(InDatabase):
    """One name."""

    def test_it_is_there_until_the_table_is_not(self) -> None:
        """Once, however often it is named."""
        self.connection.execute("CREATE VIRTUAL TABLE f USING fts5(a)")
        name_unmerged(self.connection, "f", "one reason")
        name_unmerged(self.connection, "f", "another")
        forget_dropped(self.connection)
        self.assertEqual(list_unmerged(self.connection), [("f", "another")])
        self.connection.execute("DROP TABLE f")
        forget_dropped(self.connection)
        self.assertEqual(list_unmerged(self.connection), [])

    def test_a_file_without_our_tables(self) -> None:
        """There is nothing to forget in it."""
        connection = apsw.Connection(":memory:")
        self.addCleanup(connection.close)
        forget_dropped(connection)
