"""What a schema declares."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ha.sqlite.connection import open_writer
from ha.sqlite.words import Words


class WordsTests(SynchronousTestCase):
    """Tables and views of one database."""

    def test_columns_and_their_types(self) -> None:
        """In any case; without the columns one cannot insert into."""
        connection = open_writer(str(Path(self.mktemp()).absolute()), synchronous="NORMAL")
        self.addCleanup(connection.close)
        connection.execute('create table "T"(a varchar(20), "B c" timestamp with time zone, d, e as (a) stored)')
        connection.execute("create view v as select a from t")
        words = Words(connection)
        self.assertEqual(words.columns("t"), ["a", "B c", "d"])
        self.assertEqual(words.column_type("T", "A"), "varchar(20)")
        self.assertEqual(words.column_type("t", "b C"), "timestamp with time zone")
        self.assertEqual(words.column_type("t", "d"), "")
        self.assertEqual(words.column_type("v", "a"), "varchar(20)")
        self.assertIsNone(words.column_type("t", "nosuch"))
        self.assertIsNone(words.columns("nosuch"))
