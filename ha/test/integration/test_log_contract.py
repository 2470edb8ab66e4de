"""The log's promises, kept by the real log against a real nats-server."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import deferLater
from twisted.protocols.portforward import ProxyFactory
from twisted.trial.unittest import SkipTest, TestCase

from ha.replication.log import Log, Unanswered, Unreachable
from ha.replication.natsd import NatsServer, find_binary
from ha.test.contracts import LogContract, Reader

#: Long enough for a loaded machine; a promise that is kept takes milliseconds.
PATIENCE_S = 30


class Way(ProxyFactory):
    """A way to the server that can be closed: a port of its own that forwards."""

    noisy = False

    def __init__(self, reactor: Any, port: int) -> None:
        super().__init__("127.0.0.1", port)
        self._reactor = reactor
        self._passing: list[Any] = []
        self._listening: Any = None
        self._at = 0

    def buildProtocol(self, addr: Any) -> Any:
        """Remember who passes."""
        passing = super().buildProtocol(addr)
        self._passing.append(passing)
        return passing

    def open(self) -> str:
        """Let connections pass; the address."""
        self._listening = self._reactor.listenTCP(self._at, self, interface="127.0.0.1")
        self._at = self._listening.getHost().port
        return f"nats://127.0.0.1:{self._at}"

    async def close(self) -> None:
        """Break what passes, and let nobody in."""
        await maybeDeferred(self._listening.stopListening)
        passing, self._passing = self._passing, []
        for one in passing:
            if one.transport is not None and one.transport.connected:
                one.transport.abortConnection()


class OnServer(TestCase):
    """Two logs, each with its own way to one nats-server."""

    timeout = 60

    def setUp(self) -> Deferred[None]:
        """Start all of it: a tenth of a second on an idle machine."""
        from twisted.internet import reactor

        self.reactor: Any = reactor
        if not hasattr(reactor, "_asyncioEventloop"):
            raise SkipTest("the log needs trial --reactor=asyncio")
        return Deferred.fromCoroutine(self._set_up())

    async def _set_up(self) -> None:
        self._folder = self.mktemp()
        os.makedirs(self._folder)
        self.server = NatsServer(self.reactor, find_binary(), self.mktemp(), server_name=self.id(), port=0)
        await self.server.start()
        self.log, self.other = Log(self.reactor, "s"), Log(self.reactor, "s")
        self.ways = {log: Way(self.reactor, self.server.port) for log in (self.log, self.other)}
        for log, way in self.ways.items():
            await log.connect(way.open(), timeout_s=PATIENCE_S)

    def tearDown(self) -> Deferred[None]:
        """Closing leaves nothing running: no task of asyncio, no delayed call, no process."""
        return Deferred.fromCoroutine(self._tear_down())

    async def _tear_down(self) -> None:
        for log, way in self.ways.items():
            await log.close()
            await way.close()
        await self.server.stop()
        await deferLater(self.reactor, 0)
        self.assertEqual(asyncio.all_tasks(asyncio.get_event_loop()), set())

    def drive(self, coroutine: Any) -> Deferred[None]:
        """The reactor does it."""
        return Deferred.fromCoroutine(coroutine)

    def folder(self) -> str:
        """An empty directory, the same one throughout a test."""
        return self._folder

    async def cut(self, log: Log) -> None:
        """Break the connection and let it not come back."""
        await self.ways[log].close()
        await self.until(log, False)

    async def mend(self, log: Log) -> None:
        """Let it find the server again."""
        self.ways[log].open()
        await self.until(log, True)

    async def until(self, log: Log, connected: bool) -> None:
        """Wait for the connection, or its loss."""
        while log.connected != connected:
            await deferLater(self.reactor, 0.005)


class LogOnServerTests(LogContract, OnServer):
    """The contract."""


class ServerGoneTests(OnServer):
    """What happens when the server itself goes, or is not there."""

    def test_a_restart_of_the_server_loses_nothing(self) -> Deferred[None]:
        """kill -9 in the middle: who publishes then hears that there is no connection, and the feed goes on by itself."""

        async def scenario() -> None:
            await self.log.create_stream("cluster", "node")
            reader = Reader(self.other, "s.a")
            for number in range(10):
                await self.log.publish("s.a", b"", f"n:1:{number}", None)
            await reader.take(10)
            os.kill(self.server.pid, 9)
            await self.until(self.log, False)
            with self.assertRaises(Unreachable):
                await self.log.publish("s.a", b"", "n:1:10", None)
            await self.until(self.log, True)
            await self.log.publish("s.a", b"", "n:1:10", None)
            self.assertEqual([entry.sequence for entry in await reader.take(11)], list(range(1, 12)))

        return self.drive(scenario())

    def test_an_acknowledgement_that_cannot_come_is_unanswered(self) -> Deferred[None]:
        """The message was sent and the connection broke: stored or not, only the log can tell."""

        async def scenario() -> None:
            await self.log.create_stream("cluster", "node")
            stored = self.log.publish("s.a", b"", "n:1:1", 0)
            await self.cut(self.log)
            with self.assertRaises(Unanswered):
                await stored

        return self.drive(scenario())

    def test_a_log_that_cannot_connect_says_why(self) -> Deferred[None]:
        """And never tells a password."""

        async def scenario() -> None:
            log = Log(self.reactor, "s")
            try:
                with self.assertRaises(Unreachable) as caught:
                    await log.connect("nats://user:secret@127.0.0.1:1", timeout_s=0.5)
            finally:
                await log.close()
            self.assertIn("127.0.0.1:1", str(caught.exception))
            self.assertNotIn("secret", str(caught.exception))

        return self.drive(scenario())
