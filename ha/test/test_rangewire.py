"""Tests of ha.postgres.rangewire."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.postgres.decoding import decode
from ha.postgres.encoding import binary_encoder, text_encoder
from ha.postgres.manner import Manner
from ha.postgres.pgtypes import BINARY, OIDS, TEXT


class RangeWireTests(SynchronousTestCase):
    """Ranges there and back."""

    def test_text_and_binary(self) -> None:
        """What is kept is the same, whichever way it came."""
        for name, text, kept in (
            ("int4range", "[1,5]", "[1,6)"),
            ("int4range", "empty", "empty"),
            ("int8range", "(,5)", "(,5)"),
            ("numrange", "(1.10,2]", "(1.10,2]"),
            ("daterange", "[2026-01-02,2026-01-03)", "[2026-01-02,2026-01-03)"),
            ("tsrange", '["2026-01-02 03:04:05",)', '["2026-01-02 03:04:05",)'),
            ("tstzrange", '["2026-01-02 03:04:05+00",)', '["2026-01-02 03:04:05+00:00",)'),
            ("int4multirange", "{[1,3),[2,9)}", "{[1,9)}"),
            ("nummultirange", "{}", "{}"),
        ):
            oid = OIDS[name]
            self.assertEqual(decode(oid, text.encode(), TEXT), kept, name)
            self.assertEqual(decode(oid, binary_encoder(oid)(kept), BINARY), kept, name)
            self.assertEqual(decode(oid, text_encoder(oid)(kept), TEXT), kept, name)

    def test_the_bytes(self) -> None:
        """As PostgreSQL sends them."""
        self.assertEqual(binary_encoder(OIDS["int4range"])("[1,6)").hex(), "0200000004000000010000000400000006")
        self.assertEqual(binary_encoder(OIDS["int4range"])("empty").hex(), "01")
        self.assertEqual(binary_encoder(OIDS["int4range"])("(,)").hex(), "18")
        self.assertEqual(binary_encoder(OIDS["int4multirange"])("{(,)}").hex(), "000000010000000118")

    def test_times_are_shown_where_the_session_is(self) -> None:
        """And read there."""
        there = Manner(ZoneInfo("Asia/Tokyo"))
        shown = text_encoder(OIDS["tstzrange"], -1, there)('["2026-01-02 00:00:00+00:00",)')
        self.assertEqual(shown, b'["2026-01-02 09:00:00+09",)')
        self.assertEqual(
            decode(OIDS["tstzrange"], b"[2026-01-02 09:00:00,)", TEXT, there), '["2026-01-02 00:00:00+00:00",)'
        )

    def test_arrays(self) -> None:
        """Of ranges, as of anything."""
        oid = OIDS["_int4range"]
        self.assertEqual(text_encoder(oid)('["[1,3)", "empty"]'), b'{"[1,3)",empty}')
        self.assertEqual(decode(oid, b'{"[1,2]",empty}', TEXT), '["[1,3)", "empty"]')
        self.assertEqual(decode(oid, binary_encoder(oid)('["[1,3)", null]'), BINARY), '["[1,3)", null]')

    def test_garbage(self) -> None:
        """Is refused, never read beyond its end."""
        for name, raw in (
            ("int4range", b""),
            ("int4range", b"\x02"),
            ("int4range", b"\x02\x00\x00\x00\x04\x00"),
            ("int4range", b"\x02\xff\xff\xff\xff"),
            ("int4multirange", b"\x7f\xff\xff\xff"),
            ("int4multirange", b"\x00\x00\x00\x02\x00\x00\x00\x01\x18"),
        ):
            error = self.assertRaises(StatementError, decode, OIDS[name], raw, BINARY)
            self.assertEqual(error.sqlstate, "22P03", raw)
