"""A hash for each table."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.sqlite.connection import Connection, open_writer
from ha.sqlite.content import SCHEMA, Place, Slice, hash_slice
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
        ours, theirs = hash_slice(one).hashes, hash_slice(other).hashes
        return sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))

    def test_equal_contents_are_equal(self) -> None:
        """However they came about, and whatever the statistics and our own tables hold."""
        self.assertEqual(self.different("DELETE FROM w WHERE k = 'a'; INSERT INTO w VALUES ('a', 2)"), [])
        self.assertEqual(self.different("ANALYZE"), [])
        self.assertEqual(sorted(hash_slice(self.database()).hashes), [SCHEMA, "sqlite_sequence", "t", "w"])

    def test_every_difference_counts(self) -> None:
        """A value, its type, a rowid, a table."""
        self.assertEqual(self.different("UPDATE w SET v = 3 WHERE k = 'a'"), ["w"])
        self.assertEqual(self.different("UPDATE t SET a = 1.0 WHERE typeof(a) = 'integer'"), ["t"])
        self.assertEqual(self.different("UPDATE t SET rowid = 9 WHERE rowid = 5"), ["t"])
        self.assertEqual(self.different("CREATE INDEX i ON t (a)"), [SCHEMA])

    def test_text_that_is_not_utf_8(self) -> None:
        """Counts by its bytes; in a key, too."""
        self.assertEqual(self.different("UPDATE t SET a = CAST(x'ff' AS TEXT) WHERE a = 1"), ["t"])
        strange = SQL + "; INSERT INTO w VALUES (CAST(x'ff' AS TEXT), 3), ('c', 4)"
        one, other = self.database(strange), self.database(strange)
        self.assertEqual(hash_slice(one), hash_slice(other))
        other.execute("UPDATE w SET v = 5 WHERE k = 'c'")
        self.assertNotEqual(hash_slice(one).hashes["w"], hash_slice(other).hashes["w"])

    def walk(self, connection: Connection, rows_max: int) -> list[Slice]:
        """All slices."""
        found = [hash_slice(connection, rows_max=rows_max)]
        while found[-1].next != Place():
            found.append(hash_slice(connection, found[-1].next, rows_max=rows_max))
        return found

    def test_a_walk_reads_everything_once(self) -> None:
        """In slices, over the tables' borders, by rowids and by keys of several columns."""
        connection = self.database()
        connection.execute("CREATE TABLE x (a TEXT, b INTEGER, PRIMARY KEY (b, a)) WITHOUT ROWID")
        connection.execute("INSERT INTO x VALUES ('a', 2), ('b', 1), ('a', 1)")
        connection.execute("CREATE TABLE empty (a)")
        places = [(one.next.table, one.next.key) for one in self.walk(connection, 2)]
        self.assertEqual(places, [("t", (2,)), ("t", (4,)), ("w", ("a",)), ("x", (1, "a")), ("x", (2, "a")), ("", ())])

    def test_a_difference_shows_in_its_slice_only(self) -> None:
        """The others are equal."""
        one, other = self.database(), self.database()
        other.execute("UPDATE t SET a = 5 WHERE rowid = 3")
        ours, theirs = self.walk(one, 2), self.walk(other, 2)
        self.assertEqual([a.hashes == b.hashes for a, b in zip(ours, theirs, strict=True)], [True, False, True, True])

    def test_a_slice_ends_by_its_bytes_too(self) -> None:
        """Rows may be large."""
        self.assertEqual(hash_slice(self.database(), bytes_max=1).next, Place("t", (1,)))

    def test_a_table_that_went_away(self) -> None:
        """The walk goes on behind where it was, or in the one of that name, from its beginning."""
        connection = self.database()
        connection.execute("DROP TABLE t; CREATE TABLE t (a PRIMARY KEY, b) WITHOUT ROWID; INSERT INTO t VALUES (1, 2)")
        self.assertEqual(hash_slice(connection, Place("t", (1, 2))).next, Place())
        self.assertEqual(sorted(hash_slice(connection, Place("u", (1,))).hashes), [SCHEMA, "sqlite_sequence", "w"])
