"""Snapshots in the object store."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw
from twisted.internet.defer import Deferred, execute
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from ha.replication.entry import SnapshotMissing
from ha.replication.snapshot import Snapshot, Snapshots
from ha.sqlite.backup import Unsettled
from ha.sqlite.connection import open_writer
from ha.sqlite.restore import BadSnapshot, part_of, swap
from ha.sqlite.schema import Membership, install, write_membership

SUBJECT = "s.my_db"


@dataclass(frozen=True)
class Known:
    """An object without its bytes."""

    headers: Mapping[str, str]


class MemoryStore:
    """An object store in memory."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, dict[str, str]]] = {}

    async def put_snapshot(self, name: str, path: str, headers: Mapping[str, str]) -> None:
        """Whole, in place of an earlier one."""
        self.objects[name] = (Path(path).read_bytes(), dict(headers))

    async def get_snapshot(self, name: str, path: str) -> Mapping[str, str]:
        """The file's bytes and its headers."""
        known = await self.snapshot_info(name)
        with open(path, "xb") as file:
            file.write(self.objects[name][0])
        return known.headers

    async def snapshot_info(self, name: str) -> Known:
        """The object without its bytes."""
        if name not in self.objects:
            raise SnapshotMissing(name)
        return Known(self.objects[name][1])


def at_once(work: Callable[[], Any]) -> Deferred[Any]:
    """Where a node would take a thread."""
    return execute(work)


class SnapshotTests(SynchronousTestCase):
    """Two nodes and a store between them."""

    def setUp(self) -> None:
        """One node has a running database at position 3; the other has nothing."""
        self.home = Path(self.mktemp())
        self.home.mkdir()
        self.store = MemoryStore()
        self.scratch = self.home / "scratch"
        self.scratch.mkdir()
        self.snapshots = Snapshots(self.store, at_once, self.scratch)
        self.path, self.joiner = self.home / "my.db", self.home / "joiner.db"
        self.writer = open_writer(str(self.path), synchronous="NORMAL")
        self.addCleanup(self.writer.close)
        install(self.writer)
        self.writer.execute("CREATE TABLE t (a); INSERT INTO t VALUES ('here before the cluster')")

    def found(self, epoch: int = 1, sequence: int = 3) -> None:
        """The database becomes a member."""
        write_membership(self.writer, Membership("s", "c1", epoch))
        with self.writer.guard.trusted():
            self.writer.execute("REPLACE INTO ha_stats (subject, received_seq) VALUES (?, ?)", (SUBJECT, sequence))

    def result(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Of a coroutine that waits for nothing."""
        return self.successResultOf(Deferred.fromCoroutine(coroutine))

    def failure(self, coroutine: Coroutine[Any, Any, Any], kind: type[Exception]) -> Exception:
        """Why it failed."""
        return self.failureResultOf(Deferred.fromCoroutine(coroutine), kind).value

    def make(self) -> Snapshot:
        """Store the running database."""
        return self.result(self.snapshots.make("my.db", SUBJECT, self.path))

    def fetch(self, cluster_id: str = "c1", epoch: int = 1) -> Coroutine[Any, Any, Snapshot]:
        """Download it for the joiner."""
        return self.snapshots.fetch("my.db", SUBJECT, self.joiner, cluster_id, epoch)

    def test_there_and_back(self) -> None:
        """A joiner has the rows, and the position to go on from."""
        self.found()
        made = self.make()
        self.assertEqual(self.result(self.fetch()), made)
        swap(self.joiner, keep=False)
        joined = apsw.Connection(str(self.joiner))
        self.addCleanup(joined.close)
        self.assertEqual(joined.execute("SELECT a FROM t").get, "here before the cluster")
        self.assertEqual(joined.execute("SELECT received_seq FROM ha_stats").get, 3)

    def test_the_headers(self) -> None:
        """``seq`` is what other replicas look for."""
        self.found()
        made = self.make()
        headers = self.store.objects["my.db"][1]
        self.assertEqual((headers["seq"], headers["cluster"], headers["epoch"]), ("3", "c1", "1"))
        self.assertEqual(Snapshot.parse(headers), made)
        self.assertEqual(self.result(self.snapshots.newest("my.db")), made)

    def test_the_body_says_the_same(self) -> None:
        """It is a database that a replica can start from by itself."""
        self.found()
        self.make()
        plain = self.home / "plain.db"
        plain.write_bytes(self.store.objects["my.db"][0])
        connection = apsw.Connection(str(plain))
        self.addCleanup(connection.close)
        self.assertEqual(connection.execute("SELECT subject, received_seq FROM ha_stats").get, (SUBJECT, 3))

    def test_no_copy_is_left(self) -> None:
        """Whether it was stored or not."""
        self.found()
        self.make()
        self.failure(self.snapshots.make("my.db", "s.other", self.path), BadSnapshot)
        self.assertEqual(list(self.scratch.iterdir()), [])

    def test_it_is_said_on_the_log(self) -> None:
        """With its position."""
        self.found()
        with capturedLogs() as logs:
            self.make()
        self.assertEqual([(event["database"], event["sequence"]) for event in logs], [("my.db", 3)])

    def test_a_file_that_belongs_to_no_cluster(self) -> None:
        """Has no position to give."""
        self.failure(self.snapshots.make("my.db", SUBJECT, self.path), BadSnapshot)

    def test_not_while_something_is_pending(self) -> None:
        """The file is more than its position."""
        self.found()
        with self.writer.guard.trusted():
            self.writer.execute("INSERT INTO ha_outbox (message_id, body, created_ns) VALUES ('n:1:1', x'00', 1)")
        self.failure(self.snapshots.make("my.db", SUBJECT, self.path), Unsettled)
        self.assertEqual(self.store.objects, {})

    def test_there_is_none(self) -> None:
        """The joiner waits, or is the first."""
        self.assertIsNone(self.result(self.snapshots.newest("my.db")))
        self.failure(self.fetch(), LookupError)

    def test_a_snapshot_of_another_log(self) -> None:
        """Is not taken."""
        self.found()
        self.make()
        self.failure(self.fetch(epoch=2), BadSnapshot)
        self.failure(self.fetch(cluster_id="c2"), BadSnapshot)
        self.assertFalse(part_of(self.joiner).exists())

    def test_a_damaged_snapshot(self) -> None:
        """Nothing is left of it, and the joiner's file is as it was."""
        self.found()
        self.make()
        body, headers = self.store.objects["my.db"]
        self.store.objects["my.db"] = (body[:-1] + b"!", headers)
        shutil.copy(self.path, self.joiner)
        before = self.joiner.read_bytes()
        self.failure(self.fetch(), BadSnapshot)
        self.assertFalse(part_of(self.joiner).exists())
        self.assertEqual(self.joiner.read_bytes(), before)

    def test_strange_headers(self) -> None:
        """Somebody else's object."""
        for headers in ({}, {"seq": "x", "cluster": "c1", "epoch": "1", "digest": "", "size": "1"}):
            self.store.objects["my.db"] = (b"", headers)
            self.failure(self.snapshots.newest("my.db"), BadSnapshot)
            self.failure(self.fetch(), BadSnapshot)

    def test_a_newer_one_takes_its_place(self) -> None:
        """There is one object per database."""
        self.found()
        self.make()
        self.found(sequence=8)
        self.assertEqual(self.make().sequence, 8)
        self.assertEqual(self.result(self.fetch()).sequence, 8)
