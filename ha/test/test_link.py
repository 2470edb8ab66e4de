"""The connection, over clients of nats-py that are none: dialled for ever, and replaced when it is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import nats.errors
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from ha.replication.link import DIAL_PAUSES_S, Access, Link
from ha.replication.log import Log, Unanswered, Unreachable
from ha.test.fake_wire import Message


class FakeClient:
    """nats-py's connection, as far as we use it."""

    discovered_servers: tuple[Any, ...] = ()
    max_payload = 10_000

    def __init__(self, refuse: Exception | None = None) -> None:
        self.refuse = refuse
        self.sent: list[Message] = []
        self.listening: dict[str, Callable[[Message], None]] = {}
        self.ended: list[str] = []
        self.closed = False
        self.hangs = False

    async def connect(self, servers: list[str], **options: Any) -> None:
        """Connect, or not."""
        self.servers, self.options = servers, options
        if self.refuse is not None:
            await options["error_cb"](self.refuse)
            raise nats.errors.NoServersError

    async def publish(self, subject: str, body: bytes, reply: str, headers: dict[str, str] | None) -> None:
        """Keep it."""
        if len(body) > self.max_payload:
            raise nats.errors.MaxPayloadError
        self.sent.append(Message(subject, body, reply, headers))

    def listen(self, subject: str, receive: Callable[[Message], None]) -> Callable[[], None]:
        """Keep it, until it is ended."""
        self.listening[subject] = receive
        return lambda: self.ended.append(subject)

    async def close(self) -> None:
        """Gone, or not: then it is as if our time for it were over."""
        self.closed = True
        if self.hangs:
            raise asyncio.CancelledError

    # What a test does

    def answer(self, question: Message, body: bytes) -> None:
        """Answer a question that was sent."""
        inbox = question.reply.rpartition(".")[0] + ".*"
        self.listening[inbox](Message(question.reply, body))

    def break_down(self, error: Exception) -> None:
        """The server is gone."""
        self.run(self.options["error_cb"](error))
        self.run(self.options["closed_cb"]())

    @staticmethod
    def run(coroutine: Any) -> None:
        """To its end: nothing in it waits."""
        try:
            coroutine.send(None)
        except StopIteration:
            return
        raise AssertionError("it waits")


class ConnectionCase(SynchronousTestCase):
    """A log over fake connections."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clients: list[FakeClient] = []
        self.refusals: list[Exception | None] = []
        self.hanging = False
        link = Link(self.clock, dial=self.dial, run=Deferred.fromCoroutine)
        self.log = Log(self.clock, "s", publish_timeout_s=5, answer_timeout_s=5, link=link)

    def dial(self) -> Any:
        """The next connection."""
        self.clients.append(FakeClient(self.refusals.pop(0) if self.refusals else None))
        self.client.hangs = self.hanging
        return self.clients[-1]

    def connect(self, *urls: str, access: Access | None = None, timeout_s: float | None = None) -> Deferred[None]:
        """Connect to the servers."""
        return Deferred.fromCoroutine(self.log.connect(urls or ("nats://one:4222",), access, timeout_s=timeout_s))

    @property
    def client(self) -> FakeClient:
        """The newest connection."""
        return self.clients[-1]


class FarewellTests(ConnectionCase):
    """A connection's end."""

    def test_one_that_does_not_end_in_time_is_no_end_of_dialling(self) -> None:
        """asyncio says so with what is no Exception."""
        self.refusals = [OSError("a handshake failed")]
        self.hanging = True
        connected = self.connect()
        self.assertNoResult(connected)
        self.clock.pump([1.0] * 3)
        self.successResultOf(connected)


