"""What the schema says of tables."""

from __future__ import annotations

import apsw
from twisted.trial.unittest import SynchronousTestCase

from ha.sqlite import tables as schema
from ha.sqlite.tables import Table, Tables, affinity


def read(definition: str, name: str = "t") -> Table:
    """The table as a fresh connection's cache knows it."""
    connection = apsw.Connection(":memory:")
    connection.execute(definition)
    return Tables(connection)[name]


class KeyTests(SynchronousTestCase):
    """By what a row is known."""

    def test_integer_primary_key_is_the_rowid(self) -> None:
        """It needs no hidden name."""
        table = read("CREATE TABLE t(x, id INTEGER PRIMARY KEY)")
        self.assertEqual((table.keyed_by_rowid, table.shape.alias, table.rowid), (True, 1, '"id"'))

    def test_desc_makes_it_a_key_of_its_own(self) -> None:
        """An old quirk of SQLite's, as INT instead of INTEGER."""
        for words in ("id INTEGER PRIMARY KEY DESC", "id INT PRIMARY KEY"):
            table = read(f"CREATE TABLE t({words})")
            self.assertEqual((table.keyed_by_rowid, table.shape.alias, table.rowid), (False, None, "rowid"), words)

    def test_a_composite_key_is_given_in_table_order(self) -> None:
        """Not in the order that the key declares, which other readers do not know."""
        table = read("CREATE TABLE t(a, b, c, PRIMARY KEY (c, a)) WITHOUT ROWID")
        self.assertEqual((table.pk_columns, table.rowid, table.without_rowid), (("a", "c"), None, True))
        self.assertEqual(table.pk_index, "sqlite_autoindex_t_1")

    def test_a_column_may_take_a_name_of_the_rowid(self) -> None:
        """Then another name is used; when all are taken there is none."""
        self.assertEqual(read("CREATE TABLE t(ROWID, a)").rowid, "_rowid_")
        self.assertIsNone(read("CREATE TABLE t(rowid, _rowid_, oid)").rowid)


class ColumnTests(SynchronousTestCase):
    """Which columns an image has."""

    def test_generated_columns_are_left_out(self) -> None:
        """The stored ones are in SQLite's rows all the same; for the virtual ones the hook gives nothing."""
        stored = read("CREATE TABLE t(a, g AS (a) STORED, b)")
        self.assertEqual((stored.columns, stored.stored, stored.uncapturable), (("a", "b"), (0, 2), False))
        virtual = read("CREATE TABLE t(a, g AS (a), b)")
        self.assertEqual((virtual.columns, virtual.stored, virtual.uncapturable), (("a", "b"), None, True))

    def test_affinity_follows_the_manual(self) -> None:
        """In the manual's order of rules."""
        for declared, expected in (
            ("CHARINT", "INTEGER"),
            ("varchar(10)", "TEXT"),
            ("", "BLOB"),
            ("BLOB", "BLOB"),
            ("FLOATING", "REAL"),
            ("DECIMAL(10,5)", "NUMERIC"),
            ("ANY", "NUMERIC"),
        ):
            self.assertEqual(affinity(declared, False), expected, declared)
        self.assertEqual(affinity("ANY", True), "BLOB")

    def test_loose_columns_keep_numbers_as_they_came(self) -> None:
        """The rowid's alias never does."""
        self.assertEqual(read("CREATE TABLE t(id INTEGER PRIMARY KEY, a, b BLOB, c INT)").shape.loose, (1, 2))

    def test_names_that_need_quotes_are_known(self) -> None:
        """Keywords, spaces, letters beyond ASCII."""
        self.assertTrue(read("CREATE TABLE t(a, b_1)").shape.plain)
        for name in ('"order"', '"two words"', "ключ", '"1a"'):
            self.assertFalse(read(f"CREATE TABLE t({name})").shape.plain, name)


class UniqueTests(SynchronousTestCase):
    """What must be unique besides the primary key."""

    def test_partial_and_expression_indexes_have_no_columns(self) -> None:
        """They are still known by name."""
        table = read(
            "CREATE TABLE t(a PRIMARY KEY, b UNIQUE); CREATE UNIQUE INDEX p ON t(a) WHERE b;"
            " CREATE UNIQUE INDEX e ON t(lower(b)); CREATE INDEX plain ON t(b)"
        )
        self.assertEqual(
            {unique.name: unique.columns for unique in table.uniques},
            {"sqlite_autoindex_t_2": (1,), "p": None, "e": None},
        )


class VirtualTableTests(SynchronousTestCase):
    """Shadow tables and whose they are."""

    def test_a_shadow_table_knows_its_owner(self) -> None:
        """Also when one virtual table's name begins with another's."""
        definition = "CREATE VIRTUAL TABLE a USING fts5(x); CREATE VIRTUAL TABLE a_b USING fts5(x)"
        self.assertEqual((read(definition, "a_b_data").owner, read(definition, "a_data").owner), ("a_b", "a"))
        self.assertEqual(read(definition, "a").kind, "virtual")


class CacheTests(SynchronousTestCase):
    """Facts are kept as long as they are true."""

    def setUp(self) -> None:
        self.connection = apsw.Connection(":memory:")
        self.connection.execute("CREATE TABLE t(a)")
        self.tables = schema.of(self.connection)
        self.tables.refresh()

    def test_there_is_one_per_connection(self) -> None:
        """Whoever asks."""
        self.assertIs(schema.of(self.connection), self.tables)

    def test_a_changed_schema_is_noticed_at_the_next_transaction(self) -> None:
        """By SQLite's count."""
        self.assertEqual(self.tables["t"].columns, ("a",))
        self.connection.execute("ALTER TABLE t ADD COLUMN b")
        self.tables.refresh()
        self.assertEqual(self.tables["t"].columns, ("a", "b"))

    def test_a_count_that_comes_again_after_a_rollback_deceives_nobody(self) -> None:
        """Two schemas had the same number: what was seen in the transaction that was rolled back is not believed."""
        self.connection.execute("BEGIN; ALTER TABLE t ADD COLUMN undone")
        self.tables.changed()
        self.assertEqual(self.tables["t"].columns, ("a", "undone"))
        self.connection.execute("ROLLBACK; ALTER TABLE t ADD COLUMN kept")
        self.tables.refresh()
        self.assertEqual(self.tables["t"].columns, ("a", "kept"))

    def test_local_tables_are_not_in_the_schema_that_replicates(self) -> None:
        """SQLite's own, and ours."""
        self.connection.execute("CREATE TABLE ha_x(a); INSERT INTO t VALUES (1); ANALYZE")
        self.tables.refresh()
        self.assertEqual(list(self.tables.names()), ["t"])
