"""Rows inserted one behind the other are told as each would be alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ha.replication.change import Message, encode
from ha.replication.runs import RUN_ROWS_MAX, insertions, runs
from ha.sqlite.rowchange import INSERT, Change, Changes, Inserted, RowChange, Shape
from ha.test.test_rowchange import VALUES

COLUMNS = ("id", "a", "b")


def inserted(number: int, *values: Any, shape: Shape, pk: tuple[str, ...] = ("id",), rowid: bool = True) -> RowChange:
    """A row with this number as its key, and its time."""
    return RowChange("t", INSERT, COLUMNS, pk, None, number if rowid else None, None, (number, *values), number, shape)


def shaped(*, plain: bool = True, loose: tuple[int, ...] = ()) -> Shape:
    """A table with a key."""
    return Shape(plain=plain, rowid="rowid", alias=0, key=(0,), loose=loose)


def entries(*changes: RowChange) -> list[Any]:
    """What a reader of the log sees of them."""
    return entries_of(changes)


def entries_of(changes: Sequence[Change]) -> list[Any]:
    """The same for all at once."""
    return orjson.loads(encode(Message("n", 1, "my.db", 3, 17, 5, changes)))["changes"]  # type: ignore[no-any-return]


def together(*changes: RowChange) -> bytes | None:
    """They are told at once, if they can be."""
    found = list(runs(changes))
    return insertions(found[0]) if len(found) == 1 else None


class RunTests(SynchronousTestCase):
    """Together or alone."""

    @settings(max_examples=200, deadline=None)
    @given(st.lists(st.tuples(VALUES, VALUES), min_size=2, max_size=5), st.booleans(), st.booleans(), st.booleans())
    def test_it_makes_no_difference(self, rows: list[tuple[Any, Any]], keyed: bool, loose: bool, rowid: bool) -> None:
        """Whatever the values are, with and without a key, with and without rowids."""
        shape = shaped(loose=(1,) if loose else ())
        pk = ("id",) if keyed else ()
        changes = [inserted(at, *row, shape=shape, pk=pk, rowid=rowid or not keyed) for at, row in enumerate(rows)]
        self.assertEqual(entries(*changes), [entry for change in changes for entry in entries(change)])

    def test_plain_rows_are_told_together(self) -> None:
        """Numbers, texts and NULLs."""
        changes = [inserted(1, "a", 1.5, shape=shaped()), inserted(2, None, 7, shape=shaped())]
        told = together(*changes)
        assert told is not None
        self.assertEqual(orjson.loads(b"[%b]" % told), entries(*changes))

    def test_one_that_is_not_plain_sends_all_the_long_way(self) -> None:
        """A BLOB, a number that a float cannot hold, an infinity, no key; a name that needs quotes; a column that keeps numbers."""
        plain = inserted(1, "a", 1, shape=shaped())
        for other in (
            inserted(2, b"x", 1, shape=shaped()),
            inserted(2**53 + 1, "a", 1, shape=shaped()),
            inserted(2, float("inf"), 1, shape=shaped()),
            inserted(2, "a", 1, shape=shaped())._replace(new_values=(None, "a", 1)),
            inserted(2, "a", 1, shape=shaped())._replace(new_rowid=None),
            inserted(2, "a", 1, shape=shaped(), pk=()),
            inserted(2, "a", 1, shape=shaped(plain=False)),
        ):
            self.assertIsNone(together(plain, other))
        loose = shaped(loose=(2,))
        self.assertIsNone(together(inserted(1, "a", 1, shape=loose), inserted(2, "a", 2, shape=loose)))
        odd = shaped(plain=False)
        self.assertIsNone(together(inserted(1, "a", 1, shape=odd), inserted(2, "a", 2, shape=odd)))

    def test_rows_of_one_statement_are_a_run_already(self) -> None:
        """Told as the same rows one by one, in their place among others."""
        shape = shaped()
        rows = [(at, "x", None) for at in range(3)]
        kept = Inserted("t", INSERT, COLUMNS, ("id",), range(3), rows, 5, shape)
        before, behind = inserted(8, 1, 2, shape=shape), inserted(9, 1, 2, shape=shape)
        changes = Changes([before, kept, behind])
        self.assertEqual(len(changes), 5)
        self.assertEqual(entries_of(changes), entries(before, *kept.each(), behind))
        self.assertEqual(changes[-1], behind)

    def test_columns_that_came_between(self) -> None:
        """An ALTER TABLE in the same message."""
        before = inserted(1, "a", 1, shape=shaped())
        behind = before._replace(columns=("id", "a", "c"), new_values=(2, "a", 1))
        self.assertEqual(len(list(runs([before, before, behind]))), 3)

    def test_more_than_a_run(self) -> None:
        """Each row is there, in its order."""
        count = 2 * RUN_ROWS_MAX + 1
        told = entries(*[inserted(at, "x", None, shape=shaped()) for at in range(count)])
        self.assertEqual([entry["new_rowid"] for entry in told], list(range(count)))
