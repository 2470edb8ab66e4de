"""One connection to a NATS server, over a transport that keeps what is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ha.replication.natsclient import CLOSE_TIMEOUT_S, PING_INTERVAL_S, PINGS_MAX, Client, Disconnected
from ha.replication.natswire import Message


class FakeTransport:
    """asyncio's, as far as it is used.

    :param hangs: whether it does not let go of what was written.
    """

    def __init__(self, client: Client, *, hangs: bool = False) -> None:
        self._client = client
        self.hangs = hangs
        self.written = b""
        self.gone = False

    def write(self, data: bytes) -> None:
        """Keep it."""
        self.written += data

    def close(self) -> None:
        """The end, when all is written."""
        if not self.hangs:
            self.abort()

    def abort(self) -> None:
        """The end, whatever is written."""
        if not self.gone:
            self.gone = True
            self._client.connection_lost(None)

    def said(self) -> bytes:
        """What was written since the last question."""
        said, self.written = self.written, b""
        return said


class FakeLoop:
    """asyncio's, as far as it is used."""

    def __init__(self) -> None:
        self.transport: Any = None
        self.encrypted: Any = None
        self.refuse: Exception | None = None
        #: Fires when it has said that a connection was made.
        self.made: Deferred[None] = succeed(None)

    async def create_connection(self, protocol: Callable[[], Client], host: str, port: int) -> None:
        """At once, but for saying so."""
        if self.refuse is not None:
            raise self.refuse
        self.transport = FakeTransport(protocol())
        protocol().connection_made(self.transport)
        await self.made

    async def start_tls(self, plain: FakeTransport, protocol: Client, context: Any, *, server_hostname: str) -> Any:
        """At once."""
        self.encrypted, self.transport = (plain, context, server_hostname), FakeTransport(protocol)
        return self.transport


class ClientCase(SynchronousTestCase):
    """A client and its server."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.loop = FakeLoop()
        self.client = Client(self.clock, self.loop, Deferred.fromCoroutine)
        self.ends: list[str] = []
        self.complaints: list[str] = []
        self.client.on_end = self.ends.append
        self.client.on_complaint = self.complaints.append

    def connect(self, context: Any = None) -> Deferred[None]:
        """Begin to."""
        claims = {"user": "ha", "sig": "of "}
        return Deferred.fromCoroutine(
            self.client.connect("one", 4222, context, lambda nonce: claims | {"sig": f"of {nonce}"})
        )

    def greet(self, **fields: Any) -> None:
        """What a server says first."""
        self.client.data_received(b"INFO %b\r\n" % orjson.dumps(fields))

    def connected(self) -> None:
        """All of it."""
        done = self.connect()
        self.greet(max_payload=100)
        self.client.data_received(b"PONG\r\n")
        self.successResultOf(done)
        self.loop.transport.said()


class ConnectTests(ClientCase):
    """How it begins."""

    def test_who_we_are_is_said_after_the_greeting(self) -> None:
        """With the server's challenge; it is done when the server has taken us."""
        done = self.connect()
        self.assertEqual(self.loop.transport.said(), b"")
        self.greet(nonce="n", max_payload=100, connect_urls=["two:4222"])
        connect, ping, rest = self.loop.transport.said().split(b"\r\n")
        claims = orjson.loads(connect.removeprefix(b"CONNECT "))
        self.assertEqual((claims["user"], claims["sig"], claims["headers"]), ("ha", "of n", True))
        self.assertEqual((ping, rest), (b"PING", b""))
        self.assertNoResult(done)
        self.greet(max_payload=200, connect_urls=["two:4222"])
        self.assertNoResult(done)
        self.client.data_received(b"PONG\r\n")
        self.successResultOf(done)
        self.assertEqual((self.client.max_payload, self.client.others), (200, ("two:4222",)))
        self.assertIsNone(self.loop.encrypted)

    def test_tls_comes_before_who_we_are(self) -> None:
        """Nobody on the way reads a password."""
        context = object()
        self.connect(context)
        plain = self.loop.transport
        self.greet()
        self.assertEqual(self.loop.encrypted, (plain, context, "one"))
        self.assertEqual(plain.said(), b"")
        self.assertTrue(self.loop.transport.said().startswith(b"CONNECT "))

    def test_a_server_that_wants_tls_gets_it(self) -> None:
        """By the system's authorities."""
        self.connect()
        self.greet(tls_required=True)
        self.assertEqual(self.loop.encrypted[2], "one")

    def test_a_server_that_does_not_take_us(self) -> None:
        """It says why, and hangs up."""
        done = self.connect()
        self.greet()
        self.client.data_received(b"-ERR 'Authorization Violation'\r\n")
        self.client.connection_lost(None)
        error = self.failureResultOf(done, Disconnected).value
        self.assertEqual(str(error), "Authorization Violation")
        self.assertEqual(self.ends, [])

    def test_one_that_greets_and_hangs_up(self) -> None:
        """Before asyncio has said that we are connected."""
        self.loop.made = Deferred()
        done = self.connect()
        self.greet()
        self.client.connection_lost(None)
        self.loop.made.callback(None)
        self.failureResultOf(done, Disconnected)

    def test_nobody_there(self) -> None:
        """asyncio's own error."""
        self.loop.refuse = ConnectionRefusedError("refused")
        self.failureResultOf(self.connect(), ConnectionRefusedError)


