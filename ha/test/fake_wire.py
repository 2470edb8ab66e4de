"""A connection to NATS that goes nowhere: what was sent is kept, what should arrive is put in by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from ha.replication.entry import Unreachable


@dataclass
class Message:
    """As nats-py brings it, and as it was sent."""

    subject: str
    data: bytes = b""
    reply: str = ""
    headers: dict[str, str] | None = None


@dataclass
class FakeSubscription:
    """A subject that somebody listens to."""

    wire: FakeWire
    subject: str
    receive: Callable[[Any], None]
    stopped: bool = False

    def stop(self) -> None:
        """Listen no more."""
        self.stopped = True


@dataclass
class FakeWire:
    """See :class:`ha.replication.replies.Wire`.

    :ivar sent: every message, oldest first.
    """

    connected: bool = True
    sent: list[Message] = field(default_factory=list)
    subscriptions: list[FakeSubscription] = field(default_factory=list)
    _answered: int = 0

    def publish(self, subject: str, body: bytes, reply: str = "", headers: dict[str, str] | None = None) -> None:
        """Keep it."""
        if not self.connected:
            raise Unreachable("cut off")
        self.sent.append(Message(subject, body, reply, headers))

    def subscribe(self, subject: str, receive: Callable[[Any], None]) -> FakeSubscription:
        """Keep it."""
        subscription = FakeSubscription(self, subject, receive)
        self.subscriptions.append(subscription)
        return subscription

    def arrive(self, subject: str, data: bytes = b"", reply: str = "", headers: dict[str, str] | None = None) -> None:
        """Bring a message to who listens to its subject."""
        for one in list(self.subscriptions):
            matches = one.subject == subject or (one.subject.endswith(".*") and subject.startswith(one.subject[:-1]))
            if matches and not one.stopped:
                one.receive(Message(subject, data, reply, headers))

    def answer(self, question: Message, answer: Any = None) -> None:
        """Answer a question that was sent: bytes as they are, anything else as JSON."""
        self.arrive(question.reply, answer if isinstance(answer, bytes) else orjson.dumps(answer))

    def serve(self, server: Callable[[Message], Any]) -> None:
        """Let a server answer every question, those that its answers bring about too. None answers nothing."""
        while self._answered < len(self.sent):
            question = self.sent[self._answered]
            self._answered += 1
            if question.reply:
                answer = server(question)
                if answer is not None:
                    self.answer(question, answer)
