"""A message is put in once, and as far as it fits."""

from __future__ import annotations

from typing import Any

import apsw

from ha.replication.change import Command, Message, RowChange
from ha.sqlite.fitting import put_in_order, put_once
from ha.sqlite.images import SLICE_CHANGES, CannotPut
from ha.test.indatabase import InDatabase


class FittingCase(InDatabase):
    """A database of its own, at position 5."""

    def setUp(self) -> None:
        super().setUp()
        self.connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, v NOT NULL)")
        self.connection.execute("BEGIN")

    def rows(self) -> list[Any]:
        """What is there."""
        return self.connection.execute("SELECT * FROM t ORDER BY id").fetchall()


class FittingTests(FittingCase):
    """One message."""

    def put(self, *rows: tuple[Any, ...], at: int = 3, group: int = 1, columns: tuple[str, ...] = ("id", "v")) -> bool:
        """Insert rows by a message that was executed at a position."""
        changes = [RowChange("t", "INSERT", columns, ("id",), None, row[0], None, row, 0) for row in rows]
        return put_once(self.connection, Message("n", 1, "a.db", group, at, 0, changes), 5)

    def test_once(self) -> None:
        """The second time it is nothing."""
        self.assertTrue(self.put((1, "x")))
        self.connection.execute("DELETE FROM t")
        self.assertFalse(self.put((1, "x")))
        self.assertEqual(self.rows(), [])

    def test_what_does_not_fit_is_left_out(self) -> None:
        """The rest is not."""
        self.assertTrue(self.put((1, "x"), (2, None), (3, "z")))
        self.assertEqual(self.rows(), [(1, "x"), (3, "z")])

    def test_what_was_executed_here_must_fit(self) -> None:
        """Or the file is not what it should be."""
        self.assertRaises(apsw.ConstraintError, self.put, (2, None), at=5)

    def test_a_table_that_is_gone(self) -> None:
        """Takes nothing; at its own position that is an error."""
        self.connection.execute("DROP TABLE t")
        self.assertTrue(self.put((1, "x")))
        self.assertRaises(CannotPut, self.put, (1, "x"), at=5, group=2)

    def test_a_column_that_is_gone(self) -> None:
        """Takes its row with it."""
        self.put((1, "x", 2), columns=("id", "v", "w"))
        self.assertEqual(self.rows(), [])

    def test_columns_that_are_new(self) -> None:
        """Get their defaults, where these are the same everywhere."""
        self.connection.execute("ALTER TABLE t ADD COLUMN w DEFAULT 'it''s'")
        self.connection.execute("ALTER TABLE t ADD COLUMN x DEFAULT -1.5")
        self.connection.execute("ALTER TABLE t ADD COLUMN y DEFAULT (1 + 1)")
        self.put((1, "x"))
        self.assertEqual(self.rows(), [(1, "x", "it's", -1.5, None)])


def inserted(key: int, value: Any) -> RowChange:
    """A row that is new."""
    return RowChange("t", "INSERT", ("id", "v"), ("id",), None, key, None, (key, value), 0)


def updated(key: int, old: Any, new: Any) -> RowChange:
    """A row that has another value."""
    return RowChange("t", "UPDATE", ("id", "v"), ("id",), key, key, (key, old), (key, new), 0)


def deleted(key: int, value: Any) -> RowChange:
    """A row that is gone."""
    return RowChange("t", "DELETE", ("id", "v"), ("id",), key, None, (key, value), None, 0)


class StretchTests(FittingCase):
    """Messages in order are as good as one by one."""

    def stretch(self, *messages: tuple[Any, ...], position: int = 5) -> list[int]:
        """Put messages of consecutive positions: each its group, the position it was executed at, its changes."""
        made = [
            (position + 1 + number, Message("n", 1, "a.db", group, at, 0, changes))
            for number, (group, at, *changes) in enumerate(messages)
        ]
        return [message.group for message in put_in_order(self.connection, made, position)]

    def test_what_is_made_changed_and_removed(self) -> None:
        """Ends as it would one by one; a unique value moves from row to row."""
        self.connection.execute("CREATE UNIQUE INDEX one_v ON t(v)")
        told = self.stretch(
            (1, 5, inserted(1, "x")),
            (2, 6, inserted(2, "y")),
            (3, 7, updated(1, "x", "z"), updated(2, "y", "x")),
            (4, 8, deleted(1, "z")),
            (5, 9, inserted(3, "z")),
        )
        self.assertEqual(told, [1, 2, 3, 4, 5])
        self.assertEqual(self.rows(), [(2, "x"), (3, "z")])

    def test_a_second_copy_counts_for_nothing(self) -> None:
        """In the same stretch, and in the next."""
        self.assertEqual(
            self.stretch((1, 5, inserted(1, "x")), (1, 5, inserted(1, "x")), (2, 7, deleted(1, "x"))), [1, 2]
        )
        self.assertEqual(self.stretch((2, 7, deleted(1, "x")), (1, 5, inserted(1, "x")), position=8), [])
        self.assertEqual(self.rows(), [])

    def test_what_was_executed_elsewhere_is_put_alone(self) -> None:
        """It may not fit; its neighbours must."""
        told = self.stretch(
            (1, 5, inserted(1, "x")), (2, 3, inserted(2, None), inserted(3, "z")), (3, 7, updated(1, "x", "y"))
        )
        self.assertEqual(told, [1, 2, 3])
        self.assertEqual(self.rows(), [(1, "y"), (3, "z")])

    def test_a_command_keeps_its_place(self) -> None:
        """Rows before it have the old columns, rows behind it the new."""
        wide = RowChange("t", "INSERT", ("id", "v", "w"), ("id",), None, 2, None, (2, "y", 7), 0)
        self.stretch((1, 5, inserted(1, "x")), (2, 6, Command("ALTER TABLE t ADD COLUMN w DEFAULT 1", 0)), (3, 7, wide))
        self.assertEqual(self.rows(), [(1, "x", 1), (2, "y", 7)])

    def test_a_stretch_is_no_longer_than_a_slice(self) -> None:
        """Else nodes would cut it at different places. Each slice looks at the schema once."""
        looks: list[str] = []
        self.connection.trace_v2(apsw.SQLITE_TRACE_STMT, lambda event: looks.append(event["sql"]))
        third = SLICE_CHANGES // 5 * 2
        self.stretch(
            *[
                (number, 4 + number, *[inserted(key, "x") for key in range(third * number, third * (number + 1))])
                for number in (1, 2, 3)
            ]
        )
        self.connection.trace_v2(0, None)
        self.assertEqual(sum("schema_version" in sql for sql in looks), 2)
        self.assertEqual(len(self.rows()), 3 * third)
