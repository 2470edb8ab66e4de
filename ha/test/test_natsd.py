"""The embedded nats-server, with a process that is none."""

from __future__ import annotations

import fcntl
import json
import os
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone, ProcessExitedAlready, ProcessTerminated
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import capturedLogs
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from ha.replication.natsd import (
    LOCK_TIMEOUT_S,
    LOG_NAME,
    LOOK_S,
    PROBE_PAUSE_S,
    RECOVERED_S,
    RESTART_PAUSES_S,
    START_TIMEOUT_S,
    STOP_TIMEOUT_S,
    BinaryMissing,
    Cluster,
    NatsServer,
    NotStarted,
    PortInUse,
    Probe,
    StoreInUse,
    configuration,
    find_binary,
)
from ha.replication.storage import Storage


class FakeProcess:
    """A child that does what the test says."""

    def __init__(self, protocol: Any, pid: int) -> None:
        self.protocol = protocol
        self.pid = pid
        self.signals: list[str] = []
        self.ends_at = "TERM"

    def closeStdin(self) -> None:
        """Nobody writes to it."""

    def signalProcess(self, name: str) -> None:
        """Ends, if that is the signal it listens to."""
        self.signals.append(name)
        if name in ("KILL", self.ends_at):
            self.end(ProcessTerminated(signal=15))

    def end(self, reason: Exception | None = None) -> None:
        """It is gone."""
        if self.protocol.gone:
            raise ProcessExitedAlready
        self.protocol.processEnded(Failure(reason or ProcessDone(0)))


class FakeReactor(Clock):
    """Time and processes."""

    def __init__(self) -> None:
        super().__init__()
        self.processes: list[FakeProcess] = []
        self.spawned: list[tuple[Any, ...]] = []

    def spawnProcess(self, protocol: Any, executable: str, args: list[str], **options: Any) -> FakeProcess:
        """Starts nothing."""
        process = FakeProcess(protocol, 100 + len(self.processes))
        self.processes.append(process)
        self.spawned.append((executable, args, options))
        protocol.makeConnection(process)
        return process


