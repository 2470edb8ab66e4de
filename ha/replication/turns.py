"""Turns at the log: fairness between nodes that write at once.

Whoever is near the log wins every round against whoever is far, so a node that was refused twice in a row asks for the
turn, with a message outside the stream. The others hold their publishes until a message of the asker is in the
log, or for :data:`TURN_S`. Several askers go in the order of their names, each once.

Safety never depends on it: a turn that is not heard of, or comes late, costs a refusal.

Runs in the reactor's thread.
"""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from ha.replication.entry import Entry, LogError

#: How long the others wait for a message of the asker (seconds).
TURN_S = 0.1

#: Refusals in a row after which a node asks.
REFUSALS_BEFORE_ASKING = 2


class Listening(Protocol):
    """A subscription."""

    def stop(self) -> None:
        """Hear no more."""


class Messenger(Protocol):
    """What turns need of the log: messages that are not stored."""

    def publish_core(self, subject: str, body: bytes) -> None:
        """See :class:`ha.replication.log.Log`."""

    def subscribe_core(self, subject: str, receive: Any) -> Listening:
        """Likewise."""


class Turns:
    """The turns of one subject, as one node sees them.

    :param node: our name.
    """

    log = Logger()

    def __init__(self, messenger: Messenger, subject: str, node: str, clock: Any) -> None:
        self._messenger = messenger
        self._subject = f"_ha.turn.{subject}"
        self._node = node
        self._clock = clock
        self._listening: Listening | None = None
        #: Who asks, and until when the others wait for it.
        self._askers: dict[str, float] = {}
        self._holding: list[Deferred[None]] = []
        self._timer: Any = None
        self._in_a_row = 0
        self._asking = False
        self.asked = 0
        self.given = 0
        self.refusals = 0
        self.held_s = 0.0

    @property
    def holding(self) -> int:
        """How many publishes of ours wait for the turn of another node."""
        return len(self._holding)

    def start(self) -> None:
        """Hear who asks."""
        self._listening = self._messenger.subscribe_core(self._subject, self._heard)

    def stop(self) -> None:
        """Hear no more, and let go whoever waits."""
        if self._listening is not None:
            self._listening.stop()
            self._listening = None
        self._askers.clear()
        self._look()

    # Ours

    def refused(self) -> None:
        """A message of ours was refused, because somebody was first. Asks for the turn when it is time."""
        self.refusals += 1
        self._in_a_row += 1
        if self._in_a_row >= REFUSALS_BEFORE_ASKING:
            self.asked += not self._asking
            self._asking = True
            try:
                self._messenger.publish_core(self._subject, self._node.encode())
            except LogError as error:
                self.log.debug("the turn could not be asked for: {error}", error=error)

    def stored(self) -> None:
        """A message of ours was stored."""
        self._in_a_row = 0
        self._asking = False

    def hold(self) -> Deferred[None] | None:
        """None when we may publish now, else what fires when we may."""
        if not self._askers or not self._must_wait():
            return None
        held: Deferred[None] = Deferred()
        self._holding.append(held)
        self._set_timer()
        began = self._clock.seconds()

        def count(result: Any) -> Any:
            self.held_s += self._clock.seconds() - began
            return result

        return held.addBoth(count)

    # Theirs

    def arrived(self, entry: Entry) -> None:
        """An entry came through the log: its node has had its turn."""
        if self._askers and self._askers.pop(entry.message_id.rsplit(":", 2)[0], None) is not None:
            self.given += 1
            self._look()

    def _heard(self, subject: str, body: bytes) -> None:
        asker = body.decode(errors="replace")
        if asker != self._node and asker not in self._askers:
            self._forget_late()
            # Those who asked before have their time first.
            self._askers[asker] = max([self._clock.seconds(), *self._askers.values()]) + TURN_S

    def _must_wait(self) -> bool:
        self._forget_late()
        if self._asking:
            return any(name < self._node for name in self._askers)
        return bool(self._askers)

    def _forget_late(self) -> None:
        now = self._clock.seconds()
        for name in [name for name, until in self._askers.items() if until <= now]:
            del self._askers[name]

    def _look(self) -> None:
        if self._holding and not self._must_wait():
            holding, self._holding = self._holding, []
            for held in holding:
                held.callback(None)
        if self._holding:
            self._set_timer()
        elif self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set_timer(self) -> None:
        if self._timer is None:
            wait_s = max(min(self._askers.values()) - self._clock.seconds(), 0.0)
            self._timer = self._clock.callLater(wait_s, self._late)

    def _late(self) -> None:
        self._timer = None
        self._look()
