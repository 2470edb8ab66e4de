"""The embedded nats-server as a real process."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import SynchronousTestCase, TestCase

from ha.bench.processes import alive, eventually
from ha.replication.natsd import GUARD, LOG_NAME, NatsServer, NotStarted, PortInUse, StoreInUse, find_binary, free_port

#: A program that starts a server, says its pid, and waits to be killed.
PARENT = """
import asyncio, sys
from twisted.internet import asyncioreactor
asyncioreactor.install(asyncio.new_event_loop())
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from ha.replication.natsd import NatsServer, find_binary
server = NatsServer(reactor, find_binary(), sys.argv[1], server_name="n1", port=0)
def say(result):
    print(server.pid if result is None else result, flush=True)
reactor.callWhenRunning(lambda: Deferred.fromCoroutine(server.start()).addBoth(say))
reactor.run()
"""


class OrphanTests(SynchronousTestCase):
    """Whatever way the node ends, its server does not stay."""

    def test_it_runs_on_one_core(self) -> None:
        """Unless the operator says otherwise."""
        told = [sys.executable, "-c", "import os; print(os.environ['GOMAXPROCS'])"]
        inherited = {name: value for name, value in os.environ.items() if name != "GOMAXPROCS"}
        for environment, wanted in ((inherited, b"1\n"), (inherited | {"GOMAXPROCS": "3"}, b"3\n")):
            guard = [sys.executable, "-I", "-S", "-c", GUARD, str(os.getpid())]
            self.assertEqual(subprocess.check_output([*guard, *told], env=environment), wanted)

    def test_a_killed_parent_leaves_no_server(self) -> None:
        """kill -9 of the node: nothing of it can act any more, so the kernel does."""
        directory = self.mktemp()
        parent = subprocess.Popen([sys.executable, "-c", PARENT, directory], stdout=subprocess.PIPE, text=True)
        try:
            assert parent.stdout is not None
            pid = int(parent.stdout.readline())
            self.assertTrue(alive(pid))
        finally:
            parent.kill()
            parent.communicate()
        eventually(lambda: not alive(pid), "the nats-server to end", timeout_s=10)


class ServerTests(TestCase):
    """Start, end, and what is in the way."""

    timeout = 60

    def setUp(self) -> None:
        """A store of its own."""
        from twisted.internet import reactor

        self.reactor: Any = reactor
        self.directory = self.mktemp()
        self.server = self.make(self.directory)
        self.addCleanup(lambda: Deferred.fromCoroutine(self.server.stop()))

    def make(self, directory: str, **options: Any) -> NatsServer:
        """A server that is not started yet."""
        options = {"server_name": self.id(), "port": 0} | options
        return NatsServer(self.reactor, find_binary(), directory, **options)

    async def fails(self, server: NatsServer, kind: type[Exception]) -> str:
        """Start it and insist that it cannot; the sentence."""
        with self.assertRaises(kind) as caught:
            await server.start()
        self.assertFalse(server.running)
        return str(caught.exception)

    def test_it_starts_and_stops_and_starts(self) -> Deferred[None]:
        """On the same store."""

        async def scenario() -> None:
            for _ in range(2):
                await self.server.start()
                pid = self.server.pid
                assert pid is not None
                self.assertTrue(alive(pid))
                await self.server.stop()
                self.assertFalse(alive(pid))
            self.assertIn("Server is ready", (Path(self.directory) / LOG_NAME).read_text())

        return Deferred.fromCoroutine(scenario())

    def test_a_killed_server_comes_back(self) -> Deferred[None]:
        """At the same address."""

        async def scenario() -> None:
            await self.server.start()
            url = self.server.url
            assert self.server.pid is not None
            os.kill(self.server.pid, signal.SIGKILL)
            while not (self.server.restarts and self.server.running):
                await deferLater(self.reactor, 0.01)
            self.assertEqual(self.server.url, url)

        return Deferred.fromCoroutine(scenario())

    def test_a_port_in_use_is_told_before_and_after(self) -> Deferred[None]:
        """Whether somebody listens already, or is quicker."""

        async def scenario() -> None:
            with socket.socket() as other:
                other.bind(("127.0.0.1", 0))
                other.listen()
                port = other.getsockname()[1]
                before = await self.fails(self.make(self.mktemp(), port=port), PortInUse)
                after = await self.fails(self.make(self.mktemp(), port=port, claim_port=lambda h, p: p), PortInUse)
            self.assertEqual(before, after)
            self.assertIn(f"port {port} on 127.0.0.1 is in use", before)

        return Deferred.fromCoroutine(scenario())

    def test_somebody_elses_server_on_the_port_is_not_taken_for_ours(self) -> Deferred[None]:
        """It would answer the question whether ours is ready."""

        async def scenario() -> None:
            await self.server.start()
            port = self.server.port
            late = self.make(self.mktemp(), server_name="another", port=port, claim_port=lambda h, p: p)
            await self.fails(late, PortInUse)

        return Deferred.fromCoroutine(scenario())

    def test_a_store_in_use_is_told(self) -> Deferred[None]:
        """nats-server itself would run on it a second time."""

        async def scenario() -> None:
            await self.server.start()
            self.assertIn("in use by another node", await self.fails(self.make(self.directory), StoreInUse))

        return Deferred.fromCoroutine(scenario())

    def test_its_last_words_are_told(self) -> Deferred[None]:
        """When it cannot begin."""

        async def scenario() -> None:
            directory = Path(self.mktemp())
            directory.mkdir()
            (directory / "jetstream").write_text("not a directory")
            said = await self.fails(self.make(str(directory)), NotStarted)
            self.assertIn("jetstream", said.lower())

        return Deferred.fromCoroutine(scenario())


class PortTests(SynchronousTestCase):
    """Free ports."""

    def test_a_port_that_is_listened_on_is_not_free(self) -> None:
        """And one that is not, is."""
        port = free_port("127.0.0.1", 0)
        self.assertEqual(free_port("127.0.0.1", port), port)
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            with self.assertRaises(PortInUse):
                free_port("127.0.0.1", other.getsockname()[1])
