"""One connection: framing, limits, deadlines, pace."""

from __future__ import annotations

from errno import ECONNRESET

from twisted.internet.defer import Deferred
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from ha.auth import Entrance
from ha.test.fake_node import FakeRest, House, Reply, selected
from ha.test.fake_socket import FakeLoop, FakeSocket
from ha.web import exchange

GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: localhost\r\n"
BODY = b'{"sql": "INSERT"}'


class SocketTransport(FakeSocket, StringTransport):
    """A transport with a socket, which is itself; what was sent past the transport is in `taken`."""

    takes = 1000

    def __init__(self, loop: FakeLoop) -> None:
        StringTransport.__init__(self)
        FakeSocket.__init__(self, loop)
        self.taken: list[bytes] = []

    def send(self, data: bytes) -> int:
        """Take as much as there is room for."""
        self.tell_reset()
        self.taken.append(data[: self.takes])
        return len(self.taken[-1])


class SocketTests(SynchronousTestCase):
    """Where the socket is asked before the transport."""

    def setUp(self) -> None:
        self.loop = FakeLoop()
        self.house = House(loop=self.loop)
        self.client = self.house.client(SocketTransport(self.loop))
        self.socket = self.client.transport

    def test_the_socket_is_asked_first(self) -> None:
        """And never again after it did not take an answer whole: the rest would overtake it."""
        client, socket = self.client, self.socket
        client.send(GET)
        self.assertEqual((Reply(socket.taken[0]).status, client.said()), (200, b""))
        socket.takes = 10
        client.send(GET)
        self.assertEqual(Reply(socket.taken[1] + client.said()).json(), {"status": "ok"})
        client.send(GET)
        self.assertEqual((len(socket.taken), Reply(client.said()).status), (2, 200))

    def test_what_arrives_is_heard_from_the_loop(self) -> None:
        """By its word alone; the end is the transport's."""
        self.socket.arrive(GET)
        self.assertEqual((len(self.socket.taken), self.socket.producerState), (1, "paused"))
        self.socket.arrive(b"")
        self.assertEqual((self.loop.readers, self.socket.producerState), ({}, "producing"))

    def test_a_reset_right_behind_the_request(self) -> None:
        """The loop tells of it once, with the bytes."""
        self.socket.reset = ECONNRESET
        self.socket.arrive(GET)
        self.assertEqual((self.loop.readers, self.socket.producerState), ({}, "producing"))

    def test_a_client_that_asks_faster_than_it_is_answered(self) -> None:
        """It is not heard while much of it waits, and heard again afterwards; all is answered, in order."""
        waiting: Deferred[object] = Deferred()
        self.house.node.answers["SELECT"] = waiting
        self.socket.arrive(POST + b'Content-Length: 17\r\n\r\n{"sql": "SELECT"}')
        many = exchange.READ_AHEAD_BYTES_MAX // len(GET) + 1
        self.socket.arrive(GET * many)
        self.assertEqual((self.loop.readers, self.socket.taken), ({}, []))
        self.socket.arrive(GET)
        waiting.callback(selected([(1,)], "n"))
        self.assertIn(7, self.loop.readers)
        self.assertEqual(len(self.socket.taken), 1 + many)
        self.loop.readers[7]()
        self.assertEqual(len(self.socket.taken), 2 + many)

    def test_an_end_of_ours(self) -> None:
        """What a client says after our last word is not heard, and the socket's number may be another's soon."""
        self.socket.arrive(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        self.assertEqual((self.loop.readers, self.client.closing), ({}, True))

    def test_our_own_bugs_cost_one_connection(self) -> None:
        """And are logged."""
        self.house.site.serve = lambda exchange: 1 // 0  # type: ignore[method-assign, assignment]
        self.socket.arrive(GET)
        self.assertEqual((self.loop.readers, self.socket.disconnected), ({}, True))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class FramingTests(SynchronousTestCase):
    """Where a request ends must be certain."""

    def test_bytes_may_come_one_by_one(self) -> None:
        """And mean the same as all at once."""
        request = POST + b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
        chunked = POST + b"Transfer-Encoding: chunked\r\n\r\n7\r\n%b\r\na;x=y\r\n%b\r\n0\r\n\r\n" % (BODY[:7], BODY[7:])
        replies = []
        for data in (request, chunked):
            for cut in (0, 1, 7):
                client = House().client()
                client.send(data, cut=cut)
                replies.append(client.said())
        self.assertEqual(Reply(replies[0]).status, 200)
        self.assertEqual(len(set(replies)), 1)

    def test_requests_may_come_together(self) -> None:
        """They are answered in order."""
        client = House().client()
        client.send(GET + GET.replace(b"healthz", b"status") + GET)
        first = Reply(client.said())
        second = Reply(first.left)
        third = Reply(second.left)
        self.assertEqual(
            [first.json(), second.json()["name"], third.json()], [{"status": "ok"}, "node-1", {"status": "ok"}]
        )
        self.assertFalse(client.closing)

    def test_what_is_ambiguous_is_refused_and_the_connection_closed(self) -> None:
        """A proxy in front of us might have read it otherwise."""
        for lines in (
            b"Content-Length: 17\r\nContent-Length: 17\r\n",
            b"Content-Length: 17, 17\r\n",
            b"Content-Length: 17\r\nTransfer-Encoding: chunked\r\n",
            b"Transfer-Encoding: chunked\r\nContent-Length: 17\r\n",
            b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            b"Transfer-Encoding: gzip, chunked\r\n",
            b"Transfer-Encoding: identity\r\n",
            b"Content-Length: +17\r\n",
            b"Content-Length: -1\r\n",
            b"Content-Length : 17\r\n",
            b"Content-Length: 1_7\r\n",
            b"Host: localhost\r\n",
        ):
            house = House()
            client = house.client()
            client.send(POST + lines + b"\r\n" + BODY + GET)
            reply = Reply(client.said())
            self.assertEqual((reply.status, reply.left, client.closing), (400, b"", True), lines)
            self.assertEqual(reply.headers["connection"], "close")
            self.assertEqual(house.node.backends, [], lines)

    def test_an_unknown_content_encoding(self) -> None:
        """Nothing is unpacked."""
        client = House().client()
        reply = client.post(b"\x1f\x8b", Content_Encoding="gzip")
        self.assertEqual((reply.status, client.closing), (415, True))

    def test_garbage(self) -> None:
        """Also over TLS's door, or PostgreSQL's."""
        for data in (
            b"\x16\x03\x01\x02\r\n\r\n",
            b"\0\0\0\x08\x04\xd2\x16/\r\n",
            b"GET / HTTP/2.0\r\n\r\n",
            b"GET\r\n",
            b"G T / HTTP/1.1\r\n",
        ):
            client = House().client()
            client.send(data)
            reply = Reply(client.said())
            self.assertEqual((reply.status, reply.error["code"], client.closing), (400, "bad_request", True), data)

    def test_no_host(self) -> None:
        """HTTP/1.1 asks for one, HTTP/1.0 does not."""
        client = House().client()
        client.send(b"GET /healthz HTTP/1.1\r\n\r\n")
        self.assertEqual(Reply(client.said()).status, 400)
        client = House().client()
        client.send(b"GET /healthz HTTP/1.0\r\n\r\n")
        reply = Reply(client.said())
        self.assertEqual((reply.status, reply.headers["connection"], client.closing), (200, "close", True))

    def test_after_a_refusal_nothing_is_read(self) -> None:
        """What still arrives is thrown away until the client has had time to read the answer, then the end comes."""
        house = House()
        client = house.client()
        client.send(POST + b"Content-Encoding: br\r\nContent-Length: 99999\r\n\r\n")
        client.said()
        client.send(b"x" * 99999 + GET)
        self.assertEqual(client.said(), b"")
        house.clock.pump([1] * 4)
        self.assertTrue(client.transport.disconnected)


class LimitTests(SynchronousTestCase):
    """Everything has one."""

    def test_a_long_head(self) -> None:
        """16 KiB, in one line or in many."""
        for line in (b"X: " + b"a" * 17000, b"\r\n".join(b"X%d: %b" % (n, b"a" * 900) for n in range(20))):
            client = House().client()
            client.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + line + b"\r\n\r\n")
            self.assertIn(Reply(client.said()).status, (400, 431))
            self.assertTrue(client.closing)

    def test_a_head_that_fits(self) -> None:
        """Almost as long."""
        self.assertEqual(House().client().ask("GET", "/healthz", X="a" * 15000).status, 200)

    def test_many_headers(self) -> None:
        """A hundred."""
        client = House().client()
        self.assertEqual(client.ask("GET", "/healthz", **{f"X{n}": "" for n in range(101)}).status, 400)

    def test_a_large_body_is_refused_before_it_is_read(self) -> None:
        """And before the client is told to send it."""
        house = House(body_bytes_max=100)
        client = house.client()
        client.send(POST + b"Expect: 100-continue\r\nContent-Length: 101\r\n\r\n")
        reply = Reply(client.said())
        self.assertEqual((reply.status, reply.error["code"], client.closing), (413, "too_large", True))

    def test_a_large_body_in_chunks(self) -> None:
        """Its length shows only on the way."""
        house = House(body_bytes_max=100)
        client = house.client()
        client.send(
            POST
            + b"Transfer-Encoding: chunked\r\n\r\n"
            + b"40\r\n"
            + b" " * 64
            + b"\r\n40\r\n"
            + b" " * 64
            + b"\r\n0\r\n\r\n"
        )
        reply = Reply(client.said())
        self.assertEqual((reply.status, reply.left, client.closing), (413, b"", True))
        self.assertEqual(house.site._bodies, 0)

    def test_the_largest_body(self) -> None:
        """It is taken."""
        house = House(body_bytes_max=100)
        self.assertEqual(house.client().post(BODY.ljust(100)).status, 200)
        self.assertEqual(house.site._bodies, 0)

    def test_all_bodies_together_are_bounded(self) -> None:
        """A flood gets 503; who hangs up makes room."""
        house = House(body_bytes_max=100)
        waiting = [house.client() for _ in range(4)]
        for client in waiting:
            client.send(POST + b"Content-Length: 100\r\n\r\n" + b" " * 99)
        last = house.client()
        reply = last.post(BODY)
        self.assertEqual((reply.status, reply.headers["retry-after"]), (503, "1"))
        waiting[0].hang_up()
        self.assertEqual(house.client().post(BODY).status, 200)

    def test_who_may_not_enter_sends_no_body(self) -> None:
        """The head is enough to refuse him."""
        client = House(entrance=Entrance(token="s")).client()
        client.send(POST + b"Content-Length: 1000\r\n\r\n")
        self.assertEqual((Reply(client.said()).status, client.closing), (401, True))

    def test_expecting_clients_are_told_to_go_on(self) -> None:
        """curl asks before it sends a large body."""
        client = House().client()
        client.send(POST + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(BODY))
        self.assertEqual(client.said(), b"HTTP/1.1 100 Continue\r\n\r\n")
        client.send(BODY)
        self.assertEqual(Reply(client.said()).status, 200)