class MessageTests(ClientCase):
    """While it lasts."""

    def setUp(self) -> None:
        super().setUp()
        self.connected()
        self.heard: list[Message] = []

    def test_what_is_published_is_with_the_loop_at_once(self) -> None:
        """Nothing waits for another turn."""
        self.client.publish("a", b"hello", "r", {"H": "v"})
        self.assertEqual(self.loop.transport.said(), b"HPUB a r 18 23\r\nNATS/1.0\r\nH: v\r\n\r\nhello\r\n")

    def test_each_message_is_for_who_listens(self) -> None:
        """In the turn in which it arrives."""
        first = self.client.subscribe("a", self.heard.append)
        second = self.client.subscribe("b", lambda message: self.fail("it is not for him"))
        self.assertEqual(self.loop.transport.said(), b"SUB a 1\r\nSUB b 2\r\n")
        self.assertEqual((first, second), ("1", "2"))
        self.client.data_received(b"MSG a 1 5\r\nhello\r\n")
        self.assertEqual([one.data for one in self.heard], [b"hello"])

    def test_who_listens_no_more_hears_no_more(self) -> None:
        """Not even what had arrived with the message that made him stop."""

        def once(message: Message) -> None:
            self.heard.append(message)
            self.client.unsubscribe(sid)

        sid = self.client.subscribe("a", once)
        self.client.data_received(b"MSG a 1 1\r\n1\r\nMSG a 1 1\r\n2\r\n")
        self.assertEqual([one.data for one in self.heard], [b"1"])
        self.assertIn(b"UNSUB 1\r\n", self.loop.transport.said())

    def test_a_complaint_is_passed_on(self) -> None:
        """The server hangs up by itself, if it wants to."""
        self.client.data_received(b"-ERR 'Permissions Violation'\r\n")
        self.assertEqual((self.complaints, self.ends), (["Permissions Violation"], []))

    def test_the_server_is_told_that_we_are_there(self) -> None:
        """Whenever it asks."""
        self.client.data_received(b"PING\r\n")
        self.assertEqual(self.loop.transport.said(), b"PONG\r\n")


class EndTests(ClientCase):
    """How it ends."""

    def setUp(self) -> None:
        super().setUp()
        self.connected()

    def test_a_server_that_answers_lives(self) -> None:
        """It is asked again and again."""
        for _ in range(3 * PINGS_MAX):
            self.clock.advance(PING_INTERVAL_S)
            self.assertEqual(self.loop.transport.said(), b"PING\r\n")
            self.client.data_received(b"PONG\r\n")
        self.assertEqual(self.ends, [])

    def test_a_server_that_falls_silent_is_gone(self) -> None:
        """Its socket would not say so for minutes."""
        self.clock.pump([PING_INTERVAL_S] * PINGS_MAX)
        self.assertEqual(self.ends, [])
        self.clock.advance(PING_INTERVAL_S)
        self.assertIn("answered nothing", self.ends[0])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_what_is_not_the_protocol_ends_it(self) -> None:
        """It cannot be read on."""
        self.client.data_received(b"what?\r\n")
        self.assertIn("what?", self.ends[0])

    def test_the_reason_is_what_the_server_said_last(self) -> None:
        """Or what the socket says."""
        self.client.connection_lost(ConnectionResetError("reset"))
        self.assertEqual(self.ends, ["reset"])

    def test_closing_leaves_nothing(self) -> None:
        """Whether or not it still is one."""
        self.successResultOf(self.client.close())
        self.assertEqual((self.clock.getDelayedCalls(), self.ends), ([], ["it was closed"]))
        self.successResultOf(self.client.close())

    def test_a_socket_that_does_not_let_go_is_not_waited_for(self) -> None:
        """Its other end stands still."""
        self.loop.transport.hangs = True
        closed = self.client.close()
        self.assertNoResult(closed)
        self.clock.advance(CLOSE_TIMEOUT_S)
        self.successResultOf(closed)
        self.assertEqual(self.clock.getDelayedCalls(), [])
