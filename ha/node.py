"""A node: all parts assembled, started in order and waited for, stopped in reverse and waited for.

The steps of a life stand in :meth:`Node.start` and :meth:`Node.stop`, to be read from top to bottom.

State: readiness, and who is connected. Everything else belongs to the parts (``docs/architecture.rst``).
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO, cast

from twisted.internet.defer import CancelledError, Deferred, TimeoutError
from twisted.internet.endpoints import TCP4ServerEndpoint, TCP6ServerEndpoint
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.threadpool import ThreadPool

import ha
from ha.auth import Entrance
from ha.backend import Backend
from ha.company import Company
from ha.errors import StatementError
from ha.metrics import Metrics
from ha.postgres import scram
from ha.postgres.server import Factory as PostgresFactory
from ha.replication.committer import Work
from ha.replication.comparison import Comparison
from ha.replication.entry import LogError, SnapshotMissing
from ha.replication.groups import Origin
from ha.replication.joining import CannotJoin, Joining, Rights
from ha.replication.link import Access
from ha.replication.log import Log
from ha.replication.member import Member
from ha.replication.natsd import Cluster, NatsdError, NatsServer, find_binary
from ha.replication.replica import Replica
from ha.replication.snapshot import Snapshots
from ha.replication.upkeep import Bounds, Upkeep
from ha.settings import Settings
from ha.sqlite import backup
from ha.sqlite.database import Database
from ha.sqlite.emptying import drop_everything
from ha.sqlite.executor import Lanes
from ha.sqlite.folder import Ambiguous, Folder, FolderError, Held, Identity, Place
from ha.sqlite.losses import list_losses, one_loss, put_back
from ha.sqlite.restore import BadSnapshot
from ha.sqlite.visit import Visit
from ha.tls import context_factory
from ha.web.site import Site

#: Threads for long SQLite work and for copies. More do not help: SQLite's work holds the GIL where rows are made
#: (measured: fetching with four threads was slower than with one).
THREADS_MAX = 6

#: How long a stopping node waits for the clients' last writes (seconds); the supervisor's patience is ten.
DRAIN_S = 3.0

#: How often the progress of a long step is said on the log (seconds).
PROGRESS_S = 2.0

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


class Copy:
    """A consistent copy of a database, in a file that goes when it is closed."""

    def __init__(self, path: Path, size: int, seq: str | None) -> None:
        self._path = path
        self.file: BinaryIO = open(path, "rb")  # noqa: SIM115
        self.size = size
        self.seq = seq

    def close(self) -> None:
        """Remove the file."""
        self.file.close()
        self._path.unlink(missing_ok=True)


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
        self._members: dict[str, Member] = {}
        self._comparisons: dict[str, Comparison] = {}
        self._joining: Joining
        self._entering: Deferred[None] | None = None
        self._upkeep: Upkeep | None = None
        self._ports: list[IListeningPort] = []
        self._postgres: PostgresFactory | None = None
        self._site: Site | None = None
        self._pids = count(1)
        self._company = Company(lambda order: self._reactor.callFromThread(order))
        self._started_ns = 0
        self._copies = count(1)
        self._waiting_for: str = "the node is starting"
        self._started_at = time.time()
        self.metrics = Metrics()

    # Life

    async def start(self) -> None:
        """Open, connect, catch up, and then let clients in.

        :raises CannotStart: with one sentence; everything that was started is stopped again by :meth:`stop`.
        """
        try:
            self._open_folder()
            self._threads.start()
            await self._start_natsd()
            self._make_log()
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
        self._waiting_for = "the node is going down"
        await self._close_doors()
        if self._entering is not None:
            self._entering.cancel()
        if self._upkeep is not None:
            self._upkeep.stop()
        for replica in self._replicas.values():
            replica.committer.closing = True
            await self._drain(replica)
        for comparison in self._comparisons.values():
            comparison.stop()
        for member in self._members.values():
            member.stop()
        if self._log is not None:
            await self._log.close()
        if self._natsd is not None:
            await self._natsd.stop()
        if self._threads.started:
            await self._in_thread_of_its_own(self._threads.stop)
        for replica in self._replicas.values():
            if not replica.database.closed:
                replica.database.close()
        if self._folder is not None:
            self._folder.close()

    # Starting, step by step

    def _open_folder(self) -> None:
        self._folder = Folder.open(self._settings.databases, Path(self._settings.data_folder))
        self._identity = self._folder.identity(self._settings.name or None)
        self._origin = self._next_origin()
        self._lanes = Lanes(self._in_thread, self._settings.inline_budget_s)

    def _opened_folder(self) -> Folder:
        assert self._folder is not None, "the folder is opened first"
        return self._folder

    async def _start_natsd(self) -> None:
        settings = self._settings
        if settings.embeds_nats:
            self._natsd = NatsServer(
                self._reactor,
                find_binary(settings.nats_server),
                str(self._opened_folder().nats),
                server_name=self._identity.id,
                host=settings.bind,
                port=settings.nats_port,
                sync_always=settings.durability == "fsync",
                cluster=Cluster(settings.nats_cluster_name, settings.nats_cluster_port, settings.nats_routes)
                if settings.nats_cluster_name
                else None,
            )
            await self._natsd.start()

    def _make_log(self) -> None:
        """The log's connection, the databases that will follow it, and what looks after both."""
        settings = self._settings
        log = self._log = Log(
            self._reactor,
            settings.replication_stream,
            publish_timeout_s=settings.replication_timeout_s,
            answer_timeout_s=settings.replication_timeout_s,
        )
        snapshots = Snapshots(log, self._in_thread, self._opened_folder().copies)
        joining = Joining(
            log,
            snapshots,
            self._origin,
            self._reactor,
            self._in_thread,
            Rights(replace_local=settings.replace_local, reseed=settings.reseed),
            replicas=settings.replicas,
            alone=self._is_alone,
        )
        self._joining = joining
        for place in self._opened_folder().places.values():
            self._members[place.name] = self._make_member(place)
        log.on_connection_change.append(self._connection_changed)
        bounds = Bounds(settings.snapshot_interval_s, settings.replication_age_max_s, settings.replication_bytes_max)
        self._upkeep = Upkeep(log, snapshots, self._members.values, self._reactor, bounds)
        self._upkeep.start()

    def _make_member(self, place: Place) -> Member:
        member = Member(
            place.name,
            f"{self._settings.replication_stream}.{place.token}",
            place.path,
            self._stream(),
            self._joining,
            self._make_replica,
            self._reactor,
            self._in_thread,
        )
        member.joined = self._joined
        return member

    def _make_replica(self, member: Member, epoch: int) -> Replica:
        settings = self._settings
        database = Database(
            member.name,
            member.path,
            member.subject,
            self._lanes,
            self._reactor,
            synchronous="FULL" if settings.durability == "fsync" else "NORMAL",
        )
        replica = Replica(
            database,
            member.gate,
            self._next_origin(),
            self._reactor,
            epoch=epoch,
            timeout_s=settings.replication_timeout_s,
            queues=settings.when_disconnected == "queue",
            outbox_bytes_max=settings.outbox_bytes_max,
            asynchronous=settings.replication == "async",
        )
        comparison = Comparison(replica, self._stream(), self._identity.name, self._reactor, settings.check_interval_s)
        comparison.start()
        self._comparisons[member.name] = comparison
        self.metrics.gauge(
            "ha_differing_nodes",
            "Other nodes whose tables hold something else at the same position.",
            lambda: len(comparison.differences),
            database=member.name,
        )
        return replica

    async def _is_alone(self, seen: Visit) -> bool:
        """Whether this node is the cluster's only one: the log is ours, and nobody else ever wrote or reads it now."""
        settings = self._settings
        if not settings.embeds_nats or settings.nats_cluster_name:
            return False
        if any(node != self._identity.name for node, _ in seen.origins):
            return False
        return not await self._stream().others()

    def _next_origin(self) -> Origin:
        """Who writes to one database, in one life of it: never twice the same.

        A log takes a message id only once, whatever its subject, and each database counts its groups from 1.
        """
        self._started_ns = max(time.time_ns(), self._started_ns + 1)
        return Origin(self._identity.name, self._started_ns)

    def _stream(self) -> Log:
        assert self._log is not None, "the log is made first"
        return self._log

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
                await self._pause(ENTER_PAUSE_S)

    async def _open_cut_off(self) -> bool:
        waiting = [member for member in self._members.values() if member.replica is None]
        for member in waiting:
            if (await member.seen()).cluster_id is None:
                return False
        for member in waiting:
            await member.open_cut_off()
        self._waiting_for = ""
        return True

    async def _enter(self) -> None:
        """Enter, sooner or later."""
        while True:
            try:
                return await self._try_to_enter()
            except PASSING as error:
                self.log.debug("still waiting for the replication log: {reason}", reason=str(error))
                await self._pause(ENTER_PAUSE_S)

    def _entering_failed(self, failure: Any) -> None:
        if failure.check(CannotJoin):
            for member in self._members.values():
                if member.waiting_for:
                    member.look_again()  # it says which database it is, and stands still
        elif not failure.check(CancelledError):
            self.log.failure("entering the cluster failed", failure)

    async def _try_to_enter(self) -> None:
        settings = self._settings
        url = self._natsd.url if self._natsd is not None else settings.replication_url
        if not self._members_open():
            self._waiting_for = "waiting for the replication log"
        await self._stream().connect([url], self._access(), timeout_s=settings.replication_timeout_s)
        for member in self._members.values():
            if member.replica is None:
                self._waiting_for = f"{member.name} is joining the cluster"
            if member.waiting_for:
                await member.join()
        for replica in list(self._replicas.values()):
            await self._catch_up(replica)
        self._waiting_for = ""

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

    def _members_open(self) -> bool:
        return all(member.replica is not None for member in self._members.values())

    def _joined(self) -> None:
        """A database has joined, now or again; with the last of ours the founder's duty is done."""
        if not any(member.waiting_for for member in self._members.values()):
            marked = Deferred.fromCoroutine(self._mark_ready())
            marked.addErrback(lambda failure: self.log.warn("{error}", error=failure.value))

    async def _mark_ready(self) -> None:
        info = await self._stream().stream_info()
        if not info.ready and info.founder == self._identity.name:
            await self._stream().mark_ready()

    def _pause(self, seconds: float) -> Deferred[None]:
        pause: Deferred[None] = Deferred()
        self._reactor.callLater(seconds, pause.callback, None)
        return pause

    async def _catch_up(self, replica: Replica) -> None:
        """Return when the file is where the log was when we began to look."""
        goal = await self._stream().last_sequence(replica.database.subject)
        if not self._ports:
            self._waiting_for = f"{replica.name} is catching up"
        while replica.follower.position < goal and replica.follower.failed is None:
            try:
                await replica.follower.reached(goal, PROGRESS_S)
            except StatementError:
                self.log.info(
                    "{name}: at position {position} of {goal}",
                    name=replica.name,
                    position=replica.follower.position,
                    goal=goal,
                )

    async def _open_doors(self) -> None:
        settings = self._settings
        if settings.pg_port:
            self._postgres = PostgresFactory(
                lambda database, user: self.connect(database, user),
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
                cast(Any, self),  # its Backend is this one's: a protocol cannot say so
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
        for replica in self._replicas.values():
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

    @property
    def _replicas(self) -> dict[str, Replica]:
        """The databases that are open."""
        return {name: member.replica for name, member in self._members.items() if member.replica is not None}

    # Threads

    def _in_thread(self, work: Callable[[], Any]) -> Deferred[Any]:
        return deferToThreadPool(self._reactor, self._threads, work)

    def _in_thread_of_its_own(self, work: Callable[[], Any]) -> Deferred[Any]:
        return deferToThreadPool(self._reactor, self._reactor.getThreadPool(), work)

    # What the doors ask

    def connect(self, database: str, user: str, *, remote: Any = None, dialect: str = "postgresql") -> Backend:
        """A new conversation with a database.

        :param database: its id; a PostgreSQL client that named none asks for its user's name, and gets the first one.
        :raises StatementError: 3D000, there is none of that name; 57P03, not yet.
        """
        if self._waiting_for:
            raise StatementError("57P03", self._waiting_for)
        replica = self._named(database) or self._by_alias(database)
        if replica is None:
            raise StatementError("3D000", f'database "{database}" does not exist')
        settings = self._settings
        return Backend(
            replica,
            user=user,
            pid=next(self._pids),
            clock=self._reactor,
            statement_timeout_s=settings.statement_timeout_s,
            idle_timeout_s=settings.idle_in_transaction_timeout_s,
            dialect=dialect,
            name=self._spoken(replica.name),
            databases=lambda: map(self._spoken, self.databases()),
            company=self._company,
            premises=self,
        )

    def _named(self, database: str) -> Replica | None:
        """The one of that name, with its file's ending or without."""
        member = self._members.get(database)
        if member is not None:
            return member.replica
        return next((one for name, one in self._replicas.items() if name.rpartition(".")[0] == database), None)

    def _spoken(self, database: str) -> str:
        """What SQL calls a database, as its clients do when they connect: its name without the file's ending, unless that means two."""
        plain = database.rpartition(".")[0]
        known = self.databases()
        alike = [name for name in known if plain in (name, name.rpartition(".")[0])]
        return plain if plain and alike == [database] else database

    def _by_alias(self, database: str) -> Replica | None:
        """psql and most drivers ask for a database of the user's name, those who make databases for PostgreSQL's own ones."""
        if database in (self._settings.pg_user, "postgres", "template1", ""):
            return next(iter(self._replicas.values()))
        return None

    # Databases that come and go

    async def create_database(self, name: str) -> None:
        """See :class:`ha.backend.Premises`."""
        if self._named(name) is not None:
            raise StatementError("42P04", f'database "{name}" already exists')
        self._require_log()
        folder = self._opened_folder()
        try:
            place = folder.create(name)
        except Held as error:
            raise StatementError("42P04", f'database "{name}" already exists', detail=str(error)) from None
        except Ambiguous as error:
            raise StatementError("42602", f'invalid database name "{name}"', detail=str(error)) from None
        except FolderError as error:
            raise StatementError("58030", str(error)) from None
        member = self._make_member(place)
        try:
            await member.join()
            assert member.replica is not None
            await self._catch_up(member.replica)
        except (CannotJoin, LogError, BadSnapshot, StatementError) as error:
            self._let_go(member)
            raise StatementError("08006", f'database "{name}" could not join the cluster: {error}') from error
        self._members[place.name] = member

    async def drop_database(self, name: str, *, force: bool, asking: int) -> bool:
        """See :class:`ha.backend.Premises`."""
        replica = self._named(name)
        if replica is None:
            return False
        if replica.name not in self._opened_folder().made:
            raise StatementError(
                "55006", f'database "{name}" was given to the node with --db', hint="Take it away there."
            )
        spoken = self._spoken(replica.name)
        users = [one.pid for one in self._company.activities() if one.database == spoken]
        if asking in users:
            raise StatementError("55006", "cannot drop the currently open database")
        self._require_log()
        if users and not force:
            raise StatementError(
                "55006",
                f'database "{name}" is being accessed by other users',
                detail=f"There are {len(users)} other sessions using the database.",
            )
        for pid in users:
            self._company.terminate(pid)
        await self._pause(0)  # they are told in the reactor's next turn
        await self._empty(replica)
        self._let_go(self._members.pop(replica.name))
        return True

    async def _empty(self, replica: Replica) -> None:
        """The log goes on telling what a database held; so that one of the same name begins empty, its last word is that all is gone.

        Copies of it on other nodes stay, empty.
        """
        await replica.submit(Work(lambda connection: drop_everything(connection, replica.database.capture), alone=True))
        assert self._upkeep is not None
        # Only so that who joins need not read the whole log: without it the log tells the same.
        with suppress(StatementError):
            await self._upkeep.make(self._members[replica.name])

    def _let_go(self, member: Member) -> None:
        """Nobody uses this database any more: close and remove it."""
        member.stop()
        comparison = self._comparisons.pop(member.name, None)
        if comparison is not None:
            comparison.stop()
        if member.replica is not None:
            member.replica.database.close()
        self._opened_folder().drop(member.name)

    def _require_log(self) -> None:
        if self._log is None or not self._log.connected:
            raise StatementError(
                "08006", "the replication log is out of reach: databases can be neither made nor dropped"
            )

    def databases(self) -> list[str]:
        """The names, the first ``--db`` first."""
        return [place.name for place in self._opened_folder().places.values()]

    def database_status(self, database: str) -> dict[str, object]:
        """Name, size and position."""
        replica = self._replicas[database]
        return {
            "name": database,
            "size": replica.database.path.stat().st_size,
            "position": replica.follower.position,
        }

    async def open_copy(self, database: str) -> Copy:
        """Copy a database without stopping its writers."""
        replica = self._replicas[database]
        target = self._opened_folder().copies / f"{next(self._copies)}-{database}"
        copied = await self._in_thread(lambda: backup.copy(replica.database.path, target))
        position = copied.positions.get(replica.database.subject)
        seq = f"{replica.epoch}:{position}" if position is not None else None
        return Copy(target, copied.size_bytes, seq)

    def readiness(self) -> Sequence[str]:
        """Why clients should not be sent here yet, one sentence each; empty when they should."""
        reasons = [self._waiting_for] if self._waiting_for else []
        if self._log is not None and not self._log.connected:
            reasons.append(f"the replication log is out of reach: {self._log.unreachable_because}")
        if self._natsd is not None and self._natsd.storage.failed:
            reasons.append("the disk of this node's nats-server is full, or fails: it stores nothing")
        for member in self._members.values():
            if member.waiting_for and member.replica is not None:
                reasons.append(member.waiting_for)
        for comparison in self._comparisons.values():
            reasons += comparison.differences.values()
        for replica in self._replicas.values():
            if replica.follower.failed is not None:
                reasons.append(f"{replica.name} cannot follow the log: {replica.follower.failed}")
            if replica.outbox.count:
                reasons.append(f"{replica.name}: {replica.outbox.count} messages wait in the outbox")
        return reasons

    def status(self) -> Mapping[str, object]:
        """Everything there is to say, as JSON would have it."""
        return {
            "version": ha.__version__,
            "node": self._identity.name,
            "started_at": self._started_at,
            "ready": not self.readiness(),
            "reasons": list(self.readiness()),
            "connected": self._log is not None and self._log.connected,
            "stream": self._settings.replication_stream,
            "databases": {name: replica.status() for name, replica in self._replicas.items()},
        }

    async def replications(self) -> Sequence[Mapping[str, object]]:
        """The durable consumers of the log."""
        return [
            {
                "name": consumer.name,
                "subject": consumer.subject,
                "delivered": consumer.delivered,
                "acknowledged": consumer.acknowledged,
                "pending": consumer.pending,
            }
            for consumer in await self._stream().consumers()
            if consumer.durable
        ]

    async def remove_replication(self, name: str) -> bool:
        """Remove one. False: there is none of that name."""
        if name not in {str(one["name"]) for one in await self.replications()}:
            return False
        return await self._stream().delete_consumer(name)

    def _connection_changed(self, connected: bool) -> None:
        for member in self._members.values():
            member.connection_changed(connected)

    # Conflicts, and what cannot be applied

    async def conflicts(self, database: str, after: int) -> Sequence[Mapping[str, object]]:
        """The row versions that lost their places here, oldest first."""
        return await self._replicas[database].database.read(lambda connection: list_losses(connection, after))

    async def conflict(self, database: str, number: int) -> Mapping[str, object] | None:
        """One of them."""
        return await self._replicas[database].database.read(lambda connection: one_loss(connection, number))

    async def restore_conflict(self, database: str, number: int) -> Mapping[str, object]:
        """Put it back, as a new write.

        :raises StatementError: 02000, there is none; or what any write may be told.
        """
        work = Work(lambda connection: put_back(connection, number))
        lost: Mapping[str, object] = await self._replicas[database].submit(work)
        return lost

    async def skip(self, database: str, position: int) -> None:
        """Pass over a message that cannot be applied.

        :raises StatementError: see :meth:`ha.replication.member.Member.skip`.
        """
        await self._members[database].skip(position)

    # Snapshots

    async def make_snapshot(self, database: str) -> Mapping[str, object]:
        """Store a snapshot of a database now, for nodes that join.

        :raises StatementError: 55000, 08006, 53100: it was not stored.
        """
        assert self._upkeep is not None
        snapshot = await self._upkeep.make(self._members[database])
        return {"database": database, "position": snapshot.sequence, "size": snapshot.size_bytes}

    async def open_snapshot(self, database: str) -> Copy | None:
        """The newest stored snapshot of a database; None: there is none.

        :raises StatementError: 08006, the log is out of reach.
        """
        target = self._opened_folder().copies / f"{next(self._copies)}-{database}.snapshot"
        try:
            headers = await self._stream().get_snapshot(database, str(target))
        except SnapshotMissing:
            return None
        except LogError as error:
            raise StatementError("08006", f"the replication log is out of reach: {error}") from error
        return Copy(target, target.stat().st_size, f"{headers.get('epoch', '')}:{headers.get('seq', '')}")
