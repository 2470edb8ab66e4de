"""From values to text and binary: what was announced wins."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.postgres.encoding import binary_encoder, text_encoder
from ha.postgres.manner import Charset, Manner
from ha.postgres.pgtypes import OIDS, of_decltype
from ha.values import Value


class AnnouncedTests(SynchronousTestCase):
    """What was announced wins."""

    def assert_refused(self, name: str, value: Value, sqlstate: str) -> None:
        error = self.assertRaises(StatementError, binary_encoder(OIDS[name]), value)
        self.assertEqual(error.sqlstate, sqlstate, (name, value))

    def test_binary_refuses_what_does_not_fit(self) -> None:
        """Never other bytes than those announced."""
        for name, value, sqlstate in (
            ("int4", 1 << 31, "22003"), ("int2", 40000, "22003"), ("int8", "x", "22P02"), ("int8", 1.5, "22P02"),
            ("int8", b"x", "22P02"), ("float8", "x", "22P02"), ("float4", 1e300, "22003"), ("bool", "maybe", "22P02"),
            ("date", "2026-13-01", "22008"), ("date", "x", "22007"), ("timestamp", "2026-01-01 25:00:00", "22008"),
            ("uuid", "x", "22P02"), ("numeric", "x", "22P02"), ("interval", "x", "22007"), ("_int4", "x", "22P02"),
            ("_int4", "{1,{2}}", "22P02"), ("oid", -1, "22003"), ("inet", "x", "22P02"), ("bit", "102", "22P02"),
        ):  # fmt: skip
            self.assert_refused(name, value, sqlstate)

    def test_text_shows_what_does_not_fit(self) -> None:
        """As a person would write it."""
        for name, value, text in (
            ("int4", "x", "x"), ("int8", "x", "x"), ("date", "never", "never"), ("bool", "maybe", "maybe"),
            ("uuid", b"\x00\xff", "\\x00ff"), ("timestamp", b"x", "\\x78"), ("numeric", "many", "many"), ("int8", 2.0, "2"),
            ("text", 1.5, "1.5"), ("text", b"\xff", "\\xff"), ("_int4", "none", "none"), ("float8", "x", "x"),
        ):  # fmt: skip
            self.assertEqual(text_encoder(OIDS[name])(value).decode(), text, (name, value))

    def test_an_integer_that_is_too_wide_is_refused_in_text_too(self) -> None:
        """A client would put it into a number of the announced size, and have another."""
        for name, value in (
            ("int4", 1 << 31),
            ("int4", -(1 << 31) - 1),
            ("int2", 1 << 15),
            ("int4", 3e9),
            ("_int4", "[1,3000000000]"),
        ):
            error = self.assertRaises(StatementError, text_encoder(OIDS[name]), value)
            self.assertEqual(error.sqlstate, "22003", (name, value))
        self.assertEqual(text_encoder(OIDS["int4"])(-(1 << 31)), b"-2147483648")

    def test_infinity_is_in_no_zone(self) -> None:
        """Wherever the session is."""
        for manner in (None, Manner(ZoneInfo("Europe/Berlin")), Manner(dates="SQL")):
            encode = text_encoder(OIDS["timestamptz"], -1, manner)
            self.assertEqual([encode("infinity"), encode("-infinity")], [b"infinity", b"-infinity"])

    def test_styles_and_encodings_within(self) -> None:
        """What an array or a range holds is written as the client wants it, in text and in binary."""
        manner = Manner(dates="German", intervals="iso_8601", charset=Charset("LATIN9", "iso8859-15"))
        for name, value, text in (
            ("_date", '["2026-01-02"]', b"{02.01.2026}"), ("daterange", "[2026-01-02,)", b"[02.01.2026,)"),
            ("interval", "1 day", b"P1D"), ("_text", '["\u20ac"]', b"{\xa4}"), ("jsonb", '"\u20ac"', b'"\xa4"'),
        ):  # fmt: skip
            self.assertEqual(text_encoder(OIDS[name], -1, manner)(value), text, name)
        self.assertTrue(binary_encoder(OIDS["_text"], -1, manner)('["\u20ac"]').endswith(b"\0\0\0\1\xa4"))
        self.assertEqual(binary_encoder(OIDS["jsonb"], -1, manner)('"\u20ac"'), b'\1"\xa4"')
        self.assertEqual(binary_encoder(OIDS["bytea"], -1, manner)("\u20ac".encode()), "\u20ac".encode())

    def test_bytes_in_arrays(self) -> None:
        """JSON holds them as hexadecimal digits; a client gets what it gave."""
        kept = '["\\\\x00ff", null]'
        self.assertEqual(text_encoder(OIDS["_bytea"])(kept), b'{"\\\\x00ff",NULL}')
        self.assertTrue(binary_encoder(OIDS["_bytea"])(kept).endswith(b"\0\0\0\2\x00\xff\xff\xff\xff\xff"))
        self.assertEqual(
            self.assertRaises(StatementError, binary_encoder(OIDS["_bytea"]), '["\\\\xzz"]').sqlstate, "22P02"
        )

    def test_values_of_sqlites_other_conventions(self) -> None:
        """Seconds since 1970 and Julian days in a date column; words in a boolean one."""
        for name, value, text in (
            ("timestamp", 0, "1970-01-01 00:00:00"), ("date", 2451544.5, "2000-01-01"), ("timestamp", "2026-01-02T03:04:05Z", "2026-01-02 03:04:05"),
            ("timestamptz", "2026-01-02 03:04:05", "2026-01-02 03:04:05+00"), ("bool", "TRUE", "t"), ("bool", 7, "t"),
            ("date", "2026-01-02 03:04:05", "2026-01-02"), ("_text", '["a", null]', "{a,NULL}"), ("_bool", "[true, false]", "{t,f}"),
        ):  # fmt: skip
            self.assertEqual(text_encoder(OIDS[name])(value).decode(), text, (name, value))

    def test_a_scale_is_padded(self) -> None:
        """SQLite keeps 0.10 as 0.1; numeric(10,2) shows both digits."""
        typmod = of_decltype("numeric(10,2)")[1]  # type: ignore[index]
        self.assertEqual(text_encoder(1700, typmod)(0.1), b"0.10")
        self.assertEqual(text_encoder(1700, typmod)(3), b"3.00")
