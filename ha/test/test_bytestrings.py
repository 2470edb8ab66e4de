"""PostgreSQL's functions on bytes."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sqlite import bytestrings
from ha.test.spoken import Spoken
from ha.test.test_functions import FunctionCase


class ByteTests(SynchronousTestCase):
    """Single bytes and bits, counted from 0."""

    def test_bytes_and_bits(self) -> None:
        """Got and set."""
        self.assertEqual(bytestrings.get_byte(b"\x01\x02", 1), 2)
        self.assertEqual(bytestrings.set_byte(b"\x01\x02", 0, 255), b"\xff\x02")
        self.assertEqual(bytestrings.get_bit(b"\x01", 0), 1)
        self.assertEqual(bytestrings.set_bit(b"\x01", 1, 1), b"\x03")
        self.assertEqual(bytestrings.bit_count(b"\xff\x01"), 9)
        self.assertEqual(self.assertRaises(StatementError, bytestrings.get_byte, b"\x01", 1).sqlstate, "2202E")

    def test_in_text(self) -> None:
        """hex, base64, escape; a text is read as bytea."""
        self.assertEqual(bytestrings.encode("\\x0001ff", "base64"), "AAH/")
        self.assertEqual(bytestrings.encode(b"a\x00b\\\xff", "escape"), "a\\000b\\\\\\377")
        self.assertEqual(bytestrings.decode("616263", "hex"), b"abc")
        self.assertEqual(self.assertRaises(StatementError, bytestrings.encode, b"", "rot13").sqlstate, "22023")

    def test_other_encodings(self) -> None:
        """Both ways; what has no place there is refused."""
        self.assertEqual(bytestrings.convert_to("é", "LATIN1"), b"\xe9")
        self.assertEqual(bytestrings.convert_from(b"\xe9", "latin1"), "é")
        self.assertEqual(self.assertRaises(StatementError, bytestrings.convert_to, "€", "LATIN1").sqlstate, "22P05")
        self.assertEqual(self.assertRaises(StatementError, bytestrings.convert_from, b"\xff", "UTF8").sqlstate, "22021")
        self.assertEqual(self.assertRaises(StatementError, bytestrings.convert_from, b"", "EBCDIC-X").sqlstate, "22023")

    def test_digests(self) -> None:
        """pgcrypto's, of texts and bytes; another algorithm is refused."""
        spoken = Spoken(self)
        self.assertEqual(
            spoken.rows("select encode(digest('abc', 'sha1'), 'hex'), digest('x'::bytea, 'MD5')"),
            [("a9993e364706816aba3e25717850c26c9cd0d89d", "\\x9dd4e461268c8034f5c8564e155c67a6")],
        )
        self.assertEqual(spoken.rows("select left(hmac('a', 'b', 'sha256')::text, 10)"), [("\\xcb448b44",)])
        self.assertEqual(spoken.error("select digest('abc', 'rot13')").sqlstate, "22023")


class DrawnTests(FunctionCase):
    """pgcrypto's gen_random_bytes()."""

    def test_as_many_as_are_asked_for(self) -> None:
        """From 1 to 1024."""
        first, second = self.answer("select gen_random_bytes(16)"), self.answer("select gen_random_bytes(16)")
        assert isinstance(first, bytes)
        self.assertEqual(len(first), 16)
        self.assertNotEqual(first, second)
        self.refused((("gen_random_bytes(0)", "39000"), ("gen_random_bytes(1025)", "39000")))


class SpokenTests(SynchronousTestCase):
    """In a session."""

    def test_joined_bytes_are_bytes(self) -> None:
        """With a literal, too; and so they are in an array, however they look to SQLite."""
        spoken = Spoken(self)
        for text, rows in (
            (
                r"select '\x00'::bytea || 'x', 'x' || '\x01'::bytea, '\x01'::bytea || '\x02ff'",
                [("\\x0078", "\\x7801", "\\x0102ff")],
            ),
            (r"select array['\x01'::bytea, null], array_agg('\x01'::bytea)", [('{"\\\\x01",NULL}', '{"\\\\x01"}')]),
        ):
            self.assertEqual(spoken.rows(text), rows, text)

    def test_bytea_output(self) -> None:
        """As the session says, in its results."""
        spoken = Spoken(self)
        spoken.query("set bytea_output = escape")
        self.assertEqual(spoken.rows(r"select '\x01ff41'::bytea, '\x5c00'::bytea"), [("\\001\\377A", "\\\\\\000")])
