"""What the log hands out."""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from ha.replication.entry import (
    LogError,
    Refused,
    StreamInfo,
    StreamShortened,
    StreamTrimmed,
    Unanswered,
    Unreachable,
)

INFO = StreamInfo("cluster", 1, "node", False, 1, 5, 5, 100, "yesterday", 1, "node", ("s", "s.>"))


class StreamInfoTests(SynchronousTestCase):
    """The same log, or another one under its name."""

    def test_a_log_that_has_grown_is_the_same(self) -> None:
        """And when it became ready, and when it was trimmed."""
        later = replace(INFO, ready=True, first_sequence=4, last_sequence=9, messages=6, leader="other")
        self.assertTrue(later.is_same_log_as(INFO))

    def test_a_log_made_again_is_another(self) -> None:
        """Any of its three marks tells."""
        for change in ({"created": "today"}, {"epoch": 2}, {"cluster_id": "other"}):
            self.assertFalse(replace(INFO, **change).is_same_log_as(INFO), change)


class ErrorTests(SynchronousTestCase):
    """Who meets them can tell them apart, or take them all as one."""

    def test_every_failure_is_a_failure_of_the_log(self) -> None:
        """None of them is another's special case."""
        kinds = {kind for kind in LogError.__subclasses__() if kind.__module__ == LogError.__module__}
        self.assertLessEqual({Refused, Unanswered, Unreachable}, kinds)
        self.assertFalse([kind for kind in kinds if kind.__subclasses__()])

    def test_they_say_where_the_log_stands(self) -> None:
        """For the operator's sentence."""
        self.assertIn("ends at 3", str(StreamShortened(7, 3)))
        self.assertIn("begins at 30", str(StreamTrimmed(7, 30)))
