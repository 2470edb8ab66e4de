"""The wall: logins, limits, slow and fast clients, clients that vanish, and our own bugs."""

from __future__ import annotations

from errno import ECONNRESET
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.postgres import server
from ha.postgres.answers import (
    Authentication,
    BackendKeyData,
    CommandComplete,
    DataRow,
    ErrorResponse,
    NegotiateProtocolVersion,
    NotificationResponse,
    ParameterStatus,
    ReadyForQuery,
)
from ha.postgres.messages import PROTOCOL_3_0, PROTOCOL_3_2
from ha.postgres.questions import (
    AuthenticationAnswer,
    CancelRequest,
    Execute,
    Flush,
    GSSENCRequest,
    Parse,
    Query,
    SSLRequest,
    StartupMessage,
    Sync,
    Terminate,
)
from ha.postgres.scram import Verifier
from ha.postgres.server import CLOSE_TIMEOUT_S, LOGIN_TIMEOUT_S, Factory
from ha.test.fake_backend import FakeBackend
from ha.test.fake_socket import FakeLoop, FakeSocket
from ha.test.pgclient import Client, PatientTransport, statuses
from ha.test.test_scram import answer_to, initial


class DoorCase(SynchronousTestCase):
    """A factory, its backends, and clients without sockets."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.backends: list[FakeBackend] = []
        self.factory = self.make_factory(check=lambda user, password: (user, password) == ("ha", "ha"))

    def make_factory(self, **options: Any) -> Factory:
        return Factory(self.connect, self.clock, **options)

    def connect(self, database: str, user: str) -> FakeBackend:
        if database == "nowhere":
            raise StatementError("3D000", f'database "{database}" does not exist')
        backend = FakeBackend(user, database, pid=1000 + len(self.backends))
        self.backends.append(backend)
        return backend

    def client(self, **settings: str) -> Client:
        """One that has logged in."""
        client = Client(self.factory)
        client.login(**settings)
        return client

    def assert_ended(self, client: Client, sqlstate: str) -> None:
        """The client was told why, and hung up on."""
        error = client.received()[-1]
        self.assertIsInstance(error, ErrorResponse)
        self.assertEqual((error.severity, error.sqlstate), ("FATAL", sqlstate))
        self.assertTrue(client.transport.disconnecting)


class LoginTests(DoorCase):
    """From the first byte to the first ReadyForQuery."""

    def test_a_cleartext_login(self) -> None:
        """Welcome, the settings a library follows, the key for cancelling, your turn."""
        client = Client(self.factory)
        self.assertEqual(client.ask(StartupMessage(PROTOCOL_3_0, {"user": "ha"})), [Authentication(3)])
        heard = client.ask(AuthenticationAnswer(b"ha\0"))
        self.assertEqual(heard[0], Authentication(0))
        told = {message.name: message.value for message in heard if isinstance(message, ParameterStatus)}
        self.assertEqual(len(told), 13)
        self.assertEqual(
            (told["client_encoding"], told["DateStyle"], told["integer_datetimes"]), ("UTF8", "ISO, MDY", "on")
        )
        self.assertIsInstance(heard[-2], BackendKeyData)
        self.assertEqual(heard[-2].process_id, self.backends[0].pid)
        self.assertEqual(heard[-1], ReadyForQuery("I"))
        self.assertEqual(
            self.backends[0].variables.database, "ha", "the database is named like the user unless it is said"
        )

    def test_byte_by_byte(self) -> None:
        """A slow line changes nothing."""
        client = Client(self.factory)
        client.send_bytes(StartupMessage(PROTOCOL_3_0, {"user": "ha"}).encode())
        client.send_bytes(AuthenticationAnswer(b"ha\0").encode() + Query("SELECT 1").encode())
        self.assertEqual(statuses(client.received()), ["I", "I"])

    def test_a_wrong_password(self) -> None:
        """28P01, and no backend was asked for."""
        client = Client(self.factory)
        client.send(StartupMessage(PROTOCOL_3_0, {"user": "ha"}))
        client.send(AuthenticationAnswer(b"no\0"))
        self.assert_ended(client, "28P01")
        self.assertEqual(self.backends, [])

    def test_a_database_that_is_not_there(self) -> None:
        """3D000, after the password was right."""
        client = Client(self.factory)
        client.send(StartupMessage(PROTOCOL_3_0, {"user": "ha", "database": "nowhere"}))
        client.send(AuthenticationAnswer(b"ha\0"))
        self.assert_ended(client, "3D000")

    def test_a_scram_login(self) -> None:
        """The outcome and the welcome come together."""
        verifier = Verifier.of("ha")
        self.factory = self.make_factory(verifier={"ha": verifier}.get)
        client = Client(self.factory)
        client.send(StartupMessage(PROTOCOL_3_0, {"user": "ha"}))
        self.assertEqual(client.received(), [Authentication(10, b"SCRAM-SHA-256\0\0")])
        (challenge,) = client.ask(AuthenticationAnswer(initial("n,,n=,r=abc")))
        heard = client.ask(AuthenticationAnswer(answer_to(challenge.body.decode(), "n=,r=abc", "ha")))
        self.assertEqual([heard[0].code, heard[1].code, heard[-1]], [12, 0, ReadyForQuery("I")])

    def test_settings_in_the_startup_packet(self) -> None:
        """By name, in ``options``, and with asyncpg's quotes."""
        client = self.client(
            application_name="x", client_encoding="'utf-8'", options="-c search_path=a\\ b --statement-timeout=5s"
        )
        variables = self.backends[0].variables
        self.assertEqual(variables.get("application_name"), "x")
        self.assertEqual(variables.get("search_path"), "a b")
        self.assertEqual(variables.get("statement_timeout"), "5s")
        del client

    def test_a_setting_nobody_knows(self) -> None:
        """42704, as PostgreSQL says."""
        client = Client(self.factory)
        client.send(StartupMessage(PROTOCOL_3_0, {"user": "ha", "nosuch": "1"}))
        client.send(AuthenticationAnswer(b"ha\0"))
        self.assert_ended(client, "42704")

    def test_a_newer_protocol_is_talked_down(self) -> None:
        """3.2, a made-up minor version, and options nobody knows."""
        client = Client(self.factory)
        heard = client.ask(StartupMessage(PROTOCOL_3_0 + 9999, {"user": "ha", "_pq_.x": "1"}))
        self.assertEqual(heard, [NegotiateProtocolVersion(PROTOCOL_3_2, ("_pq_.x",)), Authentication(3)])

    def test_cancel_keys_are_long_since_3_2(self) -> None:
        """Four bytes for those who do not know."""
        for protocol, negotiated, size in (
            (PROTOCOL_3_0, [], 4),
            (PROTOCOL_3_2, [], 32),
            (PROTOCOL_3_2 + 7, [PROTOCOL_3_2], 32),
        ):
            client = Client(self.factory)
            heard = client.ask(StartupMessage(protocol, {"user": "ha"}), AuthenticationAnswer(b"ha\0"))
            self.assertEqual([one.protocol for one in heard if isinstance(one, NegotiateProtocolVersion)], negotiated)
            (key,) = (one.secret_key for one in heard if isinstance(one, BackendKeyData))
            self.assertEqual(len(key), size)

    def test_noise_is_not_answered(self) -> None:
        """Whoever sends Terminate first, or HTTP, would not read an answer."""
        for noise in (b"X\0\0\0\4", b"GET / HTTP/1.1\r\n\r\n", b"\0\0\0\7"):
            client = Client(self.factory)
            client.connection.dataReceived(noise)
            self.assertEqual(client.received(), [])
            self.assertTrue(client.transport.disconnecting)

    def test_another_protocol(self) -> None:
        """0A000."""
        client = Client(self.factory)
        client.send(StartupMessage(2 << 16, {}))
        self.assert_ended(client, "0A000")

    def test_nobody(self) -> None:
        """A user's name is needed."""
        client = Client(self.factory)
        client.send(StartupMessage(PROTOCOL_3_0, {}))
        self.assert_ended(client, "28000")

    def test_neither_tls_nor_gssapi_here(self) -> None:
        """One byte each, and the client goes on."""
        client = Client(self.factory)
        client.send(SSLRequest())
        client.send(GSSENCRequest())
        self.assertEqual(client.transport.value(), b"NN")
        client.transport.clear()
        self.assertEqual(client.ask(StartupMessage(PROTOCOL_3_0, {"user": "ha"})), [Authentication(3)])

    def test_a_startup_behind_a_refused_ssl_request(self) -> None:
        """A hasty client sent both at once; the answer N makes the second one a start-up message."""
        client = Client(self.factory)
        client.send(SSLRequest(), StartupMessage(PROTOCOL_3_0, {"user": "ha"}))
        self.assertEqual(client.transport.value(), b"N" + Authentication(3).encode())

    def test_too_slow(self) -> None:
        """Ten seconds, whether nothing comes or a byte at a time."""
        silent, dripping = Client(self.factory), Client(self.factory)
        for _ in range(int(LOGIN_TIMEOUT_S)):
            self.assertFalse(silent.transport.aborted)
            dripping.connection.dataReceived(b"\0")
            self.clock.advance(1)
        self.assertTrue(silent.transport.aborted)
        self.assertTrue(dripping.transport.disconnecting)

    def test_no_limit_after_the_login(self) -> None:
        """Idle clients may stay."""
        client = self.client()
        self.clock.advance(1000)
        self.assertFalse(client.transport.disconnecting)

    def test_too_many_clients(self) -> None:
        """53300 for those who come too late, also when the last place goes while they log in."""
        self.factory = self.make_factory(check=lambda user, password: True, connections_max=2)
        first, slow = self.client(), Client(self.factory)
        slow.send(StartupMessage(PROTOCOL_3_0, {"user": "ha"}))
        self.client()
        slow.send(AuthenticationAnswer(b"ha\0"))
        self.assert_ended(slow, "53300")
        late = Client(self.factory)
        late.send(StartupMessage(PROTOCOL_3_0, {"user": "ha"}))
        self.assert_ended(late, "53300")
        first.leave()
        self.assertEqual(Client(self.factory).login()[-1], ReadyForQuery("I"))

    def test_strangers_take_no_place_of_a_client(self) -> None:
        """However many open a socket and say nothing, whoever logs in gets in; the one that waited longest goes."""
        self.factory = self.make_factory(check=lambda user, password: True, connections_max=2)
        strangers = [Client(self.factory) for _ in range(4)]
        self.assertFalse(any(one.transport.aborted for one in strangers))
        client = Client(self.factory)
        self.assertEqual([one.transport.aborted for one in strangers], [True, False, False, False])
        self.assertEqual(client.login()[-1], ReadyForQuery("I"))
        self.assertEqual(self.client().received(), [])
        self.assertEqual([one.transport.aborted for one in strangers], [True, True, False, False])
        for _ in range(3):
            Client(self.factory)
        self.assertEqual(client.ask(Query("SELECT 1"))[-1], ReadyForQuery("I"), "a client is not driven out")

    def test_rubbish_before_the_login(self) -> None:
        """An error at most, and the connection ends."""
        for data in (b"GET / HTTP/1.1\r\n\r\n", b"\0\0\0\4", b"\xff" * 100, b"\x16\3\1\2\0" + b"x" * 100, b"\0" * 20):
            client = Client(self.factory)
            client.connection.dataReceived(data)
            self.assertTrue(client.transport.disconnecting, data)

    def test_a_query_before_the_login(self) -> None:
        """Nothing is run for a stranger."""
        client = Client(self.factory)
        client.send(StartupMessage(PROTOCOL_3_0, {"user": "ha"}), Query("SELECT 1"))
        self.assert_ended(client, "08P01")

    def test_a_door_without_a_lock(self) -> None:
        """Is a mistake of whoever made it."""
        self.assertRaises(ValueError, self.make_factory)


