"""Queued rows whose table or column is gone, as third-party replicas are told of them."""

from __future__ import annotations

import orjson
from twisted.trial.unittest import SynchronousTestCase

from ha.replication.change import Message, decode, encode
from ha.replication.misfits import NOTHING, has_misfits, retell
from ha.sqlite.rowchange import DELETE, INSERT, UPDATE, RowChange, Shape

SHAPE = Shape(plain=True, rowid="rowid", alias=0, key=(0,), loose=())
COLUMNS = ("id", "v")


def change(operation: str, table: str = "t") -> RowChange:
    """One row's."""
    before = None if operation == INSERT else (1, b"\0")
    after = None if operation == DELETE else (2, "x")
    return RowChange(table, operation, COLUMNS, ("id",), before and 1, after and 2, before, after, 5, SHAPE)


class MisfitTests(SynchronousTestCase):
    """A message with all operations."""

    def setUp(self) -> None:
        self.message = Message("n", 1, "my.db", 1, 0, 0, [change(one) for one in (INSERT, UPDATE, DELETE)])
        self.body = encode(self.message)

    def test_what_fits_is_told_as_it_was(self) -> None:
        """Columns that were added since get their defaults, everywhere."""
        self.assertIs(retell(self.body, lambda name: COLUMNS), self.body)
        self.assertIs(retell(self.body, lambda name: ("new", *COLUMNS)), self.body)

    def test_a_table_or_a_column_that_is_gone(self) -> None:
        """There is nothing to be done, and our own nodes read the same as before."""
        for columns in (None, ("id",), ("id", "renamed")):
            told = retell(self.body, lambda name, columns=columns: columns)
            for entry in orjson.loads(told)["changes"]:
                self.assertEqual((entry["operation"], entry["command"]), ("SQL", NOTHING))
            self.assertEqual(decode(told), decode(self.body))
            self.assertTrue(has_misfits(self.message.changes, lambda name, columns=columns: columns))

    def test_who_has_read_the_message_need_not_look_again(self) -> None:
        """Where all of it fits there is nothing to tell."""
        self.assertFalse(has_misfits(self.message.changes, lambda name: ("new", *COLUMNS)))

    def test_each_table_for_itself(self) -> None:
        """The rows of the others are told."""
        body = encode(Message("n", 1, "my.db", 1, 0, 0, [change(INSERT), change(INSERT, "gone")]))
        told = retell(body, lambda name: COLUMNS if name == "t" else None)
        self.assertEqual([one["operation"] for one in orjson.loads(told)["changes"]], ["INSERT", "SQL"])
