"""Snapshots on a schedule, and the log trimmed behind them.

The first node that finds the newest snapshot of a database old enough stores another one; the others then find it young.
The log is only ever trimmed below the position of a stored snapshot: the message at that position stays, by which a node
that restored the snapshot knows that it has missed nothing (so the last message of a subject is never removed, either).

Runs in the reactor's thread; copies are made in deferred threads.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from ha.errors import StatementError
from ha.replication.entry import Consumer, LogError, SnapshotMissing, StreamInfo
from ha.replication.member import Member
from ha.replication.snapshot import Snapshot, Snapshots
from ha.sqlite.backup import Unsettled
from ha.sqlite.restore import BadSnapshot

#: How often ages and sizes are looked at (seconds), unless the interval between snapshots is shorter.
LOOK_S = 60.0

#: A log beyond its size is snapshot and trimmed when it can lose at least so many messages: not for each write.
WORTHWHILE = 100


class Log(Protocol):
    """What upkeep needs of the log."""

    async def stream_info(self) -> StreamInfo: ...
    async def snapshot_info(self, name: str) -> Any: ...
    async def sequence_at(self, subject: str, time_ns: int) -> int: ...
    async def trim(self, subject: str, below: int) -> int: ...
    async def consumers(self) -> list[Consumer]: ...


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the operator wants; 0 stands for never.

    :param interval_s: between two snapshots.
    :param age_max_s: of messages.
    :param bytes_max: of the log.
    """

    interval_s: float
    age_max_s: float
    bytes_max: int


class Upkeep:
    """Looks after the snapshots and the length of the log.

    :param members: asked at each look.
    :param now: Unix seconds; snapshots carry the time of the node that made them.
    """

    log = Logger()

    def __init__(
        self,
        stream: Log,
        snapshots: Snapshots,
        members: Callable[[], Iterable[Member]],
        clock: Any,
        bounds: Bounds,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._stream = stream
        self._snapshots = snapshots
        self._members = members
        self._bounds = bounds
        self._now = now
        self._calls = LoopingCall(lambda: Deferred.fromCoroutine(self.look()))
        self._calls.clock = clock

    def start(self) -> None:
        """Begin to look, now and then."""
        self._calls.start(min(LOOK_S, self._bounds.interval_s or LOOK_S), now=False)

    def stop(self) -> None:
        """Look no more."""
        if self._calls.running:
            self._calls.stop()

    async def make(self, member: Member) -> Snapshot:
        """Store a snapshot now.

        :raises StatementError: 55000, something waits in the outbox, or the node is not in the cluster; 53100; 08006.
        """
        if not member.gate.connected:
            raise StatementError("08006", f"{member.name}: the replication log is out of reach")
        try:
            return await self._snapshots.make(member.name, member.subject, member.path)
        except Unsettled:
            raise StatementError(
                "55000", f"{member.name}: transactions wait in the outbox; a snapshot is for all"
            ) from None
        except (BadSnapshot, LogError) as error:
            raise StatementError("08006", f"{member.name}: the snapshot was not stored: {error}") from error

    async def look(self) -> None:
        """Store what is due, and trim behind it. Errors are told; the next look is the next try."""
        for member in list(self._members()):
            if member.replica is None or member.waiting_for or not member.gate.connected:
                continue
            try:
                await self._look_after(member)
            except (LogError, StatementError, OSError, BadSnapshot) as error:
                self.log.warn("upkeep of {database}: {error}", database=member.name, error=error)

    async def _look_after(self, member: Member) -> None:
        bounds = self._bounds
        info = await self._stream.stream_info()
        stored = await self._stored(member, info)
        position = stored.sequence if stored is not None else 0
        assert member.replica is not None
        ahead = member.replica.follower.position - position
        full = 0 < bounds.bytes_max < info.size_bytes and ahead >= WORTHWHILE
        if ahead > 0 and not member.replica.outbox.count and (full or await self._is_due(member.name)):
            position = (await self.make(member)).sequence
        if not position:
            return
        below = 0
        if 0 < bounds.bytes_max < info.size_bytes:
            below = position
        elif bounds.age_max_s:
            young = await self._stream.sequence_at(member.subject, int((self._now() - bounds.age_max_s) * 1e9))
            below = min(young or position, position)
        below = min(below, await self._still_to_be_read(member.subject, below))
        if below > 1:
            gone = await self._stream.trim(member.subject, below)
            if gone:
                self.log.info(
                    "{database}: {count} messages trimmed below {below}", database=member.name, count=gone, below=below
                )

    async def _still_to_be_read(self, subject: str, below: int) -> int:
        """Where the slowest node's feed stands, if it is behind `below`: what is trimmed under a feed it would never miss.

        A feed that nobody listens to is gone after a moment; its node finds out when it comes back.
        """
        if below <= 1:
            return below
        feeds = [one for one in await self._stream.consumers() if one.subject == subject and not one.durable]
        return min((max(one.delivered, 1) for one in feeds if one.pending), default=below)

    async def _stored(self, member: Member, info: StreamInfo) -> Snapshot | None:
        """The newest snapshot, if it is of this log."""
        snapshot = await self._snapshots.newest(member.name)
        same = snapshot is not None and (snapshot.cluster_id, snapshot.epoch) == (info.cluster_id, info.epoch)
        return snapshot if same else None

    async def _is_due(self, name: str) -> bool:
        if not self._bounds.interval_s:
            return False
        try:
            made_at = (await self._stream.snapshot_info(name)).made_at
        except SnapshotMissing:
            return True
        return age_of(made_at, self._now()) >= self._bounds.interval_s


def age_of(made_at: str, now: float) -> float:
    """How many seconds ago that was; for ever, when it is no time."""
    try:
        return now - datetime.fromisoformat(made_at).timestamp()
    except ValueError:
        return float("inf")
