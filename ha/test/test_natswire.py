"""NATS's protocol: what the server says, in pieces of any size, and what we say."""

from __future__ import annotations

from collections.abc import Iterable

from twisted.trial.unittest import SynchronousTestCase

from ha.replication import natswire
from ha.replication.natswire import (
    LINE_BYTES_MAX,
    MESSAGE_BYTES_MAX,
    Beat,
    Complaint,
    Decoder,
    Info,
    Message,
    ProtocolError,
    Said,
)

SAID = (
    b'INFO {"server_id":"N","max_payload":1048576,"connect_urls":["one:4222"]}\r\n'
    b"PING\r\n+OK\r\nPONG\r\n"
    b"MSG a.b 1 5\r\nhello\r\n"
    b"MSG a.b 2 re.ply 2\r\n\r\n\r\n"
    b"MSG empty 1 0\r\n\r\n"
    b"HMSG a.b 3 50 55\r\nNATS/1.0\r\nNats-Msg-Id: n:1:2\r\nSpaced:   wide  \r\n\r\nhello\r\n"
    b"HMSG a.b 3 re.ply 16 16\r\nNATS/1.0 503\r\n\r\n\r\n"
    b"HMSG a.b 3 54 54\r\nNATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: 7\r\n\r\n\r\n"
    b"-ERR 'Permissions Violation for Publish to \"x\"'\r\n"
)

HEARD = [
    Info({"server_id": "N", "max_payload": 1048576, "connect_urls": ["one:4222"]}),
    Beat.PING,
    Beat.PONG,
    Message("1", "a.b", "", b"hello", None),
    Message("2", "a.b", "re.ply", b"\r\n", None),
    Message("1", "empty", "", b"", None),
    Message("3", "a.b", "", b"hello", {"Nats-Msg-Id": "n:1:2", "Spaced": "wide"}),
    Message("3", "a.b", "re.ply", b"", {"Status": "503", "Description": ""}),
    Message("3", "a.b", "", b"", {"Status": "100", "Description": "Idle Heartbeat", "Nats-Last-Consumer": "7"}),
    Complaint('Permissions Violation for Publish to "x"'),
]


def heard(pieces: Iterable[bytes]) -> list[Said]:
    """What a decoder makes of them."""
    decoder = Decoder()
    return [one for piece in pieces for one in decoder.feed(piece)]


class DecoderTests(SynchronousTestCase):
    """Bytes that arrive."""

    def test_all_at_once(self) -> None:
        """Each thing in its order."""
        self.assertEqual(heard([SAID]), HEARD)

    def test_in_pieces(self) -> None:
        """One by one, and cut wherever that may be."""
        for size in (1, 2, 3, 7, 50, 200):
            self.assertEqual(heard(SAID[at : at + size] for at in range(0, len(SAID), size)), HEARD)

    def test_a_message_is_told_with_its_last_byte(self) -> None:
        """No sooner and no later."""
        decoder = Decoder()
        self.assertEqual(decoder.feed(b"MSG a 1 5\r\nhello\r"), [])
        self.assertEqual(decoder.feed(b"\nMSG a 1 1\r\n"), [Message("1", "a", "", b"hello", None)])

    def test_what_is_not_the_protocol(self) -> None:
        """There is no telling where the next message begins."""
        for wrong in [
            b"HTTP/1.1 400 Bad Request\r\n",
            b"INFO {\r\n",
            b"MSG a 1 five\r\n",
            b"MSG a 1 -5\r\n",
            b"MSG a 1 %d\r\n" % (MESSAGE_BYTES_MAX + 1),
            b"MSG a 5\r\nhello\r\n",
            b"MSG a 1 4\r\nhello\r\n",
            b"HMSG a 1 9 5\r\nhello\r\n",
            b"HMSG a 1 5 5\r\nhello\r\n",
            b"x" * (LINE_BYTES_MAX + 1),
        ]:
            with self.assertRaises(ProtocolError, msg=wrong[:40]):
                Decoder().feed(wrong)


class EncodingTests(SynchronousTestCase):
    """What we say."""

    def test_a_message(self) -> None:
        """With and without somebody to answer to."""
        self.assertEqual(natswire.publish("a.b", b"hello"), b"PUB a.b 5\r\nhello\r\n")
        self.assertEqual(natswire.publish("a.b", b"", "re.ply"), b"PUB a.b re.ply 0\r\n\r\n")

    def test_a_message_with_headers(self) -> None:
        """Its sizes are those of the headers, and of the whole."""
        said = natswire.publish("a", b"hello", "r", {"Nats-Msg-Id": "n:1:2"})
        self.assertEqual(said, b"HPUB a r 32 37\r\nNATS/1.0\r\nNats-Msg-Id: n:1:2\r\n\r\nhello\r\n")
        (back,) = Decoder().feed(b"HMSG a 1 r 32 37\r\n" + said.partition(b"\r\n")[2])
        self.assertEqual(back, Message("1", "a", "r", b"hello", {"Nats-Msg-Id": "n:1:2"}))

    def test_a_header_is_one_line(self) -> None:
        """Else it would be two."""
        with self.assertRaises(AssertionError):
            natswire.publish("a", b"", headers={"Nats-Msg-Id": "n\r\nNats-Rollup: all"})

    def test_the_rest(self) -> None:
        """Who we are, and what we listen to."""
        self.assertEqual(natswire.connect({"user": "ha"}), b'CONNECT {"user":"ha"}\r\n')
        self.assertEqual(natswire.subscribe("a.*", "1"), b"SUB a.* 1\r\n")
        self.assertEqual(natswire.unsubscribe("1"), b"UNSUB 1\r\n")
