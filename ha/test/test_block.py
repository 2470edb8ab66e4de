"""Tests of ha.block."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ha.block import Block
from ha.errors import StatementError
from ha.replication.conflicts import READ_COMMITTED, SERIALIZABLE
from ha.sqlite.executor import Cancellation
from ha.test.clients import Served


class BlockTests(SynchronousTestCase):
    """What a block holds, and when."""

    def setUp(self) -> None:
        self.served = Served(self)

    def block(self, isolation: str = READ_COMMITTED, **options: Any) -> Block:
        block = Block(self.served.replica, explicit=True, isolation=isolation, **options)
        self.addCleanup(block.roll_back)
        return block

    def wait(self, coroutine: Any) -> Any:
        doing = Deferred.fromCoroutine(coroutine)
        self.served.settle()
        return self.successResultOf(doing)

    def write(self, block: Block, sql: str) -> None:
        opened = self.wait(block.write_transaction("INSERT", None, Cancellation()))
        opened.connection.execute(sql)

    @property
    def writer_is_held(self) -> bool:
        return self.served.database.turnstile.held

    def test_it_holds_nothing_at_first(self) -> None:
        block = self.block()
        self.assertIsNone(self.wait(block.reader()))
        self.assertFalse(self.writer_is_held)

    def test_it_holds_the_writer_from_its_first_write_on(self) -> None:
        block = self.block()
        self.write(block, "CREATE TABLE t (a)")
        self.assertTrue(self.writer_is_held)
        self.assertIs(self.wait(block.reader()), self.served.database.writer)
        self.wait(block.commit())
        self.assertFalse(self.writer_is_held)

    def test_a_snapshot_is_kept_and_given_back(self) -> None:
        block = self.block(SERIALIZABLE)
        snapshot = self.wait(block.reader())
        self.assertIs(self.wait(block.reader()), snapshot)
        self.assertTrue(snapshot.in_transaction)
        block.roll_back()
        self.assertFalse(snapshot.in_transaction)
        self.assertIs(self.served.database.borrow(), snapshot)

    def test_a_read_only_block_takes_no_writer(self) -> None:
        doing = Deferred.fromCoroutine(self.block(read_only=True).write_transaction("INSERT", None, Cancellation()))
        self.assertEqual(self.failureResultOf(doing, StatementError).value.sqlstate, "25006")  # type: ignore[attr-defined]
        self.assertFalse(self.writer_is_held)

    def test_savepoints_set_before_the_first_write_count(self) -> None:
        block = self.block()
        block.set_savepoint("a", "settings")
        self.write(block, "CREATE TABLE t (a)")
        self.assertEqual(block.roll_back_to("a"), "settings")
        self.assertEqual(
            self.served.database.writer.execute("SELECT count(*) FROM sqlite_schema WHERE name = 't'").get, 0
        )

    def test_a_failure_keeps_the_writer_only_for_a_savepoint(self) -> None:
        block = self.block()
        self.write(block, "CREATE TABLE t (a)")
        block.set_savepoint("a", None)
        block.fail()
        self.assertTrue(self.writer_is_held)
        block.release("a")
        block.fail()
        self.assertFalse(self.writer_is_held)

    def test_what_sqlite_ended_has_no_savepoints(self) -> None:
        block = self.block()
        block.set_savepoint("a", None)
        self.write(block, "CREATE TABLE t (a)")
        with self.served.database.writer.guard.trusted():
            self.served.database.writer.execute("ROLLBACK")
        for act in (
            lambda: block.roll_back_to("a"),
            lambda: block.release("a"),
            lambda: block.set_savepoint("b", None),
        ):
            self.assertEqual(self.assertRaises(StatementError, act).sqlstate, "40000")

    def test_rolling_back_twice_does_no_harm(self) -> None:
        block = self.block()
        self.write(block, "CREATE TABLE t (a)")
        block.roll_back()
        block.roll_back()
        self.assertFalse(self.writer_is_held)
