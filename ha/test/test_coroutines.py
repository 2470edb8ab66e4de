"""Coroutines that nearly always end without waiting."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from ha.coroutines import begun


class BegunTests(SynchronousTestCase):
    """Coroutines that are run by hand as long as they do not wait."""

    def setUp(self) -> None:
        self.said: list[object] = []

    async def work(self, *waits: Deferred[Any]) -> None:
        for wait in waits:
            try:
                self.said.append(await wait)
            except ValueError as error:
                self.said.append(str(error))
        if self.said[-1:] == ["bug"]:
            raise AssertionError

    def test_one_that_does_not_wait(self) -> None:
        """It is over when it was begun."""
        self.assertIsNone(begun(self.work(succeed(1), succeed(2))))
        self.assertEqual(self.said, [1, 2])

    def test_one_that_raises_at_once(self) -> None:
        """Its caller hears of it."""
        self.assertRaises(AssertionError, begun, self.work(succeed("bug")))

    def test_one_that_waits(self) -> None:
        """It hears results and errors alike, and tells its end."""
        first: Deferred[int] = Deferred()
        second: Deferred[int] = Deferred()
        third: Deferred[str] = Deferred()
        running = begun(self.work(first, second, third))
        assert running is not None
        first.callback(1)
        second.errback(ValueError("no"))
        self.assertNoResult(running)
        third.callback("done")
        self.successResultOf(running)
        self.assertEqual(self.said, [1, "no", "done"])

    def test_one_that_raises_later(self) -> None:
        """Whoever waits for its end hears of it."""
        wait: Deferred[str] = Deferred()
        running = begun(self.work(wait))
        assert running is not None
        wait.callback("bug")
        self.failureResultOf(running, AssertionError)
