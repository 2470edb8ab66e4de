"""Tests of ha.sqlite.turnstile."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sqlite.turnstile import Turnstile


class TurnstileTests(SynchronousTestCase):
    """One holds it, the others wait in their order."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.turnstile = Turnstile(self.clock)

    def test_a_free_one_is_taken_at_once(self) -> None:
        self.successResultOf(self.turnstile.acquire())
        self.assertFalse(self.turnstile.acquire_now())

    def test_those_who_wait_get_it_in_the_order_they_came(self) -> None:
        self.turnstile.acquire_now()
        order: list[str] = []
        for name in ("first", "second"):
            self.turnstile.acquire().addCallback(lambda _, name=name: order.append(name))
        self.turnstile.release()
        self.assertEqual(order, ["first"])
        self.turnstile.release()
        self.assertEqual(order, ["first", "second"])
        self.turnstile.release()
        self.assertTrue(self.turnstile.acquire_now())

    def test_nobody_overtakes_those_who_wait(self) -> None:
        """Whoever asks while it is being handed on stands behind the others."""
        self.turnstile.acquire_now()
        waiting = self.turnstile.acquire()
        self.assertFalse(self.turnstile.acquire_now())
        self.turnstile.release()
        self.successResultOf(waiting)

    def test_the_log_goes_before_the_others(self) -> None:
        self.turnstile.acquire_now()
        client, log = self.turnstile.acquire(), self.turnstile.acquire(first=True)
        self.turnstile.release()
        self.successResultOf(log)
        self.assertNoResult(client)

    def test_waiting_ends_with_the_lock_timeout(self) -> None:
        self.turnstile.acquire_now()
        waiting = self.turnstile.acquire(2.0)
        self.clock.advance(1.9)
        self.assertNoResult(waiting)
        self.clock.advance(0.2)
        self.assertEqual(self.failureResultOf(waiting, StatementError).value.sqlstate, "55P03")
        self.turnstile.release()
        self.assertTrue(self.turnstile.acquire_now())

    def test_a_turn_that_came_in_time_leaves_no_timer(self) -> None:
        self.turnstile.acquire_now()
        waiting = self.turnstile.acquire(2.0)
        self.turnstile.release()
        self.successResultOf(waiting)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_one_who_gives_up_waiting_is_passed_over(self) -> None:
        self.turnstile.acquire_now()
        leaving, staying = self.turnstile.acquire(), self.turnstile.acquire()
        leaving.addErrback(lambda _: None)
        leaving.cancel()
        self.turnstile.release()
        self.successResultOf(staying)
