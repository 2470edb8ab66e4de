"""A hash for each table."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.sqlite.connection import Connection, open_writer
from ha.sqlite.content import SCHEMA, hash_tables
from ha.sqlite.schema import install

SQL = (
    "CREATE TABLE t (a); INSERT INTO t VALUES (1), ('1'), (x'31'), (1.0), (NULL);"
    "CREATE TABLE w (k TEXT PRIMARY KEY, v) WITHOUT ROWID; INSERT INTO w VALUES ('b', 1), ('a', 2)"
)


class ContentTests(SynchronousTestCase):
    """Databases that hold the same, or nearly."""

    def database(self, sql: str = SQL) -> Connection:
        """One with these contents."""
        connection = open_writer(self.mktemp(), synchronous="NORMAL")
        self.addCleanup(connection.close)
        install(connection)
        connection.execute(sql)
        return connection

    def different(self, sql: str) -> list[str]:
        """What differs after these statements."""
        one, other = self.database(), self.database()
        other.execute(sql)
        ours, theirs = hash_tables(one), hash_tables(other)
        return sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))

    def test_equal_contents_are_equal(self) -> None:
        """However they came about, and whatever the statistics and our own tables hold."""
        self.assertEqual(self.different("DELETE FROM w WHERE k = 'a'; INSERT INTO w VALUES ('a', 2)"), [])
        self.assertEqual(self.different("ANALYZE"), [])
        self.assertEqual(sorted(hash_tables(self.database())), [SCHEMA, "sqlite_sequence", "t", "w"])

    def test_every_difference_counts(self) -> None:
        """A value, its type, a rowid, a table."""
        self.assertEqual(self.different("UPDATE w SET v = 3 WHERE k = 'a'"), ["w"])
        self.assertEqual(self.different("UPDATE t SET a = 1.0 WHERE typeof(a) = 'integer'"), ["t"])
        self.assertEqual(self.different("UPDATE t SET rowid = 9 WHERE rowid = 5"), ["t"])
        self.assertEqual(self.different("CREATE INDEX i ON t (a)"), [SCHEMA])
