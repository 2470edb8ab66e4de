"""A large message is cut where each part is a message for whoever reads it alone."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ha.replication.change import Message, RowChange, decode, encode
from ha.replication.parts import Part, join, pieces, split


def body(*texts: str) -> bytes:
    """A message that inserts these."""
    changes = [
        RowChange("t", "INSERT", ("id", "a"), ("id",), None, at, None, (at, text), 0) for at, text in enumerate(texts)
    ]
    return encode(Message("n", 1, "f", 1, 0, 0, changes, (("x", len(changes)),)))


def changes(parts: list[Part]) -> list[Any]:
    """What a reader who knows nothing of parts sees, one after the other."""
    return [change for part in parts for change in json.loads(part.body)["changes"]]


class PartTests(SynchronousTestCase):
    """Cut and joined."""

    def test_each_part_is_a_message(self) -> None:
        """However the text of a row looks, for every size that takes the largest row."""
        whole = body("one", '},{"database":"main",', '"},{"', "\\", "two" * 20, '","changes":[]}', "", "}")
        for size in range(250, len(whole)):
            parts = split(whole, size)
            self.assertGreater(len(parts), 1)
            self.assertLessEqual(max(len(part.body) for part in parts), size)
            self.assertEqual(changes(parts), json.loads(whole)["changes"])
            self.assertEqual(join(parts), whole)
            self.assertEqual(list(pieces(whole, size)), [part.body for part in parts])
        self.assertEqual(len(decode(whole).changes), 8)

    def test_what_fits_is_one_part(self) -> None:
        """As it is."""
        self.assertEqual(split(b"abc", 3), [Part(b"abc", "0 0")])
        self.assertEqual(join(split(b"abc", 3)), b"abc")

    def test_a_row_larger_than_a_part_is_for_nodes_only(self) -> None:
        """So is what is no message at all."""
        for whole in (body("small", "x" * 1000, "small"), bytes(2000)):
            parts = split(whole, 300)
            self.assertEqual({part.cut for part in parts}, {None})
            self.assertEqual(list(pieces(whole, 300)), [whole])
            self.assertLessEqual(max(len(part.body) for part in parts), 300)
            self.assertEqual(join(parts), whole)

    def test_a_header_that_is_none(self) -> None:
        """Anybody may write to the log; whoever decodes the body says that it is no message."""
        for cut in ("", "1", "a b", "1 2 3", "-1 0", None):
            self.assertEqual(join([Part(b"{}", "0 0"), Part(b"abc", cut)]), b"{}abc")
