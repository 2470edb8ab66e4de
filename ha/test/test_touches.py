"""What two messages touch tells whether their order matters."""

from __future__ import annotations

from ha.sqlite import tables
from ha.sqlite.rowchange import Command, Event, RawText, RowChange
from ha.sqlite.touches import Touches, packed, touches_of, unpacked
from ha.test.indatabase import InDatabase
from ha.values import Row

SCHEMA = """
CREATE TABLE plain (id INTEGER PRIMARY KEY, u UNIQUE, v);
CREATE TABLE named (k TEXT PRIMARY KEY, v);
CREATE TABLE folded (k TEXT COLLATE NOCASE PRIMARY KEY, r TEXT COLLATE RTRIM UNIQUE) WITHOUT ROWID;
CREATE TABLE partial (id INTEGER PRIMARY KEY, u);
CREATE UNIQUE INDEX partial_u ON partial (u) WHERE u > 5;
CREATE TABLE child (id INTEGER PRIMARY KEY, p REFERENCES plain, q REFERENCES plain (u));
CREATE VIRTUAL TABLE words USING fts5(w);
"""


class TouchTests(InDatabase):
    """In a database with each kind of table."""

    def setUp(self) -> None:
        super().setUp()
        for _ in self.connection.execute(SCHEMA):
            pass

    def of(self, table: str, rowid: int | None, values: Row, *, at: int | None = None) -> Touches:
        """One row inserted; `at`: under which rowid it really came."""
        columns = tuple(
            name for (name,) in self.connection.execute("SELECT name FROM pragma_table_info(?)", (table,)).fetchall()
        )
        change = RowChange(table, "INSERT", columns, (), None, rowid, None, values, 0)
        events = () if at is None else (Event(table, None, at, None, values),)
        found = touches_of(self.connection, [change], events, ())
        assert found is not None
        return found

    def assert_meet(self, first: Touches, second: Touches) -> None:
        """Both say so."""
        self.assertTrue(first.meet(second.writes, second.refers))
        self.assertTrue(second.meet(first.writes, first.refers))

    def assert_apart(self, first: Touches, second: Touches) -> None:
        """Both say so."""
        self.assertFalse(first.meet(second.writes, second.refers))
        self.assertFalse(second.meet(first.writes, first.refers))

    def test_keys_unique_values_and_rowids(self) -> None:
        """Each of them alone is enough."""
        row = self.of("plain", 1, (1, 7, "x"))
        self.assert_apart(row, self.of("plain", 2, (2, 8, "x")))
        self.assert_meet(row, self.of("plain", 1, (1, 8, "y")))
        self.assert_meet(row, self.of("plain", 2, (2, 7, "y")))
        self.assert_apart(self.of("plain", 1, (1, None, 0)), self.of("plain", 2, (2, None, 0)))
        self.assert_meet(self.of("named", 5, ("a", 0)), self.of("named", 5, ("b", 0)))
        self.assert_apart(self.of("named", 5, ("a", 0)), self.of("named", 6, ("b", 0)))
        self.assert_apart(row, self.of("named", 1, ("1", 0)))

    def test_what_sqlite_takes_for_equal_meets(self) -> None:
        """By affinity, and by each collation."""
        row = self.of("plain", 1, (1, 7, "x"))
        for value in (7.0, "7", " 7", "7.0"):
            self.assert_meet(row, self.of("plain", 2, (2, value, "x")))
        self.assert_apart(row, self.of("plain", 2, (2, b"7", "x")))
        self.assert_meet(self.of("folded", None, ("Ab", "x")), self.of("folded", None, ("aB", "y")))
        self.assert_meet(self.of("folded", None, ("a\0b", "x")), self.of("folded", None, ("a\0c", "y")))
        self.assert_meet(self.of("folded", None, ("a", "x  ")), self.of("folded", None, ("b", "x")))

    def test_a_child_meets_who_writes_its_parent(self) -> None:
        """And no other child of it."""
        child = self.of("child", 1, (1, 3, "7"))
        self.assert_meet(child, self.of("plain", 3, (3, None, 0)))
        self.assert_meet(child, self.of("plain", 4, (4, 7, 0)))
        self.assert_apart(child, self.of("plain", 4, (4, 8, 0)))
        self.assert_apart(child, self.of("child", 2, (2, 3, 7)))

    def test_what_depends_on_the_whole_table(self) -> None:
        """An index that is not on values, a virtual table, a rowid that was taken, text that is none."""
        self.assert_meet(self.of("partial", 1, (1, 1)), self.of("partial", 2, (2, 2)))
        self.assert_meet(self.of("words_data", 7, (7, b"")), self.of("words_docsize", 9, (9, b"")))
        other = self.of("named", 9, ("c", 0))
        self.assert_apart(self.of("named", 5, ("a", 0), at=5), other)
        self.assert_meet(self.of("named", 5, ("a", 0), at=6), other)
        self.assert_meet(self.of("named", 5, (None, 0), at=6), other)
        self.assert_meet(self.of("named", 5, (RawText(b"\xff"), 0)), other)

    def test_a_displaced_row_is_touched(self) -> None:
        """Though no image names it."""
        change = RowChange("plain", "INSERT", ("id", "u", "v"), ("id",), None, 1, None, (1, 7, 0), 0)
        gone = Event("plain", 2, None, (2, 7, 0), None)
        found = touches_of(self.connection, [change], [gone], ())
        assert found is not None
        self.assert_meet(found, self.of("plain", 2, (2, None, 0)))

    def test_sequences(self) -> None:
        """Who moves one meets who moves it, too."""
        one, same, other = (touches_of(self.connection, (), (), (name,)) for name in ("t", "T", "u"))
        assert one is not None and same is not None and other is not None
        self.assert_meet(one, same)
        self.assert_apart(one, other)

    def test_what_cannot_be_told(self) -> None:
        """A change of the schema, which meets everything; a table that is gone, of which nothing can be put."""
        self.assertIsNone(touches_of(self.connection, [Command("DROP TABLE plain", 0)], (), ()))
        gone = RowChange("gone", "INSERT", ("a",), (), None, 1, None, (1,), 0)
        self.assertEqual(touches_of(self.connection, [gone], (), ()), Touches())
        # Images from before a column was added: by the keys that they have, and as a whole.
        old = RowChange("plain", "INSERT", ("id", "u"), ("id",), None, 1, None, (1, 7), 0)
        found = touches_of(self.connection, [old], (), ())
        assert found is not None
        self.assert_meet(found, self.of("plain", 9, (9, 9, 9)))

    def test_a_changed_schema_is_noticed(self) -> None:
        """A new unique index counts from then on."""
        first, second = self.of("named", 1, ("a", 5)), self.of("named", 2, ("b", 5))
        self.assert_apart(first, second)
        self.connection.execute("CREATE UNIQUE INDEX named_v ON named (v)")
        tables.of(self.connection).refresh()
        self.assert_meet(self.of("named", 1, ("a", 5)), self.of("named", 2, ("b", 5)))

    def test_numbers_are_kept(self) -> None:
        """All 64 bits."""
        numbers = {0, -1, 2**63 - 1, -(2**63)}
        self.assertEqual(set(unpacked(packed(numbers))), numbers)
        touches = Touches({1, 2}, {3})
        touches.add(Touches({4}, {5}))
        self.assertEqual(touches.beyond(Touches({1}, {3})), Touches({2, 4}, {5}))