class DeadlineTests(SynchronousTestCase):
    """Who is slow keeps no place."""

    def test_a_head_that_trickles(self) -> None:
        """Each byte is no new beginning."""
        house = House()
        client = house.client()
        for letter in GET[:12]:
            client.send(bytes([letter]))
            house.clock.advance(1)
        reply = Reply(client.said())
        self.assertEqual((reply.status, reply.error["code"], client.closing), (408, "too_slow", True))

    def test_a_connection_without_a_word(self) -> None:
        """It is closed without one."""
        house = House()
        client = house.client()
        house.clock.pump([1] * 12)
        self.assertEqual((client.said(), client.transport.disconnected), (b"", True))

    def test_a_connection_between_requests(self) -> None:
        """It may rest for a while."""
        house = House()
        client = house.client()
        client.ask("GET", "/healthz")
        house.clock.pump([1] * 70)
        self.assertEqual(client.ask("GET", "/healthz").status, 200)
        house.clock.pump([1] * 77)
        self.assertTrue(client.transport.disconnected)

    def test_a_body_that_stops(self) -> None:
        """A minute between two pieces."""
        house = House()
        client = house.client()
        client.send(POST + b"Content-Length: 100\r\n\r\n")
        for _ in range(3):
            house.clock.pump([1] * 50)
            client.send(b" ")
        self.assertFalse(client.transport.disconnected)
        house.clock.pump([1] * 62)
        self.assertTrue(client.transport.disconnected)

    def test_an_answer_that_nobody_takes(self) -> None:
        """A minute between two pieces, and its rows are let go."""
        house = House()
        rest = FakeRest([(1,)], [(2,)])
        house.node.answers["SELECT"] = selected([(0,)], "n", rest=rest)
        client = house.client()
        client.transport.writeSequence = lambda data: client.transport.producer.pauseProducing()
        client.send(POST + b'Content-Length: 17\r\n\r\n{"sql": "SELECT"}')
        house.clock.pump([1] * 59)
        self.assertFalse(client.transport.disconnected)
        house.clock.pump([1] * 3)
        self.assertTrue(client.transport.disconnected)
        client.hang_up()
        self.assertEqual((rest.asked, rest.closed), ([], 1))

    def test_a_long_statement_has_no_deadline_here(self) -> None:
        """The backend has its own."""
        house = House()
        house.node.answers["SELECT"] = Deferred()
        client = house.client()
        client.post({"sql": "SELECT"})
        house.clock.pump([60] * 10)
        self.assertFalse(client.transport.disconnected)


