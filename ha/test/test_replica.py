"""One database as a member of the cluster."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from ha.test.rig import Nodes


class ReplicaTests(Nodes):
    """On two nodes in memory."""

    def wait(self, coroutine: Any) -> Deferred[Any]:
        """Begin it."""
        return Deferred.fromCoroutine(coroutine)

    def test_notifications_reach_every_node(self) -> None:
        """Once each, after the COMMIT; a listener that fails disturbs nobody."""
        heard: list[tuple[str, ...]] = []
        self.a.replica.listeners.add(lambda channel, payload, pid: heard.append(("a", channel, payload)))
        self.b.replica.listeners.add(lambda channel, payload, pid: 1 / 0)
        self.b.replica.listeners.add(lambda channel, payload, pid: heard.append(("b", channel, payload)))
        work = self.work(self.a)
        work.run = lambda connection: work.notifications.append(("news", "x", 1))
        self.a.replica.submit(work)
        self.settle()
        self.assertEqual(sorted(heard), [("a", "news", "x"), ("b", "news", "x")])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_a_session_reads_what_it_wrote_elsewhere(self) -> None:
        """It waits for the position."""
        position = self.b.replica.follower.position
        reached = self.wait(self.b.replica.reach(f"1:{position + 1}", 5))
        self.assertNoResult(reached)
        self.write(self.a, "INSERT INTO t VALUES (1, 'x', 1)")
        self.settle()
        self.successResultOf(reached)

    def test_positions_of_another_log_are_refused(self) -> None:
        """By their epoch."""
        for seq in ("2:1", "x", "1:", "1:-1"):
            self.assertEqual(self.sqlstate(self.wait(self.b.replica.reach(seq, 5))), "22023")
        self.successResultOf(self.wait(self.b.replica.reach("", 5)))

    def test_the_end_of_the_log_is_asked_for(self) -> None:
        """Linearizable reads; cut off they are refused."""
        reached = self.wait(self.b.replica.reach_end(5))
        self.settle()
        self.successResultOf(reached)
        self.b.log.cut()
        self.assertEqual(self.sqlstate(self.wait(self.b.replica.reach_end(5))), "08006")

    def test_figures(self) -> None:
        """As plain values."""
        status = self.a.replica.status()
        self.assertEqual((status["groups_stored"], status["outbox"], status["turns_asked"]), (1, 0, 0))
        self.assertEqual(status["position"], self.b.replica.status()["position"])
