"""nats-py's connection, made prompt: bytes in, messages out, in the same turn. Against a server: the log's contract tests."""

from __future__ import annotations

from asyncio import Queue
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ha.replication.natsclient import Arrived, Client, at_once, headers_of


class Written:
    """What the library's transport is given."""

    def __init__(self) -> None:
        self.data = b""

    def writelines(self, lines: list[bytes]) -> None:
        """All of them."""
        self.data += b"".join(lines)


class ClientTests(SynchronousTestCase):
    """A connection that has greeted."""

    def setUp(self) -> None:
        self.client = Client()
        self.wire: Any = Written()
        self.client._transport = self.wire
        self.client._status = Client.CONNECTED
        self.client._flush_queue = Queue()
        self.messages: list[Arrived] = []

    def hear(self, data: bytes) -> None:
        """Bytes from the server."""
        at_once(self.client._ps.parse(data))

    def test_a_message_is_there_when_its_last_byte_is(self) -> None:
        """Whole or in pieces, with headers or without; what nobody listens to is for nobody."""
        self.client.listen("a.*", self.messages.append)
        self.assertEqual(self.wire.data, b"SUB a.*  1\r\n")
        self.hear(b"MSG a.b 1 back 2\r\nhi\r\nMSG a.c 7 1\r\nx\r\nHMSG a.d 1 21 23\r\nNATS/1.0\r\nK: v: w\r\n\r\nyo")
        self.assertEqual(self.messages, [Arrived("a.b", "back", b"hi", None)])
        self.hear(b"\r\n")
        self.assertEqual(self.messages[1:], [Arrived("a.d", "", b"yo", {"K": "v: w"})])

    def test_a_message_is_sent_when_it_is_published(self) -> None:
        """No task has to run for it."""
        at_once(self.client.publish("a.b", b"hi", "back", {"K": "v"}))
        self.assertEqual(self.wire.data, b"HPUB a.b back 18 20\r\nNATS/1.0\r\nK: v\r\n\r\nhi\r\n")

    def test_who_listens_no_more_hears_nothing_more(self) -> None:
        """Not even what is already here."""
        end = self.client.listen("a", self.messages.append)
        end()
        self.assertEqual(self.wire.data, b"SUB a  1\r\nUNSUB 1 \r\n")
        self.hear(b"MSG a 1 1\r\nx\r\n")
        self.assertEqual(self.messages, [])

    def test_the_next_connections_words_are_kept_until_it_is_there(self) -> None:
        """Nothing is written to a connection that has not greeted."""
        self.client._status = Client.CONNECTING
        self.client.listen("a", self.messages.append)
        self.assertEqual(self.wire.data, b"")


class HeaderTests(SynchronousTestCase):
    """A message's headers."""

    def test_a_status_is_among_them(self) -> None:
        """With its description, and what follows."""
        for block, wanted in (
            (b"NATS/1.0\r\nA: 1\r\nB:2\r\n\r\n", {"A": "1", "B": "2"}),
            (b"NATS/1.0 503\r\n\r\n", {"Status": "503", "Description": ""}),
            (
                b"NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: 7\r\n\r\n",
                {"Status": "100", "Description": "Idle Heartbeat", "Nats-Last-Consumer": "7"},
            ),
        ):
            self.assertEqual(headers_of(block), wanted)
