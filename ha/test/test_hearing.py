"""Hearing past the transport: what is told, and when the transport hears again."""

from __future__ import annotations

from errno import ECONNRESET

from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from ha.hearing import RECEIVED_BYTES_MAX, Line
from ha.test.fake_socket import FakeLoop, FakeSocket


class Transport(FakeSocket, StringTransport):
    """A transport with a socket."""

    def __init__(self, loop: FakeLoop) -> None:
        StringTransport.__init__(self)
        FakeSocket.__init__(self, loop)


class Sender(Transport):
    """Its socket takes so many bytes, or raises."""

    takes: int | OSError = 0

    def send(self, data: bytes) -> int:
        if isinstance(self.takes, OSError):
            raise self.takes
        return self.takes


class HearingTests(SynchronousTestCase):
    """What a loop tells of one connection's socket."""

    def setUp(self) -> None:
        self.loop = FakeLoop()
        self.transport = Sender(self.loop)
        self.heard: list[bytes] = []
        self.line = Line(self.transport, self.loop, self.heard.append, self.fail)

    def test_what_arrives_is_told(self) -> None:
        """In pieces of a size that others can wait for; the transport hears nothing."""
        self.transport.arrive(b"x" * (RECEIVED_BYTES_MAX + 1))
        self.assertEqual([len(one) for one in self.heard], [RECEIVED_BYTES_MAX, 1])
        self.assertEqual(self.transport.producerState, "paused")

    def test_a_false_alarm(self) -> None:
        """Nothing there is nothing heard, and no end."""
        self.loop.readers[7]()
        self.assertEqual((self.heard, list(self.loop.readers)), ([], [7]))

    def test_what_is_not_listened_to_waits(self) -> None:
        """And is told when somebody listens again."""
        self.line.rest()
        self.line.rest()
        self.transport.arrive(b"a")
        self.assertEqual((self.heard, self.loop.readers, self.transport.producerState), ([], {}, "paused"))
        self.line.listen()
        self.transport.arrive(b"b")
        self.assertEqual(self.heard, [b"a", b"b"])

    def test_the_end_is_the_transports(self) -> None:
        """It meets it again, and says how the connection ended."""
        for end in (b"", ConnectionResetError()):
            self.setUp()
            self.transport.arrive(end)
            self.assertEqual((self.heard, self.loop.readers), ([], {}))
            self.assertEqual(self.transport.producerState, "producing")

    def test_a_reset_right_behind_the_last_bytes(self) -> None:
        """The loop tells of it once, with the bytes: who waits for another word waits for ever."""
        self.transport.reset = ECONNRESET
        self.transport.arrive(b"a")
        self.assertEqual((self.heard, self.loop.readers), ([b"a"], {}))
        self.assertEqual(self.transport.producerState, "producing")

    def answering(self, takes: int | OSError) -> None:
        """Who is told answers, and the socket takes so much of it."""
        self.transport.takes = takes
        self.line = Line(self.transport, self.loop, lambda data: self.heard.append(self.line.send(data)), self.fail)

    def test_a_reset_that_the_answer_meets(self) -> None:
        """The socket tells of it once: whether it can be asked again or not, the transport hears of the end."""
        for reset in (0, ECONNRESET):
            self.setUp()
            self.answering(ConnectionResetError())
            self.transport.reset = reset
            self.transport.arrive(b"a")
            self.assertEqual((self.heard, self.loop.readers, self.transport.producerState), ([b"a"], {}, "producing"))

    def test_who_takes_an_answer_is_there(self) -> None:
        """It need not be asked; one that is full must."""
        self.answering(1)
        self.transport.reset = ECONNRESET
        self.transport.arrive(b"a")
        self.assertEqual((self.heard, list(self.loop.readers)), ([b""], [7]))
        self.transport.takes = BlockingIOError()
        self.transport.arrive(b"a")
        self.assertEqual((self.heard, self.loop.readers), ([b"", b"a"], {}))

    def test_who_stops_while_told_is_not_made_to_hear(self) -> None:
        """The transport neither, though the client is gone: there is something else that must end first."""
        self.line = Line(self.transport, self.loop, lambda data: self.line.rest(), self.fail)
        self.transport.reset = ECONNRESET
        self.transport.arrive(b"a")
        self.assertEqual((self.loop.readers, self.transport.producerState), ({}, "paused"))

    def test_leaving_it_to_the_transport(self) -> None:
        """For TLS, which reads for itself."""
        self.line.leave()
        self.assertEqual((self.loop.readers, self.transport.producerState), ({}, "producing"))


class LineTests(SynchronousTestCase):
    """Both directions of one connection."""

    def line(self, loop: FakeLoop | None, transport: StringTransport) -> Line:
        self.heard: list[bytes] = []
        self.ended = 0

        def take(data: bytes) -> None:
            if data == b"bad":
                raise ValueError(data)
            self.heard.append(data)

        def end() -> None:
            self.ended += 1

        return Line(transport, loop, take, end)

    def test_the_socket_is_asked_first(self) -> None:
        """What it does not take is told: all of it where it is full, or broken."""
        transport = Sender(FakeLoop())
        line = self.line(None, transport)
        for takes, left in ((3, b""), (2, b"c"), (BlockingIOError(), b"abc"), (ConnectionResetError(), b"abc")):
            transport.takes = takes
            self.assertEqual(line.send(b"abc"), left)
        line.close()
        transport.takes = 3
        self.assertEqual(line.send(b"abc"), b"abc", "an ending connection is the transport's")

    def test_a_transport_without_a_socket_does_all(self) -> None:
        """It is paused and resumed, and sends."""
        transport = StringTransport()
        line = self.line(FakeLoop(), transport)
        self.assertEqual(line.send(b"abc"), b"abc")
        line.rest()
        self.assertEqual(transport.producerState, "paused")
        line.listen()
        self.assertEqual(transport.producerState, "producing")

    def test_what_arrives_is_taken_unless_the_line_rests(self) -> None:
        """And it waits meanwhile."""
        loop = FakeLoop()
        transport = Sender(loop)
        line = self.line(loop, transport)
        transport.arrive(b"a")
        line.rest()
        transport.arrive(b"b")
        self.assertEqual(self.heard, [b"a"])
        line.listen()
        transport.arrive(b"c")
        self.assertEqual(self.heard, [b"a", b"b", b"c"])

    def test_a_bug_of_ours_costs_the_connection(self) -> None:
        """It is logged, and the loop hears nothing of it."""
        loop = FakeLoop()
        transport = Sender(loop)
        self.line(loop, transport)
        transport.arrive(b"bad")
        self.assertEqual((self.ended, len(self.flushLoggedErrors(ValueError))), (1, 1))

    def test_leaving_it_to_the_transport(self) -> None:
        """For TLS: it hears and sends all."""
        loop = FakeLoop()
        transport = Sender(loop)
        line = self.line(loop, transport)
        line.leave()
        self.assertEqual((loop.readers, transport.producerState, line.send(b"abc")), ({}, "producing", b"abc"))
