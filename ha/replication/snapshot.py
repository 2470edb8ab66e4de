"""States of a database in the object store: made from a running database, put in place of a file that is behind.

A snapshot is a SQLite file under the database's id, with headers: ``seq`` (its position; the file's ``ha_stats`` says
the same, so a replica started from it resumes by itself), ``cluster`` and ``epoch`` (the log the position is on),
``digest`` (SHA-256, hexadecimal) and ``size`` (bytes).

Restoring takes two steps, because reads go on during the first: :meth:`Snapshots.fetch` downloads beside the file and
checks everything; :func:`ha.sqlite.restore.swap` puts the result in place, with the database closed.

Coroutines run in the reactor's thread and await Deferreds; what blocks runs in a thread through `in_thread`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from ha.replication.entry import SnapshotMissing
from ha.sqlite import backup, restore
from ha.sqlite.restore import BadSnapshot

T = TypeVar("T")

InThread = Callable[[Callable[[], T]], "Deferred[T]"]


class Stored(Protocol):
    """An object of the store."""

    @property
    def headers(self) -> Mapping[str, str]: ...


class Store(Protocol):
    """What a snapshot needs of the log: an object store with one object per database."""

    async def put_snapshot(self, name: str, path: str, headers: Mapping[str, str]) -> Any:
        """Store the file at `path` under `name`, whole or not at all, in place of an earlier one."""

    async def get_snapshot(self, name: str, path: str) -> Mapping[str, str]:
        """Write the object to the file `path`, which does not exist yet; its headers. SnapshotMissing: there is none."""

    async def snapshot_info(self, name: str) -> Stored:
        """The object without its bytes. SnapshotMissing: there is none."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the headers say.

    :param digest: of the file, SHA-256 in hexadecimal.
    """

    sequence: int
    cluster_id: str
    epoch: int
    digest: str
    size_bytes: int

    def headers(self) -> dict[str, str]:
        return {
            "seq": str(self.sequence),
            "cluster": self.cluster_id,
            "epoch": str(self.epoch),
            "digest": self.digest,
            "size": str(self.size_bytes),
        }

    @classmethod
    def parse(cls, headers: Mapping[str, str]) -> Snapshot:
        """:raises BadSnapshot: a header is missing or malformed."""
        try:
            return cls(
                int(headers["seq"]),
                headers["cluster"],
                int(headers["epoch"]),
                headers["digest"],
                int(headers["size"]),
            )
        except (KeyError, ValueError) as error:
            raise BadSnapshot(f"the snapshot's header is missing or malformed: {error}") from None


class Snapshots:
    """The snapshots of one cluster.

    :param scratch: a directory for copies on their way to the store.
    """

    log = Logger()

    def __init__(self, store: Store, in_thread: InThread[Any], scratch: Path) -> None:
        self._store = store
        self._in_thread = in_thread
        self._scratch = scratch

    async def newest(self, name: str) -> Snapshot | None:
        """The stored snapshot of a database; None: there is none.

        :raises BadSnapshot: its headers cannot be read.
        """
        try:
            return Snapshot.parse((await self._store.snapshot_info(name)).headers)
        except SnapshotMissing:
            return None

    async def make(self, name: str, subject: str, path: Path) -> Snapshot:
        """Store the running database at `path` as it is now.

        :raises ha.sqlite.backup.Unsettled: something waits in its outbox; try when that is drained.
        :raises BadSnapshot: the file belongs to no cluster, or has no position.
        :raises StatementError: 53100, no room for the copy.
        """
        copy = self._scratch / f"{name}.snapshot"
        try:
            snapshot: Snapshot = await self._in_thread(lambda: _copy(subject, path, copy))
            await self._store.put_snapshot(name, str(copy), snapshot.headers())
        finally:
            await self._in_thread(lambda: copy.unlink(missing_ok=True))
        self.log.info(
            "snapshot stored: {database} at {sequence}, {size} bytes",
            database=name,
            sequence=snapshot.sequence,
            size=snapshot.size_bytes,
        )
        return snapshot

    async def fetch(self, name: str, subject: str, path: Path, cluster_id: str, epoch: int) -> Snapshot:
        """Download the newest snapshot beside `path` and check it: digest, cluster, epoch, structure, position.

        :func:`ha.sqlite.restore.swap` then puts it in place.

        :raises LookupError: there is none.
        :raises BadSnapshot: it does not pass; nothing is left of it.
        :raises StatementError: 53100, no room for it.
        """
        expected = await self.newest(name)
        if expected is None:
            raise LookupError(f"{name}: there is no snapshot")
        part = await self._in_thread(lambda: restore.make_room(path, expected.size_bytes))
        try:
            # A newer one may have been stored meanwhile: what comes with the bytes counts.
            snapshot = Snapshot.parse(await self._store.get_snapshot(name, str(part)))
            _belongs(snapshot, name, cluster_id, epoch)
            await self._in_thread(lambda: _check(snapshot, subject, part))
        except BaseException:
            await self._in_thread(lambda: restore.remove(part))
            raise
        return snapshot


def _copy(subject: str, path: Path, target: Path) -> Snapshot:
    copied = backup.copy(path, target, settled_only=True)
    if copied.membership is None or subject not in copied.positions:
        raise BadSnapshot(f"{path}: belongs to no cluster yet")
    return Snapshot(
        copied.positions[subject],
        copied.membership.cluster_id,
        copied.membership.epoch,
        restore.digest(target),
        target.stat().st_size,
    )


def _belongs(snapshot: Snapshot, name: str, cluster_id: str, epoch: int) -> None:
    if (snapshot.cluster_id, snapshot.epoch) != (cluster_id, epoch):
        raise BadSnapshot(
            f"{name}: the snapshot is of cluster {snapshot.cluster_id}, epoch {snapshot.epoch};"
            f" the log is of cluster {cluster_id}, epoch {epoch}"
        )


def _check(snapshot: Snapshot, subject: str, part: Path) -> None:
    membership = (snapshot.cluster_id, snapshot.epoch)
    restore.check(part, subject, snapshot.sequence, membership, snapshot.size_bytes, snapshot.digest)
