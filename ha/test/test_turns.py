"""Tests of ha.replication.turns: every node that asks gets its turn."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ha.replication.entry import Entry
from ha.replication.turns import REFUSALS_BEFORE_ASKING, TURN_S, Turns


class Air:
    """Carries what is said to everybody who listens, at once."""

    def __init__(self) -> None:
        self.listeners: list[Any] = []
        self.said: list[bytes] = []

    def publish_core(self, subject: str, body: bytes) -> None:
        self.said.append(body)
        for receive in list(self.listeners):
            receive(subject, body)

    def subscribe_core(self, subject: str, receive: Any) -> Any:
        self.listeners.append(receive)
        air = self

        class Listening:
            def stop(self) -> None:
                air.listeners.remove(receive)

        return Listening()


class TurnsTests(SynchronousTestCase):
    """Fairness, never safety."""

    def setUp(self) -> None:
        self.clock, self.air = Clock(), Air()
        self.near, self.far = (Turns(self.air, "s.db", name, self.clock) for name in ("near", "far"))
        self.near.start()
        self.far.start()

    def ask(self, turns: Turns) -> None:
        for _ in range(REFUSALS_BEFORE_ASKING):
            turns.refused()

    def test_one_refusal_is_nobodys_business(self) -> None:
        self.far.refused()
        self.assertEqual(self.air.said, [])
        self.assertIsNone(self.near.hold())

    def test_the_others_hold_until_its_message_arrives(self) -> None:
        self.ask(self.far)
        held = self.near.hold()
        assert held is not None
        self.assertNoResult(held)
        self.near.arrived(Entry(1, "far:1:1", b"", 0))
        self.successResultOf(held)
        self.assertEqual(self.near.given, 1)

    def test_the_one_that_asked_does_not_wait_for_itself(self) -> None:
        self.ask(self.far)
        self.assertIsNone(self.far.hold())

    def test_nobody_waits_longer_than_a_turn(self) -> None:
        self.ask(self.far)
        held = self.near.hold()
        assert held is not None
        self.clock.advance(TURN_S + 0.01)
        self.successResultOf(held)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_of_two_that_ask_the_first_by_name_goes_first(self) -> None:
        self.ask(self.near)
        self.ask(self.far)
        self.assertIsNone(self.far.hold())
        held = self.near.hold()
        assert held is not None
        self.near.arrived(Entry(1, "far:1:1", b"", 0))
        self.successResultOf(held)

    def test_stopping_lets_go(self) -> None:
        self.ask(self.far)
        held = self.near.hold()
        assert held is not None
        self.near.stop()
        self.successResultOf(held)
