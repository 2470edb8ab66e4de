"""Bytes and messages: every message both ways, split anywhere, and what is no message."""

from __future__ import annotations

from struct import pack
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ha.postgres import messages
from ha.postgres.messages import (
    BACKEND,
    FRONTEND,
    STARTUP_BYTES_MAX,
    Authentication,
    AuthenticationAnswer,
    BackendKeyData,
    Bind,
    BindComplete,
    CancelRequest,
    Close,
    CloseComplete,
    CommandComplete,
    CopyData,
    CopyDone,
    CopyFail,
    CopyInResponse,
    CopyOutResponse,
    DataRow,
    Decoder,
    Describe,
    EmptyQueryResponse,
    ErrorResponse,
    Execute,
    FieldDescription,
    Flush,
    FunctionCall,
    GSSENCRequest,
    Malformed,
    NegotiateProtocolVersion,
    NoData,
    NoticeResponse,
    NotificationResponse,
    ParameterDescription,
    ParameterStatus,
    Parse,
    ParseComplete,
    PortalSuspended,
    ProtocolViolation,
    Query,
    ReadyForQuery,
    RowDescription,
    SSLRequest,
    StartupMessage,
    Sync,
    Terminate,
)

FROM_CLIENTS = (
    AuthenticationAnswer(b"ha\0"),
    Bind("p", "s", (0, 1), (b"7", None, b""), (1,)),
    Bind("", ""),
    Close("S", "s"),
    CopyData(b"1\tx\n"),
    CopyDone(),
    CopyFail("no"),
    Describe("P", ""),
    Execute("p", 100),
    Flush(),
    FunctionCall(b"\0\0\0\1"),
    Parse("s", "SELECT $1", (23, 0)),
    Query("SELECT 'é'"),
    Sync(),
    Terminate(),
)
FROM_SERVERS = (
    Authentication(0),
    Authentication(10, b"SCRAM-SHA-256\0\0"),
    BackendKeyData(4711, b"\1\2\3\4"),
    BindComplete(),
    CloseComplete(),
    CommandComplete("SELECT 1"),
    CopyInResponse(1, (1, 1)),
    CopyOutResponse(0, (0,)),
    DataRow((b"1", None, b"")),
    EmptyQueryResponse(),
    ErrorResponse(
        "ERROR", "23505", "duplicate", "Key (a)=(1) already exists.", None, 7, "public", "t", "a", None, "t_pkey"
    ),
    NegotiateProtocolVersion(0, ("_pq_.x",)),
    NoData(),
    NoticeResponse("WARNING", "25P01", "there is no transaction in progress"),
    NotificationResponse(4711, "ch", "hi"),
    ParameterDescription((20, 25)),
    ParameterStatus("TimeZone", "UTC"),
    ParseComplete(),
    PortalSuspended(),
    ReadyForQuery("I"),
    RowDescription((FieldDescription("a", 16384, 1, 20, 8, -1, 0),)),
)
OPENINGS = (
    SSLRequest(),
    GSSENCRequest(),
    CancelRequest(4711, b"\1\2\3\4"),
    CancelRequest(4711, b"k" * 256),
    StartupMessage(messages.PROTOCOL_3_0, {"user": "ha", "database": "test"}),
    StartupMessage(messages.PROTOCOL_3_0 + 2, {"user": "ha", "_pq_.x": ""}),
)


def decoded(kinds: tuple[type, ...], data: bytes, pieces: int) -> list[Any]:
    """What comes out when `data` is fed `pieces` bytes at a time."""
    decoder = Decoder(kinds)
    decoder.bytes_max = messages.MESSAGE_BYTES_MAX
    found = []
    for at in range(0, len(data), pieces):
        decoder.feed(data[at : at + pieces])
        while (message := decoder.next()) is not None:
            found.append(message)
    return found


class MessageTests(SynchronousTestCase):
    """Each message is the same after a journey through bytes, however they are cut."""

    def assert_travels(self, kinds: tuple[type, ...], sent: tuple[Any, ...]) -> None:
        data = b"".join(message.encode() for message in sent)
        for pieces in (len(data), 1, 7):
            self.assertEqual(decoded(kinds, data, pieces), list(sent), f"{pieces} bytes at a time")

    def test_what_clients_say(self) -> None:
        """Every message of a client."""
        self.assertEqual({message.__class__ for message in FROM_CLIENTS}, set(FRONTEND))
        self.assert_travels(FRONTEND, FROM_CLIENTS)

    def test_what_servers_say(self) -> None:
        """Every message of a server."""
        self.assertLessEqual(set(BACKEND) - {message.__class__ for message in FROM_SERVERS}, {CopyData, CopyDone})
        self.assert_travels(BACKEND, FROM_SERVERS)

    def test_how_clients_begin(self) -> None:
        """The packets without a tag."""
        for message in OPENINGS:
            for pieces in (1, 1000):
                decoder = Decoder()
                found = []
                data = message.encode()
                for at in range(0, len(data), pieces):
                    decoder.feed(data[at : at + pieces])
                    found.append(decoder.opening())
                self.assertEqual([one for one in found if one is not None], [message])

    def test_a_report_leaves_out_what_it_does_not_know(self) -> None:
        """Absent fields are absent, not empty."""
        self.assertEqual(ErrorResponse("ERROR", "42601", "no").encode(), b"E\0\0\0\x1eSERROR\0VERROR\0C42601\0Mno\0\0")

    def test_a_report_survives_what_cannot_be_sent(self) -> None:
        """A zero byte in a message would end the field: it is left out."""
        self.assertIn(b"Mab\0", ErrorResponse("ERROR", "42601", "a\0b").encode())


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
        self.patch(messages, "STATEMENT_BYTES_MAX", 100)
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