class FlowTests(DoorCase):
    """Clients that read too slowly or send too fast."""

    ROWS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT i, printf('%0100d', i) FROM n"

    def test_a_client_that_does_not_read_stops_the_rows(self) -> None:
        """Rows are fetched as they are read, and at the end all of them have come."""
        client = self.client()
        client.transport.stuck = True
        client.send(Query(self.ROWS))
        asked = len(self.backends[0].said)
        self.assertLess(len(client.transport.value()), 200_000)
        self.clock.advance(60)
        self.assertEqual(len(self.backends[0].said), asked, "no more rows were asked for")
        client.transport.stuck = False
        heard = []
        for _ in range(1000):
            client.transport.read()
            heard += client.received()
            self.clock.advance(0)
            if heard[-1:] == [ReadyForQuery("I")]:
                break
        self.assertEqual(sum(isinstance(message, DataRow) for message in heard), 20_000)
        self.assertEqual(heard[-2], CommandComplete("SELECT 20000"))

    def test_a_client_that_leaves_in_the_middle(self) -> None:
        """The rows are closed, the backend too."""
        client = self.client()
        client.transport.stuck = True
        client.send(Query(self.ROWS))
        (stream,) = self.backends[0].streams
        self.assertFalse(stream.closed)
        client.leave()
        self.assertTrue(stream.closed)
        self.assertTrue(self.backends[0].closed)
        self.assertEqual(self.factory.connections, {})

    def test_others_get_their_turn(self) -> None:
        """A client that reads as fast as we write does not keep the reactor to itself."""
        client = self.client()
        client.send(Query(self.ROWS))
        self.assertNotIn(ReadyForQuery("I"), client.received())
        for _ in range(10):
            self.clock.advance(0)
        self.assertEqual(client.received()[-1], ReadyForQuery("I"))

    def test_a_client_that_sends_faster_than_we_work(self) -> None:
        """Reading pauses while a statement runs, and goes on after it; nothing is lost."""
        client = self.client()
        backend = self.backends[0]
        running: Deferred[None] = Deferred()
        backend.waiting = lambda: running
        query = Query("SELECT " + "1" * 50_000)
        client.send(Query("SELECT 1"))
        count = 0
        while client.transport.producerState != "paused" and count < 10:
            client.send(query)
            count += 1
        self.assertEqual(client.transport.producerState, "paused")
        self.assertLess(client.connection._session.buffered, server.READ_AHEAD_BYTES_MAX + 60_000)
        backend.waiting = None
        running.callback(None)
        self.assertEqual(client.transport.producerState, "producing")
        self.assertEqual(len(statuses(client.received())), count + 1)

    def test_one_answer_to_one_packet(self) -> None:
        """Many messages in one read are answered by one write."""
        client = self.client()
        writes = []
        self.patch(client.transport, "write", writes.append)
        client.send(*[Query("SELECT 1")] * 10)
        self.assertEqual(len(writes), 1)

    def test_a_turn_is_not_held_back_by_the_next(self) -> None:
        """What is answered is sent before a long statement is waited for."""
        client = self.client()
        backend = self.backends[0]
        running: Deferred[None] = Deferred()
        self.later(backend, 1, running)
        client.send(Query("SELECT 1"), Query("SELECT 2"), Query("SELECT 3"))
        self.assertEqual(statuses(client.received()), ["I"])
        running.callback(None)
        self.assertEqual(statuses(client.received()), ["I", "I"])

    def later(self, backend: FakeBackend, index: int, running: Deferred[None]) -> None:
        """Let the statement number `index` wait."""
        count = [0]

        async def wait() -> None:
            count[0] += 1
            if count[0] == index + 1:
                await running

        backend.waiting = wait


