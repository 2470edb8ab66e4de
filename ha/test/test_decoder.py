"""The stream cut into messages: split anywhere, and what is no message."""

from __future__ import annotations

from struct import pack

from twisted.trial.unittest import SynchronousTestCase

from ha.postgres import messages, questions
from ha.postgres.decoder import Decoder, Malformed
from ha.postgres.messages import STARTUP_BYTES_MAX, ProtocolViolation
from ha.postgres.questions import (
    Execute,
    Flush,
    Parse,
    Query,
    Sync,
)


class DecoderTests(SynchronousTestCase):
    """The stream is cut safely, whatever comes."""

    def test_a_body_that_breaks_its_format(self) -> None:
        """The boundary is known, so the conversation can answer it and go on."""
        broken = (
            (b"Q", b"SELECT 1"),
            (b"Q", b"a\0b\0"),
            (b"P", b"\0SELECT"),
            (b"P", b"\0\0\xff\xff"),
            (b"B", b"\0\0\0\0\0\1\0\0\0\7x\0\0"),
            (b"B", b"\0\0\0\0\0\1\xff\xff\xff\xfe\0\0"),
            (b"B", b"\0\0\0\0\xff\xff"),
            (b"B", b""),
            (b"D", b"Xname\0"),
            (b"D", b""),
            (b"C", b"S"),
            (b"E", b"\0\0\0"),
            (b"E", b"\0\0\0\0\0\0"),
            (b"f", b"x"),
            (b"S", b"more"),
        )
        for tag, body in broken:
            decoder = Decoder()
            decoder.feed(tag + pack("!i", len(body) + 4) + body + Sync().encode())
            found = decoder.next()
            self.assertIsInstance(found, Malformed, (tag, body))
            self.assertEqual((found.sqlstate, decoder.next()), ("08P01", Sync()), (tag, body))

    def test_text_that_is_not_utf8(self) -> None:
        """PostgreSQL's words for it."""
        decoder = Decoder()
        decoder.feed(b"Q\0\0\0\7\xff\xfe\0")
        self.assertEqual(
            decoder.next(), Malformed(Query, "22021", 'invalid byte sequence for encoding "UTF8": 0xff 0xfe')
        )

    def test_impossible_lengths(self) -> None:
        """Shorter than itself, or longer than allowed: before a byte of the body is waited for."""
        for length in (0, 3, 16 * 1024 + 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF):
            decoder = Decoder()
            decoder.feed(b"Q" + pack("!I", length))
            self.assertRaises(ProtocolViolation, decoder.next)

    def test_an_unknown_tag(self) -> None:
        """Nobody knows where such a message would end."""
        decoder = Decoder()
        decoder.feed(b"?\0\0\0\4")
        self.assertRaises(ProtocolViolation, decoder.next)

    def test_openings_that_are_none(self) -> None:
        """Start-up packets too short, too long, or without their end."""
        for data in (
            pack("!I", 7) + b"xxx",
            pack("!I", STARTUP_BYTES_MAX + 1),
            pack("!II", 12, messages.CANCEL_REQUEST) + b"\0\0\0\1",
            pack("!II", 12 + 257, messages.CANCEL_REQUEST) + b"\0\0\0\1" + b"k" * 257,
            pack("!II", 12, messages.PROTOCOL_3_0) + b"user",
            pack("!II", 13, messages.PROTOCOL_3_0) + b"user\0",
            pack("!II", 11, messages.PROTOCOL_3_0) + b"\xff\0\0",
        ):
            decoder = Decoder()
            decoder.feed(data)
            self.assertRaises(ProtocolViolation, decoder.opening)

    def test_a_statement_longer_than_allowed(self) -> None:
        """An error, and no more: 54000."""
        self.patch(questions, "STATEMENT_BYTES_MAX", 100)
        for message in (Query("x" * 100), Parse("s", "x" * 100)):
            decoder = Decoder()
            decoder.feed(message.encode())
            self.assertEqual(decoder.next().sqlstate, "54000")

    def test_looking_ahead(self) -> None:
        """The session may ask what comes next without taking it."""
        decoder = Decoder()
        decoder.feed(Flush().encode() + Execute("p").encode() + Flush().encode() + Sync().encode()[:-1])
        self.assertTrue(decoder.waiting(b"E"))
        self.assertFalse(decoder.waiting(b"S"))
        self.assertFalse(decoder.waiting(b"ES"), "the last message must have its head")
        decoder.feed(Sync().encode()[-1:])
        self.assertTrue(decoder.waiting(b"ES"))
        self.assertEqual(decoder.next(), Flush())

    def test_passing_over_what_is_known(self) -> None:
        """Only whole messages count, and they are gone afterwards."""
        decoder = Decoder()
        known = Execute("").encode() + Sync().encode()
        decoder.feed(Flush().encode() + known[:-1])
        self.assertFalse(decoder.continues(known))
        decoder.next()
        self.assertFalse(decoder.continues(known))
        decoder.feed(known[-1:])
        self.assertTrue(decoder.continues(known))
        decoder.skip(len(known))
        self.assertEqual((decoder.next(), decoder.buffered, len(decoder._buffer)), (None, 0, 0))

    def test_what_was_read_is_not_kept(self) -> None:
        """A long conversation does not fill the memory."""
        decoder = Decoder()
        data = Query("SELECT 1").encode()
        for _ in range(10_000):
            decoder.feed(data[:5])
            decoder.next()
            decoder.feed(data[5:] + data[:3])
            self.assertEqual(decoder.next(), Query("SELECT 1"))
            decoder.feed(data[3:])
            self.assertEqual(decoder.next(), Query("SELECT 1"))
        self.assertEqual(decoder.buffered, 0)
        self.assertLess(len(decoder._buffer), 200_000)
