"""Composite values on the wire."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.postgres.decoding import decode
from ha.postgres.encoding import binary_encoder, text_encoder
from ha.postgres.manner import Charset, Manner
from ha.postgres.pgtypes import BINARY, TEXT
from ha.sql.made import Composite, Enumeration, Oid

MOOD = Enumeration("mood", ("sad", "ok"))
POINT = Composite("pt", (("x", "int4"), ("y", "numeric(10,2)")))
ALL = Composite(
    "all", (("a", "text"), ("b", "bool"), ("c", "bytea"), ("d", "jsonb"), ("e", "int4[]"), ("f", POINT.words), ("g", MOOD.words),
            ("h", "_" + POINT.words), ("i", "date"))
)  # fmt: skip
#: PostgreSQL's writing of a value, and what is kept of it.
WRITTEN = (
    '("é ""x""",t,"\\\\xff00","{""a"": 1}","{1,2}","(1,2.50)",sad,"{""(3,4.00)"",NULL}",2026-01-02)',
    r'{"a":"é \"x\"","b":true,"c":"\\xff00","d":"{\"a\": 1}","e":[1,2],"f":{"x":1,"y":2.5},"g":"sad","h":[{"x":3,"y":4},null],'
    '"i":"2026-01-02"}',
)


class CompositeTests(SynchronousTestCase):
    """Values of types that clients made, in text and in binary."""

    def test_both_ways(self) -> None:
        """What is read is kept in one form, and comes out as it went in."""
        oid, (text, kept) = Oid(ALL.words), WRITTEN
        self.assertEqual(decode(oid, text.encode(), TEXT), kept)
        self.assertEqual(text_encoder(oid)(kept).decode(), text)
        self.assertEqual(decode(oid, binary_encoder(oid)(kept), BINARY), kept)

    def test_arrays_of_them(self) -> None:
        """NULL among them."""
        oid, kept = Oid("_" + POINT.words), '[{"x": 1, "y": 2.5}, null]'
        self.assertEqual(text_encoder(oid)(kept), b'{"(1,2.50)",NULL}')
        self.assertEqual(text_encoder(oid)(decode(oid, b'{"(1,2.50)",NULL}', TEXT)), b'{"(1,2.50)",NULL}')
        self.assertEqual(text_encoder(oid)(decode(oid, binary_encoder(oid)(kept), BINARY)), b'{"(1,2.50)",NULL}')

    def test_the_clients_manner_holds_within(self) -> None:
        """Styles and encodings."""
        manner = Manner(dates="German", charset=Charset("LATIN1", "iso8859-1"))
        one = Composite("c", (("a", "text"), ("b", "date")))
        kept = '{"a":"\u00e9","b":"2026-01-02"}'
        self.assertEqual(text_encoder(Oid(one.words), -1, manner)(kept), b"(\xe9,02.01.2026)")
        self.assertIn(b"\0\0\0\1\xe9", binary_encoder(Oid(one.words), -1, manner)(kept))
        self.assertEqual(decode(Oid(one.words), b"(\xe9,2026-01-02)", TEXT, manner), kept)

    def test_binary_of_another_type(self) -> None:
        """Is refused: each field says what it is."""
        raw = binary_encoder(Oid(POINT.words))('{"x":1,"y":2}')
        for wrong, sqlstate in (
            (raw[:3], "22P03"), (raw + b"\0", "22P03"), (raw[:-1], "22P03"), (b"\0\0\0\1" + raw[4:], "42804"),
            (raw[:7] + b"\x14" + raw[8:], "42804"),
        ):  # fmt: skip
            error = self.assertRaises(StatementError, decode, Oid(POINT.words), wrong, BINARY)
            self.assertEqual(error.sqlstate, sqlstate, wrong)
