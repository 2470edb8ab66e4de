"""Tests of ha.sqlite.executor."""

from __future__ import annotations

import time
from typing import Any

import apsw
from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sqlite.connection import open_writer
from ha.sqlite.executor import FOREVER, BudgetSpent, Cancellation, Gauge, Lanes, fit_gauge
from ha.test.steps import SteppedLane

#: Counts for ever, or until somebody stops it.
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


#: The same, with an end that is far beyond the budget.
LENGTHY = ENDLESS.replace("count(*) FROM n", "count(*) FROM (SELECT i FROM n LIMIT 100000)")


def count_for_ever(connection: Any) -> Any:
    return connection.execute(ENDLESS).fetchall()


class LanesTests(SynchronousTestCase):
    """Short work runs here and now, long work elsewhere, and everything can be stopped."""

    def setUp(self) -> None:
        self.connection = open_writer(":memory:", synchronous="NORMAL")
        self.addCleanup(self.connection.close)
        fit_gauge(self.connection)
        self.lane = SteppedLane()
        self.lanes = Lanes(self.lane, 0.002)

    def test_short_work_runs_at_once(self) -> None:
        self.assertEqual(self.lanes.short(self.connection, lambda one: one.execute("SELECT 1").get), 1)

    def test_an_attempt_is_made_of_what_is_not_known_to_be_long(self) -> None:
        """Its result, or None, and then no other until somebody found that it is short after all."""
        self.assertEqual(self.lanes.attempt(self.connection, lambda one: one.execute("SELECT 1").get, key="one"), 1)
        self.assertIsNone(self.lanes.attempt(self.connection, count_for_ever, key="many"))
        self.assertTrue(self.lanes.is_long("many"))
        self.assertIsNone(self.lanes.attempt(self.connection, self.fail, key="many"))

    def test_work_that_spends_its_budget_is_stopped(self) -> None:
        started = time.monotonic()
        with self.assertRaises(BudgetSpent):
            self.lanes.short(self.connection, count_for_ever)
        self.assertLess(time.monotonic() - started, 1.0)

    def ticks(self, *moments: tuple[float, float], deadline: float = FOREVER) -> list[bool]:
        """What a gauge says under a budget of 2, at these moments: the wall's time and the processor's."""
        said = [(0.0, 0.0)]
        gauge = Gauge(lambda: said[-1][0], lambda: said[-1][1])
        gauge.hurry(2.0, deadline)
        stops = []
        for moment in moments:
            said.append(moment)
            stops.append(gauge())
        return stops

    def test_a_budget_is_the_threads_own_time(self) -> None:
        """What stood still while the machine did something else goes on, for what it has left."""
        self.assertEqual(self.ticks((0.1, 0.1), (1.9, 1.9), (2.1, 2.1)), [False, False, True])
        self.assertEqual(self.ticks((0.1, 0.1), (4.0, 1.0), (5.0, 2.0), (5.2, 2.2)), [False, False, False, True])

    def test_a_budget_is_not_waited_for_longer_than_a_few(self) -> None:
        """The reactor stands still as well."""
        self.assertEqual(self.ticks((0.1, 0.0), (9.9, 0.1), (10.0, 0.1)), [False, False, True])

    def test_a_budget_does_not_outlast_the_deadline(self) -> None:
        """Which is told as what it is, and is never put off."""
        self.assertEqual(self.ticks((0.5, 0.0), (1.5, 0.0), deadline=1.0), [False, True])
        self.assertEqual(self.ticks((0.5, 0.0), (2.5, 0.0), (3.0, 0.0), deadline=3.0), [False, False, True])

    def test_the_connection_is_as_good_as_new_afterwards(self) -> None:
        with self.assertRaises(BudgetSpent):
            self.lanes.short(self.connection, count_for_ever)
        self.assertEqual(self.lanes.short(self.connection, lambda one: one.execute("SELECT 2").get), 2)

    def test_long_work_waits_for_a_thread(self) -> None:
        done = self.lanes.long(self.connection, lambda one: one.execute("SELECT 3").get)
        self.assertNoResult(done)
        self.lane.step()
        self.assertEqual(self.successResultOf(done), 3)

    def test_a_deadline_is_a_statement_timeout(self) -> None:
        with self.assertRaises(StatementError) as caught:
            self.lanes.here(self.connection, count_for_ever, deadline=time.monotonic() + 0.005)
        self.assertEqual(caught.exception.sqlstate, "57014")
        self.assertIn("timeout", caught.exception.message)

    def test_what_waits_is_told_why_it_was_stopped(self) -> None:
        """A function cannot know: it says 57014, and the lane says whether that was a time-out, a wish or the budget."""

        def give_up(connection: Any) -> None:
            raise StatementError("57014", "stopped")

        def give_up_when_cancelled(connection: Any) -> None:
            cancellation.cancel()
            give_up(connection)

        with self.assertRaises(BudgetSpent):
            self.lanes.short(self.connection, give_up, deadline=time.monotonic() + 60)
        for deadline in (time.monotonic(), time.monotonic() + 0.01):  # a moment before it, too
            with self.assertRaises(StatementError) as caught:
                self.lanes.alone(self.connection, give_up, deadline=deadline)
            self.assertIn("statement timeout", caught.exception.message)
        cancellation = Cancellation()
        with self.assertRaises(StatementError) as caught:
            self.lanes.alone(self.connection, give_up_when_cancelled, cancellation=cancellation)
        self.assertIn("user request", caught.exception.message)

    def test_what_is_cancelled_before_it_starts_does_not_start(self) -> None:
        cancellation = Cancellation()
        done = self.lanes.long(self.connection, count_for_ever, cancellation=cancellation)
        cancellation.cancel()
        self.lane.step()
        self.assertEqual(self.failureResultOf(done, StatementError).value.sqlstate, "57014")

    def test_a_running_statement_is_cancelled(self) -> None:
        cancellation = Cancellation()

        def cancel_meanwhile(connection: Any) -> Any:
            cancellation.cancel()
            return count_for_ever(connection)

        with self.assertRaises(StatementError) as caught:
            self.lanes.here(self.connection, cancel_meanwhile, cancellation=cancellation)
        self.assertIn("user request", caught.exception.message)

    def test_a_late_cancel_does_not_hit_the_next_statement(self) -> None:
        cancellation = Cancellation()
        self.lanes.here(self.connection, lambda one: one.execute("SELECT 1").get, cancellation=cancellation)
        cancellation.cancel()
        self.assertEqual(self.lanes.here(self.connection, lambda one: one.execute("SELECT 4").get), 4)

    def test_long_keys_are_remembered_and_bounded(self) -> None:
        self.assertFalse(self.lanes.is_long("q"))
        self.lanes.remember_long("q")
        self.assertTrue(self.lanes.is_long("q"))
        for number in range(3_000):
            self.lanes.remember_long(number)
        self.assertFalse(self.lanes.is_long("q"))

    def test_a_budget_of_nothing_sends_everything_to_threads(self) -> None:
        self.assertTrue(Lanes(self.lane, 0).is_long("anything"))

    def test_other_errors_pass(self) -> None:
        with self.assertRaises(apsw.SQLError):
            self.lanes.short(self.connection, lambda one: one.execute("SELEC"))

    def judged(self, processor_s: float, wall_s: float) -> bool:
        """Whether work that took so long in a thread counts as long from now on."""
        moments = iter(((1.0, 1.0), (1.0 + processor_s, 1.0 + wall_s)))
        lanes = Lanes(self.lane, 0.002, lambda: next(moments))
        lanes.remember_long("q")
        done = lanes.long(self.connection, lambda one: one.execute("SELECT 1").get, key="q")
        self.lane.step()
        self.assertEqual(self.successResultOf(done), 1)
        return lanes.is_long("q")

    def test_work_is_long_by_what_it_took_in_the_thread(self) -> None:
        """A budget that was spent while the machine was busy elsewhere makes no work long; what has become short is forgotten."""
        self.assertFalse(self.judged(0.0001, 0.0001))
        self.assertFalse(self.judged(0.0001, 0.003))
        self.assertTrue(self.judged(0.01, 0.01))
        self.assertTrue(self.judged(0.0001, 10.0))

    def test_what_work_takes_is_the_threads_own_time(self) -> None:
        """And the wall's."""
        done = self.lanes.long(self.connection, lambda one: one.execute(LENGTHY).get, key="long")
        self.lane.step()
        self.successResultOf(done)
        self.assertTrue(self.lanes.is_long("long"))
