"""Tests of ha.replication.replica: one database as a member of the cluster."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from ha.errors import StatementError
from ha.test.replicas import ReplicaCase


class AgreementTests(ReplicaCase):
    """What is written on one node is on every node."""

    def test_a_write_arrives_on_the_other_node(self) -> None:
        near, far = self.member("a"), self.member("b")
        self.done(near.write("CREATE TABLE t (id INTEGER PRIMARY KEY, a)", "INSERT INTO t VALUES (1, 'x')"))
        self.assertEqual(far.rows("SELECT * FROM t"), [(1, "x")])
        self.assertEqual(near.replica.follower.position, far.replica.follower.position)

    def test_both_write_at_once_and_nothing_is_lost(self) -> None:
        """One of them is overtaken; its transaction runs again, unseen by its client."""
        near, far = self.member("a"), self.member("b")
        self.done(near.write("CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, a)"))
        writing = [member.write(f"INSERT INTO t (a) VALUES ('{member.log.name}')") for member in (near, far)]
        self.settle()
        for one in writing:
            self.successResultOf(one)
        self.assertEqual(len(near.rows("SELECT * FROM t")), 2)
        self.assertEqual(near.rows("SELECT * FROM t"), far.rows("SELECT * FROM t"))
        self.assertEqual(near.replica.committer.refusals + far.replica.committer.refusals, 1)

    def test_increments_add_up(self) -> None:
        near, far = self.member("a"), self.member("b")
        self.done(near.write("CREATE TABLE n (n)", "INSERT INTO n VALUES (0)"))
        writing = [member.write("UPDATE n SET n = n + 1") for _ in range(5) for member in (near, far)]
        self.settle(2.0)
        for one in writing:
            self.successResultOf(one)
        self.assertEqual((near.rows("SELECT n FROM n"), far.rows("SELECT n FROM n")), ([(10,)], [(10,)]))

    def test_a_notification_reaches_the_listeners_of_every_node(self) -> None:
        near, far = self.member("a"), self.member("b")
        heard: list[Any] = []
        far.replica.listeners.add(lambda channel, payload, pid: heard.append((channel, payload, pid)))
        self.done(near.write("CREATE TABLE t (a)"))
        opened = self.successResultOf(Deferred.fromCoroutine(near.replica.transaction(None, "read committed")))
        opened.notifications.append(("ch", "hi", 7))
        self.done(Deferred.fromCoroutine(opened.commit()))
        self.assertEqual(heard, [("ch", "hi", 7)])

    def test_a_read_waits_for_a_position(self) -> None:
        near, far = self.member("a"), self.member("b")
        self.done(near.write("CREATE TABLE t (a)"))
        wanted = f"1:{near.replica.follower.position + 1}"
        reaching = Deferred.fromCoroutine(far.replica.reach(wanted, 5.0))
        self.assertNoResult(reaching)
        self.done(near.write("INSERT INTO t VALUES (1)"))
        self.successResultOf(reaching)

    def test_a_position_of_another_epoch_is_refused(self) -> None:
        near = self.member("a")
        failure = self.failureResultOf(Deferred.fromCoroutine(near.replica.reach("2:1", 5.0)), StatementError)
        self.assertEqual(failure.value.sqlstate, "22023")

    def test_status_is_plain(self) -> None:
        near = self.member("a")
        self.done(near.write("CREATE TABLE t (a)"))
        status = near.replica.status()
        self.assertEqual((status["transactions_stored"], status["outbox"]), (1, 0))