class SocketTransport(FakeSocket, PatientTransport):
    """A transport with a socket, which it is itself."""

    def __init__(self, loop: FakeLoop) -> None:
        PatientTransport.__init__(self)
        FakeSocket.__init__(self, loop)

    def send(self, data: bytes) -> int:
        self.tell_reset()
        self.write(data)
        return len(data)


class HearingTests(DoorCase):
    """Where the loop itself tells of what arrives."""

    def setUp(self) -> None:
        super().setUp()
        self.loop = FakeLoop()
        self.factory = self.make_factory(check=lambda user, password: True, loop=self.loop)
        self.transport = SocketTransport(self.loop)
        self.client_heard = Client(self.factory, self.transport)

    def login(self) -> FakeBackend:
        self.client_heard.login()
        return self.backends[-1]

    def say(self, *messages: Any) -> list[Any]:
        self.transport.arrive(b"".join(message.encode() for message in messages))
        return self.client_heard.received()

    def test_what_arrives_is_answered(self) -> None:
        """By the loop's word alone: the transport hears nothing."""
        self.login()
        self.assertEqual(self.transport.producerState, "paused")
        self.assertEqual(statuses(self.say(Query("SELECT 1"))), ["I"])

    def test_a_false_alarm(self) -> None:
        """Nothing there is nothing heard."""
        self.login()
        self.loop.readers[7]()
        self.assertEqual(statuses(self.say(Query("SELECT 1"))), ["I"])

    def test_the_end_is_the_transports(self) -> None:
        """A client that hangs up, or whose network breaks, is met by whoever closes the socket."""
        for end in (b"", ConnectionResetError()):
            self.setUp()
            self.login()
            self.transport.arrive(end)
            self.assertEqual((self.loop.readers, self.transport.producerState), ({}, "producing"))

    def test_a_reset_right_behind_the_last_bytes(self) -> None:
        """The loop tells of it once, with the bytes: who waits for another word waits for ever."""
        for waiting in (None, Deferred):
            self.setUp()
            self.login().waiting = waiting
            self.transport.reset = ECONNRESET
            self.say(Query("SELECT 1"))
            self.assertEqual((self.loop.readers, self.transport.producerState), ({}, "producing"))

    def test_a_socket_that_is_closed_is_not_listened_to(self) -> None:
        """Its number may be another's soon."""
        self.login()
        self.client_heard.leave()
        self.assertEqual(self.loop.readers, {})

    def test_hanging_up(self) -> None:
        """What a client says after our last word is not heard."""
        self.login()
        self.say(Terminate())
        self.assertEqual(self.loop.readers, {})
        self.assertTrue(self.transport.disconnecting)

    def test_a_client_that_sends_faster_than_we_work(self) -> None:
        """It is not heard while much of it waits, and heard again afterwards."""
        backend = self.login()
        running: Deferred[None] = Deferred()

        async def wait() -> None:
            await running

        backend.waiting = wait
        self.say(Query("SELECT 1"))
        backend.waiting = None
        self.say(Query("SELECT '" + "x" * server.READ_AHEAD_BYTES_MAX + "'"))
        self.assertEqual((self.loop.readers, self.transport.producerState), ({}, "paused"))
        running.callback(None)
        self.assertIn(7, self.loop.readers)
        self.assertEqual(self.transport.producerState, "paused")
        self.assertEqual(statuses(self.client_heard.received()), ["I", "I"])


