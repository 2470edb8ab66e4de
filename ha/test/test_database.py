"""Tests of ha.sqlite.database."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sqlite.connection import Connection
from ha.sqlite.database import FORCED_PAGES, READERS_MAX, Database, one_state
from ha.sqlite.executor import FOREVER, STEPS_PER_TICK, Lanes
from ha.sqlite.ledger import read_position
from ha.sqlite.schema import install
from ha.test.steps import SteppedLane


class ThreadlessClock(Clock):
    """A clock that is also where other threads send their calls."""

    def callFromThread(self, function: Any, *arguments: Any) -> None:
        self.callLater(0, function, *arguments)


class DatabaseTests(SynchronousTestCase):
    """One writer, many readers, a file."""

    def setUp(self) -> None:
        self.clock = ThreadlessClock()
        self.lane = SteppedLane(at_once=True)
        folder = Path(self.mktemp())
        folder.mkdir()
        self.path = folder / "mydatabase.db"
        self.database = Database("mydatabase.db", self.path, "s.mydatabase_db", Lanes(self.lane, 0.002), self.clock)
        install(self.database.writer)
        self.write("CREATE TABLE t (id INTEGER PRIMARY KEY, a)")
        self.addCleanup(lambda: self.database.closed or self.database.close())

    def write(self, *texts: str) -> None:
        with self.database.own_transaction():
            for text in texts:
                self.database.writer.execute(text)

    def read(self, sql: str) -> Any:
        reading = Deferred.fromCoroutine(self.database.read(lambda one: one.execute(sql).fetchall()))
        return self.successResultOf(reading)

    def test_readers_see_what_was_committed(self) -> None:
        self.write("INSERT INTO t VALUES (1, 'x')")
        self.assertEqual(self.read("SELECT * FROM t"), [(1, "x")])

    def test_closed_it_is_one_file(self) -> None:
        """Whoever copies it then copies all of it."""
        self.write("INSERT INTO t VALUES (1, 'x')")
        self.read("SELECT * FROM t")
        self.database.close()
        self.assertEqual([one.name for one in self.path.parent.glob("mydatabase.db-wal")], [])
        with closing(sqlite3.connect(self.path)) as connection:
            self.assertEqual(connection.execute("SELECT * FROM t").fetchall(), [(1, "x")])

    def test_readers_do_not_see_an_open_transaction(self) -> None:
        self.database.begin()
        self.database.writer.execute("INSERT INTO t VALUES (1, 'x')")
        self.assertEqual(self.read("SELECT * FROM t"), [])
        self.database.rollback()

    def test_a_budget_that_ends_with_the_work_undoes_none_or_all(self) -> None:
        """Interrupted in the RELEASE, the rows would stay in the file without a message; in ROLLBACK TO, the reverse."""
        writer = self.database.writer
        writer.set_progress_handler(writer.gauge, 1)

        def work(fails: bool) -> None:
            writer.execute("INSERT INTO t VALUES (NULL, 'x')")
            if fails:
                writer.gauge.stop_at = 0.0
                raise StatementError("23505", "no")

        settle = self.database.capture.settle

        def settle_and_spend() -> None:
            settle()
            writer.gauge.stop_at = 0.0

        self.patch(self.database.capture, "settle", settle_and_spend)
        self.database.begin()
        _, changes, _, _ = self.database.attempt(lambda _: work(False))
        writer.gauge.stop_at = FOREVER
        self.assertEqual(len(changes), 1)
        with self.assertRaises(StatementError):
            self.database.attempt(lambda _: work(True))
        writer.gauge.stop_at = FOREVER
        self.assertEqual(self.database.capture.take(), ([], {}))
        self.assertEqual(writer.execute("SELECT count(*) FROM t").fetchall(), [(1,)])
        self.database.rollback()

    def test_readers_cannot_write(self) -> None:
        with self.assertRaises(Exception):  # noqa: B017
            self.database.borrow().execute("INSERT INTO t VALUES (1, 2)")  # type: ignore[union-attr]

    def test_a_connection_is_used_again(self) -> None:
        first = self.database.borrow()
        self.database.give_back(first)  # type: ignore[arg-type]
        self.assertIs(self.database.borrow(), first)

    def test_one_more_reader_than_there_may_be_waits(self) -> None:
        lent = [self.database.borrow() for _ in range(READERS_MAX)]
        waiting = self.database.borrow()
        assert isinstance(waiting, Deferred)
        self.assertNoResult(waiting)
        self.database.give_back(lent[0])  # type: ignore[arg-type]
        self.assertIs(self.successResultOf(waiting), lent[0])

    def test_a_long_read_goes_to_a_thread_and_is_known_the_next_time(self) -> None:
        slow = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 300000) SELECT count(*) FROM n"
        for _ in range(2):
            found = Deferred.fromCoroutine(self.database.read(lambda one: one.execute(slow).get, key="slow"))
            self.assertEqual(self.successResultOf(found), 300000)
        self.assertEqual(self.lane.ran, 2)
        self.assertTrue(self.database.lanes.is_long("slow"))

    def test_an_attempt_gives_its_changes(self) -> None:
        self.database.begin()
        result, changes, sequences, size = self.database.attempt(
            lambda one: one.execute("INSERT INTO t VALUES (1, 'x') RETURNING id").get
        )
        self.assertEqual((result, len(changes), sequences), (1, 1, {}))
        self.assertGreater(size, 0)

    def test_a_damaged_file_ends_the_transaction_of_all(self) -> None:
        """Their COMMIT could fail when the log has it already; they run again without the one that met the damage."""

        def fail(connection: Any) -> None:
            raise StatementError("XX001", "the database file is damaged")

        self.database.begin()
        self.database.attempt(lambda one: one.execute("INSERT INTO t VALUES (1, 'x')"))
        with self.assertRaises(StatementError):
            self.database.attempt(fail)
        self.assertFalse(self.database.writer.in_transaction)
        self.assertEqual(self.read("SELECT * FROM t"), [])

    def test_the_write_ahead_log_is_bounded_though_the_writer_never_rests(self) -> None:
        """No thread comes to its checkpoint here; the writer makes one itself, and the log begins anew."""
        row = "INSERT INTO t (a) VALUES (zeroblob(8000000))"  # some 2,000 pages
        for _ in range(12):
            self.write(row, "DELETE FROM t")
        pages = self.path.with_name(f"{self.path.name}-wal").stat().st_size // 4096
        self.assertLess(pages, FORCED_PAGES + 3_000)

    def test_a_full_disk_has_the_write_ahead_log_cut(self) -> None:
        """It may be what fills the disk, and no commit will come to ask for a checkpoint."""
        self.write(*(f"INSERT INTO t VALUES ({number}, zeroblob(4000))" for number in range(1, 20)))
        waiting = self.path.with_name(f"{self.path.name}-wal")
        self.assertGreater(waiting.stat().st_size, 0)
        self.write("PRAGMA max_page_count = 1")  # SQLite takes the pages that there are
        with self.assertRaises(StatementError) as caught:
            self.write("INSERT INTO t VALUES (100, zeroblob(40000))")
        self.assertEqual(caught.exception.sqlstate, "53100")
        self.clock.advance(0)
        self.assertEqual(waiting.stat().st_size, 0)
        self.assertEqual(len(self.read("SELECT * FROM t")), 19)

    def test_a_failed_attempt_leaves_its_mates_alone(self) -> None:
        self.database.begin()
        self.database.attempt(lambda one: one.execute("INSERT INTO t VALUES (1, 'kept')"))

        def fail(connection: Any) -> None:
            connection.execute("INSERT INTO t VALUES (2, 'undone')")
            raise StatementError("22023", "no")

        with self.assertRaises(StatementError):
            self.database.attempt(fail)
        self.database.commit(7, ("node", 1, 1))
        self.assertEqual(self.read("SELECT * FROM t"), [(1, "kept")])

    def test_the_position_moves_with_the_rows(self) -> None:
        self.database.begin()
        self.database.attempt(lambda one: one.execute("INSERT INTO t VALUES (1, 'x')"))
        self.database.commit(7, ("node", 1, 1))
        self.assertEqual(read_position(self.database.writer, self.database.subject), 7)

    def test_a_rollback_leaves_rows_and_position(self) -> None:
        self.database.begin()
        self.database.attempt(lambda one: one.execute("INSERT INTO t VALUES (1, 'x')"))
        self.database.rollback()
        self.assertEqual(self.read("SELECT count(*) FROM t"), [(0,)])
        self.assertEqual(read_position(self.database.writer, self.database.subject), 0)

    def test_every_commit_is_a_new_version(self) -> None:
        before = self.database.version
        self.write("INSERT INTO t VALUES (1, 2)")
        self.assertGreater(self.database.version, before)

    def test_a_large_log_is_checkpointed_in_a_thread(self) -> None:
        self.write("INSERT INTO t VALUES (1, zeroblob(8000000))")
        self.assertEqual(self.lane.ran, 0)
        self.clock.advance(0)
        self.assertEqual(self.lane.ran, 1)
        self.assertGreater(self.path.stat().st_size, 8_000_000)

    def test_closing_ends_those_who_wait(self) -> None:
        lent = [self.database.borrow() for _ in range(READERS_MAX)]
        waiting = self.database.borrow()
        self.database.close()
        self.assertEqual(self.failureResultOf(waiting, StatementError).value.sqlstate, "57P01")  # type: ignore[arg-type]
        for connection in lent:
            self.database.give_back(connection)  # type: ignore[arg-type]

    def test_what_reads_of_one_moment_ends(self) -> None:
        """However often it was stopped: SQLite asks whether to stop at the end of one ROLLBACK in some hundreds, too."""
        connection = self.database.borrow()
        assert isinstance(connection, Connection)
        lanes = Lanes(self.lane, 10.0)

        def read(lent: Connection) -> None:
            with one_state(lent):
                lent.gauge.cancelled = True  # type: ignore[attr-defined]

        for _ in range(3 * STEPS_PER_TICK):
            lanes.short(connection, read)
            self.assertFalse(connection.in_transaction)
        self.database.give_back(connection)
