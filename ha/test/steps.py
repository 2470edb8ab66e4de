"""A deferred lane that the test steps by hand: no thread runs, and nothing runs before the test says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred


class SteppedLane:
    """Stands in for ``deferToThreadPool``: keeps what it is given until :meth:`step`."""

    def __init__(self, *, at_once: bool = False) -> None:
        self._waiting: list[tuple[Callable[[], Any], Deferred[Any]]] = []
        self._at_once = at_once
        self.ran = 0

    def __call__(self, work: Callable[[], Any]) -> Deferred[Any]:
        if self._at_once:
            self.ran += 1
            return maybeDeferred(work)
        done: Deferred[Any] = Deferred()
        self._waiting.append((work, done))
        return done

    @property
    def waiting(self) -> int:
        """How many functions wait to be run."""
        return len(self._waiting)

    def step(self) -> None:
        """Run the one that waits longest."""
        work, done = self._waiting.pop(0)
        self.ran += 1
        maybeDeferred(work).chainDeferred(done)
