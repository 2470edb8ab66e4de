"""The log: JetStream, over the connection that :mod:`~ha.replication.link` keeps.

Acknowledgements are matched in :mod:`~ha.replication.replies` (nats-py's ``js.publish`` costs ten times as much), the order of
arrival is watched in :mod:`~ha.replication.feed`.

Runs in the reactor's thread, on Twisted's asyncio reactor.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from secrets import token_hex
from typing import Any

from twisted.internet.defer import Deferred, DeferredList
from twisted.logger import Logger

from ha.replication.entry import (
    Consumer,
    Entry,
    LogError,
    Refused,
    Rejected,
    SnapshotDamaged,
    SnapshotMissing,
    StreamInfo,
    StreamMissing,
    StreamReplaced,
    StreamShortened,
    StreamTrimmed,
    TooLarge,
    Unanswered,
    Unreachable,
)
from ha.replication.feed import BATCH_COMMIT, BATCH_ID, BATCH_SEQUENCE, MESSAGE_ID, PART_CUT, Feed
from ha.replication.jetstream import CLUSTER, EPOCH, FOUNDER, READY, JetStream, stored_sequence, stream_config
from ha.replication.link import Access, Link, Subscription
from ha.replication.objects import Objects, Snapshot
from ha.replication.parts import split
from ha.replication.replies import Incoming, Replies

__all__ = [
    "Consumer",
    "Entry",
    "Feed",
    "Log",
    "LogError",
    "Refused",
    "Rejected",
    "Snapshot",
    "SnapshotDamaged",
    "SnapshotMissing",
    "StreamInfo",
    "StreamMissing",
    "StreamReplaced",
    "StreamShortened",
    "StreamTrimmed",
    "TooLarge",
    "Unanswered",
    "Unreachable",
]

#: What a message's headers may take of the server's ``max_payload``, which counts them.
HEADERS_BYTES_MAX = 1024

#: The server's limit on the messages of one atomic batch.
BATCH_PARTS_MAX = 1000

#: Parts of a large message on their way at once: the server answers, so its memory and ours stay bounded.
BATCH_WINDOW = 8


class Log:
    """One stream, and the snapshots beside it.

    Every operation fails with a :class:`LogError`, of one class for each way of failing.

    :param clock: an ``IReactorTime``.
    :param stream: its name; its subjects are that name and everything below it.
    :param publish_timeout_s: how long an acknowledgement may take.
    :param answer_timeout_s: how long any other answer may take.
    """

    log = Logger()

    def __init__(
        self,
        clock: Any,
        stream: str,
        *,
        publish_timeout_s: float = 5.0,
        answer_timeout_s: float = 5.0,
        link: Link | None = None,
    ) -> None:
        self._clock = clock
        self._link = Link(clock) if link is None else link
        self._link.on_change = self._changed
        self._published = Replies(self._link, clock, publish_timeout_s)
        self._asked = Replies(self._link, clock, answer_timeout_s)
        self._jetstream = JetStream(self._asked, stream)
        self._objects = Objects(self._link, self._jetstream.of(f"OBJ_{stream}_SNAPSHOTS"), self._asked, clock)
        self._feeds: list[Feed] = []
        self._connecting: list[Deferred[None]] = []
        self._closed = False
        self.stream = stream
        #: Called with True or False after the connection came or went; feeds see to themselves.
        self.on_connection_change: list[Callable[[bool], None]] = []

    # Connection

    @property
    def connected(self) -> bool:
        """Whether there is a connection to a NATS server now."""
        return self._link.connected

    @property
    def unreachable_because(self) -> str:
        """Why there is no connection, in words."""
        return self._link.reason

    @property
    def max_payload(self) -> int:
        """The largest body that :meth:`publish` takes; larger ones go by :meth:`publish_large`."""
        return self._link.max_payload - HEADERS_BYTES_MAX

    async def connect(
        self, urls: str | Sequence[str], access: Access | None = None, *, timeout_s: float | None = None
    ) -> None:
        """Connect to one of the servers; it is tried for ever, after a loss too. May be called again to wait on.

        :param timeout_s: when to stop waiting here; the dialling goes on behind it.
        :raises Unreachable: no connection within the time. The reason is in its text.
        :raises OSError: a credentials or certificate file cannot be read.
        """
        self._link.start([urls] if isinstance(urls, str) else urls, access or Access())
        if self._link.connected:
            return
        connected: Deferred[None] = Deferred()
        self._connecting.append(connected)
        if timeout_s is not None:

            def give_up() -> None:
                self._connecting.remove(connected)
                connected.errback(Unreachable(self._link.reason or f"no connection within {timeout_s:g} s"))

            timer = self._clock.callLater(timeout_s, give_up)
            connected.addBoth(lambda result: (timer.cancel() if timer.active() else None, result)[1])
        await connected

    async def close(self) -> None:
        """Stop every feed, fail what waits, end the connection. Nothing is left running."""
        if self._closed:
            return
        self._closed = True
        for feed in list(self._feeds):
            feed.stop()
        self._feeds.clear()
        self._published.stop()
        self._asked.stop()
        connecting, self._connecting = self._connecting, []
        for waiter in connecting:
            waiter.errback(Unreachable("the log was closed"))
        await self._link.stop()

    def _changed(self, connected: bool) -> None:
        if connected:
            connecting, self._connecting = self._connecting, []
            for waiter in connecting:
                waiter.callback(None)
        else:
            self._published.give_up("the connection was lost before the answer came")
            self._asked.give_up("the connection was lost before the answer came")
        self._feeds = [feed for feed in self._feeds if not feed.stopped]
        for feed in list(self._feeds):
            if connected:
                feed.begin()
            else:
                feed.disconnected()
        for listener in list(self.on_connection_change):
            listener(connected)

    # The stream

    async def create_stream(self, cluster_id: str, founder: str, *, epoch: int = 1, replicas: int = 1) -> bool:
        """Create the stream unless it is there. True for exactly one of all who try: the founder.

        :param cluster_id: a fresh random id; it becomes the cluster's if we are the founder.
        """
        metadata = {CLUSTER: cluster_id, EPOCH: str(epoch), FOUNDER: founder, READY: "false"}
        config = stream_config(
            self.stream,
            [self.stream, f"{self.stream}.>"],
            replicas=replicas,
            metadata=metadata,
            allow_atomic=True,
        )
        return await self._jetstream.create(config)

    async def delete_stream(self) -> None:
        """Delete the log. Only for an operator who has decided so."""
        await self._jetstream.delete()

    async def stream_info(self) -> StreamInfo:
        """What the stream's leader says about it.

        :raises StreamMissing: there is none.
        """
        return await self._jetstream.info()

    async def names(self) -> list[str]:
        """The databases that the log knows, by their normalised ids."""
        return await self._jetstream.names()

    async def mark_ready(self) -> None:
        """Say to all that the founder's base snapshot is there."""
        await self._jetstream.mark(READY, "true")

    async def last_sequence(self, subject: str) -> int:
        """Where the subject ends, asked of the stream's leader; 0 when it holds nothing."""
        return await self._jetstream.last_sequence(subject)

    async def first_sequence(self, subject: str) -> int:
        """Where the subject begins; 0 when it holds nothing. A position before it needs a snapshot."""
        return await self._jetstream.first_sequence(subject)

    async def trim(self, subject: str, below: int) -> int:
        """Remove the subject's messages before `below`, but never the last one; how many went.

        Trim below the position of a snapshot, so that the message at that position stays: by it a node that restored
        the snapshot knows that it has missed nothing.
        """
        last = await self._jetstream.last_sequence(subject)
        below = min(below, last)
        return await self._jetstream.purge(subject, below) if below > 1 else 0

    async def consumers(self) -> list[Consumer]:
        """Everybody who reads the stream, our own feeds (named ``ha_...``) included."""
        return await self._jetstream.consumers()

    async def others(self) -> list[Consumer]:
        """Everybody who reads the stream, but for our own feeds. Empty when there is no stream."""
        ours = {feed.consumer for feed in self._feeds}
        try:
            return [one for one in await self.consumers() if one.name not in ours]
        except StreamMissing:
            return []

    async def delete_consumer(self, name: str) -> bool:
        """Remove a reader; False when there is none of that name."""
        return await self._jetstream.delete_consumer(name)

    async def sequence_at(self, subject: str, time_ns: int) -> int:
        """The subject's first message that was stored at that time or later; 0 when there is none. Some 20 questions."""
        return await self._jetstream.sequence_at(subject, time_ns)

    # Messages

    def publish(self, subject: str, body: bytes, message_id: str, expected: int | None) -> Deferred[int]:
        """Store a message; fires with its sequence, in the turn in which the acknowledgement arrives.

        :param expected: stored only if the subject ends at this sequence; None stores it in any case.

        Fails with :class:`Refused`, :class:`Rejected`, :class:`Unanswered`, :class:`Unreachable`.
        """
        headers = {MESSAGE_ID: message_id}
        if expected is not None:
            headers["Nats-Expected-Last-Subject-Sequence"] = str(expected)
        return self._published.ask(subject, body, headers).addCallback(stored_sequence)

    async def publish_large(self, subject: str, body: bytes, message_id: str, expected: int | None) -> int:
        """Store a body of any size, whole or not at all, as one atomic batch; its readers see one entry.

        https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-50.md

        :returns: the sequence of its last message, which is the entry's.
        :raises TooLarge: more than a thousand parts.
        """
        parts = split(body, self.max_payload)
        count = len(parts)
        if count > BATCH_PARTS_MAX:
            raise TooLarge(f"{len(body)} bytes, and the log takes {BATCH_PARTS_MAX * self.max_payload} at once")
        batch_id = token_hex(16)
        answers: list[Deferred[Incoming]] = []
        for number, part in enumerate(parts, 1):
            headers = {BATCH_ID: batch_id, BATCH_SEQUENCE: str(number)}
            if part.cut is not None:
                headers[PART_CUT] = part.cut
            if number == 1:
                headers[MESSAGE_ID] = message_id
                if expected is not None:
                    headers["Nats-Expected-Last-Subject-Sequence"] = str(expected)
            if number == count:
                headers[BATCH_COMMIT] = "1"
                return stored_sequence(await self._published.ask(subject, part.body, headers))
            answers.append(self._published.ask(subject, part.body, headers))
            if number == 1 or len(answers) == BATCH_WINDOW:
                await _all_accepted(answers)
                answers = []
        raise AssertionError("a batch has a last part")

    def follow(
        self, subject: str, start: int, deliver: Callable[[Entry], None], lost: Callable[[Exception], None]
    ) -> Feed:
        """Deliver the subject's entries from the sequence `start` on, in order, each once; see :class:`Feed`.

        May be called while there is no connection: the feed begins when there is one.
        """
        feed = Feed(self._link, self._jetstream, self._clock, subject, start, deliver, lost)
        self._feeds = [one for one in self._feeds if not one.stopped]
        self._feeds.append(feed)
        feed.begin()
        return feed

    def publish_core(self, subject: str, body: bytes) -> None:
        """Send a message that is not stored: to whoever listens now.

        :raises Unreachable: there is no connection.
        """
        self._link.publish(subject, body)

    def subscribe_core(self, subject: str, receive: Callable[[str, bytes], None]) -> Subscription:
        """Call `receive` with subject and body of each message, until the answer's ``stop()``."""
        return self._link.subscribe(subject, lambda message: receive(message.subject, message.data))

    # Snapshots

    async def put_snapshot(self, name: str, path: str | os.PathLike[str], headers: Mapping[str, str]) -> Snapshot:
        """Upload a file, replacing the snapshot of that name when it is whole.

        :param headers: with ``seq``, the log position of the file.
        """
        replicas = (await self._jetstream.info()).replicas
        return await self._objects.put(name, path, headers, replicas)

    async def get_snapshot(self, name: str, path: str | os.PathLike[str]) -> dict[str, str]:
        """Download to `path`, which must not exist; its headers.

        :raises SnapshotMissing: there is none.
        :raises SnapshotDamaged: what arrived is not what was uploaded; `path` is not made.
        """
        return await self._objects.get(name, path)

    async def snapshot_info(self, name: str) -> Snapshot:
        """What is known of the snapshot without downloading it.

        :raises SnapshotMissing: there is none.
        """
        return await self._objects.info(name)


async def _all_accepted(answers: list[Deferred[Incoming]]) -> None:
    """Wait for the parts; an answer with a body is an error (ADR-50)."""
    failure = None
    for _, answer in await DeferredList(answers, consumeErrors=True):
        if isinstance(answer, BaseException) or hasattr(answer, "raiseException"):
            failure = failure or answer
        elif answer.data:
            stored_sequence(answer)
    if failure is not None:
        failure.raiseException()
