"""What a node holds, and what its doors may ask of it: databases by name, copies, snapshots, conflicts, its condition.

:class:`~ha.node.Node` decides when these begin and end; here is what there is in between. A database is known by the base name of
its file; clients may leave the file's ending out, and those who name none get the first.

State: the databases that are open, and those on their way (:class:`~ha.replication.member.Member`); why nobody may come in yet; who is
connected. Runs in the reactor's thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO, Final

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger

import ha
from ha.backend import Backend
from ha.company import Company
from ha.errors import StatementError
from ha.metrics import Metrics
from ha.replication.committer import Work
from ha.replication.comparison import Comparison
from ha.replication.entry import LogError, SnapshotMissing
from ha.replication.groups import Origin
from ha.replication.joining import CannotJoin, Joining, Rights
from ha.replication.log import Log
from ha.replication.member import Member
from ha.replication.natsd import NatsServer
from ha.replication.replica import Replica
from ha.replication.snapshot import Snapshots
from ha.replication.upkeep import Bounds, Upkeep
from ha.settings import Settings
from ha.spares import Spares
from ha.sqlite import backup
from ha.sqlite.database import Database
from ha.sqlite.emptying import drop_everything
from ha.sqlite.executor import Lanes
from ha.sqlite.folder import Ambiguous, Folder, FolderError, Held, Identity, Place
from ha.sqlite.losses import list_losses, one_loss, put_back
from ha.sqlite.restore import BadSnapshot
from ha.sqlite.unmerged import list_unmerged
from ha.sqlite.visit import Visit

#: How often the progress of catching up is said on the log (seconds).
PROGRESS_S = 2.0

#: What is told to Prometheus of each database: name, sentence, and what :meth:`Replica.status` calls it.
FIGURES: Final = (
    ("ha_log_position", "The position of the log that the file is at.", "position"),
    ("ha_log_received", "The newest position of the log that has arrived.", "received"),
    ("ha_log_applied_total", "Messages of other nodes that were applied.", "applied"),
    ("ha_standing_still", "1 while a message cannot be applied, and the node takes no writes.", "failed"),
    ("ha_groups_stored_total", "Messages that the log has stored.", "groups_stored"),
    ("ha_transactions_stored_total", "Transactions that the log has stored.", "transactions_stored"),
    ("ha_refusals_total", "Messages that were refused, because another node was first.", "refusals"),
    ("ha_turns_asked_total", "Turns asked for.", "turns_asked"),
    (
        "ha_turns_waited_seconds_total",
        "How long messages were held back for the turns of others.",
        "waited_for_turns_s",
    ),
    ("ha_outbox_messages", "Messages that wait to be ordered.", "outbox"),
    ("ha_outbox_bytes", "Their bytes.", "outbox_bytes"),
    ("ha_conflicts_total", "Versions of rows that lost their places to what was queued.", "conflicts"),
)


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


def figure(replica: Replica, name: str) -> float:
    """One of them, as a number."""
    value = replica.status()[name]
    return float(value) if isinstance(value, int | float) else float(value is not None)


class Premises:
    """The databases of one node, and its condition.

    :param reactor: Twisted's, with all it can do.
    :param folder: where the databases and the node's own files lie; whoever opened it closes it.
    :param identity: what the node is called.
    :param log: the replication log, connected or not.
    :param natsd: the node's own nats-server, if it runs one.
    :param in_thread: does long work in one of the node's threads.
    """

    log = Logger()

    def __init__(
        self,
        settings: Settings,
        reactor: Any,
        folder: Folder,
        identity: Identity,
        log: Log,
        natsd: NatsServer | None,
        in_thread: Callable[[Callable[[], Any]], Deferred[Any]],
        metrics: Metrics,
    ) -> None:
        self._settings = settings
        self._reactor = reactor
        self._folder = folder
        self._identity = identity
        self._log = log
        self._natsd = natsd
        self._in_thread = in_thread
        self._metrics = metrics
        self._lanes = Lanes(in_thread, settings.inline_budget_s)
        self._pids = count(1)
        self._copies = count(1)
        self._started_ns = 0
        self._started_at = time.time()
        self._company = Company(reactor.callFromThread)
        self._spares = Spares()
        self._comparisons: dict[str, Comparison] = {}
        snapshots = Snapshots(log, in_thread, folder.copies)
        self._joining = Joining(
            log,
            snapshots,
            self._next_origin(),
            reactor,
            in_thread,
            Rights(replace_local=settings.replace_local, reseed=settings.reseed),
            replicas=settings.replicas,
            alone=self._is_alone,
            announces=not self._keeps_the_log,
        )
        #: All that the folder has, by name, the first ``--db`` first.
        self.members: dict[str, Member] = {}
        for place in folder.places.values():
            self.members[place.name] = self._make_member(place)
        log.on_connection_change.append(self._connection_changed)
        bounds = Bounds(settings.snapshot_interval_s, settings.replication_age_max_s, settings.replication_bytes_max)
        self._upkeep = Upkeep(log, snapshots, self.members.values, reactor, bounds)
        self._upkeep.start()
        #: Why nobody may come in yet, in a sentence; empty when they may.
        self.waiting_for = "the node is starting"

    @property
    def replicas(self) -> dict[str, Replica]:
        """The databases that are open."""
        return {name: member.replica for name, member in self.members.items() if member.replica is not None}

    def stop(self) -> None:
        """Follow the log no longer, and compare and tend nothing. The files stay open."""
        self._upkeep.stop()
        for comparison in self._comparisons.values():
            comparison.stop()
        for member in self.members.values():
            member.stop()

    def close(self) -> None:
        """Close the files."""
        for replica in self.replicas.values():
            if not replica.database.closed:
                replica.database.close()

    # A database's parts

    def _make_member(self, place: Place) -> Member:
        member = Member(
            place.name,
            f"{self._settings.replication_stream}.{place.token}",
            place.path,
            self._log,
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
        comparison = Comparison(replica, self._log, self._identity.name, self._reactor, settings.check_interval_s)
        comparison.start()
        self._comparisons[member.name] = comparison
        self._metrics.gauge(
            "ha_differing_nodes",
            "Other nodes whose tables hold something else at the same position.",
            lambda: len(comparison.differences),
            database=member.name,
        )
        for name, sentence, key in FIGURES:
            told = self._metrics.counter if name.endswith("_total") else self._metrics.gauge
            told(name, sentence, partial(figure, replica, key), database=member.name)
        return replica

    @property
    def _keeps_the_log(self) -> bool:
        """Whether the log is on this node's own server, and there alone."""
        return self._settings.embeds_nats and not self._settings.nats_cluster_name

    async def _is_alone(self, seen: Visit) -> bool:
        """Whether this node is the cluster's only one: the log is ours, and nobody else ever joined it or reads it now."""
        if not self._keeps_the_log:
            return False
        if any(node != self._identity.name for node, _ in seen.origins):
            return False
        return not await self._log.others()

    def _next_origin(self) -> Origin:
        """Who writes to one database, in one life of it: never twice the same.

        A log takes a message id only once, whatever its subject, and each database counts its groups from 1.
        """
        self._started_ns = max(time.time_ns(), self._started_ns + 1)
        return Origin(self._identity.name, self._started_ns)

    async def catch_up(self, replica: Replica) -> None:
        """Return when the file is where the log was when we began to look."""
        goal = await self._log.last_sequence(replica.database.subject)
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

    def _joined(self) -> None:
        """A database has joined, now or again; with the last of ours the founder's duty is done."""
        if not any(member.waiting_for for member in self.members.values()):
            marked = Deferred.fromCoroutine(self._mark_ready())
            marked.addErrback(lambda failure: self.log.warn("{error}", error=failure.value))

    async def _mark_ready(self) -> None:
        info = await self._log.stream_info()
        if not info.ready and info.founder == self._identity.name:
            await self._log.mark_ready()

    def _connection_changed(self, connected: bool) -> None:
        for member in self.members.values():
            member.connection_changed(connected)

    # What the doors ask

    def connect(self, database: str, user: str, *, remote: Any = None, dialect: str = "postgresql") -> Backend:
        """A new conversation with a database. That of an HTTP request may have been another's, who left nothing behind.

        :param database: its id; a PostgreSQL client that named none asks for its user's name, and gets the first one.
        :raises StatementError: 3D000, there is none of that name; 57P03, not yet.
        """
        if self.waiting_for:
            raise StatementError("57P03", self.waiting_for)
        replica = self._named(database) or self._by_alias(database)
        if replica is None:
            raise StatementError("3D000", f'database "{database}" does not exist')
        pid = next(self._pids)
        spare = self._spares.take(replica, user, pid) if dialect == "sqlite" else None
        if spare is not None:
            return spare
        settings = self._settings
        return Backend(
            replica,
            user=user,
            pid=pid,
            clock=self._reactor,
            statement_timeout_s=settings.statement_timeout_s,
            idle_timeout_s=settings.idle_in_transaction_timeout_s,
            dialect=dialect,
            name=self._spoken(replica.name),
            databases=lambda: map(self._spoken, self.databases()),
            company=self._company,
            premises=self,
            when_spare=self._spares.keep if dialect == "sqlite" else None,
            defaults={"ha.integer_oid": settings.pg_integer},
        )

    def _named(self, database: str) -> Replica | None:
        """The one of that name, with its file's ending or without."""
        member = self.members.get(database)
        if member is not None:
            return member.replica
        return next((one for name, one in self.replicas.items() if name.rpartition(".")[0] == database), None)

    def _spoken(self, database: str) -> str:
        """What SQL calls a database, as its clients do when they connect: its name without the file's ending, unless that means two."""
        plain = database.rpartition(".")[0]
        known = self.databases()
        alike = [name for name in known if plain in (name, name.rpartition(".")[0])]
        return plain if plain and alike == [database] else database

    def _by_alias(self, database: str) -> Replica | None:
        """psql and most drivers ask for a database of the user's name, those who make databases for PostgreSQL's own ones."""
        if database in (self._settings.pg_user, "postgres", "template1", ""):
            return next(iter(self.replicas.values()))
        return None

    # Databases that come and go

    async def create_database(self, name: str) -> None:
        """See :class:`ha.backend.Premises`."""
        if self._named(name) is not None:
            raise StatementError("42P04", f'database "{name}" already exists')
        self._require_log()
        folder = self._folder
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
            await self.catch_up(member.replica)
        except (CannotJoin, LogError, BadSnapshot, StatementError) as error:
            self._let_go(member)
            raise StatementError("08006", f'database "{name}" could not join the cluster: {error}') from error
        self.members[place.name] = member
        self._spares.forget()

    async def drop_database(self, name: str, *, force: bool, asking: int) -> bool:
        """See :class:`ha.backend.Premises`."""
        replica = self._named(name)
        if replica is None:
            return False
        if replica.name not in self._folder.made:
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
        await deferLater(self._reactor, 0)  # they are told in the reactor's next turn
        await self._empty(replica)
        self._let_go(self.members.pop(replica.name))
        return True

    async def _empty(self, replica: Replica) -> None:
        """The log goes on telling what a database held; so that one of the same name begins empty, its last word is that all is gone.

        Copies of it on other nodes stay, empty.
        """
        await replica.submit(Work(lambda connection: drop_everything(connection, replica.database.capture), alone=True))
        # Only so that who joins need not read the whole log: without it the log tells the same.
        with suppress(StatementError):
            await self._upkeep.make(self.members[replica.name])

    def _let_go(self, member: Member) -> None:
        """Nobody uses this database any more: close and remove it."""
        self._spares.forget()
        member.stop()
        comparison = self._comparisons.pop(member.name, None)
        if comparison is not None:
            comparison.stop()
        if member.replica is not None:
            member.replica.database.close()
        self._folder.drop(member.name)

    def _require_log(self) -> None:
        if not self._log.connected:
            raise StatementError(
                "08006", "the replication log is out of reach: databases can be neither made nor dropped"
            )

    def databases(self) -> list[str]:
        """The names, the first ``--db`` first."""
        return [place.name for place in self._folder.places.values()]

    def database_status(self, database: str) -> dict[str, object]:
        """Name, size and position."""
        replica = self.replicas[database]
        return {
            "name": database,
            "size": replica.database.path.stat().st_size,
            "position": replica.follower.position,
        }

    async def open_copy(self, database: str) -> Copy:
        """Copy a database without stopping its writers."""
        replica = self.replicas[database]
        target = self._folder.copies / f"{next(self._copies)}-{database}"
        copied = await self._in_thread(lambda: backup.copy(replica.database.path, target))
        position = copied.positions.get(replica.database.subject)
        seq = f"{replica.epoch}:{position}" if position is not None else None
        return Copy(target, copied.size_bytes, seq)

    def readiness(self) -> Sequence[str]:
        """Why clients should not be sent here yet, one sentence each; empty when they should."""
        reasons = [self.waiting_for] if self.waiting_for else []
        if not self._log.connected:
            reasons.append(f"the replication log is out of reach: {self._log.unreachable_because}")
        if self._natsd is not None and self._natsd.storage.failed:
            reasons.append("the disk of this node's nats-server is full, or fails: it stores nothing")
        for member in self.members.values():
            if member.waiting_for and member.replica is not None:
                reasons.append(member.waiting_for)
        for comparison in self._comparisons.values():
            reasons += comparison.differences.values()
        for replica in self.replicas.values():
            if replica.follower.failed is not None:
                reasons.append(f"{replica.name} cannot follow the log: {replica.follower.failed}")
            if replica.outbox.count:
                reasons.append(f"{replica.name}: {replica.outbox.count} messages wait in the outbox")
        return reasons

    async def notices(self) -> Sequence[str]:
        """What somebody should look at, though the node serves clients; one sentence each."""
        found = []
        for member in list(self.members.values()):
            if member.replica is not None and not member.waiting_for:
                for name, reason in await member.replica.database.read(list_unmerged):
                    found.append(f'{member.name}: rows were left out of "{name}", drop it and make it anew: {reason}')
        return found

    def status(self) -> Mapping[str, object]:
        """Everything there is to say, as JSON would have it."""
        return {
            "version": ha.__version__,
            "node": self._identity.name,
            "started_at": self._started_at,
            "ready": not self.readiness(),
            "reasons": list(self.readiness()),
            "connected": self._log.connected,
            "stream": self._settings.replication_stream,
            "databases": {name: replica.status() for name, replica in self.replicas.items()},
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
            for consumer in await self._log.consumers()
            if consumer.durable
        ]

    async def remove_replication(self, name: str) -> bool:
        """Remove one. False: there is none of that name."""
        if name not in {str(one["name"]) for one in await self.replications()}:
            return False
        return await self._log.delete_consumer(name)

    # Conflicts, and what cannot be applied

    async def conflicts(self, database: str, after: int) -> Sequence[Mapping[str, object]]:
        """The row versions that lost their places here, oldest first."""
        return await self.replicas[database].database.read(lambda connection: list_losses(connection, after))

    async def conflict(self, database: str, number: int) -> Mapping[str, object] | None:
        """One of them."""
        return await self.replicas[database].database.read(lambda connection: one_loss(connection, number))

    async def restore_conflict(self, database: str, number: int) -> Mapping[str, object]:
        """Put it back, as a new write.

        :raises StatementError: 02000, there is none; or what any write may be told.
        """
        work = Work(lambda connection: put_back(connection, number))
        lost: Mapping[str, object] = await self.replicas[database].submit(work)
        return lost

    async def skip(self, database: str, position: int) -> None:
        """Pass over a message that cannot be applied.

        :raises StatementError: see :meth:`ha.replication.member.Member.skip`.
        """
        await self.members[database].skip(position)

    # Snapshots

    async def make_snapshot(self, database: str) -> Mapping[str, object]:
        """Store a snapshot of a database now, for nodes that join.

        :raises StatementError: 55000, 08006, 53100: it was not stored.
        """
        snapshot = await self._upkeep.make(self.members[database])
        return {"database": database, "position": snapshot.sequence, "size": snapshot.size_bytes}

    async def open_snapshot(self, database: str) -> Copy | None:
        """The newest stored snapshot of a database; None: there is none.

        :raises StatementError: 08006, the log is out of reach.
        """
        target = self._folder.copies / f"{next(self._copies)}-{database}.snapshot"
        try:
            headers = await self._log.get_snapshot(database, str(target))
        except SnapshotMissing:
            return None
        except LogError as error:
            raise StatementError("08006", f"the replication log is out of reach: {error}") from error
        return Copy(target, target.stat().st_size, f"{headers.get('epoch', '')}:{headers.get('seq', '')}")
