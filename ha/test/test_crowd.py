"""Who goes when the places run out."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.crowd import first_to_go


class CrowdTests(SynchronousTestCase):
    """Fair to those who are few."""

    def test_the_first_of_the_most(self) -> None:
        """An address that sends many loses its own, however early the others came."""
        waiting = [("early", "10.0.0.1"), ("a", "10.0.0.2"), ("b", "10.0.0.2"), ("late", "10.0.0.3")]
        self.assertEqual(first_to_go(waiting), "a")

    def test_among_equals(self) -> None:
        """The one that has waited longest."""
        self.assertEqual(first_to_go([("first", "10.0.0.1"), ("second", "10.0.0.2")]), "first")

    def test_nobody(self) -> None:
        """Where all are busy, none goes."""
        self.assertIsNone(first_to_go([]))