class ServerCase(SynchronousTestCase):
    """One server."""

    def setUp(self) -> None:
        self.reactor = FakeReactor()
        self.directory = self.mktemp()
        self.answers: list[Any] = []
        self.server = self.make()

    def make(self, **options: Any) -> NatsServer:
        """A server on that directory."""
        return NatsServer(
            self.reactor,
            "/bin/nats-server",
            self.directory,
            server_name="n1",
            probe=self.probe,
            claim_port=lambda host, port: port or 40000,
            **options,
        )

    async def probe(self, reactor: Any, host: str, port: int, server_name: str, needs_jetstream: bool) -> None:
        """It answers, unless the test says otherwise."""
        self.asked = (host, port, server_name, needs_jetstream)
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer

    def start(self) -> Deferred[None]:
        """Start it."""
        return Deferred.fromCoroutine(self.server.start())

    def stop(self) -> Deferred[None]:
        """Stop it."""
        return Deferred.fromCoroutine(self.server.stop())

    @property
    def process(self) -> FakeProcess:
        """The newest one."""
        return self.reactor.processes[-1]

    def is_locked(self) -> bool:
        """Whether somebody holds the store."""
        with open(os.path.join(self.directory, "lock"), "rb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return True
            return False


class StartTests(ServerCase):
    """From nothing to an answer."""

    def test_it_is_started_when_it_answers(self) -> None:
        """Not when the process is there."""
        self.answers = [ConnectionRefusedError(), ConnectionRefusedError()]
        done = self.start()
        self.assertNoResult(done)
        self.reactor.pump([PROBE_PAUSE_S] * 2)
        self.successResultOf(done)
        self.assertEqual(self.asked, ("127.0.0.1", 4222, "n1", True))
        self.assertEqual((self.server.running, self.server.pid, self.server.url), (True, 100, "nats://127.0.0.1:4222"))

    def test_a_free_port_is_found_and_told(self) -> None:
        """For port 0."""
        self.server = self.make(port=0)
        self.successResultOf(self.start())
        self.assertEqual(self.server.url, "nats://127.0.0.1:40000")

    def test_every_address_is_reached_on_this_machine(self) -> None:
        """A client cannot connect to 0.0.0.0 everywhere."""
        self.assertEqual(self.make(host="0.0.0.0").url, "nats://127.0.0.1:4222")
        self.assertEqual(self.make(host="::").url, "nats://[::1]:4222")

    def test_it_is_told_to_die_with_us(self) -> None:
        """And it holds the store's lock, too, until it is gone."""
        self.successResultOf(self.start())
        _, args, options = self.reactor.spawned[0]
        self.assertIn("prctl(1, 15)", args[4])
        self.assertEqual(args[5:7], [str(os.getpid()), "/bin/nats-server"])
        self.assertIsInstance(options["childFDs"][3], int)
        self.assertTrue(self.is_locked())

    def test_it_ends_at_once_with_its_last_words(self) -> None:
        """What it said is what the operator needs."""
        self.answers = [ConnectionRefusedError()]
        done = self.start()
        self.process.protocol.errReceived(b"nats-server: nats-server.conf:3: unknown field\n")
        self.process.end(ProcessTerminated(exitCode=1))
        self.reactor.advance(PROBE_PAUSE_S)
        self.assertIn("unknown field", str(self.failureResultOf(done, NotStarted).value))
        self.assertFalse(self.is_locked())

    def test_a_port_that_was_taken_meanwhile_is_a_port_in_use(self) -> None:
        """The server's own log says so."""
        self.answers = [ConnectionRefusedError()]
        done = self.start()
        with open(os.path.join(self.directory, LOG_NAME), "w", encoding="utf-8") as log:
            log.write("[FTL] Error listening on port: 127.0.0.1:4222, listen tcp: bind: address already in use\n")
        self.process.end(ProcessTerminated(exitCode=1))
        self.reactor.advance(PROBE_PAUSE_S)
        self.assertIn("port 4222 on 127.0.0.1 is in use", str(self.failureResultOf(done, PortInUse).value))

    def test_what_it_said_the_last_time_is_not_told(self) -> None:
        """Only the words of this start."""
        os.makedirs(self.directory)
        with open(os.path.join(self.directory, LOG_NAME), "w", encoding="utf-8") as log:
            log.write("address already in use, last week\n")
        self.answers = [ConnectionRefusedError()]
        done = self.start()
        self.process.end(ProcessTerminated(exitCode=1))
        self.reactor.advance(PROBE_PAUSE_S)
        self.assertIn("it said nothing", str(self.failureResultOf(done, NotStarted).value))

    def test_one_that_never_answers_is_ended(self) -> None:
        """Nothing is left behind."""
        self.answers = [ConnectionRefusedError()] * 10
        done = self.start()
        self.reactor.advance(START_TIMEOUT_S)
        self.failureResultOf(done, NotStarted)
        self.assertEqual(self.process.signals, ["TERM"])
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_a_port_in_use_starts_nothing(self) -> None:
        """One sentence, before anything happens."""

        def taken(host: str, port: int) -> int:
            raise PortInUse(f"port {port} is in use")

        self.server = NatsServer(
            self.reactor, "/bin/nats-server", self.directory, server_name="n1", claim_port=taken, probe=self.probe
        )
        self.failureResultOf(self.start(), PortInUse)
        self.assertEqual(self.reactor.processes, [])
        self.assertFalse(self.is_locked())

    def test_a_store_in_use_starts_nothing(self) -> None:
        """Two servers on one store would both run."""
        self.successResultOf(self.start())
        self.server = self.make()
        done = self.start()
        self.reactor.pump([0.1] * int(LOCK_TIMEOUT_S * 10 + 2))
        self.assertIn("in use by another node", str(self.failureResultOf(done, StoreInUse).value))
        self.assertEqual(len(self.reactor.processes), 1)

    def test_a_store_that_is_just_being_left_is_waited_for(self) -> None:
        """The server of a node that was killed needs a moment."""
        self.successResultOf(self.start())
        before, self.server = self.server, self.make()
        done = self.start()
        self.assertNoResult(done)
        self.successResultOf(Deferred.fromCoroutine(before.stop()))
        self.reactor.advance(0.1)
        self.successResultOf(done)


class BadStorage(Storage):
    """A disk that does what the test says."""

    def __init__(self) -> None:
        super().__init__(".", "")
        self.well = False

    def begin(self) -> None:
        """As if it had room."""
        self.well = self.failed = False

    def look(self) -> bool:
        """Whether it failed and has room again."""
        return self.failed and self.well


class StorageTests(ServerCase):
    """Its disk was full, and it does not get over that."""

    def setUp(self) -> None:
        super().setUp()
        self.storage = BadStorage()
        self.server = self.make(storage=self.storage)
        self.successResultOf(self.start())

    def test_it_is_started_again_when_there_is_room(self) -> None:
        """Not before, and once."""
        self.storage.failed = True
        self.reactor.pump([LOOK_S] * 3)
        self.assertEqual(self.process.signals, [])
        self.storage.well = True
        self.reactor.advance(LOOK_S)
        self.assertEqual(self.process.signals, ["TERM"])
        self.reactor.advance(RESTART_PAUSES_S[0])
        self.assertEqual((self.server.running, self.server.restarts), (True, 1))
        self.reactor.pump([LOOK_S] * 3)
        self.assertEqual((len(self.reactor.processes), self.process.signals), (2, []))

    def test_one_that_does_not_end_is_killed(self) -> None:
        """It may wait for its disk."""
        self.process.ends_at = "KILL"
        self.storage.failed = self.storage.well = True
        self.reactor.pump([LOOK_S, STOP_TIMEOUT_S, RESTART_PAUSES_S[0]])
        self.assertEqual(self.reactor.processes[0].signals, ["TERM", "KILL"])
        self.assertTrue(self.server.running)

    def test_nobody_looks_at_one_that_is_stopped(self) -> None:
        """Nothing is left to happen."""
        self.successResultOf(self.stop())
        self.assertEqual(self.reactor.getDelayedCalls(), [])


class RestartTests(ServerCase):
    """It died; who else would start it?"""

    def setUp(self) -> None:
        super().setUp()
        self.successResultOf(self.start())

    def die(self) -> None:
        """As by kill -9."""
        self.process.end(ProcessTerminated(signal=9))

    def test_it_is_started_again(self) -> None:
        """On the same port, said on the log."""
        with capturedLogs() as events:
            self.die()
        self.assertIn("nats-server is down", events[0]["log_format"])
        self.assertFalse(self.server.running)
        self.reactor.advance(RESTART_PAUSES_S[0])
        self.assertEqual((self.server.running, self.server.restarts, self.server.pid), (True, 1, 101))

    def test_the_pauses_grow(self) -> None:
        """What dies at once does not eat the machine."""
        for pause_s in (*RESTART_PAUSES_S, RESTART_PAUSES_S[-1]):
            self.die()
            self.reactor.advance(pause_s - 0.01)
            self.assertFalse(self.server.running)
            self.reactor.advance(0.02)
            self.assertTrue(self.server.running)

    def test_one_that_ran_for_long_begins_at_the_first_pause(self) -> None:
        """It had recovered."""
        for _ in range(3):
            self.die()
            self.reactor.advance(max(RESTART_PAUSES_S))
        self.reactor.advance(RECOVERED_S)
        self.die()
        self.reactor.advance(RESTART_PAUSES_S[0])
        self.assertTrue(self.server.running)

    def test_one_that_does_not_come_up_is_tried_again(self) -> None:
        """Until it does."""
        self.die()
        self.answers = [ConnectionRefusedError()]
        self.reactor.advance(RESTART_PAUSES_S[0])
        self.die()
        self.reactor.advance(PROBE_PAUSE_S)
        self.assertFalse(self.server.running)
        self.reactor.advance(RESTART_PAUSES_S[1])
        self.assertTrue(self.server.running)

    def test_a_stop_ends_the_trying(self) -> None:
        """Between two attempts, and in the middle of one."""
        self.die()
        self.successResultOf(self.stop())
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.successResultOf(self.start())
        self.die()
        self.answers = [ConnectionRefusedError()] * 3
        self.reactor.advance(RESTART_PAUSES_S[1])
        self.successResultOf(self.stop())
        self.reactor.advance(60)
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.assertFalse(self.server.running)


class StopTests(ServerCase):
    """The end."""

    def setUp(self) -> None:
        super().setUp()
        self.successResultOf(self.start())

    def test_it_is_asked_and_waited_for(self) -> None:
        """Done means that it is gone and the store is free."""
        self.process.ends_at = ""
        done = self.stop()
        self.assertNoResult(done)
        self.assertEqual(self.process.signals, ["TERM"])
        self.process.end()
        self.successResultOf(done)
        self.assertFalse(self.is_locked())
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_one_that_does_not_listen_is_killed(self) -> None:
        """After a while."""
        self.process.ends_at = ""
        done = self.stop()
        self.reactor.advance(STOP_TIMEOUT_S)
        self.assertEqual(self.process.signals, ["TERM", "KILL"])
        self.successResultOf(done)

    def test_it_is_not_started_again(self) -> None:
        """This end was meant."""
        self.successResultOf(self.stop())
        self.reactor.advance(60)
        self.assertEqual(len(self.reactor.processes), 1)

    def test_stopping_twice_is_stopping_once(self) -> None:
        """Also what never started."""
        self.successResultOf(self.stop())
        self.successResultOf(self.stop())
        self.successResultOf(Deferred.fromCoroutine(self.make().stop()))


class ConfigurationTests(SynchronousTestCase):
    """The file that it reads."""

    def test_it_says_where_and_how_much(self) -> None:
        """Any path is quoted by JSON."""
        options = json.loads(configuration('/a "b"', host="127.0.0.1", port=4222, server_name="n1"))
        self.assertEqual(options["jetstream"], {"store_dir": '/a "b"/jetstream'})
        self.assertEqual((options["host"], options["port"], options["server_name"]), ("127.0.0.1", 4222, "n1"))
        self.assertLess(options["max_payload"], options["max_pending"])
        self.assertNotIn("cluster", options)

    def test_every_write_can_be_synced(self) -> None:
        """For --durability fsync."""
        options = json.loads(configuration("/a", host="::", port=1, server_name="n1", sync_always=True))
        self.assertEqual(options["jetstream"]["sync_interval"], "always")

    def test_a_cluster_has_routes(self) -> None:
        """To the others."""
        cluster = Cluster("c", 6222, ("nats://two:6222",))
        options = json.loads(configuration("/a", host="0.0.0.0", port=1, server_name="n1", cluster=cluster))
        expected = {"name": "c", "host": "0.0.0.0", "port": 6222, "routes": ["nats://two:6222"]}
        self.assertEqual(options["cluster"], expected)


class BinaryTests(SynchronousTestCase):
    """The program."""

    def test_the_dependency_brings_one(self) -> None:
        """Wherever pip has put it."""
        self.assertTrue(os.access(find_binary(), os.X_OK))

    def test_a_program_that_is_not_there_is_told(self) -> None:
        """By its name."""
        with self.assertRaises(BinaryMissing) as caught:
            find_binary("/no/such/nats-server")
        self.assertIn("/no/such/nats-server", str(caught.exception))


class ProbeTests(SynchronousTestCase):
    """One question on the port."""

    GREETING = b'INFO {"server_name":"n1","jetstream":true} \r\n'
    ANSWER = b"PONG\r\nMSG ha.probe 1 5\r\n{...}\r\n"

    def ask(self, received: bytes, pieces: int, needs_jetstream: bool = True) -> Deferred[None]:
        """What comes of these bytes, in pieces of that size."""
        probe, transport = Probe("n1", needs_jetstream), StringTransport()
        probe.makeConnection(transport)
        for at in range(0, len(received), pieces):
            probe.dataReceived(received[at : at + pieces])
        self.asked = transport.value()
        return probe.answered

    def test_jetstreams_answer_is_the_answer(self) -> None:
        """All at once or byte by byte."""
        for pieces in (1, 1000):
            self.successResultOf(self.ask(self.GREETING + self.ANSWER, pieces))
            self.assertIn(b"PUB $JS.API.INFO ha.probe 0\r\n", self.asked)

    def test_a_server_without_jetstream_has_not_answered(self) -> None:
        """Though it lives."""
        self.assertNoResult(self.ask(self.GREETING + b"PONG\r\n", 1000))

    def test_one_of_a_cluster_need_only_live(self) -> None:
        """JetStream waits for the others there, and they perhaps for us."""
        self.successResultOf(self.ask(self.GREETING + b"PONG\r\n", 1000, needs_jetstream=False))

    def test_another_server_is_not_ours(self) -> None:
        """It was quicker on the port."""
        greeting = self.GREETING.replace(b"n1", b"n2")
        self.failureResultOf(self.ask(greeting + self.ANSWER, 1), PortInUse)
