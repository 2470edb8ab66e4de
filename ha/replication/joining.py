"""One database meets the log: looked at, decided upon, and brought to where it can follow.

:func:`ha.replication.join.decide` says what to do; here it is done, step by step, until the file can follow the log from its
position. A file that is open is closed for the moment in which it is replaced, see :class:`File`.

Runs in the reactor's thread; what looks at files or copies them runs in deferred threads.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from ha.replication.change import MARKER, Malformed, Message, decode, encode
from ha.replication.entry import Entry, Refused, StreamInfo, StreamMissing
from ha.replication.groups import Origin
from ha.replication.join import At, Decision, FileSeen, LogSeen, Step, SubjectSeen, decide
from ha.replication.snapshot import Snapshots
from ha.sqlite.restore import BadSnapshot, swap
from ha.sqlite.schema import Membership
from ha.sqlite.visit import Visit, adopt

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
    async def create_stream(self, cluster_id: str, founder: str, *, epoch: int = 1, replicas: int = 1) -> bool: ...
    async def delete_stream(self) -> None: ...
    async def first_sequence(self, subject: str) -> int: ...
    async def last_sequence(self, subject: str) -> int: ...
    async def names(self) -> list[str]: ...
    def publish(self, subject: str, body: bytes, message_id: str, expected: int | None) -> Deferred[int]: ...
    def follow(
        self, subject: str, start: int, deliver: Callable[[Entry], None], lost: Callable[[Exception], None]
    ) -> Any: ...


class File(Protocol):
    """A database file that joins."""

    path: Path

    async def seen(self) -> Visit:
        """What it says of itself."""

    def exclusively(self) -> AbstractAsyncContextManager[None]:
        """Nobody else uses it within."""


async def nobody_else(seen: Visit) -> bool:
    """The default answer to whether this node is the only one: not that anybody knew."""
    return False


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
    :param replicas: how many servers keep a stream that we create.
    :param alone: whether this node is the cluster's only one, by all that a file and the log tell: then its file is the
        truth when the log has lost something.
    :param announces: whether this node says on the log that it is a member, should it never have written.
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
        *,
        replicas: int = 1,
        alone: Callable[[Visit], Coroutine[Any, Any, bool]] = nobody_else,
        announces: bool = False,
    ) -> None:
        self._stream = stream
        self._snapshots = snapshots
        self._origin = origin
        self._clock = clock
        self._in_thread = in_thread
        self._rights = rights
        self._replicas = replicas
        self._alone = alone
        self._announces = announces
        #: When the stream was created that we began anew: other files of ours go into that one.
        self._begun = ""

    async def join(self, name: str, subject: str, file: File) -> StreamInfo:
        """Return when `file` can follow `subject` from its position.

        :raises CannotJoin: the operator must decide.
        :raises LogError: the log is out of reach.
        """
        said = ""
        while True:
            seen = await file.seen()
            try:
                info = await self._stream.stream_info()
            except StreamMissing:
                await self._begin(name, seen)
                continue
            decision = await self._decide(name, subject, seen, info)
            if decision.step is Step.REFUSE:
                raise CannotJoin(decision.sentence)
            if decision.sentence != said:
                said = decision.sentence
                self.log.info("{sentence}", sentence=said)
            if decision.step is Step.CATCH_UP:
                if self._announces and all(node != self._origin.node for node, _ in seen.origins):
                    await self._announce(name, subject)
                return info
            await self._carry_out(decision.step, name, subject, file, info)

    async def _announce(self, name: str, subject: str) -> None:
        """Say on the log, once, that there is a file here, too: a node that only ever reads is a member like any other.

        Whoever applies that keeps our name, so that no other node takes itself for the only one when the log is lost. Unchecked: it
        changes nothing. Its process is no database's, so its one group stands before nobody's.
        """
        node, process_id = self._origin.node, self._origin.process_id
        here = Message(node, process_id, name, 1, 0, time.time_ns(), (), kind=MARKER)
        await self._stream.publish(subject, encode(here), f"{node}:{process_id}:here:{subject}", None)

    async def _begin(self, name: str, seen: Visit) -> None:
        """There is no stream: create it, if this file has not lost the one it belonged to."""
        if seen.cluster_id is None or seen.epoch is None:
            if await self._stream.create_stream(uuid.uuid4().hex, self._origin.node, replicas=self._replicas):
                self.log.info("this node founds the cluster of stream {stream}", stream=self._stream.stream)
        elif self._rights.reseed or await self._alone(seen):
            await self._begin_anew(name, seen.cluster_id, seen.epoch + 1)
        else:
            raise CannotJoin(
                f"{name}: the file belongs to cluster {seen.cluster_id}, and the log is gone; wait for the server that"
                " holds it, or start with --reseed to begin the log anew from this file"
            )

    async def _begin_anew(self, name: str, cluster_id: str, epoch: int) -> None:
        await self._stream.create_stream(cluster_id, self._origin.node, epoch=epoch, replicas=self._replicas)
        self._begun = (await self._stream.stream_info()).created
        self.log.warn(
            "{name}: the log of cluster {cluster} begins anew from this file, at epoch {epoch}",
            name=name,
            cluster=cluster_id,
            epoch=epoch,
        )

    async def _decide(self, name: str, subject: str, seen: Visit, info: StreamInfo) -> Decision:
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
            entry = await self.read(subject, first)
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
            reseed=self._rights.reseed or info.created == self._begun or await self._alone(seen),
            known_names=await self._stream.names(),
        )

    async def _at(self, subject: str, seen: Visit) -> At:
        """Whether the log still holds, at the file's position, the message that the file applied there."""
        entry = await self.read(subject, seen.position)
        if entry is None or entry.sequence != seen.position:
            return At.GONE
        try:
            message = decode(entry.body)
        except Malformed:
            return At.OURS  # whatever it is, it was as strange when it was met first
        # A second copy of an older message may stand there: then later ones of its process are known.
        known = seen.origins.get((message.node, message.process_id), 0)
        return At.OURS if message.group <= known else At.OTHER

    async def read(self, subject: str, start: int) -> Entry | None:
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

    async def _carry_out(self, step: Step, name: str, subject: str, file: File, info: StreamInfo) -> None:
        if step is Step.WAIT:
            pause: Deferred[None] = Deferred()
            self._clock.callLater(WAIT_S, pause.callback, None)
            await pause
        elif step is Step.RESTORE:
            await self._snapshots.fetch(name, subject, file.path, info.cluster_id, info.epoch)
            keep = self._rights.replace_local
            async with file.exclusively():
                await self._in_thread(lambda: swap(file.path, keep=keep))
        elif step is Step.RESEED and info.created != self._begun:
            seen = await file.seen()
            # Positions of different epochs do not compare, and a stream that is deleted takes all of its own along.
            await self._stream.delete_stream()
            await self._begin_anew(name, seen.cluster_id or info.cluster_id, max(info.epoch, seen.epoch or 0) + 1)
        else:
            await self._seed(name, subject, file, info)

    async def _seed(self, name: str, subject: str, file: File, info: StreamInfo) -> None:
        """Claim the subject, and store the file as its base snapshot."""
        claim = Message(self._origin.node, self._origin.process_id, name, 0, 0, time.time_ns(), (), kind=MARKER)
        try:
            # Never the same id twice: the stream would answer with where the other one stood.
            position = await self._stream.publish(
                subject,
                encode(claim),
                f"{self._origin.node}:{self._origin.process_id}:claim:{info.epoch}:{info.last_sequence}:{subject}",
                0,
            )
        except Refused:
            entry = await self.read(subject, 1)
            if node_of(entry) != self._origin.node:
                return  # another node was first: look again
            assert entry is not None
            position = entry.sequence
        membership = Membership(self._stream.stream, info.cluster_id, info.epoch)
        async with file.exclusively():
            await self._in_thread(lambda: adopt(file.path, subject, membership, position))
        await self._snapshots.make(name, subject, file.path)


def node_of(entry: Entry | None) -> str:
    """Which node published `entry`; empty when nobody can tell."""
    if entry is None:
        return ""
    try:
        return decode(entry.body).node
    except Malformed:
        return ""
