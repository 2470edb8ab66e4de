"""Geometric values, as PostgreSQL 15 writes and sends them."""

from __future__ import annotations

from struct import pack

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.postgres import geometry
from ha.postgres.decoding import decode
from ha.postgres.encoding import binary_encoder, text_encoder
from ha.postgres.pgtypes import BINARY, OIDS, TEXT

#: Type, what a client may write, what is kept, its binary.
CASES = (
    ("point", "1.50, 2", "(1.5,2)", pack("!2d", 1.5, 2)),
    ("point", " ( -1e3 , .5 ) ", "(-1000,0.5)", pack("!2d", -1000, 0.5)),
    ("lseg", "((1,2),(3,4))", "[(1,2),(3,4)]", pack("!4d", 1, 2, 3, 4)),
    ("box", "(1,2),(3,4)", "(3,4),(1,2)", pack("!4d", 3, 4, 1, 2)),
    ("line", "{1,-2,3}", "{1,-2,3}", pack("!3d", 1, -2, 3)),
    ("circle", "<(1,2),3>", "<(1,2),3>", pack("!3d", 1, 2, 3)),
    ("path", "[(1,2),(3,4)]", "[(1,2),(3,4)]", b"\0" + pack("!I4d", 2, 1, 2, 3, 4)),
    ("path", "((1,2),(3,4))", "((1,2),(3,4))", b"\1" + pack("!I4d", 2, 1, 2, 3, 4)),
    ("polygon", "(1,2),(3,4),(5,6)", "((1,2),(3,4),(5,6))", pack("!I6d", 3, 1, 2, 3, 4, 5, 6)),
)


class GeometryTests(SynchronousTestCase):
    """Text and binary, both ways."""

    def test_each_type(self) -> None:
        for name, text, kept, raw in CASES:
            oid = OIDS[name]
            self.assertEqual(decode(oid, text.encode(), TEXT), kept, name)
            self.assertEqual(decode(oid, raw, BINARY), kept, name)
            self.assertEqual(binary_encoder(oid)(text), raw, name)
            self.assertEqual(text_encoder(oid)(text), kept.encode(), name)

    def test_what_is_none_is_refused(self) -> None:
        """In text with 22P02, in binary with 22P03."""
        for name, text in (
            ("point", "(1)"),
            ("point", "(1,2),(3,4)"),
            ("circle", "x"),
            ("path", "(1,2,3)"),
            ("box", ""),
        ):
            refused = self.assertRaises(StatementError, geometry.from_text, text, OIDS[name])
            self.assertEqual(refused.sqlstate, "22P02", text)
        for name, raw in (("point", b"1234"), ("path", b""), ("polygon", b"\xff\xff\xff\xff"), ("lseg", bytes(33))):
            refused = self.assertRaises(StatementError, geometry.from_binary, raw, OIDS[name])
            self.assertEqual(refused.sqlstate, "22P03", name)

    @given(st.text(st.sampled_from("(){}[]<>,.0123456789eE+- infa"), max_size=60))
    def test_any_text_is_read_or_refused(self, text: str) -> None:
        """And what is read is written so that it reads the same."""
        for oid in geometry.SIZES:
            try:
                kept = geometry.from_text(text, oid)
            except StatementError:
                continue
            self.assertEqual(geometry.from_text(kept, oid), kept)
