"""Who loses twice is let through."""

from __future__ import annotations

from collections import Counter
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ha.replication.entry import Entry
from ha.replication.turns import TURN_S, Turns
from ha.test.fakes import CoreMessage, Flight, MemoryFeed, Network
from ha.test.machine import SUBJECT
from ha.test.rig import Nodes


class TurnsTests(SynchronousTestCase):
    """Three nodes that only talk of turns."""

    def setUp(self) -> None:
        self.network = Network()
        self.clock = Clock()
        self.turns = {name: Turns(self.network.join(name), "s.a_db", name, self.clock) for name in "abc"}
        for turns in self.turns.values():
            turns.start()

    def ask(self, name: str) -> None:
        """Refused twice."""
        self.turns[name].refused()
        self.turns[name].refused()
        self.network.settle()

    def arrived(self, name: str, at: str) -> None:
        """A message of `name` reaches `at`."""
        self.turns[at].arrived(Entry(1, f"{name}:1:1", b"", 0))

    def test_nobody_waits_for_nobody(self) -> None:
        """The usual case costs nothing."""
        self.turns["a"].refused()
        self.network.settle()
        self.assertIsNone(self.turns["b"].hold())

    def test_the_others_hold_until_the_asker_was_served(self) -> None:
        """The asker itself does not."""
        self.ask("a")
        self.assertIsNone(self.turns["a"].hold())
        held = self.turns["b"].hold()
        assert held is not None
        self.assertNoResult(held)
        self.arrived("a", "b")
        self.successResultOf(held)
        self.assertEqual((self.turns["a"].asked, self.turns["b"].given), (1, 1))

    def test_a_turn_has_an_end(self) -> None:
        """Whoever asks and does not come loses it."""
        self.ask("a")
        held = self.turns["b"].hold()
        assert held is not None
        self.clock.advance(TURN_S)
        self.successResultOf(held)
        self.assertIsNone(self.turns["b"].hold())
        self.assertAlmostEqual(self.turns["b"].held_s, TURN_S)

    def test_askers_go_by_their_names(self) -> None:
        """Each once."""
        self.ask("b")
        self.ask("a")
        self.assertIsNone(self.turns["a"].hold())
        second, third = self.turns["b"].hold(), self.turns["c"].hold()
        assert second is not None
        assert third is not None
        self.arrived("a", "b")
        self.arrived("a", "c")
        self.successResultOf(second)
        self.assertNoResult(third)
        self.arrived("b", "c")
        self.successResultOf(third)

    def test_stopping_lets_everybody_go(self) -> None:
        """Nothing is left on the clock."""
        self.ask("a")
        held = self.turns["b"].hold()
        assert held is not None
        self.turns["b"].stop()
        self.successResultOf(held)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class FarNodeTests(Nodes):
    """A node with 20 ms to the log beside a busy one at none."""

    def test_the_far_node_gets_its_share(self) -> None:
        """Without turns it would store nothing at all."""
        stored = Counter[str]()
        due: dict[Any, float] = {}
        now = 0.0

        def go_on(machine: Any) -> None:
            name = machine.name

            def done(result: Any) -> None:
                stored[name] += 1
                machine.clock.callLater(0, go_on, machine)

            count = stored["a"] + stored["b"]
            self.write(machine, f"INSERT INTO t (v) VALUES ('{name} {count}')").addCallback(done)

        go_on(self.a)
        go_on(self.b)
        while now < 2.0:
            for _ in range(4):  # the near node does several rounds in a millisecond
                for step in self.network.steps():
                    if isinstance(step, MemoryFeed):
                        # Each entry is on its way from when it was stored, however many are before it.
                        stream = self.network.stream
                        for entry in stream.entries(SUBJECT, stream.last_sequence - 20):
                            due.setdefault((step, entry.sequence), now + (0.01 if step.log is self.b.log else 0.0))
                        key: Any = (step, step.upcoming.sequence if step.upcoming is not None else 0)
                    elif isinstance(step, Flight):
                        key = (step, step.kind)
                    else:
                        assert isinstance(step, CoreMessage)
                        key = (step, "core")
                    delay = 0.01 if step.log is self.b.log else 0.0
                    if due.setdefault(key, now + delay) <= now:
                        step.take()
                self.a.clock.advance(0)
                self.b.clock.advance(0)
            now += 0.001
            self.a.clock.advance(0.001)
            self.b.clock.advance(0.001)
        self.assertGreater(stored["b"], 5, stored)
        self.assertGreater(stored["a"], stored["b"])
        self.assertGreater(self.b.replica.status()["turns_asked"], 0)
        self.assertGreater(self.a.replica.status()["turns_given"], 0)