class ConnectTests(ConnectionCase):
    """How it comes about."""

    def test_nats_py_neither_reconnects_nor_buffers(self) -> None:
        """It would send what had been given up."""
        self.successResultOf(self.connect())
        options = self.client.options
        self.assertEqual((options["allow_reconnect"], options["pending_size"]), (False, 0))

    def test_a_server_that_refuses_is_dialled_for_ever(self) -> None:
        """With pauses that grow to a few seconds."""
        self.refusals = [ConnectionRefusedError("refused")] * 20
        done = self.connect()
        for _ in range(20):
            self.assertNoResult(done)
            self.clock.advance(max(DIAL_PAUSES_S))
        self.successResultOf(done)
        self.assertTrue(self.log.connected)

    def test_the_same_reason_is_said_once(self) -> None:
        """And another one again."""
        self.refusals = [ConnectionRefusedError("refused")] * 5 + [nats.errors.Error("authorization violation")] * 5
        with capturedLogs() as events:
            self.connect()
            for _ in range(9):
                self.clock.advance(max(DIAL_PAUSES_S))
        self.assertEqual(len([one for one in events if "reason" in one]), 2)

    def test_waiting_may_end_before_the_dialling_does(self) -> None:
        """A node goes on and says what it waits for."""
        self.refusals = [ConnectionRefusedError("refused")] * 5
        done = self.connect("nats://u:secret@one:4222", timeout_s=1)
        self.clock.pump([0.5, 0.5])
        error = self.failureResultOf(done, Unreachable).value
        self.assertIn("one:4222: refused", str(error))
        self.assertNotIn("secret", str(error))
        self.clock.pump([2] * 5)
        self.assertTrue(self.log.connected)

    def test_asking_again_does_not_dial_twice(self) -> None:
        """It only waits on."""
        self.refusals = [ConnectionRefusedError("refused")] * 2
        first, second = self.connect(), self.connect()
        self.assertEqual(len(self.clients), 1)
        self.clock.pump([2, 2])
        self.successResultOf(first)
        self.successResultOf(second)

    def test_several_servers_take_turns(self) -> None:
        """The next one at once."""
        self.refusals = [ConnectionRefusedError("refused")]
        self.connect("nats://one:4222", "nats://two:4222")
        self.clock.advance(0)
        self.assertEqual([one.servers for one in self.clients], [["nats://one:4222"], ["nats://two:4222"]])
        self.assertTrue(self.log.connected)

    def test_who_we_are_is_told(self) -> None:
        """By user and password, or by token."""
        self.connect(access=Access(user="ha", password="secret"))
        self.assertEqual((self.client.options["user"], self.client.options["password"]), ("ha", "secret"))
        self.assertNotIn("secret", repr(Access(password="secret", token="secret")))

    def test_a_credentials_file_that_is_not_there_is_told_at_once(self) -> None:
        """Dialling would not mend it."""
        self.failureResultOf(self.connect(access=Access(credentials_path="/no/such/file")), OSError)


class LossTests(ConnectionCase):
    """How it ends, and goes on."""

    def setUp(self) -> None:
        super().setUp()
        self.heard: list[bool] = []
        self.log.on_connection_change.append(self.heard.append)
        self.successResultOf(self.connect())

    def test_a_lost_connection_is_replaced(self) -> None:
        """At once, if the server is there again."""
        self.client.break_down(ConnectionResetError("reset"))
        self.assertFalse(self.log.connected)
        self.assertEqual(self.log.unreachable_because, "reset")
        self.clock.advance(0)
        self.assertTrue(self.log.connected)
        self.assertEqual(self.heard, [True, False, True])

    def test_what_waits_is_unanswered(self) -> None:
        """It was sent; the new connection does not send it again."""
        stored = self.log.publish("s.a", b"", "n:1:1", 0)
        self.client.break_down(ConnectionResetError("reset"))
        self.failureResultOf(stored, Unanswered)
        self.failureResultOf(self.log.publish("s.a", b"", "n:1:2", 0), Unreachable)
        self.clock.advance(0)
        self.assertEqual(self.client.sent, [])

    def test_subscriptions_are_on_the_new_connection(self) -> None:
        """Those of the answers, and the turns'."""
        self.log.subscribe_core("_ha.turn.>", lambda subject, body: None)
        before = set(self.client.listening)
        self.client.break_down(ConnectionResetError("reset"))
        self.clock.advance(0)
        self.assertEqual(set(self.client.listening), before)

    def test_a_stopped_subscription_is_not(self) -> None:
        """On neither."""
        listening = self.log.subscribe_core("_ha.turn.>", lambda subject, body: None)
        listening.stop()
        self.assertEqual(self.client.ended, ["_ha.turn.>"])
        self.client.break_down(ConnectionResetError("reset"))
        self.clock.advance(0)
        self.assertNotIn("_ha.turn.>", self.client.listening)

    def test_what_nats_py_says_is_on_our_log(self) -> None:
        """Nothing of it gets lost."""
        with capturedLogs() as events:
            self.client.run(self.client.options["error_cb"](nats.errors.Error("permissions violation")))
        self.assertIn("permissions violation", repr(events[-1]["error"]))

    def test_a_mistake_in_taking_a_message_is_on_our_log(self) -> None:
        """And does not end the subscription."""
        self.log.subscribe_core("a", lambda subject, body: 1 / 0)
        self.client.listening["a"](Message("a"))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_closing_leaves_nothing(self) -> None:
        """No connection, no timer; what waits is told."""
        stored = self.log.publish("s.a", b"", "n:1:1", 0)
        feed = self.log.follow("s.a", 1, lambda entry: None, lambda reason: None)
        self.successResultOf(Deferred.fromCoroutine(self.log.close()))
        self.failureResultOf(stored, Unanswered)
        self.assertTrue(feed.stopped)
        self.assertTrue(self.client.closed)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.successResultOf(Deferred.fromCoroutine(self.log.close()))

    def test_closing_while_dialling_leaves_nothing(self) -> None:
        """Nor does it come back later."""
        self.refusals = [ConnectionRefusedError("refused")] * 10
        self.client.break_down(ConnectionResetError("reset"))
        self.clock.advance(0)
        self.successResultOf(Deferred.fromCoroutine(self.log.close()))
        self.assertEqual(self.clock.getDelayedCalls(), [])