class EndTests(DoorCase):
    """How conversations end."""

    def test_good_bye(self) -> None:
        """Terminate closes; the backend is given back when the socket has gone."""
        client = self.client()
        client.send(Terminate())
        self.assertTrue(client.transport.disconnecting)
        client.leave()
        self.assertTrue(self.backends[0].closed)

    def test_a_client_that_vanishes_while_its_statement_runs(self) -> None:
        """The statement is interrupted; the backend is closed when it has ended, and nothing queued behind it runs."""
        client = self.client()
        backend = self.backends[0]
        running: Deferred[None] = Deferred()
        backend.waiting = lambda: running
        client.send(Query("SELECT 1"), Query("SELECT 2"))
        client.leave()
        self.assertEqual((backend.cancelled, backend.closed), (1, False))
        running.errback(StatementError("57014", "canceling statement due to user request"))
        self.assertTrue(backend.closed)
        self.assertNotIn("SELECT 2", [said[0] for said in backend.said])

    def test_a_bug_of_ours(self) -> None:
        """It is logged, that client hears XX000 and is hung up on; nobody else notices."""
        one, other = self.client(), self.client()
        self.backends[0].waiting = lambda: 1 / 0
        one.send(Query("SELECT 1"))
        self.assert_ended(one, "XX000")
        (failure,) = self.flushLoggedErrors(ZeroDivisionError)
        one.leave()
        self.assertTrue(self.backends[0].closed)
        self.assertEqual(other.ask(Query("SELECT 1"))[-1], ReadyForQuery("I"))

    def test_rubbish_after_the_login(self) -> None:
        """Unknown tags and impossible lengths end the connection, with a word about it."""
        for data in (b"?\0\0\0\4", b"Q\0\0\0\0", b"Q\xff\xff\xff\xff", b"p\0\0\0\5x"):
            client = self.client()
            client.connection.dataReceived(data)
            self.assert_ended(client, "08P01")

    def test_last_words_nobody_reads(self) -> None:
        """After some seconds the connection is cut."""
        client = self.client()
        client.send(Terminate())
        self.assertFalse(client.transport.aborted)
        self.clock.advance(CLOSE_TIMEOUT_S)
        self.assertTrue(client.transport.aborted)

    def test_the_node_stops(self) -> None:
        """57P01 for everybody; what runs is interrupted."""
        idle, busy = self.client(), self.client()
        self.backends[1].waiting = lambda: Deferred()
        busy.send(Query("SELECT 1"))
        self.factory.shut_down()
        self.assert_ended(idle, "57P01")
        self.assert_ended(busy, "57P01")
        self.assertEqual(self.backends[1].cancelled, 1)

    def test_a_block_that_was_idle_too_long(self) -> None:
        """The backend's word: 25P03."""
        client = self.client()
        self.backends[0].on_expired(
            StatementError("25P03", "terminating connection due to idle-in-transaction timeout")
        )
        self.assert_ended(client, "25P03")


