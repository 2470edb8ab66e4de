"""One database's life in the cluster."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, execute
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.replication.change import Command, Message, encode
from ha.replication.committer import Work
from ha.replication.follower import CannotApply
from ha.replication.groups import Origin
from ha.replication.joining import Joining, Rights
from ha.replication.member import Member
from ha.replication.replica import Replica
from ha.replication.snapshot import Snapshots
from ha.sqlite.connection import open_writer
from ha.sqlite.database import Database
from ha.sqlite.executor import Lanes
from ha.sqlite.losses import count_quarantined
from ha.test.fakes import Network

SUBJECT = "s.my_db"


class ThreadlessClock(Clock):
    """A clock that is a reactor as far as a database asks for one."""

    def callFromThread(self, call: Any, *arguments: Any) -> None:
        """In a moment."""
        self.callLater(0, call, *arguments)


class MemberTests(SynchronousTestCase):
    """Members on a log in memory."""

    def setUp(self) -> None:
        """A first node has founded the cluster with one row."""
        self.network = Network()
        self.clock = ThreadlessClock()
        self.home = Path(self.mktemp())
        self.home.mkdir()
        self.first = self.member("first", [1])
        self.join(self.first)
        assert self.network.stream is not None
        self.network.stream.ready = True

    def member(self, node: str, rows: list[int]) -> Member:
        """A node's database, not joined yet."""
        path = self.home / f"{node}.db"
        connection = open_writer(str(path), synchronous="NORMAL")
        if rows:
            connection.execute("CREATE TABLE t (a INTEGER PRIMARY KEY)")
            connection.executemany("INSERT INTO t VALUES (?)", [(row,) for row in rows])
        connection.close()
        log, origin = self.network.join(node), Origin(node, len(self.network.logs))
        scratch = self.home / node
        scratch.mkdir()

        def make(member: Member, epoch: int) -> Replica:
            database = Database("my.db", path, SUBJECT, Lanes(execute, 0.1), self.clock)
            self.addCleanup(lambda: database.closed or database.close())
            return Replica(database, member.gate, origin, self.clock, epoch=epoch, timeout_s=1.0)

        joining = Joining(log, Snapshots(log, execute, scratch), origin, self.clock, execute, Rights())
        member = Member("my.db", SUBJECT, path, log, joining, make, self.clock, execute)
        log.on_connection_change.append(member.connection_changed)
        self.addCleanup(member.stop)
        return member

    def settle(self) -> None:
        """Let everything happen that can within some seconds."""
        for _ in range(50):
            self.network.settle()
            self.clock.advance(0.1)

    def join(self, member: Member) -> None:
        """It joins, and has caught up."""
        joined = Deferred.fromCoroutine(member.join())
        self.settle()
        self.successResultOf(joined)

    def write(self, member: Member, row: int) -> Deferred[Any]:
        """Insert a row there."""
        assert member.replica is not None
        done = member.replica.submit(
            Work(lambda connection: connection.execute("INSERT INTO t VALUES (?)", (row,)).get)
        )
        self.settle()
        return done

    def rows(self, member: Member) -> list[int]:
        """What it holds."""
        assert member.replica is not None
        with member.replica.database.writer.guard.trusted():
            return [a for (a,) in member.replica.database.writer.execute("SELECT a FROM t ORDER BY a")]

    def test_joined_it_follows(self) -> None:
        """And nothing is to be said about it."""
        second = self.member("second", [])
        self.join(second)
        self.successResultOf(self.write(self.first, 2))
        self.assertEqual((self.rows(second), second.waiting_for), ([1, 2], ""))

    def test_cut_off_from_the_start(self) -> None:
        """It is opened as it is, and says so; writes wait; it joins when the connection comes."""
        self.first.stop()
        shutil.copy(self.first.path, self.home / "copy.db")
        again = self.member("again", [])
        shutil.copy(self.home / "copy.db", again.path)
        log = again._log
        log.cut()
        self.assertTrue(self.successResultOf(Deferred.fromCoroutine(again.open_cut_off())))
        self.assertIn("cut off", again.waiting_for)
        self.assertEqual(self.rows(again), [1])
        self.successResultOf(self.write(again, 2))
        log.mend()
        self.settle()
        self.assertEqual(again.waiting_for, "")
        assert again.replica is not None
        self.assertEqual((again.replica.outbox.count, self.rows(again)), (0, [1, 2]))

    def test_a_file_of_no_cluster_is_not_opened(self) -> None:
        """There is nothing that could be served."""
        new = self.member("new", [])
        self.assertFalse(self.successResultOf(Deferred.fromCoroutine(new.open_cut_off())))

    def test_another_log_in_its_place(self) -> None:
        """Reads go on, writes are refused in words, and it is said once."""
        self.network.stream = None
        self.network.create("other", "zoe", 1, 1)
        self.mark_ready()
        with capturedLogs() as logs:
            self.first._log.cut()
            self.first._log.mend()
            self.settle()
        self.assertIn("--reseed", self.first.waiting_for)
        self.assertEqual(len([one for one in logs if one["log_level"].name == "critical"]), 1)
        self.assertEqual(self.rows(self.first), [1])
        self.assertEqual(self.failureResultOf(self.write(self.first, 2), StatementError).value.sqlstate, "57P03")

    def test_the_log_comes_back_behind_the_server(self) -> None:
        """It was not there when the connection came: who stands still looks again, and says what decides now."""
        stream, self.network.stream = self.network.stream, None
        self.first._log.cut()
        self.first._log.mend()
        self.settle()
        self.assertIn("the log is gone", self.first.waiting_for)
        self.network.create("other", "zoe", 1, 1)
        self.mark_ready()
        self.settle()
        self.assertIn("--replace-local", self.first.waiting_for)
        assert self.first.replica is not None
        skipped = Deferred.fromCoroutine(self.first.skip(self.first.replica.follower.position))
        self.assertIn("--replace-local", self.failureResultOf(skipped, StatementError).value.message)
        self.network.stream = stream
        self.settle()
        self.assertEqual(self.first.waiting_for, "")
        self.successResultOf(self.write(self.first, 2))
        self.assertEqual(self.rows(self.first), [1, 2])

    def test_a_refusal_is_no_loss(self) -> None:
        """The log is asked how far it is, and we go on while the answer is on its way."""
        assert self.first.replica is not None
        follower = self.first.replica.follower
        joined: list[int] = []
        self.first.joined = lambda: joined.append(follower.position)
        asked = Deferred.fromCoroutine(self.first._ask())
        follower.advanced(follower.position + 5)
        self.settle()
        self.successResultOf(asked)
        self.assertEqual(joined, [])

    def mark_ready(self) -> None:
        """The stream's founder is done."""
        assert self.network.stream is not None
        self.network.stream.ready = True

    def test_a_message_is_passed_over(self) -> None:
        """The one it stands before, and no other; it is kept."""
        assert self.first.replica is not None
        follower = self.first.replica.follower
        skipped = Deferred.fromCoroutine(self.first.skip(5))
        self.assertEqual(self.failureResultOf(skipped, StatementError).value.sqlstate, "55000")
        self.first.gate.shut()
        stored = self.network.join("far").publish(SUBJECT, b"no message", "far:1:1", 1)
        self.network.settle()
        sequence = self.successResultOf(stored)
        follower.failed = CannotApply(sequence, "not JSON")
        skipped = Deferred.fromCoroutine(self.first.skip(sequence))
        self.settle()
        self.successResultOf(skipped)
        self.assertEqual((follower.failed, follower.position), (None, sequence))
        self.assertEqual(count_quarantined(self.first.replica.database.writer), 1)

    def test_what_was_passed_over_is_known_again(self) -> None:
        """After a reconnect the log is still the one that we follow."""
        assert self.first.replica is not None
        self.first.gate.shut()
        message = Message("far", 9, "my.db", 1, 0, 0, (Command("CREATE nonsense", 0),))
        stored = self.network.join("far").publish(SUBJECT, encode(message), "far:9:1", 1)
        self.network.settle()
        sequence = self.successResultOf(stored)
        self.first.replica.follower.failed = CannotApply(sequence, "nonsense")
        skipped = Deferred.fromCoroutine(self.first.skip(sequence))
        self.settle()
        self.successResultOf(skipped)
        self.first._log.cut()
        self.first._log.mend()
        self.settle()
        self.assertEqual((self.first.waiting_for, self.first.replica.follower.failed), ("", None))
