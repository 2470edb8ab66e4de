"""A log in memory that keeps the real one's contract and moves only when it is told to.

::

    network = Network()
    near, far = network.join("near"), network.join("far")
    stored = near.publish("s.a", b"...", "near:1:1", 0)
    network.settle()                  # every step, in the order in which they came about
    network.steps()                   # or look at them, and take one by hand
    Chaos(network, seed=7).run()      # or let a seed choose: delay, loss, repetition, silence, disconnection

Each message on its way is one :class:`Flight` and each hop of it one step: a publish *arrives* at the stream, its
answer *returns*, an entry is *delivered*. Steps of different flights may be taken in any order, except that one feed's entries
come in order. Everything that happens is told in `network.events`.

:class:`~ha.test.contracts.LogContract` holds it to the same promises as the real one.
"""

from __future__ import annotations

import random
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, fail

from ha.replication.change import MARKER, Message, encode
from ha.replication.entry import (
    Consumer,
    Entry,
    LogError,
    Refused,
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
from ha.replication.objects import Snapshot

#: The stream's clock: an entry's time is its sequence in these steps, so that every run has the same times.
TICK_NS = 1_000_000


@dataclass
class Stored:
    """One entry at rest."""

    subject: str
    entry: Entry


class Stream:
    """What JetStream holds, and its rules for storing.

    The order of its checks is the real one's: the expected sequence first, the repeated id second.
    """

    def __init__(self, name: str, number: int, cluster_id: str, founder: str, epoch: int, replicas: int) -> None:
        self.name = name
        self.created = f"stream {number}"
        self.cluster_id = cluster_id
        self.founder = founder
        self.epoch = epoch
        self.replicas = replicas
        self.ready = False
        self.last_sequence = 0
        self.stored: list[Stored] = []
        self.ids: dict[str, int] = {}

    def store(self, subject: str, body: bytes, message_id: str, expected: int | None, parts: int = 1) -> int:
        """Store a message, or say the sequence of the earlier one of the same id."""
        last = self.last_of(subject)
        if expected is not None and expected != last:
            raise Refused(f"wrong last sequence: {last}", 10071)
        if message_id in self.ids:
            if parts > 1:
                raise Refused("atomic publish batch contains duplicate message id", 10201)
            return self.ids[message_id]
        self.last_sequence += parts
        sequence = self.last_sequence
        if message_id:
            self.ids[message_id] = sequence
        self.stored.append(Stored(subject, Entry(sequence, message_id, body, sequence * TICK_NS, parts)))
        return sequence

    def entries(self, subject: str, start: int = 0) -> list[Entry]:
        """What the subject holds, from this sequence on."""
        return list(self._entries(subject, start))

    def first(self, subject: str, start: int = 0) -> Entry | None:
        """The first of these."""
        return next(self._entries(subject, start), None)

    def _entries(self, subject: str, start: int) -> Iterator[Entry]:
        # What is stored stands in the order of its sequences: a history asks for what is new after each of its steps.
        at = bisect_left(self.stored, start, key=lambda one: one.entry.sequence)
        return (one.entry for one in islice(self.stored, at, None) if one.subject == subject)

    def last_of(self, subject: str) -> int:
        """Where the subject ends; 0 when it is empty, as JetStream says."""
        return next((one.entry.sequence for one in reversed(self.stored) if one.subject == subject), 0)

    def first_of(self, subject: str) -> int:
        """Where the subject begins."""
        first = self.first(subject)
        return first.sequence if first is not None else 0

    def remove(self, gone: Callable[[Stored], bool]) -> int:
        """Remove what `gone` says; how many."""
        kept = [one for one in self.stored if not gone(one)]
        count, self.stored = len(self.stored) - len(kept), kept
        return count

    def info(self) -> StreamInfo:
        """As the real one says it."""
        return StreamInfo(
            cluster_id=self.cluster_id,
            epoch=self.epoch,
            founder=self.founder,
            ready=self.ready,
            first_sequence=self.stored[0].entry.sequence if self.stored else 0,
            last_sequence=self.last_sequence,
            messages=len(self.stored),
            size_bytes=sum(len(one.entry.body) for one in self.stored),
            created=self.created,
            replicas=self.replicas,
            leader="memory",
            subjects=(self.name, f"{self.name}.>"),
        )


class Step:
    """Something that can happen next."""

    kind = ""

    def __init__(self, network: Network, log: MemoryLog, text: str) -> None:
        self.network = network
        self.log = log
        self.text = text

    def take(self) -> None:
        """Let it happen."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<{self.kind} {self.log.name}: {self.text}>"


class Flight(Step):
    """One question on its way, and then its answer.

    :ivar answer: fires when the answer returns, or with Unanswered before.
    """

    kind = "arrive"

    def __init__(self, network: Network, log: MemoryLog, text: str, ask: Callable[[], Any]) -> None:
        super().__init__(network, log, text)
        self._ask = ask
        self._result: Any = None
        self.answer: Deferred[Any] = Deferred()

    def take(self) -> None:
        """The next hop: there, then back."""
        if self.kind == "arrive":
            try:
                self._result = self._ask()
            except LogError as error:
                self._result = error
            self.network.tell(self)
            self.kind = "return"
        else:
            self.network.tell(self)
            self.network.drop(self)
            if not self.answer.called:
                (self.answer.errback if isinstance(self._result, Exception) else self.answer.callback)(self._result)

    def lose(self) -> None:
        """It gets lost on this hop. Its asker hears nothing until :meth:`time_out`."""
        self.network.tell(self, "lost")
        self.network.drop(self)
        self.network.silent.append(self)

    def repeat(self) -> None:
        """Another copy of it is on its way, whose answer nobody hears."""
        self.network.tell(self, "repeated")
        copy = Flight(self.network, self.log, f"{self.text} again", self._ask)
        copy.answer.addErrback(lambda failure: None)
        self.network.flights.append(copy)

    def time_out(self) -> None:
        """The asker gives up. The flight itself goes on: it may arrive yet."""
        if not self.answer.called:
            self.network.tell(self, "timed out")
            self.answer.errback(Unanswered("no answer within the time"))
        if self in self.network.silent:
            self.network.silent.remove(self)


class MemoryFeed(Step):
    """One subject, delivered entry by entry; each is one step."""

    kind = "deliver"

    def __init__(
        self,
        network: Network,
        log: MemoryLog,
        subject: str,
        start: int,
        deliver: Callable[[Entry], None],
        lost: Callable[[Exception], None],
    ) -> None:
        super().__init__(network, log, subject)
        self._subject = subject
        self._next = max(start, 1)
        self._deliver = deliver
        self._lost = lost
        self._seen: StreamInfo | None = None
        self._begun = False
        self.stopped = False

    @property
    def begun(self) -> bool:
        """Whether it has looked at the stream since it was connected: the stream knows where it is."""
        return self._begun

    @property
    def reached(self) -> int:
        """The last sequence it was sent, or the one behind which it began."""
        return self._next - 1

    @property
    def pending(self) -> int:
        """How many entries it has not delivered."""
        stream = self.network.stream
        return 0 if stream is None else len(stream.entries(self._subject, self._next))

    @property
    def can_step(self) -> bool:
        """Whether it has something to do."""
        return not self.stopped and self.log.connected and (not self._begun or self.upcoming is not None)

    @property
    def upcoming(self) -> Entry | None:
        """The next entry that it delivers."""
        stream = self.network.stream
        if stream is None or stream.last_sequence < self._next:  # most of the times that a history asks
            return None
        return stream.first(self._subject, self._next)

    def take(self) -> None:
        """Begin, or deliver the next entry."""
        if not self._begun:
            self._begin()
            return
        entry = self.upcoming
        assert entry is not None
        self._next = entry.sequence + 1
        self.network.events.append(f"deliver {self.log.name}: {self._subject} {entry.sequence} {entry.message_id}")
        self._deliver(entry)

    def _begin(self) -> None:
        reason = self._trouble()
        if reason is None:
            self._begun = True
        else:
            self.stop()
            self._lost(reason)

    def _trouble(self) -> Exception | None:
        stream, position = self.network.stream, self._next - 1
        if stream is None:
            return StreamMissing("stream not found")
        if self._seen is not None and not stream.info().is_same_log_as(self._seen):
            return StreamReplaced("the stream was made again")
        self._seen = stream.info()
        if position > 0 and stream.last_of(self._subject) < position:
            return StreamShortened(position, stream.last_of(self._subject))
        if position > 0 and stream.first_of(self._subject) > position:
            return StreamTrimmed(position, stream.first_of(self._subject))
        return None

    def begin_again(self) -> None:
        """As after a reconnect."""
        self._begun = False

    def stop(self) -> None:
        """Deliver nothing more."""
        self.stopped = True
        if self in self.network.feeds:
            self.network.feeds.remove(self)


class CoreMessage(Step):
    """A message that is not stored, on its way to one listener."""

    kind = "core"

    def __init__(self, network: Network, listener: CoreListener, subject: str, body: bytes) -> None:
        super().__init__(network, listener.log, subject)
        self._listener = listener
        self._body = body

    def take(self) -> None:
        """It reaches the listener, if that is still there."""
        self.network.core.remove(self)
        if not self._listener.stopped and self.log.connected:
            self.network.tell(self)
            self._listener.receive(self.text, self._body)


class CoreListener:
    """Who listens to a subject that is not stored."""

    def __init__(self, log: MemoryLog, subject: str, receive: Callable[[str, bytes], None]) -> None:
        self.log = log
        self.subject = subject
        self.receive = receive
        self.stopped = False

    def hears(self, subject: str) -> bool:
        """Whether the subject matches; ``>`` at the end stands for any rest."""
        return subject == self.subject or (self.subject.endswith(">") and subject.startswith(self.subject[:-1]))

    def stop(self) -> None:
        """Listen no more."""
        self.stopped = True


class Network:
    """One stream, everybody who is connected to it, and all that is on its way.

    :param max_payload: the largest body of one message.
    """

    def __init__(self, name: str = "s", max_payload: int = 1024 * 1024) -> None:
        self.name = name
        self.max_payload = max_payload
        self.stream: Stream | None = None
        self.objects: dict[str, tuple[Snapshot, bytes]] = {}
        self.logs: list[MemoryLog] = []
        self.flights: list[Flight] = []
        self.silent: list[Flight] = []
        self.feeds: list[MemoryFeed] = []
        self.core: list[CoreMessage] = []
        self.listeners: list[CoreListener] = []
        self.events: list[str] = []
        self._streams_made = 0

    def join(self, name: str) -> MemoryLog:
        """A connected node's log."""
        log = MemoryLog(self, name)
        self.logs.append(log)
        return log

    # Steps

    def tell(self, step: Step, what: str = "") -> None:
        """Record an event."""
        self.events.append(f"{what or step.kind} {step.log.name}: {step.text}")

    def drop(self, flight: Flight) -> None:
        """It is on its way no more."""
        self.flights.remove(flight)

    def steps(self) -> list[Step]:
        """All that can happen next: questions and answers, oldest first, then deliveries."""
        return [*self.flights, *self.core, *(feed for feed in list(self.feeds) if feed.can_step)]

    def step(self) -> bool:
        """Take the first step; False when there is none."""
        steps = self.steps()
        if steps:
            steps[0].take()
        return bool(steps)

    def settle(self, limit: int = 100_000) -> None:
        """Take steps, the oldest first, until nothing is on its way; what was silent times out last."""
        for _ in range(limit):
            if self.step():
                continue
            if not self.silent:
                return
            self.silent[0].time_out()
        raise AssertionError(f"still busy after {limit} steps: {self.steps()[:5]}")

    # What may happen to a stream

    def create(self, cluster_id: str, founder: str, epoch: int, replicas: int) -> bool:
        """Create it unless it is there; asked twice by the same, True twice."""
        if self.stream is not None:
            mine = (self.stream.cluster_id, self.stream.founder, self.stream.epoch, self.stream.replicas)
            return mine == (cluster_id, founder, epoch, replicas) and not self.stream.ready
        self._streams_made += 1
        self.stream = Stream(self.name, self._streams_made, cluster_id, founder, epoch, replicas)
        return True

    def claim(self, subject: str) -> None:
        """A database has come into the cluster: its first message holds nothing."""
        assert self.stream is not None
        claim = Message(self.stream.founder, 0, subject, 0, 0, 0, (), kind=MARKER)
        self.stream.store(subject, encode(claim), f"{self.stream.founder}:0:claim", 0)

    def lose_tail(self, after: int) -> None:
        """A power cut: what was stored behind this sequence is gone."""
        assert self.stream is not None
        self.stream.remove(lambda one: one.entry.sequence > after)
        self.stream.last_sequence = after
        self.stream.ids = {key: at for key, at in self.stream.ids.items() if at <= after}

    def forget_ids(self) -> None:
        """The window of ids has passed: the same id is stored again."""
        assert self.stream is not None
        self.stream.ids.clear()


class MemoryLog:
    """One node's view of the network, with the face of :class:`ha.replication.log.Log`."""

    def __init__(self, network: Network, name: str) -> None:
        self._network = network
        self.name = name
        self.stream = network.name
        self.connected = True
        self.closed = False
        self.unreachable_because = ""
        self.on_connection_change: list[Callable[[bool], None]] = []

    # Connection

    @property
    def max_payload(self) -> int:
        """The largest body of one message."""
        return self._network.max_payload

    async def connect(self, urls: str | Sequence[str], access: Any = None, *, timeout_s: float | None = None) -> None:
        """It is connected from its birth, until :meth:`cut`."""
        if not self.connected:
            raise Unreachable(self.unreachable_because)

    async def close(self) -> None:
        """Stop everything of this node."""
        self.closed = True
        self._give_up("the log was closed")
        self.connected = False
        for feed in [one for one in self._network.feeds if one.log is self]:
            feed.stop()

    def cut(self) -> None:
        """Lose the connection: what waits fails, what was sent may arrive yet."""
        if self.connected:
            self._network.events.append(f"cut {self.name}")
            self.connected = False
            self.unreachable_because = "cut off"
            self._give_up("the connection was lost before the answer came")
            self._say(False)

    def mend(self) -> None:
        """Have it back."""
        if not self.connected and not self.closed:
            self._network.events.append(f"mend {self.name}")
            self.connected = True
            self.unreachable_because = ""
            for feed in self._network.feeds:
                if feed.log is self:
                    feed.begin_again()
            self._say(True)

    def _give_up(self, reason: str) -> None:
        for flight in [*self._network.flights, *self._network.silent]:
            if flight.log is self and not flight.answer.called:
                flight.answer.errback(Unanswered(reason))
        self._network.silent = [one for one in self._network.silent if one.log is not self]

    def _say(self, connected: bool) -> None:
        for listener in list(self.on_connection_change):
            listener(connected)

    def _ask(self, text: str, ask: Callable[[], Any]) -> Deferred[Any]:
        if not self.connected:
            return fail(Unreachable(self.unreachable_because or "the log was closed"))
        flight = Flight(self._network, self, text, ask)
        self._network.flights.append(flight)
        return flight.answer

    def _with_stream(self, ask: Callable[[Stream], Any]) -> Callable[[], Any]:
        def asked() -> Any:
            if self._network.stream is None:
                raise StreamMissing("stream not found")
            return ask(self._network.stream)

        return asked

    # The stream

    async def create_stream(self, cluster_id: str, founder: str, *, epoch: int = 1, replicas: int = 1) -> bool:
        """See Log."""
        return await self._ask("create", lambda: self._network.create(cluster_id, founder, epoch, replicas))

    async def delete_stream(self) -> None:
        """See Log."""

        def delete(stream: Stream) -> None:
            self._network.stream = None

        await self._ask("delete", self._with_stream(delete))

    async def stream_info(self) -> StreamInfo:
        """See Log."""
        return await self._ask("info", self._with_stream(Stream.info))

    async def names(self) -> list[str]:
        """See Log."""
        below = f"{self._network.name}."

        def names(stream: Stream) -> list[str]:
            return sorted({one.subject.removeprefix(below) for one in stream.stored if one.subject.startswith(below)})

        return await self._ask("names", self._with_stream(names))

    async def mark_ready(self) -> None:
        """See Log."""

        def mark(stream: Stream) -> None:
            stream.ready = True

        await self._ask("mark ready", self._with_stream(mark))

    async def last_sequence(self, subject: str) -> int:
        """See Log."""
        return await self._ask(f"last of {subject}", self._with_stream(lambda stream: stream.last_of(subject)))

    async def first_sequence(self, subject: str) -> int:
        """See Log."""
        return await self._ask(f"first of {subject}", self._with_stream(lambda stream: stream.first_of(subject)))

    async def trim(self, subject: str, below: int) -> int:
        """See Log."""

        def trim(stream: Stream) -> int:
            end = min(below, stream.last_of(subject))
            return stream.remove(lambda one: one.subject == subject and one.entry.sequence < end)

        return await self._ask(f"trim {subject} below {below}", self._with_stream(trim))

    async def consumers(self) -> list[Consumer]:
        """See Log; the feeds of all nodes."""

        def readers(stream: Stream) -> list[Consumer]:
            return [
                Consumer(f"ha_{feed.log.name}", feed.text, False, 0, 0, feed.pending) for feed in self._network.feeds
            ]

        return await self._ask("consumers", self._with_stream(readers))

    async def delete_consumer(self, name: str) -> bool:
        """See Log; nobody but feeds reads here, and they are not removed."""
        return await self._ask("delete consumer", self._with_stream(lambda stream: False))

    # Messages

    def publish(self, subject: str, body: bytes, message_id: str, expected: int | None) -> Deferred[int]:
        """See Log."""
        if len(body) > self.max_payload:
            return fail(TooLarge(f"{len(body)} bytes, and the server takes {self.max_payload}"))
        return self._publish(subject, body, message_id, expected, 1)

    async def publish_large(self, subject: str, body: bytes, message_id: str, expected: int | None) -> int:
        """See Log; its parts travel as one flight here, for they are stored at one moment."""
        parts = max(-(-len(body) // self.max_payload), 1)
        return await self._publish(subject, body, message_id, expected, parts)

    def _publish(self, subject: str, body: bytes, message_id: str, expected: int | None, parts: int) -> Deferred[int]:
        def store() -> int:
            if self._network.stream is None:
                raise Unreachable("nobody answers there: no such stream")
            return self._network.stream.store(subject, body, message_id, expected, parts)

        return self._ask(f"{subject} {message_id} expects {expected}", store)

    def follow(
        self, subject: str, start: int, deliver: Callable[[Entry], None], lost: Callable[[Exception], None]
    ) -> MemoryFeed:
        """See Log."""
        feed = MemoryFeed(self._network, self, subject, start, deliver, lost)
        self._network.feeds.append(feed)
        return feed

    def publish_core(self, subject: str, body: bytes) -> None:
        """See Log."""
        if not self.connected:
            raise Unreachable(self.unreachable_because)
        for listener in self._network.listeners:
            if not listener.stopped and listener.hears(subject):
                self._network.core.append(CoreMessage(self._network, listener, subject, body))

    def subscribe_core(self, subject: str, receive: Callable[[str, bytes], None]) -> CoreListener:
        """See Log."""
        listener = CoreListener(self, subject, receive)
        self._network.listeners.append(listener)
        return listener

    # Snapshots

    async def put_snapshot(self, name: str, path: str, headers: Mapping[str, str]) -> Snapshot:
        """See Log."""
        body = Path(path).read_bytes()
        made = Snapshot(name, dict(headers), len(body), "", "", f"object {len(self._network.objects)}", 1)

        def put() -> Snapshot:
            self._network.objects[name] = (made, body)
            return made

        return await self._ask(f"put {name}", put)

    async def get_snapshot(self, name: str, path: str) -> dict[str, str]:
        """See Log."""
        known, body = await self._ask(f"get {name}", lambda: self._object(name))
        Path(path).write_bytes(body)
        return dict(known.headers)

    async def snapshot_info(self, name: str) -> Snapshot:
        """See Log."""
        return replace((await self._ask(f"about {name}", lambda: self._object(name)))[0])

    def _object(self, name: str) -> tuple[Snapshot, bytes]:
        if name not in self._network.objects:
            raise SnapshotMissing(f"there is no snapshot of {name}")
        return self._network.objects[name]


@dataclass(frozen=True)
class Odds:
    """How often each fault happens, per step."""

    lose: float = 0.03
    repeat: float = 0.03
    time_out: float = 0.05
    cut: float = 0.01
    mend: float = 0.2


class Chaos:
    """Chooses the next step, and what goes wrong with it, from a seed: the same seed, the same history."""

    def __init__(self, network: Network, seed: int, odds: Odds = Odds()) -> None:
        self._network = network
        self._random = random.Random(seed)
        self._odds = odds
        self.seed = seed

    def step(self) -> bool:
        """One step or fault; False when nothing can happen any more but by mending."""
        odds, roll = self._odds, self._random.random
        for log in self._network.logs:
            if not log.closed and roll() < (odds.cut if log.connected else odds.mend):
                (log.cut if log.connected else log.mend)()
                return True
        flights = self._network.flights
        if self._network.silent and roll() < odds.time_out * 4:
            self._random.choice(self._network.silent).time_out()
            return True
        if flights and roll() < odds.time_out:
            self._random.choice(flights).time_out()
            return True
        steps = self._network.steps()
        if not steps:
            return self._wake()
        step = self._random.choice(steps)
        if isinstance(step, Flight) and roll() < odds.lose:
            step.lose()
        elif isinstance(step, Flight) and step.kind == "arrive" and roll() < odds.repeat:
            step.repeat()
        else:
            step.take()
        return True

    def _wake(self) -> bool:
        if self._network.silent:
            self._network.silent[0].time_out()
            return True
        return False

    def run(self, steps_max: int = 10_000) -> None:
        """Go on until nothing can happen, or for so many steps."""
        for _ in range(steps_max):
            if not self.step():
                return

    def heal(self) -> None:
        """Mend every connection and let everything come to rest."""
        for log in self._network.logs:
            log.mend()
        self._network.settle()
