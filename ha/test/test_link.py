"""The connection, over clients that are none: dialled for ever, and replaced when it is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from ha.replication.link import DIAL_PAUSES_S, DIAL_TIMEOUT_S, Access, Link
from ha.replication.log import Log, TooLarge, Unanswered, Unreachable
from ha.replication.natsclient import Disconnected
from ha.test.fake_wire import Message


class FakeClient:
    """A connection, as far as the link uses it."""

    others: tuple[str, ...] = ()
    max_payload = 10_000

    def __init__(self, refuse: Exception | None = None) -> None:
        self.refuse = refuse
        self.sent: list[Message] = []
        self.listening: dict[str, Callable[[Message], None]] = {}
        self.closed = False
        self.on_complaint: Callable[[str], None] = lambda text: None
        self.on_end: Callable[[str], None] = lambda reason: None

    async def connect(self, host: str, port: int, context: Any, claims: Callable[[str], Any]) -> None:
        """Connect, or not, or never."""
        self.address, self.context, self.claimed = (host, port), context, claims("challenge")
        if isinstance(self.refuse, Silence):
            await Deferred()
        if self.refuse is not None:
            raise self.refuse

    def publish(self, subject: str, body: bytes, reply: str, headers: dict[str, str] | None) -> None:
        """Keep it."""
        self.sent.append(Message(subject, body, reply, headers))

    def subscribe(self, subject: str, receive: Callable[[Message], None]) -> str:
        """Keep it; its name is its number."""
        self.listening[subject] = receive
        return subject

    def unsubscribe(self, sid: str) -> None:
        """Listen no more."""
        del self.listening[sid]

    def close(self) -> Deferred[None]:
        """Gone."""
        self.closed = True
        return succeed(None)

    # What a test does

    def answer(self, question: Message, body: bytes) -> None:
        """Answer a question that was sent."""
        inbox = question.reply.rpartition(".")[0] + ".*"
        self.listening[inbox](Message(question.reply, body))

    def break_down(self, reason: str) -> None:
        """The server is gone."""
        self.on_end(reason)


class Silence(Exception):
    """A server that does not greet."""


class ConnectionCase(SynchronousTestCase):
    """A log over fake connections."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clients: list[FakeClient] = []
        self.refusals: list[Exception | None] = []
        self.others: tuple[str, ...] = ()
        link = Link(self.clock, dial=self.dial)
        self.log = Log(self.clock, "s", publish_timeout_s=5, answer_timeout_s=5, link=link)

    def dial(self, clock: Any) -> Any:
        """The next connection."""
        self.clients.append(FakeClient(self.refusals.pop(0) if self.refusals else None))
        self.client.others = self.others
        return self.clients[-1]

    def connect(self, *urls: str, access: Access | None = None, timeout_s: float | None = None) -> Deferred[None]:
        """Connect to the servers."""
        return Deferred.fromCoroutine(self.log.connect(urls or ("nats://one:4222",), access, timeout_s=timeout_s))

    @property
    def client(self) -> FakeClient:
        """The newest connection."""
        return self.clients[-1]


