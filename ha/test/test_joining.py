"""A database meets the log in memory."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, execute
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ha.replication.change import MARKER, Message, decode, encode
from ha.replication.groups import Origin
from ha.replication.joining import CannotJoin, Joining, Rights
from ha.replication.snapshot import Snapshots
from ha.sqlite.connection import open_writer
from ha.sqlite.fitting import put_once
from ha.sqlite.ledger import origin_of, write_position
from ha.sqlite.visit import Visit, visit
from ha.test.fakes import Network

SUBJECT = "s.my_db"


class ClosedFile:
    """A file that nobody serves."""

    def __init__(self, path: Path) -> None:
        self.path = path

    async def seen(self) -> Visit:
        """A look at it."""
        return visit(self.path, SUBJECT)

    @asynccontextmanager
    async def exclusively(self) -> AsyncIterator[None]:
        """Nothing to do."""
        yield


class JoiningTests(SynchronousTestCase):
    """Nodes with a file each, and one log."""

    def setUp(self) -> None:
        """No stream yet."""
        self.network = Network()
        self.clock = Clock()
        self.home = Path(self.mktemp())

    def join(self, node: str, path: Path, *, alone: bool = False, announces: bool = False, **rights: bool) -> Any:
        """Begin to join."""
        log = self.network.join(node)
        scratch = self.home / node
        scratch.mkdir(exist_ok=True, parents=True)

        async def is_alone(seen: Visit) -> bool:
            return alone

        joining = Joining(
            log,
            Snapshots(log, execute, scratch),
            Origin(node, len(self.network.logs)),
            self.clock,
            execute,
            Rights(**rights),
            alone=is_alone,
            announces=announces,
        )
        return self.settle(joining.join("my.db", SUBJECT, ClosedFile(path)))

    def settle(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Let everything happen that can."""
        done = Deferred.fromCoroutine(coroutine)
        self.network.settle()
        return done

    def file(self, name: str, *rows: int) -> Path:
        """A database, with a table if there are rows."""
        self.home.mkdir(exist_ok=True)
        path = self.home / f"{name}.db"
        connection = open_writer(str(path), synchronous="NORMAL")
        if rows:
            connection.execute("CREATE TABLE t (a)")
            connection.executemany("INSERT INTO t VALUES (?)", [(row,) for row in rows])
        connection.close()
        return path

    def rows(self, path: Path) -> list[int]:
        """What it holds."""
        connection = open_writer(str(path), synchronous="NORMAL")
        try:
            return [a for (a,) in connection.execute("SELECT a FROM t ORDER BY a")]
        finally:
            connection.close()

    def founded(self) -> Path:
        """The file of a first node, which has founded the cluster."""
        path = self.file("near", 1, 2)
        self.successResultOf(self.join("near", path))
        self.mark_ready()
        return path

    def mark_ready(self) -> None:
        """The founder's duty is done."""
        assert self.network.stream is not None
        self.network.stream.ready = True

    def test_the_first_node_founds_the_cluster(self) -> None:
        """Its file is the base snapshot, and belongs to the cluster from now on."""
        path = self.founded()
        seen = visit(path, SUBJECT)
        assert self.network.stream is not None
        self.assertEqual((seen.cluster_id, seen.epoch, seen.position), (self.network.stream.cluster_id, 1, 1))
        self.assertIn("my.db", self.network.objects)

    def test_the_second_node_takes_its_state(self) -> None:
        """Rows that were there before the cluster, too."""
        self.founded()
        path = self.file("far")
        self.successResultOf(self.join("far", path))
        self.assertEqual(self.rows(path), [1, 2])

    def test_a_node_that_never_wrote_is_known(self) -> None:
        """It says so on the log, until its file has it: whoever applies that knows of one more member."""
        self.founded()
        path = self.file("far")
        self.successResultOf(self.join("far", path, announces=True))
        assert self.network.stream is not None
        entry = list(self.network.stream.entries(SUBJECT))[-1]
        message = decode(entry.body)
        self.assertEqual((message.node, message.kind, message.group, list(message.changes)), ("far", MARKER, 1, []))
        connection = open_writer(str(path), synchronous="NORMAL")
        with connection.guard.trusted(), connection:
            self.assertTrue(put_once(connection, message, entry.sequence - 1))
            write_position(connection, SUBJECT, entry.sequence)
        connection.close()
        self.assertIn("far", {node for node, _ in visit(path, SUBJECT).origins})
        self.successResultOf(self.join("far", path, announces=True))
        self.assertEqual(list(self.network.stream.entries(SUBJECT))[-1], entry)

    def test_rows_of_its_own_are_refused(self) -> None:
        """Unless the operator lets the cluster's take their place; the file is kept."""
        self.founded()
        path = self.file("far", 7)
        self.failureResultOf(self.join("far", path), CannotJoin)
        self.assertEqual(self.rows(path), [7])
        self.successResultOf(self.join("far", path, replace_local=True))
        self.assertEqual(self.rows(path), [1, 2])
        (kept,) = self.home.glob("far.db.replaced-*")
        self.assertEqual(self.rows(kept), [7])

    def test_the_log_is_gone(self) -> None:
        """A node that may not be the only one asks; one that is alone begins the log anew, under a new epoch."""
        path = self.founded()
        cluster_id = visit(path, SUBJECT).cluster_id
        self.network.stream = None
        self.network.objects.clear()
        failure = self.failureResultOf(self.join("near", path), CannotJoin)
        self.assertIn("--reseed", str(failure.value))
        self.successResultOf(self.join("near", path, alone=True))
        seen = visit(path, SUBJECT)
        self.assertEqual((seen.cluster_id, seen.epoch), (cluster_id, 2))
        self.assertEqual(self.rows(path), [1, 2])

    def test_the_log_lost_its_tail(self) -> None:
        """The operator's word begins it anew; and nodes that were ahead of it are told."""
        path = self.founded()
        other = self.home / "far.db"
        shutil.copy(path, other)
        self.network.lose_tail(0)
        self.failureResultOf(self.join("near", path), CannotJoin)
        self.successResultOf(self.join("near", path, reseed=True))
        self.mark_ready()
        self.assertEqual(visit(path, SUBJECT).epoch, 2)
        failure = self.failureResultOf(self.join("far", other), CannotJoin)
        self.assertIn("epoch 1", str(failure.value))
        self.successResultOf(self.join("far", other, replace_local=True))
        self.assertEqual(visit(other, SUBJECT).epoch, 2)

    def test_a_second_copy_at_our_position(self) -> None:
        """Stored late, and skipped: later messages of its process are known, so it is the log that we followed."""
        path = self.founded()
        far = self.network.join("far")
        for number, group in enumerate((1, 2, 1), 1):
            body = encode(Message("far", 9, "my.db", group, 0, 0, (), kind=MARKER))
            far.publish(SUBJECT, body, f"far:9:{number}", None)
            self.network.settle()
        connection = open_writer(str(path), synchronous="NORMAL")
        with connection.guard.trusted():
            origin_of(connection, "far", 9, 2)
            write_position(connection, SUBJECT, 4)
        connection.close()
        self.successResultOf(self.join("near", path))
        self.assertEqual(visit(path, SUBJECT).position, 4)

    def test_somebody_removed_every_message(self) -> None:
        """A marker takes their place, and a new snapshot with it; others restore that."""
        path = self.founded()
        stream = self.network.stream
        assert stream is not None
        stream.remove(lambda one: True)
        stream.last_sequence = 5
        self.successResultOf(self.join("near", path))
        self.assertEqual(visit(path, SUBJECT).position, 6)
        self.assertEqual(self.network.objects["my.db"][0].headers["seq"], "6")
