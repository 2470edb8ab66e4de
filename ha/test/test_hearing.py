"""Hearing past the transport: what is told, and when the transport hears again."""

from __future__ import annotations

from errno import ECONNRESET

from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from ha.hearing import RECEIVED_BYTES_MAX, Ear
from ha.test.fake_socket import FakeLoop, FakeSocket


class Transport(FakeSocket, StringTransport):
    """A transport with a socket."""

    def __init__(self, loop: FakeLoop) -> None:
        StringTransport.__init__(self)
        FakeSocket.__init__(self, loop)


class EarTests(SynchronousTestCase):
    """One connection's."""

    def setUp(self) -> None:
        self.loop = FakeLoop()
        self.transport = Transport(self.loop)
        self.heard: list[bytes] = []
        self.ear = Ear(self.loop, self.transport, self.heard.append)
        self.ear.listen()

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
        self.ear.stop()
        self.ear.stop()
        self.transport.arrive(b"a")
        self.assertEqual((self.heard, self.loop.readers, self.transport.producerState), ([], {}, "paused"))
        self.ear.listen()
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

    def test_who_stops_while_told_is_not_made_to_hear(self) -> None:
        """The transport neither, though the client is gone: there is something else that must end first."""
        ear = Ear(self.loop, self.transport, lambda data: ear.stop())
        ear.listen()
        self.transport.reset = ECONNRESET
        self.transport.arrive(b"a")
        self.assertEqual((self.loop.readers, self.transport.producerState), ({}, "paused"))

    def test_leaving_it_to_the_transport(self) -> None:
        """For TLS, which reads for itself."""
        self.ear.leave()
        self.assertEqual((self.loop.readers, self.transport.producerState), ({}, "producing"))
