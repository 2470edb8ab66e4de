"""Copies of a database that is in use."""

from __future__ import annotations

import contextlib
import os
from collections import namedtuple
from pathlib import Path

import apsw
from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sqlite import backup as module
from ha.sqlite.backup import Cancelled, Unsettled, copy
from ha.sqlite.connection import open_writer
from ha.sqlite.schema import Membership, install, write_membership


class CopyTests(SynchronousTestCase):
    """One database of some hundred pages, copied ten at a time."""

    def setUp(self) -> None:
        """Its writer stays open, with a write-ahead log that was never folded in."""
        self.home = Path(self.mktemp())
        self.home.mkdir()
        self.source, self.target = self.home / "my.db", self.home / "copy.db"
        self.writer = open_writer(str(self.source), synchronous="NORMAL")
        self.addCleanup(self.writer.close)
        install(self.writer)
        write_membership(self.writer, Membership("s", "c1", 4))
        self.writer.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, body)")
        for _ in range(300):
            self.write()
        self.patch(module, "PAGES_PER_SLICE", 10)

    def write(self) -> None:
        """One row, and the position with it."""
        self.writer.execute("INSERT INTO t (body) VALUES (randomblob(3000))")
        with self.writer.guard.trusted():
            self.writer.execute(
                "INSERT INTO ha_stats (subject, received_seq) VALUES ('s.my_db', 1)"
                " ON CONFLICT (subject) DO UPDATE SET received_seq = received_seq + 1"
            )

    def found(self) -> tuple[int, int, str]:
        """What the copy holds: rows, position, and whether it is sound."""
        connection = apsw.Connection(str(self.target))
        try:
            return (
                connection.execute("SELECT count(*) FROM t").get,
                connection.execute("SELECT received_seq FROM ha_stats").get,
                connection.execute("PRAGMA integrity_check").get,
            )
        finally:
            connection.close()

    def test_it_says_what_it_holds(self) -> None:
        """Position and cluster, from the very transaction that was copied."""
        copied = copy(self.source, self.target)
        self.assertEqual(copied.positions, {"s.my_db": 300})
        self.assertEqual(copied.membership, Membership("s", "c1", 4))
        self.assertTrue(copied.settled)
        self.assertEqual(copied.size_bytes, self.target.stat().st_size)
        self.assertEqual(self.found(), (300, 300, "ok"))

    def test_writers_go_on_and_the_copy_does_not_see_them(self) -> None:
        """It neither waits, nor starts again, nor mixes two states."""
        steps: list[int] = []

        def progress(done: int, total: int) -> None:
            steps.append(done)
            self.write()

        copied = copy(self.source, self.target, on_progress=progress)
        self.assertEqual(steps, sorted(set(steps)))
        self.assertGreater(len(steps), 10)
        self.assertEqual(self.found(), (300, 300, "ok"))
        self.assertEqual(copied.positions, {"s.my_db": 300})
        self.assertEqual(self.writer.execute("SELECT count(*) FROM t").get, 300 + len(steps))

    def test_a_checkpoint_meanwhile_does_no_harm(self) -> None:
        """Not even one that would cut the write-ahead log."""

        def progress(done: int, total: int) -> None:
            self.write()
            with contextlib.suppress(apsw.BusyError):
                self.writer.wal_checkpoint("main", apsw.SQLITE_CHECKPOINT_TRUNCATE)

        copy(self.source, self.target, on_progress=progress)
        self.assertEqual(self.found(), (300, 300, "ok"))

    def test_it_can_be_stopped(self) -> None:
        """And leaves nothing."""
        asked = iter([False, False, True])
        self.assertRaises(Cancelled, copy, self.source, self.target, cancelled=lambda: next(asked))
        self.assertEqual([name for name in os.listdir(self.home) if name.startswith("copy")], [])

    def test_an_old_target_is_replaced(self) -> None:
        """With everything that lay beside it."""
        for suffix in ("", "-wal", "-journal"):
            Path(f"{self.target}{suffix}").write_bytes(b"rubbish" * 1000)
        copy(self.source, self.target)
        self.assertEqual(self.found(), (300, 300, "ok"))

    def test_a_snapshot_waits_for_the_outbox(self) -> None:
        """A download does not: it is the file as it is."""
        with self.writer.guard.trusted():
            self.writer.execute("INSERT INTO ha_outbox (message_id, body, created_ns) VALUES ('n:1:1', x'00', 1)")
        self.assertRaises(Unsettled, copy, self.source, self.target, settled_only=True)
        self.assertFalse(self.target.exists())
        self.assertFalse(copy(self.source, self.target).settled)

    def test_a_full_disk_is_noticed_before(self) -> None:
        """53100, and nothing is written."""
        usage = namedtuple("usage", "free")
        self.patch(module.shutil, "disk_usage", lambda path: usage(module.SPARE_BYTES + 100_000))
        error = self.assertRaises(StatementError, copy, self.source, self.target)
        self.assertEqual(error.sqlstate, "53100")
        self.assertFalse(self.target.exists())

    def test_a_reader_is_given_back(self) -> None:
        """After a failure too: the write-ahead log can be cut again."""
        self.assertRaises(Cancelled, copy, self.source, self.target, cancelled=lambda: True)
        self.writer.wal_checkpoint("main", apsw.SQLITE_CHECKPOINT_TRUNCATE)
