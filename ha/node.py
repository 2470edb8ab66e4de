"""A node: all parts assembled, started in order and waited for, stopped in reverse and waited for.

The steps of a life stand in :meth:`Node.start` and :meth:`Node.stop`, to be read from top to bottom.

What it holds, and what the doors ask of it, is :mod:`ha.premises`.

State: which parts are there yet. Everything else belongs to the parts (``docs/architecture.rst``).
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, cast

from twisted.internet.defer import CancelledError, Deferred, TimeoutError
from twisted.internet.endpoints import TCP4ServerEndpoint, TCP6ServerEndpoint
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.threadpool import ThreadPool

from ha.auth import Entrance
from ha.errors import StatementError
from ha.metrics import Metrics
from ha.postgres import scram
from ha.postgres.server import Factory as PostgresFactory
from ha.premises import Premises
from ha.replication.entry import LogError
from ha.replication.joining import CannotJoin
from ha.replication.link import Access
from ha.replication.log import Log
from ha.replication.natsd import Cluster, NatsdError, NatsServer, find_binary
from ha.replication.replica import Replica
from ha.settings import Settings
from ha.sqlite.folder import Folder, FolderError, Identity
from ha.sqlite.restore import BadSnapshot
from ha.tls import context_factory
from ha.web.site import Site

#: Threads for long SQLite work and for copies. More do not help: SQLite's work holds the GIL where rows are made
#: (measured: fetching with four threads was slower than with one).
THREADS_MAX = 6

#: How long a stopping node waits for the clients' last writes (seconds); the supervisor's patience is ten.
DRAIN_S = 3.0

#: Between two attempts to enter the cluster while the log does not answer (seconds).
ENTER_PAUSE_S = 0.5

#: What keeps the node from entering now, and may pass.
PASSING = (LogError, BadSnapshot, OSError)


class CannotStart(Exception):
    """The node cannot start like this. The text is one sentence for the operator."""


def precheck(settings: Settings) -> None:
    """What can be found out before the process leaves its terminal: files, folders, ports.

    :raises CannotStart: with the first thing that is wrong.
    """
    ports = [("--port", settings.http_port), ("--pg-port", settings.pg_port)]
    if settings.embeds_nats:
        ports.append(("--nats-port", settings.nats_port))
    for option, port in ports:
        if port:
            _check_port(settings.bind, port, option)
    try:
        folder = Folder.open(settings.databases, Path(settings.data_folder))
    except FolderError as error:
        raise CannotStart(str(error)) from None
    folder.close()


def _check_port(host: str, port: int, option: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with closing(socket.socket(family)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise CannotStart(f"cannot listen on {host} port {port} ({option}): {reason}") from None


class Node:
    """One node of the cluster.

    :param reactor: Twisted's, with all it can do.
    """

    log = Logger()

    def __init__(self, settings: Settings, reactor: Any) -> None:
        self._settings = settings
        self._reactor = reactor
        self._threads = ThreadPool(0, THREADS_MAX, "ha")
        self._folder: Folder | None = None
        self._identity: Identity
        self._natsd: NatsServer | None = None
        self._log: Log | None = None
        self._premises: Premises | None = None
        self._entering: Deferred[None] | None = None
        self._ports: list[IListeningPort] = []
        self._postgres: PostgresFactory | None = None
        self._site: Site | None = None
        self.metrics = Metrics()

    @property
    def premises(self) -> Premises:
        """Its databases, and what may be asked of them, from the moment on when :meth:`start` has opened the folder."""
        assert self._premises is not None, "the folder is opened first"
        return self._premises

    # Life

    async def start(self) -> None:
        """Open, connect, catch up, and then let clients in.

        :raises CannotStart: with one sentence; everything that was started is stopped again by :meth:`stop`.
        """
        try:
            folder = self._folder = Folder.open(self._settings.databases, Path(self._settings.data_folder))
            self._identity = folder.identity(self._settings.name or None)
            self._threads.start()
            await self._start_natsd(folder)
            self._take_up(folder)
            if await self._enter_or_open_cut_off():
                await self._open_doors()
                self.log.info("{name} is ready", name=self._identity.name)
            else:
                await self._open_doors()
                self.log.warn("{name} serves what it has, and goes on looking for the log", name=self._identity.name)
                self._entering = Deferred.fromCoroutine(self._enter())
                self._entering.addErrback(self._entering_failed)
        except (FolderError, NatsdError, CannotJoin, LogError) as error:
            raise CannotStart(str(error)) from error
        except StatementError as error:
            raise CannotStart(error.message) from error

    async def stop(self) -> None:
        """Close the doors, let the last writes through, and end every part. Also a node that is half started."""
        premises = self._premises
        if premises is not None:
            premises.waiting_for = "the node is going down"
        await self._close_doors()
        if self._entering is not None:
            self._entering.cancel()
        if premises is not None:
            for replica in premises.replicas.values():
                replica.committer.closing = True
                await self._drain(replica)
            premises.stop()
        if self._log is not None:
            await self._log.close()
        if self._natsd is not None:
            await self._natsd.stop()
        if self._threads.started:
            await self._in_thread_of_its_own(self._threads.stop)
        if premises is not None:
            premises.close()
        if self._folder is not None:
            self._folder.close()

    # Starting, step by step

    async def _start_natsd(self, folder: Folder) -> None:
        settings = self._settings
        if settings.embeds_nats:
            self._natsd = NatsServer(
                self._reactor,
                find_binary(settings.nats_server),
                str(folder.nats),
                server_name=self._identity.id,
                host=settings.bind,
                port=settings.nats_port,
                sync_always=settings.durability == "fsync",
                cluster=Cluster(settings.nats_cluster_name, settings.nats_cluster_port, settings.nats_routes)
                if settings.nats_cluster_name
                else None,
            )
            await self._natsd.start()

    def _take_up(self, folder: Folder) -> None:
        """The log, not yet connected, and the databases that will follow it."""
        settings = self._settings
        self._log = Log(
            self._reactor,
            settings.replication_stream,
            publish_timeout_s=settings.replication_timeout_s,
            answer_timeout_s=settings.replication_timeout_s,
        )
        self._premises = Premises(
            settings, self._reactor, folder, self._identity, self._log, self._natsd, self._in_thread, self.metrics
        )

    # Entering the cluster

    async def _enter_or_open_cut_off(self) -> bool:
        """Enter; or, when the log does not answer and every file has been in the cluster, open them without it.

        :returns: whether the node has entered.
        """
        while True:
            try:
                await self._try_to_enter()
                return True
            except PASSING as error:
                self.log.warn("waiting for the replication log: {reason}", reason=str(error))
                if await self._open_cut_off():
                    return False
                await deferLater(self._reactor, ENTER_PAUSE_S)

    async def _open_cut_off(self) -> bool:
        waiting = [member for member in self.premises.members.values() if member.replica is None]
        for member in waiting:
            if (await member.seen()).cluster_id is None:
                return False
        for member in waiting:
            await member.open_cut_off()
        self.premises.waiting_for = ""
        return True

    async def _enter(self) -> None:
        """Enter, sooner or later."""
        while True:
            try:
                return await self._try_to_enter()
            except PASSING as error:
                self.log.debug("still waiting for the replication log: {reason}", reason=str(error))
                await deferLater(self._reactor, ENTER_PAUSE_S)

    def _entering_failed(self, failure: Any) -> None:
        if failure.check(CannotJoin):
            for member in self.premises.members.values():
                if member.waiting_for:
                    member.look_again()  # it says which database it is, and stands still
        elif not failure.check(CancelledError):
            self.log.failure("entering the cluster failed", failure)

    async def _try_to_enter(self) -> None:
        settings = self._settings
        url = self._natsd.url if self._natsd is not None else settings.replication_url
        if not all(member.replica is not None for member in self.premises.members.values()):
            self.premises.waiting_for = "waiting for the replication log"
        assert self._log is not None
        await self._log.connect([url], self._access(), timeout_s=settings.replication_timeout_s)
        for member in self.premises.members.values():
            if member.replica is None:
                self.premises.waiting_for = f"{member.name} is joining the cluster"
            if member.waiting_for:
                await member.join()
        for replica in list(self.premises.replicas.values()):
            if not self._ports:
                self.premises.waiting_for = f"{replica.name} is catching up"
            await self.premises.catch_up(replica)
        self.premises.waiting_for = ""

    def _access(self) -> Access:
        settings = self._settings
        if self._natsd is not None:
            return Access()
        return Access(
            user=settings.nats_user,
            password=settings.nats_password,
            token=settings.nats_token,
            credentials_path=settings.nats_credentials,
            ca_path=settings.nats_ca,
            certificate_path=settings.nats_certificate,
            key_path=settings.nats_key,
        )

    async def _open_doors(self) -> None:
        settings = self._settings
        if settings.pg_port:
            self._postgres = PostgresFactory(
                self.premises.connect,
                self._reactor,
                check=scram.only(settings.pg_user, settings.pg_password) if settings.pg_auth == "password" else None,
                verifier={settings.pg_user: scram.Verifier.of(settings.pg_password)}.get,
                tls=context_factory(settings.pg_tls_certificate, settings.pg_tls_key),
                connections_max=settings.connections_max,
                loop=asyncio.get_running_loop(),
            )
            await self._listen(settings.pg_port, self._postgres, "--pg-port")
        if settings.http_port:
            self._site = Site(
                cast(Any, self.premises),  # its Backend is this one's: a protocol cannot say so
                self.metrics,
                self._reactor,
                entrance=Entrance(token=settings.token, allowed_hosts=settings.allowed_hosts),
                user=settings.pg_user,
                body_bytes_max=settings.message_bytes_max,
                connections_max=settings.connections_max,
                loop=asyncio.get_running_loop(),
            )
            await self._listen(settings.http_port, self._site, "--port")

    async def _listen(self, port: int, factory: Any, option: str) -> None:
        host = self._settings.bind
        endpoint = TCP6ServerEndpoint if ":" in host else TCP4ServerEndpoint
        try:
            self._ports.append(await endpoint(self._reactor, port, interface=host, backlog=511).listen(factory))
        except CannotListenError as error:
            raise CannotStart(f"cannot listen on {host} port {port} ({option}): {error.socketError}") from None

    # Stopping

    async def _close_doors(self) -> None:
        ports, self._ports = self._ports, []
        for port in ports:
            await port.stopListening()
        if self._premises is not None:
            for replica in self._premises.replicas.values():
                await self._drain(replica)
        if self._postgres is not None:
            self._postgres.shut_down()
        if self._site is not None:
            await self._within(DRAIN_S, self._site.drain(), "HTTP requests were still being answered")
            self._site.cut()

    async def _drain(self, replica: Replica) -> None:
        await self._within(DRAIN_S, replica.committer.drained(), f"{replica.name}: writes were still waiting")

    async def _within(self, seconds: float, done: Deferred[None], otherwise: str) -> None:
        """Wait for `done`, but not longer; say `otherwise` then, and go on."""
        try:
            await done.addTimeout(seconds, self._reactor)
        except TimeoutError:
            self.log.warn("{otherwise}", otherwise=otherwise)

    # Threads

    def _in_thread(self, work: Callable[[], Any]) -> Deferred[Any]:
        return deferToThreadPool(self._reactor, self._threads, work)

    def _in_thread_of_its_own(self, work: Callable[[], Any]) -> Deferred[Any]:
        return deferToThreadPool(self._reactor, self._reactor.getThreadPool(), work)
