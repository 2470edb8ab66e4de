"""CREATE TABLE's text: taken apart, edited, put together."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sql.kinds import Alteration
from ha.sql.tabletext import (
    constraint_columns,
    edit,
    find_constraint,
    has_named_rowid,
    is_in_a_key,
    is_not_null,
    mentions,
    taken_apart,
)

ITEMS = """CREATE TABLE items (
  id INTEGER PRIMARY KEY,
  "Odd name" TEXT NOT NULL DEFAULT ('a,b'),
  price numeric(10, 2) CHECK (price > 0) UNIQUE,
  CONSTRAINT both UNIQUE (id, "Odd name"),
  CHECK (price < 100)
) STRICT"""


class TableTextTests(SynchronousTestCase):
    """A table of every kind of element."""

    def edited(self, *actions: Alteration, sql: str = ITEMS) -> str:
        """The text after these actions, in one line."""
        table = taken_apart("items", sql)
        for action in actions:
            edit(table, action)
        return " ".join(table.sql("items").split())

    def test_its_parts(self) -> None:
        """Names as they are written, without their quotes; a comma in a text or a type parts nothing."""
        table = taken_apart("items", ITEMS)
        self.assertEqual([one.column for one in table.elements], ["id", "Odd name", "price", None, None])
        self.assertEqual([one.constraint for one in table.elements], [None, None, None, "both", None])
        self.assertEqual(table.elements[2].words, "price numeric(10, 2) CHECK (price > 0) UNIQUE")
        self.assertEqual(table.tail, " STRICT")

    def test_what_is_not_touched_stays_letter_for_letter(self) -> None:
        """Taken apart and put together."""
        self.assertEqual(self.edited(), " ".join(ITEMS.replace("items", '"items"').split()))

    def test_a_virtual_table_has_no_such_text(self) -> None:
        """Its words are its module's."""
        error = self.assertRaises(StatementError, taken_apart, "t", "CREATE VIRTUAL TABLE t USING fts5(a)")
        self.assertEqual(error.sqlstate, "0A000")

    def test_columns_come_before_constraints(self) -> None:
        """SQLite takes them in no other order."""
        added = self.edited(Alteration("add column", "seen", "seen DATE"))
        self.assertIn("CHECK (price > 0) UNIQUE, seen DATE, CONSTRAINT both", added)

    def test_a_constraint_goes_by_its_name(self) -> None:
        """Or by the name that PostgreSQL would have given it, in the table's list or in a column's words."""
        for name, gone in (
            ("both", 'CONSTRAINT both UNIQUE (id, "Odd name")'),
            ("items_check", "CHECK (price < 100)"),
            ("items_price_key", " UNIQUE,"),
            ("items_price_check", "CHECK (price > 0)"),
        ):
            self.assertIn(gone, self.edited())
            self.assertNotIn(gone, self.edited(Alteration("drop constraint", name, "")), name)
        self.assertIsNone(find_constraint(taken_apart("items", ITEMS), "nothing"))

    def test_a_type_and_a_default(self) -> None:
        """The rest of the column's words stays."""
        typed = self.edited(Alteration("type", "price", "real"))
        self.assertIn("price real CHECK (price > 0) UNIQUE", typed)
        self.assertIn('"Odd name" TEXT NOT NULL,', self.edited(Alteration("drop default", "Odd name", "")))
        self.assertIn(
            "price numeric(10, 2) DEFAULT 5 CHECK", self.edited(Alteration("set default", "price", "DEFAULT 5"))
        )

    def test_who_names_what(self) -> None:
        """Quoted or not, in any case."""
        self.assertTrue(mentions('CHECK ("Price" > 0)', "price"))
        self.assertFalse(mentions("CHECK ('price' > other)", "price"))
        self.assertEqual(constraint_columns('PRIMARY KEY (a DESC, "b c")'), ["a", "b c"])
        table = taken_apart("items", ITEMS)
        self.assertEqual([is_in_a_key(table, one) for one in ("id", "price")], [True, True])
        self.assertFalse(is_in_a_key(taken_apart("t", "CREATE TABLE t (a, b)"), "a"))
        self.assertEqual([is_not_null(one) for one in table.elements[:3]], [False, True, False])

    def test_the_rowids_own_name(self) -> None:
        """By the word INTEGER, and alone."""
        for sql, named in (
            ("CREATE TABLE t (a INTEGER PRIMARY KEY)", True),
            ("CREATE TABLE t (a INTEGER, PRIMARY KEY (a))", True),
            ("CREATE TABLE t (a INT PRIMARY KEY)", False),
            ("CREATE TABLE t (a INTEGER, b, PRIMARY KEY (a, b))", False),
            ("CREATE TABLE t (a)", False),
        ):
            self.assertEqual(has_named_rowid(taken_apart("t", sql)), named, sql)

    def test_an_action_that_there_is_not(self) -> None:
        """By its name."""
        error = self.assertRaises(StatementError, self.edited, Alteration("fold", None, ""))
        self.assertEqual((error.sqlstate, "FOLD" in error.message), ("0A000", True))
