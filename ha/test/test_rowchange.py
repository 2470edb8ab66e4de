"""What becomes of rows on their way through JSON."""

from __future__ import annotations

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ha.sqlite.rowchange import Author, Event, RawText, Record, pack, packed, unpack

#: Everything that SQLite can hold; NaN it cannot, it stores NULL.
VALUES = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.binary(max_size=40),
    st.binary(max_size=20).map(lambda end: RawText(b"\xff" + end)),
)
ROWS = st.lists(VALUES, max_size=8).map(tuple)


def exactly(row: tuple[object, ...] | None) -> str:
    """A form in which 1, 1.0 and True, 0.0 and -0.0, text and bytes all differ."""
    return repr(row and [(type(value).__name__, value) for value in row])


class PackingTests(SynchronousTestCase):
    """A row comes back from JSON as it was."""

    @settings(max_examples=300, deadline=None)
    @given(ROWS)
    def test_every_value_comes_back_bit_for_bit(self, row: tuple[object, ...]) -> None:
        """64-bit integers, infinities, minus zero, BLOBs, text with NUL and text that is not UTF-8."""
        values, types = packed(row)  # type: ignore[arg-type]
        values, types = orjson.loads(orjson.dumps([values, types]))
        self.assertEqual(exactly(unpack(values, types)), exactly(row))

    def test_a_number_that_is_none_becomes_null(self) -> None:
        """SQLite stores NULL for it, too."""
        self.assertEqual(pack((float("nan"),)), ([None], [None]))

    def test_wrong_types_are_refused(self) -> None:
        """An unknown type, a length that differs, an infinity that is none, base64 that is none."""
        for values, types in (([1], ["clob"]), ([1, 2], [None]), (["big"], ["real"]), (["?"], ["blob"])):
            self.assertRaises(ValueError, unpack, values, types)


class RawTextTests(SynchronousTestCase):
    """Text that is not UTF-8."""

    def test_it_is_not_the_blob_of_the_same_bytes(self) -> None:
        """To SQLite they are two values, and so they are two keys."""
        self.assertNotEqual(RawText(b"\xff"), b"\xff")
        self.assertEqual(RawText(b"\xff"), RawText(b"\xff"))
        self.assertEqual(len({RawText(b"\xff"), b"\xff"}), 2)


class RecordTests(SynchronousTestCase):
    """What the outbox keeps of a run."""

    @settings(max_examples=50, deadline=None)
    @given(st.lists(st.tuples(ROWS, ROWS), max_size=5))
    def test_it_comes_back_from_its_bytes(self, rows: list[tuple[tuple[object, ...], ...]]) -> None:
        """Rowids, images and sequences."""
        record = Record(
            tuple(Event("t", 1, 2**63 - 1, old, new) for old, new in rows),  # type: ignore[arg-type]
            {"t": 7, "gone": None},
        )
        self.assertEqual(repr(Record.from_bytes(record.to_bytes())), repr(record))

    def test_anything_else_is_refused(self) -> None:
        """A file may have been written by strangers."""
        for body in (b"", b"[]", b"{}", b'{"events": [[1]], "sequences": {}}', b'{"events": 1, "sequences": {}}'):
            self.assertRaises(ValueError, Record.from_bytes, body)


class JoinedTests(SynchronousTestCase):
    """What several runs did, as one."""

    def test_the_first_one_knows_what_was_there(self) -> None:
        """Of each sequence; events stay in their order."""
        one = Record((Event("t", None, 1, None, (1,)),), {"t": None})
        two = Record((Event("t", 1, None, (1,), None),), {"t": 1, "u": 5}, (Author("t", (1,), "n", "UPDATE"),), True)
        joined = Record.joined([one, two])
        self.assertEqual(joined.events, one.events + two.events)
        self.assertEqual((joined.sequences, joined.authors, joined.unseen), ({"t": None, "u": 5}, two.authors, True))
        self.assertEqual(Record.from_bytes(joined.to_bytes()), joined)