class CancelTests(DoorCase):
    """CancelRequest, on a connection of its own."""

    def cancel(self, process_id: int, key: bytes) -> None:
        client = Client(self.factory)
        client.send(CancelRequest(process_id, key))
        self.assertEqual(client.transport.value(), b"", "it is never answered")
        self.assertTrue(client.transport.disconnecting)
        client.leave()

    def test_what_runs_is_interrupted(self) -> None:
        """By its key, and by no other."""
        client = Client(self.factory)
        key = client.login()[-2]
        backend = self.backends[0]
        running: Deferred[None] = Deferred()
        backend.waiting = lambda: running
        client.send(Query("SELECT 1"))
        self.cancel(key.process_id, b"\0\0\0\0")
        self.cancel(key.process_id + 1, key.secret_key)
        self.assertEqual(backend.cancelled, 0)
        self.cancel(key.process_id, key.secret_key)
        self.assertEqual(backend.cancelled, 1)

    def test_a_late_cancel_hits_nothing(self) -> None:
        """Neither the idle session nor its next statement."""
        client = Client(self.factory)
        key = client.login()[-2]
        client.ask(Query("SELECT 1"))
        self.cancel(key.process_id, key.secret_key)
        self.assertEqual(self.backends[0].cancelled, 0)
        client.leave()
        self.cancel(key.process_id, key.secret_key)


class NotificationTests(DoorCase):
    """What others have to say."""

    def test_an_idle_client_hears_at_once(self) -> None:
        """Without asking."""
        client = self.client()
        self.backends[0].on_notification(7, "ch", "hi")
        self.assertEqual(client.received(), [NotificationResponse(7, "ch", "hi")])

    def test_a_client_in_a_block_hears_after_it(self) -> None:
        """Before the ReadyForQuery that ends the block."""
        client = self.client()
        client.ask(Query("BEGIN"))
        self.backends[0].on_notification(7, "ch", "hi")
        self.assertEqual(client.received(), [])
        self.assertEqual(
            client.ask(Query("COMMIT")),
            [CommandComplete("COMMIT"), NotificationResponse(7, "ch", "hi"), ReadyForQuery("I")],
        )

    def test_a_flush_flushes(self) -> None:
        """What was answered so far, before the client's turn."""
        client = self.client()
        self.assertEqual(len(client.ask(Parse("", "SELECT 1"), Flush())), 1)
        self.assertEqual(len(client.ask(Execute(""), Sync())), 2)
