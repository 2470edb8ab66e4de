"""One database's way to the log."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ha.replication.entry import Refused, Unreachable
from ha.replication.gate import Gate
from ha.test.fakes import Network


class GateTests(SynchronousTestCase):
    """A gate before a log in memory."""

    def setUp(self) -> None:
        """The log holds one message; the gate is shut."""
        self.network = Network()
        self.log = self.network.join("near")
        self.doubts: list[bool] = []
        self.gate = Gate(self.log, lambda: self.doubts.append(True))
        self.network.create("c1", "near", 1, 1)
        self.store(0)
        self.arrived: list[int] = []
        self.lost: list[Exception] = []

    def store(self, expected: int) -> int:
        """One more message."""
        stored = self.log.publish("s.a", b"x", f"near:1:{expected}", expected)
        self.network.settle()
        sequence: int = self.successResultOf(stored)
        return sequence

    def follow(self) -> Any:
        """From the beginning."""
        return self.gate.follow("s.a", 1, lambda entry: self.arrived.append(entry.sequence), self.lost.append)

    def test_shut_it_counts_as_out_of_reach(self) -> None:
        """Nothing leaves, and nothing arrives."""
        self.follow()
        self.network.settle()
        self.assertFalse(self.gate.connected)
        self.failureResultOf(self.gate.publish("s.a", b"y", "near:1:2", 1), Unreachable)
        large = Deferred.fromCoroutine(self.gate.publish_large("s.a", b"y", "near:1:2", 1))
        self.failureResultOf(large, Unreachable)
        self.assertEqual(self.arrived, [])

    def test_open_it_is_the_log(self) -> None:
        """Feeds that waited begin."""
        self.follow()
        self.gate.open()
        self.network.settle()
        self.assertTrue(self.gate.connected)
        self.assertEqual(self.arrived, [1])
        stored = self.gate.publish("s.a", b"y", "near:1:2", 1)
        self.network.settle()
        self.assertEqual(self.successResultOf(stored), 2)

    def test_open_again_nothing_comes_twice(self) -> None:
        """A feed goes on behind its last entry."""
        self.gate.open()
        self.follow()
        self.network.settle()
        self.gate.shut()
        self.store(1)
        self.assertEqual(self.arrived, [1])
        self.gate.open()
        self.network.settle()
        self.assertEqual(self.arrived, [1, 2])

    def test_a_feed_that_was_stopped_stays_so(self) -> None:
        """Whatever the gate does."""
        feed = self.follow()
        feed.stop()
        self.gate.open()
        self.network.settle()
        self.assertEqual(self.arrived, [])

    def test_a_refusal_is_doubted(self) -> None:
        """It may be another log. The publisher is told of the refusal all the same."""
        self.gate.open()
        stored = self.gate.publish("s.a", b"y", "near:1:2", 7)
        self.network.settle()
        self.failureResultOf(stored, Refused)
        self.assertEqual(self.doubts, [True])

    def test_lost_is_told_once(self) -> None:
        """And the feed does not begin again by itself."""
        self.gate.open()
        self.follow()
        self.network.settle()
        self.network.stream = None
        self.gate.shut()
        self.gate.open()
        self.network.settle()
        self.gate.shut()
        self.gate.open()
        self.network.settle()
        self.assertEqual(len(self.lost), 1)
