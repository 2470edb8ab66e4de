"""Tests of ha.replication.transaction: one client's interactive transaction."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from ha.errors import StatementError
from ha.replication.conflicts import READ_COMMITTED, REPEATABLE_READ, SERIALIZABLE
from ha.test.replicas import Member, ReplicaCase


class TransactionTests(ReplicaCase):
    """It holds the writer, and what comes between is judged by its level."""

    def setUp(self) -> None:
        super().setUp()
        self.near, self.far = self.member("a"), self.member("b")
        self.done(
            self.near.write(
                "CREATE TABLE t (id INTEGER PRIMARY KEY, a UNIQUE)", "INSERT INTO t VALUES (1, 'x'), (2, 'y')"
            )
        )

    def begin(self, member: Member, level: str = READ_COMMITTED) -> Any:
        return self.successResultOf(Deferred.fromCoroutine(member.replica.transaction(None, level)))

    def run_in(self, member: Member, opened: Any, sql: str) -> None:
        def run(connection: Any) -> None:
            connection.execute(sql)
            member.database.capture.after_statement(sql, may_change_schema=False)

        opened.tables.add("t")
        self.successResultOf(Deferred.fromCoroutine(opened.run(run, writes=True)))

    def commit(self, opened: Any) -> Deferred[Any]:
        ending = Deferred.fromCoroutine(opened.commit())
        self.settle(2.0)
        return ending

    def test_it_is_everybodys_after_the_commit(self) -> None:
        opened = self.begin(self.near)
        self.run_in(self.near, opened, "INSERT INTO t VALUES (3, 'z')")
        self.assertEqual(self.near.rows("SELECT count(*) FROM t"), [(2,)])
        self.successResultOf(self.commit(opened))
        self.assertEqual(self.far.rows("SELECT a FROM t WHERE id = 3"), [("z",)])

    def test_rolled_back_it_leaves_no_trace_and_frees_the_writer(self) -> None:
        opened = self.begin(self.near)
        self.run_in(self.near, opened, "DELETE FROM t")
        opened.rollback()
        self.assertEqual(self.near.rows("SELECT count(*) FROM t"), [(2,)])
        self.done(self.near.write("INSERT INTO t VALUES (3, 'z')"))

    def test_a_savepoint_brings_rows_and_changes_back(self) -> None:
        opened = self.begin(self.near)
        self.run_in(self.near, opened, "INSERT INTO t VALUES (3, 'z')")
        mark = opened.savepoint("s")
        self.run_in(self.near, opened, "INSERT INTO t VALUES (4, 'undone')")
        opened.rollback_to("s", mark)
        self.successResultOf(self.commit(opened))
        self.assertEqual(self.far.rows("SELECT id FROM t"), [(1,), (2,), (3,)])

    def between(self, level: str, ours: str, theirs: str) -> Deferred[Any]:
        opened = self.begin(self.near, level)
        self.run_in(self.near, opened, ours)
        self.done(self.far.write(theirs))
        return self.commit(opened)

    def test_read_committed_goes_on_top_of_another_row(self) -> None:
        self.successResultOf(
            self.between(
                READ_COMMITTED, "UPDATE t SET a = 'ours' WHERE id = 1", "UPDATE t SET a = 'theirs' WHERE id = 2"
            )
        )
        self.assertEqual(self.far.rows("SELECT a FROM t"), [("ours",), ("theirs",)])
        self.assertEqual(self.near.rows("SELECT a FROM t"), [("ours",), ("theirs",)])

    def test_read_committed_never_takes_a_unique_value(self) -> None:
        ending = self.between(READ_COMMITTED, "UPDATE t SET a = 'v' WHERE id = 1", "UPDATE t SET a = 'v' WHERE id = 2")
        self.assertEqual(self.failureResultOf(ending, StatementError).value.sqlstate, "40001")

    def test_repeatable_read_refuses_a_row_that_both_wrote(self) -> None:
        ending = self.between(REPEATABLE_READ, "UPDATE t SET a = 'p' WHERE id = 1", "UPDATE t SET a = 'q' WHERE id = 1")
        error = self.failureResultOf(ending, StatementError).value
        self.assertEqual(error.sqlstate, "40001")
        self.assertIn("t", error.detail or "")

    def test_repeatable_read_bears_another_row(self) -> None:
        self.successResultOf(
            self.between(REPEATABLE_READ, "UPDATE t SET a = 'p' WHERE id = 1", "UPDATE t SET a = 'q' WHERE id = 2")
        )

    def test_serializable_refuses_a_table_that_another_wrote(self) -> None:
        ending = self.between(SERIALIZABLE, "UPDATE t SET a = 'p' WHERE id = 1", "UPDATE t SET a = 'q' WHERE id = 2")
        self.assertEqual(self.failureResultOf(ending, StatementError).value.sqlstate, "40001")

    def test_those_who_wait_too_long_hear_so(self) -> None:
        opened = self.begin(self.near)
        waiting = Deferred.fromCoroutine(self.near.replica.transaction(1.0, READ_COMMITTED))
        self.near.clock.advance(1.1)
        self.assertEqual(self.failureResultOf(waiting, StatementError).value.sqlstate, "55P03")
        opened.rollback()
