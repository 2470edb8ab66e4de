"""What is said on the log."""

from __future__ import annotations

import logging

from twisted.internet.task import Clock
from twisted.logger import Logger, LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from ha.logs import PROGRESS_INTERVAL_S, Progress, forward_stdlib_logs


class ForwardTests(SynchronousTestCase):
    """Libraries that log with the standard library are heard on Twisted's log."""

    def setUp(self) -> None:
        """A root of our own: the real one belongs to the whole process."""
        self.root = logging.Logger("root")
        forward_stdlib_logs(self.root)

    def test_a_warning_arrives_under_its_name_and_level(self) -> None:
        """With its arguments put in, and its braces left alone."""
        with capturedLogs() as events:
            self.root.warning("slow {consumer} %s", "x{0}")
        (event,) = events
        self.assertEqual((event["log_namespace"], event["log_level"]), ("root", LogLevel.warn))
        self.assertEqual(formatEvent(event), "slow {consumer} x{0}")

    def test_chatter_does_not_arrive(self) -> None:
        """Only warnings and worse."""
        with capturedLogs() as events:
            self.root.info("connected")
        self.assertEqual(len(events), 0)

    def test_asking_twice_listens_once(self) -> None:
        """A second node in the same process does not double the log."""
        forward_stdlib_logs(self.root)
        with capturedLogs() as events:
            self.root.error("gone")
        self.assertEqual([event["log_level"] for event in events], [LogLevel.error])


class ProgressTests(SynchronousTestCase):
    """Long work says how far it is; short work says nothing."""

    def setUp(self) -> None:
        """Work that begins now."""
        self.clock = Clock()
        self.progress = Progress(self.clock, Logger(), "{done} of {total}")

    def said(self, done: int) -> list[str]:
        """What is logged at this step."""
        with capturedLogs() as events:
            self.progress.at(done=done, total=9)
        return [str(formatEvent(event)) for event in events]

    def test_short_work_is_silent(self) -> None:
        """Nobody needs to hear of it."""
        self.assertEqual(self.said(1), [])

    def test_long_work_speaks_once_per_interval(self) -> None:
        """However many steps it takes."""
        self.clock.advance(PROGRESS_INTERVAL_S)
        self.assertEqual(self.said(2), ["2 of 9"])
        self.assertEqual(self.said(3), [])
        self.clock.advance(PROGRESS_INTERVAL_S)
        self.assertEqual(self.said(4), ["4 of 9"])
