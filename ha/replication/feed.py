"""Following one subject in order: every message once, from a sequence on, whatever happens to the connection.

A feed owns one push consumer of JetStream at a time (no acknowledgements, flow control, heartbeats) and counts the
consumer's own sequence. At a hole in the count, at silence, and after the connection was lost it makes
another consumer that begins behind the last entry it delivered. Nothing is ever handed on that is out of order.

Pausing is stopping, and following again later from the next sequence.

Runs in the reactor's thread; `deliver` is called there, once per entry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from secrets import token_hex
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from ha.replication.entry import (
    Entry,
    LogError,
    StreamInfo,
    StreamMissing,
    StreamReplaced,
    StreamShortened,
    StreamTrimmed,
)
from ha.replication.jetstream import JetStream
from ha.replication.parts import Part, join
from ha.replication.replies import Incoming, Wire

#: How often the server shows that an idle consumer lives.
HEARTBEAT_S = 2.0

#: After how many heartbeats' silence the consumer counts as dead.
SILENT_HEARTBEATS_MAX = 3

#: Before a consumer that could not be made is tried again.
RETRY_S = 0.25

#: How long the server keeps a consumer that nobody listens to.
ABANDONED_S = 30

MESSAGE_ID, BATCH_ID, BATCH_SEQUENCE, BATCH_COMMIT = (
    "Nats-Msg-Id",
    "Nats-Batch-Id",
    "Nats-Batch-Sequence",
    "Nats-Batch-Commit",
)

#: Of the parts of a batch: how :mod:`ha.replication.parts` cut them.
PART_CUT = "Ha-Part-Cut"


class Feed:
    """One running delivery.

    :param start: the first sequence wanted; `start - 1` is the position that was reached.
    :param deliver: called with each entry.
    :param lost: called once, when following from here on makes no sense any more, with the reason:
        :class:`StreamMissing`, :class:`StreamReplaced`, :class:`StreamShortened` or :class:`StreamTrimmed`. Passing
        trouble is not told; the feed sees to it.
    """

    log = Logger()

    def __init__(
        self,
        wire: Wire,
        jetstream: JetStream,
        clock: Any,
        subject: str,
        start: int,
        deliver: Callable[[Entry], None],
        lost: Callable[[Exception], None],
    ) -> None:
        self._wire = wire
        self._jetstream = jetstream
        self._clock = clock
        self._subject = subject
        self._next = start
        self._deliver = deliver
        self._lost = lost
        self._consumer = ""
        self._consumed = 0
        self._subscription: Any = None
        self._stream: StreamInfo | None = None
        self._heard_at = 0.0
        self._timer: Any = None
        self._attempt = 0
        self._batch: list[Part] = []
        self._batch_id = ""
        self._batch_message_id = ""
        #: What came before it was sure that nothing before it had been trimmed; None: it is.
        self._early: list[Incoming] | None = None
        self.stopped = False
        #: How many messages the stream still has for us, when the last one came; None before that.
        self.pending: int | None = None

    @property
    def consumer(self) -> str:
        """The name of our consumer in JetStream; empty when there is none just now."""
        return self._consumer

    # Life

    def begin(self) -> None:
        """Make a consumer and listen; again from the next sequence when there is one already."""
        self._leave()
        if self.stopped or not self._wire.connected:
            return
        self._attempt += 1
        done = Deferred.fromCoroutine(self._attach(self._attempt))
        done.addErrback(lambda failure: self.log.failure("following {subject} failed", failure, subject=self._subject))

    def stop(self) -> None:
        """Deliver nothing more, from this moment on."""
        self.stopped = True
        self._leave()

    def disconnected(self) -> None:
        """The connection is gone, and the consumer with it; :meth:`begin` follows when it is back."""
        self._consumer = ""  # nobody there to delete it; the server forgets it by itself
        self._leave()

    def _leave(self) -> None:
        self._attempt += 1
        self._batch = []
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._subscription is not None:
            self._subscription.stop()
            self._subscription = None
        if self._consumer and self._wire.connected:
            gone = Deferred.fromCoroutine(self._jetstream.delete_consumer(self._consumer))
            gone.addErrback(lambda failure: failure.trap(LogError))  # it is forgotten when nobody listens
        self._consumer = ""

    async def _attach(self, attempt: int) -> None:
        try:
            await self._check_stream()
            if attempt != self._attempt:
                return
            name, inbox = f"ha_{token_hex(8)}", f"_INBOX.{token_hex(11)}"
            self._consumed = 0
            self._heard_at = self._clock.seconds()
            self._subscription = self._wire.subscribe(inbox, lambda message: self._receive(attempt, message))
            self._consumer = name
            self._early = []
            await self._jetstream.create_consumer(
                name,
                {
                    "deliver_subject": inbox,
                    "filter_subject": self._subject,
                    "deliver_policy": "by_start_sequence",
                    "opt_start_seq": max(self._next, 1),
                    "ack_policy": "none",
                    "max_deliver": 1,
                    "replay_policy": "instant",
                    "flow_control": True,
                    "idle_heartbeat": int(HEARTBEAT_S * 1e9),
                    "inactive_threshold": int(ABANDONED_S * 1e9),
                    "mem_storage": True,
                    "num_replicas": 1,
                },
            )
            await (
                self._check_beginning()
            )  # not earlier: only now our consumer keeps the log from being trimmed under it
        except (StreamMissing, StreamReplaced, StreamShortened, StreamTrimmed) as error:
            if attempt == self._attempt:
                self.stop()
                self._lost(error)
            return
        except LogError as error:
            if attempt == self._attempt:
                self.log.info("cannot follow {subject} yet: {error}", subject=self._subject, error=error)
                self._again_in(RETRY_S)
            return
        if attempt == self._attempt:
            self._timer = self._clock.callLater(HEARTBEAT_S, self._watch)
            early, self._early = self._early or (), None
            for message in early:
                self._receive(attempt, message)

    async def _check_stream(self) -> None:
        """Refuse to go on in a stream that is not the one we followed, or has lost its end."""
        info = await self._jetstream.info()
        if self._stream is not None and not info.is_same_log_as(self._stream):
            raise StreamReplaced(f"the stream {self._jetstream.stream} was made again ({info.created})")
        self._stream = info
        position = self._next - 1
        if position <= 0:
            return
        last = await self._jetstream.last_sequence(self._subject)
        if last < position:
            raise StreamShortened(position, last)

    async def _check_beginning(self) -> None:
        position = self._next - 1
        if position > 0 and (first := await self._jetstream.first_sequence(self._subject)) > position:
            raise StreamTrimmed(position, first)

    def _again_in(self, delay_s: float) -> None:
        self._leave()
        self._timer = self._clock.callLater(delay_s, self._retry)

    def _retry(self) -> None:
        self._timer = None
        self.begin()

    def _watch(self) -> None:
        self._timer = None
        if self._clock.seconds() - self._heard_at > SILENT_HEARTBEATS_MAX * HEARTBEAT_S:
            self.log.warn("the feed of {subject} fell silent; asking again", subject=self._subject)
            self.begin()
        else:
            self._timer = self._clock.callLater(HEARTBEAT_S, self._watch)

    # Messages

    def _receive(self, attempt: int, message: Incoming) -> None:
        if attempt != self._attempt:
            return
        self._heard_at = self._clock.seconds()
        if self._early is not None:
            self._early.append(message)
            return
        # $JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<tries>.<sequence>.<consumer's>.<time>.<pending>[.<token>]
        fields = message.reply.split(".")
        headers = message.headers
        if headers is not None and "Status" in headers:
            self._control(message.reply, headers)
            return
        shift = 0 if len(fields) == 9 else 2
        consumed = int(fields[6 + shift])
        if consumed != self._consumed + 1:
            self._hole(consumed)
            return
        self._consumed = consumed
        self.pending = int(fields[8 + shift])
        sequence = int(fields[5 + shift])
        if sequence < self._next:
            return
        if headers is None:
            headers = {}
        elif BATCH_ID in headers:
            self._part(sequence, int(fields[7 + shift]), message.data, headers)
            return
        self._next = sequence + 1
        self._deliver(Entry(sequence, headers.get(MESSAGE_ID, ""), message.data, int(fields[7 + shift])))

    def _control(self, reply: str, headers: Mapping[str, str]) -> None:
        """Flow control and heartbeats. https://docs.nats.io/nats-concepts/jetstream/consumers"""
        try:
            if reply:
                self._wire.publish(reply, b"")
                return
            stalled = headers.get("Nats-Consumer-Stalled")
            if stalled:
                self._wire.publish(stalled, b"")
        except LogError:
            return  # the connection has just gone; we begin again when it is back
        told = int(headers.get("Nats-Last-Consumer", "0"))
        if told > self._consumed:
            self._hole(told)

    def _hole(self, consumed: int) -> None:
        self.log.warn(
            "messages of {subject} got lost on the way ({count} of them); asking again from {start}",
            subject=self._subject,
            count=consumed - self._consumed,
            start=self._next,
        )
        self.begin()

    def _part(self, sequence: int, timestamp_ns: int, body: bytes, headers: Mapping[str, str]) -> None:
        """One message of an atomic batch; the last one makes the entry.

        https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-50.md
        """
        number = int(headers.get(BATCH_SEQUENCE, "0"))
        if number == 1:
            self._batch, self._batch_id = [], headers[BATCH_ID]
            self._batch_message_id = headers.get(MESSAGE_ID, "")
        if number != len(self._batch) + 1 or headers[BATCH_ID] != self._batch_id:
            self.stop()
            self._lost(StreamTrimmed(sequence - 1, sequence))
            return
        self._batch.append(Part(body, headers.get(PART_CUT)))
        if BATCH_COMMIT in headers:
            parts, self._batch = self._batch, []
            self._next = sequence + 1
            entry = Entry(sequence, self._batch_message_id, join(parts), timestamp_ns, len(parts))
            self._deliver(entry)
