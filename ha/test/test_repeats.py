"""Updates that a reader could not apply twice are found, and only those."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ha.replication.repeats import changes_key, find_unrepeatable
from ha.sqlite.rowchange import RowChange, Shape

#: A table (id INTEGER PRIMARY KEY, u UNIQUE).
SHAPE = Shape(plain=True, rowid="rowid", alias=0, key=(0,), loose=(), unique=(1,))


def change(old: Any, new: Any, shape: Shape = SHAPE) -> RowChange:
    """From one image to the other."""
    operation = "INSERT" if old is None else "DELETE" if new is None else "UPDATE"
    return RowChange("t", operation, ("id", "u"), ("id",), old and old[0], new and new[0], old, new, 0, shape)


class RepeatTests(SynchronousTestCase):
    """Keys and unique values that two changes of a message claim."""

    def test_one_change_alone_may_come_twice(self) -> None:
        """The second time there is nothing to move."""
        self.assertEqual(find_unrepeatable([change((1, 1), (2, 1))]), [])

    def test_rows_apart_may_come_twice(self) -> None:
        """As in nearly every message."""
        self.assertEqual(find_unrepeatable([change((1, 1), (2, 1)), change(None, (3, 3)), change((4, 4), (4, 5))]), [])

    def test_a_key_that_two_changes_claim(self) -> None:
        """A row moves to where another was."""
        self.assertEqual(find_unrepeatable([change((2, 2), None), change((1, 1), (2, 1))]), [1])

    def test_a_unique_value_that_two_changes_claim(self) -> None:
        """Handed on, in whatever case its letters are."""
        handed = [change((1, "a"), (1, "b")), change((2, "c"), (2, "A"))]
        self.assertEqual(find_unrepeatable(handed), [0, 1])

    def test_an_index_that_is_not_understood(self) -> None:
        """Whatever another change of the table does, it may be in the way."""
        shape = Shape(plain=True, rowid="rowid", alias=0, key=(0,), loose=(), unique=None)
        changes = [change((1, 1), (1, 2), shape), change(None, (9, 9), shape)]
        self.assertEqual(find_unrepeatable(changes), [0])
        self.assertEqual(find_unrepeatable(changes[:1]), [])

    def test_the_key_or_only_a_value(self) -> None:
        """Where the old key must go, a reader is told so."""
        self.assertTrue(changes_key(change((1, 1), (2, 1))))
        self.assertFalse(changes_key(change((1, 1), (1, 2))))
        bare = Shape(plain=True, rowid="rowid", alias=None, key=(), loose=())
        self.assertTrue(changes_key(change((1, 1), (2, 1), bare)))
