"""pg_sleep can be stopped, and never waits where nothing may wait."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sqlite.sleep import pg_sleep


class Gauge:
    """Says to stop from the first question on, or never."""

    def __init__(self, *, hurried: bool, stop: bool) -> None:
        self.hurried = hurried
        self.stop = stop

    def __call__(self) -> bool:
        """Whether the statement must stop."""
        return self.stop


class Connection:
    """A connection with a gauge."""

    def __init__(self, gauge: Gauge) -> None:
        self.gauge = gauge


class SleepTests(SynchronousTestCase):
    """Without waiting for anything."""

    def test_no_time_is_no_wait(self) -> None:
        """Nor is a time before now."""
        for seconds in (0, -1, 0.0):
            self.assertEqual(pg_sleep(Connection(Gauge(hurried=True, stop=True)), seconds), "")
        self.assertIsNone(pg_sleep(None, None))

    def test_a_stopped_statement_wakes(self) -> None:
        """Cancelled or timed out."""
        connection = Connection(Gauge(hurried=False, stop=True))
        self.assertEqual(self.assertRaises(StatementError, pg_sleep, connection, 100).sqlstate, "57014")

    def test_it_never_waits_under_a_budget(self) -> None:
        """That is the reactor's thread: it runs again in another."""
        connection = Connection(Gauge(hurried=True, stop=False))
        self.assertEqual(self.assertRaises(StatementError, pg_sleep, connection, 100).sqlstate, "57014")

    def test_it_wants_a_number(self) -> None:
        """Of seconds."""
        self.assertEqual(self.assertRaises(StatementError, pg_sleep, None, "x").sqlstate, "22P02")
