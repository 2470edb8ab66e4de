"""One database meets the log: looked at, decided upon, and brought to where it can follow.

:func:`ha.replication.join.decide` says what to do; here it is done, step by step, until the file can follow the log from its
position. Nobody is served from the file meanwhile.

Runs in the reactor's thread; what looks at files or copies them runs in deferred threads.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from ha.replication.change import MARKER, Malformed, Message, decode, encode
from ha.replication.entry import Entry, Refused, StreamInfo
from ha.replication.groups import Origin
from ha.replication.join import At, Decision, FileSeen, LogSeen, Step, SubjectSeen, decide
from ha.replication.snapshot import Snapshots
from ha.sqlite.restore import BadSnapshot, swap
from ha.sqlite.schema import Membership
from ha.sqlite.visit import Visit, adopt, visit

#: Between two looks at a log that others still prepare (seconds).
WAIT_S = 0.25

#: How long to wait for one entry of the log (seconds).
READ_TIMEOUT_S = 5.0


class CannotJoin(Exception):
    """The file cannot be served in this cluster. The text is a sentence for the operator."""


class Stream(Protocol):
    """What joining needs of the log."""

    stream: str

    async def stream_info(self) -> StreamInfo: ...
    async def first_sequence(self, subject: str) -> int: ...
    async def last_sequence(self, subject: str) -> int: ...
    async def names(self) -> list[str]: ...
    def publish(self, subject: str, body: bytes, message_id: str, expected: int | None) -> Deferred[int]: ...
    def follow(
        self, subject: str, start: int, deliver: Callable[[Entry], None], lost: Callable[[Exception], None]
    ) -> Any: ...


@dataclass(frozen=True, slots=True)
class Rights:
    """What the operator allows.

    :param replace_local: the cluster's rows may take the place of the file's, which is kept beside.
    :param reseed: the file is the truth, and the log starts anew from it.
    """

    replace_local: bool = False
    reseed: bool = False


class Joining:
    """Brings files to where they can follow.

    :param in_thread: runs a function in a deferred thread.
    :param founder: whether this node created the stream.
    """

    log = Logger()

    def __init__(
        self,
        stream: Stream,
        snapshots: Snapshots,
        origin: Origin,
        clock: Any,
        in_thread: Callable[[Callable[[], Any]], Deferred[Any]],
        rights: Rights,
    ) -> None:
        self._stream = stream
        self._snapshots = snapshots
        self._origin = origin
        self._clock = clock
        self._in_thread = in_thread
        self._rights = rights

    async def join(self, name: str, subject: str, path: Path) -> StreamInfo:
        """Return when the file at `path`, closed, can follow `subject` from its position.

        :raises CannotJoin: the operator must decide.
        :raises LogError: the log is out of reach.
        """
        said = ""
        while True:
            info = await self._stream.stream_info()
            decision = await self._decide(name, subject, path, info)
            if decision.sentence != said:
                said = decision.sentence
                self.log.info("{sentence}", sentence=said)
            if decision.step is Step.CATCH_UP:
                return info
            if decision.step is Step.REFUSE:
                raise CannotJoin(decision.sentence)
            await self._carry_out(decision.step, name, subject, path, info)

    async def _decide(self, name: str, subject: str, path: Path, info: StreamInfo) -> Decision:
        seen = await self._in_thread(lambda: visit(path, subject))
        log = LogSeen(
            info.cluster_id,
            info.epoch,
            info.founder,
            info.founder == self._origin.node,
            info.ready,
            info.last_sequence,
        )
        try:
            snapshot = await self._snapshots.newest(name)
        except BadSnapshot as error:
            self.log.warn("{name}: {error}", name=name, error=error)
            snapshot = None
        if snapshot is not None and (snapshot.cluster_id, snapshot.epoch) != (info.cluster_id, info.epoch):
            snapshot = None
        first, last = await self._stream.first_sequence(subject), await self._stream.last_sequence(subject)
        claimant = ""
        if last and snapshot is None:
            entry = await self._read(subject, first)
            claimant = node_of(entry)
        file = FileSeen(seen.rows, seen.cluster_id, seen.epoch, seen.position, At.GONE)
        if seen.cluster_id == info.cluster_id and seen.epoch == info.epoch and first <= seen.position <= last and first:
            file = FileSeen(seen.rows, seen.cluster_id, seen.epoch, seen.position, await self._at(subject, seen))
        return decide(
            name,
            log,
            SubjectSeen(
                first,
                last,
                snapshot.sequence if snapshot is not None else None,
                claimant,
                claimant == self._origin.node,
            ),
            file,
            replace_local=self._rights.replace_local,
            reseed=self._rights.reseed,
            known_names=await self._stream.names(),
        )

    async def _at(self, subject: str, seen: Visit) -> At:
        """Whether the log still holds, at the file's position, the message that the file applied there."""
        entry = await self._read(subject, seen.position)
        if entry is None or entry.sequence != seen.position:
            return At.GONE
        try:
            message = decode(entry.body)
        except Malformed:
            return At.OURS  # whatever it is, it was as strange when it was met first
        known = seen.origins.get((message.node, message.process_id))
        return At.OURS if message.group == 0 or known == message.group else At.OTHER

    async def _read(self, subject: str, start: int) -> Entry | None:
        """The first entry from `start` on; None when there is none within the time."""
        found: Deferred[Entry | None] = Deferred()

        def give(entry: Entry | None) -> None:
            if not found.called:
                found.callback(entry)

        feed = self._stream.follow(subject, start, give, lambda _: give(None))
        timer = self._clock.callLater(READ_TIMEOUT_S, give, None)
        try:
            return await found
        finally:
            if timer.active():
                timer.cancel()
            feed.stop()

    async def _carry_out(self, step: Step, name: str, subject: str, path: Path, info: StreamInfo) -> None:
        if step is Step.WAIT:
            pause: Deferred[None] = Deferred()
            self._clock.callLater(WAIT_S, pause.callback, None)
            await pause
        elif step is Step.RESTORE:
            await self._snapshots.fetch(name, subject, path, info.cluster_id, info.epoch)
            keep = self._rights.replace_local
            await self._in_thread(lambda: swap(path, keep=keep))
        elif step in (Step.FOUND, Step.SEED):
            await self._seed(name, subject, path, info)
        else:
            raise CannotJoin(f"{name}: the log must start anew, which is not possible while the node starts")

    async def _seed(self, name: str, subject: str, path: Path, info: StreamInfo) -> None:
        """Claim the subject, and store the file as its base snapshot."""
        claim = Message(self._origin.node, self._origin.process_id, name, 0, 0, time.time_ns(), (), kind=MARKER)
        try:
            position = await self._stream.publish(
                subject, encode(claim), f"{self._origin.node}:{self._origin.process_id}:claim:{subject}", 0
            )
        except Refused:
            entry = await self._read(subject, 1)
            if node_of(entry) != self._origin.node:
                return  # another node was first: look again
            assert entry is not None
            position = entry.sequence
        await self._in_thread(lambda: adopt(path, subject, Membership(self._stream.stream, info.cluster_id, info.epoch), position))
        await self._snapshots.make(name, subject, path)


def node_of(entry: Entry | None) -> str:
    """Which node published `entry`; empty when nobody can tell."""
    if entry is None:
        return ""
    try:
        return decode(entry.body).node
    except Malformed:
        return ""