class ConnectTests(ConnectionCase):
    """How it comes about."""

    def test_a_server_that_does_not_greet_is_given_up(self) -> None:
        """And closed, and dialled again."""
        self.refusals = [Silence()]
        connected = self.connect()
        self.clock.advance(DIAL_TIMEOUT_S)
        self.assertNoResult(connected)
        self.assertTrue(self.client.closed)
        self.clock.advance(max(DIAL_PAUSES_S))
        self.successResultOf(connected)
        self.assertEqual(len(self.clients), 2)

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
        self.refusals = [ConnectionRefusedError("refused")] * 5 + [Disconnected("Authorization Violation")] * 5
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
        self.assertEqual([one.address for one in self.clients], [("one", 4222), ("two", 4222)])
        self.assertTrue(self.log.connected)

    def test_who_we_are_is_told(self) -> None:
        """By user and password, or by token; what the address says counts if nothing else is said."""
        for access, url, claims in [
            (Access(user="ha", password="secret"), "nats://u:p@one", {"user": "ha", "pass": "secret"}),
            (Access(token="secret"), "nats://u:p@one", {"auth_token": "secret"}),
            (Access(), "nats://u:p@one", {"user": "u", "pass": "p"}),
            (Access(), "nats://t@one", {"auth_token": "t"}),
            (Access(), "nats://one", {}),
        ]:
            self.assertEqual(access.claims(url, ""), claims)
            self.assertNotIn("secret", repr(access))
        self.connect(access=Access(user="ha", password="secret"))
        self.assertEqual(self.client.claimed, {"user": "ha", "pass": "secret"})

    def test_tls_is_spoken_where_it_is_asked_for(self) -> None:
        """By the address, or by an authority to trust."""
        self.connect("nats://one")
        self.assertIsNone(self.client.context)
        self.assertIsNotNone(Access().context(tls=True))

    def test_the_other_servers_of_the_cluster_are_dialled_too(self) -> None:
        """As the one that we knew told us, with the password that we came in with."""
        self.others = ("two:4222",)
        self.connect("nats://u:p@one:4222")
        self.refusals = [ConnectionRefusedError("refused")]
        self.client.break_down("reset")
        self.clock.pump([0, 0])
        self.assertEqual(self.client.address, ("two", 4222))
        self.assertEqual(self.client.claimed, {"user": "u", "pass": "p"})

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
        self.client.break_down("reset")
        self.assertFalse(self.log.connected)
        self.assertEqual(self.log.unreachable_because, "reset")
        self.clock.advance(0)
        self.assertTrue(self.log.connected)
        self.assertEqual(self.heard, [True, False, True])

    def test_what_waits_is_unanswered(self) -> None:
        """It was sent; the new connection does not send it again."""
        stored = self.log.publish("s.a", b"", "n:1:1", 0)
        self.client.break_down("reset")
        self.failureResultOf(stored, Unanswered)
        self.failureResultOf(self.log.publish("s.a", b"", "n:1:2", 0), Unreachable)
        self.clock.advance(0)
        self.assertEqual(self.client.sent, [])

    def test_subscriptions_are_on_the_new_connection(self) -> None:
        """Those of the answers, and the turns'."""
        self.log.subscribe_core("_ha.turn.>", lambda subject, body: None)
        before = set(self.client.listening)
        self.client.break_down("reset")
        self.clock.advance(0)
        self.assertEqual(set(self.client.listening), before)

    def test_a_stopped_subscription_is_not(self) -> None:
        """On neither."""
        listening = self.log.subscribe_core("_ha.turn.>", lambda subject, body: None)
        listening.stop()
        self.assertNotIn("_ha.turn.>", self.client.listening)
        self.client.break_down("reset")
        self.clock.advance(0)
        self.assertNotIn("_ha.turn.>", self.client.listening)

    def test_what_the_server_complains_of_is_on_our_log(self) -> None:
        """Nothing of it gets lost."""
        with capturedLogs() as events:
            self.client.on_complaint("Permissions Violation")
        self.assertEqual(events[-1]["text"], "Permissions Violation")

    def test_an_old_connection_is_not_the_new_one(self) -> None:
        """What it says after its end counts for nothing."""
        old = self.client
        old.break_down("reset")
        self.clock.advance(0)
        old.break_down("reset again")
        self.assertTrue(self.log.connected)

    def test_a_message_that_the_server_would_not_take_is_not_sent(self) -> None:
        """It would hang up."""
        answer = self.log.publish("s.a", b"x" * 10_001, "n:1:1", 0)
        self.failureResultOf(answer, TooLarge)
        self.assertEqual(self.client.sent, [])

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
        self.client.break_down("reset")
        self.clock.advance(0)
        self.successResultOf(Deferred.fromCoroutine(self.log.close()))
        self.assertEqual(self.clock.getDelayedCalls(), [])