class AnswerTests(SynchronousTestCase):
    """The head of every answer."""

    def test_one_write_with_a_length(self) -> None:
        """Whole answers leave at once."""
        house = House()
        client = house.client()
        writes: list[bytes] = []
        client.transport.write = writes.append
        client.send(GET)
        self.assertEqual(len(writes), 1)
        self.assertEqual(Reply(writes[0]).headers["content-length"], "15")

    def test_nobody_is_granted_anything(self) -> None:
        """No CORS, no sniffing, no copy kept."""
        reply = House().client().ask("GET", "/status", Origin="http://evil.example")
        self.assertEqual(reply.headers["x-content-type-options"], "nosniff")
        self.assertEqual(reply.headers["cache-control"], "no-store")
        self.assertNotIn(b"access-control", reply.head.lower())
        self.assertEqual(reply.headers["date"], "Thu, 01 Jan 1970 00:00:00 GMT")

    def test_close_is_honoured(self) -> None:
        """When the client asks for it."""
        client = House().client()
        reply = client.ask("GET", "/healthz", Connection="close")
        self.assertEqual((reply.headers["connection"], client.closing), ("close", True))

    def test_there_is_a_line_for_every_status(self) -> None:
        """Of those we send."""
        for status in (200, 400, 401, 403, 404, 405, 408, 409, 413, 415, 422, 431, 500, 503, 504):
            self.assertIn(status, exchange._STATUS_LINES)
